/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/status.h"

#include "tests/base/base_test.h"

START_TEST(every_status_has_a_text_of_its_own)
{
	for (int i = 0; i < HF_STATUS_COUNT; i++) {
		ck_assert_ptr_nonnull(hf_status_text((enum hf_status)i));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(hf_status_text((enum hf_status)i),
					 hf_status_text((enum hf_status)j));
	}
}
END_TEST

START_TEST(a_number_that_is_no_status_has_a_text)
{
	ck_assert_str_eq(hf_status_text(HF_STATUS_COUNT), "unknown status");
	ck_assert_str_eq(hf_status_text((enum hf_status) - 1), "unknown status");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, every_status_has_a_text_of_its_own);
	tcase_add_test(tc, a_number_that_is_no_status_has_a_text);
}

int main(void)
{
	return run_tests("status", add);
}
