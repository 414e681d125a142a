/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/header_priv.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

struct seen {
	struct hf_buf text;
	int stop_after;
};

static bool note(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct seen *seen = arg;

	hf_buf_printf(&seen->text, "[%.*s|%.*s|%zu]", HF_STR_ARG(name), HF_STR_ARG(value),
		      field.size);
	return --seen->stop_after != 0;
}

static void assert_fields(const char *header, const char *expected)
{
	struct seen seen = { HF_BUF_INIT, 0 };

	hf_header_each(hf_str(header), note, &seen);
	assert_octets(hf_buf_str(&seen.text), hf_str(expected));
	hf_buf_fini(&seen.text);
}

START_TEST(fields_end_at_the_empty_line)
{
	assert_fields("A: 1\r\nB: 2\r\n\r\nC: 3\r\n", "[A| 1|6][B| 2|6]");
	assert_fields("A: 1\nB:2\n\nC: 3\n", "[A| 1|5][B|2|4]");
	assert_fields("A: 1", "[A| 1|4]");
	assert_fields("", "");
	assert_fields("\r\nA: 1\r\n", "");
}
END_TEST

START_TEST(a_field_holds_its_continuations)
{
	assert_fields("A: 1\r\n 2\r\n\t3\r\nB:\r\n", "[A| 1\r\n 2\r\n\t3|14][B||4]");
	assert_fields("A: 1\r\n \r\nB: 2\r\n", "[A| 1\r\n |9][B| 2|6]");
}
END_TEST

START_TEST(lines_that_are_no_fields_are_passed_over)
{
	assert_fields("From anna Mon Jan  1 10:00:00 2024\r\n more\r\nA: 1\r\n", "[A| 1|6]");
	assert_fields("nothing\r\nA: 1\r\n: x\r\nB : 2\r\n", "[A| 1|6][B| 2|7]");
	assert_fields(" leading\r\nA: 1\r\n", "[A| 1|6]");
}
END_TEST

START_TEST(the_callback_may_stop)
{
	struct seen seen = { HF_BUF_INIT, 1 };

	hf_header_each(HF_STR("A: 1\r\nB: 2\r\n"), note, &seen);
	assert_buf(&seen.text, "[A| 1|6]");
	hf_buf_fini(&seen.text);
}
END_TEST

START_TEST(unfolding_removes_line_ends_before_white_space)
{
	static const struct {
		struct hf_str in, out;
	} cases[] = {
		{ HF_STR(" a\r\n b\r\n\tc \r\n"), HF_STR("a b\tc") },
		{ HF_STR("a\n b"), HF_STR("a b") },
		{ HF_STR("a\r\n\r\n b"), HF_STR("a\r\n b") },
		{ HF_STR("a\rb"), HF_STR("a\rb") },
		{ HF_STR("a\0b"), HF_STR("a\x80"
					 "b") },
		{ HF_STR(" \r\n "), HF_STR("") },
	};

	for (size_t i = 0; i < HF_COUNT(cases); i++) {
		struct hf_buf out = HF_BUF_INIT;

		hf_header_unfold(cases[i].in, &out);
		assert_octets(hf_buf_str(&out), cases[i].out);
		hf_buf_fini(&out);
	}
}
END_TEST

static void assert_cfws(const char *in, size_t end, const char *comment)
{
	struct hf_buf out = HF_BUF_INIT;
	size_t pos = 0;

	hf_skip_cfws(hf_str(in), &pos, &out);
	ck_assert_uint_eq(pos, end);
	assert_octets(hf_buf_str(&out), hf_str(comment));
	hf_buf_fini(&out);
}

START_TEST(comments_nest_and_may_be_cut_off)
{
	assert_cfws(" (a) (b(c)d) x", 13, "b(c)d");
	assert_cfws("(a\\)b) x", 7, "a)b");
	assert_cfws("(a", 2, "a");
	assert_cfws("(a\\", 3, "a");
	assert_cfws("((((", 4, "(((");
	assert_cfws("()x", 2, "");
}
END_TEST

START_TEST(quoted_strings_lose_their_escapes)
{
	static const struct {
		const char *in;
		size_t end;
		const char *out;
	} cases[] = {
		{ "\"a\" b", 3, "a" }, { "\"a\\\"b\\\\\"", 8, "a\"b\\" },
		{ "\"\"", 2, "" },     { "\"a", 2, "a" },
		{ "\"a\\", 3, "a\\" },
	};

	for (size_t i = 0; i < HF_COUNT(cases); i++) {
		struct hf_buf out = HF_BUF_INIT;
		size_t pos = 0;

		hf_read_quoted(hf_str(cases[i].in), &pos, &out);
		ck_assert_uint_eq(pos, cases[i].end);
		assert_octets(hf_buf_str(&out), hf_str(cases[i].out));
		hf_buf_fini(&out);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, fields_end_at_the_empty_line);
	tcase_add_test(tc, a_field_holds_its_continuations);
	tcase_add_test(tc, lines_that_are_no_fields_are_passed_over);
	tcase_add_test(tc, the_callback_may_stop);
	tcase_add_test(tc, unfolding_removes_line_ends_before_white_space);
	tcase_add_test(tc, comments_nest_and_may_be_cut_off);
	tcase_add_test(tc, quoted_strings_lose_their_escapes);
}

int main(void)
{
	return run_tests("header", add);
}
