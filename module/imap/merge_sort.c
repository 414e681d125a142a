/* SPDX-License-Identifier: BSD-2-Clause */
/* Bottom-up merge sort over two arrays. What is in order already, or in reverse, costs one pass: mailboxes mostly are. */
#include "module/imap/merge_sort.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

#define RUN 4096         /* items sorted at once */
#define STEP_ITEMS 32768 /* of one call */

void merge_sort_add(struct merge_sort *sort, uint64_t key, uint32_t index)
{
	if (sort->count == sort->capacity) {
		sort->capacity = sort->capacity ? sort->capacity * 2 : 256;
		sort->items = hf_realloc_array(sort->items, sort->capacity, sizeof *sort->items);
	}
	sort->items[sort->count++] = (struct merge_item){ key, index };
}

void merge_sort_fini(struct merge_sort *sort)
{
	hf_free(sort->items);
	hf_free(sort->other);
	sort->items = sort->other = NULL;
	sort->count = sort->capacity = 0;
}

static int order(const struct merge_sort *sort, const struct merge_item *a, const struct merge_item *b)
{
	int found = 0;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (sort->compare)
		found = sort->compare(sort->arg, a->index, b->index);
	if (found)
		return found;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int order_of(const void *a, const void *b, void *sort)
{
	return order(sort, a, b);
}

/* True: nothing is left to do. */
static bool settle_simple(struct merge_sort *sort)
{
	bool up = true, down = true;
	size_t i;

	for (i = 1; i < sort->count && (up || down); i++) {
		if (order(sort, &sort->items[i - 1], &sort->items[i]) < 0)
			down = false;
		else
			up = false;
	}
	for (i = 0; !up && down && i < sort->count / 2; i++) {
		struct merge_item swapped = sort->items[i];

		sort->items[i] = sort->items[sort->count - 1 - i];
		sort->items[sort->count - 1 - i] = swapped;
	}
	return up || down;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum hf_status sort_runs(struct merge_sort *sort)
{
	size_t budget = STEP_ITEMS / RUN;

	for (; budget && sort->at < sort->count; budget--, sort->at += RUN)
		qsort_r(sort->items + sort->at, least(RUN, sort->count - sort->at), sizeof *sort->items, order_of, sort);
	if (sort->at < sort->count)
		return HF_MORE;
	if (sort->count <= RUN)
		return HF_OK;
	sort->width = RUN;
	sort->at = sort->left = sort->out = 0;
	sort->right = RUN;
	sort->other = hf_alloc(sort->count * sizeof *sort->other);
	return HF_MORE;
}

/* Goes on merging the runs at `at`. */
static void merge(struct merge_sort *sort, size_t budget)
{
	size_t middle = least(sort->at + sort->width, sort->count), end = least(middle + sort->width, sort->count);

	for (; budget && sort->out < end; budget--) {
		if (sort->right >= end ||
		    (sort->left < middle && order(sort, &sort->items[sort->left], &sort->items[sort->right]) < 0))
			sort->other[sort->out++] = sort->items[sort->left++];
		else
			sort->other[sort->out++] = sort->items[sort->right++];
	}
	if (sort->out < end)
		return;
	sort->at = sort->left = end;
	sort->right = least(end + sort->width, sort->count);
}

enum hf_status merge_sort_next(struct merge_sort *sort)
{
	struct merge_item *swapped;
	size_t start = sort->out;

	if (!sort->width) {
		if (!sort->at && settle_simple(sort))
			return HF_OK;
		return sort_runs(sort);
	}
	while (sort->out < sort->count && sort->out - start < STEP_ITEMS)
		merge(sort, STEP_ITEMS - (sort->out - start));
	if (sort->out < sort->count)
		return HF_MORE;
	swapped = sort->items;
	sort->items = sort->other;
	sort->other = swapped;
	sort->width *= 2;
	sort->at = sort->left = sort->out = 0;
	sort->right = least(sort->width, sort->count);
	return sort->width < sort->count ? HF_MORE : HF_OK;
}
