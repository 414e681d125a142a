/* SPDX-License-Identifier: BSD-2-Clause */
/* From the text of a SEARCH to a program. RFC 9051 §6.4.4 and §9 (search-program). */
#include "module/imap/search.h"

struct search_node *search_node_new(struct imap_cmd *cmd, struct search_program *program, enum search_kind kind)
{
	struct search_node *node = hf_new(cmd->arena, struct search_node);

	node->kind = kind;
	node->seen = SEARCH_UNKNOWN;
	program->nodes++;
	return node;
}

static struct search_node *negate(struct imap_cmd *cmd, struct search_program *program, struct search_node *node)
{
	struct search_node *not = search_node_new(cmd, program, SEARCH_NOT);

	not ->children = node;
	return not ;
}

/* NEW is (RECENT UNSEEN). */
static void fill_new(struct imap_cmd *cmd, struct search_program *program, struct search_node *node)
{
	struct search_node *seen = search_node_new(cmd, program, SEARCH_FLAGS);

	seen->number = HF_FLAG_SEEN;
	node->children = search_node_new(cmd, program, SEARCH_RECENT);
	node->children->next = negate(cmd, program, seen);
}

static enum hf_status parse_list(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				 struct search_node **node)
{
	enum hf_status status;

	if (++p->depth > (unsigned)cmd->session->settings->nesting_max)
		return imap_parser_expected(p, "fewer nested parentheses");
	imap_parse_space(p); /* real clients write "( SEEN )" */
	*node = search_node_new(cmd, program, SEARCH_AND);
	status = search_parse_keys(cmd, p, program, *node);
	p->depth--;
	if (status != HF_OK)
		return status;
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, ")");
}

static struct hf_str take_name(struct imap_parser *p)
{
	const char *start = p->pos;

	while (p->pos < p->end && ((*p->pos >= 'A' && *p->pos <= 'Z') || (*p->pos >= 'a' && *p->pos <= 'z')))
		p->pos++;
	return hf_str_n(start, (size_t)(p->pos - start));
}

enum hf_status search_parse_key(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				struct search_node **out)
{
	const struct search_key *key;
	struct search_node *node;
	struct hf_str name;
	enum hf_status status;
	bool set;

	if (imap_parse_char(p, '('))
		return parse_list(cmd, p, program, out);
	set = p->pos < p->end && ((*p->pos >= '0' && *p->pos <= '9') || *p->pos == '*' || *p->pos == '$');
	name = set ? HF_STR("") : take_name(p);
	key = set || name.size ? search_key_find(name) : NULL;
	if (!key) {
		p->pos = name.data;
		return imap_parser_expected(p, "a search key");
	}
	node = search_node_new(cmd, program, key->kind);
	node->number = key->number;
	if (key->field)
		node->field = hf_str(key->field);
	if (key->kind == SEARCH_AND)
		fill_new(cmd, program, node);
	if (key->parse) {
		status = key->parse(cmd, p, program, node);
		if (status != HF_OK)
			return status;
	}
	*out = key->negate ? negate(cmd, program, node) : node;
	return HF_OK;
}

enum hf_status search_parse_keys(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				 struct search_node *parent)
{
	struct search_node **tail = &parent->children;
	enum hf_status status;

	do {
		status = search_parse_key(cmd, p, program, tail);
		if (status != HF_OK)
			return status;
		tail = &(*tail)->next;
	} while (imap_parse_space(p) && p->pos < p->end && *p->pos != ')' && !imap_parse_end(p));
	return HF_OK;
}

enum hf_status search_parse_charset(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program)
{
	if (!imap_parse_astring(p, &program->charset) || !imap_parse_space(p))
		return imap_parser_expected(p, "a charset name");
	if (cmd->session->enabled & IMAP_EN_UTF8 && !hf_str_ieq(program->charset, HF_STR("UTF-8"))) {
		imap_text(cmd, "Everything is in UTF-8 on this connection"); /* RFC 9755 §3 */
		return HF_ESYNTAX;
	}
	if (!hf_charset_known(program->charset)) {
		imap_code(cmd, "BADCHARSET (UTF-8 US-ASCII ISO-8859-1 ISO-8859-15 WINDOWS-1252 KOI8-R GB18030 BIG5 "
			       "SHIFT_JIS ISO-2022-JP EUC-KR)");
		return HF_EBADCHARSET;
	}
	return HF_OK;
}

enum hf_status search_parse_program(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program)
{
	enum hf_status status;

	program->keys = hf_str_n(p->pos, (size_t)(p->end - p->pos));
	program->root = search_node_new(cmd, program, SEARCH_AND);
	status = search_parse_keys(cmd, p, program, program->root);
	if (status != HF_OK)
		return status;
	return imap_parse_end(p) ? HF_OK : imap_parser_expected(p, "a search key or the end of the command");
}

enum hf_status search_parse(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program)
{
	enum hf_status status;

	if (imap_parse_keyword(p, "CHARSET")) {
		if (cmd->session->enabled & IMAP_EN_UTF8)
			return imap_parser_expected(p, "no CHARSET after ENABLE UTF8=ACCEPT");
		if (!imap_parse_space(p))
			return imap_parser_expected(p, "a charset name");
		status = search_parse_charset(cmd, p, program);
		if (status != HF_OK)
			return status;
	}
	return search_parse_program(cmd, p, program);
}

void search_free(struct search_program *program)
{
	struct search_node *node;

	for (node = program->sets; node; node = node->next_set)
		hf_set_fini(&node->set);
	program->sets = NULL;
}
