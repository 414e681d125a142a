/* SPDX-License-Identifier: BSD-2-Clause */
#include "storage/recset_priv.h"

#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"

enum { UIDS = 20000 };

static struct hf_recset set;
static bool there[UIDS];
static struct hf_record model[UIDS];

static void setup(void)
{
	memset(&set, 0, sizeof(set));
	memset(there, 0, sizeof(there));
}

static void teardown(void)
{
	hf_recset_fini(&set);
}

static struct hf_record record_of(uint32_t uid, uint64_t modseq, unsigned flags)
{
	struct hf_record record = { .uid = HF_UID(uid),
				    .modseq = HF_MOD(modseq),
				    .keywords = modseq << 3 | (modseq & 1) << 63,
				    .flags = flags & 0xffffu };

	return record;
}

static uint32_t marked;

static void mark_run(void *arg, uint32_t first, uint32_t last)
{
	bool *is_flagged = arg;

	for (; first <= last; first++, marked++)
		is_flagged[first] = true;
}

/* Marks that changes have kept up are those that would be made anew. */
static void assert_mark(unsigned mark)
{
	static bool is_flagged[UIDS];
	struct hf_recplace place = hf_recset_seek(&set, 0);
	const struct hf_record *record;
	uint32_t at = 0, flagged = 0;

	hf_recset_ready_mark(&set, mark);
	ck_assert(hf_recset_has_mark(&set, mark));
	memset(is_flagged, 0, sizeof(is_flagged));
	marked = 0;
	hf_recset_marked(&set, mark, mark_run, is_flagged);
	for (; (record = hf_recset_get(&set, place)); hf_recset_next(&set, &place), at++) {
		must(is_flagged[at] == (mark < HF_MARK_KEYWORD ? record->flags >> mark & 1
							       : record->keywords >> (mark - HF_MARK_KEYWORD) & 1));
		flagged += is_flagged[at];
	}
	ck_assert_uint_eq(marked, flagged);
}

static void assert_model(void)
{
	struct hf_recplace place = hf_recset_seek(&set, 0);
	uint32_t count = 0, last = 0;

	for (uint32_t uid = 0; uid < UIDS; uid++) {
		const struct hf_record *record;

		if (!there[uid])
			continue;
		record = hf_recset_get(&set, place);
		must(record && memcmp(record, &model[uid], sizeof(*record)) == 0);
		hf_recset_next(&set, &place);
		count++;
		last = uid;
	}
	ck_assert_ptr_null(hf_recset_get(&set, place));
	ck_assert_uint_eq(set.count, count);
	ck_assert_uint_eq(hf_recset_last(&set), last);
	assert_mark(0); /* \Seen */
	assert_mark(HF_MARK_KEYWORD + 3);
	assert_mark(HF_MARK_KEYWORD + 63);
	for (size_t i = 0; i < set.chunk_count; i++) {
		const struct hf_recchunk *chunk = &set.chunks[i];
		uint32_t unseen = 0;

		ck_assert_uint_gt(chunk->count, 0);
		ck_assert_uint_le(chunk->start + chunk->count, chunk->capacity);
		ck_assert_uint_le(chunk->capacity, HF_RECCHUNK_MAX);
		ck_assert_uint_eq(chunk->first, chunk->records[chunk->start].uid.n);
		for (uint32_t j = chunk->start; j < chunk->start + chunk->count; j++) {
			unseen += !(chunk->records[j].flags & HF_FLAG_SEEN);
			must(chunk->records[j].modseq.n <= chunk->modseq_max);
		}
		ck_assert_uint_eq(unseen, chunk->unseen);
	}
}

START_TEST(random_changes_agree_with_an_array)
{
	uint64_t seed = 7 + (uint64_t)_i;

	for (int round = 0; round < 60; round++) {
		for (int n = 0; n < 1500; n++) {
			uint32_t uid = 1 + (uint32_t)(random_next(&seed) % (UIDS - 1));
			struct hf_record record = record_of(uid, random_next(&seed) % 100000,
							    (unsigned)(random_next(&seed) % 4)),
					 removed;

			if (random_next(&seed) % 100 < (round % 20 < 10 ? 70u : 20u)) {
				must(hf_recset_put(&set, &record) == !there[uid]);
				there[uid] = true;
				model[uid] = record;
			} else {
				must(hf_recset_remove(&set, uid, &removed) == there[uid]);
				must(!there[uid] ||
				     memcmp(&removed, &model[uid], sizeof(removed)) == 0);
				there[uid] = false;
			}
			must((hf_recset_find(&set, uid) != NULL) == there[uid]);
		}
		assert_model();
	}
}
END_TEST

START_TEST(appending_in_bulk_and_one_by_one_mix)
{
	uint64_t seed = 3;
	uint32_t next = 1;
	struct hf_record *bulk = hf_realloc_array(NULL, 3000, sizeof(*bulk));

	while (next < UIDS - 4000) {
		uint32_t count = (uint32_t)(random_next(&seed) % 3000);

		for (uint32_t i = 0; i < count; i++, next++) {
			bulk[i] = model[next] = record_of(next, next, next % 2);
			there[next] = true;
		}
		hf_recset_append(&set, bulk, count);
		for (uint32_t i = 0; i < 5; i++, next++) {
			model[next] = record_of(next, next, 0);
			there[next] = true;
			hf_recset_put(&set, &model[next]);
		}
		for (uint32_t i = 1; i < next; i += 97) {
			hf_recset_remove(&set, i, NULL);
			there[i] = false;
		}
		assert_model();
	}
	hf_free(bulk);
}
END_TEST

START_TEST(taking_from_the_front_and_adding_at_the_end_goes_on_forever)
{
	for (uint32_t uid = 1; uid < UIDS; uid++) {
		model[uid] = record_of(uid, uid, 0);
		there[uid] = true;
		hf_recset_put(&set, &model[uid]);
		if (uid > 1500) {
			must(hf_recset_remove(&set, uid - 1500, NULL));
			there[uid - 1500] = false;
		}
		if (uid % 1000 == 0)
			assert_model();
	}
	ck_assert_uint_le(set.chunk_count, 4);
}
END_TEST

START_TEST(seek_finds_the_first_not_smaller)
{
	struct hf_recplace place;

	for (uint32_t uid = 10; uid <= 15000; uid += 10) {
		struct hf_record record = record_of(uid, 1, 0);

		hf_recset_put(&set, &record);
	}
	for (uint32_t uid = 0; uid <= 15000; uid++) {
		place = hf_recset_seek(&set, uid);
		must(hf_recset_get(&set, place)->uid.n == (uid < 10 ? 10 : (uid + 9) / 10 * 10));
	}
	place = hf_recset_seek(&set, 15001);
	ck_assert_ptr_null(hf_recset_get(&set, place));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, random_changes_agree_with_an_array, 0, 3);
	tcase_add_test(tc, appending_in_bulk_and_one_by_one_mix);
	tcase_add_test(tc, taking_from_the_front_and_adding_at_the_end_goes_on_forever);
	tcase_add_test(tc, seek_finds_the_first_not_smaller);
}

int main(void)
{
	return run_tests("recset", add);
}
