/* SPDX-License-Identifier: BSD-2-Clause */
/* A batch: operations applied in one transaction. It keeps the mailbox and user rows they touch decoded until its end,
 * when each is written once, and collects what is to be published. Only whoever has the writer's role has one in hand;
 * after its commit it belongs to the flusher. */
#ifndef HF_STORAGE_BATCH_H
#define HF_STORAGE_BATCH_H

#include "base/arena.h"
#include "storage/store_priv.h"

struct batch_mailbox {
	struct batch_mailbox *next;  /* in the batch */
	struct batch_mailbox *chain; /* in its bucket */
	uint64_t id;
	struct row_mailbox row;
	bool dirty;            /* the row has changed */
	bool row_changed;      /* existence, name, special use */
	bool keywords_changed;
	bool removed;          /* the row itself goes */
	bool publish;
	bool subscribed;       /* filled in at the end */
	struct hf_change *changes;
	size_t change_count, change_capacity;
	struct seen_change *seen; /* blocks looked at, the last one first */
	struct hf_set dead; /* UIDs of index rows that are dead: messages.c */
	bool dead_known;
};

struct batch_user {
	struct batch_user *next, *chain;
	uint64_t id;
	struct row_user row;
	bool dirty, removed;
	size_t entries_added; /* to lists of rights of his mailboxes */
};

struct batch_subscription {
	struct batch_subscription *next;
	uint64_t user;
	struct hf_str name;
	bool subscribed;
};

struct batch_annotation {
	struct batch_annotation *next;
	uint64_t mailbox, owner;
	uint64_t user;   /* 0: shared */
	uint64_t origin; /* the watch that is not told */
	struct hf_str name;
};

struct rights_change;

struct batch_gone_user {
	struct batch_gone_user *next;
	uint64_t user;
};

#define BATCH_BUCKETS 64

struct batch {
	struct batch *next; /* flusher's queue */
	struct hf_store *store;
	struct txn *txn;
	struct hf_arena *arena;
	struct hf_op *op; /* being applied; NULL between */
	int64_t now;
	uint64_t writes;   /* counts every change: an operation that refuses must not have made one */
	int dead_jobs;     /* made, less those done */
	bool wrote;        /* something was committed: needs the flush */
	bool relaxed;      /* only flag changes that may be answered before the flush */
	bool ahead;        /* only what is of no use before a later batch */
	size_t octets;     /* that its operations add, roughly */
	struct batch_mailbox *mailboxes, *mailbox_buckets[BATCH_BUCKETS];
	struct batch_user *users, *user_buckets[BATCH_BUCKETS];
	struct batch_subscription *subscriptions, **subscriptions_end;
	struct batch_gone_user *gone_users;
	struct batch_annotation *annotations, **annotations_end;
	struct rights_change *rights, **rights_end; /* storage/rights_priv.h */
	struct hf_op *completed, **completed_end; /* to be woken once this is durable and published */
	struct hf_buf value, row; /* scratch: for the functions of batch.c */
};

struct batch *batch_new(struct hf_store *store);
void batch_free(struct batch **batch);
enum hf_status batch_begin(struct batch *batch);
/* Writes the rows kept and commits; an error leaves the transaction for batch_abort(). */
enum hf_status batch_commit(struct batch *batch);
/* Forgets all that was done; *deadlocked tells whether the same is worth trying again. */
void batch_abort(struct batch *batch, bool *deadlocked);
/* By the flusher, after the flush. */
void batch_publish(struct batch *batch);

/* HF_ENONEXISTENT: no such mailbox, or deleted (unless `deleted_too`). Borrowed until the batch ends. */
enum hf_status batch_mailbox(struct batch *batch, uint64_t id, bool deleted_too, struct batch_mailbox **mailbox);
/* Says that the row has been, or is about to be, changed. */
void batch_touch_mailbox(struct batch *batch, struct batch_mailbox *mailbox);
struct batch_mailbox *batch_add_mailbox(struct batch *batch, uint64_t id, const struct row_mailbox *row);
/* A change to be published; `record` as it is now. */
void batch_change(struct batch *batch, struct batch_mailbox *mailbox, enum hf_change_kind kind,
		  const struct hf_record *record);
/* Strings that go into rows kept. */
struct hf_str batch_str(struct batch *batch, struct hf_str s);

/* \Seen of a user who is not the owner. */
enum hf_status batch_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid, bool *seen);
enum hf_status batch_seen_modseq(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid,
				 uint64_t *modseq); /* of the last change of it; 0: none */
/* It has changed, which nobody else is told: `record` with the modseq of that. */
enum hf_status batch_touch_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, const struct hf_record *record);
enum hf_status batch_set_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid, bool seen);

enum hf_status batch_user(struct batch *batch, uint64_t id, struct batch_user **user); /* not deleted ones */
enum hf_status batch_user_any(struct batch *batch, uint64_t id, struct batch_user **user);
void batch_touch_user(struct batch *batch, struct batch_user *user);
struct batch_user *batch_add_user(struct batch *batch, uint64_t id, const struct row_user *row);
void batch_subscribe(struct batch *batch, uint64_t user, struct hf_str name, bool subscribed);
/* To be published; copied. */
void batch_annotated(struct batch *batch, const struct batch_annotation *annotation);
void batch_user_gone(struct batch *batch, uint64_t user);

/* Rows. */
enum hf_status batch_get(struct batch *batch, unsigned table, const struct row_key *key, struct hf_buf *value);
enum hf_status batch_put(struct batch *batch, unsigned table, const struct row_key *key, struct hf_str value);
enum hf_status batch_patch_be32(struct batch *batch, unsigned table, const struct row_key *key, uint32_t offset, uint32_t n);
/* A row that is not there is no error. */
enum hf_status batch_delete(struct batch *batch, unsigned table, const struct row_key *key);
enum hf_status batch_has(struct batch *batch, unsigned table, const struct row_key *key, bool *has);

/* messages.c: what several operations do to messages -------------------------------------------------------------- */

/* The index rows of a set of UIDs, in order. */
struct index_walk {
	struct batch *batch;
	uint64_t mailbox;
	const struct hf_set *uids;
	size_t range;
	uint32_t from, below; /* UIDs from <= uid < below */
	bool positioned;
	bool only_read;       /* may be set after init: nothing is put or deleted, and many are read at once */
	bool dead_too;        /* may be set after init */
	struct hf_set *dead;
	struct cursor *cursor;
};
void index_walk_init(struct index_walk *walk, struct batch *batch, uint64_t mailbox, const struct hf_set *uids,
		     uint32_t from, uint32_t below);
/* HF_ENONEXISTENT at the end. */
enum hf_status index_walk_next(struct index_walk *walk, struct hf_record *record);
enum hf_status index_walk_put(struct index_walk *walk, const struct hf_record *record);
enum hf_status index_walk_delete(struct index_walk *walk);
void index_walk_fini(struct index_walk *walk);
/* Deletes at most `max` rows, of UIDs from `from` and less than `below`, and gives up what they refer to; `counted`: the row has
 * counted them. HF_OK: none is left, HF_MORE: one may be. */
enum hf_status index_free_piece(struct batch *batch, struct batch_mailbox *mailbox, uint32_t from, uint32_t below, unsigned max,
				bool counted);

/* Adds the record to, or removes it from, the mailbox's counters and its owner's quota. */
void mailbox_count(struct batch *batch, struct batch_mailbox *mailbox, struct batch_user *owner,
		   const struct hf_record *record, int sign);
/* With so much more. */
bool over_quota(const struct batch_user *user, uint64_t size, uint64_t count);
/* Bits of keywords that the mailbox knows; new ones get a bit. HF_ELIMIT (nothing has changed) unless `drop`: those that find
 * no room are left out. */
enum hf_status mailbox_keywords(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_str *names,
				size_t count, bool drop, uint64_t *bits);
/* Bits that would be found without making any; *missing counts the others. */
uint64_t mailbox_keywords_find(const struct row_mailbox *row, const struct hf_str *names, size_t count, unsigned *missing);
/* Keywords of the source, by bit, as bits of the target, for one operation; those for which it has no room are left out. */
struct keyword_map {
	struct batch *batch;
	struct batch_mailbox *source, *target;
	uint64_t known, bits[HF_KEYWORDS_MAX];
	bool dropped; /* some have been left out */
};
enum hf_status keyword_map(struct keyword_map *map, uint64_t from, uint64_t *to);
/* Index rows that are dead: their messages have left, for everybody who reads the index. Of many messages at once only this is
 * written, for which one row is enough, and the collector deletes (and keeps) them afterwards. */
#define DEAD_LEAST 32 /* of fewer it is not worth the while */
enum hf_status mailbox_dead(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_set *uids, struct hf_mod modseq,
			    bool keep);
/* Whether an index row is. */
enum hf_status mailbox_is_dead(struct batch *batch, struct batch_mailbox *mailbox, struct hf_uid uid, bool *dead);

/* Keeps the records of expunged messages, ascending, until their time is over. Several share a row. */
struct keeping {
	struct batch *batch;
	struct batch_mailbox *mailbox;
	struct row_kept row;
};
void keeping_begin(struct keeping *keeping, struct batch *batch, struct batch_mailbox *mailbox, struct hf_mod modseq);
enum hf_status keeping_add(struct keeping *keeping, const struct hf_record *record);
/* What is not yet written. Without it, as after an error, that is forgotten. */
enum hf_status keeping_end(struct keeping *keeping);
/* One `gone` row; the oldest ones go when there are many. */
enum hf_status mailbox_gone(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_set *uids,
			    struct hf_mod modseq);

/* emails.c: rows list, email, fts, thread and the count of their memberships. */
struct new_email {
	struct hf_str list, email;       /* payloads */
	const struct hf_str *thread_ids; /* Message-IDs: its own first, then what it cites */
	size_t thread_id_count;
	struct hf_str signature;         /* of its text; empty: no row fts */
};
#define THREAD_IDS_MAX 11
/* Picks them from a list row; own Message-ID first when there is one. */
size_t thread_ids_pick(const struct hf_list_row *row, struct hf_str ids[THREAD_IDS_MAX]);
enum hf_status email_create(struct batch *batch, struct batch_user *owner, const struct new_email *email,
			    uint64_t *id, uint64_t *thread);
/* One membership more. *cursor is NULL at first, and to be closed; with it, emails in their order cost less. */
enum hf_status email_ref(struct batch *batch, uint64_t owner, uint64_t email, struct cursor **cursor);
/* At none left: removes its rows, and a reference of its content. */
enum hf_status email_unref(struct batch *batch, uint64_t owner, uint64_t email);
/* The same email for another owner: new rows, content shared. */
enum hf_status email_share(struct batch *batch, uint64_t owner, uint64_t email, struct batch_user *new_owner,
			   uint64_t *id, uint64_t *thread);
enum hf_status content_ref(struct batch *batch, uint64_t content);
enum hf_status content_unref(struct batch *batch, uint64_t content);

#endif
