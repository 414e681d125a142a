/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling what NOTIFY asked for. RFC 5465 §4, §5.
 *
 * The account wakes us after each change to it; the catalogue is then compared with what was last
 * told of it, so what has changed several times is told once. Of other mailboxes' messages a client
 * hears by STATUS, of names and subscriptions by LIST. Of what the session itself has changed it is
 * not told (§5). */
#include "module/imap/notify.h"

#include "module/imap/context.h"
#include "module/imap/metadata_news.h"

#include <stdlib.h>

#include "base/mem.h"

/* Other mailboxes ---------------------------------------------------------------------------- */

/* RFC 5465 §5: events of messages are for who may read them. */
unsigned imap_notify_events(const struct imap_session *session, const struct imap_mailbox *mailbox)
{
	const struct imap_notify *notify = session->priv->notify;
	unsigned events = 0;

	for (size_t i = 0; i < notify->group_count; i++)
		if (imap_filter_matches(session, &notify->groups[i].filter, mailbox))
			events |= notify->groups[i].events;
	return mailbox->rights & HF_RIGHT_READ ? events : events & ~(unsigned)NOTIFY_MESSAGES;
}

unsigned imap_notify_asked(const struct imap_notify *notify)
{
	unsigned events = 0;

	for (size_t i = 0; i < notify->group_count; i++)
		events |= notify->groups[i].events;
	return events;
}

void imap_notify_write_status(struct imap_session *session, const struct hf_mailbox_info *info,
			      unsigned events, bool modseq, bool unseen)
{
	struct hf_buf out = HF_BUF_INIT;
	const char *space = "";

	hf_buf_add_lit(&out, "* STATUS ");
	imap_add_mailbox(session, &out, info->name);
	hf_buf_add_lit(&out, " (");
	if (events & (NOTIFY_NEW | NOTIFY_EXPUNGE)) {
		hf_buf_printf(&out, "MESSAGES %u UIDNEXT %u", info->messages, info->uidnext.n);
		space = " ";
	}
	hf_buf_printf(&out, "%sUIDVALIDITY %u", space, info->uidvalidity);
	if (unseen)
		hf_buf_printf(&out, " UNSEEN %u", info->unseen);
	if (modseq)
		hf_buf_printf(&out, " HIGHESTMODSEQ %llu",
			      (unsigned long long)info->highestmodseq.n);
	hf_buf_add_lit(&out, ")\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

bool imap_notify_is_selected(const struct imap_session *session, const struct hf_mailbox_info *info)
{
	return session->view && hf_view_mailbox(session->view) == info->id;
}

/* RFC 5465 §5.1 to §5.3. */
static void tell_messages(struct imap_session *session, const struct hf_mailbox_info *old,
			  const struct imap_mailbox *mailbox)
{
	const struct hf_mailbox_info *now = &mailbox->info;
	struct imap_notify *notify = session->priv->notify;
	bool condstore = session->enabled & (IMAP_EN_CONDSTORE | IMAP_EN_QRESYNC);
	bool foreign = !imap_mailbox_is_own(session, mailbox), unseen = !foreign && old->unseen != now->unseen;
	bool moved = old->messages != now->messages || old->uidnext.n != now->uidnext.n ||
		     old->uidvalidity != now->uidvalidity;
	unsigned events;

	if (!moved && old->highestmodseq.n == now->highestmodseq.n)
		return;
	if (imap_notify_is_selected(session, now) || imap_notify_did_messages(notify, old, now))
		return;
	events = imap_notify_events(session, mailbox);
	unseen = unseen && events & NOTIFY_FLAGS;
	if (foreign && events & NOTIFY_FLAGS && imap_notify_count_first(notify, now, moved))
		return;
	if (moved && events & (NOTIFY_NEW | NOTIFY_EXPUNGE))
		imap_notify_write_status(session, now, NOTIFY_NEW, condstore, unseen);
	else if (events & NOTIFY_FLAGS && (condstore || unseen))
		imap_notify_write_status(session, now, 0, condstore, unseen);
}

static void write_list(struct imap_session *session, const struct hf_mailbox_info *info,
		       const char *attributes, const struct hf_str *old_name)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_printf(&out, "* LIST (%s) \"/\" ", attributes);
	imap_add_mailbox(session, &out, info->name);
	if (old_name) {
		hf_buf_add_lit(&out, " (\"OLDNAME\" (");
		imap_add_mailbox(session, &out, *old_name);
		hf_buf_add_lit(&out, "))");
	}
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

/* A catalogue, by name as it came and by id. */
struct catalogue {
	const struct imap_mailbox *list;
	const struct imap_mailbox **by_id; /* without those of id 0 */
	size_t count, id_count;
};

static int compare_ids(const void *a, const void *b)
{
	const struct imap_mailbox *x = *(const struct imap_mailbox *const *)a;
	const struct imap_mailbox *y = *(const struct imap_mailbox *const *)b;

	return (x->info.id > y->info.id) - (x->info.id < y->info.id);
}

static void catalogue_init(struct catalogue *catalogue, struct hf_arena *arena,
			   const struct imap_mailbox *list, size_t count)
{
	*catalogue = (struct catalogue){ .list = list, .count = count };
	catalogue->by_id = hf_new_array(arena, const struct imap_mailbox *, count + 1);
	for (size_t i = 0; i < count; i++)
		if (list[i].info.id)
			catalogue->by_id[catalogue->id_count++] = &list[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
	qsort(catalogue->by_id, catalogue->id_count, sizeof(*catalogue->by_id), compare_ids);
}

static const struct imap_mailbox *find_id(const struct catalogue *catalogue, uint64_t id)
{
	size_t low = 0, high = catalogue->id_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (catalogue->by_id[middle]->info.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < catalogue->id_count && catalogue->by_id[low]->info.id == id ? catalogue->by_id[low] : NULL;
}

static struct hf_str parent_of(struct hf_str name)
{
	size_t size = name.size;

	while (size && name.data[size - 1] != '/')
		size--;
	return hf_str_sub(name, 0, size ? size - 1 : 0);
}

/* A mailbox that was renamed with the one above it is not told: RFC 5465 §5.4. */
static bool renamed_with_parent(const struct catalogue *old, const struct catalogue *now,
				const struct imap_mailbox *before,
				const struct imap_mailbox *after)
{
	struct hf_str old_parent = parent_of(before->info.name), parent = parent_of(after->info.name);

	if (!parent.size || !old_parent.size ||
	    !hf_str_eq(hf_str_sub(before->info.name, old_parent.size, SIZE_MAX),
		       hf_str_sub(after->info.name, parent.size, SIZE_MAX)))
		return false;
	for (const struct imap_mailbox *at = after; at > now->list;) {
		at--;
		if (hf_str_eq(at->info.name, parent)) {
			const struct imap_mailbox *was = find_id(old, at->info.id);

			return was && hf_str_eq(was->info.name, old_parent);
		}
	}
	return false;
}

/* Of a mailbox that may be seen no more: as if it were deleted (RFC 5465 §5.4). */
static void tell_names(struct imap_session *session, const struct catalogue *old,
		       const struct catalogue *now)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct imap_mailbox *mailbox = &old->list[i];

		if (mailbox->info.id && !find_id(now, mailbox->info.id) &&
		    !imap_notify_did_delete(session->priv->notify, mailbox->info.id) &&
		    imap_notify_events(session, mailbox) & NOTIFY_NAME)
			write_list(session, &mailbox->info, "\\NonExistent", NULL);
	}
	for (size_t i = 0; i < now->count; i++) {
		const struct imap_mailbox *mailbox = &now->list[i];
		const struct hf_mailbox_info *info = &mailbox->info;
		const struct imap_mailbox *was = info->id ? find_id(old, info->id) : NULL;

		if (!info->id || (was && hf_str_eq(was->info.name, info->name)))
			continue;
		if (imap_notify_did_name(session->priv->notify, info->id, mailbox->name))
			continue;
		if (!((imap_notify_events(session, mailbox) | (was ? imap_notify_events(session, was) : 0)) & NOTIFY_NAME))
			continue;
		if (!was || !renamed_with_parent(old, now, was, mailbox))
			write_list(session, info, info->subscribed ? "\\Subscribed" : "",
				   was ? &was->info.name : NULL);
	}
}

static const struct imap_mailbox *find_name(const struct catalogue *catalogue, const struct imap_mailbox *mailbox)
{
	const struct imap_mailbox *same = mailbox->info.id ? find_id(catalogue, mailbox->info.id) : NULL;

	return same && hf_str_eq(same->info.name, mailbox->info.name) ? same : NULL;
}

/* RFC 5465 §5.5. */
static void tell_subscriptions(struct imap_session *session, const struct catalogue *old,
			       const struct catalogue *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct imap_mailbox *mailbox = &now->list[i];
		const struct hf_mailbox_info *info = &mailbox->info;
		const struct imap_mailbox *was = find_name(old, mailbox);

		if (was && was->info.subscribed != info->subscribed &&
		    !imap_notify_did_subscribe(session->priv->notify, info->name, info->subscribed) &&
		    (imap_notify_events(session, mailbox) | imap_notify_events(session, was)) & NOTIFY_SUBSCRIPTION)
			write_list(session, info, info->subscribed ? "\\Subscribed" : "", NULL);
	}
}

static void tell(struct imap_session *session, const struct catalogue *old,
		 const struct catalogue *now)
{
	tell_names(session, old, now);
	tell_subscriptions(session, old, now);
	for (size_t i = 0; i < now->id_count; i++) {
		const struct imap_mailbox *was = find_id(old, now->by_id[i]->info.id);

		if (was)
			tell_messages(session, &was->info, now->by_id[i]);
	}
}

static void remember(struct imap_session *session, struct imap_notify *notify)
{
	notify->known_arena = hf_arena_new();
	imap_mailbox_list(session, notify->known_arena, &notify->known, &notify->known_count);
}

void imap_notify_tell(struct imap_session *session)
{
	struct imap_notify *notify = session->priv->notify;
	struct hf_arena *arena;
	struct catalogue old, now;

	if (!notify || !notify->watching)
		return;
	arena = notify->known_arena;
	catalogue_init(&old, arena, notify->known, notify->known_count);
	remember(session, notify);
	catalogue_init(&now, arena, notify->known, notify->known_count);
	tell(session, &old, &now);
	imap_notify_own_told(notify);
	hf_arena_free(&arena);
}

/* The selected mailbox ----------------------------------------------------------------------- */

bool imap_notify_wants(const struct imap_session *session, bool flags)
{
	const struct imap_notify *notify = session->priv->notify;

	return !notify || notify->selected & (flags ? NOTIFY_FLAGS : NOTIFY_NEW);
}

void imap_notify_push(struct imap_session *session)
{
	const struct imap_notify *notify = session->priv->notify;

	if (notify->selected && imap_rights_hold(session))
		imap_sync(session, notify->delayed);
	imap_notify_tell(session);
	imap_metadata_tell(session);
}

bool imap_notify_is_fetching(const struct imap_session *session)
{
	return session->priv->notify && session->priv->notify->fetch_next;
}

void imap_notify_forget_fetch(struct imap_session *session)
{
	if (session->priv->notify)
		session->priv->notify->fetch_next = 0;
}

bool imap_notify_has_items(const struct imap_session *session)
{
	return session->priv->notify && session->priv->notify->fetch.args;
}

bool imap_notify_fetch(struct imap_session *session, const struct hf_sync *news)
{
	struct imap_notify *notify = session->priv->notify;
	const struct fetch_args *sources[1 + IMAP_CONTEXTS_MAX];

	if (!notify || !notify->fetch.args)
		return false;
	if (!notify->fetch_next)
		notify->fetch_next = news->exists_before + 1;
	if (notify->fetch_next > news->exists) {
		notify->fetch_next = 0;
		return false;
	}
	sources[0] = notify->fetch.args;
	imap_write_new_message(session, sources,
			       1 + imap_contexts_items(session, hf_view_uid(session->view, HF_SEQ(notify->fetch_next)), sources + 1),
			       HF_SEQ(notify->fetch_next));
	notify->fetch_next++;
	return true;
}

/* The whole ---------------------------------------------------------------------------------- */

static void tell_status(struct imap_session *session, const struct imap_notify *notify)
{
	for (size_t i = 0; i < notify->known_count; i++) {
		const struct hf_mailbox_info *info = &notify->known[i].info;
		unsigned events = imap_notify_events(session, &notify->known[i]);

		if (events & NOTIFY_MESSAGES && !imap_notify_is_selected(session, info))
			imap_notify_write_status(session, info, events, events & NOTIFY_FLAGS, false);
	}
}

/* RFC 5465 §3.1: what may be listed but not read, though events of its messages are asked for. */
static void tell_no_access(struct imap_session *session, const struct imap_notify *notify)
{
	for (size_t i = 0; i < notify->known_count; i++) {
		struct imap_mailbox readable = notify->known[i];

		readable.rights |= HF_RIGHT_READ;
		if (imap_notify_events(session, &readable) & NOTIFY_MESSAGES && !(notify->known[i].rights & HF_RIGHT_READ))
			write_list(session, &readable.info, "\\NoAccess", NULL);
	}
}

void imap_notify_install(struct imap_session *session, struct imap_notify *notify)
{
	imap_notify_free(session);
	session->priv->notify = notify;
	imap_metadata_rewatch(session);
	if (!notify->group_count)
		return;
	hf_account_watch(session->account, hf_conn_waiter(session->conn, HF_EV_NEWS));
	hf_visible_watch(session->store, session->user_id, hf_conn_waiter(session->conn, HF_EV_NEWS));
	notify->watching = true;
	remember(session, notify);
	tell_no_access(session, notify);
	if (notify->status)
		tell_status(session, notify);
}

void imap_notify_stop(struct imap_session *session)
{
	struct imap_notify *none;

	if (!session->priv->notify)
		return;
	none = hf_alloc_zero(sizeof(*none));
	none->arena = hf_arena_new();
	imap_notify_install(session, none);
}

void imap_notify_drop(struct imap_notify **notify)
{
	if (!*notify)
		return;
	imap_notify_count_free(*notify);
	hf_arena_free(&(*notify)->own_arena);
	hf_free((*notify)->own);
	hf_arena_free(&(*notify)->known_arena);
	hf_arena_free(&(*notify)->arena);
	hf_free(*notify);
	*notify = NULL;
}

void imap_notify_free(struct imap_session *session)
{
	struct imap_notify *notify = session->priv->notify;

	if (notify && notify->watching) {
		hf_account_unwatch(session->account, hf_conn_waiter(session->conn, HF_EV_NEWS));
		hf_visible_unwatch(session->store, session->user_id, hf_conn_waiter(session->conn, HF_EV_NEWS));
	}
	imap_notify_drop(&session->priv->notify);
}
