/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

#include "tests/base/base_test.h"

START_TEST(allocations_are_zeroed_aligned_and_apart)
{
	struct hf_arena *arena = hf_arena_new();
	uint64_t seed = 42;
	struct {
		unsigned char *data;
		size_t size;
	} seen[2000];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < HF_COUNT(seen); i++) {
			size_t size = random_next(&seed) % (i % 100 ? 300 : 40000);
			unsigned char *data = hf_arena_alloc(arena, size);

			ck_assert_uint_eq((uintptr_t)data % 16, 0);
			for (size_t k = 0; k < size; k++)
				ck_assert_uint_eq(data[k], 0);
			memset(data, (int)(i % 255 + 1), size);
			seen[i].data = data;
			seen[i].size = size;
		}
		for (size_t i = 0; i < HF_COUNT(seen); i++)
			for (size_t k = 0; k < seen[i].size; k++)
				ck_assert_uint_eq(seen[i].data[k], i % 255 + 1);
		if (round == 0)
			hf_arena_reset(arena);
		else
			hf_arena_trim(arena);
	}
	hf_arena_free(&arena);
	ck_assert_ptr_null(arena);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(used_counts_octets_since_the_reset)
{
	struct hf_arena *arena = hf_arena_new();

	ck_assert_uint_eq(hf_arena_used(arena), 0);
	hf_arena_alloc(arena, 10);
	hf_arena_array(arena, 100, 1000);
	ck_assert_uint_eq(hf_arena_used(arena), 100010);
	hf_arena_reset(arena);
	ck_assert_uint_eq(hf_arena_used(arena), 0);
	hf_arena_alloc(arena, 1);
	hf_arena_trim(arena);
	ck_assert_uint_eq(hf_arena_used(arena), 0);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(a_reset_keeps_a_block_for_reuse)
{
	struct hf_arena *arena = hf_arena_new();
	void *first = hf_arena_alloc(arena, 16);

	for (int i = 0; i < 1000; i++)
		hf_arena_alloc(arena, 1000);
	hf_arena_reset(arena);
	ck_assert_ptr_eq(hf_arena_alloc(arena, 16), first);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(the_first_allocation_may_have_any_size)
{
	static const size_t sizes[] = {
		0, 1, 4079, 4080, 4081, 5000, 16384, 16385, 65536, 1000000
	};
	struct hf_arena *arena = hf_arena_new();
	char *data;

	data = hf_arena_alloc(arena, sizes[_i]);
	memset(data, 1, sizes[_i]);
	data = hf_arena_alloc(arena, 100);
	memset(data, 1, 100);
	hf_arena_reset(arena);
	data = hf_arena_alloc(arena, sizes[_i]);
	memset(data, 1, sizes[_i]);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(copied_strings_end_in_nul)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_str s = hf_arena_str(arena, hf_str_n("abcdef", 3));

	assert_octets(s, HF_STR("abc"));
	ck_assert_int_eq(s.data[3], 0);
	ck_assert_str_eq(hf_arena_cstr(arena, HF_STR_NULL), "");
	ck_assert_mem_eq(hf_arena_memdup(arena, "xyz", 3), "xyz", 3);
	ck_assert_ptr_nonnull(hf_arena_memdup(arena, NULL, 0));
	hf_arena_free(&arena);
}
END_TEST

START_TEST(printf_fits_any_length)
{
	struct hf_arena *arena = hf_arena_new();

	for (int size = 250; size < 262; size++) {
		char *text = hf_arena_printf(arena, "%*d", size, 7);

		ck_assert_uint_eq(strlen(text), (size_t)size);
		ck_assert_int_eq(text[size - 1], '7');
	}
	ck_assert_str_eq(hf_arena_printf(arena, "%s", ""), "");
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, allocations_are_zeroed_aligned_and_apart);
	tcase_add_test(tc, used_counts_octets_since_the_reset);
	tcase_add_test(tc, a_reset_keeps_a_block_for_reuse);
	tcase_add_loop_test(tc, the_first_allocation_may_have_any_size, 0, 10);
	tcase_add_test(tc, copied_strings_end_in_nul);
	tcase_add_test(tc, printf_fits_any_length);
}

int main(void)
{
	return run_tests("arena", add);
}
