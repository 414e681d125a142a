/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table of items and a list of them by last use, within a number of octets. */
#include "storage/hot_priv.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "base/mem.h"

#define BUCKETS_MIN 256

struct hot {
	pthread_mutex_t lock;
	uint64_t max HF_GUARDED_BY(lock), used HF_GUARDED_BY(lock);
	struct hot_item **buckets HF_GUARDED_BY(lock);
	size_t bucket_count HF_GUARDED_BY(lock), count HF_GUARDED_BY(lock);
	struct hot_item *newest HF_GUARDED_BY(lock), *oldest HF_GUARDED_BY(lock);
};

struct hot *hot_new(uint64_t max)
{
	struct hot *hot = hf_alloc_zero(sizeof(*hot));

	pthread_mutex_init(&hot->lock, NULL);
	hot->max = max;
	hot->bucket_count = BUCKETS_MIN;
	hot->buckets = hf_alloc_zero(hot->bucket_count * sizeof(struct hot_item *));
	return hot;
}

static struct hot_item **bucket_of_locked(struct hot *hot, const struct hot_key *key) HF_REQUIRES(hot->lock)
{
	uint64_t hash = (key->mailbox ^ (uint64_t)key->what << 40) * UINT64_C(0x9e3779b97f4a7c15) + key->block;

	return &hot->buckets[((hash * UINT64_C(0xc2b2ae3d27d4eb4f)) >> 24) & (hot->bucket_count - 1)];
}

static bool is_same(const struct hot_key *a, const struct hot_key *b)
{
	return a->mailbox == b->mailbox && a->what == b->what && a->block == b->block;
}

static void link_newest_locked(struct hot *hot, struct hot_item *item) HF_REQUIRES(hot->lock)
{
	item->newer = NULL;
	item->older = hot->newest;
	if (hot->newest)
		hot->newest->newer = item;
	else
		hot->oldest = item;
	hot->newest = item;
}

static void unlink_locked(struct hot *hot, struct hot_item *item) HF_REQUIRES(hot->lock)
{
	*(item->newer ? &item->newer->older : &hot->newest) = item->older;
	*(item->older ? &item->older->newer : &hot->oldest) = item->newer;
}

/* The cache's own reference goes. Returns the item when it was the last. */
static struct hot_item *drop_locked(struct hot *hot, struct hot_item *item) HF_REQUIRES(hot->lock)
{
	struct hot_item **at = bucket_of_locked(hot, &item->key);

	while (*at != item)
		at = &(*at)->chain;
	*at = item->chain;
	unlink_locked(hot, item);
	hot->count--;
	hot->used -= item->size;
	item->listed = false;
	return --item->refs ? NULL : item;
}

static struct hot_item *find_locked(struct hot *hot, const struct hot_key *key) HF_REQUIRES(hot->lock)
{
	struct hot_item *item = *bucket_of_locked(hot, key);

	while (item && !is_same(&item->key, key))
		item = item->chain;
	return item;
}

static void grow_locked(struct hot *hot) HF_REQUIRES(hot->lock)
{
	struct hot_item **old = hot->buckets, *item, *next;
	size_t old_count = hot->bucket_count;

	hot->bucket_count *= 2;
	hot->buckets = hf_alloc_zero(hot->bucket_count * sizeof(struct hot_item *));
	for (size_t i = 0; i < old_count; i++) {
		for (item = old[i]; item; item = next) {
			struct hot_item **bucket = bucket_of_locked(hot, &item->key);

			next = item->chain;
			item->chain = *bucket;
			*bucket = item;
		}
	}
	hf_free(old);
}

static void free_chain(struct hot_item *item)
{
	while (item) {
		struct hot_item *next = item->chain;

		item->free(item);
		item = next;
	}
}

/* Makes room; what is to be freed is put before *freed. False: only by dropping others of its kind. */
static bool make_room_locked(struct hot *hot, uint64_t size, const struct hot_key *key, struct hot_item **freed)
	HF_REQUIRES(hot->lock)
{
	if (size > hot->max)
		return false;
	while (hot->used + size > hot->max) {
		struct hot_item *oldest = hot->oldest;

		if (key && oldest->key.mailbox == key->mailbox && oldest->key.what == key->what)
			return false;
		oldest = drop_locked(hot, oldest);
		if (oldest) {
			oldest->chain = *freed;
			*freed = oldest;
		}
	}
	return true;
}

void hot_set_max(struct hot *hot, uint64_t max)
{
	struct hot_item *freed = NULL;

	pthread_mutex_lock(&hot->lock);
	hot->max = max;
	make_room_locked(hot, 0, NULL, &freed);
	pthread_mutex_unlock(&hot->lock);
	free_chain(freed);
}

uint64_t hot_max(struct hot *hot)
{
	uint64_t max;

	pthread_mutex_lock(&hot->lock);
	max = hot->max;
	pthread_mutex_unlock(&hot->lock);
	return max;
}

uint64_t hot_used(struct hot *hot)
{
	uint64_t used;

	pthread_mutex_lock(&hot->lock);
	used = hot->used;
	pthread_mutex_unlock(&hot->lock);
	return used;
}

struct hot_item *hot_get(struct hot *hot, const struct hot_key *key)
{
	struct hot_item *item;

	pthread_mutex_lock(&hot->lock);
	item = find_locked(hot, key);
	if (item) {
		item->refs++;
		if (item != hot->newest) {
			unlink_locked(hot, item);
			link_newest_locked(hot, item);
		}
	}
	pthread_mutex_unlock(&hot->lock);
	return item;
}

void hot_put(struct hot *hot, struct hot_item *item)
{
	struct hot_item *freed = NULL, *old;

	item->refs = 1;
	item->listed = false;
	pthread_mutex_lock(&hot->lock);
	old = find_locked(hot, &item->key);
	if (old)
		freed = drop_locked(hot, old);
	if (freed)
		freed->chain = NULL;
	if (make_room_locked(hot, item->size, &item->key, &freed)) {
		struct hot_item **bucket;

		if (hot->count >= hot->bucket_count)
			grow_locked(hot);
		bucket = bucket_of_locked(hot, &item->key);
		item->chain = *bucket;
		*bucket = item;
		item->refs++;
		item->listed = true;
		hot->count++;
		hot->used += item->size;
		link_newest_locked(hot, item);
	}
	pthread_mutex_unlock(&hot->lock);
	free_chain(freed);
}

void hot_unref(struct hot *hot, struct hot_item *item)
{
	bool last;

	if (!item)
		return;
	pthread_mutex_lock(&hot->lock);
	hf_assert(item->refs > 0);
	last = --item->refs == 0;
	pthread_mutex_unlock(&hot->lock);
	if (last)
		item->free(item);
}

void hot_free(struct hot **pointer)
{
	struct hot *hot = *pointer;

	*pointer = NULL;
	if (!hot)
		return;
	hot_set_max(hot, 0);
	hf_assert(hot->count == 0);
	pthread_mutex_destroy(&hot->lock);
	hf_free(hot->buckets);
	hf_free(hot);
}
