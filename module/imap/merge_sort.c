/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs sorted by the octets of their keys (and by comparing where keys are equal), merged bottom-up over two arrays. What is in order
 * already, or in reverse, costs one pass: mailboxes mostly are. */
#include "module/imap/merge_sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define RUN 32768        /* items sorted at once */
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

/* Stable, by the octet of the keys at `shift`. */
static void scatter(const struct merge_item *from, struct merge_item *to, size_t count, unsigned shift)
{
	size_t places[256] = { 0 }, place = 0, i;

	for (i = 0; i < count; i++)
		places[from[i].key >> shift & 0xff]++;
	for (i = 0; i < 256; i++) {
		size_t here = places[i];

		places[i] = place;
		place += here;
	}
	for (i = 0; i < count; i++)
		to[places[from[i].key >> shift & 0xff]++] = from[i];
}

/* By key, from the last octet in which any two differ to the first. */
static void sort_keys(struct merge_item *items, struct merge_item *other, size_t count)
{
	struct merge_item *from = items, *to = other, *swapped;
	uint64_t differ = 0;

	for (size_t i = 1; i < count; i++)
		differ |= items[i].key ^ items[0].key;
	for (unsigned shift = 0; shift < 64; shift += 8) {
		if (!(differ >> shift & 0xff))
			continue;
		scatter(from, to, count, shift);
		swapped = from;
		from = to;
		to = swapped;
	}
	if (from != items)
		memcpy(items, from, count * sizeof *items);
}

static void sort_run_at(struct merge_sort *sort, size_t at, size_t count)
{
	struct merge_item *items = sort->items + at;
	size_t first = 0, i;

	sort_keys(items, sort->other + at, count);
	for (i = 1; i <= count; i++) {
		if (i < count && items[i].key == items[first].key)
			continue;
		if (i - first > 1)
			qsort_r(items + first, i - first, sizeof *items, order_of, sort);
		first = i;
	}
}

static enum hf_status sort_runs(struct merge_sort *sort)
{
	if (!sort->other)
		sort->other = hf_alloc(sort->count * sizeof *sort->other);
	sort_run_at(sort, sort->at, least(RUN, sort->count - sort->at));
	sort->at += RUN;
	if (sort->at < sort->count)
		return HF_MORE;
	if (sort->count <= RUN)
		return HF_OK;
	sort->width = RUN;
	sort->at = sort->left = sort->out = 0;
	sort->right = RUN;
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
