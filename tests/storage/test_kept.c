/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing back: expunged messages, deleted mailboxes; and what is freed when their time is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/kept.h"
#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, inbox;
static struct sleeper news;

static void setup(void)
{
	case_begin("kept");
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	inbox = fixture_mailbox(store, anna, "INBOX");
	sleeper_init(&news);
}

static void teardown(void)
{
	case_end();
	sleeper_fini(&news);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static struct hf_uid append(uint64_t mailbox, unsigned number)
{
	char *message = fixture_message(number, 100);
	struct hf_uid uid = fixture_append(store, mailbox, message, HF_FLAG_SEEN);

	free(message);
	return uid;
}

static struct hf_set range(uint32_t first, uint32_t last)
{
	struct hf_set set = HF_SET_INIT;

	hf_set_add_range(&set, first, last);
	return set;
}

static void flag(uint64_t mailbox, uint32_t first, uint32_t last, uint32_t flags, const char *keyword)
{
	struct hf_str word = hf_str(keyword ? keyword : "");
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = flags, .keywords = &word, .keyword_count = keyword != NULL };
	struct hf_set set = range(first, last);

	ck_assert_int_eq(run(op_store_new(mailbox, &set, &change)), HF_OK);
	hf_set_fini(&set);
}

static void expunge(uint64_t mailbox, uint32_t first, uint32_t last)
{
	struct hf_set set = range(first, last);

	ck_assert_int_eq(run(op_expunge_new(mailbox, &set, true)), HF_OK);
	hf_set_fini(&set);
}

static enum hf_status restore(uint64_t mailbox, uint32_t first, uint32_t last, uint64_t target, bool force, uint64_t *count)
{
	struct hf_set set = range(first, last);
	struct hf_op *op = hf_op_restore(store, mailbox, &set, target, force);
	enum hf_status status = hf_store_run(store, op);

	if (count)
		*count = hf_set_size(hf_op_copied_to(op));
	ck_assert_uint_eq(hf_set_size(hf_op_copied_to(op)), hf_set_size(hf_op_copied_from(op)));
	hf_op_free(&op);
	hf_set_fini(&set);
	return status;
}

static bool count_kept(void *arg, const struct hf_kept *kept)
{
	ck_assert_int_gt(kept->until, kept->time);
	++*(unsigned *)arg;
	return true;
}

static unsigned kept_count(uint64_t mailbox)
{
	unsigned count = 0;

	ck_assert_int_eq(hf_kept_each(store, mailbox, count_kept, &count), HF_OK);
	return count;
}

static void quota(uint64_t size, uint64_t count, uint64_t mailboxes)
{
	struct hf_quota limits = { size, count, mailboxes };

	ck_assert_int_eq(run(hf_op_user_quota(store, HF_STR("anna"), &limits)), HF_OK);
}

static struct hf_user user(void)
{
	struct hf_user user;

	ck_assert_int_eq(hf_user_find(store, HF_STR("anna"), arena, &user), HF_OK);
	return user;
}

/* Messages --------------------------------------------------------------------------------------------------------- */

START_TEST(an_expunged_message_comes_back_as_a_new_one)
{
	struct hf_record before, after;
	struct hf_mailbox_info info;
	struct hf_user had;
	uint64_t count;

	for (unsigned i = 1; i <= 5; i++)
		append(inbox, i);
	flag(inbox, 2, 3, HF_FLAG_DELETED | HF_FLAG_FLAGGED, "$Important");
	ck_assert(fixture_record(store, inbox, 2, &before));
	had = user();
	expunge(inbox, 2, 4);
	ck_assert_uint_eq(kept_count(inbox), 3);
	fixture_info(store, inbox, &info);
	ck_assert_int_eq(restore(inbox, 2, 3, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(kept_count(inbox), 1);
	ck_assert(!fixture_record(store, inbox, 2, &after));
	ck_assert(fixture_record(store, inbox, 6, &after));
	ck_assert_uint_eq(after.flags, HF_FLAG_SEEN | HF_FLAG_FLAGGED);
	ck_assert_uint_eq(after.keywords, before.keywords);
	ck_assert_uint_ne(after.keywords, 0);
	ck_assert_uint_eq(after.email, before.email);
	ck_assert_uint_eq(after.thread, before.thread);
	ck_assert_int_eq(after.internaldate, before.internaldate);
	ck_assert_uint_ge(after.saved, before.saved);
	ck_assert_uint_gt(after.modseq.n, info.highestmodseq.n);
	ck_assert(fixture_record(store, inbox, 7, &after));
	ck_assert_int_eq(restore(inbox, 1, UINT32_MAX, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(kept_count(inbox), 0);
	ck_assert_uint_eq(user().used_size, had.used_size);
	ck_assert_uint_eq(user().used_count, 5);
	ck_assert_int_eq(restore(inbox, 1, UINT32_MAX, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, 0);
	reopen();
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 5);
	ck_assert_uint_eq(info.uidnext.n, 9);
}
END_TEST

START_TEST(they_come_back_into_another_mailbox_of_the_same_owner)
{
	uint64_t other = fixture_mailbox(store, anna, "other"), bob = fixture_user(store, "bob");
	struct hf_record record;
	uint64_t count;

	append(inbox, 1);
	append(inbox, 2);
	flag(inbox, 1, 2, 0, "one");
	flag(inbox, 1, 1, 0, "two");
	append(other, 3);
	flag(other, 1, 1, 0, "two");
	expunge(inbox, 1, 2);
	ck_assert_int_eq(restore(inbox, 1, 2, fixture_mailbox(store, bob, "INBOX"), false, NULL), HF_ECANNOT);
	ck_assert_int_eq(restore(inbox, 1, 2, 9999, false, NULL), HF_ENONEXISTENT);
	ck_assert_int_eq(restore(inbox, 1, 2, other, false, &count), HF_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert(fixture_record(store, other, 2, &record));
	ck_assert_uint_eq(record.keywords, 3); /* by name */
	ck_assert(fixture_record(store, other, 3, &record));
	ck_assert_uint_eq(record.keywords, 2);
}
END_TEST

START_TEST(quota_refuses_all_of_them_unless_forced)
{
	uint64_t count;

	for (unsigned i = 1; i <= 6; i++)
		append(inbox, i);
	expunge(inbox, 1, 4);
	quota(0, 5, 0);
	ck_assert_int_eq(restore(inbox, 1, 4, inbox, false, NULL), HF_EOVERQUOTA);
	ck_assert_uint_eq(kept_count(inbox), 4);
	ck_assert_int_eq(restore(inbox, 1, 3, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(restore(inbox, 4, 4, inbox, true, &count), HF_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(user().used_count, 6);
}
END_TEST

START_TEST(a_session_is_told_at_once)
{
	struct hf_view *view = NULL;
	struct hf_sync told;

	for (unsigned i = 1; i <= 3; i++)
		append(inbox, i);
	view = fixture_view(store, inbox, anna, false, &news);
	expunge(inbox, 1, 1);
	/* while the view still shows it */
	ck_assert_int_eq(restore(inbox, 1, 1, inbox, false, NULL), HF_OK);
	ck_assert(hf_view_has_news(view));
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(told.exists, 3);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(3)).n, 4);
	expunge(inbox, 2, 4);
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(told.exists, 0);
	ck_assert_int_eq(restore(inbox, 2, 4, inbox, false, NULL), HF_OK);
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(told.exists, 3);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(1)).n, 5);
	hf_view_close(&view);
}
END_TEST

static void fill(uint64_t mailbox, uint32_t many)
{
	struct hf_mailbox_info info;

	append(mailbox, 1);
	for (fixture_info(store, mailbox, &info); info.messages < many; fixture_info(store, mailbox, &info)) {
		struct hf_set all = range(1, info.messages < many - info.messages ? info.messages : many - info.messages);

		ck_assert_int_eq(run(op_copy_new(mailbox, &all, mailbox, false)), HF_OK);
		hf_set_fini(&all);
	}
}

START_TEST(very_many_come_back_and_a_crash_between_loses_none)
{
	enum { MANY = 2 * OP_PIECE + 100 };
	struct hf_mailbox_info info;
	uint64_t count;
	pid_t child;
	int status;

	fill(inbox, MANY);
	expunge(inbox, 1, MANY);
	ck_assert_uint_eq(kept_count(inbox), MANY);
	hf_store_close(&store);
	child = fork();
	if (!child) {
		setenv("HOLDFAST_FAULT", "restore.piece:2", 1);
		store = fixture_open(&settings);
		_exit(restore(inbox, 1, MANY, inbox, false, NULL) != HF_OK); /* not reached */
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 86);
	store = fixture_open(&settings);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages + kept_count(inbox), MANY);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	ck_assert_int_eq(restore(inbox, 1, MANY, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, MANY - info.messages);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, MANY);
	ck_assert_uint_eq(kept_count(inbox), 0);
	ck_assert_uint_eq(user().used_count, MANY);
}
END_TEST

/* Mailboxes -------------------------------------------------------------------------------------------------------- */

static struct hf_deleted *deleted(size_t expected)
{
	struct hf_deleted *list;
	size_t count;

	ck_assert_int_eq(hf_deleted_list(store, anna, arena, &list, &count), HF_OK);
	ck_assert_uint_eq(count, expected);
	return list;
}

static enum hf_status delete_mailbox(const char *name)
{
	return run(hf_op_mailbox_delete(store, anna, hf_str(name)));
}

static enum hf_status undelete(const struct hf_deleted *which, const char *name, bool force)
{
	return run(hf_op_mailbox_undelete(store, anna, which, hf_str(name), force));
}

START_TEST(a_deleted_mailbox_comes_back_as_it_was)
{
	uint64_t id = fixture_mailbox(store, anna, "work/old");
	struct hf_mailbox_info before, after;
	struct hf_record record;
	struct hf_user had;

	for (unsigned i = 1; i <= 4; i++)
		append(id, i);
	flag(id, 2, 2, HF_FLAG_DELETED | HF_FLAG_FLAGGED, "word");
	expunge(id, 1, 1);
	had = user();
	fixture_info(store, id, &before);
	ck_assert_int_eq(delete_mailbox("work/old"), HF_OK);
	ck_assert_uint_eq(user().used_count, 0);
	ck_assert_uint_eq(user().used_mailboxes, had.used_mailboxes - 1);
	ck_assert_uint_eq(deleted(1)->messages, 3);
	ck_assert_uint_eq(deleted(1)->mailbox, id);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	reopen();
	assert_octets(deleted(1)->name, HF_STR("work/old"));
	ck_assert_int_eq(undelete(deleted(1), "work/old", false), HF_OK);
	deleted(0);
	reopen();
	ck_assert_uint_eq(fixture_mailbox(store, anna, "work/old"), id);
	fixture_info(store, id, &after);
	ck_assert_uint_eq(after.uidvalidity, before.uidvalidity);
	ck_assert_uint_eq(after.uidnext.n, before.uidnext.n);
	ck_assert_uint_eq(after.highestmodseq.n, before.highestmodseq.n);
	ck_assert_uint_eq(after.messages, 3);
	ck_assert(fixture_record(store, id, 2, &record));
	ck_assert_uint_eq(record.flags, HF_FLAG_SEEN | HF_FLAG_DELETED | HF_FLAG_FLAGGED);
	ck_assert_uint_eq(kept_count(id), 1);
	ck_assert_uint_eq(user().used_size, had.used_size);
	ck_assert_uint_eq(user().used_count, had.used_count);
	ck_assert_uint_eq(user().used_mailboxes, had.used_mailboxes);
	ck_assert_int_eq(restore(id, 1, 1, id, false, NULL), HF_OK);
}
END_TEST

START_TEST(uidvalidity_never_goes_down)
{
	uint64_t first = fixture_mailbox(store, anna, "x"), second;
	struct hf_mailbox_info info;
	struct hf_deleted *list;
	uint32_t uidvalidity;

	append(first, 1);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	second = fixture_mailbox(store, anna, "x");
	fixture_info(store, second, &info);
	uidvalidity = info.uidvalidity;
	ck_assert(deleted(1)->name_used);
	ck_assert_int_eq(undelete(deleted(1), "x", false), HF_EEXISTS);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	list = deleted(2);
	ck_assert_uint_eq(list[0].mailbox, second); /* the latest first */
	ck_assert(!list[0].name_used);
	ck_assert(list[1].name_used);
	ck_assert_int_eq(undelete(&list[1], "x", false), HF_OK);
	fixture_info(store, first, &info);
	ck_assert_uint_gt(info.uidvalidity, uidvalidity);
	uidvalidity = info.uidvalidity;
	ck_assert(deleted(1)->name_used); /* by its coming back */
	ck_assert_int_eq(undelete(&list[0], "y/z", false), HF_OK);
	fixture_info(store, second, &info);
	ck_assert_uint_gt(info.uidvalidity, uidvalidity);
	ck_assert_uint_eq(fixture_mailbox(store, anna, "y/z"), second);
	ck_assert_int_eq(undelete(&list[0], "q", false), HF_ENONEXISTENT);
	/* one that is renamed to the name uses it too */
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("y/z"), HF_STR("x"))), HF_OK);
	ck_assert(deleted(1)->name_used);
}
END_TEST

START_TEST(under_another_name_it_has_no_special_use)
{
	struct hf_mailbox_info info;
	uint64_t id;

	ck_assert_int_eq(run(hf_op_mailbox_create(store, anna, HF_STR("Trash"), HF_USE_TRASH)), HF_OK);
	id = fixture_mailbox(store, anna, "Trash");
	ck_assert_int_eq(delete_mailbox("Trash"), HF_OK);
	ck_assert_int_eq(undelete(deleted(1), "Trash", false), HF_OK);
	fixture_info(store, id, &info);
	ck_assert_uint_eq(info.special_use, HF_USE_TRASH);
	ck_assert_int_eq(delete_mailbox("Trash"), HF_OK);
	ck_assert_int_eq(undelete(deleted(1), "Old trash", false), HF_OK);
	fixture_info(store, id, &info);
	ck_assert_uint_eq(info.special_use, 0);
}
END_TEST

START_TEST(a_mailbox_counts_for_the_quota_again)
{
	uint64_t id = fixture_mailbox(store, anna, "x");

	append(id, 1);
	append(id, 2);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	append(inbox, 3);
	quota(0, 2, 0);
	ck_assert_int_eq(undelete(deleted(1), "x", false), HF_EOVERQUOTA);
	quota(0, 0, 1);
	ck_assert_int_eq(undelete(deleted(1), "x", false), HF_EOVERQUOTA);
	ck_assert_int_eq(undelete(deleted(1), "a/b/x", true), HF_OK);
	ck_assert_uint_eq(user().used_mailboxes, 4);
	ck_assert_uint_eq(user().limit_mailboxes, 1);
	ck_assert_uint_eq(user().used_count, 3);
}
END_TEST

START_TEST(a_session_that_had_it_open_is_done_with_it)
{
	uint64_t id = fixture_mailbox(store, anna, "x");
	struct hf_view *view = NULL, *again = NULL;
	struct hf_sync told;

	append(id, 1);
	view = fixture_view(store, id, anna, false, &news);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	ck_assert_int_eq(undelete(deleted(1), "x", false), HF_OK);
	again = fixture_view(store, id, anna, false, &news);
	append(id, 2);
	hf_view_sync(view, false, arena, &told);
	ck_assert(told.deleted);
	hf_view_sync(again, false, arena, &told);
	ck_assert(!told.deleted);
	ck_assert_uint_eq(told.exists, 2);
	hf_view_close(&view);
	hf_view_close(&again);
}
END_TEST

/* The end of the time ---------------------------------------------------------------------------------------------- */

START_TEST(after_its_time_a_mailbox_is_freed_in_pieces)
{
	uint64_t id = fixture_mailbox(store, anna, "x");
	struct hf_deleted *list;

	fill(id, 1500);
	append(id, 2);
	expunge(id, 1, 3);
	settings.kept_s = 1;
	reopen();
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	list = deleted(1);
	/* the three expunged earlier are kept for longer, and the mailbox's row with them */
	for (unsigned i = 0; i < 200 && fixture_has_rows(store, "X"); i++)
		pause_ms(50);
	ck_assert(!fixture_has_rows(store, "X"));
	ck_assert_int_eq(undelete(list, "x", false), HF_ENONEXISTENT);
	deleted(0);
	ck_assert_uint_eq(kept_count(id), 3);
}
END_TEST

static uint64_t body_size(void)
{
	char path[512];
	struct stat info;

	snprintf(path, sizeof(path), "%s/body.0000", directory);
	ck_assert_int_eq(hf_store_checkpoint(store), HF_OK);
	ck_assert_int_eq(stat(path, &info), 0);
	return (uint64_t)info.st_size;
}

START_TEST(what_was_freed_is_used_again_on_disk)
{
	enum { MANY = 200, SIZE = 20000 };
	uint64_t first = 0, size = 0;

	settings.kept_s = 1;
	reopen();
	for (unsigned round = 0; round < 4; round++) {
		uint64_t id = round % 2 ? inbox : fixture_mailbox(store, anna, "x");

		for (unsigned i = 0; i < MANY; i++) {
			char *message = fixture_message(round * MANY + i, SIZE);

			for (char *c = message + strlen(message) - SIZE; *c; c++) /* that does not compress */
				if (*c > ' ')
					*c = (char)('!' + rand() % 90);
			fixture_append(store, id, message, 0);
			free(message);
		}
		if (round % 2)
			expunge(id, 1, UINT32_MAX);
		else
			ck_assert_int_eq(delete_mailbox("x"), HF_OK);
		ck_assert(fixture_collected(store, "JKGX"));
		size = body_size();
		if (!round)
			first = size;
	}
	ck_assert_uint_gt(first, MANY * SIZE / 2);
	ck_assert_msg(size < first + first / 2, "%llu octets, after the first round %llu", (unsigned long long)size,
		      (unsigned long long)first);
}
END_TEST

START_TEST(with_nothing_kept_nothing_comes_back)
{
	uint64_t id, count;

	settings.kept_s = 0;
	reopen();
	id = fixture_mailbox(store, anna, "x");
	append(id, 1);
	append(inbox, 1);
	expunge(inbox, 1, 1);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	deleted(0);
	ck_assert(fixture_collected(store, "KG"));
	ck_assert_int_eq(restore(inbox, 1, 1, inbox, false, &count), HF_OK);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_deleted_user_takes_all_of_it_along)
{
	uint64_t id = fixture_mailbox(store, anna, "x");

	append(id, 1);
	append(id, 2);
	append(inbox, 3);
	expunge(id, 1, 1);
	expunge(inbox, 1, 1);
	ck_assert_int_eq(delete_mailbox("x"), HF_OK);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("anna"))), HF_OK);
	ck_assert(fixture_collected(store, "JGX"));
	for (unsigned i = 0; i < 200 && fixture_has_rows(store, "M"); i++)
		pause_ms(50);
	ck_assert_uint_eq(kept_count(id) + kept_count(inbox), 0);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, an_expunged_message_comes_back_as_a_new_one);
	tcase_add_test(tc, they_come_back_into_another_mailbox_of_the_same_owner);
	tcase_add_test(tc, quota_refuses_all_of_them_unless_forced);
	tcase_add_test(tc, a_session_is_told_at_once);
	tcase_add_test(tc, very_many_come_back_and_a_crash_between_loses_none);
	tcase_add_test(tc, a_deleted_mailbox_comes_back_as_it_was);
	tcase_add_test(tc, uidvalidity_never_goes_down);
	tcase_add_test(tc, under_another_name_it_has_no_special_use);
	tcase_add_test(tc, a_mailbox_counts_for_the_quota_again);
	tcase_add_test(tc, a_session_that_had_it_open_is_done_with_it);
	tcase_add_test(tc, after_its_time_a_mailbox_is_freed_in_pieces);
	tcase_add_test(tc, what_was_freed_is_used_again_on_disk);
	tcase_add_test(tc, with_nothing_kept_nothing_comes_back);
	tcase_add_test(tc, a_deleted_user_takes_all_of_it_along);
}

int main(void)
{
	return run_tests("kept", add);
}
