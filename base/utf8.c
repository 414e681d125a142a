/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8, RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF. */
#include "base/encode.h"

enum { REPLACEMENT = 0xfffd };

static inline bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Size of the well-formed character at pos, 0 when there is none. */
static inline size_t char_size(const unsigned char *pos, size_t left)
{
	unsigned char c = pos[0];

	if (c < 0x80)
		return 1;
	if (c < 0xc2)
		return 0;
	if (c < 0xe0)
		return left >= 2 && is_tail(pos[1]) ? 2 : 0;
	if (c < 0xf0) {
		if (left < 3 || !is_tail(pos[1]) || !is_tail(pos[2]))
			return 0;
		if ((c == 0xe0 && pos[1] < 0xa0) || (c == 0xed && pos[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (c > 0xf4 || left < 4 || !is_tail(pos[1]) || !is_tail(pos[2]) || !is_tail(pos[3]))
		return 0;
	if ((c == 0xf0 && pos[1] < 0x90) || (c == 0xf4 && pos[1] >= 0x90))
		return 0;
	return 4;
}

bool hf_utf8_valid(struct hf_str s)
{
	const unsigned char *pos = (const unsigned char *)s.data;
	size_t left = s.size;

	while (left) {
		uint64_t eight;
		size_t size;

		if (left >= sizeof(eight)) {
			memcpy(&eight, pos, sizeof(eight));
			if (!(eight & 0x8080808080808080u)) {
				pos += sizeof(eight);
				left -= sizeof(eight);
				continue;
			}
		}
		size = char_size(pos, left);
		if (size == 0)
			return false;
		pos += size;
		left -= size;
	}
	return true;
}

size_t hf_utf8_clip(struct hf_str s, size_t max)
{
	size_t at = max;

	if (s.size <= max)
		return s.size;
	while (at > 0 && max - at < 3 && is_tail((unsigned char)s.data[at]))
		at--;
	/* Not UTF-8: any place is as good. */
	return is_tail((unsigned char)s.data[at]) ? max : at;
}

void hf_utf8_put(struct hf_buf *out, uint32_t c)
{
	char *to = hf_buf_reserve(out, 4);
	size_t size;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = REPLACEMENT;
	if (c < 0x80) {
		to[0] = (char)c;
		size = 1;
	} else if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		size = 2;
	} else if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		size = 3;
	} else {
		to[0] = (char)(0xf0 | c >> 18);
		to[1] = (char)(0x80 | (c >> 12 & 63));
		to[2] = (char)(0x80 | (c >> 6 & 63));
		to[3] = (char)(0x80 | (c & 63));
		size = 4;
	}
	hf_buf_added(out, size);
}

uint32_t hf_utf8_next(struct hf_str s, size_t *size)
{
	const unsigned char *pos = (const unsigned char *)s.data;

	if (s.size == 0) {
		*size = 0;
		return 0;
	}
	*size = char_size(pos, s.size);
	switch (*size) {
	case 1:
		return pos[0];
	case 2:
		return (pos[0] & 0x1fu) << 6 | (pos[1] & 0x3fu);
	case 3:
		return (pos[0] & 0x0fu) << 12 | (pos[1] & 0x3fu) << 6 | (pos[2] & 0x3fu);
	case 4:
		return (pos[0] & 0x07u) << 18 | (pos[1] & 0x3fu) << 12 | (pos[2] & 0x3fu) << 6 |
		       (pos[3] & 0x3fu);
	default:
		*size = 1;
		return REPLACEMENT;
	}
}
