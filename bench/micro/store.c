/* SPDX-License-Identifier: BSD-2-Clause */
/* The store by itself: taking messages in, the writer's batches, reading records. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/micro/micro.h"
#include "tests/support/store_fixture.h"

#define SIZE 12000
#define MESSAGES 24
#define RECIPIENTS 10
#define RECORDS 16384

static struct hf_store *store;
static char *directory;
static uint64_t users[RECIPIENTS], inbox, big;
static struct hf_buf messages[MESSAGES];
static struct hf_stage *stages[MESSAGES];
static unsigned next_number;
static struct hf_view *view;

static void ignore(struct hf_waiter *waiter)
{
	(void)waiter;
}
static struct hf_waiter news = { ignore };

static void open_view(void)
{
	enum hf_status status;

	while ((status = hf_view_open(store, big, users[0], false, &news, &view)) == HF_MORE)
		continue;
	micro_must(status == HF_OK);
}

static void open_store(void)
{
	struct hf_store_settings settings;
	struct hf_set all = HF_SET_INIT;
	static char name[16];

	directory = fixture_directory("micro");
	fixture_settings(&settings, directory);
	settings.cache_size = 64u << 20;
	store = fixture_open(&settings);
	for (unsigned i = 0; i < RECIPIENTS; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		users[i] = fixture_user(store, name);
	}
	inbox = fixture_mailbox(store, users[0], "INBOX");
	big = fixture_mailbox(store, users[0], "big");
	for (unsigned i = 0; i < 16; i++) {
		char *text = fixture_message(i, 200);

		fixture_append(store, big, text, i % 2 ? HF_FLAG_SEEN : 0);
		free(text);
	}
	open_view();
	for (unsigned n = 16; n < RECORDS; n *= 2) {
		struct hf_op *op;

		hf_set_clear(&all);
		hf_set_add_range(&all, 1, n);
		op = hf_op_copy(view, &all, big, false);
		micro_must(hf_store_run(store, op) == HF_OK);
		hf_op_free(&op);
		hf_view_close(&view);
		open_view();
	}
	hf_set_fini(&all);
	micro_must(hf_view_count(view) == RECORDS);
}

static void close_store(void)
{
	hf_view_close(&view);
	for (unsigned i = 0; i < MESSAGES; i++)
		hf_buf_fini(&messages[i]);
	hf_store_close(&store);
	fixture_remove(&directory);
}

/* Messages that have not been delivered yet. */
static void make_messages(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		hf_buf_clear(&messages[i]);
		hf_buf_printf(&messages[i], "X-Number: %06u\r\n", next_number++);
		micro_message(i, SIZE, &messages[i]);
	}
}

static uint64_t stage(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_stage *one = fixture_stage(store, hf_buf_str(&messages[i]), 16384);

		hf_stage_free(&one);
	}
	return MESSAGES;
}

static void make_stages(void)
{
	make_messages();
	for (unsigned i = 0; i < MESSAGES; i++)
		stages[i] = fixture_stage(store, hf_buf_str(&messages[i]), 16384);
}

static void deliver_to(unsigned recipients)
{
	struct hf_recipient to[RECIPIENTS];

	for (unsigned i = 0; i < recipients; i++)
		to[i] = (struct hf_recipient){ users[i], HF_STR("INBOX"),
					       HF_STR("Return-Path: <x@example.org>\r\nDelivered-To: <user@example.org>\r\n") };
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_op *op = hf_op_deliver(store, &stages[i], HF_STR("x@example.org"), to, recipients);

		micro_must(hf_store_run(store, op) == HF_OK);
		for (unsigned k = 0; k < recipients; k++)
			micro_must(hf_op_delivered(op, k)->status == HF_OK && !hf_op_delivered(op, k)->repeated);
		hf_op_free(&op);
	}
}

static uint64_t deliver(void)
{
	deliver_to(1);
	return MESSAGES;
}

static uint64_t deliver_many(void)
{
	deliver_to(RECIPIENTS);
	return MESSAGES * RECIPIENTS;
}

static uint32_t flags = HF_FLAG_FLAGGED;

static void turn_flags(void)
{
	flags ^= HF_FLAG_FLAGGED ^ HF_FLAG_ANSWERED;
}

static void change_flags(unsigned operations, uint32_t width)
{
	struct hf_set uids = HF_SET_INIT;

	for (unsigned i = 0; i < operations; i++) {
		const struct hf_flag_change change = { .mode = HF_FLAGS_REPLACE, .flags = flags };
		struct hf_op *op;

		hf_set_clear(&uids);
		hf_set_add_range(&uids, 1 + i * width, (i + 1) * width);
		op = hf_op_store(view, &uids, &change);
		micro_must(hf_store_run(store, op) == HF_OK && hf_set_size(hf_op_applied(op)) == width);
		hf_op_free(&op);
	}
	hf_set_fini(&uids);
}

static uint64_t flag_one(void)
{
	change_flags(100, 1);
	return 100;
}

static uint64_t flag_many(void)
{
	change_flags(1, 4096);
	return 4096;
}

static uint64_t scan(void)
{
	struct hf_record records[512];
	uint32_t seen = 0, count;

	for (uint32_t first = 1; first <= RECORDS; first += count) {
		count = hf_view_records(view, (struct hf_seq){ first }, HF_COUNT(records), records);
		micro_must(count);
		for (uint32_t i = 0; i < count; i++)
			seen += records[i].flags & HF_FLAG_SEEN ? 1 : 0;
	}
	micro_must(seen > RECORDS / 4);
	return RECORDS;
}

static uint64_t numbers(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < RECORDS; i += 7)
		sum += hf_view_seq(view, hf_view_uid(view, (struct hf_seq){ i + 1 })).n == i + 1;
	micro_must(sum == (RECORDS + 6) / 7);
	return sum;
}

static void close_for_opening(void)
{
	hf_view_close(&view);
	hf_store_close(&store);
	{
		struct hf_store_settings settings;

		fixture_settings(&settings, directory);
		settings.cache_size = 64u << 20;
		store = fixture_open(&settings);
	}
}

static uint64_t open_cold(void)
{
	open_view();
	micro_must(hf_view_count(view) == RECORDS);
	return RECORDS;
}

static const struct micro_case cases[] = {
	{ "scan-records", "message", NULL, scan },
	{ "numbers", "message", NULL, numbers },
	{ "stage", "message", make_messages, stage },
	{ "deliver", "message", make_stages, deliver },
	{ "deliver-many", "delivery", make_stages, deliver_many },
	{ "write-flag", "operation", turn_flags, flag_one },
	{ "write-flags", "message", turn_flags, flag_many },
	{ "open-cold", "message", close_for_opening, open_cold },
	{ 0 },
};

const struct micro_group micro_store = { "store", open_store, close_store, cases };
