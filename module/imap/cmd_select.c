/* SPDX-License-Identifier: BSD-2-Clause */
/* SELECT, EXAMINE: open a mailbox, to write or only to read. RFC 9051 §6.3.2, §6.3.3; RFC 3501
 * §6.3.1 (RECENT, UNSEEN); CONDSTORE and HIGHESTMODSEQ: RFC 7162 §3.1.2, §3.1.8; QRESYNC: §3.2.5.
 *
 * A large mailbox that is not in memory is answered from its row, and read before the next command begins
 * (session.c): then UNSEEN is told only when no message, or every one, is unseen (RFC 3501 §6.3.1: it may be missing).
 *
 * Arguments: mailbox, and at the client's choice (CONDSTORE) or (QRESYNC (...)). The mailbox that
 * was selected is left even when this fails. */
#include "module/imap/imap.h"
#include "module/imap/list.h"
#include "module/imap/mailbox.h"
#include "module/imap/objectid.h"
#include "module/imap/resync.h"

#include "base/mem.h"

struct select_args {
	struct hf_str name, given; /* the latter: in other words, RFC 9051 §6.3.9.7 */
	bool examine, condstore;
	struct imap_mailbox mailbox;
	uint64_t rights_version;
	struct hf_view *view; /* until the session has it */
	struct resync resync;
	bool told; /* all of the mailbox but what resync has to tell */
};

/* select-param, RFC 4466 §2.1 */
static enum hf_status parse_params(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct select_args *args = cmd->args;

	do {
		if (imap_parse_keyword(p, "CONDSTORE")) {
			args->condstore = true;
		} else if (!args->resync.given && imap_parse_keyword(p, "QRESYNC")) {
			enum hf_status status = resync_parse(cmd, p, &args->resync);

			if (status != HF_OK)
				return status;
		} else {
			return imap_parser_expected(p, "CONDSTORE or QRESYNC");
		}
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

static enum hf_status parse_select(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct select_args *args = cmd->args = hf_new(cmd->arena, struct select_args);

	if (!imap_parse_mailbox(p, &args->name))
		return imap_parser_expected(p, "a mailbox name");
	args->given = p->given;
	if (imap_parse_end(p))
		return HF_OK;
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of parameters or the end of the command");
	return parse_params(cmd, p);
}

static enum hf_status examine_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status = parse_select(cmd, p);

	((struct select_args *)cmd->args)->examine = true;
	return status;
}

static void write_mailbox(struct imap_session *session)
{
	struct hf_view *view = session->view;
	struct hf_seq unseen = hf_view_first_unseen(view);
	bool rev2 = session->enabled & IMAP_EN_REV2;
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* FLAGS ");
	imap_add_mailbox_flags(session, &out);
	hf_buf_printf(&out, "\r\n* %u EXISTS\r\n", hf_view_count(view));
	if (!rev2)
		hf_buf_printf(&out, "* %u RECENT\r\n", hf_view_recent_count(view));
	if (unseen.n && !rev2 && !(session->enabled & IMAP_EN_UIDONLY))
		hf_buf_printf(&out, "* OK [UNSEEN %u] First unseen message\r\n", unseen.n);
	hf_buf_printf(&out, "* OK [UIDVALIDITY %u] UIDs valid\r\n", hf_view_uidvalidity(view));
	hf_buf_printf(&out, "* OK [UIDNEXT %u] Next UID\r\n", hf_view_uidnext(view).n);
	hf_buf_add_lit(&out, "* OK [PERMANENTFLAGS ");
	imap_add_permanent_flags(session, &out);
	hf_buf_add_cstr(&out, session->read_only ? "] Read-only mailbox\r\n" : "] Flags are kept\r\n");
	hf_buf_add_lit(&out, "* OK [MAILBOXID ("); /* RFC 8474 §4.2 */
	imap_add_objectid(&out, IMAP_OBJECTID_MAILBOX, 0, hf_view_mailbox(view));
	hf_buf_add_lit(&out, ")] Mailbox id\r\n");
	hf_buf_printf(&out, "* OK [HIGHESTMODSEQ %llu] Highest mod-sequence\r\n",
		      (unsigned long long)hf_view_modseq(view).n);
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

/* RFC 9051 §6.3.2: the mailbox as LIST has it. */
static void write_list(struct imap_cmd *cmd)
{
	const struct select_args *args = cmd->args;

	/* It may be read without being listed (RFC 4314: right r without l). */
	imap_list_tell(cmd->session, cmd->arena, args->mailbox.info.name, "", args->given);
}

/* What has changed, in turns: a mailbox that may no longer be read meanwhile is not selected. */
static enum hf_status resync(struct imap_cmd *cmd)
{
	struct select_args *args = cmd->args;

	if (imap_rights_hold(cmd->session))
		return resync_next(cmd->session, &args->resync);
	imap_unselect(cmd->session);
	hf_buf_clear(&cmd->code);
	return HF_ENONEXISTENT;
}

/* Opening may have taken long. */
static enum hf_status look_again(struct imap_cmd *cmd)
{
	struct select_args *args = cmd->args;
	struct hf_store *store = cmd->session->store;

	args->rights_version = hf_rights_version(store);
	args->mailbox.rights =
		hf_rights_of(store, args->mailbox.info.id, args->mailbox.info.owner, cmd->session->user_id);
	if (args->mailbox.rights & HF_RIGHT_READ)
		return HF_OK;
	return args->mailbox.rights & HF_RIGHT_LOOKUP ? HF_ENOPERM : HF_ENONEXISTENT;
}

static enum hf_status select_next(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;
	struct select_args *args = cmd->args;
	enum hf_status status;

	if (args->told)
		return resync(cmd);
	/* What has changed is told by the records. */
	status = (args->resync.given ? hf_view_open : hf_view_open_early)(
		session->store, args->mailbox.info.id, session->user_id, args->examine,
		hf_conn_waiter(session->conn, HF_EV_NEWS), &args->view);
	if (status == HF_OK)
		status = look_again(cmd);
	if (status != HF_OK)
		return status;
	session->view = args->view;
	args->view = NULL;
	session->read_only = args->examine;
	session->mailbox_name =
		hf_str_n(hf_memdup(args->name.data, args->name.size), args->name.size);
	session->state = IMAP_SELECTED;
	imap_rights_begin(session, args->mailbox.rights, args->rights_version);
	if (args->condstore)
		session->enabled |= IMAP_EN_CONDSTORE; /* HIGHESTMODSEQ is told anyway */
	write_mailbox(session);
	if (session->enabled & IMAP_EN_REV2)
		write_list(cmd);
	imap_show_activity(session, args->examine ? "EXAMINE" : "SELECT");
	imap_code(cmd, args->examine || !imap_rights_are_writing(session->rights) ? "READ-ONLY" : "READ-WRITE");
	args->told = true;
	return args->resync.given ? resync_begin(session, &args->resync) : HF_OK;
}

static enum hf_status select_start(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;
	struct select_args *args = cmd->args;
	enum hf_status status;

	if (session->view) /* RFC 7162 §3.2.11: whatever has been enabled */
		imap_untagged_text(session, "OK", "CLOSED", "Previous mailbox closed");
	imap_unselect(session);
	status = imap_mailbox_find(cmd, args->name, HF_RIGHT_READ, &args->mailbox);
	if (status != HF_OK)
		return status;
	args->name = args->mailbox.info.name;
	return select_next(cmd);
}

static void select_finish(struct imap_cmd *cmd)
{
	struct select_args *args = cmd->args;

	hf_view_close(&args->view);
	resync_fini(&args->resync);
}

const struct imap_command imap_cmd_select = {
	.name = "SELECT",
	.states = IMAP_LOGGED_IN,
	.parse = parse_select,
	.start = select_start,
	.next = select_next,
	.finish = select_finish,
};

const struct imap_command imap_cmd_examine = {
	.name = "EXAMINE",
	.states = IMAP_LOGGED_IN,
	.parse = examine_parse,
	.start = select_start,
	.next = select_next,
	.finish = select_finish,
};
