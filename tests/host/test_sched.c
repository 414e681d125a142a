/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler under stress: no wake-up is lost, no connection is run by two workers at once, the
 * long lane keeps nobody waiting. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/host/host_test.h"

enum { CLIENTS = 200, ROUNDS = 30, THREADS = 4 };

static struct hf_host *host;
static int fds[CLIENTS];

/* Each thread plays a share of the clients, with requests of every kind, some pipelined. */
static void *play(void *arg)
{
	unsigned part = (unsigned)(uintptr_t)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = part; i < CLIENTS; i += THREADS) {
			if ((i + round) % 5 == 0)
				put(fds[i], "ECHO a\r\nSPIN 3\r\nECHO b");
			else if ((i + round) % 5 == 1)
				put(fds[i], "BULK 3000");
			else
				put(fds[i], "ECHO c");
		}
		for (unsigned i = part; i < CLIENTS; i += THREADS) {
			if ((i + round) % 5 == 0) {
				expect(fds[i], "a");
				expect(fds[i], "spun");
				expect(fds[i], "b");
			} else if ((i + round) % 5 == 1) {
				ck_assert_uint_eq(strlen(get(fds[i])), 3000);
				expect(fds[i], "done");
			} else {
				expect(fds[i], "c");
			}
		}
	}
	return NULL;
}

static _Atomic bool over;

static void *disturb(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		echo_news(); /* which these sessions do not wait for: wakes at any moment */
		usleep(3000);
	}
	return NULL;
}

START_TEST(every_request_is_answered_under_stress)
{
	pthread_t threads[THREADS], disturber;

	host = host_start("limits: { workers = 8; };");
	for (unsigned i = 0; i < CLIENTS; i++)
		fds[i] = host_connect(host);
	ck_assert_int_eq(pthread_create(&disturber, NULL, disturb, NULL), 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, play, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&over, true);
	pthread_join(disturber, NULL);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fds[i]);
	wait_connections(host, 0);
	host_end(&host);
}
END_TEST

/* Waits for news only: each wake from another thread must come through, however it falls. */
START_TEST(no_news_is_lost)
{
	host = host_start("limits: { workers = 4; };");
	for (unsigned i = 0; i < 20; i++)
		fds[i] = host_connect(host);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 20; i++)
			put(fds[i], "NEWS");
		usleep(round % 7 * 100);
		for (unsigned i = 0; i < 20; i++) {
			/* it may not have read its line yet: then the next news is for it */
			while (!readable(fds[i], 1))
				echo_news();
			expect(fds[i], "news");
		}
	}
	for (unsigned i = 0; i < 20; i++)
		close(fds[i]);
	host_end(&host);
}
END_TEST

START_TEST(connections_come_and_go)
{
	host = host_start("limits: { workers = 4; };");
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 20; i++)
			fds[i] = host_connect(host);
		for (unsigned i = 0; i < 20; i++)
			put(fds[i], i % 3 == 0 ? "ECHO x\r\nQUIT" : i % 3 == 1 ? "ABORT" : "NEWS");
		for (unsigned i = 0; i < 20; i++) {
			if (i % 3 == 0) {
				expect(fds[i], "x");
				expect(fds[i], "bye");
				expect_end(fds[i]);
			} else if (i % 3 == 1) {
				expect_end(fds[i]);
			}
		}
		for (unsigned i = 0; i < 20; i++)
			close(fds[i]);
		echo_news(); /* lets those that wait for it see the end of their input */
	}
	while (hf_host_connections_for_test(host))
		echo_news();
	host_end(&host);
}
END_TEST

/* Spinning connections would each keep it waiting for seconds; what a busy machine does to a few of many rounds is not ours. */
START_TEST(long_work_keeps_nobody_waiting)
{
	unsigned late = 0;

	host = host_start("limits: { workers = 2; };");
	for (unsigned i = 0; i < 6; i++) {
		fds[i] = host_connect(host);
		put(fds[i], "SPIN 2000000000");
	}
	fds[6] = host_connect(host);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t begin = hf_now_us();

		put(fds[6], "ECHO x");
		expect(fds[6], "x");
		late += hf_now_us() - begin >= 200000;
		usleep(1000);
	}
	ck_assert_msg(late <= 4, "%u of 200 took 200 ms or more", late);
	for (unsigned i = 0; i < 7; i++)
		close(fds[i]);
	host_end(&host); /* quits the spinning ones */
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, every_request_is_answered_under_stress);
	tcase_add_test(tc, no_news_is_lost);
	tcase_add_test(tc, connections_come_and_go);
	tcase_add_test(tc, long_work_keeps_nobody_waiting);
}

int main(void)
{
	return run_tests("sched", add);
}
