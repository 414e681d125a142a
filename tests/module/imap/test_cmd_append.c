/* SPDX-License-Identifier: BSD-2-Clause */
/* APPEND in pieces of any size, and mailboxes that go away while the message comes. */
#include <time.h>

#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

static struct mailbox_fixture f;

static void setup(void)
{
	fixture_open_store(&f);
	fixture_select(&f, false);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

static void run_op(struct hf_op *op)
{
	ck_assert_int_eq(hf_store_run(f.store, op), HF_OK);
	hf_op_free(&op);
}

/* Steps until the tagged response of "t" is there. */
static const char *answer(size_t from)
{
	struct timespec moment = { .tv_nsec = 50000 };

	while (!strstr(hf_buf_cstr(&f.conn->out) + from, "\r\nt ") &&
	       strncmp(hf_buf_cstr(&f.conn->out) + from, "t ", 2)) {
		nanosleep(&moment, NULL);
		fake_step(f.conn, HF_EV_DURABLE);
	}
	return fake_output(f.conn);
}

START_TEST(pieces_of_any_size_make_the_same_message)
{
	static const char command[] =
		"t APPEND INBOX (\\Seen) {12+}\r\nSubject: x\r\n (kw) {4+}\r\n\r\nyz\r\n";

	for (size_t piece = 1; piece < sizeof(command); piece++) {
		size_t from = f.conn->out_mark;
		char expected[128];
		const char *got;

		fake_input(f.conn, command, piece);
		got = answer(from);
		snprintf(expected, sizeof(expected), " %zu:%zu] APPEND completed\r\n",
			 2 * piece - 1, 2 * piece);
		ck_assert_msg(strstr(got, expected) != NULL, "pieces of %zu: %s", piece, got);
	}
	ck_assert_str_eq(
		fixture_run(&f, "FETCH 1:2 (FLAGS BODY.PEEK[])"),
		"* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[] {12}\r\nSubject: x\r\n)\r\n"
		"* 2 FETCH (FLAGS (\\Recent kw) BODY[] {4}\r\n\r\nyz)\r\nt OK FETCH completed\r\n");
}
END_TEST

START_TEST(a_target_that_goes_away_meanwhile_is_told)
{
	size_t from;

	run_op(hf_op_mailbox_create(f.store, f.user, HF_STR("box"), 0));
	from = f.conn->out_mark;
	fake_input(f.conn, "t APPEND box {12}\r\n", 0);
	ck_assert_str_eq(fake_output(f.conn), "+ Ready for the message\r\n");
	fake_input(f.conn, "Subj", 0);
	run_op(hf_op_mailbox_delete(f.store, f.user, HF_STR("box")));
	from = f.conn->out_mark;
	fake_input(f.conn, "ect: x\r\n\r\n", 0);
	ck_assert_msg(!strncmp(answer(from), "t NO [TRYCREATE] ", 17), "deleted meanwhile");
	ck_assert_str_eq(fixture_run(&f, "NOOP"), "t OK NOOP completed\r\n");
}
END_TEST

START_TEST(who_leaves_in_the_middle_leaves_nothing)
{
	fake_input(f.conn, "t APPEND INBOX {2000000+}\r\nSubject: half", 0);
	fixture_select(&f, false);
	ck_assert_str_eq(fixture_run(&f, "STATUS INBOX (MESSAGES UIDNEXT)"),
			 "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)\r\nt OK STATUS completed\r\n");
}
END_TEST

START_TEST(a_message_over_the_limit_is_refused_before_it_is_read)
{
	f.conn->settings.message_size_max = 100;
	ck_assert_str_eq(fixture_run(&f, "APPEND INBOX {101}"),
			 "t NO [TOOBIG] Message is larger than the 100 octets allowed\r\n");
	ck_assert_str_eq(fixture_run(&f, "APPEND INBOX {0}"), "t NO [CANNOT] Message is empty\r\n");
	ck_assert_str_eq(fixture_run(&f, "APPEND nowhere {5}"),
			 "t NO [TRYCREATE] No such mailbox\r\n");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pieces_of_any_size_make_the_same_message);
	tcase_add_test(tc, a_target_that_goes_away_meanwhile_is_told);
	tcase_add_test(tc, who_leaves_in_the_middle_leaves_nothing);
	tcase_add_test(tc, a_message_over_the_limit_is_refused_before_it_is_read);
}

int main(void)
{
	return run_tests("imap append", add);
}
