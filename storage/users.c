/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading accounts. A name is canonical in NFC with ASCII letters small, without control characters and '/'. */

#include "message/text.h"
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

enum hf_status user_get(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct row_user *row)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_id(&key, META_USER, user);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK)
		status = row_user_decode(arena, hf_buf_str(&value), row);
	if (status == HF_OK && row->flags & USER_DELETED)
		status = HF_ENONEXISTENT;
	hf_buf_fini(&value);
	return status;
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
		if (status == HF_ENONEXISTENT)
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
