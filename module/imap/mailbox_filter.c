/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing filters of mailboxes, and asking them. RFC 5465 §6, §8; RFC 7377 §4. */
#include "module/imap/mailbox_filter.h"

static const struct {
	const char *word;
	enum imap_filter_kind kind;
	bool names;
} kinds[] = {
	{ "SELECTED", IMAP_FILTER_SELECTED, false },
	{ "SELECTED-DELAYED", IMAP_FILTER_SELECTED_DELAYED, false },
	{ "INBOXES", IMAP_FILTER_INBOXES, false },
	{ "PERSONAL", IMAP_FILTER_PERSONAL, false },
	{ "SUBSCRIBED", IMAP_FILTER_SUBSCRIBED, false },
	{ "SUBTREE", IMAP_FILTER_SUBTREE, true },
	{ "SUBTREE-ONE", IMAP_FILTER_SUBTREE_ONE, true },
	{ "MAILBOXES", IMAP_FILTER_MAILBOXES, true },
};

/* A mailbox, or several in parentheses. */
static enum hf_status parse_names(struct imap_parser *p, struct imap_filter *filter)
{
	bool list = imap_parse_char(p, '(');
	size_t capacity = 0;

	do {
		struct hf_str name;

		if (!imap_parse_mailbox(p, &name))
			return imap_parser_expected(p, "a mailbox name");
		if (filter->name_count == capacity) {
			size_t more = capacity ? capacity * 2 : 4;
			struct hf_str *grown = hf_new_array(p->arena, struct hf_str, more);

			if (capacity)
				memcpy(grown, filter->names, capacity * sizeof(*grown));
			filter->names = grown;
			capacity = more;
		}
		filter->names[filter->name_count++] = name;
	} while (list && imap_parse_space(p) && !imap_parse_is(p, ')'));
	return !list || imap_parse_char(p, ')') ? HF_OK
						: imap_parser_expected(p, "a mailbox name or )");
}

enum hf_status imap_filter_parse(struct imap_parser *p, struct imap_filter *filter)
{
	for (size_t i = 0; i < HF_COUNT(kinds); i++) {
		if (!imap_parse_keyword(p, kinds[i].word))
			continue;
		*filter = (struct imap_filter){ .kind = kinds[i].kind };
		if (!kinds[i].names)
			return HF_OK;
		return imap_parse_space(p) ? parse_names(p, filter)
					   : imap_parser_expected(p, "a mailbox name");
	}
	return imap_parser_expected(p, "a kind of mailboxes, such as PERSONAL or MAILBOXES");
}

static bool name_matches(enum imap_filter_kind kind, struct hf_str base, struct hf_str name)
{
	if (!base.data)
		return false;
	if (hf_str_eq(base, name))
		return true;
	if (kind == IMAP_FILTER_MAILBOXES || !hf_str_starts(name, base) ||
	    name.data[base.size] != '/')
		return false;
	return kind == IMAP_FILTER_SUBTREE ||
	       hf_str_chr(hf_str_sub(name, base.size + 1, name.size), '/') < 0;
}

bool imap_filter_matches(const struct imap_session *session, const struct imap_filter *filter,
			 const struct imap_mailbox *mailbox)
{
	const struct hf_mailbox_info *info = &mailbox->info;

	if (!info->id)
		return false;
	if (filter->kind == IMAP_FILTER_INBOXES || filter->kind == IMAP_FILTER_PERSONAL)
		return imap_mailbox_is_own(session, mailbox);
	if (filter->kind == IMAP_FILTER_SUBSCRIBED)
		return info->subscribed;
	for (size_t i = 0; i < filter->name_count; i++)
		if (name_matches(filter->kind, filter->names[i], info->name))
			return true;
	return false;
}
