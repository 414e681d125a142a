/* SPDX-License-Identifier: BSD-2-Clause */
/* The collectors beside views, without retention: what a view shows can be read until it has
 * synced, and what it pins keeps nothing else back. */
#include <stdlib.h>
#include <time.h>

#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

static char *directory;
static struct hf_store *store;
static uint64_t anna, inbox, other;
static struct sleeper news;

static void setup(void)
{
	struct hf_store_settings settings;

	directory = fixture_directory("collector");
	fixture_settings(&settings, directory);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna@example.org");
	inbox = fixture_mailbox(store, anna, "INBOX");
	other = fixture_mailbox(store, anna, "other");
	sleeper_init(&news);
}

static void teardown(void)
{
	hf_store_close(&store);
	fixture_remove(&directory);
	sleeper_fini(&news);
}

static struct hf_view *open_view(uint64_t mailbox)
{
	return fixture_view(store, mailbox, 0, false, &news);
}

static void run(struct hf_op *op)
{
	must(hf_store_run(store, op) == HF_OK);
	hf_op_free(&op);
}

static void append(uint64_t mailbox, unsigned number)
{
	char *message = fixture_message(number, 100);

	fixture_append(store, mailbox, message, 0);
	free(message);
}

static bool is_readable(uint64_t email)
{
	struct hf_buf octets = HF_BUF_INIT;
	bool readable = fixture_read(store, anna, email, &octets) == HF_OK;

	hf_buf_fini(&octets);
	return readable;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static bool becomes_unreadable(uint64_t email)
{
	for (int i = 0; i < 200 && is_readable(email); i++)
		pause_ms(50);
	return !is_readable(email);
}

START_TEST(a_deleted_mailbox_can_be_read_until_its_view_has_synced)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_view *first, *second;
	struct hf_record record;
	struct hf_sync told;

	append(other, 1);
	first = open_view(other);
	second = open_view(other);
	ck_assert(hf_view_record(first, HF_SEQ(1), &record));
	run(hf_op_mailbox_delete(store, anna, HF_STR("other")));
	pause_ms(1000); /* it is due at once: time for the collector to do wrong */
	ck_assert(is_readable(record.email));
	hf_view_sync(first, true, arena, &told);
	ck_assert(told.deleted);
	hf_view_sync(first, true, arena, &told);
	pause_ms(500);
	ck_assert(is_readable(record.email));
	if (_i)
		hf_view_sync(second, false, arena, &told);
	else
		hf_view_close(&second);
	ck_assert(becomes_unreadable(record.email));
	hf_view_close(&first);
	hf_view_close(&second);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(many_that_are_pinned_do_not_keep_others_back)
{
	enum { MANY = 21000, PIECE = 7000 };
	struct hf_set all = HF_SET_INIT, one = HF_SET_INIT;
	struct hf_arena *arena = hf_arena_new();
	struct hf_view *view, *source;
	struct hf_record record;
	struct hf_sync told;

	append(inbox, 1);
	hf_set_add_range(&all, 1, UINT32_MAX);
	for (;;) {
		uint32_t count;

		source = open_view(inbox);
		count = hf_view_count(source);
		hf_set_clear(&one);
		hf_set_add_range(&one, 1, count < PIECE ? count : PIECE);
		if (count < MANY)
			run(hf_op_copy(source, &one, inbox, false));
		hf_view_close(&source);
		if (count >= MANY)
			break;
	}
	view = open_view(inbox);
	run(hf_op_expunge(view, &all, true));
	append(other, 2);
	source = open_view(other);
	ck_assert(hf_view_record(source, HF_SEQ(1), &record));
	run(hf_op_expunge(source, &all, true));
	hf_view_close(&source);
	ck_assert(becomes_unreadable(record.email));
	ck_assert(hf_view_record(view, HF_SEQ(1), &record));
	ck_assert(is_readable(record.email));
	hf_view_sync(view, false, arena, &told);
	ck_assert(fixture_collected(store, "KG"));
	ck_assert(!is_readable(record.email));
	hf_view_close(&view);
	hf_set_fini(&all);
	hf_set_fini(&one);
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_deleted_mailbox_can_be_read_until_its_view_has_synced, 0, 2);
	tcase_add_test(tc, many_that_are_pinned_do_not_keep_others_back);
}

int main(void)
{
	return run_tests("collector", add);
}
