/* SPDX-License-Identifier: BSD-2-Clause */
/* The showing half's own types: the registry of what is open, open mailboxes, views.
 *
 * Locks, in order: hf_registry.lock; hf_mailbox.lock; hf_mailbox.watch (hf_account.lock,
 * hf_account.watch likewise). Pins are a leaf. No lock is held while rows are read or the writing
 * half is called. A waiter is woken under the watch lock: wake never blocks and takes nothing but
 * the run queue's lock, and so a view that is being closed cannot be woken afterwards.
 *
 * Two words are _Atomic although this is storage/: hf_mailbox.version, which sessions look at
 * before they park, and the keyword slots, which are read for each message fetched. Either would
 * otherwise take the mailbox's lock each time. */
#ifndef HF_STORAGE_SHOW_PRIV_H
#define HF_STORAGE_SHOW_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/waiter.h"
#include "storage/mailbox_priv.h"
#include "storage/recset_priv.h"
#include "storage/uidlist_priv.h"
#include "storage/view.h"

/* Registry (registry.c)
 * -------------------------------------------------------------------------------------------- */

/* What the registry knows of an open mailbox or account, embedded first in each. Guarded by
 * hf_registry.lock. */
struct hf_open {
	uint64_t id;
	struct hf_open *chain;         /* next in its bucket */
	struct hf_open *newer, *older; /* in the list of idle ones */
	uint32_t refs;
	bool listed, idle; /* found by id; in the list of idle ones */
	uint64_t cost;     /* records, mailboxes of a catalogue; as of when it became idle */
	void (*destroy)(struct hf_open *open); /* called without locks, nobody else refers to it */
};

struct hf_open_table {
	struct hf_open **buckets;
	size_t bucket_count, count;
	struct hf_open *newest, *oldest; /* idle */
	uint64_t idle_cost, idle_count;
	uint64_t idle_cost_max, idle_count_max;
};

struct hf_pins;
struct hot;

struct hf_registry {
	struct hf_store *store;
	pthread_mutex_t lock;
	struct hf_open_table mailboxes HF_GUARDED_BY(lock);
	struct hf_open_table accounts HF_GUARDED_BY(lock);
	struct hf_pins *pins;
	struct hot *hot; /* facts and memos of mailboxes */
	/* Limits, as below; tests make them small before they open anything. */
	uint32_t load_slice, early_least, log_max, ghosts_max;
};

enum {
	HF_IDLE_RECORDS_MAX =
		2000000, /* records of mailboxes kept warm after their last close (128 MB) */
	HF_IDLE_MAILBOXES_MAX = 10000,
	HF_IDLE_CATALOGUE_MAX = 10000, /* mailboxes in catalogues kept warm */
	HF_IDLE_ACCOUNTS_MAX = 10000,
	HF_LOAD_SLICE = 8192, /* records read by one call of hf_view_open() */
	HF_EARLY_LEAST = 500, /* messages of a mailbox whose row may go ahead of its records */
	HF_FACTS_SIZE = 64 << 20, /* octets of facts and memos, unless the settings say otherwise */
	HF_LOG_MAX = 65536,   /* entries of a mailbox's change log */
	HF_GHOSTS_MAX =
		200000, /* expunges, beyond as many as it shows, that a view may leave unsynced */
};

/* The one with this id, with a reference for the caller. When there is none: what `make` returns,
 * listed; NULL without `make`. With `make` it stops being idle. */
struct hf_open *hf_open_acquire(struct hf_registry *registry, struct hf_open_table *table,
				uint64_t id,
				struct hf_open *(*make)(struct hf_registry *registry, uint64_t id));
void hf_open_ref(struct hf_registry *registry, struct hf_open *open);
/* Drops a reference. The last one makes it idle (and may push others out) when it is listed and
 * `keep`, else ends it. */
void hf_open_release(struct hf_registry *registry, struct hf_open_table *table,
		     struct hf_open *open, bool keep, uint64_t cost);
/* It is not found any more; ends with its last reference. */
void hf_open_unlist(struct hf_registry *registry, struct hf_open_table *table,
		    struct hf_open *open);
/* All that are listed, each with a reference for the caller. hf_free() the array. */
struct hf_open **hf_open_all(struct hf_registry *registry, struct hf_open_table *table,
			     size_t *count);

struct hf_pins *hf_pins_new(void);
void hf_pins_free(struct hf_pins **pins);
void hf_pins_add_email(struct hf_pins *pins, uint64_t owner, uint64_t email);
void hf_pins_drop_email(struct hf_pins *pins, uint64_t owner, uint64_t email);
void hf_pins_add_mailbox(struct hf_pins *pins, uint64_t mailbox);
void hf_pins_drop_mailbox(struct hf_pins *pins, uint64_t mailbox);

/* Open mailboxes (mailbox.c)
 * --------------------------------------------------------------------------------------- */

enum hf_mailbox_state {
	HF_MAILBOX_LOADING, /* publications are buffered */
	HF_MAILBOX_READY,
	HF_MAILBOX_DELETED /* its views learn of it at their next sync */
};

/* An entry of the change log: a message that came or whose flags changed. */
struct hf_logged {
	uint64_t modseq;
	uint32_t uid;
	uint32_t whose; /* the low half of the user's id: nobody else sees it; 0: everybody does */
};

/* An expunge that some view has not synced yet. */
struct hf_gone {
	uint32_t uid;
	uint32_t waiting; /* views that have synced all before this one, but not this one */
};

struct hf_keyword {
	size_t size;
	char name[];
};

/* UIDs collected in any order. */
struct hf_uidvec {
	uint32_t *uids;
	size_t count, capacity;
};
void hf_uidvec_add(struct hf_uidvec *vec, uint32_t uid);
/* Ascending, each once. */
void hf_uidvec_sort(struct hf_uidvec *vec);
void hf_uidvec_fini(struct hf_uidvec *vec);

/* Tells a mailbox being loaded that what it has read is durable. */
struct hf_load_barrier {
	struct hf_waiter waiter;
	struct hf_mailbox *mailbox;
	bool asked;  /* the loader's */
	bool passed; /* guarded by the mailbox's lock */
};

/* A view whose session has been told, or is about to be, what the row says, before the records are read. */
struct hf_early {
	struct hf_mailbox_info info; /* without its name */
	bool told;
};

struct hf_mailbox {
	struct hf_open open;
	struct hf_registry *registry;

	pthread_rwlock_t lock;
	enum hf_mailbox_state state HF_GUARDED_BY(lock);
	uint64_t owner HF_GUARDED_BY(lock);
	uint32_t uidvalidity HF_GUARDED_BY(lock);
	uint32_t uidnext HF_GUARDED_BY(lock);      /* published; greater than any UID here */
	uint64_t modseq HF_GUARDED_BY(lock);       /* highest published */
	struct hf_recset live HF_GUARDED_BY(lock); /* while LOADING: the loader's alone */
	struct hf_recset ghosts
		HF_GUARDED_BY(lock); /* expunged, as they were last; each pins its email */

	/* Expunges first_gone, first_gone + 1, ...: gone[gone_head .. gone_head + gone_count). */
	struct hf_gone *gone HF_GUARDED_BY(lock);
	size_t gone_head, gone_count, gone_capacity;
	uint64_t first_gone;
	uint32_t at_end;   /* views that have synced all expunges */
	uint32_t mourners; /* views that show it though it is deleted; while there are any, it is
			      pinned */

	/* The last log_count changes, oldest at log_head; complete for modseqs above log_floor. */
	struct hf_logged *log HF_GUARDED_BY(lock);
	size_t log_head, log_count, log_capacity;
	uint64_t log_floor;

	/* The newest UID list but for what has changed since: UIDs up to list_last are in,
	 * `removed` are still in. */
	struct hf_uidlist *list HF_GUARDED_BY(lock);
	uint32_t list_last;
	struct hf_uidvec removed;

	/* messages from this UID on are \Recent to the next who comes */
	uint32_t recent_from HF_GUARDED_BY(lock);

	_Atomic(struct hf_keyword *) keywords[HF_KEYWORDS_MAX];
	_Atomic unsigned keyword_count;
	uint32_t keyword_version HF_GUARDED_BY(lock);

	/* Loading. `loader` is the view whose session reads; the rest is its alone but for
	 * `pending`. */
	struct hf_view *loader HF_GUARDED_BY(lock);
	bool load_row_done, load_index_done;
	uint32_t load_next; /* UID from which to go on */
	/* count of \Recent messages, of the row or the newest publication */
	uint32_t load_recent HF_GUARDED_BY(lock);
	bool load_published HF_GUARDED_BY(lock); /* there was a publication */
	struct hf_load_barrier load_row_barrier, load_barrier;
	struct hf_change *pending HF_GUARDED_BY(lock); /* published meanwhile */
	size_t pending_count, pending_capacity;

	struct hf_seen *seen HF_GUARDED_BY(lock); /* of users who are not the owner and have it open */

	pthread_mutex_t watch;
	struct hf_view *views; /* changed with both locks, read with either */

	_Atomic uint64_t version; /* one more for each publication that concerns views; written with
				     `lock` */
};

struct hf_view {
	struct hf_store *store;
	struct hf_mailbox *mailbox;
	struct hf_waiter *news;
	struct hf_view *next, *prev;
	bool attached; /* open; else waiting for the mailbox to be loaded */
	bool loads; /* hf_view_open_early() waits for all records */
	struct hf_early *early; /* while the mailbox is loaded behind what was told; NULL: not so */
	bool examine;
	bool mourns;             /* one of mailbox->mourners: guarded by mailbox->lock */
	bool overrun;            /* it left too much unsynced: guarded by mailbox->lock */
	bool held;               /* the last sync left expunges untold */
	bool woken;              /* since its last sync; guarded by mailbox->watch */
	uint64_t synced;         /* mailbox->version it has reached; written with mailbox->watch */
	struct hf_uidlist *list; /* changed by its session under mailbox->lock */
	uint64_t gone_next;      /* the first expunge it has not synced; guarded by mailbox->lock */
	uint64_t modseq;
	uint64_t user;           /* who looks; 0: the owner */
	struct hf_seen *seen;    /* his \Seen; NULL: the owner's, in the records. Read with mailbox->lock */
	uint64_t owner;
	uint32_t uidnext, uidvalidity, keyword_version;
	uint32_t recent_count;
	struct hf_set recent; /* UIDs that are \Recent here */
};

/* With a reference for the caller. */
struct hf_mailbox *hf_mailbox_acquire(struct hf_registry *registry, uint64_t id);
void hf_mailbox_release(struct hf_mailbox *mailbox);

/* Loading (mailbox_load.c). */
void hf_mailbox_load_init(struct hf_mailbox *mailbox);
/* Reads the row. HF_OK: view->early->told, and the view shows what it says; HF_WAIT; HF_MORE: not this mailbox, or not this
 * time, use hf_mailbox_load(). */
enum hf_status hf_mailbox_load_early(struct hf_mailbox *mailbox, struct hf_view *view);
/* One piece of loading by `view`'s session; HF_MORE, HF_WAIT (another loads, or the barrier is
 * awaited), HF_OK: READY. */
enum hf_status hf_mailbox_load(struct hf_mailbox *mailbox, struct hf_view *view);
/* The view's session gives up; another takes over where it was. */
void hf_mailbox_load_abandon(struct hf_mailbox *mailbox, struct hf_view *view);

/* Wakes the views that wait for it to be loaded, but for that of whoever has just done it. */
void hf_mailbox_wake_opening(struct hf_mailbox *mailbox, const struct hf_view *loader);

/* Not found any more; its views learn of it at their next sync, until which they can read what they
 * show. */
void hf_mailbox_delete(struct hf_mailbox *mailbox);
/* The view shows a deleted mailbox no longer. */
void hf_mailbox_mourned_locked(struct hf_mailbox *mailbox, struct hf_view *view)
	HF_REQUIRES(mailbox->lock);
uint64_t hf_mailbox_owner(struct hf_mailbox *mailbox);
/* Wakes its views: what their users may do there has changed. */
void hf_mailbox_wake(struct hf_registry *registry, uint64_t mailbox);

/* How many messages nobody has been given as \Recent, of `stored` as the row has it: the row follows
 * a claim late, the open mailbox knows it at once. */
uint32_t hf_mailbox_recent(struct hf_registry *registry, uint64_t mailbox, uint32_t stored);

/* What a publication does to it. */
void hf_mailbox_apply_locked(struct hf_mailbox *mailbox, const struct hf_change *change) HF_REQUIRES(mailbox->lock);
void hf_mailbox_set_info_locked(struct hf_mailbox *mailbox, const struct hf_mailbox_info *info) HF_REQUIRES(mailbox->lock);
/* Whether there is a new one. */
bool hf_mailbox_set_keywords_locked(struct hf_mailbox *mailbox, const struct hf_str *names, unsigned count)
	HF_REQUIRES(mailbox->lock);
/* Takes the list over. */
void hf_mailbox_list_set_locked(struct hf_mailbox *mailbox, struct hf_uidlist *list);

/* The newest list, brought up to date; borrowed until the lock is released. */
struct hf_uidlist *hf_mailbox_list_locked(struct hf_mailbox *mailbox) HF_REQUIRES(mailbox->lock);
/* UIDs of messages that to this view came or changed after modseq, in any order, possibly repeated,
 * possibly of some that are gone. */
void hf_mailbox_changes_locked(const struct hf_mailbox *mailbox, const struct hf_view *view,
			       uint64_t modseq, struct hf_uidvec *uids) HF_REQUIRES(mailbox->lock);
/* A view's place among the expunges. */
void hf_mailbox_mark_add_locked(struct hf_mailbox *mailbox, struct hf_view *view)
	HF_REQUIRES(mailbox->lock);
void hf_mailbox_mark_drop_locked(struct hf_mailbox *mailbox, struct hf_view *view)
	HF_REQUIRES(mailbox->lock);

/* view.c, used by view_sync.c: takes \Recent messages for the view; whether the store is to be
 * told. */
bool hf_view_claim_locked(struct hf_view *view) HF_REQUIRES(view->mailbox->lock);
void hf_view_count_recent(struct hf_view *view);

/* \Seen of others than the owner (seen.c)
 * --------------------------------------------------------------------------------------------- */

/* When the mailbox is ready: view->seen is loaded, if the view is not its owner's. HF_WAIT: view->news will be woken. */
enum hf_status hf_seen_load(struct hf_view *view);
void hf_seen_close_locked(struct hf_view *view) HF_REQUIRES(view->mailbox->lock);
bool hf_seen_has(const struct hf_seen *seen, uint32_t uid);
/* Puts \Seen and modseq of its user into the record. */
void hf_seen_show(const struct hf_seen *seen, struct hf_record *record);
/* UIDs of which it has changed after modseq. */
void hf_seen_changes(const struct hf_seen *seen, uint64_t modseq, struct hf_uidvec *uids);
void hf_seen_publish_locked(struct hf_mailbox *mb, const struct seen_change *changes) HF_REQUIRES(mb->lock);

/* Accounts (account.c)
 * --------------------------------------------------------------------------------------------- */

void hf_account_publish_mailbox(struct hf_registry *registry, const struct hf_mailbox_news *news);
/* The mailbox as its owner's catalogue has it; false when that is not open, or does not have it. */
bool hf_account_published(struct hf_registry *registry, uint64_t user, uint64_t mailbox,
			  struct hf_arena *arena, struct hf_mailbox_info *info);
/* The order of lists. */
int hf_name_compare(struct hf_str a, struct hf_str b);
/* The name, its first level as it is stored if it is INBOX in any case. */
struct hf_str hf_name_inbox(struct hf_str name, struct hf_arena *arena);

#endif
