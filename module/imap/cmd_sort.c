/* SPDX-License-Identifier: BSD-2-Clause */
/* SORT, UID SORT: the messages that match, in an order.
 * RFC 5256 §3; DISPLAYFROM and DISPLAYTO: RFC 5957; RETURN: RFC 5267 §3, with PARTIAL and UPDATE of RFC 5267 §4 and SAVE of RFC 5182.
 *
 * Arguments: [RETURN (options)] (criteria) charset keys. */
#include "module/imap/context.h"

#define WRITE_BATCH 4096 /* numbers of one call of next */

struct sort_args {
	struct search_return result;
	struct sort_criteria criteria;
	struct search_program program;
	struct search_run *search;
	struct hf_set matches;      /* sequence numbers */
	bool searched, sorted;
	struct imap_context *context; /* until it is begun */
	struct sort_run run;
	/* Writing: the items told so far of those that stand in [at, end). */
	bool writing;
	enum { SORT_HEAD, SORT_PARTIAL, SORT_ALL, SORT_TAIL } stage;
	size_t at, end;
};

static enum hf_status sort_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct sort_args *args = cmd->args = hf_new(cmd->arena, struct sort_args);
	enum hf_status status = search_return_parse(p, &args->result);

	if (status == HF_OK)
		status = search_return_check(cmd, p, &args->result);
	if (status == HF_OK)
		status = sort_criteria_parse(p, &args->criteria);
	if (status == HF_OK && !imap_parse_space(p))
		status = imap_parser_expected(p, "a charset name");
	if (status == HF_OK)
		status = search_parse_charset(cmd, p, &args->program);
	if (status == HF_OK)
		status = search_parse_program(cmd, p, &args->program);
	if (status != HF_OK)
		search_free(&args->program);
	if (status == HF_EBADCHARSET && args->result.save)
		hf_set_clear(&cmd->session->saved); /* RFC 5182 §2.1: any NO empties it */
	return status;
}

static enum hf_status sort_start(struct imap_cmd *cmd)
{
	struct sort_args *args = cmd->args;

	if (args->program.uses_modseq)
		imap_enable_condstore(cmd->session);
	if (args->result.update)
		args->context = imap_context_new(cmd, &args->program, &args->criteria, args->result.items);
	args->search = search_run_new(cmd, &args->program);
	return HF_MORE;
}

static uint32_t number_at(struct imap_cmd *cmd, size_t at)
{
	struct sort_args *args = cmd->args;
	uint32_t seq = sort_run_seq(&args->run, at);

	return cmd->uid ? hf_view_uid(cmd->session->view, HF_SEQ(seq)).n : seq;
}

/* Numbers that follow one another upwards become a range (RFC 5267 §3.2). */
static size_t add_run(struct imap_cmd *cmd, struct hf_buf *out, size_t at, size_t end)
{
	uint32_t first = number_at(cmd, at), last = first;

	for (at++; at < end && number_at(cmd, at) == last + 1; at++)
		last++;
	hf_buf_add_u64(out, first);
	if (last > first) {
		hf_buf_add_char(out, ':');
		hf_buf_add_u64(out, last);
	}
	return at;
}

/* Writes on in [at, end), separated by `separator`; true when all is written. */
static bool write_numbers(struct imap_cmd *cmd, struct hf_buf *out, char separator, bool first)
{
	struct sort_args *args = cmd->args;
	unsigned budget = WRITE_BATCH;

	for (; budget && args->at < args->end; budget--) {
		if (!first)
			hf_buf_add_char(out, separator);
		first = false;
		if (args->result.given)
			args->at = add_run(cmd, out, args->at, args->end);
		else
			hf_buf_add_u64(out, number_at(cmd, args->at++));
	}
	return args->at == args->end;
}

/* The old form: "* SORT 5 3 4". */
static bool write_sort(struct imap_cmd *cmd, struct hf_buf *out)
{
	struct sort_args *args = cmd->args;

	if (!args->writing) {
		args->writing = true;
		args->end = args->run.count;
		hf_buf_add_lit(out, "* SORT");
	}
	if (!write_numbers(cmd, out, ' ', false))
		return false;
	if (args->program.uses_modseq && args->run.count)
		hf_buf_printf(out, " (MODSEQ %llu)", (unsigned long long)search_run_modseq(args->search).n);
	hf_buf_add_lit(out, "\r\n");
	return true;
}

static void write_head(struct imap_cmd *cmd, struct hf_buf *out)
{
	struct sort_args *args = cmd->args;
	size_t count = args->run.count;

	hf_buf_add_lit(out, "* ESEARCH (TAG ");
	imap_add_string(out, cmd->tag);
	hf_buf_add_char(out, ')');
	if (cmd->uid)
		hf_buf_add_lit(out, " UID");
	if (args->result.min && count)
		hf_buf_printf(out, " MIN %u", number_at(cmd, 0));
	if (args->result.max && count)
		hf_buf_printf(out, " MAX %u", number_at(cmd, count - 1));
	if (args->result.count)
		hf_buf_printf(out, " COUNT %zu", count);
}

/* Which of the sorted messages the window asked for holds: [*at, *end). */
static void find_window(const struct sort_args *args, size_t *at, size_t *end)
{
	uint64_t first, last;

	search_return_window(&args->result, args->run.count, &first, &last);
	*at = first <= last ? (size_t)first - 1 : 0;
	*end = first <= last ? (size_t)last : 0;
}

static void begin_partial(struct sort_args *args, struct hf_buf *out)
{
	find_window(args, &args->at, &args->end);
	hf_buf_add_lit(out, " PARTIAL (");
	hf_buf_add_str(out, args->result.window);
	hf_buf_add_char(out, ' ');
	if (args->at == args->end)
		hf_buf_add_lit(out, "NIL");
	args->stage = SORT_PARTIAL;
}

/* The ESEARCH response; true when it is complete. ALL and PARTIAL exclude one another. */
static bool write_esearch(struct imap_cmd *cmd, struct hf_buf *out)
{
	struct sort_args *args = cmd->args;
	bool first = false;

	if (args->stage == SORT_HEAD) {
		write_head(cmd, out);
		first = true;
		args->stage = SORT_TAIL;
		if (args->result.partial) {
			begin_partial(args, out);
		} else if (args->result.all && args->run.count) {
			hf_buf_add_lit(out, " ALL ");
			args->end = args->run.count;
			args->stage = SORT_ALL;
		}
	}
	if (args->stage != SORT_TAIL && !write_numbers(cmd, out, ',', first))
		return false;
	if (args->stage == SORT_PARTIAL)
		hf_buf_add_char(out, ')');
	if (args->program.uses_modseq && args->run.count)
		hf_buf_printf(out, " MODSEQ %llu", (unsigned long long)search_run_modseq(args->search).n);
	hf_buf_add_lit(out, "\r\n");
	return true;
}

static enum hf_status failure(const struct sort_args *args)
{
	enum hf_status status = search_run_failed(args->search);

	return status != HF_OK ? status : sort_run_failed(&args->run);
}

/* "$": as for SEARCH (RFC 5182 §2.4), where the least, the greatest and the window are those of the order. */
static void save(struct imap_cmd *cmd)
{
	struct sort_args *args = cmd->args;
	const struct search_return *r = &args->result;
	struct search_return all = { .given = true, .save = true };
	struct hf_set kept = HF_SET_INIT;
	size_t at, end;

	if (failure(args) != HF_OK) {
		hf_set_clear(&cmd->session->saved);
		return;
	}
	if (r->count || r->all || !(r->min || r->max || r->partial)) {
		search_return_save(cmd, &all, &args->matches);
		return;
	}
	if (r->min && args->run.count)
		hf_set_add(&kept, sort_run_seq(&args->run, 0));
	if (r->max && args->run.count)
		hf_set_add(&kept, sort_run_seq(&args->run, args->run.count - 1));
	if (r->partial) {
		struct hf_range *page;
		size_t i;

		find_window(args, &at, &end);
		page = hf_new_array(cmd->arena, struct hf_range, end - at + 1);
		for (i = at; i < end; i++)
			page[i - at].first = page[i - at].last = sort_run_seq(&args->run, i);
		hf_set_add_ranges(&kept, page, end - at);
	}
	search_return_save(cmd, &all, &kept);
	hf_set_fini(&kept);
}

/* Searches, then sorts, in pieces. HF_OK when the order stands. */
static enum hf_status advance(struct imap_cmd *cmd)
{
	struct sort_args *args = cmd->args;
	enum hf_status status;

	if (!args->searched) {
		status = search_run_next(args->search, &args->matches);
		if (status != HF_OK)
			return status;
		args->searched = true;
		sort_run_init(&args->run, cmd, &args->criteria, &args->matches);
		return HF_MORE;
	}
	status = sort_run_next(&args->run);
	if (status != HF_OK)
		return status;
	args->sorted = true;
	return HF_OK;
}

static enum hf_status sort_next(struct imap_cmd *cmd)
{
	struct sort_args *args = cmd->args;
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status;
	bool complete = true;

	if (!args->sorted) {
		status = advance(cmd);
		if (status != HF_OK && status != HF_MORE && args->result.save)
			hf_set_clear(&cmd->session->saved);
		if (status != HF_OK)
			return status;
		if (args->result.save)
			save(cmd);
		if (args->context)
			imap_context_begin(&args->context, &args->matches, &args->run);
	}
	if (!args->result.given)
		complete = write_sort(cmd, &out);
	else if (search_return_is_told(&args->result))
		complete = write_esearch(cmd, &out);
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
	cmd->in_line = !complete;
	return complete ? failure(args) : HF_MORE;
}

static void sort_finish(struct imap_cmd *cmd)
{
	struct sort_args *args = cmd->args;

	imap_context_free(&args->context);
	sort_run_fini(&args->run);
	search_run_free(&args->search);
	hf_set_fini(&args->matches);
	search_free(&args->program);
}

const struct imap_command imap_cmd_sort = {
	.name = "SORT",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_USES_SEQUENCE,
	.parse = sort_parse,
	.start = sort_start,
	.next = sort_next,
	.finish = sort_finish,
};
