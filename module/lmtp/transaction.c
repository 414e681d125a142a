/* SPDX-License-Identifier: BSD-2-Clause */
/* One mail transaction: the message goes into a stage while it arrives, then one operation delivers it to all recipients, then each gets
 * its reply (RFC 2033 §4.2). Nothing is said before the operation is durable. */
#include "base/counter.h"
#include "base/mem.h"
#include "module/lmtp/lmtp.h"

void lmtp_reset(struct lmtp_session *session)
{
	hf_stage_free(&session->stage);
	hf_arena_reset(session->arena);
	session->has_sender = session->utf8 = session->binary = false;
	session->sender = HF_STR("");
	session->rcpts = NULL;
	session->rcpt_count = session->rcpt_capacity = 0;
	session->data_status = HF_OK;
	session->chunking = session->chunk_last = session->chunk_refused = false;
	session->chunk_left = 0;
	session->phase = LMTP_COMMAND;
}

enum hf_status lmtp_message_begin(struct lmtp_session *session)
{
	session->data_status = HF_OK;
	return hf_stage_new(session->store, session->settings->message_size_max,
			    hf_conn_waiter(session->conn, HF_EV_DURABLE), &session->stage);
}

/* A failure sticks: the rest of the message is read and dropped, and every recipient is told at its end. */
enum hf_status lmtp_message_add(struct lmtp_session *session, struct hf_str piece)
{
	enum hf_status status;

	if (session->data_status != HF_OK || !piece.size)
		return HF_OK;
	status = hf_stage_write(session->stage, piece);
	if (status == HF_WAIT)
		return HF_WAIT;
	if (status != HF_OK) {
		session->data_status = status;
		hf_stage_free(&session->stage);
	}
	return HF_OK;
}

static void reply_all(struct lmtp_session *session, enum hf_status status)
{
	struct lmtp_answer answer = lmtp_answer(status);
	size_t i;

	for (i = 0; i < session->rcpt_count; i++) {
		hf_info(&session->log, "refused to=%s status=%d reason=%s", hf_log_quote(session->rcpts[i].address), answer.code,
			hf_log_quote(hf_str(hf_status_text(status))));
		lmtp_reply(session, answer.code, answer.enhanced, "<%.*s> %s", HF_STR_ARG(session->rcpts[i].address),
			   answer.text);
	}
	lmtp_reset(session);
}

static void submit(struct lmtp_session *session)
{
	struct hf_recipient *recipients = hf_new_array(session->arena, struct hf_recipient, session->rcpt_count);
	struct hf_buf prefix = HF_BUF_INIT;
	size_t i;

	for (i = 0; i < session->rcpt_count; i++) {
		const struct lmtp_rcpt *rcpt = &session->rcpts[i];

		hf_buf_clear(&prefix);
		lmtp_trace(session, rcpt, &prefix);
		recipients[i] = (struct hf_recipient){
			.user = rcpt->user,
			.mailbox = rcpt->mailbox,
			.prefix = hf_arena_str(session->arena, hf_buf_str(&prefix)),
		};
	}
	hf_buf_fini(&prefix);
	session->op = hf_op_deliver(session->store, &session->stage, session->sender, recipients, session->rcpt_count);
	session->phase = LMTP_COMMIT;
	hf_store_submit(session->store, hf_conn_waiter(session->conn, HF_EV_DURABLE), session->op);
}

enum hf_status lmtp_message_finish(struct lmtp_session *session)
{
	enum hf_status status = session->data_status;

	session->phase = LMTP_FINISH;
	if (status == HF_OK)
		status = hf_stage_finish(session->stage);
	if (status == HF_WAIT)
		return HF_WAIT;
	if (status != HF_OK)
		reply_all(session, status);
	else
		submit(session);
	return HF_OK;
}

static void count(const struct hf_delivered *delivered)
{
	if (delivered->status != HF_OK)
		hf_counter_add(hf_counter_get("lmtp.refused", "recipients who did not get a message that came in"), 1);
	else if (delivered->repeated)
		hf_counter_add(hf_counter_get("lmtp.repeated", "deliveries recognised as repeated"), 1);
	else
		hf_counter_add(hf_counter_get("lmtp.delivered", "messages delivered, by recipient"), 1);
}

static void reply_one(struct lmtp_session *session, const struct lmtp_rcpt *rcpt, const struct hf_delivered *delivered)
{
	struct lmtp_answer answer = lmtp_answer(delivered->status);

	count(delivered);
	if (delivered->status == HF_OK)
		hf_info(&session->log, "delivered user=%s to=%s from=%s mailbox=%llu uid=%u%s", hf_log_quote(rcpt->user_name),
			hf_log_quote(rcpt->address), hf_log_quote(session->sender),
			(unsigned long long)delivered->mailbox, delivered->uid.n, delivered->repeated ? " repeated=yes" : "");
	else
		hf_info(&session->log, "refused user=%s to=%s from=%s status=%d reason=%s", hf_log_quote(rcpt->user_name),
			hf_log_quote(rcpt->address), hf_log_quote(session->sender), answer.code,
			hf_log_quote(hf_str(hf_status_text(delivered->status))));
	if (delivered->repeated)
		lmtp_reply(session, 250, "2.0.0", "<%.*s> already delivered", HF_STR_ARG(rcpt->address));
	else
		lmtp_reply(session, answer.code, answer.enhanced, "<%.*s> %s", HF_STR_ARG(rcpt->address), answer.text);
}

bool lmtp_message_done(struct lmtp_session *session)
{
	enum hf_status status;
	size_t i;

	if (!hf_op_is_done(session->op))
		return false;
	status = hf_op_status(session->op);
	if (status == HF_OK) {
		for (i = 0; i < session->rcpt_count; i++)
			reply_one(session, &session->rcpts[i], hf_op_delivered(session->op, i));
		hf_op_free(&session->op);
		lmtp_reset(session);
	} else {
		hf_op_free(&session->op);
		reply_all(session, status);
	}
	return true;
}
