/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_uidlist: an immutable ascending list of UIDs with ranks (sequence number = rank + 1). Lists
 * made from one another share their chunks, and views of one mailbox that are in step share one
 * list, so a view of a million messages costs next to nothing until it falls behind.
 *
 * Lists and chunks are reference-counted with atomic counters, the last reference may be dropped by
 * any thread: the views that share a list belong to different connections, and a list is let go of
 * outside the mailbox's lock. */
#ifndef HF_STORAGE_UIDLIST_PRIV_H
#define HF_STORAGE_UIDLIST_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_UIDCHUNK_MAX 2048 /* UIDs */

/* Of `count` ascending UIDs from `first` to `last`, between how many and how many are below `uid`: UIDs are mostly next to each other,
 * and then there is nothing left to search. */
static inline void hf_narrow(uint32_t first, uint32_t last, uint32_t count, uint32_t uid, uint32_t *low, uint32_t *high)
{
	if (uid <= first) {
		*low = *high = 0;
	} else if (uid > last) {
		*low = *high = count;
	} else {
		uint32_t above = last - uid + 1; /* at most so many are not below */

		*low = above < count ? count - above : 0;
		*high = uid - first < count ? uid - first : count;
	}
}

/* How many of ascending UIDs are less than `uid`, which is known to be between `low` and `high`. */
static inline uint32_t hf_uids_below(const uint32_t *uids, uint32_t low, uint32_t high, uint32_t uid)
{
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hf_uidlist;

/* An empty list. */
struct hf_uidlist *hf_uidlist_new(void);
struct hf_uidlist *hf_uidlist_ref(struct hf_uidlist *list);
void hf_uidlist_unref(struct hf_uidlist **list);

uint32_t hf_uidlist_count(const struct hf_uidlist *list);
/* The UID at a rank below count. O(log n). */
uint32_t hf_uidlist_at(const struct hf_uidlist *list, uint32_t rank);
/* How many UIDs are smaller: the rank of the first that is >= uid, or count. O(log n). */
uint32_t hf_uidlist_rank(const struct hf_uidlist *list, uint32_t uid);
bool hf_uidlist_has(const struct hf_uidlist *list, uint32_t uid,
		    uint32_t *rank); /* rank may be NULL */
/* The UIDs from `rank` on that lie in one piece; *count is at least 1 for a rank below count, else
 * 0. Borrowed. */
const uint32_t *hf_uidlist_slice(const struct hf_uidlist *list, uint32_t rank, uint32_t *count);

/* A new list with `count` UIDs more, ascending, all greater than the last. Copies at most one
 * chunk. */
struct hf_uidlist *hf_uidlist_append(const struct hf_uidlist *list, const uint32_t *uids,
				     uint32_t count);
/* A new list without those of `uids` (ascending, distinct) that are in it. Copies only the chunks
 * that change. */
struct hf_uidlist *hf_uidlist_remove(const struct hf_uidlist *list, const uint32_t *uids,
				     size_t count);

/* Chunks that two lists have in common, and chunks of one: for tests. */
uint32_t hf_uidlist_shared(const struct hf_uidlist *a, const struct hf_uidlist *b);
uint32_t hf_uidlist_chunks(const struct hf_uidlist *list);

#endif
