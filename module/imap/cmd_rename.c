/* SPDX-License-Identifier: BSD-2-Clause */
/* DELETE, RENAME: mailboxes go or change their name. RFC 9051 §6.3.5, §6.3.6; OLDNAME: §6.3.9.7. Sessions that have
 * the mailbox selected stay: under the new name with the same UIDs, or told once that it is gone
 * (sync.c).
 *
 * Arguments: mailbox; RENAME: old name, new name. */
#include "module/imap/list.h"

struct rename_args {
	struct hf_str from, to;
	struct hf_str given; /* the old name in other words; of RENAME also when only the new one was */
};

static enum hf_status delete_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct rename_args *args = cmd->args = hf_new(cmd->arena, struct rename_args);

	if (!imap_parse_mailbox(p, &args->from))
		return imap_parser_expected(p, "a mailbox name");
	args->given = p->given;
	return HF_OK;
}

static enum hf_status rename_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct rename_args *args = cmd->args = hf_new(cmd->arena, struct rename_args);

	if (!imap_parse_mailbox(p, &args->from))
		return imap_parser_expected(p, "a mailbox name");
	args->given = p->given;
	if (!imap_parse_space(p) || !imap_parse_mailbox(p, &args->to))
		return imap_parser_expected(p, "a new mailbox name");
	if (p->given.data && !args->given.data)
		args->given = args->from;
	return HF_OK;
}

/* Of one's own it may be a level that is no mailbox, with mailboxes below it. */
static enum hf_status find_source(struct imap_cmd *cmd, struct imap_place *source, uint64_t *judged)
{
	const struct rename_args *args = cmd->args;
	struct imap_mailbox mailbox;
	enum hf_status status;

	*judged = 0;
	*source = (struct imap_place){ .owner = cmd->session->user_id, .name = args->from };
	if (args->from.data && imap_mailbox_is_in_own_tree(args->from))
		return HF_OK;
	status = imap_mailbox_find(cmd, args->from, HF_RIGHT_DELETE_MAILBOX, &mailbox);
	if (status != HF_OK)
		return status;
	*source = (struct imap_place){ .owner = mailbox.info.owner, .name = mailbox.name };
	*judged = mailbox.info.id;
	return HF_OK;
}

/* Another's mailbox may have left its name, and this user lost his rights, before it is the operation's turn. */
static enum hf_status submit(struct imap_cmd *cmd, struct hf_op *op, uint64_t judged)
{
	if (judged)
		hf_op_mailbox_judged(op, judged, cmd->session->user_id);
	return imap_submit(cmd, op);
}

static enum hf_status delete_start(struct imap_cmd *cmd)
{
	struct imap_place source;
	uint64_t judged;
	enum hf_status status = find_source(cmd, &source, &judged);

	if (status != HF_OK)
		return status;
	return submit(cmd, hf_op_mailbox_delete(cmd->session->store, source.owner, source.name), judged);
}

static enum hf_status delete_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	const struct rename_args *args = cmd->args;

	if (hf_op_status(op) == HF_OK)
		imap_list_tell_given(cmd, args->from, "\\NonExistent", args->given);
	return hf_op_status(op);
}

static enum hf_status rename_start(struct imap_cmd *cmd)
{
	const struct rename_args *args = cmd->args;
	struct imap_place source, place;
	uint64_t judged;
	enum hf_status status = find_source(cmd, &source, &judged);

	if (status == HF_OK)
		status = imap_mailbox_place(cmd, args->to, &place);
	if (status != HF_OK)
		return status;
	if (place.owner != source.owner) {
		imap_text(cmd, "A mailbox stays with its owner: create another and move the messages");
		return HF_ECANNOT;
	}
	return submit(cmd, hf_op_mailbox_rename(cmd->session->store, place.owner, source.name, place.name), judged);
}

static enum hf_status rename_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	const struct rename_args *args = cmd->args;

	if (hf_op_status(op) == HF_EEXISTS)
		return imap_mailbox_taken(cmd, args->to);
	if (hf_op_status(op) == HF_OK)
		imap_list_tell_given(cmd, args->to, "", args->given);
	return hf_op_status(op);
}

const struct imap_command imap_cmd_delete = {
	.name = "DELETE",
	.states = IMAP_LOGGED_IN,
	.parse = delete_parse,
	.start = delete_start,
	.done = delete_done,
};

const struct imap_command imap_cmd_rename = {
	.name = "RENAME",
	.states = IMAP_LOGGED_IN,
	.parse = rename_parse,
	.start = rename_start,
	.done = rename_done,
};
