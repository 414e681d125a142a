/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading accounts. A name is canonical in NFC with ASCII letters small, without control characters and '/'. */

#include "base/clock.h"
#include "message/text.h"
#include "storage/rights_priv.h"
#include "storage/store_priv.h"

#define USER_NAME_MAX 255

enum hf_status user_canonical(struct hf_str name, struct hf_buf *out)
{
	size_t start = out->size;

	if (!name.size || name.size > USER_NAME_MAX || hf_nfc(name, out) != HF_OK || out->size - start > USER_NAME_MAX) {
		out->size = start;
		return HF_EINVALID;
	}
	for (size_t i = start; i < out->size; i++) {
		unsigned char c = (unsigned char)out->data[i];

		if (c < 0x20 || c == 0x7f || c == '/') {
			out->size = start;
			return HF_EINVALID;
		}
		out->data[i] = hf_ascii_lower((char)c);
	}
	return HF_OK;
}

/* Identifiers of access control lists that are no user's name (RFC 4314 §2), and the shared account. */
bool user_name_is_reserved(struct hf_str canonical)
{
	return hf_str_eq(canonical, HF_STR("anyone")) || hf_str_eq(canonical, HF_STR(HF_SHARED_USER)) ||
	       hf_str_starts(canonical, HF_STR("-")) || hf_str_starts(canonical, HF_STR(GROUP_PREFIX));
}

enum hf_status user_get_any(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct row_user *row)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_id(&key, META_USER, user);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK)
		status = row_user_decode(arena, hf_buf_str(&value), row);
	hf_buf_fini(&value);
	return status;
}

enum hf_status user_get(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct row_user *row)
{
	enum hf_status status = user_get_any(store, user, arena, row);

	return status == HF_OK && row->flags & USER_DELETED ? HF_ENONEXISTENT : status;
}

static void fill(uint64_t id, const struct row_user *row, struct hf_user *user)
{
	*user = (struct hf_user){
		.id = id,
		.name = row->name,
		.disabled = (row->flags & USER_DISABLED) != 0,
		.created = row->created,
		.used_size = row->used_size,
		.used_count = row->used_count,
		.limit_size = row->limit_size,
		.limit_count = row->limit_count,
		.used_mailboxes = row->used_mailboxes,
		.limit_mailboxes = row->limit_mailboxes,
	};
}

static enum hf_status find_id(struct hf_store *store, enum meta_type type, struct hf_str name, uint64_t *id)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_named(&key, type, name);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&value), id);
	hf_buf_fini(&value);
	return status;
}

enum hf_status user_find_id(struct hf_store *store, struct hf_str canonical, uint64_t *id)
{
	return find_id(store, META_NAME, canonical, id);
}

enum hf_status hf_user_find(struct hf_store *store, struct hf_str name, struct hf_arena *arena, struct hf_user *user)
{
	struct hf_buf canonical = HF_BUF_INIT;
	struct row_user row;
	uint64_t id = 0;
	enum hf_status status = user_canonical(name, &canonical);

	if (status != HF_OK) {
		hf_buf_fini(&canonical);
		return HF_ENONEXISTENT; /* nobody can have such a name */
	}
	status = find_id(store, META_NAME, hf_buf_str(&canonical), &id);
	if (status == HF_ENONEXISTENT)
		status = find_id(store, META_ALIAS, hf_buf_str(&canonical), &id);
	hf_buf_fini(&canonical);
	if (status == HF_OK)
		status = user_get(store, id, arena, &row);
	if (status == HF_OK && row.flags & USER_SHARED)
		status = HF_ENONEXISTENT;
	if (status == HF_OK)
		fill(id, &row, user);
	return status;
}

enum hf_status hf_user_by_id(struct hf_store *store, uint64_t id, struct hf_arena *arena, struct hf_user *user)
{
	struct row_user row;
	enum hf_status status = user_get(store, id, arena, &row);

	if (status == HF_OK)
		fill(id, &row, user);
	return status;
}

enum hf_status hf_user_each(struct hf_store *store, bool (*fn)(void *arg, const struct hf_user *user), void *arg)
{
	struct hf_arena *arena = hf_arena_new();
	struct scan scan;
	struct row_key from;
	struct hf_str key, value;
	enum hf_status status;

	key_begin(&from, META_NAME);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 64 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct row_user row;
		struct hf_user user;
		uint64_t id;

		hf_arena_reset(arena);
		status = row_id_decode(value, &id);
		if (status == HF_OK)
			status = user_get(store, id, arena, &row);
		if (status == HF_ENONEXISTENT || (status == HF_OK && row.flags & USER_SHARED))
			continue;
		if (status != HF_OK)
			break;
		fill(id, &row, &user);
		if (!fn(arg, &user)) {
			status = HF_ENONEXISTENT;
			break;
		}
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status hf_user_secret(struct hf_store *store, uint64_t user, const char *mechanism, struct hf_str label,
			      struct hf_buf *secret)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_secret(&key, user, hf_str(mechanism), hf_str_sub(label, 0, 255));
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK && (value.size < 1 || value.data[0] != ROW_VERSION))
		status = HF_ECORRUPT;
	if (status == HF_OK)
		hf_buf_add(secret, value.data + 1, value.size - 1);
	hf_buf_fini(&value);
	return status;
}

/* The shared account ---------------------------------------------------------------------------------------------- */

uint64_t hf_shared_account(struct hf_store *store)
{
	(void)store;
	return USER_SHARED_ID;
}

static enum hf_status put_shared(struct hf_store *store, struct txn *txn)
{
	struct row_user row = { .flags = USER_SHARED, .created = hf_now_s(), .name = HF_STR(HF_SHARED_USER) };
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	row_user_encode(&row, &value);
	key_id(&key, META_USER, USER_SHARED_ID);
	status = table_put(store->env, txn, TABLE_META, &key, hf_buf_str(&value));
	hf_buf_clear(&value);
	row_id_encode(USER_SHARED_ID, &value);
	key_named(&key, META_NAME, row.name);
	if (status == HF_OK)
		status = table_put(store->env, txn, TABLE_META, &key, hf_buf_str(&value));
	hf_buf_fini(&value);
	return status;
}

/* Before there is a writer. */
enum hf_status users_make_shared(struct hf_store *store)
{
	struct txn *txn;
	uint64_t id;
	enum hf_status status = user_find_id(store, HF_STR(HF_SHARED_USER), &id);

	if (status != HF_ENONEXISTENT || store->settings.read_only)
		return status == HF_ENONEXISTENT ? HF_OK : status;
	status = txn_begin(store->env, &txn);
	if (status != HF_OK)
		return status;
	status = put_shared(store, txn);
	if (status != HF_OK) {
		txn_abort(&txn);
		return status;
	}
	txn_commit(&txn);
	env_flush(store->env);
	return HF_OK;
}
