/* SPDX-License-Identifier: BSD-2-Clause */
/* News of the selected mailbox, in the order in which a client can follow it: EXPUNGE, EXISTS,
 * RECENT (IMAP4rev1 only), FLAGS, then FETCH of changed flags. RFC 9051 §5.2, §7.4, §7.5; RFC 3501
 * §7.3.2 (RECENT); MODSEQ: RFC 7162 §3.1.4.2; VANISHED: RFC 7162 §3.2.10.
 *
 * The view moves once, when imap_sync() is called; what it has to tell is then written in pieces,
 * by the session's loop, before anything else goes on. A mailbox that is deleted while selected is
 * told by an untagged NO, once; commands that need it are then refused with NO [NONEXISTENT] until
 * the client selects another. Messages are not told as expunged: their numbers would help nobody.
 * RFC 2180 §3.3 allows this, and it disturbs clients less than BYE. */
#include "module/imap/context.h"
#include "module/imap/mailbox.h"
#include "module/imap/session_priv.h"

#include "base/assert.h"
#include "base/mem.h"

#define NEWS_AT_ONCE 256 /* responses written before the loop looks at the clock */

static void end_news(struct imap_session_priv *priv)
{
	priv->news_pending = false;
	hf_arena_trim(priv->news_arena);
}

void imap_write_gone(struct imap_session *session)
{
	session->priv->mailbox_gone = true;
	imap_untagged_text(session, "NO", "NONEXISTENT", "The selected mailbox has been deleted");
}

void imap_write_unreadable(struct imap_session *session)
{
	session->priv->mailbox_gone = session->priv->mailbox_unreadable = true;
	imap_untagged_text(session, "NO", "UNAVAILABLE", "The selected mailbox cannot be read");
}

/* A view that could not keep up (hf_view_sync()) says deleted as well: then the mailbox is still
 * there. */
static void end_view(struct imap_session *session)
{
	struct hf_view *view = session->view;

	if (imap_mailbox_exists(session, session->priv->news_arena, hf_view_owner(view), hf_view_mailbox(view)))
		imap_bye(session, "UNAVAILABLE", "Too much has changed since the last command");
	else
		imap_write_gone(session);
}

void imap_sync(struct imap_session *session, bool hold_expunges)
{
	struct imap_session_priv *priv = session->priv;
	bool released = priv->expunges_held && !hold_expunges;

	if (!session->view || priv->mailbox_gone || priv->news_pending)
		return;
	if (!imap_rights_hold(session)) /* news says what is in the mailbox */
		return;
	if (!hf_view_has_news(session->view) && !released)
		return;
	if (!imap_notify_wants(session, false) && !(session->cmd && session->cmd->op))
		return; /* what the command did itself must be told */
	if (!priv->news_arena)
		priv->news_arena = hf_arena_new();
	if (!priv->expunges_held)
		priv->told_modseq = hf_view_modseq(session->view);
	hf_view_sync(session->view, hold_expunges, priv->news_arena, &priv->news);
	priv->expunges_held = hold_expunges;
	if (priv->news.deleted) {
		end_view(session);
		hf_arena_trim(priv->news_arena);
		return;
	}
	priv->news_pending = true;
	priv->news_at = 0;
	priv->news_quiet =
		session->cmd && (session->cmd->silent || session->cmd->told) && session->cmd->op;
	imap_contexts_vanished(session, &priv->news);
	imap_news_advance(session);
}

static void write_vanished(struct imap_session *session, const struct hf_set *uids)
{
	struct hf_buf *out = &session->priv->out;

	if (hf_set_is_empty(uids))
		return;
	hf_buf_clear(out);
	hf_buf_add_lit(out, "* VANISHED ");
	hf_set_format(uids, out);
	hf_buf_add_lit(out, "\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}

static void write_expunge(struct imap_session *session, uint32_t seq)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	hf_buf_add_lit(out, "* ");
	hf_buf_add_u64(out, seq);
	hf_buf_add_lit(out, " EXPUNGE\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}

static void write_counts(struct imap_session *session, const struct hf_sync *news)
{
	struct hf_buf *out = &session->priv->out;

	if (news->exists != news->exists_before)
		imap_printf(session, "* %u EXISTS\r\n", news->exists);
	if (news->recent_changed && !(session->enabled & IMAP_EN_REV2) &&
	    news->exists != news->exists_before) /* RFC 3501 §7.3.2: with new messages */
		imap_printf(session, "* %u RECENT\r\n", hf_view_recent_count(session->view));
	if (!news->keywords_changed)
		return;
	hf_buf_clear(out);
	hf_buf_add_lit(out, "* FLAGS ");
	imap_add_mailbox_flags(session, out);
	hf_buf_add_lit(out, "\r\n* OK [PERMANENTFLAGS ");
	imap_add_permanent_flags(session, out);
	hf_buf_add_lit(out, "] New keyword\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}

static void write_modseq(struct imap_session *session, struct hf_seq seq,
			 const struct hf_record *record)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	imap_add_fetch(session, out, seq, record->uid);
	if (!(session->enabled & IMAP_EN_UIDONLY))
		hf_buf_printf(out, "UID %u ", record->uid.n);
	hf_buf_printf(out, "MODSEQ (%llu))\r\n", (unsigned long long)record->modseq.n);
	hf_conn_write(session->conn, out->data, out->size);
}

static void write_changed(struct imap_session *session, struct hf_seq seq)
{
	const struct imap_cmd *cmd = session->cmd;
	bool with_uid = (cmd && cmd->uid) || session->priv->notify;
	struct hf_record record;

	if (!hf_view_record(session->view, seq, &record))
		return;
	if (session->priv->expunges_held && hf_view_is_gone(session->view, record.uid))
		return; /* its EXPUNGE is next */
	if (!imap_notify_wants(session, true) &&
	    !(cmd && cmd->op && hf_op_made_modseq(cmd->op, record.modseq)))
		return;
	/* What another session did before is told, though the command's own change came over it. */
	if (!session->priv->news_quiet || !hf_op_made_modseq(cmd->op, record.modseq) ||
	    (!cmd->told && hf_set_has(hf_op_unseen(cmd->op), record.uid.n)))
		imap_write_flags(session, seq, &record, with_uid);
	else if (!cmd->told && session->enabled & IMAP_EN_CONDSTORE)
		write_modseq(session, seq, &record);
}

bool imap_news_advance(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	const struct hf_sync *news = &priv->news;
	size_t end = priv->news_at + NEWS_AT_ONCE;

	if (!imap_rights_hold(session)) {
		imap_notify_forget_fetch(session);
		end_news(priv);
		return false;
	}
	if (priv->news_at == 0 && session->enabled & (IMAP_EN_QRESYNC | IMAP_EN_UIDONLY)) {
		write_vanished(session, &news->vanished);
		priv->news_at = news->expunged_count;
	}
	for (; priv->news_at < end; priv->news_at++) {
		size_t at = priv->news_at;

		if (at < news->expunged_count) {
			write_expunge(session, news->expunged[at]);
		} else if (at == news->expunged_count) {
			write_counts(session, news);
		} else if (at - news->expunged_count <= news->changed_count) {
			write_changed(session, news->changed[at - news->expunged_count - 1]);
		} else if (!imap_notify_is_fetching(session) &&
			   imap_contexts_advance(session, news)) {
			return true;
		} else if (imap_notify_fetch(session, news)) {
			return true;
		} else {
			end_news(priv);
			return false;
		}
	}
	return true;
}

void imap_unselect(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;

	if (priv->news_pending)
		end_news(priv);
	imap_notify_forget_fetch(session);
	imap_contexts_free(session);
	session->rights = 0;
	hf_view_close(&session->view);
	hf_set_fini(&session->saved);
	session->batches = (struct imap_batches){ 0 };
	hf_free((void *)(uintptr_t)session->mailbox_name.data);
	session->mailbox_name = HF_STR_NULL;
	session->read_only = false;
	priv->mailbox_gone = priv->mailbox_unreadable = false;
	priv->expunges_held = false;
	if (session->state == IMAP_SELECTED)
		session->state = IMAP_AUTHENTICATED;
}

/* Up to which all has been told. A view that holds expunges back is ahead of that: a client that
 * came back with its modseq would never hear of them. */
static struct hf_mod told_modseq(const struct imap_session *session)
{
	return session->priv->expunges_held ? session->priv->told_modseq
					    : hf_view_modseq(session->view);
}

void imap_enable_condstore(struct imap_session *session)
{
	if (session->enabled & IMAP_EN_CONDSTORE)
		return;
	session->enabled |= IMAP_EN_CONDSTORE;
	if (session->view && !session->priv->mailbox_gone)
		imap_printf(session, "* OK [HIGHESTMODSEQ %llu] Highest mod-sequence\r\n",
			    (unsigned long long)told_modseq(session).n);
}

enum hf_status imap_resolve_set(struct imap_cmd *cmd, struct hf_str text, struct hf_set *uids)
{
	struct hf_view *view = cmd->session->view;
	uint32_t count = hf_view_count(view);
	struct hf_set numbers = HF_SET_INIT;
	uint32_t star = !count ? 0 : cmd->uid ? hf_view_uid(view, HF_SEQ(count)).n : count;
	enum hf_status status;

	if (hf_str_eq(text, HF_STR("$"))) { /* RFC 5182: the same in commands of both kinds */
		hf_set_copy(uids, &cmd->session->saved);
		return HF_OK;
	}
	status = hf_set_parse(text, star, cmd->session->settings->line_size_max, &numbers);

	if (status == HF_ESYNTAX) {
		imap_text(cmd, "Malformed set of numbers");
	} else if (status == HF_OK && !cmd->uid && numbers.count &&
		   numbers.ranges[numbers.count - 1].last > count) {
		imap_text(cmd, "There is no message %u, the last is %u",
			  numbers.ranges[numbers.count - 1].last, count);
		status = HF_ESYNTAX;
	} else if (status == HF_OK && cmd->uid) {
		hf_set_fini(uids);
		*uids = numbers;
		return HF_OK;
	} else if (status == HF_OK) {
		hf_view_uids_of(view, &numbers, uids);
	}
	hf_set_fini(&numbers);
	return status;
}
