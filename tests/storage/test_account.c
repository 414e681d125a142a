/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/fake_rows.h"
#include "tests/storage/must.h"

enum { USER = 9 };

static struct hf_store *store;
static struct hf_arena *arena;
static struct hf_account *account;
static uint64_t inbox;

static void setup(void)
{
	store = fake_store_new();
	arena = hf_arena_new();
	fake_user(store, USER);
	inbox = fake_mailbox(store, USER, "INBOX");
	fake_publish_all(store);
	account = NULL;
}

static void teardown(void)
{
	hf_account_close(&account);
	hf_arena_free(&arena);
	fake_store_free(&store);
}

static void open_account(void)
{
	ck_assert_int_eq(hf_account_open(store, USER, &account), HF_OK);
}

/* "name", "name*" subscribed, "(name*)" subscribed and not there; by commas. */
#define assert_names(text) assert_names_at((text), __LINE__)
static void assert_names_at(const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;
	struct hf_mailbox_info *list;
	size_t count;

	hf_account_list(account, arena, &list, &count);
	for (size_t i = 0; i < count; i++) {
		if (i)
			hf_buf_add_char(&out, ',');
		hf_buf_printf(&out, list[i].id ? "%.*s%s" : "(%.*s%s)", HF_STR_ARG(list[i].name),
			      list[i].subscribed ? "*" : "");
	}
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s",
		      line, (int)out.size, out.data, text);
	hf_buf_fini(&out);
}

START_TEST(a_catalogue_is_in_order_of_name_with_inbox_first)
{
	static const char *const names[] = { "b",       "a b", "a/b",     "a",       "a-b",
					     "INBOX/z", "Z",   "INBOXES", "\xc3\xa4" };

	for (size_t i = 0; i < HF_COUNT(names); i++)
		fake_mailbox(store, USER, names[i]);
	fake_publish_all(store);
	open_account();
	assert_names("INBOX,INBOX/z,INBOXES,Z,a,a/b,a b,a-b,b,\xc3\xa4");
	ck_assert_uint_eq(hf_account_user(account), USER);
}
END_TEST

START_TEST(an_unknown_user_has_no_catalogue)
{
	ck_assert_int_eq(hf_account_open(store, 12345, &account), HF_ENONEXISTENT);
	ck_assert_ptr_null(account);
}
END_TEST

START_TEST(a_failed_read_can_be_tried_again)
{
	fake_fail(store, HF_EIO);
	ck_assert_int_eq(hf_account_open(store, USER, &account), HF_EIO);
	open_account();
	assert_names("INBOX");
}
END_TEST

START_TEST(find_knows_inbox_in_any_case_and_other_names_exactly)
{
	struct hf_mailbox_info info;

	fake_mailbox(store, USER, "INBOX/Sub");
	fake_mailbox(store, USER, "Work");
	fake_subscribe(store, USER, "Work", true);
	fake_subscribe(store, USER, "Old", true);
	fake_publish_all(store);
	open_account();
	ck_assert_int_eq(hf_account_find(account, HF_STR("inBox"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.id, inbox);
	assert_octets(info.name, HF_STR("INBOX"));
	ck_assert(!info.subscribed);
	ck_assert_int_eq(hf_account_find(account, HF_STR("inBox/Sub"), arena, &info), HF_OK);
	ck_assert_int_eq(hf_account_find(account, HF_STR("Work"), arena, &info), HF_OK);
	ck_assert(info.subscribed);
	ck_assert_uint_eq(info.owner, USER);
	ck_assert_int_eq(hf_account_find(account, HF_STR("work"), arena, &info), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_account_find(account, HF_STR("Old"), arena, &info), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_account_find(account, HF_STR(""), arena, &info), HF_ENONEXISTENT);
}
END_TEST

START_TEST(publications_change_the_catalogue)
{
	struct hf_mailbox_info info;
	uint64_t work;

	open_account();
	work = fake_mailbox(store, USER, "Work");
	assert_names("INBOX");
	fake_publish_all(store);
	assert_names("INBOX,Work");
	fake_append(store, work, HF_FLAG_SEEN);
	fake_append(store, work, 0);
	ck_assert_int_eq(hf_account_find(account, HF_STR("Work"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.messages, 0);
	fake_publish_all(store);
	ck_assert_int_eq(hf_account_find(account, HF_STR("Work"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.messages, 2);
	ck_assert_uint_eq(info.uidnext.n, 3);
	ck_assert_uint_eq(info.highestmodseq.n, fake_modseq(store, work));
	fake_mailbox_rename(store, work, "Arbeit");
	fake_mailbox(store, USER, "Work");
	fake_publish_all(store);
	assert_names("INBOX,Arbeit,Work");
	ck_assert_int_eq(hf_account_find(account, HF_STR("Arbeit"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.id, work);
	fake_mailbox_delete(store, work);
	fake_publish_all(store);
	assert_names("INBOX,Work");
}
END_TEST

START_TEST(subscriptions_stay_with_the_name)
{
	uint64_t work = fake_mailbox(store, USER, "Work");

	fake_subscribe(store, USER, "Work", true);
	fake_publish_all(store);
	open_account();
	assert_names("INBOX,Work*");
	fake_mailbox_rename(store, work, "Job");
	fake_publish_all(store);
	assert_names("INBOX,Job,(Work*)");
	fake_subscribe(store, USER, "Job", true);
	fake_mailbox_delete(store, work);
	fake_publish_all(store);
	assert_names("INBOX,(Job*),(Work*)");
	fake_subscribe(store, USER, "Work", false);
	fake_subscribe(store, USER, "Nothing", false);
	fake_publish_all(store);
	assert_names("INBOX,(Job*)");
	fake_mailbox(store, USER, "Job");
	fake_publish_all(store);
	assert_names("INBOX,Job*");
}
END_TEST

START_TEST(names_may_be_exchanged_in_steps)
{
	uint64_t a = fake_mailbox(store, USER, "A"), b = fake_mailbox(store, USER, "B");
	struct hf_mailbox_info info;

	fake_publish_all(store);
	open_account();
	fake_mailbox_rename(store, a, "B"); /* as one batch publishes them, one after another */
	fake_mailbox_rename(store, b, "A");
	fake_publish_all(store);
	assert_names("INBOX,A,B");
	ck_assert_int_eq(hf_account_find(account, HF_STR("A"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.id, b);
}
END_TEST

START_TEST(watchers_are_woken_until_they_unwatch)
{
	struct counter one, two;

	counter_init(&one);
	counter_init(&two);
	open_account();
	hf_account_watch(account, &one.waiter);
	hf_account_watch(account, &two.waiter);
	fake_append(store, inbox, 0);
	fake_publish_all(store);
	ck_assert_uint_eq(one.woken, 1);
	hf_account_unwatch(account, &one.waiter);
	fake_subscribe(store, USER, "x", true);
	fake_publish_all(store);
	ck_assert_uint_eq(one.woken, 1);
	ck_assert_uint_eq(two.woken, 2);
	hf_account_unwatch(account, &two.waiter);
	counter_fini(&one);
	counter_fini(&two);
}
END_TEST

START_TEST(a_user_that_is_gone_leaves_an_empty_catalogue)
{
	struct hf_account *again = NULL;
	struct hf_view *view;
	struct counter news;
	struct hf_sync sync;

	counter_init(&news);
	open_account();
	ck_assert_int_eq(open_view(store, inbox, false, &news, &view), HF_OK);
	fake_user_delete(store, USER);
	fake_publish_all(store);
	assert_names("");
	ck_assert_int_eq(hf_account_open(store, USER, &again), HF_ENONEXISTENT);
	ck_assert_uint_eq(news.woken, 1);
	hf_view_sync(view, false, arena, &sync);
	ck_assert(sync.deleted);
	hf_view_close(&view);
	counter_fini(&news);
}
END_TEST

START_TEST(a_closed_account_is_kept_warm_and_up_to_date)
{
	struct hf_account *again = NULL;

	open_account();
	hf_account_close(&account);
	fake_mailbox(store, USER, "Work");
	fake_publish_all(store);
	fake_fail(store, HF_EIO); /* would be met by any read */
	ck_assert_int_eq(hf_account_open(store, USER, &account), HF_OK);
	ck_assert_int_eq(hf_account_open(store, USER, &again), HF_OK);
	assert_names("INBOX,Work");
	hf_account_close(&again);
}
END_TEST

START_TEST(warm_accounts_are_pushed_out_oldest_first)
{
	struct hf_registry *registry = hf_store_registry(store);
	struct hf_account *other;

	registry->accounts.idle_cost_max = 2;
	for (uint64_t user = 20; user < 23; user++) {
		fake_user(store, user);
		fake_mailbox(store, user, "INBOX");
	}
	fake_publish_all(store);
	for (uint64_t user = 20; user < 23; user++) {
		ck_assert_int_eq(hf_account_open(store, user, &other), HF_OK);
		hf_account_close(&other);
	}
	ck_assert_uint_eq(registry->accounts.count, 2);
	fake_fail(store, HF_EIO);
	ck_assert_int_eq(hf_account_open(store, 21, &other), HF_OK);
	hf_account_close(&other);
	ck_assert_int_eq(hf_account_open(store, 22, &other), HF_OK);
	hf_account_close(&other);
	ck_assert_int_eq(hf_account_open(store, 20, &other), HF_EIO);
}
END_TEST

/* Commits that fall between reading the rows and having them: some published, some not yet. */
static void meanwhile(struct hf_store *s, void *arg)
{
	uint64_t *work = arg;

	fake_hook(s, NULL, NULL);
	fake_mailbox_rename(s, *work, "Job");
	fake_mailbox(s, USER, "New");
	fake_subscribe(s, USER, "Sub", true);
	fake_publish(s, 1);
	fake_subscribe(s, USER, "Gone", true);
	fake_subscribe(s, USER, "Gone", false);
	fake_append(s, *work, 0);
}

static void *publisher(void *arg)
{
	struct timespec pause = { 0, 20000000 };

	(void)arg;
	nanosleep(&pause, NULL);
	fake_publish_all(store);
	return NULL;
}

START_TEST(what_is_published_during_the_load_is_applied_after_it)
{
	uint64_t work = fake_mailbox(store, USER, "Work");
	struct hf_mailbox_info info;
	pthread_t thread;

	fake_hook(store, meanwhile, &work);
	pthread_create(&thread, NULL, publisher, NULL);
	open_account();
	pthread_join(thread, NULL);
	assert_names("INBOX,Job,New,(Sub*)");
	ck_assert_int_eq(hf_account_find(account, HF_STR("Job"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.messages, 1);
}
END_TEST

/* Several open and close one account while it changes; in the end it has it all. */
static _Atomic bool stop;

static void *opener(void *arg)
{
	struct hf_arena *own = hf_arena_new();
	struct counter news;

	(void)arg;
	counter_init(&news);
	while (!stop) {
		struct hf_account *a;
		struct hf_mailbox_info *list;
		size_t count;

		must(hf_account_open(store, USER, &a) == HF_OK);
		hf_account_watch(a, &news.waiter);
		for (int i = 0; i < 3; i++) {
			hf_account_list(a, own, &list, &count);
			must(count >= 1 && hf_str_eq(list[0].name, HF_STR("INBOX")));
			hf_arena_reset(own);
		}
		hf_account_unwatch(a, &news.waiter);
		hf_account_close(&a);
	}
	counter_fini(&news);
	hf_arena_free(&own);
	return NULL;
}

START_TEST(sessions_and_publications_at_once)
{
	struct hf_registry *registry = hf_store_registry(store);
	pthread_t threads[3];
	uint64_t boxes[20];
	uint64_t seed = 5;
	char name[32];

	registry->accounts.idle_count_max = 0; /* so that each last close is followed by a load */
	for (size_t i = 0; i < HF_COUNT(boxes); i++) {
		snprintf(name, sizeof(name), "box %02zu", i);
		boxes[i] = fake_mailbox(store, USER, name);
	}
	fake_publish_all(store);
	stop = false;
	for (size_t i = 0; i < HF_COUNT(threads); i++)
		pthread_create(&threads[i], NULL, opener, NULL);
	for (int i = 0; i < 20000; i++) {
		size_t box = random_next(&seed) % HF_COUNT(boxes);

		if (i % 5 == 0) {
			snprintf(name, sizeof(name), "box %02zu %d", box, i);
			fake_mailbox_rename(store, boxes[box], name);
		} else {
			fake_append(store, boxes[box], 0);
		}
		if (i % 7 == 0)
			fake_publish_all(store);
	}
	fake_publish_all(store);
	stop = true;
	for (size_t i = 0; i < HF_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	open_account();
	for (size_t i = 0; i < HF_COUNT(boxes); i++) {
		struct hf_mailbox_info *list;
		size_t count, found = 0;

		hf_account_list(account, arena, &list, &count);
		for (size_t j = 0; j < count; j++) {
			if (list[j].id == boxes[i]) {
				found++;
				ck_assert_uint_eq(list[j].messages, fake_count(store, boxes[i]));
			}
		}
		ck_assert_uint_eq(found, 1);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_catalogue_is_in_order_of_name_with_inbox_first);
	tcase_add_test(tc, an_unknown_user_has_no_catalogue);
	tcase_add_test(tc, a_failed_read_can_be_tried_again);
	tcase_add_test(tc, find_knows_inbox_in_any_case_and_other_names_exactly);
	tcase_add_test(tc, publications_change_the_catalogue);
	tcase_add_test(tc, subscriptions_stay_with_the_name);
	tcase_add_test(tc, names_may_be_exchanged_in_steps);
	tcase_add_test(tc, watchers_are_woken_until_they_unwatch);
	tcase_add_test(tc, a_user_that_is_gone_leaves_an_empty_catalogue);
	tcase_add_test(tc, a_closed_account_is_kept_warm_and_up_to_date);
	tcase_add_test(tc, warm_accounts_are_pushed_out_oldest_first);
	tcase_add_test(tc, what_is_published_during_the_load_is_applied_after_it);
	tcase_add_test(tc, sessions_and_publications_at_once);
}

int main(void)
{
	return run_tests("account", add);
}
