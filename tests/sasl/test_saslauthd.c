/* SPDX-License-Identifier: BSD-2-Clause */
/* Against a saslauthd of the test's, which answers, hangs, dies and talks nonsense. */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "sasl/sasl_priv.h"
#include "tests/sasl/sasl_test.h"

enum manner { ANSWER, SLOW_ANSWER, HANG, HANG_IN_ANSWER, DIE, DIE_LATE, NONSENSE, TOO_LONG, EMPTY };

static struct {
	char directory[64], path[80];
	int listener;
	pthread_t thread;
	enum manner manner;
	char asked[256]; /* "login|password|service|realm" */
} server;

static bool read_all(int fd, void *data, size_t size)
{
	char *pos = data;

	while (size) {
		ssize_t n = read(fd, pos, size);

		if (n <= 0)
			return false;
		pos += n;
		size -= (size_t)n;
	}
	return true;
}

static bool read_question(int fd)
{
	server.asked[0] = '\0';
	for (int i = 0; i < 4; i++) {
		uint8_t count[2];
		char text[65536];
		size_t size, used = strlen(server.asked);

		if (!read_all(fd, count, 2))
			return false;
		size = (size_t)count[0] << 8 | count[1];
		if (!read_all(fd, text, size))
			return false;
		text[size < 60 ? size : 60] = '\0';
		snprintf(server.asked + used, sizeof(server.asked) - used, "%s%s", i ? "|" : "", text);
	}
	return true;
}

static void serve(int fd)
{
	const char *right = strstr(server.asked, "|right|") ? "\0\2OK" : "\0\12NO because";
	size_t size = 2 + (size_t)right[1];
	char byte;

	switch (server.manner) {
	case ANSWER:
		ck_assert_int_eq(write(fd, right, size), (ssize_t)size);
		break;
	case SLOW_ANSWER:
		for (size_t i = 0; i < size; i++) {
			usleep(10000);
			ck_assert_int_eq(write(fd, right + i, 1), 1);
		}
		break;
	case HANG:
		(void)!read(fd, &byte, 1);
		break;
	case HANG_IN_ANSWER:
		ck_assert_int_eq(write(fd, right, 3), 3);
		(void)!read(fd, &byte, 1);
		break;
	case DIE_LATE:
		ck_assert_int_eq(write(fd, right, 3), 3);
		break;
	case NONSENSE:
		ck_assert_int_eq(write(fd, "\0\3YES", 5), 5);
		break;
	case TOO_LONG:
		ck_assert_int_eq(write(fd, "\xff\xffOK", 4), 4);
		break;
	case EMPTY:
		ck_assert_int_eq(write(fd, "\0\0", 2), 2);
		break;
	case DIE:
		break;
	}
}

static void *run(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
		if (server.manner != DIE && read_question(fd))
			serve(fd);
		close(fd);
	}
	return NULL;
}

static void listen_at(int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(server.directory, sizeof(server.directory), "/tmp/hf-saslauthd.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.directory));
	snprintf(server.path, sizeof(server.path), "%s/mux", server.directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.path);
	server.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(server.listener, backlog), 0);
}

static void server_start(enum manner manner)
{
	listen_at(16);
	server.manner = manner;
	ck_assert_int_eq(pthread_create(&server.thread, NULL, run, NULL), 0);
}

static void server_stop(void)
{
	shutdown(server.listener, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.listener);
	unlink(server.path);
	rmdir(server.directory);
}

static enum hf_status ask(uint32_t timeout_ms, const char *user, const char *password, const char **why)
{
	*why = NULL;
	return hf_saslauthd_ask(server.path, timeout_ms, hf_str(user), hf_str(password), "imap", why);
}

START_TEST(answers_are_understood)
{
	const char *why;

	server_start(_i ? SLOW_ANSWER : ANSWER);
	ck_assert_int_eq(ask(5000, "carl@sub@example.org", "right", &why), HF_OK);
	ck_assert_int_eq(ask(5000, "carl", "wrong", &why), HF_EAUTH);
	server_stop();
}
END_TEST

START_TEST(question_is_as_the_protocol_wants)
{
	const char *why;

	server_start(ANSWER);
	ck_assert_int_eq(ask(5000, "carl@sub@example.org", "right", &why), HF_OK);
	ck_assert_str_eq(server.asked, "carl@sub|right|imap|example.org");
	ck_assert_int_eq(ask(5000, "carl", "right", &why), HF_OK);
	ck_assert_str_eq(server.asked, "carl|right|imap|");
	server_stop();
}
END_TEST

START_TEST(trouble_is_unavailable)
{
	static const enum manner manners[] = { DIE, DIE_LATE, NONSENSE, TOO_LONG, EMPTY };
	const char *why;

	for (size_t i = 0; i < HF_COUNT(manners); i++) {
		server_start(manners[i]);
		ck_assert_int_eq(ask(5000, "carl", "right", &why), HF_EUNAVAILABLE);
		ck_assert_ptr_nonnull(why);
		server_stop();
	}
	/* gone */
	ck_assert_int_eq(ask(5000, "carl", "right", &why), HF_EUNAVAILABLE);
	ck_assert_str_eq(why, "not running");
}
END_TEST

START_TEST(hanging_ends_at_the_deadline)
{
	uint64_t begin;
	const char *why;

	server_start(_i ? HANG_IN_ANSWER : HANG);
	begin = hf_now_ms();
	ck_assert_int_eq(ask(300, "carl", "right", &why), HF_EUNAVAILABLE);
	ck_assert_uint_ge(hf_now_ms() - begin, 300);
	ck_assert_uint_lt(hf_now_ms() - begin, 5000);
	ck_assert_str_eq(why, "no answer in time");
	server_stop();
}
END_TEST

START_TEST(full_backlog_ends_at_the_deadline)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int clients[8];
	uint64_t begin;
	const char *why;

	listen_at(0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server.path);
	for (int i = 0; i < 8; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(clients[i], (const struct sockaddr *)&address, sizeof(address));
	}
	begin = hf_now_ms();
	ck_assert_int_eq(ask(300, "carl", "right", &why), HF_EUNAVAILABLE);
	ck_assert_uint_lt(hf_now_ms() - begin, 5000);
	ck_assert_str_eq(why, "too busy");
	for (int i = 0; i < 8; i++)
		close(clients[i]);
	close(server.listener);
	unlink(server.path);
	rmdir(server.directory);
}
END_TEST

START_TEST(source_of_passwords_only)
{
	struct hf_sasl_settings settings = default_settings();
	struct hf_buf text = HF_BUF_INIT;

	server_start(ANSWER);
	settings.source = "saslauthd";
	settings.saslauthd_path = server.path;
	settings.saslauthd_timeout_ms = 300;
	open_with(&settings);
	hf_sasl_mechanisms(sasl, &tls_peer, &text);
	ck_assert_str_eq(hf_buf_cstr(&text), "PLAIN");
	/* a user that only saslauthd knows, an alias of the store, one who is disabled there */
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0carl@example.org\0right"), &text), HF_OK);
	ck_assert_str_eq(hf_buf_cstr(&text), "carl@example.org as carl@example.org");
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0right"), &text), HF_OK);
	ck_assert_str_eq(hf_buf_cstr(&text), "ben@example.org as ben@example.org");
	ck_assert_str_eq(server.asked, "ben|right|imap|example.org");
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0dora\0right"), NULL), HF_EAUTH);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0wrong"), NULL), HF_EAUTH);
	/* the secrets in the store do not count */
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0bens secret"), NULL), HF_EAUTH);
	hf_buf_clear(&text);
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("ben"), HF_STR("right"), &text), HF_OK);
	ck_assert_str_eq(hf_buf_cstr(&text), "ben@example.org");
	server.manner = HANG;
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("ben"), HF_STR("right"), &text), HF_EUNAVAILABLE);
	server_stop();
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0right"), NULL), HF_EUNAVAILABLE);
	hf_buf_fini(&text);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, answers_are_understood, 0, 2);
	tcase_add_test(tc, question_is_as_the_protocol_wants);
	tcase_add_test(tc, trouble_is_unavailable);
	tcase_add_loop_test(tc, hanging_ends_at_the_deadline, 0, 2);
	tcase_add_test(tc, full_backlog_ends_at_the_deadline);
	tcase_add_test(tc, source_of_passwords_only);
}

int main(void)
{
	return run_tests("saslauthd", add);
}
