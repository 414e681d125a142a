/* SPDX-License-Identifier: BSD-2-Clause */
/* What is kept in memory because it will be asked for again: found among many, replaced, dropped by last use, never while it is held. */
#include "storage/hot_priv.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "tests/base/base_test.h"

#define SIZE 100

struct thing {
	struct hot_item item;
	unsigned number;
};

static struct hot *hot;
static unsigned alive;

static void thing_free(struct hot_item *item)
{
	alive--;
	hf_free(HF_CONTAINER(item, struct thing, item));
}

static struct hot_key key_of(uint64_t mailbox, uint32_t block)
{
	return (struct hot_key){ .mailbox = mailbox, .what = 1, .block = block };
}

/* With a reference. */
static struct thing *put(uint64_t mailbox, uint32_t block, unsigned number)
{
	struct thing *thing = hf_alloc_zero(sizeof(*thing));

	thing->item = (struct hot_item){ .key = key_of(mailbox, block), .size = SIZE, .free = thing_free };
	thing->number = number;
	alive++;
	hot_put(hot, &thing->item);
	return thing;
}

static void put_only(uint64_t mailbox, uint32_t block, unsigned number)
{
	hot_unref(hot, &put(mailbox, block, number)->item);
}

/* 0: it is not there. */
static unsigned number_at(uint64_t mailbox, uint32_t block)
{
	struct hot_key key = key_of(mailbox, block);
	struct hot_item *item = hot_get(hot, &key);
	unsigned number = item ? HF_CONTAINER(item, struct thing, item)->number : 0;

	hot_unref(hot, item);
	return number;
}

static void setup(void)
{
	alive = 0;
	hot = hot_new(100000 * SIZE);
}

static void teardown(void)
{
	hot_free(&hot);
	ck_assert_uint_eq(alive, 0);
}

START_TEST(each_of_very_many_is_found)
{
	for (unsigned i = 0; i < 20000; i++)
		put_only(i / 100, i % 100, i + 1);
	ck_assert_uint_eq(hot_used(hot), 20000 * SIZE);
	for (unsigned i = 0; i < 20000; i++)
		if (number_at(i / 100, i % 100) != i + 1)
			ck_abort_msg("%u is not found", i);
	ck_assert_uint_eq(number_at(200, 0), 0);
	ck_assert_uint_eq(number_at(0, 100), 0);
}
END_TEST

START_TEST(a_newer_one_takes_its_place)
{
	struct thing *old = put(1, 1, 1);

	put_only(1, 1, 2);
	ck_assert_uint_eq(number_at(1, 1), 2);
	ck_assert_uint_eq(hot_used(hot), SIZE);
	ck_assert_uint_eq(old->number, 1); /* for who holds it */
	ck_assert_uint_eq(alive, 2);
	hot_unref(hot, &old->item);
	ck_assert_uint_eq(alive, 1);
}
END_TEST

START_TEST(the_longest_unused_goes_first)
{
	hot_set_max(hot, 3 * SIZE);
	ck_assert_uint_eq(hot_max(hot), 3 * SIZE);
	put_only(1, 0, 1);
	put_only(2, 0, 2);
	put_only(3, 0, 3);
	ck_assert_uint_eq(number_at(1, 0), 1); /* used just now */
	put_only(4, 0, 4);
	ck_assert_uint_eq(number_at(2, 0), 0);
	ck_assert_uint_eq(number_at(1, 0), 1);
	ck_assert_uint_eq(number_at(3, 0), 3);
	ck_assert_uint_eq(number_at(4, 0), 4);
	ck_assert_uint_eq(alive, 3);
}
END_TEST

START_TEST(one_mailbox_keeps_a_part_rather_than_the_end)
{
	hot_set_max(hot, 3 * SIZE);
	for (unsigned i = 0; i < 10; i++)
		put_only(1, i, i + 1);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(number_at(1, i), i < 3 ? i + 1 : 0);
	put_only(2, 0, 99); /* another's goes in its place */
	ck_assert_uint_eq(number_at(2, 0), 99);
	ck_assert_uint_eq(alive, 3);
}
END_TEST

START_TEST(what_is_held_outlives_its_place)
{
	struct thing *held = put(1, 0, 1);

	hot_set_max(hot, SIZE);
	put_only(2, 0, 2);
	ck_assert_uint_eq(number_at(1, 0), 0);
	ck_assert_uint_eq(held->number, 1);
	ck_assert_uint_eq(hot_used(hot), SIZE);
	hot_unref(hot, &held->item);
	ck_assert_uint_eq(alive, 1);
}
END_TEST

START_TEST(what_is_larger_than_all_is_not_kept)
{
	struct thing *large;

	put_only(1, 0, 1);
	hot_set_max(hot, SIZE);
	large = hf_alloc_zero(sizeof(*large));
	large->item = (struct hot_item){ .key = key_of(2, 0), .size = SIZE + 1, .free = thing_free };
	alive++;
	hot_put(hot, &large->item);
	ck_assert_uint_eq(number_at(1, 0), 1);
	ck_assert_uint_eq(number_at(2, 0), 0);
	hot_unref(hot, &large->item);
	ck_assert_uint_eq(alive, 1);
	hot_set_max(hot, 0);
	ck_assert_uint_eq(alive, 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_of_very_many_is_found);
	tcase_add_test(tc, a_newer_one_takes_its_place);
	tcase_add_test(tc, the_longest_unused_goes_first);
	tcase_add_test(tc, one_mailbox_keeps_a_part_rather_than_the_end);
	tcase_add_test(tc, what_is_held_outlives_its_place);
	tcase_add_test(tc, what_is_larger_than_all_is_not_kept);
}

int main(void)
{
	return run_tests("hot", add);
}
