/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `meta`: counters, users, mailboxes. */

#include "storage/rows.h"

static bool version_ok(struct hf_reader *r)
{
	uint8_t version = 0;

	return hf_read_u8(r, &version) && version == ROW_VERSION;
}

void row_id_encode(uint64_t id, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, id);
}

enum hf_status row_id_decode(struct hf_str in, uint64_t *id)
{
	struct hf_reader r = hf_reader_init(in);

	return version_ok(&r) && hf_read_be64(&r, id) ? HF_OK : HF_ECORRUPT;
}

void row_rights_encode(uint32_t rights, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be32(out, rights);
}

enum hf_status row_rights_decode(struct hf_str in, uint32_t *rights)
{
	struct hf_reader r = hf_reader_init(in);

	return version_ok(&r) && hf_read_be32(&r, rights) ? HF_OK : HF_ECORRUPT;
}

void row_counters_encode(const struct row_counters *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row->next_user);
	hf_buf_add_be64(out, row->next_mailbox);
	hf_buf_add_be32(out, row->uidvalidity);
	hf_buf_add_be64(out, row->content_limit);
	hf_buf_add_be32(out, row->body_file);
}

enum hf_status row_counters_decode(struct hf_str in, struct row_counters *row)
{
	struct hf_reader r = hf_reader_init(in);
	bool ok = version_ok(&r) && hf_read_be64(&r, &row->next_user) && hf_read_be64(&r, &row->next_mailbox) &&
		  hf_read_be32(&r, &row->uidvalidity) && hf_read_be64(&r, &row->content_limit) &&
		  hf_read_be32(&r, &row->body_file);

	return ok ? HF_OK : HF_ECORRUPT;
}

void row_deleted_encode(const struct row_deleted *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row->mailbox);
	hf_buf_add_be64(out, (uint64_t)row->time);
	hf_buf_add_be64(out, (uint64_t)row->due);
	hf_buf_add_be32(out, row->flags);
}

enum hf_status row_deleted_decode(struct hf_str in, struct row_deleted *row)
{
	struct hf_reader r = hf_reader_init(in);
	uint64_t time = 0, due = 0;
	bool ok = version_ok(&r) && hf_read_be64(&r, &row->mailbox) && hf_read_be64(&r, &time) && hf_read_be64(&r, &due) &&
		  hf_read_be32(&r, &row->flags);

	row->time = (int64_t)time;
	row->due = (int64_t)due;
	return ok ? HF_OK : HF_ECORRUPT;
}

void row_user_encode(const struct row_user *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row->used_size);
	hf_buf_add_be64(out, row->used_count);
	hf_buf_add_be64(out, row->used_mailboxes);
	hf_buf_add_be64(out, row->last_email);
	hf_buf_add_be64(out, row->annotations_size);
	hf_buf_add_be32(out, row->flags);
	hf_buf_add_be64(out, (uint64_t)row->created);
	hf_buf_add_be64(out, row->limit_size);
	hf_buf_add_be64(out, row->limit_count);
	hf_buf_add_be64(out, row->limit_mailboxes);
	hf_buf_add_varstr(out, row->name);
}

enum hf_status row_user_decode(struct hf_arena *arena, struct hf_str in, struct row_user *row)
{
	struct hf_reader r = hf_reader_init(in);
	struct hf_str name = HF_STR_NULL;
	uint64_t created = 0;
	bool ok = version_ok(&r) && hf_read_be64(&r, &row->used_size) && hf_read_be64(&r, &row->used_count) &&
		  hf_read_be64(&r, &row->used_mailboxes) &&
		  hf_read_be64(&r, &row->last_email) && hf_read_be64(&r, &row->annotations_size) &&
		  hf_read_be32(&r, &row->flags) &&
		  hf_read_be64(&r, &created) && hf_read_be64(&r, &row->limit_size) &&
		  hf_read_be64(&r, &row->limit_count) &&
		  hf_read_be64(&r, &row->limit_mailboxes) && hf_read_varstr(&r, &name);

	if (!ok)
		return HF_ECORRUPT;
	row->created = (int64_t)created;
	row->name = hf_arena_str(arena, name);
	return HF_OK;
}

void row_annotation_encode(const struct row_annotation *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_varstr(out, row->written);
	hf_buf_add_varstr(out, row->value);
}

enum hf_status row_annotation_decode(struct hf_str in, struct row_annotation *row)
{
	struct hf_reader r = hf_reader_init(in);

	return version_ok(&r) && hf_read_varstr(&r, &row->written) && hf_read_varstr(&r, &row->value) ? HF_OK : HF_ECORRUPT;
}

void row_scope_encode(const struct row_scope *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be32(out, row->count);
	hf_buf_add_be64(out, row->size);
}

enum hf_status row_scope_decode(struct hf_str in, struct row_scope *row)
{
	struct hf_reader r = hf_reader_init(in);

	return version_ok(&r) && hf_read_be32(&r, &row->count) && hf_read_be64(&r, &row->size) ? HF_OK : HF_ECORRUPT;
}

void row_mailbox_encode(const struct row_mailbox *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be32(out, row->uidnext);
	hf_buf_add_be64(out, row->highestmodseq);
	hf_buf_add_be32(out, row->messages);
	hf_buf_add_be32(out, row->unseen);
	hf_buf_add_be32(out, row->deleted);
	hf_buf_add_be32(out, row->recent);
	hf_buf_add_be32(out, row->recent_from);
	hf_buf_add_be64(out, row->size);
	hf_buf_add_be64(out, row->deleted_size);
	hf_buf_add_be64(out, row->gone_floor);
	hf_buf_add_be32(out, row->gone_count);
	hf_buf_add_be32(out, row->flags);
	hf_buf_add_be64(out, row->owner);
	hf_buf_add_be32(out, row->uidvalidity);
	hf_buf_add_be32(out, row->special_use);
	hf_buf_add_be64(out, (uint64_t)row->created);
	hf_buf_add_varstr(out, row->name);
	hf_buf_add_varint(out, row->keyword_count);
	for (unsigned i = 0; i < row->keyword_count; i++)
		hf_buf_add_varstr(out, row->keywords[i]);
}

enum hf_status row_mailbox_decode(struct hf_arena *arena, struct hf_str in, struct row_mailbox *row)
{
	struct hf_reader r = hf_reader_init(in);
	struct hf_str name = HF_STR_NULL;
	uint64_t created = 0, keywords = 0;
	bool ok = version_ok(&r) && hf_read_be32(&r, &row->uidnext) && hf_read_be64(&r, &row->highestmodseq) &&
		  hf_read_be32(&r, &row->messages) && hf_read_be32(&r, &row->unseen) &&
		  hf_read_be32(&r, &row->deleted) && hf_read_be32(&r, &row->recent) &&
		  hf_read_be32(&r, &row->recent_from) && hf_read_be64(&r, &row->size) &&
		  hf_read_be64(&r, &row->deleted_size) &&
		  hf_read_be64(&r, &row->gone_floor) && hf_read_be32(&r, &row->gone_count) &&
		  hf_read_be32(&r, &row->flags) && hf_read_be64(&r, &row->owner) &&
		  hf_read_be32(&r, &row->uidvalidity) && hf_read_be32(&r, &row->special_use) &&
		  hf_read_be64(&r, &created) && hf_read_varstr(&r, &name) && hf_read_varint(&r, &keywords) &&
		  keywords <= HF_KEYWORDS_MAX;

	if (!ok)
		return HF_ECORRUPT;
	row->created = (int64_t)created;
	row->name = hf_arena_str(arena, name);
	row->keyword_count = (unsigned)keywords;
	for (unsigned i = 0; i < row->keyword_count; i++) {
		if (!hf_read_varstr(&r, &name))
			return HF_ECORRUPT;
		row->keywords[i] = hf_arena_str(arena, name);
	}
	return HF_OK;
}
