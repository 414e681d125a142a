/* SPDX-License-Identifier: BSD-2-Clause */
/* Notices that a long command is still under way: "* OK [INPROGRESS ("tag" done goal)]", which also
 * keep clients and what is between from giving up. RFC 9585.
 *
 * They are sent where no response is half written: while messages are searched, before anything of
 * the result is told, and while an operation is in the writer's hands. */
#include "module/imap/session_priv.h"

#include "base/clock.h"

void imap_progress_begin(struct imap_session *session)
{
	uint64_t interval = session->settings->progress_interval;

	session->priv->progress_at = interval ? hf_now_ms() + interval : 0;
}

static void write_notice(struct imap_session *session, uint32_t done, uint32_t goal)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	hf_buf_add_lit(out, "* OK [INPROGRESS (");
	if (memchr(session->cmd->tag.data, ']', session->cmd->tag.size)) /* §4 */
		hf_buf_add_lit(out, "NIL");
	else
		imap_add_string(out, session->cmd->tag);
	if (done < goal)
		hf_buf_printf(out, " %u %u)] Still at it\r\n", done, goal);
	else
		hf_buf_add_lit(out, " NIL NIL)] Still at it\r\n");
	hf_conn_write(session->conn, out->data, out->size);
	imap_progress_begin(session);
}

void imap_progress(struct imap_session *session, uint32_t done, uint32_t goal)
{
	uint64_t at = session->priv->progress_at;

	if (at && session->cmd && hf_now_ms() >= at)
		write_notice(session, done, goal);
}

void imap_progress_expire(struct imap_session *session)
{
	if (imap_progress_due(session) && session->priv->now >= session->priv->progress_at)
		write_notice(session, 0, 0);
}

uint64_t imap_progress_due(const struct imap_session *session)
{
	const struct imap_session_priv *priv = session->priv;

	return session->cmd && priv->phase == IMAP_PHASE_OP &&
			       session->state != IMAP_NOT_AUTHENTICATED
		       ? priv->progress_at
		       : 0;
}
