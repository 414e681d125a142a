/* SPDX-License-Identifier: BSD-2-Clause */
/* MAIL FROM:<path> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8]: RFC 5321 §4.1.1.2, RFC 1870, RFC 6152, RFC 6531. */
#include "module/lmtp/lmtp.h"

/* False after it has refused. */
static bool take_params(struct lmtp_session *session, struct hf_str args)
{
	struct hf_str name, value;
	uint64_t size;

	while (lmtp_param_next(&args, &name, &value)) {
		if (hf_str_ieq(name, HF_STR("SIZE"))) {
			if (!hf_str_u64(value, UINT64_MAX, &size)) {
				lmtp_refuse(session, 501, "5.5.4", "SIZE must be a number");
				return false;
			}
			if (size > session->settings->message_size_max) {
				lmtp_refuse(session, 552, "5.3.4", "message is larger than the %llu octets allowed here",
					    (unsigned long long)session->settings->message_size_max);
				return false;
			}
		} else if (hf_str_ieq(name, HF_STR("BODY"))) {
			if (!hf_str_ieq(value, HF_STR("7BIT")) && !hf_str_ieq(value, HF_STR("8BITMIME"))) {
				lmtp_refuse(session, 501, "5.5.4", "BODY must be 7BIT or 8BITMIME");
				return false;
			}
		} else if (hf_str_ieq(name, HF_STR("SMTPUTF8")) && !value.size) {
			session->utf8 = true;
		} else {
			lmtp_refuse(session, 555, "5.5.4", "parameter %.*s is not known", HF_STR_ARG(name));
			return false;
		}
	}
	return true;
}

void lmtp_cmd_mail(struct lmtp_session *session, struct hf_str args)
{
	struct lmtp_path path;
	enum hf_status status;

	if (!session->greeted) {
		lmtp_refuse(session, 503, "5.5.1", "LHLO first");
		return;
	}
	if (session->has_sender) {
		lmtp_refuse(session, 503, "5.5.1", "a transaction is under way: RSET first");
		return;
	}
	if (!hf_str_istarts(args, HF_STR("FROM:"))) {
		lmtp_refuse(session, 501, "5.5.4", "expected MAIL FROM:<address>");
		return;
	}
	args = hf_str_trim(hf_str_sub(args, 5, SIZE_MAX));
	status = lmtp_path_parse(session->arena, &args, &path);
	if (status != HF_OK) {
		lmtp_refuse(session, 501, "5.1.7", "%s",
			    status == HF_ELIMIT ? "sender address is too long" : "sender address is malformed");
		return;
	}
	if (!take_params(session, args)) {
		lmtp_reset(session);
		return;
	}
	session->has_sender = true;
	session->sender = hf_arena_str(session->arena, path.text);
	lmtp_reply(session, 250, "2.1.0", "sender ok");
}
