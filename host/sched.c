/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is run next. A connection's state word says where it is:
 *
 *     PARKED --wake--> QUEUED --worker--> RUNNING --over--> PARKED
 *                         ^                  | wake
 *                         +--- over --- RERUN <
 *
 * Always: a connection is in at most one queue and run by at most one worker; whoever moves PARKED
 * to QUEUED owes the push (or runs it itself); a reason is in `events` before the state is looked
 * at, so none is lost. */
#include "host/conn_priv.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

enum { RERUNS_MAX = 16 };

void hf_sched_init(struct hf_sched *sched)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	pthread_mutex_init(&sched->lock, NULL);
	sched->epoll = epoll_create1(EPOLL_CLOEXEC);
	sched->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	hf_assert(sched->epoll >= 0 && sched->wake >= 0);
	sched->wake_poll.kind = HF_POLL_WAKE;
	event.data.ptr = &sched->wake_poll;
	hf_assert(epoll_ctl(sched->epoll, EPOLL_CTL_ADD, sched->wake, &event) == 0);
}

void hf_sched_fini(struct hf_sched *sched)
{
	close(sched->wake);
	close(sched->epoll);
	pthread_mutex_destroy(&sched->lock);
}

/* The eventfd is edge-triggered and never read: each write wakes one worker, or the next that goes
 * to sleep. */
static void signal_worker(struct hf_sched *sched)
{
	uint64_t one = 1;

	while (write(sched->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void pass_signal(void *arg)
{
	signal_worker(arg);
}

void hf_sched_stop(struct hf_sched *sched)
{
	pthread_mutex_lock(&sched->lock);
	sched->stop = true;
	pthread_mutex_unlock(&sched->lock);
	signal_worker(sched);
}

static bool needs_signal_locked(struct hf_sched *sched) HF_REQUIRES(sched->lock);
static bool needs_signal_locked(struct hf_sched *sched)
{
	if (sched->sleepers <= sched->signals)
		return false;
	sched->signals++;
	return true;
}

static void add(struct hf_queue *queue, struct hf_conn *conn)
{
	conn->queue_next = NULL;
	if (queue->last)
		queue->last->queue_next = conn;
	else
		queue->first = conn;
	queue->last = conn;
	queue->count++;
}

/* By the worker that has just run it and takes the next from the queue at once, this one if there is no other: nobody has
 * to be woken. */
static void push_back(struct hf_sched *sched, struct hf_conn *conn, bool long_lane)
{
	pthread_mutex_lock(&sched->lock);
	add(&sched->lanes[long_lane], conn);
	pthread_mutex_unlock(&sched->lock);
}

void hf_sched_push(struct hf_sched *sched, struct hf_conn *conn, bool long_lane)
{
	bool wake;

	pthread_mutex_lock(&sched->lock);
	add(&sched->lanes[long_lane], conn);
	wake = needs_signal_locked(sched);
	pthread_mutex_unlock(&sched->lock);
	if (wake && !hf_wakes_later(pass_signal, sched))
		signal_worker(sched);
}

static struct hf_conn *take(struct hf_queue *queue)
{
	struct hf_conn *conn = queue->first;

	queue->first = conn->queue_next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	return conn;
}

struct hf_conn *hf_sched_pop(struct hf_sched *sched, bool *stop)
{
	struct hf_conn *conn = NULL;
	bool wake = false, ending;

	pthread_mutex_lock(&sched->lock);
	/* long entries when nothing short waits, or every fourth time */
	if (sched->lanes[1].first && (!sched->lanes[0].first || ++sched->taken % 4 == 0))
		conn = take(&sched->lanes[1]);
	else if (sched->lanes[0].first)
		conn = take(&sched->lanes[0]);
	ending = sched->stop && !conn;
	if (!conn && !ending)
		sched->sleepers++;
	else if (sched->lanes[0].first || sched->lanes[1].first)
		wake = needs_signal_locked(sched); /* writes to an eventfd may have become one */
	pthread_mutex_unlock(&sched->lock);
	if (wake || ending)
		signal_worker(sched); /* the end is passed on from worker to worker */
	*stop = ending;
	return conn;
}

void hf_sched_awake(struct hf_sched *sched)
{
	pthread_mutex_lock(&sched->lock);
	sched->sleepers--;
	sched->signals = 0;
	pthread_mutex_unlock(&sched->lock);
}

void hf_sched_signal_taken(struct hf_sched *sched)
{
	pthread_mutex_lock(&sched->lock);
	sched->signals = 0;
	pthread_mutex_unlock(&sched->lock);
}

bool hf_sched_all_busy(struct hf_sched *sched)
{
	bool busy;

	pthread_mutex_lock(&sched->lock);
	busy = sched->sleepers == 0;
	pthread_mutex_unlock(&sched->lock);
	return busy;
}

size_t hf_sched_length(struct hf_sched *sched)
{
	size_t length;

	pthread_mutex_lock(&sched->lock);
	length = sched->lanes[0].count + sched->lanes[1].count;
	pthread_mutex_unlock(&sched->lock);
	return length;
}

bool hf_conn_claim(struct hf_conn *conn, unsigned events)
{
	unsigned state;

	atomic_fetch_or(&conn->events, events);
	state = atomic_load(&conn->state);
	for (;;) {
		switch (state) {
		case CONN_PARKED:
			if (atomic_compare_exchange_weak(&conn->state, &state, CONN_QUEUED))
				return true;
			break;
		case CONN_RUNNING:
			if (atomic_compare_exchange_weak(&conn->state, &state, CONN_RERUN))
				return false;
			break;
		default: /* queued already; or ended */
			return false;
		}
	}
}

void hf_conn_wake(struct hf_conn *conn, unsigned events)
{
	if (hf_conn_claim(conn, events))
		hf_sched_push(&conn->host->sched, conn, false);
}

/* Tells epoll what to report. Before the state becomes PARKED: an event that comes at once then
 * finds RUNNING. */
static void arm(struct hf_conn *conn)
{
	unsigned interest = hf_conn_interest(conn);
	struct epoll_event event = { .events = interest | EPOLLONESHOT, .data.ptr = &conn->poll };

	if (interest == 0 || conn->armed == interest || conn->fd < 0)
		return;
	if (epoll_ctl(conn->host->sched.epoll, conn->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
		      conn->fd, &event) != 0) {
		hf_error(&conn->log, "epoll error=%d", errno);
		conn->gone = conn->input_ended = true;
		atomic_fetch_or(&conn->events, EV_ABORT);
		return;
	}
	conn->registered = true;
	conn->armed = interest;
}

/* false: it has been woken for a reason that its turn has not seen. Once this has returned true,
 * another worker may have it. */
static bool park(struct hf_conn *conn)
{
	for (;;) {
		unsigned state = CONN_RUNNING;

		if (atomic_compare_exchange_strong(&conn->state, &state, CONN_PARKED))
			return true;
		atomic_store(&conn->state, CONN_RUNNING); /* it was RERUN */
		if (atomic_load(&conn->events))
			return false;
	}
}

void hf_conn_run(struct hf_conn *conn)
{
	struct hf_sched *sched = &conn->host->sched;

	atomic_fetch_add_explicit(&sched->turns, 1, memory_order_relaxed);
	atomic_store(&conn->state, CONN_RUNNING);
	for (int rerun = 0;; rerun++) {
		enum conn_turn turn = hf_conn_turn(conn);

		if (turn == TURN_DONE)
			return;
		if (turn != TURN_PARK || rerun == RERUNS_MAX) {
			atomic_store(&conn->state, CONN_QUEUED);
			push_back(sched, conn, turn == TURN_AGAIN_LONG);
			return;
		}
		arm(conn);
		if (park(conn))
			return;
	}
}
