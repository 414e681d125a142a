/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of octets: comparing, searching, cutting. No locale: only ASCII has case here. */
#include "base/str.h"

bool hf_str_ieq(struct hf_str a, struct hf_str b)
{
	return a.size == b.size && hf_str_icmp(a, b) == 0;
}

int hf_str_cmp(struct hf_str a, struct hf_str b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;

	if (order)
		return order < 0 ? -1 : 1;
	return (a.size > b.size) - (a.size < b.size);
}

int hf_str_icmp(struct hf_str a, struct hf_str b)
{
	size_t common = a.size < b.size ? a.size : b.size;

	for (size_t i = 0; i < common; i++) {
		unsigned char x, y;

		if (a.data[i] == b.data[i])
			continue;
		x = (unsigned char)hf_ascii_lower(a.data[i]);
		y = (unsigned char)hf_ascii_lower(b.data[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.size > b.size) - (a.size < b.size);
}

bool hf_str_starts(struct hf_str s, struct hf_str prefix)
{
	return s.size >= prefix.size && hf_str_eq(hf_str_sub(s, 0, prefix.size), prefix);
}

bool hf_str_istarts(struct hf_str s, struct hf_str prefix)
{
	return s.size >= prefix.size && hf_str_ieq(hf_str_sub(s, 0, prefix.size), prefix);
}

bool hf_str_ends(struct hf_str s, struct hf_str suffix)
{
	return s.size >= suffix.size &&
	       hf_str_eq(hf_str_sub(s, s.size - suffix.size, suffix.size), suffix);
}

struct hf_str hf_str_sub(struct hf_str s, size_t offset, size_t size)
{
	if (!s.data)
		return s;
	if (offset > s.size)
		offset = s.size;
	if (size > s.size - offset)
		size = s.size - offset;
	return (struct hf_str){ s.data + offset, size };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct hf_str hf_str_trim(struct hf_str s)
{
	while (s.size && is_blank(s.data[s.size - 1]))
		s.size--;
	while (s.size && is_blank(s.data[0])) {
		s.data++;
		s.size--;
	}
	return s;
}

ptrdiff_t hf_str_chr(struct hf_str s, char c)
{
	const char *at = s.size ? memchr(s.data, c, s.size) : NULL;

	return at ? at - s.data : -1;
}

ptrdiff_t hf_str_find(struct hf_str s, struct hf_str needle)
{
	const char *at;

	if (needle.size == 0)
		return 0;
	if (needle.size > s.size)
		return -1;
	at = memmem(s.data, s.size, needle.data, needle.size);
	return at ? at - s.data : -1;
}

enum { LINE_BLOCK = 64 };

/* Whether an LF among LINE_BLOCK octets has `c` behind it: of a fixed length, for the vectoriser. */
static bool has_line(const char *pos, char c)
{
	unsigned char found = 0;

	for (size_t i = 0; i < LINE_BLOCK; i++)
		found |= (unsigned char)((pos[i] == '\n') & (pos[i + 1] == c));
	return found != 0;
}

ptrdiff_t hf_str_find_line(struct hf_str s, char c)
{
	size_t at = 0, end;

	while (at + 1 < s.size) {
		if (s.size - at > LINE_BLOCK) {
			end = at + LINE_BLOCK;
			if (!has_line(s.data + at, c)) {
				at = end;
				continue;
			}
		} else {
			end = s.size - 1;
		}
		for (; at < end; at++)
			if (s.data[at] == '\n' && s.data[at + 1] == c)
				return (ptrdiff_t)at + 1;
	}
	return -1;
}

struct hf_str hf_str_split(struct hf_str *s, char sep)
{
	struct hf_str whole = *s;
	ptrdiff_t at = hf_str_chr(whole, sep);

	if (at < 0) {
		*s = hf_str_sub(whole, whole.size, 0);
		return whole;
	}
	*s = hf_str_sub(whole, (size_t)at + 1, whole.size);
	return hf_str_sub(whole, 0, (size_t)at);
}

bool hf_str_u64(struct hf_str s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (s.size == 0)
		return false;
	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)digit, &n) || n > max)
			return false;
	}
	*value = n;
	return true;
}
