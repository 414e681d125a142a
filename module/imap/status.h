/* SPDX-License-Identifier: BSD-2-Clause */
/* Items of STATUS, as STATUS, LIST RETURN (STATUS ...) and NOTIFY use them. */
#ifndef HF_MODULE_IMAP_STATUS_H
#define HF_MODULE_IMAP_STATUS_H

#include "module/imap/imap.h"

#define IMAP_STATUS_ITEMS_MAX 32

struct imap_status_items {
	uint8_t item[IMAP_STATUS_ITEMS_MAX]; /* in the client's order */
	size_t count;
};

/* A list of items in parentheses. */
enum hf_status imap_status_parse(struct imap_parser *p, struct imap_status_items *wanted);
/* What asking for them turns on (CONDSTORE). */
void imap_status_ask(struct imap_session *session, const struct imap_status_items *wanted);
/* One STATUS response. */
void imap_status_write(struct imap_session *session, const struct hf_mailbox_info *info,
		       const struct imap_status_items *wanted);

#endif
