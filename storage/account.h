/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_account: one user's catalogue of mailboxes as published, in memory while somebody uses it, shared by the user's
 * sessions. Names are UTF-8 in NFC, hierarchy by '/', INBOX case-insensitive (stored "INBOX"). */
#ifndef HF_STORAGE_ACCOUNT_H
#define HF_STORAGE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/ids.h"
#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"

struct hf_store;
struct hf_account;

#define HF_NAME_MAX 1000  /* octets of a mailbox name */
#define HF_LEVEL_MAX 255  /* octets of one level */

/* RFC 6154. */
enum {
	HF_USE_ALL = 1 << 0,
	HF_USE_ARCHIVE = 1 << 1,
	HF_USE_DRAFTS = 1 << 2,
	HF_USE_FLAGGED = 1 << 3,
	HF_USE_JUNK = 1 << 4,
	HF_USE_SENT = 1 << 5,
	HF_USE_TRASH = 1 << 6,
	HF_USE_IMPORTANT = 1 << 7
};

struct hf_mailbox_info {
	uint64_t id;            /* MAILBOXID; 0: only a subscription, the mailbox does not exist */
	uint64_t owner;         /* user */
	struct hf_str name;
	uint32_t special_use;   /* HF_USE_* */
	bool subscribed;
	uint32_t uidvalidity;
	struct hf_uid uidnext;
	struct hf_mod highestmodseq;
	uint32_t messages, unseen, deleted, recent;
	uint64_t size;          /* octets */
	uint64_t deleted_size;  /* of those with \Deleted */
	int64_t created;
};

/* HF_ENONEXISTENT: no such user. Reads the catalogue when nobody has it open. */
HF_API enum hf_status hf_account_open(struct hf_store *store, uint64_t user, struct hf_account **account);
HF_API void hf_account_close(struct hf_account **account);
HF_API uint64_t hf_account_user(const struct hf_account *account);

/* A snapshot in order of name (octets, '/' before everything else so that children follow their parent; INBOX first), names in the arena. Subscriptions to names that do not exist are
 * included (id 0). */
HF_API void hf_account_list(struct hf_account *account, struct hf_arena *arena, struct hf_mailbox_info **list,
			    size_t *count);
/* `name` in any case for INBOX. HF_ENONEXISTENT. info->name is in the arena. */
HF_API enum hf_status hf_account_find(struct hf_account *account, struct hf_str name, struct hf_arena *arena,
				      struct hf_mailbox_info *info);
/* The same by id. */
HF_API enum hf_status hf_account_find_id(struct hf_account *account, uint64_t mailbox, struct hf_arena *arena,
					 struct hf_mailbox_info *info);
/* The waiter is woken after each published change to the catalogue or to a mailbox in it, until unwatched. */
HF_API void hf_account_watch(struct hf_account *account, struct hf_waiter *waiter);
HF_API void hf_account_unwatch(struct hf_account *account, struct hf_waiter *waiter);

/* Checks and normalises a mailbox name given by a client: NFC, INBOX, no empty level, no control characters, sizes, no '%' or '*'
 * or leading/trailing '/'; one trailing '/' is dropped. HF_EINVALID with a reason in `why` (may be NULL), HF_ELIMIT. */
HF_API enum hf_status hf_mailbox_name_check(struct hf_str name, struct hf_arena *arena, struct hf_str *normal,
					    const char **why);

#endif
