/* SPDX-License-Identifier: BSD-2-Clause */
/* Delivery: one content, one transaction, any number of recipients, each with a status of its own.
 *
 * A delivery that was made durable but whose answer was lost comes again (RFC 1047): the row `D` of recipient, sender and
 * content says so, and it is answered as before without being stored again. Only where the content begins with the
 * Received field of an MTA, whose queue id makes distinct mails differ. */

#include "base/clock.h"
#include "storage/op_priv.h"
#include "storage/rights.h"
#include "storage/stage_priv.h"

struct recipient {
	uint64_t user;
	struct hf_str mailbox, prefix;
	struct hf_str email, signature; /* payloads */
	uint64_t target;                /* mailbox found, 0: none */
	bool remembered;                /* has got a row D */
};

struct op_deliver {
	struct hf_op op;
	struct hf_stage *stage;
	struct recipient *recipients;
	struct hf_delivered *delivered;
	size_t count;
	struct hf_str list;
	struct hf_str thread_ids[THREAD_IDS_MAX];
	size_t thread_id_count;
	uint8_t hash[32];
	bool has_hash, piece_stored;
};

static enum hf_status find_target(struct batch *batch, struct recipient *to)
{
	enum hf_status status = HF_ENONEXISTENT;
	struct batch_user *user;

	to->target = 0;
	if (batch_user(batch, to->user, &user) == HF_OK) {
		if (to->mailbox.size)
			status = mailbox_find(batch, to->user, to->mailbox, &to->target);
		/* the name may mean another mailbox now than when the recipient was taken */
		if (status == HF_OK && user->row.flags & USER_SHARED &&
		    !(hf_rights_of_anyone(batch->store, to->target) & HF_RIGHT_POST)) {
			to->target = 0;
			status = HF_ENONEXISTENT;
		}
		if (status == HF_ENONEXISTENT && !(user->row.flags & USER_SHARED))
			status = mailbox_find(batch, to->user, HF_STR("INBOX"), &to->target);
	}
	return status;
}

static enum hf_status seen_before(struct op_deliver *deliver, struct batch *batch, const struct recipient *to, bool *seen)
{
	struct row_key key;

	*seen = false;
	if (!deliver->has_hash)
		return HF_OK;
	key_delivered(&key, to->user, to->target, deliver->hash);
	return batch_has(batch, TABLE_META, &key, seen);
}

static enum hf_status remember(struct op_deliver *deliver, struct batch *batch, struct recipient *to, struct hf_uid uid)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	if (!deliver->has_hash)
		return HF_OK;
	row_id_encode((uint64_t)batch->now, &value);
	hf_buf_add_be32(&value, uid.n);
	key_delivered(&key, to->user, to->target, deliver->hash);
	status = batch_put(batch, TABLE_META, &key, hf_buf_str(&value));
	hf_buf_fini(&value);
	to->remembered = true;
	return status;
}

/* When what is remembered ends: one row for some recipients. */
static enum hf_status put_expiry(struct op_deliver *deliver, struct batch *batch)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	unsigned count = 0;
	enum hf_status status = HF_OK;

	for (size_t i = 0; i < deliver->count && status == HF_OK; i++) {
		const struct recipient *to = &deliver->recipients[i];

		if (!to->remembered)
			continue;
		if (count++ % EXPIRY_MAX) {
			hf_buf_add_be64(&value, to->user);
			hf_buf_add_be64(&value, to->target);
			continue;
		}
		if (value.size)
			status = batch_put(batch, TABLE_META, &key, hf_buf_str(&value));
		hf_buf_clear(&value);
		hf_buf_add_char(&value, ROW_VERSION);
		key_expiry(&key, batch->now + (int64_t)batch->store->settings.delivered_s, to->user, to->target,
			   deliver->hash);
	}
	if (status == HF_OK && value.size)
		status = batch_put(batch, TABLE_META, &key, hf_buf_str(&value));
	hf_buf_fini(&value);
	return status;
}

static enum hf_status store_message(struct op_deliver *deliver, struct batch *batch, struct recipient *to,
				    struct hf_delivered *result)
{
	const struct hf_message *message = hf_stage_message(deliver->stage);
	struct new_email email = { deliver->list, to->email, deliver->thread_ids, deliver->thread_id_count,
				   to->signature };
	uint64_t size = message->size + to->prefix.size;
	struct batch_mailbox *mailbox;
	struct batch_user *user;
	struct hf_record record = { .flags = 0 };
	uint8_t row[ROW_INDEX_SIZE];
	struct row_key key;
	enum hf_status status = batch_user(batch, to->user, &user);

	if (status == HF_OK)
		status = batch_mailbox(batch, to->target, false, &mailbox);
	if (status != HF_OK)
		return status;
	if ((user->row.limit_size && user->row.used_size + size > user->row.limit_size) ||
	    (user->row.limit_count && user->row.used_count >= user->row.limit_count)) {
		result->status = HF_EOVERQUOTA;
		return HF_OK;
	}
	status = email_create(batch, user, &email, &record.email, &record.thread);
	if (status != HF_OK)
		return status;
	record.uid.n = mailbox->row.uidnext++;
	record.modseq.n = ++mailbox->row.highestmodseq;
	record.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
	record.internaldate = batch->now;
	record.saved = (uint32_t)batch->now;
	record.sent = message->has_date ? message->sent : batch->now;
	record.sent_zone = message->has_date ? message->sent_zone : 0;
	row_index_encode(&record, row);
	key_message(&key, mailbox->id, record.uid);
	status = batch_put(batch, TABLE_INDEX, &key, hf_str_n(row, sizeof(row)));
	mailbox_count(batch, mailbox, user, &record, 1);
	batch_change(batch, mailbox, HF_CHANGE_NEW, &record);
	result->status = HF_OK;
	result->mailbox = mailbox->id;
	result->uid = record.uid;
	return status == HF_OK ? remember(deliver, batch, to, record.uid) : status;
}

/* An earlier recipient of this message that means the same mailbox. */
static const struct hf_delivered *same_target(const struct op_deliver *deliver, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (deliver->recipients[j].target == deliver->recipients[i].target)
			return &deliver->delivered[j];
	return NULL;
}

static enum hf_status deliver_one(struct op_deliver *deliver, struct batch *batch, size_t i, uint32_t *stored)
{
	struct recipient *to = &deliver->recipients[i];
	struct hf_delivered *result = &deliver->delivered[i];
	const struct hf_delivered *same;
	bool seen;
	enum hf_status status;

	*result = (struct hf_delivered){ .status = HF_ENONEXISTENT };
	to->remembered = false;
	if (!to->target)
		return HF_OK;
	same = same_target(deliver, i);
	if (same) {
		*result = *same;
		return HF_OK;
	}
	status = seen_before(deliver, batch, to, &seen);
	if (status != HF_OK)
		return status;
	if (seen) {
		*result = (struct hf_delivered){ .status = HF_OK, .repeated = true, .mailbox = to->target };
		return HF_OK;
	}
	status = store_message(deliver, batch, to, result);
	if (status == HF_OK && result->status == HF_OK)
		++*stored;
	return status;
}

static enum hf_status deliver_apply(struct hf_op *op, struct batch *batch)
{
	struct op_deliver *deliver = (struct op_deliver *)op;
	uint32_t stored = 0;
	enum hf_status status = HF_OK;

	for (size_t i = 0; i < deliver->count; i++) {
		status = find_target(batch, &deliver->recipients[i]);
		if (status != HF_OK && status != HF_ENONEXISTENT)
			return status;
		if (deliver->recipients[i].target && writer_holds(batch->store->writer, deliver->recipients[i].target))
			return HF_WAIT;
	}
	status = HF_OK;
	for (size_t i = 0; i < deliver->count && status == HF_OK; i++)
		status = deliver_one(deliver, batch, i, &stored);
	if (status == HF_OK)
		status = put_expiry(deliver, batch);
	if (status == HF_OK && stored)
		status = stage_write_content(deliver->stage, batch, stored);
	deliver->piece_stored = stored != 0;
	return status;
}

static void deliver_committed(struct hf_op *op)
{
	struct op_deliver *deliver = (struct op_deliver *)op;

	if (deliver->piece_stored)
		stage_used(deliver->stage);
}

static void deliver_finished(struct hf_op *op, enum hf_status status)
{
	struct op_deliver *deliver = (struct op_deliver *)op;

	for (size_t i = 0; i < deliver->count; i++) {
		if (status != HF_OK)
			deliver->delivered[i] = (struct hf_delivered){ .status = status };
		else if (deliver->delivered[i].repeated)
			hf_info(&op->store->log, "delivery repeated=yes user=%llu mailbox=%llu",
				(unsigned long long)deliver->recipients[i].user,
				(unsigned long long)deliver->delivered[i].mailbox);
	}
}

static void deliver_fini(struct hf_op *op)
{
	hf_stage_free(&((struct op_deliver *)op)->stage);
}

static const struct op_kind kind_deliver = {
	.name = "deliver",
	.apply = deliver_apply,
	.committed = deliver_committed,
	.finished = deliver_finished,
	.fini = deliver_fini,
};

struct hf_op *hf_op_deliver(struct hf_store *store, struct hf_stage **stage, struct hf_str sender,
			    const struct hf_recipient *recipients, size_t count)
{
	struct op_deliver *deliver = op_new(&kind_deliver, sizeof(*deliver));
	struct hf_arena *arena = deliver->op.arena;
	struct hf_buf payload = HF_BUF_INIT;

	(void)store; /* the stage knows it */
	deliver->stage = *stage;
	*stage = NULL;
	deliver->count = count;
	deliver->recipients = hf_new_array(arena, struct recipient, count);
	deliver->delivered = hf_new_array(arena, struct hf_delivered, count);
	deliver->has_hash = stage_hash(deliver->stage, sender, deliver->hash);
	stage_list_payload(deliver->stage, hf_now_s(), &payload);
	deliver->list = hf_arena_str(arena, hf_buf_str(&payload));
	deliver->thread_id_count = stage_thread_ids(deliver->stage, deliver->thread_ids);
	for (size_t i = 0; i < count; i++) {
		struct recipient *to = &deliver->recipients[i];

		to->user = recipients[i].user;
		to->mailbox = hf_arena_str(arena, recipients[i].mailbox);
		to->prefix = hf_arena_str(arena, recipients[i].prefix);
		hf_buf_clear(&payload);
		stage_email_payload(deliver->stage, to->prefix, !row_list_has_headers(deliver->list), &payload);
		to->email = hf_arena_str(arena, hf_buf_str(&payload));
		hf_buf_clear(&payload);
		stage_signature(deliver->stage, to->prefix, &payload);
		to->signature = hf_arena_str(arena, hf_buf_str(&payload));
		deliver->op.cost += deliver->list.size + to->email.size + to->signature.size + 512;
	}
	hf_buf_fini(&payload);
	deliver->op.cost += stage_cost(deliver->stage);
	return &deliver->op;
}

const struct hf_delivered *hf_op_delivered(const struct hf_op *op, size_t recipient)
{
	return &((const struct op_deliver *)op)->delivered[recipient];
}
