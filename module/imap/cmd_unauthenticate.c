/* SPDX-License-Identifier: BSD-2-Clause */
/* UNAUTHENTICATE: back to the state before login, for one connection that serves several users. RFC
 * 8437.
 *
 * Arguments: none. TLS stays; what ID said was only logged. On a compressed connection the command
 * is neither announced nor taken, as it would have to end the compression in the middle of what the
 * client may have sent on. */
#include "base/assert.h"
#include "module/imap/metadata_news.h"
#include "module/imap/session_priv.h"

#include "base/mem.h"

static enum hf_status unauthenticate_start(struct imap_cmd *cmd)
{
	if (!hf_conn_is_compressed(imap_conn(cmd)))
		return HF_OK;
	imap_text(cmd, "Not on a compressed connection");
	return HF_ESYNTAX;
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
}

const struct imap_command imap_cmd_unauthenticate = {
	.name = "UNAUTHENTICATE",
	.states = IMAP_LOGGED_IN,
	.traits = IMAP_NO_SYNC,
	.start = unauthenticate_start,
	.after = unauthenticate_after,
};
