/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/arena.h"
#include "storage/account.h"
#include "tests/base/base_test.h"

static struct hf_arena *arena;

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static const struct {
	const char *given, *normal;
} good[] = {
	{ "Work", "Work" },
	{ "a/b/c", "a/b/c" },
	{ "Work/", "Work" },
	{ "inbox", "INBOX" },
	{ "InBoX/", "INBOX" },
	{ "Inbox/Sub", "INBOX/Sub" },
	{ "Inboxes", "Inboxes" },
	{ "a/inbox", "a/inbox" },
	{ ".", "." },
	{ "../../etc", "../../etc" },
	{ "Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe" },
	{ "Entwu\xcc\x88rfe", "Entw\xc3\xbcrfe" },
	{ "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c" },
	{ "\xf0\x9f\x93\xac", "\xf0\x9f\x93\xac" },
	{ " spaces kept ", " spaces kept " },
	{ "\"\\&~", "\"\\&~" },
};

START_TEST(good_names_are_normalised)
{
	struct hf_str normal;

	ck_assert_int_eq(hf_mailbox_name_check(hf_str(good[_i].given), arena, &normal, NULL),
			 HF_OK);
	assert_octets(normal, hf_str(good[_i].normal));
}
END_TEST

static const struct hf_str bad[] = {
	{ "", 0 },      { "/", 1 },         { "//", 2 },           { "/a", 2 },
	{ "a//b", 4 },  { "a//", 3 },       { "a\0b", 3 },         { "a\rb", 3 },
	{ "a\x7f", 2 }, { "a\xc2\x85", 3 }, { "\xe2\x80\xa8", 3 }, { "100%", 4 },
	{ "*", 1 },     { "\xff", 1 },      { "\xc0\xaf", 2 },     { "\xed\xa0\x80", 3 },
	{ "a\xc3", 2 },
};

START_TEST(bad_names_are_refused_with_a_reason)
{
	struct hf_str normal;
	const char *why = NULL;

	ck_assert_int_eq(hf_mailbox_name_check(bad[_i], arena, &normal, &why), HF_EINVALID);
	ck_assert_ptr_nonnull(why);
	ck_assert_int_eq(hf_mailbox_name_check(bad[_i], arena, &normal, NULL), HF_EINVALID);
}
END_TEST

static struct hf_str repeated(const char *unit, size_t count, size_t slash_every)
{
	struct hf_buf buf = HF_BUF_INIT;
	struct hf_str name;

	for (size_t i = 0; i < count; i++) {
		if (slash_every && i && i % slash_every == 0)
			hf_buf_add_char(&buf, '/');
		hf_buf_add_cstr(&buf, unit);
	}
	name = hf_arena_str(arena, hf_buf_str(&buf));
	hf_buf_fini(&buf);
	return name;
}

START_TEST(sizes_are_limited_after_normalising)
{
	struct hf_str normal;

	ck_assert_int_eq(hf_mailbox_name_check(repeated("a", 255, 0), arena, &normal, NULL), HF_OK);
	ck_assert_int_eq(hf_mailbox_name_check(repeated("a", 256, 0), arena, &normal, NULL),
			 HF_ELIMIT);
	ck_assert_int_eq(hf_mailbox_name_check(repeated("a", 997, 250), arena, &normal, NULL),
			 HF_OK);
	ck_assert_uint_eq(normal.size, 1000);
	ck_assert_int_eq(hf_mailbox_name_check(repeated("a", 998, 250), arena, &normal, NULL),
			 HF_ELIMIT);
	ck_assert_int_eq(hf_mailbox_name_check(repeated("a", 1000000, 250), arena, &normal, NULL),
			 HF_ELIMIT);
	/* Three octets each, two when composed. */
	ck_assert_int_eq(hf_mailbox_name_check(repeated("u\xcc\x88", 127, 0), arena, &normal, NULL),
			 HF_OK);
	ck_assert_uint_eq(normal.size, 254);
	ck_assert_int_eq(hf_mailbox_name_check(repeated("u\xcc\x88", 128, 0), arena, &normal, NULL),
			 HF_ELIMIT);
	/* One that grows: U+0958 composes to two characters. */
	ck_assert_int_eq(
		hf_mailbox_name_check(repeated("\xe0\xa5\x98", 60, 0), arena, &normal, NULL),
		HF_ELIMIT);
	ck_assert_int_eq(
		hf_mailbox_name_check(repeated("\xe0\xa5\x98", 1300, 0), arena, &normal, NULL),
		HF_ELIMIT);
}
END_TEST

START_TEST(normalising_twice_changes_nothing)
{
	struct hf_str once, twice;

	for (size_t i = 0; i < HF_COUNT(good); i++) {
		ck_assert_int_eq(hf_mailbox_name_check(hf_str(good[i].given), arena, &once, NULL),
				 HF_OK);
		ck_assert_int_eq(hf_mailbox_name_check(once, arena, &twice, NULL), HF_OK);
		assert_octets(twice, once);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, good_names_are_normalised, 0, (int)HF_COUNT(good));
	tcase_add_loop_test(tc, bad_names_are_refused_with_a_reason, 0, (int)HF_COUNT(bad));
	tcase_add_test(tc, sizes_are_limited_after_normalising);
	tcase_add_test(tc, normalising_twice_changes_nothing);
}

int main(void)
{
	return run_tests("name", add);
}
