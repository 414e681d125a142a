/* SPDX-License-Identifier: BSD-2-Clause */
/* Quick resynchronisation, RFC 7162 §3.2.5, §3.2.6, §3.2.10.1.
 *
 * What the client says of itself is believed only as far as it harms nobody else: a lie changes
 * what that client is told, never how much work it costs. Sets may name four thousand million
 * messages; they are only ever cut with those of the mailbox. */
#include "module/imap/resync.h"
#include "module/imap/session_priv.h"

#define FLAGS_AT_ONCE 256 /* responses of one call of next */

/* known-uids, known-sequence-set: numbers without "*" and "$". */
static bool parse_plain_set(struct imap_cmd *cmd, struct imap_parser *p, struct hf_str *text)
{
	const char *pos = p->pos;
	struct hf_set set = HF_SET_INIT;
	bool sound = imap_parse_set(p, text) && !memchr(text->data, '*', text->size) &&
		     hf_set_parse(*text, 0, cmd->session->settings->line_size_max, &set) == HF_OK;

	hf_set_fini(&set);
	if (!sound)
		p->pos = pos;
	return sound;
}

static enum hf_status parse_match_data(struct imap_cmd *cmd, struct imap_parser *p,
				       struct resync *r)
{
	if (cmd->session->enabled & IMAP_EN_UIDONLY)
		return imap_uid_required(cmd); /* RFC 9586 §3.3 */
	if (!parse_plain_set(cmd, p, &r->match_seqs) || !imap_parse_space(p))
		return imap_parser_expected(p, "a set of message numbers");
	if (!parse_plain_set(cmd, p, &r->match_uids))
		return imap_parser_expected(p, "a set of UIDs");
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

enum hf_status resync_parse(struct imap_cmd *cmd, struct imap_parser *p, struct resync *r)
{
	uint64_t modseq;
	enum hf_status status;

	if (!(cmd->session->enabled & IMAP_EN_QRESYNC)) {
		imap_text(cmd, "QRESYNC has not been enabled");
		return HF_ESYNTAX;
	}
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "(uidvalidity modseq ...)");
	if (!imap_parse_number(p, &r->uidvalidity) || !r->uidvalidity || !imap_parse_space(p))
		return imap_parser_expected(p, "a UIDVALIDITY");
	/* 0 is not a valid modseq, but means what it says. */
	if (!imap_parse_number64(p, &modseq))
		return imap_parser_expected(p, "a modseq");
	r->modseq = HF_MOD(modseq);
	r->given = true;
	if (imap_parse_space(p) && !imap_parse_is(p, '(') && !imap_parse_is(p, ')')) {
		if (!parse_plain_set(cmd, p, &r->known))
			return imap_parser_expected(p, "a set of UIDs");
		imap_parse_space(p);
	}
	if (imap_parse_char(p, '(')) {
		status = parse_match_data(cmd, p, r);
		if (status != HF_OK)
			return status;
	}
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

/* The number at place k, from 0. */
static uint32_t nth(const struct hf_set *set, uint64_t k)
{
	size_t i = 0;

	for (;; i++) {
		uint64_t count = (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;

		if (k < count)
			return set->ranges[i].first + (uint32_t)k;
		k -= count;
	}
}

/* RFC 7162 §3.2.5.2: where a message has the number that the client knows it by, the client knows
 * of every expunge up to it. Numbers only ever fall, so the pairs that hold come first. */
static struct hf_uid settled_by(const struct hf_view *view, const struct hf_set *seqs,
				const struct hf_set *uids)
{
	uint64_t low = 0, high = hf_set_size(seqs);
	struct hf_uid settled = HF_UID(0);

	if (high != hf_set_size(uids))
		return settled; /* no pairs */
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		uint32_t seq = nth(seqs, mid), uid = nth(uids, mid);

		if (hf_view_uid(view, HF_SEQ(seq)).n == uid) {
			settled = HF_UID(uid);
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return settled;
}

static struct hf_uid find_settled(struct imap_session *session, const struct resync *r)
{
	struct hf_set seqs = HF_SET_INIT, uids = HF_SET_INIT;
	size_t max = session->settings->line_size_max;
	struct hf_uid settled = HF_UID(0);

	if (r->match_seqs.size && hf_set_parse(r->match_seqs, 0, max, &seqs) == HF_OK &&
	    hf_set_parse(r->match_uids, 0, max, &uids) == HF_OK)
		settled = settled_by(session->view, &seqs, &uids);
	hf_set_fini(&seqs);
	hf_set_fini(&uids);
	return settled;
}

enum hf_status imap_write_vanished_earlier(struct imap_session *session, struct hf_mod modseq,
					   const struct hf_set *within, struct hf_uid settled)
{
	struct hf_buf *out = &session->priv->out;
	struct hf_set gone = HF_SET_INIT;
	bool complete;
	enum hf_status status =
		hf_view_vanished_since(session->view, modseq, within, &gone, &complete);

	if (status == HF_OK && settled.n)
		hf_set_remove_range(&gone, 1, settled.n);
	if (status == HF_OK && !hf_set_is_empty(&gone)) {
		hf_buf_clear(out);
		hf_buf_add_lit(out, "* VANISHED (EARLIER) ");
		hf_set_format(&gone, out);
		hf_buf_add_lit(out, "\r\n");
		hf_conn_write(session->conn, out->data, out->size);
	}
	hf_set_fini(&gone);
	return status;
}

static void find_changed(struct imap_session *session, struct resync *r, const struct hf_set *known)
{
	struct hf_set changed = HF_SET_INIT;

	hf_view_changed_since(session->view, r->modseq, &changed);
	if (known)
		hf_set_intersect(&changed, known);
	hf_view_seqs_of(session->view, &changed, &r->seqs);
	hf_set_fini(&changed);
	hf_set_iter_init(&r->at, &r->seqs);
}

enum hf_status resync_begin(struct imap_session *session, struct resync *r)
{
	struct hf_set known = HF_SET_INIT;
	const struct hf_set *within = r->known.size ? &known : NULL;
	enum hf_status status = HF_OK;

	if (hf_view_uidvalidity(session->view) != r->uidvalidity)
		return HF_OK; /* the client sees that for itself */
	if (within)
		status = hf_set_parse(r->known, 0, session->settings->line_size_max, &known);
	if (status == HF_OK)
		status = imap_write_vanished_earlier(session, r->modseq, within,
						     find_settled(session, r));
	if (status == HF_OK)
		find_changed(session, r, within);
	hf_set_fini(&known);
	if (status != HF_OK)
		return status;
	return hf_set_is_empty(&r->seqs) ? HF_OK : HF_MORE;
}

enum hf_status resync_next(struct imap_session *session, struct resync *r)
{
	for (unsigned i = 0; i < FLAGS_AT_ONCE; i++) {
		struct hf_record record;
		uint32_t seq;

		if (!hf_set_iter_next(&r->at, &seq))
			return HF_OK;
		if (hf_view_record(session->view, HF_SEQ(seq), &record))
			imap_write_flags(session, HF_SEQ(seq), &record, true);
	}
	return HF_MORE;
}

void resync_fini(struct resync *r)
{
	hf_set_fini(&r->seqs);
}
