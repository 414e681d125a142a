/* SPDX-License-Identifier: BSD-2-Clause */
/* Wakes held back are passed on once, by the thread that held them, at the outermost end. */
#include "base/waiter.h"
#include "tests/base/base_test.h"

static unsigned passed[2];

static void pass(void *arg)
{
	++*(unsigned *)arg;
}

START_TEST(not_held)
{
	ck_assert(!hf_wakes_later(pass, &passed[0]));
	ck_assert_uint_eq(passed[0], 0);
}
END_TEST

START_TEST(held_and_passed_once)
{
	passed[0] = 0;
	hf_wakes_hold();
	hf_wakes_hold();
	ck_assert(hf_wakes_later(pass, &passed[0]));
	ck_assert(hf_wakes_later(pass, &passed[0]));
	hf_wakes_pass();
	ck_assert_uint_eq(passed[0], 0);
	hf_wakes_pass();
	ck_assert_uint_eq(passed[0], 1);
	ck_assert(!hf_wakes_later(pass, &passed[0]));
	hf_wakes_hold();
	hf_wakes_pass();
	ck_assert_uint_eq(passed[0], 1);
}
END_TEST

START_TEST(another_one_is_not_held)
{
	passed[0] = passed[1] = 0;
	hf_wakes_hold();
	ck_assert(hf_wakes_later(pass, &passed[0]));
	ck_assert(!hf_wakes_later(pass, &passed[1]));
	hf_wakes_pass();
	ck_assert_uint_eq(passed[0], 1);
	ck_assert_uint_eq(passed[1], 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, not_held);
	tcase_add_test(tc, held_and_passed_once);
	tcase_add_test(tc, another_one_is_not_held);
}

int main(void)
{
	return run_tests("waiter", add);
}
