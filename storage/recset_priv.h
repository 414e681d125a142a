/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_recset: message records sorted by UID, in chunks of at most 1024, so that no single change
 * costs in proportion to the mailbox. Not locked: its owner is. */
#ifndef HF_STORAGE_RECSET_PRIV_H
#define HF_STORAGE_RECSET_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/record.h"

#define HF_RECCHUNK_MAX 1024 /* records */

/* What hf_recset_marked() asks for: a system flag by its bit, a keyword behind them. */
#define HF_MARK_KEYWORD 8
#define HF_MARK_COUNT   (HF_MARK_KEYWORD + HF_KEYWORDS_MAX)

struct hf_recmarks;

struct hf_recchunk {
	uint32_t first;        /* UID of the first record */
	uint32_t start, count; /* records[start .. start + count) are in use; count > 0 */
	uint32_t capacity;
	uint32_t unseen;     /* records without \Seen */
	uint64_t modseq_max; /* no record has a greater one; not lowered by removals */
	struct hf_record *records;
	struct hf_recmarks *marks; /* for hf_recset_marked(); NULL: none */
};

struct hf_recset {
	struct hf_recchunk *chunks;
	size_t chunk_count, chunk_capacity;
	uint32_t count; /* records */
};

void hf_recset_fini(struct hf_recset *set);
/* NULL when it is not there. Borrowed until the next change. */
const struct hf_record *hf_recset_find(const struct hf_recset *set, uint32_t uid);
/* Adds the record, or replaces the one with its UID. Whether it was added. */
bool hf_recset_put(struct hf_recset *set, const struct hf_record *record);
/* Adds many, ascending, all greater than the last. */
void hf_recset_append(struct hf_recset *set, const struct hf_record *records, size_t count);
/* False when it was not there; *removed (may be NULL) is what it was. */
bool hf_recset_remove(struct hf_recset *set, uint32_t uid, struct hf_record *removed);
/* Greatest UID, or 0. */
uint32_t hf_recset_last(const struct hf_recset *set);

/* Whether hf_recset_marked() can be asked for this; else hf_recset_ready_mark() makes it so (the set is changed, by a bit for each record). */
bool hf_recset_has_mark(const struct hf_recset *set, unsigned mark);
void hf_recset_ready_mark(struct hf_recset *set, unsigned mark);
/* Calls fn for each run of records, by place from 0, that have it. Costs a bit for each record, and the runs. */
void hf_recset_marked(const struct hf_recset *set, unsigned mark, void (*fn)(void *arg, uint32_t first, uint32_t last), void *arg);

/* A place in the set; valid until the next change. */
struct hf_recplace {
	size_t chunk;
	uint32_t at;
};
/* The first record whose UID is >= uid. */
struct hf_recplace hf_recset_seek(const struct hf_recset *set, uint32_t uid);
/* NULL at the end. */
static inline const struct hf_record *hf_recset_get(const struct hf_recset *set,
						    struct hf_recplace place)
{
	const struct hf_recchunk *chunk;

	if (place.chunk >= set->chunk_count)
		return NULL;
	chunk = &set->chunks[place.chunk];
	return &chunk->records[chunk->start + place.at];
}
static inline void hf_recset_next(const struct hf_recset *set, struct hf_recplace *place)
{
	if (++place->at >= set->chunks[place->chunk].count) {
		place->chunk++;
		place->at = 0;
	}
}

#endif
