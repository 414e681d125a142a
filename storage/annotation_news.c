/* SPDX-License-Identifier: BSD-2-Clause */
/* Who hears of changed annotations.
 *
 * Each watch has a list of names that its session has not taken yet, so that a session pays for its own slowness only. Names in
 * it may repeat until it is full; then repetitions are thrown out, and if that does not help, all of it.
 *
 * `lock` guards all here. A waiter is woken under it, so one that is unwatched is not woken afterwards. */

#include <stdlib.h>

#include "base/mem.h"
#include "storage/annotation_priv.h"
#include "storage/rights_priv.h"

#define BUCKETS 256
#define NAMES_MAX 1024          /* in the list of a watch */
#define OCTETS_MAX (64u * 1024) /* of their names together */

struct hf_annotation_watch {
	struct hf_annotation_watch *next, *prev; /* in its bucket */
	struct hf_store *store;
	uint64_t id, user;
	struct hf_waiter *waiter;
	struct hf_annotation_change *list; /* names owned */
	size_t count, capacity, octets;
	bool overrun;
};

struct annotation_news {
	pthread_mutex_t lock;
	struct hf_annotation_watch *buckets[BUCKETS]; /* by user */
	uint64_t last_id;
	uint64_t committed, published; /* batches with annotations */
};

struct annotation_news *annotation_news_new(void)
{
	struct annotation_news *news = hf_alloc_zero(sizeof(*news));

	pthread_mutex_init(&news->lock, NULL);
	return news;
}

void annotation_news_free(struct annotation_news **pointer)
{
	struct annotation_news *news = *pointer;

	*pointer = NULL;
	if (!news)
		return;
	pthread_mutex_destroy(&news->lock);
	hf_free(news);
}

/* The list of a watch ---------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct hf_annotation_change *x = a, *y = b;

	if (x->mailbox != y->mailbox)
		return x->mailbox < y->mailbox ? -1 : 1;
	return hf_str_cmp(x->name, y->name);
}

static void drop(struct hf_annotation_watch *watch, size_t at)
{
	watch->octets -= watch->list[at].name.size;
	hf_free((void *)(uintptr_t)watch->list[at].name.data);
}

static void clear(struct hf_annotation_watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		drop(watch, i);
	hf_free(watch->list);
	watch->list = NULL;
	watch->count = watch->capacity = 0;
}

/* In order, each name once. */
static void compact(struct hf_annotation_watch *watch)
{
	size_t left = 0;

	if (watch->count)
		qsort(watch->list, watch->count, sizeof(*watch->list), by_name);
	for (size_t i = 0; i < watch->count; i++) {
		if (left && by_name(&watch->list[left - 1], &watch->list[i]) == 0)
			drop(watch, i);
		else
			watch->list[left++] = watch->list[i];
	}
	watch->count = left;
}

static bool is_full(const struct hf_annotation_watch *watch, unsigned part)
{
	return watch->count >= NAMES_MAX / part || watch->octets >= OCTETS_MAX / part;
}

static void tell(struct hf_annotation_watch *watch, const struct batch_annotation *change)
{
	bool first = !watch->count && !watch->overrun;

	if (watch->id == change->origin)
		return;
	if (!watch->overrun && is_full(watch, 1)) {
		compact(watch);
		watch->overrun = is_full(watch, 2);
	}
	if (watch->overrun) {
		clear(watch);
	} else {
		if (watch->count == watch->capacity) {
			watch->capacity = watch->capacity ? 2 * watch->capacity : 4;
			watch->list = hf_realloc_array(watch->list, watch->capacity, sizeof(*watch->list));
		}
		watch->list[watch->count++] = (struct hf_annotation_change){
			.mailbox = change->mailbox,
			.owner = change->owner,
			.name = hf_str_n(hf_strndup(change->name.data, change->name.size), change->name.size),
		};
		watch->octets += change->name.size;
	}
	if (first)
		hf_waiter_wake(watch->waiter);
}

/* Publishing ------------------------------------------------------------------------------------------------------- */

void annotation_committing(struct hf_store *store)
{
	struct annotation_news *news = store->annotations;

	pthread_mutex_lock(&news->lock);
	news->committed++;
	pthread_mutex_unlock(&news->lock);
}

void annotation_settle(struct hf_store *store)
{
	struct annotation_news *news = store->annotations;
	bool wait;

	pthread_mutex_lock(&news->lock);
	wait = news->committed != news->published;
	pthread_mutex_unlock(&news->lock);
	if (wait)
		writer_wait_published(store->writer);
}

static void tell_user(struct annotation_news *news, uint64_t user, const struct batch_annotation *change)
{
	struct hf_annotation_watch *watch = news->buckets[user % BUCKETS];

	for (; watch; watch = watch->next)
		if (watch->user == user)
			tell(watch, change);
}

/* A shared entry of a mailbox: its owner, and those who may see it. */
static void tell_seers(struct hf_store *store, const struct batch_annotation *change)
{
	struct annotation_news *news = store->annotations;
	uint64_t *users;
	size_t count;
	bool anyone;

	tell_user(news, change->owner, change);
	users = rights_seers(store, change->mailbox, &count, &anyone);
	for (size_t i = 0; i < count && !anyone; i++)
		if (users[i] != change->owner &&
		    hf_rights_of(store, change->mailbox, change->owner, users[i]) & HF_RIGHT_LOOKUP)
			tell_user(news, users[i], change);
	for (size_t i = 0; i < BUCKETS && anyone; i++)
		for (struct hf_annotation_watch *watch = news->buckets[i]; watch; watch = watch->next)
			if (watch->user != change->owner &&
			    hf_rights_of(store, change->mailbox, change->owner, watch->user) & HF_RIGHT_LOOKUP)
				tell(watch, change);
	hf_free(users);
}

static void tell_all(struct annotation_news *news, const struct batch_annotation *change)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct hf_annotation_watch *watch = news->buckets[i]; watch; watch = watch->next)
			tell(watch, change);
}

void annotation_publish(struct hf_store *store, const struct batch_annotation *changes)
{
	struct annotation_news *news = store->annotations;

	pthread_mutex_lock(&news->lock);
	for (; changes; changes = changes->next) {
		if (changes->user)
			tell_user(news, changes->user, changes);
		else if (changes->mailbox)
			tell_seers(store, changes);
		else
			tell_all(news, changes);
	}
	news->published++;
	pthread_mutex_unlock(&news->lock);
}

/* Watching --------------------------------------------------------------------------------------------------------- */

struct hf_annotation_watch *hf_annotation_watch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter)
{
	struct annotation_news *news = store->annotations;
	struct hf_annotation_watch *watch = hf_alloc_zero(sizeof(*watch)), **bucket = &news->buckets[user % BUCKETS];

	watch->store = store;
	watch->user = user;
	watch->waiter = waiter;
	pthread_mutex_lock(&news->lock);
	watch->id = ++news->last_id;
	watch->next = *bucket;
	if (watch->next)
		watch->next->prev = watch;
	*bucket = watch;
	pthread_mutex_unlock(&news->lock);
	return watch;
}

void hf_annotation_unwatch(struct hf_annotation_watch **pointer)
{
	struct hf_annotation_watch *watch = *pointer;
	struct annotation_news *news;

	*pointer = NULL;
	if (!watch)
		return;
	news = watch->store->annotations;
	pthread_mutex_lock(&news->lock);
	if (watch->prev)
		watch->prev->next = watch->next;
	else
		news->buckets[watch->user % BUCKETS] = watch->next;
	if (watch->next)
		watch->next->prev = watch->prev;
	pthread_mutex_unlock(&news->lock);
	clear(watch);
	hf_free(watch);
}

uint64_t hf_annotation_watch_id(const struct hf_annotation_watch *watch)
{
	return watch ? watch->id : 0;
}

bool hf_annotation_has_news(struct hf_annotation_watch *watch)
{
	struct annotation_news *news = watch->store->annotations;
	bool has;

	pthread_mutex_lock(&news->lock);
	has = watch->count || watch->overrun;
	pthread_mutex_unlock(&news->lock);
	return has;
}

bool hf_annotation_news(struct hf_annotation_watch *watch, struct hf_arena *arena, struct hf_annotation_change **list,
			size_t *count)
{
	struct annotation_news *news = watch->store->annotations;
	bool overrun;

	pthread_mutex_lock(&news->lock);
	compact(watch);
	*list = hf_new_array(arena, struct hf_annotation_change, watch->count);
	*count = watch->count;
	for (size_t i = 0; i < watch->count; i++) {
		(*list)[i] = watch->list[i];
		(*list)[i].name = hf_arena_str(arena, watch->list[i].name);
	}
	clear(watch);
	overrun = watch->overrun;
	watch->overrun = false;
	pthread_mutex_unlock(&news->lock);
	return overrun;
}
