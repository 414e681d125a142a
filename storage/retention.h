/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention: messages that have been in a mailbox for longer than a rule allows, by SAVEDATE (RFC 8514), are expunged in the background. They can
 * be brought back for a while like any other (storage/kept.h). A mailbox may have a time of its own; else the first rule that fits it
 * is in force; without one its messages stay. */
#ifndef HF_STORAGE_RETENTION_H
#define HF_STORAGE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "storage/account.h"

struct hf_op;
struct hf_store;

struct hf_retention_rule {
	struct hf_str mailbox;  /* of this name, in every account; empty: by special use */
	uint32_t special_use;   /* one of HF_USE_* */
	uint32_t s;             /* seconds */
};
/* Replaces the rules (copied) and sets how often they are applied; the next run begins at once. Without this call there are none. Any thread. */
HF_API void hf_store_set_retention(struct hf_store *store, const struct hf_retention_rule *rules, size_t count, uint32_t every_s);

#define HF_RETENTION_OFF 0u               /* whatever the rules say */
#define HF_RETENTION_DEFAULT UINT32_MAX /* what the rules say */
/* A mailbox's own time, in seconds. HF_ENONEXISTENT. */
HF_API struct hf_op *hf_op_retention(struct hf_store *store, uint64_t mailbox, uint32_t s);

struct hf_retention {
	uint32_t s;   /* 0: messages stay */
	bool own;     /* the mailbox's own time */
	bool by_rule; /* `rule` is in force */
	size_t rule;  /* index */
};
HF_API enum hf_status hf_retention_get(struct hf_store *store, const struct hf_mailbox_info *info, struct hf_retention *retention);
/* Mailboxes with a time of their own, deleted ones left out; fn returns false to end. The name is borrowed. */
HF_API enum hf_status hf_retention_each(struct hf_store *store,
					bool (*fn)(void *arg, uint64_t owner, struct hf_str mailbox, uint32_t s), void *arg);

struct hf_retained {
	uint64_t owner, mailbox;
	struct hf_str name; /* borrowed */
	uint32_t s;
	uint64_t messages, size; /* of those whose time is over */
	int64_t oldest;          /* SAVEDATE */
};
/* Looks at all mailboxes now, calls fn for each with messages whose time is over, and, unless it is a dry run, expunges these. `stop` (may be NULL) is
 * looked at between pieces. Blocks: for a thread of one's own. */
HF_API enum hf_status hf_retention_run(struct hf_store *store, bool dry_run, void (*fn)(void *arg, const struct hf_retained *retained),
				       void *arg, const bool *stop);

#endif
