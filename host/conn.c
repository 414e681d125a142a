/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections: their beginning and end, who is at the other side, and what modules ask about them.
 */
#include "host/conn_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "host/tls_priv.h"

enum { BLOCK = 64 };

struct hf_conn_block {
	struct hf_conn_block *next;
	struct hf_conn conns[BLOCK];
};

static void wake_waiter(struct hf_waiter *waiter)
{
	struct conn_waiter *self = HF_CONTAINER(waiter, struct conn_waiter, waiter);

	hf_conn_wake(self->conn, self->event);
}

static void waiter_init(struct conn_waiter *waiter, struct hf_conn *conn, unsigned event)
{
	waiter->waiter.wake = wake_waiter;
	waiter->conn = conn;
	waiter->event = event;
}

static void grow_locked(struct hf_host *host) HF_REQUIRES(host->conns_lock);
static void grow_locked(struct hf_host *host)
{
	struct hf_conn_block *block = hf_alloc_zero(sizeof(*block));

	block->next = host->blocks;
	host->blocks = block;
	for (size_t i = 0; i < BLOCK; i++) {
		struct hf_conn *conn = &block->conns[i];

		conn->poll.kind = HF_POLL_CONN;
		conn->host = host;
		atomic_init(&conn->state, CONN_DEAD);
		pthread_mutex_init(&conn->info_lock, NULL);
		waiter_init(&conn->news, conn, HF_EV_NEWS);
		waiter_init(&conn->durable, conn, HF_EV_DURABLE);
		waiter_init(&conn->room, conn, HF_EV_ROOM);
		conn->next = host->spare;
		host->spare = conn;
	}
}

void hf_conns_free(struct hf_host *host)
{
	struct hf_conn_block *block;

	hf_assert(host->conns == NULL);
	while ((block = host->blocks)) {
		host->blocks = block->next;
		for (size_t i = 0; i < BLOCK; i++)
			pthread_mutex_destroy(&block->conns[i].info_lock);
		hf_free(block);
	}
}

static void set_log_fields(struct hf_conn *conn)
{
	struct hf_buf text = HF_BUF_INIT;

	hf_buf_printf(&text, "conn=%llu", (unsigned long long)conn->id);
	if (conn->user) {
		hf_buf_add_cstr(&text, " user=");
		hf_log_value(&text, hf_str(conn->user));
	}
	snprintf(conn->log_fields, sizeof(conn->log_fields), "%s", hf_buf_cstr(&text));
	hf_buf_fini(&text);
}

struct hf_conn *hf_conn_new(struct hf_host *host, struct hf_loaded *module, const char *service,
			    int fd, bool implicit_tls)
{
	struct hf_conn *conn;
	uint64_t id;

	pthread_mutex_lock(&host->conns_lock);
	if (!host->spare)
		grow_locked(host);
	conn = host->spare;
	host->spare = conn->next;
	id = ++host->next_id;
	pthread_mutex_unlock(&host->conns_lock);

	memset((char *)conn + offsetof(struct hf_conn, next), 0,
	       sizeof(*conn) - offsetof(struct hf_conn, next));
	atomic_store(&conn->timer, 0);
	atomic_store(&conn->deadline, 0);
	atomic_store(&conn->events, 0);
	conn->id = id;
	conn->fd = fd;
	conn->module = module;
	conn->snapshot = hf_loaded_snapshot(module);
	conn->service = hf_strdup(service);
	conn->implicit_tls = implicit_tls;
	conn->started_ms = hf_now_ms();
	atomic_store(&conn->heard_ms, conn->started_ms);
	conn->in_limit = INPUT_AHEAD;
	conn->log.parent = &host->log;
	conn->log.fields = conn->log_fields;
	set_log_fields(conn);
	snprintf(conn->peer_address, sizeof(conn->peer_address), "unix");
	conn->is_unix = true;
	atomic_store(&conn->state, CONN_QUEUED);

	pthread_mutex_lock(&host->conns_lock);
	conn->next = host->conns;
	if (conn->next)
		conn->next->prev = conn;
	host->conns = conn;
	host->conn_count++;
	pthread_mutex_unlock(&host->conns_lock);
	hf_counter_add(host->counter_connections, 1);
	hf_counter_add(host->counter_open, 1);
	return conn;
}

void hf_conn_identify(struct hf_conn *conn, const struct sockaddr_storage *peer)
{
	if (peer->ss_family != AF_INET && peer->ss_family != AF_INET6)
		return;
	conn->is_unix = false;
	conn->is_loopback = hf_endpoint_is_loopback(peer);
	hf_endpoint_text(peer, conn->peer_address, sizeof(conn->peer_address), conn->peer_port,
			 sizeof(conn->peer_port));
}

void hf_conn_close_session(struct hf_conn *conn)
{
	struct hf_limits *limits = conn->host->limits;

	if (conn->session_open) {
		conn->session_open = false;
		conn->module->module->close(conn);
	}
	hf_offload_detach(conn);
	if (conn->user) {
		hf_limits_logout(limits, hf_str(conn->user));
		pthread_mutex_lock(&conn->info_lock);
		hf_free(conn->user);
		conn->user = NULL;
		conn->was_user = true;
		pthread_mutex_unlock(&conn->info_lock);
	}
}

void hf_conn_discard(struct hf_conn *conn)
{
	struct hf_host *host = conn->host;
	uint64_t in = conn->octets_in, out = conn->octets_out;

	hf_conn_close_session(conn);
	hf_debug(&conn->log, "disconnect service=%s in=%llu out=%llu ms=%llu", conn->service,
		 (unsigned long long)in, (unsigned long long)out,
		 (unsigned long long)(hf_now_ms() - conn->started_ms));
	conn->gone = true;
	hf_conn_output_drop(conn);
	hf_conn_input_fini(conn);
	hf_compress_free(&conn->compress);
	hf_tls_conn_free(&conn->tls);
	hf_timers_remove(&host->timers, conn);
	if (conn->registered)
		epoll_ctl(host->sched.epoll, EPOLL_CTL_DEL, conn->fd, NULL);
	close(conn->fd);
	if (conn->counted)
		hf_limits_leave(host->limits, hf_str_n(conn->group_key, conn->group_size),
				!conn->was_user);
	hf_arena_free(&conn->arena);
	hf_snapshot_unref(&conn->snapshot);
	hf_counter_add(host->counter_open, -1);
	hf_counter_add(host->counter_in, (int64_t)in);
	hf_counter_add(host->counter_out, (int64_t)out);
	atomic_store(&conn->state, CONN_DEAD);

	pthread_mutex_lock(&host->conns_lock);
	hf_free(conn->service);
	conn->service = NULL;
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		host->conns = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	conn->next = host->spare;
	host->spare = conn;
	if (--host->conn_count == 0)
		pthread_cond_broadcast(&host->conns_gone);
	pthread_mutex_unlock(&host->conns_lock);
}

void hf_conn_wake_all(struct hf_host *host, unsigned events)
{
	pthread_mutex_lock(&host->conns_lock);
	for (struct hf_conn *conn = host->conns; conn; conn = conn->next)
		hf_conn_wake(conn, events);
	pthread_mutex_unlock(&host->conns_lock);
}

/* For modules ----------------------------------------------------------------- */

struct hf_host *hf_conn_host(struct hf_conn *conn)
{
	return conn->host;
}

void *hf_conn_state(struct hf_conn *conn)
{
	return conn->module->state;
}

const void *hf_conn_settings(struct hf_conn *conn)
{
	return conn->snapshot->data;
}

void hf_conn_set_session(struct hf_conn *conn, void *session)
{
	conn->session = session;
}

void *hf_conn_session(struct hf_conn *conn)
{
	return conn->session;
}

struct hf_arena *hf_conn_arena(struct hf_conn *conn)
{
	if (!conn->arena)
		conn->arena = hf_arena_new();
	return conn->arena;
}

uint64_t hf_conn_id(const struct hf_conn *conn)
{
	return conn->id;
}

const struct hf_log *hf_conn_log(const struct hf_conn *conn)
{
	return &conn->log;
}

/* Counts for the limit per user; beyond it, in the place of one that has been silent. */
static bool count_user(struct hf_conn *conn, struct hf_str user)
{
	struct hf_limits *limits = conn->host->limits;
	struct hf_str address = HF_STR_NULL;
	char *name;
	bool place;

	if (conn->counted && !conn->was_user)
		address = hf_str_n(conn->group_key, conn->group_size);
	if (hf_limits_login(limits, user, address, false))
		return true;
	name = hf_strndup(user.data, user.size);
	place = hf_conns_displace(conn->host, conn, name, hf_limits_get(limits).silent_after);
	hf_free(name);
	return place && hf_limits_login(limits, user, address, true);
}

enum hf_status hf_conn_set_user(struct hf_conn *conn, struct hf_str user)
{
	struct hf_limits *limits = conn->host->limits;
	char *former = conn->user;

	if (user.size && !count_user(conn, user)) {
		hf_info(&conn->log, "too-many-connections user=%s", hf_log_quote(user));
		return HF_ELIMIT;
	}
	if (user.size)
		conn->was_user = true;
	pthread_mutex_lock(&conn->info_lock);
	conn->user = user.size ? hf_strndup(user.data, user.size) : NULL;
	pthread_mutex_unlock(&conn->info_lock);
	if (former)
		hf_limits_logout(limits, hf_str(former));
	hf_free(former);
	set_log_fields(conn);
	return HF_OK;
}

void hf_conn_set_activity(struct hf_conn *conn, const char *activity)
{
	size_t size = strnlen(activity, sizeof(conn->activity) - 1);

	pthread_mutex_lock(&conn->info_lock);
	memcpy(conn->activity, activity, size);
	conn->activity[size] = '\0';
	pthread_mutex_unlock(&conn->info_lock);
}

struct hf_waiter *hf_conn_waiter(struct hf_conn *conn, unsigned event)
{
	switch (event) {
	case HF_EV_NEWS:
		return &conn->news.waiter;
	case HF_EV_ROOM:
		return &conn->room.waiter;
	default:
		hf_assert(event == HF_EV_DURABLE);
		return &conn->durable.waiter;
	}
}

bool hf_conn_is_tls(const struct hf_conn *conn)
{
	return conn->tls != NULL;
}

bool hf_conn_can_starttls(const struct hf_conn *conn)
{
	bool can;

	if (conn->tls || conn->starttls || conn->compress)
		return false;
	pthread_mutex_lock(&conn->host->lock);
	can = conn->host->tls != NULL;
	pthread_mutex_unlock(&conn->host->lock);
	return can;
}

void hf_conn_starttls(struct hf_conn *conn)
{
	hf_assert(!conn->tls);
	conn->starttls = true;
}

bool hf_conn_is_compressed(const struct hf_conn *conn)
{
	return conn->compressing;
}

void hf_conn_compress(struct hf_conn *conn)
{
	hf_assert(!conn->compressing);
	conn->compressing = true;
	hf_conn_output_compress(conn, true);
}

bool hf_conn_uncompress(struct hf_conn *conn)
{
	hf_assert(conn->compressing && !conn->uncompressing);
	if (conn->in_start < conn->in_end)
		return false;
	conn->compressing = false;
	conn->uncompressing = true;
	hf_conn_output_compress(conn, false);
	return true;
}

bool hf_conn_is_unix(const struct hf_conn *conn)
{
	return conn->is_unix;
}

bool hf_conn_is_loopback(const struct hf_conn *conn)
{
	return conn->is_loopback;
}

const char *hf_conn_peer_address(const struct hf_conn *conn)
{
	return conn->peer_address;
}

const char *hf_conn_peer_port(const struct hf_conn *conn)
{
	return *conn->peer_port ? conn->peer_port : NULL;
}

const char *hf_conn_local_port(struct hf_conn *conn)
{
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);
	char address[48];

	if (conn->is_unix)
		return NULL;
	if (!*conn->local_port && getsockname(conn->fd, (struct sockaddr *)&local, &size) == 0)
		hf_endpoint_text(&local, address, sizeof(address), conn->local_port,
				 sizeof(conn->local_port));
	return *conn->local_port ? conn->local_port : NULL;
}

/* What the handshake says stays as it is, and modules ask again and again: worked out once. */
struct hf_str hf_conn_external_id(struct hf_conn *conn)
{
	if (!conn->tls || !hf_tls_has_certificate(conn->tls))
		return HF_STR_NULL;
	if (!conn->identity_known)
		conn->external_id = hf_tls_external_id(conn->tls, hf_conn_arena(conn));
	conn->identity_known = true;
	return conn->external_id;
}

bool hf_conn_can_bind(const struct hf_conn *conn)
{
	return conn->tls && hf_tls_can_bind(conn->tls);
}

const char *hf_conn_tls_version(struct hf_conn *conn)
{
	return conn->tls ? hf_tls_version_name(conn->tls) : NULL;
}

struct hf_str hf_conn_binding(struct hf_conn *conn, enum hf_binding kind)
{
	if (!conn->tls)
		return HF_STR_NULL;
	if (!(conn->bindings_known & 1u << kind)) {
		conn->bindings[kind] = hf_tls_binding(conn->tls, kind, hf_conn_arena(conn));
		conn->bindings_known |= 1u << kind;
	}
	return conn->bindings[kind];
}
