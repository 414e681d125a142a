/* SPDX-License-Identifier: BSD-2-Clause */
/* Arenas: pointer bumping in blocks that grow from 1 KiB, which is what a session in IDLE keeps, to 64 KiB.
 *
 * The blocks form a list, newest first; its last one is the small block that a reset keeps. What
 * would fill more than a quarter of the largest block gets a block of its own, so that the rest of
 * the current one is not lost. Under AddressSanitizer what has not been handed out is poisoned: use
 * after a reset is found. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HF_ARENA_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(HF_ARENA_POISON)
#define HF_ARENA_POISON 1
#endif
#ifdef HF_ARENA_POISON
#include <sanitizer/asan_interface.h>
#define POISON(ptr, size)   ASAN_POISON_MEMORY_REGION((ptr), (size))
#define UNPOISON(ptr, size) ASAN_UNPOISON_MEMORY_REGION((ptr), (size))
#else
#define POISON(ptr, size)   ((void)0)
#define UNPOISON(ptr, size) ((void)0)
#endif

enum {
	ALIGN = 16,
	BLOCK_FIRST = 1024, /* with its header */
	BLOCK_GROWTH = 4,
	BLOCK_MAX = 65536,
	OWN_BLOCK = BLOCK_MAX / 4
};

struct block {
	struct block *next;
	size_t size; /* with this header */
	_Alignas(ALIGN) char data[];
};

struct hf_arena {
	char *pos, *end;      /* free part of the current block */
	struct block *blocks; /* bump blocks, the current one first, the small one last */
	struct block *owned;  /* blocks that hold one allocation each */
	size_t next_size;
	size_t used;
};

static struct block *block_new(size_t size)
{
	struct block *block = hf_alloc(size);

	block->size = size;
	return block;
}

static void block_free(struct block *block)
{
	UNPOISON(block->data, block->size - sizeof(*block));
	hf_free(block);
}

static void block_enter(struct hf_arena *arena, struct block *block)
{
	arena->pos = block->data;
	arena->end = (char *)block + block->size;
	POISON(block->data, block->size - sizeof(*block));
}

struct hf_arena *hf_arena_new(void)
{
	struct hf_arena *arena = hf_alloc_zero(sizeof(*arena));

	arena->next_size = BLOCK_FIRST;
	return arena;
}

static void free_all(struct block **list)
{
	while (*list) {
		struct block *next = (*list)->next;

		block_free(*list);
		*list = next;
	}
}

void hf_arena_reset(struct hf_arena *arena)
{
	arena->used = 0;
	free_all(&arena->owned);
	if (!arena->blocks)
		return;
	while (arena->blocks->next) {
		struct block *next = arena->blocks->next;

		block_free(arena->blocks);
		arena->blocks = next;
	}
	block_enter(arena, arena->blocks);
	arena->next_size = (size_t)BLOCK_GROWTH * BLOCK_FIRST;
}

void hf_arena_trim(struct hf_arena *arena)
{
	arena->used = 0;
	free_all(&arena->owned);
	free_all(&arena->blocks);
	arena->pos = arena->end = NULL;
	arena->next_size = BLOCK_FIRST;
}

void hf_arena_free(struct hf_arena **arena)
{
	if (!*arena)
		return;
	hf_arena_trim(*arena);
	hf_free(*arena);
	*arena = NULL;
}

size_t hf_arena_used(const struct hf_arena *arena)
{
	return arena->used;
}

/* Puts the small block into an empty list. */
static void list_small(struct hf_arena *arena)
{
	arena->blocks = block_new(BLOCK_FIRST);
	arena->blocks->next = NULL;
}

static void *alloc_slow(struct hf_arena *arena, size_t size, bool zero)
{
	struct block *block;
	size_t block_size = arena->next_size;

	if (size > OWN_BLOCK) {
		block = zero ? hf_alloc_zero(sizeof(*block) + size) : hf_alloc(sizeof(*block) + size);
		block->size = sizeof(*block) + size;
		block->next = arena->owned;
		arena->owned = block;
		return block->data;
	}
	while (block_size - sizeof(*block) < size)
		block_size *= 2;
	/* The last block in the list is kept by a reset, so it must be a small one. */
	if (!arena->blocks && block_size > BLOCK_FIRST)
		list_small(arena);
	block = block_new(block_size);
	block->next = arena->blocks;
	arena->blocks = block;
	block_enter(arena, block);
	arena->next_size = block_size < BLOCK_MAX / BLOCK_GROWTH ? block_size * BLOCK_GROWTH : BLOCK_MAX;

	arena->pos += size;
	UNPOISON(block->data, size);
	return zero ? memset(block->data, 0, size) : block->data;
}

/* zero: false for what is written at once. */
static inline void *take(struct hf_arena *arena, size_t size, bool zero)
{
	size_t rounded = (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	char *ptr = arena->pos;

	if (HF_UNLIKELY(rounded < size || rounded > SIZE_MAX / 2))
		hf_out_of_memory(size);
	if (rounded == 0)
		rounded = ALIGN;
	arena->used += size;
	if (HF_UNLIKELY((size_t)(arena->end - ptr) < rounded))
		return alloc_slow(arena, rounded, zero);
	arena->pos += rounded;
	UNPOISON(ptr, size ? size : 1);
	return zero ? memset(ptr, 0, size) : ptr;
}

void *hf_arena_alloc(struct hf_arena *arena, size_t size)
{
	return take(arena, size, true);
}

void *hf_arena_array(struct hf_arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		hf_out_of_memory(SIZE_MAX);
	return hf_arena_alloc(arena, total);
}

char *hf_arena_cstr(struct hf_arena *arena, struct hf_str s)
{
	char *copy;

	if (s.size == SIZE_MAX)
		hf_out_of_memory(s.size);
	copy = take(arena, s.size + 1, false);
	if (s.size)
		memcpy(copy, s.data, s.size);
	copy[s.size] = '\0';
	return copy;
}

struct hf_str hf_arena_str(struct hf_arena *arena, struct hf_str s)
{
	return (struct hf_str){ hf_arena_cstr(arena, s), s.size };
}

void *hf_arena_memdup(struct hf_arena *arena, const void *data, size_t size)
{
	void *copy = take(arena, size, false);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *hf_arena_printf(struct hf_arena *arena, const char *fmt, ...)
{
	char small[256];
	char *text;
	va_list ap;
	int size;

	va_start(ap, fmt);
	size = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	hf_assert(size >= 0);
	if ((size_t)size < sizeof(small))
		return hf_arena_memdup(arena, small, (size_t)size + 1);
	text = hf_arena_alloc(arena, (size_t)size + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)size + 1, fmt, ap);
	va_end(ap);
	return text;
}
