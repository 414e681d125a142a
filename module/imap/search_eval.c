/* SPDX-License-Identifier: BSD-2-Clause */
/* The answer of a search program to one message, in three values: a key whose data has not been read yet answers unknown, and the
 * whole may be decided without it. Depth is bounded by the parser. */
#include "base/clock.h"
#include "module/imap/search.h"

static int64_t floor_day(int64_t seconds)
{
	return seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400);
}

/* RFC 9051 §6.4.4: internal date, disregarding time and zone: the day it has when shown. */
static int64_t internal_day(const struct hf_record *record)
{
	int64_t when = record->internaldate;

	return floor_day(when + hf_date_local_offset(when));
}

/* RFC 8514 §4.3 */
static int64_t saved_day(const struct hf_record *record)
{
	int64_t when = record->saved;

	return floor_day(when + hf_date_local_offset(when));
}

static int64_t sent_day(const struct hf_record *record)
{
	return floor_day(record->sent + (int64_t)record->sent_zone * 60);
}

static enum search_answer from_bool(bool yes)
{
	return yes ? SEARCH_YES : SEARCH_NO;
}

static bool has_keyword(const struct search_node *node, const struct search_message *m)
{
	int bit = hf_view_keyword_bit(m->view, node->text);

	return bit >= 0 && m->record->keywords >> bit & 1;
}

static enum search_answer eval_leaf(const struct search_node *node, const struct search_message *m)
{
	const struct hf_record *r = m->record;

	switch (node->kind) {
	case SEARCH_FLAGS:
		return from_bool((r->flags & node->number) == node->number);
	case SEARCH_KEYWORD:
		return from_bool(has_keyword(node, m));
	case SEARCH_RECENT:
		return from_bool(hf_view_is_recent(m->view, r->uid));
	case SEARCH_LARGER:
		return from_bool(r->size > node->number);
	case SEARCH_SMALLER:
		return from_bool(r->size < node->number);
	case SEARCH_BEFORE:
		return from_bool(internal_day(r) < node->day);
	case SEARCH_ON:
		return from_bool(internal_day(r) == node->day);
	case SEARCH_SINCE:
		return from_bool(internal_day(r) >= node->day);
	case SEARCH_SENTBEFORE:
		return from_bool(sent_day(r) < node->day);
	case SEARCH_SENTON:
		return from_bool(sent_day(r) == node->day);
	case SEARCH_SENTSINCE:
		return from_bool(sent_day(r) >= node->day);
	case SEARCH_UIDS:
		return from_bool(hf_set_has(&node->set, r->uid.n));
	case SEARCH_SEQS:
		return from_bool(hf_set_has(&node->set, m->seq.n));
	case SEARCH_MODSEQ:
		return from_bool(r->modseq.n >= node->number);
	case SEARCH_OLDER:
		return from_bool(r->internaldate <= node->when);
	case SEARCH_YOUNGER:
		return from_bool(r->internaldate >= node->when);
	case SEARCH_SAVEDBEFORE:
		return from_bool(saved_day(r) < node->day);
	case SEARCH_SAVEDON:
		return from_bool(saved_day(r) == node->day);
	case SEARCH_SAVEDSINCE:
		return from_bool(saved_day(r) >= node->day);
	case SEARCH_EMAILID:
		return from_bool(node->number && r->email == node->number);
	case SEARCH_THREADID:
		return from_bool(node->number && r->thread == node->number);
	case SEARCH_FIELD:
	case SEARCH_BODY_TEXT:
	case SEARCH_ANY_TEXT:
		return node->seen;
	default:
		return SEARCH_YES; /* ALL */
	}
}

enum search_answer search_eval(const struct search_node *node, const struct search_message *m)
{
	enum search_answer stop = node->kind == SEARCH_OR ? SEARCH_YES : SEARCH_NO, answer, one;
	const struct search_node *child;

	if (node->kind == SEARCH_NOT) {
		answer = search_eval(node->children, m);
		return answer == SEARCH_UNKNOWN ? SEARCH_UNKNOWN : from_bool(answer == SEARCH_NO);
	}
	if (node->kind != SEARCH_AND && node->kind != SEARCH_OR)
		return eval_leaf(node, m);
	answer = from_bool(stop == SEARCH_NO);
	for (child = node->children; child; child = child->next) {
		one = search_eval(child, m);
		if (one == stop)
			return stop;
		if (one == SEARCH_UNKNOWN)
			answer = SEARCH_UNKNOWN;
	}
	return answer;
}
