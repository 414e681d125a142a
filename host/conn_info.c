/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is connected: for `hfctl who` and `hfctl kick`, and who gives way when a user has too many connections. */
#include "host/conn_priv.h"
#include "host/verbs_priv.h"

#include <string.h>

#include "base/clock.h"

/* With info_lock held. */
static bool is_users(const struct hf_conn *conn, const char *user)
{
	return !user || (conn->user && hf_str_ieq(hf_str(conn->user), hf_str(user)));
}

static json_t *describe(struct hf_conn *conn, uint64_t now)
{
	return json_pack("{s:I, s:s, s:s?, s:s, s:b, s:I, s:I, s:I, s:s}", "id",
			 (json_int_t)conn->id, "service", conn->service, "user", conn->user,
			 "address", conn->peer_address, "loopback",
			 (int)(conn->is_loopback || conn->is_unix), "seconds",
			 (json_int_t)((now - conn->started_ms) / 1000), "in",
			 (json_int_t)atomic_load(&conn->octets_in), "out",
			 (json_int_t)atomic_load(&conn->octets_out), "activity", conn->activity);
}

json_t *hf_conns_list(struct hf_host *host, const char *user)
{
	json_t *list = json_array();
	uint64_t now = hf_now_ms();

	pthread_mutex_lock(&host->conns_lock);
	for (struct hf_conn *conn = host->conns; conn; conn = conn->next) {
		pthread_mutex_lock(&conn->info_lock);
		if (is_users(conn, user))
			json_array_append_new(list, describe(conn, now));
		pthread_mutex_unlock(&conn->info_lock);
	}
	pthread_mutex_unlock(&host->conns_lock);
	return list;
}

size_t hf_conns_kick(struct hf_host *host, uint64_t id, const char *user)
{
	size_t count = 0;

	pthread_mutex_lock(&host->conns_lock);
	for (struct hf_conn *conn = host->conns; conn; conn = conn->next) {
		bool chosen;

		pthread_mutex_lock(&conn->info_lock);
		chosen = (!id || conn->id == id) && is_users(conn, user);
		pthread_mutex_unlock(&conn->info_lock);
		if (chosen) {
			hf_conn_wake(conn, HF_EV_QUIT);
			count++;
		}
	}
	pthread_mutex_unlock(&host->conns_lock);
	return count;
}

bool hf_conns_displace(struct hf_host *host, const struct hf_conn *by, const char *user, uint64_t silent_ms)
{
	struct hf_conn *oldest = NULL;
	uint64_t oldest_ms = UINT64_MAX, now = hf_now_ms();

	pthread_mutex_lock(&host->conns_lock);
	for (struct hf_conn *conn = host->conns; conn; conn = conn->next) {
		uint64_t heard = atomic_load(&conn->heard_ms);
		bool theirs;

		if (conn == by || heard >= oldest_ms || now - heard < silent_ms || atomic_load(&conn->displaced))
			continue;
		pthread_mutex_lock(&conn->info_lock);
		theirs = conn->user && is_users(conn, user);
		pthread_mutex_unlock(&conn->info_lock);
		if (theirs) {
			oldest = conn;
			oldest_ms = heard;
		}
	}
	if (oldest) {
		atomic_store(&oldest->displaced, true);
		hf_conn_wake(oldest, HF_EV_QUIT);
	}
	pthread_mutex_unlock(&host->conns_lock);
	return oldest;
}

bool hf_conn_is_displaced(const struct hf_conn *conn)
{
	return atomic_load(&conn->displaced);
}
