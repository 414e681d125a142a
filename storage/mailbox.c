/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_mailbox: the published state of an open mailbox, shared by its views.
 *
 * It changes by publications only, which arrive in commit order. Expunged records live on as ghosts
 * while a view may show them: expunges are numbered, each view stands before the first it has not
 * synced, and an expunge before which nobody stands any more is forgotten from the old end on. All
 * costs follow the changes, not the size. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

/* Vectors of UIDs
 * ----------------------------------------------------------------------------------------------------
 */

void hf_uidvec_add(struct hf_uidvec *vec, uint32_t uid)
{
	if (vec->count == vec->capacity) {
		vec->capacity = vec->capacity ? vec->capacity * 2 : 16;
		vec->uids = hf_realloc_array(vec->uids, vec->capacity, sizeof(uint32_t));
	}
	vec->uids[vec->count++] = uid;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void hf_uidvec_sort(struct hf_uidvec *vec)
{
	size_t kept = 0;

	for (size_t i = 1; i < vec->count; i++) {
		if (vec->uids[i - 1] >= vec->uids[i]) {
			qsort(vec->uids, vec->count, sizeof(uint32_t), by_number);
			break;
		}
	}
	for (size_t i = 0; i < vec->count; i++) {
		if (kept == 0 || vec->uids[kept - 1] != vec->uids[i])
			vec->uids[kept++] = vec->uids[i];
	}
	vec->count = kept;
}

void hf_uidvec_fini(struct hf_uidvec *vec)
{
	hf_free(vec->uids);
	*vec = (struct hf_uidvec){ 0 };
}

/* Life
 * ---------------------------------------------------------------------------------------------------------------
 */

static void mailbox_destroy(struct hf_open *open)
{
	struct hf_mailbox *mb = HF_CONTAINER(open, struct hf_mailbox, open);

	hf_assert(!mb->views && !mb->seen && mb->gone_count == 0 && mb->ghosts.count == 0);
	hf_recset_fini(&mb->live);
	hf_recset_fini(&mb->ghosts);
	hf_free(mb->gone);
	hf_free(mb->log);
	hf_uidlist_unref(&mb->list);
	hf_uidvec_fini(&mb->removed);
	hf_free(mb->pending);
	for (unsigned i = 0; i < HF_KEYWORDS_MAX; i++)
		hf_free(atomic_load_explicit(&mb->keywords[i], memory_order_relaxed));
	pthread_rwlock_destroy(&mb->lock);
	pthread_mutex_destroy(&mb->watch);
	hf_free(mb);
}

static struct hf_open *mailbox_make(struct hf_registry *registry, uint64_t id)
{
	struct hf_mailbox *mb = hf_alloc_zero(sizeof(*mb));
	pthread_rwlockattr_t attr;

	(void)id; /* the registry sets it */
	/* Otherwise readers that overlap could keep the flusher out for good. No reader locks
	 * twice. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&mb->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&mb->watch, NULL);
	mb->registry = registry;
	mb->list = hf_uidlist_new();
	hf_mailbox_load_init(mb);
	mb->open.destroy = mailbox_destroy;
	return &mb->open;
}

struct hf_mailbox *hf_mailbox_acquire(struct hf_registry *registry, uint64_t id)
{
	struct hf_open *open = hf_open_acquire(registry, &registry->mailboxes, id, mailbox_make);

	return HF_CONTAINER(open, struct hf_mailbox, open);
}

void hf_mailbox_release(struct hf_mailbox *mb)
{
	uint64_t cost;
	bool keep;

	pthread_rwlock_rdlock(&mb->lock);
	keep = mb->state == HF_MAILBOX_READY;
	cost = keep ? mb->live.count : 0; /* before that they are the loader's alone */
	pthread_rwlock_unlock(&mb->lock);
	hf_open_release(mb->registry, &mb->registry->mailboxes, &mb->open, keep, cost);
}

uint64_t hf_mailbox_owner(struct hf_mailbox *mb)
{
	uint64_t owner;

	pthread_rwlock_rdlock(&mb->lock);
	owner = mb->owner;
	pthread_rwlock_unlock(&mb->lock);
	return owner;
}

/* Waking
 * -------------------------------------------------------------------------------------------------------------
 */

/* Those that have the mailbox open and have not reached `version`, once until they sync; of one user
 * only, unless that is 0. */
static void wake_behind(struct hf_mailbox *mb, uint64_t version, uint64_t only)
{
	pthread_mutex_lock(&mb->watch);
	for (struct hf_view *view = mb->views; view; view = view->next) {
		if (view->attached && view->synced < version && !view->woken && (!only || view->user == only)) {
			view->woken = true;
			hf_waiter_wake(view->news);
		}
	}
	pthread_mutex_unlock(&mb->watch);
}

void hf_mailbox_wake(struct hf_registry *registry, uint64_t mailbox)
{
	struct hf_open *open = hf_open_acquire(registry, &registry->mailboxes, mailbox, NULL);
	struct hf_mailbox *mb;

	if (!open)
		return;
	mb = HF_CONTAINER(open, struct hf_mailbox, open);
	pthread_mutex_lock(&mb->watch);
	for (struct hf_view *view = mb->views; view; view = view->next)
		hf_waiter_wake(view->news);
	pthread_mutex_unlock(&mb->watch);
	hf_mailbox_release(mb);
}

void hf_mailbox_wake_opening(struct hf_mailbox *mb, const struct hf_view *loader)
{
	pthread_mutex_lock(&mb->watch);
	for (struct hf_view *view = mb->views; view; view = view->next) {
		if (view != loader && !view->attached)
			hf_waiter_wake(view->news);
	}
	pthread_mutex_unlock(&mb->watch);
}

/* Expunges that views have not synced
 * -------------------------------------------------------------------------------- */

static void ghost_drop(struct hf_mailbox *mb, uint32_t uid)
{
	struct hf_record ghost;

	if (hf_recset_remove(&mb->ghosts, uid, &ghost))
		hf_pins_drop_email(mb->registry->pins, mb->owner, ghost.email);
}

/* Forgets the expunges that every view has synced. */
static void gone_trim(struct hf_mailbox *mb)
{
	while (mb->gone_count && mb->gone[mb->gone_head].waiting == 0) {
		ghost_drop(mb, mb->gone[mb->gone_head].uid);
		mb->gone_head++;
		mb->gone_count--;
		mb->first_gone++;
	}
	if (mb->gone_count == 0) {
		mb->gone_head = 0;
		if (mb->gone_capacity > 1024) {
			hf_free(mb->gone);
			mb->gone = NULL;
			mb->gone_capacity = 0;
		}
	}
}

static void gone_push(struct hf_mailbox *mb, const struct hf_record *record)
{
	if (mb->at_end == 0 && mb->gone_count == 0)
		return; /* no views */
	if (mb->gone_head + mb->gone_count == mb->gone_capacity) {
		if (mb->gone_head >= mb->gone_count && mb->gone_head) {
			memmove(mb->gone, mb->gone + mb->gone_head,
				mb->gone_count * sizeof(*mb->gone));
			mb->gone_head = 0;
		} else {
			mb->gone_capacity = mb->gone_capacity ? mb->gone_capacity * 2 : 16;
			mb->gone = hf_realloc_array(mb->gone, mb->gone_capacity, sizeof(*mb->gone));
		}
	}
	mb->gone[mb->gone_head + mb->gone_count++] = (struct hf_gone){ record->uid.n, mb->at_end };
	mb->at_end = 0;
	if (hf_recset_put(&mb->ghosts, record))
		hf_pins_add_email(mb->registry->pins, mb->owner, record->email);
}

static uint32_t *mark_of(struct hf_mailbox *mb, const struct hf_view *view)
{
	uint64_t at = view->gone_next - mb->first_gone;

	hf_assert(at <= mb->gone_count);
	return at == mb->gone_count ? &mb->at_end : &mb->gone[mb->gone_head + at].waiting;
}

void hf_mailbox_mark_add_locked(struct hf_mailbox *mb, struct hf_view *view)
{
	view->gone_next = mb->first_gone + mb->gone_count;
	mb->at_end++;
}

void hf_mailbox_mark_drop_locked(struct hf_mailbox *mb, struct hf_view *view)
{
	if (view->overrun)
		return; /* has none */
	--*mark_of(mb, view);
	gone_trim(mb);
}

/* A session that never syncs would keep every expunged message for good. It may leave as many
 * unsynced as it shows (they were in memory before) and ghosts_max more; then its next sync says
 * that the mailbox is gone, and it has to start over. */
static void check_overrun(struct hf_mailbox *mb)
{
	uint64_t end = mb->first_gone + mb->gone_count;
	uint64_t max = mb->registry->ghosts_max;

	if (mb->gone_count <= max)
		return;
	for (struct hf_view *view = mb->views; view; view = view->next) {
		if (view->attached && !view->overrun &&
		    end - view->gone_next > max + hf_uidlist_count(view->list)) {
			--*mark_of(mb, view);
			view->overrun = true;
		}
	}
	gone_trim(mb);
}

/* The change log
 * -----------------------------------------------------------------------------------------------------
 */

static void log_push(struct hf_mailbox *mb, const struct hf_record *record, uint64_t whose)
{
	size_t max = mb->registry->log_max;

	if (mb->log_count == mb->log_capacity && mb->log_capacity < max) {
		/* Not full before, so it has not wrapped. */
		mb->log_capacity = mb->log_capacity ? mb->log_capacity * 4 : 16;
		if (mb->log_capacity > max)
			mb->log_capacity = max;
		mb->log = hf_realloc_array(mb->log, mb->log_capacity, sizeof(*mb->log));
	}
	if (mb->log_count == mb->log_capacity) {
		mb->log_floor = mb->log[mb->log_head].modseq;
		mb->log_head = (mb->log_head + 1) % mb->log_capacity;
		mb->log_count--;
	}
	mb->log[(mb->log_head + mb->log_count++) % mb->log_capacity] =
		(struct hf_logged){ record->modseq.n, record->uid.n, (uint32_t)whose };
}

void hf_mailbox_changes_locked(const struct hf_mailbox *mb, const struct hf_view *view, uint64_t modseq,
			       struct hf_uidvec *uids)
{
	if (modseq >= mb->log_floor) {
		for (size_t i = mb->log_count; i > 0; i--) {
			const struct hf_logged *logged =
				&mb->log[(mb->log_head + i - 1) % mb->log_capacity];

			if (logged->modseq <= modseq)
				break;
			if (!logged->whose || (view->seen && logged->whose == (uint32_t)view->user))
				hf_uidvec_add(uids, logged->uid);
		}
		return;
	}
	if (view->seen)
		hf_seen_changes(view->seen, modseq, uids);
	for (size_t i = 0; i < mb->live.chunk_count; i++) {
		const struct hf_recchunk *chunk = &mb->live.chunks[i];

		if (chunk->modseq_max <= modseq)
			continue;
		for (uint32_t j = chunk->start; j < chunk->start + chunk->count; j++) {
			if (chunk->records[j].modseq.n > modseq)
				hf_uidvec_add(uids, chunk->records[j].uid.n);
		}
	}
}

/* The UID list
 * -------------------------------------------------------------------------------------------------------
 */

void hf_mailbox_list_set_locked(struct hf_mailbox *mb, struct hf_uidlist *list)
{
	hf_uidlist_unref(&mb->list);
	mb->list = list;
}

struct hf_uidlist *hf_mailbox_list_locked(struct hf_mailbox *mb)
{
	uint32_t uids[512], count;

	if (mb->removed.count) {
		hf_uidvec_sort(&mb->removed);
		hf_mailbox_list_set_locked(mb, hf_uidlist_remove(mb->list, mb->removed.uids, mb->removed.count));
		mb->removed.count = 0;
		if (mb->removed.capacity > 1024)
			hf_uidvec_fini(&mb->removed);
	}
	while (hf_recset_last(&mb->live) > mb->list_last) {
		struct hf_recplace place = hf_recset_seek(&mb->live, mb->list_last + 1);
		const struct hf_record *record;

		count = 0;
		while (count < HF_COUNT(uids) &&
		       (record = hf_recset_get(&mb->live, place)) != NULL) {
			uids[count++] = record->uid.n;
			hf_recset_next(&mb->live, &place);
		}
		hf_mailbox_list_set_locked(mb, hf_uidlist_append(mb->list, uids, count));
		mb->list_last = uids[count - 1];
	}
	return mb->list;
}

/* Publications
 * -------------------------------------------------------------------------------------------------------
 */

/* Safe to repeat, and to do for a change that was already in what had been loaded: the greater
 * modseq is the truth. */
void hf_mailbox_apply_locked(struct hf_mailbox *mb, const struct hf_change *change)
{
	const struct hf_record *record = &change->record, *old;
	struct hf_record last;

	switch (change->kind) {
	case HF_CHANGE_NEW:
	case HF_CHANGE_FLAGS:
		old = hf_recset_find(&mb->live, record->uid.n);
		if (old ? old->modseq.n > record->modseq.n : change->kind == HF_CHANGE_FLAGS)
			return;
		if (hf_recset_put(&mb->live, record) && record->uid.n <= mb->list_last) {
			/* Loaded around: such a message can be missing in the list. */
			hf_mailbox_list_set_locked(mb, hf_uidlist_new());
			mb->list_last = 0;
			mb->removed.count = 0;
		}
		log_push(mb, record, 0);
		break;
	case HF_CHANGE_SEEN: /* the blocks have come with it */
		log_push(mb, record, change->user);
		break;
	case HF_CHANGE_GONE:
		if (!hf_recset_remove(&mb->live, record->uid.n, &last))
			return;
		if (record->uid.n <= mb->list_last)
			hf_uidvec_add(&mb->removed, record->uid.n);
		gone_push(mb, &last);
		break;
	}
	if (mb->uidnext <= record->uid.n)
		mb->uidnext = record->uid.n + 1;
	if (mb->modseq < record->modseq.n)
		mb->modseq = record->modseq.n;
}

/* Names never leave their bit, so what is there stays. */
bool hf_mailbox_set_keywords_locked(struct hf_mailbox *mb, const struct hf_str *names, unsigned count)
{
	bool changed = false;

	hf_assert(count <= HF_KEYWORDS_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct hf_keyword *keyword;

		if (!names[i].data || atomic_load_explicit(&mb->keywords[i], memory_order_relaxed))
			continue;
		keyword = hf_alloc(sizeof(*keyword) + names[i].size + 1);
		keyword->size = names[i].size;
		memcpy(keyword->name, names[i].data, names[i].size);
		keyword->name[names[i].size] = '\0';
		atomic_store_explicit(&mb->keywords[i], keyword, memory_order_release);
		if (atomic_load_explicit(&mb->keyword_count, memory_order_relaxed) <= i)
			atomic_store_explicit(&mb->keyword_count, i + 1, memory_order_release);
		changed = true;
	}
	if (changed)
		mb->keyword_version++;
	return changed;
}

void hf_mailbox_set_info_locked(struct hf_mailbox *mb, const struct hf_mailbox_info *info)
{
	mb->uidvalidity = info->uidvalidity;
	if (mb->uidnext < info->uidnext.n)
		mb->uidnext = info->uidnext.n;
	if (mb->modseq < info->highestmodseq.n)
		mb->modseq = info->highestmodseq.n;
}

static void hold_back(struct hf_mailbox *mb, const struct hf_change *changes, size_t count)
{
	if (mb->pending_count + count > mb->pending_capacity) {
		mb->pending_capacity = (mb->pending_count + count) * 2;
		mb->pending = hf_realloc_array(mb->pending, mb->pending_capacity, sizeof(*changes));
	}
	if (count)
		memcpy(mb->pending + mb->pending_count, changes, count * sizeof(*changes));
	mb->pending_count += count;
}

/* The one user who sees any of the changes; 0: everybody, or several. */
static uint64_t seen_by_one(const struct hf_mailbox_news *news)
{
	uint64_t user = news->change_count ? news->changes[0].user : 0;

	for (size_t i = 0; i < news->change_count && user; i++)
		user = news->changes[i].user == user ? user : 0;
	return news->keywords_changed ? 0 : user;
}

static void apply(struct hf_mailbox *mb, const struct hf_mailbox_news *news)
{
	uint64_t version = 0;
	bool news_for_views;

	pthread_rwlock_wrlock(&mb->lock);
	news_for_views = news->change_count > 0;
	mb->owner = news->owner;
	hf_mailbox_set_info_locked(mb, &news->info);
	hf_seen_publish_locked(mb, news->seen);
	if (news->keywords_changed && hf_mailbox_set_keywords_locked(mb, news->keywords, news->keyword_count))
		news_for_views = true;
	if (mb->state == HF_MAILBOX_LOADING) {
		hold_back(mb, news->changes, news->change_count);
		mb->load_recent = news->info.recent;
		mb->load_published = true;
	} else if (mb->state == HF_MAILBOX_READY) {
		for (size_t i = 0; i < news->change_count; i++)
			hf_mailbox_apply_locked(mb, &news->changes[i]);
		check_overrun(mb);
		if (news_for_views)
			version = atomic_fetch_add(&mb->version, 1) + 1;
	}
	pthread_rwlock_unlock(&mb->lock);
	if (version)
		wake_behind(mb, version, seen_by_one(news));
}

void hf_mailbox_mourned_locked(struct hf_mailbox *mb, struct hf_view *view)
{
	if (!view->mourns)
		return;
	view->mourns = false;
	if (--mb->mourners == 0)
		hf_pins_drop_mailbox(mb->registry->pins, mb->open.id);
}

void hf_mailbox_delete(struct hf_mailbox *mb)
{
	uint64_t version;

	hf_open_unlist(mb->registry, &mb->registry->mailboxes, &mb->open);
	pthread_rwlock_wrlock(&mb->lock);
	for (struct hf_view *view = mb->views; view && mb->state != HF_MAILBOX_DELETED;
	     view = view->next) {
		if (view->attached && !view->overrun && !view->mourns) {
			view->mourns = true;
			if (mb->mourners++ == 0)
				hf_pins_add_mailbox(mb->registry->pins, mb->open.id);
		}
	}
	mb->state = HF_MAILBOX_DELETED;
	version = atomic_fetch_add(&mb->version, 1) + 1;
	pthread_rwlock_unlock(&mb->lock);
	wake_behind(mb, version, 0);
	hf_mailbox_wake_opening(mb, NULL);
}

void hf_publish_mailbox(struct hf_store *store, const struct hf_mailbox_news *news)
{
	struct hf_registry *registry = hf_store_registry(store);
	struct hf_open *open = hf_open_acquire(registry, &registry->mailboxes, news->mailbox, NULL);
	bool gone = !news->info.id;

	if (gone) /* a session that hears of it looks for it there */
		hf_account_publish_mailbox(registry, news);
	if (open) {
		struct hf_mailbox *mb = HF_CONTAINER(open, struct hf_mailbox, open);

		if (!gone)
			apply(mb, news);
		else
			hf_mailbox_delete(mb);
		hf_mailbox_release(mb);
	}
	if (!gone)
		hf_account_publish_mailbox(registry, news);
}

uint32_t hf_mailbox_recent(struct hf_registry *registry, uint64_t mailbox, uint32_t stored)
{
	struct hf_open *open = hf_open_acquire(registry, &registry->mailboxes, mailbox, NULL);
	struct hf_mailbox *mb;
	uint32_t recent = stored;

	if (!open)
		return stored;
	mb = HF_CONTAINER(open, struct hf_mailbox, open);
	pthread_rwlock_wrlock(&mb->lock);
	if (mb->state == HF_MAILBOX_READY) {
		const struct hf_uidlist *list = hf_mailbox_list_locked(mb);

		recent = hf_uidlist_count(list) - hf_uidlist_rank(list, mb->recent_from);
	}
	pthread_rwlock_unlock(&mb->lock);
	hf_mailbox_release(mb);
	return recent < stored ? recent : stored;
}
