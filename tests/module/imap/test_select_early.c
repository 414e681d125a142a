/* SPDX-License-Identifier: BSD-2-Clause */
/* SELECT that is answered before the mailbox's records are read: when they then cannot be. */
#include <string.h>

#include "storage/op_priv.h"
#include "storage/show_priv.h"
#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

static struct mailbox_fixture f;

static void setup(void)
{
	fixture_open_store(&f);
	for (unsigned i = 0; i < 3; i++)
		fixture_add(&f, 0, "Subject: x\n\nhi\n");
	hf_store_registry(f.store)->early_least = 2;
}

static void teardown(void)
{
	fixture_close_store(&f);
}

/* The index row of the second message. */
struct op_row {
	struct hf_op op;
	struct hf_buf was;
	bool back;
};

static enum hf_status row_apply(struct hf_op *op, struct batch *batch)
{
	struct op_row *row = (struct op_row *)op;
	struct row_key key;
	enum hf_status status;

	key_message(&key, f.inbox, HF_UID(2));
	if (row->back)
		return batch_put(batch, TABLE_INDEX, &key, hf_buf_str(&row->was));
	status = batch_get(batch, TABLE_INDEX, &key, &row->was);
	return status == HF_OK ? batch_put(batch, TABLE_INDEX, &key, HF_STR("?")) : status;
}

static const struct op_kind kind_row = { .name = "row", .apply = row_apply };

static void change_row(struct hf_buf *was, bool back)
{
	struct op_row *op = op_new(&kind_row, sizeof(*op));
	struct hf_op *base = &op->op;

	op->was = *was;
	op->back = back;
	ck_assert_int_eq(hf_store_run(f.store, base), HF_OK);
	*was = op->was;
	hf_op_free(&base);
}

START_TEST(a_mailbox_that_cannot_be_read_ends_no_session)
{
	struct hf_buf was = HF_BUF_INIT;

	change_row(&was, false);
	fixture_select(&f, false);
	ck_assert_str_eq(fixture_run(&f, "FETCH 1:* FLAGS"),
			 "* NO [UNAVAILABLE] The selected mailbox cannot be read\r\n"
			 "t NO [UNAVAILABLE] The selected mailbox cannot be read\r\n");
	ck_assert_str_eq(fixture_run(&f, "NOOP"), "t OK NOOP completed\r\n");
	ck_assert_str_eq(fixture_run(&f, "EXPUNGE"), "t NO [UNAVAILABLE] The selected mailbox cannot be read\r\n");
	ck_assert_str_eq(fixture_run(&f, "CLOSE"), "t OK CLOSE completed\r\n");
	ck_assert_str_eq(fixture_run(&f, "FETCH 1:* FLAGS"), "t BAD Select a mailbox first\r\n");
	change_row(&was, true);
	ck_assert_ptr_nonnull(strstr(fixture_run(&f, "SELECT INBOX"), "* 3 EXISTS\r\n"));
	ck_assert_ptr_nonnull(strstr(fixture_run(&f, "FETCH 1:* FLAGS"), "t OK FETCH completed\r\n"));
	hf_buf_fini(&was);
}
END_TEST

START_TEST(what_comes_behind_it_in_one_packet_is_answered_too)
{
	struct hf_buf was = HF_BUF_INIT;
	const char *answer;

	change_row(&was, false);
	fixture_select(&f, false);
	fixture_run(&f, "UNSELECT");
	answer = fixture_run_octets(&f, HF_STR("a SELECT INBOX\r\nb UID STORE 1:* +FLAGS (\\Seen)\r\nt IDLE\r\nDONE\r\n"));
	ck_assert_msg(strstr(answer, "a OK [READ-WRITE] SELECT completed\r\n"
				     "* NO [UNAVAILABLE] The selected mailbox cannot be read\r\n"
				     "b NO [UNAVAILABLE] The selected mailbox cannot be read\r\n"
				     "+ idling\r\n"
				     "t OK IDLE completed\r\n"),
		      "%s", answer);
	hf_buf_fini(&was);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_mailbox_that_cannot_be_read_ends_no_session);
	tcase_add_test(tc, what_comes_behind_it_in_one_packet_is_answered_too);
}

int main(void)
{
	return run_tests("imap select early", add);
}
