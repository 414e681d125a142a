/* SPDX-License-Identifier: BSD-2-Clause */
/* From the text of a command to a running one: tag, name, look-up, what the state allows,
 * arguments. RFC 9051 §2.2.1, §3, §6; literals: RFC 7888.
 *
 * Everything that can be refused is refused before a literal is taken, so an unknown or misplaced
 * command costs no memory. */
#include <stdarg.h>

#include "module/imap/mailbox.h"
#include "module/imap/session_priv.h"

#include "base/counter.h"

enum {
	TAG_MAX = 255,               /* RFC 9051 sets no limit; clients use under ten */
	LITERAL_BEFORE_LOGIN = 4096, /* as LITERAL- has it, RFC 7888 §5 */
	COMMAND_BEFORE_LOGIN = 16384
};

/* tag = 1*<any ASTRING-CHAR except "+"> */
static bool is_tag_char(char c)
{
	return c > ' ' && c < 0x7f && !strchr("(){%*\"\\+", c);
}

const struct imap_command *imap_command_find(struct hf_str name)
{
	size_t low = 0, high = imap_command_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = hf_str_icmp(name, hf_str(imap_commands[mid]->name));

		if (order == 0)
			return imap_commands[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* Takes a word and the spaces behind it. */
static struct hf_str take_word(struct hf_str *text)
{
	size_t size = 0;
	struct hf_str word;

	while (size < text->size && text->data[size] != ' ')
		size++;
	word = hf_str_n(text->data, size);
	while (size < text->size && text->data[size] == ' ')
		size++;
	*text = hf_str_sub(*text, size, text->size - size);
	return word;
}

const char *imap_parse_head(struct hf_str text, struct imap_head *head)
{
	struct hf_str tag;

	*head = (struct imap_head){ 0 };
	if (!text.size)
		return "Empty command";
	tag = take_word(&text);
	for (size_t i = 0; i < tag.size; i++)
		if (!is_tag_char(tag.data[i]))
			return "Invalid tag at position 1";
	if (!tag.size)
		return "Expected a tag at position 1";
	if (tag.size > TAG_MAX)
		return "Tag too long";
	head->tag = tag;
	head->name = take_word(&text);
	if (!head->name.size)
		return "Expected a command after the tag";
	if (hf_str_ieq(head->name, HF_STR("UID"))) {
		head->uid = true;
		head->name = take_word(&text);
	}
	head->def = imap_command_find(head->name);
	if (head->uid && head->def && !(head->def->traits & IMAP_HAS_UID_FORM))
		head->def = NULL;
	head->args = text;
	return head->def ? NULL : head->uid ? "Unknown UID command" : "Unknown command";
}

void imap_refuse(struct imap_session *session, struct hf_str tag, const char *word,
		 const char *code, const char *fmt, ...)
{
	struct hf_buf *out = &session->priv->out;
	va_list ap;

	hf_buf_clear(out);
	hf_buf_add_str(out, tag.size ? tag : HF_STR("*"));
	hf_buf_printf(out, " %s %s%s%s", word, code ? "[" : "", code ? code : "", code ? "] " : "");
	va_start(ap, fmt);
	hf_buf_vprintf(out, fmt, ap);
	va_end(ap);
	hf_buf_add_lit(out, "\r\n");
	hf_conn_write(session->conn, out->data, out->size);
	if (word[0] == 'B')
		session->bad_count++;
	if (session->bad_count >= (uint64_t)session->settings->bad_commands_max)
		imap_bye(session, NULL, "Too many bad commands");
}

static void refuse_state(struct imap_session *session, const struct imap_head *head)
{
	const char *text = "Not in this state";

	if (session->state == IMAP_NOT_AUTHENTICATED)
		text = "Log in first";
	else if (head->def->states == IMAP_NOT_AUTHENTICATED)
		text = "Already logged in";
	else if (head->def->states == IMAP_SELECTED)
		text = "Select a mailbox first";
	imap_refuse(session, head->tag, "BAD", NULL, "%s", text);
}

/* Why this command may not begin now. */
static bool may_begin(struct imap_session *session, const struct imap_head *head,
		      const char *problem)
{
	if (problem) {
		imap_refuse(session, head->tag, "BAD", NULL, "%s", problem);
		return false;
	}
	if (!(head->def->states & (unsigned)session->state)) {
		refuse_state(session, head);
		return false;
	}
	if (session->enabled & IMAP_EN_UIDONLY && !head->uid &&
	    (head->def->traits & (IMAP_HAS_UID_FORM | IMAP_NO_NUMBERS)) == IMAP_HAS_UID_FORM) {
		imap_refuse(session, head->tag, "BAD", "UIDREQUIRED", "Use UID %s",
			    head->def->name); /* RFC 9586 §3 */
		return false;
	}
	return true;
}

static struct imap_cmd *command_new(struct imap_session *session, const struct imap_head *head)
{
	struct imap_cmd *cmd = hf_new(session->arena, struct imap_cmd);

	cmd->session = session;
	cmd->def = head->def;
	cmd->arena = session->arena;
	cmd->tag = head->tag;
	cmd->uid = head->uid;
	return cmd;
}

static struct imap_parser parser_of(struct imap_session *session, struct hf_str text,
				    struct hf_str args)
{
	return (struct imap_parser){
		.start = text.data,
		.pos = args.size ? args.data : text.data + text.size,
		.end = text.data + text.size,
		.expected = "something else",
		.arena = session->arena,
		.settings = session->settings,
		.utf8 = session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2),
	};
}

/* What parse did not like. An error of another kind than syntax keeps its words. */
static void refuse_arguments(struct imap_session *session, struct imap_cmd *cmd,
			     const struct imap_parser *p, enum hf_status status)
{
	const char *word, *code, *text;

	imap_status_words(status, &word, &code, &text);
	if (cmd->code.size)
		code = hf_buf_cstr(&cmd->code);
	if (cmd->text.size)
		imap_refuse(session, cmd->tag, word, code, "%s", hf_buf_cstr(&cmd->text));
	else if (status == HF_ESYNTAX)
		imap_refuse(session, cmd->tag, word, code, "%s%s: expected %s at position %zu",
			    cmd->uid ? "UID " : "", cmd->def->name, p->expected,
			    (size_t)(p->pos - p->start) + 1);
	else
		imap_refuse(session, cmd->tag, word, code, "%s", text);
	hf_buf_fini(&cmd->code);
	hf_buf_fini(&cmd->text);
	hf_arena_reset(session->arena);
}

static enum hf_status parse_arguments(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status = cmd->def->parse ? cmd->def->parse(cmd, p) : HF_OK;

	if (status == HF_OK && !imap_parse_end(p))
		status = HF_ESYNTAX;
	return status;
}

/* A command that needs the mailbox which is no longer there, or may not change it: answered without
 * being started. */
static enum hf_status check_mailbox(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;

	imap_rights_hold(session);
	if (session->state != IMAP_SELECTED || cmd->def->states != IMAP_SELECTED)
		return HF_OK;
	if (session->priv->mailbox_gone && !(cmd->def->traits & IMAP_NO_SYNC)) {
		if (session->priv->mailbox_unreadable) {
			imap_text(cmd, "The selected mailbox cannot be read");
			return HF_EUNAVAILABLE;
		}
		imap_text(cmd, "The selected mailbox has been deleted");
		return HF_ENONEXISTENT;
	}
	if (session->read_only && cmd->def->traits & IMAP_WRITES) {
		imap_code(cmd, "READ-ONLY");
		imap_text(cmd, "The mailbox is selected read-only");
		return HF_ENOPERM;
	}
	return HF_OK;
}

static void command_count(struct imap_session *session)
{
	session->commands++;
	imap_progress_begin(session);
	hf_counter_add(session->priv->module->commands, 1);
}

void imap_command_begin(struct imap_session *session, struct hf_str text)
{
	struct imap_head head;
	struct imap_cmd *cmd;
	struct imap_parser p;
	enum hf_status status;
	const char *problem;

	problem = imap_parse_head(text, &head);
	command_count(session);
	if (!may_begin(session, &head, problem)) {
		hf_arena_reset(session->arena);
		return;
	}
	cmd = command_new(session, &head);
	p = parser_of(session, text, head.args);
	status = parse_arguments(cmd, &p);
	if (status != HF_OK) {
		refuse_arguments(session, cmd, &p, status);
		return;
	}
	status = check_mailbox(cmd);
	session->cmd = cmd;
	session->priv->phase = IMAP_PHASE_RUN;
	if (status != HF_OK)
		imap_session_finish(session, status);
	else if (cmd->def->start)
		imap_session_result(session, cmd->def->start(cmd));
}

/* Literals ----------------------------------------------------------------------------------- */

/* The command ends here; a literal that comes unasked is skipped with what follows it. */
static void refuse_literal(struct imap_session *session)
{
	struct imap_input *in = &session->priv->in;

	if (!in->literal.nonsync)
		imap_input_clear(in);
	else if (in->literal.valid)
		imap_input_skip(in, in->literal.size);
	else
		imap_bye(session, NULL, "Cannot tell where such a literal ends");
}

static bool literal_fits(struct imap_session *session)
{
	const struct imap_input *in = &session->priv->in;
	const struct imap_settings *settings = session->settings;
	bool before_login = session->state == IMAP_NOT_AUTHENTICATED;
	uint64_t literal_max = settings->literal_size_max, command_max = settings->command_size_max;

	if (before_login && command_max > COMMAND_BEFORE_LOGIN)
		command_max = COMMAND_BEFORE_LOGIN;
	if (before_login && literal_max > LITERAL_BEFORE_LOGIN)
		literal_max = LITERAL_BEFORE_LOGIN;
	return in->literal.valid && in->literal.size <= literal_max &&
	       in->text.size + in->literal.size <= command_max;
}

/* Whether a message begins here. HF_OK: it has been given to literal.c; HF_MORE: it is an argument;
 * HF_ESYNTAX: refused. */
static enum hf_status begin_message(struct imap_session *session, struct hf_str text)
{
	struct imap_input *in = &session->priv->in;
	struct imap_head head;
	struct imap_cmd *cmd;
	struct imap_parser p;
	enum hf_status status;
	const char *header;

	text = hf_arena_str(session->arena, text);
	if (imap_parse_head(text, &head))
		return HF_ESYNTAX; /* it was sound before */
	cmd = command_new(session, &head);
	p = parser_of(session, text, head.args);
	header = text.data + in->literal.header;
	status = cmd->def->parse(cmd, &p);
	if (status == HF_ESYNTAX && p.pos == header) {
		hf_buf_fini(&cmd->code);
		hf_buf_fini(&cmd->text);
		hf_arena_reset(session->arena);
		return HF_MORE;
	}
	if (status == HF_OK && p.pos != header)
		status = imap_parser_expected(&p, "a literal with the message");
	if (status == HF_OK)
		status = check_mailbox(cmd);
	if (status != HF_OK) {
		command_count(session);
		refuse_arguments(session, cmd, &p, status);
		refuse_literal(session);
		return HF_ESYNTAX;
	}
	command_count(session);
	session->cmd = cmd;
	imap_literal_begin(session, in->literal.size, in->literal.nonsync, in->literal.binary);
	return HF_OK;
}

static void refuse_size(struct imap_session *session, const struct imap_head *head)
{
	const struct imap_input *in = &session->priv->in;
	bool by_command = head->def->literal_too_big && in->literal.valid &&
			  in->literal.size > session->settings->literal_size_max;
	struct hf_buf code = HF_BUF_INIT;

	hf_buf_add_lit(&code, "TOOBIG");
	if (by_command) {
		hf_buf_clear(&code);
		head->def->literal_too_big(session, &code);
	}
	imap_refuse(session, head->tag, by_command ? "NO" : "BAD", hf_buf_cstr(&code),
		    "The literal at position %zu is too large for an argument",
		    in->literal.header + 1);
	hf_buf_fini(&code);
}

bool imap_command_meets_literal(struct imap_session *session)
{
	struct imap_input *in = &session->priv->in;
	struct hf_str text = hf_buf_str(&in->text);
	struct imap_head head;
	const char *problem = imap_parse_head(text, &head);

	if (!may_begin(session, &head, problem)) {
		command_count(session);
		refuse_literal(session);
		return false;
	}
	if (head.def->literal && in->literal.valid && begin_message(session, text) != HF_MORE)
		return false;
	if (!literal_fits(session)) {
		command_count(session);
		refuse_size(session, &head);
		refuse_literal(session);
		return false;
	}
	return true;
}
