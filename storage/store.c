/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing. */

#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "storage/annotation_priv.h"
#include "storage/hot_priv.h"
#include "storage/op_priv.h"
#include "storage/show_priv.h"
#include "storage/retention_priv.h"
#include "storage/row_cache_priv.h"
#include "storage/rights_priv.h"

void hf_store_settings_init(struct hf_store_settings *settings)
{
	*settings = (struct hf_store_settings){
		.reserve_size = UINT64_C(256) << 20,
		.ballast_size = UINT64_C(64) << 20,
		.body_file_size = UINT64_C(256) << 30,
		.checkpoint_size = UINT64_C(64) << 20,
		.checkpoint_s = 60,
		.kept_s = 7 * 24 * 3600,
		.delivered_s = 6 * 24 * 3600,
		.annotations_max = 1000,
		.annotations_size = UINT64_C(1) << 20,
		.annotations_user_size = UINT64_C(16) << 20,
		.acl_entries = 100000,
	};
}

struct hf_registry *hf_store_registry(struct hf_store *store)
{
	return store->registry;
}

void hf_store_key(struct hf_store *store, uint8_t key[32])
{
	memcpy(key, store->key, 32);
}

/* The first transaction of a store, before there is a writer. */
static enum hf_status make_version(struct hf_store *store)
{
	struct hf_buf row = HF_BUF_INIT;
	struct txn *txn;
	struct row_key key;
	enum hf_status status = txn_begin(store->env, &txn);

	if (status != HF_OK)
		return status;
	hf_random(store->key, sizeof(store->key));
	hf_buf_add_char(&row, ROW_VERSION);
	hf_buf_add_be32(&row, STORE_FORMAT);
	hf_buf_add_be64(&row, (uint64_t)hf_now_s());
	hf_buf_add(&row, store->key, sizeof(store->key));
	key_version(&key, 0);
	status = table_put(store->env, txn, TABLE_META, &key, hf_buf_str(&row));
	hf_buf_fini(&row);
	if (status != HF_OK) {
		txn_abort(&txn);
		return status;
	}
	txn_commit(&txn);
	env_flush(store->env);
	return HF_OK;
}

static enum hf_status check_version(struct hf_store *store, struct hf_note *why)
{
	struct hf_buf value = HF_BUF_INIT;
	struct hf_reader r;
	struct hf_str secret = HF_STR_NULL;
	struct row_key key;
	uint64_t created;
	uint32_t format = 0;
	uint8_t version;
	enum hf_status status;

	key_version(&key, 0);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_ENONEXISTENT) {
		hf_buf_fini(&value);
		if (store->settings.read_only) {
			hf_note_add(why, "there is no store in %s", store->settings.directory);
			return HF_ENONEXISTENT;
		}
		return make_version(store);
	}
	r = hf_reader_init(hf_buf_str(&value));
	if (status == HF_OK && (!hf_read_u8(&r, &version) || !hf_read_be32(&r, &format)))
		status = HF_ECORRUPT;
	if (status == HF_OK && format > STORE_FORMAT) {
		hf_note_add(why, "the store %s has format %u, made by a newer release; this one knows formats up to %u",
			    store->settings.directory, format, STORE_FORMAT);
		status = HF_ECANNOT;
	} else if (status == HF_OK && format < STORE_FORMAT_OLDEST) {
		hf_note_add(why, "the store %s has format %u; this release reads formats %u to %u",
			    store->settings.directory, format, STORE_FORMAT_OLDEST, STORE_FORMAT);
		status = HF_ECANNOT;
	} else if (status == HF_OK && (!hf_read_be64(&r, &created) || !hf_read_bytes(&r, 32, &secret))) {
		status = HF_ECORRUPT;
	}
	if (status == HF_OK)
		memcpy(store->key, secret.data, 32);
	if (status == HF_ECORRUPT)
		hf_note_add(why, "the version row of the store %s cannot be read", store->settings.directory);
	hf_buf_fini(&value);
	return status;
}

static uint64_t facts_size(const struct hf_store_settings *settings)
{
	uint64_t size = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 16;

	if (settings->facts_size)
		return settings->facts_size;
	if (size < HF_FACTS_SIZE)
		return HF_FACTS_SIZE;
	return size > UINT64_C(1) << 30 ? UINT64_C(1) << 30 : size;
}

enum hf_status hf_store_open(const struct hf_store_settings *settings, const struct hf_log *log, struct hf_note *why,
			     struct hf_store **result)
{
	struct hf_store *store = hf_alloc_zero(sizeof(*store));
	uint64_t started = hf_now_ms();
	enum hf_status status;

	fault_setup();
	store->settings = *settings;
	store->settings.directory = hf_strdup(settings->directory);
	store->log.parent = log;
	status = env_open(&store->settings, log, why, &store->env);
	if (status != HF_OK)
		goto out;
	status = check_version(store, why);
	if (status != HF_OK)
		goto out;
	status = ids_load(store);
	if (status != HF_OK) {
		hf_note_add(why, "the counters of the store %s cannot be read", settings->directory);
		goto out;
	}
	status = users_make_shared(store);
	store->rights = rights_new();
	if (status == HF_OK)
		status = rights_load(store);
	if (status != HF_OK) {
		hf_note_add(why, "the rights in the store %s cannot be read", settings->directory);
		goto out;
	}
	store->registry = hf_registry_new(store);
	store->annotations = annotation_news_new();
	hot_set_max(store->registry->hot, facts_size(settings));
	store->retention = retention_new(store);
	collector_count(store);
	store->rows = row_cache_new();
	store->writer = writer_new(store);
	writer_set_full(store->writer, env_is_full(store->env));
	if (!settings->read_only) {
		writer_start(store->writer);
		status = collector_recover(store);
		if (status != HF_OK)
			hf_warning(&store->log, "store recover status=\"%s\"", hf_status_text(status));
	}
	hf_info(&store->log, "store opened directory=%s ms=%llu", hf_log_quote(hf_str(settings->directory)),
		(unsigned long long)(hf_now_ms() - started));
	*result = store;
	return HF_OK;
out:
	rights_free(&store->rights);
	env_close(&store->env);
	hf_free((void *)(uintptr_t)store->settings.directory);
	hf_free(store);
	return status;
}

void hf_store_close(struct hf_store **pointer)
{
	struct hf_store *store = *pointer;

	if (!store)
		return;
	*pointer = NULL;
	writer_stop(store->writer);
	hf_registry_free(&store->registry);
	env_close(&store->env);
	writer_free(&store->writer);
	row_cache_free(&store->rows);
	retention_free(&store->retention);
	annotation_news_free(&store->annotations);
	rights_free(&store->rights);
	ids_free(store);
	hf_free((void *)(uintptr_t)store->settings.directory);
	hf_free(store);
}
