/* SPDX-License-Identifier: BSD-2-Clause */
/* When a session has waited long enough: for a login, for a command (RFC 9051 §5.4), for the rest
 * of one, for the client to read.
 *
 * A connection has one timer. It is armed for the earliest moment that can matter and not moved
 * when that moment is put off: when it runs out early, it is armed again for the rest. So a busy
 * session does not touch it. */
#include "module/imap/session_priv.h"

#include "base/clock.h"

#define PROGRESS_MIN 1024 /* octets in a stall_timeout: less is no progress */

void imap_timeout_start(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;

	priv->now = priv->opened = priv->last_input = hf_now_ms();
}

void imap_timeout_events(struct imap_session *session, unsigned events)
{
	struct imap_session_priv *priv = session->priv;

	priv->now = hf_now_ms();
	if (events & HF_EV_INPUT)
		priv->last_input = priv->now;
	if (events & HF_EV_ROOM)
		priv->full_since = 0;
	if (events & HF_EV_TIMER)
		priv->armed = 0;
}

void imap_set_deadline(struct imap_session *session, uint64_t ms)
{
	session->priv->deadline = ms ? session->priv->now + ms : 0;
}

bool imap_deadline_passed(const struct imap_session *session)
{
	return session->priv->deadline && session->priv->now >= session->priv->deadline;
}

/* A command or a literal of which a part has come. */
static bool is_partial(const struct imap_session_priv *priv)
{
	return priv->phase == IMAP_PHASE_LITERAL ||
	       (priv->phase == IMAP_PHASE_READ && imap_input_is_partial(&priv->in));
}

static uint64_t progress_of(const struct imap_session_priv *priv)
{
	return priv->input_size + priv->in.text.size + priv->in.skipped;
}

/* When the client is to be given up, 0: not. */
static uint64_t give_up_at(const struct imap_session *session)
{
	const struct imap_session_priv *priv = session->priv;
	const struct imap_settings *settings = session->settings;
	bool idles = session->cmd && session->cmd->def->traits & IMAP_TAKES_INPUT;

	if (priv->full_since)
		return priv->full_since + settings->stall_timeout;
	if (session->state == IMAP_NOT_AUTHENTICATED)
		return priv->opened + settings->login_timeout;
	if (priv->partial_since)
		return priv->partial_since + settings->stall_timeout;
	if (!priv->waits_input ||
	    (idles && priv->deadline)) /* IDLE that is kept alive does not time out */
		return 0;
	return priv->last_input + settings->idle_timeout;
}

void imap_timeout_expire(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	uint64_t at = give_up_at(session);

	if (!at || at > priv->now)
		return;
	if (priv->full_since) {
		size_t queued = hf_conn_output_size(session->conn);

		if (queued + PROGRESS_MIN <= priv->full_size) {
			priv->full_since = priv->now;
			priv->full_size = queued;
			return;
		}
		priv->reason = "client does not read";
		priv->aborting = true;
		return;
	}
	if (session->state == IMAP_NOT_AUTHENTICATED) {
		imap_bye(session, NULL, "No login in time");
		return;
	}
	if (!priv->partial_since) {
		imap_bye(session, NULL, "Idle for too long");
		return;
	}
	if (progress_of(priv) >= priv->partial_octets + PROGRESS_MIN) {
		priv->partial_since = priv->now;
		priv->partial_octets = progress_of(priv);
		return;
	}
	imap_bye(session, NULL, "The rest of the command did not come in time");
}

static void note_waiting(struct imap_session *session, unsigned want)
{
	struct imap_session_priv *priv = session->priv;

	priv->waits_input = want & HF_WANT_INPUT;
	if (!(want & HF_WANT_ROOM)) {
		priv->full_since = 0;
	} else if (!priv->full_since) {
		priv->full_since = priv->now;
		priv->full_size = hf_conn_output_size(session->conn);
	}
	if (!priv->waits_input || !is_partial(priv)) {
		priv->partial_since = 0;
	} else if (!priv->partial_since) {
		priv->partial_since = priv->now;
		priv->partial_octets = progress_of(priv);
	}
}

void imap_timeout_park(struct imap_session *session, unsigned want)
{
	struct imap_session_priv *priv = session->priv;
	uint64_t at, due;

	note_waiting(session, want);
	at = give_up_at(session);
	if (priv->deadline && (!at || priv->deadline < at))
		at = priv->deadline;
	due = imap_progress_due(session);
	if (due && (!at || due < at))
		at = due;
	if (!at || (priv->armed && priv->armed <= at))
		return;
	priv->armed = at;
	hf_conn_timer(session->conn, at > priv->now ? at - priv->now : 1);
}
