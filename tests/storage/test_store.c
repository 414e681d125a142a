/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening, users, delivering, appending, and reading it all back, also after a restart. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/rows.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, inbox;

static void setup(void)
{
	case_begin("store");
	store = fixture_open(&settings);
	anna = fixture_user(store, "Anna@Example.ORG");
	inbox = fixture_mailbox(store, anna, "INBOX");
}

static void teardown(void)
{
	case_end();
}

START_TEST(a_second_process_is_refused)
{
	struct hf_note why = HF_NOTE_INIT;
	struct hf_store *second = NULL;

	ck_assert_int_eq(hf_store_open(&settings, NULL, &why, &second), HF_EINUSE);
	ck_assert_ptr_nonnull(strstr(hf_note_text(&why), "in use"));
	ck_assert_ptr_null(second);
	hf_note_fini(&why);
}
END_TEST

START_TEST(users_are_found_by_any_spelling)
{
	struct hf_user user;
	uint8_t key[32], again[32];

	ck_assert_int_eq(hf_user_find(store, HF_STR("ANNA@example.org"), arena, &user), HF_OK);
	ck_assert_uint_eq(user.id, anna);
	assert_octets(user.name, HF_STR("anna@example.org"));
	ck_assert_int_eq(hf_user_find(store, HF_STR("bert"), arena, &user), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_user_find(store, HF_STR("a/b"), arena, &user), HF_ENONEXISTENT);
	hf_store_key(store, key);
	reopen();
	hf_store_key(store, again);
	ck_assert_mem_eq(key, again, 32);
	ck_assert_int_eq(hf_user_find(store, HF_STR("anna@example.org"), arena, &user), HF_OK);
	ck_assert_uint_eq(user.id, anna);
}
END_TEST

static bool collect_name(void *arg, const struct hf_user *user)
{
	hf_buf_add_str(arg, user->name);
	hf_buf_add_char(arg, ' ');
	return true;
}

START_TEST(users_are_created_disabled_and_deleted)
{
	struct hf_buf names = HF_BUF_INIT;
	struct hf_user user;
	struct hf_op *op = hf_op_user_create(store, HF_STR("anna@example.org"), NULL, 0);

	ck_assert_int_eq(hf_store_run(store, op), HF_EEXISTS);
	hf_op_free(&op);
	op = hf_op_user_create(store, HF_STR("a/b"), NULL, 0);
	ck_assert_int_eq(hf_store_run(store, op), HF_EINVALID);
	hf_op_free(&op);
	fixture_user(store, "zoe");
	fixture_user(store, "bert");
	op = hf_op_user_disable(store, HF_STR("Bert"), true);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert_int_eq(hf_user_find(store, HF_STR("bert"), arena, &user), HF_OK);
	ck_assert(user.disabled);
	op = hf_op_user_delete(store, HF_STR("zoe"));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert_int_eq(hf_user_each(store, collect_name, &names), HF_OK);
	assert_buf(&names, "anna@example.org bert ");
	hf_buf_fini(&names);
	ck_assert(fixture_collected(store, "J"));
	ck_assert_uint_gt(fixture_user(store, "zoe"), user.id);
}
END_TEST

static enum hf_status alias(const char *name, const char *other, bool add)
{
	struct hf_op *op = hf_op_user_alias(store, hf_str(name), hf_str(other), add);
	enum hf_status status = hf_store_run(store, op);

	hf_op_free(&op);
	return status;
}

static uint64_t found(const char *name)
{
	struct hf_user user;

	return hf_user_find(store, hf_str(name), arena, &user) == HF_OK ? user.id : 0;
}

static bool collect_alias(void *arg, struct hf_str name, uint64_t user)
{
	hf_buf_printf(arg, "%.*s=%s ", HF_STR_ARG(name), found("bert") == user ? "bert" : "anna");
	return true;
}

START_TEST(an_alias_is_another_name_of_an_account)
{
	struct hf_buf names = HF_BUF_INIT;
	uint64_t bert = fixture_user(store, "bert");
	struct hf_op *op;

	ck_assert_int_eq(alias("bert", "Bertl@Example.org", true), HF_OK);
	ck_assert_uint_eq(found("bertl@example.org"), bert);
	ck_assert_int_eq(alias("bert", "bertl@example.org", true), HF_EEXISTS);
	ck_assert_int_eq(alias("anna@example.org", "bertl@example.org", true), HF_EEXISTS);
	ck_assert_int_eq(alias("anna@example.org", "bert", true), HF_EEXISTS);
	ck_assert_int_eq(alias("anna@example.org", "anna@example.org", true), HF_EEXISTS);
	ck_assert_int_eq(alias("anna@example.org", "anyone", true), HF_EINVALID);
	ck_assert_int_eq(alias("anna@example.org", "a/b", true), HF_EINVALID);
	ck_assert_int_eq(alias("anna@example.org", "", true), HF_EINVALID);
	ck_assert_int_eq(alias("bertl@example.org", "more", true), HF_ENONEXISTENT); /* an account by its own name */
	ck_assert_int_eq(alias("shared", "more", true), HF_ENONEXISTENT);
	ck_assert_int_eq(alias("anna@example.org", "a1", true), HF_OK);
	ck_assert_int_eq(alias("anna@example.org", "bertl@example.org", false), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_alias_each(store, 0, collect_alias, &names), HF_OK);
	assert_buf(&names, "a1=anna bertl@example.org=bert ");
	hf_buf_clear(&names);
	ck_assert_int_eq(hf_alias_each(store, anna, collect_alias, &names), HF_OK);
	assert_buf(&names, "a1=anna ");
	op = hf_op_user_create(store, HF_STR("a1"), NULL, 0);
	ck_assert_int_eq(hf_store_run(store, op), HF_EEXISTS);
	hf_op_free(&op);
	ck_assert_int_eq(alias("anna@example.org", "A1", false), HF_OK);
	ck_assert_int_eq(alias("anna@example.org", "a1", false), HF_ENONEXISTENT);
	ck_assert_uint_eq(found("a1"), 0);
	/* of a deleted account they are free at once, and go */
	op = hf_op_user_delete(store, HF_STR("bert"));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert_uint_eq(found("bertl@example.org"), 0);
	ck_assert_int_eq(alias("anna@example.org", "bertl@example.org", true), HF_OK);
	ck_assert(fixture_collected(store, "J"));
	ck_assert_uint_eq(found("bertl@example.org"), anna);
	op = hf_op_user_delete(store, HF_STR("anna@example.org"));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert(fixture_collected(store, "IJ"));
	hf_buf_fini(&names);
}
END_TEST

START_TEST(secrets_are_kept_by_mechanism_and_label)
{
	struct hf_secret secrets[] = {
		{ "SCRAM-SHA-256", HF_STR(""), HF_STR("one") },
		{ "SCRAM-SHA-1", HF_STR(""), HF_STR("two") },
		{ "SCRAM-SHA-256", HF_STR("phone"), HF_STR("three") },
	};
	struct hf_secret removed = { "SCRAM-SHA-1", HF_STR(""), HF_STR("") };
	struct hf_buf secret = HF_BUF_INIT;
	struct hf_op *op = hf_op_user_secrets(store, HF_STR("anna@example.org"), secrets, 3);

	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert_int_eq(hf_user_secret(store, anna, "SCRAM-SHA-256", HF_STR("phone"), &secret), HF_OK);
	assert_buf(&secret, "three");
	op = hf_op_user_secrets(store, HF_STR("anna@example.org"), &removed, 1);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert_int_eq(hf_user_secret(store, anna, "SCRAM-SHA-1", HF_STR(""), &secret), HF_ENONEXISTENT);
	hf_buf_fini(&secret);
}
END_TEST

START_TEST(a_delivered_message_is_read_back)
{
	char *message = fixture_message(1, 5000);
	struct hf_delivered delivered;
	struct hf_record record;
	struct hf_mailbox_info info;
	struct hf_email email;
	struct hf_buf octets = HF_BUF_INIT, expected = HF_BUF_INIT;
	struct hf_content *content;
	struct hf_str header;

	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_OK);
	ck_assert_uint_eq(delivered.mailbox, inbox);
	ck_assert_uint_eq(delivered.uid.n, 1);
	for (int round = 0; round < 2; round++) {
		ck_assert(fixture_record(store, inbox, 1, &record));
		hf_buf_clear(&expected);
		hf_buf_add_lit(&expected, "Return-Path: <x@example.org>\r\n");
		hf_buf_add_cstr(&expected, message);
		ck_assert_uint_eq(record.size, expected.size);
		ck_assert_int_eq(record.sent, 760686745);
		ck_assert_int_eq(record.sent_zone, -480);
		ck_assert_int_eq(fixture_read(store, anna, record.email, &octets), HF_OK);
		assert_octets(hf_buf_str(&octets), hf_buf_str(&expected));
		ck_assert_int_eq(hf_email_get(store, anna, record.email, arena, &email), HF_OK);
		ck_assert_uint_eq(email.message.size, strlen(message));
		assert_octets(email.message.root->envelope->subject, HF_STR("Number 1"));
		ck_assert_int_eq(hf_content_open(store, &email, &content), HF_OK);
		ck_assert_int_eq(hf_content_header(content, arena, &header), HF_OK);
		ck_assert_uint_eq(header.size, email.header_size);
		ck_assert(hf_str_ends(header, HF_STR("<1@example.org>\r\n\r\n")));
		hf_content_close(&content);
		fixture_info(store, inbox, &info);
		ck_assert_uint_eq(info.messages, 1);
		ck_assert_uint_eq(info.unseen, 1);
		ck_assert_uint_eq(info.recent, 1);
		ck_assert_uint_eq(info.uidnext.n, 2);
		ck_assert_uint_eq(info.size, expected.size);
		reopen();
	}
	hf_buf_fini(&octets);
	hf_buf_fini(&expected);
	free(message);
}
END_TEST

START_TEST(large_content_streams_and_reads_in_any_way)
{
	char *message = fixture_message(2, 5 << 20);
	struct hf_str all = hf_str(message);
	struct hf_append item = { .stage = fixture_stage(store, all, 7777) };
	struct hf_op *op = hf_op_append(store, inbox, 0, &item, 1, NULL, HF_UID(0));
	struct hf_record record;
	struct hf_email email;
	struct hf_content *content;
	uint64_t at = 0, seed = 42;
	struct hf_str piece;
	static char some[300000];

	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	ck_assert(fixture_collected(store, "P"));
	ck_assert(fixture_record(store, inbox, 1, &record));
	ck_assert_uint_eq(record.size, all.size);
	ck_assert_int_eq(hf_email_get(store, anna, record.email, arena, &email), HF_OK);
	ck_assert_uint_gt(email.split, 0);
	ck_assert_int_eq(hf_content_open(store, &email, &content), HF_OK);
	ck_assert_uint_eq(hf_content_size(content), all.size);
	for (; at < all.size; at += piece.size) {
		ck_assert_int_eq(hf_content_peek(content, at, &piece), HF_OK);
		must(piece.size && memcmp(piece.data, message + at, piece.size) == 0);
	}
	ck_assert_int_eq(hf_content_peek(content, at, &piece), HF_OK);
	ck_assert_uint_eq(piece.size, 0);
	for (int i = 0; i < 100; i++) {
		size_t size = random_next(&seed) % sizeof(some), got;

		at = random_next(&seed) % all.size;
		must(hf_content_read(content, at, some, size, &got) == HF_OK);
		must(got == (all.size - at < size ? all.size - at : size));
		must(memcmp(some, message + at, got) == 0);
	}
	hf_content_close(&content);
	free(message);
}
END_TEST

START_TEST(a_stage_that_is_given_up_leaves_nothing)
{
	char *message = fixture_message(3, 4 << 20);
	struct hf_stage *stage = fixture_stage(store, hf_str(message), 100000);

	hf_stage_free(&stage);
	ck_assert(fixture_collected(store, "PG"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	free(message);
}
END_TEST

/* As with several messages in one command: the content of those that have come is written before the operation. */
START_TEST(content_may_be_written_before_its_message_is_made)
{
	struct hf_append items[3] = { 0 };
	struct hf_buf octets = HF_BUF_INIT;
	char *messages[3];
	struct hf_op *op;

	for (unsigned i = 0; i < 3; i++) {
		messages[i] = fixture_message(20 + i, 3000 + 7000 * i);
		items[i].stage = fixture_stage(store, hf_str(messages[i]), 1000);
		if (i < 2)
			hf_stage_ahead(items[i].stage);
	}
	hf_stage_ahead(items[0].stage); /* once is enough */
	op = hf_op_append(store, inbox, 0, items, 3, NULL, HF_UID(0));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert_uint_eq(hf_set_size(hf_op_appended(op)), 3);
	hf_op_free(&op);
	ck_assert(!fixture_has_rows(store, "PG"));
	reopen();
	for (unsigned i = 0; i < 3; i++) {
		struct hf_record record;

		ck_assert(fixture_record(store, inbox, 1 + i, &record));
		ck_assert_int_eq(fixture_read(store, anna, record.email, &octets), HF_OK);
		ck_assert(hf_str_eq(hf_buf_str(&octets), hf_str(messages[i])));
		hf_buf_clear(&octets);
		free(messages[i]);
	}
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	hf_buf_fini(&octets);
}
END_TEST

START_TEST(what_was_written_ahead_of_a_refusal_is_collected)
{
	struct hf_append items[2] = { 0 };
	struct hf_mailbox_info info;
	struct hf_op *op;

	for (unsigned i = 0; i < 2; i++) {
		char *message = fixture_message(30 + i, 3000);

		items[i].stage = fixture_stage(store, hf_str(message), 1000);
		hf_stage_ahead(items[i].stage);
		free(message);
	}
	op = hf_op_append(store, 12345, 0, items, 2, NULL, HF_UID(0));
	ck_assert_int_eq(hf_store_run(store, op), HF_ENONEXISTENT);
	hf_op_free(&op);
	ck_assert(fixture_collected(store, "PG"));
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 0);
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
}
END_TEST

START_TEST(too_large_is_refused_while_it_comes)
{
	struct hf_stage *stage = NULL;

	ck_assert_int_eq(hf_stage_new(store, 10, NULL, &stage), HF_OK);
	ck_assert_int_eq(hf_stage_write(stage, HF_STR("12345678")), HF_OK);
	ck_assert_int_eq(hf_stage_write(stage, HF_STR("90a")), HF_ETOOBIG);
	ck_assert_int_eq(hf_stage_write(stage, HF_STR("b")), HF_ETOOBIG);
	ck_assert_int_eq(hf_stage_finish(stage), HF_ETOOBIG);
	hf_stage_free(&stage);
}
END_TEST

START_TEST(one_content_serves_many_recipients)
{
	char *message = fixture_message(4, 3000);
	uint64_t bert = fixture_user(store, "bert");
	struct hf_stage *stage = fixture_stage(store, hf_str(message), 0);
	struct hf_recipient to[] = {
		{ anna, HF_STR(""), HF_STR("Delivered-To: anna\r\n") },
		{ bert, HF_STR("no such"), HF_STR("Delivered-To: bert\r\n") },
		{ 999, HF_STR(""), HF_STR("") },
		{ anna, HF_STR("INBOX"), HF_STR("Delivered-To: again\r\n") },
	};
	struct hf_op *op = hf_op_deliver(store, &stage, HF_STR("s"), to, 4);
	struct hf_email first, second;
	struct hf_record record;
	struct hf_mailbox_info info;

	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert_int_eq(hf_op_delivered(op, 0)->status, HF_OK);
	ck_assert_int_eq(hf_op_delivered(op, 1)->status, HF_OK);
	ck_assert_int_eq(hf_op_delivered(op, 2)->status, HF_ENONEXISTENT);
	ck_assert_int_eq(hf_op_delivered(op, 3)->status, HF_OK);
	ck_assert_uint_eq(hf_op_delivered(op, 3)->uid.n, 1);
	hf_op_free(&op);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 1);
	ck_assert(fixture_record(store, inbox, 1, &record));
	ck_assert_int_eq(hf_email_get(store, anna, record.email, arena, &first), HF_OK);
	ck_assert(fixture_record(store, fixture_mailbox(store, bert, "INBOX"), 1, &record));
	ck_assert_int_eq(hf_email_get(store, bert, record.email, arena, &second), HF_OK);
	ck_assert_uint_eq(first.content, second.content);
	assert_octets(second.prefix, HF_STR("Delivered-To: bert\r\n"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	free(message);
}
END_TEST

START_TEST(a_repeated_delivery_is_recognised)
{
	const char *message = "Received: by mx id 1\r\nSubject: a\r\n\r\nb\r\n";
	const char *plain = "Subject: a\r\n\r\nb\r\n";
	struct hf_delivered delivered;
	struct hf_mailbox_info info;

	fixture_mailbox(store, anna, "Lists");
	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert(!delivered.repeated);
	reopen();
	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert(delivered.repeated && delivered.status == HF_OK);
	ck_assert_int_eq(fixture_deliver(store, anna, "Lists", message, &delivered), HF_OK);
	ck_assert(!delivered.repeated);
	ck_assert_int_eq(fixture_deliver(store, anna, "", plain, &delivered), HF_OK);
	ck_assert_int_eq(fixture_deliver(store, anna, "", plain, &delivered), HF_OK);
	ck_assert(!delivered.repeated);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 3);
	hf_store_close(&store);
	settings.delivered_s = 0;
	store = fixture_open(&settings);
	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert(!delivered.repeated);
}
END_TEST

START_TEST(records_of_deliveries_end)
{
	const char *message = "Received: by mx id 1\r\n\r\nb\r\n";
	struct hf_delivered delivered;

	hf_store_close(&store);
	settings.delivered_s = 1;
	store = fixture_open(&settings);
	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert(fixture_collected(store, "DT"));
	ck_assert_int_eq(fixture_deliver(store, anna, "", message, &delivered), HF_OK);
	ck_assert(!delivered.repeated);
}
END_TEST

/* Of all recipients of a message. */
START_TEST(records_of_a_delivery_to_many_end)
{
	struct hf_recipient recipients[100];
	const struct hf_delivered *delivered;
	struct hf_op *op;
	char name[16];

	hf_store_close(&store);
	settings.delivered_s = 3;
	store = fixture_open(&settings);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		recipients[i] = (struct hf_recipient){ .user = fixture_user(store, name) };
	}
	for (unsigned round = 0; round < 2; round++) {
		struct hf_stage *stage = fixture_stage(store, HF_STR("Received: by mx id 1\r\n\r\nb\r\n"), 100);

		/* one of them first, so that the others are told apart from him */
		op = hf_op_deliver(store, &stage, HF_STR("a@b"), recipients, round ? 100 : 1);
		ck_assert_int_eq(hf_store_run(store, op), HF_OK);
		for (unsigned i = 0; i < (round ? 100 : 1); i++) {
			delivered = hf_op_delivered(op, i);
			must(delivered->status == HF_OK && delivered->repeated == (round && i == 0));
		}
		hf_op_free(&op);
	}
	ck_assert(fixture_collected(store, "DT"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
}
END_TEST

START_TEST(replies_join_their_conversation)
{
	const char *mails[] = {
		"Message-ID: <1@x>\r\nSubject: a\r\n\r\n",
		"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n\r\n", /* comes before what it cites */
		"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n\r\n",
		"Message-ID: <9@x>\r\n\r\n",
	};
	struct hf_record r[4];

	for (unsigned i = 0; i < 4; i++) {
		fixture_append(store, inbox, mails[i], 0);
		ck_assert(fixture_record(store, inbox, i + 1, &r[i]));
	}
	ck_assert_uint_eq(r[0].thread, r[1].thread);
	ck_assert_uint_eq(r[0].thread, r[2].thread);
	ck_assert_uint_ne(r[0].thread, r[3].thread);
}
END_TEST

START_TEST(list_rows_come_in_runs_and_by_jumps)
{
	struct hf_list_reader *reader;
	struct hf_list_row row;
	struct hf_record record;
	uint64_t seed = 7, first;

	for (unsigned i = 0; i < 60; i++) {
		char *message = fixture_message(i, 100);

		fixture_append(store, inbox, message, 0);
		free(message);
	}
	ck_assert(fixture_record(store, inbox, 1, &record));
	first = record.email;
	ck_assert_int_eq(hf_list_reader_open(store, anna, &reader), HF_OK);
	for (unsigned i = 0; i < 300; i++) {
		unsigned n = i < 60 ? i : i < 120 ? 119 - i : (unsigned)(random_next(&seed) % 60);
		char subject[32];

		must(hf_list_reader_get(reader, first + n, &row) == HF_OK);
		snprintf(subject, sizeof(subject), "Number %u", n);
		must(hf_str_eq(row.subject, hf_str(subject)));
	}
	assert_octets(row.from, HF_STR("ANNA"));
	ck_assert(hf_str_starts(row.envelope, HF_STR("(\"Mon, 7 Feb 1994")));
	ck_assert(hf_str_starts(row.headers, HF_STR("From: Anna")));
	ck_assert_int_eq(hf_list_reader_get(reader, 1000, &row), HF_ENONEXISTENT);
	hf_list_reader_close(&reader);
}
END_TEST

/* Each page says its number, behind its LSN. */
static unsigned pages_in_place(const char *name)
{
	static const uint8_t zeros[4096];
	uint8_t page[4096];
	char path[512];
	unsigned count = 0;
	uint32_t number;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY);
	must(fd >= 0);
	for (; pread(fd, page, sizeof(page), (off_t)count * 4096) == sizeof(page); count++) {
		memcpy(&number, page + 8, sizeof(number));
		must(number == count || memcmp(page, zeros, sizeof(page)) == 0);
	}
	must(memcmp(page, zeros, 8) != 0);
	close(fd);
	return count;
}

/* In a cache that has no room for them: they are written in runs by checkpoints, and one by one, and read back, all at the same time. */
START_TEST(pages_are_written_where_they_belong)
{
	char *message = fixture_message(5, 300000);
	unsigned before, after;

	hf_store_close(&store);
	settings.cache_size = 1u << 20;
	store = fixture_open(&settings);
	for (unsigned i = 0; i < 40; i++) {
		fixture_append(store, inbox, message, 0);
		if (i % 4 == 3)
			ck_assert_int_eq(hf_store_checkpoint(store), HF_OK);
		if (i % 16 == 15)
			ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	}
	before = pages_in_place("body.0000");
	ck_assert_uint_gt(before, 600);
	for (unsigned i = 0; i < 10; i++)
		fixture_append(store, inbox, message, 0);
	ck_assert_int_eq(hf_store_checkpoint(store), HF_OK);
	after = pages_in_place("body.0000");
	ck_assert_uint_ge(after, before + before / 5);
	ck_assert_uint_gt(pages_in_place("meta"), 0);
	reopen();
	ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	free(message);
}
END_TEST

START_TEST(ids_and_uidvalidity_are_never_given_twice)
{
	struct hf_mailbox_info before, after;
	uint64_t old = fixture_mailbox(store, anna, "a"), again;
	struct hf_op *op;

	fixture_info(store, old, &before);
	op = hf_op_mailbox_delete(store, anna, HF_STR("a"));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	hf_op_free(&op);
	reopen();
	again = fixture_mailbox(store, anna, "a");
	fixture_info(store, again, &after);
	ck_assert_uint_gt(again, old);
	ck_assert_uint_gt(after.uidvalidity, before.uidvalidity);
	ck_assert_uint_eq(after.highestmodseq.n, 1);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_second_process_is_refused);
	tcase_add_test(tc, users_are_found_by_any_spelling);
	tcase_add_test(tc, users_are_created_disabled_and_deleted);
	tcase_add_test(tc, an_alias_is_another_name_of_an_account);
	tcase_add_test(tc, secrets_are_kept_by_mechanism_and_label);
	tcase_add_test(tc, a_delivered_message_is_read_back);
	tcase_add_test(tc, large_content_streams_and_reads_in_any_way);
	tcase_add_test(tc, a_stage_that_is_given_up_leaves_nothing);
	tcase_add_test(tc, content_may_be_written_before_its_message_is_made);
	tcase_add_test(tc, what_was_written_ahead_of_a_refusal_is_collected);
	tcase_add_test(tc, too_large_is_refused_while_it_comes);
	tcase_add_test(tc, one_content_serves_many_recipients);
	tcase_add_test(tc, a_repeated_delivery_is_recognised);
	tcase_add_test(tc, records_of_deliveries_end);
	tcase_add_test(tc, records_of_a_delivery_to_many_end);
	tcase_add_test(tc, replies_join_their_conversation);
	tcase_add_test(tc, list_rows_come_in_runs_and_by_jumps);
	tcase_add_test(tc, pages_are_written_where_they_belong);
	tcase_add_test(tc, ids_and_uidvalidity_are_never_given_twice);
}

int main(void)
{
	return run_tests("store", add);
}
