/* SPDX-License-Identifier: BSD-2-Clause */
/* Number sets as ascending, disjoint, non-adjacent ranges. Operations on two sets are one merge
 * into a new array; changes at the upper end, the common case, touch only the last range. */
#include "base/set.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum {
	SET_MIN = 4,      /* ranges in a first allocation */
	FEW_RANGES = 4,   /* so few are added one by one rather than merged */
	PARSE_LOCAL = 16, /* items parsed without a heap allocation */
};

void hf_set_fini(struct hf_set *set)
{
	hf_free(set->ranges);
	*set = HF_SET_INIT;
}

void hf_set_clear(struct hf_set *set)
{
	set->count = 0;
}

static void reserve(struct hf_set *set, size_t capacity)
{
	if (capacity <= set->capacity)
		return;
	if (capacity < set->capacity * 2)
		capacity = set->capacity * 2;
	if (capacity < SET_MIN)
		capacity = SET_MIN;
	set->ranges = hf_realloc_array(set->ranges, capacity, sizeof(*set->ranges));
	set->capacity = capacity;
}

void hf_set_copy(struct hf_set *to, const struct hf_set *from)
{
	if (to == from)
		return;
	reserve(to, from->count);
	if (from->count)
		memcpy(to->ranges, from->ranges, from->count * sizeof(*from->ranges));
	to->count = from->count;
}

/* Adds a range that begins at or after the beginning of the last one. */
static inline void append(struct hf_set *set, uint32_t first, uint32_t last)
{
	if (set->count) {
		struct hf_range *top = &set->ranges[set->count - 1];

		if (first <= top->last || first - top->last == 1) {
			if (last > top->last)
				top->last = last;
			return;
		}
	}
	if (set->count == set->capacity)
		reserve(set, set->count + 1);
	set->ranges[set->count++] = (struct hf_range){ first, last };
}

/* Index of the first range whose end is at or after n. */
static size_t find(const struct hf_set *set, uint32_t n)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < n)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Replaces the ranges [at, end) by `count` others. */
static void splice(struct hf_set *set, size_t at, size_t end, const struct hf_range *with,
		   size_t count)
{
	size_t rest = set->count - end;

	reserve(set, at + count + rest);
	if (rest && at + count != end)
		memmove(set->ranges + at + count, set->ranges + end, rest * sizeof(*set->ranges));
	if (count)
		memcpy(set->ranges + at, with, count * sizeof(*with));
	set->count = at + count + rest;
}

void hf_set_add(struct hf_set *set, uint32_t n)
{
	hf_set_add_range(set, n, n);
}

void hf_set_add_range(struct hf_set *set, uint32_t first, uint32_t last)
{
	struct hf_range range = { first, last };
	size_t at, end;

	hf_assert(first <= last);
	if (set->count == 0 || first >= set->ranges[set->count - 1].first) {
		append(set, first, last);
		return;
	}
	/* A neighbour that ends just below or begins just above is taken in too. */
	at = find(set, first ? first - 1 : 0);
	end = at;
	while (end < set->count && (last == UINT32_MAX || set->ranges[end].first <= last + 1))
		end++;
	if (end > at) {
		if (set->ranges[at].first < range.first)
			range.first = set->ranges[at].first;
		if (set->ranges[end - 1].last > range.last)
			range.last = set->ranges[end - 1].last;
	}
	splice(set, at, end, &range, 1);
}

void hf_set_remove(struct hf_set *set, uint32_t n)
{
	hf_set_remove_range(set, n, n);
}

void hf_set_remove_range(struct hf_set *set, uint32_t first, uint32_t last)
{
	struct hf_range left[2];
	size_t at, end, count = 0;

	hf_assert(first <= last);
	at = find(set, first);
	end = at;
	while (end < set->count && set->ranges[end].first <= last)
		end++;
	if (end == at)
		return;
	if (set->ranges[at].first < first)
		left[count++] = (struct hf_range){ set->ranges[at].first, first - 1 };
	if (set->ranges[end - 1].last > last)
		left[count++] = (struct hf_range){ last + 1, set->ranges[end - 1].last };
	splice(set, at, end, left, count);
}

static void take_over(struct hf_set *set, struct hf_set *result)
{
	hf_free(set->ranges);
	*set = *result;
}

/* Merges ascending ranges (overlaps allowed) into the set. */
static void merge(struct hf_set *set, const struct hf_range *ranges, size_t count)
{
	struct hf_set result = HF_SET_INIT;
	size_t i = 0, j = 0;

	if (set->count == 0 || (count && ranges[0].first >= set->ranges[set->count - 1].first)) {
		for (j = 0; j < count; j++)
			append(set, ranges[j].first, ranges[j].last);
		return;
	}
	reserve(&result, set->count + count);
	while (i < set->count || j < count) {
		const struct hf_range *next;

		if (j == count || (i < set->count && set->ranges[i].first <= ranges[j].first))
			next = &set->ranges[i++];
		else
			next = &ranges[j++];
		append(&result, next->first, next->last);
	}
	take_over(set, &result);
}

static int by_first(const void *a, const void *b)
{
	const struct hf_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void hf_set_add_ranges(struct hf_set *set, struct hf_range *ranges, size_t count)
{
	bool sorted = true;

	for (size_t i = 0; i < count; i++) {
		hf_assert(ranges[i].first <= ranges[i].last);
		if (i && ranges[i].first < ranges[i - 1].first)
			sorted = false;
	}
	if (!sorted)
		qsort(ranges, count, sizeof(*ranges), by_first);
	merge(set, ranges, count);
}

void hf_set_union(struct hf_set *set, const struct hf_set *other)
{
	if (set == other)
		return;
	if (other->count > FEW_RANGES) {
		merge(set, other->ranges, other->count);
		return;
	}
	for (size_t i = 0; i < other->count; i++)
		hf_set_add_range(set, other->ranges[i].first, other->ranges[i].last);
}

void hf_set_intersect(struct hf_set *set, const struct hf_set *other)
{
	struct hf_set result = HF_SET_INIT;
	size_t i = 0, j = 0;

	if (set == other)
		return;
	while (i < set->count && j < other->count) {
		const struct hf_range *a = &set->ranges[i], *b = &other->ranges[j];
		uint32_t first = a->first > b->first ? a->first : b->first;
		uint32_t last = a->last < b->last ? a->last : b->last;

		if (first <= last)
			append(&result, first, last);
		if (a->last <= b->last)
			i++;
		if (a->last >= b->last)
			j++;
	}
	take_over(set, &result);
}

void hf_set_subtract(struct hf_set *set, const struct hf_set *other)
{
	struct hf_set result = HF_SET_INIT;
	size_t j = 0;

	if (set == other) {
		hf_set_clear(set);
		return;
	}
	if (other->count <= FEW_RANGES) {
		for (size_t i = 0; i < other->count; i++)
			hf_set_remove_range(set, other->ranges[i].first, other->ranges[i].last);
		return;
	}
	for (size_t i = 0; i < set->count; i++) {
		struct hf_range rest = set->ranges[i];
		bool gone = false;

		while (j < other->count && other->ranges[j].last < rest.first)
			j++;
		for (size_t k = j; !gone && k < other->count && other->ranges[k].first <= rest.last;
		     k++) {
			const struct hf_range *cut = &other->ranges[k];

			if (cut->first > rest.first)
				append(&result, rest.first, cut->first - 1);
			if (cut->last >= rest.last)
				gone = true;
			else
				rest.first = cut->last + 1;
			j = k; /* it may reach into the next range of the set as well */
		}
		if (!gone)
			append(&result, rest.first, rest.last);
	}
	take_over(set, &result);
}

bool hf_set_has(const struct hf_set *set, uint32_t n)
{
	size_t at = find(set, n);

	return at < set->count && set->ranges[at].first <= n;
}

uint64_t hf_set_size(const struct hf_set *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return size;
}

void hf_set_format(const struct hf_set *set, struct hf_buf *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct hf_range *range = &set->ranges[i];

		if (i)
			hf_buf_add_char(out, ',');
		hf_buf_add_u64(out, range->first);
		if (range->last != range->first) {
			hf_buf_add_char(out, ':');
			hf_buf_add_u64(out, range->last);
		}
	}
}

/* seq-number = nz-number / "*", RFC 9051 §9. NULL when it is neither. */
static const char *parse_number(const char *pos, const char *end, bool *star, uint32_t *n)
{
	uint64_t value = 0;

	if (pos == end)
		return NULL;
	*star = *pos == '*';
	if (*star)
		return pos + 1;
	if (*pos < '1' || *pos > '9')
		return NULL;
	for (; pos < end && *pos >= '0' && *pos <= '9'; pos++) {
		value = value * 10 + (unsigned)(*pos - '0');
		if (value > UINT32_MAX)
			return NULL;
	}
	*n = (uint32_t)value;
	return pos;
}

/* One item up to the comma or the end. *some is false when '*' stands for nothing. */
static const char *parse_item(const char *pos, const char *end, uint32_t star,
			      struct hf_range *range, bool *some)
{
	bool first_star, last_star;
	uint32_t first = star, last;

	pos = parse_number(pos, end, &first_star, &first);
	if (!pos)
		return NULL;
	last = first;
	last_star = first_star;
	if (pos < end && *pos == ':') {
		last = star;
		pos = parse_number(pos + 1, end, &last_star, &last);
		if (!pos)
			return NULL;
	}
	*some = star || !(first_star || last_star);
	*range =
		first <= last ? (struct hf_range){ first, last } : (struct hf_range){ last, first };
	return pos;
}

enum hf_status hf_set_parse(struct hf_str text, uint32_t star, size_t max_ranges,
			    struct hf_set *set)
{
	struct hf_range local[PARSE_LOCAL];
	struct hf_range *ranges = local;
	size_t count = 0, capacity = PARSE_LOCAL, items = 0;
	const char *pos = text.data, *end;
	enum hf_status status = HF_ESYNTAX;

	if (text.size == 0)
		return HF_ESYNTAX;
	end = pos + text.size;
	for (;;) {
		bool some;

		if (items++ == max_ranges) {
			status = HF_ELIMIT;
			break;
		}
		if (count == capacity) {
			struct hf_range *old = ranges == local ? NULL : ranges;

			ranges = hf_realloc_array(old, capacity * 2, sizeof(*ranges));
			if (!old)
				memcpy(ranges, local, sizeof(local));
			capacity *= 2;
		}
		pos = parse_item(pos, end, star, &ranges[count], &some);
		if (!pos)
			break;
		count += some;
		if (pos == end) {
			hf_set_clear(set);
			hf_set_add_ranges(set, ranges, count);
			status = HF_OK;
			break;
		}
		if (*pos++ != ',')
			break;
	}
	if (ranges != local)
		hf_free(ranges);
	return status;
}

void hf_set_iter_init(struct hf_set_iter *it, const struct hf_set *set)
{
	*it = (struct hf_set_iter){ set, 0, set->count ? set->ranges[0].first : 0 };
}

bool hf_set_iter_next(struct hf_set_iter *it, uint32_t *n)
{
	const struct hf_set *set = it->set;

	if (it->range >= set->count)
		return false;
	*n = it->next;
	if (it->next != set->ranges[it->range].last)
		it->next++;
	else if (++it->range < set->count)
		it->next = set->ranges[it->range].first;
	return true;
}
