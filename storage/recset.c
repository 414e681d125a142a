/* SPDX-License-Identifier: BSD-2-Clause */
/* Records sorted by UID: an array of chunk descriptors over arrays of records.
 *
 * No chunk is empty; within and across chunks UIDs ascend. Each chunk has room at either end, so
 * that appending and removing from the front (what mail and expunging everything do) move nothing.
 */
#include "storage/recset_priv.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/uidlist_priv.h"

enum { CHUNK_MIN = 4 };

/* Marks: for each that has been asked for, a bit for each of records[start ..], kept up with every change.
 * ------------------------------------------------------------------------------------------------ */

#define MARK_WORDS (HF_RECCHUNK_MAX / 64)

struct mark {
	uint64_t bits[MARK_WORDS];
	uint8_t which;
};

struct hf_recmarks {
	unsigned count;
	struct mark *marks[HF_MARK_COUNT];
};

static void drop_marks(struct hf_recchunk *chunk)
{
	if (!chunk->marks)
		return;
	for (unsigned i = 0; i < chunk->marks->count; i++)
		hf_free(chunk->marks->marks[i]);
	hf_free(chunk->marks);
	chunk->marks = NULL;
}

static bool is_marked(const struct hf_record *record, unsigned which)
{
	return which < HF_MARK_KEYWORD ? record->flags >> which & 1 : record->keywords >> (which - HF_MARK_KEYWORD) & 1;
}

static struct mark *mark_of(const struct hf_recchunk *chunk, unsigned which)
{
	for (unsigned i = 0; chunk->marks && i < chunk->marks->count; i++)
		if (chunk->marks->marks[i]->which == which)
			return chunk->marks->marks[i];
	return NULL;
}

static void set_bit(struct mark *mark, uint32_t at, bool on)
{
	uint64_t bit = UINT64_C(1) << (at & 63);

	if (on)
		mark->bits[at >> 6] |= bit;
	else
		mark->bits[at >> 6] &= ~bit;
}

static void mark_put(struct hf_recchunk *chunk, uint32_t at, const struct hf_record *record)
{
	for (unsigned i = 0; chunk->marks && i < chunk->marks->count; i++)
		set_bit(chunk->marks->marks[i], at, is_marked(record, chunk->marks->marks[i]->which));
}

/* Bits from `at` on move up by one; what is at `at` is for mark_put(). */
static void mark_insert(struct hf_recchunk *chunk, uint32_t at, const struct hf_record *record)
{
	uint64_t low = (UINT64_C(1) << (at & 63)) - 1;

	for (unsigned i = 0; chunk->marks && i < chunk->marks->count; i++) {
		uint64_t *bits = chunk->marks->marks[i]->bits, word = bits[at >> 6], carry = word >> 63;

		bits[at >> 6] = (word & low) | (word & ~low) << 1;
		for (uint32_t w = (at >> 6) + 1; w < MARK_WORDS; w++) {
			uint64_t next = bits[w] >> 63;

			bits[w] = bits[w] << 1 | carry;
			carry = next;
		}
	}
	mark_put(chunk, at, record);
}

static void mark_remove(struct hf_recchunk *chunk, uint32_t at)
{
	uint64_t low = (UINT64_C(1) << (at & 63)) - 1;

	for (unsigned i = 0; chunk->marks && i < chunk->marks->count; i++) {
		uint64_t *bits = chunk->marks->marks[i]->bits, word = bits[at >> 6];

		bits[at >> 6] = (word & low) | (word >> 1 & ~low);
		for (uint32_t w = (at >> 6) + 1; w < MARK_WORDS; w++) {
			bits[w - 1] |= bits[w] << 63;
			bits[w] >>= 1;
		}
	}
}

void hf_recset_fini(struct hf_recset *set)
{
	for (size_t i = 0; i < set->chunk_count; i++) {
		drop_marks(&set->chunks[i]);
		hf_free(set->chunks[i].records);
	}
	hf_free(set->chunks);
	memset(set, 0, sizeof(*set));
}

static struct hf_record *records_of(const struct hf_recchunk *chunk)
{
	return chunk->records + chunk->start;
}

static bool is_unseen(const struct hf_record *record)
{
	return !(record->flags & HF_FLAG_SEEN);
}

/* The last chunk with first <= uid, or 0. */
static size_t chunk_of(const struct hf_recset *set, uint32_t uid)
{
	size_t low = 0, high = set->chunk_count;

	while (high > low + 1) {
		size_t middle = low + (high - low) / 2;

		if (set->chunks[middle].first <= uid)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static uint32_t below(const struct hf_recchunk *chunk, uint32_t uid)
{
	const struct hf_record *records = records_of(chunk);
	uint32_t low, high;

	hf_narrow(records[0].uid.n, records[chunk->count - 1].uid.n, chunk->count, uid, &low, &high);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (records[middle].uid.n < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct hf_record *hf_recset_find(const struct hf_recset *set, uint32_t uid)
{
	const struct hf_recchunk *chunk;
	uint32_t at;

	if (set->chunk_count == 0)
		return NULL;
	chunk = &set->chunks[chunk_of(set, uid)];
	at = below(chunk, uid);
	if (at == chunk->count || records_of(chunk)[at].uid.n != uid)
		return NULL;
	return records_of(chunk) + at;
}

struct hf_recplace hf_recset_seek(const struct hf_recset *set, uint32_t uid)
{
	struct hf_recplace place = { 0, 0 };

	if (set->chunk_count == 0)
		return place;
	place.chunk = chunk_of(set, uid);
	place.at = below(&set->chunks[place.chunk], uid);
	if (place.at == set->chunks[place.chunk].count) {
		place.chunk++;
		place.at = 0;
	}
	return place;
}

uint32_t hf_recset_last(const struct hf_recset *set)
{
	const struct hf_recchunk *chunk;

	if (set->chunk_count == 0)
		return 0;
	chunk = &set->chunks[set->chunk_count - 1];
	return records_of(chunk)[chunk->count - 1].uid.n;
}

static struct hf_recchunk *insert_chunk(struct hf_recset *set, size_t at, uint32_t capacity)
{
	if (set->chunk_count == set->chunk_capacity) {
		set->chunk_capacity = set->chunk_capacity ? set->chunk_capacity * 2 : 1;
		set->chunks =
			hf_realloc_array(set->chunks, set->chunk_capacity, sizeof(*set->chunks));
	}
	memmove(set->chunks + at + 1, set->chunks + at,
		(set->chunk_count - at) * sizeof(*set->chunks));
	set->chunk_count++;
	set->chunks[at] = (struct hf_recchunk){ .capacity = capacity };
	set->chunks[at].records = hf_realloc_array(NULL, capacity, sizeof(struct hf_record));
	return &set->chunks[at];
}

static void drop_chunk(struct hf_recset *set, size_t at)
{
	drop_marks(&set->chunks[at]);
	hf_free(set->chunks[at].records);
	memmove(set->chunks + at, set->chunks + at + 1,
		(set->chunk_count - at - 1) * sizeof(*set->chunks));
	set->chunk_count--;
}

static void count_in(struct hf_recchunk *chunk, const struct hf_record *record)
{
	chunk->unseen += is_unseen(record);
	if (chunk->modseq_max < record->modseq.n)
		chunk->modseq_max = record->modseq.n;
}

static void recount(struct hf_recchunk *chunk)
{
	chunk->first = records_of(chunk)->uid.n;
	chunk->unseen = 0;
	chunk->modseq_max = 0;
	for (uint32_t i = 0; i < chunk->count; i++)
		count_in(chunk, records_of(chunk) + i);
}

/* Room for one more at the end of the records in use. */
static void make_room(struct hf_recchunk *chunk)
{
	if (chunk->start + chunk->count < chunk->capacity)
		return;
	if (chunk->start) {
		memmove(chunk->records, records_of(chunk), chunk->count * sizeof(struct hf_record));
		chunk->start = 0;
		return;
	}
	chunk->capacity =
		chunk->capacity * 2 < HF_RECCHUNK_MAX ? chunk->capacity * 2 : HF_RECCHUNK_MAX;
	chunk->records =
		hf_realloc_array(chunk->records, chunk->capacity, sizeof(struct hf_record));
}

static void split(struct hf_recset *set, size_t at)
{
	struct hf_recchunk *upper = insert_chunk(set, at + 1, HF_RECCHUNK_MAX);
	struct hf_recchunk *lower = &set->chunks[at];
	uint32_t half = lower->count / 2;

	upper->count = lower->count - half;
	memcpy(upper->records, records_of(lower) + half, upper->count * sizeof(struct hf_record));
	lower->count = half;
	drop_marks(lower);
	recount(lower);
	recount(upper);
}

static void insert_at(struct hf_recchunk *chunk, uint32_t at, const struct hf_record *record)
{
	struct hf_record *records;

	make_room(chunk);
	records = records_of(chunk);
	memmove(records + at + 1, records + at, (chunk->count - at) * sizeof(*records));
	records[at] = *record;
	mark_insert(chunk, at, record);
	chunk->count++;
	count_in(chunk, record);
	chunk->first = records[0].uid.n;
}

bool hf_recset_put(struct hf_recset *set, const struct hf_record *record)
{
	uint32_t uid = record->uid.n, at;
	struct hf_recchunk *chunk;
	size_t i;

	if (set->chunk_count == 0) {
		insert_at(insert_chunk(set, 0, CHUNK_MIN), 0, record);
		set->count++;
		return true;
	}
	i = chunk_of(set, uid);
	chunk = &set->chunks[i];
	at = below(chunk, uid);
	if (at < chunk->count && records_of(chunk)[at].uid.n == uid) {
		chunk->unseen -= is_unseen(records_of(chunk) + at);
		records_of(chunk)[at] = *record;
		mark_put(chunk, at, record);
		count_in(chunk, record);
		return false;
	}
	if (at == chunk->count && i + 1 == set->chunk_count &&
	    chunk->start + chunk->count == HF_RECCHUNK_MAX) {
		chunk = insert_chunk(set, i + 1, CHUNK_MIN);
		at = 0;
	} else if (chunk->count == HF_RECCHUNK_MAX) {
		split(set, i);
		if (at > set->chunks[i].count) {
			at -= set->chunks[i].count;
			i++;
		}
		chunk = &set->chunks[i];
	}
	insert_at(chunk, at, record);
	set->count++;
	return true;
}

void hf_recset_append(struct hf_recset *set, const struct hf_record *records, size_t count)
{
	hf_assert(count == 0 || hf_recset_last(set) < records[0].uid.n);
	while (count) {
		struct hf_recchunk *chunk =
			set->chunk_count ? &set->chunks[set->chunk_count - 1] : NULL;
		uint32_t more;

		if (!chunk || chunk->start + chunk->count == HF_RECCHUNK_MAX)
			chunk = insert_chunk(set, set->chunk_count,
					     count < HF_RECCHUNK_MAX ? (uint32_t)count
								     : HF_RECCHUNK_MAX);
		if (chunk->start + chunk->count == chunk->capacity) {
			chunk->capacity = HF_RECCHUNK_MAX;
			chunk->records =
				hf_realloc_array(chunk->records, chunk->capacity, sizeof(*records));
		}
		more = chunk->capacity - chunk->start - chunk->count;
		if (more > count)
			more = (uint32_t)count;
		memcpy(records_of(chunk) + chunk->count, records, more * sizeof(*records));
		for (uint32_t i = 0; i < more; i++) {
			mark_put(chunk, chunk->count + i, records + i);
			count_in(chunk, records + i);
		}
		chunk->count += more;
		chunk->first = records_of(chunk)->uid.n;
		set->count += more;
		records += more;
		count -= more;
	}
}

/* Joins two neighbours that have become small. */
static void merge(struct hf_recset *set, size_t at)
{
	struct hf_recchunk *lower, *upper;

	if (at + 1 >= set->chunk_count)
		return;
	lower = &set->chunks[at];
	upper = &set->chunks[at + 1];
	if (lower->count + upper->count > HF_RECCHUNK_MAX / 4)
		return;
	if (lower->start) {
		memmove(lower->records, records_of(lower), lower->count * sizeof(struct hf_record));
		lower->start = 0;
	}
	if (lower->capacity < lower->count + upper->count) {
		lower->capacity = HF_RECCHUNK_MAX / 4;
		lower->records =
			hf_realloc_array(lower->records, lower->capacity, sizeof(struct hf_record));
	}
	drop_marks(lower);
	memcpy(records_of(lower) + lower->count, records_of(upper),
	       upper->count * sizeof(struct hf_record));
	lower->count += upper->count;
	lower->unseen += upper->unseen;
	if (lower->modseq_max < upper->modseq_max)
		lower->modseq_max = upper->modseq_max;
	drop_chunk(set, at + 1);
}

bool hf_recset_remove(struct hf_recset *set, uint32_t uid, struct hf_record *removed)
{
	struct hf_recchunk *chunk;
	struct hf_record *records;
	uint32_t at;
	size_t i;

	if (set->chunk_count == 0)
		return false;
	i = chunk_of(set, uid);
	chunk = &set->chunks[i];
	at = below(chunk, uid);
	records = records_of(chunk);
	if (at == chunk->count || records[at].uid.n != uid)
		return false;
	if (removed)
		*removed = records[at];
	chunk->unseen -= is_unseen(records + at);
	mark_remove(chunk, at);
	set->count--;
	if (--chunk->count == 0) {
		drop_chunk(set, i);
		return true;
	}
	if (at <= chunk->count / 2) {
		memmove(records + 1, records, at * sizeof(*records));
		chunk->start++;
	} else {
		memmove(records + at, records + at + 1, (chunk->count - at) * sizeof(*records));
	}
	chunk->first = records_of(chunk)->uid.n;
	merge(set, i);
	if (i)
		merge(set, i - 1);
	return true;
}

/* Asking for marks
 * ------------------------------------------------------------------------------------------------ */

bool hf_recset_has_mark(const struct hf_recset *set, unsigned which)
{
	for (size_t i = 0; i < set->chunk_count; i++)
		if (!mark_of(&set->chunks[i], which))
			return false;
	return true;
}

void hf_recset_ready_mark(struct hf_recset *set, unsigned which)
{
	for (size_t i = 0; i < set->chunk_count; i++) {
		struct hf_recchunk *chunk = &set->chunks[i];
		struct mark *mark;

		if (mark_of(chunk, which))
			continue;
		mark = hf_alloc_zero(sizeof(*mark));
		mark->which = (uint8_t)which;
		for (uint32_t j = 0; j < chunk->count; j++)
			mark->bits[j >> 6] |= (uint64_t)is_marked(records_of(chunk) + j, which) << (j & 63);
		if (!chunk->marks)
			chunk->marks = hf_alloc_zero(sizeof(*chunk->marks));
		chunk->marks->marks[chunk->marks->count++] = mark;
	}
}

/* The first place from `at` on whose bit is `on`, or count. */
static uint32_t next_place(const struct mark *mark, uint32_t at, uint32_t count, bool on)
{
	while (at < count) {
		uint64_t word = (on ? mark->bits[at >> 6] : ~mark->bits[at >> 6]) >> (at & 63);

		if (word) {
			at += (uint32_t)__builtin_ctzll(word);
			break;
		}
		at = (at | 63) + 1;
	}
	return at < count ? at : count;
}

void hf_recset_marked(const struct hf_recset *set, unsigned which, void (*fn)(void *arg, uint32_t first, uint32_t last), void *arg)
{
	uint32_t before = 0;

	for (size_t i = 0; i < set->chunk_count; i++) {
		const struct hf_recchunk *chunk = &set->chunks[i];
		const struct mark *mark = mark_of(chunk, which);
		uint32_t at = 0, end;

		hf_assert(mark != NULL);
		while ((at = next_place(mark, at, chunk->count, true)) < chunk->count) {
			end = next_place(mark, at, chunk->count, false);
			fn(arg, before + at, before + end - 1);
			at = end;
		}
		before += chunk->count;
	}
}
