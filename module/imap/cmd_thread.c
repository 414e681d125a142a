/* SPDX-License-Identifier: BSD-2-Clause */
/* THREAD, UID THREAD: the messages that match, as conversations. RFC 5256 §3.
 *
 * Arguments: algorithm, charset, keys. */
#include "module/imap/search.h"
#include "module/imap/thread.h"

struct thread_args {
	const struct thread_algorithm *algorithm;
	struct search_program program;
	struct search_run *search;
	struct hf_set matches; /* sequence numbers */
	bool searched, writing;
	struct thread_run run;
	struct thread_writer writer;
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
		return HF_MORE;
	}
	return thread_run_next(&args->run);
}

static enum hf_status thread_next(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status;
	bool complete;

	if (!args->writing) {
		status = advance(cmd);
		if (status != HF_OK)
			return status;
		args->writing = true;
		thread_writer_init(&args->writer, &args->run);
		hf_buf_add_cstr(&out, args->run.count ? "* THREAD " : "* THREAD");
	}
	complete = thread_writer_next(&args->writer, &args->run, cmd->uid ? cmd->session->view : NULL, &out);
	if (complete)
		hf_buf_add_lit(&out, "\r\n");
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
	if (!complete)
		return HF_MORE;
	status = search_run_failed(args->search);
	return status != HF_OK ? status : args->run.rows.failed;
}

static void thread_finish(struct imap_cmd *cmd)
{
	struct thread_args *args = cmd->args;

	thread_run_fini(&args->run);
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
