/* SPDX-License-Identifier: BSD-2-Clause */
/* Unsolicited METADATA responses: the names of entries that others have changed. RFC 5464 §4.4.2,
 * RFC 5465 §5.6, §5.7.
 *
 * Once NOTIFY has been given, it alone says what is told; until then ENABLE does, and what is told
 * comes before tagged responses and in IDLE. When more has changed than is kept for a session that
 * does not listen, it is told so, and a NOTIFY ends (RFC 5465 §5.8). */
#include "module/imap/metadata_news.h"

#include "module/imap/metadata.h"
#include "module/imap/notify.h"

static bool wants_server(const struct imap_session *session)
{
	const struct imap_notify *notify = session->priv->notify;

	if (notify)
		return imap_notify_asked(notify) & NOTIFY_SERVER_METADATA;
	return session->enabled & (IMAP_EN_METADATA | IMAP_EN_METADATA_SERVER);
}

static bool wants_mailbox(const struct imap_session *session, const struct imap_mailbox *mailbox)
{
	const struct imap_notify *notify = session->priv->notify;

	if (notify)
		return imap_notify_events(session, mailbox) & NOTIFY_METADATA;
	return session->enabled & IMAP_EN_METADATA;
}

void imap_metadata_rewatch(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	bool wanted = wants_server(session) || session->enabled & IMAP_EN_METADATA;

	if (priv->notify)
		wanted = imap_notify_asked(priv->notify) &
			 (NOTIFY_METADATA | NOTIFY_SERVER_METADATA);
	if (!wanted)
		imap_metadata_unwatch(session);
	else if (!priv->annotations)
		priv->annotations =
			hf_annotation_watch(session->store, session->user_id,
					    hf_conn_waiter(session->conn, HF_EV_NEWS));
}

void imap_metadata_unwatch(struct imap_session *session)
{
	hf_annotation_unwatch(&session->priv->annotations);
}

uint64_t imap_metadata_origin(const struct imap_session *session)
{
	return hf_annotation_watch_id(session->priv->annotations);
}

/* Of those of one mailbox, all. */
static void write_names(struct imap_session *session, const struct imap_annotated *annotated,
			const struct hf_annotation_change *list, size_t count)
{
	struct hf_buf out = HF_BUF_INIT;

	imap_metadata_head(session, annotated, &out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			hf_buf_add_char(&out, ' ');
		imap_add_astring(&out, list[i].name);
	}
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

static void tell_mailbox(struct imap_session *session, struct hf_arena *arena,
			 const struct hf_annotation_change *list, size_t count)
{
	struct imap_annotated annotated = { .server = list->mailbox == 0 };
	struct imap_mailbox mailbox;

	if (annotated.server) {
		if (wants_server(session))
			write_names(session, &annotated, list, count);
		return;
	}
	if (imap_mailbox_find_id(session, arena, list->mailbox, &mailbox) != HF_OK ||
	    !imap_annotated_is_for(&mailbox) || !wants_mailbox(session, &mailbox))
		return;
	imap_annotated_is(session, &mailbox, &annotated);
	write_names(session, &annotated, list, count);
}

void imap_metadata_tell(struct imap_session *session)
{
	struct imap_session_priv *priv = session->priv;
	struct hf_annotation_change *list;
	struct hf_arena *arena;
	size_t count, same;

	if (!priv->annotations || !hf_annotation_has_news(priv->annotations))
		return;
	arena = hf_arena_new();
	if (hf_annotation_news(priv->annotations, arena, &list, &count)) {
		imap_untagged_text(session, "OK", "NOTIFICATIONOVERFLOW",
				   "Too many annotations have changed");
		imap_notify_stop(session);
	}
	for (size_t at = 0; at < count; at += same) {
		for (same = 1; at + same < count; same++)
			if (list[at + same].mailbox != list[at].mailbox)
				break;
		tell_mailbox(session, arena, list + at, same);
	}
	hf_arena_free(&arena);
}
