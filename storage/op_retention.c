/* SPDX-License-Identifier: BSD-2-Clause */
/* A mailbox's own time of retention: row H. It goes with the mailbox, through a rename, a deletion and back. */

#include "storage/op_priv.h"
#include "storage/retention_priv.h"

struct op_retention {
	struct hf_op op;
	uint64_t mailbox;
	uint32_t s;
};

static enum hf_status retention_apply(struct hf_op *op, struct batch *batch)
{
	struct op_retention *args = (struct op_retention *)op;
	struct batch_mailbox *mailbox;
	struct row_key key;
	enum hf_status status = batch_mailbox(batch, args->mailbox, false, &mailbox);

	if (status != HF_OK)
		return status;
	key_id(&key, META_RETENTION, args->mailbox);
	if (args->s == HF_RETENTION_DEFAULT)
		return batch_delete(batch, TABLE_META, &key);
	hf_buf_clear(&batch->row);
	row_id_encode(args->s, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

static void retention_finished(struct hf_op *op, enum hf_status status)
{
	if (status == HF_OK)
		retention_changed(op->store, ((struct op_retention *)op)->mailbox);
}

static const struct op_kind kind_retention = {
	.name = "retention",
	.apply = retention_apply,
	.finished = retention_finished,
};

struct hf_op *hf_op_retention(struct hf_store *store, uint64_t mailbox, uint32_t s)
{
	struct op_retention *args = op_new(&kind_retention, sizeof(*args));

	(void)store;
	args->mailbox = mailbox;
	args->s = s;
	return &args->op;
}
