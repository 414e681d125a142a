/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/fake_rows.h"
#include "tests/storage/must.h"

static struct hf_store *store;

static void setup(void)
{
	store = fake_store_new();
}

static void teardown(void)
{
	fake_store_free(&store);
}

START_TEST(contents_are_pinned_as_often_as_they_are_opened)
{
	ck_assert(!hf_content_is_pinned(store, 5));
	hf_content_pin(store, 5);
	hf_content_pin(store, 5);
	hf_content_unpin(store, 5);
	ck_assert(hf_content_is_pinned(store, 5));
	ck_assert(!hf_content_is_pinned(store, 6));
	hf_content_unpin(store, 5);
	ck_assert(!hf_content_is_pinned(store, 5));
}
END_TEST

START_TEST(emails_of_two_owners_are_two)
{
	struct hf_pins *pins = hf_store_registry(store)->pins;

	hf_pins_add_email(pins, 1, 77);
	ck_assert(hf_email_is_pinned(store, 1, 77));
	ck_assert(!hf_email_is_pinned(store, 2, 77));
	ck_assert(!hf_content_is_pinned(store, 77));
	hf_pins_drop_email(pins, 1, 77);
	ck_assert(!hf_email_is_pinned(store, 1, 77));
}
END_TEST

START_TEST(many_pins_come_and_go)
{
	enum { IDS = 3000 };
	static unsigned model[IDS];
	uint64_t seed = 11;

	for (int i = 0; i < 300000; i++) {
		uint64_t id = random_next(&seed) % IDS;

		if (random_next(&seed) % 100 < (i / 50000 % 2 ? 30u : 70u)) {
			hf_content_pin(store, id);
			model[id]++;
		} else if (model[id]) {
			hf_content_unpin(store, id);
			model[id]--;
		}
		id = random_next(&seed) % IDS;
		must(hf_content_is_pinned(store, id) == (model[id] > 0));
	}
	for (uint64_t id = 0; id < IDS; id++) {
		while (model[id]--)
			hf_content_unpin(store, id);
		must(!hf_content_is_pinned(store, id));
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, contents_are_pinned_as_often_as_they_are_opened);
	tcase_add_test(tc, emails_of_two_owners_are_two);
	tcase_add_test(tc, many_pins_come_and_go);
}

int main(void)
{
	return run_tests("pins", add);
}
