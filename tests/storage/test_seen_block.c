/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of a \Seen of one's own: their modseqs, and their rows. */
#include <string.h>

#include "base/status.h"
#include "storage/rows.h"
#include "storage/seen_priv.h"
#include "tests/base/base_test.h"

/* The room is bounded: modseqs may come out too great, never too small, and never as of what is to come. */
START_TEST(no_change_of_ones_own_is_missed)
{
	static struct seen_block block, back;
	static uint64_t model[SEEN_BLOCK];
	uint64_t seed = 815, modseq = 0, exact = 0, known = 0;
	struct hf_buf row = HF_BUF_INIT;

	memset(&block, 0, sizeof(block));
	memset(model, 0, sizeof(model));
	for (unsigned round = 0; round < 3000; round++) {
		unsigned count = random_next(&seed) % 40 ? 1 : 1 + (unsigned)(random_next(&seed) % 2000);
		uint32_t uid = (uint32_t)(random_next(&seed) % SEEN_BLOCK);
		uint64_t since, bits[SEEN_WORDS] = { 0 };

		modseq += 1 + random_next(&seed) % 3;
		for (unsigned i = 0; i < count; i++, uid = (uid + 1) % SEEN_BLOCK) {
			seen_touch(&block, uid, modseq);
			ck_assert_uint_eq(seen_modseq(&block, uid), modseq);
			model[uid] = modseq;
		}
		ck_assert_uint_eq(seen_modseq_max(&block), modseq);
		if (round % 20)
			continue;
		since = random_next(&seed) % (modseq + 1);
		seen_changed(&block, since, bits);
		for (uint32_t i = 0; i < SEEN_BLOCK; i++) {
			uint64_t told = seen_modseq(&block, i);

			ck_assert(model[i] ? told >= model[i] && told <= modseq : told == 0);
			ck_assert_int_eq(bits[i / 64] >> (i % 64) & 1, told > since);
			known += model[i] != 0;
			exact += model[i] && told == model[i];
		}
		hf_buf_clear(&row);
		ck_assert(row_seen_encode(&block, &row));
		ck_assert_uint_le(row.size, (SEEN_LEVELS + 1) * (SEEN_BLOCK / 8 + 16) + SEEN_RECENT * 12);
		memset(&back, 0, sizeof(back));
		ck_assert_int_eq(row_seen_decode(hf_buf_str(&row), &back), HF_OK);
		for (uint32_t i = 0; i < SEEN_BLOCK; i++)
			ck_assert_uint_eq(seen_modseq(&back, i), seen_modseq(&block, i));
		ck_assert_int_ne(row_seen_decode(hf_str_n(row.data, row.size - 1), &back), HF_OK);
	}
	ck_assert_uint_gt(exact, known / 100);
	hf_buf_fini(&row);
}
END_TEST

START_TEST(rows_of_what_is_seen_read_back)
{
	struct seen_block block = { .number = 7 }, back = { .number = 7 };
	struct hf_buf row = HF_BUF_INIT;
	uint64_t seed = 4711;

	ck_assert(!row_seen_encode(&block, &row));
	for (unsigned round = 0; round < 200; round++) {
		unsigned changes = round % 3 ? 10 : 9000;

		for (unsigned i = 0; i < changes; i++) {
			uint32_t uid = (uint32_t)(random_next(&seed) % SEEN_BLOCK);

			seen_set(&block, uid, random_next(&seed) % 4 != 0);
		}
		if (round % 50 == 20)
			memset(block.bits, 0xff, sizeof(block.bits));
		if (round % 50 == 30)
			memset(block.bits, 0, sizeof(block.bits));
		hf_buf_clear(&row);
		if (!row_seen_encode(&block, &row))
			continue;
		ck_assert_uint_le(row.size, SEEN_BLOCK / 8 + 8);
		ck_assert_int_eq(row_seen_decode(hf_buf_str(&row), &back), HF_OK);
		ck_assert_int_eq(memcmp(&block, &back, sizeof(block)), 0);
		ck_assert_int_ne(row_seen_decode(hf_str_n(row.data, row.size - 1), &back), HF_OK);
	}
	hf_buf_fini(&row);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, no_change_of_ones_own_is_missed);
	tcase_add_test(tc, rows_of_what_is_seen_read_back);
}

int main(void)
{
	return run_tests("seen_block", add);
}
