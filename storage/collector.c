/* SPDX-License-Identifier: BSD-2-Clause */
/* Collectors: work in the background, in operations of bounded cost, by the housekeeping thread.
 *
 *   J  deleted users are taken apart
 *   K  messages whose retention is over, and those of mailboxes deleted so long ago, lose a membership; emails, then contents without any go
 *   G  the parts of content that nothing references
 *   T  records of deliveries that are old
 *
 * and retention (retention.c) after all of these.
 *
 * What a pin holds is left for later: a view still shows it, or a reader reads it. */

#include "base/clock.h"
#include "base/mem.h"
#include "storage/annotation_priv.h"
#include "storage/op_priv.h"
#include "storage/retention_priv.h"
#include "storage/rights_priv.h"

#define DUE_ROWS 32          /* each of up to KEPT_RECORDS messages */
#define FREE_MESSAGES 400    /* of a deleted mailbox, in one step */
#define EXPIRY_ROWS 512
#define SCAN_PIECES 64       /* runs of DUE_ROWS looked at in one step for something that is not pinned */
#define FREE_OCTETS (1u << 20)
#define AGAIN_S 60           /* a deleted mailbox of which something expunged is still kept */

static bool run(struct hf_store *store, struct hf_op *op)
{
	bool ok = hf_store_run(store, op) == HF_OK;

	hf_op_free(&op);
	return ok;
}

enum hf_status due_put(struct batch *batch, int64_t time, uint64_t mailbox, uint32_t uid, uint64_t owner, uint64_t serial)
{
	struct hf_buf row = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	row_id_encode(owner, &row);
	if (!uid)
		hf_buf_add_be64(&row, serial);
	key_due(&key, time, mailbox, HF_UID(uid));
	status = batch_put(batch, TABLE_META, &key, hf_buf_str(&row));
	hf_buf_fini(&row);
	return status;
}

/* Rows of the table from `from` on whose keys begin like it; at most `max` are deleted. HF_MORE: there are more. */
static enum hf_status delete_run(struct batch *batch, unsigned table, const struct row_key *from, unsigned max)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	unsigned count = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, table, &cursor);

	if (status == HF_OK)
		status = cursor_seek(cursor, from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(from))) {
		if (count++ == max) {
			cursor_close(&cursor);
			return HF_MORE;
		}
		batch->writes++;
		status = cursor_delete(cursor);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

/* J: a deleted user ------------------------------------------------------------------------------------------------- */

#define HIDE_MAILBOXES 128

struct op_erase {
	struct hf_op op;
	uint64_t user;
	uint64_t *mailboxes; /* those to be hidden, or already deleted ones that are now due; none: the last step */
	size_t count, at, piece_at;
	uint32_t kept_from, piece_kept_from; /* of mailboxes[at]: rows of `kept` before this are due now */
};

/* What had been expunged before its owner was deleted is due at once. */
static enum hf_status hasten(struct op_erase *erase, struct batch *batch, struct batch_mailbox *mailbox, uint32_t kept_from)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	unsigned count = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_KEPT, &cursor);

	key_message(&from, mailbox->id, HF_UID(kept_from));
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && key_be64(key, 0) == mailbox->id && count < OP_PIECE) {
		erase->piece_kept_from = key_be32(key, 8) + 1;
		status = due_put(batch, batch->now, mailbox->id, key_be32(key, 8), mailbox->row.owner, 0);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
		count++;
	}
	cursor_close(&cursor);
	if (status == HF_OK && count == OP_PIECE)
		return HF_MORE;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status erase_mailboxes(struct op_erase *erase, struct batch *batch)
{
	for (erase->piece_at = erase->at; erase->piece_at < erase->count; erase->piece_at++) {
		uint32_t kept_from = erase->piece_at == erase->at ? erase->kept_from : 0;
		struct batch_mailbox *mailbox;
		enum hf_status status = batch_mailbox(batch, erase->mailboxes[erase->piece_at], true, &mailbox);

		if (status == HF_ENONEXISTENT)
			continue;
		if (status == HF_OK && !(mailbox->row.flags & MAILBOX_DELETED))
			status = mailbox_hide(batch, mailbox);
		else if (status == HF_OK)
			status = due_put(batch, batch->now, mailbox->id, 0, erase->user, 0);
		if (status == HF_OK)
			status = hasten(erase, batch, mailbox, kept_from);
		if (status != HF_OK)
			return status;
	}
	return HF_OK;
}

static enum hf_status erase_rest(struct op_erase *erase, struct batch *batch)
{
	static const enum meta_type types[] = { META_SUBSCRIPTION, META_SECRET, META_LISTING, META_DELETED };
	struct batch_user *user;
	struct row_key key;
	enum hf_status status = HF_OK;

	for (size_t i = 0; i < HF_COUNT(types) && status == HF_OK; i++) {
		key_id(&key, types[i], erase->user);
		status = delete_run(batch, TABLE_META, &key, OP_PIECE);
	}
	if (status != HF_OK)
		return status;
	status = batch_user_any(batch, erase->user, &user);
	if (status == HF_OK) {
		user->removed = true;
		batch_touch_user(batch, user);
	} else if (status != HF_ENONEXISTENT) {
		return status;
	}
	key_kind(&key, META_JOB, JOB_USER, erase->user);
	return batch_delete(batch, TABLE_META, &key);
}

static enum hf_status erase_apply(struct hf_op *op, struct batch *batch)
{
	struct op_erase *erase = (struct op_erase *)op;

	return erase->count ? erase_mailboxes(erase, batch) : erase_rest(erase, batch);
}

static void erase_committed(struct hf_op *op)
{
	struct op_erase *erase = (struct op_erase *)op;

	erase->at = erase->piece_at;
	erase->kept_from = erase->piece_kept_from;
}

static void erase_fini(struct hf_op *op)
{
	hf_free(((struct op_erase *)op)->mailboxes);
}

static const struct op_kind kind_erase = {
	.name = "erase",
	.apply = erase_apply,
	.committed = erase_committed,
	.fini = erase_fini,
};

/* All rows `M` are looked through: erasing an account is rare, and deleted mailboxes are in no list. */
static bool erase_user(struct hf_store *store, uint64_t user)
{
	struct hf_arena *arena = hf_arena_new();
	struct op_erase *erase = NULL;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool ok = true;

	key_begin(&from, META_MAILBOX);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 256 * 1024);
	while (ok && scan_next(&scan, &key, &value) == HF_OK) {
		struct row_mailbox row;

		hf_arena_reset(arena);
		if (row_mailbox_decode(arena, value, &row) != HF_OK || row.owner != user)
			continue;
		if (!erase) {
			erase = op_new(&kind_erase, sizeof(*erase));
			erase->user = user;
			erase->mailboxes = hf_alloc(HIDE_MAILBOXES * sizeof(*erase->mailboxes));
		}
		erase->mailboxes[erase->count++] = key_be64(key, 1);
		if (erase->count == HIDE_MAILBOXES) {
			ok = run(store, &erase->op);
			erase = NULL;
		}
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	if (erase)
		ok = run(store, &erase->op) && ok;
	if (!ok || !aliases_erase(store, user) || !run(store, op_annotations_forget_new(user)) ||
	    !run(store, op_seen_forget_new(user)))
		return false;
	erase = op_new(&kind_erase, sizeof(*erase));
	erase->user = user;
	return run(store, &erase->op);
}

/* J: dead index rows ----------------------------------------------------------------------------------------------- */

#define BURY_ROWS 2000

struct op_bury {
	struct hf_op op;
	uint64_t mailbox;
	struct hf_mod modseq;
};

static enum hf_status bury(struct batch *batch, struct batch_mailbox *mailbox, const struct row_dead *row,
			   const struct hf_set *uids, struct hf_mod modseq)
{
	struct index_walk walk;
	struct keeping keeping;
	struct hf_record record;
	unsigned count = 0;
	enum hf_status status = HF_OK, end;

	keeping_begin(&keeping, batch, mailbox, modseq);
	keeping.row.time = row->time;
	index_walk_init(&walk, batch, mailbox->id, uids, 0, mailbox->row.uidnext);
	walk.dead_too = true;
	while (count < BURY_ROWS && (status = index_walk_next(&walk, &record)) == HF_OK) {
		status = index_walk_delete(&walk);
		if (status == HF_OK && row->keep)
			status = keeping_add(&keeping, &record);
		if (status != HF_OK)
			break;
		count++;
	}
	index_walk_fini(&walk);
	if (status != HF_OK && status != HF_ENONEXISTENT)
		return status;
	end = keeping_end(&keeping);
	if (end != HF_OK)
		return end;
	return status == HF_OK ? HF_MORE : HF_OK;
}

static enum hf_status bury_apply(struct hf_op *op, struct batch *batch)
{
	struct op_bury *args = (struct op_bury *)op;
	struct hf_set uids = HF_SET_INIT;
	struct batch_mailbox *mailbox;
	struct row_dead row;
	struct row_key key;
	enum hf_status status;

	key_dead(&key, args->mailbox, args->modseq);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_ENONEXISTENT)
		return HF_OK; /* somebody else has done it */
	if (status == HF_OK)
		status = row_dead_decode(hf_buf_str(&batch->value), &row, &uids);
	if (status == HF_OK)
		status = batch_mailbox(batch, args->mailbox, true, &mailbox);
	if (status == HF_OK)
		status = bury(batch, mailbox, &row, &uids, args->modseq);
	hf_set_fini(&uids);
	if (status != HF_OK && status != HF_ENONEXISTENT)
		return status;
	batch->dead_jobs--;
	return batch_delete(batch, TABLE_META, &key);
}

static const struct op_kind kind_bury = { .name = "bury", .apply = bury_apply };

static bool bury_dead(struct hf_store *store, uint64_t mailbox, struct hf_mod modseq)
{
	struct op_bury *args = op_new(&kind_bury, sizeof(*args));

	args->mailbox = mailbox;
	args->modseq = modseq;
	return run(store, &args->op);
}

static bool find_dead(struct hf_store *store, uint64_t *mailbox, struct hf_mod *modseq)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool found;

	key_begin(&from, META_JOB);
	key_add_u8(&from, JOB_DEAD);
	scan_open(&scan, store->env, TABLE_META, &from, from.size, 8192);
	found = scan_next(&scan, &key, &value) == HF_OK && key.size == 18;
	if (found) {
		*mailbox = key_be64(key, 2);
		modseq->n = key_be64(key, 10);
	}
	scan_close(&scan);
	return found;
}

static bool step_dead(struct hf_store *store)
{
	struct hf_mod modseq;
	uint64_t mailbox;

	return atomic_load(&store->dead_jobs) && find_dead(store, &mailbox, &modseq) && bury_dead(store, mailbox, modseq);
}

void collector_bury(struct hf_store *store)
{
	while (step_dead(store))
		;
}

/* J: a deleted user ------------------------------------------------------------------------------------------------- */

static bool step_jobs(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool found;
	uint64_t id = 0;

	key_begin(&from, META_JOB);
	key_add_u8(&from, JOB_USER);
	scan_open(&scan, store->env, TABLE_META, &from, from.size, 8192);
	found = scan_next(&scan, &key, &value) == HF_OK && key.size == 10;
	if (found)
		id = key_be64(key, 2);
	scan_close(&scan);
	return found && erase_user(store, id);
}

/* K --------------------------------------------------------------------------------------------------------------- */

struct due {
	int64_t time;
	uint64_t mailbox, owner;
	uint64_t serial; /* of a deleted mailbox */
	struct hf_uid uid;
};

struct op_due {
	struct hf_op op;
	struct due rows[DUE_ROWS];
	size_t count;
	const struct due *unfinished; /* a mailbox of which there is more to free */
};

static bool kept_is_pinned(struct hf_store *store, struct hf_buf *value, const struct due *due)
{
	struct row_kept kept;
	struct row_key key;

	if (hf_mailbox_is_pinned(store, due->mailbox))
		return true;
	if (!due->uid.n)
		return false;
	key_message(&key, due->mailbox, due->uid);
	if (table_get(store->env, NULL, TABLE_KEPT, &key, value) != HF_OK ||
	    row_kept_decode(due->uid, hf_buf_str(value), &kept) != HF_OK)
		return false;
	for (unsigned i = 0; i < kept.count; i++)
		if (hf_email_is_pinned(store, due->owner, kept.records[i].email))
			return true;
	return false;
}

/* Of the messages that a deleted mailbox had, one piece. HF_MORE: there are more. */
static enum hf_status free_index(struct batch *batch, struct batch_mailbox *mailbox)
{
	enum hf_status status = index_free_piece(batch, mailbox, 1, mailbox->row.uidnext, FREE_MESSAGES, true);

	mailbox->publish = mailbox->row_changed; /* nobody shows it any more */
	return status;
}

static enum hf_status has_kept(struct batch *batch, uint64_t mailbox, bool *has)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_KEPT, &cursor);

	key_message(&from, mailbox, HF_UID(0));
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	*has = status == HF_OK && key_be64(key, 0) == mailbox;
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

/* The mailbox itself. From its first piece on it cannot be brought back. What had been expunged from it before has rows K of its own,
 * which come first unless the time for which messages are kept was made shorter meanwhile. HF_MORE: again, without delay. */
static enum hf_status due_mailbox(struct batch *batch, const struct due *due)
{
	struct batch_mailbox *mailbox;
	struct row_key from;
	bool kept = false;
	enum hf_status status = batch_mailbox(batch, due->mailbox, true, &mailbox);

	if (status == HF_ENONEXISTENT || (status == HF_OK && !(mailbox->row.flags & MAILBOX_DELETED)))
		return HF_OK;
	if (status == HF_OK && due->serial) {
		key_deleted(&from, mailbox->row.owner, mailbox->row.name, due->serial);
		status = batch_delete(batch, TABLE_META, &from);
	}
	if (status == HF_OK)
		status = free_index(batch, mailbox);
	if (status == HF_OK)
		status = has_kept(batch, due->mailbox, &kept);
	if (status != HF_OK)
		return status;
	if (kept)
		return due_put(batch, batch->now + AGAIN_S, due->mailbox, 0, due->owner, 0);
	from.size = 0;
	key_add_be64(&from, due->mailbox);
	status = delete_run(batch, TABLE_GONE, &from, OP_PIECE);
	if (status != HF_OK)
		return status;
	key_id(&from, META_SEEN, due->mailbox);
	status = delete_run(batch, TABLE_META, &from, OP_PIECE);
	if (status != HF_OK)
		return status;
	status = rights_remove(batch, due->mailbox);
	if (status == HF_OK)
		status = annotations_drop(batch, due->mailbox, due->owner);
	if (status != HF_OK)
		return status;
	key_id(&from, META_RETENTION, due->mailbox);
	status = batch_delete(batch, TABLE_META, &from);
	if (status != HF_OK)
		return status;
	mailbox->removed = true;
	mailbox->dirty = true;
	batch->writes++;
	return HF_OK;
}

static enum hf_status due_messages(struct batch *batch, const struct due *due)
{
	struct row_kept kept;
	struct row_key key;
	enum hf_status status;

	key_message(&key, due->mailbox, due->uid);
	status = batch_get(batch, TABLE_KEPT, &key, &batch->value);
	if (status == HF_ENONEXISTENT)
		return HF_OK; /* went before its time */
	if (status == HF_OK)
		status = row_kept_decode(due->uid, hf_buf_str(&batch->value), &kept);
	for (unsigned i = 0; status == HF_OK && i < kept.count; i++)
		status = email_unref(batch, due->owner, kept.records[i].email);
	return status == HF_OK ? batch_delete(batch, TABLE_KEPT, &key) : status;
}

/* Of mailboxes, one piece of one of them; those behind it wait for the next time. */
static enum hf_status due_apply(struct hf_op *op, struct batch *batch)
{
	struct op_due *args = (struct op_due *)op;
	enum hf_status status = HF_OK;

	args->unfinished = NULL;
	for (size_t i = 0; i < args->count && status == HF_OK && !args->unfinished; i++) {
		const struct due *due = &args->rows[i];
		struct row_key key;

		status = due->uid.n ? due_messages(batch, due) : due_mailbox(batch, due);
		if (status == HF_MORE) {
			args->unfinished = due;
			return HF_OK;
		}
		key_due(&key, due->time, due->mailbox, due->uid);
		if (status == HF_OK)
			status = batch_delete(batch, TABLE_META, &key);
	}
	return status;
}

static const struct op_kind kind_due = { .name = "due", .apply = due_apply };

/* The next rows that are due, from where the last scan ended. False: there are no more, the next scan begins anew. */
static bool due_scan(struct hf_store *store, struct op_due *args)
{
	struct row_key *from = &store->due_from;
	int64_t now = hf_now_s();
	struct scan scan;
	struct hf_str key, value;
	bool more = false;

	args->count = 0;
	if (!from->size)
		key_begin(from, META_DUE);
	scan_open(&scan, store->env, TABLE_META, from, 1, 16 * 1024);
	for (unsigned i = 0; i < DUE_ROWS; i++) {
		struct due *due = &args->rows[args->count];

		more = scan_next(&scan, &key, &value) == HF_OK && key.size == 21;
		due->time = more ? (int64_t)key_be64(key, 1) : 0;
		if (!more || due->time > now) {
			more = false;
			break;
		}
		due->mailbox = key_be64(key, 9);
		due->uid.n = key_be32(key, 17);
		due->serial = key_be64(value, 9);
		key_due(from, due->time, due->mailbox, due->uid);
		if (row_id_decode(value, &due->owner) == HF_OK)
			args->count++;
	}
	scan_close(&scan);
	if (more)
		key_add_u8(from, 0); /* behind the last */
	else
		from->size = 0;
	return more;
}

static void due_leave_pinned(struct hf_store *store, struct op_due *args)
{
	struct hf_buf value = HF_BUF_INIT;
	size_t left = 0;

	for (size_t i = 0; i < args->count; i++)
		if (!kept_is_pinned(store, &value, &args->rows[i]))
			args->rows[left++] = args->rows[i];
	args->count = left;
	hf_buf_fini(&value);
}

static bool step_due(struct hf_store *store)
{
	struct op_due *args = op_new(&kind_due, sizeof(*args));
	struct hf_op *op = &args->op;
	bool more = true;

	for (unsigned i = 0; i < SCAN_PIECES && more && !args->count; i++) {
		more = due_scan(store, args);
		/* What has just been expunged is pinned once views have been told. */
		if (args->count)
			writer_wait_published(store->writer);
		due_leave_pinned(store, args);
	}
	if (args->count) {
		bool ok = hf_store_run(store, op) == HF_OK;

		if (ok && args->unfinished)
			key_due(&store->due_from, args->unfinished->time, args->unfinished->mailbox, HF_UID(0));
		hf_op_free(&op);
		return ok;
	}
	hf_op_free(&op);
	return false;
}

/* G --------------------------------------------------------------------------------------------------------------- */

struct op_free {
	struct hf_op op;
	uint64_t content;
};

static enum hf_status free_apply(struct hf_op *op, struct batch *batch)
{
	uint64_t content = ((struct op_free *)op)->content;
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	size_t octets = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_CONTENT(content), &cursor);

	key_part(&from, content, PART_HEAD);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && key_be64(key, 0) == content) {
		octets += value.size;
		if (octets > FREE_OCTETS && octets != value.size) {
			cursor_close(&cursor);
			return HF_MORE;
		}
		batch->writes++;
		status = cursor_delete(cursor);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	if (status != HF_OK && status != HF_ENONEXISTENT)
		return status;
	key_id(&from, META_GARBAGE, content);
	return batch_delete(batch, TABLE_META, &from);
}

static const struct op_kind kind_free = { .name = "free", .apply = free_apply };

static bool free_content(struct hf_store *store, uint64_t content)
{
	struct op_free *args = op_new(&kind_free, sizeof(*args));

	args->content = content;
	return run(store, &args->op);
}

static bool step_garbage(struct hf_store *store)
{
	struct row_key *from = &store->garbage_from;
	struct scan scan;
	struct hf_str key, value;
	uint64_t content = 0;
	bool more = true;

	if (!from->size)
		key_begin(from, META_GARBAGE);
	scan_open(&scan, store->env, TABLE_META, from, 1, 8192);
	for (unsigned i = 0; i < SCAN_PIECES * DUE_ROWS && !content; i++) {
		more = scan_next(&scan, &key, &value) == HF_OK;
		if (!more)
			break;
		key_id(from, META_GARBAGE, key_be64(key, 1));
		key_add_u8(from, 0); /* behind it */
		if (!hf_content_is_pinned(store, key_be64(key, 1)))
			content = key_be64(key, 1);
	}
	scan_close(&scan);
	if (!more)
		from->size = 0;
	return content && free_content(store, content);
}

/* T --------------------------------------------------------------------------------------------------------------- */

static enum hf_status expire_apply(struct hf_op *op, struct batch *batch)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from, delivered;
	unsigned count = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	(void)op;
	key_begin(&from, META_EXPIRY);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && key.size == 57 && key.data[0] == META_EXPIRY && count++ < EXPIRY_ROWS &&
	       (int64_t)key_be64(key, 1) <= batch->now) {
		const uint8_t *hash = (const uint8_t *)key.data + 25;

		key_delivered(&delivered, key_be64(key, 9), key_be64(key, 17), hash);
		status = batch_delete(batch, TABLE_META, &delivered);
		for (size_t at = 1; at + 16 <= value.size && status == HF_OK; at += 16, count++) {
			key_delivered(&delivered, key_be64(value, at), key_be64(value, at + 8), hash);
			status = batch_delete(batch, TABLE_META, &delivered);
		}
		if (status == HF_OK)
			status = cursor_delete(cursor);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static const struct op_kind kind_expire = { .name = "expire", .apply = expire_apply };

static bool step_expiry(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool due;

	key_begin(&from, META_EXPIRY);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 8192);
	due = scan_next(&scan, &key, &value) == HF_OK && (int64_t)key_be64(key, 1) <= hf_now_s();
	scan_close(&scan);
	return due && run(store, op_new(&kind_expire, sizeof(struct hf_op)));
}

bool collector_step(struct hf_store *store)
{
	if (writer_is_full(store->writer) || writer_is_stopping(store->writer))
		return false;
	return step_dead(store) || step_jobs(store) || step_due(store) || step_garbage(store) || step_expiry(store) ||
	       retention_step(store);
}

/* Start-up --------------------------------------------------------------------------------------------------------- */

void collector_count(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	int count = 0;

	key_begin(&from, META_JOB);
	key_add_u8(&from, JOB_DEAD);
	scan_open(&scan, store->env, TABLE_META, &from, from.size, 8192);
	while (scan_next(&scan, &key, &value) == HF_OK)
		count++;
	scan_close(&scan);
	atomic_store(&store->dead_jobs, count);
}

struct op_undo {
	struct hf_op op;
	uint64_t mailbox;
};

static enum hf_status undo_apply(struct hf_op *op, struct batch *batch)
{
	return copy_undo_piece(batch, ((struct op_undo *)op)->mailbox);
}

static const struct op_kind kind_undo = { .name = "undo", .apply = undo_apply };

enum hf_status collector_recover(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool ok = true;

	key_begin(&from, META_PENDING);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 8192);
	while (ok && scan_next(&scan, &key, &value) == HF_OK) {
		if (key.size != 10)
			continue;
		if (key.data[1] == PENDING_CONTENT) {
			ok = run(store, op_discard_new(key_be64(key, 2)));
		} else {
			struct op_undo *undo = op_new(&kind_undo, sizeof(*undo));

			undo->mailbox = key_be64(key, 2);
			ok = run(store, &undo->op);
		}
	}
	scan_close(&scan);
	return ok ? HF_OK : HF_EUNAVAILABLE;
}
