/* SPDX-License-Identifier: BSD-2-Clause */
/* EXPUNGE, UID EXPUNGE: remove the messages that carry \Deleted. The sync tells which have gone.
 * RFC 9051 §6.4.3, §6.4.9; HIGHESTMODSEQ: RFC 7162 §3.2.7.
 *
 * Arguments: none; UID EXPUNGE: sequence-set. */
#include "module/imap/mailbox.h"

struct expunge_args {
	struct hf_str set;
	struct hf_set uids;
};

static enum hf_status expunge_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct expunge_args *args = cmd->args = hf_new(cmd->arena, struct expunge_args);

	if (cmd->uid && !imap_parse_set(p, &args->set))
		return imap_parser_expected(p, "a set of UIDs");
	return imap_parse_end(p) ? HF_OK : imap_parser_expected(p, "the end of the command");
}

static enum hf_status expunge_start(struct imap_cmd *cmd)
{
	struct expunge_args *args = cmd->args;
	enum hf_status status = imap_rights_need(cmd->session, HF_RIGHT_EXPUNGE);

	if (status != HF_OK)
		return status;
	if (!cmd->uid)
		return imap_submit(cmd, hf_op_expunge(cmd->session->view, NULL, false));
	status = imap_resolve_set(cmd, args->set, &args->uids);
	if (status != HF_OK || hf_set_is_empty(&args->uids))
		return status;
	return imap_submit(cmd, hf_op_expunge(cmd->session->view, &args->uids, false));
}

static enum hf_status expunge_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	if (cmd->session->enabled & IMAP_EN_QRESYNC && !hf_set_is_empty(hf_op_expunged(op)))
		imap_code(cmd, "HIGHESTMODSEQ %llu", (unsigned long long)hf_op_modseq(op).n);
	return hf_op_status(op);
}

static void expunge_finish(struct imap_cmd *cmd)
{
	struct expunge_args *args = cmd->args;

	hf_set_fini(&args->uids);
}

const struct imap_command imap_cmd_expunge = {
	.name = "EXPUNGE",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_NO_NUMBERS | IMAP_WRITES,
	.parse = expunge_parse,
	.start = expunge_start,
	.done = expunge_done,
	.finish = expunge_finish,
};
