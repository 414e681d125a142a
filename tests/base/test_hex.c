/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"

#include "tests/base/base_test.h"

START_TEST(all_octets_come_back)
{
	struct hf_buf text = HF_BUF_INIT, back = HF_BUF_INIT;
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	hf_hex_encode(hf_str_n(all, sizeof(all)), &text);
	ck_assert_uint_eq(text.size, 512);
	assert_octets(hf_str_sub(hf_buf_str(&text), 300, 8), HF_STR("96979899"));
	assert_octets(hf_str_sub(hf_buf_str(&text), 508, 4), HF_STR("feff"));
	ck_assert_int_eq(hf_hex_decode(hf_buf_str(&text), &back), HF_OK);
	assert_octets(hf_buf_str(&back), hf_str_n(all, sizeof(all)));
	hf_buf_fini(&text);
	hf_buf_fini(&back);
}
END_TEST

START_TEST(either_case_is_read)
{
	struct hf_buf out = HF_BUF_INIT;

	ck_assert_int_eq(hf_hex_decode(HF_STR("aAbBfF09"), &out), HF_OK);
	assert_buf(&out, "\xaa\xbb\xff\x09");
	ck_assert_int_eq(hf_hex_decode(HF_STR_NULL, &out), HF_OK);
	hf_hex_encode(HF_STR_NULL, &out);
	ck_assert_uint_eq(out.size, 4);
	hf_buf_fini(&out);
}
END_TEST

START_TEST(anything_else_is_refused_and_adds_nothing)
{
	static const char *const bad[] = { "a",    "0g",   "g0",   "00 0", " 00",
					   "0x00", "00:1", "001/", "00@0" };
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "kept");
	ck_assert_int_eq(hf_hex_decode(hf_str(bad[_i]), &out), HF_ESYNTAX);
	assert_buf(&out, "kept");
	hf_buf_fini(&out);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, all_octets_come_back);
	tcase_add_test(tc, either_case_is_read);
	tcase_add_loop_test(tc, anything_else_is_refused_and_adds_nothing, 0, 9);
}

int main(void)
{
	return run_tests("hex", add);
}
