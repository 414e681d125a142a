/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "message/fold_priv.h"
#include "tests/base/base_test.h"

static void assert_folded(const char *in, const char *expected)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_fold(hf_str(in), &out);
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
}

START_TEST(characters_are_titlecased_and_decomposed)
{
	assert_folded("", "");
	assert_folded("azAZ09 @[`{~\x7f", "AZAZ09 @[`{~\x7f");
	assert_folded("\xc3\xa4", "A\xcc\x88");
	assert_folded("\xc3\x84", "A\xcc\x88");
	assert_folded("\xc7\x84", "Dz\xcc\x8c"); /* RFC 5051 §2: U+01C4 */
	assert_folded("\xc3\x9f", "\xc3\x9f");   /* no simple titlecase */
	assert_folded("\xef\xac\x81", "fi");     /* U+FB01, decomposed after the mapping */
	assert_folded("\xd0\xb6\xd0\x96", "\xd0\x96\xd0\x96");
	assert_folded("\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1");
	assert_folded("\xf0\x90\x90\xa8", "\xf0\x90\x90\x80");
	assert_folded("a\xff", "A\xef\xbf\xbd");
}
END_TEST

START_TEST(the_longest_decomposition_fits)
{
	struct hf_buf in = HF_BUF_INIT, out = HF_BUF_INIT;
	struct hf_str rest = HF_STR("\xef\xb7\xba");
	char one[HF_FOLD_MAX];
	size_t size = hf_fold_some(&rest, one, sizeof(one));

	ck_assert_uint_eq(rest.size, 0);
	ck_assert_uint_eq(size, 33);
	for (int i = 0; i < 1000; i++)
		hf_buf_add_lit(&in, "\xef\xb7\xba");
	hf_fold(hf_buf_str(&in), &out);
	ck_assert_uint_eq(out.size, 1000 * size);
	hf_buf_fini(&in);
	hf_buf_fini(&out);
}
END_TEST

START_TEST(folding_waits_for_room)
{
	struct hf_str rest = HF_STR("abc");
	char out[HF_FOLD_MAX];

	ck_assert_uint_eq(hf_fold_some(&rest, out, HF_FOLD_MAX - 1), 0);
	ck_assert_uint_eq(rest.size, 3);
}
END_TEST

START_TEST(nfc_composes)
{
	struct hf_buf out = HF_BUF_INIT;

	ck_assert_int_eq(hf_nfc(HF_STR("Sent"), &out), HF_OK);
	ck_assert_int_eq(hf_nfc(HF_STR("/A\xcc\x88/\xe1\x84\x80\xe1\x85\xa1"), &out), HF_OK);
	assert_buf(&out, "Sent/\xc3\x84/\xea\xb0\x80");
	hf_buf_clear(&out);
	ck_assert_int_eq(hf_nfc(HF_STR("\xef\xac\xac\xef\xac\xac"), &out),
			 HF_OK); /* U+FB2C grows */
	ck_assert_uint_eq(out.size, 12);
	hf_buf_clear(&out);
	ck_assert_int_eq(hf_nfc(HF_STR("a\xff"), &out), HF_EINVALID);
	ck_assert_uint_eq(out.size, 0);
	hf_buf_fini(&out);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, characters_are_titlecased_and_decomposed);
	tcase_add_test(tc, the_longest_decomposition_fits);
	tcase_add_test(tc, folding_waits_for_room);
	tcase_add_test(tc, nfc_composes);
}

int main(void)
{
	return run_tests("fold", add);
}
