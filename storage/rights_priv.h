/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights from inside: the table in memory, what a batch changes in it, and the rows behind it.
 *
 * Rows: `R` (mailbox, identifier) and, the other way round, `O` (identifier, mailbox), so that a user can be taken out of every list;
 * `B` for members of groups, both ways. The table has the lists of mailboxes that are there, as published; rows of a deleted
 * mailbox stay with it. */
#ifndef HF_STORAGE_RIGHTS_PRIV_H
#define HF_STORAGE_RIGHTS_PRIV_H

#include "storage/batch.h"
#include "storage/rights.h"

#define GROUP_PREFIX "group:"

enum rights_kind {
	RIGHTS_ENTRY,        /* of a mailbox: identifier, rights (0: it goes), owner, user */
	RIGHTS_MAILBOX_GONE, /* mailbox: its list is out of force */
	RIGHTS_MEMBER,       /* group (with prefix), identifier: a user's name, user, member */
	RIGHTS_USER,         /* identifier: a name that `user` bears from now on */
	RIGHTS_USER_GONE     /* user: the lists of his mailboxes are out of force, nobody is called `user` */
};

struct rights_change {
	struct rights_change *next;
	enum rights_kind kind;
	uint64_t mailbox, owner;
	uint64_t user; /* who bears the name; 0: nobody */
	struct hf_str identifier, group;
	uint32_t rights;
	bool member;
};

/* verify_rights.c: calls `tell` for each thing wrong. */
void rights_verify(struct hf_store *store, void (*tell)(void *arg, const char *text), void *arg, const bool *stop);

/* rights_table.c -------------------------------------------------------------------------------------------------- */

struct rights;
struct rights *rights_new(void);
void rights_free(struct rights **pointer);
/* At start-up, before anything else runs. */
enum hf_status rights_load(struct hf_store *store);
/* By the flusher, before the mailboxes of the batch. */
void rights_publish(struct hf_store *store, const struct rights_change *changes);
/* A mailbox has changed: wakes those who watch it from other accounts. */
void rights_wake_mailbox(struct hf_store *store, uint64_t mailbox);

/* Who may have the right l by the mailbox's list, negative entries not looked at: hf_rights_of() tells. hf_free(). *anyone: all. */
uint64_t *rights_seers(struct hf_store *store, uint64_t mailbox, size_t *count, bool *anyone);

/* Entries of all lists of an owner. */
size_t rights_owned(struct hf_store *store, uint64_t owner);

struct rights_granted {
	uint64_t mailbox, owner;
	uint32_t rights;
};
/* What other accounts let this user see, by owner and mailbox. hf_free(). */
struct rights_granted *rights_visible(struct hf_store *store, uint64_t user, size_t *count);

/* op_rights.c: what other operations do to rows of rights ----------------------------------------------------------- */

/* By each piece of an operation: whether who asked for it (0: the store itself) still has the rights it needs. HF_ENOPERM. */
enum hf_status rights_still(struct batch *batch, const struct batch_mailbox *mailbox, uint64_t user, uint32_t needed);

/* The list of `from` becomes that of the new mailbox `to`. HF_ELIMIT: the owner has too many entries. */
enum hf_status rights_inherit(struct batch *batch, uint64_t from, uint64_t to, uint64_t owner);
/* The mailbox has gone out of sight. */
void rights_hide(struct batch *batch, uint64_t mailbox);
/* It is brought back: its list is in force again. HF_ELIMIT likewise. */
enum hf_status rights_show(struct batch *batch, uint64_t mailbox, uint64_t owner);
/* Its row goes: its rows of rights go. */
enum hf_status rights_remove(struct batch *batch, uint64_t mailbox);
/* Takes the name out of all lists and groups, `max` rows at a time; HF_MORE: there are more. */
enum hf_status rights_forget(struct batch *batch, struct hf_str name, unsigned max);
void rights_user(struct batch *batch, struct hf_str name, uint64_t user);
void rights_user_gone(struct batch *batch, uint64_t user);

#endif
