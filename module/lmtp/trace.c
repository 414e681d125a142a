/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace lines in front of a delivered message: RFC 5321 §4.4. They differ per recipient and are stored beside the shared content. */
#include "base/assert.h"
#include "base/clock.h"
#include "module/lmtp/lmtp.h"

/* What comes from outside must not end the line or the header. */
static void add_clean(struct hf_buf *out, struct hf_str s, size_t max)
{
	size_t i;

	for (i = 0; i < s.size && i < max; i++)
		if ((unsigned char)s.data[i] >= 0x20 && s.data[i] != 0x7f)
			hf_buf_add_char(out, s.data[i]);
}

void lmtp_trace(struct lmtp_session *session, const struct lmtp_rcpt *rcpt, struct hf_buf *out)
{
	struct hf_conn *conn = session->conn;
	size_t start = out->size;

	hf_buf_add_lit(out, "Return-Path: <");
	add_clean(out, session->sender, LMTP_ADDRESS_MAX);
	hf_buf_add_lit(out, ">\r\nDelivered-To: ");
	add_clean(out, rcpt->address, LMTP_ADDRESS_MAX);
	hf_buf_add_lit(out, "\r\n");
	if (session->settings->received) {
		hf_buf_add_lit(out, "Received: from ");
		add_clean(out, hf_buf_str(&session->peer_name), 255);
		hf_buf_printf(out, " (%s%s%s)\r\n\tby %s with %s%s id %llu.%llu\r\n\tfor <", hf_conn_is_unix(conn) ? "" : "[",
			      hf_conn_peer_address(conn), hf_conn_is_unix(conn) ? " socket" : "]",
			      hf_host_name(hf_conn_host(conn)), session->utf8 ? "UTF8LMTP" : "LMTP",
			      hf_conn_is_tls(conn) ? "S" : "", (unsigned long long)hf_conn_id(conn),
			      (unsigned long long)hf_now_us());
		add_clean(out, rcpt->address, LMTP_ADDRESS_MAX);
		hf_buf_add_lit(out, ">; ");
		hf_date_format_rfc5322(hf_now_s(), out);
		hf_buf_add_lit(out, "\r\n");
	}
	hf_assert(out->size - start <= LMTP_PREFIX_MAX);
}
