/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client has asked to be told of by NOTIFY, RFC 5465: news of the selected mailbox between
 * commands too (sync.c tells it), and of the account's other mailboxes. */
#ifndef HF_MODULE_IMAP_NOTIFY_H
#define HF_MODULE_IMAP_NOTIFY_H

#include "module/imap/mailbox_filter.h"
#include "module/imap/session_priv.h"

enum {
	NOTIFY_NEW = 1 << 0,
	NOTIFY_EXPUNGE = 1 << 1,
	NOTIFY_FLAGS = 1 << 2,
	NOTIFY_NAME = 1 << 3,
	NOTIFY_SUBSCRIPTION = 1 << 4,
	NOTIFY_METADATA = 1 << 5,
	NOTIFY_SERVER_METADATA = 1 << 6,
	NOTIFY_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS
};

struct notify_group {
	struct imap_filter filter;
	unsigned events;
};

/* Everything in it lives in its arena. */
struct imap_notify {
	struct hf_arena *arena;
	bool status; /* NOTIFY SET STATUS */
	bool has_selected, delayed;
	unsigned selected;     /* events of the selected mailbox */
	struct imap_cmd fetch; /* args: struct fetch_args of MessageNew; NULL: none */
	uint32_t fetch_next;   /* sequence number of a new message that is to be told; 0: none */
	struct notify_group *groups;
	size_t group_count, group_capacity;
	/* The other mailboxes as last told. */
	bool watching;
	struct hf_arena *known_arena;
	struct imap_mailbox *known;
	size_t known_count;
};

/* What is asked for, of any mailbox; of this one. */
unsigned imap_notify_asked(const struct imap_notify *notify);
unsigned imap_notify_events(const struct imap_session *session, const struct imap_mailbox *mailbox);
void imap_notify_free(struct imap_session *session);
/* As NOTIFY NONE does, if there has been a NOTIFY. */
void imap_notify_stop(struct imap_session *session);
/* Installed in place of what there was: takes it over, tells STATUS where asked to. */
void imap_notify_install(struct imap_session *session, struct imap_notify *notify);
void imap_notify_drop(struct imap_notify **notify);
/* notify_fetch.c: the FETCH response of one new message. */
void imap_notify_write_fetch(struct imap_session *session, struct hf_seq seq);

#endif
