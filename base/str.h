/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_str: a view of octets (pointer, length; not NUL-terminated, not owned). */
#ifndef HF_BASE_STR_H
#define HF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct hf_str {
	const char *data; /* may be NULL only when size is 0 */
	size_t size;      /* octets */
};

#define HF_STR(literal) ((struct hf_str){ (literal), sizeof(literal) - 1 })
#define HF_STR_NULL ((struct hf_str){ NULL, 0 })
/* for printf("%.*s", HF_STR_ARG(s)) */
#define HF_STR_ARG(s) (int)((s).size > 1024 ? 1024 : (s).size), (s).data ? (s).data : ""

static inline struct hf_str hf_str(const char *cstr)
{
	return (struct hf_str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline struct hf_str hf_str_n(const void *data, size_t size)
{
	return (struct hf_str){ (const char *)data, size };
}

static inline bool hf_str_is_empty(struct hf_str s)
{
	return s.size == 0;
}

static inline bool hf_str_eq(struct hf_str a, struct hf_str b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

HF_API bool hf_str_ieq(struct hf_str a, struct hf_str b);            /* ASCII case-insensitive */
HF_API int hf_str_cmp(struct hf_str a, struct hf_str b);             /* octet order */
HF_API int hf_str_icmp(struct hf_str a, struct hf_str b);            /* ASCII case-insensitive order */
HF_API bool hf_str_starts(struct hf_str s, struct hf_str prefix);
HF_API bool hf_str_istarts(struct hf_str s, struct hf_str prefix);
HF_API bool hf_str_ends(struct hf_str s, struct hf_str suffix);
HF_API struct hf_str hf_str_sub(struct hf_str s, size_t offset, size_t size); /* clipped */
HF_API struct hf_str hf_str_trim(struct hf_str s);                   /* spaces, tabs, CR, LF at both ends */
/* Offset of the first occurrence, or -1. */
HF_API ptrdiff_t hf_str_chr(struct hf_str s, char c);
HF_API ptrdiff_t hf_str_find(struct hf_str s, struct hf_str needle);
/* Offset of the first `c` that follows an LF within `s`, or -1. */
HF_API ptrdiff_t hf_str_find_line(struct hf_str s, char c);
/* Splits at the first `sep`: returns what precedes it and leaves in *s what follows; the whole of *s when there is none. */
HF_API struct hf_str hf_str_split(struct hf_str *s, char sep);
/* Decimal digits only, whole string, no overflow past `max`; false otherwise. */
HF_API bool hf_str_u64(struct hf_str s, uint64_t max, uint64_t *value);

static inline char hf_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char hf_ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

#endif
