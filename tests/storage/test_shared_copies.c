/* SPDX-License-Identifier: BSD-2-Clause */
/* Mailboxes of others: copies and appends between accounts, and the rights they are asked for. */
#include <semaphore.h>
#include <stdlib.h>

#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/storage/shared_case.h"

START_TEST(what_is_appended_or_copied_is_seen_by_who_does_it)
{
	struct hf_append item = { .flags = HF_FLAG_SEEN | HF_FLAG_FLAGGED };
	uint64_t other = shared_mailbox("other");
	struct hf_record record;
	struct hf_view *view;
	uint32_t count;

	/* APPEND by another */
	item.stage = fixture_stage(store, HF_STR("Subject: x\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, box, bert, &item, 1, NULL, HF_UID(0))), HF_OK);
	ck_assert(fixture_record(store, box, 1, &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_FLAGGED);
	assert_seen_by(box, bert, "1");
	assert_seen_by(box, anna, "");
	/* and by the owner */
	item.stage = fixture_stage(store, HF_STR("Subject: y\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, box, anna, &item, 1, NULL, HF_UID(0))), HF_OK);
	assert_seen_by(box, anna, "2");
	assert_seen_by(box, bert, "1");

	/* bert copies: what he has seen he has seen there, and in his own mailbox it is the flag */
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, false)), HF_OK);
	ck_assert_int_eq(run(hf_op_copy(view, &all, other, false)), HF_OK);
	hf_view_close(&view);
	assert_seen_by(mine, bert, "1");
	ck_assert(fixture_record(store, mine, 1, &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_SEEN | HF_FLAG_FLAGGED);
	assert_seen_by(other, bert, "1");
	assert_seen_by(other, anna, "2"); /* the owner's is as it was */

	/* from his own into hers; then a move between hers */
	view = open_view(mine, bert);
	ck_assert_int_eq(run(hf_op_copy(view, &all, box, false)), HF_OK);
	hf_view_close(&view);
	assert_seen_by(box, bert, "1,3");
	assert_seen_by(box, anna, "2");
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_copy(view, &all, other, true)), HF_OK);
	hf_view_close(&view);
	assert_seen_by(other, bert, "1,3,5");
	assert_seen_by(other, anna, "2,4");
	free(fixture_records(store, box, &count));
	ck_assert_uint_eq(count, 0);
	reopen();
	assert_seen_by(other, bert, "1,3,5");
	assert_seen_by(other, anna, "2,4");
}
END_TEST

START_TEST(large_copies_between_accounts_are_whole)
{
	struct hf_quota limits = { .count = 100 };
	struct hf_view *view;
	struct hf_op *op;
	uint32_t count;

	fill_with_copies(box, 2500);
	view = open_view(box, bert);
	store_flags(view, "1:1500", HF_FLAGS_ADD, HF_FLAG_SEEN);
	hf_view_close(&view);
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_user_quota(store, HF_STR("bert"), &limits)), HF_OK);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, false)), HF_EOVERQUOTA);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, true)), HF_EOVERQUOTA);
	free(fixture_records(store, mine, &count));
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	limits.count = 0;
	ck_assert_int_eq(run(hf_op_user_quota(store, HF_STR("bert"), &limits)), HF_OK);
	op = hf_op_copy(view, set_of("1:2500"), mine, false);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert_uint_eq(hf_set_size(hf_op_copied_to(op)), 2500);
	ck_assert_uint_eq(hf_set_size(hf_op_copied_from(op)), 2500);
	hf_op_free(&op);
	assert_seen_by(mine, bert, "1:1500");
	hf_view_close(&view);
	/* and back into another's: her flag is not touched */
	view = open_view(mine, bert);
	ck_assert_int_eq(run(hf_op_copy(view, &all, shared_mailbox("third"), true)), HF_OK);
	hf_view_close(&view);
	assert_seen_by(fixture_mailbox(store, anna, "third"), bert, "1:1500");
	assert_seen_by(fixture_mailbox(store, anna, "third"), anna, "");
}
END_TEST

static enum hf_status run_store(struct hf_view *view, enum hf_flag_mode mode, uint32_t flags, uint32_t kept, bool keyword)
{
	struct hf_str word = HF_STR("$k");
	struct hf_flag_change change = { .mode = mode, .flags = flags, .kept_flags = kept, .keep_keywords = !keyword,
					 .keywords = &word, .keyword_count = keyword };

	return run(hf_op_store(view, &all, &change));
}

/* Judged before the rights were taken away, carried out afterwards. */
START_TEST(who_has_lost_his_rights_changes_nothing)
{
	struct hf_append item = { .flags = 0 };
	struct hf_view *view, *own;
	uint32_t count;

	fill(box, 3);
	fill(mine, 1);
	view = open_view(box, bert);
	own = open_view(mine, bert);
	ck_assert_int_eq(share(box, "lr"), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_SEEN, 0, false), HF_ENOPERM);
	ck_assert_int_eq(run_store(view, HF_FLAGS_REMOVE, 0, 0, true), HF_ENOPERM);
	ck_assert_int_eq(share(box, "lrs"), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_SEEN, 0, false), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_SEEN | HF_FLAG_DELETED, 0, false), HF_ENOPERM);
	ck_assert_int_eq(run_store(view, HF_FLAGS_REPLACE, 0, HF_FLAGS_ALL & ~HF_FLAG_SEEN, false), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_REPLACE, 0, 0, false), HF_ENOPERM);
	ck_assert_int_eq(share(box, "lrt"), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_DELETED, 0, false), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_FLAGGED, 0, false), HF_ENOPERM);
	ck_assert_int_eq(share(box, "lrw"), HF_OK);
	ck_assert_int_eq(run_store(view, HF_FLAGS_ADD, HF_FLAG_FLAGGED, 0, true), HF_OK);
	/* messages leave, and come */
	ck_assert_int_eq(run(hf_op_expunge(view, NULL, false)), HF_ENOPERM);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, true)), HF_ENOPERM);
	ck_assert_int_eq(run(hf_op_copy(own, &all, box, false)), HF_ENOPERM);
	item.stage = fixture_stage(store, HF_STR("Subject: x\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, box, bert, &item, 1, NULL, HF_UID(0))), HF_ENOPERM);
	item.stage = fixture_stage(store, HF_STR("Subject: x\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, mine, bert, &item, 1, view, HF_UID(1))), HF_ENOPERM);
	free(fixture_records(store, box, &count));
	ck_assert_uint_eq(count, 3);
	free(fixture_records(store, mine, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(share(box, "lite"), HF_OK);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, false)), HF_ENOPERM);
	ck_assert_int_eq(run(hf_op_copy(own, &all, box, false)), HF_OK);
	ck_assert_int_eq(run(hf_op_expunge(view, set_of("1"), false)), HF_OK);
	ck_assert_int_eq(run(hf_op_copy(view, set_of("2"), mine, true)), HF_OK);
	item.stage = fixture_stage(store, HF_STR("Subject: x\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, box, bert, &item, 1, view, HF_UID(3))), HF_OK);
	free(fixture_records(store, box, &count));
	ck_assert_uint_eq(count, 2);
	hf_view_close(&view);
	hf_view_close(&own);
}
END_TEST

/* Which of the two is done first is open: it is all or nothing, and sooner or later it was nothing. */
START_TEST(a_long_copy_ends_with_the_rights)
{
	enum hf_status status = HF_OK;
	struct hf_op *copy;
	struct hf_view *view;
	uint32_t count, before = 0;

	fill_with_copies(box, 8192);
	view = open_view(box, bert);
	for (unsigned round = 0; status == HF_OK; round++) {
		ck_assert_uint_lt(round, 20);
		ck_assert_int_eq(share(box, "lr"), HF_OK);
		copy = hf_op_copy(view, &all, mine, false);
		hf_store_submit(store, &news.waiter, copy);
		ck_assert_int_eq(share(box, "l"), HF_OK);
		while (!hf_op_is_done(copy))
			sem_wait(&news.sem);
		status = hf_op_status(copy);
		ck_assert(status == HF_OK || status == HF_ENOPERM);
		ck_assert_int_eq(hf_set_is_empty(hf_op_copied_to(copy)), status != HF_OK);
		before += status == HF_OK ? 8192 : 0;
		free(fixture_records(store, mine, &count));
		ck_assert_uint_eq(count, before);
		hf_op_free(&copy);
	}
	hf_view_close(&view);
}
END_TEST

START_TEST(a_copy_outlives_the_account_it_came_from)
{
	char *message = fixture_message(1, 200000);
	struct hf_buf octets = HF_BUF_INIT;
	struct hf_record record;
	struct hf_append item = { .flags = 0 };
	struct hf_view *view;

	hf_store_close(&store);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	fixture_append(store, box, message, 0);
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_copy(view, &all, mine, false)), HF_OK);
	/* REPLACE across accounts: the new one in his, the old one leaves hers */
	item.stage = fixture_stage(store, HF_STR("Subject: new\r\n\r\n"), 0);
	ck_assert_int_eq(run(hf_op_append(store, mine, bert, &item, 1, view, HF_UID(1))), HF_OK);
	hf_view_close(&view);
	ck_assert(!fixture_record(store, box, 1, &record));
	ck_assert(fixture_record(store, mine, 2, &record));
	ck_assert(fixture_collected(store, "JK"));
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("anna"))), HF_OK);
	ck_assert(fixture_collected(store, "JK"));
	ck_assert(fixture_record(store, mine, 1, &record));
	ck_assert_int_eq(fixture_read(store, bert, record.email, &octets), HF_OK);
	ck_assert(hf_str_eq(hf_buf_str(&octets), hf_str(message)));
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	hf_buf_fini(&octets);
	free(message);
	ck_assert_int_eq(run(op_expunge_new(mine, &all, true)), HF_OK);
	ck_assert(fixture_collected(store, "JK"));
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_OK);
	ck_assert(fixture_collected(store, "JKG"));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, shared_begin, shared_end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, what_is_appended_or_copied_is_seen_by_who_does_it);
	tcase_add_test(tc, large_copies_between_accounts_are_whole);
	tcase_add_test(tc, who_has_lost_his_rights_changes_nothing);
	tcase_add_test(tc, a_long_copy_ends_with_the_rights);
	tcase_add_test(tc, a_copy_outlives_the_account_it_came_from);
}

int main(void)
{
	return run_tests("shared_copies", add);
}
