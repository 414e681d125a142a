/* SPDX-License-Identifier: BSD-2-Clause */
/* What somebody has seen of a mailbox that is another's: in memory while views of his have it open.
 *
 * Publications carry whole blocks, so they may come while the rows are being read: a block that was published is the truth, and
 * what was read is shown once the barrier says that it is durable. */

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

enum seen_state { SEEN_NEW, SEEN_READING, SEEN_WAITING, SEEN_READY };

struct hf_seen {
	struct hf_seen *next; /* of the mailbox */
	struct hf_mailbox *mailbox;
	uint64_t user;
	uint32_t refs; /* views, and the barrier */
	enum seen_state state;
	struct hf_waiter barrier;
	struct seen_block **blocks; /* by number */
	size_t count, capacity;
};

static size_t block_at(const struct hf_seen *seen, uint32_t number)
{
	size_t low = 0, high = seen->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (seen->blocks[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL: there is none with the UID. */
static const struct seen_block *block_of(const struct hf_seen *seen, uint32_t uid)
{
	size_t at = block_at(seen, uid / SEEN_BLOCK);

	return at < seen->count && seen->blocks[at]->number == uid / SEEN_BLOCK ? seen->blocks[at] : NULL;
}

bool hf_seen_has(const struct hf_seen *seen, uint32_t uid)
{
	const struct seen_block *block = block_of(seen, uid);

	return block && seen_has(block, uid);
}

void hf_seen_show(const struct hf_seen *seen, struct hf_record *record)
{
	uint32_t uid = record->uid.n;
	const struct seen_block *block = block_of(seen, uid);
	uint64_t modseq;

	record->flags &= ~HF_FLAG_SEEN & 0xffff;
	if (!block)
		return;
	if (seen_has(block, uid))
		record->flags |= HF_FLAG_SEEN;
	modseq = seen_modseq(block, uid);
	if (modseq > record->modseq.n)
		record->modseq.n = modseq;
}

void hf_seen_changes(const struct hf_seen *seen, uint64_t modseq, struct hf_uidvec *uids)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct seen_block *block = seen->blocks[i];
		uint64_t bits[SEEN_WORDS] = { 0 };

		if (seen_modseq_max(block) <= modseq)
			continue;
		seen_changed(block, modseq, bits);
		for (uint32_t at = 0; at < SEEN_BLOCK; at++)
			if (seen_bit(bits, at))
				hf_uidvec_add(uids, block->number * SEEN_BLOCK + at);
	}
}

static void put_block(struct hf_seen *seen, const struct seen_block *block, bool published)
{
	size_t at = block_at(seen, block->number);

	if (at < seen->count && seen->blocks[at]->number == block->number) {
		if (published)
			*seen->blocks[at] = *block;
		return;
	}
	if (seen->count == seen->capacity) {
		seen->capacity = seen->capacity ? 2 * seen->capacity : 4;
		seen->blocks = hf_realloc_array(seen->blocks, seen->capacity, sizeof(struct seen_block *));
	}
	memmove(seen->blocks + at + 1, seen->blocks + at, (seen->count - at) * sizeof(struct seen_block *));
	seen->blocks[at] = hf_memdup(block, sizeof(*block));
	seen->count++;
}

void hf_seen_publish_locked(struct hf_mailbox *mb, const struct seen_change *changes)
{
	for (; changes; changes = changes->next)
		for (struct hf_seen *seen = mb->seen; changes->dirty && seen; seen = seen->next)
			if (seen->user == changes->user)
				put_block(seen, &changes->block, true);
}

static struct hf_seen *attach_locked(struct hf_mailbox *mb, uint64_t user)
{
	struct hf_seen *seen = mb->seen;

	while (seen && seen->user != user)
		seen = seen->next;
	if (!seen) {
		seen = hf_alloc_zero(sizeof(*seen));
		seen->mailbox = mb;
		seen->user = user;
		seen->next = mb->seen;
		mb->seen = seen;
	}
	seen->refs++;
	return seen;
}

static void detach_locked(struct hf_mailbox *mb, struct hf_seen *seen)
{
	struct hf_seen **at = &mb->seen;

	if (--seen->refs)
		return;
	while (*at != seen)
		at = &(*at)->next;
	*at = seen->next;
	for (size_t i = 0; i < seen->count; i++)
		hf_free(seen->blocks[i]);
	hf_free(seen->blocks);
	hf_free(seen);
}

void hf_seen_close_locked(struct hf_view *view)
{
	if (view->seen)
		detach_locked(view->mailbox, view->seen);
	view->seen = NULL;
}

static void settle(struct hf_seen *seen, enum seen_state state)
{
	struct hf_mailbox *mb = seen->mailbox;

	pthread_rwlock_wrlock(&mb->lock);
	seen->state = state;
	detach_locked(mb, seen);
	pthread_rwlock_unlock(&mb->lock);
}

static void barrier_passed(struct hf_waiter *waiter)
{
	struct hf_seen *seen = HF_CONTAINER(waiter, struct hf_seen, barrier);
	struct hf_mailbox *mb = seen->mailbox;

	settle(seen, SEEN_READY);
	hf_mailbox_wake_opening(mb, NULL);
	hf_mailbox_release(mb);
}

/* Reads the rows; nobody else does, but publications come. Takes over a reference of the caller. */
static enum hf_status read_rows(struct hf_seen *seen, const struct hf_view *view)
{
	struct hf_mailbox *mb = seen->mailbox;
	struct seen_block *blocks = NULL;
	size_t count = 0;
	enum hf_status status = hf_rows_seen(mb->registry->store, mb->open.id, seen->user, &blocks, &count);

	pthread_rwlock_wrlock(&mb->lock);
	for (size_t i = 0; i < count; i++)
		put_block(seen, &blocks[i], false);
	seen->state = SEEN_WAITING;
	pthread_rwlock_unlock(&mb->lock);
	hf_free(blocks);
	hf_open_ref(mb->registry, &mb->open); /* the barrier's */
	seen->barrier.wake = barrier_passed;
	if (status == HF_OK)
		status = hf_store_barrier(mb->registry->store, &seen->barrier);
	if (status == HF_WAIT)
		return status;
	settle(seen, status == HF_OK ? SEEN_READY : SEEN_NEW);
	hf_mailbox_wake_opening(mb, view);
	hf_mailbox_release(mb);
	return status;
}

enum hf_status hf_seen_load(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;
	enum seen_state state;

	pthread_rwlock_wrlock(&mb->lock);
	if (!view->user || view->user == mb->owner) {
		pthread_rwlock_unlock(&mb->lock);
		return HF_OK;
	}
	if (!view->seen)
		view->seen = attach_locked(mb, view->user);
	state = view->seen->state;
	if (state == SEEN_NEW) {
		view->seen->state = SEEN_READING;
		view->seen->refs++;
	}
	pthread_rwlock_unlock(&mb->lock);
	if (state == SEEN_NEW)
		return read_rows(view->seen, view);
	return state == SEEN_READY ? HF_OK : HF_WAIT;
}
