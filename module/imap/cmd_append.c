/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND: put messages into a mailbox, all of a command or none.
 * RFC 9051 §6.3.12; several messages: RFC 3502; APPENDUID: RFC 4315 §3; parts: RFC 4469 (catenate.c).
 *
 * Arguments: mailbox, then one or more of [(flags)] [date-time] and a literal or CATENATE (parts),
 * or UTF8 (literal) of RFC 6855, which clients of it still send.
 * The literals go straight into stages. A message with 8-bit octets in its header fields is refused unless the client
 * has said that it knows UTF-8 (RFC 9755 §4; RFC 9051 §6.3.12 permits it to clients of IMAP4rev2), or the setting takes it. */
#include "module/imap/append.h"
#include "module/imap/list.h"

#define MESSAGES_MAX 10000
#define AHEAD_SIZE (96u << 10) /* of several messages: content that is written at a time */

static struct hf_append *add_item(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	if (args->count == args->capacity) {
		size_t capacity = args->capacity ? args->capacity * 2 : 4;
		struct hf_append *grown = hf_new_array(cmd->arena, struct hf_append, capacity);

		if (args->count)
			memcpy(grown, args->items, args->count * sizeof *grown);
		args->items = grown;
		args->capacity = capacity;
	}
	return &args->items[args->count++];
}

/* [(flags)] [date-time], up to a literal or behind the parts. */
static enum hf_status parse_message(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct append_args *args = cmd->args;
	struct hf_append *item = add_item(cmd);
	struct hf_str *keywords = NULL;

	*item = (struct hf_append){ 0 };
	if (imap_parse_is(p, '(')) {
		if (!imap_parse_flag_list(p, &item->flags, &keywords, &item->keyword_count) ||
		    !imap_parse_space(p))
			return imap_parser_expected(p, "a list of flags in parentheses");
		item->keywords = keywords;
	}
	if (imap_parse_is(p, '"')) {
		if (!imap_parse_date_time(p, &item->internaldate) || !imap_parse_space(p))
			return imap_parser_expected(p, "a date and time");
		item->has_date = true;
	}
	if (imap_parse_keyword(p, "CATENATE")) {
		if (!imap_parse_space(p) || !imap_parse_char(p, '('))
			return imap_parser_expected(p, "a list of parts");
		return append_parse_parts(cmd, p);
	}
	if (cmd->session->enabled & IMAP_EN_UTF8 && imap_parse_keyword(p, "UTF8")) {
		if (!imap_parse_space(p) || !imap_parse_char(p, '('))
			return imap_parser_expected(p, "a literal in parentheses");
		args->in_utf8 = true;
	}
	if (!imap_parse_is(p, '{') && !imap_parse_is(p, '~'))
		return imap_parser_expected(p, "a literal with the message");
	return HF_OK;
}

/* Messages, from behind one: up to a literal (*more), or to the end. */
static enum hf_status parse_messages(struct imap_cmd *cmd, struct imap_parser *p, bool *more)
{
	struct append_args *args = cmd->args;

	for (;;) {
		enum hf_status status;

		*more = false;
		if (imap_parse_end(p))
			return HF_OK;
		if (args->one || !imap_parse_space(p))
			return imap_parser_expected(p, args->one ? "the end of the command"
							 : "another message or the end of the command");
		if (args->count == MESSAGES_MAX) {
			imap_text(cmd, "Too many messages in one APPEND");
			return HF_ELIMIT;
		}
		*more = true;
		status = parse_message(cmd, p);
		if (status != HF_OK || imap_parse_is(p, '{') || imap_parse_is(p, '~'))
			return status;
	}
}

enum hf_status append_parse_target(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct append_args *args = cmd->args;
	enum hf_status status;
	bool more;

	if (!imap_parse_mailbox(p, &args->name) || !imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name");
	args->given = p->given;
	status = parse_message(cmd, p);
	if (status != HF_OK || imap_parse_is(p, '{') || imap_parse_is(p, '~'))
		return status;
	return parse_messages(cmd, p, &more);
}

static enum hf_status append_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	cmd->args = hf_new(cmd->arena, struct append_args);
	return append_parse_target(cmd, p);
}

/* When a URL turns out to be a literal that has yet to come, this is called again. */
enum hf_status append_rest(struct imap_cmd *cmd, struct imap_parser *p, bool *more)
{
	struct append_args *args = cmd->args;
	struct append_args before = *args;
	enum hf_status status = HF_OK;

	*more = true;
	if (args->in_utf8 && !imap_parse_char(p, ')'))
		return imap_parser_expected(p, "a closing parenthesis");
	args->in_utf8 = false;
	if (args->catenate && imap_parse_char(p, ')')) {
		args->catenate = false;
		status = append_add_end(cmd, p);
	} else if (args->catenate) {
		status = imap_parse_space(p) ? append_parse_parts(cmd, p)
					     : imap_parser_expected(
						       p, "another part or a closing parenthesis");
	}
	if (status == HF_OK && !args->catenate)
		status = parse_messages(cmd, p, more);
	if (status == HF_ESYNTAX) {
		args->in_utf8 = before.in_utf8;
		args->catenate = before.catenate;
		args->count = before.count;
		args->task_count = before.task_count;
	}
	return status;
}

enum hf_status append_find_target(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct imap_mailbox target;
	enum hf_status status;

	if (args->mailbox)
		return HF_OK;
	status = imap_mailbox_find(cmd, args->name, HF_RIGHT_INSERT, &target);
	if (status == HF_ENONEXISTENT)
		imap_code(cmd, "TRYCREATE");
	if (status != HF_OK)
		return status;
	args->mailbox = target.info.id;
	args->rights = target.rights;
	return HF_OK;
}

/* Rights may have been taken away while the message came. */
static enum hf_status take_rights(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	uint32_t flags;
	enum hf_status status;

	args->mailbox = 0;
	status = append_find_target(cmd);
	flags = imap_rights_flags(args->rights);
	for (size_t i = 0; i < args->count; i++) {
		args->items[i].flags &= flags;
		if (!(args->rights & HF_RIGHT_WRITE))
			args->items[i].keyword_count = 0;
	}
	return status;
}

static enum hf_status begin_message(struct imap_cmd *cmd, uint64_t size, struct hf_append *item)
{
	struct imap_session *session = cmd->session;

	if (!size) {
		/* RFC 3502 §6.3.11: a client's way to give up */
		imap_text(cmd, "Message is empty");
		return HF_EINVALID;
	}
	return hf_stage_new(session->store, size, hf_conn_waiter(session->conn, HF_EV_DURABLE),
			    &item->stage);
}

/* Of several messages, the content of those that have come is written while the next ones come, some at a time. */
static void write_ahead(struct append_args *args)
{
	if (args->octets - args->octets_ahead < AHEAD_SIZE)
		return;
	args->octets_ahead = args->octets;
	for (; args->ahead + 1 < args->count; args->ahead++)
		if (args->items[args->ahead].stage)
			hf_stage_ahead(args->items[args->ahead].stage);
}

enum hf_status append_begin(struct imap_cmd *cmd, uint64_t size, bool binary)
{
	struct append_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct hf_append *item = &args->items[args->count - 1];
	enum hf_status status = append_find_target(cmd);

	(void)binary; /* literal8 may hold NUL: the store keeps any octets */
	if (status == HF_OK && size > session->settings->message_size_max) {
		imap_text(cmd, "Message is larger than the %llu octets allowed",
			  (unsigned long long)session->settings->message_size_max);
		status = HF_ETOOBIG;
	}
	if (status == HF_OK)
		status = append_count(cmd, size);
	if (status != HF_OK)
		return status;
	write_ahead(args);
	return args->catenate ? append_open_stage(cmd, item) : begin_message(cmd, size, item);
}

static bool is_ascii(struct hf_str s)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	uint64_t eight;
	size_t at = 0;

	for (; s.size - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, s.data + at, sizeof(eight));
		if (eight & high_bits)
			return false;
	}
	for (; at < s.size; at++) {
		if ((uint8_t)s.data[at] & 0x80)
			return false;
	}
	return true;
}

/* One more piece of a message: whether what it has of the header fields is ASCII. */
static bool header_is_ascii(enum append_header *header, struct hf_str piece)
{
	while (piece.size && *header != APPEND_HEADER_OVER) {
		const char *lf = memchr(piece.data, '\n', piece.size);
		struct hf_str line = hf_str_n(piece.data, lf ? (size_t)(lf - piece.data) : piece.size);
		bool cr = *header == APPEND_LINE_BEGINS && line.size == 1 && line.data[0] == '\r';

		if (lf && *header != APPEND_IN_LINE && (cr || !line.size))
			*header = APPEND_HEADER_OVER;
		else if (lf)
			*header = APPEND_LINE_BEGINS;
		else
			*header = cr ? APPEND_BEHIND_CR : APPEND_IN_LINE;
		if (!is_ascii(line))
			return false;
		piece = hf_str_sub(piece, line.size + (lf ? 1 : 0), SIZE_MAX);
	}
	return true;
}

enum hf_status append_write(struct imap_cmd *cmd, const struct hf_append *item, struct hf_str piece)
{
	struct append_args *args = cmd->args;
	const struct imap_session *session = cmd->session;

	if (!hf_stage_size(item->stage))
		args->header = APPEND_LINE_BEGINS;
	if (session->settings->append_8bit_headers == IMAP_8BIT_REFUSE &&
	    !(session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2)) && !header_is_ascii(&args->header, piece)) {
		imap_text(cmd, "Header fields with 8-bit octets are taken after ENABLE UTF8=ACCEPT");
		return HF_ECANNOT;
	}
	return hf_stage_write(item->stage, piece);
}

enum hf_status append_data(struct imap_cmd *cmd, struct hf_str piece)
{
	struct append_args *args = cmd->args;

	return append_write(cmd, &args->items[args->count - 1], piece);
}

enum hf_status append_end(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	return args->catenate ? HF_OK : hf_stage_finish(args->items[args->count - 1].stage);
}

enum hf_status append_prepare(struct imap_cmd *cmd)
{
	enum hf_status status = append_find_target(cmd);

	if (status == HF_OK)
		status = append_work(cmd);
	return status == HF_OK ? take_rights(cmd) : status;
}

static enum hf_status append_start(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	enum hf_status status = append_prepare(cmd);

	if (status != HF_OK)
		return status;
	return imap_submit(cmd, hf_op_append(cmd->session->store, args->mailbox, cmd->session->user_id,
					     args->items, args->count, NULL, HF_UID(0)));
}

static enum hf_status append_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	const struct append_args *args = cmd->args;
	enum hf_status status = hf_op_status(op);

	if (status == HF_ENONEXISTENT)
		imap_code(cmd, "TRYCREATE");
	if (status == HF_ELIMIT)
		imap_text(cmd, "The mailbox has no room for another keyword");
	if (status != HF_OK)
		return status;
	imap_list_tell_given(cmd, args->name, "", args->given);
	if (!(args->rights & HF_RIGHT_READ)) /* RFC 4315 §3 */
		return HF_OK;
	hf_buf_printf(&cmd->code, "APPENDUID %u ", hf_op_uidvalidity(op));
	hf_set_format(hf_op_appended(op), &cmd->code);
	return HF_OK;
}

/* An operation has taken its stages over and left NULL. */
void append_finish(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	if (!args)
		return;
	append_drop_source(args);
	for (size_t i = 0; i < args->count; i++)
		hf_stage_free(&args->items[i].stage);
}

static const struct imap_literal append_literal = {
	.begin = append_begin,
	.ready = append_work,
	.data = append_data,
	.end = append_end,
	.rest = append_rest,
};

const struct imap_command imap_cmd_append = {
	.name = "APPEND",
	.states = IMAP_LOGGED_IN,
	.parse = append_parse,
	.start = append_start,
	.next = append_start,
	.done = append_done,
	.finish = append_finish,
	.literal = &append_literal,
};
