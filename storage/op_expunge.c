/* SPDX-License-Identifier: BSD-2-Clause */
/* EXPUNGE, UID EXPUNGE, CLOSE. RFC 9051 §6.4.3, RFC 4315 §2.1. The messages are kept until the retention time is over.
 *
 * Of many, this operation only says that they have left; the collector moves their rows (batch.h: dead). */

#include "storage/op_priv.h"
#include "storage/rights_priv.h"

#define LOOK_AT 128

struct op_expunge {
	struct hf_op op;
	uint64_t mailbox;
	uint64_t user; /* who asked; 0: the store itself */
	struct hf_set uids;
	bool any_flags;
	uint32_t from, piece_from;
};

static enum hf_status expunge_one(struct op_expunge *expunge, struct batch *batch, struct batch_mailbox *mailbox,
				  struct batch_user *owner, struct index_walk *walk, struct keeping *keeping,
				  struct hf_record *record, uint64_t *modseq)
{
	enum hf_status status = HF_OK;

	if (!*modseq) {
		*modseq = ++mailbox->row.highestmodseq;
		op_made(&expunge->op, *modseq);
		keeping_begin(keeping, batch, mailbox, HF_MOD(*modseq));
	}
	mailbox_count(batch, mailbox, owner, record, -1);
	if (!walk->only_read)
		status = index_walk_delete(walk);
	if (!walk->only_read && status == HF_OK)
		status = keeping_add(keeping, record);
	record->modseq.n = *modseq;
	batch_change(batch, mailbox, HF_CHANGE_GONE, record);
	hf_set_add(&expunge->op.piece.expunged, record->uid.n);
	return status;
}

static enum hf_status expunge_apply(struct hf_op *op, struct batch *batch)
{
	struct op_expunge *expunge = (struct op_expunge *)op;
	struct batch_mailbox *mailbox;
	struct batch_user *owner;
	struct index_walk walk;
	struct hf_record record;
	struct keeping keeping;
	uint64_t modseq = 0;
	unsigned count = 0, many;
	enum hf_status status = batch_mailbox(batch, expunge->mailbox, false, &mailbox);

	if (status == HF_OK)
		status = batch_user(batch, mailbox->row.owner, &owner);
	if (status == HF_OK)
		status = rights_still(batch, mailbox, expunge->user, HF_RIGHT_EXPUNGE);
	if (status != HF_OK)
		return status;
	if (!expunge->any_flags && !mailbox->row.deleted)
		return HF_OK;
	many = expunge->any_flags ? mailbox->row.messages : mailbox->row.deleted;
	index_walk_init(&walk, batch, expunge->mailbox, &expunge->uids, expunge->from, mailbox->row.uidnext);
	walk.only_read = many >= DEAD_LEAST && hf_set_size(&expunge->uids) >= DEAD_LEAST;
	while (count < OP_PIECE && (status = index_walk_next(&walk, &record)) == HF_OK) {
		if (!expunge->any_flags && !(record.flags & HF_FLAG_DELETED))
			continue;
		status = expunge_one(expunge, batch, mailbox, owner, &walk, &keeping, &record, &modseq);
		if (status != HF_OK)
			break;
		count++;
	}
	expunge->piece_from = walk.from;
	index_walk_fini(&walk);
	if (modseq && (status == HF_OK || status == HF_ENONEXISTENT)) {
		enum hf_status end = walk.only_read ? mailbox_dead(batch, mailbox, &op->piece.expunged, HF_MOD(modseq), true)
						    : keeping_end(&keeping);

		if (end == HF_OK)
			end = mailbox_gone(batch, mailbox, &op->piece.expunged, HF_MOD(modseq));
		status = end != HF_OK ? end : status;
	}
	if (status == HF_ENONEXISTENT)
		return HF_OK;
	return status == HF_OK ? HF_MORE : status;
}

static void expunge_committed(struct hf_op *op)
{
	struct op_expunge *expunge = (struct op_expunge *)op;

	expunge->from = expunge->piece_from;
}

static void expunge_fini(struct hf_op *op)
{
	hf_set_fini(&((struct op_expunge *)op)->uids);
}

static const struct op_kind kind_expunge = {
	.name = "expunge",
	.apply = expunge_apply,
	.committed = expunge_committed,
	.fini = expunge_fini,
};

struct hf_op *op_expunge_new(uint64_t mailbox, const struct hf_set *uids, bool any_flags)
{
	struct op_expunge *expunge = op_new(&kind_expunge, sizeof(*expunge));

	expunge->mailbox = mailbox;
	hf_set_copy(&expunge->uids, uids);
	expunge->any_flags = any_flags;
	return &expunge->op;
}

/* Sequence numbers of the messages that are \Deleted as published now. The writer looks at each again; without this it would
 * have to look at all. */
static void add_deleted(struct hf_view *view, struct hf_set *seqs)
{
	struct hf_record records[LOOK_AT];
	uint32_t got, first = 1;

	if (hf_view_flagged(view, HF_FLAG_DELETED, seqs))
		return;
	for (; (got = hf_view_records(view, HF_SEQ(first), LOOK_AT, records)) > 0; first += got)
		for (uint32_t i = 0; i < got; i++)
			if (records[i].flags & HF_FLAG_DELETED)
				hf_set_add(seqs, first + i);
}

struct hf_op *hf_op_expunge(struct hf_view *view, const struct hf_set *uids, bool any_flags)
{
	struct hf_set all = HF_SET_INIT, shown = HF_SET_INIT;
	uint32_t count = hf_view_count(view);
	struct hf_op *op;

	if (!any_flags)
		add_deleted(view, &all);
	else if (count)
		hf_set_add_range(&all, 1, count);
	hf_view_uids_of(view, &all, &shown);
	if (uids)
		hf_set_intersect(&shown, uids);
	op = op_expunge_new(hf_view_mailbox(view), &shown, any_flags);
	((struct op_expunge *)op)->user = hf_view_user(view);
	hf_set_fini(&all);
	hf_set_fini(&shown);
	return op;
}
