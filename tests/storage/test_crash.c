/* SPDX-License-Identifier: BSD-2-Clause */
/* Dying at the fault points, damaged content, a full disk. (tests/recovery does the same under load.) */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

static char *directory;
static struct hf_store_settings settings;

static void setup(void)
{
	directory = fixture_directory("crash");
	fixture_settings(&settings, directory);
}

static void teardown(void)
{
	fixture_remove(&directory);
}

static void create(void)
{
	struct hf_store *store = fixture_open(&settings);

	fixture_user(store, "anna");
	hf_store_close(&store);
}

static uint64_t anna_inbox(struct hf_store *store)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_user user;
	uint64_t id;

	must(hf_user_find(store, HF_STR("anna"), arena, &user) == HF_OK);
	id = fixture_mailbox(store, user.id, "INBOX");
	hf_arena_free(&arena);
	return id;
}

/* Does not compress. */
static char *noise_of(size_t size)
{
	char *text = malloc(size + 1);
	uint64_t seed = 5;

	must(text);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 78 == 77 ? '\n' : (char)(1 + (random_next(&seed) >> 33) % 255);
	text[size] = 0;
	return text;
}

/* Two messages by one operation, the content of the first ahead of it. */
static void append_two(struct hf_store *store)
{
	struct hf_append items[2] = { 0 };
	struct hf_op *op;

	for (unsigned i = 0; i < 2; i++) {
		char *message = fixture_message(1 + i, 5000);

		items[i].stage = fixture_stage(store, hf_str(message), 0);
		free(message);
	}
	hf_stage_ahead(items[0].stage);
	op = hf_op_append(store, anna_inbox(store), 0, items, 2, NULL, HF_UID(0));
	must(hf_store_run(store, op) == HF_OK);
	hf_op_free(&op);
}

/* A child that dies at the fault point during one append; how many messages there are then. `size` 0: an append of two. */
static uint32_t messages_after(const char *fault, size_t size)
{
	struct hf_mailbox_info info;
	struct hf_store *store;
	pid_t child = fork();
	int status;

	must(child >= 0);
	if (child == 0) {
		char *message = size > 1 << 20 ? noise_of(size) : fixture_message(1, size);

		store = fixture_open(&settings);
		setenv("HOLDFAST_FAULT", fault, 1);
		fault_setup();
		if (size)
			fixture_append(store, anna_inbox(store), message, 0);
		else
			append_two(store);
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 86, "%s: status %x", fault, status);
	store = fixture_open(&settings);
	fixture_info(store, anna_inbox(store), &info);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	ck_assert(fixture_collected(store, "PG"));
	hf_store_close(&store);
	return info.messages;
}

START_TEST(what_was_flushed_is_there_and_nothing_else)
{
	create();
	ck_assert_uint_eq(messages_after("op.applied", 100), 0);
	ck_assert_uint_eq(messages_after("batch.committed", 100), 0);
	ck_assert_uint_eq(messages_after("batch.flushed", 100), 1);
	ck_assert_uint_eq(messages_after("batch.published", 100), 2);
	ck_assert_uint_eq(messages_after("stage.chunk:2", 8 << 20), 2);
}
END_TEST

START_TEST(content_written_ahead_is_flushed_with_its_message)
{
	create();
	ck_assert_uint_eq(messages_after("stage.chunk", 0), 0);
	ck_assert_uint_eq(messages_after("batch.flushed", 0), 2);
	ck_assert_uint_eq(messages_after("batch.flushed", 0), 4);
}
END_TEST

static void cut_short(bool across)
{
	struct hf_set all = HF_SET_INIT;
	struct hf_mailbox_info info;
	struct hf_store *store;
	uint64_t inbox, other, owner = 1;
	pid_t child;
	int status;

	create();
	if (across) {
		store = fixture_open(&settings);
		owner = fixture_user(store, "bert");
		hf_store_close(&store);
	}
	child = fork();
	must(child >= 0);
	hf_set_add_range(&all, 1, UINT32_MAX);
	if (child == 0) {
		struct hf_set half = HF_SET_INIT;
		struct hf_op *op;

		store = fixture_open(&settings);
		inbox = anna_inbox(store);
		fixture_append(store, inbox, "Subject: x\r\n\r\n", 0);
		for (unsigned have = 1; have < 32768; have *= 2) {
			hf_set_add_range(&half, 1, have < 10000 ? have : 10000);
			op = op_copy_new(inbox, &half, inbox, false);
			must(hf_store_run(store, op) == HF_OK);
			hf_op_free(&op);
		}
		other = fixture_mailbox(store, owner, "Other");
		setenv("HOLDFAST_FAULT", "copy.piece", 1);
		fault_setup();
		op = op_copy_new(inbox, &all, other, false);
		(void)hf_store_run(store, op);
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 86);
	store = fixture_open(&settings);
	other = fixture_mailbox(store, owner, "Other");
	fixture_info(store, other, &info);
	ck_assert_uint_eq(info.messages, 0);
	ck_assert_uint_eq(fixture_append(store, other, "Subject: y\r\n\r\n", 0).n, 1);
	ck_assert(fixture_collected(store, "P"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	hf_store_close(&store);
	hf_set_fini(&all);
}

START_TEST(a_large_copy_that_is_cut_short_leaves_nothing)
{
	cut_short(false);
}
END_TEST

START_TEST(nor_does_one_into_another_account)
{
	cut_short(true);
}
END_TEST

/* Turns bits of the first page of a body file that holds `text` as it is. */
static void damage(const char *text)
{
	char path[512], page[4096];
	bool done = false;
	int fd;

	snprintf(path, sizeof(path), "%s/body.0000", directory);
	fd = open(path, O_RDWR);
	must(fd >= 0);
	for (off_t at = 0; !done && pread(fd, page, sizeof(page), at) == sizeof(page); at += (off_t)sizeof(page)) {
		char *found = memmem(page, sizeof(page), text, strlen(text));

		if (found) {
			*found ^= 1;
			must(pwrite(fd, page, sizeof(page), at) == sizeof(page));
			done = true;
		}
	}
	must(done);
	close(fd);
}

static unsigned findings;
static void count_finding(void *arg, const char *what)
{
	(void)arg;
	findings += strstr(what, "content") != NULL;
}

START_TEST(damaged_content_costs_that_message_only)
{
	struct hf_buf octets = HF_BUF_INIT;
	struct hf_verify totals = { 0 };
	struct hf_record first, second;
	struct hf_store *store;
	uint64_t seed = 9, inbox;
	char noise[3000];
	bool stop = false;

	create();
	store = fixture_open(&settings);
	inbox = anna_inbox(store);
	memcpy(noise, "Subject: n\r\n\r\n", 14);
	for (size_t i = 14; i < sizeof(noise); i++) /* does not compress: stands in the file as it is */
		noise[i] = (char)(1 + (random_next(&seed) >> 33) % 255);
	noise[sizeof(noise) - 1] = 0;
	memcpy(noise + 100, "HERE IT IS", 10);
	fixture_append(store, inbox, "Subject: whole\r\n\r\n", 0);
	fixture_append(store, inbox, noise, 0);
	must(fixture_record(store, inbox, 1, &first) && fixture_record(store, inbox, 2, &second));
	hf_store_close(&store);
	damage("HERE IT IS");
	store = fixture_open(&settings);
	ck_assert_int_eq(fixture_read(store, 1, second.email, &octets), HF_ECORRUPT);
	ck_assert_int_eq(fixture_read(store, 1, first.email, &octets), HF_OK);
	ck_assert_int_eq(hf_store_verify(store, &totals, count_finding, NULL, &stop), HF_OK);
	ck_assert_uint_eq(totals.damaged, 1);
	ck_assert_uint_eq(findings, 1);
	ck_assert_uint_eq(totals.messages, 2);
	fixture_append(store, inbox, "Subject: goes on\r\n\r\n", 0);
	hf_store_close(&store);
	hf_buf_fini(&octets);
}
END_TEST

/* A newer one, and one that is too old. */
START_TEST(another_format_is_refused)
{
	uint32_t format = _i ? STORE_FORMAT_OLDEST - 1 : STORE_FORMAT + 1;
	struct hf_note why = HF_NOTE_INIT;
	struct hf_store *store;
	struct hf_buf row = HF_BUF_INIT;
	struct batch *batch;
	struct row_key key;

	create();
	store = fixture_open(&settings);
	batch = batch_new(store);
	must(batch_begin(batch) == HF_OK);
	hf_buf_add_char(&row, 1);
	hf_buf_add_be32(&row, format);
	key_version(&key, 0);
	must(batch_put(batch, TABLE_META, &key, hf_buf_str(&row)) == HF_OK && batch_commit(batch) == HF_OK);
	batch_free(&batch);
	hf_store_close(&store);
	ck_assert_int_eq(hf_store_open(&settings, NULL, &why, &store), HF_ECANNOT);
	ck_assert_ptr_nonnull(strstr(hf_note_text(&why), _i ? "this release reads formats" : "newer"));
	hf_note_fini(&why);
	hf_buf_fini(&row);
}
END_TEST

START_TEST(below_the_reserve_nothing_is_written_and_all_is_read)
{
	struct hf_stage *stage = NULL;
	struct hf_buf octets = HF_BUF_INIT;
	struct hf_record record;
	struct hf_store *store;
	struct hf_op *op;
	uint64_t inbox;

	create();
	store = fixture_open(&settings);
	fixture_append(store, anna_inbox(store), "Subject: x\r\n\r\n", 0);
	hf_store_close(&store);
	settings.reserve_size = UINT64_C(1) << 60;
	store = fixture_open(&settings);
	inbox = anna_inbox(store);
	ck_assert(hf_store_is_full(store));
	ck_assert_int_eq(hf_stage_new(store, 1000, NULL, &stage), HF_EUNAVAILABLE);
	op = hf_op_mailbox_create(store, 1, HF_STR("x"), 0);
	ck_assert_int_eq(hf_store_run(store, op), HF_EUNAVAILABLE);
	hf_op_free(&op);
	must(fixture_record(store, inbox, 1, &record));
	ck_assert_int_eq(fixture_read(store, 1, record.email, &octets), HF_OK);
	hf_store_close(&store);
	hf_buf_fini(&octets);
}
END_TEST

/* On a file system of 200 MiB, where it can be mounted: mail is refused in time, and goes on when there is room. */
START_TEST(a_full_disk_refuses_and_recovers)
{
	char *store_directory = NULL, ballast[600];
	struct hf_store *store;
	struct hf_stage *stage = NULL;
	struct hf_buf path = HF_BUF_INIT;
	unsigned sent = 0;
	char *message;
	int fd;

	/* In a name space of its own, so that nothing stays mounted. */
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", directory, "tmpfs", 0, "size=200m") != 0)
		return;
	hf_buf_printf(&path, "%s/store", directory);
	store_directory = hf_buf_cstr(&path);
	settings.directory = store_directory;
	settings.reserve_size = 30u << 20;
	settings.ballast_size = 4u << 20;
	settings.checkpoint_size = 4u << 20;
	create();
	snprintf(ballast, sizeof(ballast), "%s/filler", directory);
	fd = open(ballast, O_RDWR | O_CREAT, 0600);
	must(fd >= 0);
	message = fixture_message(1, 700000);
	store = fixture_open(&settings);
	for (unsigned i = 0; i < 40; i++) {
		struct hf_append item = { .flags = 0 };
		struct hf_op *op;

		if (i == 5) { /* something else takes the space, but for 12 MiB */
			struct statvfs fs;

			must(statvfs(directory, &fs) == 0);
			must(posix_fallocate(fd, 0, (off_t)(fs.f_bavail * fs.f_frsize) - (12 << 20)) == 0);
			for (unsigned tries = 0; tries < 200 && !hf_store_is_full(store); tries++)
				nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
		}
		if (hf_stage_new(store, 1 << 20, NULL, &item.stage) != HF_OK)
			continue;
		must(hf_stage_write(item.stage, hf_str(message)) == HF_OK && hf_stage_finish(item.stage) == HF_OK);
		op = hf_op_append(store, anna_inbox(store), 0, &item, 1, NULL, HF_UID(0));
		sent += hf_store_run(store, op) == HF_OK;
		hf_op_free(&op);
	}
	ck_assert_uint_ge(sent, 5);
	ck_assert_uint_lt(sent, 40);
	ck_assert_int_eq(hf_stage_new(store, 1 << 20, NULL, &stage), HF_EUNAVAILABLE);
	must(ftruncate(fd, 0) == 0);
	for (unsigned tries = 0; tries < 200 && hf_store_is_full(store); tries++)
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	fixture_append(store, anna_inbox(store), "Subject: again\r\n\r\n", 0);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	hf_store_close(&store);
	close(fd);
	free(message);
	umount(directory);
	hf_buf_fini(&path);
}
END_TEST

static size_t resident(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss * 1024;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_MAX SIZE_MAX /* they keep what is freed */
#else
#define MEMORY_MAX ((size_t)40 << 20)
#endif

START_TEST(fifty_megabytes_stream_in_bounded_memory)
{
	struct hf_store *store;
	struct hf_append item = { .flags = 0 };
	struct hf_content *content = NULL;
	struct hf_arena *arena = hf_arena_new();
	struct hf_email email;
	struct hf_record record;
	struct hf_str piece;
	struct hf_op *op;
	uint64_t seed = 11, at = 0;
	size_t before;
	static char line[61440];

	create();
	store = fixture_open(&settings);
	before = resident();
	must(hf_stage_new(store, 1u << 30, NULL, &item.stage) == HF_OK);
	must(hf_stage_write(item.stage, HF_STR("Subject: big\r\n\r\n")) == HF_OK);
	for (unsigned i = 0; i < 50 << 20; i += sizeof(line)) {
		enum hf_status status;

		for (size_t j = 0; j < sizeof(line); j++)
			line[j] = j % 78 == 77 ? '\n' : (char)('!' + (random_next(&seed) >> 33) % 90);
		while ((status = hf_stage_write(item.stage, hf_str_n(line, sizeof(line)))) == HF_WAIT) {
			nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
			break; /* it has been taken; the pause is what a source would make */
		}
		must(status == HF_OK || status == HF_WAIT);
	}
	while (hf_stage_finish(item.stage) == HF_WAIT)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	op = hf_op_append(store, anna_inbox(store), 0, &item, 1, NULL, HF_UID(0));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	must(fixture_record(store, anna_inbox(store), 1, &record));
	must(hf_email_get(store, 1, record.email, arena, &email) == HF_OK && hf_content_open(store, &email, &content) == HF_OK);
	for (; hf_content_peek(content, at, &piece) == HF_OK && piece.size; at += piece.size)
		;
	ck_assert_uint_eq(at, record.size);
	ck_assert_uint_lt(resident() - before, MEMORY_MAX);
	hf_content_close(&content);
	hf_arena_free(&arena);
	hf_store_close(&store);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_flushed_is_there_and_nothing_else);
	tcase_add_test(tc, content_written_ahead_is_flushed_with_its_message);
	tcase_add_test(tc, a_large_copy_that_is_cut_short_leaves_nothing);
	tcase_add_test(tc, nor_does_one_into_another_account);
	tcase_add_test(tc, damaged_content_costs_that_message_only);
	tcase_add_loop_test(tc, another_format_is_refused, 0, 2);
	tcase_add_test(tc, below_the_reserve_nothing_is_written_and_all_is_read);
	tcase_add_test(tc, a_full_disk_refuses_and_recovers);
	tcase_add_test(tc, fifty_megabytes_stream_in_bounded_memory);
}

int main(void)
{
	hf_log_setup(HF_LOG_STDERR, HF_LOG_WARNING, false, "test_crash");
	return run_tests("crash", add);
}
