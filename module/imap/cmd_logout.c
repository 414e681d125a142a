/* SPDX-License-Identifier: BSD-2-Clause */
/* LOGOUT: goodbye. RFC 9051 §6.1.3.
 *
 * Arguments: none. */
#include "module/imap/imap.h"

static enum hf_status logout_start(struct imap_cmd *cmd)
{
	imap_untagged_text(cmd->session, "BYE", NULL, "Logging out");
	return HF_OK;
}

static void logout_after(struct imap_session *session)
{
	session->state =
		session->state == IMAP_NOT_AUTHENTICATED ? IMAP_NOT_AUTHENTICATED : IMAP_LOGOUT;
	imap_end(session, "logout");
}

const struct imap_command imap_cmd_logout = {
	.name = "LOGOUT",
	.states = IMAP_ANY_STATE,
	.traits = IMAP_NO_SYNC,
	.start = logout_start,
	.after = logout_after,
};
