/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64: strict for protocols (RFC 4648 §4), streaming and lenient for message bodies (RFC 2045
 * §6.8). */
#include "base/encode.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NONE = 0xff }; /* not in the alphabet; also the only value with bit 6 or 7 set */

/* clang-format off */
static const uint8_t values[256] = {
#define X4 NONE, NONE, NONE, NONE
#define X16 X4, X4, X4, X4
	X16, X16,
	X4, X4, NONE, NONE, NONE, 62, NONE, NONE, NONE, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NONE, NONE, X4,
	NONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NONE, X4,
	NONE, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NONE, X4,
	X16, X16, X16, X16, X16, X16, X16, X16,
#undef X16
#undef X4
};
/* clang-format on */

void hf_base64_encode(struct hf_str in, struct hf_buf *out)
{
	const unsigned char *pos = (const unsigned char *)in.data;
	size_t size = (in.size + 2) / 3 * 4;
	size_t left = in.size;
	char *to;

	if (in.size == 0)
		return;
	to = hf_buf_reserve(out, size);
	for (; left >= 3; left -= 3, pos += 3, to += 4) {
		uint32_t bits = (uint32_t)pos[0] << 16 | (uint32_t)pos[1] << 8 | pos[2];

		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = alphabet[bits >> 6 & 63];
		to[3] = alphabet[bits & 63];
	}
	if (left) {
		uint32_t bits = (uint32_t)pos[0] << 16 | (left == 2 ? (uint32_t)pos[1] << 8 : 0);

		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = '=';
		if (left == 2)
			to[2] = alphabet[bits >> 6 & 63];
		to[3] = '=';
	}
	hf_buf_added(out, size);
}

/* Four characters to three octets; false when one is not of the alphabet. */
static inline bool decode_four(const unsigned char *in, char *to)
{
	uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
	uint32_t bits = a << 18 | b << 12 | c << 6 | d;

	if (HF_UNLIKELY((a | b | c | d) > 63))
		return false;
	to[0] = (char)(bits >> 16);
	to[1] = (char)(bits >> 8);
	to[2] = (char)bits;
	return true;
}

/* The last group, with one or two '='. Bits that no octet takes must be zero: each value has one
 * encoding. */
static size_t decode_last(const unsigned char *in, char *to)
{
	uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]];

	if (in[3] != '=' || (a | b) > 63)
		return 0;
	to[0] = (char)(a << 2 | b >> 4);
	if (in[2] == '=')
		return b & 15 ? 0 : 1;
	if (c > 63 || c & 3)
		return 0;
	to[1] = (char)(b << 4 | c >> 2);
	return 2;
}

enum hf_status hf_base64_decode(struct hf_str in, struct hf_buf *out)
{
	const unsigned char *pos = (const unsigned char *)in.data;
	size_t left = in.size;
	char *begin, *to;

	if (in.size % 4)
		return HF_ESYNTAX;
	if (in.size == 0)
		return HF_OK;
	begin = to = hf_buf_reserve(out, in.size / 4 * 3);
	for (; left; left -= 4, pos += 4, to += 3) {
		size_t last;

		if (decode_four(pos, to))
			continue;
		last = left == 4 ? decode_last(pos, to) : 0;
		if (last == 0)
			return HF_ESYNTAX;
		to += last;
		break;
	}
	hf_buf_added(out, (size_t)(to - begin));
	return HF_OK;
}

/* Writes the whole octets of an unfinished group. */
static void put_rest(struct hf_decoder *d, struct hf_buf *out)
{
	if (d->count == 2) {
		hf_buf_add_char(out, (char)(d->bits >> 4));
	} else if (d->count == 3) {
		hf_buf_add_char(out, (char)(d->bits >> 10));
		hf_buf_add_char(out, (char)(d->bits >> 2));
	} else if (d->count == 1) {
		d->damaged = true;
	}
	d->bits = 0;
	d->count = 0;
}

static void feed_one(struct hf_decoder *d, unsigned char c, struct hf_buf *out)
{
	uint32_t value = values[c];

	if (c == '\r' || c == '\n' || c == ' ' || c == '\t')
		return;
	if (c == '=') {
		/* "may be taken as evidence that the end of the data has been reached" */
		if (!d->finished) {
			d->damaged |= d->count < 2;
			put_rest(d, out);
			d->finished = true;
		}
		return;
	}
	if (value > 63 || d->finished) {
		d->damaged = true;
		return;
	}
	d->bits = d->bits << 6 | value;
	if (++d->count == 4) {
		char *to = hf_buf_reserve(out, 3);

		to[0] = (char)(d->bits >> 16);
		to[1] = (char)(d->bits >> 8);
		to[2] = (char)d->bits;
		hf_buf_added(out, 3);
		d->bits = 0;
		d->count = 0;
	}
}

void hf_base64_feed(struct hf_decoder *d, struct hf_str in, struct hf_buf *out)
{
	const unsigned char *pos = (const unsigned char *)in.data, *end;

	if (in.size == 0)
		return;
	end = pos + in.size;
	while (pos < end) {
		if (d->count == 0 && !d->finished && end - pos >= 4) {
			char *begin = hf_buf_reserve(out, (size_t)(end - pos) / 4 * 3), *to = begin;

			for (; end - pos >= 4 && decode_four(pos, to); pos += 4)
				to += 3;
			hf_buf_added(out, (size_t)(to - begin));
			if (pos == end)
				break;
		}
		feed_one(d, *pos++, out);
	}
}

void hf_base64_end(struct hf_decoder *d, struct hf_buf *out)
{
	if (d->count)
		d->damaged = true; /* the padding is missing */
	put_rest(d, out);
	d->finished = true;
}
