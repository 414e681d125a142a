/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers. Each takes connections off the run queue; with nothing there it waits in epoll itself,
 * and runs the first connection that becomes ready without handing it to anybody. While all are
 * busy, a worker looks at epoll about every millisecond, so that the long lane cannot keep new
 * input waiting. */
#include "host/conn_priv.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>

#include "base/assert.h"
#include "base/clock.h"

enum { EVENTS = 8, GLANCE_US = 1000 };

static unsigned reasons(uint32_t events)
{
	unsigned why = 0;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		why |= EV_IO_IN;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		why |= EV_IO_OUT;
	return why;
}

/* Waits, and queues what has become ready but one connection, which is returned. */
static struct hf_conn *poll_once(struct hf_host *host, bool block)
{
	struct epoll_event events[EVENTS];
	struct hf_conn *mine = NULL;
	int n = epoll_wait(host->sched.epoll, events, EVENTS, block ? -1 : 0);

	if (block)
		hf_sched_awake(&host->sched);
	for (int i = 0; i < n; i++) {
		struct hf_poll *poll = events[i].data.ptr;

		switch (poll->kind) {
		case HF_POLL_CONN: {
			struct hf_conn *conn = HF_CONTAINER(poll, struct hf_conn, poll);

			if (!hf_conn_claim(conn, reasons(events[i].events)))
				break;
			if (block && !mine)
				mine = conn;
			else
				hf_sched_push(&host->sched, conn, false);
			break;
		}
		case HF_POLL_LISTENER:
			hf_listener_accept(HF_CONTAINER(poll, struct hf_listener, poll));
			break;
		case HF_POLL_TIMER:
			hf_timers_run(&host->timers);
			break;
		case HF_POLL_WAKE:
			if (!block) /* it was meant for a sleeper: the next pop signals again */
				hf_sched_signal_taken(&host->sched);
			break;
		}
	}
	return mine;
}

static void *worker(void *arg)
{
	struct hf_host *host = arg;
	uint64_t glanced = 0;
	bool stop = false;

	while (!stop) {
		struct hf_conn *conn;

		if (hf_sched_all_busy(&host->sched)) {
			uint64_t now = hf_now_us();

			if (now - glanced > GLANCE_US) {
				poll_once(host, false);
				glanced = now;
			}
		}
		conn = hf_sched_pop(&host->sched, &stop);
		if (!conn && !stop)
			conn = poll_once(host, true);
		if (conn)
			hf_conn_run(conn);
	}
	hf_buffers_release();
	return NULL;
}

void hf_workers_start(struct hf_host *host, unsigned count)
{
	host->workers = hf_realloc_array(NULL, count, sizeof(*host->workers));
	for (host->worker_count = 0; host->worker_count < count; host->worker_count++) {
		int error = pthread_create(&host->workers[host->worker_count], NULL, worker, host);

		hf_assert(error == 0 || host->worker_count >= 2);
		if (error)
			break;
		pthread_setname_np(host->workers[host->worker_count], "hf-worker");
	}
}

void hf_workers_stop(struct hf_host *host)
{
	hf_sched_stop(&host->sched);
	for (unsigned i = 0; i < host->worker_count; i++)
		pthread_join(host->workers[i], NULL);
	host->worker_count = 0;
	hf_free(host->workers);
	host->workers = NULL;
}
