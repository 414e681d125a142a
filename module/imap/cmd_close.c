/* SPDX-License-Identifier: BSD-2-Clause */
/* CLOSE, UNSELECT: leave the selected mailbox; CLOSE expunges what carries \Deleted, without a
 * word, unless the mailbox is read-only. RFC 9051 §6.4.1, §6.4.2; UNSELECT: RFC 3691.
 *
 * Arguments: none. Both work when the mailbox has been deleted meanwhile (IMAP_NO_SYNC: there is no
 * mailbox afterwards). */
#include "module/imap/mailbox.h"

static void leave(struct imap_cmd *cmd)
{
	imap_unselect(cmd->session);
	imap_show_activity(cmd->session, "logged in");
}

static enum hf_status unselect_start(struct imap_cmd *cmd)
{
	leave(cmd);
	return HF_OK;
}

static enum hf_status close_start(struct imap_cmd *cmd)
{
	/* RFC 4314 §4: without the right, CLOSE does the rest of its work. */
	if (cmd->session->read_only || imap_rights_need(cmd->session, HF_RIGHT_EXPUNGE) != HF_OK)
		return unselect_start(cmd);
	return imap_submit(cmd, hf_op_expunge(cmd->session->view, NULL, false));
}

/* The mailbox is left whatever has become of the expunge: there is nothing the client could do. */
static enum hf_status close_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	enum hf_status status = hf_op_status(op);

	leave(cmd);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

const struct imap_command imap_cmd_close = {
	.name = "CLOSE",
	.states = IMAP_SELECTED,
	.traits = IMAP_NO_SYNC,
	.start = close_start,
	.done = close_done,
};

const struct imap_command imap_cmd_unselect = {
	.name = "UNSELECT",
	.states = IMAP_SELECTED,
	.traits = IMAP_NO_SYNC,
	.start = unselect_start,
};
