/* SPDX-License-Identifier: BSD-2-Clause */
/* Message literals: the octets of APPEND go from the connection's input straight to the command
 * (struct imap_literal), never into a buffer of ours. RFC 9051 §6.3.12; several: RFC 3502;
 * non-synchronising: RFC 7888.
 *
 * Order of calls: begin, ready, data..., end, rest, and again while rest says so; then start. A refusal is
 * answered at once; what the client has sent or will send of the command after it is skipped. */
#include "module/imap/session_priv.h"

/* The command has ended while `octets` of the literal, and the end of its line, are still to come.
 */
static void end_early(struct imap_session *session, enum hf_status status, uint64_t octets)
{
	imap_input_skip(&session->priv->in, octets);
	imap_session_finish(session, status);
}

void imap_literal_begin(struct imap_session *session, uint64_t size, bool nonsync, bool binary)
{
	struct imap_session_priv *priv = session->priv;
	enum hf_status status = session->cmd->def->literal->begin(session->cmd, size, binary);

	if (status != HF_OK) {
		if (nonsync) {
			end_early(session, status, size);
		} else {
			imap_input_clear(&priv->in);
			imap_session_finish(session, status);
		}
		return;
	}
	imap_input_leave_literal(&priv->in);
	priv->phase = IMAP_PHASE_LITERAL;
	priv->literal =
		session->cmd->def->literal->ready ? IMAP_LITERAL_READY : IMAP_LITERAL_DATA;
	priv->literal_left = size;
	priv->literal_wait = false;
	if (!nonsync)
		hf_conn_write_str(session->conn, HF_STR("+ Ready for the message\r\n"));
}

/* Whatever has woken us before this does not count. */
static void wait_for_room(struct imap_session_priv *priv)
{
	priv->literal_wait = true;
	priv->woken = false;
}

static bool get_ready(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	enum hf_status status = session->cmd->def->literal->ready(session->cmd);

	if (status == HF_WAIT)
		wait_for_room(priv);
	else if (status == HF_OK)
		priv->literal = IMAP_LITERAL_DATA;
	else if (status != HF_MORE)
		end_early(session, status, priv->literal_left);
	return true;
}

/* One piece of what is at hand. */
static bool take_data(struct imap_session *session, unsigned *want)
{
	struct imap_session_priv *priv = session->priv;
	struct hf_str piece;
	enum hf_status status;

	if (!priv->literal_left) {
		priv->literal = IMAP_LITERAL_END;
		return true;
	}
	piece = hf_conn_input(session->conn);
	if (piece.size > priv->literal_left)
		piece.size = (size_t)priv->literal_left;
	if (!piece.size) {
		*want = HF_WANT_INPUT;
		return false;
	}
	status = session->cmd->def->literal->data(session->cmd, piece);
	hf_conn_consume(session->conn, piece.size);
	priv->literal_left -= piece.size;
	priv->input_size += piece.size;
	if (status == HF_WAIT)
		wait_for_room(priv);
	else if (status != HF_OK)
		end_early(session, status, priv->literal_left);
	return true;
}

static bool take_end(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	enum hf_status status = session->cmd->def->literal->end(session->cmd);

	if (status == HF_WAIT)
		wait_for_room(priv);
	else if (status != HF_OK)
		end_early(session, status, 0);
	else
		priv->literal = IMAP_LITERAL_REST;
	return true;
}

/* What follows a message is complete up to its line end, or (met) up to and with the header of a
 * literal. */
static void take_rest(struct imap_session *session, bool met)
{
	struct imap_input *in = &session->priv->in;
	struct imap_cmd *cmd = session->cmd;
	struct hf_str text = hf_arena_str(cmd->arena, hf_buf_str(&in->text));
	struct imap_parser p = {
		.start = text.data,
		.pos = text.data,
		.end = text.data + text.size,
		.expected = "the end of the command",
		.arena = cmd->arena,
		.settings = session->settings,
		.utf8 = session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2),
	};
	const char *header = met ? text.data + in->literal.header : NULL;
	bool more = false;
	enum hf_status status = cmd->def->literal->rest(cmd, &p, &more);

	if (status == HF_ESYNTAX && met && p.pos == header && in->literal.valid &&
	    in->text.size + in->literal.size <= session->settings->literal_size_max) {
		if (!in->literal.nonsync)
			hf_conn_write_str(session->conn, HF_STR("+ Ready for the argument\r\n"));
		imap_input_take_literal(in);
		return;
	}
	if (status == HF_OK && (more ? p.pos != header : met || !imap_parse_end(&p)))
		status = HF_ESYNTAX;
	if (status == HF_ESYNTAX && !cmd->text.size)
		imap_text(cmd, "%s: expected %s at position %zu after the message", cmd->def->name,
			  p.expected, (size_t)(p.pos - p.start) + 1);
	if (status == HF_OK && more && in->literal.valid) {
		imap_literal_begin(session, in->literal.size, in->literal.nonsync,
				   in->literal.binary);
		return;
	}
	if (met && in->literal.nonsync)
		imap_input_skip(in, in->literal.valid ? in->literal.size : UINT64_MAX);
	else
		imap_input_clear(in);
	if (status != HF_OK) {
		imap_session_finish(session, status);
		return;
	}
	session->priv->phase = IMAP_PHASE_RUN;
	imap_session_result(session, more ? HF_ETOOBIG : cmd->def->start(cmd));
}

static bool read_rest(struct imap_session *session, unsigned *want)
{
	struct imap_session_priv *priv = session->priv;
	struct imap_input *in = &priv->in;

	switch (imap_input_read(in, session->conn, (size_t)session->settings->line_size_max,
				session->settings->message_size_max)) {
	case IMAP_INPUT_MORE:
		*want = HF_WANT_INPUT;
		return false;
	case IMAP_INPUT_LINE:
		take_rest(session, false);
		return true;
	case IMAP_INPUT_LITERAL:
		take_rest(session, true);
		return true;
	case IMAP_INPUT_TOO_LONG:
	case IMAP_INPUT_FLOOD:
		imap_text(session->cmd, "The command is too long");
		imap_input_skip_rest(in);
		imap_session_finish(session, HF_ESYNTAX);
		return true;
	}
	return true;
}

bool imap_literal_advance(struct imap_session *session, unsigned *want)
{
	struct imap_session_priv *priv = session->priv;

	if (priv->literal_wait) {
		if (!priv->woken) {
			*want = 0;
			return false;
		}
		priv->woken = priv->literal_wait = false;
	}
	switch (priv->literal) {
	case IMAP_LITERAL_READY:
		return get_ready(session);
	case IMAP_LITERAL_DATA:
		return take_data(session, want);
	case IMAP_LITERAL_END:
		return take_end(session);
	case IMAP_LITERAL_REST:
		return read_rest(session, want);
	}
	return true;
}
