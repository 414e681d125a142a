/* SPDX-License-Identifier: BSD-2-Clause */
/* The environment from inside: env.c, env_disk.c and tables.c only. */
#ifndef HF_STORAGE_ENV_PRIV_H
#define HF_STORAGE_ENV_PRIV_H

#include <pthread.h>

#include <db.h>

#include "storage/tables.h"

struct env {
	DB_ENV *handle;
	struct hf_log log;
	char *directory;
	struct hf_store_settings settings; /* directory points to the copy above */
	int lock_fd;                       /* flock: one process */
	DB *tables[TABLE_BODY];
	pthread_rwlock_t body_lock;
	DB *bodies[BODY_FILES_MAX] HF_GUARDED_BY(body_lock);
	uint32_t body_count HF_GUARDED_BY(body_lock);
	_Atomic uint64_t checkpoint_ms;    /* when the last one was; by the housekeeping thread, or somebody who asks for one */
	pthread_mutex_t message_lock;
	uint64_t message_ms HF_GUARDED_BY(message_lock); /* start of the current second of library messages */
	unsigned message_count HF_GUARDED_BY(message_lock);
};

struct txn {
	struct env *env;
	DB_TXN *handle;
	bool deadlocked;
	bool changed_by_cursor; /* rows of `meta` */
};

/* NULL when there is no such body file. */
DB *env_table(struct env *env, unsigned table);

/* log_sum.c, page_memory.c: before the first environment of the process. */
void log_sum_init(void);
void page_memory_init(void);
uint64_t page_memory_used(void); /* octets; UINT64_MAX: nobody knows */

/* page_writes.c: the same; then which files are of pages, and what a thread writes between begin and end goes into runs. */
void page_writes_init(void);
void page_writes_file(DB *db, bool open);
void page_writes_begin(struct env *env);
void page_writes_end(struct env *env);

/* env_disk.c: files of ours in the directory. */
char *env_path(const struct env *env, const char *name); /* to be freed */
enum hf_status env_disk_prepare(struct env *env, struct hf_note *why); /* directory, lock file, ballast removed when needed */
void env_disk_release(struct env *env);
void env_disk_sync(struct env *env);    /* fsync of the directory */
void env_ballast_make(struct env *env); /* when there is room */

#endif
