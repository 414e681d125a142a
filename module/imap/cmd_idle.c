/* SPDX-License-Identifier: BSD-2-Clause */
/* IDLE: news as it comes, until DONE. RFC 2177, RFC 9051 §6.3.13.
 *
 * Arguments: none. DONE and the next command may come in one packet; anything else than DONE ends
 * IDLE with BAD and is dropped. "* OK Still here" keeps the connection alive in routers on the way,
 * and while it is sent there is no idle timeout: a peer that has gone is noticed by it. */
#include "module/imap/metadata_news.h"
#include "module/imap/session_priv.h"

#define LINE_MAX_IDLE 1024

static enum hf_status idle_next(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;
	struct hf_str line;
	enum hf_status status = imap_input_line(session, LINE_MAX_IDLE, &line);

	if (status == HF_OK && hf_str_ieq(hf_str_trim(line), HF_STR("DONE"))) {
		imap_show_activity(session, session->view ? "selected" : "logged in");
		imap_text(cmd, "IDLE completed");
		return HF_OK;
	}
	if (status != HF_WAIT) {
		imap_text(cmd, "IDLE: expected DONE");
		return HF_ESYNTAX;
	}
	imap_sync(session, false);
	imap_notify_tell(session);
	imap_metadata_tell(session);
	if (imap_deadline_passed(session)) {
		imap_untagged_text(session, "OK", NULL, "Still here");
		imap_set_deadline(session, session->settings->idle_keepalive);
	}
	while (imap_notify_count(session))
		if (hf_conn_slice_used(session->conn))
			return HF_MORE;
	return HF_WAIT;
}

static enum hf_status idle_start(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;

	hf_conn_write_str(session->conn, HF_STR("+ idling\r\n"));
	imap_show_activity(session, "IDLE");
	imap_set_deadline(session, session->settings->idle_keepalive);
	return idle_next(cmd);
}

const struct imap_command imap_cmd_idle = {
	.name = "IDLE",
	.states = IMAP_LOGGED_IN,
	.traits = IMAP_TAKES_INPUT,
	.start = idle_start,
	.next = idle_next,
};
