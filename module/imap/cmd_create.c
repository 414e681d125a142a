/* SPDX-License-Identifier: BSD-2-Clause */
/* CREATE: a new mailbox. RFC 9051 §6.3.4; USE and USEATTR: RFC 6154 §3.
 *
 * Arguments: mailbox, and at the client's choice (USE (\Drafts ...)). One "/" at the end is
 * dropped: it only says that there will be mailboxes below. */
#include "module/imap/list.h"
#include "module/imap/mailbox.h"
#include "module/imap/objectid.h"

struct create_args {
	struct hf_str name, given;
	uint32_t use;
	bool unknown_use;
};

static void add_use(struct create_args *args, struct hf_str name)
{
	for (size_t i = 0; i < imap_special_use_count; i++) {
		if (hf_str_ieq(name, hf_str(imap_special_uses[i].name))) {
			args->use |= imap_special_uses[i].bit;
			return;
		}
	}
	args->unknown_use = true;
}

static enum hf_status parse_use(struct create_args *args, struct imap_parser *p)
{
	if (!imap_parse_keyword(p, "USE") || !imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "USE and a list of attributes");
	while (!imap_parse_char(p, ')')) {
		struct hf_str name;

		if (!imap_parse_char(p, '\\') || !imap_parse_atom(p, &name))
			return imap_parser_expected(p, "an attribute");
		add_use(args, name);
		if (!imap_parse_is(p, ')') && !imap_parse_space(p))
			return imap_parser_expected(p, "a space or a closing parenthesis");
	}
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

static enum hf_status create_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct create_args *args = cmd->args = hf_new(cmd->arena, struct create_args);

	if (!imap_parse_mailbox(p, &args->name))
		return imap_parser_expected(p, "a mailbox name");
	args->given = p->given;
	if (imap_parse_end(p))
		return HF_OK;
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of parameters or the end of the command");
	return parse_use(args, p);
}

static enum hf_status create_start(struct imap_cmd *cmd)
{
	const struct create_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_place place;
	struct hf_op *op;
	enum hf_status status = imap_mailbox_place(cmd, args->name, &place);

	if (status != HF_OK)
		return status;
	if (args->unknown_use || (args->use && place.owner != session->user_id)) {
		imap_code(cmd, "USEATTR");
		imap_text(cmd, args->unknown_use ? "No such special use" : "Only one's own mailboxes have a special use");
		return HF_ECANNOT;
	}
	op = hf_op_mailbox_create(session->store, place.owner, place.name, args->use);
	if (place.owner != session->user_id)
		hf_op_mailbox_judged(op, 0, session->user_id);
	return imap_submit(cmd, op);
}

/* MAILBOXID: RFC 8474 §4.1. */
static enum hf_status create_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	const struct create_args *args = cmd->args;

	if (hf_op_status(op) == HF_EEXISTS)
		return imap_mailbox_taken(cmd, args->name);
	if (hf_op_status(op) != HF_OK)
		return hf_op_status(op);
	imap_list_tell_given(cmd, args->name, "", args->given);
	hf_buf_clear(&cmd->code);
	hf_buf_add_lit(&cmd->code, "MAILBOXID (");
	imap_add_objectid(&cmd->code, IMAP_OBJECTID_MAILBOX, 0, hf_op_mailbox(op));
	hf_buf_add_char(&cmd->code, ')');
	return HF_OK;
}

const struct imap_command imap_cmd_create = {
	.name = "CREATE",
	.states = IMAP_LOGGED_IN,
	.parse = create_parse,
	.start = create_start,
	.done = create_done,
};
