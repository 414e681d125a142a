/* SPDX-License-Identifier: BSD-2-Clause */
/* RCPT TO:<path>: RFC 5321 §4.1.1.3. Unknown users are refused here (550 5.1.1), so that the MTA
 * bounces at once and address verification works; trouble of ours is 4xx. */
#include "base/mem.h"
#include "module/lmtp/lmtp.h"

static void add_rcpt(struct lmtp_session *session, const struct lmtp_rcpt *rcpt)
{
	if (session->rcpt_count == session->rcpt_capacity) {
		size_t capacity = session->rcpt_capacity ? session->rcpt_capacity * 2 : 8;
		struct lmtp_rcpt *grown = hf_new_array(session->arena, struct lmtp_rcpt, capacity);

		if (session->rcpt_count)
			memcpy(grown, session->rcpts, session->rcpt_count * sizeof *grown);
		session->rcpts = grown;
		session->rcpt_capacity = capacity;
	}
	session->rcpts[session->rcpt_count++] = (struct lmtp_rcpt){
		.address = hf_arena_str(session->arena, rcpt->address),
		.user = rcpt->user,
		.user_name = hf_arena_str(session->arena, rcpt->user_name),
		.mailbox = hf_arena_str(session->arena, rcpt->mailbox),
	};
}

static void take_rcpt(struct lmtp_session *session, struct hf_arena *scratch, struct hf_str args)
{
	struct lmtp_path path;
	struct lmtp_rcpt rcpt;
	struct lmtp_answer answer;
	enum hf_status status;

	if (!session->has_sender || session->chunking) {
		lmtp_refuse(session, 503, "5.5.1",
			    session->chunking ? "BDAT has begun" : "MAIL first");
		return;
	}
	if (!hf_str_istarts(args, HF_STR("TO:"))) {
		lmtp_refuse(session, 501, "5.5.4", "expected RCPT TO:<address>");
		return;
	}
	args = hf_str_trim(hf_str_sub(args, 3, SIZE_MAX));
	status = lmtp_path_parse(scratch, &args, &path);
	if (status != HF_OK || path.null_path) {
		lmtp_refuse(session, 501, "5.1.3", "recipient address is malformed");
		return;
	}
	if (hf_str_trim(args).size) {
		lmtp_refuse(session, 555, "5.5.4", "parameter is not known");
		return;
	}
	if (session->rcpt_count >= (size_t)session->settings->recipients_max) {
		lmtp_reply(session, 452, "4.5.3", "too many recipients");
		return;
	}
	status = lmtp_rcpt_find(session, scratch, &path, &rcpt);
	if (status != HF_OK) {
		answer = lmtp_answer(status);
		hf_info(&session->log, "refused to=%s status=%d reason=%s", hf_log_quote(path.text),
			answer.code, hf_log_quote(hf_str(hf_status_text(status))));
		lmtp_reply(session, answer.code, answer.enhanced, "<%.*s> %s",
			   HF_STR_ARG(path.text), answer.text);
		return;
	}
	add_rcpt(session, &rcpt);
	lmtp_reply(session, 250, "2.1.5", "recipient ok");
}

/* Only recipients that are taken cost memory until the end of the transaction. */
void lmtp_cmd_rcpt(struct lmtp_session *session, struct hf_str args)
{
	struct hf_arena *scratch = hf_arena_new();

	take_rcpt(session, scratch, args);
	hf_arena_free(&scratch);
}
