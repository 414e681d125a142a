/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters. Each is split over a few cache lines and a thread always adds to the same one, so busy
 * threads do not pass a line back and forth; the value is the sum. Registering takes a lock, adding
 * none. */
#include "base/counter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

enum { SHARDS = 8, CACHE_LINE = 64 };

struct shard {
	_Alignas(CACHE_LINE) _Atomic int64_t n;
};

struct hf_counter {
	struct shard shards[SHARDS];
	char *name;
	char *help;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hf_counter **counters HF_GUARDED_BY(lock); /* in order of name */
static size_t counter_count HF_GUARDED_BY(lock);
static _Atomic unsigned thread_count;

struct hf_counter *hf_counter_get(const char *name, const char *help)
{
	struct hf_counter *counter;
	size_t at = 0;
	int order = 1;

	pthread_mutex_lock(&lock);
	while (at < counter_count && (order = strcmp(counters[at]->name, name)) < 0)
		at++;
	if (at < counter_count && order == 0) {
		counter = counters[at];
		pthread_mutex_unlock(&lock);
		return counter;
	}
	counter = aligned_alloc(CACHE_LINE, sizeof(*counter));
	if (!counter)
		hf_out_of_memory(sizeof(*counter));
	memset(counter, 0, sizeof(*counter));
	counter->name = hf_strdup(name);
	counter->help = hf_strdup(help ? help : "");
	counters = hf_realloc_array(counters, counter_count + 1, sizeof(struct hf_counter *));
	memmove(counters + at + 1, counters + at,
		(counter_count - at) * sizeof(struct hf_counter *));
	counters[at] = counter;
	counter_count++;
	pthread_mutex_unlock(&lock);
	return counter;
}

void hf_counter_add(struct hf_counter *counter, int64_t n)
{
	static _Thread_local unsigned mine; /* shard + 1 */

	if (HF_UNLIKELY(!mine)) {
		unsigned turn = atomic_fetch_add_explicit(&thread_count, 1, memory_order_relaxed);

		mine = turn % SHARDS + 1;
	}
	atomic_fetch_add_explicit(&counter->shards[mine - 1].n, n, memory_order_relaxed);
}

int64_t hf_counter_value(const struct hf_counter *counter)
{
	int64_t sum = 0;

	for (int i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&counter->shards[i].n, memory_order_relaxed);
	return sum;
}

/* Moves the sum by one addition, so that no reader sees a value in between. */
void hf_counter_set(struct hf_counter *counter, int64_t n)
{
	pthread_mutex_lock(&lock);
	atomic_fetch_add_explicit(&counter->shards[0].n, n - hf_counter_value(counter),
				  memory_order_relaxed);
	pthread_mutex_unlock(&lock);
}

/* Calls fn outside the lock: it may do what it likes. */
void hf_counter_each(void (*fn)(void *arg, const char *name, const char *help, int64_t value),
		     void *arg)
{
	struct hf_counter **list;
	size_t count;

	pthread_mutex_lock(&lock);
	count = counter_count;
	list = hf_memdup(counters, count * sizeof(struct hf_counter *));
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < count; i++)
		fn(arg, list[i]->name, list[i]->help, hf_counter_value(list[i]));
	hf_free(list);
}
