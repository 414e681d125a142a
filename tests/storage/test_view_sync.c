/* SPDX-License-Identifier: BSD-2-Clause */
/* What a sync tells, and that a client that follows it always ends with what is stored. */
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/storage/must.h"
#include "tests/storage/view_case.h"

static void open_with(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		fake_append(store, box, 0);
	fake_publish_all(store);
	ck_assert_int_eq(open_view(store, box, false, &news, &view), HF_OK);
}

static void sync_now(bool hold)
{
	hf_view_sync(view, hold, arena, &told);
}

/* "-5 -3 =8 +2 ~1 ~4": EXPUNGE 5, EXPUNGE 3, 8 exist, 2 more come, changed 1 and 4. */
#define assert_told(text) assert_told_at((text), __LINE__)
static void assert_told_at(const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;

	for (size_t i = 0; i < told.expunged_count; i++)
		hf_buf_printf(&out, "-%u ", told.expunged[i]);
	hf_buf_printf(&out, "=%u", told.exists_before);
	if (told.exists != told.exists_before)
		hf_buf_printf(&out, " +%u", told.exists - told.exists_before);
	for (size_t i = 0; i < told.changed_count; i++)
		hf_buf_printf(&out, " ~%u", told.changed[i].n);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s",
		      line, (int)out.size, out.data, text);
	hf_buf_fini(&out);
}

static void publish(void)
{
	fake_publish_all(store);
}

START_TEST(nothing_new_tells_nothing)
{
	open_with(3);
	ck_assert(!hf_view_has_news(view));
	sync_now(false);
	assert_told("=3");
	ck_assert(!told.deleted && !told.recent_changed && !told.keywords_changed);
	fake_append(store, box, 0); /* committed only */
	ck_assert(!hf_view_has_news(view));
	sync_now(false);
	assert_told("=3");
}
END_TEST

START_TEST(new_messages_are_told_by_exists_alone)
{
	open_with(3);
	fake_append(store, box, 0);
	fake_flags(store, box, fake_append(store, box, 0), HF_FLAG_SEEN);
	publish();
	ck_assert(hf_view_has_news(view));
	ck_assert_uint_eq(hf_view_count(view), 3);
	sync_now(false);
	assert_told("=3 +2");
	ck_assert(told.recent_changed);
	ck_assert(!hf_view_has_news(view));
	ck_assert_uint_eq(hf_view_modseq(view).n, fake_modseq(store, box));
	ck_assert_uint_eq(hf_view_uidnext(view).n, 6);
}
END_TEST

START_TEST(changed_flags_are_told_once_in_order)
{
	open_with(5);
	fake_flags(store, box, 4, HF_FLAG_SEEN);
	fake_flags(store, box, 2, HF_FLAG_SEEN);
	fake_flags(store, box, 4, 0);
	publish();
	sync_now(false);
	assert_told("=5 ~2 ~4");
	sync_now(false);
	assert_told("=5");
}
END_TEST

START_TEST(expunges_are_numbered_as_of_their_turn)
{
	open_with(8);
	fake_expunge(store, box, 2);
	fake_expunge(store, box, 7);
	fake_expunge(store, box, 3);
	fake_flags(store, box, 8, HF_FLAG_SEEN);
	fake_flags(store, box, 1, HF_FLAG_SEEN);
	fake_append(store, box, 0);
	publish();
	sync_now(false);
	assert_told("-7 -3 -2 =5 +1 ~1 ~5");
	ck_assert_uint_eq(told.vanished.count, 2);
	ck_assert(hf_set_has(&told.vanished, 2) && hf_set_has(&told.vanished, 3) &&
		  hf_set_has(&told.vanished, 7));
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(5)).n, 8);
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(6)).n, 9);
}
END_TEST

START_TEST(a_message_that_came_and_went_is_not_told)
{
	open_with(2);
	fake_expunge(store, box, fake_append(store, box, 0));
	publish();
	sync_now(false);
	assert_told("=2");
	ck_assert(!hf_email_is_pinned(store, USER, 1000003));
}
END_TEST

START_TEST(held_expunges_stay_readable_until_told)
{
	struct hf_record record;

	open_with(4);
	fake_expunge(store, box, 2);
	fake_flags(store, box, 3, HF_FLAG_SEEN);
	fake_append(store, box, 0);
	publish();
	sync_now(true);
	assert_told("=4 +1 ~3");
	ck_assert(hf_view_has_news(view)); /* the expunge */
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(2)).n, 2);
	ck_assert(hf_view_record(view, HF_SEQ(2), &record));
	ck_assert_uint_eq(record.email, 1000002);
	ck_assert(hf_view_is_gone(view, HF_UID(2)));
	ck_assert(hf_email_is_pinned(store, USER, 1000002));
	fake_expunge(store, box, 5);
	fake_append(store, box, 0);
	publish();
	sync_now(true);
	assert_told("=5 +1");
	sync_now(false);
	assert_told("-5 -2 =4");
	ck_assert(!hf_view_has_news(view));
	ck_assert(!hf_email_is_pinned(store, USER, 1000002));
	ck_assert(!hf_email_is_pinned(store, USER, 1000005));
	ck_assert_uint_eq(hf_view_uid(view, HF_SEQ(4)).n, 6);
}
END_TEST

START_TEST(gone_messages_are_pinned_until_the_last_view_has_synced)
{
	struct hf_view *second, *late;
	struct counter other;

	counter_init(&other);
	open_with(3);
	ck_assert_int_eq(open_view(store, box, false, &other, &second), HF_OK);
	fake_expunge(store, box, 1);
	publish();
	ck_assert_int_eq(open_view(store, box, false, &other, &late), HF_OK);
	fake_expunge(store, box, 2);
	publish();
	sync_now(false);
	ck_assert(hf_email_is_pinned(store, USER, 1000001));
	hf_view_sync(second, false, arena, &told);
	assert_told("-2 -1 =1");
	ck_assert(!hf_email_is_pinned(store, USER, 1000001));
	ck_assert(hf_email_is_pinned(store, USER, 1000002));
	hf_view_sync(late, false, arena, &told);
	assert_told("-1 =1");
	ck_assert(!hf_email_is_pinned(store, USER, 1000002));
	hf_view_close(&second);
	hf_view_close(&late);
	counter_fini(&other);
}
END_TEST

START_TEST(a_waiter_is_woken_once_until_it_syncs)
{
	open_with(1);
	fake_append(store, box, 0);
	publish();
	fake_append(store, box, 0);
	publish();
	ck_assert_uint_eq(news.woken, 1);
	sync_now(false);
	sync_now(false);
	fake_append(store, box, 0);
	publish();
	ck_assert_uint_eq(news.woken, 2);
	sync_now(true);
	fake_expunge(store, box, 1);
	publish();
	ck_assert_uint_eq(news.woken, 3);
	sync_now(true);
	fake_flags(store, box, 2, 1);
	publish();
	ck_assert_uint_eq(news.woken, 4);
}
END_TEST

START_TEST(a_deleted_mailbox_tells_that_alone)
{
	struct hf_record record;

	open_with(3);
	fake_mailbox_delete(store, box);
	publish();
	ck_assert_uint_eq(news.woken, 1);
	ck_assert(hf_view_record(view, HF_SEQ(2), &record)); /* still readable */
	sync_now(false);
	ck_assert(told.deleted);
	ck_assert_uint_eq(told.exists, 0);
	sync_now(false);
	ck_assert(told.deleted);
}
END_TEST

START_TEST(a_view_that_never_syncs_is_given_up)
{
	struct hf_view *good;
	struct counter other;
	struct hf_record record;

	counter_init(&other);
	hf_store_registry(store)->ghosts_max = 10;
	open_with(5);
	ck_assert_int_eq(open_view(store, box, false, &other, &good), HF_OK);
	for (uint32_t i = 0; i < 15; i++) { /* as many as it shows, and 10 */
		fake_expunge(store, box, fake_append(store, box, 0));
		publish();
		hf_view_sync(good, false, arena, &told);
		ck_assert(!told.deleted);
	}
	fake_expunge(store, box, 3);
	ck_assert(!hf_email_is_pinned(store, USER, 1000003));
	ck_assert_uint_eq(hf_view_records(view, HF_SEQ(1), 1, &record), 1);
	publish();
	ck_assert(hf_email_is_pinned(store, USER, 1000003)); /* by the good one */
	hf_view_sync(good, false, arena, &told);
	assert_told("-3 =4");
	ck_assert(!hf_email_is_pinned(store, USER, 1000003));
	ck_assert(hf_view_record(view, HF_SEQ(3), &record)); /* what can be said of it */
	ck_assert_uint_eq(record.uid.n, 3);
	ck_assert_uint_eq(record.email, 0);
	ck_assert(hf_view_has_news(view));
	sync_now(false);
	ck_assert(told.deleted);
	hf_view_close(&view);
	hf_view_close(&good);
	counter_fini(&other);
	ck_assert_int_eq(open_view(store, box, false, &news, &view), HF_OK);
	ck_assert_uint_eq(hf_view_count(view), 4);
}
END_TEST

START_TEST(views_in_step_share_their_list)
{
	struct hf_view *views[10];
	struct counter other;

	counter_init(&other);
	fake_fill(store, box, 10000);
	open_with(0);
	for (size_t i = 0; i < HF_COUNT(views); i++) {
		ck_assert_int_eq(open_view(store, box, true, &other, &views[i]), HF_OK);
		ck_assert_ptr_eq(views[i]->list, view->list);
	}
	fake_append(store, box, 0);
	fake_expunge(store, box, 5000);
	publish();
	for (size_t i = 0; i < HF_COUNT(views); i++) {
		hf_view_sync(views[i], false, arena, &told);
		ck_assert_ptr_eq(views[i]->list, views[0]->list);
		ck_assert_uint_ge(hf_uidlist_shared(views[i]->list, view->list),
				  hf_uidlist_chunks(view->list) - 2);
	}
	for (size_t i = 0; i < HF_COUNT(views); i++)
		hf_view_close(&views[i]);
	counter_fini(&other);
}
END_TEST

/* A client: believes only what syncs tell, by the protocol's rules
 * ------------------------------------------------------- */

enum { BOX_MAX = 4000 };

struct client {
	struct hf_view *view;
	struct counter news;
	struct hf_arena *arena;
	uint32_t uids[BOX_MAX];
	unsigned flags[BOX_MAX];
	uint32_t count;
	bool examine;
	uint64_t seed;
};

/* Who was told that a message is \Recent: at most one of those that select. */
static _Atomic unsigned recent_told[200000];

static void client_fetch(struct client *c, uint32_t seq, bool fresh)
{
	struct hf_record record;

	must(hf_view_record(c->view, HF_SEQ(seq), &record));
	must(record.uid.n == hf_view_uid(c->view, HF_SEQ(seq)).n);
	must(record.email == 1000000u + record.uid.n);
	c->uids[seq - 1] = record.uid.n;
	c->flags[seq - 1] = record.flags;
	if (fresh && !c->examine && hf_view_is_recent(c->view, record.uid))
		must(atomic_fetch_add(&recent_told[record.uid.n], 1) == 0);
}

/* What it is told before all has been read holds until it syncs. */
static void client_open_early(struct client *c)
{
	enum hf_status status;
	uint32_t count;

	c->view = NULL;
	do {
		status = hf_view_open_early(store, box, 0, c->examine, &c->news.waiter, &c->view);
	} while (status == HF_MORE || (status == HF_WAIT && counter_sleep(&c->news)));
	must(status == HF_OK);
	if (!hf_view_is_early(c->view))
		return;
	count = hf_view_count(c->view);
	do {
		status = hf_view_finish(c->view);
	} while (status == HF_MORE || (status == HF_WAIT && counter_sleep(&c->news)));
	must(status == HF_OK && hf_view_count(c->view) == count);
}

static void client_open(struct client *c)
{
	if (random_next(&c->seed) % 2)
		client_open_early(c);
	else
		must(open_view(store, box, c->examine, &c->news, &c->view) == HF_OK);
	c->count = hf_view_count(c->view);
	for (uint32_t seq = 1; seq <= c->count; seq++)
		client_fetch(c, seq, true);
}

static void client_follow(struct client *c, const struct hf_sync *s)
{
	struct hf_set vanished = HF_SET_INIT;

	must(!s->deleted);
	for (size_t i = 0; i < s->expunged_count; i++) {
		uint32_t seq = s->expunged[i];

		must(seq >= 1 && seq <= c->count);
		hf_set_add(&vanished, c->uids[seq - 1]);
		memmove(c->uids + seq - 1, c->uids + seq, (c->count - seq) * sizeof(c->uids[0]));
		memmove(c->flags + seq - 1, c->flags + seq, (c->count - seq) * sizeof(c->flags[0]));
		c->count--;
	}
	must(vanished.count == s->vanished.count);
	must(vanished.count == 0 || memcmp(vanished.ranges, s->vanished.ranges,
					   vanished.count * sizeof(*vanished.ranges)) == 0);
	hf_set_fini(&vanished);
	must(c->count == s->exists_before);
	must(s->exists >= c->count && s->exists <= BOX_MAX && s->exists == hf_view_count(c->view));
	for (size_t i = 0; i < s->changed_count; i++) {
		must(s->changed[i].n <= c->count);
		must(i == 0 || s->changed[i].n > s->changed[i - 1].n);
		client_fetch(c, s->changed[i].n, false);
	}
	while (c->count < s->exists)
		client_fetch(c, ++c->count, true);
}

static void client_sync(struct client *c, bool hold)
{
	struct hf_sync s;

	hf_view_sync(c->view, hold, c->arena, &s);
	must(!hold || s.expunged_count == 0);
	client_follow(c, &s);
	hf_arena_reset(c->arena);
}

/* Whatever others do meanwhile, numbers hold still and everything shown is readable. */
static void client_browse(struct client *c)
{
	struct hf_record records[100];
	uint32_t first = 1 + (uint32_t)(random_next(&c->seed) % (c->count + 1));
	uint32_t n = hf_view_records(c->view, HF_SEQ(first), 100, records);

	must(n == (c->count - first + 1 < 100 ? c->count - first + 1 : 100));
	for (uint32_t i = 0; i < n; i++) {
		must(records[i].uid.n == c->uids[first - 1 + i]);
		must(records[i].email == 1000000u + records[i].uid.n);
		must(hf_view_seq(c->view, records[i].uid).n == first + i);
		if (i % 10 == 0 && hf_view_is_gone(c->view, records[i].uid))
			must(hf_email_is_pinned(store, USER, records[i].email));
	}
}

static void client_close(struct client *c)
{
	hf_view_close(&c->view);
	c->count = 0;
}

/* All is published and synced: the client knows what is stored. */
static void client_check(struct client *c)
{
	struct hf_record record;

	must(!hf_view_has_news(c->view));
	must(c->count == fake_count(store, box));
	must(hf_view_modseq(c->view).n == fake_modseq(store, box));
	for (uint32_t i = 0; i < c->count; i++) {
		must(fake_record(store, box, c->uids[i], &record));
		must(record.flags == c->flags[i]);
		must(i == 0 || c->uids[i] > c->uids[i - 1]);
	}
}

static struct client *client_new(uint64_t seed, bool examine)
{
	struct client *c = hf_alloc_zero(sizeof(*c));

	counter_init(&c->news);
	c->arena = hf_arena_new();
	c->examine = examine;
	c->seed = seed;
	return c;
}

static void client_free(struct client *c)
{
	hf_view_close(&c->view);
	counter_fini(&c->news);
	hf_arena_free(&c->arena);
	hf_free(c);
}

/* One batch of changes, perhaps several of one message. */
static void change_something(uint64_t *seed)
{
	unsigned n = 1 + (unsigned)(random_next(seed) % 12);

	fake_begin(store, box);
	while (n--) {
		uint32_t uidnext = fake_uidnext(store, box), spread = 1500;
		uint32_t uid =
			uidnext - 1 -
			(uint32_t)(random_next(seed) % (uidnext < spread ? uidnext : spread));

		switch (random_next(seed) % 6) {
		case 0:
		case 1:
			if (fake_count(store, box) < BOX_MAX - 500)
				fake_append(store, box, (unsigned)(random_next(seed) % 32));
			break;
		case 2:
			fake_expunge(store, box, uid);
			break;
		default:
			fake_flags(store, box, uid, (unsigned)(random_next(seed) % 32));
		}
	}
	fake_end(store);
}

START_TEST(clients_that_follow_end_with_what_is_stored)
{
	uint64_t seed = 1000 + (uint64_t)_i;
	struct client *clients[6];

	memset(recent_told, 0, sizeof(recent_told));
	hf_store_registry(store)->log_max = _i % 2 ? 50 : 65536;
	hf_store_registry(store)->load_slice = 100;
	fake_fill(store, box, 1200);
	for (size_t i = 0; i < HF_COUNT(clients); i++)
		clients[i] = client_new(seed + i, i == 5);
	for (int step = 0; step < 4000; step++) {
		struct client *c = clients[random_next(&seed) % HF_COUNT(clients)];

		switch (random_next(&seed) % 8) {
		case 0:
		case 1:
		case 2:
			change_something(&seed);
			break;
		case 3:
			fake_publish(store, random_next(&seed) % 4);
			break;
		case 4:
			fake_publish_all(store);
			break;
		case 5:
			if (c->view)
				client_browse(c);
			break;
		default:
			if (!c->view) {
				fake_publish_all(store); /* nobody else would */
				client_open(c);
			} else if (random_next(&seed) % 30 == 0) {
				client_close(c);
			} else {
				client_sync(c, random_next(&seed) % 2);
			}
		}
		if (step % 500 == 499) {
			fake_publish_all(store);
			for (size_t i = 0; i < HF_COUNT(clients); i++) {
				if (!clients[i]->view)
					client_open(clients[i]);
				client_sync(clients[i], false);
				client_check(clients[i]);
			}
		}
	}
	for (size_t i = 0; i < HF_COUNT(clients); i++)
		client_free(clients[i]);
}
END_TEST

/* The same with a thread for each client and one that publishes. The publisher stops now and then
 * until each client, sleeping until it is woken, has caught up: a lost wake-up would be met there.
 */
enum { CLIENTS = 4, STOPS = 25, BATCHES = 120 };

static _Atomic uint64_t asked, reached[CLIENTS];
static _Atomic bool stop;

static void *run_client(void *arg)
{
	struct client *c = arg;
	size_t me = (size_t)(c->seed - 1);

	client_open(c);
	while (!stop) {
		if (hf_view_has_news(c->view)) {
			client_sync(c, random_next(&c->seed) % 2);
			client_browse(c);
			continue;
		}
		atomic_store(&reached[me], hf_view_modseq(c->view).n);
		if (random_next(&c->seed) % 40 == 0) {
			client_close(c);
			client_open(c);
		} else {
			must(counter_sleep(&c->news));
		}
	}
	return NULL;
}

START_TEST(threads_that_follow_end_with_what_is_stored)
{
	struct client *clients[CLIENTS];
	pthread_t threads[CLIENTS];
	uint64_t seed = 77;

	memset(recent_told, 0, sizeof(recent_told));
	hf_store_registry(store)->log_max = 300;
	hf_store_registry(store)->load_slice = 64;
	hf_store_registry(store)->mailboxes.idle_count_max = 0;
	fake_fill(store, box, 800);
	stop = false;
	asked = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		reached[i] = 0;
		clients[i] = client_new(i + 1, i == CLIENTS - 1);
		pthread_create(&threads[i], NULL, run_client, clients[i]);
	}
	for (int round = 0; round < STOPS; round++) {
		for (int batch = 0; batch < BATCHES; batch++) {
			change_something(&seed);
			if (random_next(&seed) % 3)
				fake_publish(store, 2);
		}
		fake_publish_all(store);
		fake_append(store, box, 0);
		asked = fake_modseq(store, box);
		fake_publish_all(store);
		for (size_t i = 0; i < CLIENTS; i++) {
			for (int ms = 0; reached[i] < asked; ms++) {
				struct timespec pause = { 0, 1000000 };

				must(ms < 20000);
				nanosleep(&pause, NULL);
			}
		}
	}
	stop = true;
	for (size_t i = 0; i < CLIENTS; i++) {
		hf_waiter_wake(&clients[i]->news.waiter);
		pthread_join(threads[i], NULL);
		client_sync(clients[i], false);
		client_check(clients[i]);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		client_free(clients[i]);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, view_begin, view_end);
	tcase_add_test(tc, nothing_new_tells_nothing);
	tcase_add_test(tc, new_messages_are_told_by_exists_alone);
	tcase_add_test(tc, changed_flags_are_told_once_in_order);
	tcase_add_test(tc, expunges_are_numbered_as_of_their_turn);
	tcase_add_test(tc, a_message_that_came_and_went_is_not_told);
	tcase_add_test(tc, held_expunges_stay_readable_until_told);
	tcase_add_test(tc, gone_messages_are_pinned_until_the_last_view_has_synced);
	tcase_add_test(tc, a_waiter_is_woken_once_until_it_syncs);
	tcase_add_test(tc, a_deleted_mailbox_tells_that_alone);
	tcase_add_test(tc, a_view_that_never_syncs_is_given_up);
	tcase_add_test(tc, views_in_step_share_their_list);
	tcase_add_loop_test(tc, clients_that_follow_end_with_what_is_stored, 0, 6);
	tcase_add_test(tc, threads_that_follow_end_with_what_is_stored);
}

int main(void)
{
	return run_tests("view_sync", add);
}
