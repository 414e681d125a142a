/* SPDX-License-Identifier: BSD-2-Clause */
/* A stand-in for the writing half of the store: rows in memory, commits that are published when the
 * test says so. Every function may be called from any thread; publishing from one at a time. */
#ifndef HF_TESTS_STORAGE_FAKE_ROWS_H
#define HF_TESTS_STORAGE_FAKE_ROWS_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/mailbox_priv.h"
#include "storage/show_priv.h"

struct hf_store *fake_store_new(void);
void fake_store_free(struct hf_store **store); /* nothing may be open */

/* Commits. Outside a batch each is a batch of its own; published by fake_publish() only. */
void fake_user(struct hf_store *store, uint64_t user);
uint64_t fake_mailbox(struct hf_store *store, uint64_t user, const char *name);
void fake_mailbox_rename(struct hf_store *store, uint64_t mailbox, const char *name);
void fake_mailbox_delete(struct hf_store *store, uint64_t mailbox);
void fake_subscribe(struct hf_store *store, uint64_t user, const char *name, bool subscribed);
void fake_user_delete(struct hf_store *store, uint64_t user);
void fake_begin(struct hf_store *store,
		uint64_t mailbox); /* the next message changes of this mailbox are one batch */
void fake_end(struct hf_store *store);
uint32_t fake_append(struct hf_store *store, uint64_t mailbox, unsigned flags);
bool fake_flags(struct hf_store *store, uint64_t mailbox, uint32_t uid,
		unsigned flags); /* false: not there */
bool fake_expunge(struct hf_store *store, uint64_t mailbox, uint32_t uid);
void fake_keyword(struct hf_store *store, uint64_t mailbox, unsigned bit, const char *name);
/* Messages from before: rows only, nothing to publish, modseq 1. */
void fake_fill(struct hf_store *store, uint64_t mailbox, uint32_t count);
void fake_set_recent(struct hf_store *store, uint64_t mailbox, uint32_t recent);
void fake_miscount(struct hf_store *store, uint64_t mailbox, uint32_t messages); /* its row is wrong */
/* Trims the history of expunges. */
void fake_trim(struct hf_store *store, uint64_t mailbox, uint64_t floor);

/* Publishes the oldest `max` batches and lets barriers pass; how many there were. */
size_t fake_publish(struct hf_store *store, size_t max);
size_t fake_publish_all(struct hf_store *store);

/* What is committed. */
uint32_t fake_count(struct hf_store *store, uint64_t mailbox);
uint32_t fake_uidnext(struct hf_store *store, uint64_t mailbox);
uint64_t fake_modseq(struct hf_store *store, uint64_t mailbox);
bool fake_record(struct hf_store *store, uint64_t mailbox, uint32_t uid, struct hf_record *record);

/* What was asked. */
unsigned fake_reads(struct hf_store *store); /* calls of hf_rows_index() */
uint32_t fake_claimed(struct hf_store *store,
		      uint64_t mailbox); /* last hf_store_claim_recent(), or 0 */
/* Calls of hf_rows_index() and hf_rows_catalogue() from now on: `hook` runs after the rows were
 * read, before they are returned. */
void fake_hook(struct hf_store *store, void (*hook)(struct hf_store *store, void *arg), void *arg);
/* A hook: sixty random changes of a mailbox, some of which are published, with what came before them. */
struct fake_storm {
	uint64_t mailbox, seed;
};
void fake_storm(struct hf_store *store, void *storm);
/* The next call for rows fails with this. */
void fake_fail(struct hf_store *store, enum hf_status status);

/* A waiter that counts. */
struct counter {
	struct hf_waiter waiter;
	_Atomic unsigned woken;
	sem_t sem;
};
void counter_init(struct counter *counter);
void counter_fini(struct counter *counter);
/* Sleeps until it is woken; false after 20 s. */
bool counter_sleep(struct counter *counter);

/* hf_view_open() to the end, publishing nothing; what it came to. */
enum hf_status open_view(struct hf_store *store, uint64_t mailbox, bool examine,
			 struct counter *news, struct hf_view **view);

#endif
