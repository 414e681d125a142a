/* SPDX-License-Identifier: BSD-2-Clause */
/* The checksum of the log: the library's own gives the same. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <db.h>

#include "storage/tables.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"

struct __db;
uint32_t __ham_func4(struct __db *db, const void *data, uint32_t size);

typedef uint32_t sum_fn(struct __db *db, const void *data, uint32_t size);

/* The library's: looked for in it, not in the process. */
static sum_fn *library_sum(void)
{
	Dl_info info;
	void *library;
	sum_fn *sum;

	must(dladdr((void *)(uintptr_t)db_env_create, &info));
	library = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
	must(library);
	*(void **)&sum = dlsym(library, "__ham_func4");
	must(sum && sum != __ham_func4);
	return sum;
}

START_TEST(it_is_the_one_of_the_library)
{
	sum_fn *sum = library_sum();
	uint64_t seed = 3;
	static uint8_t data[9000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(random_next(&seed) >> 33);
	memset(data + 4000, 0xff, 300);
	for (uint32_t from = 0; from < 9; from++)
		for (uint32_t size = 0; size < 200; size++)
			must(__ham_func4(NULL, data + from, size) == sum(NULL, data + from, size));
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t from = (uint32_t)(random_next(&seed) % 4000), size = (uint32_t)(random_next(&seed) % 5000);

		must(__ham_func4(NULL, data + from, size) == sum(NULL, data + from, size));
	}
}
END_TEST

START_TEST(all_that_is_large_does_not_overflow)
{
	static uint8_t data[100000];
	uint32_t expected = 0;

	memset(data, 0xff, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		expected = expected * 33 + data[i];
	ck_assert_uint_eq(__ham_func4(NULL, data, sizeof(data)), expected);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, it_is_the_one_of_the_library);
	tcase_add_test(tc, all_that_is_large_does_not_overflow);
}

int main(void)
{
	return run_tests("log_sum", add);
}
