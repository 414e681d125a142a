/* SPDX-License-Identifier: BSD-2-Clause */
/* Views and accounts over the real store: sessions that write and sync at once, each reading its
 * own writes. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

enum { SESSIONS = 4, ROUNDS = 100, SHOWN_MAX = 2000 };

struct session {
	struct hf_view *view;
	struct sleeper news;
	struct hf_arena *arena;
	uint64_t seed;
	uint32_t uids[SHOWN_MAX];
	uint32_t count;
};

static char *directory;
static struct hf_store_settings settings;
static struct hf_store *store;
static uint64_t anna, inbox;

static void setup(void)
{
	directory = fixture_directory("view");
	fixture_settings(&settings, directory);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna@example.org");
	inbox = fixture_mailbox(store, anna, "INBOX");
}

static void teardown(void)
{
	hf_store_close(&store);
	fixture_remove(&directory);
}

static void session_open(struct session *s)
{
	s->view = fixture_view(store, inbox, 0, false, &s->news);
	s->count = hf_view_count(s->view);
	for (uint32_t i = 0; i < s->count; i++)
		s->uids[i] = hf_view_uid(s->view, HF_SEQ(i + 1)).n;
}

static struct session *session_new(uint64_t seed)
{
	struct session *s = hf_alloc_zero(sizeof(*s));

	sleeper_init(&s->news);
	s->arena = hf_arena_new();
	s->seed = seed;
	session_open(s);
	return s;
}

static void session_free(struct session *s)
{
	hf_view_close(&s->view);
	hf_arena_free(&s->arena);
	sleeper_fini(&s->news);
	hf_free(s);
}

static void session_sync(struct session *s, bool hold)
{
	struct hf_sync told;

	hf_view_sync(s->view, hold, s->arena, &told);
	must(!told.deleted);
	for (size_t i = 0; i < told.expunged_count; i++) {
		uint32_t seq = told.expunged[i];

		must(seq >= 1 && seq <= s->count);
		must(hf_set_has(&told.vanished, s->uids[seq - 1]));
		memmove(s->uids + seq - 1, s->uids + seq, (s->count - seq) * sizeof(s->uids[0]));
		s->count--;
	}
	must(s->count == told.exists_before && told.exists <= SHOWN_MAX);
	while (s->count < told.exists) {
		s->uids[s->count] = hf_view_uid(s->view, HF_SEQ(s->count + 1)).n;
		s->count++;
	}
	for (uint32_t i = 0; i < s->count; i++)
		must(hf_view_uid(s->view, HF_SEQ(i + 1)).n == s->uids[i]);
	hf_arena_reset(s->arena);
}

/* All that is shown can be read, gone or not. */
static void session_read(struct session *s)
{
	struct hf_record record;
	struct hf_email email;
	uint32_t seq;

	if (s->count == 0)
		return;
	seq = 1 + (uint32_t)(random_next(&s->seed) % s->count);
	must(hf_view_record(s->view, HF_SEQ(seq), &record));
	must(record.uid.n == s->uids[seq - 1]);
	must(hf_email_get(store, hf_view_owner(s->view), record.email, s->arena, &email) == HF_OK);
	must(email.size == record.size);
}

static void session_append(struct session *s)
{
	char *message = fixture_message((unsigned)(random_next(&s->seed) % 1000), 200);
	struct hf_uid uid = fixture_append(store, inbox, message, 0);

	free(message);
	session_sync(s, random_next(&s->seed) % 2);
	must(hf_view_seq(s->view, uid).n > 0 || hf_view_uidnext(s->view).n > uid.n);
}

static void session_flag(struct session *s)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_REPLACE,
					 .flags = (uint32_t)(random_next(&s->seed) % 32) };
	uint32_t uid = s->uids[random_next(&s->seed) % s->count];
	struct hf_set uids = HF_SET_INIT;
	struct hf_record record;
	struct hf_op *op;

	hf_set_add(&uids, uid);
	op = hf_op_store(s->view, &uids, &change);
	must(hf_store_run(store, op) == HF_OK);
	session_sync(s, true);
	must(hf_view_record(s->view, hf_view_seq(s->view, HF_UID(uid)), &record));
	if (hf_set_has(hf_op_applied(op), uid) && hf_op_made_modseq(op, record.modseq))
		must(record.flags == change.flags);
	hf_op_free(&op);
	hf_set_fini(&uids);
}

static void session_expunge(struct session *s)
{
	uint32_t uid = s->uids[random_next(&s->seed) % s->count];
	struct hf_set uids = HF_SET_INIT;
	struct hf_op *op;

	hf_set_add(&uids, uid);
	op = hf_op_expunge(s->view, &uids, true);
	must(hf_store_run(store, op) == HF_OK);
	must(hf_view_is_gone(s->view, HF_UID(uid))); /* published before it was answered */
	session_sync(s, false);
	must(hf_view_seq(s->view, HF_UID(uid)).n == 0);
	hf_op_free(&op);
	hf_set_fini(&uids);
}

static void *run_session(void *arg)
{
	struct session *s = arg;

	for (int round = 0; round < ROUNDS; round++) {
		switch (s->count ? random_next(&s->seed) % 6 : 0) {
		case 0:
		case 1:
			session_append(s);
			break;
		case 2:
			session_flag(s);
			break;
		case 3:
			session_expunge(s);
			break;
		case 4:
			session_read(s);
			if (round % 10 == 0) {
				hf_view_close(&s->view);
				session_open(s);
			}
			break;
		default:
			session_sync(s, random_next(&s->seed) % 2);
			session_read(s);
		}
	}
	return NULL;
}

START_TEST(sessions_write_and_sync_at_once)
{
	struct session *sessions[SESSIONS];
	pthread_t threads[SESSIONS];
	struct hf_record *rows, record;
	struct hf_account *account;
	struct hf_mailbox_info info;
	struct hf_arena *arena = hf_arena_new();
	struct hf_set gone = HF_SET_INIT;
	bool complete;
	uint32_t count;

	ck_assert_int_eq(hf_account_open(store, anna, &account), HF_OK);
	for (size_t i = 0; i < SESSIONS; i++)
		sessions[i] = session_new(i + 1);
	for (size_t i = 0; i < SESSIONS; i++)
		pthread_create(&threads[i], NULL, run_session, sessions[i]);
	for (size_t i = 0; i < SESSIONS; i++)
		pthread_join(threads[i], NULL);
	rows = fixture_records(store, inbox, &count);
	for (size_t i = 0; i < SESSIONS; i++) {
		session_sync(sessions[i], false);
		ck_assert_uint_eq(sessions[i]->count, count);
		for (uint32_t j = 0; j < count; j++) {
			must(hf_view_record(sessions[i]->view, HF_SEQ(j + 1), &record));
			must(memcmp(&record, &rows[j], sizeof(record)) == 0);
		}
	}
	/* What is here and what vanished is all there ever was. */
	ck_assert_int_eq(
		hf_view_vanished_since(sessions[0]->view, HF_MOD(0), NULL, &gone, &complete),
		HF_OK);
	ck_assert(complete);
	ck_assert_uint_eq(hf_set_size(&gone) + count, hf_view_uidnext(sessions[0]->view).n - 1);
	ck_assert_int_eq(hf_account_find(account, HF_STR("inbox"), arena, &info), HF_OK);
	ck_assert_uint_eq(info.messages, count);
	ck_assert_uint_eq(info.uidnext.n, hf_view_uidnext(sessions[0]->view).n);
	ck_assert_uint_eq(info.highestmodseq.n, hf_view_modseq(sessions[0]->view).n);
	ck_assert_uint_eq(info.uidvalidity, hf_view_uidvalidity(sessions[0]->view));
	free(rows);
	hf_set_fini(&gone);
	for (size_t i = 0; i < SESSIONS; i++)
		session_free(sessions[i]);
	hf_account_close(&account);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(recent_is_given_out_once_also_over_a_restart)
{
	struct session *s;

	for (int i = 0; i < 3; i++) {
		char *message = fixture_message((unsigned)i, 100);

		fixture_append(store, inbox, message, 0);
		free(message);
	}
	hf_store_close(&store);
	store = fixture_open(&settings);
	s = session_new(1);
	ck_assert_uint_eq(hf_view_recent_count(s->view), 3);
	session_free(s);
	s = session_new(1);
	ck_assert_uint_eq(hf_view_recent_count(s->view), 0);
	session_free(s);
	hf_store_close(&store);
	store = fixture_open(&settings);
	s = session_new(1);
	ck_assert_uint_eq(hf_view_recent_count(s->view), 0);
	session_free(s);
}
END_TEST

/* "name", "name*" subscribed, "(name)" not there; with special use and count. */
static struct hf_str catalogue(struct hf_arena *arena)
{
	struct hf_buf out = HF_BUF_INIT;
	struct hf_account *account;
	struct hf_mailbox_info *list;
	struct hf_str text;
	size_t count;

	must(hf_account_open(store, anna, &account) == HF_OK);
	hf_account_list(account, arena, &list, &count);
	for (size_t i = 0; i < count; i++)
		hf_buf_printf(&out, list[i].id ? "%s%.*s%s %x/%u" : "%s(%.*s)%s", i ? ", " : "",
			      HF_STR_ARG(list[i].name), list[i].subscribed ? "*" : "",
			      list[i].special_use, list[i].messages);
	hf_account_close(&account);
	text = hf_arena_str(arena, hf_buf_str(&out));
	hf_buf_fini(&out);
	return text;
}

static struct hf_op *step(int number)
{
	switch (number) {
	case 0:
		return hf_op_mailbox_create(store, anna, HF_STR("Work/2024"), 0);
	case 1:
		return hf_op_subscribe(store, anna, HF_STR("Work"), true);
	case 2:
		return hf_op_subscribe(store, anna, HF_STR("Nowhere"), true);
	case 3:
		return hf_op_mailbox_create(store, anna, HF_STR("Sent"), HF_USE_SENT);
	case 4:
		return hf_op_mailbox_rename(store, anna, HF_STR("Work"), HF_STR("Job"));
	case 5:
		return hf_op_subscribe(store, anna, HF_STR("Job/2024"), true);
	case 6:
		return hf_op_mailbox_rename(store, anna, HF_STR("INBOX"), HF_STR("Old"));
	case 7:
		return hf_op_mailbox_delete(store, anna, HF_STR("Job/2024"));
	case 8:
		return hf_op_special_use(store, anna, HF_STR("Old"), HF_USE_ARCHIVE);
	default:
		return hf_op_subscribe(store, anna, HF_STR("Nowhere"), false);
	}
}

/* The catalogue kept warm, changed by publications only, against one read anew. */
START_TEST(catalogues_follow_operations_as_a_fresh_read_would)
{
	struct hf_arena *arena = hf_arena_new();
	char *message = fixture_message(1, 100);
	struct hf_str followed = HF_STR_NULL;

	fixture_append(store, inbox, message, 0);
	free(message);
	for (int number = 0; number < 10; number++) {
		struct hf_op *op;

		catalogue(arena);
		op = step(number);
		ck_assert_int_eq(hf_store_run(store, op), HF_OK);
		hf_op_free(&op);
		followed = catalogue(arena);
		hf_store_close(&store);
		store = fixture_open(&settings);
		assert_octets(followed, catalogue(arena));
	}
	assert_octets(followed,
		      HF_STR("INBOX* 0/0, Job 0/0, (Job/2024)*, Old 2/1, Sent 20/0, (Work)*"));
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sessions_write_and_sync_at_once);
	tcase_add_test(tc, recent_is_given_out_once_also_over_a_restart);
	tcase_add_test(tc, catalogues_follow_operations_as_a_fresh_read_would);
}

int main(void)
{
	return run_tests("view_store", add);
}
