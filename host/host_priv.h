/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the host share: the process (struct hf_host), its threads, its listeners. */
#ifndef HF_HOST_HOST_PRIV_H
#define HF_HOST_HOST_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/config_priv.h"
#include "host/module.h"
#include "sasl/sasl.h"

struct hf_pool;
struct hf_tls;
struct hf_limits;
struct hf_jobs;

/* What an epoll entry points at. */
enum hf_poll_kind { HF_POLL_CONN, HF_POLL_LISTENER, HF_POLL_TIMER, HF_POLL_WAKE };
struct hf_poll {
	enum hf_poll_kind kind;
};

/* sched.c: connections that are ready, in two lanes --------------------------- */

struct hf_queue {
	struct hf_conn *first, *last;
	size_t count;
};

struct hf_sched {
	int epoll;
	int wake; /* eventfd, edge-triggered */
	struct hf_poll wake_poll;
	pthread_mutex_t
		lock; /* "run queue" in the order of locks: the innermost but log and counters */
	struct hf_queue lanes[2] HF_GUARDED_BY(lock); /* short, long */
	unsigned taken HF_GUARDED_BY(lock);
	int sleepers HF_GUARDED_BY(lock); /* workers in epoll_wait */
	int signals HF_GUARDED_BY(lock);  /* writes to `wake` since a worker last came out of it */
	bool stop HF_GUARDED_BY(lock);
	_Atomic uint64_t turns; /* of all connections, for the watchdog and stats */
};

void hf_sched_init(struct hf_sched *sched);
void hf_sched_fini(struct hf_sched *sched);
void hf_sched_stop(struct hf_sched *sched);
void hf_sched_push(struct hf_sched *sched, struct hf_conn *conn, bool long_lane);
/* Takes the next connection, or NULL: then the caller counts as asleep until hf_sched_awake().
 * *stop: the worker ends. */
struct hf_conn *hf_sched_pop(struct hf_sched *sched, bool *stop);
void hf_sched_awake(struct hf_sched *sched);
/* A busy worker has met a signal that was meant for a sleeper. */
void hf_sched_signal_taken(struct hf_sched *sched);
bool hf_sched_all_busy(struct hf_sched *sched);
size_t hf_sched_length(struct hf_sched *sched);

/* worker.c -------------------------------------------------------------------- */

void hf_workers_start(struct hf_host *host, unsigned count);
void hf_workers_stop(struct hf_host *host);

/* timer.c: one timer per connection ------------------------------------------- */

struct hf_timers {
	struct hf_poll poll;
	int fd; /* timerfd */
	int epoll;
	pthread_mutex_t lock; /* before the run queue's */
	struct hf_conn **heap HF_GUARDED_BY(lock);
	size_t count HF_GUARDED_BY(lock)
	, capacity HF_GUARDED_BY(lock);
	uint64_t armed HF_GUARDED_BY(lock); /* ms; 0: not */
};

void hf_timers_init(struct hf_timers *timers, int epoll);
void hf_timers_fini(struct hf_timers *timers);
/* Sees to it that the connection is looked at no later than its next deadline. */
void hf_timers_ensure(struct hf_timers *timers, struct hf_conn *conn);
void hf_timers_remove(struct hf_timers *timers, struct hf_conn *conn);
/* Called by the worker that saw the timerfd: wakes those that are due. */
void hf_timers_run(struct hf_timers *timers);

/* offload.c: helper threads --------------------------------------------------- */

struct hf_task {
	struct hf_task *next;
	void (*run)(struct hf_task *task); /* on a helper; the task may be freed by it */
};
/* At most `threads` helpers, started when needed, and `depth` tasks waiting. */
struct hf_pool *hf_pool_new(const char *name, unsigned threads, size_t depth);
void hf_pool_free(struct hf_pool **pool); /* waits for what runs and what waits */
bool hf_pool_submit(struct hf_pool *pool, struct hf_task *task);
size_t hf_pool_waiting(struct hf_pool *pool);
/* At the end of a connection: forgets its offload, or gives its result to drop(). */
void hf_offload_detach(struct hf_conn *conn);
/* The step is about to be told HF_EV_OFFLOAD: the connection may start another. */
void hf_offload_delivered(struct hf_conn *conn);
void hf_jobs_stop(struct hf_host *host);
void hf_jobs_each(struct hf_host *host, void (*fn)(void *arg, const char *name), void *arg);

/* limits.c -------------------------------------------------------------------- */

struct hf_limits *hf_limits_new(void);
void hf_limits_free(struct hf_limits **limits);
/* Keeps a copy of all that it needs. */
void hf_limits_set(struct hf_limits *limits, const struct hf_limits_settings *settings);
struct hf_limits_settings hf_limits_get(struct hf_limits *limits);
/* Counts a connection. `address` is empty for those that count only in all. NULL, or which limit is
 * reached. */
const char *hf_limits_enter(struct hf_limits *limits, struct hf_str address);
/* And out again; `waiting`: it had no user. */
void hf_limits_leave(struct hf_limits *limits, struct hf_str address, bool waiting);
/* It has a user now: no longer waiting. `over`: in the place of one that is about to end. */
bool hf_limits_login(struct hf_limits *limits, struct hf_str user, struct hf_str address, bool over);
void hf_limits_logout(struct hf_limits *limits, struct hf_str user);
/* Whether it comes from one of the networks that have no limit by address. */
bool hf_limits_exempts(struct hf_limits *limits, const struct sockaddr_storage *peer);
size_t hf_limits_connections(struct hf_limits *limits);

/* endpoint.c ------------------------------------------------------------------ */

struct hf_endpoint {
	struct sockaddr_storage sa;
	socklen_t size;
	bool any; /* "*": IPv6 with IPv4 mapped, or IPv4 alone where there is no IPv6 */
};
bool hf_endpoint_parse(const char *text, struct hf_endpoint *endpoint, struct hf_note *why);
/* "192.0.2.1" (mapped IPv4 shown as IPv4) and "192.0.2.1;143". */
void hf_endpoint_text(const struct sockaddr_storage *sa, char *address, size_t address_size,
		      char *port, size_t port_size);
bool hf_endpoint_is_loopback(const struct sockaddr_storage *sa);
/* What is counted as one client: an IPv4 address, or an IPv6 /64. Returns the octets used in `key`
 * (at least 16). */
size_t hf_endpoint_group(const struct sockaddr_storage *sa, uint8_t *key);
bool hf_network_has(const struct hf_network *network, const struct sockaddr_storage *sa);

/* listener.c ------------------------------------------------------------------ */

struct hf_listener {
	struct hf_poll poll;
	struct hf_listener *next; /* host->lock */
	struct hf_host *host;
	char *address;
	struct {
		char *owner, *group, *mode;
	} made; /* as bound */
	bool is_unix;
	pthread_mutex_t
		lock; /* held while accepting; before the connections' and the run queue's */
	struct hf_loaded *module HF_GUARDED_BY(lock); /* NULL: missing, nothing is accepted */
	char *service HF_GUARDED_BY(lock);
	bool tls HF_GUARDED_BY(lock)
	, watched HF_GUARDED_BY(lock);
	bool paused HF_GUARDED_BY(lock); /* out of descriptors: not armed */
	int fd HF_GUARDED_BY(lock);      /* -1: closed; the struct stays until the host ends */
};

/* Bound and listening, not served yet. NULL with a reason; *privileges: more of them would have
 * helped. */
struct hf_listener *hf_listener_open(struct hf_host *host,
				     const struct hf_listen_settings *settings, struct hf_note *why,
				     bool *privileges);
/* Which module serves it from now on. */
void hf_listener_serve(struct hf_listener *listener, struct hf_loaded *module, const char *service,
		       bool tls);
void hf_listener_start(struct hf_listener *listener);  /* into epoll, if a module serves it */
void hf_listener_accept(struct hf_listener *listener); /* on a worker */
void hf_listener_resume(struct hf_listener *listener); /* after a pause */
void hf_listener_close(struct hf_listener *listener, bool remove_path);
void hf_listener_free(struct hf_listener **listener);
bool hf_listener_matches(const struct hf_listener *listener,
			 const struct hf_listen_settings *settings);
/* A unix socket bound and listening; a stale one in its place is removed. -1 with a reason. */
int hf_unix_listen(const char *path, const char *owner, const char *group, mode_t mode,
		   struct hf_note *why, bool *privileges);

/* The host -------------------------------------------------------------------- */

struct hf_loaded {
	struct hf_loaded *next;
	struct hf_host *host;
	const struct hf_module *module;
	void *state;
	pthread_mutex_t lock;
	struct hf_snapshot *snapshot HF_GUARDED_BY(lock); /* for new connections */
};

struct hf_control;
struct hf_poller;

struct hf_host {
	struct hf_log log;
	char *hostname;
	char *config_path; /* NULL in tests */
	struct hf_loader *loader;
	struct hf_store *store;
	struct hf_sasl *sasl;
	struct hf_sched sched;
	struct hf_timers timers;
	struct hf_limits *limits;
	struct hf_pool *offload, *verbs;
	struct hf_jobs *jobs;
	struct hf_control *control;
	struct hf_poller *poller;
	bool tls_complained; /* reload_lock */
	pthread_t *workers;
	unsigned worker_count;
	atomic_bool stopping;
	bool job_stop;   /* the `stop` that jobs look at (hf_jobs) */
	int64_t started; /* wall clock, s */

	pthread_mutex_t reload_lock; /* one reload at a time; before all others */
	pthread_mutex_t lock;        /* setup, tls, listeners, modules lists */
	struct hf_setup *setup HF_GUARDED_BY(lock);
	struct hf_tls *tls HF_GUARDED_BY(lock);
	struct hf_listener *listeners HF_GUARDED_BY(lock);
	struct hf_loaded *modules HF_GUARDED_BY(lock);

	pthread_mutex_t conns_lock;
	struct hf_conn *conns HF_GUARDED_BY(conns_lock); /* living */
	struct hf_conn *spare HF_GUARDED_BY(conns_lock); /* ended, to be used again */
	struct hf_conn_block *blocks HF_GUARDED_BY(conns_lock);
	uint64_t next_id HF_GUARDED_BY(conns_lock);
	size_t conn_count HF_GUARDED_BY(conns_lock);
	pthread_cond_t conns_gone;

	int exit_request; /* eventfd for main: `hfctl stop` */
	struct hf_counter *counter_connections, *counter_open, *counter_in, *counter_out;
};

/* host.c */
struct hf_host *hf_host_new(struct hf_setup **setup, struct hf_loader *loader);
enum hf_status hf_host_bind(struct hf_host *host,
			    struct hf_note *why); /* listeners, TLS, control: while privileged */
/* The rules of the settings, to the store. */
void hf_host_set_retention(struct hf_host *host);
enum hf_status hf_host_open(struct hf_host *host, bool with_store,
			    struct hf_note *why); /* store, SASL, modules */
void hf_host_serve(struct hf_host *host);
void hf_host_stop(struct hf_host *host); /* graceful, returns when all is closed */
void hf_host_free(struct hf_host **host);
struct hf_loaded *hf_host_module(struct hf_host *host, const char *name);
/* Loads the modules that are not yet; those that refuse are noted. */
void hf_host_load_modules(struct hf_host *host, const struct hf_setup *setup, struct hf_note *why);
struct hf_snapshot *hf_loaded_snapshot(struct hf_loaded *module); /* a new reference */
void hf_host_log_setup(const struct hf_setup *setup);

/* reload.c */
enum hf_status hf_host_reload(struct hf_host *host, struct hf_note *why);
/* Takes over a configuration that has been read; frees it or the former one. */
enum hf_status hf_host_apply(struct hf_host *host, struct hf_setup **setup, struct hf_note *why);

/* poller.c: the thread for what is neither a connection nor long: control connections, files that
 * change, the watchdog */
struct hf_poller *hf_poller_new(struct hf_host *host);
void hf_poller_free(struct hf_poller **poller);

/* control.c */
struct hf_control *hf_control_open(const char *path, const char *group,
				   const struct hf_host_settings *settings, struct hf_note *why);
void hf_control_close(struct hf_control **control, bool remove_path);
int hf_control_fd(const struct hf_control *control);
void hf_control_accept(struct hf_host *host, struct hf_control *control);
/* One request, as it stands on the wire, to its reply. Thread-safe. */
json_t *hf_control_answer(struct hf_host *host, const json_t *request);

/* accounts.c: the store's accounts for SASL */
void hf_host_accounts(struct hf_host *host, struct hf_sasl_accounts *accounts);

/* privileges.c */
struct hf_identity {
	uid_t uid;
	gid_t gid;
	const char *user;
	bool change; /* started as root with another user to become */
};
bool hf_identity_find(const char *user, const char *group, struct hf_identity *identity,
		      struct hf_note *why);
enum hf_status hf_identity_assume(const struct hf_identity *identity, struct hf_note *why);
bool hf_user_group_ids(const char *user, const char *group, uid_t *uid, gid_t *gid,
		       struct hf_note *why);

/* notify.c: systemd */
void hf_notify(const char *state);
/* Half of WATCHDOG_USEC in ms; 0: none wanted. */
uint64_t hf_notify_watchdog_ms(void);

#endif
