/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights in another's mailbox that go between a command's look at them and its operation's turn. */
#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

#define KEPT (HF_RIGHT_LOOKUP | HF_RIGHT_READ)

static struct mailbox_fixture f;

static void run_op(struct hf_op *op)
{
	ck_assert_int_eq(hf_store_run(f.store, op), HF_OK);
	hf_op_free(&op);
}

static void give(uint32_t rights)
{
	run_op(hf_op_rights(f.store, f.inbox, HF_STR("bob"), HF_RIGHTS_SET, rights));
}

/* Bob has selected anna's INBOX of two messages, and may keep \Seen and write. */
static void setup(void)
{
	fixture_open_store(&f);
	fixture_add(&f, 0, "Subject: x\n\none\n");
	fixture_add(&f, 0, "Subject: x\n\ntwo\n");
	run_op(hf_op_user_create(f.store, HF_STR("bob"), NULL, 0));
	give(KEPT | HF_RIGHT_SEEN | HF_RIGHT_WRITE);
	f.conn = fake_conn_new();
	fixture_session(&f)->store = f.store;
	ck_assert_int_eq(imap_session_login(fixture_session(&f), HF_STR("bob")), HF_OK);
	fake_output(f.conn);
	fixture_run(&f, "SELECT \"Other Users/anna/INBOX\"");
	ck_assert_int_eq(fixture_session(&f)->state, IMAP_SELECTED);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

/* The rights go, and the next command's look at them has been just before. */
static void take_behind_the_look(uint32_t left)
{
	struct imap_session *session = fixture_session(&f);

	give(left);
	session->priv->rights_version = hf_rights_version(f.store);
	ck_assert(session->rights & HF_RIGHT_SEEN);
}

START_TEST(fetch_reads_on_and_sets_no_seen)
{
	take_behind_the_look(KEPT);
	ck_assert_str_eq(fixture_run(&f, "FETCH 1:2 BODY[TEXT]"),
			 "* 1 FETCH (BODY[TEXT] {5}\r\none\r\n)\r\n* 2 FETCH (BODY[TEXT] {5}\r\ntwo\r\n)\r\n"
			 "t OK FETCH completed\r\n");
	ck_assert_str_eq(fixture_run(&f, "SEARCH SEEN"), "* SEARCH\r\nt OK SEARCH completed\r\n");
}
END_TEST

START_TEST(fetch_of_what_was_seen_before_says_so)
{
	fixture_run(&f, "FETCH 1 BODY[TEXT]");
	take_behind_the_look(KEPT);
	ck_assert_str_eq(fixture_run(&f, "FETCH 1:2 (FLAGS BODY[]<0.1>)"),
			 "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[]<0> {1}\r\nS)\r\n* 2 FETCH (FLAGS (\\Recent) BODY[]<0> {1}\r\nS)\r\n"
			 "t OK FETCH completed\r\n");
}
END_TEST

START_TEST(store_is_refused)
{
	take_behind_the_look(KEPT);
	ck_assert_str_eq(fixture_run(&f, "STORE 1 +FLAGS (\\Seen)"), "t NO [NOPERM] Permission denied\r\n");
	ck_assert_str_eq(fixture_run(&f, "SEARCH SEEN"), "* SEARCH\r\nt OK SEARCH completed\r\n");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fetch_reads_on_and_sets_no_seen);
	tcase_add_test(tc, fetch_of_what_was_seen_before_says_so);
	tcase_add_test(tc, store_is_refused);
}

int main(void)
{
	return run_tests("imap rights", add);
}
