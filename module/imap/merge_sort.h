/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorting in steps: a large result is put in order without holding a worker. */
#ifndef HF_MODULE_IMAP_MERGE_SORT_H
#define HF_MODULE_IMAP_MERGE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct merge_item {
	uint64_t key;   /* compared first */
	uint32_t index; /* told apart by this in the end: the sort is total */
};

struct merge_sort {
	struct merge_item *items; /* owned; in order when merge_sort_next() has returned HF_OK */
	size_t count, capacity;
	/* Order of two items with the same key: below, above or 0. NULL: by index. */
	int (*compare)(void *arg, uint32_t a, uint32_t b);
	void *arg;
	/* While it runs */
	struct merge_item *other;
	size_t width;             /* of the runs in order; 0: not begun */
	size_t at, left, right;   /* in the pair of runs being merged */
	size_t out;
};

void merge_sort_add(struct merge_sort *sort, uint64_t key, uint32_t index);
/* A bounded piece of work; HF_MORE or HF_OK. */
enum hf_status merge_sort_next(struct merge_sort *sort);
void merge_sort_fini(struct merge_sort *sort);

/* Signed numbers as keys. */
static inline uint64_t merge_key(int64_t n)
{
	return (uint64_t)n ^ (uint64_t)1 << 63;
}

#endif
