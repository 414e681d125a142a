/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections: input, output with back-pressure, timers, offload, limits, and every way to end. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/counter.h"
#include "host/host_priv.h"
#include "tests/host/host_test.h"

static struct hf_host *host;

static void setup(void)
{
	host = host_start(
		"limits: { write_timeout = \"1 s\"; linger = \"1 s\"; per_user = 2; helpers = 2; };");
}

static void teardown(void)
{
	host_end(&host);
}

/* Reads exactly so many octets; checks the pattern from `at` on when `pattern`. */
static void take(int fd, size_t size, size_t at, bool pattern)
{
	static char buffer[65536];

	while (size) {
		ssize_t n = recv(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), 0);

		ck_assert_int_gt(n, 0);
		for (ssize_t i = 0; pattern && i < n; i++)
			if (buffer[i] != (char)('a' + (at + (size_t)i) % 26))
				ck_abort_msg("at %zu: %c", at + (size_t)i, buffer[i]);
		at += (size_t)n;
		size -= (size_t)n;
	}
}

START_TEST(lines_may_come_in_any_pieces)
{
	static const char text[] = "ECHO one\r\nECHO two\r\nECHO three\r\nQUIT\r\n";
	int fd = host_connect(host);

	for (size_t i = 0; i < sizeof(text) - 1; i += (size_t)_i)
		ck_assert_int_gt(
			send(fd, text + i,
			     sizeof(text) - 1 - i < (size_t)_i ? sizeof(text) - 1 - i : (size_t)_i,
			     0),
			0);
	expect(fd, "one");
	expect(fd, "two");
	expect(fd, "three");
	expect(fd, "bye");
	expect_end(fd);
	close(fd);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answers)
{
	int fd = host_connect(host);

	put(fd, "ECHO a\r\nOFFLOAD 50\r\nECHO b");
	shutdown(fd, SHUT_WR);
	expect(fd, "a");
	expect(fd, "offloaded");
	expect(fd, "b");
	expect_end(fd);
	close(fd);
	wait_connections(host, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_is_noticed)
{
	int fd = host_connect(host);

	put(fd, "ECHO");
	expect(fd, "");
	ck_assert_int_eq(send(fd, "ECHO half", 9, 0), 9);
	close(fd);
	wait_connections(host, 0);
}
END_TEST

START_TEST(a_long_line_needs_to_be_allowed)
{
	int fd = host_connect(host);
	char *line = hf_alloc(200001);

	memset(line, 'x', 200000);
	line[200000] = '\n';
	put(fd, "NEED 300000");
	ck_assert_int_eq(send(fd, line, 200001, MSG_NOSIGNAL), 200001);
	expect(fd, "long 200000");
	put(fd, "NEED 0");
	put(fd, "ECHO x");
	expect(fd, "x");
	/* back at 64 KiB: a session that wants more than there is room for is ended, not spun */
	send(fd, line, 200001, MSG_NOSIGNAL);
	wait_connections(host, 0);
	hf_free(line);
	close(fd);
}
END_TEST

START_TEST(much_output_comes_whole)
{
	int fd = host_connect(host);

	put(fd, "BULK 5000000\r\nECHO x");
	take(fd, 5000000, 0, false);
	expect(fd, "");
	expect(fd, "done");
	expect(fd, "x");
	put(fd, "SOURCE 7000000\r\nSOURCE 100\r\nSOURCE 0\r\nECHO x");
	take(fd, 7000000, 0, true);
	expect(fd, "");
	expect(fd, "done");
	take(fd, 100, 0, true);
	expect(fd, "");
	expect(fd, "done");
	expect(fd, "");
	expect(fd, "done");
	expect(fd, "x");
	close(fd);
}
END_TEST

static size_t queued_now(void)
{
	json_t *reply = hf_host_request_for_test(host, "{\"verb\":\"who\",\"args\":[]}");
	json_t *list = json_object_get(reply, "result");
	size_t out = (size_t)json_integer_value(json_object_get(json_array_get(list, 0), "out"));

	json_decref(reply);
	return out;
}

/* What is written ahead stays near the high mark, however much there is. */
START_TEST(a_client_that_does_not_read_holds_little_and_is_closed)
{
	int fd = host_connect(host);
	size_t sent, now;

	put(fd, "BULK 100000000");
	while (!(now = queued_now()))
		usleep(1000);
	do {
		sent = now;
		usleep(200000);
		now = queued_now();
		ck_assert_msg(now < 2000000, "%zu octets went out to nobody", now);
	} while (now && now != sent); /* none: it has been closed already */
	wait_connections(host, 0); /* write_timeout */
	close(fd);
}
END_TEST

START_TEST(a_slow_reader_is_not_closed)
{
	int fd = host_connect(host);

	put(fd, "BULK 3000000");
	for (int i = 0; i < 15; i++) {
		take(fd, 200000, 0, false);
		usleep(120000); /* 1.8 s in all, more than write_timeout */
	}
	expect(fd, "");
	expect(fd, "done");
	close(fd);
}
END_TEST

START_TEST(a_source_that_ends_early_ends_the_connection)
{
	int fd = host_connect(host), other = host_connect(host);

	put(fd, "BROKEN 1000000");
	take(fd, 450000, 0, true);
	while (recv(fd, (char[4096]){ 0 }, 4096, 0) > 0)
		;
	wait_connections(host, 1);
	put(other, "ECHO x");
	expect(other, "x");
	close(fd);
	close(other);
}
END_TEST

START_TEST(timers_run_out_once)
{
	int fd = host_connect(host);
	uint64_t begin = hf_now_ms();

	put(fd, "TIMER 60");
	ck_assert(!readable(fd, 30) || hf_now_ms() - begin >= 60);
	expect(fd, "timer");
	ck_assert_uint_ge(hf_now_ms() - begin, 60);
	ck_assert(!readable(fd, 150));
	put(fd, "TIMER 50\r\nOFF");
	ck_assert(!readable(fd, 150));
	put(fd, "TIMER 10000");
	put(fd, "TIMER 50"); /* sooner than before */
	expect(fd, "timer");
	put(fd, "TIMER 500");
	usleep(20000);
	begin = hf_now_ms();
	put(fd, "TIMER 700"); /* later than before */
	expect(fd, "timer");
	ck_assert_uint_ge(hf_now_ms() - begin, 680);
	close(fd);
}
END_TEST

/* Within its slice, so that the turn does not begin anew. */
START_TEST(a_timer_that_runs_out_during_a_step_is_not_lost)
{
	int fd = host_connect(host);

	for (int i = 0; i < 20; i++) {
		put(fd, "TIMER 3\r\nBUSY 6");
		expect(fd, "timer");
	}
	close(fd);
}
END_TEST

START_TEST(many_timers_run_in_order)
{
	enum { N = 60 };
	int fds[N];

	for (int i = 0; i < N; i++) {
		char line[32];

		fds[i] = host_connect(host);
		snprintf(line, sizeof(line), "TIMER %d", 100 + i * 37 % N * 10);
		put(fds[i], line);
	}
	for (int i = 0; i < N; i += 7) {
		close(fds[i]); /* some go before theirs */
		fds[i] = -1;
	}
	for (int i = 0; i < N; i++) {
		if (fds[i] < 0)
			continue;
		expect(fds[i], "timer");
		ck_assert(!readable(fds[i], 0));
		close(fds[i]);
	}
	wait_connections(host, 0);
}
END_TEST

START_TEST(work_of_helpers_comes_back)
{
	int fd = host_connect(host), other = host_connect(host);

	put(fd, "OFFLOAD 100\r\nECHO after");
	put(other, "ECHO meanwhile");
	expect(other, "meanwhile");
	expect(fd, "offloaded");
	expect(fd, "after");
	close(fd);
	close(other);
}
END_TEST

START_TEST(what_helpers_did_for_the_dead_is_dropped)
{
	int fd = host_connect(host);

	put(fd, "OFFLOAD 300");
	usleep(50000);
	hf_host_free_for_test(&host); /* stop_timeout is longer: QUIT is answered at once */
	ck_assert_uint_eq(atomic_load(&echo_dropped), 1);
	close(fd);
	setup();
}
END_TEST

START_TEST(one_user_has_so_many_connections)
{
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = host_connect(host);
		put(fds[i], "USER anna");
		expect(fds[i], i < 2 ? "ok" : "limit");
	}
	put(fds[2], "USER ben");
	expect(fds[2], "ok");
	put(fds[0], "USER");
	expect(fds[0], "ok");
	put(fds[2], "USER anna"); /* from ben to anna */
	expect(fds[2], "ok");
	put(fds[0], "USER anna");
	expect(fds[0], "limit");
	close(fds[1]);
	wait_connections(host, 2);
	put(fds[0], "USER anna");
	expect(fds[0], "ok");
	close(fds[0]);
	close(fds[2]);
}
END_TEST

START_TEST(open_may_refuse_with_a_word)
{
	int fd = hf_host_add_socketpair(host, "echo", "refuse");

	expect(fd, "not now");
	expect_end(fd);
	close(fd);
	ck_assert_int_eq(hf_host_add_socketpair(host, "nothing", "x"), -1);
	wait_connections(host, 0);
}
END_TEST

START_TEST(abort_sends_nothing_more)
{
	int fd = host_connect(host);

	put(fd, "ABORT");
	expect_end(fd);
	close(fd);
}
END_TEST

START_TEST(a_goodbye_survives_unread_input)
{
	int fd = host_connect(host);

	put(fd, "QUIT\r\nECHO 1\r\nECHO 2\r\nECHO 3");
	put(fd, "ECHO 4");
	usleep(50000);
	expect(fd, "bye");
	expect_end(fd);
	close(fd);
}
END_TEST

START_TEST(nobody_lingers_for_ever)
{
	int fd = host_connect(host);

	put(fd, "BULK 200000\r\nQUIT"); /* and does not read */
	usleep(100000);
	wait_connections(host, 0);
	close(fd);
}
END_TEST

START_TEST(everybody_is_told_of_the_end)
{
	int fds[10];

	for (int i = 0; i < 10; i++)
		fds[i] = host_connect(host);
	put(fds[3], "ECHO x");
	expect(fds[3], "x");
	hf_host_free_for_test(&host);
	for (int i = 0; i < 10; i++) {
		expect(fds[i], "quit");
		expect_end(fds[i]);
		close(fds[i]);
	}
	setup();
}
END_TEST

START_TEST(who_and_kick)
{
	int fd = host_connect(host), other = host_connect(host);
	json_t *reply, *row;

	put(fd, "USER anna");
	expect(fd, "ok");
	put(other, "ECHO x");
	expect(other, "x");
	reply = hf_host_request_for_test(host, "{\"verb\":\"who\",\"args\":[\"anna\"]}");
	ck_assert_uint_eq(json_array_size(json_object_get(reply, "result")), 1);
	row = json_array_get(json_object_get(reply, "result"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(row, "user")), "anna");
	ck_assert_str_eq(json_string_value(json_object_get(row, "activity")), "echoing");
	ck_assert_str_eq(json_string_value(json_object_get(row, "address")), "unix");
	json_decref(reply);
	reply = hf_host_request_for_test(host, "{\"verb\":\"kick\",\"args\":[\"anna\"]}");
	ck_assert_str_eq(json_string_value(json_object_get(reply, "status")), "ok");
	json_decref(reply);
	expect(fd, "quit");
	reply = hf_host_request_for_test(host, "{\"verb\":\"kick\",\"args\":[\"nobody\"]}");
	ck_assert_str_eq(json_string_value(json_object_get(reply, "code")), "nonexistent");
	json_decref(reply);
	put(other, "ECHO y");
	expect(other, "y");
	close(fd);
	close(other);
}
END_TEST

/* Beyond the limit, the one that has been silent for longest gives way to a new one. */
START_TEST(a_silent_connection_gives_way)
{
	int fds[4];

	hf_host_free_for_test(&host);
	host = host_start("limits: { per_user = 2; silent_after = \"300 ms\"; };");
	for (int i = 0; i < 3; i++) {
		fds[i] = host_connect(host);
		put(fds[i], "USER anna");
		expect(fds[i], i < 2 ? "ok" : "limit"); /* nobody is silent yet */
	}
	put(fds[3] = host_connect(host), "USER ben");
	expect(fds[3], "ok");
	usleep(400000);
	put(fds[0], "ECHO x");
	expect(fds[0], "x");
	put(fds[2], "USER anna");
	expect(fds[2], "ok");
	expect(fds[1], "quit");
	put(fds[1], "USER anna"); /* it was told to go, and the others have been heard */
	close(fds[1]);
	put(fds[0], "ECHO y");
	expect(fds[0], "y");
	put(fds[3], "ECHO z");
	expect(fds[3], "z");
	wait_connections(host, 3);
	for (int i = 0; i < 4; i++)
		if (i != 1)
			close(fds[i]);
}
END_TEST

/* Limits that count addresses, without needing any. */
START_TEST(limits_count)
{
	struct hf_limits *limits = hf_limits_new();
	struct hf_limits_settings settings = {
		.connections = 5, .per_address = 2, .waiting = 3, .per_user = 1
	};
	struct hf_str a = HF_STR("aaaa"), b = HF_STR("bbbb"), c = HF_STR("cccc");

	hf_limits_set(limits, &settings);
	ck_assert_ptr_null(hf_limits_enter(limits, a));
	ck_assert_ptr_null(hf_limits_enter(limits, a));
	ck_assert_str_eq(hf_limits_enter(limits, a), "per_address");
	ck_assert_ptr_null(hf_limits_enter(limits, b));
	ck_assert_str_eq(hf_limits_enter(limits, c), "waiting");
	ck_assert(hf_limits_login(limits, HF_STR("anna"), b, false));
	ck_assert(!hf_limits_login(limits, HF_STR("anna"), a, false));
	ck_assert(hf_limits_login(limits, HF_STR("anna"), HF_STR_NULL, true));
	hf_limits_logout(limits, HF_STR("anna"));
	ck_assert_ptr_null(hf_limits_enter(limits, c));
	ck_assert_ptr_null(hf_limits_enter(limits, HF_STR_NULL)); /* loopback */
	ck_assert_str_eq(hf_limits_enter(limits, HF_STR_NULL), "connections");
	hf_limits_leave(limits, a, true);
	ck_assert_ptr_null(hf_limits_enter(limits, a));
	hf_limits_logout(limits, HF_STR("anna"));
	hf_limits_leave(limits, b, false);
	ck_assert_uint_eq(hf_limits_connections(limits), 4);
	hf_limits_leave(limits, a, true);
	hf_limits_leave(limits, a, true);
	hf_limits_leave(limits, c, true);
	hf_limits_leave(limits, HF_STR_NULL, true);
	ck_assert_uint_eq(hf_limits_connections(limits), 0);
	hf_limits_free(&limits);
}
END_TEST

START_TEST(networks_are_exempt)
{
	static const struct {
		const char *network, *address; /* NULL: no network */
		bool has;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255:1", true },
		{ "192.0.2.0/24", "192.0.3.0:1", false },
		{ "192.0.2.0/24", "[::ffff:192.0.2.9]:1", true },
		{ "192.0.2.128/25", "192.0.2.127:1", false },
		{ "192.0.2.128/25", "192.0.2.129:1", true },
		{ "192.0.2.1", "192.0.2.1:1", true },
		{ "192.0.2.1", "192.0.2.2:1", false },
		{ "0.0.0.0/0", "198.51.100.1:1", true },
		{ "0.0.0.0/0", "[2001:db8::1]:1", false },
		{ "::/0", "[2001:db8::1]:1", true },
		{ "2001:db8::/32", "[2001:db8:ffff::1]:1", true },
		{ "2001:db8::/32", "[2001:db9::1]:1", false },
		{ "2001:db8::1/127", "[2001:db8::]:1", true },
		{ "192.0.2.0/33", NULL, false },
		{ "192.0.2.0/", NULL, false },
		{ "192.0.2.0/ 8", NULL, false },
		{ "192.0.2.0/8x", NULL, false },
		{ "192.0.2/24", NULL, false },
		{ "::/129", NULL, false },
		{ "/8", NULL, false },
		{ "", NULL, false },
		{ "example.org", NULL, false },
	};
	struct hf_limits *limits = hf_limits_new();

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_note why = HF_NOTE_INIT;
		struct hf_endpoint endpoint;
		struct hf_network network;
		struct hf_limits_settings settings = { .exempt = &network, .exempt_count = 1 };

		ck_assert_msg(hf_network_parse(rows[i].network, &network) == (rows[i].address != NULL), "%s",
			      rows[i].network);
		if (!rows[i].address)
			continue;
		ck_assert(hf_endpoint_parse(rows[i].address, &endpoint, &why));
		hf_limits_set(limits, &settings);
		memset(&network, 0xff, sizeof(network)); /* a copy is kept */
		ck_assert_msg(hf_limits_exempts(limits, &endpoint.sa) == rows[i].has, "%s: %s", rows[i].network,
			      rows[i].address);
		hf_note_fini(&why);
	}
	hf_limits_free(&limits);
}
END_TEST

START_TEST(addresses_are_read_and_written)
{
	static const struct {
		const char *text;
		bool ok, loopback;
		const char *port;
	} rows[] = {
		{ "127.0.0.1:143", true, true, "127.0.0.1;143" },
		{ "[::1]:993", true, true, "::1;993" },
		{ "192.0.2.7:1", true, false, "192.0.2.7;1" },
		{ "[2001:db8::1]:65535", true, false, "2001:db8::1;65535" },
		{ "[::ffff:127.0.0.1]:5", true, true, "127.0.0.1;5" },
		{ "*:24", true, false, "::;24" },
		{ "localhost:1", false, false, NULL },
		{ "127.0.0.1", false, false, NULL },
		{ "127.0.0.1:", false, false, NULL },
		{ "127.0.0.1:0", false, false, NULL },
		{ "127.0.0.1:65536", false, false, NULL },
		{ ":143", false, false, NULL },
		{ "[::1:143", false, false, NULL },
		{ "unix:relative", false, false, NULL },
		{ "", false, false, NULL },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_endpoint endpoint;
		struct hf_note why = HF_NOTE_INIT;
		char address[48], port[56];

		ck_assert_msg(hf_endpoint_parse(rows[i].text, &endpoint, &why) == rows[i].ok, "%s",
			      rows[i].text);
		ck_assert_uint_eq(why.count, !rows[i].ok);
		hf_note_fini(&why);
		if (!rows[i].ok)
			continue;
		ck_assert_msg(hf_endpoint_is_loopback(&endpoint.sa) == rows[i].loopback, "%s",
			      rows[i].text);
		hf_endpoint_text(&endpoint.sa, address, sizeof(address), port, sizeof(port));
		ck_assert_str_eq(port, rows[i].port);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, lines_may_come_in_any_pieces, 1, 12);
	tcase_add_test(tc, a_half_closed_client_gets_its_answers);
	tcase_add_test(tc, a_client_that_vanishes_is_noticed);
	tcase_add_test(tc, a_long_line_needs_to_be_allowed);
	tcase_add_test(tc, much_output_comes_whole);
	tcase_add_test(tc, a_client_that_does_not_read_holds_little_and_is_closed);
	tcase_add_test(tc, a_slow_reader_is_not_closed);
	tcase_add_test(tc, a_source_that_ends_early_ends_the_connection);
	tcase_add_test(tc, timers_run_out_once);
	tcase_add_test(tc, a_timer_that_runs_out_during_a_step_is_not_lost);
	tcase_add_test(tc, many_timers_run_in_order);
	tcase_add_test(tc, work_of_helpers_comes_back);
	tcase_add_test(tc, what_helpers_did_for_the_dead_is_dropped);
	tcase_add_test(tc, one_user_has_so_many_connections);
	tcase_add_test(tc, a_silent_connection_gives_way);
	tcase_add_test(tc, networks_are_exempt);
	tcase_add_test(tc, open_may_refuse_with_a_word);
	tcase_add_test(tc, abort_sends_nothing_more);
	tcase_add_test(tc, a_goodbye_survives_unread_input);
	tcase_add_test(tc, nobody_lingers_for_ever);
	tcase_add_test(tc, everybody_is_told_of_the_end);
	tcase_add_test(tc, who_and_kick);
	tcase_add_test(tc, limits_count);
	tcase_add_test(tc, addresses_are_read_and_written);
}

int main(void)
{
	return run_tests("conn", add);
}
