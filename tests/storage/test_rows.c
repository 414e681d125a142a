/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row comes back as it went in; damaged ones are noticed; every type of key is documented. */
#include <stdio.h>
#include <string.h>

#include "storage/rows.h"
#include "storage/batch.h"
#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

static struct hf_arena *arena;
static struct hf_buf buf;

static void setup(void)
{
	arena = hf_arena_new();
	buf = HF_BUF_INIT;
}

static void teardown(void)
{
	hf_arena_free(&arena);
	hf_buf_fini(&buf);
}

START_TEST(counters_users_and_mailboxes)
{
	struct row_counters counters = { 1, UINT64_MAX, 3, 4, 5 }, counters_back;
	struct row_user user = { USER_DISABLED, -5, 1, 2, 3, 4, 6, 7, 5, 8, HF_STR("anna") }, user_back;
	struct row_mailbox box = { .uidnext = UINT32_MAX, .highestmodseq = 9, .messages = 1, .unseen = 2, .deleted = 3,
				   .recent = 4, .recent_from = 5, .size = 6, .deleted_size = 14, .gone_floor = 7, .gone_count = 8, .flags = 1,
				   .owner = 10, .uidvalidity = 11, .special_use = 12, .created = 13,
				   .name = HF_STR("INBOX"), .keyword_count = 2,
				   .keywords = { HF_STR("a"), HF_STR("") } }, box_back;

	row_counters_encode(&counters, &buf);
	ck_assert_int_eq(row_counters_decode(hf_buf_str(&buf), &counters_back), HF_OK);
	ck_assert_uint_eq(counters_back.next_mailbox, UINT64_MAX);
	ck_assert_uint_eq(counters_back.uidvalidity, 3);
	ck_assert_uint_eq(counters_back.content_limit, 4);
	ck_assert_uint_eq(counters_back.body_file, 5);
	hf_buf_clear(&buf);
	row_user_encode(&user, &buf);
	ck_assert_int_eq(row_user_decode(arena, hf_buf_str(&buf), &user_back), HF_OK);
	ck_assert_int_eq(user_back.created, -5);
	ck_assert_uint_eq(user_back.last_email, 5);
	ck_assert_uint_eq(user_back.annotations_size, 8);
	ck_assert_uint_eq(user_back.used_mailboxes, 6);
	ck_assert_uint_eq(user_back.limit_mailboxes, 7);
	assert_octets(user_back.name, user.name);
	hf_buf_clear(&buf);
	memset(&box_back, 0, sizeof(box_back));
	row_mailbox_encode(&box, &buf);
	ck_assert_int_eq(row_mailbox_decode(arena, hf_buf_str(&buf), &box_back), HF_OK);
	struct hf_buf again = HF_BUF_INIT;

	row_mailbox_encode(&box_back, &again); /* not memory: structs have padding */
	assert_octets(hf_buf_str(&again), hf_buf_str(&buf));
	hf_buf_fini(&again);
	ck_assert_uint_eq(box_back.uidnext, UINT32_MAX);
	ck_assert_uint_eq(box_back.gone_floor, 7);
	ck_assert_int_eq(box_back.created, 13);
	assert_octets(box_back.name, box.name);
	assert_octets(box_back.keywords[0], HF_STR("a"));
	ck_assert_uint_eq(box_back.keyword_count, 2);
	for (size_t size = 0; size < buf.size; size++)
		must(row_mailbox_decode(arena, hf_str_n(buf.data, size), &box_back) == HF_ECORRUPT);
}
END_TEST

START_TEST(index_and_kept_rows)
{
	struct hf_record record = { .uid = { 7 }, .size = UINT32_MAX, .keywords = UINT64_MAX - 1, .modseq = { 1u << 30 },
				    .email = 5, .thread = 6, .internaldate = -62135596800, .flags = HF_FLAGS_ALL,
				    .sent = 253402300799, .sent_zone = -720, .saved = 4000000000u }, back;
	struct row_kept kept = { .time = 77, .modseq = { 88 } }, kept_back = { .time = 0 };
	uint8_t row[ROW_INDEX_SIZE];

	row_index_encode(&record, row);
	ck_assert_int_eq(row_index_decode(HF_UID(7), hf_str_n(row, ROW_INDEX_SIZE), &back), HF_OK);
	ck_assert_mem_eq(&record, &back, sizeof(record));
	for (kept.count = 0; kept.count < KEPT_RECORDS; kept.count++) {
		kept.records[kept.count] = record;
		kept.records[kept.count].uid.n = kept.count == KEPT_RECORDS - 1 ? UINT32_MAX : 7 + 300 * kept.count;
	}
	hf_buf_clear(&buf);
	row_kept_encode(HF_UID(7), &kept, &buf);
	ck_assert_int_eq(row_kept_decode(HF_UID(7), hf_buf_str(&buf), &kept_back), HF_OK);
	ck_assert_mem_eq(&kept, &kept_back, sizeof(kept));
	ck_assert_uint_lt(buf.size, 1000); /* else it would not stay on its page */
	for (size_t size = 0; size < buf.size; size++) {
		bool between = row_kept_decode(HF_UID(7), hf_str_n(buf.data, size), &kept_back) == HF_OK;

		must(!between || kept_back.count < kept.count); /* ends between two records */
	}
	kept.count = 1; /* the first one has been taken out: the key stays */
	kept.records[0].uid.n = 9;
	hf_buf_clear(&buf);
	row_kept_encode(HF_UID(7), &kept, &buf);
	ck_assert_int_eq(row_kept_decode(HF_UID(7), hf_buf_str(&buf), &kept_back), HF_OK);
	ck_assert_uint_eq(kept_back.records[0].uid.n, 9);
	kept.count = 0;
	hf_buf_clear(&buf);
	row_kept_encode(HF_UID(7), &kept, &buf);
	ck_assert_int_eq(row_kept_decode(HF_UID(7), hf_buf_str(&buf), &kept_back), HF_ECORRUPT);
	hf_buf_clear(&buf);
	ck_assert_int_eq(row_index_decode(HF_UID(7), hf_str_n(row, ROW_INDEX_SIZE - 1), &back), HF_ECORRUPT);
	row[0] = 2;
	ck_assert_int_eq(row_index_decode(HF_UID(7), hf_str_n(row, ROW_INDEX_SIZE), &back), HF_ECORRUPT);
}
END_TEST

START_TEST(rows_of_dead_ones)
{
	struct row_dead dead = { .time = -3, .keep = true }, back = { .time = 0 };
	struct hf_set uids = HF_SET_INIT, uids_back = HF_SET_INIT;

	hf_set_add_range(&uids, 3, 5);
	hf_set_add(&uids, UINT32_MAX);
	row_dead_encode(&dead, &uids, &buf);
	ck_assert_int_eq(row_dead_decode(hf_buf_str(&buf), &back, &uids_back), HF_OK);
	ck_assert_int_eq(back.time, -3);
	must(back.keep);
	ck_assert_uint_eq(hf_set_size(&uids_back), 4);
	must(hf_set_has(&uids_back, UINT32_MAX));
	for (size_t size = 0; size < buf.size; size++)
		must(row_dead_decode(hf_str_n(buf.data, size), &back, &uids_back) == HF_ECORRUPT);
	hf_set_fini(&uids);
	hf_set_fini(&uids_back);
}
END_TEST

START_TEST(gone_rows)
{
	struct hf_set set = HF_SET_INIT, back = HF_SET_INIT;

	hf_set_add_range(&set, 1, 5);
	hf_set_add(&set, 9);
	hf_set_add_range(&set, 4000000000u, UINT32_MAX);
	row_gone_encode(&set, &buf);
	ck_assert_int_eq(row_gone_decode(hf_buf_str(&buf), &back), HF_OK);
	ck_assert_uint_eq(back.count, 3);
	ck_assert_mem_eq(back.ranges, set.ranges, 3 * sizeof(*set.ranges));
	hf_set_fini(&set);
	hf_set_fini(&back);
}
END_TEST

START_TEST(list_rows_keep_the_oldest_and_newest_references)
{
	struct hf_str ids[30], references[ROW_LIST_REFERENCES], payload, picked[THREAD_IDS_MAX], again[THREAD_IDS_MAX];
	char texts[30][8];
	struct hf_list_row row = { .envelope = HF_STR("(E)"), .subject = HF_STR("s"), .sent = -1, .references = ids,
				   .reference_count = 30, .subject_is_reply = true, .headers = HF_STR("From: x\r\n") }, back;
	struct hf_buf full = HF_BUF_INIT;
	uint32_t refs;

	for (unsigned i = 0; i < 30; i++) {
		snprintf(texts[i], sizeof(texts[i]), "r%u", i);
		ids[i] = hf_str(texts[i]);
	}
	row_list_payload(&row, &buf);
	row_list_encode(1, 2, 3, hf_buf_str(&buf), &full);
	ck_assert_int_eq(row_list_refs(hf_buf_str(&full), &refs), HF_OK);
	ck_assert_uint_eq(refs, 3);
	ck_assert_int_eq(row_list_open(1, 2, hf_buf_str(&full), &payload), HF_OK);
	ck_assert_int_eq(row_list_decode(payload, references, &back), HF_OK);
	ck_assert_uint_eq(back.reference_count, ROW_LIST_REFERENCES);
	assert_octets(back.references[0], HF_STR("r0"));
	assert_octets(back.references[1], HF_STR("r11"));
	assert_octets(back.references[19], HF_STR("r29"));
	assert_octets(back.headers, row.headers);
	ck_assert_int_eq(back.sent, -1);
	ck_assert(back.subject_is_reply);
	/* What was entered in thread rows is found again from the row. */
	ck_assert_uint_eq(thread_ids_pick(&row, picked), thread_ids_pick(&back, again));
	for (size_t i = 0; i < thread_ids_pick(&back, again); i++)
		assert_octets(again[i], picked[i]);
	ck_assert_int_eq(row_list_open(1, 3, hf_buf_str(&full), &payload), HF_ECORRUPT); /* another's place */
	for (size_t i = ROW_LIST_REFS_OFFSET + 4; i < full.size; i++) {
		full.data[i] ^= 4;
		must(row_list_open(1, 2, hf_buf_str(&full), &payload) == HF_ECORRUPT);
		full.data[i] ^= 4;
	}
	hf_buf_fini(&full);
}
END_TEST

START_TEST(email_thread_and_content_rows)
{
	struct row_email email = { 5, 1000, 10, 20, HF_STR("P"), HF_STR("B"), HF_STR("M"), HF_STR("H") }, email_back;
	struct row_thread thread = { 9, 40, 2, { 7, 8 } }, thread_back;
	struct row_content content = { 2, 1u << 31, 100, 300 }, content_back;
	struct hf_buf full = HF_BUF_INIT;
	struct hf_str payload;

	row_email_payload(&email, &buf);
	row_email_encode(1, 2, hf_buf_str(&buf), &full);
	ck_assert_int_eq(row_email_open(1, 2, hf_buf_str(&full), &payload), HF_OK);
	ck_assert_int_eq(row_email_decode(payload, &email_back), HF_OK);
	ck_assert_uint_eq(email_back.content_size, 1000);
	ck_assert_uint_eq(email_back.split, 10);
	assert_octets(email_back.message, HF_STR("M"));
	assert_octets(email_back.headers, HF_STR("H"));
	hf_buf_clear(&full);
	row_fts_encode(1, 2, HF_STR("S"), &full);
	ck_assert_int_eq(row_fts_open(1, 2, hf_buf_str(&full), &payload), HF_OK);
	assert_octets(payload, HF_STR("S"));
	ck_assert_int_eq(row_fts_open(1, 3, hf_buf_str(&full), &payload), HF_ECORRUPT);
	full.data[full.size - 1] ^= 1;
	ck_assert_int_eq(row_fts_open(1, 2, hf_buf_str(&full), &payload), HF_ECORRUPT);
	hf_buf_clear(&buf);
	row_thread_encode(&thread, &buf);
	ck_assert_int_eq(row_thread_decode(hf_buf_str(&buf), &thread_back), HF_OK);
	ck_assert_uint_eq(thread_back.count, 40);
	ck_assert_uint_eq(thread_back.email_count, 2);
	ck_assert_uint_eq(thread_back.emails[1], 8);
	hf_buf_clear(&buf);
	row_content_encode(77, &content, &buf);
	ck_assert_int_eq(row_content_decode(77, hf_buf_str(&buf), &content_back), HF_OK);
	ck_assert_uint_eq(content_back.size, content.size);
	ck_assert_uint_eq(content_back.chunks, 300);
	ck_assert_int_eq(row_content_decode(78, hf_buf_str(&buf), &content_back), HF_ECORRUPT);
	hf_buf_fini(&full);
}
END_TEST

START_TEST(chunks_shrink_when_they_can_and_notice_every_bit)
{
	struct hf_buf scratch = HF_BUF_INIT;
	uint64_t seed = 3;
	struct hf_str back;
	char data[4096];

	for (int noise = 0; noise < 2; noise++) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = noise ? (char)(random_next(&seed) >> 33) : "abcdefg "[i % 8];
		hf_buf_clear(&buf);
		row_chunk_encode(5, 6, hf_str_n(data, sizeof(data)), false, &buf);
		ck_assert_int_eq(buf.size < 200, !noise);
		ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), sizeof(data), sizeof(data), &scratch, &back), HF_OK);
		assert_octets(back, hf_str_n(data, sizeof(data)));
		for (size_t least = 0; least <= sizeof(data); least += 1 + least / 8) {
			ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), sizeof(data), least, &scratch, &back), HF_OK);
			ck_assert_uint_ge(back.size, least);
			assert_octets(back, hf_str_n(data, back.size));
		}
		ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), sizeof(data) - 1, 10, &scratch, &back), HF_ECORRUPT);
		ck_assert_int_eq(row_chunk_decode(5, 7, hf_buf_str(&buf), sizeof(data), 10, &scratch, &back), HF_ECORRUPT);
		for (size_t i = 0; i < buf.size; i += 1 + i / 64) {
			buf.data[i] ^= 16;
			must(row_chunk_decode(5, 6, hf_buf_str(&buf), sizeof(data), sizeof(data), &scratch, &back) == HF_ECORRUPT);
			must(row_chunk_decode(5, 6, hf_buf_str(&buf), sizeof(data), 10, &scratch, &back) == HF_ECORRUPT);
			buf.data[i] ^= 16;
		}
	}
	hf_buf_clear(&buf);
	row_chunk_encode(5, 6, HF_STR(""), false, &buf);
	ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), 0, 0, &scratch, &back), HF_OK);
	ck_assert_uint_eq(back.size, 0);
	hf_buf_fini(&scratch);
}
END_TEST

/* Text: lz4. What has no repetition but few symbols, as attachments in base64: only zstd. Noise: as it is. */
START_TEST(chunks_have_the_codec_that_suits_them)
{
	static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const struct {
		unsigned symbols;
		size_t size;
		bool compact;
		uint8_t codec;
	} cases[] = { { 2, 500, false, CODEC_LZ4 },	    { 2, CHUNK_SIZE, false, CODEC_LZ4 },
		      { 64, CHUNK_SIZE, false, CODEC_RAW }, { 256, CHUNK_SIZE, false, CODEC_RAW },
		      { 2, 500, true, CODEC_ZSTD },	    { 64, CHUNK_SIZE, true, CODEC_ZSTD },
		      { 256, CHUNK_SIZE, true, CODEC_RAW } };
	static char data[CHUNK_SIZE];
	struct hf_buf scratch = HF_BUF_INIT;
	uint64_t seed = 4;
	struct hf_str back;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t j = 0; j < cases[i].size; j++) {
			unsigned n = (unsigned)(random_next(&seed) >> 33) % cases[i].symbols;

			data[j] = cases[i].symbols == 2	   ? "holdfast "[j % 9]
				  : cases[i].symbols == 64 ? symbols[n]
							   : (char)n;
		}
		hf_buf_clear(&buf);
		row_chunk_encode(5, 6, hf_str_n(data, cases[i].size), cases[i].compact, &buf);
		ck_assert_uint_eq((uint8_t)buf.data[1], cases[i].codec);
		ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), cases[i].size, cases[i].size, &scratch, &back), HF_OK);
		assert_octets(back, hf_str_n(data, cases[i].size));
		ck_assert_int_eq(row_chunk_decode(5, 6, hf_buf_str(&buf), cases[i].size, 100, &scratch, &back), HF_OK);
		ck_assert_uint_ge(back.size, 100);
		assert_octets(back, hf_str_n(data, back.size));
	}
	hf_buf_fini(&scratch);
}
END_TEST

/* Each enumerator of meta_type in rows.h has its comment, and nothing else is in the table. */
START_TEST(every_type_of_key_is_documented)
{
	const char *srcdir = getenv("srcdir");
	char path[1024], line[512], letters[64] = "";
	size_t count = 0;
	char *directory = fixture_directory("rows");
	struct hf_store_settings settings;
	struct hf_store *store;
	struct row_key from = { .size = 0 };
	struct scan scan;
	struct hf_str key, value;
	uint64_t user;
	FILE *file;

	snprintf(path, sizeof(path), "%s/storage/rows.h", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		char name[64], letter;

		if (sscanf(line, " META_%63[A-Z] = '%c'", name, &letter) != 2)
			continue;
		ck_assert_msg(strstr(line, "/* ") && strlen(strstr(line, "/* ")) > 15, "META_%s has no comment", name);
		letters[count++] = letter;
	}
	fclose(file);
	ck_assert_uint_eq(count, 22);
	fixture_settings(&settings, directory);
	store = fixture_open(&settings);
	user = fixture_user(store, "anna");
	ck_assert_int_eq(fixture_deliver(store, user, "", "Received: x\r\n\r\n", NULL), HF_OK);
	scan_open(&scan, store->env, TABLE_META, &from, 0, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		ck_assert(strchr(letters, key.data[0]));
		ck_assert(value.size >= 1 && value.data[0] == ROW_VERSION);
	}
	scan_close(&scan);
	hf_store_close(&store);
	fixture_remove(&directory);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, counters_users_and_mailboxes);
	tcase_add_test(tc, index_and_kept_rows);
	tcase_add_test(tc, rows_of_dead_ones);
	tcase_add_test(tc, gone_rows);
	tcase_add_test(tc, list_rows_keep_the_oldest_and_newest_references);
	tcase_add_test(tc, email_thread_and_content_rows);
	tcase_add_test(tc, chunks_shrink_when_they_can_and_notice_every_bit);
	tcase_add_test(tc, chunks_have_the_codec_that_suits_them);
	tcase_add_test(tc, every_type_of_key_is_documented);
}

int main(void)
{
	return run_tests("rows", add);
}
