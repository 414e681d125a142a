/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of commands holds together. */
#include "module/imap/session_priv.h"

#include "tests/base/base_test.h"

START_TEST(the_list_is_sorted_and_upper_case)
{
	for (size_t i = 0; i < imap_command_count; i++) {
		const char *name = imap_commands[i]->name;

		for (const char *c = name; *c; c++)
			ck_assert_msg(*c == hf_ascii_upper(*c), "%s", name);
		if (i)
			ck_assert_msg(strcmp(imap_commands[i - 1]->name, name) < 0, "%s", name);
	}
}
END_TEST

START_TEST(each_is_found_in_any_case)
{
	for (size_t i = 0; i < imap_command_count; i++) {
		struct hf_buf lower = HF_BUF_INIT;

		hf_buf_add_cstr(&lower, imap_commands[i]->name);
		for (size_t k = 0; k < lower.size; k++)
			lower.data[k] = hf_ascii_lower(lower.data[k]);
		ck_assert_ptr_eq(imap_command_find(hf_buf_str(&lower)), imap_commands[i]);
		hf_buf_fini(&lower);
	}
	ck_assert_ptr_null(imap_command_find(HF_STR("")));
	ck_assert_ptr_null(imap_command_find(HF_STR("A")));
	ck_assert_ptr_null(imap_command_find(HF_STR("ZZZ")));
	ck_assert_ptr_null(imap_command_find(HF_STR("LOGI")));
	ck_assert_ptr_null(imap_command_find(HF_STR("LOGINX")));
}
END_TEST

START_TEST(each_says_where_it_may_stand)
{
	for (size_t i = 0; i < imap_command_count; i++) {
		const struct imap_command *def = imap_commands[i];

		ck_assert_msg(def->states != 0, "%s", def->name);
		ck_assert_msg(def->start != NULL, "%s", def->name);
		ck_assert_msg(!def->literal || def->parse, "%s", def->name);
		ck_assert_msg(!(def->traits & IMAP_TAKES_INPUT) || def->next, "%s", def->name);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, the_list_is_sorted_and_upper_case);
	tcase_add_test(tc, each_is_found_in_any_case);
	tcase_add_test(tc, each_says_where_it_may_stand);
}

int main(void)
{
	return run_tests("imap commands", add);
}
