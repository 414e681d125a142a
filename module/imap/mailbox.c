/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way from a name to a mailbox.
 *
 * "Other Users/anna@example.org/M" is M of anna@example.org, "Shared Folders/M" is M of the shared account; all other names are the
 * user's own. What others have is found among what they let this user have, and never by looking into their accounts: what is hidden
 * costs and says what is said of nothing. */
#include "module/imap/mailbox.h"

#include <stdlib.h>

#include "module/imap/session_priv.h"

/* Names -------------------------------------------------------------------------------------- */

enum namespace {
	OWN,
	OTHERS, /* of one other user */
	SHARED,
	LEVEL /* "Other Users", "Other Users/anna@example.org", "Shared Folders": no mailbox's name */
};

static bool is_below(struct hf_str name, struct hf_str level)
{
	return hf_str_starts(name, level) && name.size > level.size && name.data[level.size] == '/';
}

/* `owner`: as given; `tail`: the owner's name for it. */
static enum namespace split(struct hf_str name, struct hf_str *owner, struct hf_str *tail)
{
	struct hf_str others = HF_STR(HF_NAMESPACE_OTHERS), shared = HF_STR(HF_NAMESPACE_SHARED);

	*owner = HF_STR_NULL;
	*tail = name;
	if (hf_str_eq(name, others) || hf_str_eq(name, shared))
		return LEVEL;
	if (is_below(name, shared)) {
		*tail = hf_str_sub(name, shared.size + 1, SIZE_MAX);
		return SHARED;
	}
	if (!is_below(name, others))
		return OWN;
	*tail = hf_str_sub(name, others.size + 1, SIZE_MAX);
	*owner = hf_str_split(tail, '/');
	return tail->size ? OTHERS : LEVEL;
}

bool imap_mailbox_is_in_own_tree(struct hf_str name)
{
	struct hf_str owner, tail;

	return split(name, &owner, &tail) == OWN;
}

void imap_mailbox_owner(struct hf_str name, struct hf_str *owner)
{
	struct hf_str tail;

	if (split(name, owner, &tail) != OTHERS)
		*owner = HF_STR_NULL;
}

struct hf_str imap_mailbox_normal(struct hf_str name, struct hf_arena *arena)
{
	struct hf_str owner, tail, level;
	enum namespace space = split(name, &owner, &tail);
	char *text, *at;

	if (space == OWN || (space == LEVEL && !owner.size))
		return name;
	text = hf_arena_cstr(arena, name);
	for (size_t i = 0; i < owner.size; i++) {
		at = &text[owner.data - name.data + (ptrdiff_t)i];
		*at = hf_ascii_lower(*at);
	}
	level = hf_str_split(&tail, '/');
	if (hf_str_ieq(level, HF_STR("INBOX")))
		memcpy(&text[level.data - name.data], "INBOX", 5);
	return hf_str_n(text, name.size);
}

static struct hf_str join(struct hf_arena *arena, struct hf_str owner, struct hf_str tail)
{
	if (owner.size)
		return hf_str(hf_arena_printf(arena, HF_NAMESPACE_OTHERS "/%.*s/%.*s", HF_STR_ARG(owner), HF_STR_ARG(tail)));
	return hf_str(hf_arena_printf(arena, HF_NAMESPACE_SHARED "/%.*s", HF_STR_ARG(tail)));
}

/* Finding ------------------------------------------------------------------------------------ */

static enum hf_status look_own(struct imap_session *session, struct hf_arena *arena, struct hf_str name,
			       struct imap_mailbox *mailbox)
{
	enum hf_status status = hf_account_find(session->account, name, arena, &mailbox->info);

	if (status == HF_OK && !mailbox->info.id)
		status = HF_ENONEXISTENT;
	mailbox->name = mailbox->info.name;
	mailbox->rights = HF_RIGHTS_ALL;
	return status;
}

/* The owner's words become this session's. */
static void take(struct imap_mailbox *mailbox, struct hf_arena *arena, uint64_t shared, const struct hf_visible *visible)
{
	struct hf_str owner = visible->owner == shared ? HF_STR_NULL : visible->owner_name;

	*mailbox = (struct imap_mailbox){ .info = visible->info, .name = visible->info.name, .rights = visible->rights };
	mailbox->info.owner = visible->owner;
	mailbox->info.name = join(arena, owner, mailbox->name);
	mailbox->info.special_use = 0;
	mailbox->info.subscribed = false;
}

/* Whatever there is: *mailbox has no rights when there is nothing that this user may know of. */
static void look_foreign(struct imap_session *session, struct hf_arena *arena, enum namespace space, struct hf_str owner,
			 struct hf_str tail, struct imap_mailbox *mailbox)
{
	struct hf_str shared = HF_STR(HF_SHARED_USER);
	struct hf_visible visible;

	*mailbox = (struct imap_mailbox){ .rights = 0 };
	if (space == OTHERS && (hf_str_eq(owner, shared) || hf_str_eq(owner, session->user)))
		return; /* they have another name */
	if (hf_visible_find(session->store, session->user_id, space == SHARED ? shared : owner, tail, arena, &visible) != HF_OK)
		return;
	take(mailbox, arena, hf_shared_account(session->store), &visible);
}

static enum hf_status look(struct imap_session *session, struct hf_arena *arena, struct hf_str name, struct imap_mailbox *mailbox)
{
	struct hf_str owner, tail;
	enum namespace space = name.data ? split(name, &owner, &tail) : LEVEL;

	if (space == LEVEL)
		return HF_ENONEXISTENT;
	if (space == OWN)
		return look_own(session, arena, name, mailbox);
	look_foreign(session, arena, space, owner, tail, mailbox);
	return HF_OK;
}

static enum hf_status judge(struct imap_mailbox *mailbox, uint32_t needed, uint32_t any)
{
	bool enough = (mailbox->rights & needed) == needed && (!any || mailbox->rights & any);
	bool visible = mailbox->rights & HF_RIGHT_LOOKUP;

	if (mailbox->rights && enough)
		return HF_OK;
	*mailbox = (struct imap_mailbox){ .rights = 0 };
	return visible ? HF_ENOPERM : HF_ENONEXISTENT;
}

enum hf_status imap_mailbox_look(struct imap_session *session, struct hf_arena *arena, struct hf_str name, uint32_t needed,
				 struct imap_mailbox *mailbox)
{
	enum hf_status status = look(session, arena, name, mailbox);

	return status == HF_OK ? judge(mailbox, needed, 0) : status;
}

enum hf_status imap_mailbox_find(struct imap_cmd *cmd, struct hf_str name, uint32_t needed, struct imap_mailbox *mailbox)
{
	if (!name.data)
		return imap_bad_name(cmd);
	return imap_mailbox_look(cmd->session, cmd->arena, name, needed, mailbox);
}

enum hf_status imap_mailbox_find_any(struct imap_cmd *cmd, struct hf_str name, uint32_t rights, struct imap_mailbox *mailbox)
{
	enum hf_status status;

	if (!name.data)
		return imap_bad_name(cmd);
	status = look(cmd->session, cmd->arena, name, mailbox);
	return status == HF_OK ? judge(mailbox, 0, rights) : status;
}

enum hf_status imap_mailbox_find_id(struct imap_session *session, struct hf_arena *arena, uint64_t id,
				    struct imap_mailbox *mailbox)
{
	struct hf_visible *visible;
	size_t count;

	if (hf_account_find_id(session->account, id, arena, &mailbox->info) == HF_OK) {
		mailbox->name = mailbox->info.name;
		mailbox->rights = HF_RIGHTS_ALL;
		return HF_OK;
	}
	hf_visible_list(session->store, session->user_id, arena, &visible, &count);
	for (size_t i = 0; i < count; i++) {
		if (visible[i].info.id != id)
			continue;
		take(mailbox, arena, hf_shared_account(session->store), &visible[i]);
		return HF_OK;
	}
	return HF_ENONEXISTENT;
}

bool imap_mailbox_may_read(struct imap_session *session, const struct imap_mailbox *mailbox)
{
	return hf_rights_of(session->store, mailbox->info.id, mailbox->info.owner, session->user_id) & HF_RIGHT_READ;
}

bool imap_mailbox_exists(struct imap_session *session, struct hf_arena *arena, uint64_t owner, uint64_t id)
{
	struct hf_account *account = NULL;
	struct hf_mailbox_info info;
	bool found;

	if (hf_account_open(session->store, owner, &account) != HF_OK)
		return false;
	found = hf_account_find_id(account, id, arena, &info) == HF_OK;
	hf_account_close(&account);
	return found;
}

/* Places ------------------------------------------------------------------------------------- */

static enum hf_status reserved(struct imap_cmd *cmd)
{
	imap_text(cmd, "Names below \"" HF_NAMESPACE_OTHERS "\" and \"" HF_NAMESPACE_SHARED
		       "\" are those of others' mailboxes");
	return HF_ECANNOT;
}

static struct hf_str above(struct hf_str name)
{
	size_t size = name.size;

	while (size && name.data[size - 1] != '/')
		size--;
	return hf_str_sub(name, 0, size ? size - 1 : 0);
}

/* Whether the owner has a mailbox between `name` and `level`, which is above it. */
static bool is_any_between(struct imap_session *session, struct hf_arena *arena, uint64_t owner, struct hf_str name,
			   struct hf_str level)
{
	struct hf_account *account = NULL;
	bool found = false;

	if (hf_account_open(session->store, owner, &account) != HF_OK)
		return true;
	for (name = above(name); !found && name.size > level.size; name = above(name)) {
		struct hf_mailbox_info info;

		found = hf_account_find(account, name, arena, &info) == HF_OK && info.id;
	}
	hf_account_close(&account);
	return found;
}

/* The nearest mailbox above decides, whether or not it may be known of; any of those above that may is why it may be said that
 * a right is missing. */
static enum hf_status judge_place(struct imap_session *session, struct hf_arena *arena, struct hf_str name, struct imap_place *place)
{
	bool visible = false, first = true;
	struct hf_str level;

	for (level = above(name); level.size; level = above(level)) {
		struct imap_mailbox mailbox;

		if (look(session, arena, level, &mailbox) != HF_OK || !mailbox.rights)
			continue;
		place->owner = mailbox.info.owner;
		if (first && mailbox.rights & HF_RIGHT_CREATE &&
		    !is_any_between(session, arena, place->owner, place->name, mailbox.name))
			return HF_OK;
		first = false;
		visible = visible || mailbox.rights & HF_RIGHT_LOOKUP;
	}
	return visible ? HF_ENOPERM : HF_ENONEXISTENT;
}

enum hf_status imap_mailbox_place(struct imap_cmd *cmd, struct hf_str name, struct imap_place *place)
{
	struct imap_session *session = cmd->session;
	struct hf_str owner, tail;
	enum namespace space;

	if (!name.data)
		return imap_bad_name(cmd);
	space = split(name, &owner, &tail);
	*place = (struct imap_place){ .owner = session->user_id, .name = tail };
	if (space == OWN)
		return HF_OK;
	if (space == LEVEL || (owner.size && hf_str_eq(owner, session->user)))
		return reserved(cmd);
	return judge_place(session, cmd->arena, name, place);
}

enum hf_status imap_mailbox_taken(struct imap_cmd *cmd, struct hf_str name)
{
	struct imap_mailbox mailbox;

	return imap_mailbox_look(cmd->session, cmd->arena, name, HF_RIGHT_LOOKUP, &mailbox) == HF_OK ? HF_EEXISTS : HF_ENOPERM;
}

/* Lists -------------------------------------------------------------------------------------- */

static bool is_inbox_tree(struct hf_str name)
{
	struct hf_str inbox = HF_STR("INBOX");

	return hf_str_eq(name, inbox) || is_below(name, inbox);
}

static int compare_names(struct hf_str a, struct hf_str b)
{
	size_t size = a.size < b.size ? a.size : b.size;

	if (is_inbox_tree(a) != is_inbox_tree(b))
		return is_inbox_tree(a) ? -1 : 1;
	for (size_t i = 0; i < size; i++) {
		if (a.data[i] == b.data[i])
			continue;
		if (a.data[i] == '/' || b.data[i] == '/')
			return a.data[i] == '/' ? -1 : 1;
		return (unsigned char)a.data[i] < (unsigned char)b.data[i] ? -1 : 1;
	}
	return (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *a, const void *b)
{
	const struct imap_mailbox *x = a, *y = b;
	int order = compare_names(x->info.name, y->info.name);

	return order ? order : (x->info.id < y->info.id) - (x->info.id > y->info.id); /* before a subscription to it */
}

/* A mailbox and the subscription to it become one. */
static size_t join_subscriptions(struct imap_mailbox *list, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct imap_mailbox *last = kept ? &list[kept - 1] : NULL;

		if (last && hf_str_eq(last->info.name, list[i].info.name))
			last->info.subscribed = last->info.subscribed || list[i].info.subscribed;
		else
			list[kept++] = list[i];
	}
	return kept;
}

void imap_mailbox_list(struct imap_session *session, struct hf_arena *arena, struct imap_mailbox **list_p, size_t *count_p)
{
	uint64_t shared = hf_shared_account(session->store);
	struct hf_visible *visible;
	struct hf_mailbox_info *own;
	size_t own_count, visible_count, count = 0;
	struct imap_mailbox *list;

	hf_account_list(session->account, arena, &own, &own_count);
	hf_visible_list(session->store, session->user_id, arena, &visible, &visible_count);
	list = hf_new_array(arena, struct imap_mailbox, own_count + visible_count + 1);
	for (size_t i = 0; i < own_count; i++)
		list[count++] = (struct imap_mailbox){ .info = own[i], .name = own[i].name, .rights = HF_RIGHTS_ALL };
	for (size_t i = 0; i < visible_count; i++) {
		take(&list[count], arena, shared, &visible[i]);
		if (list[count].info.name.size <= HF_NAME_MAX) /* no client could name it otherwise */
			count++;
	}
	if (count > own_count) {
		qsort(list, count, sizeof(*list), compare);
		count = join_subscriptions(list, count);
	}
	*list_p = list;
	*count_p = count;
}
