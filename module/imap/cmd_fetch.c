/* SPDX-License-Identifier: BSD-2-Clause */
/* FETCH, UID FETCH: read messages.
 * RFC 9051 §6.4.5; CHANGEDSINCE: RFC 7162 §3.1.4; VANISHED: §3.2.6; PARTIAL: RFC 9394 §3.3.
 *
 * Arguments: sequence-set, items, [(CHANGEDSINCE modseq VANISHED PARTIAL first:last)].
 *
 * Where an item sets \Seen, the flags are made durable first, in one operation for the whole set, and the responses carry them. */
#include "base/mem.h"
#include "module/imap/fetch.h"
#include "module/imap/mailbox.h"
#include "module/imap/resync.h"
#include "module/imap/search.h"

#define READ_AHEAD 256  /* records */
#define CHEAP_BATCH 64  /* messages of one call of next, when no item reads more than a row */
#define LINE_BATCH 512  /* when each is a short line */
#define FACTS_MIN 256   /* messages from which on it pays to have facts of their blocks in memory */

static enum hf_status parse_modifier(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct fetch_args *args = cmd->args;
	uint64_t modseq;

	if (!args->page && imap_parse_keyword(p, "PARTIAL")) {
		args->page = hf_new(cmd->arena, struct search_return);
		if (!imap_parse_space(p) || !search_window_parse(p, args->page))
			return imap_parser_expected(p, "first:last or -first:-last");
		return HF_OK;
	}
	if (!args->vanished && imap_parse_keyword(p, "VANISHED")) {
		if (!cmd->uid || !(cmd->session->enabled & IMAP_EN_QRESYNC)) {
			imap_text(cmd, "VANISHED is for UID FETCH after ENABLE QRESYNC");
			return HF_ESYNTAX;
		}
		args->vanished = true;
		return HF_OK;
	}
	/* 0 is not a valid modseq, but real clients send it (field: iOS 16.5 Mail). */
	if (args->has_changedsince || !imap_parse_keyword(p, "CHANGEDSINCE") || !imap_parse_space(p) ||
	    !imap_parse_number64(p, &modseq))
		return imap_parser_expected(p, "CHANGEDSINCE number or PARTIAL first:last");
	args->has_changedsince = true;
	args->changedsince = HF_MOD(modseq);
	return HF_OK;
}

static enum hf_status parse_modifiers(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status;

	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "(CHANGEDSINCE number)");
	imap_parse_space(p);
	do {
		status = parse_modifier(cmd, p);
		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, ")");
}

static enum hf_status fetch_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct fetch_args *args = cmd->args = hf_new(cmd->arena, struct fetch_args);
	enum hf_status status;

	if (!imap_parse_set(p, &args->set) || !imap_parse_space(p))
		return imap_parser_expected(p, "a sequence set");
	if (cmd->uid && !(cmd->session->enabled & IMAP_EN_UIDONLY))
		fetch_use_add(cmd, "UID");
	status = fetch_items_parse(cmd, p);
	if (status == HF_OK && imap_parse_space(p) && !imap_parse_end(p))
		status = parse_modifiers(cmd, p);
	if (status != HF_OK)
		return status;
	if (args->vanished && !args->has_changedsince)
		return imap_parser_expected(p, "CHANGEDSINCE with VANISHED");
	if (args->has_changedsince)
		fetch_use_add(cmd, "MODSEQ");
	return imap_parse_end(p) ? HF_OK : imap_parser_expected(p, "the end of the command");
}

/* RFC 7162 §3.1: asking for MODSEQ is asking for CONDSTORE. */
static void enable_condstore(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	const struct fetch_item *modseq = fetch_item_find(HF_STR("MODSEQ"));
	size_t i;

	for (i = 0; i < args->use_count; i++)
		if (args->uses[i].item == modseq)
			imap_enable_condstore(cmd->session);
}

/* Of args->uids, those that do not carry \Seen yet. */
static void find_unseen(struct imap_cmd *cmd, struct hf_set *unseen)
{
	struct fetch_args *args = cmd->args;
	size_t i;

	for (i = 0; i < args->seqs.count; i++) {
		uint32_t seq = args->seqs.ranges[i].first, last = args->seqs.ranges[i].last;

		while (seq <= last) {
			uint32_t want = last - seq + 1 < READ_AHEAD ? last - seq + 1 : READ_AHEAD, j;
			uint32_t got = hf_view_records(cmd->session->view, HF_SEQ(seq), want, args->records);

			for (j = 0; j < got; j++)
				if (!(args->records[j].flags & HF_FLAG_SEEN))
					hf_set_add(unseen, args->records[j].uid.n);
			if (got < want)
				return;
			seq += got;
		}
	}
}

static enum hf_status set_seen(struct imap_cmd *cmd)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_set unseen = HF_SET_INIT;
	enum hf_status status = HF_MORE;

	find_unseen(cmd, &unseen);
	if (!hf_set_is_empty(&unseen)) {
		cmd->told = true;
		status = imap_submit(cmd, hf_op_store(cmd->session->view, &unseen, &change));
	}
	hf_set_fini(&unseen);
	return status;
}

/* RFC 9394 §3.3: the page is cut from the messages that are there, before CHANGEDSINCE looks at them. */
static void take_page(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct hf_set there = HF_SET_INIT, page = HF_SET_INIT;

	hf_view_seqs_of(cmd->session->view, &args->uids, &there);
	search_window_take(args->page, &there, &page);
	hf_set_clear(&args->uids);
	hf_view_uids_of(cmd->session->view, &page, &args->uids);
	hf_set_fini(&there);
	hf_set_fini(&page);
}

/* "*" is the last message that is there; those that were behind it have vanished all the same. */
static enum hf_status tell_vanished(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct hf_view *view = cmd->session->view;
	uint32_t uidnext = hf_view_uidnext(view).n, last = hf_view_uid(view, HF_SEQ(hf_view_count(view))).n;
	struct hf_set within = HF_SET_INIT;
	enum hf_status status;

	hf_set_copy(&within, &args->uids);
	if (memchr(args->set.data, '*', args->set.size) && last + 1 < uidnext)
		hf_set_add_range(&within, last + 1, uidnext - 1);
	status = imap_write_vanished_earlier(cmd->session, args->changedsince, &within, HF_UID(0));
	hf_set_fini(&within);
	return status;
}

/* Many messages, and most of those between the first and the last. */
static bool is_dense(const struct hf_set *seqs)
{
	uint64_t size = hf_set_size(seqs);

	return size >= FACTS_MIN && size * 2 > seqs->ranges[seqs->count - 1].last - seqs->ranges[0].first;
}

static enum hf_status fetch_start(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct hf_set changed = HF_SET_INIT;
	enum hf_status status = imap_resolve_set(cmd, args->set, &args->uids);

	if (status != HF_OK)
		return status;
	enable_condstore(cmd);
	if (args->vanished) {
		status = tell_vanished(cmd);
		if (status != HF_OK)
			return status;
	}
	if (args->page)
		take_page(cmd);
	if (args->has_changedsince) {
		hf_view_changed_since(cmd->session->view, args->changedsince, &changed);
		hf_set_intersect(&args->uids, &changed);
		hf_set_fini(&changed);
	}
	hf_view_seqs_of(cmd->session->view, &args->uids, &args->seqs);
	args->records = hf_alloc(READ_AHEAD * sizeof *args->records);
	args->scratch = hf_arena_new();
	args->flags_key = ~0u;
	args->use_facts = true;
	args->lines = fetch_lines_apply(args, cmd->session);
	args->make_facts = is_dense(&args->seqs);
	if (args->needs & FETCH_SETS_SEEN && !cmd->session->read_only && cmd->session->rights & HF_RIGHT_SEEN)
		return set_seen(cmd);
	return HF_MORE;
}

/* The next record to answer, or NULL at the end. */
static const struct hf_record *next_record(struct imap_cmd *cmd, struct hf_seq *seq)
{
	struct fetch_args *args = cmd->args;

	while (args->range < args->seqs.count) {
		const struct hf_range *range = &args->seqs.ranges[args->range];

		if (!args->next)
			args->next = range->first;
		if (args->next > range->last || args->next < range->first) {
			args->range++;
			args->next = 0;
			continue;
		}
		if (args->next < args->record_first || args->next >= args->record_first + args->record_count) {
			uint32_t want = range->last - args->next + 1;

			args->record_first = args->next;
			args->record_count = hf_view_records(cmd->session->view, HF_SEQ(args->next),
							     want < READ_AHEAD ? want : READ_AHEAD, args->records);
			if (!args->record_count)
				return NULL;
		}
		*seq = HF_SEQ(args->next++);
		return &args->records[seq->n - args->record_first];
	}
	return NULL;
}

static void note_failure(struct imap_cmd *cmd, const struct hf_record *record, enum hf_status status)
{
	struct fetch_args *args = cmd->args;

	if (status == HF_EUNKNOWNCTE || status == HF_ELIMIT) { /* the message is as it should be */
		if (args->failed == HF_OK)
			args->failed = status;
		return;
	}
	hf_error(&cmd->session->log, "fetch-failed mailbox=%llu uid=%u reason=%s",
		 (unsigned long long)hf_view_mailbox(cmd->session->view), record->uid.n,
		 hf_log_quote(hf_str(hf_status_text(status))));
	if (args->failed == HF_OK || status == HF_ECORRUPT)
		args->failed = status;
}

/* `list` and `email` are large, and written before they are read. */
static void begin_message(struct imap_cmd *cmd, struct fetch_message *m)
{
	struct fetch_args *args = cmd->args;

	m->cmd = cmd;
	m->args = args;
	m->out = &args->out;
	m->has_list = false;
	m->has_email = false;
	m->content = NULL;
	m->has_header = false;
	m->before = 0;
	m->use = 0;
	m->work = NULL;
	m->work_free = NULL;
}

static enum hf_status next_lines(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	struct fetch_message *m = &args->message;
	unsigned budget = LINE_BATCH;

	begin_message(cmd, m);
	while (budget && (m->record = next_record(cmd, &m->seq)) != NULL) {
		fetch_line_write(m);
		budget--;
	}
	fetch_out_send(&args->out, cmd->session->conn);
	return budget ? HF_OK : HF_MORE;
}

static enum hf_status fetch_next(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;
	bool cheap = !(args->needs & (FETCH_NEEDS_TREE | FETCH_NEEDS_CONTENT));
	unsigned budget = cheap ? CHEAP_BATCH : 1;
	enum hf_status status = HF_OK;

	if (args->lines)
		return next_lines(cmd);
	while (budget--) {
		struct fetch_message *m = &args->message;

		if (!m->begun) {
			begin_message(cmd, m);
			m->record = next_record(cmd, &m->seq);
		}
		if (!m->record)
			break;
		status = fetch_message_write(m);
		if (status == HF_MORE)
			return HF_MORE; /* what is written of it stays until it is whole */
		if (status != HF_OK)
			note_failure(cmd, m->record, status);
		if (!cheap || m->has_email)
			hf_arena_reset(args->scratch);
		status = HF_MORE;
	}
	fetch_out_send(&args->out, cmd->session->conn);
	return status == HF_MORE ? HF_MORE : args->failed;
}

/* \Seen is durable, or could not be set (a full disk must not keep anyone from reading). */
static enum hf_status fetch_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	if (hf_op_status(op) != HF_OK)
		hf_info(&cmd->session->log, "seen-not-set reason=%s", hf_log_quote(hf_str(hf_status_text(hf_op_status(op)))));
	return HF_MORE;
}

static void fetch_finish(struct imap_cmd *cmd)
{
	struct fetch_args *args = cmd->args;

	fetch_message_drop(&args->message);
	hf_set_fini(&args->uids);
	hf_set_fini(&args->seqs);
	hf_free(args->records);
	hf_list_reader_close(&args->list);
	hf_email_reader_close(&args->emails);
	hf_arena_free(&args->scratch);
	hf_buf_fini(&args->flags_text);
	hf_buf_fini(&args->picked);
	hf_content_close(&args->spare);
	for (size_t i = 0; i < FETCH_FACT_COUNT; i++)
		hf_facts_close(&args->facts[i]);
	fetch_out_fini(&args->out);
}

const struct imap_command imap_cmd_fetch = {
	.name = "FETCH",
	.states = IMAP_SELECTED,
	.traits = IMAP_HAS_UID_FORM | IMAP_USES_SEQUENCE,
	.parse = fetch_parse,
	.start = fetch_start,
	.next = fetch_next,
	.done = fetch_done,
	.finish = fetch_finish,
};
