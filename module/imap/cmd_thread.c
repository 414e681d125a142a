/* SPDX-License-Identifier: BSD-2-Clause */
/* THREAD, UID THREAD: the messages that match, as conversations. RFC 5256 §3.
 *
 * Arguments: algorithm, charset, keys. */
#include "module/imap/search.h"
#include "module/imap/thread.h"

#define MEMO_PIECE ((size_t)64 << 10) /* octets of one call of next */
#define MEMO_MAX ((size_t)32 << 20)   /* a longer answer is not kept */

struct thread_args {
	const struct thread_algorithm *algorithm;
	struct search_program program;
	struct search_run *search;
	struct hf_set matches; /* sequence numbers */
	bool searched, writing, all; /* all: of the view */
	struct thread_run run;
	struct thread_writer writer;
	struct hf_buf text;    /* what is written, to be kept */
	struct hf_memo *memo;  /* what was kept: all of it, for exactly these messages */
	size_t at;             /* in the memo */
};

static enum hf_status thread_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct thread_args *args = cmd->args = hf_new(cmd->arena, struct thread_args);
	const char *pos = p->pos;
	struct hf_str name;
	enum hf_status status;

	if (imap_parse_atom(p, &name))
		args->algorithm = thread_algorithm_find(name);
	if (!args->algorithm) {
		p->pos = pos;
		return imap_parser_expected(p, "ORDEREDSUBJECT, REFERENCES or REFS");
	}
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a charset name");
	status = search_parse_charset(cmd, p, &args->program);
	if (status == HF_OK)
		status = search_parse_program(cmd, p, &args->program);
	if (status != HF_OK)
		search_free(&args->program);
	return status;
}

static enum hf_status thread_start(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;

	if (args->program.uses_modseq)
		imap_enable_condstore(cmd->session);
	args->search = search_run_new(cmd, &args->program);
	return HF_MORE;
}

/* The forest follows from the messages and what never changes about them. */
static struct hf_str memo_name(const struct imap_cmd *cmd)
{
	const struct thread_args *args = cmd->args;
	char *name = hf_arena_printf(cmd->arena, "T%c%s", cmd->uid ? 'u' : 's', args->algorithm->name);

	return hf_str(name);
}

/* Searches, then threads, in pieces. HF_OK: the forest stands. */
static enum hf_status advance(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;
	enum hf_status status;

	if (!args->searched) {
		status = search_run_next(args->search, &args->matches);
		if (status != HF_OK)
			return status;
		args->searched = true;
		thread_run_init(&args->run, cmd, args->algorithm, &args->matches);
		args->all = match_rows_are_all(&args->run.rows);
		if (args->all)
			args->memo = hf_memo_open(cmd->session->store, cmd->session->view, memo_name(cmd));
		if (args->memo)
			return HF_OK;
		return HF_MORE;
	}
	return thread_run_next(&args->run);
}

/* True when it is complete. */
static bool write_memo(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;
	struct hf_str piece = hf_str_sub(hf_memo_data(args->memo), args->at, MEMO_PIECE);

	hf_conn_write_str(cmd->session->conn, piece);
	args->at += piece.size;
	return piece.size < MEMO_PIECE;
}

static bool write_threads(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;
	size_t before = args->text.size;
	bool complete;

	if (!before && args->run.count)
		hf_buf_add_char(&args->text, ' ');
	complete = thread_writer_next(&args->writer, &args->run, cmd->uid ? cmd->session->view : NULL, &args->text);
	hf_conn_write_str(cmd->session->conn, hf_str_sub(hf_buf_str(&args->text), before, SIZE_MAX));
	if (!args->all || args->text.size > MEMO_MAX) {
		args->all = false;
		hf_buf_clear(&args->text);
		hf_buf_add_char(&args->text, ' '); /* it has begun */
	}
	if (complete && args->all && args->run.rows.failed == HF_OK)
		hf_memo_keep(cmd->session->store, cmd->session->view, memo_name(cmd), hf_buf_str(&args->text));
	return complete;
}

static enum hf_status thread_next(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;
	enum hf_status status;

	if (!args->writing) {
		status = advance(cmd);
		if (status != HF_OK)
			return status;
		args->writing = true;
		if (!args->memo)
			thread_writer_init(&args->writer, &args->run);
		hf_conn_write_str(cmd->session->conn, HF_STR("* THREAD"));
	}
	cmd->in_line = !(args->memo ? write_memo(cmd) : write_threads(cmd));
	if (cmd->in_line)
		return HF_MORE;
	hf_conn_write_str(cmd->session->conn, HF_STR("\r\n"));
	status = search_run_failed(args->search);
	return status != HF_OK ? status : args->run.rows.failed;
}

static void thread_finish(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;

	thread_run_fini(&args->run);
	hf_memo_close(&args->memo);
	hf_buf_fini(&args->text);
	search_run_free(&args->search);
	hf_set_fini(&args->matches);
	search_free(&args->program);
}

const struct imap_command imap_cmd_thread = {
	.name = "THREAD",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_USES_SEQUENCE,
	.parse = thread_parse,
	.start = thread_start,
	.next = thread_next,
	.finish = thread_finish,
};
