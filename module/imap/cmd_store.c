/* SPDX-License-Identifier: BSD-2-Clause */
/* STORE, UID STORE: change the flags of messages.
 * RFC 9051 §6.4.6; UNCHANGEDSINCE and MODIFIED: RFC 7162 §3.1.3.
 *
 * Arguments: sequence-set, [(UNCHANGEDSINCE modseq)], [+-]FLAGS[.SILENT], flags. */
#include "module/imap/mailbox.h"

#define ANSWER_BATCH 256 /* messages of one call of next */

struct store_args {
	struct hf_str set;
	struct hf_set uids;
	struct hf_set_iter answered; /* over those that the operation has applied to */
	struct hf_flag_change change;
	struct hf_str *keywords;
};

static bool parse_modifiers(struct imap_parser *p, struct hf_flag_change *change)
{
	uint64_t modseq;

	if (!imap_parse_char(p, '('))
		return true;
	imap_parse_space(p);
	if (!imap_parse_keyword(p, "UNCHANGEDSINCE") || !imap_parse_space(p) || !imap_parse_number64(p, &modseq))
		return false;
	imap_parse_space(p);
	change->conditional = true;
	change->unchangedsince = HF_MOD(modseq);
	return imap_parse_char(p, ')') && imap_parse_space(p);
}

static bool parse_item(struct imap_parser *p, struct imap_cmd *cmd, struct hf_flag_change *change)
{
	change->mode = HF_FLAGS_REPLACE;
	if (imap_parse_char(p, '+'))
		change->mode = HF_FLAGS_ADD;
	else if (imap_parse_char(p, '-'))
		change->mode = HF_FLAGS_REMOVE;
	if (imap_parse_keyword(p, "FLAGS.SILENT"))
		cmd->silent = true;
	else if (!imap_parse_keyword(p, "FLAGS"))
		return false;
	return imap_parse_space(p);
}

static enum hf_status store_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct store_args *args = cmd->args = hf_new(cmd->arena, struct store_args);

	if (!imap_parse_set(p, &args->set) || !imap_parse_space(p))
		return imap_parser_expected(p, "a sequence set");
	if (!parse_modifiers(p, &args->change))
		return imap_parser_expected(p, "(UNCHANGEDSINCE number)");
	if (!parse_item(p, cmd, &args->change))
		return imap_parser_expected(p, "FLAGS, +FLAGS, -FLAGS, each with or without .SILENT");
	if (!imap_parse_flag_list(p, &args->change.flags, &args->keywords, &args->change.keyword_count))
		return imap_parser_expected(p, "a list of flags");
	args->change.keywords = args->keywords;
	return imap_parse_end(p) ? HF_OK : imap_parser_expected(p, "the end of the command");
}

/* RFC 4314 §4: flags that one may not change stay as they are, and it is no failure as long as there are others. */
static enum hf_status take_rights(uint32_t rights, struct hf_flag_change *change)
{
	uint32_t allowed = imap_rights_flags(rights);
	bool keywords = rights & HF_RIGHT_WRITE;

	if (change->mode == HF_FLAGS_REPLACE) {
		change->kept_flags = HF_FLAGS_ALL & ~allowed;
		change->keep_keywords = !keywords;
	} else if (!(change->flags & allowed) && !(change->keyword_count && keywords) &&
		   (change->flags || change->keyword_count)) {
		return HF_ENOPERM;
	}
	change->flags &= allowed;
	if (!keywords)
		change->keyword_count = 0;
	return allowed ? HF_OK : HF_ENOPERM;
}

static enum hf_status store_start(struct imap_cmd *cmd)
{
	struct store_args *args = cmd->args;
	enum hf_status status = imap_resolve_set(cmd, args->set, &args->uids);

	if (status == HF_OK)
		status = take_rights(cmd->session->rights, &args->change);
	if (status != HF_OK)
		return status;
	if (args->change.conditional)
		imap_enable_condstore(cmd->session);
	if (hf_set_is_empty(&args->uids))
		return HF_OK;
	return imap_submit(cmd, hf_op_store(cmd->session->view, &args->uids, &args->change));
}

/* Messages that had the flags already are answered too: the client has asked for their flags. What has changed, by us
 * or by others, is told by the sync. */
static enum hf_status store_next(struct imap_cmd *cmd)
{
	struct store_args *args = cmd->args;
	struct hf_view *view = cmd->session->view;
	struct hf_record record;
	uint32_t uid;

	for (unsigned budget = ANSWER_BATCH; budget; budget--) {
		struct hf_seq seq;

		if (!hf_set_iter_next(&args->answered, &uid))
			return HF_OK;
		seq = hf_view_seq(view, HF_UID(uid));
		if (hf_view_record(view, seq, &record) && record.modseq.n <= hf_view_modseq(view).n)
			imap_write_flags(cmd->session, seq, &record, cmd->uid);
	}
	return HF_MORE;
}

static void report_modified(struct imap_cmd *cmd, const struct hf_set *modified)
{
	struct hf_buf text = HF_BUF_INIT;
	struct hf_set seqs = HF_SET_INIT;

	if (cmd->uid) {
		hf_set_format(modified, &text);
	} else {
		hf_view_seqs_of(cmd->session->view, modified, &seqs);
		hf_set_format(&seqs, &text);
		hf_set_fini(&seqs);
	}
	hf_buf_add_lit(&cmd->code, "MODIFIED ");
	hf_buf_add_str(&cmd->code, hf_buf_str(&text));
	imap_text(cmd, "Conditional STORE failed for some messages");
	hf_buf_fini(&text);
}

/* UIDs of which the client has not been told are no messages to it (RFC 9051 §6.4.9). */
static bool some_are_gone(struct imap_cmd *cmd, const struct hf_set *applied)
{
	const struct store_args *args = cmd->args;
	struct hf_set seqs = HF_SET_INIT;
	uint64_t known;

	if (hf_set_size(applied) == hf_set_size(&args->uids))
		return false;
	hf_view_seqs_of(cmd->session->view, &args->uids, &seqs);
	known = hf_set_size(&seqs);
	hf_set_fini(&seqs);
	return hf_set_size(applied) < known;
}

static enum hf_status store_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct store_args *args = cmd->args;
	enum hf_status status = hf_op_status(op);

	if (status == HF_ELIMIT)
		imap_text(cmd, "The mailbox has no room for another keyword");
	if (status != HF_OK)
		return status;
	if (!hf_set_is_empty(hf_op_modified(op))) {
		report_modified(cmd, hf_op_modified(op));
	} else if (some_are_gone(cmd, hf_op_applied(op))) {
		imap_code(cmd, "EXPUNGEISSUED");
		imap_text(cmd, "Some of the messages have been expunged");
	}
	hf_set_iter_init(&args->answered, hf_op_applied(op));
	return cmd->silent ? HF_OK : HF_MORE;
}

static void store_finish(struct imap_cmd *cmd)
{
	struct store_args *args = cmd->args;

	hf_set_fini(&args->uids);
}

const struct imap_command imap_cmd_store = {
	.name = "STORE",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_USES_SEQUENCE | IMAP_WRITES,
	.parse = store_parse,
	.start = store_start,
	.next = store_next,
	.done = store_done,
	.finish = store_finish,
};
