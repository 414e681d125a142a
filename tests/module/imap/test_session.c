/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop, the collecting of commands and what happens before login, over a fake connection. */
#include "tests/base/base_test.h"
#include "tests/module/imap/fake_conn.h"

#define assert_output(conn, expected) ck_assert_str_eq(fake_output(conn), (expected))

static struct hf_conn *conn;

static void setup(void)
{
	fake_delay_ms = 0;
	conn = fake_conn_new();
}

static void teardown(void)
{
	fake_conn_free(&conn);
}

static void skip_greeting(void)
{
	fake_output(conn);
}

/* Extensions come and go; what begins and ends the line does not. */
static void assert_around(const char *output, const char *begin, const char *end)
{
	size_t size = strlen(output);

	ck_assert_msg(size >= strlen(begin) + strlen(end) && strncmp(output, begin, strlen(begin)) == 0 &&
			      strcmp(output + size - strlen(end), end) == 0,
		      "%s", output);
}

START_TEST(greeting_carries_the_capabilities)
{
	assert_around(fake_output(conn), "* OK [CAPABILITY IMAP4rev1 ",
		      " AUTH=TEST AUTH=PLAIN] Holdfast ready\r\n");
}
END_TEST

START_TEST(without_tls_login_is_disabled_off_loopback)
{
	skip_greeting();
	conn->loopback = false;
	conn->can_starttls = true;
	fake_input(conn, "a CAPABILITY\r\nb LOGIN anna secret\r\n", 0);
	assert_around(fake_output(conn), "* CAPABILITY IMAP4rev1 ",
		      " STARTTLS AUTH=TEST AUTH=PLAIN LOGINDISABLED\r\n"
		      "a OK CAPABILITY completed\r\n"
		      "b NO [PRIVACYREQUIRED] Use STARTTLS first\r\n");
	ck_assert_ptr_null(conn->offload);
}
END_TEST

/* What must be answered in the same way however the octets arrive. */
static const struct {
	const char *input, *output;
} dialogues[] = {
	{ "a NOOP\r\n", "a OK NOOP completed\r\n" },
	{ "a noop  \r\nb  Noop\n", "a OK NOOP completed\r\nb OK NOOP completed\r\n" },
	{ "\r\n", "* BAD Empty command\r\n" },
	{ "   \r\n", "* BAD Expected a tag at position 1\r\n" },
	{ " NOOP\r\n", "* BAD Expected a tag at position 1\r\n" },
	{ "a\r\n", "a BAD Expected a command after the tag\r\n" },
	{ "a+b NOOP\r\n", "* BAD Invalid tag at position 1\r\n" },
	{ "a]b NOOP\r\n", "a]b OK NOOP completed\r\n" },
	{ "\"a\" NOOP\r\n", "* BAD Invalid tag at position 1\r\n" },
	{ "a\rb NOOP\r\n", "* BAD Invalid tag at position 1\r\n" },
	{ "a FROB x\r\n", "a BAD Unknown command\r\n" },
	{ "a UID\r\n", "a BAD Unknown UID command\r\n" },
	{ "a UID NOOP\r\n", "a BAD Unknown UID command\r\n" },
	{ "a NOOP x\r\n", "a BAD NOOP: expected the end of the command at position 8\r\n" },
	{ "a NOOP\r\r\n", "a BAD Unknown command\r\n" },
	{ "a SELECT INBOX\r\n", "a BAD Log in first\r\n" },
	{ "a UID FETCH 1 FLAGS\r\n", "a BAD Log in first\r\n" },
	{ "a STARTTLS\r\n", "a BAD TLS is not available here\r\n" },
	{ "a LOGIN\r\n", "a BAD LOGIN: expected a user name at position 8\r\n" },
	{ "a LOGIN x\r\n", "a BAD LOGIN: expected a password at position 10\r\n" },
	{ "a LOGIN \"x\r\n", "a BAD LOGIN: expected a user name at position 9\r\n" },
	{ "a LOGIN x {4}\r\n", "+ Ready for the argument\r\n" },
	{ "a LOGIN {4+}\r\nanna {3}\r\n", "+ Ready for the argument\r\n" },
	{ "a LOGIN {5000}\r\nb NOOP\r\n",
	  "a BAD [TOOBIG] The literal at position 9 is too large for an argument\r\nb OK NOOP completed\r\n" },
	{ "a LOGIN {18446744073709551616}\r\n",
	  "a BAD [TOOBIG] The literal at position 9 is too large for an argument\r\n" },
	{ "a LOGIN {-1}\r\n", "a BAD LOGIN: expected a user name at position 9\r\n" },
	{ "a FROB {5}\r\nb NOOP\r\n", "a BAD Unknown command\r\nb OK NOOP completed\r\n" },
	{ "a FROB {5+}\r\n12345 {3+}\r\nxyz\r\nb NOOP\r\n",
	  "a BAD Unknown command\r\nb OK NOOP completed\r\n" },
	{ "a FROB {5+}\r\n12345 {3}\r\nb NOOP\r\n",
	  "a BAD Unknown command\r\nb OK NOOP completed\r\n" },
	{ "a APPEND INBOX {10+}\r\n0123456789\r\nb NOOP\r\n",
	  "a BAD Log in first\r\nb OK NOOP completed\r\n" },
	{ "a ID NIL\r\n", "* ID (\"name\" \"Holdfast\")\r\na OK ID completed\r\n" },
	{ "a ID (\"name\" \"x\" \"os\" NIL)\r\n",
	  "* ID (\"name\" \"Holdfast\")\r\na OK ID completed\r\n" },
	{ "a ID (\"name\" {3+}\r\nx y)\r\n",
	  "* ID (\"name\" \"Holdfast\")\r\na OK ID completed\r\n" },
	{ "a ID (name x)\r\n", "a BAD ID: expected a field name and its value at position 7\r\n" },
	{ "a AUTHENTICATE NOSUCH\r\n", "a NO [CANNOT] Mechanism not available\r\n" },
	{ "a AUTHENTICATE TEST !!!\r\n", "a BAD AUTHENTICATE: expected base64\r\n" },
};

START_TEST(dialogue)
{
	size_t piece = _i % 2 ? 1 : 0;

	skip_greeting();
	fake_input(conn, dialogues[_i / 2].input, piece);
	assert_output(conn, dialogues[_i / 2].output);
}
END_TEST

START_TEST(overlong_line_is_refused_and_skipped)
{
	struct hf_buf line = HF_BUF_INIT;

	skip_greeting();
	hf_buf_add_lit(&line, "a LOGIN ");
	while (line.size < 70000)
		hf_buf_add_lit(&line, "xxxxxxxxxx");
	hf_buf_add_lit(&line, "\r\nb NOOP\r\n");
	fake_input(conn, hf_buf_cstr(&line), 1000);
	assert_output(
		conn,
		"a BAD [TOOBIG] The command line is longer than 65536 octets\r\nb OK NOOP completed\r\n");
	ck_assert_uint_lt(((struct imap_session *)conn->session)->priv->in.text.capacity, 140000);
	hf_buf_fini(&line);
}
END_TEST

/* The literal's octets are no command, wherever the limit cuts the header in front of it. */
START_TEST(literal_behind_an_overlong_line_is_skipped)
{
	struct hf_buf line = HF_BUF_INIT;
	const char *output;

	skip_greeting();
	hf_buf_add_lit(&line, "a LOGIN ");
	while (line.size < 65536 - 20 + (unsigned)_i)
		hf_buf_add_char(&line, 'x');
	hf_buf_add_lit(&line, " {8+}\r\nx NOOP\r\n end\r\nb NOOP\r\n");
	fake_input(conn, hf_buf_cstr(&line), _i % 2 ? 0 : 1000);
	output = fake_output(conn);
	ck_assert_ptr_nonnull(strstr(output, "\r\nb OK NOOP completed\r\n"));
	ck_assert_ptr_null(strstr(output, "x "));
	hf_buf_fini(&line);
}
END_TEST

START_TEST(endless_response_ends_the_connection)
{
	struct hf_buf line = HF_BUF_INIT;
	unsigned want = 0;

	skip_greeting();
	fake_input(conn, "a AUTHENTICATE TEST\r\n", 0);
	fake_run_offload(conn);
	while (line.size < 1 << 20)
		hf_buf_add_lit(&line, "xxxxxxxxxx");
	for (int i = 0; i < 20 && want != HF_WANT_CLOSE; i++)
		want = fake_input(conn, hf_buf_cstr(&line), 0);
	ck_assert_uint_eq(want, HF_WANT_CLOSE);
	ck_assert_ptr_nonnull(strstr(fake_output(conn), "* BYE Too much of what was refused\r\n"));
	hf_buf_fini(&line);
}
END_TEST

START_TEST(endless_line_ends_the_connection)
{
	struct hf_buf line = HF_BUF_INIT;

	skip_greeting();
	while (line.size < 300000)
		hf_buf_add_lit(&line, "xxxxxxxxxx");
	ck_assert_uint_eq(fake_input(conn, hf_buf_cstr(&line), 10000), HF_WANT_CLOSE);
	ck_assert_ptr_nonnull(strstr(fake_output(conn), "* BYE Too much of what was refused\r\n"));
	hf_buf_fini(&line);
}
END_TEST

START_TEST(unbounded_literal_that_comes_unasked_ends_the_connection)
{
	skip_greeting();
	ck_assert_uint_eq(fake_input(conn, "a LOGIN {99999999999999999999+}\r\n", 0),
			  HF_WANT_CLOSE);
	assert_output(conn,
		      "a BAD [TOOBIG] The literal at position 9 is too large for an argument\r\n"
		      "* BYE Cannot tell where such a literal ends\r\n");
}
END_TEST

START_TEST(many_small_literals_are_bounded)
{
	struct hf_buf text = HF_BUF_INIT;

	skip_greeting();
	hf_buf_add_lit(&text, "a ID (");
	while (text.size < 40000)
		hf_buf_add_lit(&text, "{1+}\r\nx ");
	hf_buf_add_lit(&text, ")\r\n");
	fake_input(conn, hf_buf_cstr(&text), 0);
	ck_assert_ptr_nonnull(strstr(fake_output(conn), "a BAD [TOOBIG]"));
	hf_buf_fini(&text);
}
END_TEST

START_TEST(bad_commands_in_a_row_end_the_connection)
{
	skip_greeting();
	conn->settings.bad_commands_max = 3;
	fake_input(conn, "a X\r\nb X\r\nc NOOP\r\nd X\r\ne X\r\n", 0);
	ck_assert_uint_eq(fake_input(conn, "f X\r\n", 0), HF_WANT_CLOSE);
	ck_assert_ptr_nonnull(strstr(fake_output(conn),
				     "f BAD Unknown command\r\n* BYE Too many bad commands\r\n"));
}
END_TEST

START_TEST(a_failed_login_is_answered_after_the_delay)
{
	skip_greeting();
	fake_delay_ms = 5000;
	ck_assert_uint_eq(fake_input(conn, "a LOGIN anna wrong\r\nb NOOP\r\n", 0), 0);
	assert_output(conn, "");
	fake_run_offload(conn);
	assert_output(conn, "");
	ck_assert_uint_eq(conn->timer, 5000);
	fake_step(conn, HF_EV_NEWS); /* another wake does not shorten it */
	assert_output(conn, "");
	((struct imap_session *)conn->session)->priv->deadline = 1;
	fake_step(conn, HF_EV_TIMER);
	assert_output(
		conn,
		"a NO [AUTHENTICATIONFAILED] Authentication failed\r\nb OK NOOP completed\r\n");
}
END_TEST

START_TEST(too_many_failed_logins_end_the_connection)
{
	skip_greeting();
	for (int i = 0; i < 10; i++) {
		fake_input(conn, "a LOGIN anna wrong\r\n", 0);
		fake_run_offload(conn);
	}
	ck_assert_uint_eq(fake_step(conn, HF_EV_INPUT), HF_WANT_CLOSE);
	ck_assert_ptr_nonnull(strstr(fake_output(conn), "* BYE Too many failed logins\r\n"));
}
END_TEST

START_TEST(authenticate_asks_and_can_be_cancelled)
{
	skip_greeting();
	fake_input(conn, "a AUTHENTICATE TEST\r\n", 0);
	fake_run_offload(conn);
	assert_output(conn, "+ cXVlc3Rpb24=\r\n");
	fake_input(conn, "*\r\nb NOOP\r\n", 1);
	assert_output(conn, "a BAD AUTHENTICATE cancelled\r\nb OK NOOP completed\r\n");
}
END_TEST

START_TEST(authenticate_refuses_bad_base64)
{
	static const char *const bad[] = { "c2VjcmV0=", "c2Vj cmV0", "=", "c2VjcmV0\r" };

	skip_greeting();
	for (size_t i = 0; i < HF_COUNT(bad); i++) {
		fake_input(conn, "a AUTHENTICATE TEST\r\n", 0);
		fake_run_offload(conn);
		fake_output(conn);
		fake_input(conn, bad[i], 0);
		fake_input(conn, "\r\n", 0);
		assert_output(conn, "a BAD AUTHENTICATE: expected base64\r\n");
	}
}
END_TEST

START_TEST(authenticate_bounds_a_response)
{
	struct hf_buf text = HF_BUF_INIT;

	skip_greeting();
	fake_input(conn, "a AUTHENTICATE TEST\r\n", 0);
	fake_run_offload(conn);
	fake_output(conn);
	while (text.size < 10 << 20)
		hf_buf_add_lit(&text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	hf_buf_add_lit(&text, "\r\nb NOOP\r\n");
	fake_input(conn, hf_buf_cstr(&text), 1 << 16);
	assert_output(conn, "a BAD Response too long\r\nb OK NOOP completed\r\n");
	hf_buf_fini(&text);
}
END_TEST

START_TEST(pipelined_authenticate_waits_its_turn)
{
	skip_greeting();
	fake_input(conn, "a AUTHENTICATE TEST d3Jvbmc=\r\nb AUTHENTICATE TEST c2VjcmV0\r\n", 0);
	assert_output(conn, "");
	fake_run_offload(conn);
	assert_output(conn, "a NO [AUTHENTICATIONFAILED] Authentication failed\r\n");
	fake_run_offload(conn);
	assert_output(conn, "b NO [UNAVAILABLE] Temporarily unavailable, try again later\r\n");
}
END_TEST

/* Leaks are what the sanitized run looks for. */
START_TEST(disconnecting_during_each_step_frees_everything)
{
	fake_input(conn, _i & 1 ? "a AUTHENTICATE TEST\r\n" : "a LOGIN x y\r\n", 0);
	if (_i & 2)
		fake_run_offload(conn);
	conn->ended = true;
	fake_step(conn, HF_EV_INPUT);
}
END_TEST

START_TEST(starttls_begins_behind_its_ok)
{
	skip_greeting();
	conn->can_starttls = true;
	fake_input(conn, "a STARTTLS\r\n", 0);
	assert_output(conn, "a OK Begin TLS now\r\n");
	ck_assert_uint_eq(conn->starttls_calls, 1);
	fake_input(conn, "b STARTTLS\r\n", 0);
	assert_output(conn, "b BAD TLS is active already\r\n");
	fake_input(conn, "c CAPABILITY\r\n", 0); /* channel binding is announced too */
	assert_around(fake_output(conn), "* CAPABILITY IMAP4rev1 ",
		      " AUTH=TEST AUTH=PLAIN AUTH=TEST-PLUS\r\n"
		      "c OK CAPABILITY completed\r\n");
}
END_TEST

START_TEST(what_comes_in_clear_behind_starttls_is_not_looked_at)
{
	skip_greeting();
	conn->can_starttls = true;
	ck_assert_uint_eq(fake_input(conn, "a STARTTLS\r\nb LOGIN anna secret\r\n", 0),
			  HF_WANT_INPUT);
	assert_output(conn, "a OK Begin TLS now\r\n");
	ck_assert_ptr_null(conn->offload);
	ck_assert_uint_eq(conn->taken, strlen("a STARTTLS\r\n"));
}
END_TEST

START_TEST(logout_says_bye_and_closes)
{
	skip_greeting();
	ck_assert_uint_eq(fake_input(conn, "a LOGOUT\r\nb NOOP\r\n", 0), HF_WANT_CLOSE);
	assert_output(conn, "* BYE Logging out\r\na OK LOGOUT completed\r\n");
}
END_TEST

START_TEST(the_end_of_the_server_is_told_between_commands)
{
	skip_greeting();
	fake_input(conn, "a LOGIN x y\r\n", 0);
	ck_assert_uint_eq(fake_step(conn, HF_EV_QUIT), 0);
	assert_output(conn, "");
	ck_assert_uint_eq(fake_run_offload(conn), HF_WANT_CLOSE);
	assert_output(
		conn,
		"a NO [AUTHENTICATIONFAILED] Authentication failed\r\n* BYE [UNAVAILABLE] The server is stopping\r\n");
}
END_TEST

START_TEST(full_output_stops_the_next_command)
{
	skip_greeting();
	conn->full = true;
	ck_assert_uint_eq(fake_input(conn, "a NOOP\r\n", 0), HF_WANT_ROOM);
	assert_output(conn, "");
	conn->full = false;
	fake_step(conn, HF_EV_ROOM);
	assert_output(conn, "a OK NOOP completed\r\n");
}
END_TEST

START_TEST(a_used_up_slice_gives_way_after_one_piece_of_work)
{
	skip_greeting();
	conn->slice_used = true;
	ck_assert_uint_ne(fake_input(conn, "a NOOP\r\nb NOOP\r\n", 0) & HF_WANT_TURN, 0);
	for (int i = 0; i < 10; i++)
		fake_step(conn, HF_EV_TURN);
	assert_output(conn, "a OK NOOP completed\r\nb OK NOOP completed\r\n");
}
END_TEST

START_TEST(half_closed_clients_get_their_answers)
{
	skip_greeting();
	conn->ended = true;
	ck_assert_uint_eq(fake_input(conn, "a NOOP\r\nb NOOP\r\nc NO", 0), HF_WANT_CLOSE);
	assert_output(conn, "a OK NOOP completed\r\nb OK NOOP completed\r\n");
}
END_TEST

START_TEST(nobody_who_does_not_log_in_stays)
{
	skip_greeting();
	fake_input(conn, "a NOOP\r\n", 0);
	fake_output(conn);
	ck_assert_uint_le(conn->timer, 60000);
	((struct imap_session *)conn->session)->priv->opened -= 61000;
	ck_assert_uint_eq(fake_step(conn, HF_EV_TIMER), HF_WANT_CLOSE);
	assert_output(conn, "* BYE No login in time\r\n");
}
END_TEST

START_TEST(who_does_not_read_is_dropped)
{
	struct imap_session *session = conn->session;

	conn->full = true;
	fake_input(conn, "a NOOP\r\n", 0);
	session->priv->full_since -= 301000;
	ck_assert_uint_eq(fake_step(conn, HF_EV_TIMER), HF_WANT_ABORT);
}
END_TEST

START_TEST(a_parked_session_keeps_no_buffers)
{
	struct imap_session *session = conn->session;

	fake_input(conn, "a ID (\"name\" {3+}\r\nx y)\r\n", 0);
	ck_assert_ptr_null(session->priv->in.text.data);
	ck_assert_ptr_null(session->priv->out.data);
	ck_assert_uint_eq(hf_arena_used(session->arena), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, greeting_carries_the_capabilities);
	tcase_add_test(tc, without_tls_login_is_disabled_off_loopback);
	tcase_add_loop_test(tc, dialogue, 0, (int)(2 * HF_COUNT(dialogues)));
	tcase_add_test(tc, overlong_line_is_refused_and_skipped);
	tcase_add_loop_test(tc, literal_behind_an_overlong_line_is_skipped, 0, 24);
	tcase_add_test(tc, endless_response_ends_the_connection);
	tcase_add_test(tc, endless_line_ends_the_connection);
	tcase_add_test(tc, unbounded_literal_that_comes_unasked_ends_the_connection);
	tcase_add_test(tc, many_small_literals_are_bounded);
	tcase_add_test(tc, bad_commands_in_a_row_end_the_connection);
	tcase_add_test(tc, a_failed_login_is_answered_after_the_delay);
	tcase_add_test(tc, too_many_failed_logins_end_the_connection);
	tcase_add_test(tc, authenticate_asks_and_can_be_cancelled);
	tcase_add_test(tc, authenticate_refuses_bad_base64);
	tcase_add_test(tc, authenticate_bounds_a_response);
	tcase_add_test(tc, pipelined_authenticate_waits_its_turn);
	tcase_add_loop_test(tc, disconnecting_during_each_step_frees_everything, 0, 4);
	tcase_add_test(tc, starttls_begins_behind_its_ok);
	tcase_add_test(tc, what_comes_in_clear_behind_starttls_is_not_looked_at);
	tcase_add_test(tc, logout_says_bye_and_closes);
	tcase_add_test(tc, the_end_of_the_server_is_told_between_commands);
	tcase_add_test(tc, full_output_stops_the_next_command);
	tcase_add_test(tc, a_used_up_slice_gives_way_after_one_piece_of_work);
	tcase_add_test(tc, half_closed_clients_get_their_answers);
	tcase_add_test(tc, nobody_who_does_not_log_in_stays);
	tcase_add_test(tc, who_does_not_read_is_dropped);
	tcase_add_test(tc, a_parked_session_keeps_no_buffers);
}

int main(void)
{
	return run_tests("imap session", add);
}
