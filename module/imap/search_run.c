/* SPDX-License-Identifier: BSD-2-Clause */
/* A search over the view: each message is tried with what is cheap (its record, the row with the common header fields, its text signature, then the
 * header) and its text is decoded only when that leaves the answer open. Bodies are read in pieces, so that a large one does not hold a worker. */
#include "base/mem.h"
#include "message/mime.h"
#include "message/text.h"
#include "module/imap/search.h"

#define READ_AHEAD 256          /* records */
#define RECORD_BATCH 256        /* messages of one step that are decided by their records or signatures */
#define PIECE ((size_t)256 << 10) /* octets of content of one step */
#define FEW 4                     /* one message in so many, or fewer, is few */
#define FEED ((size_t)4 << 10)    /* that are decoded before the answer is looked at */
#define GLANCE ((size_t)64 << 10) /* octets of text that are looked through before the message is parsed */
#define GLANCE_FEED ((size_t)512) /* of these at first */

struct search_run {
	struct imap_cmd *cmd;
	struct search_program *program;
	struct search_bulk *bulk;       /* while it is asked */
	struct hf_set candidates;       /* what it left */
	const struct hf_set *within;    /* sequence numbers to try; NULL: all */
	size_t within_range;
	struct hf_record *records;
	uint32_t record_first, record_count, next;
	struct hf_list_reader *list;
	struct hf_email_reader *emails;
	struct hf_text_signature_reader *signatures;
	struct hf_arena *scratch;       /* of one message */
	struct hf_mod modseq;
	enum hf_status failed;
	bool fields, trigrams;          /* the program has keys on fields; some that signatures help with */
	/* The message whose text is being decoded. */
	struct search_message message;
	struct hf_text_sink sink;
	struct hf_content *content;
	uint64_t content_of;            /* the email whose it is; 0: none's, only its memory is kept */
	struct hf_mime *mime;
	struct hf_buf text;             /* of a glance */
	uint64_t offset;
};

/* Texts of one header field or body part come in pieces and end with an empty one. */
static void see_text(struct search_node *node, struct hf_str utf8)
{
	if (!utf8.size)
		hf_matcher_restart(node->matcher);
	else if (hf_matcher_feed(node->matcher, utf8))
		node->seen = SEARCH_YES;
}

static void sink_text(struct hf_text_sink *sink, enum hf_text_kind kind, struct hf_str field, struct hf_str utf8)
{
	struct search_run *run = HF_CONTAINER(sink, struct search_run, sink);
	struct search_node *node;

	(void)field;
	for (node = run->program->texts; node; node = node->next_text)
		if (node->seen == SEARCH_UNKNOWN &&
		    (node->kind == SEARCH_ANY_TEXT || (node->kind == SEARCH_BODY_TEXT && kind == HF_TEXT_BODY)))
			see_text(node, utf8);
}

struct search_run *search_run_new(struct imap_cmd *cmd, struct search_program *program)
{
	struct search_run *run = hf_alloc_zero(sizeof *run);
	struct search_node *node;

	run->cmd = cmd;
	run->program = program;
	run->records = hf_alloc(READ_AHEAD * sizeof *run->records);
	run->scratch = hf_arena_new();
	run->sink.text = sink_text;
	run->next = 1;
	run->bulk = search_bulk_new(cmd, program);
	for (node = program->texts; node; node = node->next_text) {
		run->fields |= node->kind == SEARCH_FIELD;
		run->trigrams |= node->trigrams != NULL;
	}
	return run;
}

void search_run_free(struct search_run **run_p)
{
	struct search_run *run = *run_p;
	struct search_node *node;

	if (!run)
		return;
	search_bulk_free(&run->bulk);
	for (node = run->program->texts; node; node = node->next_text)
		hf_set_fini(&node->sure);
	hf_set_fini(&run->candidates);
	hf_mime_free(&run->mime);
	hf_content_close(&run->content);
	hf_buf_fini(&run->text);
	hf_list_reader_close(&run->list);
	hf_email_reader_close(&run->emails);
	hf_text_signature_reader_close(&run->signatures);
	hf_arena_free(&run->scratch);
	hf_free(run->records);
	hf_free(run);
	*run_p = NULL;
}

struct hf_mod search_run_modseq(const struct search_run *run)
{
	return run->modseq;
}

enum hf_status search_run_failed(const struct search_run *run)
{
	return run->failed;
}

void search_run_within(struct search_run *run, const struct hf_set *seqs)
{
	run->within = seqs;
	search_bulk_free(&run->bulk); /* they are few */
}

/* Goes on to the next number to try; false: there is none. */
static bool skip_others(struct search_run *run)
{
	const struct hf_set *within = run->within;

	while (run->within_range < within->count && within->ranges[run->within_range].last < run->next)
		run->within_range++;
	if (run->within_range == within->count)
		return false;
	if (run->next < within->ranges[run->within_range].first)
		run->next = within->ranges[run->within_range].first;
	return true;
}

static const struct hf_record *next_record(struct search_run *run)
{
	if (run->within && !skip_others(run))
		return NULL;
	if (run->next < run->record_first || run->next >= run->record_first + run->record_count) {
		run->record_first = run->next;
		run->record_count =
			hf_view_records(run->cmd->session->view, HF_SEQ(run->next), READ_AHEAD, run->records);
		if (!run->record_count)
			return NULL;
	}
	return &run->records[run->next++ - run->record_first];
}

static void match(struct search_run *run, struct hf_set *matches)
{
	hf_set_add(matches, run->message.seq.n);
	if (run->message.record->modseq.n > run->modseq.n)
		run->modseq = run->message.record->modseq;
}

/* Fields ------------------------------------------------------------------------------------------------------------ */

static bool see_field(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct search_run *run = arg;
	struct search_node *node;
	struct hf_buf unfolded = HF_BUF_INIT, utf8 = HF_BUF_INIT;

	(void)field;
	for (node = run->program->texts; node; node = node->next_text) {
		if (node->kind != SEARCH_FIELD || node->seen != SEARCH_UNKNOWN || !hf_str_ieq(node->field, name))
			continue;
		if (!unfolded.size) {
			hf_header_unfold(value, &unfolded);
			hf_header_decode(hf_buf_str(&unfolded), &utf8);
		}
		hf_matcher_restart(node->matcher);
		if (!node->text.size || hf_matcher_feed(node->matcher, hf_buf_str(&utf8)))
			node->seen = SEARCH_YES;
	}
	hf_buf_fini(&unfolded);
	hf_buf_fini(&utf8);
	return true;
}

/* What has not been found is not there. `common`: only the fields that the list row has are decided. */
static void close_fields(struct search_run *run, bool common)
{
	struct search_node *node;

	for (node = run->program->texts; node; node = node->next_text) {
		if (node->kind != SEARCH_FIELD || node->seen != SEARCH_UNKNOWN)
			continue;
		if (!common || hf_list_has_field(node->field))
			node->seen = SEARCH_NO;
	}
}

static enum hf_status read_email(struct search_run *run, struct hf_email *email)
{
	struct imap_session *session = run->cmd->session;
	enum hf_status status = HF_OK;

	if (!run->emails)
		status = hf_email_reader_open(session->store, hf_view_owner(session->view), &run->emails);
	return status == HF_OK ? hf_email_reader_get(run->emails, run->message.record->email, email) : status;
}

/* The usual fields lie in the list row, or in the email row where they had no room there. */
static enum hf_status read_list(struct search_run *run)
{
	struct imap_session *session = run->cmd->session;
	struct hf_list_row row;
	struct hf_email email;
	enum hf_status status = HF_OK;

	row.headers = HF_STR_NULL;
	if (!run->list)
		status = hf_list_reader_open(session->store, hf_view_owner(session->view), &run->list);
	if (status == HF_OK)
		status = hf_list_reader_get(run->list, run->message.record->email, &row);
	if (status == HF_OK && !row.headers.data) {
		status = read_email(run, &email);
		if (status == HF_OK)
			row.headers = email.headers;
	}
	if (status == HF_OK && row.headers.data) {
		hf_header_each(row.headers, see_field, run);
		close_fields(run, true);
	}
	return status;
}

static enum hf_status take_content(struct search_run *run, const struct hf_email *email)
{
	struct hf_store *store = run->cmd->session->store;
	enum hf_status status = HF_OK;

	if (run->content_of == email->id)
		return HF_OK;
	if (run->content)
		hf_content_reopen(store, email, run->content);
	else
		status = hf_content_open(store, email, &run->content);
	if (status == HF_OK)
		run->content_of = email->id;
	return status;
}

static enum hf_status open_content(struct search_run *run)
{
	struct hf_email email;
	enum hf_status status;

	if (run->content_of == run->message.record->email)
		return HF_OK;
	status = read_email(run, &email);
	return status == HF_OK ? take_content(run, &email) : status;
}

static enum hf_status read_header(struct search_run *run)
{
	struct hf_str header;
	enum hf_status status = open_content(run);

	if (status == HF_OK)
		status = hf_content_header(run->content, run->scratch, &header);
	if (status != HF_OK)
		return status;
	hf_header_each(header, see_field, run);
	close_fields(run, false);
	return HF_OK;
}

/* Signatures -------------------------------------------------------------------------------------------------------- */

static bool may_contain(const struct hf_text_signature *signature, const struct search_node *node)
{
	return (node->kind != SEARCH_BODY_TEXT && hf_text_signature_may_contain(signature, HF_TEXT_HEADER, node->trigrams)) ||
	       (node->kind != SEARCH_FIELD && hf_text_signature_may_contain(signature, HF_TEXT_BODY, node->trigrams));
}

/* Decides keys whose text cannot be in the message. Where there is no signature they stay open. */
static void read_signature(struct search_run *run)
{
	struct imap_session *session = run->cmd->session;
	struct hf_text_signature signature;
	struct search_node *node;

	if (!run->trigrams)
		return;
	if (!run->signatures && hf_text_signature_reader_open(session->store, hf_view_owner(session->view),
							      &run->signatures) != HF_OK)
		return;
	if (hf_text_signature_reader_get(run->signatures, run->message.record->email, &signature) != HF_OK)
		return;
	for (node = run->program->texts; node; node = node->next_text)
		if (node->seen == SEARCH_UNKNOWN && node->trigrams && !may_contain(&signature, node))
			node->seen = SEARCH_NO;
}

/* Text -------------------------------------------------------------------------------------------------------------- */

static void restart_texts(struct search_run *run)
{
	struct search_node *node;

	for (node = run->program->texts; node; node = node->next_text) {
		hf_matcher_restart(node->matcher);
		/* The empty string is in every text (RFC 9051 §6.4.4), but a field has to be there. */
		node->seen = !node->text.size && node->kind != SEARCH_FIELD ? SEARCH_YES : SEARCH_UNKNOWN;
		if (node->sure.count && hf_set_has(&node->sure, run->message.seq.n))
			node->seen = SEARCH_YES;
	}
}

static void end_text(struct search_run *run)
{
	hf_mime_free(&run->mime);
	run->content_of = 0;
	hf_arena_reset(run->scratch);
}

static enum search_answer see_body(struct search_run *run)
{
	if (run->text.size)
		sink_text(&run->sink, HF_TEXT_BODY, HF_STR(""), hf_buf_str(&run->text));
	hf_buf_clear(&run->text);
	return search_eval(run->program->root, &run->message);
}

/* Feeds the octets from `at` to `end` of the message, few at first: a common word comes soon. `whole`: the text ends there; else what
 * the decoder holds back is not for anybody. */
static enum hf_status glance_text(struct search_run *run, struct hf_body_decoder *decoder, uint64_t at, uint64_t end, bool whole,
				  enum search_answer *answer)
{
	size_t feed = GLANCE_FEED;

	while (at < end && *answer == SEARCH_UNKNOWN) {
		size_t size = end - at < feed ? (size_t)(end - at) : feed;
		struct hf_str piece;
		enum hf_status status = hf_content_peek_some(run->content, at, size, &piece);

		if (status != HF_OK)
			return status;
		if (!piece.size)
			break;
		piece = hf_str_sub(piece, 0, size);
		hf_body_decoder_feed(decoder, piece, &run->text);
		*answer = see_body(run);
		at += piece.size;
		feed = feed < FEED ? 2 * feed : FEED;
	}
	if (*answer == SEARCH_UNKNOWN && whole) {
		hf_body_decoder_end(decoder, &run->text);
		*answer = see_body(run);
	}
	sink_text(&run->sink, HF_TEXT_BODY, HF_STR(""), HF_STR(""));
	return HF_OK;
}

static const struct hf_part *next_part(const struct hf_part *part)
{
	if (part->children)
		return part->children;
	while (part && !part->next)
		part = part->parent;
	return part ? part->next : NULL;
}

/* Looks where texts mostly are: in the first text parts, as the stored part tree has them, without parsing the message. What is
 * found there is in it; what is not may be elsewhere: HF_MORE. */
static enum hf_status glance(struct search_run *run, enum search_answer *answer)
{
	struct hf_email email;
	size_t left = GLANCE;
	enum hf_status status = read_email(run, &email);

	if (status == HF_OK)
		status = take_content(run, &email);
	if (status != HF_OK)
		return status;
	if (hf_email_decode(run->scratch, &email) != HF_OK)
		return HF_MORE;
	for (const struct hf_part *part = email.message.root; part && left && *answer == SEARCH_UNKNOWN; part = next_part(part)) {
		uint64_t at = email.prefix.size + part->body_offset, size = part->body_size < left ? part->body_size : left;
		struct hf_body_decoder *decoder = NULL;

		if (part->kind != HF_PART_LEAF || !hf_str_ieq(part->type, HF_STR("text")) ||
		    hf_body_decoder_new(part, true, &decoder) != HF_OK)
			continue;
		status = glance_text(run, decoder, at, at + size, size == part->body_size, answer);
		hf_body_decoder_free(&decoder);
		if (status != HF_OK)
			return status;
		left -= (size_t)size;
	}
	return *answer == SEARCH_UNKNOWN ? HF_MORE : HF_OK;
}

/* Decodes a piece of the message's text. HF_MORE: the answer is still open; HF_OK: *answer. */
static enum hf_status read_text(struct search_run *run, enum search_answer *answer)
{
	struct search_node *node;
	struct hf_message parsed;
	struct hf_str piece;
	size_t done = 0;
	enum hf_status status;

	while (done < PIECE) {
		status = hf_content_peek(run->content, run->offset, &piece);
		if (status != HF_OK)
			return status;
		if (!piece.size) {
			hf_mime_finish(&run->mime, &parsed);
			for (node = run->program->texts; node; node = node->next_text)
				if (node->seen == SEARCH_UNKNOWN)
					node->seen = SEARCH_NO;
			*answer = search_eval(run->program->root, &run->message);
			return HF_OK;
		}
		piece = hf_str_sub(piece, 0, FEED);
		hf_mime_feed(run->mime, piece);
		run->offset += piece.size;
		done += piece.size;
		*answer = search_eval(run->program->root, &run->message);
		if (*answer != SEARCH_UNKNOWN)
			return HF_OK;
	}
	return HF_MORE;
}

static enum hf_status begin_text(struct search_run *run)
{
	enum hf_status status = open_content(run);

	if (status != HF_OK)
		return status;
	run->mime = hf_mime_new(run->scratch, NULL, &run->sink);
	run->offset = 0;
	return HF_MORE;
}

/* A message that cannot be read does not match; the client is told at the end. */
static void fail(struct search_run *run, enum hf_status status)
{
	hf_error(&run->cmd->session->log, "search-failed mailbox=%llu uid=%u reason=%s",
		 (unsigned long long)hf_view_mailbox(run->cmd->session->view), run->message.record->uid.n,
		 hf_log_quote(hf_str(hf_status_text(status))));
	run->failed = status;
}

/* Tries the rows in order of cost. HF_MORE: begin_text() has been called. */
static enum hf_status try_rows(struct search_run *run, enum search_answer *answer)
{
	enum hf_status status;

	if (run->fields) {
		status = read_list(run);
		if (status != HF_OK)
			return status;
		*answer = search_eval(run->program->root, &run->message);
		if (*answer == SEARCH_UNKNOWN) {
			read_signature(run);
			*answer = search_eval(run->program->root, &run->message);
		}
		if (*answer != SEARCH_UNKNOWN)
			return HF_OK;
		status = read_header(run);
		if (status != HF_OK)
			return status;
		*answer = search_eval(run->program->root, &run->message);
		if (*answer != SEARCH_UNKNOWN)
			return HF_OK;
	}
	status = glance(run, answer);
	return status == HF_MORE ? begin_text(run) : status;
}

/* Whether the beginnings of texts have decided about many, and left few. */
static bool has_sure(const struct search_program *program)
{
	const struct search_node *node;

	for (node = program->texts; node; node = node->next_text)
		if (node->sure.count)
			return true;
	return false;
}

/* HF_MORE: go on, with the messages in run->within; HF_OK: matches are the answer. */
static enum hf_status try_all(struct search_run *run, struct hf_set *matches)
{
	bool exact;
	enum hf_status status = search_bulk_next(run->bulk, &run->candidates, &exact);

	if (status != HF_OK)
		return status;
	if (search_bulk_signed(run->bulk) && !has_sure(run->program) &&
	    hf_set_size(&run->candidates) * FEW > hf_view_count(run->cmd->session->view))
		run->trigrams = false; /* the full signatures would not leave many fewer */
	search_bulk_free(&run->bulk);
	if (exact && !run->program->uses_modseq) {
		hf_set_copy(matches, &run->candidates);
		return HF_OK;
	}
	run->within = &run->candidates;
	return HF_MORE;
}

enum hf_status search_run_next(struct search_run *run, struct hf_set *matches)
{
	enum search_answer answer = SEARCH_NO;
	enum hf_status status;
	unsigned budget = RECORD_BATCH;

	if (run->bulk)
		return try_all(run, matches);

	imap_progress(run->cmd->session, run->next ? run->next - 1 : 0, hf_view_count(run->cmd->session->view));
	if (run->mime) {
		status = read_text(run, &answer);
	} else {
		do {
			run->message.view = run->cmd->session->view;
			run->message.record = next_record(run);
			if (!run->message.record)
				return HF_OK;
			run->message.seq = HF_SEQ(run->next - 1);
			if (run->program->texts)
				restart_texts(run);
			answer = search_eval(run->program->root, &run->message);
			if (answer == SEARCH_UNKNOWN && !run->fields) {
				read_signature(run);
				answer = search_eval(run->program->root, &run->message);
			}
			if (answer == SEARCH_YES)
				match(run, matches);
		} while (answer != SEARCH_UNKNOWN && --budget);
		if (answer != SEARCH_UNKNOWN)
			return HF_MORE;
		status = try_rows(run, &answer);
	}
	if (status == HF_MORE)
		return HF_MORE;
	if (status != HF_OK)
		fail(run, status);
	else if (answer == SEARCH_YES)
		match(run, matches);
	end_text(run);
	return HF_MORE;
}
