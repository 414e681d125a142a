/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket's requests and replies, and the verbs about accounts and mailboxes on a real
 * store. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/host_priv.h"
#include "tests/host/host_test.h"

static struct hf_host *host;
static char directory[64];

static void setup(void)
{
	static const struct hf_module *const modules[] = { &hf_module_echo, NULL };
	struct hf_note why = HF_NOTE_INIT;
	char store[80];

	strcpy(directory, "/tmp/hf-control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(store, sizeof(store), "%s/store", directory);
	host = hf_host_new_for_test(
		store, "store: { cache = \"16 MiB\"; reserve = 0; ballast = 0; };", modules, &why);
	ck_assert_msg(host != NULL, "%s", hf_note_text(&why));
	hf_note_fini(&why);
}

static void teardown(void)
{
	char command[128];

	host_end(&host);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

/* The reply to a request, as text with sorted members. */
static const char *ask(const char *request)
{
	static char *text;
	json_t *reply = hf_host_request_for_test(host, request);

	free(text);
	text = json_dumps(reply, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(reply);
	return text;
}

static void ask_for(const char *request, const char *part)
{
	const char *reply = ask(request);

	ck_assert_msg(strstr(reply, part) != NULL, "%s: %s", request, reply);
}

START_TEST(verbs_are_found_and_misspellings_explained)
{
	ask_for("{\"verb\":\"help\"}", "\"name\":\"user add\"");
	ask_for("{\"verb\":\"help\"}",
		"{\"help\":\"Say it again.\",\"module\":\"echo\",\"name\":\"echo shout\",\"usage\":\"WORD\"}");
	ask_for("{\"verb\":\"echo shout\",\"args\":[\"hey\"]}",
		"{\"result\":\"hey\",\"status\":\"ok\"}");
	ask_for("{\"verb\":\"echo shout\",\"args\":[]}",
		"{\"code\":\"usage\",\"message\":\"one word\",\"status\":\"error\"}");
	ask_for("{\"verb\":\"user ad\"}", "unknown verb 'user ad'; did you mean 'user add'?");
	ask_for("{\"verb\":\"qqqqqqqqqqqqqqqqqqqqq\"}",
		"\"message\":\"unknown verb 'qqqqqqqqqqqqqqqqqqqqq'\"");
	/* cut in the middle of a character */
	ask_for("{\"verb\":\"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\u00e9\"}", "\"code\":\"usage\"");
	ask_for("{}", "\"code\":\"usage\"");
	ask_for("[1]", "\"code\":\"usage\"");
	ask_for("{\"verb\":5}", "\"code\":\"usage\"");
	ask_for("{\"verb\":\"user list\",\"args\":[\"x\"]}", "expected 0 arguments, got 1");
	ask_for("{\"verb\":\"user delete\",\"args\":[1]}", "arguments are strings");
	ask_for("{\"verb\":\"stats\",\"args\":[]}", "\"host.uptime_s\":");
	ask_for("{\"verb\":\"checkpoint\",\"args\":[]}", "{\"result\":null,\"status\":\"ok\"}");
	ask_for("{\"verb\":\"postfix\",\"args\":[]}", "no listener serves the module lmtp");
}
END_TEST

static enum hf_status login(const char *user, const char *password)
{
	struct hf_sasl_peer peer = { .service = "imap", .secure = true };
	struct hf_buf canonical = HF_BUF_INIT;
	enum hf_status status = hf_sasl_login(hf_host_sasl(host), &peer, hf_str(user),
					      hf_str(password), &canonical);

	hf_buf_fini(&canonical);
	return status;
}

START_TEST(the_life_of_an_account)
{
	int fd = host_connect(host);

	ask_for("{\"verb\":\"user add\",\"args\":[\"anna@example.org\"],\"password\":\"secret\"}",
		"\"status\":\"ok\"");
	ask_for("{\"verb\":\"user add\",\"args\":[\"anna@example.org\"],\"password\":\"other\"}",
		"\"code\":\"exists\",\"message\":\"anna@example.org: exists already\"");
	ck_assert_int_eq(login("anna@example.org", "secret"), HF_OK);
	ck_assert_int_eq(login("anna@example.org", "other"), HF_EAUTH);
	ask_for("{\"verb\":\"user passwd\",\"args\":[\"anna@example.org\"],\"password\":\"new\"}",
		"\"status\":\"ok\"");
	ck_assert_int_eq(login("anna@example.org", "secret"), HF_EAUTH);
	ck_assert_int_eq(login("anna@example.org", "new"), HF_OK);
	ask_for("{\"verb\":\"user passwd\",\"args\":[\"nobody\"],\"password\":\"new\"}",
		"\"message\":\"nobody: no such user\"");
	ask_for("{\"verb\":\"user passwd\",\"args\":[\"anna@example.org\"]}",
		"no password was given");
	ask_for("{\"verb\":\"user passwd\",\"args\":[\"anna@example.org\"],\"password\":\"\"}",
		"\"code\":\"invalid\"");

	put(fd, "USER anna@example.org");
	expect(fd, "ok");
	ask_for("{\"verb\":\"user disable\",\"args\":[\"anna@example.org\"]}", "\"status\":\"ok\"");
	expect(fd, "quit");
	close(fd);
	ck_assert_int_eq(login("anna@example.org", "new"), HF_EAUTH);
	ask_for("{\"verb\":\"user list\",\"args\":[]}", "\"disabled\":true");
	ask_for("{\"verb\":\"user enable\",\"args\":[\"anna@example.org\"]}", "\"status\":\"ok\"");
	ck_assert_int_eq(login("anna@example.org", "new"), HF_OK);
	ask_for("{\"verb\":\"user quota\",\"args\":[\"anna@example.org\"],\"size\":\"2 KiB\"}",
		"\"size_limit\":2048");
	ask_for("{\"verb\":\"user quota\",\"args\":[\"anna@example.org\"],\"messages\":\"0\"}",
		"\"code\":\"invalid\"");
	ask_for("{\"verb\":\"user quota\",\"args\":[\"anna@example.org\"],\"size\":\"none\","
		"\"mailboxes\":\"9\"}",
		"\"mailboxes_limit\":9");
	ask_for("{\"verb\":\"user quota\",\"args\":[\"anna@example.org\"]}", "\"size_limit\":0");
	ask_for("{\"verb\":\"user quota\",\"args\":[\"nobody\"]}", "\"code\":\"nonexistent\"");
	ask_for("{\"verb\":\"user delete\",\"args\":[\"anna@example.org\"]}", "\"status\":\"ok\"");
	ask_for("{\"verb\":\"user list\",\"args\":[]}", "{\"result\":[],\"status\":\"ok\"}");
	ck_assert_int_eq(login("anna@example.org", "new"), HF_EAUTH);
	ask_for("{\"verb\":\"user add\",\"args\":[\"no password\"]}", "no spaces");
	ask_for("{\"verb\":\"user add\",\"args\":[\"\"]}", "1 to 255 octets");
	ask_for("{\"verb\":\"user add\",\"args\":[\"ben\"]}", "\"password\":false");
	ck_assert_int_eq(login("ben", ""), HF_EAUTH);
}
END_TEST

START_TEST(many_accounts_at_once)
{
	struct hf_buf request = HF_BUF_INIT;

	hf_buf_printf(&request, "{\"verb\":\"user add\",\"args\":[],\"users\":[");
	for (int i = 0; i < 40; i++)
		hf_buf_printf(&request, "{\"name\":\"u%d\",\"password\":\"p%d\"},", i, i);
	hf_buf_printf(
		&request,
		"{\"name\":\"u3\",\"password\":\"stolen\"},{\"name\":\"bad name\",\"password\":\"x\"},{\"name\":\"e\",\"password\":\"\"}]}");
	ask_for(hf_buf_cstr(&request), "\"added\":40");
	ask_for(hf_buf_cstr(&request), "\"added\":0"); /* all of them exist now */
	ck_assert_int_eq(login("u3", "p3"), HF_OK);
	ck_assert_int_eq(login("u3", "stolen"), HF_EAUTH);
	ck_assert_int_eq(login("u39", "p39"), HF_OK);
	ask_for("{\"verb\":\"user list\",\"args\":[]}", "\"name\":\"u39\"");
	ck_assert_ptr_null(strstr(ask("{\"verb\":\"user list\",\"args\":[]}"), "\"name\":\"e\""));
	ask_for("{\"verb\":\"user add\",\"users\":5}", "\"code\":\"usage\"");
	hf_buf_fini(&request);
}
END_TEST

START_TEST(mailboxes)
{
	static const char *const usual[] = {
		"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"
	};

	ck_assert_int_eq(hf_host_add_user_for_test(host, "anna", "secret"), HF_OK);
	for (size_t i = 0; i < HF_COUNT(usual); i++)
		ask_for("{\"verb\":\"mailbox list\",\"args\":[\"anna\"]}", usual[i]);
	ask_for("{\"verb\":\"mailbox list\",\"args\":[\"anna\"]}",
		"\"name\":\"Junk\",\"size\":0,\"subscribed\":true,\"unseen\":0,\"use\":\"junk\"");
	ask_for("{\"verb\":\"mailbox create\",\"args\":[\"anna\",\"a/b\"]}", "\"status\":\"ok\"");
	ask_for("{\"verb\":\"mailbox create\",\"args\":[\"anna\",\"a/b\"]}",
		"mailbox \\\"a/b\\\": exists already");
	ask_for("{\"verb\":\"mailbox create\",\"args\":[\"anna\",\"a//b\"]}",
		"\"code\":\"invalid\"");
	ask_for("{\"verb\":\"mailbox create\",\"args\":[\"anna\",\"c\"],\"special-use\":\"wrong\"}",
		"\"code\":\"usage\"");
	ask_for("{\"verb\":\"mailbox rename\",\"args\":[\"anna\",\"a\",\"z\"]}",
		"\"status\":\"ok\"");
	ask_for("{\"verb\":\"mailbox list\",\"args\":[\"anna\"]}", "\"name\":\"z/b\"");
	ask_for("{\"verb\":\"mailbox delete\",\"args\":[\"anna\",\"z/b\"]}", "\"status\":\"ok\"");
	ask_for("{\"verb\":\"mailbox delete\",\"args\":[\"anna\",\"z/b\"]}",
		"\"code\":\"nonexistent\"");
	ask_for("{\"verb\":\"mailbox delete\",\"args\":[\"anna\",\"INBOX\"]}",
		"\"status\":\"error\"");
	ask_for("{\"verb\":\"mailbox list\",\"args\":[\"nobody\"]}", "nobody: no such user");
	ask_for("{\"verb\":\"mailbox list\",\"args\":[]}", "expected 1 argument, got 0");
	ask_for("{\"verb\":\"verify\",\"args\":[]}", "\"damaged\":0");
}
END_TEST

/* The socket itself, with its helper threads. */
START_TEST(the_socket_speaks_lines)
{
	struct hf_note why = HF_NOTE_INIT;
	struct hf_host_settings settings = { .listen_count = 0 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[80];
	struct hf_control *control;
	struct stat st;
	int fds[3];

	snprintf(path, sizeof(path), "%s/made/control", directory); /* with its directory */
	control = hf_control_open(path, NULL, &settings, &why);
	ck_assert_msg(control != NULL, "%s", hf_note_text(&why));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	strcpy(un.sun_path, path);
	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(fds[i], (struct sockaddr *)&un, sizeof(un)), 0);
		hf_control_accept(host, control);
	}
	put(fds[0],
	    "{\"verb\":\"echo shout\",\"args\":[\"a\"]}\r\n{\"verb\":\"echo shout\",\"args\":[\"b\"]}");
	expect(fds[0], "{\"status\":\"ok\",\"result\":\"a\"}");
	expect(fds[0], "{\"status\":\"ok\",\"result\":\"b\"}");
	put(fds[1], "no json");
	ck_assert(strstr(get(fds[1]), "\"code\":\"usage\"") != NULL);
	ck_assert_int_eq(send(fds[2], "{\"verb\":", 8, 0),
			 8); /* a client that thinks; nobody waits for it at the end */
	put(fds[1], "{\"verb\":\"echo shout\",\"args\":[\"c\"]}");
	expect(fds[1], "{\"status\":\"ok\",\"result\":\"c\"}");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	hf_control_close(&control, true);
	ck_assert_int_ne(access(path, F_OK), 0);
	hf_note_fini(&why);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, verbs_are_found_and_misspellings_explained);
	tcase_add_test(tc, the_life_of_an_account);
	tcase_add_test(tc, many_accounts_at_once);
	tcase_add_test(tc, mailboxes);
	tcase_add_test(tc, the_socket_speaks_lines);
}

int main(void)
{
	return run_tests("control", add);
}
