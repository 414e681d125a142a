/* SPDX-License-Identifier: BSD-2-Clause */
/* REPLACE, UID REPLACE: a message of the selected mailbox goes in the moment a new one is in its
 * place, in this or in another mailbox. RFC 8508.
 *
 * Arguments: one message, mailbox, then as APPEND has it, but one message only. */
#include "module/imap/append.h"

static enum hf_status replace_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct append_args *args = cmd->args = hf_new(cmd->arena, struct append_args);
	ptrdiff_t other;

	args->one = true;
	if (!imap_parse_set(p, &args->set))
		return imap_parser_expected(p, "the number of a message");
	other = hf_str_chr(args->set, ':');
	if (other < 0)
		other = hf_str_chr(args->set, ',');
	if (other >= 0 || hf_str_chr(args->set, '$') >= 0)
		return imap_parser_expected(p, "the number of one message");
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name");
	return append_parse_target(cmd, p);
}

static enum hf_status message_gone(struct imap_cmd *cmd)
{
	hf_buf_clear(&cmd->code);
	hf_buf_add_lit(&cmd->code, "EXPUNGEISSUED"); /* RFC 5530 §3 */
	imap_text(cmd, "The message to be replaced is no longer there");
	return HF_ENONEXISTENT;
}

static enum hf_status find_replaced(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct hf_view *view = cmd->session->view;
	struct hf_set uids = HF_SET_INIT;
	enum hf_status status;

	if (args->replaces.n)
		return HF_OK;
	status = imap_rights_need(cmd->session, HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE); /* RFC 8508 §4.1 */
	if (status == HF_OK)
		status = imap_resolve_set(cmd, args->set, &uids);
	if (status == HF_OK && uids.count)
		args->replaces = HF_UID(uids.ranges[0].first);
	hf_set_fini(&uids);
	if (status == HF_OK && (!args->replaces.n || !hf_view_seq(view, args->replaces).n))
		return message_gone(cmd);
	return status;
}

/* What can be refused is refused before the message is taken. */
static enum hf_status replace_begin(struct imap_cmd *cmd, uint64_t size, bool binary)
{
	enum hf_status status = find_replaced(cmd);

	return status == HF_OK ? append_begin(cmd, size, binary) : status;
}

static enum hf_status replace_start(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	enum hf_status status = find_replaced(cmd);

	if (status == HF_OK)
		status = append_prepare(cmd);
	if (status == HF_OK && !imap_rights_hold(session)) { /* the message may have been long on its way */
		imap_text(cmd, "The selected mailbox has been deleted");
		return HF_ENONEXISTENT;
	}
	if (status == HF_OK)
		status = imap_rights_need(session, HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE);
	if (status != HF_OK)
		return status;
	return imap_submit(cmd, hf_op_append(session->store, args->mailbox, session->user_id,
					     args->items, args->count, session->view, args->replaces));
}

/* APPENDUID comes before EXPUNGE: RFC 8508 §4.3. */
static enum hf_status replace_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct append_args *args = cmd->args;
	enum hf_status status = hf_op_status(op);
	struct hf_buf code = HF_BUF_INIT;

	if (status == HF_ENONEXISTENT) {
		args->mailbox = 0;
		status = append_find_target(cmd);
		return status == HF_OK ? message_gone(cmd) : status;
	}
	if (status != HF_OK)
		return status;
	if (!(args->rights & HF_RIGHT_READ)) /* RFC 4315 §3 */
		return HF_OK;
	hf_buf_printf(&code, "APPENDUID %u ", hf_op_uidvalidity(op));
	hf_set_format(hf_op_appended(op), &code);
	imap_untagged_text(cmd->session, "OK", hf_buf_cstr(&code), "Replacement message ready");
	hf_buf_fini(&code);
	return HF_OK;
}

static const struct imap_literal replace_literal = {
	.begin = replace_begin,
	.ready = append_work,
	.data = append_data,
	.end = append_end,
	.rest = append_rest,
};

const struct imap_command imap_cmd_replace = {
	.name = "REPLACE",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_WRITES,
	.parse = replace_parse,
	.start = replace_start,
	.next = replace_start,
	.done = replace_done,
	.finish = append_finish,
	.literal = &replace_literal,
};
