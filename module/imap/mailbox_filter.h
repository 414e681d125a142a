/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mailboxes a client means: filter-mailboxes of RFC 5465 §6, with subtree-one of RFC 7377
 * §2.2. */
#ifndef HF_MODULE_IMAP_MAILBOX_FILTER_H
#define HF_MODULE_IMAP_MAILBOX_FILTER_H

#include "module/imap/mailbox.h"

enum imap_filter_kind {
	IMAP_FILTER_SELECTED,
	IMAP_FILTER_SELECTED_DELAYED,
	IMAP_FILTER_INBOXES,  /* where mail can be delivered: any of one's own, by subaddress */
	IMAP_FILTER_PERSONAL, /* one's own */
	IMAP_FILTER_SUBSCRIBED,
	IMAP_FILTER_SUBTREE,
	IMAP_FILTER_SUBTREE_ONE,
	IMAP_FILTER_MAILBOXES
};

struct imap_filter {
	enum imap_filter_kind kind;
	struct hf_str *names; /* of the last three; data NULL: no valid name, matches nothing */
	size_t name_count;
};

/* Takes one. */
enum hf_status imap_filter_parse(struct imap_parser *p, struct imap_filter *filter);
/* Not for the two kinds of `selected`. */
bool imap_filter_matches(const struct imap_session *session, const struct imap_filter *filter,
			 const struct imap_mailbox *mailbox);

#endif
