/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_arena: allocations that die together. Not thread-safe. */
#ifndef HF_BASE_ARENA_H
#define HF_BASE_ARENA_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/str.h"

struct hf_arena;

HF_API struct hf_arena *hf_arena_new(void);
HF_API void hf_arena_free(struct hf_arena **arena);
/* Gives everything back but one small block, which is kept for reuse. */
HF_API void hf_arena_reset(struct hf_arena *arena);
/* Like reset, and frees that block too: for parked connections. */
HF_API void hf_arena_trim(struct hf_arena *arena);
/* Octets handed out since the last reset. */
HF_API size_t hf_arena_used(const struct hf_arena *arena);

/* 16-aligned, zeroed, never NULL. */
HF_API void *hf_arena_alloc(struct hf_arena *arena, size_t size);
HF_API void *hf_arena_array(struct hf_arena *arena, size_t count, size_t size); /* aborts on overflow */
#define hf_new(arena, type) ((type *)hf_arena_alloc((arena), sizeof(type)))
#define hf_new_array(arena, type, count) ((type *)hf_arena_array((arena), (count), sizeof(type)))

/* Copies; the result's data is NUL-terminated one past its size. */
HF_API struct hf_str hf_arena_str(struct hf_arena *arena, struct hf_str s);
HF_API char *hf_arena_cstr(struct hf_arena *arena, struct hf_str s);
HF_API void *hf_arena_memdup(struct hf_arena *arena, const void *data, size_t size);
HF_API char *hf_arena_printf(struct hf_arena *arena, const char *fmt, ...) HF_PRINTF(2, 3);

#endif
