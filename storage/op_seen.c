/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows `W` as a whole: of a user who goes, in whichever mailbox (the keys begin with the mailbox; those without rows of his are
 * stepped over, two seeks each), and of messages that get another place without anybody copying them. */

#include "base/mem.h"
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

/* Users ----------------------------------------------------------------------------------------------------------- */

struct readers {
	uint64_t *users;
	size_t count, capacity;
};

static void add_reader(struct readers *readers, uint64_t user)
{
	for (size_t i = readers->count; i > 0; i--)
		if (readers->users[i - 1] == user)
			return;
	if (readers->count == readers->capacity) {
		readers->capacity = readers->capacity ? 2 * readers->capacity : 8;
		readers->users = hf_realloc_array(readers->users, readers->capacity, sizeof(*readers->users));
	}
	readers->users[readers->count++] = user;
}

/* Of whom the mailbox has rows, and of whom it is about to have some. */
static enum hf_status find_readers(struct batch *batch, const struct batch_mailbox *mailbox, struct readers *readers)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	uint64_t user = 0;
	enum hf_status status;

	for (const struct seen_change *seen = mailbox->seen; seen; seen = seen->next)
		add_reader(readers, seen->user);
	status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);
	while (status == HF_OK) {
		key_seen(&from, mailbox->id, user, 0);
		status = cursor_seek(cursor, &from, &key, &value);
		if (status != HF_OK || key.size != 21 || key.data[0] != META_SEEN || key_be64(key, 1) != mailbox->id)
			break;
		user = key_be64(key, 9);
		add_reader(readers, user++);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status carry_of(struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target, uint64_t user,
			       const struct hf_set *from, const struct hf_set *to)
{
	struct hf_set_iter at_from, at_to;
	enum hf_status status = HF_OK;
	uint32_t uid, new_uid;
	bool seen = false;

	hf_set_iter_init(&at_from, from);
	hf_set_iter_init(&at_to, to);
	while (status == HF_OK && hf_set_iter_next(&at_from, &uid) && hf_set_iter_next(&at_to, &new_uid)) {
		status = batch_seen(batch, source, user, HF_UID(uid), &seen);
		if (status == HF_OK && seen)
			status = batch_set_seen(batch, target, user, HF_UID(new_uid), true);
	}
	return status;
}

enum hf_status seen_carry(struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target, const struct hf_set *from,
			  const struct hf_set *to)
{
	struct readers readers = { .count = 0 };
	enum hf_status status = hf_set_is_empty(from) ? HF_OK : find_readers(batch, source, &readers);

	for (size_t i = 0; i < readers.count && status == HF_OK; i++)
		if (readers.users[i] != target->row.owner)
			status = carry_of(batch, source, target, readers.users[i], from, to);
	hf_free(readers.users);
	return status;
}
