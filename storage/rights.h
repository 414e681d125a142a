/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may do what to a mailbox: access control lists (RFC 4314), groups, and what a user sees beyond his own mailboxes.
 *
 * The lists of all mailboxes and the members of all groups are held in memory, so the rights of a user are looked up without
 * reading. They change by operations, and a change is in force everywhere once its operation is published. A mailbox belongs
 * to an account: a user's own, or the shared account, which nobody logs in to and which owns the shared namespace. The owner has
 * every right, without an entry. */
#ifndef HF_STORAGE_RIGHTS_H
#define HF_STORAGE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"
#include "storage/account.h"

struct hf_op;
struct hf_store;

/* RFC 4314 §2.1, in the order in which they are written. */
enum {
	HF_RIGHT_LOOKUP = 1 << 0,         /* l */
	HF_RIGHT_READ = 1 << 1,           /* r */
	HF_RIGHT_SEEN = 1 << 2,           /* s: keep \Seen */
	HF_RIGHT_WRITE = 1 << 3,          /* w: flags other than \Seen and \Deleted */
	HF_RIGHT_INSERT = 1 << 4,         /* i: APPEND, COPY into */
	HF_RIGHT_POST = 1 << 5,           /* p: mail by subaddress */
	HF_RIGHT_CREATE = 1 << 6,         /* k: mailboxes below it */
	HF_RIGHT_DELETE_MAILBOX = 1 << 7, /* x */
	HF_RIGHT_DELETE = 1 << 8,         /* t: set \Deleted */
	HF_RIGHT_EXPUNGE = 1 << 9,        /* e */
	HF_RIGHT_ADMIN = 1 << 10          /* a: GETACL, SETACL... */
};
#define HF_RIGHTS_ALL ((1u << 11) - 1)

/* "lrswipkxtea" in any order; the obsolete "c" is k, "d" is xte (RFC 4314 §2.1.1); upper case and others: HF_EINVALID. */
HF_API enum hf_status hf_rights_parse(struct hf_str letters, uint32_t *rights);
/* In the order above. With `obsolete`, "c" and "d" behind them where any of their rights is there (RFC 4314 §2.1.1). */
HF_API void hf_rights_write(uint32_t rights, bool obsolete, struct hf_buf *out);

#define HF_IDENTIFIER_MAX 320 /* octets, with a leading '-' */

/* An identifier is "anyone", "group:NAME" or a user's canonical name (whether or not there is such a user now: it is no way to
 * find out), with '-' in front for rights taken away (RFC 4314 §2). Checks and normalises. HF_EINVALID, HF_ELIMIT. */
HF_API enum hf_status hf_identifier_check(struct hf_str identifier, struct hf_arena *arena, struct hf_str *normal);

/* What `user` may do: all for `owner`; else what the entries for anyone, his groups and himself give together, less what their
 * negative ones take away. Never reads. Costs the same for a mailbox without entries and for none at all. */
HF_API uint32_t hf_rights_of(struct hf_store *store, uint64_t mailbox, uint64_t owner, uint64_t user);
/* What the public has, for mail by subaddress: `anyone` alone. */
HF_API uint32_t hf_rights_of_anyone(struct hf_store *store, uint64_t mailbox);
/* Changes with every published change of a list or a group. An atomic load: look at it before each command. */
HF_API uint64_t hf_rights_version(struct hf_store *store);

struct hf_acl_entry {
	struct hf_str identifier; /* in the arena */
	uint32_t rights;          /* HF_RIGHT_* */
};
/* The mailbox's list in order of identifier. The owner is not in it. */
HF_API void hf_rights_list(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct hf_acl_entry **list,
			   size_t *count);

enum hf_rights_mode { HF_RIGHTS_SET, HF_RIGHTS_ADD, HF_RIGHTS_REMOVE };
#define HF_ACL_ENTRIES_MAX 1000
/* One entry of a list; it goes when no right is left. HF_ENONEXISTENT: no such mailbox; HF_ELIMIT: too many entries, there
 * or in all lists of the owner; HF_EINVALID: no
 * identifier; HF_ECANNOT: it names the owner, who has every right and cannot lose one. Published to the sessions of everyone before
 * it is done: views of the mailbox that others have open are woken, and look at hf_rights_version(). */
HF_API struct hf_op *hf_op_rights(struct hf_store *store, uint64_t mailbox, struct hf_str identifier, enum hf_rights_mode mode,
				  uint32_t rights);

/* Groups ---------------------------------------------------------------------------------------------------------- */

/* Membership by user name; `group` without "group:". A group is there while it has members. HF_ENONEXISTENT: no such user is there to
 * become one; HF_EINVALID: no name for a group. Deleting a user takes him out, and removes the entries
 * that name him: one who later bears the same name gets nothing of it. */
HF_API struct hf_op *hf_op_group(struct hf_store *store, struct hf_str group, struct hf_str user, bool member);
/* fn returns false to end. `group` data NULL: all groups (once for each member, in order of group and member). */
HF_API void hf_groups_each(struct hf_store *store, struct hf_str group,
			   bool (*fn)(void *arg, struct hf_str group, struct hf_str user), void *arg);

/* Beyond one's own ------------------------------------------------------------------------------------------------ */

/* The account that owns the shared namespace; it is made with the store. hf_user_find() does not find it, hf_user_each() leaves it
 * out; its quota is set with hf_op_user_quota() under the name HF_SHARED_USER. */
#define HF_SHARED_USER "shared" /* no '@': a user's name has one or is not this */
HF_API uint64_t hf_shared_account(struct hf_store *store);

/* Where IMAP has them: "Other Users/anna@example.org/M", "Shared Folders/M". Nobody's own mailboxes are named so. */
#define HF_NAMESPACE_OTHERS "Other Users"
#define HF_NAMESPACE_SHARED "Shared Folders"

struct hf_visible {
	uint64_t owner;            /* account; hf_shared_account() for the shared namespace */
	struct hf_str owner_name;  /* canonical, in the arena */
	struct hf_mailbox_info info; /* name as its owner has it; `unseen` is the owner's; `subscribed` is not filled in */
	uint32_t rights;
};
/* The mailboxes of other accounts in which `user` has the right l: owners in order of name, the shared account last, mailboxes in
 * order of name. Costs what there is to show, not what there is. */
HF_API void hf_visible_list(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct hf_visible **list, size_t *count);
/* The mailbox `name` of the account with this name (that of a user, or HF_SHARED_USER), when the user has any of the rights lrikxa
 * there, which are of use without another: whether he may know of it is for the caller (right l). HF_ENONEXISTENT for all else, and at the same cost: nothing of the mailbox, or of
 * whether there is such a user, shows. */
HF_API enum hf_status hf_visible_find(struct hf_store *store, uint64_t user, struct hf_str owner_name, struct hf_str name,
				      struct hf_arena *arena, struct hf_visible *visible);
/* Every change to a mailbox or a list that this user can see outside his own account wakes the waiter, until unwatched (NOTIFY,
 * RFC 5465). Several calls for the same waiter are one. */
HF_API void hf_visible_watch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter);
HF_API void hf_visible_unwatch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter);

#endif
