/* SPDX-License-Identifier: BSD-2-Clause */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "storage/store_priv.h"
#include "tests/support/store_fixture.h"

void fixture_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, cond);
	abort();
}

char *fixture_directory(const char *name)
{
	const char *top = getenv("TMPDIR");
	struct hf_buf path = HF_BUF_INIT;

	hf_buf_printf(&path, "%s/holdfast-%s-XXXXXX", top ? top : "/tmp", name);
	must(mkdtemp(hf_buf_cstr(&path)));
	return path.data;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fixture_remove(char **directory)
{
	if (*directory)
		nftw(*directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	hf_free(*directory);
	*directory = NULL;
}

void fixture_settings(struct hf_store_settings *settings, const char *directory)
{
	hf_store_settings_init(settings);
	settings->directory = directory;
	settings->cache_size = 16u << 20;
	settings->reserve_size = 0;
	settings->ballast_size = 0;
}

struct hf_store *fixture_open(const struct hf_store_settings *settings)
{
	struct hf_note why = HF_NOTE_INIT;
	struct hf_store *store = NULL;
	enum hf_status status = hf_store_open(settings, NULL, &why, &store);

	if (status != HF_OK)
		fprintf(stderr, "open: %s: %s\n", hf_status_text(status), hf_note_text(&why));
	must(status == HF_OK);
	hf_note_fini(&why);
	return store;
}

uint64_t fixture_user(struct hf_store *store, const char *name)
{
	struct hf_op *op = hf_op_user_create(store, hf_str(name), NULL, 0);
	uint64_t id;

	must(hf_store_run(store, op) == HF_OK);
	id = hf_op_user(op);
	hf_op_free(&op);
	return id;
}

uint64_t fixture_mailbox(struct hf_store *store, uint64_t user, const char *name)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_mailbox_info *list = NULL;
	size_t count = 0;
	uint64_t id = 0;

	must(hf_rows_catalogue(store, user, arena, &list, &count) == HF_OK);
	for (size_t i = 0; i < count; i++)
		if (list[i].id && hf_str_eq(list[i].name, hf_str(name)))
			id = list[i].id;
	hf_arena_free(&arena);
	if (!id) {
		struct hf_op *op = hf_op_mailbox_create(store, user, hf_str(name), 0);

		must(hf_store_run(store, op) == HF_OK);
		id = hf_op_mailbox(op);
		hf_op_free(&op);
	}
	return id;
}

char *fixture_message(unsigned number, size_t size)
{
	struct hf_buf text = HF_BUF_INIT;

	hf_buf_printf(&text,
		      "From: Anna <anna@example.org>\r\nTo: Bert <bert@example.org>\r\nSubject: Number %u\r\n"
		      "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <%u@example.org>\r\n\r\n",
		      number, number);
	for (unsigned line = 0; text.size < size + 150; line++)
		hf_buf_printf(&text, "This is line %u of message %u, and %x is what stands in it.\r\n", line, number,
			      (line * 2654435761u) ^ number);
	hf_buf_cstr(&text);
	return text.data;
}

static void sleeper_wake(struct hf_waiter *waiter)
{
	sem_post(&HF_CONTAINER(waiter, struct sleeper, waiter)->sem);
}

void sleeper_init(struct sleeper *sleeper)
{
	sleeper->waiter.wake = sleeper_wake;
	sem_init(&sleeper->sem, 0, 0);
}

void sleeper_fini(struct sleeper *sleeper)
{
	sem_destroy(&sleeper->sem);
}

void sleeper_wait(struct sleeper *sleeper)
{
	must(sem_wait(&sleeper->sem) == 0);
	while (sem_trywait(&sleeper->sem) == 0)
		continue;
}

struct hf_view *fixture_view(struct hf_store *store, uint64_t mailbox, uint64_t user, bool examine, struct sleeper *news)
{
	struct hf_view *view = NULL;
	enum hf_status status;

	while ((status = hf_view_open(store, mailbox, user, examine, &news->waiter, &view)) != HF_OK) {
		must(status == HF_MORE || status == HF_WAIT);
		if (status == HF_WAIT)
			sleeper_wait(news);
	}
	return view;
}

struct hf_stage *fixture_stage(struct hf_store *store, struct hf_str octets, size_t piece)
{
	struct sleeper sleeper;
	struct hf_stage *stage = NULL;
	enum hf_status status;

	sleeper_init(&sleeper);
	must(hf_stage_new(store, UINT64_C(1) << 40, &sleeper.waiter, &stage) == HF_OK);
	for (size_t at = 0; at < octets.size;) {
		struct hf_str some = hf_str_sub(octets, at, piece ? piece : octets.size);

		status = hf_stage_write(stage, some);
		must(status == HF_OK || status == HF_WAIT);
		if (status == HF_WAIT)
			sleeper_wait(&sleeper);
		at += some.size;
	}
	while ((status = hf_stage_finish(stage)) == HF_WAIT)
		sleeper_wait(&sleeper);
	must(status == HF_OK);
	sleeper_fini(&sleeper);
	return stage;
}

enum hf_status fixture_deliver(struct hf_store *store, uint64_t user, const char *mailbox, const char *message,
			       struct hf_delivered *delivered)
{
	struct hf_stage *stage = fixture_stage(store, hf_str(message), 0);
	struct hf_recipient to = { user, hf_str(mailbox), HF_STR("Return-Path: <x@example.org>\r\n") };
	struct hf_op *op = hf_op_deliver(store, &stage, HF_STR("x@example.org"), &to, 1);
	enum hf_status status = hf_store_run(store, op);

	if (delivered)
		*delivered = *hf_op_delivered(op, 0);
	hf_op_free(&op);
	return status;
}

struct hf_uid fixture_append(struct hf_store *store, uint64_t mailbox, const char *message, uint32_t flags)
{
	struct hf_append item = { .stage = fixture_stage(store, hf_str(message), 0), .flags = flags };
	struct hf_op *op = hf_op_append(store, mailbox, 0, &item, 1, NULL, HF_UID(0));
	struct hf_uid uid = { 0 };

	must(hf_store_run(store, op) == HF_OK);
	uid.n = hf_op_appended(op)->ranges[0].first;
	hf_op_free(&op);
	return uid;
}

struct hf_record *fixture_records(struct hf_store *store, uint64_t mailbox, uint32_t *count)
{
	struct hf_mailbox_info info;
	struct hf_record *records;

	fixture_info(store, mailbox, &info);
	records = malloc((info.messages + 1) * sizeof(*records));
	must(records && hf_rows_index(store, mailbox, HF_UID(1), info.messages + 1, records, count) == HF_OK);
	return records;
}

bool fixture_record(struct hf_store *store, uint64_t mailbox, uint32_t uid, struct hf_record *record)
{
	uint32_t count = 0;

	must(hf_rows_index(store, mailbox, HF_UID(uid), 1, record, &count) == HF_OK);
	return count == 1 && record->uid.n == uid;
}

void fixture_info(struct hf_store *store, uint64_t mailbox, struct hf_mailbox_info *info)
{
	struct hf_arena *arena = hf_arena_new();

	must(hf_rows_mailbox(store, mailbox, arena, info, NULL, NULL) == HF_OK);
	info->name = HF_STR_NULL;
	hf_arena_free(&arena);
}

enum hf_status fixture_read(struct hf_store *store, uint64_t owner, uint64_t id, struct hf_buf *octets)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_content *content = NULL;
	struct hf_email email;
	enum hf_status status = hf_email_get(store, owner, id, arena, &email);

	if (status == HF_OK)
		status = hf_content_open(store, &email, &content);
	if (status == HF_OK) {
		size_t got = 0;

		hf_buf_clear(octets);
		hf_buf_reserve(octets, (size_t)email.size + 1);
		status = hf_content_read(content, 0, octets->data, (size_t)email.size + 1, &got);
		if (status == HF_OK) {
			must(got == email.size);
			hf_buf_added(octets, got);
		}
	}
	hf_content_close(&content);
	hf_arena_free(&arena);
	return status;
}

static void print_finding(void *arg, const char *what)
{
	(void)arg;
	fprintf(stderr, "finding: %s\n", what);
}

uint64_t fixture_verify(struct hf_store *store, struct hf_verify *totals)
{
	struct hf_verify mine;
	bool stop = false;

	if (!totals)
		totals = &mine;
	*totals = (struct hf_verify){ 0 };
	must(hf_store_verify(store, totals, print_finding, NULL, &stop) == HF_OK);
	return totals->damaged;
}

bool fixture_has_rows(struct hf_store *store, const char *types)
{
	bool has = false;

	for (const char *type = types; *type && !has; type++) {
		struct row_key from;
		struct scan scan;
		struct hf_str key, value;

		key_begin(&from, (enum meta_type)*type);
		scan_open(&scan, store->env, TABLE_META, &from, 1, 8192);
		has = scan_next(&scan, &key, &value) != HF_ENONEXISTENT; /* or it had to give way: look again */
		scan_close(&scan);
	}
	return has;
}

bool fixture_collected(struct hf_store *store, const char *types)
{
	for (unsigned tries = 0; tries < 1000; tries++) {
		if (!fixture_has_rows(store, types))
			return true;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	return false;
}
