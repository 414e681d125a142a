/* SPDX-License-Identifier: BSD-2-Clause */
/* How many connections there may be: in all, from one address, of one user, and not logged in. One
 * small table under one lock; it is touched when a connection begins, logs in and ends. */
#include "host/host_priv.h"

#include <string.h>

#include "base/assert.h"
#include "base/digest.h"

enum { BUCKETS = 1024 };

struct count {
	struct count *next;
	size_t n, size;
	char key[];
};

struct hf_limits {
	pthread_mutex_t lock;
	struct hf_limits_settings settings HF_GUARDED_BY(lock);
	size_t connections HF_GUARDED_BY(lock)
	, waiting HF_GUARDED_BY(lock);
	struct count *addresses[BUCKETS] HF_GUARDED_BY(lock);
	struct count *users[BUCKETS] HF_GUARDED_BY(lock);
};

struct hf_limits *hf_limits_new(void)
{
	struct hf_limits *limits = hf_alloc_zero(sizeof(*limits));

	pthread_mutex_init(&limits->lock, NULL);
	return limits;
}

static void table_free(struct count **table)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (table[i]) {
			struct count *next = table[i]->next;

			hf_free(table[i]);
			table[i] = next;
		}
	}
}

void hf_limits_free(struct hf_limits **limits)
{
	if (!*limits)
		return;
	table_free((*limits)->addresses);
	table_free((*limits)->users);
	pthread_mutex_destroy(&(*limits)->lock);
	hf_free((*limits)->settings.exempt);
	hf_free(*limits);
	*limits = NULL;
}

void hf_limits_set(struct hf_limits *limits, const struct hf_limits_settings *settings)
{
	struct hf_network *former;
	struct hf_network *exempt = NULL;

	if (settings->exempt_count)
		exempt = hf_memdup(settings->exempt, settings->exempt_count * sizeof(*exempt));
	pthread_mutex_lock(&limits->lock);
	former = limits->settings.exempt;
	limits->settings = *settings;
	limits->settings.exempt = exempt; /* the other goes with its configuration */
	limits->settings.exempt_texts = NULL;
	pthread_mutex_unlock(&limits->lock);
	hf_free(former);
}

bool hf_limits_exempts(struct hf_limits *limits, const struct sockaddr_storage *peer)
{
	bool found = false;

	pthread_mutex_lock(&limits->lock);
	for (size_t i = 0; i < limits->settings.exempt_count && !found; i++)
		found = hf_network_has(&limits->settings.exempt[i], peer);
	pthread_mutex_unlock(&limits->lock);
	return found;
}

struct hf_limits_settings hf_limits_get(struct hf_limits *limits)
{
	struct hf_limits_settings settings;

	pthread_mutex_lock(&limits->lock);
	settings = limits->settings;
	pthread_mutex_unlock(&limits->lock);
	return settings;
}

static struct count **find(struct count **table, struct hf_str key)
{
	struct count **at = &table[hf_hash(key) % BUCKETS];

	while (*at && !hf_str_eq(hf_str_n((*at)->key, (*at)->size), key))
		at = &(*at)->next;
	return at;
}

/* false: `max` (0: none) is reached */
static bool add(struct count **table, struct hf_str key, int64_t max)
{
	struct count **at = find(table, key);

	if (!*at) {
		*at = hf_alloc_zero(sizeof(**at) + key.size);
		(*at)->size = key.size;
		memcpy((*at)->key, key.data, key.size);
	}
	if (max && (*at)->n >= (size_t)max)
		return false;
	(*at)->n++;
	return true;
}

static void subtract(struct count **table, struct hf_str key)
{
	struct count **at = find(table, key), *entry = *at;

	hf_assert(entry && entry->n);
	if (--entry->n == 0) {
		*at = entry->next;
		hf_free(entry);
	}
}

const char *hf_limits_enter(struct hf_limits *limits, struct hf_str address)
{
	const char *reached = NULL;

	pthread_mutex_lock(&limits->lock);
	if (limits->connections >= (size_t)limits->settings.connections)
		reached = "connections";
	else if (address.size && limits->settings.waiting &&
		 limits->waiting >= (size_t)limits->settings.waiting)
		reached = "waiting";
	else if (address.size && !add(limits->addresses, address, limits->settings.per_address))
		reached = "per_address";
	if (!reached) {
		limits->connections++;
		if (address.size)
			limits->waiting++;
	}
	pthread_mutex_unlock(&limits->lock);
	return reached;
}

void hf_limits_leave(struct hf_limits *limits, struct hf_str address, bool waiting)
{
	pthread_mutex_lock(&limits->lock);
	limits->connections--;
	if (address.size) {
		subtract(limits->addresses, address);
		if (waiting)
			limits->waiting--;
	}
	pthread_mutex_unlock(&limits->lock);
}

bool hf_limits_login(struct hf_limits *limits, struct hf_str user, struct hf_str address, bool over)
{
	bool ok;

	pthread_mutex_lock(&limits->lock);
	ok = add(limits->users, user, over ? 0 : limits->settings.per_user);
	if (ok && address.size)
		limits->waiting--;
	pthread_mutex_unlock(&limits->lock);
	return ok;
}

void hf_limits_logout(struct hf_limits *limits, struct hf_str user)
{
	pthread_mutex_lock(&limits->lock);
	subtract(limits->users, user);
	pthread_mutex_unlock(&limits->lock);
}

size_t hf_limits_connections(struct hf_limits *limits)
{
	size_t connections;

	pthread_mutex_lock(&limits->lock);
	connections = limits->connections;
	pthread_mutex_unlock(&limits->lock);
	return connections;
}
