/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for the pages of the cache. The library asks malloc() for each page by itself, and a page stays for long: beside the
 * short-lived blocks of everybody else that means a system call and a fault for each while the cache fills, under the lock
 * of an arena that others wait for. Pages come from here instead, cut from runs of large pages of the system's.
 *
 * The address space is reserved once for the process; a run is made usable when it is needed and kept, as the cache keeps its
 * size once it is full. Whatever is not the size of a page goes to malloc(). */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <db.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "storage/env_priv.h"

#define RUN_SIZE (2u << 20)              /* a large page */
#define RESERVED (UINT64_C(16) << 30)    /* twice the largest cache */
#define BLOCK_LEAST 4096                 /* a page of 4096 octets and the library's header */
#define BLOCK_SIZE 4352

/* A leak checker does not look for pointers in these runs, and the library's structures can be of a page's size. */
#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_CHECKED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_CHECKED true
#endif
#endif
#ifndef LEAKS_ARE_CHECKED
#define LEAKS_ARE_CHECKED false
#endif

struct spare_block {
	struct spare_block *next;
};

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	char *begin, *end;                     /* reserved; NULL: could not be */
	char *run HF_GUARDED_BY(lock);         /* where the next run begins */
	char *at, *run_end HF_GUARDED_BY(lock); /* the run in use */
	struct spare_block *spare HF_GUARDED_BY(lock);
	uint64_t used HF_GUARDED_BY(lock);     /* blocks */
} memory = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static bool is_page(const void *block)
{
	return (const char *)block >= memory.begin && (const char *)block < memory.end;
}

static bool next_run_locked(void) HF_REQUIRES(memory.lock);
static bool next_run_locked(void)
{
	if (memory.run == memory.end || mprotect(memory.run, RUN_SIZE, PROT_READ | PROT_WRITE) != 0)
		return false;
	(void)madvise(memory.run, RUN_SIZE, MADV_HUGEPAGE); /* as well without */
	memory.at = memory.run;
	memory.run += RUN_SIZE;
	memory.run_end = memory.run;
	return true;
}

static void *page_new(void)
{
	struct spare_block *block = NULL;

	pthread_mutex_lock(&memory.lock);
	if (memory.spare) {
		block = memory.spare;
		memory.spare = block->next;
	} else if (memory.run_end - memory.at >= BLOCK_SIZE || next_run_locked()) {
		block = (struct spare_block *)(void *)memory.at;
		memory.at += BLOCK_SIZE;
	}
	memory.used += block != NULL;
	pthread_mutex_unlock(&memory.lock);
	return block;
}

static void *memory_new(size_t size)
{
	void *block = memory.begin && size >= BLOCK_LEAST && size <= BLOCK_SIZE ? page_new() : NULL;

	return block ? block : malloc(size);
}

static void memory_free(void *pointer)
{
	struct spare_block *block = pointer;

	if (!is_page(block)) {
		free(block);
		return;
	}
	pthread_mutex_lock(&memory.lock);
	block->next = memory.spare;
	memory.spare = block;
	memory.used--;
	pthread_mutex_unlock(&memory.lock);
}

static void *memory_resize(void *block, size_t size)
{
	void *new;

	if (!is_page(block))
		return realloc(block, size);
	new = malloc(size);
	if (new) {
		memcpy(new, block, size < BLOCK_SIZE ? size : BLOCK_SIZE);
		memory_free(block);
	}
	return new;
}

static void reserve(void)
{
	/* cppcheck-suppress invalidFunctionArg ; anonymous: no file */
	char *begin = mmap(NULL, RESERVED + RUN_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t odd;

	if (begin == MAP_FAILED)
		return;
	odd = (uintptr_t)begin % RUN_SIZE;
	begin += odd ? RUN_SIZE - odd : 0;
	memory.begin = memory.run = begin;
	memory.end = begin + RESERVED;
	hf_assert(db_env_set_func_malloc(memory_new) == 0 && db_env_set_func_realloc(memory_resize) == 0 &&
		  db_env_set_func_free(memory_free) == 0);
}

void page_memory_init(void)
{
	if (!LEAKS_ARE_CHECKED)
		pthread_once(&memory.once, reserve);
}

uint64_t page_memory_used(void)
{
	uint64_t used;

	if (!memory.begin)
		return UINT64_MAX;
	pthread_mutex_lock(&memory.lock);
	used = memory.used * BLOCK_SIZE;
	pthread_mutex_unlock(&memory.lock);
	return used;
}
