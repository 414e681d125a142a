/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of SEARCH keys. RFC 9051 §6.4.4, RFC 3501 §6.4.4 (NEW, OLD, RECENT), MODSEQ: RFC 7162 §3.1.5; OLDER, YOUNGER:
 * RFC 5032; SAVED...: RFC 8514 §4.3; EMAILID, THREADID: RFC 8474 §6; UIDAFTER, UIDBEFORE: RFC 9738 §3.3; "$": RFC 5182. */
#include "base/clock.h"
#include "base/encode.h"
#include "module/imap/objectid.h"
#include "module/imap/search.h"

static enum hf_status parse_text(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				 struct search_node *node)
{
	struct hf_buf utf8 = HF_BUF_INIT;
	struct hf_str text;
	enum hf_status status;

	if (!imap_parse_space(p) || !imap_parse_astring(p, &text))
		return imap_parser_expected(p, "a string to search for");
	status = hf_charset_to_utf8(program->charset.size ? program->charset : HF_STR("utf-8"), text, &utf8);
	if (status == HF_OK) {
		node->text = hf_arena_str(cmd->arena, hf_buf_str(&utf8));
		if (node->kind != SEARCH_KEYWORD) {
			node->matcher = hf_matcher_new(cmd->arena, node->text);
			node->trigrams = hf_trigrams_new(cmd->arena, hf_matcher_folded(node->matcher));
			node->next_text = program->texts;
			program->texts = node;
		}
	}
	hf_buf_fini(&utf8);
	return status;
}

static enum hf_status parse_keyword(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				    struct search_node *node)
{
	struct hf_str name;

	(void)cmd;
	(void)program;
	if (!imap_parse_space(p) || !imap_parse_atom(p, &name))
		return imap_parser_expected(p, "a keyword");
	node->text = name;
	return HF_OK;
}

static enum hf_status parse_header(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				   struct search_node *node)
{
	if (!imap_parse_space(p) || !imap_parse_astring(p, &node->field))
		return imap_parser_expected(p, "a header field name");
	return parse_text(cmd, p, program, node);
}

static enum hf_status parse_number(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				   struct search_node *node)
{
	(void)cmd;
	(void)program;
	if (!imap_parse_space(p) || !imap_parse_number64(p, &node->number))
		return imap_parser_expected(p, "a number");
	return HF_OK;
}

static enum hf_status parse_day(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				struct search_node *node)
{
	struct hf_str date;

	(void)cmd;
	(void)program;
	if (!imap_parse_space(p) || !imap_parse_astring(p, &date) || !hf_date_parse_day(date, &node->day))
		return imap_parser_expected(p, "a date such as 7-Feb-1994");
	return HF_OK;
}

static enum hf_status take_set(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
			       struct search_node *node)
{
	struct hf_view *view = cmd->session->view;
	uint32_t count = view ? hf_view_count(view) : 0, star = count; /* no view: ESEARCH tries whether it parses */
	struct hf_str text;

	if (!imap_parse_set(p, &text))
		return imap_parser_expected(p, "a sequence set");
	if (node->kind == SEARCH_UIDS)
		star = count ? hf_view_uid(view, HF_SEQ(count)).n : 0;
	node->next_set = program->sets;
	program->sets = node;
	if (hf_str_eq(text, HF_STR("$"))) {
		node->kind = SEARCH_UIDS; /* whichever numbers the command has */
		hf_set_copy(&node->set, &cmd->session->saved);
		return HF_OK;
	}
	if (node->kind == SEARCH_SEQS && cmd->session->enabled & IMAP_EN_UIDONLY)
		return imap_uid_required(cmd);
	if (node->kind == SEARCH_SEQS)
		cmd->by_number = true;
	if (hf_set_parse(text, star, SIZE_MAX, &node->set) != HF_OK)
		return imap_parser_expected(p, "a sequence set");
	return HF_OK;
}

static enum hf_status parse_uids(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				 struct search_node *node)
{
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a set of UIDs");
	return take_set(cmd, p, program, node);
}

/* UIDAFTER, UIDBEFORE: never the "*" of sets, so nothing above the last (RFC 9738 §3.3). */
static enum hf_status parse_uid_bound(struct imap_parser *p, struct search_program *program, struct search_node *node,
				      uint32_t *uid)
{
	if (!imap_parse_space(p) || !imap_parse_number(p, uid))
		return imap_parser_expected(p, "a UID");
	node->next_set = program->sets;
	program->sets = node;
	return HF_OK;
}

static enum hf_status parse_uidafter(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				     struct search_node *node)
{
	uint32_t uid;
	enum hf_status status = parse_uid_bound(p, program, node, &uid);

	(void)cmd;
	if (status == HF_OK && uid < UINT32_MAX)
		hf_set_add_range(&node->set, uid + 1, UINT32_MAX);
	return status;
}

static enum hf_status parse_uidbefore(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				      struct search_node *node)
{
	uint32_t uid;
	enum hf_status status = parse_uid_bound(p, program, node, &uid);

	(void)cmd;
	if (status == HF_OK && uid > 1)
		hf_set_add_range(&node->set, 1, uid - 1);
	return status;
}

/* OLDER, YOUNGER: an interval in seconds before now. */
static enum hf_status parse_interval(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				     struct search_node *node)
{
	uint64_t interval;

	(void)cmd;
	(void)program;
	if (!imap_parse_space(p) || !imap_parse_number64(p, &interval) || !interval || interval > UINT32_MAX)
		return imap_parser_expected(p, "a number of seconds above 0");
	node->when = hf_now_s() - (int64_t)interval;
	return HF_OK;
}

static enum hf_status parse_objectid(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				     struct search_node *node)
{
	char kind = node->kind == SEARCH_EMAILID ? IMAP_OBJECTID_EMAIL : IMAP_OBJECTID_THREAD;
	struct hf_str text;
	uint64_t owner, id;

	(void)program;
	if (!imap_parse_space(p) || !imap_parse_astring(p, &text) || !imap_objectid_is_valid(text))
		return imap_parser_expected(p, "an object identifier");
	if (imap_objectid_read(text, kind, &owner, &id) && cmd->session->view &&
	    owner == hf_view_owner(cmd->session->view))
		node->number = id;
	return HF_OK;
}

/* MODSEQ [entry-name entry-type] number: flags have no modseq of their own here, so the entry makes no difference. */
static enum hf_status parse_modseq(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				   struct search_node *node)
{
	struct hf_str entry;

	(void)cmd;
	program->uses_modseq = true;
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a modseq");
	if (imap_parse_is(p, '"')) {
		if (!imap_parse_string(p, &entry) || !hf_str_istarts(entry, HF_STR("/flags/")) || !imap_parse_space(p))
			return imap_parser_expected(p, "a flag's entry name");
		if ((!imap_parse_keyword(p, "all") && !imap_parse_keyword(p, "priv") && !imap_parse_keyword(p, "shared")) ||
		    !imap_parse_space(p))
			return imap_parser_expected(p, "all, priv or shared");
	}
	if (!imap_parse_number64(p, &node->number))
		return imap_parser_expected(p, "a modseq");
	return HF_OK;
}

/* Counts as nesting: a chain of NOTs is evaluated by recursion like any other. */
static enum hf_status parse_child(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				  struct search_node **child)
{
	enum hf_status status;

	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a search key");
	if (++p->depth > (unsigned)cmd->session->settings->nesting_max)
		return imap_parser_expected(p, "fewer nested search keys");
	status = search_parse_key(cmd, p, program, child);
	p->depth--;
	return status;
}

static enum hf_status parse_not(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				struct search_node *node)
{
	return parse_child(cmd, p, program, &node->children);
}

static enum hf_status parse_or(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
			       struct search_node *node)
{
	enum hf_status status = parse_child(cmd, p, program, &node->children);

	return status == HF_OK ? parse_child(cmd, p, program, &node->children->next) : status;
}

/* Sorted by name. A sequence set and a parenthesised list are known by their first character (search_parse.c). */
static const struct search_key keys[] = {
	{ "ALL", SEARCH_ALL, 0, false, NULL, NULL },
	{ "ANSWERED", SEARCH_FLAGS, HF_FLAG_ANSWERED, false, NULL, NULL },
	{ "BCC", SEARCH_FIELD, 0, false, parse_text, "Bcc" },
	{ "BEFORE", SEARCH_BEFORE, 0, false, parse_day, NULL },
	{ "BODY", SEARCH_BODY_TEXT, 0, false, parse_text, NULL },
	{ "CC", SEARCH_FIELD, 0, false, parse_text, "Cc" },
	{ "DELETED", SEARCH_FLAGS, HF_FLAG_DELETED, false, NULL, NULL },
	{ "DRAFT", SEARCH_FLAGS, HF_FLAG_DRAFT, false, NULL, NULL },
	{ "EMAILID", SEARCH_EMAILID, 0, false, parse_objectid, NULL },
	{ "FLAGGED", SEARCH_FLAGS, HF_FLAG_FLAGGED, false, NULL, NULL },
	{ "FROM", SEARCH_FIELD, 0, false, parse_text, "From" },
	{ "HEADER", SEARCH_FIELD, 0, false, parse_header, NULL },
	{ "KEYWORD", SEARCH_KEYWORD, 0, false, parse_keyword, NULL },
	{ "LARGER", SEARCH_LARGER, 0, false, parse_number, NULL },
	{ "MODSEQ", SEARCH_MODSEQ, 0, false, parse_modseq, NULL },
	{ "NOT", SEARCH_NOT, 0, false, parse_not, NULL },
	{ "OLD", SEARCH_RECENT, 0, true, NULL, NULL },
	{ "OLDER", SEARCH_OLDER, 0, false, parse_interval, NULL },
	{ "ON", SEARCH_ON, 0, false, parse_day, NULL },
	{ "OR", SEARCH_OR, 0, false, parse_or, NULL },
	{ "RECENT", SEARCH_RECENT, 0, false, NULL, NULL },
	{ "SAVEDATESUPPORTED", SEARCH_ALL, 0, false, NULL, NULL },
	{ "SAVEDBEFORE", SEARCH_SAVEDBEFORE, 0, false, parse_day, NULL },
	{ "SAVEDON", SEARCH_SAVEDON, 0, false, parse_day, NULL },
	{ "SAVEDSINCE", SEARCH_SAVEDSINCE, 0, false, parse_day, NULL },
	{ "SEEN", SEARCH_FLAGS, HF_FLAG_SEEN, false, NULL, NULL },
	{ "SENTBEFORE", SEARCH_SENTBEFORE, 0, false, parse_day, NULL },
	{ "SENTON", SEARCH_SENTON, 0, false, parse_day, NULL },
	{ "SENTSINCE", SEARCH_SENTSINCE, 0, false, parse_day, NULL },
	{ "SINCE", SEARCH_SINCE, 0, false, parse_day, NULL },
	{ "SMALLER", SEARCH_SMALLER, 0, false, parse_number, NULL },
	{ "SUBJECT", SEARCH_FIELD, 0, false, parse_text, "Subject" },
	{ "TEXT", SEARCH_ANY_TEXT, 0, false, parse_text, NULL },
	{ "THREADID", SEARCH_THREADID, 0, false, parse_objectid, NULL },
	{ "TO", SEARCH_FIELD, 0, false, parse_text, "To" },
	{ "UID", SEARCH_UIDS, 0, false, parse_uids, NULL },
	{ "UIDAFTER", SEARCH_UIDS, 0, false, parse_uidafter, NULL },
	{ "UIDBEFORE", SEARCH_UIDS, 0, false, parse_uidbefore, NULL },
	{ "UNANSWERED", SEARCH_FLAGS, HF_FLAG_ANSWERED, true, NULL, NULL },
	{ "UNDELETED", SEARCH_FLAGS, HF_FLAG_DELETED, true, NULL, NULL },
	{ "UNDRAFT", SEARCH_FLAGS, HF_FLAG_DRAFT, true, NULL, NULL },
	{ "UNFLAGGED", SEARCH_FLAGS, HF_FLAG_FLAGGED, true, NULL, NULL },
	{ "UNKEYWORD", SEARCH_KEYWORD, 0, true, parse_keyword, NULL },
	{ "UNSEEN", SEARCH_FLAGS, HF_FLAG_SEEN, true, NULL, NULL },
	{ "YOUNGER", SEARCH_YOUNGER, 0, false, parse_interval, NULL },
};

/* Not in `keys`: they are made of two others, or have no name. */
static const struct search_key key_new = { "NEW", SEARCH_AND, 0, false, NULL, NULL };
static const struct search_key key_set = { "", SEARCH_SEQS, 0, false, take_set, NULL };

const struct search_key *search_key_find(struct hf_str name)
{
	size_t low = 0, high = HF_COUNT(keys);

	if (!name.size)
		return &key_set;
	if (hf_str_ieq(name, hf_str(key_new.name)))
		return &key_new;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = hf_str_icmp(name, hf_str(keys[mid].name));

		if (!order)
			return &keys[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
