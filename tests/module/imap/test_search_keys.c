/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of keys: every key is found, and what belongs to it is asked for by position. */
#include "module/imap/search.h"

#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

START_TEST(every_key_of_the_rfcs_is_found)
{
	static const char *const names[] = {
		"ALL",        "ANSWERED",  "BCC",     "BEFORE",     "BODY",      "CC",
		"DELETED",    "DRAFT",     "FLAGGED", "FROM",       "HEADER",    "KEYWORD",
		"LARGER",     "MODSEQ",    "NEW",     "NOT",        "OLD",       "ON",
		"OR",         "RECENT",    "SEEN",    "SENTBEFORE", "SENTON",    "SENTSINCE",
		"SINCE",      "SMALLER",   "SUBJECT", "TEXT",       "TO",        "UID",
		"UNANSWERED", "UNDELETED", "UNDRAFT", "UNFLAGGED",  "UNKEYWORD", "UNSEEN",
	};

	for (size_t i = 0; i < HF_COUNT(names); i++) {
		struct hf_buf lower = HF_BUF_INIT;

		ck_assert_msg(search_key_find(hf_str(names[i])) != NULL, "%s", names[i]);
		for (const char *c = names[i]; *c; c++)
			hf_buf_add_char(&lower, hf_ascii_lower(*c));
		ck_assert_ptr_eq(search_key_find(hf_buf_str(&lower)),
				 search_key_find(hf_str(names[i])));
		hf_buf_fini(&lower);
	}
	ck_assert_ptr_null(search_key_find(HF_STR("SEE")));
	ck_assert_ptr_null(search_key_find(HF_STR("SEENX")));
	ck_assert_ptr_null(search_key_find(HF_STR("A")));
	ck_assert_ptr_null(search_key_find(HF_STR("ZZZ")));
}
END_TEST

static struct mailbox_fixture f;

static void setup(void)
{
	fixture_open_store(&f);
	fixture_add(&f, 0, "From: a@b\nSubject: x\n\ny\n");
	fixture_select(&f, true);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

/* The position is that of the octet in the command, counted from 1. */
START_TEST(what_is_wrong_is_told_with_its_place)
{
	static const char *const rows[][2] = {
		{ "SEARCH FROB", "t BAD SEARCH: expected a search key at position 10\r\n" },
		{ "SEARCH SEEN FROB", "t BAD SEARCH: expected a search key at position 15\r\n" },
		{ "SEARCH ON",
		  "t BAD SEARCH: expected a date such as 7-Feb-1994 at position 12\r\n" },
		{ "SEARCH NOT", "t BAD SEARCH: expected a search key at position 13\r\n" },
		{ "SEARCH OR SEEN", "t BAD SEARCH: expected a search key at position 17\r\n" },
		{ "UID SEARCH UID x",
		  "t BAD UID SEARCH: expected a sequence set at position 18\r\n" },
		{ "SEARCH (SEEN", "t BAD SEARCH: expected ) at position 15\r\n" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++)
		ck_assert_str_eq(fixture_run(&f, rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(arguments_are_asked_for)
{
	static const char *const bad[] = {
		"BCC",      "BEFORE",   "BODY",       "CC",          "FROM",        "HEADER",
		"HEADER x", "KEYWORD",  "LARGER",     "MODSEQ",      "NOT",         "ON",
		"OR",       "OR ALL",   "SENTBEFORE", "SENTON",      "SENTSINCE",   "SINCE",
		"SMALLER",  "SUBJECT",  "TEXT",       "TO",          "UID",         "UNKEYWORD",
		"LARGER x", "ON x",     "UID x",      "KEYWORD (a)", "SUBJECT (x)", "HEADER (a) b",
		"1,",       "0",        "1:",         "()",          "(",           ")",
		"ALL )",    "ALL,SEEN", "OR (ALL) ",  "NOT ()",
	};

	for (size_t i = 0; i < HF_COUNT(bad); i++) {
		char command[64];

		snprintf(command, sizeof(command), "SEARCH %s", bad[i]);
		ck_assert_msg(!strncmp(fixture_run(&f, command), "t BAD SEARCH: expected ", 23),
			      "%s", bad[i]);
		fixture_session(&f)->bad_count = 0;
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_key_of_the_rfcs_is_found);
	tcase_add_test(tc, what_is_wrong_is_told_with_its_place);
	tcase_add_test(tc, arguments_are_asked_for);
}

int main(void)
{
	return run_tests("imap search keys", add);
}
