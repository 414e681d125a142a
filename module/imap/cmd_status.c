/* SPDX-License-Identifier: BSD-2-Clause */
/* STATUS: numbers of a mailbox without selecting it. RFC 9051 §6.3.11, RFC 3501 §6.3.10;
 * HIGHESTMODSEQ: RFC 7162 §3.1.7; MAILBOXID: RFC 8474 §4.3; SIZE: RFC 8438; APPENDLIMIT: RFC 7889
 * §3.2.
 *
 * Arguments: mailbox, list of items. It answers from memory, so asking about the selected mailbox
 * costs nothing more; only what this user has not seen of another's mailbox is counted. */
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

#define COUNT_AT_ONCE 512 /* messages */

struct status_args {
	struct hf_str name;
	struct imap_mailbox mailbox;
	struct imap_status_count count;
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

static bool asks_for(const struct imap_status_items *wanted, uint64_t (*value)(const struct hf_mailbox_info *info))
{
	for (size_t i = 0; i < wanted->count; i++)
		if (items[wanted->item[i]].value == value)
			return true;
	return false;
}

enum hf_status imap_status_count(struct imap_session *session, struct imap_mailbox *mailbox,
				 const struct imap_status_items *wanted, struct imap_status_count *count)
{
	if (imap_mailbox_is_own(session, mailbox) || !(asks_for(wanted, unseen_of) || asks_for(wanted, recent_of)))
		return HF_OK;
	return imap_status_count_own(session, mailbox, count);
}

enum hf_status imap_status_count_own(struct imap_session *session, struct imap_mailbox *mailbox, struct imap_status_count *count)
{
	struct hf_record records[COUNT_AT_ONCE];
	enum hf_status status = HF_OK;
	uint32_t got;

	if (!count->next) {
		status = hf_view_open(session->store, mailbox->info.id, session->user_id, true,
				      hf_conn_waiter(session->conn, HF_EV_NEWS), &count->view);
		if (status != HF_OK)
			return status;
		count->next = 1;
	}
	got = hf_view_records(count->view, HF_SEQ(count->next), COUNT_AT_ONCE, records);
	for (uint32_t i = 0; i < got; i++)
		count->unseen += !(records[i].flags & HF_FLAG_SEEN);
	count->next += got;
	if (got == COUNT_AT_ONCE)
		return HF_MORE;
	mailbox->info.unseen = count->unseen;
	mailbox->info.recent = hf_view_recent_count(count->view);
	mailbox->info.messages = hf_view_count(count->view);
	mailbox->info.uidnext = hf_view_uidnext(count->view);
	imap_status_count_end(count);
	return HF_OK;
}

void imap_status_count_end(struct imap_status_count *count)
{
	hf_view_close(&count->view);
	*count = (struct imap_status_count){ .view = NULL };
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

static enum hf_status status_next(struct imap_cmd *cmd)
{
	struct status_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	enum hf_status status = imap_status_count(session, &args->mailbox, &args->items, &args->count);

	if (status != HF_OK)
		return status;
	if (!imap_mailbox_may_read(session, &args->mailbox))
		return HF_ENONEXISTENT;
	imap_status_ask(session, &args->items);
	imap_status_write(session, &args->mailbox.info, &args->items);
	return HF_OK;
}

static enum hf_status status_start(struct imap_cmd *cmd)
{
	struct status_args *args = cmd->args;
	enum hf_status status = imap_mailbox_find(cmd, args->name, HF_RIGHT_READ, &args->mailbox);

	return status == HF_OK ? status_next(cmd) : status;
}

static void status_finish(struct imap_cmd *cmd)
{
	struct status_args *args = cmd->args;

	imap_status_count_end(&args->count);
}

const struct imap_command imap_cmd_status = {
	.name = "STATUS",
	.states = IMAP_LOGGED_IN,
	.parse = status_parse,
	.start = status_start,
	.next = status_next,
	.finish = status_finish,
};
