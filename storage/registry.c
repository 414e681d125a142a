/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry: what is open, found by id, and what was open lately, kept warm until it is pushed
 * out.
 *
 * Whatever is listed is kept up to date by publications, idle or not. A thing is destroyed when
 * nothing refers to it and it is not listed; that happens without a lock held. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/hot_priv.h"
#include "storage/show_priv.h"

enum { BUCKETS_MIN = 64 };

static void table_init(struct hf_open_table *table, uint64_t cost_max, uint64_t count_max)
{
	*table = (struct hf_open_table){ .idle_cost_max = cost_max, .idle_count_max = count_max };
	table->bucket_count = BUCKETS_MIN;
	table->buckets = hf_alloc_zero(BUCKETS_MIN * sizeof(struct hf_open *));
}

struct hf_registry *hf_registry_new(struct hf_store *store)
{
	struct hf_registry *registry = hf_alloc_zero(sizeof(*registry));

	registry->store = store;
	pthread_mutex_init(&registry->lock, NULL);
	table_init(&registry->mailboxes, HF_IDLE_RECORDS_MAX, HF_IDLE_MAILBOXES_MAX);
	table_init(&registry->accounts, HF_IDLE_CATALOGUE_MAX, HF_IDLE_ACCOUNTS_MAX);
	registry->pins = hf_pins_new();
	registry->hot = hot_new(HF_FACTS_SIZE);
	registry->load_slice = HF_LOAD_SLICE;
	registry->early_least = HF_EARLY_LEAST;
	registry->log_max = HF_LOG_MAX;
	registry->ghosts_max = HF_GHOSTS_MAX;
	return registry;
}

static void table_fini(struct hf_open_table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct hf_open *open = table->buckets[i], *next;

		for (; open; open = next) {
			next = open->chain;
			hf_assert(open->refs == 0);
			open->destroy(open);
		}
	}
	hf_free(table->buckets);
}

void hf_registry_free(struct hf_registry **registryp)
{
	struct hf_registry *registry = *registryp;

	*registryp = NULL;
	if (!registry)
		return;
	table_fini(&registry->mailboxes);
	table_fini(&registry->accounts);
	hf_pins_free(&registry->pins);
	hot_free(&registry->hot);
	pthread_mutex_destroy(&registry->lock);
	hf_free(registry);
}

static struct hf_open **bucket_of(const struct hf_open_table *table, uint64_t id)
{
	return &table->buckets[((id * UINT64_C(0x9e3779b97f4a7c15)) >> 20) &
			       (table->bucket_count - 1)];
}

static void table_grow(struct hf_open_table *table)
{
	struct hf_open **old = table->buckets;
	size_t old_count = table->bucket_count;

	table->bucket_count *= 2;
	table->buckets = hf_alloc_zero(table->bucket_count * sizeof(struct hf_open *));
	for (size_t i = 0; i < old_count; i++) {
		struct hf_open *open = old[i], *next;

		for (; open; open = next) {
			struct hf_open **bucket = bucket_of(table, open->id);

			next = open->chain;
			open->chain = *bucket;
			*bucket = open;
		}
	}
	hf_free(old);
}

static void list_in(struct hf_open_table *table, struct hf_open *open)
{
	struct hf_open **bucket;

	if (table->count >= table->bucket_count)
		table_grow(table);
	bucket = bucket_of(table, open->id);
	open->chain = *bucket;
	*bucket = open;
	open->listed = true;
	table->count++;
}

static void list_out(struct hf_open_table *table, struct hf_open *open)
{
	struct hf_open **at = bucket_of(table, open->id);

	while (*at != open)
		at = &(*at)->chain;
	*at = open->chain;
	open->chain = NULL;
	open->listed = false;
	table->count--;
}

static void idle_out(struct hf_open_table *table, struct hf_open *open)
{
	if (open->newer)
		open->newer->older = open->older;
	else
		table->newest = open->older;
	if (open->older)
		open->older->newer = open->newer;
	else
		table->oldest = open->newer;
	open->newer = open->older = NULL;
	open->idle = false;
	table->idle_cost -= open->cost;
	table->idle_count--;
}

static void idle_in(struct hf_open_table *table, struct hf_open *open)
{
	open->older = table->newest;
	open->newer = NULL;
	if (table->newest)
		table->newest->newer = open;
	else
		table->oldest = open;
	table->newest = open;
	open->idle = true;
	table->idle_cost += open->cost;
	table->idle_count++;
}

struct hf_open *hf_open_acquire(struct hf_registry *registry, struct hf_open_table *table,
				uint64_t id,
				struct hf_open *(*make)(struct hf_registry *registry, uint64_t id))
{
	struct hf_open *open;

	pthread_mutex_lock(&registry->lock);
	open = *bucket_of(table, id);
	while (open && open->id != id)
		open = open->chain;
	if (!open && make) {
		open = make(registry, id);
		open->id = id;
		list_in(table, open);
	}
	if (open) {
		open->refs++;
		if (make && open->idle)
			idle_out(table, open);
	}
	pthread_mutex_unlock(&registry->lock);
	return open;
}

void hf_open_ref(struct hf_registry *registry, struct hf_open *open)
{
	pthread_mutex_lock(&registry->lock);
	hf_assert(open->refs > 0);
	open->refs++;
	pthread_mutex_unlock(&registry->lock);
}

/* Takes the oldest idle things out while there are too many; a chain of those to destroy. One that
 * a publication is just being applied to stays for now. */
static struct hf_open *push_out(struct hf_open_table *table)
{
	struct hf_open *doomed = NULL, *open = table->oldest;

	while (open && (table->idle_cost > table->idle_cost_max ||
			table->idle_count > table->idle_count_max)) {
		struct hf_open *next = open->newer;

		if (open->refs == 0) {
			idle_out(table, open);
			list_out(table, open);
			open->chain = doomed;
			doomed = open;
		}
		open = next;
	}
	return doomed;
}

void hf_open_release(struct hf_registry *registry, struct hf_open_table *table,
		     struct hf_open *open, bool keep, uint64_t cost)
{
	struct hf_open *doomed = NULL, *next;

	pthread_mutex_lock(&registry->lock);
	hf_assert(open->refs > 0);
	if (--open->refs == 0) {
		bool was_idle = open->idle;

		if (open->listed && keep) {
			if (was_idle) {
				table->idle_cost += cost - open->cost;
				open->cost = cost;
			} else {
				open->cost = cost;
				idle_in(table, open);
			}
		} else {
			if (was_idle)
				idle_out(table, open);
			if (open->listed)
				list_out(table, open);
			doomed = open;
		}
		if (!doomed)
			doomed = push_out(table);
	}
	pthread_mutex_unlock(&registry->lock);
	for (; doomed; doomed = next) {
		next = doomed->chain;
		doomed->destroy(doomed);
	}
}

void hf_open_unlist(struct hf_registry *registry, struct hf_open_table *table, struct hf_open *open)
{
	pthread_mutex_lock(&registry->lock);
	if (open->idle)
		idle_out(table, open);
	if (open->listed)
		list_out(table, open);
	pthread_mutex_unlock(&registry->lock);
}

struct hf_open **hf_open_all(struct hf_registry *registry, struct hf_open_table *table,
			     size_t *count)
{
	struct hf_open **all;
	size_t n = 0;

	pthread_mutex_lock(&registry->lock);
	all = hf_realloc_array(NULL, table->count + 1, sizeof(struct hf_open *));
	for (size_t i = 0; i < table->bucket_count; i++) {
		for (struct hf_open *open = table->buckets[i]; open; open = open->chain) {
			open->refs++;
			all[n++] = open;
		}
	}
	pthread_mutex_unlock(&registry->lock);
	*count = n;
	return all;
}
