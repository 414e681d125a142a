/* SPDX-License-Identifier: BSD-2-Clause */
/* i;unicode-casemap (RFC 5051 §2): each character to titlecase, then decomposed. No canonical
 * reordering, as the RFC works character by character; so the folded form of a text is that of its
 * pieces put together. */
#include "message/fold_priv.h"

#include <stdatomic.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "base/encode.h"
#include "base/mem.h"
#include "message/charset_priv.h"
#include "message/text.h"

/* The octets below 0x80 at the front. */
static size_t fold_ascii(const char *restrict in, char *restrict out, size_t size)
{
	size_t i = 0;

	for (; i + 16 <= size; i += 16) { /* a fixed length, for the vectoriser */
		uint64_t a, b;

		memcpy(&a, in + i, 8);
		memcpy(&b, in + i + 8, 8);
		if ((a | b) & UINT64_C(0x8080808080808080))
			break;
		for (size_t j = 0; j < 16; j++)
			out[i + j] = hf_ascii_upper(in[i + j]);
	}
	for (; i < size && (uint8_t)in[i] < 0x80; i++)
		out[i] = hf_ascii_upper(in[i]);
	return i;
}

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

/* Folding by ICU takes some 50 ns a character. What characters of the basic plane fold to is kept, in pages of 256 that are made when
 * the first of them is met and stay: half a megabyte if a text has them all. */
#define PAGE 256

struct folded {
	uint8_t size; /* 0: longer than there is room for */
	char octets[7];
};

static _Atomic(struct folded *) pages[0x10000 / PAGE];

static struct folded *page_make(uint32_t number)
{
	struct folded *page = hf_alloc_zero(PAGE * sizeof(*page)), *there = NULL;
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&error);

	for (uint32_t i = 0; i < PAGE; i++) {
		char out[HF_FOLD_MAX];
		size_t size = fold_char(U_FAILURE(error) ? NULL : nfkd, number * PAGE + i, out);

		if (size > sizeof(page->octets))
			continue;
		memcpy(page[i].octets, out, size);
		page[i].size = (uint8_t)size;
	}
	if (atomic_compare_exchange_strong_explicit(&pages[number], &there, page, memory_order_acq_rel,
						    memory_order_acquire))
		return page;
	hf_free(page); /* another was faster */
	return there;
}

/* `out` has room for HF_FOLD_MAX octets. */
static size_t fold_put(uint32_t c, char *out)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfkd;

	if (c < 0x10000) {
		struct folded *page = atomic_load_explicit(&pages[c / PAGE], memory_order_acquire);

		if (HF_UNLIKELY(!page))
			page = page_make(c / PAGE);
		if (page[c % PAGE].size) {
			memcpy(out, page[c % PAGE].octets, sizeof(page->octets));
			return page[c % PAGE].size;
		}
	}
	nfkd = unorm2_getNFKDInstance(&error);
	return fold_char(U_FAILURE(error) ? NULL : nfkd, c, out);
}

size_t hf_fold_some(struct hf_str *in, char *out, size_t room)
{
	size_t size = 0;

	while (in->size && size + HF_FOLD_MAX <= room) {
		size_t run = room - size < in->size ? room - size : in->size, i = fold_ascii(in->data, out + size, run);

		size += i;
		in->data += i;
		in->size -= i;
		if (in->size == 0 || size + HF_FOLD_MAX > room || (uint8_t)*in->data < 0x80)
			continue;

		size_t used;
		uint32_t c = hf_utf8_next(*in, &used);

		size += fold_put(c, out + size);
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
