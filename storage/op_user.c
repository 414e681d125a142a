/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts: create, delete, disable, secrets. */

#include "storage/op_priv.h"
#include "storage/rights_priv.h"

struct op_user {
	struct hf_op op;
	struct hf_str name; /* canonical; empty: not a name */
	struct hf_new_mailbox *mailboxes;
	struct hf_secret *secrets;
	size_t count;
	bool disabled;
	struct hf_quota limits;
};

static enum hf_status find_account(struct batch *batch, struct hf_str name, struct batch_user **user)
{
	struct row_key key;
	uint64_t id;
	enum hf_status status;

	key_named(&key, META_NAME, name);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&batch->value), &id);
	return status == HF_OK ? batch_user(batch, id, user) : status;
}

/* The shared account is no user. */
enum hf_status user_find_row(struct batch *batch, struct hf_str name, struct batch_user **user)
{
	enum hf_status status = find_account(batch, name, user);

	return status == HF_OK && (*user)->row.flags & USER_SHARED ? HF_ENONEXISTENT : status;
}

/* Create ---------------------------------------------------------------------------------------------------------- */

static enum hf_status make_subscribed(struct batch *batch, uint64_t user, struct hf_str name, uint32_t special_use)
{
	static const char row[1] = { ROW_VERSION };
	struct row_key key;
	uint64_t id;
	enum hf_status status = mailbox_make(batch, user, name, special_use, &id);

	if (status != HF_OK)
		return status;
	key_owned(&key, META_SUBSCRIPTION, user, name);
	batch_subscribe(batch, user, name, true);
	return batch_put(batch, TABLE_META, &key, hf_str_n(row, 1));
}

static enum hf_status create_apply(struct hf_op *op, struct batch *batch)
{
	struct op_user *args = (struct op_user *)op;
	struct row_user row = { .created = batch->now };
	struct row_key key;
	struct batch_user *other;
	bool taken;
	enum hf_status status;

	if (!args->name.size || user_name_is_reserved(args->name))
		return HF_EINVALID;
	status = alias_owner(batch, args->name, &other);
	if (status == HF_OK)
		return HF_EEXISTS;
	key_named(&key, META_NAME, args->name);
	if (status == HF_ENONEXISTENT) /* nor the alias of one that has been deleted */
		status = batch_has(batch, TABLE_META, &key, &taken);
	if (status != HF_OK)
		return status;
	if (taken)
		return HF_EEXISTS;
	row.name = batch_str(batch, args->name);
	op->piece.user = ids_new_user(batch->store);
	batch_add_user(batch, op->piece.user, &row);
	rights_user(batch, row.name, op->piece.user);
	hf_buf_clear(&batch->row);
	row_id_encode(op->piece.user, &batch->row);
	status = batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
	if (status == HF_OK)
		status = make_subscribed(batch, op->piece.user, HF_STR("INBOX"), 0);
	for (size_t i = 0; i < args->count && status == HF_OK; i++)
		status = make_subscribed(batch, op->piece.user, hf_str(args->mailboxes[i].name),
					 args->mailboxes[i].special_use);
	return status;
}

/* Delete ---------------------------------------------------------------------------------------------------------- */

static enum hf_status delete_apply(struct hf_op *op, struct batch *batch)
{
	struct op_user *args = (struct op_user *)op;
	struct batch_user *user;
	struct row_key key;
	enum hf_status status = user_find_row(batch, args->name, &user);

	if (status == HF_OK)
		status = rights_forget(batch, args->name, OP_PIECE);
	if (status != HF_OK)
		return status;
	user->row.flags |= USER_DELETED;
	batch_touch_user(batch, user);
	rights_user_gone(batch, user->id);
	batch_user_gone(batch, user->id);
	op->piece.user = user->id;
	key_named(&key, META_NAME, args->name);
	status = batch_delete(batch, TABLE_META, &key);
	if (status != HF_OK)
		return status;
	hf_buf_clear(&batch->row);
	row_id_encode(user->id, &batch->row);
	key_kind(&key, META_JOB, JOB_USER, user->id);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

/* Disable, secrets ------------------------------------------------------------------------------------------------ */

static enum hf_status disable_apply(struct hf_op *op, struct batch *batch)
{
	struct op_user *args = (struct op_user *)op;
	struct batch_user *user;
	enum hf_status status = user_find_row(batch, args->name, &user);
	uint32_t flags;

	if (status != HF_OK)
		return status;
	op->piece.user = user->id;
	flags = args->disabled ? user->row.flags | USER_DISABLED : user->row.flags & ~(uint32_t)USER_DISABLED;
	if (flags == user->row.flags)
		return HF_OK;
	user->row.flags = flags;
	batch_touch_user(batch, user);
	return HF_OK;
}

static enum hf_status limits_apply(struct hf_op *op, struct batch *batch)
{
	struct op_user *args = (struct op_user *)op;
	struct batch_user *user;
	enum hf_status status = find_account(batch, args->name, &user);

	if (status != HF_OK)
		return status;
	op->piece.user = user->id;
	user->row.limit_size = args->limits.size;
	user->row.limit_count = args->limits.count;
	user->row.limit_mailboxes = args->limits.mailboxes;
	batch_touch_user(batch, user);
	return HF_OK;
}

static enum hf_status secrets_apply(struct hf_op *op, struct batch *batch)
{
	struct op_user *args = (struct op_user *)op;
	struct batch_user *user;
	enum hf_status status = user_find_row(batch, args->name, &user);

	if (status != HF_OK)
		return status;
	op->piece.user = user->id;
	for (size_t i = 0; i < args->count && status == HF_OK; i++) {
		const struct hf_secret *secret = &args->secrets[i];
		struct row_key key;

		key_secret(&key, user->id, hf_str(secret->mechanism), secret->label);
		hf_buf_clear(&batch->row);
		hf_buf_add_char(&batch->row, ROW_VERSION);
		hf_buf_add_str(&batch->row, secret->secret);
		status = secret->secret.size ? batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row))
					     : batch_delete(batch, TABLE_META, &key);
	}
	return status;
}

/* Constructors ---------------------------------------------------------------------------------------------------- */

static const struct op_kind kind_create = { .name = "user-create", .apply = create_apply };
static const struct op_kind kind_delete = { .name = "user-delete", .apply = delete_apply };
static const struct op_kind kind_disable = { .name = "user-disable", .apply = disable_apply };
static const struct op_kind kind_limits = { .name = "user-limits", .apply = limits_apply };
static const struct op_kind kind_secrets = { .name = "user-secrets", .apply = secrets_apply };

static struct op_user *user_op(const struct op_kind *kind, struct hf_str name)
{
	struct op_user *args = op_new(kind, sizeof(*args));
	struct hf_buf canonical = HF_BUF_INIT;

	if (user_canonical(name, &canonical) == HF_OK)
		args->name = hf_arena_str(args->op.arena, hf_buf_str(&canonical));
	hf_buf_fini(&canonical);
	return args;
}

struct hf_op *hf_op_user_create(struct hf_store *store, struct hf_str name, const struct hf_new_mailbox *mailboxes,
				size_t count)
{
	struct op_user *args = user_op(&kind_create, name);

	(void)store;
	args->count = count;
	args->mailboxes = hf_new_array(args->op.arena, struct hf_new_mailbox, count);
	for (size_t i = 0; i < count; i++) {
		args->mailboxes[i].name = hf_arena_cstr(args->op.arena, hf_str(mailboxes[i].name));
		args->mailboxes[i].special_use = mailboxes[i].special_use;
	}
	return &args->op;
}

struct hf_op *hf_op_user_delete(struct hf_store *store, struct hf_str name)
{
	(void)store;
	return &user_op(&kind_delete, name)->op;
}

struct hf_op *hf_op_user_disable(struct hf_store *store, struct hf_str name, bool disabled)
{
	struct op_user *args = user_op(&kind_disable, name);

	(void)store;
	args->disabled = disabled;
	return &args->op;
}

struct hf_op *hf_op_user_quota(struct hf_store *store, struct hf_str name, const struct hf_quota *limits)
{
	struct op_user *args = user_op(&kind_limits, name);

	(void)store;
	args->limits = *limits;
	return &args->op;
}

struct hf_op *hf_op_user_secrets(struct hf_store *store, struct hf_str name, const struct hf_secret *secrets, size_t count)
{
	struct op_user *args = user_op(&kind_secrets, name);

	(void)store;
	args->count = count;
	args->secrets = hf_new_array(args->op.arena, struct hf_secret, count);
	for (size_t i = 0; i < count; i++) {
		args->secrets[i].mechanism = hf_arena_cstr(args->op.arena, hf_str(secrets[i].mechanism));
		args->secrets[i].label = hf_arena_str(args->op.arena, hf_str_sub(secrets[i].label, 0, 255));
		args->secrets[i].secret = hf_arena_str(args->op.arena, secrets[i].secret);
	}
	return &args->op;
}
