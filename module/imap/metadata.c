/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands about annotations share: names of entries, the mailbox they are of, values.
 * RFC 5464 §3, §5; RFC 6154 §4; in LIST: RFC 9590. */
#include "module/imap/metadata.h"

#include <stdlib.h>

#include "module/imap/list.h"

/* Entries ------------------------------------------------------------------------------------ */

enum hf_status imap_entry_parse(struct imap_parser *p, struct imap_entry *entry)
{
	const char *pos = p->pos;
	enum hf_status status;

	if (!imap_parse_astring(p, &entry->written))
		return imap_parser_expected(p, "the name of an entry");
	entry->normal = HF_STR_NULL;
	status = hf_entry_check(entry->written, p->arena, &entry->normal);
	if (status == HF_OK || status == HF_ELIMIT)
		return HF_OK;
	p->pos = pos;
	return imap_parser_expected(p, "the name of an entry, such as /private/comment");
}

static struct imap_entry *add_entry(struct hf_arena *arena, struct imap_entries *entries)
{
	if (entries->count == entries->capacity) {
		size_t capacity = entries->capacity ? entries->capacity * 2 : 4;
		struct imap_entry *grown = hf_new_array(arena, struct imap_entry, capacity);

		if (entries->count)
			memcpy(grown, entries->list, entries->count * sizeof(*grown));
		entries->list = grown;
		entries->capacity = capacity;
	}
	return &entries->list[entries->count++];
}

enum hf_status imap_entries_parse(struct imap_parser *p, bool bare, struct imap_entries *entries)
{
	bool list = imap_parse_char(p, '(');
	enum hf_status status;

	do {
		status = imap_entry_parse(p, add_entry(p->arena, entries));
		if (status != HF_OK)
			return status;
		if (list && imap_parse_char(p, ')'))
			return HF_OK;
		if (!list && (!bare || imap_parse_end(p)))
			return HF_OK;
	} while (imap_parse_space(p));
	return imap_parser_expected(p, "another entry or a closing parenthesis");
}

static int by_name(const void *a, const void *b)
{
	const struct imap_entry *const *x = a, *const *y = b;
	int order = hf_str_cmp((*x)->normal, (*y)->normal);

	return order ? order : (*x > *y) - (*x < *y);
}

void imap_entries_unique(struct hf_arena *arena, struct imap_entries *entries)
{
	size_t count = entries->count, left = 0;
	struct imap_entry **sorted = hf_new_array(arena, struct imap_entry *, count);

	for (size_t i = 0; i < count; i++)
		sorted[i] = &entries->list[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < count; i++)
		if (hf_str_eq(sorted[i]->normal, sorted[i - 1]->normal))
			sorted[i]->written = HF_STR_NULL;
	for (size_t i = 0; i < count; i++)
		if (entries->list[i].written.data)
			entries->list[left++] = entries->list[i];
	entries->count = left;
}

enum hf_status imap_entries_check(struct imap_cmd *cmd, const struct imap_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		if (entries->list[i].normal.data)
			continue;
		imap_text(cmd, "The name of an entry has at most %d octets", HF_ENTRY_MAX);
		return HF_ELIMIT;
	}
	return HF_OK;
}

/* What is annotated -------------------------------------------------------------------------- */

bool imap_annotated_parse(struct imap_parser *p, struct imap_annotated *annotated)
{
	const char *pos = p->pos;
	struct hf_str text;

	*annotated = (struct imap_annotated){ 0 };
	if (!imap_parse_astring(p, &text))
		return false;
	annotated->server = !text.size;
	if (annotated->server)
		return true;
	p->pos = pos;
	return imap_parse_mailbox(p, &annotated->name);
}

bool imap_annotated_is_for(const struct imap_mailbox *mailbox)
{
	return mailbox->rights & HF_RIGHT_LOOKUP &&
	       mailbox->rights & (HF_RIGHT_READ | HF_RIGHT_SEEN | HF_RIGHT_WRITE | HF_RIGHT_INSERT | HF_RIGHT_POST);
}

void imap_annotated_is(const struct imap_session *session, const struct imap_mailbox *mailbox,
		       struct imap_annotated *annotated)
{
	const struct hf_mailbox_info *info = &mailbox->info;

	annotated->server = false;
	annotated->name = info->name;
	annotated->id = info->id;
	annotated->own = imap_mailbox_is_own(session, mailbox);
	annotated->may_share = mailbox->rights & HF_RIGHT_WRITE;
	annotated->special_use = annotated->own ? info->special_use : 0;
}

enum hf_status imap_annotated_find(struct imap_cmd *cmd, struct imap_annotated *annotated)
{
	struct imap_session *session = cmd->session;
	struct imap_mailbox mailbox;
	enum hf_status status;

	if (annotated->server) {
		annotated->may_share = session->admin;
		return HF_OK;
	}
	status = imap_mailbox_find(cmd, annotated->name, HF_RIGHT_LOOKUP, &mailbox);
	if (status == HF_OK && !imap_annotated_is_for(&mailbox))
		status = HF_ENOPERM;
	if (status == HF_OK)
		imap_annotated_is(session, &mailbox, annotated);
	return status;
}

/* Values ------------------------------------------------------------------------------------- */

bool imap_entry_is_use(const struct imap_annotated *annotated, struct hf_str normal)
{
	return !annotated->server && hf_str_eq(normal, HF_STR("/private/specialuse"));
}

static struct hf_str use_value(struct hf_arena *arena, uint32_t special_use)
{
	const char *text = NULL;

	for (size_t i = 0; i < imap_special_use_count; i++)
		if (special_use & imap_special_uses[i].bit)
			text = hf_arena_printf(arena, "%s%s\\%s", text ? text : "", text ? " " : "",
					       imap_special_uses[i].name);
	return text ? hf_str(text) : HF_STR_NULL;
}

enum hf_status imap_metadata_value(struct imap_session *session,
				   const struct imap_annotated *annotated, struct hf_str normal,
				   struct hf_arena *arena, struct hf_str *value)
{
	enum hf_status status;

	*value = HF_STR_NULL;
	if (imap_entry_is_use(annotated, normal)) {
		*value = use_value(arena, annotated->special_use);
		return HF_OK;
	}
	status = hf_annotation_find(session->store, annotated->id, session->user_id, normal, arena,
				    value);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

void imap_metadata_head(struct imap_session *session, const struct imap_annotated *annotated,
			struct hf_buf *out)
{
	hf_buf_add_lit(out, "* METADATA ");
	if (annotated->server)
		hf_buf_add_lit(out, "\"\"");
	else
		imap_add_mailbox(session, out, annotated->name);
	hf_buf_add_char(out, ' ');
}

void imap_metadata_add(struct hf_buf *out, bool next, struct hf_str written, struct hf_str value)
{
	if (next)
		hf_buf_add_char(out, ' ');
	imap_add_astring(out, written);
	hf_buf_add_char(out, ' ');
	if (value.data && memchr(value.data, '\0', value.size)) {
		hf_buf_printf(out, "~{%zu}\r\n", value.size); /* literal8 */
		hf_buf_add_str(out, value);
	} else {
		imap_add_nstring(out, value);
	}
}

void imap_metadata_write(struct imap_session *session, const struct imap_mailbox *mailbox,
			 const struct imap_entries *entries)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf out = HF_BUF_INIT;
	struct imap_annotated annotated = { 0 };
	bool any = false;

	if (!imap_annotated_is_for(mailbox)) {
		hf_arena_free(&arena);
		return;
	}
	imap_annotated_is(session, mailbox, &annotated);
	imap_metadata_head(session, &annotated, &out);
	hf_buf_add_char(&out, '(');
	for (size_t i = 0; i < entries->count; i++) {
		struct hf_str value;

		hf_arena_reset(arena);
		if (imap_metadata_value(session, &annotated, entries->list[i].normal, arena,
					&value) != HF_OK)
			continue;
		imap_metadata_add(&out, any, entries->list[i].written, value);
		any = true;
	}
	hf_buf_add_lit(&out, ")\r\n");
	if (any)
		hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
	hf_arena_free(&arena);
}
