/* SPDX-License-Identifier: BSD-2-Clause */
/* Other names of accounts: rows I. They are found by hf_user_find(), for mail and for logging in. */

#include "base/mem.h"
#include "storage/op_priv.h"
#include "storage/rights_priv.h"

struct op_alias {
	struct hf_op op;
	struct hf_str user, alias; /* canonical; empty: not a name */
	uint64_t erased;           /* instead of `user`: one that has been deleted */
	bool add;
};

enum hf_status alias_owner(struct batch *batch, struct hf_str alias, struct batch_user **user)
{
	struct row_key key;
	uint64_t id;
	enum hf_status status;

	key_named(&key, META_ALIAS, alias);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&batch->value), &id);
	return status == HF_OK ? batch_user(batch, id, user) : status;
}

static enum hf_status add_alias(struct op_alias *args, struct batch *batch, const struct batch_user *user)
{
	struct batch_user *other;
	struct row_key key;
	bool taken;
	enum hf_status status = alias_owner(batch, args->alias, &other);

	if (status == HF_OK)
		return HF_EEXISTS;
	if (status != HF_ENONEXISTENT)
		return status;
	key_named(&key, META_NAME, args->alias);
	status = batch_has(batch, TABLE_META, &key, &taken);
	if (status == HF_OK && taken)
		status = HF_EEXISTS;
	if (status != HF_OK)
		return status;
	key_named(&key, META_ALIAS, args->alias);
	hf_buf_clear(&batch->row);
	row_id_encode(user->id, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

/* Only while it is that account's. */
static enum hf_status remove_alias(struct op_alias *args, struct batch *batch, uint64_t user)
{
	struct row_key key;
	uint64_t id = 0;
	enum hf_status status;

	key_named(&key, META_ALIAS, args->alias);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&batch->value), &id);
	if (status == HF_OK && id != user)
		status = HF_ENONEXISTENT;
	return status == HF_OK ? batch_delete(batch, TABLE_META, &key) : status;
}

static enum hf_status alias_apply(struct hf_op *op, struct batch *batch)
{
	struct op_alias *args = (struct op_alias *)op;
	struct batch_user *user;
	enum hf_status status;

	if (args->erased) {
		status = remove_alias(args, batch, args->erased);
		return status == HF_ENONEXISTENT ? HF_OK : status;
	}
	if (!args->alias.size || user_name_is_reserved(args->alias))
		return HF_EINVALID;
	status = user_find_row(batch, args->user, &user);
	if (status != HF_OK)
		return status;
	op->piece.user = user->id;
	return args->add ? add_alias(args, batch, user) : remove_alias(args, batch, user->id);
}

static const struct op_kind kind_alias = { .name = "user-alias", .apply = alias_apply };

struct hf_op *hf_op_user_alias(struct hf_store *store, struct hf_str name, struct hf_str alias, bool add)
{
	struct op_alias *args = op_new(&kind_alias, sizeof(*args));
	struct hf_buf canonical = HF_BUF_INIT;

	(void)store;
	args->add = add;
	if (user_canonical(name, &canonical) == HF_OK)
		args->user = hf_arena_str(args->op.arena, hf_buf_str(&canonical));
	hf_buf_clear(&canonical);
	if (user_canonical(alias, &canonical) == HF_OK)
		args->alias = hf_arena_str(args->op.arena, hf_buf_str(&canonical));
	hf_buf_fini(&canonical);
	return &args->op;
}

/* Reading ---------------------------------------------------------------------------------------------------------- */

enum hf_status hf_alias_each(struct hf_store *store, uint64_t user, bool (*fn)(void *arg, struct hf_str alias, uint64_t user),
			     void *arg)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;
	bool more = true;

	key_begin(&from, META_ALIAS);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 64 * 1024);
	while (more && (status = scan_next(&scan, &key, &value)) == HF_OK) {
		uint64_t id;

		status = row_id_decode(value, &id);
		if (status != HF_OK)
			break;
		if (!user || id == user)
			more = fn(arg, hf_str_sub(key, 1, key.size), id);
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

struct erasing {
	struct hf_store *store;
	bool ok;
};

static bool erase_alias(void *arg, struct hf_str alias, uint64_t user)
{
	struct erasing *erasing = arg;
	struct op_alias *args = op_new(&kind_alias, sizeof(*args));
	struct hf_op *op = &args->op;

	args->alias = hf_arena_str(op->arena, alias);
	args->erased = user;
	erasing->ok = hf_store_run(erasing->store, op) == HF_OK;
	hf_op_free(&op);
	return erasing->ok;
}

bool aliases_erase(struct hf_store *store, uint64_t user)
{
	struct erasing erasing = { store, true };

	return hf_alias_each(store, user, erase_alias, &erasing) == HF_OK && erasing.ok;
}
