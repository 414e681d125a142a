/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND: put messages into a mailbox, all of a command or none.
 * RFC 9051 §6.3.12; several messages: RFC 3502; APPENDUID: RFC 4315 §3.
 *
 * Arguments: mailbox, then one or more of [(flags)] [date-time] literal. The literals go straight into stages. */
#include "module/imap/imap.h"

/* Of one command: stages of small messages are held in memory until the last has come. */
#define MESSAGES_MAX 10000
#define HELD_MAX ((uint64_t)64 << 20) /* octets */

struct append_args {
	struct hf_str name;
	uint64_t mailbox;         /* 0 until looked up */
	struct hf_append *items;
	size_t count, capacity;
	uint64_t octets;          /* of all messages so far */
};

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

/* [(flags)] [date-time], up to the literal. */
static enum hf_status parse_options(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct hf_append *item = add_item(cmd);
	struct hf_str *keywords = NULL;

	if (imap_parse_is(p, '(')) {
		if (!imap_parse_flag_list(p, &item->flags, &keywords, &item->keyword_count) || !imap_parse_space(p))
			return imap_parser_expected(p, "a list of flags in parentheses");
		item->keywords = keywords;
	}
	if (imap_parse_is(p, '"')) {
		if (!imap_parse_date_time(p, &item->internaldate) || !imap_parse_space(p))
			return imap_parser_expected(p, "a date and time");
		item->has_date = true;
	}
	if (!imap_parse_is(p, '{') && !imap_parse_is(p, '~'))
		return imap_parser_expected(p, "a literal with the message");
	return HF_OK;
}

static enum hf_status append_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct append_args *args = cmd->args = hf_new(cmd->arena, struct append_args);

	if (!imap_parse_mailbox(p, &args->name) || !imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name");
	return parse_options(cmd, p);
}

static enum hf_status append_rest(struct imap_cmd *cmd, struct imap_parser *p, bool *more)
{
	struct append_args *args = cmd->args;

	*more = false;
	if (imap_parse_end(p))
		return HF_OK;
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "another message or the end of the command");
	if (args->count == MESSAGES_MAX) {
		imap_text(cmd, "Too many messages in one APPEND");
		return HF_ELIMIT;
	}
	*more = true;
	return parse_options(cmd, p);
}

static enum hf_status find_target(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	struct hf_mailbox_info info;
	enum hf_status status;

	if (!args->name.data)
		return HF_ECANNOT;
	status = hf_account_find(cmd->session->account, args->name, cmd->arena, &info);
	if (status == HF_ENONEXISTENT || (status == HF_OK && !info.id)) {
		imap_code(cmd, "TRYCREATE");
		return HF_ENONEXISTENT;
	}
	if (status != HF_OK)
		return status;
	args->mailbox = info.id;
	return HF_OK;
}

static enum hf_status append_begin(struct imap_cmd *cmd, uint64_t size, bool binary)
{
	struct append_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	enum hf_status status;

	(void)binary; /* literal8 may hold NUL: the store keeps any octets */
	if (!args->mailbox) {
		status = find_target(cmd);
		if (status != HF_OK)
			return status;
	}
	if (size > session->settings->message_size_max) {
		imap_text(cmd, "Message is larger than the %llu octets allowed",
			  (unsigned long long)session->settings->message_size_max);
		return HF_ETOOBIG;
	}
	if (!size) {
		imap_text(cmd, "Message is empty"); /* RFC 3502 §6.3.11: a client's way to give up */
		return HF_EINVALID;
	}
	if (args->count > 1 && args->octets + size > HELD_MAX) {
		imap_text(cmd, "Messages of one APPEND are larger than %llu octets together", (unsigned long long)HELD_MAX);
		return HF_ELIMIT;
	}
	args->octets += size;
	return hf_stage_new(session->store, size, hf_conn_waiter(session->conn, HF_EV_DURABLE),
			    &args->items[args->count - 1].stage);
}

static enum hf_status append_data(struct imap_cmd *cmd, struct hf_str piece)
{
	struct append_args *args = cmd->args;

	return hf_stage_write(args->items[args->count - 1].stage, piece);
}

static enum hf_status append_end(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	return hf_stage_finish(args->items[args->count - 1].stage);
}

static enum hf_status append_start(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	return imap_submit(cmd, hf_op_append(cmd->session->store, args->mailbox, args->items, args->count, NULL, HF_UID(0)));
}

static enum hf_status append_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	enum hf_status status = hf_op_status(op);

	if (status == HF_ENONEXISTENT)
		imap_code(cmd, "TRYCREATE");
	if (status == HF_ELIMIT)
		imap_text(cmd, "The mailbox has no room for another keyword");
	if (status != HF_OK)
		return status;
	hf_buf_printf(&cmd->code, "APPENDUID %u ", hf_op_uidvalidity(op));
	hf_set_format(hf_op_appended(op), &cmd->code);
	return HF_OK;
}

/* An operation has taken its stages over and left NULL. */
static void append_finish(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;
	size_t i;

	for (i = 0; args && i < args->count; i++)
		hf_stage_free(&args->items[i].stage);
}

static const struct imap_literal append_literal = {
	.begin = append_begin,
	.data = append_data,
	.end = append_end,
	.rest = append_rest,
};

const struct imap_command imap_cmd_append = {
	.name = "APPEND",
	.states = IMAP_LOGGED_IN,
	.parse = append_parse,
	.start = append_start,
	.done = append_done,
	.finish = append_finish,
	.literal = &append_literal,
};
