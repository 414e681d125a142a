/* SPDX-License-Identifier: BSD-2-Clause */
/* The Berkeley DB environment: private to this process, always opened with recovery, 4096-octet pages everywhere (the
 * only size that a power cut cannot tear, since the library does not protect pages). A write or flush that fails ends
 * the process; nothing is tried twice. */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "storage/env_priv.h"

#define PAGE_SIZE 4096
#define LOG_BUFFER (4u << 20)
#define LOG_FILE_LEAST (16u << 20) /* the library wants four times its buffer */
#define LOG_FILE_MOST (64u << 20)
#define MESSAGES_PER_SECOND 5

static const char *const table_names[TABLE_BODY] = { "meta", "index", "gone",   "kept",
						     "list", "email", "thread", "fts" };

void env_fail(struct env *env, const char *what, int error)
{
	hf_critical(&env->log, "store failed what=\"%s\" error=\"%s\" action=exit", what, db_strerror(error));
	_exit(70);
}

/* The library says the same thing thousands of times when the disk is full. */
static void library_message(const DB_ENV *handle, const char *prefix, const char *text)
{
	struct env *env = handle->app_private;
	uint64_t now = hf_now_ms();
	bool say;

	(void)prefix;
	pthread_mutex_lock(&env->message_lock);
	if (now - env->message_ms >= 1000) {
		env->message_ms = now;
		env->message_count = 0;
	}
	say = env->message_count++ < MESSAGES_PER_SECOND;
	pthread_mutex_unlock(&env->message_lock);
	if (say)
		hf_error(&env->log, "store library=%s", hf_log_quote(hf_str(text)));
}

static void library_event(DB_ENV *handle, u_int32_t event, void *info)
{
	struct env *env = handle->app_private;

	if (event == DB_EVENT_PANIC)
		env_fail(env, "the database library gave up", info ? *(int *)info : DB_RUNRECOVERY);
	if (event == DB_EVENT_WRITE_FAILED)
		env_fail(env, "write", EIO);
}

const struct hf_log *env_log(struct env *env)
{
	return &env->log;
}

static uint64_t cache_size(const struct hf_store_settings *settings)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size = settings->cache_size;

	if (size)
		return size < (1u << 20) ? 1u << 20 : size;
	size = memory / 4;
	if (size < (256u << 20))
		size = 256u << 20;
	return size > (UINT64_C(8) << 30) ? UINT64_C(8) << 30 : size;
}

/* Recovery fills the rest of the last log file with zeros, which on a full disk takes its blocks from the ballast: so
 * a log file is a part of the ballast only. */
static uint32_t log_file_size(const struct hf_store_settings *settings)
{
	uint64_t size = settings->ballast_size / 4;

	if (!settings->ballast_size || size > LOG_FILE_MOST)
		return LOG_FILE_MOST;
	return size < LOG_FILE_LEAST ? LOG_FILE_LEAST : (uint32_t)size;
}

static int configure(struct env *env)
{
	DB_ENV *handle = env->handle;
	uint64_t cache = cache_size(&env->settings);
	uint32_t gigabytes = (uint32_t)(cache >> 30);
	int error;

	handle->app_private = env;
	handle->set_errcall(handle, library_message);
	if ((error = handle->set_event_notify(handle, library_event)) ||
	    (error = handle->set_cachesize(handle, gigabytes, (uint32_t)(cache & ((1u << 30) - 1)),
					   (int)(gigabytes / 4 + 1))) ||
	    (error = handle->set_lg_bsize(handle, LOG_BUFFER)) ||
	    (error = handle->set_lg_max(handle, log_file_size(&env->settings))) ||
	    (error = handle->set_lk_max_locks(handle, 100000)) ||
	    (error = handle->set_lk_max_objects(handle, 100000)) ||
	    (error = handle->set_lk_max_lockers(handle, 10000)) ||
	    (error = handle->set_lk_detect(handle, DB_LOCK_MINWRITE)) ||
	    (error = handle->set_tx_max(handle, 1000)))
		return error;
	return 0;
}

static int open_database(struct env *env, const char *name, bool checksum, DB **db)
{
	int error = db_create(db, env->handle, 0);

	if (error)
		return error;
	if (!(error = (*db)->set_pagesize(*db, PAGE_SIZE)) &&
	    !(error = checksum ? (*db)->set_flags(*db, DB_CHKSUM) : 0))
		error = (*db)->open(*db, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600);
	if (error) {
		(*db)->close(*db, DB_NOSYNC);
		*db = NULL;
	} else {
		page_writes_file(*db, true);
	}
	return error;
}

static void body_name(char name[16], uint32_t file)
{
	snprintf(name, 16, "body.%04u", file);
}

enum hf_status env_open_body(struct env *env, uint32_t file)
{
	char name[16];
	int error = 0;

	if (file >= BODY_FILES_MAX)
		return HF_ELIMIT;
	body_name(name, file);
	pthread_rwlock_wrlock(&env->body_lock);
	if (!env->bodies[file])
		error = open_database(env, name, false, &env->bodies[file]);
	if (!error && env->body_count <= file)
		env->body_count = file + 1;
	pthread_rwlock_unlock(&env->body_lock);
	if (error) {
		hf_error(&env->log, "store open=%s error=\"%s\"", name, db_strerror(error));
		return HF_EIO;
	}
	return HF_OK;
}

uint32_t env_body_count(struct env *env)
{
	uint32_t count;

	pthread_rwlock_rdlock(&env->body_lock);
	count = env->body_count;
	pthread_rwlock_unlock(&env->body_lock);
	return count;
}

uint64_t env_body_size(struct env *env, uint32_t file)
{
	struct stat st;
	char name[16], *path;
	uint64_t size = 0;

	body_name(name, file);
	path = env_path(env, name);
	if (stat(path, &st) == 0)
		size = (uint64_t)st.st_size;
	hf_free(path);
	return size;
}

DB *env_table(struct env *env, unsigned table)
{
	DB *db;

	if (table < TABLE_BODY)
		return env->tables[table];
	if (table - TABLE_BODY >= BODY_FILES_MAX)
		return NULL;
	pthread_rwlock_rdlock(&env->body_lock);
	db = env->bodies[table - TABLE_BODY];
	pthread_rwlock_unlock(&env->body_lock);
	return db;
}

static enum hf_status open_tables(struct env *env, struct hf_note *why)
{
	for (unsigned i = 0; i < TABLE_BODY; i++) {
		bool checksum = i != TABLE_LIST && i != TABLE_EMAIL && i != TABLE_THREAD && i != TABLE_FTS;
		int error = open_database(env, table_names[i], checksum, &env->tables[i]);

		if (error) {
			hf_note_add(why, "cannot open %s in %s: %s", table_names[i], env->directory, db_strerror(error));
			return error == DB_RUNRECOVERY ? HF_ECORRUPT : HF_EUNAVAILABLE;
		}
	}
	for (uint32_t file = 0; file == 0 || env_body_size(env, file); file++) {
		enum hf_status status = env_open_body(env, file);

		if (status != HF_OK) {
			hf_note_add(why, "cannot open body file %u in %s", file, env->directory);
			return status;
		}
	}
	return HF_OK;
}

enum hf_status env_open(const struct hf_store_settings *settings, const struct hf_log *log, struct hf_note *why,
			struct env **result)
{
	struct env *env = hf_alloc_zero(sizeof(*env));
	enum hf_status status;
	int error;

	env->settings = *settings;
	env->directory = hf_strdup(settings->directory);
	env->settings.directory = env->directory;
	env->log.parent = log;
	env->checkpoint_ms = hf_now_ms();
	pthread_rwlock_init(&env->body_lock, NULL);
	pthread_mutex_init(&env->message_lock, NULL);
	status = env_disk_prepare(env, why);
	if (status != HF_OK)
		goto out;
	log_sum_init();
	page_memory_init();
	page_writes_init();
	error = db_env_create(&env->handle, 0);
	if (!error)
		error = configure(env);
	if (!error)
		error = env->handle->open(env->handle, env->directory,
					  DB_PRIVATE | DB_THREAD | DB_RECOVER | DB_CREATE | DB_INIT_TXN | DB_INIT_LOG |
						  DB_INIT_MPOOL | DB_INIT_LOCK,
					  0600);
	if (error) {
		hf_note_add(why, "cannot open or recover the store %s: %s", env->directory, db_strerror(error));
		status = error == DB_RUNRECOVERY || error == DB_VERIFY_BAD ? HF_ECORRUPT : HF_EUNAVAILABLE;
		goto out;
	}
	status = open_tables(env, why);
	if (status != HF_OK)
		goto out;
	env_disk_sync(env);
	if (!settings->read_only)
		env_ballast_make(env);
	*result = env;
	return HF_OK;
out:
	env_close(&env);
	return status;
}

static void close_database(struct env *env, DB **db)
{
	int error = 0;

	if (*db) {
		page_writes_file(*db, false);
		error = (*db)->close(*db, 0);
	}
	*db = NULL;
	if (error)
		hf_error(&env->log, "store close error=\"%s\"", db_strerror(error));
}

void env_close(struct env **pointer)
{
	struct env *env = *pointer;

	if (!env)
		return;
	*pointer = NULL;
	if (env->handle) {
		if (env->tables[TABLE_META] && !env->settings.read_only)
			(void)(env_checkpoint(env, true) == HF_OK);
		for (unsigned i = 0; i < TABLE_BODY; i++)
			close_database(env, &env->tables[i]);
		for (unsigned i = 0; i < env->body_count; i++)
			close_database(env, &env->bodies[i]);
		env->handle->close(env->handle, 0);
	}
	env_disk_release(env);
	pthread_rwlock_destroy(&env->body_lock);
	pthread_mutex_destroy(&env->message_lock);
	hf_free(env->directory);
	hf_free(env);
}

void env_flush(struct env *env)
{
	int error = env->handle->log_flush(env->handle, NULL);

	if (error)
		env_fail(env, "log flush", error);
}

enum hf_status env_checkpoint(struct env *env, bool force)
{
	uint64_t now = hf_now_ms();
	uint32_t kilobytes = (uint32_t)(env->settings.checkpoint_size >> 10);
	bool due = force || now - env->checkpoint_ms >= (uint64_t)env->settings.checkpoint_s * 1000;
	int error;

	/* On a full disk, which is one reason to force it, a page that cannot be written is the library's to know: it stays in memory. */
	if (!force)
		page_writes_begin(env);
	error = env->handle->txn_checkpoint(env->handle, due ? 0 : kilobytes ? kilobytes : 1, 0, 0);
	if (!force)
		page_writes_end(env);
	if (due)
		env->checkpoint_ms = now;
	if (error) {
		hf_error(&env->log, "store checkpoint error=\"%s\"", db_strerror(error));
		return HF_EIO;
	}
	/* Only files that a restart does not need. */
	error = env->handle->log_archive(env->handle, NULL, DB_ARCH_REMOVE);
	if (error)
		hf_warning(&env->log, "store log_archive error=\"%s\"", db_strerror(error));
	return HF_OK;
}

void env_trickle(struct env *env)
{
	int written, error;

	/* While the cache grows nobody waits for a page that must be written first; and to look for some goes through all there are. */
	if (page_memory_used() < cache_size(&env->settings) / 4 * 3)
		return;
	page_writes_begin(env);
	error = env->handle->memp_trickle(env->handle, 10, &written);
	page_writes_end(env);
	if (error)
		hf_warning(&env->log, "store trickle error=\"%s\"", db_strerror(error));
}
