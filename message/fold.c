/* SPDX-License-Identifier: BSD-2-Clause */
/* i;unicode-casemap (RFC 5051 §2): each character to titlecase, then decomposed. No canonical
 * reordering, as the RFC works character by character; so the folded form of a text is that of its
 * pieces put together. */
#include "message/fold_priv.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "base/encode.h"
#include "base/mem.h"
#include "message/charset_priv.h"
#include "message/text.h"

static const uint8_t upper[128] = {
	0,   1,   2,   3,   4,   5,   6,   7,    8,   9,   10,  11,  12,   13,  14,  15,
	16,  17,  18,  19,  20,  21,  22,  23,   24,  25,  26,  27,  28,   29,  30,  31,
	' ', '!', '"', '#', '$', '%', '&', '\'', '(', ')', '*', '+', ',',  '-', '.', '/',
	'0', '1', '2', '3', '4', '5', '6', '7',  '8', '9', ':', ';', '<',  '=', '>', '?',
	'@', 'A', 'B', 'C', 'D', 'E', 'F', 'G',  'H', 'I', 'J', 'K', 'L',  'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',  'X', 'Y', 'Z', '[', '\\', ']', '^', '_',
	'`', 'A', 'B', 'C', 'D', 'E', 'F', 'G',  'H', 'I', 'J', 'K', 'L',  'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',  'X', 'Y', 'Z', '{', '|',  '}', '~', 127,
};

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static size_t fold_char(const UNormalizer2 *nfkd, uint32_t c, char *out)
{
	UErrorCode error = U_ZERO_ERROR;
	UChar units[32];
	int32_t count, i = 0;
	size_t size = 0;

	c = (uint32_t)u_totitle((UChar32)c);
	count = nfkd ? unorm2_getDecomposition(nfkd, (UChar32)c, units, HF_COUNT(units), &error)
		     : -1;
	if (count < 0 || U_FAILURE(error) || count > (int32_t)HF_COUNT(units))
		return put_utf8(out, c);
	while (i < count && size + 4 <= HF_FOLD_MAX) {
		uint32_t part = units[i++];

		if (U16_IS_LEAD(part) && i < count)
			part = (uint32_t)U16_GET_SUPPLEMENTARY(part, units[i++]);
		size += put_utf8(out + size, part);
	}
	return size;
}

size_t hf_fold_some(struct hf_str *in, char *out, size_t room)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfkd = NULL;
	size_t size = 0;

	while (in->size && size + HF_FOLD_MAX <= room) {
		size_t run = room - size < in->size ? room - size : in->size, i;

		for (i = 0; i < run; i++) {
			uint8_t c = (uint8_t)in->data[i];

			if (c >= 0x80)
				break;
			out[size + i] = (char)upper[c];
		}
		size += i;
		in->data += i;
		in->size -= i;
		if (in->size == 0 || size + HF_FOLD_MAX > room || (uint8_t)*in->data < 0x80)
			continue;

		size_t used;
		uint32_t c = hf_utf8_next(*in, &used);

		if (!nfkd)
			nfkd = unorm2_getNFKDInstance(&error);
		size += fold_char(U_FAILURE(error) ? NULL : nfkd, c, out + size);
		in->data += used;
		in->size -= used;
	}
	return size;
}

void hf_fold(struct hf_str utf8, struct hf_buf *folded)
{
	while (utf8.size) {
		size_t room = utf8.size + HF_FOLD_MAX;

		hf_buf_added(folded, hf_fold_some(&utf8, hf_buf_reserve(folded, room), room));
	}
}

uint16_t hf_fold_version(void)
{
	UVersionInfo version;

	u_getUnicodeVersion(version);
	return (uint16_t)(version[0] << 8 | version[1]);
}

enum hf_status hf_nfc(struct hf_str utf8, struct hf_buf *out)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfc;
	UChar *units = NULL, *normal = NULL;
	int32_t count = 0, max, size = 0;
	enum hf_status status = HF_EINVALID;

	if (utf8.size > INT32_MAX / 8 || !hf_utf8_valid(utf8))
		return HF_EINVALID;
	if (hf_ascii_run(utf8) == utf8.size) {
		hf_buf_add_str(out, utf8);
		return HF_OK;
	}
	units = hf_alloc(utf8.size * sizeof(*units));
	u_strFromUTF8(units, (int32_t)utf8.size, &count, utf8.data, (int32_t)utf8.size, &error);
	max = count * 3 + 8; /* no character grows more under NFC */
	normal = hf_alloc((size_t)max * sizeof(*normal));
	nfc = unorm2_getNFCInstance(&error);
	if (U_SUCCESS(error))
		count = unorm2_normalize(nfc, units, count, normal, max, &error);
	if (U_SUCCESS(error)) {
		char *to = hf_buf_reserve(out, (size_t)count * 3 + 1);

		u_strToUTF8(to, count * 3 + 1, &size, normal, count, &error);
	}
	if (U_SUCCESS(error)) {
		hf_buf_added(out, (size_t)size);
		status = HF_OK;
	}
	hf_free(units);
	hf_free(normal);
	return status;
}
