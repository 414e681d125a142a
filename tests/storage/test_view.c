/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and reading through views; syncing is test_view_sync. */
#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"
#include "tests/storage/view_case.h"

static struct hf_set set, other;

static void setup(void)
{
	view_begin();
	set = other = HF_SET_INIT;
}

static void teardown(void)
{
	hf_set_fini(&set);
	hf_set_fini(&other);
	view_end();
}

static void open_it(void)
{
	ck_assert_int_eq(open_view(store, box, false, &news, &view), HF_OK);
}

static void assert_set_at(const struct hf_set *s, const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_set_format(s, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s",
		      line, (int)out.size, out.data ? out.data : "", text);
	hf_buf_fini(&out);
}
#define assert_set(set, text) assert_set_at((set), (text), __LINE__)

static void parse(const char *text, struct hf_set *s)
{
	hf_set_clear(s);
	ck_assert_int_eq(hf_set_parse(hf_str(text), 0, 1000, s), HF_OK);
}

/* Appends, published. */
static void append(uint32_t count)
{
	while (count--)
		fake_append(store, box, 0);
	fake_publish_all(store);
}

static void expunge(uint32_t uid)
{
	ck_assert(fake_expunge(store, box, uid));
	fake_publish_all(store);
}

/* Opening
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(an_empty_mailbox_has_no_messages)
{
	struct hf_record record;

	open_it();
	ck_assert_uint_eq(hf_view_count(view), 0);
	ck_assert_uint_eq(hf_view_uidnext(view).n, 1);
	ck_assert_uint_eq(hf_view_uidvalidity(view), 1000 + box);
	ck_assert_uint_eq(hf_view_mailbox(view), box);
	ck_assert_uint_eq(hf_view_owner(view), USER);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(1)).n, 0);
	ck_assert_uint_eq(hf_view_seq(view, HF_UID(1)).n, 0);
	ck_assert_uint_eq(hf_view_seq_from(view, HF_UID(1)).n, 1);
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 0);
	ck_assert(!hf_view_record(view, HF_SEQ(1), &record));
	ck_assert(!hf_view_has_news(view));
	parse("1:10", &set);
	hf_view_uids_of(view, &set, &other);
	assert_set(&other, "");
	hf_view_seqs_of(view, &set, &other);
	assert_set(&other, "");
}
END_TEST

START_TEST(a_mailbox_that_does_not_exist_is_not_opened)
{
	ck_assert_int_eq(open_view(store, 50, false, &news, &view), HF_ENONEXISTENT);
	ck_assert_ptr_null(view);
	fake_mailbox_delete(store, box);
	fake_publish_all(store);
	ck_assert_int_eq(open_view(store, box, false, &news, &view), HF_ENONEXISTENT);
	ck_assert_uint_eq(hf_store_registry(store)->mailboxes.count, 0);
}
END_TEST

START_TEST(a_large_mailbox_is_read_in_slices_while_others_wait)
{
	struct hf_view *second = NULL;

	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 250);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	ck_assert_uint_eq(other_news.woken, 0);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_OK);
	ck_assert_uint_eq(other_news.woken, 1);
	ck_assert_uint_eq(news.woken, 0);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 250);
	ck_assert_uint_eq(hf_view_count(second), 250);
	ck_assert_uint_eq(fake_reads(store), 3);
	hf_view_close(&second);
}
END_TEST

START_TEST(another_goes_on_with_the_load_when_the_first_leaves)
{
	struct hf_view *second = NULL;

	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 250);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	hf_view_close(&view);
	ck_assert_uint_eq(other_news.woken, 1);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_OK);
	ck_assert_uint_eq(hf_view_count(second), 250);
	ck_assert_uint_eq(fake_reads(store), 3);
	hf_view_close(&second);
}
END_TEST

START_TEST(a_failed_load_wakes_those_who_wait_and_they_try_again)
{
	struct hf_view *second = NULL;

	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 150);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	fake_fail(store, HF_EIO);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_EIO);
	ck_assert_ptr_null(view);
	ck_assert_uint_eq(other_news.woken, 1);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_OK);
	ck_assert_uint_eq(hf_view_count(second), 150);
	hf_view_close(&second);
}
END_TEST

START_TEST(a_load_that_nobody_finishes_leaves_nothing)
{
	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 150);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	hf_view_close(&view);
	ck_assert_uint_eq(hf_store_registry(store)->mailboxes.count, 0);
	open_it();
	ck_assert_uint_eq(hf_view_count(view), 150);
}
END_TEST

START_TEST(what_is_not_durable_yet_is_waited_for)
{
	uint32_t uid = fake_append(store, box, 0);

	fake_flags(store, box, uid, HF_FLAG_SEEN);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_WAIT);
	fake_append(store, box, 0); /* committed later: not waited for */
	fake_publish(store, 1);
	ck_assert_uint_eq(news.woken, 0);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_WAIT);
	fake_publish(store, 1);
	ck_assert_uint_eq(news.woken, 1);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 1);
	ck_assert(!hf_view_has_news(view));
	fake_publish_all(store);
	ck_assert(hf_view_has_news(view));
}
END_TEST

START_TEST(closing_while_the_barrier_is_awaited_is_safe)
{
	fake_append(store, box, 0);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_WAIT);
	hf_view_close(&view);
	fake_publish_all(store);
	ck_assert_uint_eq(news.woken, 0);
	open_it();
	ck_assert_uint_eq(hf_view_count(view), 1);
}
END_TEST

START_TEST(a_mailbox_deleted_while_it_is_read_is_not_opened)
{
	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 150);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_MORE);
	fake_mailbox_delete(store, box);
	fake_publish_all(store);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_ENONEXISTENT);
	ck_assert_ptr_null(view);
}
END_TEST

/* Random changes in the middle of a load, some of them published then, all before it can end. */
START_TEST(changes_during_the_load_are_not_lost)
{
	struct hf_record record, truth;
	struct fake_storm storm = { box, 100 + (uint64_t)_i };
	enum hf_status status;

	hf_store_registry(store)->load_slice = 64;
	fake_fill(store, box, 500);
	fake_hook(store, fake_storm, &storm);
	while ((status = hf_view_open(store, box, 0, false, &news.waiter, &view)) == HF_MORE)
		;
	fake_hook(store, NULL, NULL);
	fake_publish_all(store);
	if (status == HF_WAIT)
		ck_assert_int_eq(hf_view_open(store, box, 0, false, &news.waiter, &view), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), fake_count(store, box));
	ck_assert_uint_eq(hf_view_uidnext(view).n, fake_uidnext(store, box));
	ck_assert_uint_eq(hf_view_modseq(view).n, fake_modseq(store, box));
	for (uint32_t seq = 1; seq <= hf_view_count(view); seq++) {
		must(hf_view_record(view, HF_SEQ(seq), &record));
		must(fake_record(store, box, record.uid.n, &truth));
		must(memcmp(&record, &truth, sizeof(record)) == 0);
	}
	ck_assert(!hf_view_has_news(view));
}
END_TEST

/* Warm and cold
 * ------------------------------------------------------------------------------------------------------
 */

START_TEST(a_closed_mailbox_is_kept_warm_and_up_to_date)
{
	append(3);
	open_it();
	hf_view_close(&view);
	append(2);
	expunge(1);
	open_it();
	ck_assert_uint_eq(hf_view_count(view), 4);
	ck_assert_uint_eq(fake_reads(store), 1);
	ck_assert(!hf_email_is_pinned(store, USER, 1000001));
}
END_TEST

START_TEST(warm_mailboxes_are_pushed_out_oldest_first)
{
	struct hf_registry *registry = hf_store_registry(store);
	uint64_t boxes[4];

	registry->mailboxes.idle_cost_max = 250;
	for (size_t i = 0; i < 4; i++) {
		boxes[i] = fake_mailbox(store, USER, "x");
		fake_fill(store, boxes[i], 100);
	}
	fake_publish_all(store);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(open_view(store, boxes[i], false, &news, &view), HF_OK);
		hf_view_close(&view);
	}
	ck_assert_uint_eq(registry->mailboxes.count, 2);
	ck_assert_uint_eq(fake_reads(store), 4);
	ck_assert_int_eq(open_view(store, boxes[2], false, &news, &view), HF_OK);
	ck_assert_uint_eq(fake_reads(store), 4);
	hf_view_close(&view);
	ck_assert_int_eq(open_view(store, boxes[0], false, &news, &view),
			 HF_OK); /* pushes nothing out while open */
	ck_assert_uint_eq(fake_reads(store), 5);
	hf_view_close(&view);
	ck_assert_int_eq(open_view(store, boxes[3], false, &news, &view), HF_OK);
	ck_assert_uint_eq(fake_reads(store), 6);
	hf_view_close(&view);
	/* A warm one that grows counts as what it is. */
	for (int i = 0; i < 200; i++)
		fake_append(store, boxes[3], 0);
	fake_publish_all(store);
	ck_assert_uint_eq(registry->mailboxes.count, 0);
	ck_assert_uint_eq(registry->mailboxes.idle_cost, 0);
}
END_TEST

/* Numbers
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(sequence_numbers_and_uids_convert)
{
	append(10);
	expunge(3);
	expunge(4);
	expunge(10);
	open_it(); /* 1 2 5 6 7 8 9 */
	ck_assert_uint_eq(hf_view_count(view), 7);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(0)).n, 0);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(3)).n, 5);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(7)).n, 9);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(8)).n, 0);
	ck_assert_uint_eq(hf_view_seq(view, HF_UID(5)).n, 3);
	ck_assert_uint_eq(hf_view_seq(view, HF_UID(4)).n, 0);
	ck_assert_uint_eq(hf_view_seq_from(view, HF_UID(3)).n, 3);
	ck_assert_uint_eq(hf_view_seq_from(view, HF_UID(10)).n, 8);
	ck_assert_uint_eq(hf_view_uidnext(view).n, 11);
}
END_TEST

START_TEST(sets_convert_and_ignore_what_is_not_there)
{
	append(10);
	expunge(3);
	expunge(4);
	expunge(10);
	open_it(); /* 1 2 5 6 7 8 9 */
	parse("1:3,5,7:4294967295", &set);
	hf_view_uids_of(view, &set, &other);
	assert_set(&other, "1:2,5,7,9");
	parse("2:4,6:4294967295", &set);
	hf_view_seqs_of(view, &set, &other);
	assert_set(&other, "2,4:7");
	parse("3:4,10:20", &set);
	hf_view_seqs_of(view, &set, &other);
	assert_set(&other, "");
	parse("8,100:200", &set);
	hf_view_uids_of(view, &set, &other);
	assert_set(&other, "");
}
END_TEST

/* Records
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(records_are_read_in_bulk_across_chunks)
{
	struct hf_record *records = hf_realloc_array(NULL, 6000, sizeof(*records));

	fake_fill(store, box, 5000);
	for (uint32_t uid = 3; uid <= 5000; uid += 7)
		fake_expunge(store, box, uid);
	fake_publish_all(store);
	open_it();
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(1), 6000, records), hf_view_count(view));
	for (uint32_t seq = 1; seq <= hf_view_count(view); seq++)
		must(records[seq - 1].uid.n == hf_view_uid(view, HF_SEQ(seq)).n);
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(100), 1000, records), 1000);
	ck_assert_uint_eq(records[999].uid.n, hf_view_uid(view, HF_SEQ(1099)).n);
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(hf_view_count(view)), 10, records), 1);
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(hf_view_count(view) + 1), 10, records), 0);
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(0), 10, records), 0);
	hf_free(records);
}
END_TEST

START_TEST(records_are_the_newest_and_gone_ones_the_last)
{
	struct hf_record record;

	append(3);
	open_it();
	fake_flags(store, box, 1, HF_FLAG_SEEN);
	fake_flags(store, box, 2, HF_FLAG_FLAGGED);
	fake_expunge(store, box, 2);
	fake_append(store, box, 0);
	fake_publish_all(store);
	ck_assert_uint_eq(hf_view_count(view), 3);
	ck_assert(hf_view_record(view, HF_SEQ(1), &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_SEEN);
	ck_assert(hf_view_record(view, HF_SEQ(2), &record));
	ck_assert_uint_eq(record.uid.n, 2);
	ck_assert_uint_eq(record.flags, HF_FLAG_FLAGGED);
	ck_assert_uint_eq(record.email, 1000002);
	ck_assert(hf_view_is_gone(view, HF_UID(2)));
	ck_assert(!hf_view_is_gone(view, HF_UID(1)));
	ck_assert(hf_email_is_pinned(store, USER, 1000002));
	ck_assert(!hf_view_record(view, HF_SEQ(4), &record));
	hf_view_close(&view);
	ck_assert(!hf_email_is_pinned(store, USER, 1000002));
}
END_TEST

START_TEST(the_first_unseen_is_found)
{
	for (int i = 0; i < 3000; i++)
		fake_append(store, box, HF_FLAG_SEEN);
	fake_publish_all(store);
	open_it();
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 0);
	append(1);
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 0); /* not in the view yet */
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 3001);
	fake_flags(store, box, 2500, HF_FLAG_DELETED);
	fake_flags(store, box, 1700, HF_FLAG_SEEN | HF_FLAG_DELETED);
	fake_expunge(store, box, 7);
	fake_publish_all(store);
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 2500);
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 2499);
}
END_TEST

/* \Recent
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(the_first_who_selects_gets_recent_messages)
{
	struct hf_view *second, *third;

	append(3);
	ck_assert_int_eq(open_view(store, box, true, &other_news, &third), HF_OK);
	ck_assert_uint_eq(hf_view_recent_count(third), 3); /* shown, not taken */
	ck_assert(hf_view_is_examine(third));
	ck_assert_uint_eq(fake_claimed(store, box), 0);
	open_it();
	ck_assert_uint_eq(hf_view_recent_count(view), 3);
	ck_assert(hf_view_is_recent(view, HF_UID(2)));
	ck_assert_uint_eq(fake_claimed(store, box), 4);
	ck_assert_int_eq(open_view(store, box, false, &other_news, &second), HF_OK);
	ck_assert_uint_eq(hf_view_recent_count(second), 0);
	append(2);
	hf_view_sync(second, false, arena, &told);
	ck_assert(told.recent_changed);
	ck_assert_uint_eq(hf_view_recent_count(second), 2);
	ck_assert_uint_eq(fake_claimed(store, box), 6);
	hf_view_sync(view, false, arena, &told);
	ck_assert(!hf_view_is_recent(view, HF_UID(4)));
	ck_assert_uint_eq(hf_view_recent_count(view), 3);
	expunge(2);
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(hf_view_recent_count(view), 2);
	ck_assert(told.recent_changed);
	hf_view_close(&second);
	hf_view_close(&third);
}
END_TEST

START_TEST(the_row_tells_how_many_are_recent)
{
	fake_fill(store, box, 10);
	fake_set_recent(store, box, 4);
	open_it();
	ck_assert_uint_eq(hf_view_recent_count(view), 4);
	ck_assert(!hf_view_is_recent(view, HF_UID(6)));
	ck_assert(hf_view_is_recent(view, HF_UID(7)));
	ck_assert_uint_eq(fake_claimed(store, box), 11);
}
END_TEST

/* Keywords
 * -----------------------------------------------------------------------------------------------------------
 */

START_TEST(keywords_have_names_by_bit)
{
	fake_keyword(store, box, 0, "$Forwarded");
	fake_publish_all(store);
	open_it();
	ck_assert_uint_eq(hf_view_keyword_count(view), 1);
	assert_octets(hf_view_keyword(view, 0), HF_STR("$Forwarded"));
	ck_assert_int_eq(hf_view_keyword_bit(view, HF_STR("$forwarded")), 0);
	ck_assert_int_eq(hf_view_keyword_bit(view, HF_STR("nonjunk")), -1);
	fake_keyword(store, box, 2, "NonJunk");
	fake_publish_all(store);
	ck_assert_uint_eq(hf_view_keyword_count(view), 3);
	ck_assert_ptr_null(hf_view_keyword(view, 1).data);
	ck_assert_int_eq(hf_view_keyword_bit(view, HF_STR("NONJUNK")), 2);
	ck_assert_ptr_null(hf_view_keyword(view, 64).data);
	ck_assert(hf_view_has_news(view));
	hf_view_sync(view, false, arena, &told);
	ck_assert(told.keywords_changed);
	hf_view_sync(view, false, arena, &told);
	ck_assert(!told.keywords_changed);
}
END_TEST

/* History
 * ------------------------------------------------------------------------------------------------------------
 */

START_TEST(changes_since_a_modseq_are_found)
{
	uint64_t before;

	append(10); /* modseq 2 to 11 */
	open_it();
	hf_view_changed_since(view, HF_MOD(fake_modseq(store, box)), &set);
	assert_set(&set, "");
	hf_view_changed_since(view, HF_MOD(8), &set); /* before it was opened: by the records */
	assert_set(&set, "8:10");
	before = fake_modseq(store, box);
	fake_flags(store, box, 3, HF_FLAG_SEEN);
	fake_flags(store, box, 5, HF_FLAG_SEEN);
	fake_flags(store, box, 3, 0);
	fake_expunge(store, box, 5);
	fake_append(store, box, 0);
	fake_publish_all(store);
	hf_view_changed_since(view, HF_MOD(before), &set);
	assert_set(&set, "3");
	hf_view_changed_since(view, HF_MOD(8), &set);
	assert_set(&set, "3,8:10");
	hf_view_sync(view, false, arena, &told);
	hf_view_changed_since(view, HF_MOD(before), &set);
	assert_set(&set, "3,11");
}
END_TEST

START_TEST(the_change_log_may_be_too_short)
{
	hf_store_registry(store)->log_max = 20;
	fake_fill(store, box, 3000);
	open_it();
	for (uint32_t uid = 1; uid <= 100; uid++)
		fake_flags(store, box, uid * 10, HF_FLAG_SEEN); /* modseq 2 to 101 */
	fake_publish_all(store);
	hf_view_changed_since(view, HF_MOD(99), &set);
	assert_set(&set, "990,1000");
	hf_view_changed_since(view, HF_MOD(1), &set);
	ck_assert_uint_eq(hf_set_size(&set), 100);
	for (uint64_t modseq = 70; modseq < 101; modseq++) {
		hf_view_changed_since(view, HF_MOD(modseq), &set);
		ck_assert_uint_eq(hf_set_size(&set), 101 - modseq);
	}
}
END_TEST

START_TEST(vanished_messages_are_told_from_history)
{
	bool complete;

	append(10); /* to modseq 11 */
	expunge(2); /* 12 */
	expunge(5); /* 13 */
	expunge(6); /* 14 */
	open_it();
	expunge(9);                             /* published, the view still shows it */
	ck_assert(fake_expunge(store, box, 1)); /* only committed */
	fake_append(store, box, 0);
	ck_assert(fake_expunge(store, box, 11)); /* never known here */
	ck_assert_int_eq(hf_view_vanished_since(view, HF_MOD(12), NULL, &set, &complete), HF_OK);
	ck_assert(complete);
	assert_set(&set, "5:6");
	parse("1:5", &other);
	ck_assert_int_eq(hf_view_vanished_since(view, HF_MOD(1), &other, &set, &complete), HF_OK);
	assert_set(&set, "2,5");
	fake_trim(store, box, 13);
	ck_assert_int_eq(hf_view_vanished_since(view, HF_MOD(13), NULL, &set, &complete), HF_OK);
	ck_assert(complete);
	assert_set(&set, "6");
	ck_assert_int_eq(hf_view_vanished_since(view, HF_MOD(12), NULL, &set, &complete), HF_OK);
	ck_assert(!complete);
	assert_set(&set, "2,5:6");
	parse("4:5,9:4294967295", &other);
	ck_assert_int_eq(hf_view_vanished_since(view, HF_MOD(12), &other, &set, &complete), HF_OK);
	assert_set(&set, "5");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_empty_mailbox_has_no_messages);
	tcase_add_test(tc, a_mailbox_that_does_not_exist_is_not_opened);
	tcase_add_test(tc, a_large_mailbox_is_read_in_slices_while_others_wait);
	tcase_add_test(tc, another_goes_on_with_the_load_when_the_first_leaves);
	tcase_add_test(tc, a_failed_load_wakes_those_who_wait_and_they_try_again);
	tcase_add_test(tc, a_load_that_nobody_finishes_leaves_nothing);
	tcase_add_test(tc, what_is_not_durable_yet_is_waited_for);
	tcase_add_test(tc, closing_while_the_barrier_is_awaited_is_safe);
	tcase_add_test(tc, a_mailbox_deleted_while_it_is_read_is_not_opened);
	tcase_add_loop_test(tc, changes_during_the_load_are_not_lost, 0, 20);
	tcase_add_test(tc, a_closed_mailbox_is_kept_warm_and_up_to_date);
	tcase_add_test(tc, warm_mailboxes_are_pushed_out_oldest_first);
	tcase_add_test(tc, sequence_numbers_and_uids_convert);
	tcase_add_test(tc, sets_convert_and_ignore_what_is_not_there);
	tcase_add_test(tc, records_are_read_in_bulk_across_chunks);
	tcase_add_test(tc, records_are_the_newest_and_gone_ones_the_last);
	tcase_add_test(tc, the_first_unseen_is_found);
	tcase_add_test(tc, the_first_who_selects_gets_recent_messages);
	tcase_add_test(tc, the_row_tells_how_many_are_recent);
	tcase_add_test(tc, keywords_have_names_by_bit);
	tcase_add_test(tc, changes_since_a_modseq_are_found);
	tcase_add_test(tc, the_change_log_may_be_too_short);
	tcase_add_test(tc, vanished_messages_are_told_from_history);
}

int main(void)
{
	return run_tests("view", add);
}
