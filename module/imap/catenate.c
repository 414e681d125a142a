/* SPDX-License-Identifier: BSD-2-Clause */
/* CATENATE: messages made of literals and of parts of stored messages. RFC 4469; sections and
 * octets of a part: RFC 5550 §5.7.1. URLs name the user's own mailboxes.
 *
 * Literals are taken from the client as they come; what stands before them in the command is copied
 * first. So everything but literals is a task in a queue, and the queue is emptied before the next
 * literal, and before the operation. \Seen is not set. */
#include "module/imap/append.h"
#include "module/imap/fetch.h"
#include "module/imap/url.h"

#include "base/mem.h"

#define PARTS_MAX    10000
#define HELD_MAX     ((uint64_t)64 << 20) /* octets of several messages */
#define COPY_AT_ONCE ((uint64_t)256 << 10)

struct append_source {
	struct imap_url url;
	struct imap_mailbox mailbox;
	struct hf_view *view;
	struct hf_content *content;
	struct hf_buf fields; /* of HEADER.FIELDS: picked already */
	bool picked;
	uint64_t offset, end;
};

/* Parsing ------------------------------------------------------------------------------------ */

static enum hf_status add_task(struct imap_cmd *cmd, struct imap_parser *p, struct hf_str url)
{
	struct append_args *args = cmd->args;

	if (args->task_count == PARTS_MAX)
		return imap_parser_expected(p, "fewer parts");
	if (args->task_count == args->task_capacity) {
		size_t capacity = args->task_capacity ? args->task_capacity * 2 : 8;
		struct append_task *grown = hf_new_array(cmd->arena, struct append_task, capacity);

		if (args->task_count)
			memcpy(grown, args->tasks, args->task_count * sizeof(*grown));
		args->tasks = grown;
		args->task_capacity = capacity;
	}
	args->tasks[args->task_count++] = (struct append_task){ args->count - 1, url };
	return HF_OK;
}

enum hf_status append_add_end(struct imap_cmd *cmd, struct imap_parser *p)
{
	return add_task(cmd, p, HF_STR_NULL);
}

enum hf_status append_parse_parts(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct append_args *args = cmd->args;

	for (;;) {
		struct hf_str url;
		enum hf_status status;

		if (imap_parse_keyword(p, "TEXT")) {
			if (!imap_parse_space(p) ||
			    (!imap_parse_is(p, '{') && !imap_parse_is(p, '~')))
				return imap_parser_expected(p, "a literal with text");
			args->catenate = true;
			return HF_OK;
		}
		if (!imap_parse_keyword(p, "URL") || !imap_parse_space(p))
			return imap_parser_expected(p, "TEXT or URL");
		if (!imap_parse_astring(p, &url))
			return imap_parser_expected(p, "a URL");
		status = add_task(cmd, p, hf_arena_str(cmd->arena, url));
		if (status != HF_OK)
			return status;
		if (imap_parse_char(p, ')')) {
			args->catenate = false;
			return add_task(cmd, p, HF_STR_NULL);
		}
		if (!imap_parse_space(p))
			return imap_parser_expected(p, "another part or a closing parenthesis");
	}
}

/* One URL ------------------------------------------------------------------------------------ */

static enum hf_status bad_url(struct imap_cmd *cmd, struct hf_str url)
{
	hf_buf_clear(&cmd->code);
	hf_buf_add_lit(&cmd->code, "BADURL ");
	if (url.size)
		imap_url_add(&cmd->code, url);
	else
		hf_buf_add_lit(&cmd->code, "\"\""); /* at least one octet: RFC 4469 §5 */
	imap_text(cmd, "There is no such message or part");
	return HF_ENONEXISTENT;
}

/* What others have is never looked at, whatever rights the user has there: so it is with what there is not. */
static enum hf_status source_begin(struct imap_cmd *cmd, struct hf_str text)
{
	struct append_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct append_source *source = args->source = hf_alloc_zero(sizeof(*source));
	enum hf_status status;

	if (!imap_url_parse(text, cmd->arena, &source->url))
		return bad_url(cmd, text);
	if (!source->url.mailbox.data) {
		if (!session->view || hf_view_owner(session->view) != session->user_id)
			return bad_url(cmd, text);
		source->mailbox.info.id = hf_view_mailbox(session->view);
		source->mailbox.info.owner = hf_view_owner(session->view);
		return HF_OK;
	}
	if (!imap_mailbox_is_in_own_tree(source->url.mailbox))
		return bad_url(cmd, text);
	status = imap_mailbox_look(session, cmd->arena, source->url.mailbox, HF_RIGHT_READ, &source->mailbox);
	return status == HF_ENONEXISTENT ? bad_url(cmd, text) : status;
}

static enum hf_status source_open_content(struct imap_cmd *cmd, struct append_source *source,
					  const struct hf_email *email, uint64_t size,
					  const struct section *section)
{
	struct hf_str header;
	char *to;
	size_t got = 0;
	enum hf_status status = hf_content_open(cmd->session->store, email, &source->content);

	if (status != HF_OK || !fetch_section_picks(section))
		return status;
	to = hf_arena_alloc(cmd->arena, (size_t)size + 1);
	status = hf_content_read(source->content, source->offset, to, (size_t)size, &got);
	header = hf_str_n(to, got);
	fetch_section_pick(section, header, &source->fields);
	source->picked = true;
	source->offset = 0;
	return status;
}

/* Finds the octets of the part; what is read stays readable from here on. */
static enum hf_status source_locate(struct imap_cmd *cmd, struct append_source *source)
{
	struct section *section = fetch_section_parse(cmd, source->url.section);
	struct hf_record record;
	struct hf_email email;
	uint64_t size, skip;
	enum hf_status status;

	if (!section ||
	    (source->url.uidvalidity &&
	     source->url.uidvalidity != hf_view_uidvalidity(source->view)) ||
	    !hf_view_record(source->view, hf_view_seq(source->view, source->url.uid), &record))
		return HF_ENONEXISTENT;
	status = hf_email_get(cmd->session->store, hf_view_owner(source->view), record.email,
			      cmd->arena, &email);
	if (status != HF_OK)
		return status;
	if (!fetch_section_locate(section, &email, &source->offset, &size))
		return HF_ENONEXISTENT;
	status = source_open_content(cmd, source, &email, size, section);
	if (source->picked)
		size = source->fields.size;
	skip = source->url.offset < size ? source->url.offset : size;
	source->offset += skip;
	size -= skip;
	source->end = source->offset + (size < source->url.count ? size : source->url.count);
	hf_view_close(&source->view);
	return status;
}

static enum hf_status source_open(struct imap_cmd *cmd, struct hf_str text)
{
	struct append_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct append_source *source = args->source;
	enum hf_status status =
		hf_view_open(session->store, source->mailbox.info.id, session->user_id, true,
			     hf_conn_waiter(session->conn, HF_EV_NEWS), &source->view);

	if (status == HF_OK)
		status = source_locate(cmd, source);
	return status == HF_ENONEXISTENT ? bad_url(cmd, text) : status;
}

static enum hf_status source_peek(struct append_source *source, struct hf_str *piece)
{
	enum hf_status status = HF_OK;

	if (source->picked)
		*piece = hf_str_sub(hf_buf_str(&source->fields), (size_t)source->offset, SIZE_MAX);
	else
		status = hf_content_peek(source->content, source->offset, piece);
	if (status == HF_OK && !piece->size)
		status = HF_ECORRUPT;
	if (piece->size > source->end - source->offset)
		piece->size = (size_t)(source->end - source->offset);
	return status;
}

static enum hf_status source_copy(struct imap_cmd *cmd, struct hf_append *item)
{
	struct append_args *args = cmd->args;
	struct append_source *source = args->source;
	uint64_t pause = source->offset + COPY_AT_ONCE;

	while (source->offset < source->end) {
		struct hf_str piece;
		enum hf_status status = source_peek(source, &piece);

		if (status == HF_OK)
			status = append_count(cmd, piece.size);
		if (status == HF_OK)
			status = append_write(cmd, item, piece);
		source->offset += piece.size;
		if (status != HF_OK)
			return status;
		if (source->offset >= pause)
			return HF_MORE;
	}
	append_drop_source(args);
	return HF_OK;
}

void append_drop_source(struct append_args *args)
{
	if (!args->source)
		return;
	hf_view_close(&args->source->view);
	hf_content_close(&args->source->content);
	hf_buf_fini(&args->source->fields);
	hf_free(args->source);
	args->source = NULL;
}

/* Tasks -------------------------------------------------------------------------------------- */

enum hf_status append_count(struct imap_cmd *cmd, uint64_t size)
{
	struct append_args *args = cmd->args;

	args->octets += size;
	if (args->count > 1 && args->octets > HELD_MAX) {
		imap_text(cmd, "Messages of one APPEND are larger than %llu octets together",
			  (unsigned long long)HELD_MAX);
		return HF_ELIMIT;
	}
	return HF_OK;
}

enum hf_status append_open_stage(struct imap_cmd *cmd, struct hf_append *item)
{
	struct imap_session *session = cmd->session;

	if (item->stage)
		return HF_OK;
	return hf_stage_new(session->store, session->settings->message_size_max,
			    hf_conn_waiter(session->conn, HF_EV_DURABLE), &item->stage);
}

static enum hf_status complete(struct imap_cmd *cmd, struct hf_append *item)
{
	if (!hf_stage_size(item->stage)) {
		imap_text(cmd, "Message is empty");
		return HF_EINVALID;
	}
	return hf_stage_finish(item->stage);
}

static enum hf_status copy_url(struct imap_cmd *cmd, struct hf_append *item, struct hf_str url)
{
	struct append_args *args = cmd->args;
	enum hf_status status = HF_OK;

	if (!args->source)
		status = source_begin(cmd, url);
	if (status == HF_OK && !args->source->content)
		status = source_open(cmd, url);
	if (status == HF_OK)
		status = source_copy(cmd, item);
	return status;
}

enum hf_status append_work(struct imap_cmd *cmd)
{
	struct append_args *args = cmd->args;

	while (args->task < args->task_count) {
		const struct append_task *task = &args->tasks[args->task];
		struct hf_append *item = &args->items[task->item];
		enum hf_status status = append_open_stage(cmd, item);

		if (status == HF_OK)
			status = task->url.data ? copy_url(cmd, item, task->url)
						: complete(cmd, item);
		/* A written piece may have to wait for room when the URL is at its end. */
		if (status != HF_OK)
			return status;
		args->task++;
	}
	return HF_OK;
}
