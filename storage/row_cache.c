/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `meta` that every delivery reads: of users and mailboxes, of names, of subscriptions. Each has one place by the hash of its key;
 * another row takes it. That a row does not exist is known as well. What has a transaction without an end is in here as it will be, so
 * all is forgotten when one is given up. Only with the writer's role. */

#include <string.h>

#include <xxhash.h>

#include "base/mem.h"
#include "storage/row_cache_priv.h"

#define PLACES 4096
#define KEY_MOST 128
#define ROW_MOST 1024 /* what is larger is not kept */

struct place {
	uint64_t hash;
	uint16_t key_size; /* 0: nothing is here */
	bool exists;
	struct hf_buf octets; /* key, row */
};

struct row_cache {
	struct place places[PLACES];
};

struct row_cache *row_cache_new(void)
{
	return hf_alloc_zero(sizeof(struct row_cache));
}

void row_cache_free(struct row_cache **pointer)
{
	if (!*pointer)
		return;
	row_cache_clear(*pointer);
	hf_free(*pointer);
	*pointer = NULL;
}

void row_cache_clear(struct row_cache *cache)
{
	for (unsigned i = 0; i < PLACES; i++) {
		cache->places[i].key_size = 0;
		hf_buf_fini(&cache->places[i].octets);
	}
}

bool row_cache_takes(const struct row_key *key)
{
	return key->size && key->size <= KEY_MOST && strchr("LMSU", key->data[0]);
}

static struct place *place_of(struct row_cache *cache, const struct row_key *key, uint64_t *hash)
{
	*hash = XXH3_64bits(key->data, key->size);
	return &cache->places[*hash % PLACES];
}

static bool is_at(const struct place *place, const struct row_key *key, uint64_t hash)
{
	return place->hash == hash && place->key_size == key->size && memcmp(place->octets.data, key->data, key->size) == 0;
}

bool row_cache_get(struct row_cache *cache, const struct row_key *key, struct hf_buf *row, enum hf_status *status)
{
	uint64_t hash;
	const struct place *place = place_of(cache, key, &hash);

	if (!is_at(place, key, hash))
		return false;
	*status = place->exists ? HF_OK : HF_ENONEXISTENT;
	hf_buf_clear(row);
	if (place->exists)
		hf_buf_add(row, place->octets.data + key->size, place->octets.size - key->size);
	return true;
}

void row_cache_drop(struct row_cache *cache, const struct row_key *key)
{
	uint64_t hash;
	struct place *place = place_of(cache, key, &hash);

	if (is_at(place, key, hash))
		place->key_size = 0;
}

void row_cache_set(struct row_cache *cache, const struct row_key *key, const struct hf_str *row)
{
	uint64_t hash;
	struct place *place = place_of(cache, key, &hash);

	if (row && row->size > ROW_MOST) {
		row_cache_drop(cache, key);
		return;
	}
	place->hash = hash;
	place->key_size = (uint16_t)key->size;
	place->exists = row != NULL;
	hf_buf_clear(&place->octets);
	hf_buf_add_str(&place->octets, key_str(key));
	if (row)
		hf_buf_add_str(&place->octets, *row);
}
