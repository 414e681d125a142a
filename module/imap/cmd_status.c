/* SPDX-License-Identifier: BSD-2-Clause */
/* STATUS: numbers of a mailbox without selecting it. RFC 9051 §6.3.11, RFC 3501 §6.3.10;
 * HIGHESTMODSEQ: RFC 7162 §3.1.7; MAILBOXID: RFC 8474 §4.3; SIZE: RFC 8438; APPENDLIMIT: RFC 7889
 * §3.2.
 *
 * Arguments: mailbox, list of items. It answers from memory, so asking about the selected mailbox
 * costs nothing more. */
#include "module/imap/imap.h"
#include "module/imap/objectid.h"
#include "module/imap/status.h"

static uint64_t messages_of(const struct hf_mailbox_info *info)
{
	return info->messages;
}

static uint64_t recent_of(const struct hf_mailbox_info *info)
{
	return info->recent;
}

static uint64_t uidnext_of(const struct hf_mailbox_info *info)
{
	return info->uidnext.n;
}

static uint64_t uidvalidity_of(const struct hf_mailbox_info *info)
{
	return info->uidvalidity;
}

static uint64_t unseen_of(const struct hf_mailbox_info *info)
{
	return info->unseen;
}

static uint64_t highestmodseq_of(const struct hf_mailbox_info *info)
{
	return info->highestmodseq.n;
}

static uint64_t size_of(const struct hf_mailbox_info *info)
{
	return info->size;
}

static uint64_t deleted_of(const struct hf_mailbox_info *info)
{
	return info->deleted;
}

static void add_mailbox_id(struct imap_session *session, struct hf_buf *out,
			   const struct hf_mailbox_info *info)
{
	(void)session;
	hf_buf_add_char(out, '(');
	imap_add_objectid(out, IMAP_OBJECTID_MAILBOX, 0, info->id);
	hf_buf_add_char(out, ')');
}

static uint64_t deleted_size_of(const struct hf_mailbox_info *info)
{
	return info->deleted_size;
}

/* The same for every mailbox. */
static void add_append_limit(struct imap_session *session, struct hf_buf *out,
			     const struct hf_mailbox_info *info)
{
	(void)info;
	hf_buf_add_u64(out, session->settings->message_size_max);
}

static const struct {
	const char *name;
	uint64_t (*value)(const struct hf_mailbox_info *info); /* NULL: add writes it */
	void (*add)(struct imap_session *session, struct hf_buf *out,
		    const struct hf_mailbox_info *info);
	void (*asked)(struct imap_session *session); /* what asking for it turns on */
} items[] = {
	{ "MESSAGES", messages_of, NULL, NULL },
	{ "RECENT", recent_of, NULL, NULL },
	{ "UIDNEXT", uidnext_of, NULL, NULL },
	{ "UIDVALIDITY", uidvalidity_of, NULL, NULL },
	{ "UNSEEN", unseen_of, NULL, NULL },
	{ "DELETED", deleted_of, NULL, NULL },
	{ "DELETED-STORAGE", deleted_size_of, NULL, NULL }, /* RFC 9208 */
	{ "SIZE", size_of, NULL, NULL },
	{ "HIGHESTMODSEQ", highestmodseq_of, NULL, imap_enable_condstore },
	{ "MAILBOXID", NULL, add_mailbox_id, NULL },
	{ "APPENDLIMIT", NULL, add_append_limit, NULL },
};

struct status_args {
	struct hf_str name;
	struct imap_status_items items;
};

static enum hf_status parse_item(struct imap_status_items *wanted, struct imap_parser *p)
{
	for (size_t i = 0; i < HF_COUNT(items); i++) {
		if (!imap_parse_keyword(p, items[i].name))
			continue;
		if (wanted->count == IMAP_STATUS_ITEMS_MAX)
			return imap_parser_expected(p, "fewer items");
		wanted->item[wanted->count++] = (uint8_t)i;
		return HF_OK;
	}
	return imap_parser_expected(p, "a status item");
}

enum hf_status imap_status_parse(struct imap_parser *p, struct imap_status_items *wanted)
{
	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of items");
	while (imap_parse_space(p))
		;
	do {
		enum hf_status status = parse_item(wanted, p);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

static enum hf_status status_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct status_args *args = cmd->args = hf_new(cmd->arena, struct status_args);

	if (!imap_parse_mailbox(p, &args->name))
		return imap_parser_expected(p, "a mailbox name");
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a list of items");
	if (!imap_parse_is(p, '('))
		return parse_item(&args->items, p); /* real clients leave the parentheses out */
	return imap_status_parse(p, &args->items);
}

static void add_item(struct imap_session *session, struct hf_buf *out, size_t item,
		     const struct hf_mailbox_info *info)
{
	hf_buf_add_cstr(out, items[item].name);
	hf_buf_add_char(out, ' ');
	if (items[item].value)
		hf_buf_add_u64(out, items[item].value(info));
	else
		items[item].add(session, out, info);
}

void imap_status_ask(struct imap_session *session, const struct imap_status_items *wanted)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (items[wanted->item[i]].asked)
			items[wanted->item[i]].asked(session);
}

void imap_status_write(struct imap_session *session, const struct hf_mailbox_info *info,
		       const struct imap_status_items *wanted)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* STATUS ");
	imap_add_mailbox(session, &out, info->name);
	hf_buf_add_lit(&out, " (");
	for (size_t i = 0; i < wanted->count; i++) {
		if (i)
			hf_buf_add_char(&out, ' ');
		add_item(session, &out, wanted->item[i], info);
	}
	hf_buf_add_lit(&out, ")\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

static enum hf_status status_start(struct imap_cmd *cmd)
{
	const struct status_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct hf_mailbox_info info;
	enum hf_status status;

	if (!args->name.data)
		return imap_bad_name(cmd);
	status = hf_account_find(session->account, args->name, cmd->arena, &info);
	if (status != HF_OK)
		return status;
	if (!info.id)
		return HF_ENONEXISTENT;
	imap_status_ask(session, &args->items);
	imap_status_write(session, &info, &args->items);
	return HF_OK;
}

const struct imap_command imap_cmd_status = {
	.name = "STATUS",
	.states = IMAP_LOGGED_IN,
	.parse = status_parse,
	.start = status_start,
};
