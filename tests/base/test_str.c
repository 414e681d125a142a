/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/str.h"

#include "tests/base/base_test.h"

static const struct {
	const char *a, *b;
	int cmp, icmp;
} orders[] = {
	{ "", "", 0, 0 },          { "", "a", -1, -1 },        { "a", "a", 0, 0 },
	{ "a", "A", 1, 0 },        { "abc", "abd", -1, -1 },   { "ABD", "abc", -1, 1 },
	{ "ab", "abc", -1, -1 },   { "[", "a", -1, -1 },       { "Z", "[", -1, 1 },
	{ "\xc3\xa9", "z", 1, 1 }, { "\xc3", "\xe3", -1, -1 }, { "@", "`", -1, -1 },
};

/* Against looking at each octet, around the lengths at which it changes its ways. */
START_TEST(a_line_is_found_by_its_first_octet)
{
	uint64_t seed = 7;
	char text[300];

	for (int round = 0; round < 20000; round++) {
		size_t size = random_next(&seed) % sizeof(text), few = 2 + random_next(&seed) % 80;
		ptrdiff_t expected = -1;

		for (size_t i = 0; i < size; i++) {
			size_t pick = random_next(&seed) % few;

			text[i] = pick < 2 ? "\n."[pick] : 'x';
		}
		for (size_t i = 1; i < size && expected < 0; i++)
			if (text[i] == '.' && text[i - 1] == '\n')
				expected = (ptrdiff_t)i;
		ck_assert_int_eq(hf_str_find_line(hf_str_n(text, size), '.'), expected);
	}
	ck_assert_int_eq(hf_str_find_line(HF_STR_NULL, '.'), -1);
}
END_TEST

START_TEST(comparing_orders_octets_and_folds_ascii_only)
{
	struct hf_str a = hf_str(orders[_i].a), b = hf_str(orders[_i].b);

	ck_assert_int_eq(hf_str_cmp(a, b), orders[_i].cmp);
	ck_assert_int_eq(hf_str_cmp(b, a), -orders[_i].cmp);
	ck_assert_int_eq(hf_str_icmp(a, b), orders[_i].icmp);
	ck_assert_int_eq(hf_str_icmp(b, a), -orders[_i].icmp);
	ck_assert_int_eq(hf_str_eq(a, b), orders[_i].cmp == 0);
	ck_assert_int_eq(hf_str_ieq(a, b), orders[_i].icmp == 0);
}
END_TEST

START_TEST(null_is_the_empty_string)
{
	struct hf_str none = HF_STR_NULL, rest = HF_STR_NULL;

	ck_assert(hf_str_is_empty(hf_str(NULL)));
	ck_assert(hf_str_eq(none, HF_STR("")));
	ck_assert_int_eq(hf_str_cmp(none, HF_STR("a")), -1);
	ck_assert(hf_str_starts(HF_STR("a"), none));
	ck_assert(hf_str_starts(none, none));
	ck_assert(hf_str_ends(none, none));
	ck_assert_uint_eq(hf_str_trim(none).size, 0);
	ck_assert_uint_eq(hf_str_sub(none, 3, 4).size, 0);
	ck_assert_int_eq(hf_str_chr(none, 'a'), -1);
	ck_assert_int_eq(hf_str_find(none, HF_STR("a")), -1);
	ck_assert_int_eq(hf_str_find(none, none), 0);
	ck_assert_uint_eq(hf_str_split(&rest, ',').size, 0);
}
END_TEST

START_TEST(prefixes_and_suffixes)
{
	struct hf_str s = HF_STR("INBOX/Work");

	ck_assert(hf_str_starts(s, HF_STR("INBOX/")));
	ck_assert(!hf_str_starts(s, HF_STR("inbox/")));
	ck_assert(hf_str_istarts(s, HF_STR("inbox/")));
	ck_assert(!hf_str_istarts(s, HF_STR("INBOX/Work/x")));
	ck_assert(hf_str_ends(s, HF_STR("/Work")));
	ck_assert(hf_str_ends(s, s));
	ck_assert(!hf_str_ends(s, HF_STR("work")));
	ck_assert(!hf_str_ends(HF_STR("k"), HF_STR("rk")));
}
END_TEST

START_TEST(sub_is_clipped)
{
	struct hf_str s = HF_STR("abcdef");

	assert_octets(hf_str_sub(s, 0, 3), HF_STR("abc"));
	assert_octets(hf_str_sub(s, 4, 100), HF_STR("ef"));
	assert_octets(hf_str_sub(s, 2, SIZE_MAX), HF_STR("cdef"));
	assert_octets(hf_str_sub(s, 7, 1), HF_STR(""));
	assert_octets(hf_str_sub(s, SIZE_MAX, SIZE_MAX), HF_STR(""));
}
END_TEST

START_TEST(trim_takes_blanks_from_both_ends)
{
	assert_octets(hf_str_trim(HF_STR(" \t a b\r\n ")), HF_STR("a b"));
	assert_octets(hf_str_trim(HF_STR(" \r\n")), HF_STR(""));
	assert_octets(hf_str_trim(HF_STR("x")), HF_STR("x"));
}
END_TEST

START_TEST(finding)
{
	ck_assert_int_eq(hf_str_chr(HF_STR("abca"), 'a'), 0);
	ck_assert_int_eq(hf_str_chr(HF_STR("abca"), 'c'), 2);
	ck_assert_int_eq(hf_str_chr(HF_STR("abca"), 'x'), -1);
	ck_assert_int_eq(hf_str_chr(HF_STR("a\0b"), 'b'), 2);
	ck_assert_int_eq(hf_str_find(HF_STR("abcabd"), HF_STR("abd")), 3);
	ck_assert_int_eq(hf_str_find(HF_STR("abc"), HF_STR("")), 0);
	ck_assert_int_eq(hf_str_find(HF_STR("ab"), HF_STR("abc")), -1);
}
END_TEST

START_TEST(split_leaves_what_follows)
{
	struct hf_str s = HF_STR("a,,b");

	assert_octets(hf_str_split(&s, ','), HF_STR("a"));
	assert_octets(hf_str_split(&s, ','), HF_STR(""));
	assert_octets(s, HF_STR("b"));
	assert_octets(hf_str_split(&s, ','), HF_STR("b"));
	ck_assert_uint_eq(s.size, 0);
	s = HF_STR("a,");
	assert_octets(hf_str_split(&s, ','), HF_STR("a"));
	ck_assert_uint_eq(s.size, 0);
}
END_TEST

static const struct {
	const char *text;
	uint64_t max;
	bool ok;
	uint64_t value;
} numbers[] = {
	{ "0", 0, true, 0 },
	{ "1", 0, false, 0 },
	{ "", 10, false, 0 },
	{ "007", 10, true, 7 },
	{ "10", 10, true, 10 },
	{ "11", 10, false, 0 },
	{ "+1", 10, false, 0 },
	{ " 1", 10, false, 0 },
	{ "1 ", 10, false, 0 },
	{ "-1", 10, false, 0 },
	{ "1:", 10, false, 0 },
	{ "1/", 10, false, 0 },
	{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, false, 0 },
	{ "99999999999999999999", UINT64_MAX, false, 0 },
	{ "184467440737095516150", UINT64_MAX, false, 0 },
	{ "4294967295", UINT32_MAX, true, UINT32_MAX },
	{ "4294967296", UINT32_MAX, false, 0 },
};

START_TEST(numbers_are_digits_within_the_maximum)
{
	uint64_t value = 4711;
	bool ok = hf_str_u64(hf_str(numbers[_i].text), numbers[_i].max, &value);

	ck_assert_int_eq(ok, numbers[_i].ok);
	ck_assert_uint_eq(value, ok ? numbers[_i].value : 4711);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_line_is_found_by_its_first_octet);
	tcase_add_loop_test(tc, comparing_orders_octets_and_folds_ascii_only, 0, HF_COUNT(orders));
	tcase_add_test(tc, null_is_the_empty_string);
	tcase_add_test(tc, prefixes_and_suffixes);
	tcase_add_test(tc, sub_is_clipped);
	tcase_add_test(tc, trim_takes_blanks_from_both_ends);
	tcase_add_test(tc, finding);
	tcase_add_test(tc, split_leaves_what_follows);
	tcase_add_loop_test(tc, numbers_are_digits_within_the_maximum, 0, HF_COUNT(numbers));
}

int main(void)
{
	return run_tests("str", add);
}
