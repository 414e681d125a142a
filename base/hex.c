/* SPDX-License-Identifier: BSD-2-Clause */
/* Hexadecimal. */
#include "base/encode.h"

void hf_hex_encode(struct hf_str in, struct hf_buf *out)
{
	static const char digits[] = "0123456789abcdef";
	char *to;

	if (in.size == 0)
		return;
	to = hf_buf_reserve(out, in.size * 2);
	for (size_t i = 0; i < in.size; i++) {
		unsigned char c = (unsigned char)in.data[i];

		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	hf_buf_added(out, in.size * 2);
}

static int value_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = hf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum hf_status hf_hex_decode(struct hf_str in, struct hf_buf *out)
{
	size_t before = out->size;

	if (in.size % 2)
		return HF_ESYNTAX;
	for (size_t i = 0; i < in.size; i += 2) {
		int high = value_of(in.data[i]), low = value_of(in.data[i + 1]);

		if (high < 0 || low < 0) {
			out->size = before;
			return HF_ESYNTAX;
		}
		hf_buf_add_char(out, (char)(high << 4 | low));
	}
	return HF_OK;
}
