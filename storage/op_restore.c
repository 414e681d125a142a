/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing back expunged messages and deleted mailboxes.
 *
 * Messages: rows of `kept` become index rows again, with new UIDs (RFC 9051 §2.3.1.1: a UID is never given twice); the membership of the
 * email that the kept row was goes over to them. Up to OP_PIECE messages are one transaction.
 *
 * A mailbox: its rows have stayed where they were, so it takes one transaction, whatever is in it. Clients find messages by
 * name, UIDVALIDITY and UID. As long as the name belonged to nobody else, what they remember of it is still true, and
 * UIDVALIDITY stays. Had another mailbox the name meanwhile, then clients may have seen that one's UIDVALIDITY, which is greater; the
 * old one coming back would make UIDVALIDITY go down, and so there is a new one. The same under another name, about whose
 * past nothing is known. */

#include <stdlib.h>

#include "base/mem.h"
#include "storage/kept.h"
#include "storage/op_priv.h"
#include "storage/rights_priv.h"

/* Expunged messages ------------------------------------------------------------------------------------------------ */

struct op_restore {
	struct hf_op op;
	uint64_t source, target;
	struct hf_set uids;
	bool force, started;
	uint64_t size, count;    /* what there is of them: for the quota */
	uint32_t *rows;          /* keys of the rows of `kept` in which they are, ascending */
	size_t row_count, row_capacity, at, piece_at;
};

/* Messages of one piece, from however many rows. */
struct piece {
	struct hf_record *records;
	size_t count;
};

static int by_uid(const void *a, const void *b)
{
	const struct hf_record *x = a, *y = b;

	return (x->uid.n > y->uid.n) - (x->uid.n < y->uid.n);
}

/* Takes those that are wanted out of a row; the others stay, under the key they had. */
static enum hf_status take_from_row(struct op_restore *restore, struct batch *batch, uint32_t uid, struct row_kept *row,
				    struct piece *piece)
{
	struct row_key key, due;
	unsigned left = 0;
	enum hf_status status;

	key_message(&key, restore->source, HF_UID(uid));
	status = batch_get(batch, TABLE_KEPT, &key, &batch->value);
	if (status == HF_OK)
		status = row_kept_decode(HF_UID(uid), hf_buf_str(&batch->value), row);
	if (status != HF_OK)
		return status == HF_ENONEXISTENT ? HF_OK : status; /* its time was over meanwhile */
	for (unsigned i = 0; i < row->count; i++) {
		if (hf_set_has(&restore->uids, row->records[i].uid.n))
			piece->records[piece->count++] = row->records[i];
		else
			row->records[left++] = row->records[i];
	}
	row->count = left;
	if (left) {
		hf_buf_clear(&batch->row);
		row_kept_encode(HF_UID(uid), row, &batch->row);
		return batch_put(batch, TABLE_KEPT, &key, hf_buf_str(&batch->row));
	}
	/* A due row that was made while another time was set stays until then, and finds nothing. */
	key_due(&due, row->time + (int64_t)batch->store->settings.kept_s, restore->source, HF_UID(uid));
	status = batch_delete(batch, TABLE_META, &due);
	return status == HF_OK ? batch_delete(batch, TABLE_KEPT, &key) : status;
}

static enum hf_status put_back(struct keyword_map *map, struct batch_user *owner, const struct hf_record *kept, uint64_t modseq)
{
	struct batch_mailbox *target = map->target;
	struct batch *batch = map->batch;
	struct hf_record record = *kept;
	uint8_t octets[ROW_INDEX_SIZE];
	struct row_key key;
	uint64_t keywords;
	enum hf_status status = keyword_map(map, kept->keywords, &keywords);

	if (status != HF_OK)
		return status;
	record.uid.n = target->row.uidnext++;
	record.keywords = keywords;
	record.modseq.n = modseq;
	record.flags &= ~(uint64_t)HF_FLAG_DELETED & 0xffff;
	record.saved = (uint32_t)batch->now;
	row_index_encode(&record, octets);
	key_message(&key, target->id, record.uid);
	status = batch_put(batch, TABLE_INDEX, &key, hf_str_n(octets, sizeof(octets)));
	mailbox_count(batch, target, owner, &record, 1);
	batch_change(batch, target, HF_CHANGE_NEW, &record);
	return status;
}

static enum hf_status restore_piece(struct op_restore *restore, struct batch *batch, struct batch_mailbox *source,
				    struct batch_mailbox *target, struct batch_user *owner, struct piece *piece)
{
	struct keyword_map map = { .batch = batch, .source = source, .target = target };
	struct row_kept *row = hf_alloc(sizeof(*row));
	uint64_t modseq;
	enum hf_status status = HF_OK;

	restore->piece_at = restore->at;
	while (status == HF_OK && restore->piece_at < restore->row_count && piece->count + KEPT_RECORDS <= OP_PIECE)
		status = take_from_row(restore, batch, restore->rows[restore->piece_at++], row, piece);
	hf_free(row);
	if (status != HF_OK || !piece->count)
		return status;
	qsort(piece->records, piece->count, sizeof(*piece->records), by_uid);
	modseq = ++target->row.highestmodseq;
	op_made(&restore->op, modseq);
	for (size_t i = 0; i < piece->count && status == HF_OK; i++) {
		hf_set_add(&restore->op.piece.copied_from, piece->records[i].uid.n);
		hf_set_add(&restore->op.piece.copied_to, target->row.uidnext);
		status = put_back(&map, owner, &piece->records[i], modseq);
	}
	if (status == HF_OK)
		status = seen_carry(batch, source, target, &restore->op.piece.copied_from, &restore->op.piece.copied_to);
	return status;
}

static enum hf_status restore_apply(struct hf_op *op, struct batch *batch)
{
	struct op_restore *restore = (struct op_restore *)op;
	struct batch_mailbox *source, *target;
	struct batch_user *owner = NULL;
	struct piece piece = { .count = 0 };
	enum hf_status status = batch_mailbox(batch, restore->source, false, &source);

	if (status == HF_OK)
		status = batch_mailbox(batch, restore->target, false, &target);
	if (status == HF_OK && source->row.owner != target->row.owner)
		status = HF_ECANNOT;
	if (status == HF_OK)
		status = batch_user(batch, target->row.owner, &owner);
	if (status == HF_OK && writer_holds(batch->store->writer, restore->target))
		status = HF_WAIT;
	/* Once for all of them: it is done whole, or not begun. */
	if (status == HF_OK && !restore->force && !restore->started && restore->count &&
	    over_quota(owner, restore->size, restore->count))
		status = HF_EOVERQUOTA;
	if (status != HF_OK)
		return status;
	op->piece.uidvalidity = target->row.uidvalidity;
	piece.records = hf_alloc(OP_PIECE * sizeof(*piece.records));
	status = restore_piece(restore, batch, source, target, owner, &piece);
	hf_free(piece.records);
	return status == HF_OK && restore->piece_at < restore->row_count ? HF_MORE : status;
}

static void restore_committed(struct hf_op *op)
{
	struct op_restore *restore = (struct op_restore *)op;

	restore->at = restore->piece_at;
	restore->started = true;
	fault_at(FAULT_RESTORE_PIECE);
}

static void restore_fini(struct hf_op *op)
{
	struct op_restore *restore = (struct op_restore *)op;

	hf_set_fini(&restore->uids);
	hf_free(restore->rows);
}

static const struct op_kind kind_restore = {
	.name = "restore",
	.apply = restore_apply,
	.committed = restore_committed,
	.fini = restore_fini,
};

/* Which rows have them, and what they come to: found out by who asks, not by the writer. */
static void look_for_rows(struct op_restore *restore, struct hf_store *store)
{
	struct row_kept *row = hf_alloc(sizeof(*row));
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	collector_bury(store);
	key_message(&from, restore->source, HF_UID(0));
	scan_open(&scan, store->env, TABLE_KEPT, &from, 8, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		uint64_t before = restore->count;

		if (row_kept_decode(HF_UID(key_be32(key, 8)), value, row) != HF_OK)
			continue;
		for (unsigned i = 0; i < row->count; i++) {
			if (hf_set_has(&restore->uids, row->records[i].uid.n)) {
				restore->count++;
				restore->size += row->records[i].size;
			}
		}
		if (restore->count == before)
			continue;
		if (restore->row_count == restore->row_capacity) {
			restore->row_capacity = restore->row_capacity ? 2 * restore->row_capacity : 64;
			restore->rows = hf_realloc_array(restore->rows, restore->row_capacity, sizeof(*restore->rows));
		}
		restore->rows[restore->row_count++] = key_be32(key, 8);
	}
	scan_close(&scan);
	hf_free(row);
}

struct hf_op *hf_op_restore(struct hf_store *store, uint64_t mailbox, const struct hf_set *uids, uint64_t target, bool force)
{
	struct op_restore *restore = op_new(&kind_restore, sizeof(*restore));

	restore->source = mailbox;
	restore->target = target;
	restore->force = force;
	hf_set_copy(&restore->uids, uids);
	look_for_rows(restore, store);
	return &restore->op;
}

/* Deleted mailboxes ------------------------------------------------------------------------------------------------ */

enum hf_status deleted_keep(struct batch *batch, struct batch_mailbox *mailbox, bool erased)
{
	uint32_t kept_s = erased ? 0 : batch->store->settings.kept_s;
	struct row_deleted row = { .mailbox = mailbox->id, .time = batch->now, .due = batch->now + kept_s };
	uint64_t serial = kept_s ? ids_new_mailbox(batch->store) : 0; /* any number that rises */
	struct row_key key;
	enum hf_status status = due_put(batch, row.due, mailbox->id, 0, mailbox->row.owner, serial);

	if (status != HF_OK || !serial)
		return status;
	key_deleted(&key, mailbox->row.owner, mailbox->row.name, serial);
	hf_buf_clear(&batch->row);
	row_deleted_encode(&row, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

/* Only the latest can be without the mark: those before it lost the name to it. */
enum hf_status deleted_name_used(struct batch *batch, uint64_t owner, struct hf_str name)
{
	struct cursor *cursor = NULL;
	struct row_deleted row;
	struct row_key from;
	struct hf_str key = HF_STR_NULL, value = HF_STR_NULL;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	key_deleted(&from, owner, name, UINT64_MAX);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	from.size -= 8;
	if (status == HF_OK && hf_str_starts(key, key_str(&from)) && key.size == from.size + 8) {
		status = row_deleted_decode(value, &row);
		if (status == HF_OK && !(row.flags & DELETED_NAME_USED)) {
			row.flags |= DELETED_NAME_USED;
			hf_buf_clear(&batch->row);
			row_deleted_encode(&row, &batch->row);
			batch->writes++;
			status = cursor_put(cursor, hf_buf_str(&batch->row));
		}
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

struct op_undelete {
	struct hf_op op;
	uint64_t user, mailbox, serial;
	struct hf_str was, name;
	bool force;
};

/* Its rows K and X go. */
static enum hf_status forget_deletion(const struct op_undelete *args, struct batch *batch, const struct row_deleted *row)
{
	struct row_key key;
	enum hf_status status;

	key_due(&key, row->due, args->mailbox, HF_UID(0));
	status = batch_delete(batch, TABLE_META, &key);
	key_deleted(&key, args->user, args->was, args->serial);
	return status == HF_OK ? batch_delete(batch, TABLE_META, &key) : status;
}

static enum hf_status find_deleted(const struct op_undelete *args, struct batch *batch, struct row_deleted *row,
				   struct batch_mailbox **mailbox)
{
	struct row_key key;
	enum hf_status status;

	key_deleted(&key, args->user, args->was, args->serial);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_deleted_decode(hf_buf_str(&batch->value), row);
	if (status == HF_OK && row->mailbox != args->mailbox)
		status = HF_ENONEXISTENT;
	return status == HF_OK ? batch_mailbox(batch, args->mailbox, true, mailbox) : status;
}

/* Room for it among the user's mailboxes and messages, those above it that are missing, and its place. */
static enum hf_status make_room(const struct op_undelete *args, struct batch *batch, struct batch_user *owner,
				const struct row_mailbox *row)
{
	uint64_t limit = owner->row.limit_mailboxes;
	enum hf_status status;

	if (!args->force && row->messages && over_quota(owner, row->size, row->messages))
		return HF_EOVERQUOTA;
	if (args->force)
		owner->row.limit_mailboxes = 0;
	status = mailbox_make_superiors(batch, args->user, args->name);
	if (status == HF_OK && owner->row.limit_mailboxes && owner->row.used_mailboxes >= owner->row.limit_mailboxes)
		status = HF_EOVERQUOTA;
	owner->row.limit_mailboxes = limit;
	return status;
}

static enum hf_status undelete_apply(struct hf_op *op, struct batch *batch)
{
	struct op_undelete *args = (struct op_undelete *)op;
	struct batch_mailbox *mailbox;
	struct batch_user *owner;
	struct row_deleted row;
	bool same;
	enum hf_status status = batch_user(batch, args->user, &owner);

	if (status == HF_OK)
		status = find_deleted(args, batch, &row, &mailbox);
	if (status == HF_OK)
		status = mailbox_is_free(batch, args->user, args->name);
	if (status == HF_OK)
		status = make_room(args, batch, owner, &mailbox->row);
	if (status == HF_OK)
		status = forget_deletion(args, batch, &row);
	if (status == HF_OK)
		status = listing_put(batch, args->user, args->name, args->mailbox);
	if (status == HF_OK)
		status = rights_show(batch, args->mailbox, args->user);
	if (status != HF_OK)
		return status;
	same = hf_str_eq(args->was, args->name);
	if (!same || row.flags & DELETED_NAME_USED)
		mailbox->row.uidvalidity = ids_new_uidvalidity(batch->store);
	if (!same) {
		mailbox->row.name = batch_str(batch, args->name);
		mailbox->row.special_use = 0; /* what took its place has that */
	}
	mailbox->row.flags &= ~(uint32_t)MAILBOX_DELETED;
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	owner->row.used_mailboxes++;
	owner->row.used_size += mailbox->row.size;
	owner->row.used_count += mailbox->row.messages;
	batch_touch_user(batch, owner);
	op->piece.mailbox = args->mailbox;
	op->piece.uidvalidity = mailbox->row.uidvalidity;
	return HF_OK;
}

static const struct op_kind kind_undelete = { .name = "undelete", .apply = undelete_apply };

struct hf_op *hf_op_mailbox_undelete(struct hf_store *store, uint64_t user, const struct hf_deleted *deleted, struct hf_str name,
				     bool force)
{
	struct op_undelete *args = op_new(&kind_undelete, sizeof(*args));

	(void)store;
	args->user = user;
	args->mailbox = deleted->mailbox;
	args->serial = deleted->serial;
	args->was = hf_arena_str(args->op.arena, deleted->name);
	args->name = hf_arena_str(args->op.arena, name);
	args->force = force;
	return &args->op;
}
