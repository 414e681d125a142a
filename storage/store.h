/* SPDX-License-Identifier: BSD-2-Clause */
/* The mailbox store: all that lasts. One process opens it; every thread of it may use it.
 *
 * Reading functions may read from disk; they take short cursors and no lock across calls. Writing is by operations
 * (op.h) that complete when they are durable and published. */
#ifndef HF_STORAGE_STORE_H
#define HF_STORAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/note.h"
#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"

#include "storage/account.h"
#include "storage/annotation.h"
#include "storage/email.h"
#include "storage/facts.h"
#include "storage/kept.h"
#include "storage/op.h"
#include "storage/record.h"
#include "storage/retention.h"
#include "storage/rights.h"
#include "storage/stage.h"
#include "storage/view.h"

struct hf_store;

struct hf_store_settings {
	const char *directory;
	uint64_t cache_size;        /* octets; 0: a quarter of memory, at least 256 MiB, at most 8 GiB */
	uint64_t facts_size;        /* octets of facts of messages (storage/facts.h); 0: a sixteenth of memory, 64 MiB to 1 GiB */
	uint64_t reserve_size;      /* free disk octets below which nothing is written; default 256 MiB */
	uint64_t ballast_size;      /* octets kept so that recovery can run on a full disk; default 64 MiB */
	uint64_t body_file_size;    /* octets after which a new body file begins; default 256 GiB */
	uint64_t checkpoint_size;   /* octets of log between checkpoints; default 64 MiB */
	uint32_t checkpoint_s;      /* and at least this often; default 60 */
	uint32_t kept_s;            /* how long an expunged message can be brought back; default 7 days, 0: not at all */
	uint32_t delivered_s;       /* how long repeated deliveries are recognised; default 6 days, 0: off */
	uint32_t annotations_max;       /* of a mailbox or the server, shared ones and each user's apart; default 1000 */
	uint64_t annotations_size;      /* octets of these, names and values; default 1 MiB */
	uint64_t annotations_user_size; /* octets of all that are charged to a user; default 16 MiB */
	uint32_t acl_entries;           /* in the access control lists of all mailboxes of an owner, held in memory; default 100000 */
	bool compact;               /* content is packed with zstd instead of lz4 */
	bool flags_relaxed;         /* flag changes are answered before their flush (within 1 s) */
	bool read_only;             /* for tools: nothing is written but what recovery needs */
};
/* Fills in every default. */
HF_API void hf_store_settings_init(struct hf_store_settings *settings);

/* Takes the lock file, recovers, and starts writer and flusher. Creates the store when the directory is empty or missing.
 * HF_EINUSE: another process has it. HF_ECANNOT: a newer format. HF_EUNAVAILABLE: disk full, permissions. `why` says it in words. */
HF_API enum hf_status hf_store_open(const struct hf_store_settings *settings, const struct hf_log *log,
				    struct hf_note *why, struct hf_store **store);
/* Waits for queued operations, checkpoints, closes. All views, accounts and stages must have been closed. */
HF_API void hf_store_close(struct hf_store **store);

/* Hands an operation to the writer; the store owns it until it is done. Results are read after hf_op_is_done(), by the
 * thread that is woken; then hf_op_free(). The waiter is woken exactly once, possibly from within this call (the caller's
 * thread may take the writer's role). Never fails: refusals are the operation's status. */
HF_API void hf_store_submit(struct hf_store *store, struct hf_waiter *waiter, struct hf_op *op);
/* Submits and sleeps until it is done: tools, tests, start-up. */
HF_API enum hf_status hf_store_run(struct hf_store *store, struct hf_op *op);

/* Users ---------------------------------------------------------------------------------------------------------- */

struct hf_user {
	uint64_t id;
	struct hf_str name;  /* canonical, in the arena */
	bool disabled;
	int64_t created;
	uint64_t used_size;  /* octets of all messages, as quota counts them */
	uint64_t used_count;
	uint64_t limit_size, limit_count; /* 0 = none */
	uint64_t used_mailboxes, limit_mailboxes;
};
/* By name or alias, case-insensitive in ASCII, NFC. HF_ENONEXISTENT. */
HF_API enum hf_status hf_user_find(struct hf_store *store, struct hf_str name, struct hf_arena *arena, struct hf_user *user);
/* The shared account too (rights.h). HF_ENONEXISTENT. */
HF_API enum hf_status hf_user_by_id(struct hf_store *store, uint64_t id, struct hf_arena *arena, struct hf_user *user);
/* Calls fn for each user in order of name; fn returns false to end. */
HF_API enum hf_status hf_user_each(struct hf_store *store, bool (*fn)(void *arg, const struct hf_user *user), void *arg);
/* Aliases in order of name, of one account or all (0), those of accounts just deleted among them; fn returns false to end. */
HF_API enum hf_status hf_alias_each(struct hf_store *store, uint64_t user,
				    bool (*fn)(void *arg, struct hf_str alias, uint64_t user), void *arg);
/* A stored secret: mechanism "SCRAM-SHA-256" or "SCRAM-SHA-1", label "" (the account's password) or that of an app password.
 * The text form is Cyrus SASL's: "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey". */
HF_API enum hf_status hf_user_secret(struct hf_store *store, uint64_t user, const char *mechanism, struct hf_str label,
				     struct hf_buf *secret);
/* A random key of 32 octets made with the store: for fake salts and verifiers. */
HF_API void hf_store_key(struct hf_store *store, uint8_t key[32]);

/* Care ----------------------------------------------------------------------------------------------------------- */

HF_API enum hf_status hf_store_checkpoint(struct hf_store *store);
/* Whether writes are refused now because the disk is nearly full. */
HF_API bool hf_store_is_full(struct hf_store *store);

struct hf_verify {
	uint64_t users, mailboxes, messages, contents, octets; /* checked */
	uint64_t damaged;                                        /* findings */
};
/* Reads back every stored message and index entry and checks: checksums, references, counters, index against mailbox rows,
 * parse results against a fresh parse of the content. Calls `finding` for each thing wrong; `stop` is looked at between items. May run beside everything
 * else, from a thread of its own. */
HF_API enum hf_status hf_store_verify(struct hf_store *store, struct hf_verify *totals,
				      void (*finding)(void *arg, const char *what), void *arg, const bool *stop);

#endif
