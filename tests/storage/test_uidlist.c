/* SPDX-License-Identifier: BSD-2-Clause */
#include "storage/uidlist_priv.h"

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"

/* 1, 1 + step, 1 + 2 * step ... */
static struct hf_uidlist *list_of(uint32_t count, uint32_t step)
{
	struct hf_uidlist *empty = hf_uidlist_new(), *list;
	uint32_t *uids = hf_realloc_array(NULL, count + 1, sizeof(*uids));

	for (uint32_t i = 0; i < count; i++)
		uids[i] = 1 + i * step;
	list = hf_uidlist_append(empty, uids, count);
	hf_uidlist_unref(&empty);
	hf_free(uids);
	return list;
}

static void assert_same(const struct hf_uidlist *list, const uint32_t *uids, uint32_t count)
{
	uint32_t at = 0;

	ck_assert_uint_eq(hf_uidlist_count(list), count);
	while (at < count) {
		uint32_t piece;
		const uint32_t *slice = hf_uidlist_slice(list, at, &piece);

		ck_assert_uint_gt(piece, 0);
		ck_assert_uint_le(at + piece, count);
		ck_assert_mem_eq(slice, uids + at, piece * sizeof(*uids));
		at += piece;
	}
	ck_assert_ptr_null(hf_uidlist_slice(list, count, &at));
	ck_assert_uint_eq(at, 0);
}

START_TEST(the_empty_list_has_nothing)
{
	struct hf_uidlist *list = hf_uidlist_new();
	uint32_t uid = 7;
	struct hf_uidlist *same = hf_uidlist_remove(list, &uid, 1);

	assert_same(list, NULL, 0);
	assert_same(same, NULL, 0);
	ck_assert_uint_eq(hf_uidlist_rank(list, 1), 0);
	ck_assert(!hf_uidlist_has(list, 1, NULL));
	hf_uidlist_unref(&list);
	hf_uidlist_unref(&same);
	ck_assert_ptr_null(list);
	hf_uidlist_unref(&list);
}
END_TEST

START_TEST(ranks_and_uids_convert_both_ways)
{
	struct hf_uidlist *list = list_of(10000, 3);
	uint32_t rank;

	for (uint32_t i = 0; i < 10000; i++) {
		must(hf_uidlist_at(list, i) == 1 + i * 3);
		must(hf_uidlist_has(list, 1 + i * 3, &rank) && rank == i);
		must(!hf_uidlist_has(list, 2 + i * 3, NULL));
		must(hf_uidlist_rank(list, 1 + i * 3) == i);
		must(hf_uidlist_rank(list, 2 + i * 3) == i + 1);
	}
	ck_assert_uint_eq(hf_uidlist_rank(list, 0), 0);
	ck_assert_uint_eq(hf_uidlist_rank(list, UINT32_MAX), 10000);
	hf_uidlist_unref(&list);
}
END_TEST

START_TEST(appending_shares_all_chunks_but_the_last)
{
	struct hf_uidlist *list = list_of(1000000, 1), *more;
	uint32_t uid = 1000001;

	more = hf_uidlist_append(list, &uid, 1);
	ck_assert_uint_eq(hf_uidlist_count(list), 1000000);
	ck_assert_uint_eq(hf_uidlist_count(more), 1000001);
	ck_assert_uint_ge(hf_uidlist_shared(list, more) + 1, hf_uidlist_chunks(list));
	hf_uidlist_unref(&list);
	ck_assert_uint_eq(hf_uidlist_at(more, 999999), 1000000);
	ck_assert_uint_eq(hf_uidlist_at(more, 1000000), 1000001);
	hf_uidlist_unref(&more);
}
END_TEST

START_TEST(removing_copies_only_touched_chunks)
{
	struct hf_uidlist *list = list_of(1000000, 1), *less;
	uint32_t uids[] = { 1, 500000, 2000000 };

	less = hf_uidlist_remove(list, uids, 3);
	ck_assert_uint_eq(hf_uidlist_count(less), 999998);
	ck_assert_uint_eq(hf_uidlist_shared(list, less), hf_uidlist_chunks(list) - 2);
	ck_assert_uint_eq(hf_uidlist_at(less, 0), 2);
	ck_assert_uint_eq(hf_uidlist_at(less, 499998), 500001);
	ck_assert(hf_uidlist_has(list, 1, NULL));
	hf_uidlist_unref(&list);
	hf_uidlist_unref(&less);
}
END_TEST

START_TEST(a_thinned_out_list_does_not_keep_tiny_chunks)
{
	struct hf_uidlist *list = list_of(100000, 1), *less;
	uint32_t *uids = hf_realloc_array(NULL, 100000, sizeof(*uids)), count = 0;

	for (uint32_t uid = 1; uid <= 100000; uid++) {
		if (uid % 100)
			uids[count++] = uid;
	}
	less = hf_uidlist_remove(list, uids, count);
	ck_assert_uint_eq(hf_uidlist_count(less), 1000);
	ck_assert_uint_le(hf_uidlist_chunks(less), 2);
	for (uint32_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(hf_uidlist_at(less, i), (i + 1) * 100);
	hf_free(uids);
	hf_uidlist_unref(&list);
	hf_uidlist_unref(&less);
}
END_TEST

/* The list against an array, through many random changes. */
START_TEST(random_changes_agree_with_an_array)
{
	uint64_t seed = 42 + (uint64_t)_i;
	uint32_t *model = hf_realloc_array(NULL, 200000, sizeof(*model)), count = 0, next = 1;
	uint32_t *picked = hf_realloc_array(NULL, 200000, sizeof(*picked));
	struct hf_uidlist *list = hf_uidlist_new(), *changed;

	for (int round = 0; round < 300; round++) {
		uint32_t n = 0;

		if (random_next(&seed) % 2 && count < 100000) {
			uint32_t more = (uint32_t)(random_next(&seed) % (round % 10 ? 50 : 9000));

			for (; n < more; n++) {
				picked[n] = model[count++] = next;
				next += 2 + 2 * (uint32_t)(random_next(&seed) % 5); /* always odd */
			}
			changed = hf_uidlist_append(list, picked, n);
		} else {
			uint32_t kept = 0, one_in = 1 + (uint32_t)(random_next(&seed) % 200);

			for (uint32_t i = 0; i < count; i++) {
				uint32_t uid = model[i];

				if (random_next(&seed) % one_in == 0)
					picked[n++] = uid;
				else
					model[kept++] = uid;
				if (i % 50 == 0)
					picked[n++] = uid + 1; /* not in the list */
			}
			count = kept;
			changed = hf_uidlist_remove(list, picked, n);
		}
		hf_uidlist_unref(&list);
		list = changed;
		assert_same(list, model, count);
		for (int probe = 0; probe < 20 && count; probe++) {
			uint32_t i = (uint32_t)(random_next(&seed) % count);

			ck_assert_uint_eq(hf_uidlist_rank(list, model[i]), i);
			ck_assert_uint_eq(hf_uidlist_at(list, i), model[i]);
			ck_assert_uint_eq(hf_uidlist_rank(list, model[i] + 1), i + 1);
		}
	}
	hf_uidlist_unref(&list);
	hf_free(model);
	hf_free(picked);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, the_empty_list_has_nothing);
	tcase_add_test(tc, ranks_and_uids_convert_both_ways);
	tcase_add_test(tc, appending_shares_all_chunks_but_the_last);
	tcase_add_test(tc, removing_copies_only_touched_chunks);
	tcase_add_test(tc, a_thinned_out_list_does_not_keep_tiny_chunks);
	tcase_add_loop_test(tc, random_changes_agree_with_an_array, 0, 4);
}

int main(void)
{
	return run_tests("uidlist", add);
}
