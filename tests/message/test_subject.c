/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "tests/base/base_test.h"

static const struct {
	const char *subject, *base;
	bool is_reply;
} cases[] = {
	{ "", "", false },
	{ "foo", "foo", false },
	{ "  foo \t bar\r\n baz ", "foo bar baz", false },
	{ "Re: foo", "foo", true },
	{ "re:foo", "foo", true },
	{ "RE : foo", "foo", true },
	{ "Fw: foo", "foo", true },
	{ "Fwd: foo", "foo", true },
	{ "Re[2]: foo", "foo", true },
	{ "re [x] : foo", "foo", true },
	{ "re [x]: foo", "foo", true },
	{ "Re: Fwd: RE: foo", "foo", true },
	{ "[list] foo", "foo", false },
	{ "[list] Re: foo", "foo", true },
	{ "Re: [list] foo", "foo", true },
	{ "[a][b] Re: [c] [d] foo", "foo", true },
	{ "[a] [b]", "[b]", false },
	{ "[a]", "[a]", false },
	{ "Re: [a]", "[a]", true },
	{ "foo (fwd)", "foo", true },
	{ "foo (FWD) (fwd) ", "foo", true },
	{ "foo (fwd) bar", "foo (fwd) bar", false },
	{ "[fwd: foo]", "foo", true },
	{ "[Fwd: Re: [list] foo (fwd)]", "foo", true },
	{ "[fwd: [fwd: foo]]", "foo", true },
	{ "Re: [fwd: foo] (fwd)", "foo", true },
	{ "[fwd: foo] bar", "bar", false },
	{ "[fwd:]", "", true },
	{ "Re:", "", true },
	{ "(fwd)", "", true },
	{ "Reply: foo", "Reply: foo", false },
	{ "fwdd: foo", "fwdd: foo", false },
	{ "[unclosed foo", "[unclosed foo", false },
	{ "[a[b] foo", "[a[b] foo", false },
	{ "Re: Tr\xc3\xa4nen", "Tr\xc3\xa4nen", true },
};

START_TEST(bases_are_those_of_rfc5256)
{
	struct hf_buf base = HF_BUF_INIT;
	bool is_reply = !cases[_i].is_reply;

	hf_base_subject(hf_str(cases[_i].subject), &base, &is_reply);
	assert_octets(hf_buf_str(&base), hf_str(cases[_i].base));
	ck_assert_msg(is_reply == cases[_i].is_reply, "%s", cases[_i].subject);
	hf_buf_fini(&base);
}
END_TEST

START_TEST(hostile_subjects_are_linear)
{
	static const char *const units[] = { "[a]",   "re:",   "[fwd:", "[fwd:re [",
					     "(fwd)", "re [x", "[",     "re[a]" };

	for (size_t i = 0; i < HF_COUNT(units); i++) {
		struct hf_buf in = HF_BUF_INIT, base = HF_BUF_INIT;
		bool is_reply;

		while (in.size < 1000000)
			hf_buf_add_cstr(&in, units[i]);
		for (int j = 0; j < 200000; j++)
			hf_buf_add_char(&in, ']');
		hf_base_subject(hf_buf_str(&in), &base, &is_reply);
		ck_assert_uint_le(base.size, in.size);
		hf_buf_fini(&in);
		hf_buf_fini(&base);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, bases_are_those_of_rfc5256, 0, (int)HF_COUNT(cases));
	tcase_add_test(tc, hostile_subjects_are_linear);
}

int main(void)
{
	return run_tests("subject", add);
}
