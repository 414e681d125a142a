/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags: STORE, and the \Recent boundary. RFC 9051 §6.4.6; UNCHANGEDSINCE: RFC 7162 §3.1.3. A message whose flags are
 * already as asked keeps its modseq. */

#include "storage/op_priv.h"
#include "storage/rights_priv.h"

struct op_store {
	struct hf_op op;
	uint64_t mailbox;
	uint64_t user;                /* who asked, and whose \Seen it is when he is not the owner; 0: the store itself */
	struct hf_set uids;
	struct hf_flag_change change; /* keywords in the arena */
	uint64_t told;                /* modseq up to which the session knows the mailbox */
	uint32_t from, piece_from;
};

static void desired(const struct hf_flag_change *change, uint64_t bits, struct hf_record *record)
{
	switch (change->mode) {
	case HF_FLAGS_ADD:
		record->flags |= change->flags & HF_FLAGS_ALL;
		record->keywords |= bits;
		break;
	case HF_FLAGS_REMOVE:
		record->flags &= ~change->flags & HF_FLAGS_ALL;
		record->keywords &= ~bits;
		break;
	case HF_FLAGS_REPLACE:
		record->flags = (record->flags & change->kept_flags) | (change->flags & ~change->kept_flags & HF_FLAGS_ALL);
		record->keywords = change->keep_keywords ? record->keywords : bits;
		break;
	}
}

static void with_seen(struct hf_record *record, bool seen)
{
	record->flags = seen ? record->flags | HF_FLAG_SEEN : record->flags & ~HF_FLAG_SEEN & HF_FLAGS_ALL;
}

/* What the message is to who asks: his \Seen, and the modseq of what he has been told of. */
static enum hf_status as_seen_by(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_record *record)
{
	uint64_t modseq = 0;
	bool seen = false;
	enum hf_status status;

	if (!user)
		return HF_OK;
	status = batch_seen(batch, mailbox, user, record->uid, &seen);
	if (status == HF_OK)
		status = batch_seen_modseq(batch, mailbox, user, record->uid, &modseq);
	with_seen(record, seen);
	if (modseq > record->modseq.n)
		record->modseq.n = modseq;
	return status;
}

/* One message; *modseq is made when the first one changes. */
static enum hf_status change_one(struct op_store *store, struct batch *batch, struct batch_mailbox *mailbox,
				 struct index_walk *walk, struct hf_record *record, uint64_t bits, uint64_t *modseq)
{
	uint64_t user = store->user == mailbox->row.owner ? 0 : store->user;
	struct hf_record new, before = *record;
	enum hf_status status = as_seen_by(batch, mailbox, user, &before);

	if (status != HF_OK)
		return status;
	if (store->change.conditional && before.modseq.n > store->change.unchangedsince.n) {
		hf_set_add(&store->op.piece.modified, record->uid.n);
		return HF_OK;
	}
	hf_set_add(&store->op.piece.applied, record->uid.n);
	new = before;
	desired(&store->change, bits, &new);
	if (new.flags == before.flags && new.keywords == before.keywords)
		return HF_OK;
	if (user) { /* the row keeps the owner's */
		status = batch_set_seen(batch, mailbox, user, record->uid, (new.flags & HF_FLAG_SEEN) != 0);
		with_seen(&new, (record->flags & HF_FLAG_SEEN) != 0);
	}
	if (status != HF_OK)
		return status;
	if (!*modseq) {
		*modseq = ++mailbox->row.highestmodseq;
		op_made(&store->op, *modseq);
	}
	if (before.modseq.n > store->told)
		hf_set_add(&store->op.piece.unseen, record->uid.n);
	new.modseq.n = *modseq;
	if (user && new.flags == record->flags && new.keywords == record->keywords)
		return batch_touch_seen(batch, mailbox, user, &new);
	mailbox_count(batch, mailbox, NULL, record, -1);
	mailbox_count(batch, mailbox, NULL, &new, 1);
	batch_change(batch, mailbox, HF_CHANGE_FLAGS, &new);
	return index_walk_put(walk, &new);
}

/* RFC 4314 §4. */
static uint32_t rights_needed(const struct hf_flag_change *change)
{
	bool replace = change->mode == HF_FLAGS_REPLACE;
	uint32_t flags = replace ? HF_FLAGS_ALL & ~change->kept_flags : change->flags & HF_FLAGS_ALL, rights = 0;

	if (flags & HF_FLAG_SEEN)
		rights |= HF_RIGHT_SEEN;
	if (flags & HF_FLAG_DELETED)
		rights |= HF_RIGHT_DELETE;
	if (flags & ~(uint32_t)(HF_FLAG_SEEN | HF_FLAG_DELETED) || (replace ? !change->keep_keywords : change->keyword_count != 0))
		rights |= HF_RIGHT_WRITE;
	return rights;
}

static enum hf_status store_apply(struct hf_op *op, struct batch *batch)
{
	struct op_store *store = (struct op_store *)op;
	const struct hf_flag_change *change = &store->change;
	struct batch_mailbox *mailbox;
	struct index_walk walk;
	struct hf_record record;
	uint64_t modseq = 0, bits = 0;
	unsigned missing, count = 0;
	enum hf_status status = batch_mailbox(batch, store->mailbox, false, &mailbox);
	bool named = false;

	if (status == HF_OK)
		status = rights_still(batch, mailbox, store->user, rights_needed(change));
	if (status != HF_OK)
		return status;
	bits = mailbox_keywords_find(&mailbox->row, change->keywords, change->keyword_count, &missing);
	if (change->mode == HF_FLAGS_REMOVE)
		missing = 0; /* what is not known is on no message */
	if (missing && mailbox->row.keyword_count + missing > HF_KEYWORDS_MAX)
		return HF_ELIMIT;
	index_walk_init(&walk, batch, store->mailbox, &store->uids, store->from, mailbox->row.uidnext);
	while (count < OP_PIECE && (status = index_walk_next(&walk, &record)) == HF_OK) {
		if (missing && !named && !(change->conditional && record.modseq.n > change->unchangedsince.n)) {
			status = mailbox_keywords(batch, mailbox, change->keywords, change->keyword_count, false, &bits);
			named = true;
		}
		if (status == HF_OK)
			status = change_one(store, batch, mailbox, &walk, &record, bits, &modseq);
		if (status != HF_OK)
			break;
		count++;
	}
	store->piece_from = walk.from;
	index_walk_fini(&walk);
	if (status == HF_ENONEXISTENT)
		return HF_OK;
	return status == HF_OK ? HF_MORE : status;
}

static void store_committed(struct hf_op *op)
{
	struct op_store *store = (struct op_store *)op;

	store->from = store->piece_from;
}

static void store_fini(struct hf_op *op)
{
	hf_set_fini(&((struct op_store *)op)->uids);
}

static const struct op_kind kind_store = {
	.name = "store",
	.apply = store_apply,
	.committed = store_committed,
	.fini = store_fini,
	.is_flags = true,
};

struct hf_op *op_store_new(uint64_t mailbox, const struct hf_set *uids, const struct hf_flag_change *change)
{
	struct op_store *store = op_new(&kind_store, sizeof(*store));
	struct hf_str *keywords;

	store->mailbox = mailbox;
	store->told = UINT64_MAX;
	hf_set_copy(&store->uids, uids);
	store->change = *change;
	keywords = hf_new_array(store->op.arena, struct hf_str, change->keyword_count);
	for (size_t i = 0; i < change->keyword_count; i++)
		keywords[i] = hf_arena_str(store->op.arena, change->keywords[i]);
	store->change.keywords = keywords;
	return &store->op;
}

struct hf_op *hf_op_store(const struct hf_view *view, const struct hf_set *uids, const struct hf_flag_change *change)
{
	struct hf_op *op = op_store_new(hf_view_mailbox(view), uids, change);

	((struct op_store *)op)->told = hf_view_modseq(view).n;
	((struct op_store *)op)->user = hf_view_user(view);
	return op;
}

/* \Recent --------------------------------------------------------------------------------------------------------- */

struct op_claim {
	struct hf_op op;
	uint64_t mailbox;
	struct hf_uid uidnext;
};

static enum hf_status claim_apply(struct hf_op *op, struct batch *batch)
{
	struct op_claim *claim = (struct op_claim *)op;
	struct batch_mailbox *mailbox;
	struct hf_set uids = HF_SET_INIT;
	struct index_walk walk;
	struct hf_record record;
	uint32_t recent = 0;
	enum hf_status status = batch_mailbox(batch, claim->mailbox, false, &mailbox);

	if (status != HF_OK || claim->uidnext.n <= mailbox->row.recent_from)
		return status;
	if (claim->uidnext.n < mailbox->row.uidnext) {
		hf_set_add_range(&uids, claim->uidnext.n, mailbox->row.uidnext);
		index_walk_init(&walk, batch, claim->mailbox, &uids, claim->uidnext.n, mailbox->row.uidnext);
		while ((status = index_walk_next(&walk, &record)) == HF_OK)
			recent++;
		index_walk_fini(&walk);
		hf_set_fini(&uids);
		if (status != HF_ENONEXISTENT)
			return status;
	}
	mailbox->row.recent_from = claim->uidnext.n;
	mailbox->row.recent = recent;
	batch_touch_mailbox(batch, mailbox);
	return HF_OK;
}

static const struct op_kind kind_claim = { .name = "recent", .apply = claim_apply, .is_flags = true };

struct hf_op *op_claim_recent_new(uint64_t mailbox, struct hf_uid uidnext)
{
	struct op_claim *claim = op_new(&kind_claim, sizeof(*claim));

	claim->mailbox = mailbox;
	claim->uidnext = uidnext;
	return &claim->op;
}

void hf_store_claim_recent(struct hf_store *store, uint64_t mailbox, struct hf_uid uidnext)
{
	writer_later(store->writer, op_claim_recent_new(mailbox, uidnext));
}
