/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading a mailbox, by the session of one of its views (register, buffer, load, apply by modseq,
 * answer when flushed). The others wait.
 *
 * Of a large mailbox the row alone tells what SELECT has to: counts, UIDNEXT, keywords. So its loader may go ahead when
 * the row is durable, as a view that is *early*: it has been told the state at the row's modseq, and gets its UID list
 * when all has been read. That list is the one of that state: what has come meanwhile is not in it, and what has been
 * expunged meanwhile still is, since the publications that were held back say what it was. The next sync tells the rest. */
#include <string.h>

#include "base/mem.h"
#include "storage/show_priv.h"
#include "storage/store.h"

static void barrier_passed(struct hf_waiter *waiter)
{
	struct hf_load_barrier *barrier = HF_CONTAINER(waiter, struct hf_load_barrier, waiter);
	struct hf_mailbox *mb = barrier->mailbox;

	pthread_rwlock_wrlock(&mb->lock);
	barrier->passed = true;
	pthread_rwlock_unlock(&mb->lock);
	hf_mailbox_wake_opening(mb, NULL);
	hf_mailbox_release(mb);
}

void hf_mailbox_load_init(struct hf_mailbox *mb)
{
	mb->load_next = 1;
	mb->load_row_barrier.waiter.wake = barrier_passed;
	mb->load_row_barrier.mailbox = mb;
	mb->load_barrier.waiter.wake = barrier_passed;
	mb->load_barrier.mailbox = mb;
}

/* HF_OK when all that was read before the first call is durable and published, and so is in `pending`. */
static enum hf_status pass(struct hf_mailbox *mb, struct hf_load_barrier *barrier)
{
	enum hf_status status;
	bool passed;

	if (!barrier->asked) {
		barrier->asked = true;
		hf_open_ref(mb->registry, &mb->open); /* the waiter's */
		status = hf_store_barrier(mb->registry->store, &barrier->waiter);
		if (status != HF_WAIT) {
			hf_mailbox_release(mb);
			barrier->asked = status == HF_OK;
			if (status != HF_OK)
				return status;
			pthread_rwlock_wrlock(&mb->lock);
			barrier->passed = true;
			pthread_rwlock_unlock(&mb->lock);
		}
	}
	pthread_rwlock_rdlock(&mb->lock);
	passed = barrier->passed;
	pthread_rwlock_unlock(&mb->lock);
	return passed ? HF_OK : HF_WAIT;
}

static enum hf_status load_row(struct hf_mailbox *mb, struct hf_mailbox_info *info)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_str *keywords;
	unsigned keyword_count;
	enum hf_status status;

	status = hf_rows_mailbox(mb->registry->store, mb->open.id, arena, info, &keywords,
				 &keyword_count);
	if (status == HF_OK) {
		pthread_rwlock_wrlock(&mb->lock);
		mb->owner = info->owner;
		hf_mailbox_set_info_locked(mb, info);
		hf_mailbox_set_keywords_locked(mb, keywords, keyword_count);
		if (!mb->load_published)
			mb->load_recent = info->recent;
		pthread_rwlock_unlock(&mb->lock);
		mb->load_row_done = true;
	}
	info->name = HF_STR_NULL;
	hf_arena_free(&arena);
	return status;
}

/* HF_MORE: there is more to read. The records and the list are the loader's alone until the mailbox
 * is ready. */
static enum hf_status load_slice(struct hf_mailbox *mb)
{
	uint32_t slice = mb->registry->load_slice, count = 0;
	struct hf_record *records = hf_realloc_array(NULL, slice, sizeof(*records));
	uint32_t *uids = NULL;
	enum hf_status status;

	status = hf_rows_index(mb->registry->store, mb->open.id, HF_UID(mb->load_next), slice,
			       records, &count);
	if (status != HF_OK)
		goto out;
	if (count) {
		uids = hf_realloc_array(NULL, count, sizeof(*uids));
		for (uint32_t i = 0; i < count; i++)
			uids[i] = records[i].uid.n;
		hf_recset_append(&mb->live, records, count);
		hf_mailbox_list_set_locked(mb, hf_uidlist_append(mb->list, uids, count));
		mb->list_last = uids[count - 1];
		mb->load_next = mb->list_last + 1;
	}
	if (count == slice && mb->list_last != UINT32_MAX)
		status = HF_MORE;
	else
		mb->load_index_done = true;
out:
	hf_free(uids);
	hf_free(records);
	return status;
}

/* What had been expunged before it was read, and after the client was told of it. */
static void bring_back(struct hf_mailbox *mb, const struct hf_early *early) HF_REQUIRES(mb->lock);
static void bring_back(struct hf_mailbox *mb, const struct hf_early *early)
{
	bool any = false;

	for (size_t i = 0; i < mb->pending_count; i++) {
		const struct hf_change *change = &mb->pending[i];
		const struct hf_record *record = &change->record;

		if (change->kind == HF_CHANGE_GONE && record->modseq.n > early->info.highestmodseq.n &&
		    record->uid.n < early->info.uidnext.n && !hf_recset_find(&mb->live, record->uid.n))
			any |= hf_recset_put(&mb->live, record);
	}
	if (any) {
		hf_mailbox_list_set_locked(mb, hf_uidlist_new());
		mb->list_last = 0;
	}
}

/* Of the list, what was there when the client was told. */
static struct hf_uidlist *list_before(struct hf_uidlist *list, uint32_t uidnext)
{
	uint32_t count = hf_uidlist_count(list), kept = hf_uidlist_rank(list, uidnext);
	struct hf_uidlist *before;
	uint32_t *uids;

	if (kept == count)
		return hf_uidlist_ref(list);
	uids = hf_realloc_array(NULL, count - kept, sizeof(*uids));
	for (uint32_t i = kept; i < count; i++)
		uids[i - kept] = hf_uidlist_at(list, i);
	before = hf_uidlist_remove(list, uids, count - kept);
	hf_free(uids);
	return before;
}

/* The view becomes one like all others, before what was held back is applied. True: \Recent messages have become its own. */
static bool attach_early(struct hf_mailbox *mb, struct hf_view *view) HF_REQUIRES(mb->lock);
static bool attach_early(struct hf_mailbox *mb, struct hf_view *view)
{
	const struct hf_mailbox_info *told = &view->early->info;
	uint32_t count;

	bring_back(mb, view->early);
	hf_uidlist_unref(&view->list);
	view->list = list_before(hf_mailbox_list_locked(mb), told->uidnext.n);
	count = hf_uidlist_count(view->list);
	hf_mailbox_mark_add_locked(mb, view);
	mb->recent_from = view->recent_count && view->recent_count <= count ? hf_uidlist_at(view->list, count - view->recent_count)
									   : told->uidnext.n;
	if (mb->recent_from < told->uidnext.n)
		hf_set_add_range(&view->recent, mb->recent_from, told->uidnext.n - 1);
	if (!view->examine)
		mb->recent_from = told->uidnext.n;
	pthread_mutex_lock(&mb->watch);
	view->attached = true;
	pthread_mutex_unlock(&mb->watch);
	if (count != told->messages) {
		hf_mailbox_mark_drop_locked(mb, view);
		view->overrun = true; /* it has been told other numbers: its session has to start over */
	}
	return view->recent.count && !view->examine;
}

/* Where nobody has been told anything yet. */
static void set_recent(struct hf_mailbox *mb) HF_REQUIRES(mb->lock);
static void set_recent(struct hf_mailbox *mb)
{
	/* The row knows how many are \Recent: always the last ones. */
	const struct hf_uidlist *list = hf_mailbox_list_locked(mb);
	uint32_t count = hf_uidlist_count(list);
	uint32_t recent = mb->load_recent < count ? mb->load_recent : count;

	mb->recent_from = recent ? hf_uidlist_at(list, count - recent) : mb->uidnext;
}

static void load_finish(struct hf_mailbox *mb, struct hf_view *view)
{
	bool claimed = false;

	pthread_rwlock_wrlock(&mb->lock);
	if (mb->state == HF_MAILBOX_LOADING) {
		if (view->early)
			claimed = attach_early(mb, view);
		for (size_t i = 0; i < mb->pending_count; i++)
			hf_mailbox_apply_locked(mb, &mb->pending[i]);
		if (!view->early)
			set_recent(mb);
		else if (mb->pending_count || view->overrun || view->keyword_version != mb->keyword_version)
			atomic_fetch_add(&mb->version, 1); /* there is something to sync */
		mb->log_count = 0;
		mb->log_floor = mb->modseq;
		mb->state = HF_MAILBOX_READY;
	}
	hf_free(mb->pending);
	mb->pending = NULL;
	mb->pending_count = mb->pending_capacity = 0;
	mb->loader = NULL;
	pthread_rwlock_unlock(&mb->lock);
	if (view->attached)
		hf_view_count_recent(view);
	if (claimed)
		hf_store_claim_recent(view->store, mb->open.id, HF_UID(view->uidnext));
}

/* Whether the mailbox is to be loaded by this view's session; else *status. */
static bool is_loader(struct hf_mailbox *mb, struct hf_view *view, enum hf_status *status)
{
	enum hf_mailbox_state state;
	struct hf_view *loader;

	pthread_rwlock_wrlock(&mb->lock);
	state = mb->state;
	if (state == HF_MAILBOX_LOADING && !mb->loader)
		mb->loader = view;
	loader = mb->loader;
	pthread_rwlock_unlock(&mb->lock);
	if (state != HF_MAILBOX_LOADING)
		*status = state == HF_MAILBOX_READY ? HF_OK : HF_ENONEXISTENT;
	else
		*status = loader == view ? HF_OK : HF_WAIT;
	return state == HF_MAILBOX_LOADING && loader == view;
}

enum hf_status hf_mailbox_load(struct hf_mailbox *mb, struct hf_view *view)
{
	struct hf_mailbox_info info;
	enum hf_status status;

	if (!is_loader(mb, view, &status))
		return status;
	if (!mb->load_row_done)
		status = load_row(mb, &info);
	if (status == HF_OK && !mb->load_index_done)
		status = load_slice(mb);
	if (status == HF_OK)
		status = pass(mb, &mb->load_barrier);
	if (status != HF_OK)
		return status;
	load_finish(mb, view);
	hf_mailbox_wake_opening(mb, view);
	return HF_OK;
}

static void tell_early(struct hf_mailbox *mb, struct hf_view *view)
{
	const struct hf_mailbox_info *info = &view->early->info;

	view->early->told = true;
	view->list = hf_uidlist_new();
	view->owner = info->owner;
	view->uidvalidity = info->uidvalidity;
	view->uidnext = info->uidnext.n;
	view->modseq = info->highestmodseq.n;
	view->recent_count = info->recent;
	pthread_rwlock_rdlock(&mb->lock);
	view->keyword_version = mb->keyword_version;
	view->synced = atomic_load(&mb->version);
	pthread_rwlock_unlock(&mb->lock);
}

enum hf_status hf_mailbox_load_early(struct hf_mailbox *mb, struct hf_view *view)
{
	struct hf_mailbox_info info;
	enum hf_status status;

	if (!is_loader(mb, view, &status))
		return status == HF_OK ? HF_MORE : status;
	if (!view->early) {
		if (mb->load_row_done) /* by another, earlier: it may be behind what has been answered since */
			return HF_MORE;
		status = load_row(mb, &info);
		if (status != HF_OK)
			return status;
		if (info.messages < mb->registry->early_least || (view->user && view->user != info.owner))
			return HF_MORE;
		view->early = hf_alloc_zero(sizeof(*view->early));
		view->early->info = info;
	}
	status = pass(mb, &mb->load_row_barrier);
	if (status != HF_OK)
		return status;
	tell_early(mb, view);
	return HF_OK;
}

void hf_mailbox_load_abandon(struct hf_mailbox *mb, struct hf_view *view)
{
	bool was_loader;

	pthread_rwlock_wrlock(&mb->lock);
	was_loader = mb->loader == view;
	if (was_loader)
		mb->loader = NULL;
	pthread_rwlock_unlock(&mb->lock);
	if (was_loader)
		hf_mailbox_wake_opening(mb, NULL);
}
