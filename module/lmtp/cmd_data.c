/* SPDX-License-Identifier: BSD-2-Clause */
/* DATA: RFC 5321 §4.1.1.4, one reply per recipient after it (RFC 2033 §4.2). */
#include "module/lmtp/lmtp.h"

void lmtp_cmd_data(struct lmtp_session *session, struct hf_str args)
{
	enum hf_status status;

	if (hf_str_trim(args).size) {
		lmtp_refuse(session, 501, "5.5.4", "DATA takes no argument");
		return;
	}
	if (session->chunking) {
		lmtp_refuse(session, 503, "5.5.1", "BDAT has begun");
		return;
	}
	if (!session->rcpt_count) { /* RFC 2033 §4.2: 503 when no recipient was accepted */
		lmtp_refuse(session, 503, "5.5.1", session->has_sender ? "no valid recipients" : "MAIL first");
		return;
	}
	status = lmtp_message_begin(session);
	if (status != HF_OK) {
		struct lmtp_answer answer = lmtp_answer(status);

		lmtp_reply(session, answer.code, answer.enhanced, "%s", answer.text);
		return;
	}
	lmtp_unstuffer_init(&session->unstuffer);
	session->phase = LMTP_DATA;
	lmtp_reply(session, 354, "", "end with a line that is a single dot");
}
