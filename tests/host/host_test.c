/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"
#include "tests/host/host_test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int run_tests(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The module ------------------------------------------------------------------ */

_Atomic unsigned echo_twice, echo_sessions, echo_dropped, echo_loads, echo_reloads;
_Atomic unsigned long echo_steps;

struct session {
	struct session *next, *prev; /* lock */
	struct hf_conn *conn;
	_Atomic int inside;
	uint64_t bulk;
	bool bulk_end, news_only, offloading;
	unsigned spins;
};

struct nap {
	unsigned ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;

void echo_news(void)
{
	pthread_mutex_lock(&lock);
	for (struct session *session = sessions; session; session = session->next)
		hf_waiter_wake(hf_conn_waiter(session->conn, HF_EV_NEWS));
	pthread_mutex_unlock(&lock);
}

struct pattern {
	struct hf_source source;
	uint64_t end;
};

static enum hf_status pattern_read(struct hf_source *source, uint64_t offset, void *to, size_t size,
				   size_t *got)
{
	const struct pattern *self = (const struct pattern *)source;

	for (*got = 0; *got < size && offset + *got < self->end; (*got)++)
		((char *)to)[*got] = (char)('a' + (offset + *got) % 26);
	return HF_OK;
}

static void pattern_free(struct hf_source *source)
{
	hf_free(source);
}

static void send_pattern(struct hf_conn *conn, uint64_t size, uint64_t end)
{
	struct pattern *pattern = hf_alloc_zero(sizeof(*pattern));

	pattern->source = (struct hf_source){ pattern_read, pattern_free, 1 };
	pattern->end = end;
	hf_conn_send_source(conn, &pattern->source, 0, size);
	hf_conn_printf(conn, "\r\ndone\r\n");
}

static void nap(void *arg)
{
	usleep(((struct nap *)arg)->ms * 1000);
	/* on success the nap stays with the session; there is nothing to hand over */
}

static void nap_drop(void *arg)
{
	atomic_fetch_add(&echo_dropped, 1);
	hf_free(arg);
}

static struct nap
	*naps[1]; /* the last, so that it can be freed when it is over: one test at a time */

static unsigned begin_bulk(struct session *session)
{
	static const char x[1000] = { [0 ... 999] = 'x' };

	while (session->bulk && !hf_conn_output_full(session->conn)) {
		size_t size = session->bulk < sizeof(x) ? (size_t)session->bulk : sizeof(x);

		hf_conn_write(session->conn, x, size);
		session->bulk -= size;
	}
	if (session->bulk)
		return HF_WANT_ROOM;
	hf_conn_printf(session->conn, "\r\ndone\r\n");
	return HF_WANT_INPUT;
}

static void info(struct hf_conn *conn)
{
	const char *version = hf_conn_tls_version(conn);
	struct hf_str id = hf_conn_external_id(conn);

	hf_conn_printf(conn, "%s id=%.*s exporter=%zu end-point=%zu unique=%zu compressed=%d\r\n",
		       version ? version : "clear", HF_STR_ARG(id),
		       hf_conn_binding(conn, HF_BINDING_EXPORTER).size,
		       hf_conn_binding(conn, HF_BINDING_SERVER_END_POINT).size,
		       hf_conn_binding(conn, HF_BINDING_UNIQUE).size, hf_conn_is_compressed(conn));
}

/* 0: the next line may be looked at; else what step returns, with HF_WANT_ALL_MASK set where that
 * is 0 */
enum { GO_ON = 0, NOTHING = 1 << 30 };

static unsigned obey(struct session *session, struct hf_str line)
{
	struct hf_conn *conn = session->conn;
	struct hf_str word = hf_str_split(&line, ' ');
	uint64_t n = 0;

	hf_str_u64(line, UINT64_MAX, &n);
	if (hf_str_eq(word, HF_STR("ECHO"))) {
		hf_conn_write_str(conn, line);
		hf_conn_write(conn, "\r\n", 2);
	} else if (hf_str_eq(word, HF_STR("BULK"))) {
		session->bulk = n;
		unsigned want = begin_bulk(session);

		return want == HF_WANT_ROOM ? want : GO_ON;
	} else if (hf_str_eq(word, HF_STR("SOURCE"))) {
		send_pattern(conn, n, n);
	} else if (hf_str_eq(word, HF_STR("BROKEN"))) {
		send_pattern(conn, n, n / 2);
	} else if (hf_str_eq(word, HF_STR("BUSY"))) {
		usleep((useconds_t)n * 1000);
	} else if (hf_str_eq(word, HF_STR("LATE"))) { /* words at the end of a slice */
		usleep((useconds_t)n * 1000);
		hf_conn_printf(conn, "late\r\n");
	} else if (hf_str_eq(word, HF_STR("TIMER"))) {
		hf_conn_timer(conn, n);
	} else if (hf_str_eq(word, HF_STR("OFF"))) {
		hf_conn_timer(conn, 0);
	} else if (hf_str_eq(word, HF_STR("OFFLOAD"))) {
		struct nap *arg = hf_alloc(sizeof(*arg));

		arg->ms = (unsigned)n;
		naps[0] = arg;
		session->offloading = true;
		if (hf_offload(conn, nap, arg, nap_drop) == HF_OK)
			return NOTHING;
		hf_free(arg);
		session->offloading = false;
		hf_conn_printf(conn, "busy\r\n");
	} else if (hf_str_eq(word, HF_STR("SPIN"))) {
		session->spins = (unsigned)n;
		return HF_WANT_TURN | HF_WANT_LONG;
	} else if (hf_str_eq(word, HF_STR("NEWS"))) {
		session->news_only = true;
		return NOTHING;
	} else if (hf_str_eq(word, HF_STR("STARTTLS"))) {
		hf_conn_printf(conn, hf_conn_can_starttls(conn) ? "go\r\n" : "no\r\n");
		if (hf_conn_can_starttls(conn)) {
			hf_conn_starttls(conn);
			return HF_WANT_INPUT;
		}
	} else if (hf_str_eq(word, HF_STR("COMPRESS"))) {
		hf_conn_printf(conn, "go\r\n");
		hf_conn_compress(conn);
		return HF_WANT_INPUT;
	} else if (hf_str_eq(word, HF_STR("PLAIN"))) {
		hf_conn_printf(conn, "plain\r\n");
		if (!hf_conn_uncompress(conn)) {
			hf_conn_printf(conn, "more\r\n");
			return HF_WANT_CLOSE;
		}
		return HF_WANT_INPUT;
	} else if (hf_str_eq(word, HF_STR("NEED"))) {
		hf_conn_input_need(conn, (size_t)n);
	} else if (hf_str_eq(word, HF_STR("USER"))) {
		hf_conn_printf(conn,
			       hf_conn_set_user(conn, line) == HF_OK ? "ok\r\n" : "limit\r\n");
	} else if (hf_str_eq(word, HF_STR("INFO"))) {
		info(conn);
	} else if (hf_str_eq(word, HF_STR("BINDING"))) {
		struct hf_buf hex = HF_BUF_INIT;

		hf_hex_encode(hf_conn_binding(conn, (enum hf_binding)n), &hex);
		hf_conn_printf(conn, "%s\r\n", hf_buf_cstr(&hex));
		hf_buf_fini(&hex);
	} else if (hf_str_eq(word, HF_STR("GREETING"))) {
		const struct echo_settings *settings = hf_conn_settings(conn);

		hf_conn_printf(conn, "%s\r\n", settings->greeting);
	} else if (hf_str_eq(word, HF_STR("QUIT"))) {
		hf_conn_printf(conn, "bye\r\n");
		return HF_WANT_CLOSE;
	} else if (hf_str_eq(word, HF_STR("ABORT"))) {
		return HF_WANT_ABORT;
	} else {
		hf_conn_printf(conn, "what?\r\n");
	}
	return GO_ON;
}

static unsigned lines(struct session *session)
{
	struct hf_conn *conn = session->conn;

	for (;;) {
		struct hf_str input = hf_conn_input(conn), line;
		ptrdiff_t at = hf_str_chr(input, '\n');
		char copy[4096];
		unsigned want;

		if (at < 0)
			return hf_conn_input_ended(conn) ? HF_WANT_CLOSE : HF_WANT_INPUT;
		line = hf_str_trim(hf_str_sub(input, 0, (size_t)at));
		if (line.size >= sizeof(copy)) { /* only its size is of interest */
			hf_conn_printf(conn, "long %zu\r\n", line.size);
			hf_conn_consume(conn, (size_t)at + 1);
			continue;
		}
		memcpy(copy, line.data, line.size);
		copy[line.size] = '\0';
		hf_conn_consume(conn, (size_t)at + 1);
		want = obey(session, hf_str(copy));
		if (want != GO_ON)
			return want & ~(unsigned)NOTHING;
		if (hf_conn_output_full(conn))
			return HF_WANT_ROOM;
		if (hf_conn_slice_used(conn))
			return HF_WANT_TURN;
	}
}

static unsigned go_on(struct session *session, unsigned events)
{
	struct hf_conn *conn = session->conn;

	if (events & HF_EV_QUIT) {
		hf_conn_printf(conn, "quit\r\n");
		return HF_WANT_CLOSE;
	}
	if (events & HF_EV_TIMER)
		hf_conn_printf(conn, "timer\r\n");
	if (session->offloading) {
		if (!(events & HF_EV_OFFLOAD))
			return 0;
		session->offloading = false;
		hf_free(naps[0]);
		hf_conn_printf(conn, "offloaded\r\n");
	}
	if (session->news_only) {
		if (!(events & HF_EV_NEWS))
			return 0;
		session->news_only = false;
		hf_conn_printf(conn, "news\r\n");
	}
	if (session->spins) {
		if (--session->spins)
			return HF_WANT_TURN | HF_WANT_LONG;
		hf_conn_printf(conn, "spun\r\n");
	}
	if (session->bulk) {
		unsigned want = begin_bulk(session);

		if (want == HF_WANT_ROOM)
			return want;
	}
	return lines(session);
}

static unsigned echo_step(struct hf_conn *conn, unsigned events)
{
	struct session *session = hf_conn_session(conn);
	unsigned want;

	atomic_fetch_add(&echo_steps, 1);
	if (atomic_exchange(&session->inside, 1))
		atomic_fetch_add(&echo_twice, 1);
	want = go_on(session, events);
	atomic_store(&session->inside, 0);
	return want;
}

static enum hf_status echo_open(struct hf_conn *conn, void *state, const char *service)
{
	struct session *session;

	(void)state;
	if (strcmp(service, "refuse") == 0) {
		hf_conn_printf(conn, "not now\r\n");
		return HF_EUNAVAILABLE;
	}
	session = hf_alloc_zero(sizeof(*session));
	session->conn = conn;
	hf_conn_set_session(conn, session);
	hf_conn_set_activity(conn, "echoing");
	pthread_mutex_lock(&lock);
	session->next = sessions;
	if (sessions)
		sessions->prev = session;
	sessions = session;
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&echo_sessions, 1);
	return HF_OK;
}

static void echo_close(struct hf_conn *conn)
{
	struct session *session = hf_conn_session(conn);

	pthread_mutex_lock(&lock);
	if (session->prev)
		session->prev->next = session->next;
	else
		sessions = session->next;
	if (session->next)
		session->next->prev = session->prev;
	pthread_mutex_unlock(&lock);
	atomic_fetch_sub(&echo_sessions, 1);
	hf_free(session);
}

static enum hf_status echo_check(const void *settings, struct hf_note *why)
{
	if (((const struct echo_settings *)settings)->number != 13)
		return HF_OK;
	hf_note_add(why, "13 brings bad luck");
	return HF_EINVALID;
}

static enum hf_status echo_load(struct hf_host *host, const void *settings, void **state)
{
	(void)host;
	(void)settings;
	atomic_fetch_add(&echo_loads, 1);
	*state = &echo_loads;
	return HF_OK;
}

static void echo_reload(void *state, const void *settings)
{
	(void)state;
	(void)settings;
	atomic_fetch_add(&echo_reloads, 1);
}

static void echo_unload(void **state)
{
	*state = NULL;
}

static enum hf_status verb_shout(struct hf_host *host, void *state, const json_t *args,
				 json_t **result, struct hf_note *why)
{
	(void)host;
	ck_assert_ptr_eq(state, &echo_loads);
	if (json_array_size(json_object_get(args, "args")) != 1) {
		hf_note_add(why, "one word");
		return HF_ESYNTAX;
	}
	*result = json_incref(json_array_get(json_object_get(args, "args"), 0));
	return HF_OK;
}

static const struct hf_option echo_options[] = { { .name = "greeting",
						   .type = HF_OPT_STRING,
						   .fallback = "hello",
						   .offset =
							   offsetof(struct echo_settings, greeting),
						   .help = "Said." },
						 { .name = "number",
						   .type = HF_OPT_INT,
						   .fallback = "7",
						   .min = 1,
						   .max = 100,
						   .offset = offsetof(struct echo_settings, number),
						   .help = "Any.",
						   .restart = true },
						 { .name = "pause",
						   .type = HF_OPT_DURATION,
						   .fallback = "1 s",
						   .offset = offsetof(struct echo_settings, pause),
						   .help = "Rest." },
						 { .name = NULL } };

static const struct hf_verb echo_verbs[] = {
	{ "echo shout", "WORD", "Say it again.", verb_shout },
	{ NULL, NULL, NULL, NULL },
};

const struct hf_module hf_module_echo = {
	.size = sizeof(struct hf_module),
	.abi = HF_MODULE_ABI,
	.name = "echo",
	.version = "1",
	.options = echo_options,
	.settings_size = sizeof(struct echo_settings),
	.verbs = echo_verbs,
	.check = echo_check,
	.load = echo_load,
	.reload = echo_reload,
	.unload = echo_unload,
	.open = echo_open,
	.step = echo_step,
	.close = echo_close,
};

/* Hosts and clients ----------------------------------------------------------- */

struct hf_host *host_start(const char *config)
{
	static const struct hf_module *const modules[] = { &hf_module_echo, NULL };
	struct hf_note why = HF_NOTE_INIT;
	struct hf_host *host = hf_host_new_for_test(NULL, config, modules, &why);

	ck_assert_msg(host != NULL, "%s", hf_note_text(&why));
	hf_note_fini(&why);
	return host;
}

void host_end(struct hf_host **host)
{
	hf_host_free_for_test(host);
	ck_assert_uint_eq(atomic_load(&echo_sessions), 0);
	ck_assert_uint_eq(atomic_load(&echo_twice), 0);
}

int host_connect(struct hf_host *host)
{
	int fd = hf_host_add_socketpair(host, "echo", "echo");

	ck_assert_int_ge(fd, 0);
	return fd;
}

void put(int fd, const char *line)
{
	char text[4200];
	int size = snprintf(text, sizeof(text), "%s\r\n", line);

	ck_assert_int_eq(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
}

bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

const char *get(int fd)
{
	static _Thread_local char line[8192];
	size_t size = 0;

	while (size < sizeof(line) - 1) {
		const char *end;
		ssize_t n, part;

		ck_assert_msg(readable(fd, 20000), "no answer; so far: %.*s", (int)size, line);
		n = recv(fd, line + size, sizeof(line) - 1 - size, MSG_PEEK);
		if (n <= 0)
			break;
		end = memchr(line + size, '\n', (size_t)n);
		part = end ? end + 1 - (line + size) : n;
		ck_assert_int_eq(recv(fd, line + size, (size_t)part, 0), part);
		size += (size_t)part;
		if (end) {
			size -= size >= 2 && line[size - 2] == '\r' ? 2 : 1;
			break;
		}
	}
	line[size] = '\0';
	return line;
}

void expect(int fd, const char *line)
{
	ck_assert_str_eq(get(fd), line);
}

void expect_end(int fd)
{
	char c;
	ssize_t n;

	ck_assert(readable(fd, 20000));
	n = recv(fd, &c, 1, 0);
	ck_assert_msg(n == 0 || (n < 0 && errno == ECONNRESET), "more came: %c", c);
}

void wait_connections(struct hf_host *host, size_t count)
{
	uint64_t end = hf_now_ms() + 5000;

	while (hf_host_connections_for_test(host) != count) {
		ck_assert_msg(hf_now_ms() < end, "%zu connections",
			      hf_host_connections_for_test(host));
		usleep(2000);
	}
}

void make_certificate(const char *name, const char *cn, const char *email, const char *ca)
{
	char command[1024];

	snprintf(
		command, sizeof(command),
		"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %s.key -subj '/CN=%s' %s%s%s"
		" %s%s%s %s%s%s -days 30 -x509 -out %s.crt 2>/dev/null",
		name, cn, email ? "-addext subjectAltName=email:" : "", email ? email : "", "",
		ca ? "-CA " : "", ca ? ca : "", ca ? ".crt" : "", ca ? "-CAkey " : "", ca ? ca : "",
		ca ? ".key" : "", name);
	ck_assert_msg(system(command) == 0, "%s", command);
}
