/* SPDX-License-Identifier: BSD-2-Clause */
/* A store in a directory of its own, and short forms of what tests do with it. Everything here dies with a message instead
 * of returning an error, unless it returns a status. */
#ifndef HF_TESTS_STORE_FIXTURE_H
#define HF_TESTS_STORE_FIXTURE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/set.h"
#include "storage/mailbox_priv.h"
#include "storage/store.h"

#define must(cond) ((cond) ? (void)0 : fixture_failed(#cond, __FILE__, __LINE__))
_Noreturn void fixture_failed(const char *cond, const char *file, int line);

/* Below $TMPDIR or /tmp. */
char *fixture_directory(const char *name);
void fixture_remove(char **directory);

/* Small cache and ballast, no reserve; `settings` may be changed before opening. */
void fixture_settings(struct hf_store_settings *settings, const char *directory);
struct hf_store *fixture_open(const struct hf_store_settings *settings);

uint64_t fixture_user(struct hf_store *store, const char *name);
uint64_t fixture_mailbox(struct hf_store *store, uint64_t user, const char *name); /* id; created when it is missing */

/* Counts how often it is woken. */
struct sleeper {
	struct hf_waiter waiter;
	sem_t sem;
};
void sleeper_init(struct sleeper *sleeper);
void sleeper_fini(struct sleeper *sleeper);
/* Until it is woken, and forgets how often. */
void sleeper_wait(struct sleeper *sleeper);

/* Open; `user` 0: the owner. */
struct hf_view *fixture_view(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine, struct sleeper *news);

/* A text message; `size` octets of body at least. To be freed with free(). */
char *fixture_message(unsigned number, size_t size);
/* A finished stage (it waits for nothing any more) with the octets, fed in pieces of `piece` (0: at once). */
struct hf_stage *fixture_stage(struct hf_store *store, struct hf_str octets, size_t piece);
enum hf_status fixture_deliver(struct hf_store *store, uint64_t user, const char *mailbox, const char *message,
			       struct hf_delivered *delivered);
struct hf_uid fixture_append(struct hf_store *store, uint64_t mailbox, const char *message, uint32_t flags);

/* Index rows as they are now; to be freed with free(). */
struct hf_record *fixture_records(struct hf_store *store, uint64_t mailbox, uint32_t *count);
bool fixture_record(struct hf_store *store, uint64_t mailbox, uint32_t uid, struct hf_record *record);
void fixture_info(struct hf_store *store, uint64_t mailbox, struct hf_mailbox_info *info);
/* Prefix and content; to be freed. */
enum hf_status fixture_read(struct hf_store *store, uint64_t owner, uint64_t email, struct hf_buf *octets);
/* Runs the verification; prints findings; their number. */
uint64_t fixture_verify(struct hf_store *store, struct hf_verify *totals);

/* Whether `meta` has rows of one of these types; sleeps until it has none (10 s at most). */
bool fixture_has_rows(struct hf_store *store, const char *types);
bool fixture_collected(struct hf_store *store, const char *types);

#endif
