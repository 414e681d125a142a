/* SPDX-License-Identifier: BSD-2-Clause */
/* The session's loop: which of the few things that a connection can be in the middle of goes on
 * now.
 *
 *     mailbox not read yet?       read some more of it, once what was said has gone out
 *     news on its way out?        write some more of it
 *     an operation in flight?     durable -> done : park
 *     a command running?          call next
 *     a message literal?          hand its octets over
 *     a command that has ended?   news, the tagged response, reset the arena
 *     otherwise                   a whole command in the input? parse and start it : park
 *
 * Only this file looks at the slice and at the output queue's marks. One command at a time: the
 * next is not looked at before the tagged response of the one before is written, so replies come in
 * the order of commands and pipelined commands see each other's changes. Between commands nothing
 * untagged is sent: news waits for the next command or IDLE, unless NOTIFY wants it at once. */
#include "module/imap/mailbox.h"
#include "module/imap/metadata_news.h"
#include "module/imap/session_priv.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/mem.h"

#define LINE_DROPPED_MAX                                                        \
	(16u << 20) /* octets of a line too long for a command that takes input \
		     */

/* Opening, closing --------------------------------------------------------------------------- */

static void greet(struct imap_session *session)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	hf_buf_add_lit(out, "* OK [CAPABILITY ");
	imap_add_capabilities(session, out);
	hf_buf_add_lit(out, "] Holdfast ready\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}

enum hf_status imap_session_open(struct hf_conn *conn, struct imap_module *module)
{
	struct imap_session *session = hf_alloc_zero(sizeof(*session));
	struct imap_session_priv *priv = hf_alloc_zero(sizeof(*priv));

	session->conn = conn;
	session->store = module->store;
	session->settings = hf_conn_settings(conn);
	session->log.parent = hf_conn_log(conn);
	session->state = IMAP_NOT_AUTHENTICATED;
	session->arena = hf_arena_new();
	session->priv = priv;
	priv->module = module;
	priv->reason = "disconnected";
	hf_conn_set_session(conn, session);
	hf_counter_add(module->sessions, 1);
	imap_timeout_start(session);
	greet(session);
	return HF_OK;
}

/* Lets go of the command: whatever it holds is given back. */
static void command_free(struct imap_session *session)
{
	struct imap_cmd *cmd = session->cmd;

	if (!cmd)
		return;
	if (cmd->def->finish)
		cmd->def->finish(cmd);
	if (cmd->op && session->priv->op_in_flight)
		hf_op_abandon(&cmd->op);
	hf_op_free(&cmd->op);
	hf_buf_fini(&cmd->code);
	hf_buf_fini(&cmd->text);
	session->priv->op_in_flight = false;
	session->cmd = NULL;
	hf_arena_reset(session->arena);
}

void imap_session_close(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;

	command_free(session);
	imap_unselect(session);
	imap_notify_free(session);
	imap_metadata_unwatch(session);
	if (session->state != IMAP_NOT_AUTHENTICATED)
		hf_info(&session->log, "logout reason=%s commands=%llu in=%llu ms=%llu",
			hf_log_quote(hf_str(priv->reason)), (unsigned long long)session->commands,
			(unsigned long long)priv->input_size,
			(unsigned long long)(hf_now_ms() - priv->opened));
	hf_account_close(&session->account);
	hf_counter_add(priv->module->sessions, -1);
	hf_conn_set_session(session->conn, NULL);
	hf_buf_fini(&priv->in.text);
	hf_buf_fini(&priv->out);
	hf_buf_fini(&priv->line);
	hf_arena_free(&priv->news_arena);
	hf_arena_free(&session->arena);
	hf_free((void *)(uintptr_t)session->user.data);
	hf_free(priv);
	hf_free(session);
}

void imap_end(struct imap_session *session, const char *reason)
{
	if (!session->priv->closing)
		session->priv->reason = reason;
	session->priv->closing = true;
}

void imap_bye(struct imap_session *session, const char *code, const char *text)
{
	if (session->priv->closing)
		return;
	imap_untagged_text(session, "BYE", code, text);
	imap_end(session, text);
}

void imap_show_activity(struct imap_session *session, const char *word)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	hf_buf_add_cstr(out, word);
	if (session->mailbox_name.size) {
		hf_buf_add_char(out, ' ');
		hf_log_value(out, session->mailbox_name);
	}
	hf_conn_set_activity(session->conn, hf_buf_cstr(out));
}

/* Commands ----------------------------------------------------------------------------------- */

void imap_session_result(struct imap_session *session, enum hf_status status)
{
	struct imap_session_priv *priv = session->priv;

	switch (status) {
	case HF_MORE:
		priv->phase = IMAP_PHASE_RUN;
		break;
	case HF_WAIT:
		priv->phase = priv->op_in_flight ? IMAP_PHASE_OP : IMAP_PHASE_WAIT;
		priv->woken = false;
		break;
	default:
		imap_session_finish(session, status);
		break;
	}
}

void imap_session_finish(struct imap_session *session, enum hf_status status)
{
	struct imap_session_priv *priv = session->priv;
	struct imap_cmd *cmd = session->cmd;

	priv->phase = IMAP_PHASE_FINISH;
	priv->final = status;
	priv->deadline = 0;
	priv->want_input = false;
	if (session->view && status != HF_ESYNTAX && !(cmd->def->traits & IMAP_NO_SYNC))
		imap_sync(session,
			  cmd->def->traits & IMAP_USES_SEQUENCE && (!cmd->uid || cmd->by_number));
	if (status != HF_ESYNTAX && !(cmd->def->traits & IMAP_NO_SYNC))
		imap_metadata_tell(session);
}

enum hf_status imap_submit(struct imap_cmd *cmd, struct hf_op *op)
{
	struct imap_session *session = cmd->session;

	hf_op_free(&cmd->op);
	cmd->op = op;
	session->priv->op_in_flight = true;
	if (session->priv->notify || session->contexts)
		hf_op_want_effects(op);
	hf_store_submit(session->store, hf_conn_waiter(session->conn, HF_EV_DURABLE), op);
	return HF_WAIT;
}

/* RFC 9051 §7.1: tag, condition, code, text. */
static void write_tagged(struct imap_session *session, enum hf_status status)
{
	struct hf_buf *out = &session->priv->out;
	struct imap_cmd *cmd = session->cmd;
	const char *word, *code, *text;

	imap_status_words(status, &word, &code, &text);
	hf_buf_clear(out);
	hf_buf_add_str(out, cmd->tag);
	hf_buf_add_char(out, ' ');
	hf_buf_add_cstr(out, word);
	hf_buf_add_char(out, ' ');
	if (cmd->code.size || code) {
		hf_buf_add_char(out, '[');
		if (cmd->code.size)
			hf_buf_add_str(out, hf_buf_str(&cmd->code));
		else
			hf_buf_add_cstr(out, code);
		hf_buf_add_lit(out, "] ");
	}
	if (cmd->text.size) {
		hf_buf_add_str(out, hf_buf_str(&cmd->text));
	} else {
		if (status == HF_OK)
			hf_buf_printf(out, "%s%s ", cmd->uid ? "UID " : "", cmd->def->name);
		hf_buf_add_cstr(out, text);
	}
	hf_buf_add_lit(out, "\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}

static void end_command(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	const struct imap_command *def = session->cmd->def;
	enum hf_status status = priv->final;

	write_tagged(session, status);
	command_free(session);
	priv->phase = IMAP_PHASE_READ;
	priv->woken = true; /* what it held back can be told now */
	session->bad_count = status == HF_ESYNTAX ? session->bad_count + 1 : 0;
	if (session->bad_count >= (uint64_t)session->settings->bad_commands_max)
		imap_bye(session, NULL, "Too many bad commands");
	imap_auth_limit(session);
	if (status == HF_OK && def->after) {
		priv->turn_over = true;
		def->after(session);
	}
}

/* Reading ------------------------------------------------------------------------------------ */

static bool read_command(struct imap_session *session, unsigned *want)
{
	struct imap_session_priv *priv = session->priv;
	const struct imap_settings *settings = session->settings;
	struct imap_input *in = &priv->in;
	bool logged_in = session->state != IMAP_NOT_AUTHENTICATED;
	uint64_t flood_max = logged_in ? 2 * settings->message_size_max : settings->line_size_max;
	struct imap_head head;
	struct hf_str text;

	switch (imap_input_read(in, session->conn, (size_t)settings->line_size_max, flood_max)) {
	case IMAP_INPUT_MORE:
		*want = HF_WANT_INPUT;
		return false;
	case IMAP_INPUT_LINE:
		text = hf_arena_str(session->arena, hf_buf_str(&in->text));
		priv->input_size += text.size + 2;
		imap_input_clear(in);
		imap_command_begin(session, text);
		break;
	case IMAP_INPUT_LITERAL:
		if (!imap_command_meets_literal(session))
			break;
		imap_input_take_literal(in);
		if (!in->literal.nonsync)
			hf_conn_write_str(session->conn, HF_STR("+ Ready for the argument\r\n"));
		break;
	case IMAP_INPUT_TOO_LONG:
		if (imap_parse_head(hf_buf_str(&in->text), &head))
			head.tag = head.name.size ? head.tag : HF_STR_NULL;
		imap_refuse(session, head.tag, "BAD", "TOOBIG",
			    "The command line is longer than %llu octets",
			    (unsigned long long)settings->line_size_max);
		imap_input_skip_rest(in);
		break;
	case IMAP_INPUT_FLOOD:
		imap_bye(session, NULL, "Too much of what was refused");
		break;
	}
	return true;
}

void imap_want_input(struct imap_session *session)
{
	session->priv->want_input = true;
}

enum hf_status imap_input_line(struct imap_session *session, size_t max, struct hf_str *line)
{
	struct imap_session_priv *priv = session->priv;
	struct hf_str input;

	if (priv->line_given)
		hf_buf_clear(&priv->line);
	priv->line_given = false;
	while ((input = hf_conn_input(session->conn)).size) {
		const char *lf = memchr(input.data, '\n', input.size);
		size_t size = lf ? (size_t)(lf - input.data) : input.size;

		if (priv->line.size + size > max)
			priv->line_cut = true;
		if (priv->line_cut)
			priv->line_dropped += size;
		else
			hf_buf_add(&priv->line, input.data, size);
		hf_conn_consume(session->conn, lf ? size + 1 : size);
		priv->input_size += size + 1;
		if (priv->line_dropped > LINE_DROPPED_MAX)
			imap_bye(session, NULL, "Too much of what was refused");
		if (!lf && !priv->closing)
			continue;
		priv->line_given = true;
		if (priv->line_cut) {
			priv->line_cut = false;
			priv->line_dropped = 0;
			return HF_ELIMIT;
		}
		*line = hf_buf_str(&priv->line);
		if (line->size && line->data[line->size - 1] == '\r')
			line->size--;
		return HF_OK;
	}
	imap_want_input(session);
	return HF_WAIT;
}

enum hf_status imap_offload(struct imap_session *session, void (*fn)(void *arg), void *arg,
			    void (*drop)(void *arg))
{
	enum hf_status status = hf_offload(session->conn, fn, arg, drop);

	session->priv->offload = status == HF_OK;
	return status;
}

bool imap_offload_running(const struct imap_session *session)
{
	return session->priv->offload;
}

/* The loop ----------------------------------------------------------------------------------- */

/* A command in a mailbox that may no longer be read ends at its next turn. */
static bool may_go_on(struct imap_session *session)
{
	if (session->cmd->in_line) /* its line has been judged as a whole */
		return true;
	if (imap_rights_hold(session) || !session->view || session->cmd->def->states != IMAP_SELECTED)
		return true;
	imap_text(session->cmd, "The selected mailbox has been deleted");
	imap_session_finish(session, HF_ENONEXISTENT);
	return false;
}

/* The mailbox has been selected by what its row says: reads its records, a slice in each turn, before
 * anything looks at them. False: the turn is over. */
static bool finish_opening(struct imap_session *session, bool first, unsigned *want)
{
	enum hf_status status = HF_MORE;

	if (first) /* what was answered is on its way */
		status = hf_view_finish(session->view);
	*want = status != HF_MORE ? 0 : first ? HF_WANT_TURN | HF_WANT_LONG : HF_WANT_TURN;
	if (status == HF_MORE || status == HF_WAIT)
		return false;
	if (status == HF_ENONEXISTENT) {
		imap_write_gone(session);
	} else if (status != HF_OK) {
		hf_error(&session->log, "mailbox-failed mailbox=%llu reason=%s",
			 (unsigned long long)hf_view_mailbox(session->view),
			 hf_log_quote(hf_str(hf_status_text(status))));
		imap_write_unreadable(session);
	}
	return true;
}

/* One piece of work. False: there is none, park with *want. */
static bool advance(struct imap_session *session, unsigned *want)
{
	struct imap_session_priv *priv = session->priv;
	struct imap_cmd *cmd = session->cmd;
	bool boundary = !cmd || (cmd->def->traits & IMAP_TAKES_INPUT && !priv->offload);

	if (priv->news_pending) {
		imap_news_advance(session);
		return true;
	}
	if (priv->quit && boundary) {
		bool stopping = hf_host_is_stopping(priv->module->host);

		imap_bye(session, stopping ? "UNAVAILABLE" : NULL,
			 stopping				       ? "The server is stopping"
			 : hf_conn_is_displaced(session->conn) ? "Another connection of yours takes this place"
							       : "Disconnected by the administrator");
		return true;
	}
	switch (priv->phase) {
	case IMAP_PHASE_READ:
		if (read_command(session, want))
			return true;
		if (!priv->notify)
			return false;
		if (!priv->woken)
			return imap_notify_count(session);
		priv->woken = false;
		imap_notify_push(session);
		return true;
	case IMAP_PHASE_RUN:
		if (may_go_on(session))
			imap_session_result(session, cmd->def->next(cmd));
		return true;
	case IMAP_PHASE_WAIT:
		if (!priv->woken) {
			*want = priv->want_input ? HF_WANT_INPUT : 0;
			return false;
		}
		priv->want_input = false;
		if (may_go_on(session))
			imap_session_result(session, cmd->def->next(cmd));
		return true;
	case IMAP_PHASE_OP:
		if (!hf_op_is_done(cmd->op)) {
			*want = 0;
			return false;
		}
		priv->op_in_flight = false;
		imap_notify_own(session, cmd->op);
		imap_session_result(session, cmd->def->done ? cmd->def->done(cmd, cmd->op)
							    : hf_op_status(cmd->op));
		return true;
	case IMAP_PHASE_LITERAL:
		return imap_literal_advance(session, want);
	case IMAP_PHASE_FINISH:
		end_command(session);
		return true;
	}
	return true;
}

/* Between turns a connection keeps its struct, what its command needs, and its view. */
static unsigned park(struct imap_session *session, unsigned want)
{
	struct imap_session_priv *priv = session->priv;

	if (want & HF_WANT_INPUT && !hf_conn_input(session->conn).size &&
	    hf_conn_input_ended(session->conn)) {
		priv->closing = true;
		return HF_WANT_CLOSE;
	}
	hf_buf_fini(&priv->out);
	if (!priv->in.text.size)
		hf_buf_fini(&priv->in.text);
	if (!session->cmd)
		hf_arena_trim(session->arena);
	imap_timeout_park(session, want);
	return want;
}

unsigned imap_session_step(struct imap_session *session, unsigned events)
{
	struct imap_session_priv *priv = session->priv;
	unsigned want = 0;

	imap_timeout_events(session, events);
	if (events & HF_EV_QUIT)
		priv->quit = true;
	if (events & HF_EV_OFFLOAD)
		priv->offload = false;
	if (events & HF_EV_TIMER)
		imap_timeout_expire(session);
	if (events & HF_EV_TIMER && !priv->closing && !priv->aborting)
		imap_progress_expire(session);
	priv->woken = true;
	for (bool first = true;; first = false) {
		if (priv->aborting)
			return HF_WANT_ABORT;
		if (priv->closing)
			return HF_WANT_CLOSE;
		/* Whether or not the client reads: other sessions may be waiting for it. */
		if (session->view && !session->cmd && hf_view_is_early(session->view)) {
			if (!finish_opening(session, first, &want))
				return want ? want : park(session, 0);
			continue;
		}
		if (hf_conn_output_full(session->conn))
			return park(session, HF_WANT_ROOM);
		if (!first && hf_conn_slice_used(session->conn))
			return session->cmd ? HF_WANT_TURN | HF_WANT_LONG : HF_WANT_TURN;
		if (!advance(session, &want))
			return park(session, want);
		if (priv->turn_over && !priv->closing) {
			/* The layers below may be about to change (STARTTLS): no octet behind that
			 * command is ours to look at. */
			priv->turn_over = false;
			return park(session, HF_WANT_INPUT);
		}
	}
}
