/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that need few words: STARTTLS (RFC 3207), RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 §4.1.1). */
#include "module/lmtp/lmtp.h"

void lmtp_cmd_starttls(struct lmtp_session *session, struct hf_str args)
{
	if (hf_str_trim(args).size) {
		lmtp_refuse(session, 501, "5.5.4", "STARTTLS takes no argument");
		return;
	}
	if (!hf_conn_can_starttls(session->conn)) {
		lmtp_refuse(session, 502, "5.5.1", "TLS is not available here");
		return;
	}
	lmtp_reset(session);
	session->greeted = false; /* what was said in clear is forgotten (RFC 3207 §4.2) */
	lmtp_reply(session, 220, "2.0.0", "begin TLS");
	hf_conn_starttls(session->conn);
}

void lmtp_cmd_rset(struct lmtp_session *session, struct hf_str args)
{
	(void)args;
	lmtp_reset(session);
	lmtp_reply(session, 250, "2.0.0", "ok");
}

void lmtp_cmd_noop(struct lmtp_session *session, struct hf_str args)
{
	(void)args;
	lmtp_reply(session, 250, "2.0.0", "ok");
}

void lmtp_cmd_vrfy(struct lmtp_session *session, struct hf_str args)
{
	(void)args;
	lmtp_reply(session, 252, "2.5.2", "send some mail to find out");
}

void lmtp_cmd_help(struct lmtp_session *session, struct hf_str args)
{
	(void)args;
	lmtp_reply(session, 214, "2.0.0", "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS QUIT, see RFC 2033");
}

void lmtp_cmd_quit(struct lmtp_session *session, struct hf_str args)
{
	(void)args;
	lmtp_reply(session, 221, "2.0.0", "%s closing", hf_host_name(hf_conn_host(session->conn)));
	session->quitting = true;
}
