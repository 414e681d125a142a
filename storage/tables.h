/* SPDX-License-Identifier: BSD-2-Clause */
/* Berkeley DB behind about thirty functions: the environment, and get, put and cursors on its databases. All calls of
 * the library are in env.c and tables.c.
 *
 * Only whoever has the writer's role may use transactions. Reading without one locks a page for the length of a call;
 * a reader that the library picks as the victim of a deadlock repeats its read here, and nobody above notices. */
#ifndef HF_STORAGE_TABLES_H
#define HF_STORAGE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/note.h"
#include "base/status.h"
#include "storage/rows.h"
#include "storage/store.h"

struct env;
struct txn;
struct cursor;

/* The environment ------------------------------------------------------------------------------------------------- */

/* Takes the lock file, makes room with the ballast when the disk is full, recovers, opens the databases. */
enum hf_status env_open(const struct hf_store_settings *settings, const struct hf_log *log, struct hf_note *why,
			struct env **env);
/* Checkpoints unless read only. */
void env_close(struct env **env);
/* Opens (creates) body.NNNN. */
enum hf_status env_open_body(struct env *env, uint32_t file);
uint32_t env_body_count(struct env *env);
uint64_t env_body_size(struct env *env, uint32_t file); /* octets of the file, as of the last look */

/* Makes durable all that is committed. Does not return when it fails: recovery decides what is true. */
void env_flush(struct env *env);
/* Without `force` only when that much log has been written or that time has passed. Removes log files that are not
 * needed any more. */
enum hf_status env_checkpoint(struct env *env, bool force);
void env_trickle(struct env *env); /* writes some pages once the cache is nearly full, so that some can be used anew at once */
bool env_is_below_reserve(struct env *env);
/* Looks at the free space: whether it is below the reserve. Makes the ballast again when there is room. */
bool env_is_full(struct env *env);
const struct hf_log *env_log(struct env *env);
/* Ends the process: a write failed. */
HF_NORETURN void env_fail(struct env *env, const char *what, int error);

/* Transactions ---------------------------------------------------------------------------------------------------- */

enum hf_status txn_begin(struct env *env, struct txn **txn);
/* Into the log, not onto the disk: env_flush() does that. Does not return when it fails. */
void txn_commit(struct txn **txn);
void txn_abort(struct txn **txn);
/* Whether a cursor has changed rows of `meta`. */
bool txn_changed_by_cursor(const struct txn *txn);
/* A call failed because a reader was in the way: abort and do it all again. */
bool txn_deadlocked(const struct txn *txn);

/* Rows: `table` is an enum table or TABLE_CONTENT(). HF_ENONEXISTENT, HF_EIO (logged) ---------------------------------- */

/* txn NULL: a reader. */
enum hf_status table_get(struct env *env, struct txn *txn, unsigned table, const struct row_key *key,
			 struct hf_buf *value);
enum hf_status table_put(struct env *env, struct txn *txn, unsigned table, const struct row_key *key,
			 struct hf_str value);
/* Replaces a few octets of a row that exists. */
enum hf_status table_patch(struct env *env, struct txn *txn, unsigned table, const struct row_key *key, uint32_t offset,
			   struct hf_str octets);
enum hf_status table_delete(struct env *env, struct txn *txn, unsigned table, const struct row_key *key);

/* A cursor of a transaction; must be closed before it ends. Key and value are borrowed until the next call. */
enum hf_status cursor_open(struct env *env, struct txn *txn, unsigned table, struct cursor **cursor);
enum hf_status cursor_seek(struct cursor *cursor, const struct row_key *from, struct hf_str *key, struct hf_str *value);
enum hf_status cursor_next(struct cursor *cursor, struct hf_str *key, struct hf_str *value);
/* The same for many rows that are only read, a buffer of them at a time: rows that change meanwhile may be seen as they were. Not
 * mixed with the others on one cursor. */
enum hf_status cursor_run_seek(struct cursor *cursor, const struct row_key *from, struct hf_str *key, struct hf_str *value);
enum hf_status cursor_run_next(struct cursor *cursor, struct hf_str *key, struct hf_str *value);
enum hf_status cursor_put(struct cursor *cursor, struct hf_str value); /* replaces the current row */
/* Raises the count that a row of `list` has behind its version, in place; least work when the row follows the one raised before. Not mixed
 * with the others on one cursor. HF_ENONEXISTENT; HF_ECORRUPT: no such row. */
enum hf_status cursor_ref(struct cursor *cursor, const struct row_key *key);
enum hf_status cursor_delete(struct cursor *cursor);                   /* the current row */
void cursor_close(struct cursor **cursor);

/* Reading a run of rows in bulk: a buffer is filled by a cursor that is closed at once, so nothing is locked between
 * calls. Rows that change meanwhile are seen as they were or as they are. */
struct scan {
	struct env *env;
	unsigned table;
	struct row_key from;   /* where the next buffer begins */
	size_t prefix;         /* keys must agree with `from` in so many octets */
	void *buffer;
	uint32_t buffer_size, buffer_max; /* the first is doubled with each buffer until it is the second; no growth when that is 0 */
	void *position;        /* in the buffer; NULL: fill it */
	bool ended;
	uint8_t prefix_data[64];
};
/* All keys from `from` on whose first `prefix` (<= 64) octets are those of `from`. `buffer_size` in octets, a multiple of 1024 and at least 8192. */
void scan_open(struct scan *scan, struct env *env, unsigned table, const struct row_key *from, size_t prefix,
	       uint32_t buffer_size);
/* HF_ENONEXISTENT at the end. Borrowed until the next call. */
enum hf_status scan_next(struct scan *scan, struct hf_str *key, struct hf_str *value);
void scan_close(struct scan *scan);

/* Numbers in keys. */
static inline uint64_t key_be64(struct hf_str key, size_t at)
{
	uint64_t n = 0;

	for (size_t i = 0; i < 8; i++)
		n = n << 8 | (at + i < key.size ? (uint8_t)key.data[at + i] : 0);
	return n;
}

static inline uint32_t key_be32(struct hf_str key, size_t at)
{
	return (uint32_t)(key_be64(key, at) >> 32);
}

#endif
