/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies, with enhanced status codes (RFC 2034, RFC 3463), and the one table from our statuses to what an MTA understands. */
#include <stdarg.h>

#include "module/lmtp/lmtp.h"

HF_PRINTF(4, 0)
static void write_reply(struct lmtp_session *session, int code, const char *enhanced, const char *fmt, va_list ap)
{
	struct hf_buf line = HF_BUF_INIT;

	hf_buf_printf(&line, "%d %s%s", code, enhanced, *enhanced ? " " : "");
	hf_buf_vprintf(&line, fmt, ap);
	hf_buf_add_lit(&line, "\r\n");
	hf_conn_write_str(session->conn, hf_buf_str(&line));
	hf_buf_fini(&line);
}

void lmtp_reply(struct lmtp_session *session, int code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;

	if (code < 400)
		session->errors = 0;
	va_start(ap, fmt);
	write_reply(session, code, enhanced, fmt, ap);
	va_end(ap);
}

void lmtp_refuse(struct lmtp_session *session, int code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_reply(session, code, enhanced, fmt, ap);
	va_end(ap);
	if (++session->errors >= session->settings->errors_max && !session->quitting) {
		lmtp_reply(session, 421, "4.7.0", "%s too many errors, closing", hf_host_name(hf_conn_host(session->conn)));
		session->quitting = true;
	}
}

struct lmtp_answer lmtp_answer(enum hf_status status)
{
	switch (status) {
	case HF_OK:
		return (struct lmtp_answer){ 250, "2.0.0", "delivered" };
	case HF_ENONEXISTENT:
		return (struct lmtp_answer){ 550, "5.1.1", "no such user here" };
	case HF_EOVERQUOTA:
		return (struct lmtp_answer){ 452, "4.2.2", "mailbox is over its quota" };
	case HF_ETOOBIG:
		return (struct lmtp_answer){ 552, "5.3.4", "message is larger than allowed here" };
	case HF_ENOPERM:
		return (struct lmtp_answer){ 550, "5.7.1", "not allowed" };
	case HF_EUNAVAILABLE:
		return (struct lmtp_answer){ 452, "4.3.1", "mail system storage not available, try again later" };
	default: /* whatever it is, the MTA keeps the message */
		return (struct lmtp_answer){ 451, "4.3.0", "internal error, try again later" };
	}
}
