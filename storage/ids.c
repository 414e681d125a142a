/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids: handed out in memory, never twice, also not after a crash. */

#include "base/assert.h"
#include "base/clock.h"
#include "storage/store_priv.h"

#define CONTENT_STEP 1000000
#define CONTENT_SLACK 10000 /* ids that may be given out while a batch is on its way */

enum hf_status ids_load(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;
	uint32_t files;

	pthread_mutex_init(&ids->lock, NULL);
	key_version(&key, 1);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK) {
		status = row_counters_decode(hf_buf_str(&value), &ids->row);
	} else if (status == HF_ENONEXISTENT) {
		ids->row = (struct row_counters){ .next_user = 1, .next_mailbox = 1, .content_limit = 1 };
		status = HF_OK;
	}
	hf_buf_fini(&value);
	if (status != HF_OK)
		return status;
	files = env_body_count(store->env);
	if (ids->row.body_file + 1 < files)
		ids->row.body_file = files - 1;
	ids->next_content = ids->row.content_limit;
	ids->dirty = true;
	return env_open_body(store->env, ids->row.body_file);
}

void ids_free(struct hf_store *store)
{
	pthread_mutex_destroy(&store->ids.lock);
}

uint64_t ids_new_content(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	uint64_t id;

	pthread_mutex_lock(&ids->lock);
	id = ids->next_content++ | (uint64_t)ids->row.body_file << CONTENT_FILE_SHIFT;
	pthread_mutex_unlock(&ids->lock);
	return id;
}

uint64_t ids_new_user(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	uint64_t id;

	pthread_mutex_lock(&ids->lock);
	id = ids->row.next_user++;
	ids->dirty = true;
	pthread_mutex_unlock(&ids->lock);
	return id;
}

uint64_t ids_new_mailbox(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	uint64_t id;

	pthread_mutex_lock(&ids->lock);
	id = ids->row.next_mailbox++;
	ids->dirty = true;
	pthread_mutex_unlock(&ids->lock);
	return id;
}

uint32_t ids_new_uidvalidity(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	uint32_t now = (uint32_t)hf_now_s(), given;

	pthread_mutex_lock(&ids->lock);
	ids->row.uidvalidity = now > ids->row.uidvalidity ? now : ids->row.uidvalidity + 1;
	given = ids->row.uidvalidity;
	ids->dirty = true;
	pthread_mutex_unlock(&ids->lock);
	return given;
}

bool ids_encode(struct hf_store *store, struct hf_buf *row)
{
	struct ids *ids = &store->ids;
	bool write;

	pthread_mutex_lock(&ids->lock);
	if (ids->next_content + CONTENT_SLACK > ids->row.content_limit) {
		ids->row.content_limit = ids->next_content + CONTENT_STEP;
		ids->dirty = true;
	}
	write = ids->dirty;
	if (write)
		row_counters_encode(&ids->row, row);
	pthread_mutex_unlock(&ids->lock);
	return write;
}

void ids_written(struct hf_store *store)
{
	pthread_mutex_lock(&store->ids.lock);
	store->ids.dirty = false;
	pthread_mutex_unlock(&store->ids.lock);
}

void ids_next_body(struct hf_store *store)
{
	struct ids *ids = &store->ids;
	uint32_t file;

	pthread_mutex_lock(&ids->lock);
	file = ids->row.body_file;
	pthread_mutex_unlock(&ids->lock);
	if (env_body_size(store->env, file) < store->settings.body_file_size || file + 1 >= BODY_FILES_MAX)
		return;
	if (env_open_body(store->env, file + 1) != HF_OK)
		return;
	pthread_mutex_lock(&ids->lock);
	ids->row.body_file = file + 1;
	pthread_mutex_unlock(&ids->lock);
	hf_info(&store->log, "store body_file=%u", file + 1);
}
