/* SPDX-License-Identifier: BSD-2-Clause */
/* DELETE, RENAME: mailboxes go or change their name. RFC 9051 §6.3.5, §6.3.6. Sessions that have
 * the mailbox selected stay: under the new name with the same UIDs, or told once that it is gone
 * (sync.c).
 *
 * Arguments: mailbox; RENAME: old name, new name. */
#include "module/imap/imap.h"

struct rename_args {
	struct hf_str from, to;
};

static enum hf_status delete_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct rename_args *args = cmd->args = hf_new(cmd->arena, struct rename_args);

	return imap_parse_mailbox(p, &args->from) ? HF_OK
						  : imap_parser_expected(p, "a mailbox name");
}

static enum hf_status rename_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct rename_args *args = cmd->args = hf_new(cmd->arena, struct rename_args);

	if (!imap_parse_mailbox(p, &args->from))
		return imap_parser_expected(p, "a mailbox name");
	if (!imap_parse_space(p) || !imap_parse_mailbox(p, &args->to))
		return imap_parser_expected(p, "a new mailbox name");
	return HF_OK;
}

static enum hf_status delete_start(struct imap_cmd *cmd)
{
	const struct rename_args *args = cmd->args;
	struct imap_session *session = cmd->session;

	if (!args->from.data)
		return imap_bad_name(cmd);
	return imap_submit(cmd, hf_op_mailbox_delete(session->store, session->user_id, args->from));
}

static enum hf_status rename_start(struct imap_cmd *cmd)
{
	const struct rename_args *args = cmd->args;
	struct imap_session *session = cmd->session;

	if (!args->from.data || !args->to.data)
		return imap_bad_name(cmd);
	return imap_submit(
		cmd, hf_op_mailbox_rename(session->store, session->user_id, args->from, args->to));
}

const struct imap_command imap_cmd_delete = {
	.name = "DELETE",
	.states = IMAP_LOGGED_IN,
	.parse = delete_parse,
	.start = delete_start,
};

const struct imap_command imap_cmd_rename = {
	.name = "RENAME",
	.states = IMAP_LOGGED_IN,
	.parse = rename_parse,
	.start = rename_start,
};
