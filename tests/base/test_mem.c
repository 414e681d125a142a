/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"

#include "tests/base/base_test.h"

START_TEST(size_zero_gives_unique_pointers)
{
	void *a = hf_alloc(0), *b = hf_alloc_zero(0), *c = hf_realloc_array(NULL, 0, 8);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_ne(a, b);
	c = hf_realloc(c, 0);
	ck_assert_ptr_nonnull(c);
	hf_free(a);
	hf_free(b);
	hf_free(c);
	hf_free(NULL);
}
END_TEST

START_TEST(zeroed_memory_is_zero)
{
	char *p = hf_alloc_zero(1000);

	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(p[i], 0);
	hf_free(p);
}
END_TEST

START_TEST(realloc_keeps_what_was_there)
{
	int *p = hf_realloc_array(NULL, 4, sizeof(*p));

	for (int i = 0; i < 4; i++)
		p[i] = i;
	p = hf_realloc_array(p, 4000, sizeof(*p));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(p[i], i);
	hf_free(p);
}
END_TEST

START_TEST(copies_are_equal_and_apart)
{
	char text[] = "holdfast";
	char *a = hf_strdup(text), *b = hf_strndup(text, 4), *c = hf_strndup(NULL, 0);
	void *d = hf_memdup(text, sizeof(text));

	text[0] = 'X';
	ck_assert_str_eq(a, "holdfast");
	ck_assert_str_eq(b, "hold");
	ck_assert_str_eq(c, "");
	ck_assert_mem_eq(d, "holdfast", 9);
	hf_free(a);
	hf_free(b);
	hf_free(c);
	hf_free(d);
}
END_TEST

START_TEST(wiping_leaves_zeros)
{
	char secret[] = "secret";
	char *other = hf_strdup("secret");

	hf_wipe(secret, sizeof(secret));
	ck_assert_mem_eq(secret, "\0\0\0\0\0\0", sizeof(secret));
	hf_free_secret(other, 6);
	hf_free_secret(NULL, 6);
	hf_wipe(NULL, 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, size_zero_gives_unique_pointers);
	tcase_add_test(tc, zeroed_memory_is_zero);
	tcase_add_test(tc, realloc_keeps_what_was_there);
	tcase_add_test(tc, copies_are_equal_and_apart);
	tcase_add_test(tc, wiping_leaves_zeros);
}

int main(void)
{
	return run_tests("mem", add);
}
