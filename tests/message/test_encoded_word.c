/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "tests/base/base_test.h"

static const struct {
	struct hf_str in, utf8;
} cases[] = {
	{ HF_STR(""), HF_STR("") },
	{ HF_STR(" plain text "), HF_STR("plain text") },
	{ HF_STR("a\r\n b"), HF_STR("a b") },
	/* RFC 2047 §8 */
	{ HF_STR("(=?ISO-8859-1?Q?a?=)"), HF_STR("(a)") },
	{ HF_STR("(=?ISO-8859-1?Q?a?= b)"), HF_STR("(a b)") },
	{ HF_STR("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"), HF_STR("(ab)") },
	{ HF_STR("(=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-1?Q?b?=)"), HF_STR("(ab)") },
	{ HF_STR("(=?ISO-8859-1?Q?a_b?=)"), HF_STR("(a b)") },
	{ HF_STR("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?="), HF_STR("a b") },
	{ HF_STR("=?utf-8?B?w6TDtg==?= x"), HF_STR("\xc3\xa4\xc3\xb6 x") },
	{ HF_STR("=?UTF-8?q?=c3=A4?="), HF_STR("\xc3\xa4") },
	{ HF_STR("=?utf-8*en?Q?a?="), HF_STR("a") },
	{ HF_STR("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?="),
	  HF_STR("\xe2\x82\xac") }, /* a character in two words */
	{ HF_STR("\"=?utf-8?Q?a?=\" <b@c>"), HF_STR("\"a\" <b@c>") },
	{ HF_STR("x=?utf-8?Q?a?=y"), HF_STR("xay") },
	{ HF_STR("=?utf-8?Q?a b?="), HF_STR("a b") },
	{ HF_STR("=?utf-8?Q?=0D=0AX:=00?="),
	  HF_STR("  X: ") }, /* no line end comes out of a word */
	{ HF_STR("=?utf-8?Q?"
		 "?="),
	  HF_STR("") },
	/* not encoded words */
	{ HF_STR("=?x-unknown?Q?a?="), HF_STR("=?x-unknown?Q?a?=") },
	{ HF_STR("=?utf-8?X?a?="), HF_STR("=?utf-8?X?a?=") },
	{ HF_STR("=?utf-8?Q?a"), HF_STR("=?utf-8?Q?a") },
	{ HF_STR("=?utf-8?Q?a?"), HF_STR("=?utf-8?Q?a?") },
	{ HF_STR("=?utf-8?Q"), HF_STR("=?utf-8?Q") },
	{ HF_STR("=?=?utf-8?Q?a?="), HF_STR("=?a") },
	{ HF_STR("1 = 2 =? 3"), HF_STR("1 = 2 =? 3") },
	{ HF_STR("=?utf-8?Q?=4=G1=?="), HF_STR("=4=G1=") },
	/* raw 8-bit */
	{ HF_STR("\xc3\xa4"), HF_STR("\xc3\xa4") },
	{ HF_STR("\xe4 \x80"), HF_STR("\xc3\xa4 \xe2\x82\xac") },
	{ HF_STR("\xe4=?utf-8?Q?=C3=B6?="), HF_STR("\xc3\xa4\xc3\xb6") },
};

START_TEST(header_text_becomes_utf8)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_header_decode(cases[_i].in, &out);
	assert_octets(hf_buf_str(&out), cases[_i].utf8);
	hf_buf_fini(&out);
}
END_TEST

START_TEST(hostile_values_are_linear)
{
	static const char *const units[] = { "=?", "=?a?q?",         "=?utf-8?Q?",
					     "=",  "=?utf-8?Q?a?= ", "=?koi8-r?B?w6Q=?=" };

	for (size_t i = 0; i < HF_COUNT(units); i++) {
		struct hf_buf in = HF_BUF_INIT, out = HF_BUF_INIT;

		while (in.size < 1000000)
			hf_buf_add_cstr(&in, units[i]);
		hf_header_decode(hf_buf_str(&in), &out);
		ck_assert_uint_gt(out.size, 0);
		hf_buf_fini(&in);
		hf_buf_fini(&out);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, header_text_becomes_utf8, 0, (int)HF_COUNT(cases));
	tcase_add_test(tc, hostile_values_are_linear);
}

int main(void)
{
	return run_tests("encoded_word", add);
}
