/* SPDX-License-Identifier: BSD-2-Clause */
#include "module/imap/list.h"

#include "tests/base/base_test.h"

static struct hf_arena *arena;
static struct imap_session session;

static void setup(void)
{
	arena = hf_arena_new();
	session = (struct imap_session){ 0 };
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static bool matches(const char *reference, const char *pattern, const char *name)
{
	struct imap_list_pattern made;

	imap_list_pattern_init(&session, arena, hf_str(reference), hf_str(pattern), &made);
	return imap_list_match(&made, hf_str(name));
}

static const struct {
	const char *pattern, *name;
	bool match;
} rows[] = {
	{ "*", "a/b/c", true },
	{ "%", "a", true },
	{ "%", "a/b", false },
	{ "%/%", "a/b", true },
	{ "%/%", "a/b/c", false },
	{ "*/c", "a/b/c", true },
	{ "a*", "a", true },
	{ "a%c", "abc", true },
	{ "a%c", "a/c", false },
	{ "*a%b", "a/ab", true },
	{ "%x*y%z", "1x2/3y4z", true },
	{ "%x*y%z", "1x2/3y4/z", false },
	{ "*%", "a/b", true },
	{ "%*", "a/b", true },
	{ "%%", "a/b", false },
	{ "", "a", false },
	{ "a", "A", false },
	{ "inbox", "INBOX", true },
	{ "InBo%", "INBOX", true },
	{ "inbox/Sub", "INBOX/Sub", true },
	{ "inbox/sub", "INBOX/Sub", false },
	{ "inboxes", "INBOXES", false },
	{ "&ZeVnLIqe-*", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/x", true },
	{ "&", "&", false },
	{ "R&-D", "R&D", true },
};

START_TEST(pattern)
{
	ck_assert_msg(matches("", rows[_i].pattern, rows[_i].name) == rows[_i].match, "%s, %s",
		      rows[_i].pattern, rows[_i].name);
}
END_TEST

START_TEST(reference_comes_first)
{
	ck_assert(matches("a/", "%", "a/b"));
	ck_assert(!matches("a/", "%", "b"));
}
END_TEST

START_TEST(with_utf8_patterns_are_taken_as_they_are)
{
	session.enabled = IMAP_EN_UTF8;
	ck_assert(matches("", "R&D/\xc3\xa4%", "R&D/\xc3\xa4hre"));
}
END_TEST

START_TEST(hostile_patterns_take_linear_time)
{
	struct hf_buf name = HF_BUF_INIT, text = HF_BUF_INIT;

	while (name.size < 999)
		hf_buf_add_char(&name, 'a');
	for (int i = 0; i < 900; i++)
		hf_buf_add_cstr(&text, i % 2 ? "a%" : "a*");
	hf_buf_add_char(&text, 'b');
	for (int i = 0; i < 20; i++)
		ck_assert(!matches("", hf_buf_cstr(&text), hf_buf_cstr(&name)));
	while (text.size < 60000)
		hf_buf_add_cstr(&text, "a*");
	ck_assert(!matches("", hf_buf_cstr(&text), hf_buf_cstr(&name)));
	hf_buf_fini(&name);
	hf_buf_fini(&text);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, pattern, 0, (int)HF_COUNT(rows));
	tcase_add_test(tc, reference_comes_first);
	tcase_add_test(tc, with_utf8_patterns_are_taken_as_they_are);
	tcase_add_test(tc, hostile_patterns_take_linear_time);
}

int main(void)
{
	return run_tests("imap list", add);
}
