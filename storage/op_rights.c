/* SPDX-License-Identifier: BSD-2-Clause */
/* SETACL, DELETEACL, groups, and what other operations do to rights. RFC 4314 §3.1, §3.2. */

#include "storage/op_priv.h"
#include "storage/rights_priv.h"

static void add_change(struct batch *batch, const struct rights_change *change)
{
	struct rights_change *copy = hf_new(batch->arena, struct rights_change);

	*copy = *change;
	copy->next = NULL;
	copy->identifier = batch_str(batch, change->identifier);
	copy->group = batch_str(batch, change->group);
	*batch->rights_end = copy;
	batch->rights_end = &copy->next;
}

enum hf_status rights_still(struct batch *batch, const struct batch_mailbox *mailbox, uint64_t user, uint32_t needed)
{
	if (!user || user == mailbox->row.owner)
		return HF_OK;
	return (hf_rights_of(batch->store, mailbox->id, mailbox->row.owner, user) & needed) == needed ? HF_OK : HF_ENOPERM;
}

/* So many new entries, which are held in memory: not beyond what an owner may have. Counted are those published and those of this
 * batch; what is between them comes once on top at most. */
static enum hf_status take_room(struct batch *batch, uint64_t owner, size_t count)
{
	struct batch_user *user;
	enum hf_status status = batch_user(batch, owner, &user);

	if (status != HF_OK)
		return status;
	if (count && rights_owned(batch->store, owner) + user->entries_added + count > batch->store->settings.acl_entries)
		return HF_ELIMIT;
	user->entries_added += count;
	return HF_OK;
}

/* Who bears the name that an identifier gives, or 0. */
static enum hf_status bearer(struct batch *batch, struct hf_str identifier, uint64_t *user)
{
	struct row_key key;
	enum hf_status status;

	*user = 0;
	if (hf_str_starts(identifier, HF_STR("-")))
		identifier = hf_str_sub(identifier, 1, identifier.size);
	if (hf_str_eq(identifier, HF_STR("anyone")) || hf_str_starts(identifier, HF_STR(GROUP_PREFIX)))
		return HF_OK;
	key_named(&key, META_NAME, identifier);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&batch->value), user);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status put_mark(struct batch *batch, const struct row_key *key)
{
	static const char row[1] = { ROW_VERSION };

	return batch_put(batch, TABLE_META, key, hf_str_n(row, 1));
}

/* One entry; 0 removes it. Both rows, and the publication. */
static enum hf_status put_entry(struct batch *batch, uint64_t mailbox, uint64_t owner, struct hf_str identifier,
				uint32_t rights)
{
	struct rights_change change = { .kind = RIGHTS_ENTRY, .mailbox = mailbox, .owner = owner,
					.identifier = identifier, .rights = rights };
	struct row_key key;
	enum hf_status status = bearer(batch, identifier, &change.user);

	if (status != HF_OK)
		return status;
	key_rights(&key, mailbox, identifier);
	hf_buf_clear(&batch->row);
	row_rights_encode(rights, &batch->row);
	status = rights ? batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row))
			: batch_delete(batch, TABLE_META, &key);
	if (status != HF_OK)
		return status;
	key_granted(&key, identifier, mailbox);
	status = rights ? put_mark(batch, &key) : batch_delete(batch, TABLE_META, &key);
	add_change(batch, &change);
	return status;
}

/* Reading lists --------------------------------------------------------------------------------------------------- */

struct found {
	struct found *next;
	struct hf_str key; /* from `skip` on */
	uint32_t rights;
};

/* Rows of `meta` whose keys begin like `from`, at most `max`, collected before anything changes; HF_MORE: there are more. */
static enum hf_status collect(struct batch *batch, const struct row_key *from, size_t skip, size_t max, struct found **list,
			      size_t *count)
{
	struct found **end = list;
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	*list = NULL;
	*count = 0;
	if (status == HF_OK)
		status = cursor_seek(cursor, from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(from))) {
		struct found *found;

		if (*count == max) {
			status = HF_MORE;
			break;
		}
		found = hf_new(batch->arena, struct found);
		found->key = batch_str(batch, hf_str_sub(key, skip, key.size));
		if (row_rights_decode(value, &found->rights) != HF_OK)
			found->rights = 0;
		*end = found;
		end = &found->next;
		++*count;
		status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status list_of(struct batch *batch, uint64_t mailbox, struct found **list, size_t *count)
{
	struct row_key from;
	enum hf_status status;

	key_id(&from, META_RIGHTS, mailbox);
	status = collect(batch, &from, from.size, HF_ACL_ENTRIES_MAX, list, count);
	return status == HF_MORE ? HF_OK : status;
}

/* One entry ------------------------------------------------------------------------------------------------------- */

struct op_rights {
	struct hf_op op;
	uint64_t mailbox;
	struct hf_str identifier; /* normal; empty: none */
	enum hf_rights_mode mode;
	uint32_t rights;
};

static enum hf_status rights_apply(struct hf_op *op, struct batch *batch)
{
	struct op_rights *args = (struct op_rights *)op;
	struct batch_mailbox *mailbox;
	struct batch_user *owner;
	uint32_t before = 0, rights = args->rights;
	struct found *list;
	struct row_key key;
	uint64_t bears;
	size_t count;
	enum hf_status status;

	if (!args->identifier.size)
		return HF_EINVALID;
	status = batch_mailbox(batch, args->mailbox, false, &mailbox);
	if (status == HF_OK)
		status = batch_user(batch, mailbox->row.owner, &owner);
	if (status == HF_OK)
		status = bearer(batch, args->identifier, &bears);
	if (status != HF_OK)
		return status;
	if (bears == mailbox->row.owner)
		return HF_ECANNOT;
	key_rights(&key, args->mailbox, args->identifier);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_rights_decode(hf_buf_str(&batch->value), &before);
	if (status != HF_OK && status != HF_ENONEXISTENT)
		return status;
	if (args->mode == HF_RIGHTS_ADD)
		rights |= before;
	else if (args->mode == HF_RIGHTS_REMOVE)
		rights = before & ~rights;
	if (rights == before)
		return HF_OK;
	if (!before) {
		status = list_of(batch, args->mailbox, &list, &count);
		if (status != HF_OK)
			return status;
		if (count >= HF_ACL_ENTRIES_MAX)
			return HF_ELIMIT;
		status = take_room(batch, mailbox->row.owner, 1);
		if (status != HF_OK)
			return status;
	}
	return put_entry(batch, args->mailbox, mailbox->row.owner, args->identifier, rights);
}

static const struct op_kind kind_rights = { .name = "rights", .apply = rights_apply };

struct hf_op *hf_op_rights(struct hf_store *store, uint64_t mailbox, struct hf_str identifier, enum hf_rights_mode mode,
			   uint32_t rights)
{
	struct op_rights *args = op_new(&kind_rights, sizeof(*args));

	(void)store;
	args->mailbox = mailbox;
	args->mode = mode;
	args->rights = rights & HF_RIGHTS_ALL;
	if (hf_identifier_check(identifier, args->op.arena, &args->identifier) != HF_OK)
		args->identifier = HF_STR("");
	return &args->op;
}

/* Groups ---------------------------------------------------------------------------------------------------------- */

struct op_group {
	struct hf_op op;
	struct hf_str group, user; /* normal, the group with its prefix; empty: no name */
	bool member;
};

static enum hf_status put_member(struct batch *batch, struct hf_str group, struct hf_str user, uint64_t bears, bool member)
{
	struct rights_change change = { .kind = RIGHTS_MEMBER, .group = group, .identifier = user, .user = bears,
					.member = member };
	struct row_key one, other;
	enum hf_status status;

	key_member(&one, group, user);
	key_member_of(&other, user, group);
	status = member ? put_mark(batch, &one) : batch_delete(batch, TABLE_META, &one);
	if (status == HF_OK)
		status = member ? put_mark(batch, &other) : batch_delete(batch, TABLE_META, &other);
	add_change(batch, &change);
	return status;
}

static enum hf_status group_apply(struct hf_op *op, struct batch *batch)
{
	struct op_group *args = (struct op_group *)op;
	struct row_key key;
	uint64_t bears;
	bool has;
	enum hf_status status;

	if (!args->group.size || !args->user.size)
		return HF_EINVALID;
	key_member(&key, args->group, args->user);
	status = batch_has(batch, TABLE_META, &key, &has);
	if (status == HF_OK)
		status = bearer(batch, args->user, &bears);
	if (status != HF_OK)
		return status;
	if (args->member && !bears)
		return HF_ENONEXISTENT;
	return has == args->member ? HF_OK : put_member(batch, args->group, args->user, bears, args->member);
}

static const struct op_kind kind_group = { .name = "group", .apply = group_apply };

struct hf_op *hf_op_group(struct hf_store *store, struct hf_str group, struct hf_str user, bool member)
{
	struct op_group *args = op_new(&kind_group, sizeof(*args));
	struct hf_buf name = HF_BUF_INIT;

	(void)store;
	args->member = member;
	hf_buf_add_lit(&name, GROUP_PREFIX);
	if (user_canonical(group, &name) == HF_OK)
		args->group = hf_arena_str(args->op.arena, hf_buf_str(&name));
	hf_buf_clear(&name);
	if (user_canonical(user, &name) == HF_OK && !user_name_is_reserved(hf_buf_str(&name)))
		args->user = hf_arena_str(args->op.arena, hf_buf_str(&name));
	hf_buf_fini(&name);
	return &args->op;
}

/* What others do -------------------------------------------------------------------------------------------------- */

enum hf_status rights_inherit(struct batch *batch, uint64_t from, uint64_t to, uint64_t owner)
{
	struct found *list;
	size_t count;
	enum hf_status status = list_of(batch, from, &list, &count);

	if (status == HF_OK)
		status = take_room(batch, owner, count);
	for (; status == HF_OK && list; list = list->next)
		if (list->rights)
			status = put_entry(batch, to, owner, list->key, list->rights);
	return status;
}

void rights_hide(struct batch *batch, uint64_t mailbox)
{
	struct rights_change change = { .kind = RIGHTS_MAILBOX_GONE, .mailbox = mailbox };

	add_change(batch, &change);
}

enum hf_status rights_show(struct batch *batch, uint64_t mailbox, uint64_t owner)
{
	struct rights_change change = { .kind = RIGHTS_ENTRY, .mailbox = mailbox, .owner = owner };
	struct found *list;
	size_t count;
	enum hf_status status = list_of(batch, mailbox, &list, &count);

	if (status == HF_OK)
		status = take_room(batch, owner, count);
	for (; status == HF_OK && list; list = list->next) {
		change.identifier = list->key;
		change.rights = list->rights & HF_RIGHTS_ALL;
		status = bearer(batch, list->key, &change.user);
		if (status == HF_OK && change.rights)
			add_change(batch, &change);
	}
	return status;
}

enum hf_status rights_remove(struct batch *batch, uint64_t mailbox)
{
	struct found *list;
	size_t count;
	enum hf_status status = list_of(batch, mailbox, &list, &count);

	for (; status == HF_OK && list; list = list->next)
		status = put_entry(batch, mailbox, 0, list->key, 0);
	return status;
}

static enum hf_status forget_entries(struct batch *batch, struct hf_str identifier, size_t *left)
{
	struct found *list;
	struct row_key from;
	size_t count;
	enum hf_status status, more;

	key_begin(&from, META_GRANTED);
	key_add_varstr(&from, identifier);
	more = collect(batch, &from, from.size, *left, &list, &count);
	*left -= count;
	for (status = more == HF_MORE ? HF_OK : more; status == HF_OK && list; list = list->next)
		if (list->key.size == 8)
			status = put_entry(batch, key_be64(list->key, 0), 0, identifier, 0);
	return status == HF_OK ? more : status;
}

enum hf_status rights_forget(struct batch *batch, struct hf_str name, unsigned max)
{
	struct hf_buf negative = HF_BUF_INIT;
	struct found *list;
	struct row_key from;
	size_t left = max, count;
	enum hf_status status, more;

	hf_buf_add_char(&negative, '-');
	hf_buf_add_str(&negative, name);
	status = forget_entries(batch, name, &left);
	if (status == HF_OK)
		status = forget_entries(batch, hf_buf_str(&negative), &left);
	hf_buf_fini(&negative);
	if (status != HF_OK)
		return status;
	key_begin(&from, META_GROUP);
	key_add_u8(&from, GROUP_OF_USER);
	key_add_varstr(&from, name);
	more = collect(batch, &from, from.size, left, &list, &count);
	for (status = more == HF_MORE ? HF_OK : more; status == HF_OK && list; list = list->next)
		status = put_member(batch, list->key, name, 0, false);
	return status == HF_OK ? more : status;
}

void rights_user(struct batch *batch, struct hf_str name, uint64_t user)
{
	struct rights_change change = { .kind = RIGHTS_USER, .identifier = name, .user = user };

	add_change(batch, &change);
}

void rights_user_gone(struct batch *batch, uint64_t user)
{
	struct rights_change change = { .kind = RIGHTS_USER_GONE, .user = user };

	add_change(batch, &change);
}
