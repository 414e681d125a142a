/* SPDX-License-Identifier: BSD-2-Clause */
/* UNAUTHENTICATE: back to the state before login, for one connection that serves several users. RFC
 * 8437.
 *
 * Arguments: none. TLS stays; what ID said was only logged. Compression ends behind the command and
 * behind its OK (§4.1); a client that has compressed more is disconnected, as nobody could tell where
 * that ends. */
#include "base/assert.h"
#include "module/imap/metadata_news.h"
#include "module/imap/session_priv.h"

#include "base/mem.h"

static enum hf_status unauthenticate_start(struct imap_cmd *cmd)
{
	(void)cmd;
	return HF_OK;
}

static void unauthenticate_after(struct imap_session *session)
{
	hf_info(&session->log, "logout reason=unauthenticate commands=%llu",
		(unsigned long long)session->commands);
	imap_unselect(session);
	imap_notify_free(session);
	imap_metadata_unwatch(session);
	hf_account_close(&session->account);
	hf_free((void *)(uintptr_t)session->user.data);
	session->user = HF_STR_NULL;
	session->user_id = 0;
	session->admin = false;
	session->enabled = 0;
	session->state = IMAP_NOT_AUTHENTICATED;
	hf_assert(hf_conn_set_user(session->conn, HF_STR_NULL) == HF_OK); /* nobody has no limit */
	hf_conn_set_activity(session->conn, "");
	session->priv->turn_over = false; /* commands may have been sent along, §3 */
	imap_timeout_start(session);      /* as long to log in as at first */
	if (hf_conn_is_compressed(session->conn) && !hf_conn_uncompress(session->conn))
		imap_bye(session, NULL, "Compression ends with UNAUTHENTICATE");
}

const struct imap_command imap_cmd_unauthenticate = {
	.name = "UNAUTHENTICATE",
	.states = IMAP_LOGGED_IN,
	.traits = IMAP_NO_SYNC,
	.start = unauthenticate_start,
	.after = unauthenticate_after,
};
