/* SPDX-License-Identifier: BSD-2-Clause */
/* One message of a FETCH: what is read of it, and the response. A response is complete before any of it is sent, so that a message
 * whose content is damaged is left out as a whole and the others are served. */
#include "base/mem.h"
#include "module/imap/fetch.h"

/* Literals up to this size are copied into the response; larger ones are read as the socket drains. */
#define COPY_MAX (64 * 1024)
/* Of one response: beyond this nothing is copied that can be read later; beyond that it is refused. */
#define COPY_ALL_MAX (1024 * 1024)
#define RESPONSE_MAX (32 * 1024 * 1024)

void fetch_out_reset(struct fetch_out *out)
{
	size_t i;

	for (i = 0; i < out->slice_count; i++)
		hf_source_unref(&out->slices[i].source);
	out->slice_count = 0;
	hf_buf_clear(&out->text);
}

void fetch_out_fini(struct fetch_out *out)
{
	fetch_out_reset(out);
	hf_free(out->slices);
	out->slices = NULL;
	hf_buf_fini(&out->text);
}

void fetch_out_send(struct fetch_out *out, struct hf_conn *conn)
{
	size_t i, at = 0;

	if (!out->text.size)
		return; /* slices stand between texts: there is none either */
	for (i = 0; i < out->slice_count; i++) {
		struct fetch_slice *slice = &out->slices[i];

		hf_conn_write(conn, out->text.data + at, slice->at - at);
		hf_conn_send_source(conn, slice->source, slice->offset, slice->size);
		slice->source = NULL;
		at = slice->at;
	}
	hf_conn_write(conn, out->text.data + at, out->text.size - at);
	fetch_out_reset(out);
}

bool fetch_fact(struct fetch_message *m, enum fetch_fact fact, struct hf_str *data)
{
	static const enum hf_fact facts[FETCH_FACT_COUNT] = {
		[FETCH_FACT_ENVELOPE] = HF_FACT_ENVELOPE,
		[FETCH_FACT_BODYSTRUCTURE] = HF_FACT_BODYSTRUCTURE,
		[FETCH_FACT_HEADERS] = HF_FACT_HEADERS,
	};
	struct imap_session *session = m->cmd->session;

	if (!m->args->use_facts)
		return false;
	if (!m->args->facts[fact])
		m->args->facts[fact] = hf_facts_open(session->store, session->view, facts[fact], m->args->make_facts);
	return hf_facts_get(m->args->facts[fact], m->record->uid, data);
}

enum hf_status fetch_list(struct fetch_message *m)
{
	struct imap_session *session = m->cmd->session;
	enum hf_status status = HF_OK;

	if (m->has_list)
		return HF_OK;
	if (!m->args->list)
		status = hf_list_reader_open(session->store, hf_view_owner(session->view), &m->args->list);
	if (status == HF_OK)
		status = hf_list_reader_get(m->args->list, m->record->email, &m->list);
	m->has_list = status == HF_OK;
	return status;
}

enum hf_status fetch_email(struct fetch_message *m)
{
	struct imap_session *session = m->cmd->session;
	enum hf_status status = HF_OK;

	if (m->has_email)
		return HF_OK;
	if (!m->args->emails)
		status = hf_email_reader_open(session->store, hf_view_owner(session->view), &m->args->emails);
	if (status == HF_OK)
		status = hf_email_reader_get(m->args->emails, m->record->email, &m->email);
	m->has_email = status == HF_OK;
	return status;
}

enum hf_status fetch_tree(struct fetch_message *m)
{
	enum hf_status status = fetch_email(m);

	return status == HF_OK ? hf_email_decode(m->args->scratch, &m->email) : status;
}

enum hf_status fetch_content(struct fetch_message *m, struct hf_content **content)
{
	enum hf_status status;

	if (!m->content && m->args->spare) {
		m->content = m->args->spare;
		m->args->spare = NULL;
		hf_content_reopen(m->cmd->session->store, &m->email, m->content);
	}
	if (!m->content) {
		status = hf_content_open(m->cmd->session->store, &m->email, &m->content);
		if (status != HF_OK)
			return status;
	}
	*content = m->content;
	return HF_OK;
}

enum hf_status fetch_header(struct fetch_message *m, struct hf_str *header)
{
	struct hf_content *content;
	enum hf_status status;

	if (!m->has_header) {
		status = fetch_content(m, &content);
		if (status == HF_OK)
			status = hf_content_header(content, m->args->scratch, &m->header);
		if (status != HF_OK)
			return status;
		m->has_header = true;
	}
	*header = m->header;
	return HF_OK;
}

/* A literal cannot carry NUL: RFC 9051 §9 CHAR8. */
static void show_nul(char *data, size_t size)
{
	char *end = data + size;

	while ((data = memchr(data, 0, (size_t)(end - data))) != NULL)
		*data = (char)0x80;
}

static enum hf_status copy_content(struct fetch_message *m, struct hf_content *content, uint64_t offset, size_t size)
{
	char *to = hf_buf_reserve(&m->out->text, size);
	size_t done = 0, got;
	enum hf_status status;

	while (done < size) {
		status = hf_content_read(content, offset + done, to + done, size - done, &got);
		if (status != HF_OK)
			return status;
		if (!got)
			return HF_ECORRUPT;
		done += got;
	}
	if (m->email.has_nul)
		show_nul(to, size);
	hf_buf_added(&m->out->text, size);
	return HF_OK;
}

void fetch_add_slice(struct fetch_out *out, struct hf_source *source, uint64_t offset, uint64_t size)
{
	if (out->slice_count == out->slice_capacity) {
		out->slice_capacity = out->slice_capacity ? out->slice_capacity * 2 : 4;
		out->slices = hf_realloc_array(out->slices, out->slice_capacity, sizeof *out->slices);
	}
	out->slices[out->slice_count++] = (struct fetch_slice){
		.at = out->text.size,
		.source = source,
		.offset = offset,
		.size = size,
	};
}

static enum hf_status add_content(struct fetch_message *m, uint64_t offset, uint64_t size)
{
	struct hf_content *content;
	enum hf_status status = hf_content_open(m->cmd->session->store, &m->email, &content);

	if (status == HF_OK)
		fetch_add_slice(m->out, hf_content_source(&content, m->email.has_nul), offset, size);
	return status;
}

enum hf_status fetch_add_literal(struct fetch_message *m, uint64_t offset, uint64_t size)
{
	struct hf_content *content;
	enum hf_status status;

	hf_buf_add_char(&m->out->text, '{');
	hf_buf_add_u64(&m->out->text, size);
	hf_buf_add_lit(&m->out->text, "}\r\n");
	if (!size)
		return HF_OK;
	if (size > COPY_MAX || m->out->text.size - m->before + size > COPY_ALL_MAX)
		return add_content(m, offset, size);
	status = fetch_content(m, &content);
	if (status != HF_OK)
		return status;
	return copy_content(m, content, offset, (size_t)size);
}

/* Reads the rows that the items of this command need. */
static enum hf_status load(struct fetch_message *m)
{
	struct fetch_args *args = m->args;
	enum hf_status status = args->needs & FETCH_NEEDS_LIST ? fetch_list(m) : HF_OK;

	if (status != HF_OK)
		return status;
	if ((args->needs & FETCH_NEEDS_TREE) == FETCH_NEEDS_TREE)
		return fetch_tree(m);
	return args->needs & FETCH_NEEDS_EMAIL ? fetch_email(m) : HF_OK;
}

static bool is_asked(const struct fetch_args *args, const char *name)
{
	const struct fetch_item *item = fetch_item_find(hf_str(name));
	size_t i;

	for (i = 0; i < args->use_count; i++)
		if (args->uses[i].item == item)
			return true;
	return false;
}

/* \Seen set by this very FETCH is news for the client (RFC 9051 §6.4.5; with UID and MODSEQ: RFC 7162 §3.2.4). */
static void add_news(struct fetch_message *m)
{
	struct hf_buf *text = &m->out->text;

	if (!is_asked(m->args, "FLAGS")) {
		hf_buf_add_char(text, ' ');
		hf_buf_add_str(text, fetch_flags_text(m));
	}
	if (!(m->cmd->session->enabled & IMAP_EN_CONDSTORE))
		return;
	if (!(m->cmd->session->enabled & IMAP_EN_UIDONLY) && !is_asked(m->args, "UID"))
		hf_buf_printf(text, " UID %u", m->record->uid.n);
	if (!is_asked(m->args, "MODSEQ")) {
		hf_buf_add_char(text, ' ');
		hf_buf_printf(text, "MODSEQ (%llu)", (unsigned long long)m->record->modseq.n);
	}
}

static enum hf_status write_items(struct fetch_message *m)
{
	struct fetch_args *args = m->args;
	struct hf_buf *text = &m->out->text;
	enum hf_status status;

	for (; m->use < args->use_count; m->use++) {
		const struct fetch_use *use = &args->uses[m->use];

		if (m->use && !m->work)
			hf_buf_add_char(text, ' ');
		status = use->item->write(m, use->item, use->arg);
		if (status != HF_OK)
			return status;
		if (text->size - m->before > RESPONSE_MAX)
			return HF_ELIMIT;
	}
	if (m->cmd->op && hf_op_made_modseq(m->cmd->op, m->record->modseq))
		add_news(m);
	hf_buf_add_lit(text, ")\r\n");
	return HF_OK;
}

static enum hf_status begin(struct fetch_message *m)
{
	struct hf_buf *text = &m->out->text;
	enum hf_status status = m->args->needs & (FETCH_NEEDS_LIST | FETCH_NEEDS_EMAIL) ? load(m) : HF_OK;

	m->begun = true;
	m->before = text->size;
	imap_add_fetch(m->cmd->session, text, m->seq, m->record->uid);
	return status;
}

void fetch_message_drop(struct fetch_message *m)
{
	if (m->work)
		m->work_free(&m->work);
	if (m->content && !m->args->spare) {
		m->args->spare = m->content;
		m->content = NULL;
	}
	hf_content_close(&m->content);
	m->begun = false;
}

enum hf_status fetch_message_write(struct fetch_message *m)
{
	enum hf_status status = m->begun ? HF_OK : begin(m);

	if (status == HF_OK)
		status = write_items(m);
	if (status == HF_MORE)
		return HF_MORE;
	fetch_message_drop(m);
	if (status != HF_OK) {
		while (m->out->slice_count && m->out->slices[m->out->slice_count - 1].at >= m->before)
			hf_source_unref(&m->out->slices[--m->out->slice_count].source);
		m->out->text.size = m->before;
	}
	return status;
}
