/* SPDX-License-Identifier: BSD-2-Clause */
/* Immutable UID lists: a spine of (chunk, first UID, UIDs before it) over chunks of ascending UIDs.
 *
 * No chunk is empty; first UIDs and prefix counts ascend. A chunk is written only before the list
 * that brought it is returned, so chunks and lists need no lock. */
#include "storage/uidlist_priv.h"

#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct chunk {
	_Atomic uint32_t refs;
	uint32_t count;
	uint32_t uids[];
};

struct spine {
	struct chunk *chunk;
	uint32_t first;  /* chunk->uids[0] */
	uint32_t before; /* UIDs in earlier chunks */
};

struct hf_uidlist {
	_Atomic uint32_t refs;
	uint32_t count;
	uint32_t chunk_count;
	struct spine spine[];
};

static struct hf_uidlist *list_new(size_t chunks)
{
	struct hf_uidlist *list = hf_alloc(sizeof(*list) + chunks * sizeof(struct spine));

	atomic_init(&list->refs, 1);
	list->count = 0;
	list->chunk_count = 0;
	return list;
}

static struct chunk *chunk_new(uint32_t capacity)
{
	struct chunk *chunk = hf_alloc(sizeof(*chunk) + capacity * sizeof(uint32_t));

	atomic_init(&chunk->refs, 1);
	chunk->count = 0;
	return chunk;
}

static struct chunk *chunk_ref(struct chunk *chunk)
{
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	return chunk;
}

static void chunk_unref(struct chunk *chunk)
{
	if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1)
		hf_free(chunk);
}

/* Takes over the reference. */
static void list_push(struct hf_uidlist *list, struct chunk *chunk)
{
	hf_assert(chunk->count > 0);
	list->spine[list->chunk_count++] = (struct spine){ chunk, chunk->uids[0], list->count };
	list->count += chunk->count;
}

struct hf_uidlist *hf_uidlist_new(void)
{
	return list_new(0);
}

struct hf_uidlist *hf_uidlist_ref(struct hf_uidlist *list)
{
	atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
	return list;
}

void hf_uidlist_unref(struct hf_uidlist **listp)
{
	struct hf_uidlist *list = *listp;

	*listp = NULL;
	if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < list->chunk_count; i++)
		chunk_unref(list->spine[i].chunk);
	hf_free(list);
}

uint32_t hf_uidlist_count(const struct hf_uidlist *list)
{
	return list->count;
}

/* The last chunk with before <= rank; the list is not empty. */
static uint32_t chunk_of_rank(const struct hf_uidlist *list, uint32_t rank)
{
	uint32_t low = 0, high = list->chunk_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (list->spine[middle].before <= rank)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The last chunk with first <= uid, or 0; the list is not empty. */
static uint32_t chunk_of_uid(const struct hf_uidlist *list, uint32_t uid)
{
	uint32_t low = 0, high = list->chunk_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (list->spine[middle].first <= uid)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* How many of a chunk's UIDs are smaller. */
static uint32_t below(const struct chunk *chunk, uint32_t uid)
{
	uint32_t low, high;

	hf_narrow(chunk->uids[0], chunk->uids[chunk->count - 1], chunk->count, uid, &low, &high);
	return hf_uids_below(chunk->uids, low, high, uid);
}

uint32_t hf_uidlist_at(const struct hf_uidlist *list, uint32_t rank)
{
	const struct spine *spine;

	hf_assert(rank < list->count);
	spine = &list->spine[chunk_of_rank(list, rank)];
	return spine->chunk->uids[rank - spine->before];
}

uint32_t hf_uidlist_rank(const struct hf_uidlist *list, uint32_t uid)
{
	const struct spine *spine;

	if (list->count == 0)
		return 0;
	spine = &list->spine[chunk_of_uid(list, uid)];
	return spine->before + below(spine->chunk, uid);
}

bool hf_uidlist_has(const struct hf_uidlist *list, uint32_t uid, uint32_t *rank)
{
	const struct spine *spine;
	uint32_t at;

	if (list->count == 0)
		return false;
	spine = &list->spine[chunk_of_uid(list, uid)];
	at = below(spine->chunk, uid);
	if (at == spine->chunk->count || spine->chunk->uids[at] != uid)
		return false;
	if (rank)
		*rank = spine->before + at;
	return true;
}

const uint32_t *hf_uidlist_slice(const struct hf_uidlist *list, uint32_t rank, uint32_t *count)
{
	const struct spine *spine;

	*count = 0;
	if (rank >= list->count)
		return NULL;
	spine = &list->spine[chunk_of_rank(list, rank)];
	*count = spine->chunk->count - (rank - spine->before);
	return spine->chunk->uids + (rank - spine->before);
}

struct hf_uidlist *hf_uidlist_append(const struct hf_uidlist *list, const uint32_t *uids,
				     uint32_t count)
{
	struct hf_uidlist *result = list_new(list->chunk_count + count / HF_UIDCHUNK_MAX + 2);
	uint32_t keep = list->chunk_count;
	const struct chunk *last = keep ? list->spine[keep - 1].chunk : NULL;
	uint32_t room = last ? HF_UIDCHUNK_MAX - last->count : 0;

	hf_assert(!last || count == 0 || last->uids[last->count - 1] < uids[0]);
	if (room && count)
		keep--; /* copied and filled up */
	for (uint32_t i = 0; i < keep; i++)
		list_push(result, chunk_ref(list->spine[i].chunk));
	if (room && count) {
		uint32_t more = count < room ? count : room;
		struct chunk *chunk = chunk_new(last->count + more);

		memcpy(chunk->uids, last->uids, last->count * sizeof(uint32_t));
		memcpy(chunk->uids + last->count, uids, more * sizeof(uint32_t));
		chunk->count = last->count + more;
		list_push(result, chunk);
		uids += more;
		count -= more;
	}
	while (count) {
		uint32_t more = count < HF_UIDCHUNK_MAX ? count : HF_UIDCHUNK_MAX;
		struct chunk *chunk = chunk_new(more);

		memcpy(chunk->uids, uids, more * sizeof(uint32_t));
		chunk->count = more;
		list_push(result, chunk);
		uids += more;
		count -= more;
	}
	return result;
}

/* A copy of the chunk without uids[*next..] as far as they lie in it; NULL when nothing is left. */
static struct chunk *chunk_without(const struct chunk *chunk, const uint32_t *uids, size_t count,
				   size_t *next)
{
	struct chunk *left = chunk_new(chunk->count);
	uint32_t from = 0;

	while (*next < count && uids[*next] <= chunk->uids[chunk->count - 1]) {
		uint32_t at = from;

		/* Neighbours are usually removed together: look at the next one before searching.
		 */
		if (at < chunk->count && chunk->uids[at] < uids[*next])
			at = below(chunk, uids[*next]);
		memcpy(left->uids + left->count, chunk->uids + from,
		       (at - from) * sizeof(uint32_t));
		left->count += at - from;
		from = at < chunk->count && chunk->uids[at] == uids[*next] ? at + 1 : at;
		(*next)++;
	}
	memcpy(left->uids + left->count, chunk->uids + from,
	       (chunk->count - from) * sizeof(uint32_t));
	left->count += chunk->count - from;
	if (left->count == 0) {
		hf_free(left);
		return NULL;
	}
	return left;
}

/* Joins the last chunk and `chunk` when both are small, so that a thinned-out list does not keep
 * thousands of tiny ones. */
static bool list_merge(struct hf_uidlist *list, struct chunk *chunk)
{
	struct spine *last;
	struct chunk *both;

	if (list->chunk_count == 0)
		return false;
	last = &list->spine[list->chunk_count - 1];
	if (last->chunk->count + chunk->count > HF_UIDCHUNK_MAX / 2)
		return false;
	both = chunk_new(last->chunk->count + chunk->count);
	memcpy(both->uids, last->chunk->uids, last->chunk->count * sizeof(uint32_t));
	memcpy(both->uids + last->chunk->count, chunk->uids, chunk->count * sizeof(uint32_t));
	both->count = last->chunk->count + chunk->count;
	list->count -= last->chunk->count;
	list->chunk_count--;
	chunk_unref(last->chunk);
	chunk_unref(chunk);
	list_push(list, both);
	return true;
}

struct hf_uidlist *hf_uidlist_remove(const struct hf_uidlist *list, const uint32_t *uids,
				     size_t count)
{
	struct hf_uidlist *result = list_new(list->chunk_count);
	size_t next = 0;

	for (uint32_t i = 0; i < list->chunk_count; i++) {
		struct chunk *chunk = list->spine[i].chunk;

		while (next < count && uids[next] < list->spine[i].first)
			next++;
		if (next < count && uids[next] <= chunk->uids[chunk->count - 1])
			chunk = chunk_without(chunk, uids, count, &next);
		else
			chunk_ref(chunk);
		if (chunk && !list_merge(result, chunk))
			list_push(result, chunk);
	}
	return result;
}

uint32_t hf_uidlist_shared(const struct hf_uidlist *a, const struct hf_uidlist *b)
{
	uint32_t shared = 0;

	for (uint32_t i = 0, j = 0; i < a->chunk_count && j < b->chunk_count;) {
		if (a->spine[i].chunk == b->spine[j].chunk) {
			shared++;
			i++;
			j++;
		} else if (a->spine[i].first < b->spine[j].first) {
			i++;
		} else {
			j++;
		}
	}
	return shared;
}

uint32_t hf_uidlist_chunks(const struct hf_uidlist *list)
{
	return list->chunk_count;
}
