/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading what can be brought back. */

#include "base/mem.h"
#include "storage/kept.h"
#include "storage/store_priv.h"

#define SCAN_BUFFER (64 * 1024)

enum hf_status hf_kept_each(struct hf_store *store, uint64_t mailbox, bool (*fn)(void *arg, const struct hf_kept *kept), void *arg)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	struct row_kept *row = hf_alloc(sizeof(*row));
	enum hf_status status;
	bool more = true;

	collector_bury(store);
	key_message(&from, mailbox, HF_UID(0));
	scan_open(&scan, store->env, TABLE_KEPT, &from, 8, SCAN_BUFFER);
	while (more && (status = scan_next(&scan, &key, &value)) == HF_OK) {
		status = row_kept_decode(HF_UID(key_be32(key, 8)), value, row);
		if (status != HF_OK)
			break;
		for (unsigned i = 0; i < row->count && more; i++) {
			struct hf_kept kept = { row->records[i], row->time, row->time + (int64_t)store->settings.kept_s };

			more = fn(arg, &kept);
		}
	}
	scan_close(&scan);
	hf_free(row);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

struct deleted_list {
	struct hf_deleted *rows;
	size_t count, capacity;
};

static struct hf_deleted *add(struct deleted_list *list)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 16;
		list->rows = hf_realloc_array(list->rows, list->capacity, sizeof(*list->rows));
	}
	return &list->rows[list->count++];
}

/* What is in it now: false when it has just been freed or brought back. */
static bool fill(struct hf_store *store, struct hf_arena *scratch, struct hf_deleted *deleted)
{
	struct row_mailbox row;

	if (mailbox_get_any(store, deleted->mailbox, scratch, &row) != HF_OK || !(row.flags & MAILBOX_DELETED))
		return false;
	deleted->messages = row.messages;
	deleted->size = row.size;
	deleted->uidvalidity = row.uidvalidity;
	return true;
}

enum hf_status hf_deleted_list(struct hf_store *store, uint64_t user, struct hf_arena *arena, struct hf_deleted **result,
			       size_t *count)
{
	struct hf_arena *scratch = hf_arena_new();
	struct deleted_list list = { .rows = NULL };
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_id(&from, META_DELETED, user);
	scan_open(&scan, store->env, TABLE_META, &from, 9, SCAN_BUFFER);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct hf_deleted *deleted;
		struct row_deleted row;

		status = row_deleted_decode(value, &row);
		if (status == HF_OK && key.size < 18)
			status = HF_ECORRUPT;
		if (status != HF_OK)
			break;
		deleted = add(&list);
		*deleted = (struct hf_deleted){
			.mailbox = row.mailbox,
			.serial = ~key_be64(key, key.size - 8),
			.name = hf_arena_str(arena, hf_str_sub(key, 9, key.size - 18)),
			.time = row.time,
			.until = row.due,
			.name_used = (row.flags & DELETED_NAME_USED) != 0,
		};
		hf_arena_reset(scratch);
		if (!fill(store, scratch, deleted))
			list.count--;
	}
	scan_close(&scan);
	hf_arena_free(&scratch);
	*count = list.count;
	*result = hf_new_array(arena, struct hf_deleted, list.count);
	if (list.count)
		memcpy(*result, list.rows, list.count * sizeof(*list.rows));
	hf_free(list.rows);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}
