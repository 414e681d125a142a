/* SPDX-License-Identifier: BSD-2-Clause */
/* What was expunged or deleted and can be brought back, for hf_store_settings.kept_s. Content is freed after that.
 *
 * An expunged message comes back as a new one: UIDs never come again (RFC 9051 §2.3.1.1). A deleted mailbox comes back whole. */
#ifndef HF_STORAGE_KEPT_H
#define HF_STORAGE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/set.h"
#include "base/status.h"
#include "base/str.h"
#include "storage/record.h"

struct hf_op;
struct hf_store;

/* Expunged messages ------------------------------------------------------------------------------------------------- */

struct hf_kept {
	struct hf_record record; /* as it was last */
	int64_t time;            /* of the expunge */
	int64_t until;           /* about when it will be freed, by the present setting */
};
/* Those of a mailbox, roughly in order of UID (messages that left together follow one another); fn returns false to end. */
HF_API enum hf_status hf_kept_each(struct hf_store *store, uint64_t mailbox, bool (*fn)(void *arg, const struct hf_kept *kept),
				   void *arg);

/* Brings back the messages of `uids`, as they were in `mailbox`, into `target` of the same owner (or `mailbox` again): new UIDs in the order of
 * the old ones, flags and keywords but \Deleted, INTERNALDATE, EMAILID and THREADID as they were, SAVEDATE now (RFC 8514 §2: it is saved in the
 * mailbox anew). UIDs of which nothing is kept are passed over. Each message is at any moment either kept or back; very many come in
 * several transactions. HF_EOVERQUOTA when all of them together would be too much, and nothing is done, unless `force`.
 * HF_ENONEXISTENT: one of the mailboxes; HF_ECANNOT: another owner. */
HF_API struct hf_op *hf_op_restore(struct hf_store *store, uint64_t mailbox, const struct hf_set *uids, uint64_t target, bool force);
/* hf_op_copied_from() are the UIDs they had, hf_op_copied_to() their new ones, hf_op_uidvalidity() of the target. */

/* Deleted mailboxes ------------------------------------------------------------------------------------------------- */

struct hf_deleted {
	uint64_t mailbox;      /* MAILBOXID */
	uint64_t serial;       /* of the deletion, for hf_op_mailbox_undelete() */
	struct hf_str name;    /* in the arena */
	int64_t time, until;
	uint32_t messages;
	uint64_t size;
	uint32_t uidvalidity;
	bool name_used;        /* another mailbox has had the name since */
};
/* In order of name, the latest first. `user`: id. */
HF_API enum hf_status hf_deleted_list(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct hf_deleted **list,
				      size_t *count);

/* Brings it back with all its messages, under `name` (that passed hf_mailbox_name_check(); missing superior levels are created). It is
 * the same mailbox, with its MAILBOXID, UIDs, flags and modseqs. Under the name it had it keeps its UIDVALIDITY, unless another mailbox has had that name
 * since; otherwise it gets a new one. Under another name it has no special use. HF_EEXISTS: the name is taken; HF_ENONEXISTENT: it has been freed,
 * or is back already; HF_EOVERQUOTA, unless `force`. */
HF_API struct hf_op *hf_op_mailbox_undelete(struct hf_store *store, uint64_t user, const struct hf_deleted *deleted,
					    struct hf_str name, bool force);

#endif
