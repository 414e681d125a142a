/* SPDX-License-Identifier: BSD-2-Clause */
/* SEARCH, UID SEARCH: which messages match.
 * RFC 3501 §6.4.4 and §7.2.5; RETURN: RFC 4731, RFC 9051 §6.4.4; PARTIAL: RFC 9394; SAVE: RFC 5182; UPDATE: RFC 5267; MODSEQ: RFC 7162 §3.1.5.
 *
 * Arguments: [RETURN (options)] [CHARSET name] keys. */
#include "module/imap/context.h"

#define WRITE_BATCH 4096 /* numbers of one call of next */

struct search_args {
	struct search_return result;
	struct search_program program;
	struct search_run *run;
	struct hf_set matches;      /* sequence numbers */
	struct imap_context *context; /* until it is begun */
	bool writing;
	struct hf_set_iter at;
};

static enum hf_status search_cmd_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct search_args *args = cmd->args = hf_new(cmd->arena, struct search_args);
	enum hf_status status = search_return_parse(p, &args->result);

	if (status == HF_OK)
		status = search_return_check(cmd, p, &args->result);
	if (status == HF_OK)
		status = search_parse(cmd, p, &args->program);
	if (status != HF_OK)
		search_free(&args->program);
	if (status == HF_EBADCHARSET && args->result.save)
		hf_set_clear(&cmd->session->saved); /* RFC 5182 §2.1: any NO empties it */
	return status;
}

static enum hf_status search_start(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;

	if (args->program.uses_modseq)
		imap_enable_condstore(cmd->session);
	if (args->result.update)
		args->context = imap_context_new(cmd, &args->program, NULL, args->result.items);
	args->run = search_run_new(cmd, &args->program);
	return HF_MORE;
}

/* " 1 2 3": HF_MORE until all are written. */
static enum hf_status write_numbers(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;
	struct hf_buf out = HF_BUF_INIT;
	unsigned budget = WRITE_BATCH;
	enum hf_status status = HF_OK;
	uint32_t seq;

	while (hf_set_iter_next(&args->at, &seq)) {
		hf_buf_add_char(&out, ' ');
		hf_buf_add_u64(&out, cmd->uid ? hf_view_uid(cmd->session->view, HF_SEQ(seq)).n : seq);
		if (!--budget) {
			status = HF_MORE;
			break;
		}
	}
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
	return status;
}

/* The old form: "* SEARCH 1 2 3 (MODSEQ 5)". */
static enum hf_status write_search(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;
	enum hf_status status;

	if (!args->writing) {
		args->writing = true;
		hf_set_iter_init(&args->at, &args->matches);
		imap_printf(cmd->session, "* SEARCH");
	}
	status = write_numbers(cmd);
	if (status != HF_OK)
		return status;
	if (args->program.uses_modseq && !hf_set_is_empty(&args->matches))
		imap_printf(cmd->session, " (MODSEQ %llu)", (unsigned long long)search_run_modseq(args->run).n);
	imap_printf(cmd->session, "\r\n");
	return HF_OK;
}

/* All have been tried. A result that is short of messages that could not be read is not kept. */
static void save(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;

	if (search_run_failed(args->run) != HF_OK)
		hf_set_clear(&cmd->session->saved);
	else
		search_return_save(cmd, &args->result, &args->matches);
}

static enum hf_status search_next(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;
	enum hf_status status;

	if (!args->writing) {
		status = search_run_next(args->run, &args->matches);
		if (status != HF_OK)
			return status;
		if (args->result.save)
			save(cmd);
		if (args->context)
			imap_context_begin(&args->context, &args->matches, NULL);
	}
	if (!search_return_is_told(&args->result))
		return search_run_failed(args->run);
	if (args->result.given || cmd->session->enabled & IMAP_EN_REV2)
		search_return_write(cmd, &args->result, &args->matches,
				    args->program.uses_modseq ? search_run_modseq(args->run) : HF_MOD(0));
	else
		status = write_search(cmd);
	cmd->in_line = status == HF_MORE;
	return status != HF_OK ? status : search_run_failed(args->run);
}

static void search_finish(struct imap_cmd *cmd)
{
	struct search_args *args = cmd->args;

	imap_context_free(&args->context);
	search_run_free(&args->run);
	hf_set_fini(&args->matches);
	search_free(&args->program);
}

const struct imap_command imap_cmd_search = {
	.name = "SEARCH",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_USES_SEQUENCE,
	.parse = search_cmd_parse,
	.start = search_start,
	.next = search_next,
	.finish = search_finish,
};
