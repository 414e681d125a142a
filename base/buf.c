/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing buffers, and the number formats of keys and rows. */
#include "base/buf.h"

#include <endian.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"

enum { BUF_MIN = 64, U64_DIGITS = 20, VARINT_MAX = 10 };

void hf_buf_fini(struct hf_buf *buf)
{
	hf_free(buf->data);
	*buf = HF_BUF_INIT;
}

void hf_buf_reserve_slow(struct hf_buf *buf, size_t more)
{
	size_t need, capacity;

	if (__builtin_add_overflow(buf->size, more, &need) || need > SIZE_MAX / 2)
		hf_out_of_memory(more);
	capacity = buf->capacity * 2 > need ? buf->capacity * 2 : need;
	if (capacity < BUF_MIN)
		capacity = BUF_MIN;
	buf->data = hf_realloc(buf->data, capacity);
	buf->capacity = capacity;
}

void hf_buf_add_cstr(struct hf_buf *buf, const char *s)
{
	hf_buf_add(buf, s, strlen(s));
}

static const char digit_pairs[200] = "0001020304050607080910111213141516171819"
				     "2021222324252627282930313233343536373839"
				     "4041424344454647484950515253545556575859"
				     "6061626364656667686970717273747576777879"
				     "8081828384858687888990919293949596979899";

void hf_buf_add_u64(struct hf_buf *buf, uint64_t n)
{
	char text[U64_DIGITS];
	char *pos = text + U64_DIGITS;

	while (n >= 100) {
		pos -= 2;
		memcpy(pos, digit_pairs + 2 * (n % 100), 2);
		n /= 100;
	}
	if (n >= 10) {
		pos -= 2;
		memcpy(pos, digit_pairs + 2 * n, 2);
	} else {
		*--pos = (char)('0' + n);
	}
	hf_buf_add(buf, pos, (size_t)(text + U64_DIGITS - pos));
}

void hf_buf_vprintf(struct hf_buf *buf, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int size;

	hf_buf_reserve(buf, BUF_MIN);
	room = buf->capacity - buf->size;
	va_copy(again, ap);
	size = vsnprintf(buf->data + buf->size, room, fmt, ap);
	hf_assert(size >= 0);
	if ((size_t)size >= room) {
		hf_buf_reserve(buf, (size_t)size + 1);
		vsnprintf(buf->data + buf->size, (size_t)size + 1, fmt, again);
	}
	va_end(again);
	buf->size += (size_t)size;
}

void hf_buf_printf(struct hf_buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hf_buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

void hf_buf_drop(struct hf_buf *buf, size_t count)
{
	hf_assert(count <= buf->size);
	if (count == 0)
		return;
	buf->size -= count;
	if (buf->size)
		memmove(buf->data, buf->data + count, buf->size);
}

char *hf_buf_cstr(struct hf_buf *buf)
{
	*hf_buf_reserve(buf, 1) = '\0';
	return buf->data;
}

void hf_buf_add_be32(struct hf_buf *buf, uint32_t n)
{
	n = htobe32(n);
	hf_buf_add(buf, &n, sizeof(n));
}

void hf_buf_add_be64(struct hf_buf *buf, uint64_t n)
{
	n = htobe64(n);
	hf_buf_add(buf, &n, sizeof(n));
}

void hf_buf_add_varint(struct hf_buf *buf, uint64_t n)
{
	char *pos = hf_buf_reserve(buf, VARINT_MAX);
	size_t size = 0;

	for (; n >= 0x80; n >>= 7)
		pos[size++] = (char)(n | 0x80);
	pos[size++] = (char)n;
	buf->size += size;
}

void hf_buf_add_varstr(struct hf_buf *buf, struct hf_str s)
{
	hf_buf_add_varint(buf, s.size);
	hf_buf_add_str(buf, s);
}

static bool read_failed(struct hf_reader *r)
{
	r->pos = r->end;
	r->ok = false;
	return false;
}

bool hf_read_u8(struct hf_reader *r, uint8_t *n)
{
	if (r->pos == r->end)
		return read_failed(r);
	*n = *r->pos++;
	return true;
}

bool hf_read_be32(struct hf_reader *r, uint32_t *n)
{
	uint32_t value;

	if ((size_t)(r->end - r->pos) < sizeof(value))
		return read_failed(r);
	memcpy(&value, r->pos, sizeof(value));
	r->pos += sizeof(value);
	*n = be32toh(value);
	return true;
}

bool hf_read_be64(struct hf_reader *r, uint64_t *n)
{
	uint64_t value;

	if ((size_t)(r->end - r->pos) < sizeof(value))
		return read_failed(r);
	memcpy(&value, r->pos, sizeof(value));
	r->pos += sizeof(value);
	*n = be64toh(value);
	return true;
}

/* Each number has one encoding: a last group of zero, or bits past 64, are refused. */
bool hf_read_varint(struct hf_reader *r, uint64_t *n)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint64_t group;

		if (r->pos == r->end)
			return read_failed(r);
		group = *r->pos & 0x7f;
		value |= group << shift;
		if (*r->pos++ & 0x80)
			continue;
		if ((shift && group == 0) || (shift == 63 && group > 1))
			return read_failed(r);
		*n = value;
		return true;
	}
	return read_failed(r);
}

bool hf_read_bytes(struct hf_reader *r, size_t size, struct hf_str *s)
{
	if ((size_t)(r->end - r->pos) < size)
		return read_failed(r);
	*s = hf_str_n(r->pos, size);
	r->pos += size;
	return true;
}

bool hf_read_varstr(struct hf_reader *r, struct hf_str *s)
{
	uint64_t size;

	if (!hf_read_varint(r, &size))
		return false;
	if (size > (uint64_t)(r->end - r->pos))
		return read_failed(r);
	return hf_read_bytes(r, (size_t)size, s);
}
