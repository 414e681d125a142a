/* SPDX-License-Identifier: BSD-2-Clause */
/* Mailboxes of others: a \Seen of one's own, and its modseqs. */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "storage/kept.h"
#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/storage/shared_case.h"

static void sync_view(struct hf_view *view, struct hf_sync *sync)
{
	hf_arena_reset(arena);
	hf_view_sync(view, false, arena, sync);
}

START_TEST(each_user_has_a_seen_of_his_own)
{
	struct hf_flag_change add = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_view *hers, *his, *again;
	struct hf_set changed = HF_SET_INIT;
	struct hf_mailbox_info info;
	struct hf_record record;
	struct hf_sync sync;
	struct hf_mod before;
	struct hf_op *op;

	fill(box, 6);
	hers = open_view(box, anna);
	his = open_view(box, bert);
	ck_assert_uint_eq(hf_view_user(hers), anna);
	ck_assert_uint_eq(hf_view_user(his), bert);
	store_flags(hers, "1:3", HF_FLAGS_ADD, HF_FLAG_SEEN);
	assert_seen(hers, "1:3");
	assert_seen(his, "");
	sync_view(his, &sync);
	sync_view(hers, &sync);
	before = hf_view_modseq(his);

	op = hf_op_store(his, set_of("2,5"), &add);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert_uint_eq(hf_set_size(hf_op_applied(op)), 2);
	assert_seen(his, "2,5");
	assert_seen(hers, "1:3");
	fixture_info(store, box, &info);
	ck_assert_uint_eq(info.unseen, 3); /* the owner's */
	/* he is told, to her nothing has changed */
	sync_view(his, &sync);
	ck_assert_uint_eq(sync.changed_count, 2);
	ck_assert_uint_eq(sync.changed[1].n, 5);
	ck_assert(hf_view_record(his, HF_SEQ(5), &record));
	ck_assert(hf_op_made_modseq(op, record.modseq));
	ck_assert_uint_gt(record.modseq.n, before.n);
	hf_op_free(&op);
	sync_view(hers, &sync);
	ck_assert_uint_eq(sync.changed_count, 0);
	ck_assert_uint_eq(hf_view_modseq(hers).n, hf_view_modseq(his).n);
	hf_view_changed_since(his, before, &changed);
	ck_assert_uint_eq(hf_set_size(&changed), 2);
	hf_view_changed_since(hers, before, &changed);
	ck_assert(hf_set_is_empty(&changed));
	hf_set_fini(&changed);

	/* as it is already: nothing changes */
	before = hf_view_modseq(his);
	store_flags(his, "2,5", HF_FLAGS_ADD, HF_FLAG_SEEN);
	sync_view(his, &sync);
	ck_assert_uint_eq(hf_view_modseq(his).n, before.n);

	/* other flags are everybody's */
	store_flags(his, "2,3", HF_FLAGS_REPLACE, HF_FLAG_FLAGGED);
	assert_seen(his, "5");
	assert_seen(hers, "1:3");
	ck_assert(hf_view_record(hers, HF_SEQ(3), &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_FLAGGED | HF_FLAG_SEEN);
	store_flags(his, "1", HF_FLAGS_ADD, HF_FLAG_SEEN);
	again = open_view(box, bert);
	assert_seen(again, "1,5");
	hf_view_close(&again);
	hf_view_close(&his);
	hf_view_close(&hers);
	reopen();
	assert_seen_by(box, bert, "1,5");
	assert_seen_by(box, anna, "1:3");
	assert_seen_by(box, 0, "1:3");
}
END_TEST

static uint64_t modseq_of(struct hf_view *view, uint32_t seq)
{
	struct hf_record record;

	ck_assert(hf_view_record(view, HF_SEQ(seq), &record));
	return record.modseq.n;
}

#define assert_changed(view, since, text) assert_changed_at((view), (since), (text), __LINE__)
static void assert_changed_at(struct hf_view *view, uint64_t since, const char *text, int line)
{
	struct hf_set changed = HF_SET_INIT;
	struct hf_buf out = HF_BUF_INIT;

	hf_view_changed_since(view, HF_MOD(since), &changed);
	hf_set_format(&changed, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %s instead of %s", line, hf_buf_cstr(&out), text);
	hf_buf_fini(&out);
	hf_set_fini(&changed);
}

static bool was_woken(struct sleeper *sleeper)
{
	bool woken = false;

	while (sem_trywait(&sleeper->sem) == 0)
		woken = true;
	return woken;
}

static struct hf_view *open_woken(uint64_t user, struct sleeper *sleeper)
{
	sleeper_init(sleeper);
	return fixture_view(store, box, user, false, sleeper);
}

START_TEST(a_change_of_ones_own_concerns_nobody_else)
{
	struct hf_flag_change add = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN, .conditional = true };
	uint64_t carl = fixture_user(store, "carl"), before, his_before;
	struct sleeper at_hers, at_his, at_carls;
	struct hf_view *hers, *his, *carls;
	struct hf_sync sync;
	struct hf_op *op;

	fill(box, 4);
	hers = open_woken(anna, &at_hers);
	his = open_woken(bert, &at_his);
	carls = open_woken(carl, &at_carls);
	before = modseq_of(hers, 2);
	his_before = hf_view_modseq(his).n;
	store_flags(his, "2", HF_FLAGS_ADD, HF_FLAG_SEEN);
	ck_assert(was_woken(&at_his) && !was_woken(&at_hers) && !was_woken(&at_carls));
	ck_assert_uint_eq(modseq_of(hers, 2), before);
	ck_assert_uint_eq(modseq_of(carls, 2), before);
	ck_assert_uint_eq(modseq_of(his, 2), his_before + 1);
	sync_view(his, &sync);
	ck_assert_uint_eq(sync.changed_count, 1);
	ck_assert_uint_eq(hf_view_modseq(his).n, his_before + 1);
	sync_view(hers, &sync);
	ck_assert_uint_eq(sync.changed_count, 0);

	/* she knows the newest that there is to know; he must know of his own change */
	add.unchangedsince = HF_MOD(before);
	op = hf_op_store(hers, set_of("2"), &add);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert(hf_set_is_empty(hf_op_modified(op)));
	hf_op_free(&op);
	add.unchangedsince = HF_MOD(his_before);
	add.flags = HF_FLAG_FLAGGED;
	op = hf_op_store(his, set_of("2:3"), &add);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert(hf_set_has(hf_op_modified(op), 2) && hf_set_has(hf_op_applied(op), 3));
	hf_op_free(&op);
	ck_assert(was_woken(&at_hers) && was_woken(&at_carls));

	/* taken back: no bit is left, but the change is known of, here and after a restart */
	sync_view(carls, &sync);
	before = hf_view_modseq(carls).n;
	store_flags(his, "2", HF_FLAGS_REMOVE, HF_FLAG_SEEN);
	store_flags(his, "4", HF_FLAGS_ADD, HF_FLAG_SEEN | HF_FLAG_ANSWERED);
	for (unsigned round = 0; round < 2; round++) {
		assert_changed(his, before, "2,4");
		assert_changed(carls, before, "4");
		assert_changed(hers, before, "4");
		ck_assert_uint_eq(modseq_of(his, 2), before + 1);
		ck_assert_uint_eq(modseq_of(his, 4), before + 2);
		ck_assert_uint_eq(modseq_of(hers, 4), before + 2);
		hf_view_close(&his);
		hf_view_close(&hers);
		hf_view_close(&carls);
		if (round == 0)
			reopen();
		his = open_woken(bert, &at_his);
		hers = open_woken(anna, &at_hers);
		carls = open_woken(carl, &at_carls);
		ck_assert_uint_eq(hf_view_modseq(carls).n, before + 2);
	}
	hf_view_close(&his);
	hf_view_close(&hers);
	hf_view_close(&carls);
	sleeper_fini(&at_his);
	sleeper_fini(&at_hers);
	sleeper_fini(&at_carls);
}
END_TEST

START_TEST(replace_leaves_what_it_may_not_change)
{
	struct hf_str keyword = HF_STR("$mine");
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_DELETED | HF_FLAG_DRAFT, .keywords = &keyword,
					 .keyword_count = 1 };
	struct hf_view *view;
	struct hf_record record;

	fill(box, 1);
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_store(view, &all, &change)), HF_OK);
	change = (struct hf_flag_change){ .mode = HF_FLAGS_REPLACE, .flags = HF_FLAG_SEEN | HF_FLAG_FLAGGED,
					  .kept_flags = HF_FLAG_DELETED | HF_FLAG_FLAGGED, .keep_keywords = true };
	ck_assert_int_eq(run(hf_op_store(view, &all, &change)), HF_OK);
	ck_assert(hf_view_record(view, HF_SEQ(1), &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_SEEN | HF_FLAG_DELETED);
	ck_assert_uint_eq(record.keywords, 1);
	hf_view_close(&view);
}
END_TEST

START_TEST(expunged_messages_are_not_counted)
{
	struct hf_view *his;
	struct hf_sync sync;

	fill(box, 5);
	his = open_view(box, bert);
	store_flags(his, "1:4", HF_FLAGS_ADD, HF_FLAG_SEEN);
	ck_assert_int_eq(run(op_expunge_new(box, set_of("1:2"), true)), HF_OK);
	ck_assert_uint_eq(hf_view_unseen_count(his), 1);
	sync_view(his, &sync);
	assert_seen(his, "3:4");
	fill(box, 1);
	sync_view(his, &sync);
	assert_seen(his, "3:4");
	store_flags(his, "3", HF_FLAGS_REMOVE, HF_FLAG_SEEN);
	hf_view_close(&his);
	reopen();
	assert_seen_by(box, bert, "4");
}
END_TEST

START_TEST(sets_have_many_blocks)
{
	struct hf_set odd = HF_SET_INIT;
	struct hf_flag_change add = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_view *view;

	fill_with_copies(box, 20001);
	view = open_view(box, bert);
	for (uint32_t uid = 1; uid < 20000; uid += 2)
		hf_set_add(&odd, uid);
	ck_assert_int_eq(run(hf_op_store(view, &odd, &add)), HF_OK);
	store_flags(view, "16000:16999", HF_FLAGS_ADD, HF_FLAG_SEEN);
	hf_set_add_range(&odd, 16000, 16999);
	for (unsigned round = 0; round < 2; round++) {
		uint32_t count = hf_view_count(view), seen = 0;
		struct hf_record record;

		for (uint32_t seq = 1; seq <= count; seq++) {
			ck_assert(hf_view_record(view, HF_SEQ(seq), &record));
			seen += (record.flags & HF_FLAG_SEEN) != 0;
			ck_assert_int_eq((record.flags & HF_FLAG_SEEN) != 0, hf_set_has(&odd, record.uid.n));
		}
		ck_assert_uint_eq(hf_view_unseen_count(view), count - seen);
		ck_assert_uint_eq(seen, hf_set_size(&odd));
		hf_view_close(&view);
		if (round == 0)
			reopen();
		view = open_view(box, bert);
	}
	hf_view_close(&view);
	hf_set_fini(&odd);
}
END_TEST

/* RENAME INBOX moves messages, restore makes new ones of old: what others have seen of them stays seen. */
START_TEST(what_was_seen_goes_where_the_messages_go)
{
	uint64_t carl = fixture_user(store, "carl"), inbox = shared_mailbox("INBOX"), moved;
	struct hf_mailbox_info info;
	struct hf_view *view;

	fill(inbox, 5);
	view = open_view(inbox, bert);
	store_flags(view, "2,4:5", HF_FLAGS_ADD, HF_FLAG_SEEN);
	hf_view_close(&view);
	view = open_view(inbox, carl);
	store_flags(view, "1", HF_FLAGS_ADD, HF_FLAG_SEEN);
	hf_view_close(&view);
	view = open_view(inbox, anna);
	store_flags(view, "3", HF_FLAGS_ADD, HF_FLAG_SEEN);
	ck_assert_int_eq(run(op_expunge_new(inbox, set_of("2:3"), true)), HF_OK);
	hf_view_close(&view);
	ck_assert_int_eq(run(hf_op_restore(store, inbox, set_of("2:3"), inbox, false)), HF_OK);
	assert_seen_by(inbox, bert, "4:6");
	assert_seen_by(inbox, carl, "1");
	assert_seen_by(inbox, anna, "7");
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("INBOX"), HF_STR("moved"))), HF_OK);
	moved = fixture_mailbox(store, anna, "moved");
	fixture_info(store, moved, &info);
	ck_assert_uint_eq(info.messages, 5);
	assert_seen_by(moved, bert, "2:4");
	assert_seen_by(moved, carl, "1");
	assert_seen_by(moved, anna, "5");
	reopen();
	assert_seen_by(moved, bert, "2:4");
}
END_TEST

START_TEST(what_was_seen_goes_with_user_and_mailbox)
{
	uint64_t carl = fixture_user(store, "carl"), other = shared_mailbox("other");
	struct hf_view *view;

	fill(box, 2);
	fill(other, 2);
	for (unsigned i = 0; i < 2; i++) {
		view = open_view(i ? box : other, bert);
		store_flags(view, "1", HF_FLAGS_ADD, HF_FLAG_SEEN);
		hf_view_close(&view);
		view = open_view(i ? box : other, carl);
		store_flags(view, "2", HF_FLAGS_ADD, HF_FLAG_SEEN);
		hf_view_close(&view);
	}
	ck_assert(fixture_has_rows(store, "W"));
	view = open_view(box, bert);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_OK);
	store_flags(view, "2", HF_FLAGS_ADD, HF_FLAG_SEEN); /* his session has not noticed yet */
	ck_assert(fixture_collected(store, "JK"));
	store_flags(view, "2", HF_FLAGS_ADD, HF_FLAG_SEEN); /* nor now that nothing is left of him */
	hf_view_close(&view);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	assert_seen_by(box, carl, "2");
	assert_seen_by(other, carl, "2");
	hf_store_close(&store);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("box"))), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("other"))), HF_OK);
	ck_assert(fixture_collected(store, "JKW"));
}
END_TEST

/* Sessions at once ------------------------------------------------------------------------------------------------- */

enum { ROUNDS = 60, MESSAGES = 40 };

struct session {
	const char *name;
	uint64_t user, seed;
	struct hf_set seen; /* what the view has to show */
	bool failed;
};

static bool same_set(const struct hf_set *a, const struct hf_set *b)
{
	return a->count == b->count && (!a->count || memcmp(a->ranges, b->ranges, a->count * sizeof(*a->ranges)) == 0);
}

static bool shows(struct hf_view *view, const struct hf_set *wanted)
{
	struct hf_record records[MESSAGES];
	struct hf_set seen = HF_SET_INIT;
	uint32_t count = hf_view_records(view, HF_SEQ(1), MESSAGES, records);
	bool same;

	for (uint32_t i = 0; i < count; i++)
		if (records[i].flags & HF_FLAG_SEEN)
			hf_set_add(&seen, records[i].uid.n);
	same = same_set(&seen, wanted);
	hf_set_fini(&seen);
	return same;
}

static void *session_main(void *arg)
{
	struct session *s = arg;
	struct sleeper sleeper;

	sleeper_init(&sleeper);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct hf_view *view = fixture_view(store, box, s->user, false, &sleeper);

		s->failed = s->failed || !shows(view, &s->seen);
		for (unsigned i = 0; i < 3; i++) {
			uint32_t first = 1 + (uint32_t)(random_next(&s->seed) % MESSAGES);
			uint32_t last = first + (uint32_t)(random_next(&s->seed) % 5);
			struct hf_flag_change change = { .mode = random_next(&s->seed) % 2 ? HF_FLAGS_ADD : HF_FLAGS_REMOVE,
							 .flags = HF_FLAG_SEEN };
			struct hf_set uids = HF_SET_INIT;

			last = last > MESSAGES ? MESSAGES : last;
			hf_set_add_range(&uids, first, last);
			must(run(hf_op_store(view, &uids, &change)) == HF_OK);
			if (change.mode == HF_FLAGS_ADD)
				hf_set_union(&s->seen, &uids);
			else
				hf_set_subtract(&s->seen, &uids);
			hf_set_fini(&uids);
			s->failed = s->failed || !shows(view, &s->seen);
		}
		hf_view_close(&view);
	}
	sleeper_fini(&sleeper);
	return NULL;
}

/* Rights come and go meanwhile, and are asked for. */
static void *rights_main(void *arg)
{
	struct session *s = arg;
	struct hf_arena *own = hf_arena_new();
	struct sleeper sleeper;

	sleeper_init(&sleeper);
	hf_visible_watch(store, s->user, &sleeper.waiter);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct hf_visible *list, found;
		struct hf_acl_entry *entries;
		size_t count;

		must(run(hf_op_rights(store, box, hf_str(s->name), round % 2 ? HF_RIGHTS_ADD : HF_RIGHTS_REMOVE,
				      HF_RIGHT_LOOKUP)) == HF_OK);
		must(run(hf_op_group(store, HF_STR("staff"), hf_str(s->name), round % 3 != 0)) == HF_OK);
		hf_visible_list(store, s->user, own, &list, &count);
		s->failed = s->failed || count != round % 2;
		hf_rights_list(store, box, own, &entries, &count);
		if (hf_visible_find(store, s->user, HF_STR("anna"), HF_STR("box"), own, &found) == HF_OK)
			s->failed = s->failed || !(round % 2);
		if (round % 2)
			must(sem_wait(&sleeper.sem) == 0); /* it was woken */
		hf_arena_reset(own);
	}
	hf_visible_unwatch(store, s->user, &sleeper.waiter);
	sleeper_fini(&sleeper);
	hf_arena_free(&own);
	return NULL;
}

START_TEST(sessions_do_not_disturb_each_other)
{
	uint64_t carl = fixture_user(store, "carl"), dora = fixture_user(store, "dora");
	struct session sessions[] = { { "anna", anna, 1, HF_SET_INIT, false },  { "bert", bert, 2, HF_SET_INIT, false },
				      { "carl", carl, 3, HF_SET_INIT, false },  { "dora", dora, 0, HF_SET_INIT, false },
				      { "carl", carl, 0, HF_SET_INIT, false } };
	pthread_t threads[HF_COUNT(sessions)];

	ck_assert_int_eq(share(box, "s"), HF_OK);
	fill(box, MESSAGES);
	for (size_t i = 0; i < HF_COUNT(sessions); i++)
		must(pthread_create(&threads[i], NULL, sessions[i].seed ? session_main : rights_main, &sessions[i]) == 0);
	for (size_t i = 0; i < HF_COUNT(sessions); i++)
		pthread_join(threads[i], NULL);
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < HF_COUNT(sessions); i++) {
			struct hf_view *view;

			ck_assert_msg(!sessions[i].failed, "%s", sessions[i].name);
			if (!sessions[i].seed)
				continue;
			view = open_view(box, sessions[i].user);
			ck_assert(shows(view, &sessions[i].seen));
			hf_view_close(&view);
		}
		if (round == 0)
			reopen();
	}
	for (size_t i = 0; i < HF_COUNT(sessions); i++)
		hf_set_fini(&sessions[i].seen);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, shared_begin, shared_end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, each_user_has_a_seen_of_his_own);
	tcase_add_test(tc, a_change_of_ones_own_concerns_nobody_else);
	tcase_add_test(tc, replace_leaves_what_it_may_not_change);
	tcase_add_test(tc, expunged_messages_are_not_counted);
	tcase_add_test(tc, sets_have_many_blocks);
	tcase_add_test(tc, what_was_seen_goes_where_the_messages_go);
	tcase_add_test(tc, what_was_seen_goes_with_user_and_mailbox);
	tcase_add_test(tc, sessions_do_not_disturb_each_other);
}

int main(void)
{
	return run_tests("seen", add);
}
