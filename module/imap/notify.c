/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling what NOTIFY asked for. RFC 5465 §4, §5.
 *
 * The account wakes us after each change to it; the catalogue is then compared with what was last
 * told of it, so what has changed several times is told once. Of other mailboxes' messages a client
 * hears by STATUS, of names and subscriptions by LIST. Of what the session itself has changed it is
 * not told (§5). */
#include "module/imap/notify.h"

#include "module/imap/context.h"
#include "module/imap/list.h"
#include "module/imap/metadata_news.h"

#include <stdlib.h>

#include "base/mem.h"

#define NEEDED (HF_RIGHT_LOOKUP | HF_RIGHT_READ)

/* Other mailboxes ---------------------------------------------------------------------------- */

/* RFC 5465 §5: every event is for who may see the mailbox and read it; \NonExistent too, of one that was such. */
unsigned imap_notify_events(const struct imap_session *session, const struct imap_mailbox *mailbox)
{
	const struct imap_notify *notify = session->priv->notify;
	unsigned events = 0;

	for (size_t i = 0; i < notify->group_count; i++)
		if (imap_filter_matches(session, &notify->groups[i].filter, mailbox))
			events |= notify->groups[i].events;
	return ~mailbox->rights & NEEDED ? 0 : events;
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

/* A catalogue, by name as it came and by id. */
struct catalogue {
	const struct imap_mailbox *list;
	const struct imap_mailbox **by_id; /* without those of id 0 */
	size_t count, id_count;
	struct hf_arena *arena;
	struct imap_list_tree tree; /* made when a name is to be told; nodes NULL before */
	size_t *node_of;            /* of each in list */
	struct hf_str told_parent;  /* the last one */
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
	*catalogue = (struct catalogue){ .list = list, .count = count, .arena = arena };
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

/* LIST of a name as it is now, with all of its attributes. */
static const struct imap_list_node *find_node(struct catalogue *now, const struct imap_mailbox *mailbox, struct hf_str name)
{
	if (!now->tree.nodes) {
		size_t at = 0;

		imap_list_tree_of(now->arena, now->list, now->count, &now->tree);
		now->node_of = hf_new_array(now->arena, size_t, now->count + 1);
		for (size_t i = 0; i < now->tree.count; i++)
			if (now->tree.nodes[i].mailbox)
				now->node_of[at++] = i;
	}
	if (mailbox)
		return &now->tree.nodes[now->node_of[mailbox - now->list]];
	for (size_t i = 0; i < now->tree.count; i++)
		if (hf_str_eq(now->tree.nodes[i].name, name))
			return &now->tree.nodes[i];
	return NULL;
}

static void write_list(struct imap_session *session, struct catalogue *now, const struct imap_list_node *node,
		       struct hf_str name, const struct hf_str *old_name)
{
	const struct imap_list_node gone = { .name = name };
	struct hf_buf extended = HF_BUF_INIT;
	const char *attributes = "\\NonExistent";

	if (node)
		attributes = hf_arena_printf(now->arena, "%s%s%s", imap_list_exists(node) ? "" : "\\NonExistent ",
					     node->children ? "\\HasChildren" : "\\HasNoChildren",
					     node->info && node->info->subscribed ? " \\Subscribed" : "");
	if (old_name) {
		hf_buf_add_lit(&extended, "(\"OLDNAME\" (");
		imap_add_mailbox(session, &extended, *old_name);
		hf_buf_add_lit(&extended, "))");
	}
	imap_list_write(session, "LIST", attributes, old_name ? hf_buf_cstr(&extended) : NULL, node ? node : &gone);
	hf_buf_fini(&extended);
}

static bool is_asked(const struct imap_session *session, const struct imap_mailbox *mailbox)
{
	return mailbox && imap_notify_events(session, mailbox) & NOTIFY_NAME;
}

/* The nearest name above it that was a mailbox and is none any more is told of itself. */
static bool left_with(const struct catalogue *old, const struct catalogue *now, const struct imap_mailbox *mailbox,
		      struct hf_str parent)
{
	for (const struct imap_mailbox *at = mailbox; at > old->list;) {
		at--;
		if (hf_str_eq(at->info.name, parent))
			return at->info.id && !find_id(now, at->info.id);
	}
	return false;
}

/* What is above a mailbox that has come or gone is another than before as well (RFC 5465 §5.4), be it a mailbox or only a level. */
static void tell_parent(struct imap_session *session, const struct catalogue *old, struct catalogue *now,
			const struct imap_mailbox *mailbox, bool is_new)
{
	struct hf_str parent = parent_of(mailbox->info.name);
	const struct imap_list_node *node;

	if (!parent.size || hf_str_eq(parent, now->told_parent))
		return;
	if (is_new) {
		node = find_node(now, mailbox, parent);
		node = node->parent ? &now->tree.nodes[node->parent - 1] : NULL;
	} else {
		node = find_node(now, NULL, parent);
		if (!node && left_with(old, now, mailbox, parent))
			return;
	}
	if (node && imap_list_exists(node)) {
		const struct imap_mailbox *was = find_id(old, node->info->id);

		if (!is_asked(session, node->mailbox) || !was || !hf_str_eq(was->info.name, parent))
			return; /* a new name is told of itself */
	} else if (!is_asked(session, mailbox)) {
		return;
	}
	now->told_parent = parent;
	write_list(session, now, node, parent, NULL);
}

/* Of a mailbox that may be seen no more: as if it were deleted (RFC 5465 §5.4). */
static void tell_names(struct imap_session *session, const struct catalogue *old, struct catalogue *now)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct imap_mailbox *mailbox = &old->list[i];
		struct hf_str name = mailbox->info.name;

		if (!mailbox->info.id || find_id(now, mailbox->info.id) ||
		    imap_notify_did_delete(session->priv->notify, mailbox->info.id))
			continue;
		if (is_asked(session, mailbox))
			write_list(session, now, find_node(now, NULL, name), name, NULL);
		tell_parent(session, old, now, mailbox, false);
	}
	for (size_t i = 0; i < now->count; i++) {
		const struct imap_mailbox *mailbox = &now->list[i];
		const struct hf_mailbox_info *info = &mailbox->info;
		const struct imap_mailbox *was = info->id ? find_id(old, info->id) : NULL;

		if (!info->id || (was && hf_str_eq(was->info.name, info->name)))
			continue;
		if (imap_notify_did_name(session->priv->notify, info->id, mailbox->name))
			continue;
		if (!was)
			tell_parent(session, old, now, mailbox, true);
		if ((is_asked(session, mailbox) || is_asked(session, was)) && (!was || !renamed_with_parent(old, now, was, mailbox)))
			write_list(session, now, find_node(now, mailbox, info->name), info->name, was ? &was->info.name : NULL);
	}
}

static const struct imap_mailbox *find_name(const struct catalogue *catalogue, const struct imap_mailbox *mailbox)
{
	const struct imap_mailbox *same = mailbox->info.id ? find_id(catalogue, mailbox->info.id) : NULL;

	return same && hf_str_eq(same->info.name, mailbox->info.name) ? same : NULL;
}

/* RFC 5465 §5.5. */
static void tell_subscriptions(struct imap_session *session, const struct catalogue *old,
			       struct catalogue *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct imap_mailbox *mailbox = &now->list[i];
		const struct hf_mailbox_info *info = &mailbox->info;
		const struct imap_mailbox *was = find_name(old, mailbox);

		if (was && was->info.subscribed != info->subscribed &&
		    !imap_notify_did_subscribe(session->priv->notify, info->name, info->subscribed) &&
		    (imap_notify_events(session, mailbox) | imap_notify_events(session, was)) & NOTIFY_SUBSCRIPTION)
			write_list(session, now, find_node(now, mailbox, info->name), info->name, NULL);
	}
}

static void tell(struct imap_session *session, const struct catalogue *old, struct catalogue *now)
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

/* RFC 5465 §3.1: what may be listed but not read, though events of it are asked for. */
static void tell_no_access(struct imap_session *session, const struct imap_notify *notify)
{
	for (size_t i = 0; i < notify->known_count; i++) {
		struct imap_mailbox readable = notify->known[i];

		readable.rights |= HF_RIGHT_READ;
		if (notify->known[i].rights & HF_RIGHT_LOOKUP && !(notify->known[i].rights & HF_RIGHT_READ) &&
		    imap_notify_events(session, &readable))
			imap_list_write(session, "LIST", "\\NoAccess", NULL, &(struct imap_list_node){ .name = readable.info.name });
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
