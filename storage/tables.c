/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows by key, by cursor and in bulk. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/env_priv.h"

#define READ_TRIES 1000 /* a reader that is a deadlock's victim so often in a row meets a bug */

struct cursor {
	struct txn *txn;
	unsigned table;
	DBC *handle;
	struct hf_buf key, value;
	void *run, *run_position; /* a buffer of rows, and where in it; NULL: used up */
};

#define RUN_SIZE (64u << 10)

/* The library keeps cursors and hands them from thread to thread under mutexes of its own, which ThreadSanitizer does not see: what it
 * wrote into one is not to be told as a race with our call. */
static HF_NO_TSAN int call_get(DBC *cursor, DBT *key, DBT *data, uint32_t flags)
{
	return cursor->get(cursor, key, data, flags);
}

static HF_NO_TSAN int call_put(DBC *cursor, DBT *key, DBT *data, uint32_t flags)
{
	return cursor->put(cursor, key, data, flags);
}

static HF_NO_TSAN int call_close(DBC *cursor)
{
	return cursor->close(cursor);
}

static DBT dbt_of(struct hf_str s)
{
	DBT dbt;

	memset(&dbt, 0, sizeof(dbt));
	dbt.data = (void *)(uintptr_t)s.data;
	dbt.size = (uint32_t)s.size;
	return dbt;
}

static DBT dbt_into(struct hf_buf *buf)
{
	DBT dbt;

	if (!buf->capacity)
		hf_buf_reserve(buf, 256);
	memset(&dbt, 0, sizeof(dbt));
	dbt.flags = DB_DBT_USERMEM;
	dbt.data = buf->data;
	dbt.ulen = (uint32_t)buf->capacity;
	return dbt;
}

static void make_room(struct hf_buf *buf, const DBT *dbt)
{
	hf_buf_clear(buf);
	hf_buf_reserve(buf, dbt->size ? dbt->size : 256);
}

static enum hf_status failed(struct env *env, struct txn *txn, const char *what, unsigned table, int error)
{
	switch (error) {
	case 0:
		return HF_OK;
	case DB_NOTFOUND:
	case DB_KEYEMPTY:
		return HF_ENONEXISTENT;
	case DB_LOCK_DEADLOCK:
		if (txn) {
			txn->deadlocked = true;
			return HF_EIO;
		}
		break;
	default:
		break;
	}
	hf_error(&env->log, "store %s table=%u error=\"%s\"", what, table, db_strerror(error));
	return HF_EIO;
}

enum hf_status txn_begin(struct env *env, struct txn **result)
{
	struct txn *txn = hf_alloc_zero(sizeof(*txn));
	int error = env->handle->txn_begin(env->handle, NULL, &txn->handle, 0);

	if (error) {
		hf_free(txn);
		return failed(env, NULL, "begin", 0, error);
	}
	txn->env = env;
	*result = txn;
	return HF_OK;
}

void txn_commit(struct txn **txn)
{
	int error = (*txn)->handle->commit((*txn)->handle, DB_TXN_NOSYNC);

	if (error)
		env_fail((*txn)->env, "commit", error);
	hf_free(*txn);
	*txn = NULL;
}

void txn_abort(struct txn **txn)
{
	int error;

	if (!*txn)
		return;
	error = (*txn)->handle->abort((*txn)->handle);
	if (error)
		env_fail((*txn)->env, "abort", error);
	hf_free(*txn);
	*txn = NULL;
}

bool txn_changed_by_cursor(const struct txn *txn)
{
	return txn->changed_by_cursor;
}

bool txn_deadlocked(const struct txn *txn)
{
	return txn->deadlocked;
}

static DB_TXN *handle_of(struct txn *txn)
{
	return txn ? txn->handle : NULL;
}

enum hf_status table_get(struct env *env, struct txn *txn, unsigned table, const struct row_key *key,
			 struct hf_buf *value)
{
	DB *db = env_table(env, table);
	DBT key_dbt = dbt_of(key_str(key));
	int error = DB_NOTFOUND;

	if (!db)
		return HF_ENONEXISTENT;
	for (unsigned i = 0; i < READ_TRIES; i++) {
		DBT dbt = dbt_into(value);

		error = db->get(db, handle_of(txn), &key_dbt, &dbt, 0);
		if (error == 0)
			value->size = dbt.size;
		else if (error == DB_BUFFER_SMALL)
			make_room(value, &dbt);
		if (error != DB_BUFFER_SMALL && (txn || error != DB_LOCK_DEADLOCK))
			break;
	}
	return failed(env, txn, "get", table, error);
}

enum hf_status table_put(struct env *env, struct txn *txn, unsigned table, const struct row_key *key,
			 struct hf_str value)
{
	DB *db = env_table(env, table);
	DBT key_dbt = dbt_of(key_str(key)), dbt = dbt_of(value);

	if (!db)
		return HF_EIO;
	return failed(env, txn, "put", table, db->put(db, txn->handle, &key_dbt, &dbt, 0));
}

enum hf_status table_patch(struct env *env, struct txn *txn, unsigned table, const struct row_key *key, uint32_t offset,
			   struct hf_str octets)
{
	DB *db = env_table(env, table);
	DBT key_dbt = dbt_of(key_str(key)), dbt = dbt_of(octets);

	if (!db)
		return HF_EIO;
	dbt.flags = DB_DBT_PARTIAL;
	dbt.doff = offset;
	dbt.dlen = (uint32_t)octets.size;
	return failed(env, txn, "put", table, db->put(db, txn->handle, &key_dbt, &dbt, 0));
}

enum hf_status table_delete(struct env *env, struct txn *txn, unsigned table, const struct row_key *key)
{
	DB *db = env_table(env, table);
	DBT key_dbt = dbt_of(key_str(key));

	if (!db)
		return HF_ENONEXISTENT;
	return failed(env, txn, "delete", table, db->del(db, txn->handle, &key_dbt, 0));
}

/* Cursors --------------------------------------------------------------------------------------------------------- */

enum hf_status cursor_open(struct env *env, struct txn *txn, unsigned table, struct cursor **result)
{
	DB *db = env_table(env, table);
	struct cursor *cursor;
	DBC *handle;
	int error;

	if (!db)
		return HF_ENONEXISTENT;
	error = db->cursor(db, txn->handle, &handle, 0);
	if (error)
		return failed(env, txn, "cursor", table, error);
	cursor = hf_alloc_zero(sizeof(*cursor));
	cursor->txn = txn;
	cursor->table = table;
	cursor->handle = handle;
	*result = cursor;
	return HF_OK;
}

static enum hf_status cursor_get(struct cursor *cursor, uint32_t how, struct hf_str *key, struct hf_str *value)
{
	int error;

	do {
		DBT key_dbt = dbt_into(&cursor->key), dbt = dbt_into(&cursor->value);

		key_dbt.size = (uint32_t)cursor->key.size;
		error = call_get(cursor->handle, &key_dbt, &dbt, how);
		if (error == DB_BUFFER_SMALL) {
			if (key_dbt.size > key_dbt.ulen) /* what is sought stays in front */
				hf_buf_reserve(&cursor->key, key_dbt.size);
			if (dbt.size > dbt.ulen)
				make_room(&cursor->value, &dbt);
		} else if (error == 0) {
			cursor->key.size = key_dbt.size;
			cursor->value.size = dbt.size;
			*key = hf_buf_str(&cursor->key);
			*value = hf_buf_str(&cursor->value);
		}
	} while (error == DB_BUFFER_SMALL);
	return failed(cursor->txn->env, cursor->txn, "cursor", 0, error);
}

enum hf_status cursor_seek(struct cursor *cursor, const struct row_key *from, struct hf_str *key, struct hf_str *value)
{
	hf_buf_clear(&cursor->key);
	hf_buf_add_str(&cursor->key, key_str(from));
	hf_buf_reserve(&cursor->key, 64);
	return cursor_get(cursor, DB_SET_RANGE, key, value);
}

enum hf_status cursor_next(struct cursor *cursor, struct hf_str *key, struct hf_str *value)
{
	return cursor_get(cursor, DB_NEXT, key, value);
}

static enum hf_status run_fill(struct cursor *cursor, uint32_t how)
{
	int error;

	if (!cursor->run)
		cursor->run = hf_alloc(RUN_SIZE);
	do {
		DBT key = dbt_into(&cursor->key), dbt;

		key.size = (uint32_t)cursor->key.size;
		memset(&dbt, 0, sizeof(dbt));
		dbt.flags = DB_DBT_USERMEM;
		dbt.data = cursor->run;
		dbt.ulen = RUN_SIZE;
		error = call_get(cursor->handle, &key, &dbt, how | DB_MULTIPLE_KEY);
		if (error == DB_BUFFER_SMALL && key.size > key.ulen)
			hf_buf_reserve(&cursor->key, key.size);
		else if (error == DB_BUFFER_SMALL)
			break; /* a row of such a size is in no table that is read so */
		if (!error) {
			dbt.ulen = RUN_SIZE;
			DB_MULTIPLE_INIT(cursor->run_position, &dbt);
		}
	} while (error == DB_BUFFER_SMALL);
	return failed(cursor->txn->env, cursor->txn, "cursor", 0, error);
}

enum hf_status cursor_run_next(struct cursor *cursor, struct hf_str *key, struct hf_str *value)
{
	for (;;) {
		DBT dbt;
		void *key_data = NULL, *data = NULL;
		size_t key_size = 0, size = 0;
		enum hf_status status;

		memset(&dbt, 0, sizeof(dbt));
		dbt.data = cursor->run;
		dbt.ulen = RUN_SIZE;
		if (cursor->run_position)
			DB_MULTIPLE_KEY_NEXT(cursor->run_position, &dbt, key_data, key_size, data, size);
		if (cursor->run_position) {
			*key = hf_str_n(key_data, key_size);
			*value = hf_str_n(data, size);
			return HF_OK;
		}
		status = run_fill(cursor, DB_NEXT);
		if (status != HF_OK)
			return status;
	}
}

enum hf_status cursor_run_seek(struct cursor *cursor, const struct row_key *from, struct hf_str *key, struct hf_str *value)
{
	enum hf_status status;

	hf_buf_clear(&cursor->key);
	hf_buf_add_str(&cursor->key, key_str(from));
	hf_buf_reserve(&cursor->key, 64);
	status = run_fill(cursor, DB_SET_RANGE);
	return status == HF_OK ? cursor_run_next(cursor, key, value) : status;
}

/* Whether the key is the one after that of the row last raised: rows of emails that came one after the other lie so. */
static bool follows(const struct cursor *cursor, const struct row_key *key)
{
	struct hf_str last = hf_buf_str(&cursor->key);

	return last.size == key->size && last.size >= 8 && memcmp(last.data, key->data, last.size - 8) == 0 &&
	       key_be64(last, last.size - 8) + 1 == key_be64(key_str(key), key->size - 8);
}

enum hf_status cursor_ref(struct cursor *cursor, const struct row_key *key)
{
	uint8_t head[5] = { 0 }, at[ROW_KEY_MAX];
	DBT key_dbt, dbt;
	int error = DB_NOTFOUND;

	memset(&dbt, 0, sizeof(dbt));
	dbt.flags = DB_DBT_USERMEM | DB_DBT_PARTIAL;
	dbt.data = head;
	dbt.ulen = dbt.dlen = sizeof(head);
	if (follows(cursor, key)) { /* no way from the root down */
		key_dbt = dbt_of(hf_str_n(at, sizeof(at)));
		key_dbt.flags = DB_DBT_USERMEM;
		key_dbt.ulen = sizeof(at);
		error = call_get(cursor->handle, &key_dbt, &dbt, DB_NEXT | DB_RMW);
		if (!error && (key_dbt.size != key->size || memcmp(at, key->data, key->size) != 0))
			error = DB_NOTFOUND;
	}
	key_dbt = dbt_of(key_str(key));
	if (error == DB_NOTFOUND)
		error = call_get(cursor->handle, &key_dbt, &dbt, DB_SET | DB_RMW);
	if (!error && (dbt.size != sizeof(head) || head[0] != ROW_VERSION))
		return HF_ECORRUPT;
	if (!error) {
		for (int i = 4; i > 0 && ++head[i] == 0; i--)
			;
		error = call_put(cursor->handle, &key_dbt, &dbt, DB_CURRENT);
	}
	hf_buf_clear(&cursor->key);
	hf_buf_add_str(&cursor->key, key_str(key));
	return failed(cursor->txn->env, cursor->txn, "ref", 0, error);
}

enum hf_status cursor_put(struct cursor *cursor, struct hf_str value)
{
	DBT key_dbt = dbt_of(hf_buf_str(&cursor->key)), dbt = dbt_of(value);
	int error = call_put(cursor->handle, &key_dbt, &dbt, DB_CURRENT);

	cursor->txn->changed_by_cursor = cursor->txn->changed_by_cursor || cursor->table == TABLE_META;
	return failed(cursor->txn->env, cursor->txn, "put", 0, error);
}

enum hf_status cursor_delete(struct cursor *cursor)
{
	cursor->txn->changed_by_cursor = cursor->txn->changed_by_cursor || cursor->table == TABLE_META;
	return failed(cursor->txn->env, cursor->txn, "delete", 0, cursor->handle->del(cursor->handle, 0));
}

void cursor_close(struct cursor **pointer)
{
	struct cursor *cursor = *pointer;

	if (!cursor)
		return;
	*pointer = NULL;
	(void)failed(cursor->txn->env, cursor->txn, "close", 0, call_close(cursor->handle));
	hf_buf_fini(&cursor->key);
	hf_buf_fini(&cursor->value);
	hf_free(cursor->run);
	hf_free(cursor);
}

/* Bulk ------------------------------------------------------------------------------------------------------------ */

void scan_open(struct scan *scan, struct env *env, unsigned table, const struct row_key *from, size_t prefix,
	       uint32_t buffer_size)
{
	hf_assert(prefix <= sizeof(scan->prefix_data) && prefix <= from->size);
	scan->env = env;
	scan->table = table;
	scan->from.size = from->size;
	memcpy(scan->from.data, from->data, from->size);
	scan->prefix = prefix;
	memcpy(scan->prefix_data, from->data, prefix);
	scan->buffer_size = buffer_size;
	scan->buffer_max = 0;
	scan->buffer = NULL;
	scan->position = NULL;
	scan->ended = false;
}

static void scan_grow(struct scan *scan)
{
	if (!scan->buffer || scan->buffer_size >= scan->buffer_max)
		return;
	hf_free(scan->buffer);
	scan->buffer = NULL;
	scan->buffer_size *= 2;
}

static enum hf_status scan_fill(struct scan *scan)
{
	DB *db = env_table(scan->env, scan->table);
	int error = DB_NOTFOUND;

	if (!db)
		return HF_ENONEXISTENT;
	for (unsigned i = 0; i < READ_TRIES; i++) {
		DBT key, dbt;
		uint8_t start[ROW_KEY_MAX];
		DBC *cursor;
		int close_error;

		if (!scan->buffer)
			scan->buffer = hf_alloc(scan->buffer_size);
		memcpy(start, scan->from.data, scan->from.size);
		key = dbt_of(hf_str_n(start, scan->from.size));
		key.flags = DB_DBT_USERMEM;
		key.ulen = sizeof(start);
		memset(&dbt, 0, sizeof(dbt));
		dbt.flags = DB_DBT_USERMEM;
		dbt.data = scan->buffer;
		dbt.ulen = scan->buffer_size;
		error = db->cursor(db, NULL, &cursor, DB_CURSOR_BULK);
		if (error)
			break;
		error = call_get(cursor, &key, &dbt, DB_SET_RANGE | DB_MULTIPLE_KEY);
		close_error = call_close(cursor);
		if (error == DB_BUFFER_SMALL) {
			hf_free(scan->buffer);
			scan->buffer = NULL;
			while (scan->buffer_size < dbt.size + 2 * ROW_KEY_MAX)
				scan->buffer_size *= 2;
			scan->buffer_size *= 2;
			continue;
		}
		if (!error)
			error = close_error;
		if (error != DB_LOCK_DEADLOCK)
			break;
	}
	if (error == 0) {
		DBT dbt;

		memset(&dbt, 0, sizeof(dbt));
		dbt.data = scan->buffer;
		dbt.ulen = scan->buffer_size;
		DB_MULTIPLE_INIT(scan->position, &dbt);
	}
	return failed(scan->env, NULL, "scan", scan->table, error);
}

enum hf_status scan_next(struct scan *scan, struct hf_str *key, struct hf_str *value)
{
	while (!scan->ended) {
		DBT dbt;
		void *key_data, *data;
		size_t key_size = 0, size = 0;

		if (!scan->position) {
			enum hf_status status;

			scan_grow(scan);
			status = scan_fill(scan);
			if (status != HF_OK) {
				scan->ended = true;
				return status;
			}
		}
		memset(&dbt, 0, sizeof(dbt));
		dbt.data = scan->buffer;
		dbt.ulen = scan->buffer_size;
		DB_MULTIPLE_KEY_NEXT(scan->position, &dbt, key_data, key_size, data, size);
		if (!scan->position)
			continue; /* the buffer is used up; `from` is past its last key */
		if (key_size < scan->prefix || memcmp(key_data, scan->prefix_data, scan->prefix) != 0 ||
		    key_size >= ROW_KEY_MAX) {
			scan->ended = true;
			break;
		}
		/* The least key that is greater: one octet longer. */
		memcpy(scan->from.data, key_data, key_size);
		scan->from.data[key_size] = 0;
		scan->from.size = key_size + 1;
		*key = hf_str_n(key_data, key_size);
		*value = hf_str_n(data, size);
		return HF_OK;
	}
	return HF_ENONEXISTENT;
}

void scan_close(struct scan *scan)
{
	hf_free(scan->buffer);
	scan->buffer = NULL;
	scan->ended = true;
}
