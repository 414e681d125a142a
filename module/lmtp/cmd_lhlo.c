/* SPDX-License-Identifier: BSD-2-Clause */
/* LHLO domain: RFC 2033 §4.1. Announces what is honoured. */
#include "module/lmtp/lmtp.h"

void lmtp_cmd_lhlo(struct lmtp_session *session, struct hf_str args)
{
	struct hf_conn *conn = session->conn;

	args = hf_str_trim(args);
	if (!args.size || args.size > 255) {
		lmtp_refuse(session, 501, "5.5.4", "LHLO needs the name of the client");
		return;
	}
	lmtp_reset(session);
	session->greeted = true;
	hf_buf_clear(&session->peer_name);
	hf_buf_add_str(&session->peer_name, args);
	session->errors = 0;
	hf_conn_printf(conn, "250-%s\r\n", hf_host_name(hf_conn_host(conn)));
	if (hf_conn_can_starttls(conn))
		hf_conn_printf(conn, "250-STARTTLS\r\n");
	hf_conn_printf(conn,
		       "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE "
		       "%llu\r\n",
		       (unsigned long long)session->settings->message_size_max);
}
