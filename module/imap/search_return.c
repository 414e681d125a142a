/* SPDX-License-Identifier: BSD-2-Clause */
/* SEARCH RETURN (options) and the ESEARCH response: RFC 4731, RFC 9051 §6.4.4 and §7.3.4; PARTIAL: RFC 9394 §3.1;
 * SAVE: RFC 5182; CONTEXT, UPDATE: RFC 5267 §4. */
#include "module/imap/context.h"
#include "module/imap/fetch.h"

/* "1:100" or "-1:-100", in either order; 0 stands for nothing. */
bool search_window_parse(struct imap_parser *p, struct search_return *r)
{
	const char *start = p->pos;
	uint32_t a, b;

	r->backward = imap_parse_char(p, '-');
	if (!imap_parse_number(p, &a) || !imap_parse_char(p, ':') || (r->backward && !imap_parse_char(p, '-')) ||
	    !imap_parse_number(p, &b) || !a || !b)
		return false;
	r->window_first = a < b ? a : b;
	r->window_last = a < b ? b : a;
	r->partial = true;
	r->window = hf_str_n(start, (size_t)(p->pos - start));
	return true;
}

/* UPDATE, or UPDATE and FETCH items in parentheses, with a space before them or none: RFC 5465 §7, §8. */
static enum hf_status parse_update(struct imap_parser *p, struct search_return *r)
{
	const char *start = p->pos;
	struct imap_cmd cmd = { .arena = p->arena };
	enum hf_status status;

	r->update = true;
	imap_parse_space(p);
	if (!imap_parse_is(p, '(')) {
		p->pos = start;
		return HF_OK;
	}
	start = p->pos;
	cmd.args = hf_new(p->arena, struct fetch_args);
	status = fetch_items_parse(&cmd, p);
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
	r->items = hf_str_n(start, (size_t)(p->pos - start));
	return status;
}

enum hf_status search_return_parse(struct imap_parser *p, struct search_return *r)
{
	if (!imap_parse_keyword(p, "RETURN"))
		return HF_OK;
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "( and result options");
	r->given = true;
	while (!imap_parse_char(p, ')')) {
		enum hf_status status = HF_OK;

		if (imap_parse_keyword(p, "MIN"))
			r->min = true;
		else if (imap_parse_keyword(p, "MAX"))
			r->max = true;
		else if (imap_parse_keyword(p, "ALL"))
			r->all = true;
		else if (imap_parse_keyword(p, "COUNT"))
			r->count = true;
		else if (imap_parse_keyword(p, "SAVE"))
			r->save = true;
		else if (imap_parse_keyword(p, "UPDATE"))
			status = parse_update(p, r);
		else if (imap_parse_keyword(p, "CONTEXT"))
			; /* RFC 5267 §4.2: a hint; a search costs no less the second time */
		else if (!imap_parse_keyword(p, "PARTIAL") || r->partial || !imap_parse_space(p) || !search_window_parse(p, r))
			return imap_parser_expected(p, "MIN, MAX, ALL, COUNT, SAVE, CONTEXT, UPDATE or PARTIAL first:last");
		if (status != HF_OK)
			return status;
		if (!imap_parse_space(p) && !imap_parse_is(p, ')'))
			return imap_parser_expected(p, "a result option or )");
	}
	if (r->all && r->partial)
		return imap_parser_expected(p, "ALL or PARTIAL, not both"); /* RFC 9394 §3.1 */
	if (!r->min && !r->max && !r->count && !r->partial && !r->save)
		r->all = true;
	return imap_parse_space(p) ? HF_OK : imap_parser_expected(p, "search keys");
}

enum hf_status search_return_check(struct imap_cmd *cmd, struct imap_parser *p, const struct search_return *r)
{
	if (r->update && imap_context_exists(cmd->session, cmd->tag))
		return imap_parser_expected(p, "a tag that no updated search has");
	return HF_OK;
}

static uint32_t number(struct imap_cmd *cmd, uint32_t seq)
{
	return cmd->uid ? hf_view_uid(cmd->session->view, HF_SEQ(seq)).n : seq;
}

static void add_set(struct imap_cmd *cmd, struct hf_buf *out, const struct hf_set *seqs)
{
	struct hf_set uids = HF_SET_INIT;

	if (cmd->uid)
		hf_view_uids_of(cmd->session->view, seqs, &uids);
	hf_set_format(cmd->uid ? &uids : seqs, out);
	hf_set_fini(&uids);
}

bool search_return_is_told(const struct search_return *r)
{
	return !r->given || r->min || r->max || r->all || r->count || r->partial;
}

void search_return_window(const struct search_return *r, uint64_t count, uint64_t *first, uint64_t *last)
{
	*first = r->window_first;
	*last = r->window_last < count ? r->window_last : count;
	if (r->backward) {
		*last = r->window_first > count ? 0 : count - r->window_first + 1;
		*first = r->window_last > count ? 1 : count - r->window_last + 1;
	}
}

void search_window_take(const struct search_return *r, const struct hf_set *matches, struct hf_set *window)
{
	uint64_t at = 0, first, last;
	size_t i;

	search_return_window(r, hf_set_size(matches), &first, &last);
	for (i = 0; i < matches->count && at < last; i++) {
		const struct hf_range *range = &matches->ranges[i];
		uint64_t count = (uint64_t)range->last - range->first + 1;
		uint64_t low = first > at + 1 ? first - at - 1 : 0, high = last - at < count ? last - at : count;

		if (low < high)
			hf_set_add_range(window, range->first + (uint32_t)low, range->first + (uint32_t)high - 1);
		at += count;
	}
}

static void add_window(struct imap_cmd *cmd, struct hf_buf *out, const struct search_return *r, const struct hf_set *matches)
{
	struct hf_set window = HF_SET_INIT;

	search_window_take(r, matches, &window);
	hf_buf_add_lit(out, " PARTIAL (");
	hf_buf_add_str(out, r->window); /* as the client wrote it */
	hf_buf_add_char(out, ' ');
	if (hf_set_is_empty(&window))
		hf_buf_add_lit(out, "NIL");
	else
		add_set(cmd, out, &window);
	hf_buf_add_char(out, ')');
	hf_set_fini(&window);
}

void search_return_save(struct imap_cmd *cmd, const struct search_return *r, const struct hf_set *matches)
{
	struct hf_set kept = HF_SET_INIT;

	if (r->count || r->all || !(r->min || r->max || r->partial)) {
		hf_set_copy(&kept, matches);
	} else if (!hf_set_is_empty(matches)) {
		if (r->partial)
			search_window_take(r, matches, &kept);
		if (r->min)
			hf_set_add(&kept, matches->ranges[0].first);
		if (r->max)
			hf_set_add(&kept, matches->ranges[matches->count - 1].last);
	}
	hf_set_clear(&cmd->session->saved);
	hf_view_uids_of(cmd->session->view, &kept, &cmd->session->saved);
	hf_set_fini(&kept);
}

void search_return_add(struct imap_cmd *cmd, struct hf_buf *out, const struct search_return *r, const struct hf_set *matches,
		       struct hf_mod modseq)
{
	if (cmd->uid)
		hf_buf_add_lit(out, " UID");
	if (!hf_set_is_empty(matches)) {
		if (r->min)
			hf_buf_printf(out, " MIN %u", number(cmd, matches->ranges[0].first));
		if (r->max)
			hf_buf_printf(out, " MAX %u", number(cmd, matches->ranges[matches->count - 1].last));
		if (r->all || !r->given) {
			hf_buf_add_lit(out, " ALL ");
			add_set(cmd, out, matches);
		}
	}
	if (r->count)
		hf_buf_printf(out, " COUNT %llu", (unsigned long long)hf_set_size(matches));
	if (r->partial)
		add_window(cmd, out, r, matches);
	if (modseq.n && !hf_set_is_empty(matches))
		hf_buf_printf(out, " MODSEQ %llu", (unsigned long long)modseq.n);
	hf_buf_add_lit(out, "\r\n");
}

void search_return_write(struct imap_cmd *cmd, const struct search_return *r, const struct hf_set *matches, struct hf_mod modseq)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* ESEARCH (TAG ");
	imap_add_string(&out, cmd->tag);
	hf_buf_add_char(&out, ')');
	search_return_add(cmd, &out, r, matches, modseq);
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
}
