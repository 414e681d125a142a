/* SPDX-License-Identifier: BSD-2-Clause */
/* Views that are told what the mailbox's row says before its records have been read. */
#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"
#include "tests/storage/view_case.h"

enum { STRANGER = 10 };

static void setup(void)
{
	view_begin();
	hf_store_registry(store)->load_slice = 100;
	hf_store_registry(store)->early_least = 200;
}

static enum hf_status open_early(void)
{
	return hf_view_open_early(store, box, 0, false, &news.waiter, &view);
}

/* One that has nothing that is not durable. */
static void open_large(void)
{
	fake_fill(store, box, 250);
	ck_assert_int_eq(open_early(), HF_OK);
}

static void finish(void)
{
	enum hf_status status;

	while ((status = hf_view_finish(view)) == HF_MORE)
		ck_assert(hf_view_is_early(view));
	ck_assert_int_eq(status, HF_OK);
	ck_assert(!hf_view_is_early(view));
}

static void sync_now(void)
{
	hf_view_sync(view, false, arena, &told);
}

START_TEST(counts_are_told_before_anything_is_read)
{
	struct hf_record record;

	fake_fill(store, box, 250);
	fake_keyword(store, box, 3, "$Label");
	fake_publish_all(store);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert(hf_view_is_early(view));
	ck_assert_uint_eq(fake_reads(store), 0);
	ck_assert_uint_eq(hf_view_count(view), 250);
	ck_assert_uint_eq(hf_view_uidnext(view).n, 251);
	ck_assert_uint_eq(hf_view_uidvalidity(view), 1000 + box);
	ck_assert_uint_eq(hf_view_modseq(view).n, fake_modseq(store, box));
	ck_assert_uint_eq(hf_view_owner(view), USER);
	ck_assert_int_eq(hf_view_keyword_bit(view, HF_STR("$label")), 3);
	ck_assert(!hf_view_has_news(view));
	ck_assert(!hf_view_record(view, HF_SEQ(1), &record)); /* and nothing breaks */
	finish();
	ck_assert_uint_eq(fake_reads(store), 3);
	ck_assert_uint_eq(hf_view_count(view), 250);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(250)).n, 250);
	ck_assert(hf_view_record(view, HF_SEQ(7), &record));
	ck_assert_uint_eq(record.email, 1000007);
	ck_assert(!hf_view_has_news(view));
	ck_assert_uint_eq(news.woken, 0);
}
END_TEST

START_TEST(small_warm_and_foreign_mailboxes_are_read_first)
{
	struct hf_view *second = NULL;

	fake_fill(store, box, 199);
	ck_assert_int_eq(open_early(), HF_MORE);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert(!hf_view_is_early(view));
	ck_assert_uint_eq(hf_view_count(view), 199);
	hf_view_close(&view);
	fake_append(store, box, 0); /* kept in memory */
	fake_publish_all(store);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert(!hf_view_is_early(view));
	ck_assert_uint_eq(hf_view_count(view), 200);
	hf_view_close(&view);

	box = fake_mailbox(store, USER, "Other");
	fake_publish_all(store);
	fake_fill(store, box, 250);
	ck_assert_int_eq(hf_view_open_early(store, box, STRANGER, false, &other_news.waiter, &second), HF_MORE);
	ck_assert_int_eq(open_early(), HF_WAIT);
	ck_assert_int_eq(hf_view_open_early(store, box, STRANGER, false, &other_news.waiter, &second), HF_MORE);
	ck_assert_int_eq(hf_view_open_early(store, box, STRANGER, false, &other_news.waiter, &second), HF_OK);
	ck_assert(!hf_view_is_early(second));
	ck_assert_uint_ge(news.woken, 1);
	ck_assert_int_eq(open_early(), HF_OK);
	hf_view_close(&second);
}
END_TEST

START_TEST(what_changed_meanwhile_is_told_by_the_next_sync)
{
	struct hf_record record;

	open_large();
	fake_expunge(store, box, 3); /* never read */
	fake_flags(store, box, 250, HF_FLAG_SEEN);
	fake_publish_all(store);
	ck_assert_int_eq(hf_view_finish(view), HF_MORE);
	fake_expunge(store, box, 10); /* read */
	fake_append(store, box, 0);
	fake_expunge(store, box, fake_append(store, box, 0));
	fake_keyword(store, box, 0, "$New");
	fake_publish_all(store);
	finish();
	ck_assert_uint_eq(hf_view_count(view), 250);
	ck_assert_uint_eq(hf_view_uidnext(view).n, 251);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(3)).n, 3);
	ck_assert(hf_view_record(view, HF_SEQ(3), &record));
	ck_assert_uint_eq(record.email, 1000003);
	ck_assert(hf_view_is_gone(view, HF_UID(3)));
	ck_assert(hf_email_is_pinned(store, USER, 1000003));
	ck_assert(hf_view_has_news(view));
	sync_now();
	ck_assert_uint_eq(told.expunged_count, 2);
	ck_assert_uint_eq(told.expunged[0], 10);
	ck_assert_uint_eq(told.expunged[1], 3);
	ck_assert_uint_eq(told.exists_before, 248);
	ck_assert_uint_eq(told.exists, 249);
	ck_assert_uint_eq(told.changed_count, 1);
	ck_assert_uint_eq(told.changed[0].n, 248);
	ck_assert(told.keywords_changed);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(249)).n, 251);
	ck_assert(!hf_email_is_pinned(store, USER, 1000003));
	ck_assert(!hf_view_has_news(view));
}
END_TEST

START_TEST(what_the_row_says_is_durable_first)
{
	fake_fill(store, box, 250);
	fake_append(store, box, 0);
	ck_assert_int_eq(open_early(), HF_WAIT);
	fake_append(store, box, 0); /* committed later */
	fake_publish(store, 1);
	ck_assert_uint_eq(news.woken, 1);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert(hf_view_is_early(view));
	ck_assert_uint_eq(hf_view_count(view), 251);
	while (hf_view_finish(view) == HF_MORE)
		;
	ck_assert(hf_view_is_early(view)); /* what was read is not */
	fake_publish_all(store);
	ck_assert_uint_eq(news.woken, 2);
	finish();
	ck_assert_uint_eq(hf_view_count(view), 251);
	sync_now();
	ck_assert_uint_eq(told.exists, 252);
}
END_TEST

START_TEST(recent_messages_are_those_that_were_counted)
{
	fake_fill(store, box, 250);
	fake_append(store, box, 0);
	fake_append(store, box, 0);
	fake_publish_all(store);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert_uint_eq(hf_view_recent_count(view), 2);
	fake_append(store, box, 0);
	fake_publish_all(store);
	finish();
	ck_assert_uint_eq(hf_view_recent_count(view), 2);
	ck_assert(!hf_view_is_recent(view, HF_UID(250)));
	ck_assert(hf_view_is_recent(view, HF_UID(251)));
	ck_assert(!hf_view_is_recent(view, HF_UID(253)));
	ck_assert_uint_eq(fake_claimed(store, box), 253);
	sync_now();
	ck_assert(told.recent_changed);
	ck_assert_uint_eq(hf_view_recent_count(view), 3);
}
END_TEST

START_TEST(looking_does_not_claim)
{
	fake_fill(store, box, 250);
	fake_append(store, box, 0);
	fake_publish_all(store);
	ck_assert_int_eq(hf_view_open_early(store, box, 0, true, &news.waiter, &view), HF_OK);
	ck_assert_uint_eq(hf_view_recent_count(view), 1);
	finish();
	ck_assert_uint_eq(hf_view_recent_count(view), 1);
	ck_assert_uint_eq(fake_claimed(store, box), 0);
}
END_TEST

START_TEST(another_goes_on_when_it_is_closed)
{
	struct hf_view *second = NULL;

	open_large();
	ck_assert_int_eq(hf_view_finish(view), HF_MORE);
	ck_assert_int_eq(hf_view_open_early(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	hf_view_close(&view);
	ck_assert_uint_eq(other_news.woken, 1);
	fake_append(store, box, 0); /* so the row that was read is not the newest */
	fake_publish_all(store);
	ck_assert_int_eq(hf_view_open_early(store, box, 0, false, &other_news.waiter, &second), HF_MORE);
	ck_assert_int_eq(hf_view_open_early(store, box, 0, false, &other_news.waiter, &second), HF_OK);
	ck_assert(!hf_view_is_early(second));
	ck_assert_uint_eq(hf_view_count(second), 251);
	hf_view_close(&second);
}
END_TEST

START_TEST(closing_while_the_row_is_not_durable_is_safe)
{
	fake_fill(store, box, 250);
	fake_append(store, box, 0);
	ck_assert_int_eq(open_early(), HF_WAIT);
	hf_view_close(&view);
	fake_publish_all(store);
	ck_assert_uint_eq(news.woken, 0);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 251);
}
END_TEST

START_TEST(a_mailbox_deleted_meanwhile_is_gone)
{
	struct hf_view *second = NULL;

	open_large();
	ck_assert_int_eq(hf_view_finish(view), HF_MORE);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	fake_mailbox_delete(store, box);
	fake_publish_all(store);
	ck_assert_int_eq(hf_view_finish(view), HF_ENONEXISTENT);
	ck_assert(!hf_view_is_early(view));
	ck_assert_uint_eq(hf_view_count(view), 0);
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_ENONEXISTENT);
}
END_TEST

START_TEST(a_failed_read_ends_it_and_others_try_again)
{
	struct hf_view *second = NULL;

	open_large();
	ck_assert_int_eq(hf_view_open(store, box, 0, false, &other_news.waiter, &second), HF_WAIT);
	fake_fail(store, HF_EIO);
	ck_assert_int_eq(hf_view_finish(view), HF_EIO);
	ck_assert(!hf_view_is_early(view));
	ck_assert_uint_eq(hf_view_count(view), 0);
	ck_assert_uint_eq(other_news.woken, 1);
	while (hf_view_open(store, box, 0, false, &other_news.waiter, &second) == HF_MORE)
		;
	ck_assert_uint_eq(hf_view_count(second), 250);
	hf_view_close(&second);
}
END_TEST

START_TEST(a_session_that_was_told_other_numbers_starts_over)
{
	fake_fill(store, box, 250);
	fake_miscount(store, box, 251);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 251);
	finish();
	ck_assert(hf_view_has_news(view));
	sync_now();
	ck_assert(told.deleted);
	hf_view_close(&view);
	ck_assert_int_eq(open_early(), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 250);
}
END_TEST

START_TEST(the_first_unseen_is_known_where_all_are_alike)
{
	open_large();
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 0); /* the fake's row counts none */
	finish();
	ck_assert_uint_eq(hf_view_first_unseen(view).n, 1);
}
END_TEST

/* Random changes while it is read, some of them published then. */
START_TEST(a_client_that_believes_what_it_is_told_ends_with_what_is_stored)
{
	uint32_t uids[2000], count, before;
	struct hf_record record, truth;
	struct fake_storm storm = { box, 4000 + (uint64_t)_i };
	enum hf_status status;

	hf_store_registry(store)->load_slice = 64;
	fake_fill(store, box, 500);
	fake_storm(store, &storm);
	status = open_early();
	fake_storm(store, &storm);
	fake_publish_all(store);
	if (status == HF_WAIT)
		status = open_early();
	ck_assert_int_eq(status, HF_OK);
	ck_assert(hf_view_is_early(view));
	before = hf_view_count(view);
	fake_hook(store, fake_storm, &storm);
	while ((status = hf_view_finish(view)) == HF_MORE)
		;
	fake_hook(store, NULL, NULL);
	fake_publish_all(store);
	if (status == HF_WAIT)
		finish();
	count = hf_view_count(view);
	ck_assert_uint_eq(count, before);
	for (uint32_t seq = 1; seq <= count; seq++) {
		uids[seq - 1] = hf_view_uid(view, HF_SEQ(seq)).n;
		must(uids[seq - 1] < hf_view_uidnext(view).n);
		must(hf_view_record(view, HF_SEQ(seq), &record) && record.email == 1000000u + uids[seq - 1]);
	}
	sync_now();
	must(!told.deleted);
	for (size_t i = 0; i < told.expunged_count; i++) {
		memmove(uids + told.expunged[i] - 1, uids + told.expunged[i], (count - told.expunged[i]) * sizeof(*uids));
		count--;
	}
	ck_assert_uint_eq(count, told.exists_before);
	ck_assert_uint_eq(told.exists, fake_count(store, box));
	ck_assert_uint_eq(hf_view_modseq(view).n, fake_modseq(store, box));
	ck_assert_uint_eq(hf_view_uidnext(view).n, fake_uidnext(store, box));
	for (uint32_t seq = 1; seq <= told.exists; seq++) {
		must(hf_view_record(view, HF_SEQ(seq), &record));
		must(seq > count || record.uid.n == uids[seq - 1]);
		must(fake_record(store, box, record.uid.n, &truth));
		must(memcmp(&record, &truth, sizeof(record)) == 0);
	}
	ck_assert(!hf_view_has_news(view));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, view_end);
	tcase_add_test(tc, counts_are_told_before_anything_is_read);
	tcase_add_test(tc, small_warm_and_foreign_mailboxes_are_read_first);
	tcase_add_test(tc, what_changed_meanwhile_is_told_by_the_next_sync);
	tcase_add_test(tc, what_the_row_says_is_durable_first);
	tcase_add_test(tc, recent_messages_are_those_that_were_counted);
	tcase_add_test(tc, looking_does_not_claim);
	tcase_add_test(tc, another_goes_on_when_it_is_closed);
	tcase_add_test(tc, closing_while_the_row_is_not_durable_is_safe);
	tcase_add_test(tc, a_mailbox_deleted_meanwhile_is_gone);
	tcase_add_test(tc, a_failed_read_ends_it_and_others_try_again);
	tcase_add_test(tc, a_session_that_was_told_other_numbers_starts_over);
	tcase_add_test(tc, the_first_unseen_is_known_where_all_are_alike);
	tcase_add_loop_test(tc, a_client_that_believes_what_it_is_told_ends_with_what_is_stored, 0, 50);
}

int main(void)
{
	return run_tests("view_early", add);
}
