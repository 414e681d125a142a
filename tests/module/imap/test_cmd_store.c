/* SPDX-License-Identifier: BSD-2-Clause */
/* STORE, COPY, MOVE and EXPUNGE when another session was there first. */
#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

static struct mailbox_fixture f;
static struct hf_view *other; /* another session's picture of the mailbox */

static void ignore(struct hf_waiter *waiter)
{
	(void)waiter;
}

static struct hf_waiter nobody = { .wake = ignore };

static void setup(void)
{
	fixture_open_store(&f);
	for (int i = 0; i < 3; i++)
		fixture_add(&f, 0, "Subject: x\n\ny\n");
	fixture_select(&f, false);
	ck_assert_int_eq(hf_view_open(f.store, f.inbox, 0, false, &nobody, &other), HF_OK);
}

static void teardown(void)
{
	hf_view_close(&other);
	fixture_close_store(&f);
}

static void run_op(struct hf_op *op)
{
	ck_assert_int_eq(hf_store_run(f.store, op), HF_OK);
	hf_op_free(&op);
}

/* The other session expunges a message. */
static void expunge(uint32_t uid)
{
	struct hf_set uids = HF_SET_INIT;

	hf_set_add(&uids, uid);
	run_op(hf_op_expunge(other, &uids, true));
	hf_set_fini(&uids);
}

static void flag(uint32_t uid, uint32_t flags)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = flags };
	struct hf_set uids = HF_SET_INIT;

	hf_set_add(&uids, uid);
	run_op(hf_op_store(other, &uids, &change));
	hf_set_fini(&uids);
}

START_TEST(store_of_a_message_that_has_gone_says_so)
{
	expunge(1);
	ck_assert_str_eq(fixture_run(&f, "STORE 1:2 +FLAGS.SILENT (\\Seen)"),
			 "t OK [EXPUNGEISSUED] Some of the messages have been expunged\r\n");
	ck_assert_str_eq(fixture_run(&f, "NOOP"), "* 1 EXPUNGE\r\nt OK NOOP completed\r\n");
	ck_assert_str_eq(fixture_run(&f, "FETCH 1 (UID FLAGS)"),
			 "* 1 FETCH (UID 2 FLAGS (\\Seen \\Recent))\r\nt OK FETCH completed\r\n");
}
END_TEST

START_TEST(store_answers_with_what_others_set_too)
{
	flag(2, HF_FLAG_FLAGGED);
	ck_assert_str_eq(
		fixture_run(&f, "STORE 2 +FLAGS (\\Seen)"),
		"* 2 FETCH (FLAGS (\\Flagged \\Seen \\Recent))\r\nt OK STORE completed\r\n");
	flag(2, HF_FLAG_DRAFT);
	ck_assert_str_eq(fixture_run(&f, "STORE 2 +FLAGS (\\Seen)"),
			 "* 2 FETCH (FLAGS (\\Flagged \\Seen \\Draft \\Recent))\r\n"
			 "t OK STORE completed\r\n");
}
END_TEST

START_TEST(copy_and_move_pass_over_what_has_gone)
{
	run_op(hf_op_mailbox_create(f.store, f.user, HF_STR("box"), 0));
	expunge(1);
	ck_assert_msg(strstr(fixture_run(&f, "COPY 1:2 box"),
			     " 2 1] Done, but some of the messages had been expunged\r\n") != NULL,
		      "copy");
	ck_assert_msg(strstr(fixture_run(&f, "UID MOVE 1:3 box"), " 2:3 2:3] Moved\r\n") != NULL,
		      "move");
	ck_assert_str_eq(fixture_run(&f, "STATUS box (MESSAGES UIDNEXT)"),
			 "* STATUS box (MESSAGES 3 UIDNEXT 4)\r\nt OK STATUS completed\r\n");
}
END_TEST

START_TEST(expunge_takes_what_this_session_can_see)
{
	flag(1, HF_FLAG_DELETED);
	fixture_add(&f, HF_FLAG_DELETED, "Subject: came later\n\ny\n");
	ck_assert_str_eq(fixture_run(&f, "EXPUNGE"),
			 "* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 3 RECENT\r\nt OK EXPUNGE completed\r\n");
	ck_assert_str_eq(fixture_run(&f, "UID EXPUNGE 4"),
			 "* 3 EXPUNGE\r\nt OK UID EXPUNGE completed\r\n");
}
END_TEST

START_TEST(modified_is_told_in_the_numbers_of_the_command)
{
	expunge(1);
	fixture_run(&f, "NOOP");
	flag(2, HF_FLAG_FLAGGED);
	fixture_run(&f, "ENABLE CONDSTORE");
	fixture_run(&f, "NOOP");
	ck_assert_str_eq(fixture_run(&f, "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)"),
			 "t OK [MODIFIED 1] Conditional STORE failed for some messages\r\n");
	ck_assert_str_eq(fixture_run(&f, "UID STORE 2:3 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)"),
			 "t OK [MODIFIED 2:3] Conditional STORE failed for some messages\r\n");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, store_of_a_message_that_has_gone_says_so);
	tcase_add_test(tc, store_answers_with_what_others_set_too);
	tcase_add_test(tc, copy_and_move_pass_over_what_has_gone);
	tcase_add_test(tc, expunge_takes_what_this_session_can_see);
	tcase_add_test(tc, modified_is_told_in_the_numbers_of_the_command);
}

int main(void)
{
	return run_tests("imap store", add);
}
