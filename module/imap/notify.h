/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client has asked to be told of by NOTIFY, RFC 5465: news of the selected mailbox between
 * commands too (sync.c tells it), and of the account's other mailboxes. */
#ifndef HF_MODULE_IMAP_NOTIFY_H
#define HF_MODULE_IMAP_NOTIFY_H

#include "module/imap/mailbox_filter.h"
#include "module/imap/session_priv.h"
#include "module/imap/status.h"

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
	/* What the session itself has changed since: it is not told of that. */
	struct hf_arena *own_arena;
	struct hf_effect *own;
	size_t own_count, own_capacity;
	/* Others' mailboxes of which is told what this user has not seen. */
	struct notify_unseen *unseen;
	size_t unseen_count, unseen_capacity;
	struct imap_status_count counting; /* the one at which it is */
	uint64_t counted;
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
bool imap_notify_is_selected(const struct imap_session *session, const struct hf_mailbox_info *info);
/* One STATUS of news; `events`: with those of messages, their numbers. */
void imap_notify_write_status(struct imap_session *session, const struct hf_mailbox_info *info, unsigned events, bool modseq,
			      bool unseen);
/* notify_own.c: whether all that has happened to it since `old` was this session's doing. */
bool imap_notify_did_messages(const struct imap_notify *notify, const struct hf_mailbox_info *old,
			      const struct hf_mailbox_info *now);
bool imap_notify_did_name(const struct imap_notify *notify, uint64_t mailbox, struct hf_str owners_name);
bool imap_notify_did_delete(const struct imap_notify *notify, uint64_t mailbox);
bool imap_notify_did_subscribe(const struct imap_notify *notify, struct hf_str name, bool subscribed);
void imap_notify_own_told(struct imap_notify *notify);
/* notify_count.c: its STATUS comes once what the user has not seen of it is counted. False: it is too large for that. */
bool imap_notify_count_first(struct imap_notify *notify, const struct hf_mailbox_info *info, bool moved);
void imap_notify_count_free(struct imap_notify *notify);

#endif
