/* SPDX-License-Identifier: BSD-2-Clause */
/* BODY[section]<partial>, BODY.PEEK[...], BODY without a section, and the older RFC822, RFC822.HEADER, RFC822.TEXT.
 * RFC 9051 §6.4.5 and §6.4.5.1. */
#include "message/render.h"
#include "message/text.h"
#include "module/imap/fetch.h"

#define SECTION_DEPTH_MAX 100

enum section_what {
	SECTION_STRUCTURE, /* BODY alone: the short body structure */
	SECTION_ALL,       /* the message, or the body of a part */
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME
};

struct section {
	enum section_what what;
	uint32_t *numbers;
	size_t number_count;
	struct hf_str *fields;
	size_t field_count;
	bool common_fields;    /* all of them are in the list row's header block */
	uint32_t common_mask;  /* which, for hf_fact_headers_pick() */
	bool partial;
	uint64_t offset, count;
	struct hf_str label;   /* "BODY[1.HEADER]<0>" */
};

static enum hf_status parse_fields(struct imap_cmd *cmd, struct imap_parser *p, struct section *s)
{
	size_t capacity = 0;
	struct hf_str name;

	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of header fields");
	s->common_fields = s->what == SECTION_FIELDS;
	do {
		imap_parse_space(p);
		if (imap_parse_is(p, ')') && s->field_count)
			break;
		if (!imap_parse_astring(p, &name))
			return imap_parser_expected(p, "a header field name");
		if (s->field_count == capacity) {
			struct hf_str *grown = hf_new_array(cmd->arena, struct hf_str, capacity = capacity ? capacity * 2 : 8);

			if (s->field_count)
				memcpy(grown, s->fields, s->field_count * sizeof *grown);
			s->fields = grown;
		}
		s->fields[s->field_count++] = name;
		s->common_fields = s->common_fields && hf_list_has_field(name);
		if (s->common_fields)
			s->common_mask |= UINT32_C(1) << hf_list_field(name);
	} while (imap_parse_is(p, ' '));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, ")");
}

/* "1.2.3", and the dot behind it if words follow. *dot tells that they must. */
static enum hf_status parse_numbers(struct imap_cmd *cmd, struct imap_parser *p, struct section *s, bool *dot)
{
	uint32_t numbers[SECTION_DEPTH_MAX];

	*dot = false;
	while (p->pos < p->end && *p->pos >= '0' && *p->pos <= '9') {
		if (s->number_count == SECTION_DEPTH_MAX)
			return imap_parser_expected(p, "fewer part numbers");
		if (!imap_parse_number(p, &numbers[s->number_count]) || !numbers[s->number_count])
			return imap_parser_expected(p, "a part number");
		s->number_count++;
		*dot = imap_parse_char(p, '.');
		if (!*dot)
			break;
	}
	s->numbers = hf_arena_memdup(cmd->arena, numbers, s->number_count * sizeof *numbers);
	return HF_OK;
}

static enum hf_status parse_words(struct imap_cmd *cmd, struct imap_parser *p, struct section *s)
{
	if (imap_parse_keyword(p, "HEADER.FIELDS.NOT")) {
		s->what = SECTION_FIELDS_NOT;
		return parse_fields(cmd, p, s);
	}
	if (imap_parse_keyword(p, "HEADER.FIELDS")) {
		s->what = SECTION_FIELDS;
		return parse_fields(cmd, p, s);
	}
	if (imap_parse_keyword(p, "HEADER"))
		s->what = SECTION_HEADER;
	else if (imap_parse_keyword(p, "TEXT"))
		s->what = SECTION_TEXT;
	else if (s->number_count && imap_parse_keyword(p, "MIME"))
		s->what = SECTION_MIME;
	else
		return imap_parser_expected(p, "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME");
	return HF_OK;
}

static enum hf_status parse_brackets(struct imap_cmd *cmd, struct imap_parser *p, struct section *s)
{
	enum hf_status status;
	bool dot;

	s->what = SECTION_ALL;
	status = parse_numbers(cmd, p, s, &dot);
	if (status == HF_OK && (dot || (!s->number_count && !imap_parse_is(p, ']'))))
		status = parse_words(cmd, p, s);
	if (status != HF_OK)
		return status;
	if (!imap_parse_char(p, ']'))
		return imap_parser_expected(p, "]");
	if (!imap_parse_char(p, '<'))
		return HF_OK;
	if (!imap_parse_number64(p, &s->offset) || !imap_parse_char(p, '.') || !imap_parse_number64(p, &s->count) || !s->count ||
	    !imap_parse_char(p, '>'))
		return imap_parser_expected(p, "<offset.count> with a count above 0");
	s->partial = true;
	return HF_OK;
}

struct section *fetch_section_parse(struct imap_cmd *cmd, struct hf_str text)
{
	struct section *s = hf_new(cmd->arena, struct section);
	char *brackets = hf_arena_printf(cmd->arena, "%.*s]", (int)text.size, text.data ? text.data : "");
	struct imap_parser p = {
		.start = brackets,
		.pos = brackets,
		.end = brackets + strlen(brackets),
		.arena = cmd->arena,
		.settings = cmd->session->settings,
	};

	return parse_brackets(cmd, &p, s) == HF_OK && p.pos == p.end && !s->partial ? s : NULL;
}

static struct hf_str make_label(struct imap_cmd *cmd, const struct section *s)
{
	static const char *const words[] = {
		[SECTION_HEADER] = "HEADER",
		[SECTION_FIELDS] = "HEADER.FIELDS",
		[SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME",
	};
	struct hf_buf label = HF_BUF_INIT;
	struct hf_str kept;
	size_t i;

	hf_buf_add_lit(&label, "BODY[");
	for (i = 0; i < s->number_count; i++)
		hf_buf_printf(&label, i ? ".%u" : "%u", s->numbers[i]);
	if (s->what != SECTION_ALL)
		hf_buf_printf(&label, "%s%s", s->number_count ? "." : "", words[s->what]);
	if (s->field_count) {
		for (i = 0; i < s->field_count; i++) {
			hf_buf_add_cstr(&label, i ? " " : " (");
			imap_add_astring(&label, s->fields[i]);
		}
		hf_buf_add_char(&label, ')');
	}
	hf_buf_add_char(&label, ']');
	if (s->partial)
		hf_buf_printf(&label, "<%llu>", (unsigned long long)s->offset);
	hf_buf_add_char(&label, ' ');
	kept = hf_arena_str(cmd->arena, hf_buf_str(&label));
	hf_buf_fini(&label);
	return kept;
}

/* Without part numbers the tree is not needed, and the usual fields lie in rows. */
static void fit_needs(const struct section *s, unsigned *needs)
{
	if (s->number_count)
		return;
	*needs &= ~(unsigned)FETCH_NEEDS_TREE;
	if (!s->common_fields)
		*needs |= FETCH_NEEDS_EMAIL | FETCH_NEEDS_CONTENT;
}

enum hf_status fetch_parse_section(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				   unsigned *needs)
{
	struct section *s = hf_new(cmd->arena, struct section);
	bool peek = !strcmp(item->name, "BODY.PEEK");
	enum hf_status status;

	*arg = s;
	if (!strcmp(item->name, "RFC822") || !strcmp(item->name, "RFC822.HEADER") || !strcmp(item->name, "RFC822.TEXT")) {
		s->what = item->name[6] == 0 ? SECTION_ALL : item->name[7] == 'H' ? SECTION_HEADER : SECTION_TEXT;
		s->label = hf_str(hf_arena_printf(cmd->arena, "%s ", item->name));
		fit_needs(s, needs);
		return HF_OK;
	}
	if (!imap_parse_char(p, '[')) {
		if (peek)
			return imap_parser_expected(p, "[");
		s->what = SECTION_STRUCTURE;
		s->label = HF_STR("BODY ");
		return HF_OK;
	}
	status = parse_brackets(cmd, p, s);
	if (status != HF_OK)
		return status;
	s->label = make_label(cmd, s);
	if (!peek)
		*needs |= FETCH_SETS_SEEN;
	fit_needs(s, needs);
	return HF_OK;
}

/* Where in prefix + content the section lies; false: there is no such section (NIL). */
bool fetch_section_locate(const struct section *s, const struct hf_email *email, uint64_t *offset, uint64_t *size)
{
	const struct hf_part *part;

	if (!s->number_count) {
		*offset = s->what == SECTION_TEXT ? email->header_size : 0;
		*size = s->what == SECTION_ALL ? email->size :
			s->what == SECTION_TEXT ? email->size - email->header_size :
						    email->header_size;
		return true;
	}
	part = hf_part_find(email->message.root, s->numbers, s->number_count);
	if (part && s->what != SECTION_ALL && s->what != SECTION_MIME)
		part = part->kind == HF_PART_MESSAGE ? part->children : NULL;
	if (!part)
		return false;
	if (s->what == SECTION_ALL || s->what == SECTION_TEXT) {
		*offset = part->body_offset;
		*size = part->body_size;
	} else {
		*offset = part->header_offset;
		*size = part->header_size;
	}
	/* Part 1 of a message of one part: its header is the message's, trace lines and all. */
	if (s->what == SECTION_MIME && !part->parent) {
		*offset = 0;
		*size = email->header_size;
	} else {
		*offset += email->prefix.size;
	}
	return true;
}

struct pick {
	const struct section *section;
	struct hf_buf *out;
};

static bool pick_field(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct pick *pick = arg;
	bool listed = false;
	size_t i;

	(void)value;
	for (i = 0; i < pick->section->field_count && !listed; i++)
		listed = hf_str_ieq(name, pick->section->fields[i]);
	if (listed == (pick->section->what == SECTION_FIELDS)) {
		hf_buf_add_str(pick->out, field);
		if (!hf_str_ends(field, HF_STR("\n")))
			hf_buf_add_lit(pick->out, "\r\n");
	}
	return true;
}

bool fetch_section_picks(const struct section *s)
{
	return s->what == SECTION_FIELDS || s->what == SECTION_FIELDS_NOT;
}

void fetch_section_pick(const struct section *s, struct hf_str header, struct hf_buf *out)
{
	struct pick pick = { s, out };

	hf_header_each(header, pick_field, &pick);
	hf_buf_add_lit(out, "\r\n");
}

static void add_partial(struct fetch_message *m, const struct section *s, struct hf_str data)
{
	if (s->partial)
		data = hf_str_sub(data, s->offset > data.size ? data.size : (size_t)s->offset,
				  s->count > data.size ? data.size : (size_t)s->count);
	hf_buf_add_char(&m->out->text, '{');
	hf_buf_add_u64(&m->out->text, data.size);
	hf_buf_add_lit(&m->out->text, "}\r\n");
	hf_buf_add_str(&m->out->text, data);
}

/* The fields chosen, and the empty line (RFC 9051 §6.4.5.1: it is part of every header fetch). */
static void write_fields(struct fetch_message *m, const struct section *s, struct hf_str header)
{
	struct hf_buf picked = HF_BUF_INIT;
	size_t i;

	fetch_section_pick(s, header, &picked);
	/* What the rows hold of a header is without NUL. */
	for (i = 0; m->has_email && m->email.has_nul && i < picked.size; i++)
		if (!picked.data[i])
			picked.data[i] = (char)0x80;
	add_partial(m, s, hf_buf_str(&picked));
	hf_buf_fini(&picked);
}

static enum hf_status read_range(struct fetch_message *m, uint64_t offset, uint64_t size, struct hf_str *data)
{
	struct hf_content *content;
	char *to = hf_arena_alloc(m->args->scratch, (size_t)size + 1);
	size_t done = 0, got;
	enum hf_status status = fetch_content(m, &content);

	while (status == HF_OK && done < size) {
		status = hf_content_read(content, offset + done, to + done, (size_t)size - done, &got);
		if (status == HF_OK && !got)
			status = HF_ECORRUPT;
		else if (status == HF_OK)
			done += got;
	}
	*data = hf_str_n(to, done);
	return status;
}

/* The usual fields of the message: from memory, or from the rows that hold them. False: it has to be read. */
static bool write_common_fields(struct fetch_message *m, const struct section *s, enum hf_status *status)
{
	struct hf_buf *picked = &m->args->picked;
	struct hf_str headers;

	*status = HF_OK;
	if (fetch_fact(m, FETCH_FACT_HEADERS, &headers)) {
		hf_buf_clear(picked);
		hf_fact_headers_pick(headers, s->common_mask, picked);
		hf_buf_add_lit(picked, "\r\n");
		add_partial(m, s, hf_buf_str(picked));
		return true;
	}
	*status = fetch_list(m);
	if (*status != HF_OK)
		return true;
	headers = m->list.headers;
	if (!headers.data) {
		*status = fetch_email(m);
		if (*status != HF_OK)
			return true;
		headers = m->email.headers;
	}
	if (headers.data)
		write_fields(m, s, headers);
	return headers.data != NULL;
}

static enum hf_status write_header_fields(struct fetch_message *m, const struct section *s)
{
	struct hf_str header;
	uint64_t offset, size;
	enum hf_status status;

	if (!s->number_count && s->common_fields && write_common_fields(m, s, &status))
		return status;
	status = s->number_count ? fetch_tree(m) : fetch_email(m);
	if (status != HF_OK)
		return status;
	if (!s->number_count) {
		status = fetch_header(m, &header);
	} else {
		if (!fetch_section_locate(s, &m->email, &offset, &size)) {
			hf_buf_add_lit(&m->out->text, "NIL");
			return HF_OK;
		}
		status = read_range(m, offset, size, &header);
	}
	if (status == HF_OK)
		write_fields(m, s, header);
	return status;
}

enum hf_status fetch_write_section(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	static const struct section structure = { .what = SECTION_STRUCTURE, .label = { "BODY ", 5 } };
	const struct section *s = arg ? arg : &structure; /* of a macro */
	uint64_t offset, size;

	(void)item;
	hf_buf_add_str(&m->out->text, s->label);
	if (s->what == SECTION_STRUCTURE) {
		hf_bodystructure_render(m->email.message.root, false, &m->out->text);
		return HF_OK;
	}
	if (s->what == SECTION_FIELDS || s->what == SECTION_FIELDS_NOT)
		return write_header_fields(m, s);
	if (!fetch_section_locate(s, &m->email, &offset, &size)) {
		hf_buf_add_lit(&m->out->text, "NIL");
		return HF_OK;
	}
	if (s->partial) {
		uint64_t skip = s->offset < size ? s->offset : size;

		offset += skip;
		size -= skip;
		if (size > s->count)
			size = s->count;
	}
	return fetch_add_literal(m, offset, size);
}
