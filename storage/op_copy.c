/* SPDX-License-Identifier: BSD-2-Clause */
/* COPY and MOVE. RFC 9051 §6.4.7, §6.4.8.
 *
 * MOVE goes in pieces, each of which is atomic (RFC 6851 §3.3: a message is in one of the two mailboxes). COPY is atomic
 * as a whole: up to OP_PIECE messages are one transaction; a larger one writes its index rows from UIDNEXT on, in pieces,
 * where nobody looks (rows past UIDNEXT do not count), and the last piece moves UIDNEXT over them and publishes
 * all. Meanwhile the target hands out no other UIDs: operations that want one wait. A modseq far ahead is taken for the
 * copies, so that changes of flags in the target can go on below it. A `P` row lets start-up remove what a crash leaves;
 * a failure midway removes it in the same way, at once.
 *
 * Between accounts a copy is an email of its own under the target's owner, with the same content. \Seen goes with whoever copies: to
 * the flag where the target is his, else to his own set. Between two mailboxes of one owner, the owner's stays as it is, too.
 *
 * Flags for which who copies has no right in the target are not on the copies (hf_op_copy_flags()), but the owner's own \Seen.
 *
 * Each piece looks whether who copies still has the rights in both mailboxes: a long one ends when they are taken from him.
 *
 * Keywords for which the target has no room left are not on the copies: a message that cannot be copied or moved at all would
 * be worse (RFC 9051 §6.4.7 asks for flags to be kept, but as a SHOULD). Who copies is told. */

#include "base/mem.h"
#include "storage/op_priv.h"
#include "storage/rights_priv.h"

#define MODSEQ_AHEAD (UINT64_C(1) << 32)
#define PIECE_ACROSS (OP_PIECE / 10) /* between accounts each message has rows of its own */

enum phase { COPY_START, COPY_LONG, COPY_DONE, COPY_UNDO, COPY_UNDONE };

const struct copier copier_all = { .flags = HF_FLAGS_ALL, .keywords = true };

struct op_copy {
	struct hf_op op;
	uint64_t source, target;
	struct copier who;
	struct hf_set uids;
	bool move;
	uint64_t size, count; /* a move: of all, as far as is known */
	enum phase phase, piece_phase;
	uint32_t from, piece_from; /* in the source */
	uint32_t below;            /* messages that come to the source later are not meant */
	bool started, holding;
	/* a long copy */
	uint32_t uidnext, piece_uidnext;
	uint64_t modseq;
	struct hf_record *copies;
	size_t copy_count, piece_copy_count, copy_capacity;
	uint64_t copy_size, piece_size;
	enum hf_status failure;
};

static enum hf_status put_index(struct batch *batch, uint64_t mailbox, const struct hf_record *record)
{
	uint8_t row[ROW_INDEX_SIZE];
	struct row_key key;

	row_index_encode(record, row);
	key_message(&key, mailbox, record->uid);
	return batch_put(batch, TABLE_INDEX, &key, hf_str_n(row, sizeof(row)));
}

static unsigned piece_max(const struct batch_mailbox *source, const struct batch_mailbox *target)
{
	return source->row.owner == target->row.owner ? OP_PIECE : PIECE_ACROSS;
}

/* \Seen of the copy: the flag, and whether it goes into the set of who copies. */
static enum hf_status carry_seen(struct keyword_map *map, uint64_t user, const struct hf_record *from, struct hf_record *copy,
				 bool *to_set)
{
	uint64_t source = map->source->row.owner, target = map->target->row.owner;
	bool seen = (from->flags & HF_FLAG_SEEN) != 0, flag = seen;
	enum hf_status status = HF_OK;

	if (!user)
		user = source;
	if (user != source)
		status = batch_seen(map->batch, map->source, user, from->uid, &seen);
	if (user == target)
		flag = seen;
	else if (source != target)
		flag = false;
	*to_set = user != target && seen;
	copy->flags = flag ? copy->flags | HF_FLAG_SEEN : copy->flags & ~HF_FLAG_SEEN & HF_FLAGS_ALL;
	return status;
}

/* The record as it will be in the target; with `refs`, the cursor for it, its email has one membership more. */
static enum hf_status make_copy(struct keyword_map *map, struct batch_user *owner, const struct hf_record *from,
				const struct copier *who, struct cursor **refs, uint32_t uid, uint64_t modseq, struct hf_record *copy,
				struct hf_set *seen)
{
	struct batch *batch = map->batch;
	uint64_t keywords, email, thread;
	bool to_set;
	enum hf_status status = keyword_map(map, who->keywords ? from->keywords : 0, &keywords);

	if (status != HF_OK)
		return status;
	*copy = *from;
	copy->uid.n = uid;
	copy->keywords = keywords;
	copy->modseq.n = modseq;
	copy->saved = (uint32_t)batch->now;
	status = carry_seen(map, who->user, from, copy, &to_set);
	if (status != HF_OK)
		return status;
	copy->flags &= who->flags | HF_FLAG_SEEN;
	if (to_set && who->flags & HF_FLAG_SEEN)
		hf_set_add(seen, uid);
	if (map->source->row.owner != map->target->row.owner) {
		status = email_share(batch, map->source->row.owner, from->email, owner, &email, &thread);
		if (status == HF_OK) {
			copy->email = email;
			copy->thread = thread;
		}
	} else if (refs) {
		status = email_ref(batch, owner->id, from->email, refs);
	}
	return status == HF_OK ? put_index(batch, map->target->id, copy) : status;
}

/* What who copies has seen of the copies, into his set. */
static enum hf_status put_seen(struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target, uint64_t user,
			       const struct hf_set *uids)
{
	enum hf_status status = HF_OK;
	struct hf_set_iter it;
	uint32_t uid;

	hf_set_iter_init(&it, uids);
	while (status == HF_OK && hf_set_iter_next(&it, &uid))
		status = batch_set_seen(batch, target, user ? user : source->row.owner, HF_UID(uid), true);
	return status;
}

static enum hf_status still_may(const struct op_copy *copy, struct batch *batch, const struct batch_mailbox *source,
				const struct batch_mailbox *target)
{
	uint32_t needed = copy->move ? HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE : HF_RIGHT_READ;
	enum hf_status status = rights_still(batch, source, copy->who.user, needed);

	return status == HF_OK ? rights_still(batch, target, copy->who.user, HF_RIGHT_INSERT) : status;
}

/* Moving ---------------------------------------------------------------------------------------------------------- */

enum hf_status move_piece(struct hf_op *op, struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target,
			  const struct copier *who, const struct hf_set *uids, uint32_t from, uint32_t below, uint32_t *next)
{
	struct keyword_map map = { .batch = batch, .source = source, .target = target };
	bool same_owner = source->row.owner == target->row.owner;
	unsigned max = piece_max(source, target);
	uint64_t source_modseq = 0, target_modseq = 0;
	struct batch_user *giver, *taker;
	struct index_walk walk;
	struct keeping keeping;
	struct hf_record record, copy;
	unsigned count = 0;
	enum hf_status status = batch_user(batch, source->row.owner, &giver);

	if (status == HF_OK)
		status = batch_user(batch, target->row.owner, &taker);
	if (status != HF_OK)
		return status;
	index_walk_init(&walk, batch, source->id, uids, from, below);
	walk.only_read = source->row.messages >= DEAD_LEAST && hf_set_size(uids) >= DEAD_LEAST;
	while (count < max && (status = index_walk_next(&walk, &record)) == HF_OK) {
		if (!same_owner && over_quota(taker, record.size, 1)) {
			status = HF_EOVERQUOTA;
			break;
		}
		if (!count) {
			source_modseq = ++source->row.highestmodseq;
			target_modseq = source == target ? source_modseq : ++target->row.highestmodseq;
			op_made(op, source_modseq);
			keeping_begin(&keeping, batch, source, HF_MOD(source_modseq));
		}
		mailbox_count(batch, source, giver, &record, -1);
		if (!walk.only_read)
			status = index_walk_delete(&walk);
		if (status == HF_OK)
			status = make_copy(&map, taker, &record, who, NULL, target->row.uidnext, target_modseq, &copy,
					   &op->piece.seen);
		if (status == HF_OK && !same_owner && !walk.only_read)
			status = keeping_add(&keeping, &record);
		if (status != HF_OK)
			break;
		target->row.uidnext++;
		mailbox_count(batch, target, taker, &copy, 1);
		batch_change(batch, target, HF_CHANGE_NEW, &copy);
		record.modseq.n = source_modseq;
		batch_change(batch, source, HF_CHANGE_GONE, &record);
		hf_set_add(&op->piece.copied_from, record.uid.n);
		hf_set_add(&op->piece.copied_to, copy.uid.n);
		hf_set_add(&op->piece.expunged, record.uid.n);
		count++;
	}
	*next = walk.from;
	index_walk_fini(&walk);
	op->piece.keywords_dropped = op->piece.keywords_dropped || map.dropped;
	op->piece.uidvalidity = target->row.uidvalidity;
	if (count && (status == HF_OK || status == HF_ENONEXISTENT)) {
		enum hf_status end = keeping_end(&keeping);

		if (end == HF_OK && walk.only_read)
			end = mailbox_dead(batch, source, &op->piece.expunged, HF_MOD(source_modseq), !same_owner);
		if (end == HF_OK)
			end = mailbox_gone(batch, source, &op->piece.expunged, HF_MOD(source_modseq));
		if (end == HF_OK)
			end = put_seen(batch, source, target, who->user, &op->piece.seen);
		status = end != HF_OK ? end : status;
	}
	if (status == HF_ENONEXISTENT)
		return HF_OK;
	return status == HF_OK ? HF_MORE : status;
}

/* Copying --------------------------------------------------------------------------------------------------------- */

static void add_copy(struct op_copy *copy, const struct hf_record *record)
{
	if (copy->piece_copy_count == copy->copy_capacity) {
		copy->copy_capacity = copy->copy_capacity ? 2 * copy->copy_capacity : 64;
		copy->copies = hf_realloc_array(copy->copies, copy->copy_capacity, sizeof(*copy->copies));
	}
	copy->copies[copy->piece_copy_count++] = *record;
	copy->piece_size += record->size;
}

/* Index rows of one piece at piece_uidnext.., HF_ENONEXISTENT after the last message. */
static enum hf_status write_piece(struct op_copy *copy, struct batch *batch, struct batch_mailbox *source,
				  struct batch_mailbox *target, struct batch_user *owner)
{
	struct keyword_map map = { .batch = batch, .source = source, .target = target };
	struct cursor *refs = NULL;
	struct index_walk walk;
	struct hf_record record, new;
	unsigned count = 0, max = piece_max(source, target);
	enum hf_status status = HF_OK;

	index_walk_init(&walk, batch, source->id, &copy->uids, copy->from, copy->below);
	walk.only_read = true;
	while (count < max && (status = index_walk_next(&walk, &record)) == HF_OK) {
		if (over_quota(owner, copy->piece_size + record.size, copy->piece_copy_count + 1)) {
			status = HF_EOVERQUOTA;
			break;
		}
		status = make_copy(&map, owner, &record, &copy->who, &refs, copy->piece_uidnext, copy->modseq, &new,
				   &copy->op.piece.seen);
		if (status != HF_OK)
			break;
		copy->piece_uidnext++;
		add_copy(copy, &new);
		hf_set_add(&copy->op.piece.copied_from, record.uid.n);
		hf_set_add(&copy->op.piece.copied_to, new.uid.n);
		count++;
	}
	copy->piece_from = walk.from;
	cursor_close(&refs);
	index_walk_fini(&walk);
	copy->op.piece.keywords_dropped = copy->op.piece.keywords_dropped || map.dropped;
	return status;
}

/* All copies become part of the target. */
static enum hf_status show_copies(struct op_copy *copy, struct batch *batch, struct batch_mailbox *source,
				  struct batch_mailbox *target, struct batch_user *owner)
{
	enum hf_status status = put_seen(batch, source, target, copy->who.user, &copy->op.results.seen);

	if (status == HF_OK)
		status = put_seen(batch, source, target, copy->who.user, &copy->op.piece.seen);
	if (copy->piece_copy_count) {
		target->row.uidnext = copy->piece_uidnext;
		target->row.highestmodseq = copy->modseq;
		if (copy->source == copy->target)
			op_made(&copy->op, copy->modseq);
	}
	for (size_t i = 0; i < copy->piece_copy_count; i++) {
		mailbox_count(batch, target, owner, &copy->copies[i], 1);
		batch_change(batch, target, HF_CHANGE_NEW, &copy->copies[i]);
	}
	copy->op.piece.uidvalidity = target->row.uidvalidity;
	return status;
}

static bool is_long(struct op_copy *copy, struct batch *batch, unsigned max)
{
	struct index_walk walk;
	struct hf_record record;
	unsigned count = 0;

	if (hf_set_size(&copy->uids) <= max)
		return false;
	index_walk_init(&walk, batch, copy->source, &copy->uids, copy->from, copy->below);
	walk.only_read = true;
	while (count <= max && index_walk_next(&walk, &record) == HF_OK)
		count++;
	index_walk_fini(&walk);
	return count > max;
}

static enum hf_status pending_put(struct batch *batch, uint64_t target)
{
	struct row_key key;

	key_kind(&key, META_PENDING, PENDING_COPY, target);
	hf_buf_clear(&batch->row);
	row_id_encode((uint64_t)batch->now, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

static enum hf_status pending_delete(struct batch *batch, uint64_t target)
{
	struct row_key key;

	key_kind(&key, META_PENDING, PENDING_COPY, target);
	return batch_delete(batch, TABLE_META, &key);
}

static void let_go(struct op_copy *copy)
{
	if (copy->holding)
		writer_release(copy->op.store->writer, copy->target);
	copy->holding = false;
}

static enum hf_status copy_start(struct op_copy *copy, struct batch *batch, struct batch_mailbox *source,
				 struct batch_mailbox *target, struct batch_user *owner)
{
	enum hf_status status;

	copy->piece_copy_count = 0;
	copy->piece_size = 0;
	copy->piece_uidnext = target->row.uidnext;
	if (!is_long(copy, batch, piece_max(source, target))) {
		copy->modseq = target->row.highestmodseq + 1;
		status = write_piece(copy, batch, source, target, owner);
		if (status == HF_OK || status == HF_ENONEXISTENT)
			status = show_copies(copy, batch, source, target, owner);
		return status;
	}
	writer_hold(copy->op.store->writer, copy->target);
	copy->holding = true;
	copy->modseq = target->row.highestmodseq + MODSEQ_AHEAD;
	status = pending_put(batch, copy->target);
	if (status == HF_OK)
		status = write_piece(copy, batch, source, target, owner);
	copy->piece_phase = COPY_LONG;
	return status == HF_OK ? HF_MORE : status;
}

/* After an error that has changed something the transaction is given up and the operation asked again: `failure` then says
 * that the piece must not be tried once more. */
static enum hf_status copy_long(struct op_copy *copy, struct batch *batch)
{
	struct batch_mailbox *source, *target;
	struct batch_user *owner;
	uint64_t before = batch->writes;
	enum hf_status status;

	if (copy->failure != HF_OK) {
		copy->piece_phase = COPY_UNDO;
		return HF_MORE;
	}
	copy->piece_copy_count = copy->copy_count;
	copy->piece_size = copy->copy_size;
	copy->piece_uidnext = copy->uidnext;
	status = batch_mailbox(batch, copy->source, true, &source);
	if (status == HF_OK)
		status = batch_mailbox(batch, copy->target, false, &target);
	if (status == HF_OK)
		status = still_may(copy, batch, source, target);
	if (status == HF_OK)
		status = batch_user(batch, target->row.owner, &owner);
	if (status == HF_OK) {
		status = write_piece(copy, batch, source, target, owner);
		if (status == HF_OK)
			return HF_MORE;
		if (status == HF_ENONEXISTENT) {
			status = show_copies(copy, batch, source, target, owner);
			if (status == HF_OK)
				status = pending_delete(batch, copy->target);
			if (status == HF_OK) {
				copy->piece_phase = COPY_DONE;
				return status;
			}
		}
	}
	if (txn_deadlocked(batch->txn))
		return status;
	copy->failure = status;
	if (batch->writes != before)
		return status;
	copy->piece_phase = COPY_UNDO;
	return HF_MORE;
}

enum hf_status copy_undo_piece(struct batch *batch, uint64_t target)
{
	struct batch_mailbox *mailbox;
	enum hf_status status = batch_mailbox(batch, target, true, &mailbox);

	if (status == HF_OK)
		status = index_free_piece(batch, mailbox, mailbox->row.uidnext, UINT32_MAX, PIECE_ACROSS, false);
	return status == HF_OK ? pending_delete(batch, target) : status;
}

static enum hf_status copy_apply(struct hf_op *op, struct batch *batch)
{
	struct op_copy *copy = (struct op_copy *)op;
	struct batch_mailbox *source, *target;
	struct batch_user *owner;
	enum hf_status status;

	copy->piece_phase = copy->phase;
	switch (copy->phase) {
	case COPY_LONG:
		return copy_long(copy, batch);
	case COPY_UNDO:
		status = copy_undo_piece(batch, copy->target);
		if (status == HF_OK)
			copy->piece_phase = COPY_UNDONE;
		return status == HF_OK ? HF_MORE : status;
	case COPY_UNDONE:
		return copy->failure;
	case COPY_START:
	case COPY_DONE:
		break;
	}
	let_go(copy); /* of an attempt that was given up */
	status = batch_mailbox(batch, copy->target, false, &target);
	if (status == HF_OK)
		status = batch_user(batch, target->row.owner, &owner);
	if (status == HF_OK && writer_holds(batch->store->writer, copy->target))
		return HF_WAIT;
	if (status == HF_OK) {
		status = batch_mailbox(batch, copy->source, false, &source);
		if (status == HF_ENONEXISTENT)
			return HF_OK; /* all messages have gone meanwhile */
	}
	if (status == HF_OK)
		status = still_may(copy, batch, source, target);
	if (status != HF_OK)
		return status;
	/* Once for all that move to another account: it is done whole, or not begun. */
	if (copy->move && !copy->started && copy->count && source->row.owner != target->row.owner &&
	    over_quota(owner, copy->size, copy->count))
		return HF_EOVERQUOTA;
	if (!copy->started) {
		copy->below = source->row.uidnext;
		copy->started = true;
	}
	if (copy->move)
		return move_piece(op, batch, source, target, &copy->who, &copy->uids, copy->from, copy->below, &copy->piece_from);
	return copy_start(copy, batch, source, target, owner);
}

static void copy_committed(struct hf_op *op)
{
	struct op_copy *copy = (struct op_copy *)op;

	if (copy->phase == COPY_LONG && copy->piece_phase == COPY_LONG)
		fault_at(FAULT_COPY_PIECE);
	if (copy->piece_phase == COPY_DONE)
		let_go(copy);
	copy->phase = copy->piece_phase;
	copy->from = copy->piece_from;
	copy->uidnext = copy->piece_uidnext;
	copy->copy_count = copy->piece_copy_count;
	copy->copy_size = copy->piece_size;
}

static void copy_failed(struct hf_op *op)
{
	let_go((struct op_copy *)op);
}

static void copy_finished(struct hf_op *op, enum hf_status status)
{
	if (status == HF_OK)
		return;
	hf_set_clear(&op->results.copied_from);
	hf_set_clear(&op->results.copied_to);
}

static void copy_fini(struct hf_op *op)
{
	struct op_copy *copy = (struct op_copy *)op;

	hf_set_fini(&copy->uids);
	hf_free(copy->copies);
}

static const struct op_kind kind_copy = {
	.name = "copy",
	.apply = copy_apply,
	.committed = copy_committed,
	.failed = copy_failed,
	.finished = copy_finished,
	.fini = copy_fini,
};

struct hf_op *op_copy_new(uint64_t source, const struct hf_set *uids, uint64_t target, bool move)
{
	struct op_copy *copy = op_new(&kind_copy, sizeof(*copy));

	copy->source = source;
	copy->target = target;
	copy->move = move;
	copy->who = copier_all;
	hf_set_copy(&copy->uids, uids);
	return &copy->op;
}

struct hf_op *hf_op_copy(const struct hf_view *view, const struct hf_set *uids, uint64_t target_mailbox, bool move)
{
	struct hf_op *op = op_copy_new(hf_view_mailbox(view), uids, target_mailbox, move);
	struct op_copy *copy = (struct op_copy *)op;

	copy->who.user = hf_view_user(view);
	if (move)
		copy->size = hf_view_size(view, uids, &copy->count);
	return op;
}

void hf_op_copy_flags(struct hf_op *op, uint32_t flags, bool keywords)
{
	struct op_copy *copy = (struct op_copy *)op;

	copy->who.flags = flags;
	copy->who.keywords = keywords;
}
