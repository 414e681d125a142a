/* SPDX-License-Identifier: BSD-2-Clause */
/* COPY, UID COPY, MOVE, UID MOVE: to another mailbox, all or nothing.
 * RFC 9051 §6.4.7, §6.4.8; COPYUID: RFC 4315 §3; MOVE: RFC 6851.
 *
 * Arguments: sequence-set, mailbox. */
#include "module/imap/mailbox.h"

struct copy_args {
	struct hf_str set, name;
	struct hf_set uids;
	uint32_t rights; /* in the target */
};

static enum hf_status copy_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct copy_args *args = cmd->args = hf_new(cmd->arena, struct copy_args);

	if (!imap_parse_set(p, &args->set) || !imap_parse_space(p))
		return imap_parser_expected(p, "a sequence set");
	if (!imap_parse_mailbox(p, &args->name))
		return imap_parser_expected(p, "a mailbox name");
	return imap_parse_end(p) ? HF_OK : imap_parser_expected(p, "the end of the command");
}

static enum hf_status start(struct imap_cmd *cmd, bool move)
{
	struct copy_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_mailbox target;
	struct hf_op *op;
	enum hf_status status = imap_resolve_set(cmd, args->set, &args->uids);

	if (status != HF_OK)
		return status;
	if (move) {
		status = imap_rights_need(session, HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE); /* RFC 6851 §4.2 */
		if (status != HF_OK)
			return status;
	}
	status = imap_mailbox_find(cmd, args->name, HF_RIGHT_INSERT, &target);
	if (status == HF_ENONEXISTENT)
		imap_code(cmd, "TRYCREATE");
	if (status != HF_OK || hf_set_is_empty(&args->uids))
		return status;
	args->rights = target.rights;
	op = hf_op_copy(session->view, &args->uids, target.info.id, move);
	hf_op_copy_flags(op, imap_rights_flags(target.rights), target.rights & HF_RIGHT_WRITE);
	return imap_submit(cmd, op);
}

static enum hf_status copy_start(struct imap_cmd *cmd)
{
	return start(cmd, false);
}

static enum hf_status move_start(struct imap_cmd *cmd)
{
	return start(cmd, true);
}

/* Not of a mailbox that may not be read: RFC 4315 §3. */
static bool is_copyuid_told(struct imap_cmd *cmd, const struct hf_op *op)
{
	const struct copy_args *args = cmd->args;

	return args->rights & HF_RIGHT_READ && !hf_set_is_empty(hf_op_copied_from(op));
}

static void copyuid(const struct hf_op *op, struct hf_buf *out)
{
	hf_buf_printf(out, "COPYUID %u ", hf_op_uidvalidity(op));
	hf_set_format(hf_op_copied_from(op), out);
	hf_buf_add_char(out, ' ');
	hf_set_format(hf_op_copied_to(op), out);
}

static enum hf_status check(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct copy_args *args = cmd->args;
	enum hf_status status = hf_op_status(op);

	if (status == HF_ENONEXISTENT)
		imap_code(cmd, "TRYCREATE");
	if (status != HF_OK)
		return status;
	if (hf_op_keywords_dropped(op)) /* RFC 9051 §7.1.2: a warning */
		imap_untagged_text(cmd->session, "NO", "LIMIT", "Not all keywords were copied: the mailbox has as many as there may be");
	if (hf_set_size(hf_op_copied_from(op)) < hf_set_size(&args->uids))
		imap_text(cmd, "Done, but some of the messages had been expunged");
	return HF_OK;
}

static enum hf_status copy_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	enum hf_status status = check(cmd, op);

	if (status == HF_OK && is_copyuid_told(cmd, op))
		copyuid(op, &cmd->code);
	return status;
}

static enum hf_status move_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct imap_session *session = cmd->session;
	struct hf_buf code = HF_BUF_INIT;
	enum hf_status status = check(cmd, op);

	if (status == HF_OK && !hf_set_is_empty(hf_op_copied_from(op))) {
		/* RFC 6851 §4.3: in an untagged OK, before the EXPUNGE responses, which the sync sends. */
		if (is_copyuid_told(cmd, op))
			copyuid(op, &code);
		if (code.size)
			imap_untagged_text(session, "OK", hf_buf_cstr(&code), "Moved");
		if (session->enabled & IMAP_EN_QRESYNC)
			imap_code(cmd, "HIGHESTMODSEQ %llu", (unsigned long long)hf_op_modseq(op).n);
	}
	hf_buf_fini(&code);
	return status;
}

static void copy_finish(struct imap_cmd *cmd)
{
	struct copy_args *args = cmd->args;

	hf_set_fini(&args->uids);
}

const struct imap_command imap_cmd_copy = {
	.name = "COPY",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM,
	.parse = copy_parse,
	.start = copy_start,
	.done = copy_done,
	.finish = copy_finish,
};

const struct imap_command imap_cmd_move = {
	.name = "MOVE",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_WRITES,
	.parse = copy_parse,
	.start = move_start,
	.done = move_done,
	.finish = copy_finish,
};
