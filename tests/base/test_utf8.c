/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"

#include "tests/base/base_test.h"

START_TEST(every_character_comes_back)
{
	struct hf_buf buf = HF_BUF_INIT;

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t size;
		uint32_t back;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		hf_buf_clear(&buf);
		hf_utf8_put(&buf, c);
		if (!hf_utf8_valid(hf_buf_str(&buf)))
			ck_abort_msg("U+%04X is not valid", c);
		back = hf_utf8_next(hf_buf_str(&buf), &size);
		if (back != c || size != buf.size)
			ck_abort_msg("U+%04X came back as U+%04X", c, back);
		if (c < 0x80      ? size != 1
		    : c < 0x800   ? size != 2
		    : c < 0x10000 ? size != 3
				  : size != 4)
			ck_abort_msg("U+%04X has %zu octets", c, size);
	}
	hf_buf_fini(&buf);
}
END_TEST

START_TEST(what_is_no_character_is_written_as_the_replacement)
{
	static const uint32_t none[] = { 0xd800, 0xdfff, 0x110000, UINT32_MAX };
	struct hf_buf buf = HF_BUF_INIT;

	hf_utf8_put(&buf, none[_i]);
	assert_buf(&buf, "\xef\xbf\xbd");
	hf_buf_fini(&buf);
}
END_TEST

static const struct hf_str malformed[] = {
	HF_STR("\x80"),
	HF_STR("\xbf"),
	HF_STR("\xc0\x80"),
	HF_STR("\xc1\xbf"),
	HF_STR("\xc3"),
	HF_STR("\xc3("),
	HF_STR("\xe0\x80\x80"),
	HF_STR("\xe0\x9f\xbf"),
	HF_STR("\xe2\x82"),
	HF_STR("\xe2(\xa1"),
	HF_STR("\xed\xa0\x80"),
	HF_STR("\xed\xbf\xbf"),
	HF_STR("\xf0\x80\x80\x80"),
	HF_STR("\xf0\x8f\xbf\xbf"),
	HF_STR("\xf0\x9f\x92"),
	HF_STR("\xf4\x90\x80\x80"),
	HF_STR("\xf5\x80\x80\x80"),
	HF_STR("\xfe"),
	HF_STR("\xff"),
};

START_TEST(malformed_sequences_are_found_wherever_they_are)
{
	struct hf_buf buf = HF_BUF_INIT;
	size_t size;

	ck_assert_uint_eq(hf_utf8_next(malformed[_i], &size), 0xfffd);
	ck_assert_uint_eq(size, 1);
	for (size_t before = 0; before < 20; before++) {
		hf_buf_clear(&buf);
		for (size_t k = 0; k < before; k++)
			hf_buf_add_char(&buf, 'a');
		hf_buf_add_lit(&buf, "\xc3\xa9");
		ck_assert(hf_utf8_valid(hf_buf_str(&buf)));
		hf_buf_add_str(&buf, malformed[_i]);
		ck_assert(!hf_utf8_valid(hf_buf_str(&buf)));
		hf_buf_add_lit(&buf, "some more text");
		ck_assert(!hf_utf8_valid(hf_buf_str(&buf)));
	}
	hf_buf_fini(&buf);
}
END_TEST

START_TEST(nothing_is_valid_and_has_no_next)
{
	size_t size = 7;

	ck_assert(hf_utf8_valid(HF_STR_NULL));
	hf_utf8_next(HF_STR_NULL, &size);
	ck_assert_uint_eq(size, 0);
}
END_TEST

static const struct {
	const char *text;
	size_t max, clip;
} clips[] = {
	{ "", 0, 0 },
	{ "abc", 3, 3 },
	{ "abc", 10, 3 },
	{ "abc", 2, 2 },
	{ "abc", 0, 0 },
	{ "a\xc3\xa9", 2, 1 },
	{ "a\xc3\xa9", 3, 3 },
	{ "\xe2\x82\xac\xe2\x82\xac", 5, 3 },
	{ "\xe2\x82\xac\xe2\x82\xac", 4, 3 },
	{ "\xe2\x82\xac\xe2\x82\xac", 2, 0 },
	{ "\xf0\x9f\x92\xa9.", 3, 0 },
	{ "\xf0\x9f\x92\xa9.", 4, 4 },
	{ "\x80\x80\x80\x80\x80\x80", 5, 5 },
};

START_TEST(clipping_ends_at_a_character)
{
	ck_assert_uint_eq(hf_utf8_clip(hf_str(clips[_i].text), clips[_i].max), clips[_i].clip);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, every_character_comes_back);
	tcase_add_loop_test(tc, what_is_no_character_is_written_as_the_replacement, 0, 4);
	tcase_add_loop_test(tc, malformed_sequences_are_found_wherever_they_are, 0,
			    HF_COUNT(malformed));
	tcase_add_test(tc, nothing_is_valid_and_has_no_next);
	tcase_add_loop_test(tc, clipping_ends_at_a_character, 0, HF_COUNT(clips));
}

int main(void)
{
	return run_tests("utf8", add);
}
