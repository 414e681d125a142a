/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND, MULTIAPPEND, REPLACE. RFC 9051 §6.3.12, RFC 3502, RFC 8508. All messages or none. */

#include "base/clock.h"
#include "storage/op_priv.h"
#include "storage/rights_priv.h"
#include "storage/stage_priv.h"

struct append_item {
	struct hf_stage *stage;
	uint32_t flags;
	struct hf_str *keywords;
	size_t keyword_count;
	int64_t internaldate;
	struct hf_str list, email, signature; /* payloads */
	struct hf_str *thread_ids;
	size_t thread_id_count;
};

struct op_append {
	struct hf_op op;
	uint64_t mailbox, replaced_mailbox;
	uint64_t user; /* who asked, and whose \Seen it is; 0: the store itself, the owner's */
	struct hf_uid replaces;
	struct append_item *items;
	size_t count;
	uint64_t size;
};

static enum hf_status add_item(struct op_append *append, struct batch *batch, struct batch_mailbox *mailbox,
			       struct batch_user *owner, const struct append_item *item, uint64_t modseq)
{
	const struct hf_message *message = hf_stage_message(item->stage);
	struct new_email email = { item->list, item->email, item->thread_ids, item->thread_id_count,
				   item->signature };
	struct hf_record record = { .uid = { mailbox->row.uidnext } };
	uint8_t row[ROW_INDEX_SIZE];
	struct row_key key;
	enum hf_status status = stage_write_content(item->stage, batch, 1);

	if (status == HF_OK)
		status = email_create(batch, owner, &email, &record.email, &record.thread);
	if (status == HF_OK)
		status = mailbox_keywords(batch, mailbox, item->keywords, item->keyword_count, false, &record.keywords);
	if (status != HF_OK)
		return status;
	record.size = message->size > UINT32_MAX ? UINT32_MAX : (uint32_t)message->size;
	record.modseq.n = modseq;
	record.internaldate = item->internaldate;
	record.flags = item->flags & HF_FLAGS_ALL;
	record.sent = message->has_date ? message->sent : item->internaldate;
	record.sent_zone = message->has_date ? message->sent_zone : 0;
	record.saved = (uint32_t)batch->now;
	if (append->user && append->user != owner->id && record.flags & HF_FLAG_SEEN) {
		record.flags &= ~HF_FLAG_SEEN & HF_FLAGS_ALL;
		status = batch_set_seen(batch, mailbox, append->user, record.uid, true);
	}
	if (status != HF_OK)
		return status;
	row_index_encode(&record, row);
	key_message(&key, mailbox->id, record.uid);
	status = batch_put(batch, TABLE_INDEX, &key, hf_str_n(row, sizeof(row)));
	mailbox->row.uidnext++;
	mailbox_count(batch, mailbox, owner, &record, 1);
	batch_change(batch, mailbox, HF_CHANGE_NEW, &record);
	hf_set_add(&append->op.piece.appended, record.uid.n);
	return status;
}

/* The message that is replaced leaves. */
static enum hf_status replace(struct op_append *append, struct batch *batch, struct batch_mailbox *mailbox,
			      struct batch_user *owner, const struct hf_record *record)
{
	struct hf_set uids = HF_SET_INIT;
	struct hf_record gone = *record;
	struct keeping keeping;
	uint64_t modseq = ++mailbox->row.highestmodseq;
	struct row_key key;
	enum hf_status status;

	op_made(&append->op, modseq);
	mailbox_count(batch, mailbox, owner, record, -1);
	key_message(&key, mailbox->id, record->uid);
	status = batch_delete(batch, TABLE_INDEX, &key);
	keeping_begin(&keeping, batch, mailbox, HF_MOD(modseq));
	if (status == HF_OK)
		status = keeping_add(&keeping, record);
	if (status == HF_OK)
		status = keeping_end(&keeping);
	hf_set_add(&uids, record->uid.n);
	if (status == HF_OK)
		status = mailbox_gone(batch, mailbox, &uids, HF_MOD(modseq));
	hf_set_fini(&uids);
	gone.modseq.n = modseq;
	batch_change(batch, mailbox, HF_CHANGE_GONE, &gone);
	hf_set_add(&append->op.piece.expunged, record->uid.n);
	return status;
}

/* A replaced message that has gone meanwhile: nothing is appended either (RFC 8508 §3.2). */
static enum hf_status find_replaced(struct op_append *append, struct batch *batch, struct batch_mailbox **mailbox,
				    struct batch_user **owner, struct hf_record *record)
{
	struct row_key key;
	bool dead = false;
	enum hf_status status = batch_mailbox(batch, append->replaced_mailbox, false, mailbox);

	if (status == HF_OK)
		status = batch_user(batch, (*mailbox)->row.owner, owner);
	if (status != HF_OK)
		return status;
	key_message(&key, append->replaced_mailbox, append->replaces);
	status = append->replaces.n < (*mailbox)->row.uidnext ? batch_get(batch, TABLE_INDEX, &key, &batch->value)
							      : HF_ENONEXISTENT;
	if (status == HF_OK)
		status = mailbox_is_dead(batch, *mailbox, append->replaces, &dead);
	if (dead)
		return HF_ENONEXISTENT;
	if (status == HF_OK)
		status = row_index_decode(append->replaces, hf_buf_str(&batch->value), record);
	return status;
}

/* Seen early, the refusal costs nothing; keywords of several messages that are too many only together are seen late. */
static bool has_room_for_keywords(const struct op_append *append, const struct row_mailbox *row)
{
	for (size_t i = 0; i < append->count; i++) {
		const struct append_item *item = &append->items[i];
		unsigned missing;

		mailbox_keywords_find(row, item->keywords, item->keyword_count, &missing);
		if (row->keyword_count + missing > HF_KEYWORDS_MAX)
			return false;
	}
	return true;
}

static enum hf_status append_apply(struct hf_op *op, struct batch *batch)
{
	struct op_append *append = (struct op_append *)op;
	struct batch_mailbox *mailbox, *replaced = NULL;
	struct batch_user *owner, *replaced_owner = NULL;
	struct hf_record record = { .size = 0 };
	uint64_t modseq, less = 0, fewer = 0;
	enum hf_status status = batch_mailbox(batch, append->mailbox, false, &mailbox);

	if (status == HF_OK)
		status = batch_user(batch, mailbox->row.owner, &owner);
	if (status == HF_OK && append->replaces.n)
		status = find_replaced(append, batch, &replaced, &replaced_owner, &record);
	if (status == HF_OK)
		status = rights_still(batch, mailbox, append->user, HF_RIGHT_INSERT);
	if (status == HF_OK && replaced)
		status = rights_still(batch, replaced, append->user, HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE);
	if (status != HF_OK)
		return status;
	if (writer_holds(batch->store->writer, append->mailbox))
		return HF_WAIT;
	if (replaced_owner == owner && replaced) {
		less = record.size;
		fewer = 1;
	}
	if ((owner->row.limit_size && owner->row.used_size + append->size > owner->row.limit_size + less) ||
	    (owner->row.limit_count && owner->row.used_count + append->count > owner->row.limit_count + fewer))
		return HF_EOVERQUOTA;
	if (!has_room_for_keywords(append, &mailbox->row))
		return HF_ELIMIT;
	modseq = ++mailbox->row.highestmodseq;
	if (append->mailbox == append->replaced_mailbox)
		op_made(op, modseq);
	op->piece.uidvalidity = mailbox->row.uidvalidity;
	for (size_t i = 0; i < append->count && status == HF_OK; i++)
		status = add_item(append, batch, mailbox, owner, &append->items[i], modseq);
	if (status == HF_OK && replaced)
		status = replace(append, batch, replaced, replaced_owner, &record);
	return status;
}

static void append_committed(struct hf_op *op)
{
	struct op_append *append = (struct op_append *)op;

	for (size_t i = 0; i < append->count; i++)
		stage_used(append->items[i].stage);
}

static void append_fini(struct hf_op *op)
{
	struct op_append *append = (struct op_append *)op;

	for (size_t i = 0; i < append->count; i++)
		hf_stage_free(&append->items[i].stage);
}

static const struct op_kind kind_append = {
	.name = "append",
	.apply = append_apply,
	.committed = append_committed,
	.fini = append_fini,
};

static void take_item(struct op_append *append, struct append_item *item, struct hf_append *from, int64_t now)
{
	struct hf_arena *arena = append->op.arena;
	struct hf_str ids[THREAD_IDS_MAX];
	struct hf_buf payload = HF_BUF_INIT;

	item->stage = from->stage;
	from->stage = NULL;
	item->flags = from->flags;
	item->internaldate = from->has_date ? from->internaldate : now;
	item->keyword_count = from->keyword_count;
	item->keywords = hf_new_array(arena, struct hf_str, from->keyword_count);
	for (size_t i = 0; i < from->keyword_count; i++)
		item->keywords[i] = hf_arena_str(arena, from->keywords[i]);
	stage_list_payload(item->stage, item->internaldate, &payload);
	item->list = hf_arena_str(arena, hf_buf_str(&payload));
	hf_buf_clear(&payload);
	stage_email_payload(item->stage, HF_STR_NULL, !row_list_has_headers(item->list), &payload);
	item->email = hf_arena_str(arena, hf_buf_str(&payload));
	hf_buf_clear(&payload);
	stage_signature(item->stage, HF_STR_NULL, &payload);
	item->signature = hf_arena_str(arena, hf_buf_str(&payload));
	hf_buf_fini(&payload);
	item->thread_id_count = stage_thread_ids(item->stage, ids);
	item->thread_ids = hf_arena_memdup(arena, ids, item->thread_id_count * sizeof(ids[0]));
	append->size += hf_stage_size(item->stage);
	append->op.cost += stage_cost(item->stage) + item->list.size + item->email.size + item->signature.size;
}

struct hf_op *op_append_new(struct hf_store *store, uint64_t mailbox, struct hf_append *items, size_t count,
			    uint64_t replaced_mailbox, struct hf_uid replaces)
{
	struct op_append *append = op_new(&kind_append, sizeof(*append));
	int64_t now = hf_now_s();

	(void)store;
	append->mailbox = mailbox;
	append->replaced_mailbox = replaced_mailbox;
	append->replaces = replaces;
	append->count = count;
	append->items = hf_new_array(append->op.arena, struct append_item, count);
	for (size_t i = 0; i < count; i++)
		take_item(append, &append->items[i], &items[i], now);
	return &append->op;
}

struct hf_op *hf_op_append(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_append *items, size_t count,
			   const struct hf_view *view, struct hf_uid replaces)
{
	struct hf_op *op = op_append_new(store, mailbox, items, count, view ? hf_view_mailbox(view) : 0, replaces);

	((struct op_append *)op)->user = user;
	return op;
}
