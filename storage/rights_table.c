/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rights: lists by mailbox, and by identifier where it is named, in memory, as published.
 *
 * An identity is what an identifier means: everybody, a group, a user (whether or not there is one of that name). It is there while
 * an entry, a membership or a list names it. `lock` guards all but the watchers; it is held for the time of a lookup, and
 * written by publications only. A watcher is woken with it and `watch` held: waking takes no lock but the run queue's. */

#include <search.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/rights_table_priv.h"

void rights_pointers_add(struct pointers *p, void *pointer)
{
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 4;
		p->at = hf_realloc_array(p->at, p->capacity, sizeof(void *));
	}
	p->at[p->count++] = pointer;
}

bool rights_pointers_has(const struct pointers *p, const void *pointer, size_t *at)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->at[i] == pointer) {
			*at = i;
			return true;
		}
	}
	return false;
}

bool rights_pointers_remove(struct pointers *p, const void *pointer)
{
	size_t at;

	if (!rights_pointers_has(p, pointer, &at))
		return false;
	p->at[at] = p->at[--p->count];
	return true;
}

/* Trees ----------------------------------------------------------------------------------------------------------- */

int rights_order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_mailbox(const void *a, const void *b)
{
	return rights_order(((const struct acl_list *)a)->mailbox, ((const struct acl_list *)b)->mailbox);
}

static int by_name(const void *a, const void *b)
{
	return hf_str_cmp(((const struct identity *)a)->name, ((const struct identity *)b)->name);
}

static int by_user(const void *a, const void *b)
{
	return rights_order(((const struct identity *)a)->user, ((const struct identity *)b)->user);
}

static int by_owner_id(const void *a, const void *b)
{
	return rights_order(((const struct acl_owner *)a)->owner, ((const struct acl_owner *)b)->owner);
}

void *rights_tree_find(void *const *tree, const void *like, int (*compare)(const void *, const void *))
{
	void *const *node = tfind(like, tree, compare);

	return node ? *node : NULL;
}

void rights_tree_add(void **tree, void *item, int (*compare)(const void *, const void *))
{
	if (!tsearch(item, tree, compare))
		hf_out_of_memory(sizeof(item));
}

struct acl_list *rights_list_find(struct rights *rights, uint64_t mailbox)
{
	struct acl_list like = { .mailbox = mailbox };

	return rights_tree_find(&rights->lists, &like, by_mailbox);
}

struct identity *rights_identity_find(struct rights *rights, struct hf_str name)
{
	struct identity like = { .name = name };

	return rights_tree_find(&rights->identities, &like, by_name);
}

struct identity *rights_user_find(struct rights *rights, uint64_t user)
{
	struct identity like = { .user = user };

	return user ? rights_tree_find(&rights->users, &like, by_user) : NULL;
}

/* Identities and lists -------------------------------------------------------------------------------------------- */

void rights_identity_bear(struct rights *rights, struct identity *who, uint64_t user)
{
	if (who->user == user)
		return;
	if (who->user)
		tdelete(who, &rights->users, by_user);
	who->user = user;
	if (user)
		rights_tree_add(&rights->users, who, by_user);
}

struct identity *rights_identity_get(struct rights *rights, struct hf_str name, uint64_t user)
{
	struct identity *who = rights_identity_find(rights, name);

	if (!who) {
		who = hf_alloc_zero(sizeof(*who));
		who->text = hf_strndup(name.data, name.size);
		who->name = hf_str_n(who->text, name.size);
		rights_tree_add(&rights->identities, who, by_name);
	}
	if (user)
		rights_identity_bear(rights, who, user);
	return who;
}

static void identity_free(void *item)
{
	struct identity *who = item;

	hf_free(who->lists.at);
	hf_free(who->links.at);
	hf_free(who->text);
	hf_free(who);
}

/* It goes when nothing names it. */
void rights_identity_drop(struct rights *rights, struct identity *who)
{
	if (who == rights->anyone || who->lists.count || who->links.count)
		return;
	rights_identity_bear(rights, who, 0);
	tdelete(who, &rights->identities, by_name);
	identity_free(who);
}

static void list_free(void *item)
{
	struct acl_list *list = item;

	hf_free(list->entries);
	hf_free(list);
}

static bool list_names(const struct acl_list *list, const struct identity *who)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].who == who)
			return true;
	return false;
}

void rights_list_remove_entry(struct rights *rights, struct acl_list *list, struct acl_entry *entry)
{
	struct identity *who = entry->who;

	*entry = list->entries[--list->count];
	list->owned->entries--;
	if (!list_names(list, who)) {
		rights_pointers_remove(&who->lists, list);
		rights_identity_drop(rights, who);
	}
}

void rights_list_drop(struct rights *rights, struct acl_list *list)
{
	struct acl_owner *owned = list->owned;

	owned->entries -= list->count;
	if (!--owned->lists) {
		tdelete(owned, &rights->owners, by_owner_id);
		hf_free(owned);
	}
	tdelete(list, &rights->lists, by_mailbox);
	list_free(list);
}

void rights_list_drop_if_empty(struct rights *rights, struct acl_list *list)
{
	if (!list->count)
		rights_list_drop(rights, list);
}

struct acl_entry *rights_list_entry(struct acl_list *list, const struct identity *who, bool negative)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].who == who && list->entries[i].negative == negative)
			return &list->entries[i];
	return NULL;
}

static struct acl_owner *owner_get(struct rights *rights, uint64_t owner)
{
	struct acl_owner like = { .owner = owner }, *owned = rights_tree_find(&rights->owners, &like, by_owner_id);

	if (!owned) {
		owned = hf_alloc_zero(sizeof(*owned));
		owned->owner = owner;
		rights_tree_add(&rights->owners, owned, by_owner_id);
	}
	return owned;
}

struct acl_list *rights_list_get(struct rights *rights, uint64_t mailbox, uint64_t owner)
{
	struct acl_list *list = rights_list_find(rights, mailbox);

	if (!list) {
		list = hf_alloc_zero(sizeof(*list));
		list->mailbox = mailbox;
		list->owner = owner;
		list->owned = owner_get(rights, owner);
		list->owned->lists++;
		rights_tree_add(&rights->lists, list, by_mailbox);
	}
	return list;
}

void rights_list_set(struct acl_list *list, struct identity *who, bool negative, uint32_t bits)
{
	struct acl_entry *entry = rights_list_entry(list, who, negative);

	if (!entry) {
		if (!list_names(list, who))
			rights_pointers_add(&who->lists, list);
		if (list->count == list->capacity) {
			list->capacity = list->capacity ? 2 * list->capacity : 2;
			list->entries = hf_realloc_array(list->entries, list->capacity, sizeof(*list->entries));
		}
		entry = &list->entries[list->count++];
		*entry = (struct acl_entry){ .who = who, .negative = negative };
		list->owned->entries++;
	}
	entry->rights = bits;
}

bool rights_is_group(const struct identity *who)
{
	return hf_str_starts(who->name, HF_STR(GROUP_PREFIX));
}

/* What a user has ------------------------------------------------------------------------------------------------- */

/* `user` NULL: one whom nothing names. */
static uint32_t evaluate(const struct rights *rights, const struct acl_list *list, const struct identity *user)
{
	uint32_t given = 0, taken = 0;
	size_t at;

	for (size_t i = 0; i < list->count; i++) {
		const struct acl_entry *entry = &list->entries[i];

		if (entry->who != rights->anyone &&
		    (!user || (entry->who != user && !rights_pointers_has(&user->links, entry->who, &at))))
			continue;
		if (entry->negative)
			taken |= entry->rights;
		else
			given |= entry->rights;
	}
	return given & ~taken;
}

uint32_t hf_rights_of(struct hf_store *store, uint64_t mailbox, uint64_t owner, uint64_t user)
{
	struct rights *rights = store->rights;
	const struct identity *who;
	const struct acl_list *list;
	uint32_t bits;

	pthread_rwlock_rdlock(&rights->lock);
	who = rights_user_find(rights, user);
	list = rights_list_find(rights, mailbox);
	bits = list ? evaluate(rights, list, who) : 0;
	pthread_rwlock_unlock(&rights->lock);
	return user && user == owner ? HF_RIGHTS_ALL : bits;
}

uint32_t hf_rights_of_anyone(struct hf_store *store, uint64_t mailbox)
{
	return hf_rights_of(store, mailbox, 0, 0);
}

uint64_t hf_rights_version(struct hf_store *store)
{
	return __atomic_load_n(&store->rights->version, __ATOMIC_ACQUIRE);
}

size_t rights_owned(struct hf_store *store, uint64_t owner)
{
	struct rights *rights = store->rights;
	struct acl_owner like = { .owner = owner };
	const struct acl_owner *owned;
	size_t entries;

	pthread_rwlock_rdlock(&rights->lock);
	owned = rights_tree_find(&rights->owners, &like, by_owner_id);
	entries = owned ? owned->entries : 0;
	pthread_rwlock_unlock(&rights->lock);
	return entries;
}

static int by_identifier(const void *a, const void *b)
{
	return hf_str_cmp(((const struct hf_acl_entry *)a)->identifier, ((const struct hf_acl_entry *)b)->identifier);
}

void hf_rights_list(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct hf_acl_entry **result,
		    size_t *count)
{
	struct rights *rights = store->rights;
	struct hf_acl_entry *entries = NULL;
	const struct acl_list *list;
	size_t n = 0;

	pthread_rwlock_rdlock(&rights->lock);
	list = rights_list_find(rights, mailbox);
	if (list)
		entries = hf_new_array(arena, struct hf_acl_entry, list->count);
	for (; list && n < list->count; n++) {
		const struct acl_entry *entry = &list->entries[n];
		struct hf_buf name = HF_BUF_INIT;

		if (entry->negative)
			hf_buf_add_char(&name, '-');
		hf_buf_add_str(&name, entry->who->name);
		entries[n].identifier = hf_arena_str(arena, hf_buf_str(&name));
		entries[n].rights = entry->rights;
		hf_buf_fini(&name);
	}
	pthread_rwlock_unlock(&rights->lock);
	if (n)
		qsort(entries, n, sizeof(*entries), by_identifier);
	*result = entries;
	*count = n;
}

static int by_owner(const void *a, const void *b)
{
	const struct rights_granted *x = a, *y = b;

	return x->owner != y->owner ? rights_order(x->owner, y->owner) : rights_order(x->mailbox, y->mailbox);
}

static void add_granted(struct pointers *lists, const struct identity *who)
{
	for (size_t i = 0; who && i < who->lists.count; i++)
		rights_pointers_add(lists, who->lists.at[i]);
}

struct rights_granted *rights_visible(struct hf_store *store, uint64_t user, size_t *count)
{
	struct rights *rights = store->rights;
	struct pointers lists = { NULL, 0, 0 };
	struct rights_granted *granted;
	const struct identity *who;
	size_t n = 0, kept = 0;

	pthread_rwlock_rdlock(&rights->lock);
	who = rights_user_find(rights, user);
	add_granted(&lists, rights->anyone);
	add_granted(&lists, who);
	for (size_t i = 0; who && i < who->links.count; i++)
		add_granted(&lists, who->links.at[i]);
	granted = hf_realloc_array(NULL, lists.count + 1, sizeof(*granted));
	for (size_t i = 0; i < lists.count; i++) {
		const struct acl_list *list = lists.at[i];
		uint32_t bits = list->owner == user ? 0 : evaluate(rights, list, who);

		if (bits & HF_RIGHT_LOOKUP)
			granted[n++] = (struct rights_granted){ list->mailbox, list->owner, bits };
	}
	pthread_rwlock_unlock(&rights->lock);
	hf_free(lists.at);
	if (n)
		qsort(granted, n, sizeof(*granted), by_owner);
	for (size_t i = 0; i < n; i++)
		if (!kept || granted[kept - 1].mailbox != granted[i].mailbox)
			granted[kept++] = granted[i];
	*count = kept;
	return granted;
}

/* Groups ---------------------------------------------------------------------------------------------------------- */

struct pair {
	struct hf_str group, user;
};

struct pairs {
	struct hf_arena *arena;
	struct hf_str group; /* wanted, with prefix; data NULL: all */
	struct pair *at;
	size_t count, capacity;
};

static void collect_group(const void *node, VISIT visit, void *arg)
{
	const struct identity *who = *(const struct identity *const *)node;
	struct pairs *pairs = arg;

	if ((visit != postorder && visit != leaf) || !rights_is_group(who) ||
	    (pairs->group.data && !hf_str_eq(pairs->group, who->name)))
		return;
	for (size_t i = 0; i < who->links.count; i++) {
		if (pairs->count == pairs->capacity) {
			pairs->capacity = pairs->capacity ? 2 * pairs->capacity : 64;
			pairs->at = hf_realloc_array(pairs->at, pairs->capacity, sizeof(*pairs->at));
		}
		pairs->at[pairs->count++] = (struct pair){
			hf_arena_str(pairs->arena, hf_str_sub(who->name, sizeof(GROUP_PREFIX) - 1, who->name.size)),
			hf_arena_str(pairs->arena, ((const struct identity *)who->links.at[i])->name),
		};
	}
}

static int by_pair(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int groups = hf_str_cmp(x->group, y->group);

	return groups ? groups : hf_str_cmp(x->user, y->user);
}

void hf_groups_each(struct hf_store *store, struct hf_str group,
		    bool (*fn)(void *arg, struct hf_str group, struct hf_str user), void *arg)
{
	struct rights *rights = store->rights;
	struct pairs pairs = { .arena = hf_arena_new() };
	struct hf_buf name = HF_BUF_INIT;

	if (group.data) {
		hf_buf_add_lit(&name, GROUP_PREFIX);
		if (user_canonical(group, &name) != HF_OK)
			goto out; /* no group has such a name */
		pairs.group = hf_buf_str(&name);
	}
	pthread_rwlock_rdlock(&rights->lock);
	twalk_r(rights->identities, collect_group, &pairs);
	pthread_rwlock_unlock(&rights->lock);
	if (pairs.count)
		qsort(pairs.at, pairs.count, sizeof(*pairs.at), by_pair);
	for (size_t i = 0; i < pairs.count; i++)
		if (!fn(arg, pairs.at[i].group, pairs.at[i].user))
			break;
out:
	hf_free(pairs.at);
	hf_buf_fini(&name);
	hf_arena_free(&pairs.arena);
}

/* Life ------------------------------------------------------------------------------------------------------------ */

struct rights *rights_new(void)
{
	struct rights *rights = hf_alloc_zero(sizeof(*rights));

	pthread_rwlock_init(&rights->lock, NULL);
	pthread_mutex_init(&rights->watch, NULL);
	rights->version = 1;
	rights->anyone = rights_identity_get(rights, HF_STR("anyone"), 0);
	return rights;
}

/* It is freed by its name. */
static void leave(void *item)
{
	(void)item;
}

void rights_free(struct rights **pointer)
{
	struct rights *rights = *pointer;

	*pointer = NULL;
	if (!rights)
		return;
	hf_assert(!rights->watched);
	tdestroy(rights->users, leave);
	tdestroy(rights->lists, list_free);
	tdestroy(rights->owners, hf_free);
	tdestroy(rights->identities, identity_free);
	pthread_rwlock_destroy(&rights->lock);
	pthread_mutex_destroy(&rights->watch);
	hf_free(rights);
}
