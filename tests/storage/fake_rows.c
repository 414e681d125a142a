/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows in arrays under one lock. A batch is a struct hf_mailbox_news, or one of the rarer things,
 * in a queue. */
#include "tests/storage/fake_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tests/base/base_test.h"

struct row {
	struct hf_record record;
	bool gone;
};

struct expunged {
	uint64_t modseq;
	uint32_t uid;
};

struct mailbox {
	struct hf_mailbox_info info;
	char name[64];
	bool deleted;
	struct row *rows;
	size_t row_count, row_capacity;
	struct expunged *expunged;
	size_t expunged_count;
	uint64_t floor;
	struct hf_str keywords[HF_KEYWORDS_MAX];
	unsigned keyword_count;
	uint32_t claimed;
	uint64_t recent_from;
};

enum batch_kind { BATCH_MAILBOX, BATCH_SUBSCRIPTION, BATCH_USER_GONE };

struct batch {
	enum batch_kind kind;
	struct hf_mailbox_news news;
	char name[64];
	struct hf_str keywords[HF_KEYWORDS_MAX];
	uint64_t user;
	bool subscribed;
	size_t capacity;
	struct batch *next;
};

struct barrier {
	uint64_t ticket;
	struct hf_waiter *waiter;
};

struct user {
	uint64_t id;
	bool deleted;
	char *subscribed[32];
};

struct hf_store {
	struct hf_registry *registry;
	pthread_mutex_t lock;
	struct mailbox *mailboxes[64];
	size_t mailbox_count;
	struct user users[64];
	size_t user_count;
	struct batch *first, *last, *open;
	uint64_t committed, published; /* batches */
	struct barrier barriers[64];
	size_t barrier_count;
	unsigned reads;
	void (*hook)(struct hf_store *store, void *arg);
	void *hook_arg;
	enum hf_status fail;
};

struct hf_store *fake_store_new(void)
{
	struct hf_store *store = hf_alloc_zero(sizeof(*store));

	pthread_mutex_init(&store->lock, NULL);
	store->registry = hf_registry_new(store);
	return store;
}

static void batch_free(struct batch *batch)
{
	hf_free(batch->news.changes);
	hf_free(batch);
}

void fake_store_free(struct hf_store **storep)
{
	struct hf_store *store = *storep;

	*storep = NULL;
	hf_registry_free(&store->registry);
	while (store->first) {
		struct batch *next = store->first->next;

		batch_free(store->first);
		store->first = next;
	}
	for (size_t i = 0; i < store->mailbox_count; i++) {
		hf_free(store->mailboxes[i]->rows);
		hf_free(store->mailboxes[i]->expunged);
		hf_free(store->mailboxes[i]);
	}
	for (size_t i = 0; i < store->user_count; i++) {
		for (size_t j = 0; j < HF_COUNT(store->users[i].subscribed); j++)
			hf_free(store->users[i].subscribed[j]);
	}
	pthread_mutex_destroy(&store->lock);
	hf_free(store);
}

struct hf_registry *hf_store_registry(struct hf_store *store)
{
	return store->registry;
}

static struct mailbox *mailbox_of(struct hf_store *store, uint64_t id)
{
	return id && id <= store->mailbox_count ? store->mailboxes[id - 1] : NULL;
}

static struct row *row_of(struct mailbox *mb, uint32_t uid)
{
	size_t low = 0, high = mb->row_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (mb->rows[middle].record.uid.n < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < mb->row_count ? &mb->rows[low] : NULL;
}

static struct batch *commit(struct hf_store *store, enum batch_kind kind)
{
	struct batch *batch = hf_alloc_zero(sizeof(*batch));

	batch->kind = kind;
	if (store->last)
		store->last->next = batch;
	else
		store->first = batch;
	store->last = batch;
	store->committed++;
	return batch;
}

static void batch_row(struct batch *batch, struct mailbox *mb, uint64_t id)
{
	batch->news.mailbox = id;
	batch->news.owner = mb->info.owner;
	batch->news.info = mb->info;
	memcpy(batch->name, mb->name, sizeof(mb->name));
	batch->news.info.name = hf_str(batch->name);
	if (mb->deleted)
		batch->news.info.id = 0;
}

static void batch_add(struct hf_store *store, uint64_t id, enum hf_change_kind kind,
		      const struct hf_record *record)
{
	struct batch *batch = store->open;

	if (!batch)
		batch = commit(store, BATCH_MAILBOX);
	batch_row(batch, mailbox_of(store, id), id);
	if (batch->news.change_count == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 1;
		batch->news.changes = hf_realloc_array(batch->news.changes, batch->capacity,
						       sizeof(struct hf_change));
	}
	batch->news.changes[batch->news.change_count++] = (struct hf_change){ .kind = kind, .record = *record };
}

void fake_begin(struct hf_store *store, uint64_t mailbox)
{
	pthread_mutex_lock(&store->lock);
	store->open = commit(store, BATCH_MAILBOX);
	batch_row(store->open, mailbox_of(store, mailbox), mailbox);
	pthread_mutex_unlock(&store->lock);
}

void fake_end(struct hf_store *store)
{
	pthread_mutex_lock(&store->lock);
	store->open = NULL;
	pthread_mutex_unlock(&store->lock);
}

void fake_user(struct hf_store *store, uint64_t user)
{
	pthread_mutex_lock(&store->lock);
	store->users[store->user_count++].id = user;
	pthread_mutex_unlock(&store->lock);
}

static struct user *user_of(struct hf_store *store, uint64_t id)
{
	for (size_t i = 0; i < store->user_count; i++) {
		if (store->users[i].id == id && !store->users[i].deleted)
			return &store->users[i];
	}
	return NULL;
}

uint64_t fake_mailbox(struct hf_store *store, uint64_t user, const char *name)
{
	struct mailbox *mb = hf_alloc_zero(sizeof(*mb));
	struct batch *batch;
	uint64_t id;

	pthread_mutex_lock(&store->lock);
	store->mailboxes[store->mailbox_count] = mb;
	id = ++store->mailbox_count;
	snprintf(mb->name, sizeof(mb->name), "%s", name);
	mb->info = (struct hf_mailbox_info){ .id = id,
					     .owner = user,
					     .uidvalidity = 1000 + (uint32_t)id,
					     .uidnext = HF_UID(1),
					     .highestmodseq = HF_MOD(1) };
	mb->info.name = hf_str(mb->name);
	mb->recent_from = 1;
	batch = commit(store, BATCH_MAILBOX);
	batch_row(batch, mb, id);
	batch->news.row_changed = true;
	pthread_mutex_unlock(&store->lock);
	return id;
}

void fake_mailbox_rename(struct hf_store *store, uint64_t mailbox, const char *name)
{
	struct mailbox *mb;
	struct batch *batch;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	snprintf(mb->name, sizeof(mb->name), "%s", name);
	batch = commit(store, BATCH_MAILBOX);
	batch_row(batch, mb, mailbox);
	batch->news.row_changed = true;
	pthread_mutex_unlock(&store->lock);
}

void fake_mailbox_delete(struct hf_store *store, uint64_t mailbox)
{
	struct batch *batch;

	pthread_mutex_lock(&store->lock);
	mailbox_of(store, mailbox)->deleted = true;
	batch = commit(store, BATCH_MAILBOX);
	batch_row(batch, mailbox_of(store, mailbox), mailbox);
	batch->news.row_changed = true;
	pthread_mutex_unlock(&store->lock);
}

void fake_subscribe(struct hf_store *store, uint64_t user, const char *name, bool subscribed)
{
	struct user *u;
	struct batch *batch;
	size_t empty = 0;

	pthread_mutex_lock(&store->lock);
	u = user_of(store, user);
	for (size_t i = 0; i < HF_COUNT(u->subscribed); i++) {
		if (!u->subscribed[i]) {
			empty = i;
		} else if (strcmp(u->subscribed[i], name) == 0) {
			hf_free(u->subscribed[i]);
			u->subscribed[i] = NULL;
			empty = i;
		}
	}
	if (subscribed)
		u->subscribed[empty] = hf_strdup(name);
	batch = commit(store, BATCH_SUBSCRIPTION);
	snprintf(batch->name, sizeof(batch->name), "%s", name);
	batch->user = user;
	batch->subscribed = subscribed;
	pthread_mutex_unlock(&store->lock);
}

void fake_user_delete(struct hf_store *store, uint64_t user)
{
	pthread_mutex_lock(&store->lock);
	user_of(store, user)->deleted = true;
	for (size_t i = 0; i < store->mailbox_count; i++) {
		if (store->mailboxes[i]->info.owner == user)
			store->mailboxes[i]->deleted = true;
	}
	commit(store, BATCH_USER_GONE)->user = user;
	pthread_mutex_unlock(&store->lock);
}

static struct hf_record *add_row(struct mailbox *mb, uint64_t modseq, unsigned flags)
{
	struct row *row;

	if (mb->row_count == mb->row_capacity) {
		mb->row_capacity = mb->row_capacity ? mb->row_capacity * 2 : 16;
		mb->rows = hf_realloc_array(mb->rows, mb->row_capacity, sizeof(*mb->rows));
	}
	row = &mb->rows[mb->row_count++];
	memset(row, 0, sizeof(*row));
	row->record.uid = mb->info.uidnext;
	row->record.modseq = HF_MOD(modseq);
	row->record.flags = flags & 0xffffu;
	row->record.email = UINT64_C(1000000) + mb->info.uidnext.n;
	mb->info.uidnext.n++;
	mb->info.messages++;
	return &row->record;
}

static uint32_t count_recent(const struct mailbox *mb)
{
	uint32_t recent = 0;

	for (size_t i = mb->row_count; i > 0 && mb->rows[i - 1].record.uid.n >= mb->recent_from;
	     i--)
		recent += !mb->rows[i - 1].gone;
	return recent;
}

uint32_t fake_append(struct hf_store *store, uint64_t mailbox, unsigned flags)
{
	struct mailbox *mb;
	struct hf_record *record;
	uint32_t uid;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	record = add_row(mb, ++mb->info.highestmodseq.n, flags);
	mb->info.recent = count_recent(mb);
	uid = record->uid.n;
	batch_add(store, mailbox, HF_CHANGE_NEW, record);
	pthread_mutex_unlock(&store->lock);
	return uid;
}

void fake_fill(struct hf_store *store, uint64_t mailbox, uint32_t count)
{
	struct mailbox *mb;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	for (uint32_t i = 0; i < count; i++)
		add_row(mb, 1, 0);
	mb->recent_from = mb->info.uidnext.n;
	pthread_mutex_unlock(&store->lock);
}

void fake_set_recent(struct hf_store *store, uint64_t mailbox, uint32_t recent)
{
	pthread_mutex_lock(&store->lock);
	mailbox_of(store, mailbox)->info.recent = recent;
	pthread_mutex_unlock(&store->lock);
}

void fake_miscount(struct hf_store *store, uint64_t mailbox, uint32_t messages)
{
	pthread_mutex_lock(&store->lock);
	mailbox_of(store, mailbox)->info.messages = messages;
	pthread_mutex_unlock(&store->lock);
}

bool fake_flags(struct hf_store *store, uint64_t mailbox, uint32_t uid, unsigned flags)
{
	struct mailbox *mb;
	struct row *row;
	bool there;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	row = row_of(mb, uid);
	there = row && row->record.uid.n == uid && !row->gone;
	if (there) {
		row->record.flags = flags & 0xffffu;
		row->record.modseq = HF_MOD(++mb->info.highestmodseq.n);
		batch_add(store, mailbox, HF_CHANGE_FLAGS, &row->record);
	}
	pthread_mutex_unlock(&store->lock);
	return there;
}

bool fake_expunge(struct hf_store *store, uint64_t mailbox, uint32_t uid)
{
	struct mailbox *mb;
	struct row *row;
	bool there;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	row = row_of(mb, uid);
	there = row && row->record.uid.n == uid && !row->gone;
	if (there) {
		struct hf_record last = row->record;

		row->gone = true;
		mb->info.messages--;
		mb->info.recent = count_recent(mb);
		last.modseq = HF_MOD(++mb->info.highestmodseq.n);
		mb->expunged = hf_realloc_array(mb->expunged, mb->expunged_count + 1,
						sizeof(*mb->expunged));
		mb->expunged[mb->expunged_count++] = (struct expunged){ last.modseq.n, uid };
		batch_add(store, mailbox, HF_CHANGE_GONE, &last);
	}
	pthread_mutex_unlock(&store->lock);
	return there;
}

void fake_keyword(struct hf_store *store, uint64_t mailbox, unsigned bit, const char *name)
{
	struct mailbox *mb;
	struct batch *batch;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	mb->keywords[bit] = hf_str(name);
	if (mb->keyword_count <= bit)
		mb->keyword_count = bit + 1;
	batch = commit(store, BATCH_MAILBOX);
	batch_row(batch, mb, mailbox);
	memcpy(batch->keywords, mb->keywords, sizeof(mb->keywords));
	batch->news.keywords = batch->keywords;
	batch->news.keyword_count = mb->keyword_count;
	batch->news.keywords_changed = true;
	pthread_mutex_unlock(&store->lock);
}

void fake_trim(struct hf_store *store, uint64_t mailbox, uint64_t floor)
{
	pthread_mutex_lock(&store->lock);
	mailbox_of(store, mailbox)->floor = floor;
	pthread_mutex_unlock(&store->lock);
}

static void publish(struct hf_store *store, struct batch *batch)
{
	switch (batch->kind) {
	case BATCH_MAILBOX:
		hf_publish_mailbox(store, &batch->news);
		break;
	case BATCH_SUBSCRIPTION:
		hf_publish_subscription(store, batch->user, hf_str(batch->name), batch->subscribed);
		break;
	case BATCH_USER_GONE:
		hf_publish_user_gone(store, batch->user);
		break;
	}
}

static void pass_barriers(struct hf_store *store)
{
	struct hf_waiter *passed[64];
	size_t count = 0, kept = 0;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->barrier_count; i++) {
		if (store->barriers[i].ticket <= store->published)
			passed[count++] = store->barriers[i].waiter;
		else
			store->barriers[kept++] = store->barriers[i];
	}
	store->barrier_count = kept;
	pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < count; i++)
		hf_waiter_wake(passed[i]);
}

size_t fake_publish(struct hf_store *store, size_t max)
{
	size_t count = 0;

	while (count < max) {
		struct batch *batch;

		pthread_mutex_lock(&store->lock);
		batch = store->first == store->open ? NULL : store->first;
		if (batch) {
			store->first = batch->next;
			if (!store->first)
				store->last = NULL;
		}
		pthread_mutex_unlock(&store->lock);
		if (!batch)
			break;
		publish(store, batch);
		batch_free(batch);
		pthread_mutex_lock(&store->lock);
		store->published++;
		pthread_mutex_unlock(&store->lock);
		pass_barriers(store);
		count++;
	}
	return count;
}

size_t fake_publish_all(struct hf_store *store)
{
	return fake_publish(store, SIZE_MAX);
}

uint32_t fake_count(struct hf_store *store, uint64_t mailbox)
{
	uint32_t count;

	pthread_mutex_lock(&store->lock);
	count = mailbox_of(store, mailbox)->info.messages;
	pthread_mutex_unlock(&store->lock);
	return count;
}

uint32_t fake_uidnext(struct hf_store *store, uint64_t mailbox)
{
	uint32_t uidnext;

	pthread_mutex_lock(&store->lock);
	uidnext = mailbox_of(store, mailbox)->info.uidnext.n;
	pthread_mutex_unlock(&store->lock);
	return uidnext;
}

uint64_t fake_modseq(struct hf_store *store, uint64_t mailbox)
{
	uint64_t modseq;

	pthread_mutex_lock(&store->lock);
	modseq = mailbox_of(store, mailbox)->info.highestmodseq.n;
	pthread_mutex_unlock(&store->lock);
	return modseq;
}

bool fake_record(struct hf_store *store, uint64_t mailbox, uint32_t uid, struct hf_record *record)
{
	struct row *row;
	bool there;

	pthread_mutex_lock(&store->lock);
	row = row_of(mailbox_of(store, mailbox), uid);
	there = row && row->record.uid.n == uid && !row->gone;
	if (there)
		*record = row->record;
	pthread_mutex_unlock(&store->lock);
	return there;
}

unsigned fake_reads(struct hf_store *store)
{
	unsigned reads;

	pthread_mutex_lock(&store->lock);
	reads = store->reads;
	pthread_mutex_unlock(&store->lock);
	return reads;
}

uint32_t fake_claimed(struct hf_store *store, uint64_t mailbox)
{
	uint32_t claimed;

	pthread_mutex_lock(&store->lock);
	claimed = mailbox_of(store, mailbox)->claimed;
	pthread_mutex_unlock(&store->lock);
	return claimed;
}

void fake_hook(struct hf_store *store, void (*hook)(struct hf_store *store, void *arg), void *arg)
{
	store->hook = hook;
	store->hook_arg = arg;
}

void fake_storm(struct hf_store *store, void *arg)
{
	struct fake_storm *storm = arg;

	for (int i = 0; i < 60; i++) {
		uint32_t uid = 1 + (uint32_t)(random_next(&storm->seed) % fake_uidnext(store, storm->mailbox));

		switch (random_next(&storm->seed) % 5) {
		case 0:
		case 1:
			fake_flags(store, storm->mailbox, uid, (unsigned)(random_next(&storm->seed) % 32));
			break;
		case 2:
			fake_append(store, storm->mailbox, 0);
			break;
		case 3:
			fake_expunge(store, storm->mailbox, uid);
			break;
		default:
			fake_publish(store, (size_t)(random_next(&storm->seed) % 8));
		}
	}
}

void fake_fail(struct hf_store *store, enum hf_status status)
{
	store->fail = status;
}

/* What the showing half asks for
 * ------------------------------------------------------------------------------------- */

static enum hf_status failure(struct hf_store *store)
{
	enum hf_status status = store->fail;

	store->fail = HF_OK;
	return status;
}

enum hf_status hf_rows_index(struct hf_store *store, uint64_t mailbox, struct hf_uid from,
			     uint32_t max, struct hf_record *records, uint32_t *count)
{
	enum hf_status status;
	struct mailbox *mb;
	uint32_t n = 0;

	pthread_mutex_lock(&store->lock);
	status = failure(store);
	store->reads++;
	mb = mailbox_of(store, mailbox);
	for (struct row *row = row_of(mb, from.n); row && row < mb->rows + mb->row_count && n < max;
	     row++) {
		if (!row->gone)
			records[n++] = row->record;
	}
	*count = n;
	pthread_mutex_unlock(&store->lock);
	if (store->hook)
		store->hook(store, store->hook_arg);
	return status;
}

enum hf_status hf_rows_mailbox(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena,
			       struct hf_mailbox_info *info, struct hf_str **keywords,
			       unsigned *keyword_count)
{
	enum hf_status status = HF_ENONEXISTENT;
	struct mailbox *mb;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	if (mb && !mb->deleted) {
		status = failure(store);
		*info = mb->info;
		*keywords = hf_arena_memdup(arena, mb->keywords, sizeof(mb->keywords));
		*keyword_count = mb->keyword_count;
	}
	pthread_mutex_unlock(&store->lock);
	return status;
}

enum hf_status hf_rows_catalogue(struct hf_store *store, uint64_t user, struct hf_arena *arena,
				 struct hf_mailbox_info **list, size_t *count)
{
	enum hf_status status = HF_ENONEXISTENT;
	struct user *u;
	size_t n = 0;

	pthread_mutex_lock(&store->lock);
	u = user_of(store, user);
	if (u) {
		status = failure(store);
		*list = hf_new_array(arena, struct hf_mailbox_info,
				     store->mailbox_count + HF_COUNT(u->subscribed));
		for (size_t i = 0; i < store->mailbox_count; i++) {
			if (store->mailboxes[i]->info.owner != user || store->mailboxes[i]->deleted)
				continue;
			(*list)[n] = store->mailboxes[i]->info;
			(*list)[n++].name = hf_arena_str(arena, hf_str(store->mailboxes[i]->name));
		}
		for (size_t i = 0; i < HF_COUNT(u->subscribed); i++) {
			if (u->subscribed[i])
				(*list)[n++].name = hf_arena_str(arena, hf_str(u->subscribed[i]));
		}
		*count = n;
	}
	pthread_mutex_unlock(&store->lock);
	if (store->hook)
		store->hook(store, store->hook_arg);
	return status;
}

/* All views here are their owners'. */
enum hf_status hf_rows_seen(struct hf_store *store, uint64_t mailbox, uint64_t user,
			    struct seen_block **blocks, size_t *count)
{
	(void)mailbox;
	(void)user;
	*blocks = NULL;
	*count = 0;
	return failure(store);
}

enum hf_status hf_rows_gone(struct hf_store *store, uint64_t mailbox, struct hf_mod modseq,
			    struct hf_set *uids, struct hf_mod *floor)
{
	struct mailbox *mb;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	for (size_t i = 0; i < mb->expunged_count; i++) {
		if (mb->expunged[i].modseq > modseq.n && mb->expunged[i].modseq > mb->floor)
			hf_set_add(uids, mb->expunged[i].uid);
	}
	*floor = HF_MOD(mb->floor);
	pthread_mutex_unlock(&store->lock);
	return HF_OK;
}

enum hf_status hf_store_barrier(struct hf_store *store, struct hf_waiter *waiter)
{
	enum hf_status status = HF_OK;

	pthread_mutex_lock(&store->lock);
	if (store->published < store->committed) {
		hf_assert(store->barrier_count < HF_COUNT(store->barriers));
		store->barriers[store->barrier_count++] =
			(struct barrier){ store->committed, waiter };
		status = HF_WAIT;
	}
	pthread_mutex_unlock(&store->lock);
	return status;
}

void hf_store_claim_recent(struct hf_store *store, uint64_t mailbox, struct hf_uid uidnext)
{
	struct mailbox *mb;

	pthread_mutex_lock(&store->lock);
	mb = mailbox_of(store, mailbox);
	mb->claimed = uidnext.n;
	if (mb->recent_from < uidnext.n)
		mb->recent_from = uidnext.n;
	mb->info.recent = count_recent(mb);
	pthread_mutex_unlock(&store->lock);
}

/* Waiters
 * ------------------------------------------------------------------------------------------------------------
 */

static void counter_wake(struct hf_waiter *waiter)
{
	struct counter *counter = HF_CONTAINER(waiter, struct counter, waiter);

	atomic_fetch_add(&counter->woken, 1);
	sem_post(&counter->sem);
}

void counter_init(struct counter *counter)
{
	counter->waiter.wake = counter_wake;
	atomic_init(&counter->woken, 0);
	sem_init(&counter->sem, 0, 0);
}

void counter_fini(struct counter *counter)
{
	sem_destroy(&counter->sem);
}

bool counter_sleep(struct counter *counter)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	return sem_timedwait(&counter->sem, &until) == 0;
}

enum hf_status open_view(struct hf_store *store, uint64_t mailbox, bool examine,
			 struct counter *news, struct hf_view **view)
{
	enum hf_status status;

	*view = NULL;
	do {
		status = hf_view_open(store, mailbox, 0, examine, &news->waiter, view);
	} while (status == HF_MORE || (status == HF_WAIT && counter_sleep(news)));
	return status;
}
