/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/counter.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/base/base_test.h"

enum { THREADS = 12, ADDS = 20000 };

static void *add_many(void *arg)
{
	for (int i = 0; i < ADDS; i++)
		hf_counter_add(arg, i % 2 ? 3 : -1);
	return NULL;
}

START_TEST(threads_lose_no_addition)
{
	struct hf_counter *counter = hf_counter_get("test.adds", "additions");
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, counter), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(hf_counter_value(counter), (int64_t)THREADS * ADDS);
}
END_TEST

static void *register_many(void *arg)
{
	char name[16];

	(void)arg;
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n.%03d", i * 7 % 200);
		hf_counter_add(hf_counter_get(name, NULL), 1);
	}
	return NULL;
}

static void check_each(void *arg, const char *name, const char *help, int64_t value)
{
	int *next = arg;
	char expected[16];

	snprintf(expected, sizeof(expected), "n.%03d", (*next)++);
	ck_assert_str_eq(name, expected);
	ck_assert_str_eq(help, "");
	ck_assert_int_eq(value, 4);
	hf_counter_get(name, NULL); /* no lock is held */
}

START_TEST(names_are_one_counter_each_and_in_order)
{
	pthread_t threads[4];
	int next = 0;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, register_many, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	hf_counter_each(check_each, &next);
	ck_assert_int_eq(next, 200);
}
END_TEST

START_TEST(the_same_name_is_the_same_counter)
{
	struct hf_counter *counter = hf_counter_get("test.a", "first");
	char name[] = "test.a";

	ck_assert_ptr_eq(hf_counter_get(name, "second"), counter);
	ck_assert_ptr_ne(hf_counter_get("test.b", NULL), counter);
}
END_TEST

START_TEST(setting_replaces_the_sum)
{
	struct hf_counter *gauge = hf_counter_get("test.gauge", "a gauge");
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, add_many, gauge), 0);
	pthread_join(thread, NULL);
	hf_counter_add(gauge, 5);
	hf_counter_set(gauge, 42);
	ck_assert_int_eq(hf_counter_value(gauge), 42);
	hf_counter_add(gauge, -2);
	ck_assert_int_eq(hf_counter_value(gauge), 40);
	hf_counter_set(gauge, -7);
	ck_assert_int_eq(hf_counter_value(gauge), -7);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, threads_lose_no_addition);
	tcase_add_test(tc, names_are_one_counter_each_and_in_order);
	tcase_add_test(tc, the_same_name_is_the_same_counter);
	tcase_add_test(tc, setting_replaces_the_sum);
}

int main(void)
{
	return run_tests("counter", add);
}
