/* SPDX-License-Identifier: BSD-2-Clause */
/* BINARY[part]<partial>, BINARY.PEEK[...], BINARY.SIZE[part]: a part without its transfer encoding. RFC 3516 §4.2, §4.3; RFC 9051 §6.4.5.
 *
 * The size stands before the data, and whether a NUL is in it decides on the kind of literal, so an encoded part is decoded once
 * to learn both, in pieces, the last of which may be kept as the answer. A large answer is decoded again, as the socket drains,
 * by a source that holds one piece. What has no encoding (also multiparts and embedded messages, which RFC 9051 leaves out)
 * is sent as it is. The octets are those that the sender encoded: line ends of text are not changed. */
#include "base/mem.h"
#include "message/text.h"
#include "module/imap/fetch.h"

#define DEPTH_MAX 100
#define KEEP_MAX ((size_t)64 * 1024) /* octets of an answer that are kept while counting */
#define FEED ((size_t)32 * 1024)     /* octets decoded at once */
#define STEP (8 * FEED)              /* octets of content of one call */

struct binary {
	uint32_t *numbers;
	size_t number_count;
	bool size_only;
	bool partial;
	uint64_t offset, count;
	struct hf_str label; /* "BINARY[1.2]<0> " */
};

/* Where the octets of a part are, and how to decode them. */
struct body {
	uint64_t start, end; /* in prefix + content */
	bool decode;
	enum hf_cte cte;
};

/* Parsing ------------------------------------------------------------------------------------------------------------ */

static enum hf_status parse_numbers(struct imap_cmd *cmd, struct imap_parser *p, struct binary *b)
{
	uint32_t numbers[DEPTH_MAX];

	if (!imap_parse_char(p, '['))
		return imap_parser_expected(p, "[");
	while (!imap_parse_is(p, ']')) {
		if (b->number_count == DEPTH_MAX)
			return imap_parser_expected(p, "fewer part numbers");
		if (!imap_parse_number(p, &numbers[b->number_count]) || !numbers[b->number_count])
			return imap_parser_expected(p, "a part number");
		b->number_count++;
		if (!imap_parse_char(p, '.'))
			break;
		if (imap_parse_is(p, ']'))
			return imap_parser_expected(p, "a part number");
	}
	if (!imap_parse_char(p, ']'))
		return imap_parser_expected(p, "]");
	b->numbers = hf_arena_memdup(cmd->arena, numbers, b->number_count * sizeof *numbers);
	return HF_OK;
}

static struct hf_str make_label(struct imap_cmd *cmd, const struct binary *b)
{
	struct hf_buf label = HF_BUF_INIT;
	struct hf_str kept;
	size_t i;

	hf_buf_add_cstr(&label, b->size_only ? "BINARY.SIZE[" : "BINARY[");
	for (i = 0; i < b->number_count; i++)
		hf_buf_printf(&label, i ? ".%u" : "%u", b->numbers[i]);
	hf_buf_add_char(&label, ']');
	if (b->partial)
		hf_buf_printf(&label, "<%llu>", (unsigned long long)b->offset);
	hf_buf_add_char(&label, ' ');
	kept = hf_arena_str(cmd->arena, hf_buf_str(&label));
	hf_buf_fini(&label);
	return kept;
}

enum hf_status fetch_parse_binary(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				  unsigned *needs)
{
	struct binary *b = hf_new(cmd->arena, struct binary);
	enum hf_status status;

	(void)needs;
	*arg = b;
	b->size_only = !strcmp(item->name, "BINARY.SIZE");
	status = parse_numbers(cmd, p, b);
	if (status != HF_OK)
		return status;
	if (!b->size_only && imap_parse_char(p, '<')) {
		if (!imap_parse_number64(p, &b->offset) || !imap_parse_char(p, '.') || !imap_parse_number64(p, &b->count) ||
		    !b->count || !imap_parse_char(p, '>'))
			return imap_parser_expected(p, "<offset.count> with a count above 0");
		b->partial = true;
	}
	b->label = make_label(cmd, b);
	return HF_OK;
}

/* The source --------------------------------------------------------------------------------------------------------- */

/* Decoded octets in the order in which they are; going back decodes from the start again. */
struct binary_source {
	struct hf_source source;
	struct hf_content *content;
	struct body body;
	struct hf_body_decoder *decoder; /* NULL: nothing to decode */
	uint64_t at;        /* octet of the content to read next */
	bool ended;
	struct hf_buf out;  /* decoded and not dropped yet */
	uint64_t out_start; /* offset of its first octet, decoded */
};

static enum hf_status restart(struct binary_source *s)
{
	struct hf_part part = { .cte = s->body.cte };

	hf_body_decoder_free(&s->decoder);
	hf_buf_clear(&s->out);
	s->at = s->body.start;
	s->out_start = 0;
	s->ended = false;
	return s->body.decode ? hf_body_decoder_new(&part, false, &s->decoder) : HF_OK;
}

/* Drops what is decoded and decodes the next piece. */
static enum hf_status advance(struct binary_source *s)
{
	struct hf_str piece = HF_STR_NULL;
	enum hf_status status = HF_OK;

	s->out_start += s->out.size;
	hf_buf_clear(&s->out);
	if (s->at < s->body.end)
		status = hf_content_peek(s->content, s->at, &piece);
	if (status != HF_OK)
		return status;
	if (s->at < s->body.end && !piece.size)
		return HF_ECORRUPT;
	piece = hf_str_sub(piece, 0, s->body.end - s->at < FEED ? (size_t)(s->body.end - s->at) : FEED);
	s->at += piece.size;
	if (!s->decoder)
		hf_buf_add_str(&s->out, piece);
	else if (piece.size)
		hf_body_decoder_feed(s->decoder, piece, &s->out);
	else
		hf_body_decoder_end(s->decoder, &s->out);
	s->ended = !piece.size;
	return HF_OK;
}

static enum hf_status source_read(struct hf_source *source, uint64_t offset, void *to, size_t size, size_t *got)
{
	struct binary_source *s = HF_CONTAINER(source, struct binary_source, source);
	enum hf_status status = offset < s->out_start ? restart(s) : HF_OK;
	struct hf_str found;

	while (status == HF_OK && offset >= s->out_start + s->out.size && !s->ended)
		status = advance(s);
	if (status != HF_OK)
		return status;
	found = offset < s->out_start + s->out.size ? hf_str_sub(hf_buf_str(&s->out), (size_t)(offset - s->out_start), size) :
						       HF_STR_NULL;
	if (found.size)
		memcpy(to, found.data, found.size);
	*got = found.size;
	return HF_OK;
}

static void source_free(struct hf_source *source)
{
	struct binary_source *s = HF_CONTAINER(source, struct binary_source, source);

	hf_content_close(&s->content);
	hf_body_decoder_free(&s->decoder);
	hf_buf_fini(&s->out);
	hf_free(s);
}

static enum hf_status source_open(struct fetch_message *m, const struct body *body, struct hf_source **source)
{
	struct binary_source *s = hf_alloc_zero(sizeof *s);
	enum hf_status status;

	s->source = (struct hf_source){ .read = source_read, .free = source_free, .refs = 1 };
	s->body = *body;
	status = hf_content_open(m->cmd->session->store, &m->email, &s->content);
	if (status == HF_OK)
		status = restart(s);
	*source = &s->source;
	if (status != HF_OK)
		hf_source_unref(source);
	return status;
}

/* Counting ----------------------------------------------------------------------------------------------------------- */

/* One item under way. */
struct work {
	struct hf_source *source;
	uint64_t from, to;      /* decoded octets asked for */
	bool counted, nul;
	uint64_t size;          /* of all that was decoded */
	struct hf_buf kept;     /* of those asked for */
};

static void work_free(void **work_p)
{
	struct work *w = *work_p;

	hf_source_unref(&w->source);
	hf_buf_fini(&w->kept);
	hf_free(w);
	*work_p = NULL;
}

static void see_piece(struct work *w, uint64_t start, struct hf_str piece)
{
	uint64_t end = start + piece.size, from = w->from > start ? w->from : start, to = w->to < end ? w->to : end;

	w->size = end;
	if (from >= to)
		return;
	piece = hf_str_sub(piece, (size_t)(from - start), (size_t)(to - from));
	w->nul = w->nul || memchr(piece.data, 0, piece.size);
	if (w->kept.size <= KEEP_MAX)
		hf_buf_add_str(&w->kept, piece);
}

static enum hf_status count(struct work *w)
{
	struct binary_source *s = HF_CONTAINER(w->source, struct binary_source, source);
	uint64_t began = s->at;
	enum hf_status status;

	while (!s->ended && w->size < w->to) {
		status = advance(s);
		if (status != HF_OK)
			return status;
		see_piece(w, s->out_start, hf_buf_str(&s->out));
		if (s->at - began >= STEP)
			return HF_MORE;
	}
	w->counted = true;
	if (w->kept.size <= KEEP_MAX)
		return HF_OK;
	hf_buf_fini(&w->kept);
	status = restart(s);
	return status == HF_OK ? HF_MORE : status;
}

/* Brings the source to the first octet asked for, in pieces: reading must not begin with a long way. */
static enum hf_status skip(struct work *w)
{
	struct binary_source *s = HF_CONTAINER(w->source, struct binary_source, source);
	uint64_t began = s->at;
	enum hf_status status;

	while (!s->ended && s->out_start + s->out.size <= w->from) {
		status = advance(s);
		if (status != HF_OK)
			return status;
		if (s->at - began >= STEP)
			return HF_MORE;
	}
	return HF_OK;
}

static enum hf_status work_begin(struct fetch_message *m, const struct binary *b, const struct body *body)
{
	struct work *w = hf_alloc_zero(sizeof *w);

	w->from = b->size_only ? UINT64_MAX : b->offset; /* nothing is kept */
	w->to = b->partial && b->count < UINT64_MAX - b->offset ? b->offset + b->count : UINT64_MAX;
	m->work = w;
	m->work_free = work_free;
	return source_open(m, body, &w->source);
}

static enum hf_status write_counted(struct fetch_message *m, const struct binary *b)
{
	struct work *w = m->work;
	struct hf_buf *text = &m->out->text;
	uint64_t end = w->size < w->to ? w->size : w->to, size = w->from < end ? end - w->from : 0;

	if (b->size_only) {
		hf_buf_add_u64(text, w->size);
		return HF_OK;
	}
	if (w->nul)
		hf_buf_add_char(text, '~'); /* literal8 */
	hf_buf_printf(text, "{%llu}\r\n", (unsigned long long)size);
	if (w->kept.size || !size) {
		hf_buf_add_str(text, hf_buf_str(&w->kept));
		return HF_OK;
	}
	fetch_add_slice(m->out, w->source, w->from, size);
	w->source = NULL;
	return HF_OK;
}

/* Items -------------------------------------------------------------------------------------------------------------- */

/* False: there is no such part. */
static bool find_body(const struct fetch_message *m, const struct binary *b, struct body *body)
{
	const struct hf_part *part;

	if (!b->number_count) {
		*body = (struct body){ 0, m->email.size, false, HF_CTE_BINARY };
		return true;
	}
	part = hf_part_find(m->email.message.root, b->numbers, b->number_count);
	if (!part)
		return false;
	body->start = m->email.prefix.size + part->body_offset;
	body->end = body->start + part->body_size;
	body->cte = part->cte;
	body->decode = part->kind == HF_PART_LEAF && part->cte != HF_CTE_7BIT && part->cte != HF_CTE_8BIT &&
		       part->cte != HF_CTE_BINARY;
	return true;
}

/* Nothing to decode and no NUL to look for: as BODY[...]. */
static enum hf_status write_plain(struct fetch_message *m, const struct binary *b, const struct body *body)
{
	uint64_t size = body->end - body->start, skipped = b->offset < size ? b->offset : size;

	if (b->size_only) {
		hf_buf_add_u64(&m->out->text, size);
		return HF_OK;
	}
	size -= skipped;
	if (b->partial && size > b->count)
		size = b->count;
	return fetch_add_literal(m, body->start + skipped, size);
}

static enum hf_status write_work(struct fetch_message *m, const struct binary *b)
{
	struct work *w = m->work;
	enum hf_status status = w->counted ? HF_OK : count(w);

	if (status == HF_OK && !b->size_only && !w->kept.size && w->size > w->from)
		status = skip(w);
	if (status == HF_OK)
		status = write_counted(m, b);
	if (status == HF_OK)
		work_free(&m->work);
	return status;
}

enum hf_status fetch_write_binary(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	const struct binary *b = arg;
	struct body body;
	enum hf_status status;

	(void)item;
	if (m->work)
		return write_work(m, b);
	hf_buf_add_str(&m->out->text, b->label);
	if (!find_body(m, b, &body)) {
		hf_buf_add_cstr(&m->out->text, b->size_only ? "0" : "NIL");
		return HF_OK;
	}
	if (!body.decode && (b->size_only || !m->email.has_nul))
		return write_plain(m, b, &body);
	status = work_begin(m, b, &body);
	return status == HF_OK ? write_work(m, b) : status;
}
