/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

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

START_TEST(case_does_not_matter)
{
	struct hf_matcher *matcher = hf_matcher_new(arena, HF_STR("\xc3\x84pfel"));

	assert_octets(hf_matcher_folded(matcher), HF_STR("A\xcc\x88PFEL"));
	ck_assert(hf_matcher_feed(matcher, HF_STR("zwei \xc3\xa4PFEL")));
	hf_matcher_restart(matcher);
	ck_assert(!hf_matcher_feed(matcher, HF_STR("zwei Birnen")));
}
END_TEST

START_TEST(a_match_may_span_pieces)
{
	struct hf_matcher *matcher = hf_matcher_new(arena, HF_STR("abcabd"));
	const char *text = "xabcabcabdx";

	for (size_t i = 0; text[i]; i++)
		ck_assert_int_eq(hf_matcher_feed(matcher, hf_str_n(text + i, 1)), i >= 9);
	ck_assert(hf_matcher_feed(matcher, HF_STR("")));
	hf_matcher_restart(matcher);
	ck_assert(!hf_matcher_feed(matcher, HF_STR("abc")));
	hf_matcher_restart(matcher);
	ck_assert(!hf_matcher_feed(matcher, HF_STR("abd"))); /* nothing is left from before */
}
END_TEST

START_TEST(the_empty_string_is_everywhere)
{
	struct hf_matcher *matcher = hf_matcher_new(arena, HF_STR(""));

	ck_assert(hf_matcher_feed(matcher, HF_STR("")));
	hf_matcher_restart(matcher);
	ck_assert(hf_matcher_feed(matcher, HF_STR("a")));
}
END_TEST

START_TEST(long_needles_and_long_texts)
{
	struct hf_buf needle = HF_BUF_INIT, text = HF_BUF_INIT;
	struct hf_matcher *matcher;

	for (int i = 0; i < 20000; i++)
		hf_buf_add_char(&needle, 'a');
	hf_buf_add_char(&needle, 'b');
	for (int i = 0; i < 3000000; i++)
		hf_buf_add_char(&text, 'A');
	matcher = hf_matcher_new(arena, hf_buf_str(&needle));
	ck_assert(!hf_matcher_feed(matcher, hf_buf_str(&text)));
	ck_assert(hf_matcher_feed(matcher, HF_STR("B")));
	hf_buf_fini(&needle);
	hf_buf_fini(&text);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, case_does_not_matter);
	tcase_add_test(tc, a_match_may_span_pieces);
	tcase_add_test(tc, the_empty_string_is_everywhere);
	tcase_add_test(tc, long_needles_and_long_texts);
}

int main(void)
{
	return run_tests("matcher", add);
}
