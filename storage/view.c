/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_view: opening, and reading through, one session's picture of a mailbox.
 *
 * What a view is (its UID list, modseq, \Recent set) changes only in hf_view_open() and
 * hf_view_sync(), on its session's thread, which so reads it without a lock. Publications look at
 * the list's size under the mailbox's lock. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

enum { RECORDS_PER_LOCK = 512 };

/* Life
 * ---------------------------------------------------------------------------------------------------------------
 */

static void view_link(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;

	pthread_rwlock_wrlock(&mb->lock);
	pthread_mutex_lock(&mb->watch);
	view->next = mb->views;
	if (mb->views)
		mb->views->prev = view;
	mb->views = view;
	pthread_mutex_unlock(&mb->watch);
	pthread_rwlock_unlock(&mb->lock);
}

/* Afterwards nobody else reaches the view, and it is not woken any more. */
static void view_unlink(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;

	pthread_rwlock_wrlock(&mb->lock);
	if (view->attached)
		hf_mailbox_mark_drop_locked(mb, view);
	hf_mailbox_mourned_locked(mb, view);
	hf_seen_close_locked(view);
	pthread_mutex_lock(&mb->watch);
	if (view->next)
		view->next->prev = view->prev;
	if (view->prev)
		view->prev->next = view->next;
	else
		mb->views = view->next;
	pthread_mutex_unlock(&mb->watch);
	pthread_rwlock_unlock(&mb->lock);
}

bool hf_view_claim_locked(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;
	uint32_t from = mb->recent_from;

	if (from >= mb->uidnext)
		return false;
	hf_set_add_range(&view->recent, from, mb->uidnext - 1);
	if (view->examine)
		return false;
	mb->recent_from = mb->uidnext;
	return hf_uidlist_rank(view->list, from) < hf_uidlist_count(view->list);
}

void hf_view_count_recent(struct hf_view *view)
{
	uint32_t count = 0;

	for (size_t i = 0; i < view->recent.count; i++) {
		const struct hf_range *range = &view->recent.ranges[i];

		count += hf_uidlist_rank(view->list, range->last + 1) -
			 hf_uidlist_rank(view->list, range->first);
	}
	view->recent_count = count;
}

static enum hf_status view_attach(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;
	bool claimed;

	pthread_rwlock_wrlock(&mb->lock);
	if (mb->state != HF_MAILBOX_READY) {
		pthread_rwlock_unlock(&mb->lock);
		return HF_ENONEXISTENT;
	}
	view->list = hf_uidlist_ref(hf_mailbox_list_locked(mb));
	hf_mailbox_mark_add_locked(mb, view);
	view->modseq = mb->modseq;
	view->owner = mb->owner;
	view->uidnext = mb->uidnext;
	view->uidvalidity = mb->uidvalidity;
	view->keyword_version = mb->keyword_version;
	claimed = hf_view_claim_locked(view);
	pthread_mutex_lock(&mb->watch);
	view->synced = atomic_load(&mb->version);
	view->attached = true;
	pthread_mutex_unlock(&mb->watch);
	pthread_rwlock_unlock(&mb->lock);
	hf_view_count_recent(view);
	if (claimed)
		hf_store_claim_recent(view->store, mb->open.id, HF_UID(view->uidnext));
	return HF_OK;
}

static struct hf_view *view_new(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine,
				struct hf_waiter *news)
{
	struct hf_view *view = hf_alloc_zero(sizeof(*view));

	view->store = store;
	view->user = user;
	view->examine = examine;
	view->news = news;
	view->mailbox = hf_mailbox_acquire(hf_store_registry(store), mailbox);
	view_link(view);
	return view;
}

static enum hf_status open_view(struct hf_view *view)
{
	enum hf_status status = hf_mailbox_load(view->mailbox, view);

	if (status == HF_OK)
		status = hf_seen_load(view);
	if (status == HF_OK)
		status = view_attach(view);
	return status;
}

static bool is_over(enum hf_status status)
{
	return status != HF_OK && status != HF_MORE && status != HF_WAIT;
}

enum hf_status hf_view_open(struct hf_store *store, uint64_t mailbox, uint64_t user,
			    bool examine, struct hf_waiter *news, struct hf_view **viewp)
{
	enum hf_status status;

	if (!*viewp)
		*viewp = view_new(store, mailbox, user, examine, news);
	hf_assert(!(*viewp)->attached && (*viewp)->mailbox->open.id == mailbox && (*viewp)->news == news);
	status = open_view(*viewp);
	if (is_over(status))
		hf_view_close(viewp);
	return status;
}

enum hf_status hf_view_open_early(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine,
				  struct hf_waiter *news, struct hf_view **viewp)
{
	enum hf_status status;

	if (!*viewp)
		*viewp = view_new(store, mailbox, user, examine, news);
	hf_assert(!(*viewp)->attached && (*viewp)->mailbox->open.id == mailbox && (*viewp)->news == news);
	status = (*viewp)->loads ? HF_MORE : hf_mailbox_load_early((*viewp)->mailbox, *viewp);
	if (status == HF_MORE) {
		(*viewp)->loads = true;
		status = open_view(*viewp);
	}
	if (is_over(status))
		hf_view_close(viewp);
	return status;
}

bool hf_view_is_early(const struct hf_view *view)
{
	return view->early && view->early->told;
}

enum hf_status hf_view_finish(struct hf_view *view)
{
	enum hf_status status;

	hf_assert(hf_view_is_early(view));
	status = hf_mailbox_load(view->mailbox, view);
	if (status == HF_MORE || status == HF_WAIT)
		return status;
	hf_free(view->early);
	view->early = NULL;
	if (!view->attached)
		hf_mailbox_load_abandon(view->mailbox, view);
	return status == HF_OK && !view->attached ? HF_ENONEXISTENT : status;
}

void hf_view_close(struct hf_view **viewp)
{
	struct hf_view *view = *viewp;

	*viewp = NULL;
	if (!view)
		return;
	view_unlink(view);
	if (!view->attached)
		hf_mailbox_load_abandon(view->mailbox, view);
	hf_mailbox_release(view->mailbox);
	hf_free(view->early);
	hf_uidlist_unref(&view->list);
	hf_set_fini(&view->recent);
	hf_free(view);
}

/* As of the last sync
 * ------------------------------------------------------------------------------------------------
 */

uint64_t hf_view_mailbox(const struct hf_view *view)
{
	return view->mailbox->open.id;
}

uint64_t hf_view_owner(const struct hf_view *view)
{
	return view->owner;
}

uint64_t hf_view_user(const struct hf_view *view)
{
	return view->user ? view->user : view->owner;
}

bool hf_view_is_examine(const struct hf_view *view)
{
	return view->examine;
}

uint32_t hf_view_uidvalidity(const struct hf_view *view)
{
	return view->uidvalidity;
}

uint32_t hf_view_count(const struct hf_view *view)
{
	return view->early ? view->early->info.messages : hf_uidlist_count(view->list);
}

uint32_t hf_view_recent_count(const struct hf_view *view)
{
	return view->recent_count;
}

bool hf_view_is_recent(const struct hf_view *view, struct hf_uid uid)
{
	return view->recent.count && hf_set_has(&view->recent, uid.n);
}

struct hf_uid hf_view_uidnext(const struct hf_view *view)
{
	return HF_UID(view->uidnext);
}

struct hf_mod hf_view_modseq(const struct hf_view *view)
{
	return HF_MOD(view->modseq);
}

static bool is_unseen(const struct hf_view *view, const struct hf_record *record)
{
	return view->seen ? !hf_seen_has(view->seen, record->uid.n) : !(record->flags & HF_FLAG_SEEN);
}

uint32_t hf_view_unseen_count(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;
	uint32_t count = 0;

	pthread_rwlock_rdlock(&mb->lock);
	for (size_t i = 0; i < mb->live.chunk_count; i++) {
		const struct hf_recchunk *chunk = &mb->live.chunks[i];

		if (!view->seen) {
			count += chunk->unseen;
			continue;
		}
		for (uint32_t j = 0; j < chunk->count; j++)
			count += is_unseen(view, &chunk->records[chunk->start + j]);
	}
	pthread_rwlock_unlock(&mb->lock);
	return count;
}

struct hf_seq hf_view_first_unseen(struct hf_view *view)
{
	struct hf_mailbox *mb = view->mailbox;
	struct hf_seq found = HF_SEQ(0);

	if (view->early) /* known where all are alike */
		return HF_SEQ(view->early->info.unseen && view->early->info.unseen == view->early->info.messages);
	pthread_rwlock_rdlock(&mb->lock);
	for (size_t i = 0; i < mb->live.chunk_count && found.n == 0; i++) {
		const struct hf_recchunk *chunk = &mb->live.chunks[i];

		for (uint32_t j = 0; j < chunk->count && (view->seen || chunk->unseen) && found.n == 0; j++) {
			const struct hf_record *record = &chunk->records[chunk->start + j];
			uint32_t rank;

			if (is_unseen(view, record) &&
			    hf_uidlist_has(view->list, record->uid.n, &rank))
				found = HF_SEQ(rank + 1);
		}
	}
	pthread_rwlock_unlock(&mb->lock);
	return found;
}

/* Sequence numbers and UIDs
 * ------------------------------------------------------------------------------------------ */

struct hf_uid hf_view_uid(const struct hf_view *view, struct hf_seq seq)
{
	if (seq.n == 0 || seq.n > hf_uidlist_count(view->list))
		return HF_UID(0);
	return HF_UID(hf_uidlist_at(view->list, seq.n - 1));
}

struct hf_seq hf_view_seq(const struct hf_view *view, struct hf_uid uid)
{
	uint32_t rank;

	return hf_uidlist_has(view->list, uid.n, &rank) ? HF_SEQ(rank + 1) : HF_SEQ(0);
}

struct hf_seq hf_view_seq_from(const struct hf_view *view, struct hf_uid uid)
{
	return HF_SEQ(hf_uidlist_rank(view->list, uid.n) + 1);
}

/* Adds the UIDs of the ranks [from, end). */
static void add_ranks(const struct hf_uidlist *list, uint32_t from, uint32_t end,
		      struct hf_set *uids)
{
	while (from < end) {
		uint32_t count, begin = 0;
		const uint32_t *slice = hf_uidlist_slice(list, from, &count);

		if (count > end - from)
			count = end - from;
		for (uint32_t i = 1; i <= count; i++) {
			if (i == count || slice[i] != slice[i - 1] + 1) {
				hf_set_add_range(uids, slice[begin], slice[i - 1]);
				begin = i;
			}
		}
		from += count;
	}
}

/* The ranks of the UIDs first to last. */
static void ranks_of(const struct hf_uidlist *list, const struct hf_range *range, uint32_t *from,
		     uint32_t *end)
{
	*from = hf_uidlist_rank(list, range->first);
	*end = range->last == UINT32_MAX ? hf_uidlist_count(list)
					 : hf_uidlist_rank(list, range->last + 1);
}

void hf_view_uids_of(const struct hf_view *view, const struct hf_set *seqs, struct hf_set *uids)
{
	uint32_t count = hf_uidlist_count(view->list);

	hf_set_clear(uids);
	for (size_t i = 0; i < seqs->count; i++) {
		const struct hf_range *range = &seqs->ranges[i];

		add_ranks(view->list, range->first ? range->first - 1 : 0,
			  range->last < count ? range->last : count, uids);
	}
}

void hf_view_seqs_of(const struct hf_view *view, const struct hf_set *uids, struct hf_set *seqs)
{
	hf_set_clear(seqs);
	for (size_t i = 0; i < uids->count; i++) {
		uint32_t from, end;

		ranks_of(view->list, &uids->ranges[i], &from, &end);
		if (from < end)
			hf_set_add_range(seqs, from + 1, end);
	}
}

/* Records
 * ------------------------------------------------------------------------------------------------------------
 */

/* Copies the records of `uids` (ascending). Each is in the mailbox or a ghost, except in a view
 * that was overrun. */
static void copy_records(const struct hf_mailbox *mb, const uint32_t *uids, uint32_t count,
			 struct hf_record *records)
{
	struct hf_recplace place = hf_recset_seek(&mb->live, uids[0]);
	const struct hf_record *record;

	for (uint32_t i = 0; i < count; i++) {
		while ((record = hf_recset_get(&mb->live, place)) != NULL &&
		       record->uid.n < uids[i])
			hf_recset_next(&mb->live, &place);
		if (HF_LIKELY(record && record->uid.n == uids[i])) {
			records[i] = *record;
			hf_recset_next(&mb->live, &place);
			continue;
		}
		record = hf_recset_find(&mb->ghosts, uids[i]);
		if (record)
			records[i] = *record;
		else
			records[i] = (struct hf_record){ .uid = HF_UID(uids[i]) };
	}
}

uint32_t hf_view_records(struct hf_view *view, struct hf_seq first, uint32_t count,
			 struct hf_record *records)
{
	uint32_t total = hf_uidlist_count(view->list), done = 0;

	if (first.n == 0 || first.n > total)
		return 0;
	if (count > total - first.n + 1)
		count = total - first.n + 1;
	while (done < count) {
		uint32_t piece;
		const uint32_t *uids = hf_uidlist_slice(view->list, first.n - 1 + done, &piece);

		if (piece > count - done)
			piece = count - done;
		if (piece > RECORDS_PER_LOCK)
			piece = RECORDS_PER_LOCK;
		pthread_rwlock_rdlock(&view->mailbox->lock);
		copy_records(view->mailbox, uids, piece, records + done);
		for (uint32_t i = 0; view->seen && i < piece; i++)
			hf_seen_show(view->seen, &records[done + i]);
		pthread_rwlock_unlock(&view->mailbox->lock);
		done += piece;
	}
	return done;
}

bool hf_view_record(struct hf_view *view, struct hf_seq seq, struct hf_record *record)
{
	return hf_view_records(view, seq, 1, record) == 1;
}

uint64_t hf_view_size(const struct hf_view *view, const struct hf_set *uids, uint64_t *count)
{
	struct hf_mailbox *mb = view->mailbox;
	uint64_t size = 0;

	*count = 0;
	pthread_rwlock_rdlock(&mb->lock);
	for (size_t i = 0; i < uids->count; i++) {
		struct hf_recplace place = hf_recset_seek(&mb->live, uids->ranges[i].first);
		const struct hf_record *record;

		while ((record = hf_recset_get(&mb->live, place)) != NULL &&
		       record->uid.n <= uids->ranges[i].last) {
			size += record->size;
			++*count;
			hf_recset_next(&mb->live, &place);
		}
	}
	pthread_rwlock_unlock(&mb->lock);
	return size;
}

bool hf_view_is_gone(struct hf_view *view, struct hf_uid uid)
{
	bool gone;

	pthread_rwlock_rdlock(&view->mailbox->lock);
	gone = !hf_recset_find(&view->mailbox->live, uid.n);
	pthread_rwlock_unlock(&view->mailbox->lock);
	return gone;
}

/* Keywords
 * -----------------------------------------------------------------------------------------------------------
 */

struct hf_str hf_view_keyword(struct hf_view *view, unsigned bit)
{
	const struct hf_keyword *keyword;

	if (bit >= HF_KEYWORDS_MAX)
		return HF_STR_NULL;
	keyword = atomic_load_explicit(&view->mailbox->keywords[bit], memory_order_acquire);
	return keyword ? hf_str_n(keyword->name, keyword->size) : HF_STR_NULL;
}

int hf_view_keyword_bit(struct hf_view *view, struct hf_str name)
{
	unsigned count = hf_view_keyword_count(view);

	for (unsigned bit = 0; bit < count; bit++) {
		struct hf_str keyword = hf_view_keyword(view, bit);

		if (keyword.data && hf_str_ieq(keyword, name))
			return (int)bit;
	}
	return -1;
}

unsigned hf_view_keyword_count(struct hf_view *view)
{
	return atomic_load_explicit(&view->mailbox->keyword_count, memory_order_acquire);
}

/* History
 * ------------------------------------------------------------------------------------------------------------
 */

void hf_view_changed_since(struct hf_view *view, struct hf_mod modseq, struct hf_set *uids)
{
	struct hf_uidvec changed = { 0 };
	struct hf_mailbox *mb = view->mailbox;
	size_t kept = 0;

	pthread_rwlock_rdlock(&mb->lock);
	hf_mailbox_changes_locked(mb, view, modseq.n, &changed);
	for (size_t i = 0; i < changed.count; i++) {
		if (hf_recset_find(&mb->live, changed.uids[i]))
			changed.uids[kept++] = changed.uids[i];
	}
	pthread_rwlock_unlock(&mb->lock);
	changed.count = kept;
	hf_uidvec_sort(&changed);
	hf_set_clear(uids);
	for (size_t i = 0; i < changed.count; i++) {
		if (hf_uidlist_has(view->list, changed.uids[i], NULL))
			hf_set_add(uids, changed.uids[i]);
	}
	hf_uidvec_fini(&changed);
}

/* Takes the UIDs that the view shows out of the set, and those it does not know yet. */
static void without_shown(const struct hf_view *view, struct hf_set *uids)
{
	struct hf_set shown = HF_SET_INIT;

	for (size_t i = 0; i < uids->count; i++) {
		uint32_t from, end;

		ranks_of(view->list, &uids->ranges[i], &from, &end);
		add_ranks(view->list, from, end, &shown);
	}
	hf_set_subtract(uids, &shown);
	hf_set_remove_range(uids, view->uidnext, UINT32_MAX);
	hf_set_fini(&shown);
}

enum hf_status hf_view_vanished_since(struct hf_view *view, struct hf_mod modseq,
				      const struct hf_set *within, struct hf_set *uids,
				      bool *complete)
{
	struct hf_set gone = HF_SET_INIT;
	struct hf_mod floor = HF_MOD(0);
	enum hf_status status =
		hf_rows_gone(view->store, view->mailbox->open.id, modseq, &gone, &floor);

	if (status != HF_OK) {
		hf_set_fini(&gone);
		return status;
	}
	*complete = modseq.n >= floor.n;
	if (!*complete) {
		hf_set_clear(&gone);
		if (view->uidnext > 1)
			hf_set_add_range(&gone, 1, view->uidnext - 1);
	}
	if (within)
		hf_set_intersect(&gone, within);
	/* Rows can be ahead of what is published, and the view behind it. */
	without_shown(view, &gone);
	hf_set_copy(uids, &gone);
	hf_set_fini(&gone);
	return HF_OK;
}
