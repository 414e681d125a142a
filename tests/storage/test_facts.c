/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts agree with the rows they are made of, as mail comes and goes; memos hold for the same messages alone; what is kept stays
 * within its size. */
#include "storage/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "message/text.h"
#include "storage/email.h"
#include "storage/hot_priv.h"
#include "storage/show_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

static char *directory;
static struct hf_store_settings settings;
static struct hf_store *store;
static uint64_t anna, inbox;
static struct sleeper news;
static struct hf_view *view;

static void open_view(void)
{
	view = fixture_view(store, inbox, 0, true, &news);
}

static void sync_view(void)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_sync told;

	hf_view_sync(view, false, arena, &told);
	hf_arena_free(&arena);
}

static void setup(void)
{
	sleeper_init(&news);
	directory = fixture_directory("facts");
	fixture_settings(&settings, directory);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna@example.org");
	inbox = fixture_mailbox(store, anna, "INBOX");
}

static void teardown(void)
{
	hf_view_close(&view);
	hf_store_close(&store);
	fixture_remove(&directory);
	sleeper_fini(&news);
}

/* Message n: its subject has its number, and what it can be divided by in words. */
static void add(unsigned from, unsigned to)
{
	for (unsigned n = from; n < to; n++) {
		char *text = NULL;

		must(asprintf(&text,
			      "From: =?utf-8?q?J=C3=B6rg?= <j%u@example.org>\r\nSubject: number %u%s%s\r\nSubject: again\r\n"
			      "Message-ID: <m%u@example.org>\r\nReferences: <m%u@example.org> <r@example.org>\r\n%s%s\r\nbody\r\n",
			      n % 5, n, n % 3 ? "" : " Fizz", n % 7 ? "" : " =?utf-8?q?B=C3=BCzz?=", n, n / 2,
			      n % 11 ? "" : "Cc: x@example.org\r\n", n == 40 ? "Bcc: a@example.org\r\n" : "") > 0);
		fixture_append(store, inbox, text, n % 4 ? 0 : HF_FLAG_FLAGGED);
		free(text);
	}
}

static void run_op(struct hf_op *op)
{
	must(hf_store_run(store, op) == HF_OK);
	hf_op_free(&op);
}

static void expunge(uint32_t first, uint32_t last)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_DELETED };
	struct hf_set uids = HF_SET_INIT;

	hf_set_add_range(&uids, first, last);
	run_op(hf_op_store(view, &uids, &change));
	run_op(hf_op_expunge(view, &uids, true));
	hf_set_fini(&uids);
}

/* The subjects of a message as the rows have them. */
static void read_subject(uint64_t email, const char *wanted, bool *has)
{
	struct hf_list_reader *reader = NULL;
	struct hf_list_row row;
	struct hf_buf folded = HF_BUF_INIT, needle = HF_BUF_INIT;

	must(hf_list_reader_open(store, anna, &reader) == HF_OK);
	must(hf_list_reader_get(reader, email, &row) == HF_OK);
	hf_fold(row.base_subject, &folded);
	hf_fold(hf_str(wanted), &needle);
	*has = memmem(folded.data, folded.size, needle.data, needle.size) != NULL;
	hf_buf_fini(&folded);
	hf_buf_fini(&needle);
	hf_list_reader_close(&reader);
}

static void find(const char *field, const char *text, struct hf_set *found, struct hf_set *unknown)
{
	struct hf_facts *facts =
		hf_facts_open(store, view, (enum hf_fact)(HF_FACT_FIELD + hf_list_field(hf_str(field))), true);
	struct hf_buf needle = HF_BUF_INIT;

	hf_set_clear(found);
	hf_set_clear(unknown);
	hf_fold(hf_str(text), &needle);
	while (hf_facts_find(facts, hf_buf_str(&needle), found, unknown) == HF_MORE)
		;
	hf_buf_fini(&needle);
	hf_facts_close(&facts);
}

/* Each message is found exactly when its row says so. */
static void assert_found(const char *text)
{
	struct hf_set found = HF_SET_INIT, unknown = HF_SET_INIT;

	find("subject", text, &found, &unknown);
	ck_assert(hf_set_is_empty(&unknown));
	for (uint32_t seq = 1; seq <= hf_view_count(view); seq++) {
		struct hf_record record;
		bool has;

		must(hf_view_record(view, HF_SEQ(seq), &record));
		read_subject(record.email, text, &has);
		ck_assert_int_eq(hf_set_has(&found, seq), has);
	}
	hf_set_fini(&found);
	hf_set_fini(&unknown);
}

START_TEST(texts_are_found_as_mail_comes_and_goes)
{
	static const char *const texts[] = { "fizz", "NUMBER 1", "b\xc3\xbczz", "number 40", "nowhere" };
	struct hf_set found = HF_SET_INIT, unknown = HF_SET_INIT;

	add(1, 60);
	open_view();
	for (size_t i = 0; i < HF_COUNT(texts); i++)
		assert_found(texts[i]);
	add(60, 70);
	assert_found("fizz"); /* not synced yet */
	sync_view();
	assert_found("fizz");
	expunge(3, 9);
	assert_found("number"); /* gone, and still shown */
	sync_view();
	for (size_t i = 0; i < HF_COUNT(texts); i++)
		assert_found(texts[i]);
	find("Subject", "again", &found, &unknown); /* a second field of the name */
	ck_assert_uint_eq(hf_set_size(&found), hf_view_count(view));
	find("Cc", "", &found, &unknown);
	ck_assert_uint_eq(hf_set_size(&found), 6);
	find("From", "J\xc3\x96RG", &found, &unknown);
	ck_assert_uint_eq(hf_set_size(&found), hf_view_count(view));
	find("Bcc", "A@", &found, &unknown);
	ck_assert_uint_eq(hf_set_size(&found), 1);
	ck_assert(hf_set_is_empty(&unknown));
	hf_set_fini(&found);
	hf_set_fini(&unknown);
}
END_TEST

/* Without a block in memory, and not asked to make one, every message is for the caller to read. */
START_TEST(what_is_not_there_is_unknown)
{
	struct hf_set found = HF_SET_INIT, unknown = HF_SET_INIT;
	struct hf_facts *facts;
	struct hf_str data;

	add(1, 5);
	open_view();
	facts = hf_facts_open(store, view, HF_FACT_ENVELOPE, false);
	ck_assert(!hf_facts_get(facts, HF_UID(2), &data));
	ck_assert_int_eq(hf_facts_find(facts, HF_STR("X"), &found, &unknown), HF_OK);
	ck_assert_uint_eq(hf_set_size(&unknown), 4);
	hf_facts_close(&facts);
	facts = hf_facts_open(store, view, HF_FACT_ENVELOPE, true);
	ck_assert(hf_facts_get(facts, HF_UID(2), &data) && data.size);
	ck_assert(!hf_facts_get(facts, HF_UID(9), &data));
	hf_facts_close(&facts);
	facts = hf_facts_open(store, view, HF_FACT_ENVELOPE, false); /* now it is */
	ck_assert(hf_facts_get(facts, HF_UID(2), &data));
	hf_facts_close(&facts);
	hf_set_fini(&found);
	hf_set_fini(&unknown);
}
END_TEST

START_TEST(entries_are_what_the_rows_have)
{
	struct hf_facts *envelopes, *structures, *headers, *threads;
	struct hf_list_reader *list = NULL;
	struct hf_email_reader *emails = NULL;
	struct hf_buf picked = HF_BUF_INIT;

	add(1, 30);
	open_view();
	envelopes = hf_facts_open(store, view, HF_FACT_ENVELOPE, true);
	structures = hf_facts_open(store, view, HF_FACT_BODYSTRUCTURE, true);
	headers = hf_facts_open(store, view, HF_FACT_HEADERS, true);
	threads = hf_facts_open(store, view, HF_FACT_THREAD, true);
	must(hf_list_reader_open(store, anna, &list) == HF_OK && hf_email_reader_open(store, anna, &emails) == HF_OK);
	for (uint32_t uid = 29; uid; uid--) { /* backwards as well */
		uint64_t words[HF_THREAD_REFERENCES + HF_LIST_REFERENCES_MAX];
		struct hf_record record;
		struct hf_list_row row;
		struct hf_email email;
		struct hf_str data;
		char line[64];

		must(hf_view_record(view, HF_SEQ(uid), &record));
		must(hf_list_reader_get(list, record.email, &row) == HF_OK);
		must(hf_email_reader_get(emails, record.email, &email) == HF_OK);
		ck_assert(hf_facts_get(envelopes, HF_UID(uid), &data) && hf_str_eq(data, row.envelope));
		ck_assert(hf_facts_get(structures, HF_UID(uid), &data) && hf_str_eq(data, email.bodystructure));
		ck_assert(hf_facts_get(threads, HF_UID(uid), &data));
		ck_assert(hf_str_eq(data, hf_str_n(words, hf_fact_thread(&row, words) * sizeof(*words))));
		ck_assert_uint_eq(data.size, 5 * sizeof(*words));
		ck_assert(hf_facts_get(headers, HF_UID(uid), &data));
		hf_buf_clear(&picked);
		hf_fact_headers_pick(data, UINT32_C(1) << hf_list_field(HF_STR("message-id")), &picked);
		snprintf(line, sizeof(line), "Message-ID: <m%u@example.org>\r\n", uid);
		assert_octets(hf_buf_str(&picked), hf_str(line));
	}
	hf_list_reader_close(&list);
	hf_email_reader_close(&emails);
	hf_facts_close(&envelopes);
	hf_facts_close(&structures);
	hf_facts_close(&headers);
	hf_facts_close(&threads);
	hf_buf_fini(&picked);
}
END_TEST

static bool text_of(struct hf_facts *facts, uint32_t uid, struct hf_str *text)
{
	return hf_facts_get(facts, HF_UID(uid), text);
}

/* Of the text parts, decoded and folded, as much as 4096 octets of the message have; of others nothing. */
START_TEST(texts_are_there_from_their_beginning)
{
	struct hf_buf longer = HF_BUF_INIT, expected = HF_BUF_INIT;
	struct hf_facts *facts;
	struct hf_str text;

	fixture_append(store, inbox, "Subject: plain\r\n\r\nPlenty of it\r\n", 0);
	fixture_append(store, inbox,
		       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x\r\n\r\nno\r\n"
		       "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		       "=FCber\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nbXVjaA==\r\n--b--\r\n",
		       0);
	fixture_append(store, inbox, "Content-Type: image/png\r\n\r\nno text\r\n", 0);
	hf_buf_add_lit(&longer, "Subject: long\r\n\r\n");
	for (unsigned i = 0; i < 4096; i++)
		hf_buf_add_char(&expected, (char)(i % 64 == 63 ? '\n' : 'A' + (char)(i % 7)));
	hf_buf_add_str(&longer, hf_buf_str(&expected));
	hf_buf_add_lit(&longer, "not any more\r\n");
	fixture_append(store, inbox, hf_buf_cstr(&longer), 0);
	open_view();
	facts = hf_facts_open(store, view, HF_FACT_TEXT, true);
	ck_assert(text_of(facts, 1, &text));
	assert_octets(text, hf_str_n("PLENTY OF IT\r\n", 15));
	ck_assert(text_of(facts, 2, &text));
	assert_octets(text, hf_str_n("U\xcc\x88" "BER\0MUCH", 12));
	ck_assert(text_of(facts, 3, &text) && text.size == 0);
	ck_assert(text_of(facts, 4, &text));
	hf_buf_add_char(&expected, 0);
	assert_octets(text, hf_buf_str(&expected));
	hf_facts_close(&facts);
	hot_set_max(hf_store_registry(store)->hot, 0);
	hot_set_max(hf_store_registry(store)->hot, 4 * 4 * 3500 - 1); /* no room for those of all */
	facts = hf_facts_open(store, view, HF_FACT_TEXT, true);
	ck_assert(!text_of(facts, 1, &text));
	hf_facts_close(&facts);
	hf_buf_fini(&longer);
	hf_buf_fini(&expected);
}
END_TEST

/* A text of thousands of different words: what is in it is never denied, most of what is not is. */
START_TEST(folded_signatures_deny_nothing_that_is_there)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf text = HF_BUF_INIT;
	struct hf_facts *facts;
	struct hf_text_signature signature;
	unsigned denied = 0;
	char word[16];

	hf_buf_add_lit(&text, "Subject: signed\r\n\r\n");
	for (unsigned i = 0; i < 3000; i++)
		hf_buf_printf(&text, "w%x%s", i * 7919, i % 8 == 7 ? "\r\n" : " ");
	fixture_append(store, inbox, hf_buf_cstr(&text), 0);
	add(2, 4);
	open_view();
	facts = hf_facts_open(store, view, HF_FACT_SIGNATURE, true);
	for (unsigned i = 0; i < 3000; i++) {
		struct hf_buf folded = HF_BUF_INIT;

		snprintf(word, sizeof(word), "w%x", i * 7919);
		hf_fold(hf_str(word), &folded);
		if (folded.size >= 3) {
			ck_assert(hf_facts_signature(facts, HF_UID(1), &signature));
			ck_assert(hf_text_signature_may_contain(&signature, HF_TEXT_BODY,
								hf_trigrams_new(arena, hf_buf_str(&folded))));
			ck_assert(hf_facts_signature(facts, HF_UID(2), &signature));
			denied += !hf_text_signature_may_contain(&signature, HF_TEXT_BODY,
								 hf_trigrams_new(arena, hf_buf_str(&folded)));
		}
		hf_buf_fini(&folded);
	}
	ck_assert_uint_gt(denied, 2900);
	ck_assert(hf_facts_signature(facts, HF_UID(1), &signature));
	ck_assert(!hf_text_signature_may_contain(&signature, HF_TEXT_BODY, hf_trigrams_new(arena, HF_STR("XYLOBRONTIC QQ"))));
	ck_assert(hf_text_signature_may_contain(&signature, HF_TEXT_HEADER, hf_trigrams_new(arena, HF_STR("SIGNED"))));
	hf_facts_close(&facts);
	hf_buf_fini(&text);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(a_memo_is_for_exactly_the_messages_shown)
{
	struct hf_memo *memo, *held;

	add(1, 5);
	open_view();
	ck_assert_ptr_null(hf_memo_open(store, view, HF_STR("order")));
	hf_memo_keep(store, view, HF_STR("order"), HF_STR("1 2 3 4"));
	memo = hf_memo_open(store, view, HF_STR("order"));
	ck_assert(memo);
	assert_octets(hf_memo_data(memo), HF_STR("1 2 3 4"));
	hf_memo_close(&memo);
	ck_assert_ptr_null(hf_memo_open(store, view, HF_STR("other")));
	add(5, 6);
	held = hf_memo_open(store, view, HF_STR("order"));
	ck_assert(held);
	sync_view();
	ck_assert_ptr_null(hf_memo_open(store, view, HF_STR("order")));
	hf_memo_keep(store, view, HF_STR("order"), HF_STR(""));
	assert_octets(hf_memo_data(held), HF_STR("1 2 3 4")); /* who reads goes on */
	hf_memo_close(&held);
	memo = hf_memo_open(store, view, HF_STR("order"));
	ck_assert(memo && hf_memo_data(memo).size == 0);
	hf_memo_close(&memo);
}
END_TEST

/* With room for next to nothing all is found as before, and no more is kept than there is room for. */
START_TEST(memory_is_bounded)
{
	struct hot *hot = hf_store_registry(store)->hot;
	static const char large[4000];

	add(1, 40);
	open_view();
	hot_set_max(hot, 3000);
	assert_found("fizz");
	ck_assert_uint_le(hot_used(hot), 3000);
	hf_memo_keep(store, view, HF_STR("large"), hf_str_n(large, sizeof(large)));
	ck_assert_ptr_null(hf_memo_open(store, view, HF_STR("large")));
	ck_assert_uint_le(hot_used(hot), 3000);
	hot_set_max(hot, 0);
	ck_assert_uint_eq(hot_used(hot), 0);
	assert_found("number 3");
	ck_assert_uint_eq(hot_used(hot), 0);
}
END_TEST

/* Flags of all at once agree with the records; a view that is behind is told to go through them. */
START_TEST(flags_agree_with_the_records)
{
	struct hf_set seqs = HF_SET_INIT;

	add(1, 50);
	open_view();
	for (int round = 0; round < 3; round++) {
		hf_set_clear(&seqs);
		ck_assert(hf_view_flagged(view, HF_FLAG_FLAGGED, &seqs));
		for (uint32_t seq = 1; seq <= hf_view_count(view); seq++) {
			struct hf_record record;

			must(hf_view_record(view, HF_SEQ(seq), &record));
			ck_assert_int_eq(hf_set_has(&seqs, seq), (record.flags & HF_FLAG_FLAGGED) != 0);
		}
		hf_set_clear(&seqs);
		ck_assert(hf_view_flagged(view, HF_FLAG_FLAGGED | HF_FLAG_DRAFT, &seqs)); /* no message has both */
		ck_assert(hf_set_is_empty(&seqs));
		ck_assert(hf_view_with_keyword(view, HF_KEYWORDS_MAX - 1, &seqs)); /* nor this */
		ck_assert(hf_set_is_empty(&seqs));
		if (round == 0)
			expunge(7, 13);
		else
			add(50, 60);
		if (round < 2) {
			ck_assert(!hf_view_flagged(view, HF_FLAG_FLAGGED, &seqs));
			sync_view();
		}
	}
	ck_assert(!hf_view_flagged(view, 1u << 9, &seqs));
	hf_set_fini(&seqs);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, texts_are_found_as_mail_comes_and_goes);
	tcase_add_test(tc, what_is_not_there_is_unknown);
	tcase_add_test(tc, entries_are_what_the_rows_have);
	tcase_add_test(tc, texts_are_there_from_their_beginning);
	tcase_add_test(tc, folded_signatures_deny_nothing_that_is_there);
	tcase_add_test(tc, a_memo_is_for_exactly_the_messages_shown);
	tcase_add_test(tc, memory_is_bounded);
	tcase_add_test(tc, flags_agree_with_the_records);
}

int main(void)
{
	return run_tests("facts", add_tests);
}
