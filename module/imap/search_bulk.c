/* SPDX-License-Identifier: BSD-2-Clause */
/* What a search program says about all messages of the view at once: flags from memory, texts of the usual header fields from facts
 * (storage/facts.h), where other texts cannot be from their signatures. The result is a set of sequence numbers outside of which nothing matches; where every key was of that kind
 * it is the answer, else those messages are tried one by one. */
#include "base/mem.h"
#include "module/imap/search.h"
#include "storage/facts.h"

#define FEW 16 /* when the other keys leave less than one message in so many, texts are not looked for in all */
#define SIGN_BATCH 2048
#define MANY 4 /* when signatures leave more than one message in so many, the beginnings of their texts are looked into */
#define TEXT_BATCH 1024

struct search_bulk {
	struct imap_cmd *cmd;
	struct search_program *program;
	struct search_node *node; /* whose field is being looked for */
	struct hf_facts *facts;
	bool begun, texts;        /* texts: they take part */
	uint32_t next;            /* sequence number, of the pass over signatures */
	uint32_t next_text;       /* of the pass over the beginnings of texts after it; 0: it has not begun */
	uint32_t had;             /* signatures that were at hand */
};

struct search_bulk *search_bulk_new(struct imap_cmd *cmd, struct search_program *program)
{
	struct search_bulk *bulk = hf_alloc_zero(sizeof *bulk);

	bulk->cmd = cmd;
	bulk->program = program;
	return bulk;
}

void search_bulk_free(struct search_bulk **bulk_p)
{
	struct search_bulk *bulk = *bulk_p;
	struct search_node *node;

	if (!bulk)
		return;
	hf_facts_close(&bulk->facts);
	for (node = bulk->program->texts; node; node = node->next_text) {
		hf_set_fini(&node->found);
		hf_set_fini(&node->unknown);
		node->looked = node->vague = node->common = false;
	}
	hf_free(bulk);
	*bulk_p = NULL;
}

/* Sets ------------------------------------------------------------------------------------------------------------------- */

static void set_all(const struct search_bulk *bulk, struct hf_set *set)
{
	uint32_t count = hf_view_count(bulk->cmd->session->view);

	hf_set_clear(set);
	if (count)
		hf_set_add_range(set, 1, count);
}

static bool eval(const struct search_bulk *bulk, const struct search_node *node, struct hf_set *set);

static bool eval_not(const struct search_bulk *bulk, const struct search_node *node, struct hf_set *set)
{
	struct hf_set child = HF_SET_INIT;
	bool exact = eval(bulk, node->children, &child);

	set_all(bulk, set);
	if (exact)
		hf_set_subtract(set, &child);
	hf_set_fini(&child);
	return exact;
}

static bool eval_any(const struct search_bulk *bulk, const struct search_node *node, struct hf_set *set)
{
	const struct search_node *child;
	bool exact = true;

	hf_set_clear(set);
	for (child = node->children; child; child = child->next) {
		struct hf_set one = HF_SET_INIT;

		exact &= eval(bulk, child, &one);
		hf_set_union(set, &one);
		hf_set_fini(&one);
	}
	return exact;
}

static bool is_set(const struct search_node *node)
{
	return node->kind == SEARCH_UIDS || node->kind == SEARCH_SEQS;
}

/* Sets of numbers come first: they cost what they hold. When nothing is left the other keys are not asked. */
static bool eval_all(const struct search_bulk *bulk, const struct search_node *node, struct hf_set *set)
{
	const struct search_node *child;
	bool exact = true;

	set_all(bulk, set);
	for (int sets = 1; sets >= 0; sets--) {
		for (child = node->children; child; child = child->next) {
			struct hf_set one = HF_SET_INIT;

			if (is_set(child) != (bool)sets)
				continue;
			exact &= eval(bulk, child, &one);
			hf_set_intersect(set, &one);
			hf_set_fini(&one);
			if (hf_set_is_empty(set))
				return true;
		}
	}
	return exact;
}

/* `set` (empty at first) becomes one that holds all messages that match; whether it holds no others. Depth is bounded by the parser. */
static bool eval(const struct search_bulk *bulk, const struct search_node *node, struct hf_set *set)
{
	struct hf_view *view = bulk->cmd->session->view;
	int bit;

	switch (node->kind) {
	case SEARCH_AND:
		return eval_all(bulk, node, set);
	case SEARCH_OR:
		return eval_any(bulk, node, set);
	case SEARCH_NOT:
		return eval_not(bulk, node, set);
	case SEARCH_ALL:
		set_all(bulk, set);
		return true;
	case SEARCH_FLAGS:
		if (hf_view_flagged(view, (uint32_t)node->number, set))
			return true;
		break;
	case SEARCH_KEYWORD:
		bit = hf_view_keyword_bit(view, node->text);
		if (bit < 0 || hf_view_with_keyword(view, (unsigned)bit, set))
			return true;
		break;
	case SEARCH_UIDS:
		hf_view_seqs_of(view, &node->set, set);
		return true;
	case SEARCH_SEQS:
		set_all(bulk, set);
		hf_set_intersect(set, &node->set);
		return true;
	case SEARCH_FIELD:
	case SEARCH_BODY_TEXT:
	case SEARCH_ANY_TEXT:
		if (!node->looked)
			break;
		hf_set_copy(set, &node->found);
		hf_set_union(set, &node->unknown);
		return !node->vague && hf_set_is_empty(&node->unknown);
	default:
		break;
	}
	set_all(bulk, set);
	return false;
}

/* Steps ------------------------------------------------------------------------------------------------------------------ */

static bool can_look(const struct search_node *node)
{
	struct hf_str needle;

	if (node->kind != SEARCH_FIELD || node->looked || hf_list_field(node->field) < 0)
		return false;
	needle = hf_matcher_folded(node->matcher);
	return !needle.size || !memchr(needle.data, 0, needle.size);
}

/* Goes on looking for the fields, one after another. */
static enum hf_status look(struct search_bulk *bulk)
{
	struct imap_session *session = bulk->cmd->session;
	struct search_node *node = bulk->node;
	enum hf_status status;

	if (!node) {
		for (node = bulk->program->texts; node && !can_look(node); node = node->next_text)
			;
		if (!node)
			return HF_OK;
		bulk->node = node;
		bulk->facts = hf_facts_open(session->store, session->view,
					    (enum hf_fact)(HF_FACT_FIELD + hf_list_field(node->field)), true);
	}
	status = hf_facts_find(bulk->facts, hf_matcher_folded(node->matcher), &node->found, &node->unknown);
	if (status == HF_OK) {
		node->looked = true;
		bulk->node = NULL;
		hf_facts_close(&bulk->facts);
	}
	return HF_MORE;
}

static bool may_sign(const struct search_node *node)
{
	return node->trigrams && !node->looked && !can_look(node);
}

static bool may_contain(const struct hf_text_signature *signature, const struct search_node *node)
{
	return (node->kind != SEARCH_BODY_TEXT && hf_text_signature_may_contain(signature, HF_TEXT_HEADER, node->trigrams)) ||
	       (node->kind != SEARCH_FIELD && hf_text_signature_may_contain(signature, HF_TEXT_BODY, node->trigrams));
}

/* Goes on through the signatures, for all texts that are not in fields of the usual kind. */
static enum hf_status sign(struct search_bulk *bulk)
{
	struct imap_session *session = bulk->cmd->session;
	uint32_t count = hf_view_count(session->view), end = bulk->next + SIGN_BATCH;
	struct search_node *node;

	if (!bulk->facts)
		bulk->facts = hf_facts_open(session->store, session->view, HF_FACT_SIGNATURE, true);
	for (; bulk->next <= count && bulk->next < end; bulk->next++) {
		struct hf_text_signature signature;
		bool has = hf_facts_signature(bulk->facts, hf_view_uid(session->view, HF_SEQ(bulk->next)), &signature);

		bulk->had += has;
		for (node = bulk->program->texts; node; node = node->next_text)
			if (may_sign(node) && (!has || may_contain(&signature, node)))
				hf_set_add(&node->found, bulk->next);
	}
	if (bulk->next <= count)
		return HF_MORE;
	for (node = bulk->program->texts; node; node = node->next_text)
		if (may_sign(node)) {
			node->common = node->kind != SEARCH_FIELD && hf_set_size(&node->found) * MANY > count;
			node->looked = node->vague = true;
		}
	hf_facts_close(&bulk->facts);
	return HF_MORE;
}

static bool is_common(const struct search_node *node)
{
	return node->common;
}

static void see_text(const struct search_bulk *bulk, uint32_t seq, struct hf_str text)
{
	struct search_node *node;

	for (node = bulk->program->texts; node; node = node->next_text) {
		struct hf_str needle = hf_matcher_folded(node->matcher);

		if (node->common && hf_set_has(&node->found, seq) && memmem(text.data, text.size, needle.data, needle.size))
			hf_set_add(&node->sure, seq);
	}
}

/* Goes on through the beginnings of texts, for words that many messages have. */
static enum hf_status see_texts(struct search_bulk *bulk)
{
	struct imap_session *session = bulk->cmd->session;
	uint32_t count = hf_view_count(session->view), end;
	struct search_node *node;

	if (!bulk->next_text) {
		bulk->next_text = 1;
		bulk->facts = hf_facts_open(session->store, session->view, HF_FACT_TEXT, true);
	}
	for (end = bulk->next_text + TEXT_BATCH; bulk->next_text <= count && bulk->next_text < end; bulk->next_text++) {
		struct hf_str text;

		if (hf_facts_get(bulk->facts, hf_view_uid(session->view, HF_SEQ(bulk->next_text)), &text))
			see_text(bulk, bulk->next_text, text);
	}
	if (bulk->next_text <= count)
		return HF_MORE;
	for (node = bulk->program->texts; node; node = node->next_text)
		if (node->common) {
			node->common = false;
			node->vague = hf_set_size(&node->sure) < hf_set_size(&node->found);
		}
	hf_facts_close(&bulk->facts);
	return HF_OK;
}

static bool has_texts(const struct search_program *program, bool (*of_kind)(const struct search_node *node))
{
	const struct search_node *node;

	for (node = program->texts; node; node = node->next_text)
		if (of_kind(node))
			return true;
	return false;
}

bool search_bulk_signed(const struct search_bulk *bulk)
{
	return bulk->had > hf_view_count(bulk->cmd->session->view) / 2;
}

enum hf_status search_bulk_next(struct search_bulk *bulk, struct hf_set *candidates, bool *exact)
{
	enum hf_status status;

	if (!bulk->begun) {
		bulk->begun = true;
		bulk->next = 1;
		bulk->texts = has_texts(bulk->program, can_look) || has_texts(bulk->program, may_sign);
		if (bulk->texts) { /* without them first */
			eval(bulk, bulk->program->root, candidates);
			bulk->texts = hf_set_size(candidates) * FEW >= hf_view_count(bulk->cmd->session->view);
			hf_set_clear(candidates);
		}
	}
	if (bulk->texts) {
		status = look(bulk);
		if (status == HF_OK && has_texts(bulk->program, may_sign))
			status = sign(bulk);
		else if (status == HF_OK && has_texts(bulk->program, is_common))
			status = see_texts(bulk);
		if (status != HF_OK)
			return status;
	}
	*exact = eval(bulk, bulk->program->root, candidates);
	return HF_OK;
}
