/* SPDX-License-Identifier: BSD-2-Clause */
/* A user who goes has seen nothing any more: rows `W` of his, in whichever mailbox. The keys begin with the mailbox; those without
 * rows of his are stepped over, two seeks each. */

#include "storage/op_priv.h"

#define STEPS 1000

struct op_seen_forget {
	struct hf_op op;
	uint64_t user;
	uint64_t mailbox, piece_mailbox; /* where to go on */
};

static enum hf_status forget_apply(struct hf_op *op, struct batch *batch)
{
	struct op_seen_forget *args = (struct op_seen_forget *)op;
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	uint64_t mailbox = args->mailbox;
	unsigned steps = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	key_seen(&from, mailbox, args->user, 0);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && key.size == 21 && key.data[0] == META_SEEN && steps++ < STEPS) {
		uint64_t at = key_be64(key, 1), user = key_be64(key, 9);

		if (at == mailbox && user == args->user) {
			batch->writes++;
			status = cursor_delete(cursor);
			if (status == HF_OK)
				status = cursor_next(cursor, &key, &value);
			continue;
		}
		mailbox = at == mailbox ? at + 1 : at;
		key_seen(&from, mailbox, args->user, 0);
		status = cursor_seek(cursor, &from, &key, &value);
	}
	cursor_close(&cursor);
	args->piece_mailbox = mailbox;
	if (status == HF_OK && steps > STEPS)
		return HF_MORE;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static void forget_committed(struct hf_op *op)
{
	struct op_seen_forget *args = (struct op_seen_forget *)op;

	args->mailbox = args->piece_mailbox;
}

static const struct op_kind kind_seen_forget = {
	.name = "seen-forget",
	.apply = forget_apply,
	.committed = forget_committed,
};

struct hf_op *op_seen_forget_new(uint64_t user)
{
	struct op_seen_forget *args = op_new(&kind_seen_forget, sizeof(*args));

	args->user = user;
	return &args->op;
}
