/* SPDX-License-Identifier: BSD-2-Clause */
/* NOTIFY: which events a client wants to hear of, all the time. RFC 5465.
 *
 * Arguments: NONE, or SET [STATUS] and groups: which mailboxes, which events. What is asked for
 * outlives the command, so it is parsed from a copy into an arena of its own. Events that we do not
 * know are refused with BADEVENT. */
#include "module/imap/fetch.h"
#include "module/imap/notify.h"

#include "base/mem.h"

/* Each mailbox that changes is compared with all of them. */
#define NAMES_MAX 1000

struct notify_args {
	struct imap_notify *notify;
	bool bad_event;
};

static const struct {
	const char *name;
	unsigned event; /* 0: known to the RFC, not to us */
} events[] = {
	{ "MessageNew", NOTIFY_NEW },
	{ "MessageExpunge", NOTIFY_EXPUNGE },
	{ "FlagChange", NOTIFY_FLAGS },
	{ "MailboxName", NOTIFY_NAME },
	{ "SubscriptionChange", NOTIFY_SUBSCRIPTION },
	{ "MailboxMetadataChange", NOTIFY_METADATA },
	{ "ServerMetadataChange", NOTIFY_SERVER_METADATA },
};

static enum hf_status parse_fetch(struct imap_session *session, struct imap_notify *notify,
				  struct imap_parser *p)
{
	struct fetch_args *args = hf_new(notify->arena, struct fetch_args);
	enum hf_status status;

	notify->fetch =
		(struct imap_cmd){ .session = session, .arena = notify->arena, .args = args };
	if (!(session->enabled & IMAP_EN_UIDONLY))
		fetch_use_add(&notify->fetch, "UID");
	status = fetch_items_parse(&notify->fetch, p);
	hf_buf_fini(&notify->fetch.code);
	hf_buf_fini(&notify->fetch.text);
	return status;
}

static enum hf_status parse_event(struct imap_cmd *cmd, struct imap_notify *notify,
				  struct imap_parser *p, bool selected, unsigned *found)
{
	struct notify_args *args = cmd->args;
	struct hf_str name;

	for (size_t i = 0; i < HF_COUNT(events); i++) {
		const char *before = p->pos;

		if (!imap_parse_keyword(p, events[i].name))
			continue;
		*found |= events[i].event;
		if (selected && !(events[i].event & NOTIFY_MESSAGES)) {
			p->pos = before;
			return imap_parser_expected(p, "an event of messages");
		}
		before = p->pos;
		if (events[i].event != NOTIFY_NEW || !imap_parse_space(p) ||
		    !imap_parse_is(p, '(')) {
			p->pos = before;
			return HF_OK;
		}
		return selected ? parse_fetch(cmd->session, notify, p)
				: imap_parser_expected(p, "no items but for SELECTED");
	}
	if (!imap_parse_atom(p, &name))
		return imap_parser_expected(p, "the name of an event");
	args->bad_event = true;
	return HF_OK;
}

/* "NONE", or events; the examples of the RFC leave their parentheses out. */
static enum hf_status parse_events(struct imap_cmd *cmd, struct imap_notify *notify,
				   struct imap_parser *p, bool selected, unsigned *found)
{
	bool list;

	if (imap_parse_keyword(p, "NONE"))
		return HF_OK;
	list = imap_parse_char(p, '(');
	do {
		enum hf_status status = parse_event(cmd, notify, p, selected, found);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	if (list && !imap_parse_char(p, ')'))
		return imap_parser_expected(p, "another event or a closing parenthesis");
	if (!(*found & NOTIFY_NEW) != !(*found & NOTIFY_EXPUNGE) ||
	    (*found & NOTIFY_FLAGS && !(*found & NOTIFY_NEW)))
		return imap_parser_expected(p, "MessageNew and MessageExpunge together");
	return HF_OK;
}

static void add_group(struct imap_notify *notify, const struct notify_group *group)
{
	if (notify->group_count == notify->group_capacity) {
		size_t capacity = notify->group_capacity ? notify->group_capacity * 2 : 4;
		struct notify_group *grown =
			hf_new_array(notify->arena, struct notify_group, capacity);

		if (notify->group_count)
			memcpy(grown, notify->groups, notify->group_count * sizeof(*grown));
		notify->groups = grown;
		notify->group_capacity = capacity;
	}
	notify->groups[notify->group_count++] = *group;
}

static enum hf_status parse_group(struct imap_cmd *cmd, struct imap_notify *notify,
				  struct imap_parser *p)
{
	struct notify_group group = { .events = 0 };
	enum hf_status status;
	bool selected;

	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "a group of mailboxes and events");
	status = imap_filter_parse(p, &group.filter);
	if (status != HF_OK)
		return status;
	selected = group.filter.kind == IMAP_FILTER_SELECTED ||
		   group.filter.kind == IMAP_FILTER_SELECTED_DELAYED;
	if (selected && notify->has_selected)
		return imap_parser_expected(p, "SELECTED or SELECTED-DELAYED once");
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "events");
	status = parse_events(cmd, notify, p, selected, &group.events);
	if (status != HF_OK)
		return status;
	if (!imap_parse_char(p, ')'))
		return imap_parser_expected(p, "a closing parenthesis");
	if (!selected) {
		add_group(notify, &group);
		return HF_OK;
	}
	notify->has_selected = true;
	notify->delayed = group.filter.kind == IMAP_FILTER_SELECTED_DELAYED;
	notify->selected = group.events;
	return HF_OK;
}

static enum hf_status parse_set(struct imap_cmd *cmd, struct imap_notify *notify,
				struct imap_parser *p)
{
	if (imap_parse_keyword(p, "NONE"))
		return HF_OK;
	if (!imap_parse_keyword(p, "SET") || !imap_parse_space(p))
		return imap_parser_expected(p, "NONE or SET");
	if (imap_parse_keyword(p, "STATUS")) {
		notify->status = true;
		if (!imap_parse_space(p))
			return imap_parser_expected(p, "a group of mailboxes and events");
	}
	do {
		enum hf_status status = parse_group(cmd, notify, p);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_end(p));
	return HF_OK;
}

static enum hf_status notify_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct notify_args *args = cmd->args = hf_new(cmd->arena, struct notify_args);
	struct imap_notify *notify = hf_alloc_zero(sizeof(*notify));
	struct imap_parser copy = *p;
	struct hf_str text;
	enum hf_status status;

	notify->arena = hf_arena_new();
	text = hf_arena_str(notify->arena, hf_str_n(p->pos, (size_t)(p->end - p->pos)));
	copy.pos = text.data;
	copy.end = text.data + text.size;
	copy.arena = notify->arena;
	status = parse_set(cmd, notify, &copy);
	if (status == HF_OK && !imap_parse_end(&copy))
		status = HF_ESYNTAX;
	p->pos += copy.pos - text.data;
	p->expected = copy.expected;
	args->notify = notify;
	if (status != HF_OK)
		imap_notify_drop(&args->notify);
	return status;
}

static size_t names_of(const struct imap_notify *notify)
{
	size_t names = notify->group_count;

	for (size_t i = 0; i < notify->group_count; i++)
		names += notify->groups[i].filter.name_count;
	return names;
}

/* It implies a NOOP: RFC 5465 §3.1. */
static enum hf_status notify_start(struct imap_cmd *cmd)
{
	const struct notify_args *args = cmd->args;

	if (args->bad_event) {
		hf_buf_add_lit(&cmd->code, "BADEVENT (");
		for (size_t i = 0; i < HF_COUNT(events); i++)
			hf_buf_printf(&cmd->code, "%s%s", i ? " " : "", events[i].name);
		hf_buf_add_char(&cmd->code, ')');
		imap_text(cmd, "No such event");
		return HF_ECANNOT;
	}
	if (names_of(args->notify) > NAMES_MAX) {
		imap_code(cmd, "NOTIFICATIONOVERFLOW");
		imap_text(cmd, "More than %d mailboxes are named", NAMES_MAX);
		return HF_ELIMIT;
	}
	imap_sync(cmd->session, false);
	return HF_MORE;
}

static enum hf_status notify_next(struct imap_cmd *cmd)
{
	struct notify_args *args = cmd->args;

	imap_notify_install(cmd->session, args->notify);
	args->notify = NULL;
	return HF_OK;
}

static void notify_finish(struct imap_cmd *cmd)
{
	struct notify_args *args = cmd->args;

	imap_notify_drop(&args->notify);
}

const struct imap_command imap_cmd_notify = {
	.name = "NOTIFY",
	.states = IMAP_LOGGED_IN,
	.parse = notify_parse,
	.start = notify_start,
	.next = notify_next,
	.finish = notify_finish,
};
