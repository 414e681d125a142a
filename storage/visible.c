/* SPDX-License-Identifier: BSD-2-Clause */
/* What a user sees beyond his own mailboxes.
 *
 * The table of rights says which; what they are comes from the owner's catalogue when it is open, else from the row, which can be
 * ahead of what is published: then the caller waits until it is. */

#include <stdlib.h>

#include "base/mem.h"
#include "storage/rights_priv.h"
#include "storage/show_priv.h"

/* Rights that are of use without another; who has none of them does not get to where it takes longer for a mailbox that is there. */
#define RIGHTS_TO_FIND                                                                                                   \
	(HF_RIGHT_LOOKUP | HF_RIGHT_READ | HF_RIGHT_INSERT | HF_RIGHT_CREATE | HF_RIGHT_DELETE_MAILBOX | HF_RIGHT_ADMIN)

/* False: it has gone meanwhile. */
static bool describe(struct hf_store *store, const struct rights_granted *granted, struct hf_arena *arena,
		     struct hf_visible *visible, bool *ahead)
{
	struct hf_mailbox_info *info = &visible->info;

	if (!hf_account_published(store->registry, granted->owner, granted->mailbox, arena, info)) {
		if (hf_rows_mailbox(store, granted->mailbox, arena, info, NULL, NULL) != HF_OK)
			return false;
		*ahead = true;
	}
	if (info->recent)
		info->recent = hf_mailbox_recent(store->registry, info->id, info->recent);
	info->subscribed = false;
	visible->owner = granted->owner;
	visible->rights = granted->rights;
	return true;
}

/* Owners by name, the shared account last. */
static int by_place(const void *a, const void *b)
{
	const struct hf_visible *x = a, *y = b;

	if (x->owner == y->owner)
		return hf_name_compare(x->info.name, y->info.name);
	if (x->owner == USER_SHARED_ID || y->owner == USER_SHARED_ID)
		return x->owner == USER_SHARED_ID ? 1 : -1;
	return hf_str_cmp(x->owner_name, y->owner_name);
}

void hf_visible_list(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct hf_visible **result, size_t *count)
{
	struct rights_granted *granted;
	struct hf_visible *list;
	struct row_user owner = { .flags = USER_DELETED };
	size_t granted_count, n = 0;
	bool ahead = false, there = false;

	granted = rights_visible(store, user, &granted_count);
	list = hf_new_array(arena, struct hf_visible, granted_count);
	for (size_t i = 0; i < granted_count; i++) {
		if (i == 0 || granted[i].owner != granted[i - 1].owner)
			there = user_get(store, granted[i].owner, arena, &owner) == HF_OK;
		if (!there || !describe(store, &granted[i], arena, &list[n], &ahead))
			continue;
		list[n++].owner_name = owner.name;
	}
	hf_free(granted);
	if (ahead)
		writer_wait_published(store->writer);
	if (n)
		qsort(list, n, sizeof(*list), by_place);
	*result = list;
	*count = n;
}

/* Rows `N` and `L`; 0 for what is not there. */
static uint64_t look_up(struct hf_store *store, const struct row_key *key)
{
	struct hf_buf value = HF_BUF_INIT;
	uint64_t id = 0;

	if (table_get(store->env, NULL, TABLE_META, key, &value) != HF_OK || row_id_decode(hf_buf_str(&value), &id) != HF_OK)
		id = 0;
	hf_buf_fini(&value);
	return id;
}

enum hf_status hf_visible_find(struct hf_store *store, uint64_t user, struct hf_str owner_name, struct hf_str name,
			       struct hf_arena *arena, struct hf_visible *visible)
{
	struct hf_buf canonical = HF_BUF_INIT;
	struct rights_granted granted = { 0, 0, 0 };
	struct row_user owner;
	struct row_key key;
	struct hf_str wanted = hf_name_inbox(name, arena);
	bool ahead = false;

	/* Some mailboxes may be used without being listed (right r without l): callers look at the rights. */
	if (user_canonical(owner_name, &canonical) == HF_OK && name.size <= HF_NAME_MAX) {
		/* The same steps whatever there is, until it is known that he may see it. */
		key_named(&key, META_NAME, hf_buf_str(&canonical));
		granted.owner = look_up(store, &key);
		key_owned(&key, META_LISTING, granted.owner, wanted);
		granted.mailbox = look_up(store, &key);
		granted.rights = hf_rights_of(store, granted.mailbox, granted.owner, user);
	}
	hf_buf_fini(&canonical);
	if (!granted.mailbox || !(granted.rights & RIGHTS_TO_FIND) || user_get(store, granted.owner, arena, &owner) != HF_OK ||
	    !describe(store, &granted, arena, visible, &ahead))
		return HF_ENONEXISTENT;
	if (!hf_str_eq(visible->info.name, wanted)) { /* it is being renamed: the row is ahead of the catalogue */
		writer_wait_published(store->writer);
		if (!describe(store, &granted, arena, visible, &ahead))
			return HF_ENONEXISTENT;
	}
	visible->owner_name = owner.name;
	if (ahead)
		writer_wait_published(store->writer);
	return HF_OK;
}
