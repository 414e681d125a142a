/* SPDX-License-Identifier: BSD-2-Clause */
/* The store from inside, for the half that writes. */
#ifndef HF_STORAGE_STORE_PRIV_H
#define HF_STORAGE_STORE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "storage/fault.h"
#include "storage/mailbox_priv.h"
#include "storage/rows.h"
#include "storage/store.h"
#include "storage/tables.h"

struct retention;
struct row_cache;
struct writer;

/* Ids are handed out in memory. What must not be given twice is in the row of counters: users and mailboxes exactly, content
 * by a limit that is raised a million at a time. */
struct ids {
	pthread_mutex_t lock;
	struct row_counters row HF_GUARDED_BY(lock);
	uint64_t next_content HF_GUARDED_BY(lock);
	bool dirty HF_GUARDED_BY(lock); /* the row must be written with the next batch */
};

struct hf_store {
	struct hf_store_settings settings;
	struct hf_log log;
	struct env *env;
	struct writer *writer;
	struct row_cache *rows; /* writer's role */
	struct hf_registry *registry;
	struct rights *rights;
	struct ids ids;
	struct annotation_news *annotations;
	uint8_t key[32];
	struct retention *retention;
	_Atomic int dead_jobs; /* jobs of JOB_DEAD that there are */
	struct row_key due_from, garbage_from; /* collector.c: where it goes on looking */
};

/* ids.c */
enum hf_status ids_load(struct hf_store *store);
void ids_free(struct hf_store *store);
uint64_t ids_new_content(struct hf_store *store); /* any thread */
uint64_t ids_new_user(struct hf_store *store);    /* writer's role, as the rest */
uint64_t ids_new_mailbox(struct hf_store *store);
uint32_t ids_new_uidvalidity(struct hf_store *store);
bool ids_encode(struct hf_store *store, struct hf_buf *row); /* whether the row is to be written with this batch */
void ids_written(struct hf_store *store);
void ids_next_body(struct hf_store *store); /* opens the next body file when the current one has its size */

/* writer.c: threads and roles. */
struct writer *writer_new(struct hf_store *store);
void writer_start(struct writer *writer);
void writer_stop(struct writer *writer); /* after what is queued */
void writer_free(struct writer **writer);
void writer_wait_published(struct writer *writer); /* until what is committed now is published; not with a role */
bool writer_is_idle(struct writer *writer);
void writer_set_full(struct writer *writer, bool full);
bool writer_is_full(struct writer *writer);
bool writer_is_stopping(struct writer *writer);
/* A mailbox that a copy of many pieces fills: what would hand out UIDs there waits (HF_WAIT from apply). Writer's role. */
void writer_hold(struct writer *writer, uint64_t mailbox);
void writer_release(struct writer *writer, uint64_t mailbox);
bool writer_holds(struct writer *writer, uint64_t mailbox);
/* Leaves an operation that nobody waits for to the housekeeping thread, which submits it within a second. */
void writer_later(struct writer *writer, struct hf_op *op);

/* care.c: what the housekeeping thread does each second. */
void care_tick(struct hf_store *store);

/* collector.c: what it does between ticks. Whether there was something to do. */
bool collector_step(struct hf_store *store);
/* Does all jobs of JOB_DEAD: what has been expunged is then among what is kept. Not with a role. */
void collector_bury(struct hf_store *store);
/* Start-up, also of a store that is only read: how many such jobs there are. */
void collector_count(struct hf_store *store);
/* Start-up: what P rows name. Nothing else runs yet. */
enum hf_status collector_recover(struct hf_store *store);

/* users.c */
enum hf_status user_canonical(struct hf_str name, struct hf_buf *out); /* HF_EINVALID */
bool user_name_is_reserved(struct hf_str canonical); /* as an identifier it means something else */
enum hf_status user_get(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct row_user *row);
/* The same for one that is being removed, too. */
enum hf_status user_get_any(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct row_user *row);
/* Row N. */
enum hf_status user_find_id(struct hf_store *store, struct hf_str canonical, uint64_t *id);
enum hf_status users_make_shared(struct hf_store *store); /* start-up: makes the shared account if it is missing */

/* rows_read.c */
enum hf_status mailbox_get(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct row_mailbox *row);
/* The same for one that has been deleted, too. */
enum hf_status mailbox_get_any(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct row_mailbox *row);
/* UIDs of index rows that are dead, see batch.h; adds. */
enum hf_status rows_dead(struct hf_store *store, uint64_t mailbox, struct hf_set *uids);
void mailbox_info(uint64_t id, const struct row_mailbox *row, struct hf_mailbox_info *info);

/* content.c */
enum hf_status content_head(struct hf_store *store, uint64_t content, struct row_content *row);

#endif
