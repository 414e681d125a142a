/* SPDX-License-Identifier: BSD-2-Clause */
/* Items of STATUS, as STATUS, LIST RETURN (STATUS ...) and NOTIFY use them. */
#ifndef HF_MODULE_IMAP_STATUS_H
#define HF_MODULE_IMAP_STATUS_H

#include "module/imap/mailbox.h"

#define IMAP_STATUS_ITEMS_MAX 32

struct imap_status_items {
	uint8_t item[IMAP_STATUS_ITEMS_MAX]; /* in the client's order */
	size_t count;
};

/* A list of items in parentheses. */
enum hf_status imap_status_parse(struct imap_parser *p, struct imap_status_items *wanted);
/* What asking for them turns on (CONDSTORE). */
void imap_status_ask(struct imap_session *session, const struct imap_status_items *wanted);
/* What the catalogue does not have: of another owner's mailbox, how many messages this user has not seen. Zeroed at first. */
struct imap_status_count {
	struct hf_view *view;
	uint32_t next, unseen; /* sequence number; so far */
};
/* Puts the user's own numbers into mailbox->info, where the items ask for them. HF_OK; HF_MORE, HF_WAIT: call again; anything else
 * ends it. */
enum hf_status imap_status_count(struct imap_session *session, struct imap_mailbox *mailbox,
				 const struct imap_status_items *wanted, struct imap_status_count *count);
/* Likewise, whatever is asked for. */
enum hf_status imap_status_count_own(struct imap_session *session, struct imap_mailbox *mailbox, struct imap_status_count *count);
void imap_status_count_end(struct imap_status_count *count);
/* One STATUS response. */
void imap_status_write(struct imap_session *session, const struct hf_mailbox_info *info,
		       const struct imap_status_items *wanted);

#endif
