/* SPDX-License-Identifier: BSD-2-Clause */
/* Reload: all or nothing, and what may change while serving. Also modules that are missing. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/config_priv.h"
#include "tests/host/host_test.h"

static struct hf_host *host;
static char directory[64];

static void setup(void)
{
	strcpy(directory, "/tmp/hf-reload-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

static void teardown(void)
{
	char command[128];

	if (host)
		host_end(&host);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
}

/* With each %s replaced by the directory. */
static const char *text(const char *pattern)
{
	static struct hf_buf out;
	struct hf_str rest = hf_str(pattern);
	ptrdiff_t at;

	hf_buf_clear(&out);
	while ((at = hf_str_find(rest, HF_STR("%s"))) >= 0) {
		hf_buf_add(&out, rest.data, (size_t)at);
		hf_buf_add_cstr(&out, directory);
		rest = hf_str_sub(rest, (size_t)at + 2, SIZE_MAX);
	}
	hf_buf_add_str(&out, rest);
	return hf_buf_cstr(&out);
}

static int connect_unix(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s", directory, name);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void reload(const char *config, const char *expected)
{
	struct hf_note why = HF_NOTE_INIT;
	enum hf_status status = hf_host_reload_for_test(host, config, &why);

	ck_assert_msg(expected ? strstr(hf_note_text(&why), expected) != NULL : why.count == 0,
		      "%s", hf_note_text(&why));
	ck_assert_int_eq(status == HF_OK, expected == NULL);
	hf_note_fini(&why);
}

START_TEST(listeners_come_and_go)
{
	struct stat st;
	int fd, old;

	host = host_start(
		text("listen = ( { module = \"echo\"; address = \"unix:%s/a\"; mode = \"0600\"; },"
		     "{ module = \"echo\"; address = \"unix:%s/b\"; } );"));
	ck_assert_int_eq(stat("a", &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(stat("b", &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	old = connect_unix("a");
	put(old, "ECHO x");
	expect(old, "x");

	reload(text("listen = ( { module = \"echo\"; address = \"unix:%s/b\"; }, { module = \"echo\"; address = \"unix:%s/c\"; } );"),
	       NULL);
	ck_assert_int_eq(connect_unix("a"), -1);
	ck_assert_int_ne(access("a", F_OK), 0);
	fd = connect_unix("b");
	put(fd, "ECHO b");
	expect(fd, "b");
	close(fd);
	fd = connect_unix("c");
	put(fd, "ECHO c");
	expect(fd, "c");
	close(fd);
	put(old, "ECHO y"); /* connections stay */
	expect(old, "y");
	close(old);
}
END_TEST

START_TEST(settings_are_for_new_connections)
{
	int old, fd;

	host = host_start(text(
		"listen = ( { module = \"echo\"; address = \"unix:%s/a\"; } ); echo: { greeting = \"one\"; };"));
	old = connect_unix("a");
	put(old, "GREETING");
	expect(old, "one");
	reload(text("listen = ( { module = \"echo\"; address = \"unix:%s/a\"; } ); echo: { greeting = \"two\"; };"),
	       NULL);
	ck_assert_uint_eq(atomic_load(&echo_reloads), 1);
	fd = connect_unix("a");
	put(fd, "GREETING");
	expect(fd, "two");
	put(old, "GREETING");
	expect(old, "one");
	close(fd);
	close(old);
}
END_TEST

START_TEST(nothing_changes_when_anything_is_wrong)
{
	static const char *const rows[][2] = {
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; } ); echo: { greeting = \"two\"; nubmer = 1; };",
		  "did you mean 'number'" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; } ); echo: { greeting = \"two\"; number = 13; };",
		  "13 brings bad luck" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; } ); echo: { greeting = \"two\"; number = 9; };",
		  "restart needed: echo.number has changed" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; } ); store: { kept = 5; };",
		  "restart needed: store.kept has changed" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; } ); tls: { certificate = \"x\"; key = \"y\"; };",
		  "tls certificate: x" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; }, { module = \"echo\"; address = \"unix:/nonexistent/x\"; } );",
		  "listen on /nonexistent/x: No such file" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; }, { module = \"nothing\"; address = \"unix:%s/x\"; } );",
		  "module nothing cannot be loaded" },
		{ "listen = ( { module = \"echo\"; address = \"unix:%s/new\"; }", "syntax error" },
	};
	int fd;

	host = host_start(text(
		"listen = ( { module = \"echo\"; address = \"unix:%s/a\"; } ); echo: { greeting = \"one\"; };"));
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		reload(text(rows[i][0]), rows[i][1]);
		ck_assert_int_ne(access("new", F_OK), 0);
		fd = connect_unix("a");
		put(fd, "GREETING");
		expect(fd, "one");
		close(fd);
	}
	ck_assert_uint_eq(atomic_load(&echo_reloads), 0);
}
END_TEST

START_TEST(a_stale_socket_is_replaced_and_a_living_one_is_not)
{
	static const struct hf_module *const modules[] = { &hf_module_echo, NULL };
	struct hf_note why = HF_NOTE_INIT;
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "a" };
	int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	const char *config = text("listen = ( { module = \"echo\"; address = \"unix:%s/a\"; } );");

	ck_assert_int_eq(bind(stale, (struct sockaddr *)&un, sizeof(un)), 0);
	close(stale);
	host = host_start(config);
	fd = connect_unix("a");
	put(fd, "ECHO x");
	expect(fd, "x");
	close(fd);
	ck_assert_ptr_null(hf_host_new_for_test(NULL, config, modules, &why));
	ck_assert(strstr(hf_note_text(&why), "another process is using it") != NULL);
	hf_note_fini(&why);
	host_end(&host);
	ck_assert_int_ne(access("a", F_OK), 0); /* gone with the host */
	fd = open("a", O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_ptr_null(hf_host_new_for_test(NULL, config, modules, &why));
	ck_assert(strstr(hf_note_text(&why), "something that is no socket") != NULL);
	hf_note_fini(&why);
}
END_TEST

START_TEST(tcp_of_both_kinds)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	char config[200];
	int port = 20000 + (int)(getpid() % 10000), fd;

	snprintf(config, sizeof(config), "listen = ( { module = \"echo\"; address = \"*:%d\"; } );",
		 port);
	host = host_start(config);
	v4.sin_port = v6.sin6_port = htons((uint16_t)port);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	put(fd, "ECHO four");
	expect(fd, "four");
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0) { /* where there is IPv6 */
		put(fd, "ECHO six");
		expect(fd, "six");
	}
	close(fd);
}
END_TEST

/* A module's listener is bound, but nobody is let in; the others are served. */
START_TEST(a_missing_module_does_not_stop_the_others)
{
	int fd;

	host = host_start(text(
		"modules: { directory = \"%s\"; }; listen = ( { module = \"nothing\"; address = \"unix:%s/n\"; },"
		"{ module = \"echo\"; address = \"unix:%s/a\"; } );"));
	fd = connect_unix("a");
	put(fd, "ECHO x");
	expect(fd, "x");
	close(fd);
}
END_TEST

START_TEST(what_is_no_module_is_told)
{
	struct hf_loader *loader = hf_loader_new();
	const char *const directories[] = { directory, NULL };
	struct hf_note why = HF_NOTE_INIT;
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ "absent", "module absent: no such file: /tmp/hf-reload-" },
		{ "text", "module text: /tmp/hf-reload-" },
		{ "wrong", "has no symbol hf_module_wrong" },
		{ "../x", "not a module's name" },
		{ "", "not a module's name" },
	};

	hf_loader_directories(loader, directories);
	ck_assert_int_eq(
		system("echo hello > text.so; echo 'int x;' > w.c; ${HF_CC:-cc} -shared -fPIC -o wrong.so w.c"),
		0);
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		ck_assert_ptr_null(hf_loader_get(loader, rows[i].name, &why));
		ck_assert_msg(strstr(hf_note_text(&why), rows[i].why) != NULL, "%s",
			      hf_note_text(&why));
		hf_note_fini(&why);
	}
	hf_loader_free(&loader);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, listeners_come_and_go);
	tcase_add_test(tc, settings_are_for_new_connections);
	tcase_add_test(tc, nothing_changes_when_anything_is_wrong);
	tcase_add_test(tc, a_stale_socket_is_replaced_and_a_living_one_is_not);
	tcase_add_test(tc, tcp_of_both_kinds);
	tcase_add_test(tc, a_missing_module_does_not_stop_the_others);
	tcase_add_test(tc, what_is_no_module_is_told);
}

int main(void)
{
	return run_tests("reload", add);
}
