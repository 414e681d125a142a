/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_op: one atomic change, queued for the writer. A constructor copies what it is given (stages are taken over). After
 * completion the status and results are read by whoever submitted it. */
#ifndef HF_STORAGE_OP_H
#define HF_STORAGE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/set.h"
#include "base/status.h"
#include "base/str.h"
#include "storage/account.h"
#include "storage/record.h"
#include "storage/stage.h"

struct hf_store;
struct hf_view;
struct hf_op;

HF_API bool hf_op_is_done(const struct hf_op *op);
HF_API enum hf_status hf_op_status(const struct hf_op *op);
HF_API void hf_op_free(struct hf_op **op);      /* of one that is done or was never submitted */
/* The submitter has gone: the operation completes and frees itself, nobody is woken. */
HF_API void hf_op_abandon(struct hf_op **op);

/* What an operation has changed, so that who has submitted it can tell its own changes from those of others (RFC 5465 §5). */
enum hf_effect_kind {
	HF_EFFECT_MESSAGES,     /* in this mailbox it gave out the modseqs from `first` to `last` */
	HF_EFFECT_NAMED,        /* the mailbox has got this name, its owner's for it: it is new, or has been renamed */
	HF_EFFECT_GONE,         /* deleted */
	HF_EFFECT_SUBSCRIPTION  /* of this name, as `subscribed` says */
};
struct hf_effect {
	enum hf_effect_kind kind;
	uint64_t mailbox;
	struct hf_mod first, last;
	struct hf_str name;
	bool subscribed;
};
HF_API void hf_op_want_effects(struct hf_op *op); /* before it is submitted */
/* In order; valid as long as the operation. */
HF_API const struct hf_effect *hf_op_effects(const struct hf_op *op, size_t *count);

/* Flags (RFC 9051 §6.4.6; RFC 7162 §3.1.3) ------------------------------------------------------------------------ */

enum hf_flag_mode { HF_FLAGS_ADD, HF_FLAGS_REMOVE, HF_FLAGS_REPLACE };

struct hf_flag_change {
	enum hf_flag_mode mode;
	uint32_t flags;               /* HF_FLAG_* */
	const struct hf_str *keywords;
	size_t keyword_count;
	uint32_t kept_flags;          /* HF_FLAGS_REPLACE leaves them as they are: there is no right to them */
	bool keep_keywords;           /* likewise */
	bool conditional;             /* UNCHANGEDSINCE given */
	struct hf_mod unchangedsince;
};

/* Where the view's user is not the owner, every piece of this and of what is below looks whether he still has the rights that it needs
 * (storage/rights.h). HF_ENOPERM: no longer; what came before stays, but for a copy, of which nothing is left. */

/* Messages gone meanwhile are skipped. HF_ELIMIT: no room for another keyword (nothing is changed). */
HF_API struct hf_op *hf_op_store(const struct hf_view *view, const struct hf_set *uids, const struct hf_flag_change *change);
/* UIDs refused by UNCHANGEDSINCE. */
HF_API const struct hf_set *hf_op_modified(const struct hf_op *op);
/* UIDs whose flags were set (changed or already so). */
HF_API const struct hf_set *hf_op_applied(const struct hf_op *op);
/* Of those it changed: had been changed by others since the view was last synced. */
HF_API const struct hf_set *hf_op_unseen(const struct hf_op *op);
/* Whether this operation gave out this modseq: news of one's own. */
HF_API bool hf_op_made_modseq(const struct hf_op *op, struct hf_mod modseq);

/* Expunge, copy, move --------------------------------------------------------------------------------------------- */

/* Those of `uids` (NULL: all) that carry \Deleted; with `any_flags` all of `uids`. Messages the view does not show are not touched. */
HF_API struct hf_op *hf_op_expunge(struct hf_view *view, const struct hf_set *uids, bool any_flags);
HF_API const struct hf_set *hf_op_expunged(const struct hf_op *op);
HF_API struct hf_mod hf_op_modseq(const struct hf_op *op); /* highest it gave out in the view's mailbox; 0: none */

/* Atomic. Between mailboxes of different owners too: the copies are the target owner's, under his quota. \Seen as the view's user has it
 * becomes his in the target; between mailboxes of one owner the owner keeps his own as well. Target gone: HF_ENONEXISTENT. Messages gone meanwhile are skipped. HF_EOVERQUOTA. */
HF_API struct hf_op *hf_op_copy(const struct hf_view *view, const struct hf_set *uids, uint64_t target_mailbox, bool move);
/* Before it is submitted: of the flags only these (HF_FLAG_*), and keywords only if so, go onto the copies: who copies has no right to
 * others in the target (RFC 4314 §4). */
HF_API void hf_op_copy_flags(struct hf_op *op, uint32_t flags, bool keywords);
/* COPYUID: the two sets correspond in ascending order. */
HF_API const struct hf_set *hf_op_copied_from(const struct hf_op *op);
HF_API const struct hf_set *hf_op_copied_to(const struct hf_op *op);
HF_API uint32_t hf_op_uidvalidity(const struct hf_op *op); /* of the target */
HF_API bool hf_op_keywords_dropped(const struct hf_op *op); /* the target had no room for all of them: not all are on the copies */

/* New messages ---------------------------------------------------------------------------------------------------- */

struct hf_append {
	struct hf_stage *stage;       /* finished; taken over */
	uint32_t flags;
	const struct hf_str *keywords;
	size_t keyword_count;
	bool has_date;
	int64_t internaldate;         /* now when !has_date */
};
/* All or none (RFC 3502). `user`: who appends, to whom a \Seen belongs; 0: the owner. `replaces`: UID that leaves the view's mailbox in the same moment (RFC 8508), with view; else NULL, 0. */
HF_API struct hf_op *hf_op_append(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_append *items, size_t count,
				  const struct hf_view *view, struct hf_uid replaces);
HF_API const struct hf_set *hf_op_appended(const struct hf_op *op); /* UIDs, ascending, in order of the items */

struct hf_recipient {
	uint64_t user;
	struct hf_str mailbox;        /* name; empty or not existing: INBOX. In the shared account HF_ENONEXISTENT, and so without right p for anyone */
	struct hf_str prefix;         /* Return-Path, Delivered-To, Received; at most 2 KiB */
};
/* One content, one transaction. Each recipient has a status of its own. `sender` for the suppression of repeats. */
HF_API struct hf_op *hf_op_deliver(struct hf_store *store, struct hf_stage **stage, struct hf_str sender,
				   const struct hf_recipient *recipients, size_t count);
struct hf_delivered {
	enum hf_status status;        /* HF_ENONEXISTENT: user gone; HF_EOVERQUOTA; ... */
	bool repeated;                /* recognised as delivered before: not stored again */
	uint64_t mailbox;
	struct hf_uid uid;
};
HF_API const struct hf_delivered *hf_op_delivered(const struct hf_op *op, size_t recipient);

/* Mailboxes (RFC 9051 §6.3.4 to §6.3.9) --------------------------------------------------------------------------- */

/* Missing superior levels are created too. Names have passed hf_mailbox_name_check(). */
HF_API struct hf_op *hf_op_mailbox_create(struct hf_store *store, uint64_t user, struct hf_str name, uint32_t special_use);
/* HF_ECANNOT for INBOX. Children stay. */
HF_API struct hf_op *hf_op_mailbox_delete(struct hf_store *store, uint64_t user, struct hf_str name);
/* With all children; INBOX: its messages move, INBOX stays. Subscriptions stay as they are (RFC 9051 §6.3.9). */
HF_API struct hf_op *hf_op_mailbox_rename(struct hf_store *store, uint64_t user, struct hf_str from, struct hf_str to);
/* Before one of these three is submitted for another than the owner. DELETE, RENAME: the name must still mean this mailbox, in which
 * `actor` still has the right x, when its turn comes (RENAME INBOX: at each piece). HF_ENONEXISTENT: no longer. CREATE (`mailbox` 0),
 * RENAME: he must still have the right k in the nearest mailbox above the new name. HF_ENOPERM; HF_ENONEXISTENT: nor right l. */
HF_API void hf_op_mailbox_judged(struct hf_op *op, uint64_t mailbox, uint64_t actor);
HF_API struct hf_op *hf_op_subscribe(struct hf_store *store, uint64_t user, struct hf_str name, bool subscribed);
HF_API struct hf_op *hf_op_special_use(struct hf_store *store, uint64_t user, struct hf_str name, uint32_t special_use);
HF_API uint64_t hf_op_mailbox(const struct hf_op *op); /* id of what was created */

/* Users ----------------------------------------------------------------------------------------------------------- */

struct hf_new_mailbox {
	const char *name;
	uint32_t special_use;
};
/* INBOX and `mailboxes`, all subscribed. HF_EEXISTS. */
HF_API struct hf_op *hf_op_user_create(struct hf_store *store, struct hf_str name, const struct hf_new_mailbox *mailboxes,
				       size_t count);
HF_API uint64_t hf_op_user(const struct hf_op *op); /* id of what was created */
/* Another name under which mail is taken in and users log in. `name`: the account's own. HF_EEXISTS: a name or alias of some account;
 * HF_ENONEXISTENT: no such account, or to be removed and not its alias; HF_EINVALID: not a name. */
HF_API struct hf_op *hf_op_user_alias(struct hf_store *store, struct hf_str name, struct hf_str alias, bool add);
/* Removes everything at once from sight, frees it in the background. */
HF_API struct hf_op *hf_op_user_delete(struct hf_store *store, struct hf_str name);
HF_API struct hf_op *hf_op_user_disable(struct hf_store *store, struct hf_str name, bool disabled);
/* What the user may have; 0: as much as there is room for. More than that is left as it is. */
struct hf_quota {
	uint64_t size, count, mailboxes;
};
HF_API struct hf_op *hf_op_user_quota(struct hf_store *store, struct hf_str name, const struct hf_quota *limits);
/* Empty secret: removed. See hf_user_secret(). Several secrets in one operation. */
struct hf_secret {
	const char *mechanism;
	struct hf_str label;
	struct hf_str secret;
};
HF_API struct hf_op *hf_op_user_secrets(struct hf_store *store, struct hf_str name, const struct hf_secret *secrets, size_t count);

#endif
