/* SPDX-License-Identifier: BSD-2-Clause */
/* STARTTLS: from here on under TLS. RFC 9051 §6.2.1.
 *
 * Arguments: none. What was sent in clear behind the command ends the connection (the host sees to
 * that), so nothing that somebody on the way put in is ever taken for a command. */
#include "module/imap/imap.h"

static enum hf_status starttls_start(struct imap_cmd *cmd)
{
	if (hf_conn_is_tls(imap_conn(cmd))) {
		imap_text(cmd, "TLS is active already");
		return HF_ESYNTAX;
	}
	if (!hf_conn_can_starttls(imap_conn(cmd))) {
		imap_text(cmd, "TLS is not available here");
		return HF_ESYNTAX;
	}
	imap_text(cmd, "Begin TLS now");
	return HF_OK;
}

/* The client forgets what it learnt in clear, RFC 9051 §6.2.1, and so do we. */
static void starttls_after(struct imap_session *session)
{
	session->enabled = 0;
	session->bad_count = 0;
	hf_conn_starttls(session->conn);
}

const struct imap_command imap_cmd_starttls = {
	.name = "STARTTLS",
	.states = IMAP_NOT_AUTHENTICATED,
	.traits = IMAP_NO_SYNC,
	.start = starttls_start,
	.after = starttls_after,
};
