/* SPDX-License-Identifier: BSD-2-Clause */
/* GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS: who may do what to a mailbox. RFC 4314 §3.
 *
 * Arguments: mailbox; all but GETACL and MYRIGHTS: identifier; SETACL: rights to add ("+"), to take away ("-"), or to have.
 *
 * The owner has every right, always, and stands first in the list. An identifier is never looked up: whether there is such a user cannot
 * be found out here. */
#include "module/imap/acl.h"

struct acl_args {
	struct hf_str mailbox;
	struct hf_str identifier; /* as given, for LISTRIGHTS */
	struct hf_str normal;     /* data NULL: none */
	uint32_t rights;
	enum hf_rights_mode mode;
};

/* Arguments ---------------------------------------------------------------------------------- */

static enum hf_status mailbox_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct acl_args *args = cmd->args = hf_new(cmd->arena, struct acl_args);

	return imap_parse_mailbox(p, &args->mailbox) ? HF_OK : imap_parser_expected(p, "a mailbox name");
}

/* RFC 4314 §3: one that cannot be prepared is BAD. */
static enum hf_status identifier_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct acl_args *args;
	enum hf_status status = mailbox_parse(cmd, p);
	const char *start;

	if (status != HF_OK)
		return status;
	args = cmd->args;
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "an identifier");
	start = p->pos;
	if (!imap_parse_astring(p, &args->identifier))
		return imap_parser_expected(p, "an identifier");
	if (hf_identifier_check(args->identifier, cmd->arena, &args->normal) == HF_OK)
		return HF_OK;
	p->pos = start;
	return imap_parser_expected(p, "an identifier: a user, group:NAME or anyone, perhaps with - before it");
}

static enum hf_status setacl_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct acl_args *args;
	struct hf_str letters;
	const char *start;
	enum hf_status status = identifier_parse(cmd, p);

	if (status != HF_OK)
		return status;
	args = cmd->args;
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "rights");
	start = p->pos;
	if (!imap_parse_astring(p, &letters))
		return imap_parser_expected(p, "rights");
	args->mode = HF_RIGHTS_SET;
	if (letters.size && (letters.data[0] == '+' || letters.data[0] == '-')) {
		args->mode = letters.data[0] == '+' ? HF_RIGHTS_ADD : HF_RIGHTS_REMOVE;
		letters = hf_str_sub(letters, 1, SIZE_MAX);
	}
	if (hf_rights_parse(letters, &args->rights) == HF_OK)
		return HF_OK;
	p->pos = start;
	return imap_parser_expected(p, "rights out of lrswipkxtea, in small letters");
}

/* Output ------------------------------------------------------------------------------------- */

static void begin(struct imap_session *session, struct hf_buf *out, const char *word, struct hf_str name)
{
	hf_buf_printf(out, "* %s ", word);
	imap_add_mailbox(session, out, name);
}

static void end(struct imap_session *session, struct hf_buf *out)
{
	hf_buf_add_lit(out, "\r\n");
	hf_conn_write_str(session->conn, hf_buf_str(out));
	hf_buf_fini(out);
}

static void add_rights(struct hf_buf *out, uint32_t rights)
{
	hf_buf_add_char(out, ' ');
	if (rights)
		hf_rights_write(rights, true, out);
	else
		hf_buf_add_lit(out, "\"\"");
}

void imap_acl_write_myrights(struct imap_session *session, struct hf_str name, uint32_t rights)
{
	struct hf_buf out = HF_BUF_INIT;

	begin(session, &out, "MYRIGHTS", name);
	add_rights(&out, rights);
	end(session, &out);
}

/* Reading ------------------------------------------------------------------------------------ */

/* The canonical name of the mailbox's owner; empty: the shared account, which is nobody. */
static struct hf_str owner_of(struct imap_session *session, const struct imap_mailbox *mailbox)
{
	struct hf_str name;

	if (imap_mailbox_is_own(session, mailbox))
		return session->user;
	imap_mailbox_owner(mailbox->info.name, &name);
	return name;
}

static enum hf_status getacl_start(struct imap_cmd *cmd)
{
	const struct acl_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_mailbox mailbox;
	struct hf_acl_entry *list;
	struct hf_buf out = HF_BUF_INIT;
	struct hf_str owner;
	size_t count;
	enum hf_status status = imap_mailbox_find(cmd, args->mailbox, HF_RIGHT_ADMIN, &mailbox);

	if (status != HF_OK)
		return status;
	hf_rights_list(session->store, mailbox.info.id, cmd->arena, &list, &count);
	begin(session, &out, "ACL", mailbox.info.name);
	owner = owner_of(session, &mailbox);
	if (owner.size) {
		hf_buf_add_char(&out, ' ');
		imap_add_astring(&out, owner);
		add_rights(&out, HF_RIGHTS_ALL);
	}
	for (size_t i = 0; i < count; i++) {
		hf_buf_add_char(&out, ' ');
		imap_add_astring(&out, list[i].identifier);
		add_rights(&out, list[i].rights);
	}
	end(session, &out);
	return HF_OK;
}

static enum hf_status myrights_start(struct imap_cmd *cmd)
{
	const struct acl_args *args = cmd->args;
	struct imap_mailbox mailbox;
	enum hf_status status = imap_mailbox_find_any(cmd, args->mailbox,
						      HF_RIGHT_LOOKUP | HF_RIGHT_READ | HF_RIGHT_INSERT | HF_RIGHT_CREATE |
							      HF_RIGHT_DELETE_MAILBOX | HF_RIGHT_ADMIN,
						      &mailbox);

	if (status == HF_OK)
		imap_acl_write_myrights(cmd->session, mailbox.info.name, mailbox.rights);
	return status;
}

/* With or without '-' in front. */
static bool is_owner(struct imap_session *session, const struct imap_mailbox *mailbox, struct hf_str identifier)
{
	struct hf_str owner = owner_of(session, mailbox);

	if (identifier.size && identifier.data[0] == '-')
		identifier = hf_str_sub(identifier, 1, SIZE_MAX);
	return owner.size && hf_str_eq(owner, identifier);
}

/* No rights are tied to others, and everyone but the owner can be given each. */
static enum hf_status listrights_start(struct imap_cmd *cmd)
{
	const struct acl_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_mailbox mailbox;
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status = imap_mailbox_find(cmd, args->mailbox, HF_RIGHT_ADMIN, &mailbox);

	if (status != HF_OK)
		return status;
	begin(session, &out, "LISTRIGHTS", mailbox.info.name);
	hf_buf_add_char(&out, ' ');
	imap_add_astring(&out, args->identifier);
	if (is_owner(session, &mailbox, args->normal))
		add_rights(&out, HF_RIGHTS_ALL);
	else
		hf_buf_add_lit(&out, " \"\" l r s w i p k x t e a c d");
	end(session, &out);
	return HF_OK;
}

/* Changing ----------------------------------------------------------------------------------- */

static enum hf_status change(struct imap_cmd *cmd, enum hf_rights_mode mode, uint32_t rights)
{
	const struct acl_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_mailbox mailbox;
	enum hf_status status = imap_mailbox_find(cmd, args->mailbox, HF_RIGHT_ADMIN, &mailbox);

	if (status != HF_OK)
		return status;
	if (is_owner(session, &mailbox, args->normal)) {
		imap_text(cmd, "The owner has every right, always");
		return HF_ECANNOT;
	}
	return imap_submit(cmd, hf_op_rights(session->store, mailbox.info.id, args->normal, mode, rights));
}

static enum hf_status setacl_start(struct imap_cmd *cmd)
{
	const struct acl_args *args = cmd->args;

	return change(cmd, args->mode, args->rights);
}

static enum hf_status deleteacl_start(struct imap_cmd *cmd)
{
	return change(cmd, HF_RIGHTS_SET, 0);
}

static enum hf_status change_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	if (hf_op_status(op) == HF_ELIMIT)
		imap_text(cmd, "There is no room for another entry, in this list or in all of its owner's");
	return hf_op_status(op);
}

const struct imap_command imap_cmd_getacl = {
	.name = "GETACL",
	.states = IMAP_LOGGED_IN,
	.parse = mailbox_parse,
	.start = getacl_start,
};

const struct imap_command imap_cmd_setacl = {
	.name = "SETACL",
	.states = IMAP_LOGGED_IN,
	.parse = setacl_parse,
	.start = setacl_start,
	.done = change_done,
};

const struct imap_command imap_cmd_deleteacl = {
	.name = "DELETEACL",
	.states = IMAP_LOGGED_IN,
	.parse = identifier_parse,
	.start = deleteacl_start,
	.done = change_done,
};

const struct imap_command imap_cmd_listrights = {
	.name = "LISTRIGHTS",
	.states = IMAP_LOGGED_IN,
	.parse = identifier_parse,
	.start = listrights_start,
};

const struct imap_command imap_cmd_myrights = {
	.name = "MYRIGHTS",
	.states = IMAP_LOGGED_IN,
	.parse = mailbox_parse,
	.start = myrights_start,
};
