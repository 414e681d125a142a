/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of base/ share. */
#ifndef HF_TESTS_BASE_TEST_H
#define HF_TESTS_BASE_TEST_H

#include <check.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/str.h"

/* One suite with one case, which `add` fills. */
static inline int run_tests(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define assert_octets(actual, expected) assert_octets_at((actual), (expected), __FILE__, __LINE__)
static inline void assert_octets_at(struct hf_str actual, struct hf_str expected, const char *file,
				    int line)
{
	ck_assert_msg(hf_str_eq(actual, expected), "%s:%d: \"%.*s\" instead of \"%.*s\"", file,
		      line, HF_STR_ARG(actual), HF_STR_ARG(expected));
}
#define assert_buf(buf, literal) assert_octets(hf_buf_str(buf), HF_STR(literal))

/* Repeatable pseudo-random numbers (xorshift64*). */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717u;
}

#endif
