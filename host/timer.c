/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: a heap of connections by the moment at which they must be looked at, and one timerfd in
 * epoll for its top.
 *
 * Setting a timer later than before, which every command does, costs nothing: the entry stays where
 * it is, and when its moment comes it moves to the deadline of then. The deadlines themselves are
 * the worker's; here they are only read. */
#include "host/conn_priv.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"

void hf_timers_init(struct hf_timers *timers, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

	timers->poll.kind = HF_POLL_TIMER;
	timers->epoll = epoll;
	timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	hf_assert(timers->fd >= 0);
	pthread_mutex_init(&timers->lock, NULL);
	event.data.ptr = &timers->poll;
	hf_assert(epoll_ctl(epoll, EPOLL_CTL_ADD, timers->fd, &event) == 0);
}

void hf_timers_fini(struct hf_timers *timers)
{
	close(timers->fd);
	hf_free(timers->heap);
	pthread_mutex_destroy(&timers->lock);
}

static uint64_t next_deadline(const struct hf_conn *conn)
{
	uint64_t a = atomic_load(&conn->timer), b = atomic_load(&conn->deadline);

	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static void put(struct hf_timers *timers, size_t index, struct hf_conn *conn)
{
	timers->heap[index] = conn;
	conn->heap_index = index + 1;
}

static void sift_up(struct hf_timers *timers, size_t index)
{
	struct hf_conn *conn = timers->heap[index];

	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (timers->heap[parent]->heap_key <= conn->heap_key)
			break;
		put(timers, index, timers->heap[parent]);
		index = parent;
	}
	put(timers, index, conn);
}

static void sift_down(struct hf_timers *timers, size_t index)
{
	struct hf_conn *conn = timers->heap[index];

	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= timers->count)
			break;
		if (child + 1 < timers->count &&
		    timers->heap[child + 1]->heap_key < timers->heap[child]->heap_key)
			child++;
		if (timers->heap[child]->heap_key >= conn->heap_key)
			break;
		put(timers, index, timers->heap[child]);
		index = child;
	}
	put(timers, index, conn);
}

static void insert(struct hf_timers *timers, struct hf_conn *conn, uint64_t key)
{
	if (timers->count == timers->capacity) {
		timers->capacity = timers->capacity ? timers->capacity * 2 : 64;
		timers->heap =
			hf_realloc_array(timers->heap, timers->capacity, sizeof(struct hf_conn *));
	}
	conn->heap_key = key;
	put(timers, timers->count++, conn);
	sift_up(timers, timers->count - 1);
}

static void delete (struct hf_timers *timers, struct hf_conn *conn)
{
	size_t index = conn->heap_index - 1;
	struct hf_conn *last = timers->heap[--timers->count];

	conn->heap_index = 0;
	if (last == conn)
		return;
	put(timers, index, last);
	sift_up(timers, index);
	sift_down(timers, last->heap_index - 1);
}

/* Sets the timerfd to the top of the heap, if that is sooner than it is set to (or `always`). */
static void rearm(struct hf_timers *timers, bool always)
{
	uint64_t top = timers->count ? timers->heap[0]->heap_key : 0;
	struct itimerspec at = { .it_value = { .tv_sec = (time_t)(top / 1000),
					       .tv_nsec = (long)(top % 1000) * 1000000 } };

	if (!always && (top == 0 || (timers->armed && timers->armed <= top)))
		return;
	timers->armed = top;
	timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void hf_timers_ensure(struct hf_timers *timers, struct hf_conn *conn)
{
	uint64_t key = next_deadline(conn);

	if (!key)
		return;
	pthread_mutex_lock(&timers->lock);
	if (!conn->heap_index) {
		insert(timers, conn, key);
	} else if (key < conn->heap_key) {
		conn->heap_key = key;
		sift_up(timers, conn->heap_index - 1);
	}
	rearm(timers, false);
	pthread_mutex_unlock(&timers->lock);
}

void hf_timers_remove(struct hf_timers *timers, struct hf_conn *conn)
{
	pthread_mutex_lock(&timers->lock);
	if (conn->heap_index)
		delete (timers, conn);
	pthread_mutex_unlock(&timers->lock);
}

void hf_timers_run(struct hf_timers *timers)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = &timers->poll };
	uint64_t now = hf_now_ms(), expirations;

	pthread_mutex_lock(&timers->lock);
	if (read(timers->fd, &expirations, sizeof(expirations)) < 0)
		expirations = 0; /* set anew meanwhile */
	while (timers->count && timers->heap[0]->heap_key <= now) {
		struct hf_conn *conn = timers->heap[0];
		uint64_t next = next_deadline(conn);

		delete (timers, conn);
		if (next && next > now)
			insert(timers, conn, next);
		else if (next)
			hf_conn_wake(conn, EV_TIME); /* it puts itself in again */
	}
	rearm(timers, true);
	pthread_mutex_unlock(&timers->lock);
	epoll_ctl(timers->epoll, EPOLL_CTL_MOD, timers->fd, &event);
}
