/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the half of the store that writes (writer, flusher, rows) and the half that shows (open mailboxes, accounts,
 * views). The flusher hands over what is durable as publications, in commit order; the showing half asks for rows. */
#ifndef HF_STORAGE_MAILBOX_PRIV_H
#define HF_STORAGE_MAILBOX_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ids.h"
#include "base/set.h"
#include "base/status.h"
#include "base/waiter.h"
#include "storage/account.h"
#include "storage/record.h"
#include "storage/seen_priv.h"

struct hf_store;

/* Publications (written by the writer half) ------------------------------------------------------------------------ */

enum hf_change_kind {
	HF_CHANGE_NEW,
	HF_CHANGE_FLAGS,
	HF_CHANGE_SEEN, /* of one user who is not the owner: nothing to anybody else, the record stays */
	HF_CHANGE_GONE
};

struct hf_change {
	enum hf_change_kind kind;
	struct hf_record record; /* as it is now; GONE: as it was last, its modseq that of the expunge; SEEN: modseq of the change */
	uint64_t user;           /* SEEN: whose */
};

/* What happened to one mailbox in one committed batch. Allocated by the writer half with hf_alloc, owned by it; the showing half
 * copies. */
struct hf_mailbox_news {
	uint64_t mailbox;
	bool more;                     /* another of the same owner comes with it: who watches the account is woken then */
	struct hf_mailbox_info info;   /* its row afterwards; info.name is valid for the call only; id 0: it was deleted */
	uint64_t owner;
	bool row_changed;              /* name, special use, subscription, existence: the account's catalogue changes */
	struct hf_str *keywords;       /* all names by bit, when keywords_changed */
	unsigned keyword_count;
	bool keywords_changed;
	struct hf_change *changes;     /* in order of modseq */
	size_t change_count;
	const struct seen_change *seen; /* blocks of users who are not the owner; those that are dirty */
};

/* Called by the flusher thread (or whoever has its role), one batch at a time, in commit order, before the batch's
 * waiters are woken. Wakes the waiters of views and accounts concerned. */
void hf_publish_mailbox(struct hf_store *store, const struct hf_mailbox_news *news);
/* Subscriptions to names (also of mailboxes that do not exist). */
void hf_publish_subscription(struct hf_store *store, uint64_t user, struct hf_str name, bool subscribed);
void hf_publish_user_gone(struct hf_store *store, uint64_t user);

/* The registry of open mailboxes and accounts, one per store. */
struct hf_registry;
struct hf_registry *hf_registry_new(struct hf_store *store);
void hf_registry_free(struct hf_registry **registry); /* nothing may be open */
struct hf_registry *hf_store_registry(struct hf_store *store);

/* Pins (showing half; asked by the collectors) --------------------------------------------------------------------- */

/* A view still shows an expunged message with this email, or a reader holds its content: it must not be freed yet. Thread-safe. */
bool hf_email_is_pinned(struct hf_store *store, uint64_t owner, uint64_t email);
bool hf_mailbox_is_pinned(struct hf_store *store, uint64_t mailbox); /* deleted, and a view still shows it: all its emails */
bool hf_content_is_pinned(struct hf_store *store, uint64_t content);
void hf_content_pin(struct hf_store *store, uint64_t content);
void hf_content_unpin(struct hf_store *store, uint64_t content);

/* Rows for the showing half (written by the writer half) ----------------------------------------------------------- */

/* Reads index records in order of UID from `from` on, at most `max`; *count < max only at the end. Bulk cursor, no lock held afterwards.
 * What it sees may be committed but not flushed yet. */
enum hf_status hf_rows_index(struct hf_store *store, uint64_t mailbox, struct hf_uid from, uint32_t max,
			     struct hf_record *records, uint32_t *count);
/* The mailbox row. Names in the arena. */
enum hf_status hf_rows_mailbox(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct hf_mailbox_info *info,
			       struct hf_str **keywords, unsigned *keyword_count);
/* All mailboxes and subscriptions of a user, in any order. HF_ENONEXISTENT: no such user. */
enum hf_status hf_rows_catalogue(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct hf_mailbox_info **list,
				 size_t *count);
/* VANISHED history: UIDs expunged after modseq; *floor is the modseq below which the history has been trimmed. */
enum hf_status hf_rows_gone(struct hf_store *store, uint64_t mailbox, struct hf_mod modseq, struct hf_set *uids,
			    struct hf_mod *floor);
/* What a user who is not the owner has seen, blocks in order; hf_free(). */
enum hf_status hf_rows_seen(struct hf_store *store, uint64_t mailbox, uint64_t user, struct seen_block **blocks, size_t *count);
/* HF_OK: all that is committed now is flushed and published; HF_WAIT: the waiter is woken when it is. */
enum hf_status hf_store_barrier(struct hf_store *store, struct hf_waiter *waiter);
/* Moves the stored \Recent boundary of the mailbox up to uidnext, later, without anybody waiting. */
void hf_store_claim_recent(struct hf_store *store, uint64_t mailbox, struct hf_uid uidnext);

#endif
