/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations from inside. */
#ifndef HF_STORAGE_OP_PRIV_H
#define HF_STORAGE_OP_PRIV_H

#include "storage/batch.h"

struct op_kind {
	const char *name;
	/* In the writer's role, inside the batch's transaction. HF_OK; HF_MORE: one piece is done, again in a later batch;
	 * HF_WAIT: not now, a mailbox is held (nothing was changed); or a refusal, best before anything is changed (else
	 * the transaction is given up and the others of the batch are done again). May be called again for the same piece
	 * after a transaction was given up: it changes nothing in the operation but op->piece and what `committed` takes over. */
	enum hf_status (*apply)(struct hf_op *op, struct batch *batch);
	void (*committed)(struct hf_op *op);                     /* the piece is in; NULL */
	void (*failed)(struct hf_op *op);                        /* it ends with an error; writer's role; NULL */
	void (*finished)(struct hf_op *op, enum hf_status status); /* durable and published, before the wake; NULL */
	void (*fini)(struct hf_op *op);                          /* NULL */
	bool is_flags;
	bool is_ahead; /* of no use before another operation that comes later: not applied by who submits it, not flushed for its own sake */
};

struct op_results {
	struct hf_set modified, applied, unseen, expunged, copied_from, copied_to, appended;
	struct hf_set seen; /* copies that who copies has seen, where he is not the owner */
	struct hf_effect *effects;
	size_t effect_count, effect_capacity;
	uint64_t *modseqs; /* given out in the view's mailbox, ascending */
	size_t modseq_count;
	uint32_t uidvalidity;
	uint64_t mailbox, user;
	bool keywords_dropped;
};

struct hf_op {
	const struct op_kind *kind;
	struct hf_store *store;   /* once submitted */
	struct hf_op *next;       /* in the writer's queue, a batch, the held ones */
	struct hf_arena *arena;   /* arguments */
	size_t cost;              /* octets it adds to a batch, roughly */
	enum hf_status status;    /* final once done */
	struct hf_waiter *waiter; /* guarded by the writer's done lock, as are the two below */
	bool done, abandoned;
	bool wants_effects;
	struct op_results results, piece;
};

#define OP_PIECE 10000 /* records changed in one transaction, at most */

/* `size`: of the struct that begins with a struct hf_op. Zeroed. */
void *op_new(const struct op_kind *kind, size_t size);
void op_destroy(struct hf_op *op);
void op_piece_clear(struct hf_op *op);
void op_piece_merge(struct hf_op *op);
void op_made(struct hf_op *op, uint64_t modseq); /* into the piece */
/* Into the piece of the batch's operation, if its effects are wanted. */
void op_effect_messages(struct batch *batch, uint64_t mailbox, struct hf_mod modseq);
void op_effect(struct batch *batch, const struct hf_effect *effect);

/* Those of the public constructors that want a view, from what they take of it. */
struct hf_op *op_store_new(uint64_t mailbox, const struct hf_set *uids, const struct hf_flag_change *change);
struct hf_op *op_expunge_new(uint64_t mailbox, const struct hf_set *uids, bool any_flags);
struct hf_op *op_copy_new(uint64_t source, const struct hf_set *uids, uint64_t target, bool move);
struct hf_op *op_append_new(struct hf_store *store, uint64_t mailbox, struct hf_append *items, size_t count,
			    uint64_t replaced_mailbox, struct hf_uid replaces);
struct hf_op *op_seen_forget_new(uint64_t user); /* rows W of a user who goes */
/* What others than the owner have seen of messages goes with them: `from` in the source are `to` in the target, in ascending order. */
enum hf_status seen_carry(struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target, const struct hf_set *from,
			  const struct hf_set *to);
struct hf_op *op_discard_new(uint64_t content);
struct hf_op *op_claim_recent_new(uint64_t mailbox, struct hf_uid uidnext);

/* A mailbox of the name, row `L`. HF_ENONEXISTENT. */
enum hf_status mailbox_find(struct batch *batch, uint64_t owner, struct hf_str name, uint64_t *id);
/* Creates it; the name is free. */
enum hf_status mailbox_make(struct batch *batch, uint64_t owner, struct hf_str name, uint32_t special_use, uint64_t *id);
/* Who copies or moves, and what the copies may carry. */
struct copier {
	uint64_t user;  /* 0: the owner of the source */
	uint32_t flags; /* HF_FLAG_*; of \Seen: whether he has one of his own in the target */
	bool keywords;
};
extern const struct copier copier_all; /* the owner; all flags */
/* Moves one piece of messages, those of `uids` with from <= uid < below; *next is where to go on; HF_MORE when there are more. */
enum hf_status move_piece(struct hf_op *op, struct batch *batch, struct batch_mailbox *source, struct batch_mailbox *target,
			  const struct copier *who, const struct hf_set *uids, uint32_t from, uint32_t below, uint32_t *next);
/* Removes one piece of a copy that was not finished; HF_MORE when there is more. */
enum hf_status copy_undo_piece(struct batch *batch, uint64_t target);
/* An account by its canonical name, not the shared one. */
enum hf_status user_find_row(struct batch *batch, struct hf_str name, struct batch_user **user);
/* The account that has this alias. */
enum hf_status alias_owner(struct batch *batch, struct hf_str alias, struct batch_user **user);
/* Those of a deleted account. False: not all. */
bool aliases_erase(struct hf_store *store, uint64_t user);
/* HF_EEXISTS when there is one of that name. */
enum hf_status mailbox_is_free(struct batch *batch, uint64_t owner, struct hf_str name);
/* The levels above `name` that are missing. */
enum hf_status mailbox_make_superiors(struct batch *batch, uint64_t owner, struct hf_str name);
/* Row L. */
enum hf_status listing_put(struct batch *batch, uint64_t owner, struct hf_str name, uint64_t id);
/* Row K. `serial`: of a deleted mailbox (`uid` 0) that can be brought back, that of its row X. */
enum hf_status due_put(struct batch *batch, int64_t time, uint64_t mailbox, uint32_t uid, uint64_t owner, uint64_t serial);
/* Row X, unless it cannot be brought back (`erased`: nor waits for anything), and row K. */
enum hf_status deleted_keep(struct batch *batch, struct batch_mailbox *mailbox, bool erased);
/* The name is given to a mailbox: the one that had it last must not come back under it with its UIDVALIDITY. */
enum hf_status deleted_name_used(struct batch *batch, uint64_t owner, struct hf_str name);
/* The mailbox goes out of sight: row L, flag, rows K and X. Its messages count no more for the quota. */
enum hf_status mailbox_hide(struct batch *batch, struct batch_mailbox *mailbox);

#endif
