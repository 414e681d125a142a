/* SPDX-License-Identifier: BSD-2-Clause */
/* The turns of an LMTP connection: what is under way goes on, else the next command line is taken.
 * Commands may be pipelined (RFC 2920); replies keep their order because nothing is read while an
 * operation is under way. */
#include "base/mem.h"
#include "module/lmtp/lmtp.h"
#include "module/lmtp/session.h"

/* Octets handed to the stage at a time. */
#define PIECE (32 * 1024)

enum hf_status lmtp_session_open(struct hf_conn *conn)
{
	struct lmtp_session *session = hf_alloc_zero(sizeof *session);

	session->conn = conn;
	session->store = hf_host_store(hf_conn_host(conn));
	session->settings = hf_conn_settings(conn);
	session->log.parent = hf_conn_log(conn);
	session->arena = hf_arena_new();
	lmtp_reset(session);
	hf_conn_set_session(conn, session);
	hf_conn_timer(conn, session->settings->command_timeout);
	lmtp_reply(session, 220, "", "%s LMTP Holdfast ready", hf_host_name(hf_conn_host(conn)));
	return HF_OK;
}

void lmtp_session_close(struct hf_conn *conn)
{
	struct lmtp_session *session = hf_conn_session(conn);

	/* A delivery that has been submitted completes without us; the MTA will repeat it, and the
	 * repeat is recognised. */
	hf_op_abandon(&session->op);
	hf_stage_free(&session->stage);
	hf_buf_fini(&session->peer_name);
	hf_arena_free(&session->arena);
	hf_free(session);
	hf_conn_set_session(conn, NULL);
}

/* The timer runs until a command is complete or a fair piece of data has come. */
static void note_progress(struct lmtp_session *session, size_t octets)
{
	session->progress += octets;
	if (session->progress < LMTP_PROGRESS)
		return;
	session->progress = 0;
	hf_conn_timer(session->conn, session->settings->command_timeout);
}

static void run_line(struct lmtp_session *session, struct hf_str line)
{
	struct hf_str args = line;
	struct hf_str name = hf_str_split(&args, ' ');
	const struct lmtp_command *command = lmtp_command_find(hf_str_trim(name));

	if (command)
		command->run(session, args);
	else
		lmtp_refuse(session, 500, "5.5.1",
			    "command not known (this is LMTP: LHLO, not HELO or EHLO)");
}

/* Each of these does a bounded piece of work. HF_OK: go on at once; HF_WAIT: parked until woken;
 * HF_MORE: more input is needed. */

static enum hf_status step_command(struct lmtp_session *session)
{
	struct hf_str in = hf_conn_input(session->conn);
	ptrdiff_t end = hf_str_chr(in, '\n');
	struct hf_str line;

	if (end < 0) {
		if (in.size <= LMTP_LINE_MAX)
			return HF_MORE;
		lmtp_refuse(session, 500, "5.5.2", "line too long");
		session->phase = LMTP_SKIP_LINE;
		return HF_OK;
	}
	line = hf_str_sub(in, 0, (size_t)end);
	if (line.size && line.data[line.size - 1] == '\r')
		line.size--;
	if (line.size > LMTP_LINE_MAX)
		lmtp_refuse(session, 500, "5.5.2", "line too long");
	else if (line.size && memchr(line.data, 0, line.size))
		lmtp_refuse(session, 500, "5.5.2", "NUL in a command");
	else
		run_line(session, line);
	hf_conn_consume(session->conn, (size_t)end + 1);
	note_progress(session, LMTP_PROGRESS);
	return HF_OK;
}

static enum hf_status step_skip_line(struct lmtp_session *session)
{
	struct hf_str in = hf_conn_input(session->conn);
	ptrdiff_t end = hf_str_chr(in, '\n');

	if (end >= 0)
		session->phase = LMTP_COMMAND;
	hf_conn_consume(session->conn, end < 0 ? in.size : (size_t)end + 1);
	return end < 0 ? HF_MORE : HF_OK;
}

static enum hf_status step_data(struct lmtp_session *session)
{
	struct hf_str in = hf_str_sub(hf_conn_input(session->conn), 0, PIECE);
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status;
	size_t used;
	bool ended;

	if (!in.size)
		return HF_MORE;
	ended = lmtp_unstuff(&session->unstuffer, in, &used, &out);
	hf_conn_consume(session->conn, used);
	note_progress(session, used);
	status = lmtp_message_add(session, hf_buf_str(&out));
	hf_buf_fini(&out);
	if (ended)
		session->phase = LMTP_FINISH; /* it waits for the stage itself if need be */
	return status;
}

static enum hf_status step_bdat(struct lmtp_session *session)
{
	struct hf_str in = hf_str_sub(hf_conn_input(session->conn), 0, PIECE);
	enum hf_status status = HF_OK;

	if (session->chunk_left) {
		if (!in.size)
			return HF_MORE;
		if (in.size > session->chunk_left)
			in.size = (size_t)session->chunk_left;
		if (!session->chunk_refused)
			status = lmtp_message_add(session, in);
		session->chunk_left -= in.size;
		hf_conn_consume(session->conn, in.size);
		note_progress(session, in.size);
		return status;
	}
	if (session->chunk_refused) {
		lmtp_refuse(session, 503, "5.5.1",
			    session->has_sender ? "no valid recipients" : "MAIL first");
		session->chunk_refused = false;
		session->phase = LMTP_COMMAND;
	} else if (session->chunk_last) {
		session->phase = LMTP_FINISH;
	} else if (session->data_status != HF_OK) {
		struct lmtp_answer answer = lmtp_answer(session->data_status);

		/* RFC 3030 §2: after a refused chunk the transaction is over. */
		lmtp_reply(session, answer.code, answer.enhanced, "%s", answer.text);
		lmtp_reset(session);
	} else {
		lmtp_reply(session, 250, "2.0.0", "chunk ok");
		session->phase = LMTP_COMMAND;
	}
	return HF_OK;
}

static enum hf_status step_phase(struct lmtp_session *session)
{
	switch (session->phase) {
	case LMTP_SKIP_LINE:
		return step_skip_line(session);
	case LMTP_DATA:
		return step_data(session);
	case LMTP_BDAT:
		return step_bdat(session);
	case LMTP_FINISH:
		return lmtp_message_finish(session);
	case LMTP_COMMIT:
		return lmtp_message_done(session) ? HF_OK : HF_WAIT;
	case LMTP_COMMAND:
		break;
	}
	return step_command(session);
}

static bool at_boundary(const struct lmtp_session *session)
{
	return session->phase == LMTP_COMMAND && !session->chunking;
}

unsigned lmtp_session_step(struct hf_conn *conn, unsigned events)
{
	struct lmtp_session *session = hf_conn_session(conn);
	const char *host = hf_host_name(hf_conn_host(conn));
	enum hf_status status;

	if (session->phase == LMTP_COMMIT || session->phase == LMTP_FINISH) {
		note_progress(session, LMTP_PROGRESS); /* the wait is ours, not the client's */
	} else if (events & HF_EV_TIMER) {
		hf_info(&session->log, "closed reason=timeout");
		lmtp_reply(session, 421, "4.4.2", "%s timeout, closing", host);
		return HF_WANT_CLOSE;
	}
	for (;;) {
		if (session->quitting)
			return HF_WANT_CLOSE;
		if (at_boundary(session) && hf_host_is_stopping(hf_conn_host(conn))) {
			lmtp_reply(session, 421, "4.3.2", "%s shutting down", host);
			return HF_WANT_CLOSE;
		}
		if (events & HF_EV_QUIT && at_boundary(session)) {
			lmtp_reply(session, 421, "4.3.2", "%s closing", host);
			return HF_WANT_CLOSE;
		}
		if (hf_conn_output_full(conn))
			return HF_WANT_ROOM;
		if (hf_conn_slice_used(conn))
			return HF_WANT_TURN;
		status = step_phase(session);
		if (status == HF_WAIT)
			return 0;
		if (status == HF_MORE)
			return hf_conn_input_ended(conn)
				       ? HF_WANT_CLOSE
				       : HF_WANT_INPUT; /* replies may still be on their way */
	}
}
