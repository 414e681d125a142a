/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_buf: a growing run of octets, owned by whoever declares it. */
#ifndef HF_BASE_BUF_H
#define HF_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

struct hf_buf {
	char *data;      /* NULL while capacity is 0 */
	size_t size;     /* octets in use */
	size_t capacity;
};

#define HF_BUF_INIT ((struct hf_buf){ NULL, 0, 0 })

HF_API void hf_buf_fini(struct hf_buf *buf); /* frees, leaves it empty and usable */
static inline void hf_buf_clear(struct hf_buf *buf)
{
	buf->size = 0;
}
HF_API void hf_buf_reserve_slow(struct hf_buf *buf, size_t more);
/* Makes room for `more` octets past size, and returns where they go; hf_buf_added() then counts them. */
static inline char *hf_buf_reserve(struct hf_buf *buf, size_t more)
{
	if (buf->capacity - buf->size < more)
		hf_buf_reserve_slow(buf, more);
	return buf->data + buf->size;
}
static inline void hf_buf_added(struct hf_buf *buf, size_t count)
{
	buf->size += count;
}
static inline void hf_buf_add(struct hf_buf *buf, const void *data, size_t size)
{
	if (size) {
		memcpy(hf_buf_reserve(buf, size), data, size);
		buf->size += size;
	}
}
static inline void hf_buf_add_str(struct hf_buf *buf, struct hf_str s)
{
	hf_buf_add(buf, s.data, s.size);
}
static inline void hf_buf_add_char(struct hf_buf *buf, char c)
{
	*hf_buf_reserve(buf, 1) = c;
	buf->size++;
}
#define hf_buf_add_lit(buf, literal) hf_buf_add((buf), (literal), sizeof(literal) - 1)
HF_API void hf_buf_add_cstr(struct hf_buf *buf, const char *s);
HF_API void hf_buf_add_u64(struct hf_buf *buf, uint64_t n); /* decimal, fast */
HF_API void hf_buf_printf(struct hf_buf *buf, const char *fmt, ...) HF_PRINTF(2, 3);
HF_API void hf_buf_vprintf(struct hf_buf *buf, const char *fmt, va_list ap) HF_PRINTF(2, 0);
/* Removes `count` octets from the front. */
HF_API void hf_buf_drop(struct hf_buf *buf, size_t count);
/* Ensures a NUL one past size (not counted) and returns data. */
HF_API char *hf_buf_cstr(struct hf_buf *buf);
static inline struct hf_str hf_buf_str(const struct hf_buf *buf)
{
	return (struct hf_str){ buf->data, buf->size };
}

/* Big-endian and varint (LEB128) encoding for keys and rows. */
HF_API void hf_buf_add_be32(struct hf_buf *buf, uint32_t n);
HF_API void hf_buf_add_be64(struct hf_buf *buf, uint64_t n);
HF_API void hf_buf_add_varint(struct hf_buf *buf, uint64_t n);
HF_API void hf_buf_add_varstr(struct hf_buf *buf, struct hf_str s); /* varint length, octets */

/* Reading them back. Each returns false at the end of the input or on an overlong number, and then
 * leaves the reader exhausted; `ok` can be tested once at the end instead. */
struct hf_reader {
	const uint8_t *pos, *end;
	bool ok;
};
static inline struct hf_reader hf_reader_init(struct hf_str s)
{
	const uint8_t *pos = (const uint8_t *)(s.size ? s.data : ""); /* no arithmetic on NULL */

	return (struct hf_reader){ pos, pos + s.size, true };
}
HF_API bool hf_read_u8(struct hf_reader *r, uint8_t *n);
HF_API bool hf_read_be32(struct hf_reader *r, uint32_t *n);
HF_API bool hf_read_be64(struct hf_reader *r, uint64_t *n);
HF_API bool hf_read_varint(struct hf_reader *r, uint64_t *n);
HF_API bool hf_read_varstr(struct hf_reader *r, struct hf_str *s); /* borrowed from the input */
HF_API bool hf_read_bytes(struct hf_reader *r, size_t size, struct hf_str *s);

#endif
