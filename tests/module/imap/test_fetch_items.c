/* SPDX-License-Identifier: BSD-2-Clause */
/* Items, macros and what is wrong with them. */
#include "module/imap/fetch.h"

#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

static struct mailbox_fixture f;

static void setup(void)
{
	setenv("TZ", "UTC", 1);
	fixture_open_store(&f);
	fixture_add(&f, HF_FLAG_SEEN, "Subject: x\n\ny\n");
	fixture_select(&f, true);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

START_TEST(names_are_found_in_any_case)
{
	ck_assert_str_eq(fetch_item_find(HF_STR("flags"))->name, "FLAGS");
	ck_assert_str_eq(fetch_item_find(HF_STR("Body.Peek"))->name, "BODY.PEEK");
	ck_assert_ptr_null(fetch_item_find(HF_STR("")));
	ck_assert_ptr_null(fetch_item_find(HF_STR("FLAG")));
	ck_assert_ptr_null(fetch_item_find(HF_STR("RFC822.")));
}
END_TEST

START_TEST(items_come_once_and_in_order)
{
	static const char *const rows[][2] = {
		{ "UID", "UID 1" },
		{ "(UID FLAGS)", "UID 1 FLAGS (\\Seen \\Recent)" },
		{ "(FLAGS UID FLAGS)", "FLAGS (\\Seen \\Recent) UID 1" },
		{ "(  UID   FLAGS  )", "UID 1 FLAGS (\\Seen \\Recent)" },
		{ "rfc822.size", "RFC822.SIZE 17" },
		{ "INTERNALDATE", "INTERNALDATE \" 9-Sep-2001 01:46:40 +0000\"" },
		{ "FAST",
		  "FLAGS (\\Seen \\Recent) INTERNALDATE \" 9-Sep-2001 01:46:40 +0000\" RFC822.SIZE 17" },
		{ "BODY.PEEK[TEXT]<1.1>", "BODY[TEXT]<1> {1}\r\n\r" },
		{ "(BODY.PEEK[1] BODY.PEEK[1])", "BODY[1] {3}\r\ny\r\n BODY[1] {3}\r\ny\r\n" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		char command[128], expected[256];

		snprintf(command, sizeof(command), "FETCH 1 %s", rows[i][0]);
		snprintf(expected, sizeof(expected), "* 1 FETCH (%s)\r\nt OK FETCH completed\r\n",
			 rows[i][1]);
		ck_assert_str_eq(fixture_run(&f, command), expected);
	}
}
END_TEST

START_TEST(what_is_wrong_is_told_with_its_place)
{
	static const char *const rows[][2] = {
		{ "FETCH 1 FROB", "t BAD FETCH: expected a FETCH item at position 11\r\n" },
		{ "FETCH 1 (FLAGS FROB)", "t BAD FETCH: expected a FETCH item at position 18\r\n" },
		{ "FETCH 1 (FLAGS", "t BAD FETCH: expected a FETCH item or ) at position 17\r\n" },
		{ "FETCH 1 ()", "t BAD FETCH: expected a FETCH item at position 12\r\n" },
		{ "UID FETCH 1 BODY[0]",
		  "t BAD UID FETCH: expected a part number at position 21\r\n" },
		{ "FETCH 1 BODY[]<0.0>",
		  "t BAD FETCH: expected <offset.count> with a count above 0 at position 21\r\n" },
		{ "FETCH x FLAGS", "t BAD FETCH: expected a sequence set at position 9\r\n" },
		{ "FETCH 2 FLAGS", "t BAD There is no message 2, the last is 1\r\n" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++)
		ck_assert_str_eq(fixture_run(&f, rows[i][0]), rows[i][1]);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, names_are_found_in_any_case);
	tcase_add_test(tc, items_come_once_and_in_order);
	tcase_add_test(tc, what_is_wrong_is_told_with_its_place);
}

int main(void)
{
	return run_tests("imap fetch items", add);
}
