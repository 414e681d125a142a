/* SPDX-License-Identifier: BSD-2-Clause */
/* Emails: the rows list, email, fts and thread of a message in one account, shared by all its copies there, and the content that
 * accounts share. An email counts its memberships (rows of index and kept); a content counts its emails. */

#include "storage/op_priv.h"

/* Conversations --------------------------------------------------------------------------------------------------- */

size_t thread_ids_pick(const struct hf_list_row *row, struct hf_str ids[THREAD_IDS_MAX])
{
	uint32_t skip = row->reference_count > THREAD_IDS_MAX - 1 ? row->reference_count - (THREAD_IDS_MAX - 1) : 0;
	size_t count = 0;

	if (row->message_id.size)
		ids[count++] = row->message_id;
	for (uint32_t i = 0; i < row->reference_count && count < THREAD_IDS_MAX; i++)
		if (i == 0 || i > skip) /* the root and the nearest ones */
			ids[count++] = row->references[i];
	return count;
}

static enum hf_status thread_get(struct batch *batch, const struct row_key *key, struct row_thread *row)
{
	enum hf_status status = batch_get(batch, TABLE_THREAD, key, &batch->value);

	return status == HF_OK ? row_thread_decode(hf_buf_str(&batch->value), row) : status;
}

static enum hf_status thread_put(struct batch *batch, const struct row_key *key, const struct row_thread *row)
{
	hf_buf_clear(&batch->row);
	row_thread_encode(row, &batch->row);
	return batch_put(batch, TABLE_THREAD, key, hf_buf_str(&batch->row));
}

static bool cited_before(const struct hf_str *ids, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (hf_str_eq(ids[i], ids[j]))
			return true;
	return false;
}

/* The oldest conversation that knows its Message-ID or one that it cites, else one of its own; it never changes later
 * (RFC 8474 §5.3). The email is then entered under all of them, so that messages that come out of order find each other. */
static enum hf_status thread_join(struct batch *batch, uint64_t owner, uint64_t email, const struct hf_str *ids,
				  size_t count, uint64_t *thread)
{
	struct row_thread rows[THREAD_IDS_MAX];
	struct row_key key;

	*thread = 0;
	for (size_t i = 0; i < count; i++) {
		enum hf_status status;

		key_thread(&key, owner, ids[i]);
		status = thread_get(batch, &key, &rows[i]);
		if (status == HF_OK)
			*thread = *thread && *thread < rows[i].thread ? *thread : rows[i].thread;
		else if (status == HF_ENONEXISTENT || status == HF_ECORRUPT)
			rows[i] = (struct row_thread){ .thread = 0 };
		else
			return status;
	}
	if (!*thread)
		*thread = email;
	for (size_t i = 0; i < count; i++) {
		struct row_thread *row = &rows[i];
		enum hf_status status;

		if (cited_before(ids, i))
			continue;
		if (!row->thread)
			row->thread = *thread;
		row->count++;
		if (row->email_count < ROW_THREAD_EMAILS)
			row->emails[row->email_count++] = email;
		key_thread(&key, owner, ids[i]);
		status = thread_put(batch, &key, row);
		if (status != HF_OK)
			return status;
	}
	return HF_OK;
}

static enum hf_status thread_leave(struct batch *batch, uint64_t owner, uint64_t email, const struct hf_str *ids,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct row_thread row;
		struct row_key key;
		enum hf_status status;

		if (cited_before(ids, i))
			continue;
		key_thread(&key, owner, ids[i]);
		status = thread_get(batch, &key, &row);
		if (status == HF_ENONEXISTENT || status == HF_ECORRUPT)
			continue;
		if (status != HF_OK)
			return status;
		for (unsigned j = 0; j < row.email_count; j++) {
			if (row.emails[j] == email) {
				row.emails[j] = row.emails[--row.email_count];
				break;
			}
		}
		status = row.count <= 1 ? batch_delete(batch, TABLE_THREAD, &key)
					: (row.count--, thread_put(batch, &key, &row));
		if (status != HF_OK)
			return status;
	}
	return HF_OK;
}

/* Emails ---------------------------------------------------------------------------------------------------------- */

enum hf_status email_create(struct batch *batch, struct batch_user *owner, const struct new_email *email, uint64_t *id,
			    uint64_t *thread)
{
	struct row_key key;
	enum hf_status status;

	*id = ++owner->row.last_email;
	batch_touch_user(batch, owner);
	status = thread_join(batch, owner->id, *id, email->thread_ids, email->thread_id_count, thread);
	if (status != HF_OK)
		return status;
	key_email(&key, owner->id, *id);
	hf_buf_clear(&batch->row);
	row_list_encode(owner->id, *id, 1, email->list, &batch->row);
	status = batch_put(batch, TABLE_LIST, &key, hf_buf_str(&batch->row));
	if (status != HF_OK)
		return status;
	hf_buf_clear(&batch->row);
	row_email_encode(owner->id, *id, email->email, &batch->row);
	status = batch_put(batch, TABLE_EMAIL, &key, hf_buf_str(&batch->row));
	if (status != HF_OK || !email->signature.size)
		return status;
	hf_buf_clear(&batch->row);
	row_fts_encode(owner->id, *id, email->signature, &batch->row);
	return batch_put(batch, TABLE_FTS, &key, hf_buf_str(&batch->row));
}

static enum hf_status email_refs(struct batch *batch, const struct row_key *key, uint32_t *refs)
{
	enum hf_status status = batch_get(batch, TABLE_LIST, key, &batch->value);

	return status == HF_OK ? row_list_refs(hf_buf_str(&batch->value), refs) : status;
}

enum hf_status email_ref(struct batch *batch, uint64_t owner, uint64_t email, struct cursor **cursor)
{
	struct row_key key;
	enum hf_status status = HF_OK;

	key_email(&key, owner, email);
	if (!*cursor)
		status = cursor_open(batch->store->env, batch->txn, TABLE_LIST, cursor);
	if (status != HF_OK)
		return status;
	batch->writes++;
	return cursor_ref(*cursor, &key);
}

static enum hf_status email_remove(struct batch *batch, uint64_t owner, uint64_t email)
{
	struct hf_str references[ROW_LIST_REFERENCES], ids[THREAD_IDS_MAX], payload;
	struct hf_buf list = HF_BUF_INIT, row = HF_BUF_INIT;
	struct hf_list_row facts;
	struct row_email parsed;
	struct row_key key;
	enum hf_status status;

	/* A row that is damaged no longer says what it referred to: those are left to verify. */
	key_email(&key, owner, email);
	status = batch_get(batch, TABLE_LIST, &key, &list);
	if (status == HF_OK && row_list_open(owner, email, hf_buf_str(&list), &payload) == HF_OK &&
	    row_list_decode(payload, references, &facts) == HF_OK)
		status = thread_leave(batch, owner, email, ids, thread_ids_pick(&facts, ids));
	if (status == HF_OK || status == HF_ENONEXISTENT)
		status = batch_get(batch, TABLE_EMAIL, &key, &row);
	if (status == HF_OK && row_email_open(owner, email, hf_buf_str(&row), &payload) == HF_OK &&
	    row_email_decode(payload, &parsed) == HF_OK)
		status = content_unref(batch, parsed.content);
	if (status == HF_OK || status == HF_ENONEXISTENT)
		status = batch_delete(batch, TABLE_LIST, &key);
	if (status == HF_OK)
		status = batch_delete(batch, TABLE_EMAIL, &key);
	if (status == HF_OK)
		status = batch_delete(batch, TABLE_FTS, &key);
	hf_buf_fini(&list);
	hf_buf_fini(&row);
	return status;
}

enum hf_status email_unref(struct batch *batch, uint64_t owner, uint64_t email)
{
	struct row_key key;
	uint32_t refs = 0;
	enum hf_status status;

	key_email(&key, owner, email);
	status = email_refs(batch, &key, &refs);
	if (status == HF_ECORRUPT)
		return HF_OK; /* not freed rather than freed too early */
	if (status != HF_OK)
		return status == HF_ENONEXISTENT ? HF_OK : status;
	if (refs > 1)
		return batch_patch_be32(batch, TABLE_LIST, &key, ROW_LIST_REFS_OFFSET, refs - 1);
	return email_remove(batch, owner, email);
}

enum hf_status email_share(struct batch *batch, uint64_t owner, uint64_t email, struct batch_user *new_owner, uint64_t *id,
			   uint64_t *thread)
{
	struct hf_str references[ROW_LIST_REFERENCES], ids[THREAD_IDS_MAX];
	struct hf_buf list = HF_BUF_INIT, row = HF_BUF_INIT, fts = HF_BUF_INIT;
	struct new_email copy = { .thread_ids = ids };
	struct hf_list_row facts;
	struct row_email parsed;
	struct row_key key;
	enum hf_status status;

	key_email(&key, owner, email);
	status = batch_get(batch, TABLE_LIST, &key, &list);
	if (status == HF_OK)
		status = row_list_open(owner, email, hf_buf_str(&list), &copy.list);
	if (status == HF_OK)
		status = row_list_decode(copy.list, references, &facts);
	if (status == HF_OK)
		status = batch_get(batch, TABLE_EMAIL, &key, &row);
	if (status == HF_OK)
		status = row_email_open(owner, email, hf_buf_str(&row), &copy.email);
	if (status == HF_OK)
		status = row_email_decode(copy.email, &parsed);
	if (status == HF_OK) {
		copy.thread_id_count = thread_ids_pick(&facts, ids);
		status = content_ref(batch, parsed.content);
	}
	if (status == HF_OK) { /* a signature that is missing or damaged is done without */
		status = batch_get(batch, TABLE_FTS, &key, &fts);
		if (status == HF_OK && row_fts_open(owner, email, hf_buf_str(&fts), &copy.signature) != HF_OK)
			copy.signature = HF_STR("");
		if (status == HF_ENONEXISTENT)
			status = HF_OK;
	}
	if (status == HF_OK)
		status = email_create(batch, new_owner, &copy, id, thread);
	hf_buf_fini(&list);
	hf_buf_fini(&row);
	hf_buf_fini(&fts);
	return status == HF_ENONEXISTENT ? HF_ECORRUPT : status;
}

/* Content --------------------------------------------------------------------------------------------------------- */

static enum hf_status content_refs(struct batch *batch, uint64_t content, struct row_key *key, struct row_content *row)
{
	enum hf_status status;

	key_part(key, content, PART_HEAD);
	status = batch_get(batch, TABLE_CONTENT(content), key, &batch->value);
	return status == HF_OK ? row_content_decode(content, hf_buf_str(&batch->value), row) : status;
}

enum hf_status content_ref(struct batch *batch, uint64_t content)
{
	struct row_content row;
	struct row_key key;
	enum hf_status status = content_refs(batch, content, &key, &row);

	if (status != HF_OK)
		return status;
	return batch_patch_be32(batch, TABLE_CONTENT(content), &key, ROW_CONTENT_REFS_OFFSET, row.refs + 1);
}

enum hf_status content_unref(struct batch *batch, uint64_t content)
{
	struct row_content row;
	struct row_key key;
	enum hf_status status = content_refs(batch, content, &key, &row);
	static const char garbage[1] = { ROW_VERSION };

	if (status == HF_ECORRUPT || status == HF_ENONEXISTENT)
		return HF_OK;
	if (status != HF_OK)
		return status;
	if (row.refs > 1)
		return batch_patch_be32(batch, TABLE_CONTENT(content), &key, ROW_CONTENT_REFS_OFFSET, row.refs - 1);
	key_id(&key, META_GARBAGE, content);
	return batch_put(batch, TABLE_META, &key, hf_str_n(garbage, 1));
}
