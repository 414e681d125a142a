/* SPDX-License-Identifier: BSD-2-Clause */
/* UNSEEN in the STATUS of another's mailbox: RFC 5465 §5.1.
 *
 * \Seen is each user's own there, and what he has not seen is in no row: it is counted, after the news and in pieces, as STATUS
 * does it. A mailbox that changes again before its turn comes is counted once; a large one is told of without. */
#include "module/imap/notify.h"

#include "base/mem.h"

#define COUNT_MAX 100000 /* messages */

struct notify_unseen {
	uint64_t mailbox;
	uint32_t unseen; /* as last told */
	bool told;
	bool due, moved; /* to be counted; MESSAGES and UIDNEXT are to be told with it */
};

bool imap_notify_count_first(struct imap_notify *notify, const struct hf_mailbox_info *info, bool moved)
{
	struct notify_unseen *at = NULL;

	if (info->messages > COUNT_MAX)
		return false;
	for (size_t i = 0; i < notify->unseen_count && !at; i++)
		if (notify->unseen[i].mailbox == info->id)
			at = &notify->unseen[i];
	if (!at) {
		if (notify->unseen_count == notify->unseen_capacity) {
			notify->unseen_capacity = notify->unseen_capacity ? 2 * notify->unseen_capacity : 4;
			notify->unseen = hf_realloc_array(notify->unseen, notify->unseen_capacity, sizeof(*at));
		}
		at = &notify->unseen[notify->unseen_count++];
		*at = (struct notify_unseen){ .mailbox = info->id };
	}
	at->due = true;
	at->moved = at->moved || moved;
	if (notify->counted == info->id) /* what it has counted is no longer all */
		imap_status_count_end(&notify->counting);
	return true;
}

void imap_notify_count_free(struct imap_notify *notify)
{
	imap_status_count_end(&notify->counting);
	hf_free(notify->unseen);
	notify->unseen = NULL;
	notify->unseen_count = notify->unseen_capacity = 0;
}

static struct notify_unseen *next_due(struct imap_notify *notify)
{
	struct notify_unseen *next = NULL;

	for (size_t i = 0; i < notify->unseen_count; i++) {
		if (!notify->unseen[i].due)
			continue;
		if (notify->unseen[i].mailbox == notify->counted)
			return &notify->unseen[i];
		next = next ? next : &notify->unseen[i];
	}
	return next;
}

static const struct imap_mailbox *known_as(const struct imap_notify *notify, uint64_t id)
{
	for (size_t i = 0; i < notify->known_count; i++)
		if (notify->known[i].info.id == id)
			return &notify->known[i];
	return NULL;
}

static void tell(struct imap_session *session, struct notify_unseen *unseen, const struct imap_mailbox *mailbox)
{
	bool condstore = session->enabled & (IMAP_EN_CONDSTORE | IMAP_EN_QRESYNC);
	bool changed = !unseen->told || unseen->unseen != mailbox->info.unseen, moved = unseen->moved;
	unsigned events = imap_notify_events(session, mailbox);

	unseen->due = unseen->moved = false;
	unseen->told = true;
	unseen->unseen = mailbox->info.unseen;
	if (imap_notify_is_selected(session, &mailbox->info))
		return;
	if (moved && events & (NOTIFY_NEW | NOTIFY_EXPUNGE))
		imap_notify_write_status(session, &mailbox->info, NOTIFY_NEW, condstore, changed);
	else if (events & NOTIFY_FLAGS && (condstore || changed))
		imap_notify_write_status(session, &mailbox->info, 0, condstore, changed);
}

bool imap_notify_count(struct imap_session *session)
{
	struct imap_notify *notify = session->priv->notify;
	struct notify_unseen *unseen = notify ? next_due(notify) : NULL;
	const struct imap_mailbox *known;
	struct imap_mailbox mailbox;
	enum hf_status status = HF_ENONEXISTENT;

	if (!unseen)
		return false;
	notify->counted = unseen->mailbox;
	known = known_as(notify, unseen->mailbox);
	if (known && known->rights & HF_RIGHT_READ) {
		mailbox = *known;
		status = imap_status_count_own(session, &mailbox, &notify->counting);
	}
	if (status == HF_MORE)
		return true;
	if (status == HF_WAIT)
		return false;
	imap_status_count_end(&notify->counting);
	notify->counted = 0;
	if (status == HF_OK && imap_mailbox_may_read(session, &mailbox))
		tell(session, unseen, &mailbox);
	unseen->due = unseen->moved = false;
	return true;
}
