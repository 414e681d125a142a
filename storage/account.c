/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_account: one user's catalogue, shared by the user's sessions.
 *
 * Entries (mailboxes) are held twice, by name and by id; subscriptions are a list of names of their
 * own, since they outlive mailboxes and may name none. Opening is no snapshot: publications that
 * come while rows are read are kept, and applied once the barrier says that all that was read is
 * durable; the newest one of each mailbox is then the truth. */
#include "storage/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

struct entry {
	struct hf_mailbox_info info; /* name owned; subscribed not kept here */
};

/* A publication that came during the load. */
struct pending {
	enum { PENDING_MAILBOX, PENDING_SUBSCRIPTION } kind;
	struct hf_mailbox_info info;
	uint64_t mailbox;
	bool row_changed, subscribed;
	char *name;
};

enum account_state { ACCOUNT_NEW, ACCOUNT_LOADING, ACCOUNT_READY, ACCOUNT_GONE };

struct hf_account {
	struct hf_open open;
	struct hf_registry *registry;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* state */
	enum account_state state HF_GUARDED_BY(lock);
	struct entry **by_name HF_GUARDED_BY(lock);
	struct entry **by_id HF_GUARDED_BY(lock);
	size_t count, capacity;
	struct hf_str *subscribed HF_GUARDED_BY(lock); /* names owned, in order of name */
	size_t subscribed_count, subscribed_capacity;
	struct pending *pending HF_GUARDED_BY(lock);
	size_t pending_count, pending_capacity;

	pthread_mutex_t watch;
	struct hf_waiter **watchers HF_GUARDED_BY(watch);
	size_t watcher_count, watcher_capacity;
};

/* Names
 * --------------------------------------------------------------------------------------------------------------
 */

static bool is_inbox_tree(struct hf_str name)
{
	return hf_str_eq(hf_str_split(&name, '/'), HF_STR("INBOX"));
}

/* INBOX and what is below it first; then octets, '/' before all others. */
int hf_name_compare(struct hf_str a, struct hf_str b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int inbox = (int)is_inbox_tree(b) - (int)is_inbox_tree(a);

	if (inbox)
		return inbox;
	for (size_t i = 0; i < size; i++) {
		unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];

		if (x != y)
			return x == '/' ? -1 : y == '/' ? 1 : x < y ? -1 : 1;
	}
	return (a.size > b.size) - (a.size < b.size);
}

struct hf_str hf_name_inbox(struct hf_str name, struct hf_arena *arena)
{
	struct hf_str rest = name;
	char *copy;

	if (!hf_str_ieq(hf_str_split(&rest, '/'), HF_STR("INBOX")))
		return name;
	copy = hf_arena_cstr(arena, name);
	memcpy(copy, "INBOX", 5);
	return hf_str_n(copy, name.size);
}

static struct hf_str name_dup(struct hf_str name)
{
	return hf_str_n(hf_strndup(name.data ? name.data : "", name.size), name.size);
}

static void name_free(struct hf_str name)
{
	void *data;

	memcpy(&data, &name.data, sizeof(data)); /* ours, so not really const */
	hf_free(data);
}

/* Subscriptions
 * ------------------------------------------------------------------------------------------------------
 */

/* The first subscription that does not come before `name`. */
static size_t subscription_at(const struct hf_account *account, struct hf_str name, bool *found)
{
	size_t low = 0, high = account->subscribed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hf_name_compare(account->subscribed[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < account->subscribed_count && hf_str_eq(account->subscribed[low], name);
	return low;
}

static bool is_subscribed(const struct hf_account *account, struct hf_str name)
{
	bool found;

	subscription_at(account, name, &found);
	return found;
}

static void set_subscribed(struct hf_account *account, struct hf_str name, bool subscribed)
{
	bool found;
	size_t at = subscription_at(account, name, &found), rest = account->subscribed_count - at;

	if (found == subscribed)
		return;
	if (!subscribed) {
		name_free(account->subscribed[at]);
		memmove(account->subscribed + at, account->subscribed + at + 1,
			(rest - 1) * sizeof(struct hf_str));
		account->subscribed_count--;
		return;
	}
	if (account->subscribed_count == account->subscribed_capacity) {
		account->subscribed_capacity =
			account->subscribed_capacity ? account->subscribed_capacity * 2 : 8;
		account->subscribed = hf_realloc_array(
			account->subscribed, account->subscribed_capacity, sizeof(struct hf_str));
	}
	memmove(account->subscribed + at + 1, account->subscribed + at,
		rest * sizeof(struct hf_str));
	account->subscribed[at] = name_dup(name);
	account->subscribed_count++;
}

/* Entries
 * ------------------------------------------------------------------------------------------------------------
 */

static size_t name_at(const struct hf_account *account, struct hf_str name)
{
	size_t low = 0, high = account->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hf_name_compare(account->by_name[middle]->info.name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t id_at(const struct hf_account *account, uint64_t id)
{
	size_t low = 0, high = account->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (account->by_id[middle]->info.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *entry_by_id(const struct hf_account *account, uint64_t id)
{
	size_t at = id_at(account, id);

	return at < account->count && account->by_id[at]->info.id == id ? account->by_id[at] : NULL;
}

static struct entry *entry_by_name(const struct hf_account *account, struct hf_str name)
{
	size_t at = name_at(account, name);

	return at < account->count && hf_str_eq(account->by_name[at]->info.name, name)
		       ? account->by_name[at]
		       : NULL;
}

static void put_in(struct entry **array, size_t count, size_t at, struct entry *entry)
{
	memmove(array + at + 1, array + at, (count - at) * sizeof(struct entry *));
	array[at] = entry;
}

static void take_out(struct entry **array, size_t count, size_t at)
{
	memmove(array + at, array + at + 1, (count - at - 1) * sizeof(struct entry *));
}

/* While a batch renames, two entries can bear one name for a moment. */
static size_t place_of(const struct hf_account *account, const struct entry *entry)
{
	size_t at = name_at(account, entry->info.name);

	while (account->by_name[at] != entry)
		at++;
	return at;
}

static struct entry *entry_add(struct hf_account *account, uint64_t id, struct hf_str name)
{
	struct entry *entry = hf_alloc_zero(sizeof(*entry));

	if (account->count == account->capacity) {
		account->capacity = account->capacity ? account->capacity * 2 : 8;
		account->by_name = hf_realloc_array(account->by_name, account->capacity,
						    sizeof(struct entry *));
		account->by_id =
			hf_realloc_array(account->by_id, account->capacity, sizeof(struct entry *));
	}
	entry->info.id = id;
	entry->info.name = name_dup(name);
	put_in(account->by_name, account->count, name_at(account, name), entry);
	put_in(account->by_id, account->count, id_at(account, id), entry);
	account->count++;
	return entry;
}

static void entry_remove(struct hf_account *account, struct entry *entry)
{
	take_out(account->by_name, account->count, place_of(account, entry));
	take_out(account->by_id, account->count, id_at(account, entry->info.id));
	account->count--;
	name_free(entry->info.name);
	hf_free(entry);
}

static void entry_rename(struct hf_account *account, struct entry *entry, struct hf_str name)
{
	take_out(account->by_name, account->count, place_of(account, entry));
	name_free(entry->info.name);
	entry->info.name = name_dup(name);
	account->count--; /* what name_at() looks through has one less for the moment */
	put_in(account->by_name, account->count, name_at(account, name), entry);
	account->count++;
}

static void clear(struct hf_account *account)
{
	for (size_t i = 0; i < account->count; i++) {
		name_free(account->by_id[i]->info.name);
		hf_free(account->by_id[i]);
	}
	for (size_t i = 0; i < account->subscribed_count; i++)
		name_free(account->subscribed[i]);
	for (size_t i = 0; i < account->pending_count; i++)
		hf_free(account->pending[i].name);
	account->count = account->subscribed_count = account->pending_count = 0;
}

/* Publications
 * -------------------------------------------------------------------------------------------------------
 */

static void apply_mailbox(struct hf_account *account, uint64_t mailbox,
			  const struct hf_mailbox_info *info, bool row_changed)
{
	struct entry *entry = entry_by_id(account, mailbox);
	struct hf_str name;

	if (info->id == 0) {
		if (entry)
			entry_remove(account, entry);
		return;
	}
	if (!entry)
		entry = entry_add(account, mailbox, info->name);
	else if (row_changed && !hf_str_eq(entry->info.name, info->name))
		entry_rename(account, entry, info->name);
	name = entry->info.name;
	entry->info = *info;
	entry->info.name = name;
	/* Subscriptions go with names and are taken away by name alone. */
	if (row_changed && info->subscribed)
		set_subscribed(account, name, true);
}

static struct pending *hold_back(struct hf_account *account, struct hf_str name)
{
	struct pending *pending;

	if (account->pending_count == account->pending_capacity) {
		account->pending_capacity =
			account->pending_capacity ? account->pending_capacity * 2 : 8;
		account->pending = hf_realloc_array(account->pending, account->pending_capacity,
						    sizeof(*account->pending));
	}
	pending = &account->pending[account->pending_count++];
	memset(pending, 0, sizeof(*pending));
	pending->name = hf_strndup(name.data ? name.data : "", name.size);
	pending->info.name = hf_str_n(pending->name, name.size);
	return pending;
}

static struct hf_account *lookup(struct hf_registry *registry, uint64_t user)
{
	struct hf_open *open = hf_open_acquire(registry, &registry->accounts, user, NULL);

	return open ? HF_CONTAINER(open, struct hf_account, open) : NULL;
}

static void release(struct hf_account *account)
{
	uint64_t cost;
	bool keep;

	pthread_mutex_lock(&account->lock);
	keep = account->state == ACCOUNT_READY;
	cost = account->count;
	pthread_mutex_unlock(&account->lock);
	hf_open_release(account->registry, &account->registry->accounts, &account->open, keep,
			cost);
}

static void wake_watchers(struct hf_account *account)
{
	pthread_mutex_lock(&account->watch);
	for (size_t i = 0; i < account->watcher_count; i++)
		hf_waiter_wake(account->watchers[i]);
	pthread_mutex_unlock(&account->watch);
}

void hf_account_publish_mailbox(struct hf_registry *registry, const struct hf_mailbox_news *news)
{
	struct hf_account *account = lookup(registry, news->owner);

	if (!account)
		return;
	pthread_mutex_lock(&account->lock);
	if (account->state == ACCOUNT_LOADING) {
		struct pending *pending = hold_back(account, news->info.name);
		struct hf_str name = pending->info.name;

		pending->kind = PENDING_MAILBOX;
		pending->mailbox = news->mailbox;
		pending->row_changed = news->row_changed;
		pending->info = news->info;
		pending->info.name = name;
	} else if (account->state == ACCOUNT_READY) {
		apply_mailbox(account, news->mailbox, &news->info, news->row_changed);
	}
	pthread_mutex_unlock(&account->lock);
	if (!news->more)
		wake_watchers(account);
	release(account);
}

void hf_publish_subscription(struct hf_store *store, uint64_t user, struct hf_str name,
			     bool subscribed)
{
	struct hf_account *account = lookup(hf_store_registry(store), user);

	if (!account)
		return;
	pthread_mutex_lock(&account->lock);
	if (account->state == ACCOUNT_LOADING) {
		struct pending *pending = hold_back(account, name);

		pending->kind = PENDING_SUBSCRIPTION;
		pending->subscribed = subscribed;
	} else if (account->state == ACCOUNT_READY) {
		set_subscribed(account, name, subscribed);
	}
	pthread_mutex_unlock(&account->lock);
	wake_watchers(account);
	release(account);
}

void hf_publish_user_gone(struct hf_store *store, uint64_t user)
{
	struct hf_registry *registry = hf_store_registry(store);
	struct hf_account *account = lookup(registry, user);
	struct hf_open **all;
	size_t count;

	if (account) {
		hf_open_unlist(registry, &registry->accounts, &account->open);
		pthread_mutex_lock(&account->lock);
		account->state = ACCOUNT_GONE;
		clear(account);
		pthread_cond_broadcast(&account->changed);
		pthread_mutex_unlock(&account->lock);
		wake_watchers(account);
		release(account);
	}
	all = hf_open_all(registry, &registry->mailboxes, &count);
	for (size_t i = 0; i < count; i++) {
		struct hf_mailbox *mailbox = HF_CONTAINER(all[i], struct hf_mailbox, open);

		if (hf_mailbox_owner(mailbox) == user)
			hf_mailbox_delete(mailbox);
		hf_mailbox_release(mailbox);
	}
	hf_free(all);
}

/* Opening
 * ------------------------------------------------------------------------------------------------------------
 */

static void account_destroy(struct hf_open *open)
{
	struct hf_account *account = HF_CONTAINER(open, struct hf_account, open);

	hf_assert(account->watcher_count == 0);
	clear(account);
	hf_free(account->by_name);
	hf_free(account->by_id);
	hf_free(account->subscribed);
	hf_free(account->pending);
	hf_free(account->watchers);
	pthread_cond_destroy(&account->changed);
	pthread_mutex_destroy(&account->lock);
	pthread_mutex_destroy(&account->watch);
	hf_free(account);
}

static struct hf_open *account_make(struct hf_registry *registry, uint64_t id)
{
	struct hf_account *account = hf_alloc_zero(sizeof(*account));

	(void)id; /* the registry sets it */
	pthread_mutex_init(&account->lock, NULL);
	pthread_mutex_init(&account->watch, NULL);
	pthread_cond_init(&account->changed, NULL);
	account->registry = registry;
	account->open.destroy = account_destroy;
	return &account->open;
}

/* A thread that waits for the barrier. */
struct sleeper {
	struct hf_waiter waiter;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
};

static void sleeper_wake(struct hf_waiter *waiter)
{
	struct sleeper *sleeper = HF_CONTAINER(waiter, struct sleeper, waiter);

	pthread_mutex_lock(&sleeper->lock);
	sleeper->woken = true;
	pthread_cond_signal(&sleeper->cond);
	pthread_mutex_unlock(&sleeper->lock);
}

static enum hf_status barrier_and_sleep(struct hf_store *store)
{
	struct sleeper sleeper = { .waiter = { sleeper_wake } };
	enum hf_status status;

	pthread_mutex_init(&sleeper.lock, NULL);
	pthread_cond_init(&sleeper.cond, NULL);
	status = hf_store_barrier(store, &sleeper.waiter);
	if (status == HF_WAIT) {
		pthread_mutex_lock(&sleeper.lock);
		while (!sleeper.woken)
			pthread_cond_wait(&sleeper.cond, &sleeper.lock);
		pthread_mutex_unlock(&sleeper.lock);
		status = HF_OK;
	}
	pthread_cond_destroy(&sleeper.cond);
	pthread_mutex_destroy(&sleeper.lock);
	return status;
}

/* By the one thread that set the state to LOADING; publications are held back meanwhile. */
static enum hf_status load(struct hf_account *account)
{
	struct hf_store *store = account->registry->store;
	struct hf_arena *arena = hf_arena_new();
	struct hf_mailbox_info *list;
	size_t count;
	enum hf_status status = hf_rows_catalogue(store, account->open.id, arena, &list, &count);

	if (status == HF_OK)
		status = barrier_and_sleep(store);
	pthread_mutex_lock(&account->lock);
	if (account->state == ACCOUNT_GONE) {
		status = HF_ENONEXISTENT;
	} else if (status != HF_OK) {
		clear(account);
		account->state = ACCOUNT_NEW;
	} else {
		for (size_t i = 0; i < count; i++) {
			if (list[i].id)
				apply_mailbox(account, list[i].id, &list[i], false);
			if (list[i].id == 0 || list[i].subscribed)
				set_subscribed(account, list[i].name, true);
		}
		for (size_t i = 0; i < account->pending_count; i++) {
			struct pending *pending = &account->pending[i];

			if (pending->kind == PENDING_MAILBOX)
				apply_mailbox(account, pending->mailbox, &pending->info,
					      pending->row_changed);
			else
				set_subscribed(account, pending->info.name, pending->subscribed);
			hf_free(pending->name);
		}
		account->pending_count = 0;
		account->state = ACCOUNT_READY;
	}
	pthread_cond_broadcast(&account->changed);
	pthread_mutex_unlock(&account->lock);
	hf_arena_free(&arena);
	return status;
}

enum hf_status hf_account_open(struct hf_store *store, uint64_t user, struct hf_account **accountp)
{
	struct hf_registry *registry = hf_store_registry(store);
	struct hf_open *open = hf_open_acquire(registry, &registry->accounts, user, account_make);
	struct hf_account *account = HF_CONTAINER(open, struct hf_account, open);
	enum account_state state;
	enum hf_status status = HF_OK;

	pthread_mutex_lock(&account->lock);
	while (account->state == ACCOUNT_LOADING)
		pthread_cond_wait(&account->changed, &account->lock);
	state = account->state;
	if (state == ACCOUNT_NEW)
		account->state = ACCOUNT_LOADING;
	pthread_mutex_unlock(&account->lock);
	if (state == ACCOUNT_NEW)
		status = load(account);
	else if (state == ACCOUNT_GONE)
		status = HF_ENONEXISTENT;
	if (status != HF_OK) {
		release(account);
		return status;
	}
	*accountp = account;
	return HF_OK;
}

void hf_account_close(struct hf_account **accountp)
{
	struct hf_account *account = *accountp;

	*accountp = NULL;
	if (account)
		release(account);
}

uint64_t hf_account_user(const struct hf_account *account)
{
	return account->open.id;
}

bool hf_account_published(struct hf_registry *registry, uint64_t user, uint64_t mailbox,
			  struct hf_arena *arena, struct hf_mailbox_info *info)
{
	struct hf_account *account = lookup(registry, user);
	const struct entry *entry = NULL;

	if (!account)
		return false;
	pthread_mutex_lock(&account->lock);
	if (account->state == ACCOUNT_READY)
		entry = entry_by_id(account, mailbox);
	if (entry) {
		*info = entry->info;
		info->name = hf_arena_str(arena, info->name);
	}
	pthread_mutex_unlock(&account->lock);
	release(account);
	return entry != NULL;
}

/* Reading
 * ------------------------------------------------------------------------------------------------------------
 */

/* Without the account's lock. */
static void settle_recent(const struct hf_account *account, struct hf_mailbox_info *info)
{
	if (info->recent)
		info->recent = hf_mailbox_recent(account->registry, info->id, info->recent);
}

void hf_account_list(struct hf_account *account, struct hf_arena *arena,
		     struct hf_mailbox_info **listp, size_t *count)
{
	size_t i = 0, j = 0, n = 0;
	struct hf_mailbox_info *list;

	pthread_mutex_lock(&account->lock);
	list = hf_new_array(arena, struct hf_mailbox_info,
			    account->count + account->subscribed_count + 1);
	while (i < account->count || j < account->subscribed_count) {
		int order;

		if (i == account->count)
			order = 1;
		else if (j == account->subscribed_count)
			order = -1;
		else
			order = hf_name_compare(account->by_name[i]->info.name,
					     account->subscribed[j]);
		if (order <= 0) {
			list[n] = account->by_name[i++]->info;
			list[n].subscribed = order == 0;
		} else {
			list[n].name = account->subscribed[j];
			list[n].owner = account->open.id;
			list[n].subscribed = true;
		}
		if (order >= 0)
			j++;
		list[n].name = hf_arena_str(arena, list[n].name);
		n++;
	}
	pthread_mutex_unlock(&account->lock);
	for (i = 0; i < n; i++)
		settle_recent(account, &list[i]);
	*listp = list;
	*count = n;
}

static void describe_locked(const struct hf_account *account, const struct entry *entry,
			    struct hf_arena *arena, struct hf_mailbox_info *info)
	HF_REQUIRES(account->lock)
{
	*info = entry->info;
	info->name = hf_arena_str(arena, entry->info.name);
	info->subscribed = is_subscribed(account, info->name);
}

enum hf_status hf_account_find(struct hf_account *account, struct hf_str name,
			       struct hf_arena *arena, struct hf_mailbox_info *info)
{
	const struct entry *entry;
	enum hf_status status = HF_ENONEXISTENT;

	name = hf_name_inbox(name, arena);
	pthread_mutex_lock(&account->lock);
	entry = entry_by_name(account, name);
	if (entry) {
		describe_locked(account, entry, arena, info);
		status = HF_OK;
	}
	pthread_mutex_unlock(&account->lock);
	if (status == HF_OK)
		settle_recent(account, info);
	return status;
}

enum hf_status hf_account_find_id(struct hf_account *account, uint64_t mailbox,
				  struct hf_arena *arena, struct hf_mailbox_info *info)
{
	const struct entry *entry;

	pthread_mutex_lock(&account->lock);
	entry = entry_by_id(account, mailbox);
	if (entry)
		describe_locked(account, entry, arena, info);
	pthread_mutex_unlock(&account->lock);
	if (!entry)
		return HF_ENONEXISTENT;
	settle_recent(account, info);
	return HF_OK;
}

void hf_account_watch(struct hf_account *account, struct hf_waiter *waiter)
{
	pthread_mutex_lock(&account->watch);
	if (account->watcher_count == account->watcher_capacity) {
		account->watcher_capacity =
			account->watcher_capacity ? account->watcher_capacity * 2 : 4;
		account->watchers = hf_realloc_array(account->watchers, account->watcher_capacity,
						     sizeof(struct hf_waiter *));
	}
	account->watchers[account->watcher_count++] = waiter;
	pthread_mutex_unlock(&account->watch);
}

void hf_account_unwatch(struct hf_account *account, struct hf_waiter *waiter)
{
	pthread_mutex_lock(&account->watch);
	for (size_t i = 0; i < account->watcher_count; i++) {
		if (account->watchers[i] == waiter) {
			account->watchers[i] = account->watchers[--account->watcher_count];
			break;
		}
	}
	pthread_mutex_unlock(&account->watch);
}
