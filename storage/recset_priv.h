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

struct hf_recchunk {
	uint32_t first;        /* UID of the first record */
	uint32_t start, count; /* records[start .. start + count) are in use; count > 0 */
	uint32_t capacity;
	uint32_t unseen;     /* records without \Seen */
	uint64_t modseq_max; /* no record has a greater one; not lowered by removals */
	struct hf_record *records;
	uint8_t *flags; /* of records[start ..], for hf_recset_flagged(); NULL: not up to date */
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

/* Whether hf_recset_flagged() can be asked; else hf_recset_ready_flags() makes it so (the set is changed). */
bool hf_recset_has_flags(const struct hf_recset *set);
void hf_recset_ready_flags(struct hf_recset *set);
/* Calls fn for each run of records, by place from 0, that have all the flags (system flags alone). A fraction of a nanosecond each. */
void hf_recset_flagged(const struct hf_recset *set, uint8_t flags, void (*fn)(void *arg, uint32_t first, uint32_t last),
		       void *arg);

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
