/* SPDX-License-Identifier: BSD-2-Clause */
/* The FETCH response of a new message, with the items that NOTIFY (... MessageNew (items)) and the UPDATE (items) of searches have
 * asked for, each once: RFC 5465 §5.2, §7. \Seen is not set. With CONDSTORE it has MODSEQ, RFC 7162 §3.2.4. */
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

static bool has(const struct fetch_args *args, const struct fetch_use *use)
{
	for (size_t i = 0; i < args->use_count; i++)
		if (args->uses[i].item == use->item && hf_str_ieq(args->uses[i].text, use->text))
			return true;
	return false;
}

static void merge(struct fetch_args *args, const struct fetch_args *const *sources, size_t count)
{
	size_t all = 1; /* MODSEQ */

	for (size_t i = 0; i < count; i++)
		all += sources[i]->use_count;
	args->uses = hf_new_array(args->scratch, struct fetch_use, all);
	args->use_capacity = all;
	for (size_t i = 0; i < count; i++) {
		args->needs |= sources[i]->needs;
		for (size_t j = 0; j < sources[i]->use_count; j++)
			if (!has(args, &sources[i]->uses[j]))
				args->uses[args->use_count++] = sources[i]->uses[j];
	}
}

/* By the operation of the command that ends. */
static bool made_here(const struct imap_session *session, const struct hf_record *record)
{
	const struct hf_effect *effects;
	size_t count;

	if (!session->cmd || !session->cmd->op)
		return false;
	effects = hf_op_effects(session->cmd->op, &count);
	for (size_t i = 0; i < count; i++)
		if (effects[i].kind == HF_EFFECT_MESSAGES && effects[i].mailbox == hf_view_mailbox(session->view) &&
		    effects[i].first.n <= record->modseq.n && effects[i].last.n >= record->modseq.n)
			return true;
	return false;
}

void imap_write_new_message(struct imap_session *session, const struct fetch_args *const *sources, size_t count, struct hf_seq seq)
{
	struct fetch_args args = { .flags_key = ~0u };
	struct fetch_message *m = &args.message;
	struct imap_cmd cmd = { .session = session, .args = &args };
	struct hf_record record;

	if (!hf_view_record(session->view, seq, &record) || made_here(session, &record))
		return;
	cmd.arena = args.scratch = hf_arena_new();
	merge(&args, sources, count);
	if (session->enabled & IMAP_EN_CONDSTORE)
		fetch_use_add(&cmd, "MODSEQ");
	m->cmd = &cmd;
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
