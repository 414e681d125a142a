/* SPDX-License-Identifier: BSD-2-Clause */
/* Syncing a view: the difference between what its client has been told and what is published, in
 * the order in which to tell it. Under the mailbox's lock only the raw changes are gathered and the
 * newest list is taken; numbers are worked out afterwards. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

/* What is gathered under the lock. */
struct gathered {
	struct hf_uidlist *old;
	struct hf_uidvec gone;    /* expunged since, in order of time */
	struct hf_uidvec changed; /* came or changed since */
	uint32_t old_uidnext;
	bool claimed; /* \Recent messages */
	bool keywords;
};

bool hf_view_has_news(const struct hf_view *view)
{
	return view->held ||
	       atomic_load_explicit(&view->mailbox->version, memory_order_acquire) != view->synced;
}

static void reached(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;

	pthread_mutex_lock(&mb->watch);
	view->synced = atomic_load(&mb->version);
	view->woken = false;
	pthread_mutex_unlock(&mb->watch);
}

/* The old list and what is new, without leaving out what is gone. */
static struct hf_uidlist *extended(const struct hf_mailbox *mb, struct hf_uidlist *old,
				   uint32_t from)
{
	struct hf_recplace place = hf_recset_seek(&mb->live, from);
	struct hf_uidvec fresh = { 0 };
	const struct hf_record *record;
	struct hf_uidlist *list;

	while ((record = hf_recset_get(&mb->live, place)) != NULL) {
		hf_uidvec_add(&fresh, record->uid.n);
		hf_recset_next(&mb->live, &place);
	}
	list = fresh.count ? hf_uidlist_append(old, fresh.uids, (uint32_t)fresh.count)
			   : hf_uidlist_ref(old);
	hf_uidvec_fini(&fresh);
	return list;
}

static void gather_locked(struct hf_view *view, bool hold_expunges, struct gathered *g)
	HF_REQUIRES(view->mailbox->lock);
static void gather_locked(struct hf_view *view, bool hold_expunges, struct gathered *g)
{
	struct hf_mailbox *mb = view->mailbox;
	uint64_t pending = mb->first_gone + mb->gone_count - view->gone_next;

	g->old = view->list;
	g->old_uidnext = view->uidnext;
	hf_mailbox_changes_locked(mb, view, view->modseq, &g->changed);
	view->held = hold_expunges && pending > 0;
	if (view->held) {
		view->list = extended(mb, g->old, view->uidnext);
	} else {
		for (uint64_t i = mb->gone_count - pending; i < mb->gone_count; i++)
			hf_uidvec_add(&g->gone, mb->gone[mb->gone_head + i].uid);
		view->list = hf_uidlist_ref(hf_mailbox_list_locked(mb));
		if (pending) {
			hf_mailbox_mark_drop_locked(mb, view);
			hf_mailbox_mark_add_locked(mb, view);
		}
	}
	g->keywords = view->keyword_version != mb->keyword_version;
	view->keyword_version = mb->keyword_version;
	view->modseq = mb->modseq;
	view->uidnext = mb->uidnext;
	view->uidvalidity = mb->uidvalidity;
	g->claimed = hf_view_claim_locked(view);
	reached(view);
}

static void tell_vanished(const struct gathered *g, struct hf_uidvec *gone, struct hf_arena *arena,
			  struct hf_sync *sync)
{
	struct hf_set vanished = HF_SET_INIT;
	uint32_t rank;
	size_t n = 0;

	hf_uidvec_sort(gone);
	if (gone->count == 0)
		return;
	sync->expunged = hf_new_array(arena, uint32_t, gone->count);
	/* From the highest down, so that each number still holds when its turn comes. */
	for (size_t i = gone->count; i > 0; i--) {
		if (hf_uidlist_has(g->old, gone->uids[i - 1], &rank))
			sync->expunged[n++] = rank + 1;
	}
	for (size_t i = 0; i < gone->count; i++) {
		if (hf_uidlist_has(g->old, gone->uids[i], NULL))
			hf_set_add(&vanished, gone->uids[i]);
	}
	sync->expunged_count = n;
	if (vanished.count) {
		sync->vanished.count = vanished.count;
		sync->vanished.ranges = hf_arena_memdup(arena, vanished.ranges,
							vanished.count * sizeof(*vanished.ranges));
	}
	hf_set_fini(&vanished);
}

static void tell_changed(const struct hf_view *view, const struct gathered *g,
			 struct hf_uidvec *changed, struct hf_arena *arena, struct hf_sync *sync)
{
	uint32_t rank;

	hf_uidvec_sort(changed);
	if (changed->count == 0 || changed->uids[0] >= g->old_uidnext)
		return;
	sync->changed = hf_new_array(arena, struct hf_seq, changed->count);
	for (size_t i = 0; i < changed->count && changed->uids[i] < g->old_uidnext; i++) {
		if (hf_uidlist_has(view->list, changed->uids[i], &rank))
			sync->changed[sync->changed_count++] = HF_SEQ(rank + 1);
	}
}

void hf_view_sync(struct hf_view *view, bool hold_expunges, struct hf_arena *arena,
		  struct hf_sync *sync)
{
	struct hf_mailbox *mb = view->mailbox;
	struct gathered g = { 0 };
	uint32_t recent_before = view->recent_count, fresh;

	memset(sync, 0, sizeof(*sync));
	if (!hf_view_has_news(view)) {
		sync->exists = sync->exists_before = hf_uidlist_count(view->list);
		return;
	}
	pthread_rwlock_wrlock(&mb->lock);
	if (mb->state == HF_MAILBOX_DELETED || view->overrun) {
		reached(view);
		hf_mailbox_mourned_locked(mb, view);
		view->held = true; /* stays news */
		pthread_rwlock_unlock(&mb->lock);
		sync->deleted = true;
		return;
	}
	gather_locked(view, hold_expunges, &g);
	pthread_rwlock_unlock(&mb->lock);

	tell_vanished(&g, &g.gone, arena, sync);
	tell_changed(view, &g, &g.changed, arena, sync);
	hf_view_count_recent(view);
	sync->exists = hf_uidlist_count(view->list);
	sync->exists_before = hf_uidlist_count(g.old) - (uint32_t)sync->expunged_count;
	hf_assert(sync->exists_before <= sync->exists);
	fresh = sync->exists - sync->exists_before;
	sync->recent_changed = view->recent_count != recent_before || (fresh && view->recent_count);
	sync->keywords_changed = g.keywords;
	if (g.claimed)
		hf_store_claim_recent(view->store, mb->open.id, HF_UID(view->uidnext));
	hf_uidvec_fini(&g.gone);
	hf_uidvec_fini(&g.changed);
	hf_uidlist_unref(&g.old);
}
