/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rights changes: at start-up from the rows, then by publications, which wake those who watch. */

#include <search.h>

#include "base/mem.h"
#include "storage/rights_table_priv.h"
#include "storage/show_priv.h"

/* Watching -------------------------------------------------------------------------------------------------------- */

static int by_watcher(const void *a, const void *b)
{
	return rights_order(((const struct watched *)a)->user, ((const struct watched *)b)->user);
}

static struct watched *watched_find(struct rights *rights, uint64_t user)
{
	struct watched like = { .user = user };

	return rights_tree_find(&rights->watched, &like, by_watcher);
}

void hf_visible_watch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter)
{
	struct rights *rights = store->rights;
	struct watched *watched;
	size_t at;

	pthread_mutex_lock(&rights->watch);
	watched = watched_find(rights, user);
	if (!watched) {
		watched = hf_alloc_zero(sizeof(*watched));
		watched->user = user;
		rights_tree_add(&rights->watched, watched, by_watcher);
	}
	if (!rights_pointers_has(&watched->waiters, waiter, &at))
		rights_pointers_add(&watched->waiters, waiter);
	pthread_mutex_unlock(&rights->watch);
}

static void watched_free(void *item)
{
	struct watched *watched = item;

	hf_free(watched->waiters.at);
	hf_free(watched);
}

void hf_visible_unwatch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter)
{
	struct rights *rights = store->rights;
	struct watched *watched;

	pthread_mutex_lock(&rights->watch);
	watched = watched_find(rights, user);
	if (watched) {
		rights_pointers_remove(&watched->waiters, waiter);
		if (!watched->waiters.count) {
			tdelete(watched, &rights->watched, by_watcher);
			watched_free(watched);
		}
	}
	pthread_mutex_unlock(&rights->watch);
}

static void wake_watched(const struct watched *watched)
{
	for (size_t i = 0; watched && i < watched->waiters.count; i++)
		hf_waiter_wake(watched->waiters.at[i]);
}

static void wake_node(const void *node, VISIT visit, void *arg)
{
	(void)arg;
	if (visit == postorder || visit == leaf)
		wake_watched(*(const struct watched *const *)node);
}

void rights_wake_identity(struct rights *rights, const struct identity *who)
{
	pthread_mutex_lock(&rights->watch);
	if (!rights->watched)
		;
	else if (who == rights->anyone)
		twalk_r(rights->watched, wake_node, NULL);
	else if (rights_is_group(who))
		for (size_t i = 0; i < who->links.count; i++)
			wake_watched(watched_find(rights, ((const struct identity *)who->links.at[i])->user));
	else
		wake_watched(watched_find(rights, who->user));
	pthread_mutex_unlock(&rights->watch);
}

void rights_wake_mailbox(struct hf_store *store, uint64_t mailbox)
{
	struct rights *rights = store->rights;
	const struct acl_list *list;

	pthread_rwlock_rdlock(&rights->lock);
	list = rights_list_find(rights, mailbox);
	for (size_t i = 0; list && i < list->count; i++)
		if (!list->entries[i].negative && list->entries[i].rights & HF_RIGHT_LOOKUP)
			rights_wake_identity(rights, list->entries[i].who);
	pthread_rwlock_unlock(&rights->lock);
}

static void add_seer(uint64_t **users, size_t *count, uint64_t user)
{
	if (!user)
		return;
	if (!(*count & (*count - 1))) /* full: it holds powers of two */
		*users = hf_realloc_array(*users, *count ? 2 * *count : 1, sizeof(**users));
	(*users)[(*count)++] = user;
}

uint64_t *rights_seers(struct hf_store *store, uint64_t mailbox, size_t *count, bool *anyone)
{
	struct rights *rights = store->rights;
	const struct acl_list *list;
	uint64_t *users = NULL;

	*count = 0;
	*anyone = false;
	pthread_rwlock_rdlock(&rights->lock);
	list = rights_list_find(rights, mailbox);
	for (size_t i = 0; list && i < list->count; i++) {
		const struct identity *who = list->entries[i].who;

		if (list->entries[i].negative || !(list->entries[i].rights & HF_RIGHT_LOOKUP))
			continue;
		if (who == rights->anyone)
			*anyone = true;
		else if (rights_is_group(who))
			for (size_t j = 0; j < who->links.count; j++)
				add_seer(&users, count, ((const struct identity *)who->links.at[j])->user);
		else
			add_seer(&users, count, who->user);
	}
	pthread_rwlock_unlock(&rights->lock);
	return users;
}

static struct hf_str without_dash(struct hf_str identifier, bool *negative)
{
	*negative = hf_str_starts(identifier, HF_STR("-"));
	return hf_str_sub(identifier, *negative ? 1 : 0, identifier.size);
}

/* Publications ---------------------------------------------------------------------------------------------------- */

struct publication {
	struct rights *rights;
	uint64_t *mailboxes; /* whose views are to be woken */
	size_t count, capacity;
	struct pointers doomed; /* lists of a user who has gone */
	uint64_t user;
};

static void wake_views_of(struct publication *p, uint64_t mailbox)
{
	if (p->count && p->mailboxes[p->count - 1] == mailbox)
		return;
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 16;
		p->mailboxes = hf_realloc_array(p->mailboxes, p->capacity, sizeof(*p->mailboxes));
	}
	p->mailboxes[p->count++] = mailbox;
}

static void apply_entry(struct publication *p, const struct rights_change *change)
{
	struct rights *rights = p->rights;
	bool negative;
	struct hf_str name = without_dash(change->identifier, &negative);
	struct identity *who;
	struct acl_entry *entry;
	struct acl_list *list;

	wake_views_of(p, change->mailbox);
	if (change->rights) {
		who = rights_identity_get(rights, name, change->user);
		rights_list_set(rights_list_get(rights, change->mailbox, change->owner), who, negative, change->rights);
		rights_wake_identity(rights, who);
		return;
	}
	who = rights_identity_find(rights, name);
	list = rights_list_find(rights, change->mailbox);
	entry = who && list ? rights_list_entry(list, who, negative) : NULL;
	if (!entry)
		return; /* of a mailbox that had gone */
	rights_wake_identity(rights, who);
	rights_list_remove_entry(rights, list, entry);
	rights_list_drop_if_empty(rights, list);
}

static void drop_list(struct rights *rights, struct acl_list *list)
{
	while (list->count) {
		rights_wake_identity(rights, list->entries[0].who);
		rights_list_remove_entry(rights, list, &list->entries[0]);
	}
	rights_list_drop_if_empty(rights, list);
}

static void apply_member(struct publication *p, const struct rights_change *change)
{
	struct rights *rights = p->rights;
	struct identity *group, *user;
	size_t at;

	if (change->member) {
		group = rights_identity_get(rights, change->group, 0);
		user = rights_identity_get(rights, change->identifier, change->user);
		if (!rights_pointers_has(&user->links, group, &at)) {
			rights_pointers_add(&user->links, group);
			rights_pointers_add(&group->links, user);
		}
	} else {
		group = rights_identity_find(rights, change->group);
		user = rights_identity_find(rights, change->identifier);
		if (!group || !user)
			return;
	}
	for (size_t i = 0; i < group->lists.count; i++)
		wake_views_of(p, ((const struct acl_list *)group->lists.at[i])->mailbox);
	rights_wake_identity(rights, user);
	if (!change->member) {
		rights_pointers_remove(&user->links, group);
		rights_pointers_remove(&group->links, user);
		rights_identity_drop(rights, user);
		rights_identity_drop(rights, group);
	}
}

static void collect_owned(const void *node, VISIT visit, void *arg)
{
	struct acl_list *list = *(struct acl_list *const *)node;
	struct publication *p = arg;

	if ((visit == postorder || visit == leaf) && list->owner == p->user)
		rights_pointers_add(&p->doomed, list);
}

static void forget_doomed(struct rights *rights, struct identity *who)
{
	size_t kept = 0;

	for (size_t i = 0; i < who->lists.count; i++)
		if (!((const struct acl_list *)who->lists.at[i])->doomed)
			who->lists.at[kept++] = who->lists.at[i];
	who->lists.count = kept;
	who->named = false;
	rights_wake_identity(rights, who);
	rights_identity_drop(rights, who);
}

/* There can be as many lists as one identity is named in: each of those it goes through once. */
static void drop_doomed(struct publication *p)
{
	struct pointers named = { NULL, 0, 0 };

	for (size_t i = 0; i < p->doomed.count; i++) {
		struct acl_list *list = p->doomed.at[i];

		wake_views_of(p, list->mailbox);
		list->doomed = true;
		for (size_t j = 0; j < list->count; j++) {
			struct identity *who = list->entries[j].who;

			if (!who->named)
				rights_pointers_add(&named, who);
			who->named = true;
		}
	}
	for (size_t i = 0; i < named.count; i++)
		forget_doomed(p->rights, named.at[i]);
	for (size_t i = 0; i < p->doomed.count; i++)
		rights_list_drop(p->rights, p->doomed.at[i]);
	hf_free(named.at);
}

static void apply_user_gone(struct publication *p, uint64_t user)
{
	struct identity *who = rights_user_find(p->rights, user);

	if (who)
		rights_identity_bear(p->rights, who, 0);
	p->user = user;
	p->doomed.count = 0;
	twalk_r(p->rights->lists, collect_owned, p);
	drop_doomed(p);
}

static void apply(struct publication *p, const struct rights_change *change)
{
	struct identity *who;
	struct acl_list *list;

	switch (change->kind) {
	case RIGHTS_ENTRY:
		apply_entry(p, change);
		break;
	case RIGHTS_MAILBOX_GONE:
		list = rights_list_find(p->rights, change->mailbox);
		if (list)
			drop_list(p->rights, list);
		break;
	case RIGHTS_MEMBER:
		apply_member(p, change);
		break;
	case RIGHTS_USER:
		who = rights_identity_find(p->rights, change->identifier);
		if (who)
			rights_identity_bear(p->rights, who, change->user);
		break;
	case RIGHTS_USER_GONE:
		apply_user_gone(p, change->user);
		break;
	}
}

void rights_publish(struct hf_store *store, const struct rights_change *changes)
{
	struct publication p = { .rights = store->rights };

	if (!changes)
		return;
	pthread_rwlock_wrlock(&p.rights->lock);
	for (const struct rights_change *change = changes; change; change = change->next)
		apply(&p, change);
	__atomic_add_fetch(&p.rights->version, 1, __ATOMIC_RELEASE);
	pthread_rwlock_unlock(&p.rights->lock);
	for (size_t i = 0; i < p.count; i++)
		hf_mailbox_wake(store->registry, p.mailboxes[i]);
	hf_free(p.mailboxes);
	hf_free(p.doomed.at);
}

/* Start-up -------------------------------------------------------------------------------------------------------- */

static uint64_t bearer(struct hf_store *store, struct hf_str name)
{
	uint64_t user = 0;

	return user_find_id(store, name, &user) == HF_OK ? user : 0;
}

/* Whose the mailbox is; HF_ENONEXISTENT when it or its owner is deleted. */
static enum hf_status owner_of(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, uint64_t *owner)
{
	struct hf_mailbox_info info;
	struct row_user user;
	enum hf_status status;

	hf_arena_reset(arena);
	status = hf_rows_mailbox(store, mailbox, arena, &info, NULL, NULL);
	if (status == HF_OK)
		status = user_get(store, info.owner, arena, &user);
	if (status == HF_OK)
		*owner = info.owner;
	return status;
}

static enum hf_status load_lists(struct hf_store *store)
{
	struct rights *rights = store->rights;
	struct hf_arena *arena = hf_arena_new();
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	uint64_t mailbox = 0, owner = 0;
	enum hf_status status, there = HF_ENONEXISTENT;

	key_begin(&from, META_RIGHTS);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 256 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		bool negative;
		struct hf_str name = without_dash(hf_str_sub(key, 9, key.size), &negative);
		uint32_t bits;

		if (key_be64(key, 1) != mailbox) {
			mailbox = key_be64(key, 1);
			there = owner_of(store, mailbox, arena, &owner);
		}
		/* A row that cannot be read gives nothing; verify tells of it. */
		if (there == HF_OK && row_rights_decode(value, &bits) == HF_OK)
			rights_list_set(rights_list_get(rights, mailbox, owner), rights_identity_get(rights, name, bearer(store, name)), negative,
				 bits & HF_RIGHTS_ALL);
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status load_groups(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_begin(&from, META_GROUP);
	key_add_u8(&from, GROUP_MEMBER);
	scan_open(&scan, store->env, TABLE_META, &from, 2, 64 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct hf_reader r = hf_reader_init(hf_str_sub(key, 2, key.size));
		struct identity *group, *user;
		struct hf_str name, member;

		if (!hf_read_varstr(&r, &name))
			continue;
		member = hf_str_n(r.pos, (size_t)(r.end - r.pos));
		group = rights_identity_get(store->rights, name, 0);
		user = rights_identity_get(store->rights, member, bearer(store, member));
		rights_pointers_add(&group->links, user);
		rights_pointers_add(&user->links, group);
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status rights_load(struct hf_store *store)
{
	enum hf_status status = load_lists(store);

	return status == HF_OK ? load_groups(store) : status;
}
