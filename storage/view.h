/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_view: one session's picture of a mailbox. It moves only when its session syncs it, so sequence numbers hold still
 * while a command uses them. Used by one thread at a time. Messages that others have expunged stay readable through
 * every view that still shows them. */
#ifndef HF_STORAGE_VIEW_H
#define HF_STORAGE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ids.h"
#include "base/set.h"
#include "base/status.h"
#include "base/waiter.h"
#include "storage/account.h"
#include "storage/record.h"

struct hf_store;
struct hf_view;

/* Opens (or joins) a mailbox. `user`: who looks; 0: as its owner. Another than the owner has a \Seen of his own: it stands in all
 * records that the view gives out, and hf_op_store() from this view changes it and nobody else's. `news` is woken when there is something to sync. HF_MORE: call again when it is our turn (a
 * large mailbox is read in slices; *view holds the state in between); HF_WAIT: another session is reading it, `news` will be woken, then call
 * again. HF_ENONEXISTENT. With `examine`, \Recent is not claimed (RFC 3501 §6.3.2).
 * *view is NULL at the first call, and again after an error; after HF_MORE or HF_WAIT call with the same arguments, or
 * hf_view_close(). `news` is woken once until the next sync, so look at hf_view_has_news() before parking. */
HF_API enum hf_status hf_view_open(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine,
				   struct hf_waiter *news, struct hf_view **view);
/* The same, but of a large mailbox whose records would have to be read the counts will do: HF_OK with hf_view_is_early(). Then only what
 * stands in this header's next paragraph is known of it (of the first unseen message only when none or all are unseen), until
 * hf_view_finish() has returned HF_OK. */
HF_API enum hf_status hf_view_open_early(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine,
					 struct hf_waiter *news, struct hf_view **view);
HF_API bool hf_view_is_early(const struct hf_view *view);
/* Reads on, while hf_view_is_early(). HF_MORE, HF_WAIT as above; what has changed since is for the next sync. After an error the view shows
 * nothing and is only good to be closed. */
HF_API enum hf_status hf_view_finish(struct hf_view *view);
HF_API void hf_view_close(struct hf_view **view);

/* As of the last sync. */
HF_API uint64_t hf_view_mailbox(const struct hf_view *view);
HF_API uint64_t hf_view_owner(const struct hf_view *view);
HF_API uint64_t hf_view_user(const struct hf_view *view);              /* who looks: another than the owner, or the owner */
HF_API bool hf_view_is_examine(const struct hf_view *view);
HF_API uint32_t hf_view_uidvalidity(const struct hf_view *view);
HF_API uint32_t hf_view_count(const struct hf_view *view);             /* EXISTS */
HF_API uint32_t hf_view_recent_count(const struct hf_view *view);
HF_API bool hf_view_is_recent(const struct hf_view *view, struct hf_uid uid);
HF_API struct hf_uid hf_view_uidnext(const struct hf_view *view);
HF_API struct hf_mod hf_view_modseq(const struct hf_view *view);       /* all up to here has been told */
HF_API uint32_t hf_view_unseen_count(struct hf_view *view);              /* as published now, not as of the last sync */
HF_API struct hf_seq hf_view_first_unseen(struct hf_view *view);       /* 0: none */

/* Sequence number <-> UID; 0 when there is none. O(log n). */
HF_API struct hf_uid hf_view_uid(const struct hf_view *view, struct hf_seq seq);
HF_API struct hf_seq hf_view_seq(const struct hf_view *view, struct hf_uid uid);
/* The first sequence number whose UID is >= uid; count + 1 when none. */
HF_API struct hf_seq hf_view_seq_from(const struct hf_view *view, struct hf_uid uid);
/* A set of sequence numbers to the set of their UIDs (numbers past count are ignored), and back (UIDs not in the view are ignored). */
HF_API void hf_view_uids_of(const struct hf_view *view, const struct hf_set *seqs, struct hf_set *uids);
HF_API void hf_view_seqs_of(const struct hf_view *view, const struct hf_set *uids, struct hf_set *seqs);

/* The newest published record of the message (which may be newer than the view's modseq), or the last one it had when it is gone.
 * Copies `count` records from sequence number `first` on; returns how many (fewer only at the end). Fast in bulk: ask for up to 512.
 * In a view that has been overrun (hf_view_sync) a gone message has a record with nothing but its UID. */
HF_API uint32_t hf_view_records(struct hf_view *view, struct hf_seq first, uint32_t count, struct hf_record *records);
HF_API bool hf_view_record(struct hf_view *view, struct hf_seq seq, struct hf_record *record);
/* The sequence numbers of all messages that have all of the HF_FLAG_* in `flags`, into an empty set. False: not at hand (something is
 * not synced), go through the records. */
HF_API bool hf_view_flagged(struct hf_view *view, uint32_t flags, struct hf_set *seqs);
/* Likewise of those that have a keyword. */
HF_API bool hf_view_with_keyword(struct hf_view *view, unsigned bit, struct hf_set *seqs);
/* Octets of those of `uids` that nobody has expunged; *count: how many. */
HF_API uint64_t hf_view_size(const struct hf_view *view, const struct hf_set *uids, uint64_t *count);
/* Whether others have expunged it (it is still readable here). */
HF_API bool hf_view_is_gone(struct hf_view *view, struct hf_uid uid);

/* Keywords: names by bit; valid until the view is closed; a bit keeps its name for the life of the mailbox. NULL data: unused bit. */
HF_API struct hf_str hf_view_keyword(struct hf_view *view, unsigned bit);
/* -1 when the mailbox does not know the keyword. Case-insensitive. */
HF_API int hf_view_keyword_bit(struct hf_view *view, struct hf_str name);
HF_API unsigned hf_view_keyword_count(struct hf_view *view);

/* Messages of the view, not gone, whose modseq is greater; cost follows the changes where the change log reaches back far enough.
 * The result is a set of UIDs. */
HF_API void hf_view_changed_since(struct hf_view *view, struct hf_mod modseq, struct hf_set *uids);
/* UIDs expunged after modseq (RFC 7162 VANISHED EARLIER), limited to `within` when not NULL. *complete is false when the history
 * has been trimmed before modseq: then every UID of `within` (or below UIDNEXT) that is not in the view is given. */
HF_API enum hf_status hf_view_vanished_since(struct hf_view *view, struct hf_mod modseq, const struct hf_set *within,
					     struct hf_set *uids, bool *complete);

/* Syncing --------------------------------------------------------------------------------------------------------- */

/* What a sync has to tell, in the order in which to tell it. */
struct hf_sync {
	bool deleted;              /* the mailbox is gone; nothing else is filled in */
	struct hf_set vanished;    /* UIDs that left the view */
	uint32_t *expunged;        /* sequence numbers in the order to send EXPUNGE (each as of that moment) */
	size_t expunged_count;
	uint32_t exists_before;    /* after the expunges, before the new ones */
	uint32_t exists;           /* now */
	bool recent_changed;       /* RECENT is to be told as well */
	bool keywords_changed;     /* FLAGS and PERMANENTFLAGS are to be told */
	struct hf_seq *changed;    /* messages known before with news of flags, ascending, numbered as of now */
	size_t changed_count;
};

/* Whether there is something to sync; cheap, any thread of the session. */
HF_API bool hf_view_has_news(const struct hf_view *view);
/* Moves the view to the newest published state. With `hold_expunges`, messages that are gone stay in the view (RFC 9051
 * §7.5.1) until a sync without it. Results live in the arena and are only read (no hf_set_fini()). A view that leaves too
 * many expunges unsynced (200,000 more than it shows messages) is overrun: what they were is not kept for it, and its
 * next sync says `deleted`, so that its session ends and starts over. */
HF_API void hf_view_sync(struct hf_view *view, bool hold_expunges, struct hf_arena *arena, struct hf_sync *sync);

#endif
