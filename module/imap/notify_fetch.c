/* SPDX-License-Identifier: BSD-2-Clause */
/* The FETCH response that NOTIFY (... MessageNew (items)) has for each new message. RFC 5465 §5.2.
 * \Seen is not set. With CONDSTORE it has MODSEQ, RFC 7162 §3.2.4. */
#include "module/imap/fetch.h"
#include "module/imap/notify.h"

static void write_message(struct imap_session *session, struct fetch_message *m)
{
	struct fetch_args *args = m->args;
	enum hf_status status;

	do
		status = fetch_message_write(m);
	while (status == HF_MORE);
	if (status == HF_OK)
		fetch_out_send(&args->out, session->conn);
	else
		hf_error(&session->log, "notify-fetch-failed uid=%u reason=%s", m->record->uid.n,
			 hf_log_quote(hf_str(hf_status_text(status))));
}

void imap_notify_write_fetch(struct imap_session *session, struct hf_seq seq)
{
	struct imap_cmd *cmd = &session->priv->notify->fetch;
	struct fetch_message *m;
	struct fetch_args args;
	struct hf_record record;

	if (!hf_view_record(session->view, seq, &record))
		return;
	if (session->enabled & IMAP_EN_CONDSTORE)
		fetch_use_add(cmd, "MODSEQ");
	args = *(const struct fetch_args *)cmd->args;
	m = &args.message;
	args.scratch = hf_arena_new();
	args.flags_key = ~0u;
	m->cmd = cmd;
	m->args = &args;
	m->out = &args.out;
	m->seq = seq;
	m->record = &record;
	write_message(session, m);
	fetch_message_drop(m);
	hf_list_reader_close(&args.list);
	hf_email_reader_close(&args.emails);
	hf_arena_free(&args.scratch);
	hf_buf_fini(&args.flags_text);
	hf_buf_fini(&args.picked);
	hf_content_close(&args.spare);
	fetch_out_fini(&args.out);
}
