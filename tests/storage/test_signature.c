/* SPDX-License-Identifier: BSD-2-Clause */
/* Text signatures never exclude what a search would find: messages and needles by chance, against the matcher over prefix and
 * content. And the rows: made, shared, removed, verified. */
#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "message/text.h"
#include "storage/signature.h"
#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_fixture.h"

#define MESSAGES 1500
#define NEEDLES 40

static uint64_t seed = 20;
static struct hf_arena *arena;

static unsigned pick(unsigned below)
{
	return (unsigned)(random_next(&seed) >> 33) % below;
}

static const char *const words[] = {
	"lunch", "Noon", "INVOICE", "a", "of", "the", "x-1234", "stra\303\237e", "\303\200 la carte", "na\303\257ve",
	"\320\237\321\200\320\270\320\262\320\265\321\202", "\320\274\320\270\321\200", "\346\227\245\346\234\254",
	"\346\274\242", "\355\225\234\352\270\200", "\357\254\201sh", "\304\260stanbul", "\317\203\317\202",
	"e\314\201t\303\251", "\360\237\230\200", "\357\274\241\357\274\242", "\343\202\254\343\202\256", "=?", "--b", "Caf\303\251"
};

static const char *word(void)
{
	return words[pick(HF_COUNT(words))];
}

static void add_words(struct hf_buf *out, unsigned count, const char *space)
{
	for (unsigned i = 0; i < count; i++)
		hf_buf_printf(out, "%s%s", i ? space : "", word());
}

static void add_value(struct hf_buf *out)
{
	for (unsigned i = 0, count = pick(5); i < count; i++) {
		struct hf_buf text = HF_BUF_INIT;

		hf_buf_add_str(out, hf_str(i == 0 ? " " : pick(2) ? " " : "\r\n\t"));
		add_words(&text, 1 + pick(2), " ");
		if (pick(2)) {
			hf_buf_add_lit(out, "=?utf-8?b?");
			hf_base64_encode(hf_buf_str(&text), out);
			hf_buf_add_lit(out, "?=");
		} else {
			hf_buf_add_str(out, pick(4) ? hf_buf_str(&text) : HF_STR("=?iso-8859-1?q?Caf=E9?="));
		}
		hf_buf_fini(&text);
	}
}

static void add_leaf(struct hf_buf *out)
{
	static const char *const types[] = { "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/pdf",
					     "text/plain; charset=koi8-r", "text/plain" };
	struct hf_buf text = HF_BUF_INIT;
	unsigned encoding = pick(3);

	hf_buf_printf(out, "Content-Type: %s\r\nContent-Description:", types[pick(HF_COUNT(types))]);
	add_value(out);
	hf_buf_printf(out, "\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		      encoding == 0 ? "8bit" : encoding == 1 ? "base64" : "quoted-printable");
	for (unsigned lines = pick(8); lines; lines--) {
		add_words(&text, pick(12), pick(9) ? " " : "");
		hf_buf_add_str(&text, pick(9) ? HF_STR("\r\n") : HF_STR("\n"));
	}
	if (pick(40) == 0)
		add_words(&text, 20000, " ");
	if (encoding == 1)
		hf_base64_encode(hf_buf_str(&text), out);
	for (size_t i = 0; encoding == 2 && i < text.size; i++)
		hf_buf_printf(out, "=%02X%s", (uint8_t)text.data[i], i % 20 == 19 ? "=\r\n" : "");
	if (encoding == 0)
		hf_buf_add_str(out, hf_buf_str(&text));
	hf_buf_fini(&text);
}

static void add_message(struct hf_buf *out, unsigned depth)
{
	if (pick(30) == 0)
		hf_buf_add_lit(out, " goes on");
	for (unsigned fields = pick(4); fields; fields--) {
		hf_buf_printf(out, "%s:", pick(2) ? "Subject" : pick(2) ? "X-Odd" : "From");
		add_value(out);
		hf_buf_add_str(out, pick(9) ? HF_STR("\r\n") : HF_STR("\n"));
	}
	if (depth < 3 && pick(2)) {
		hf_buf_printf(out, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n", depth);
		for (unsigned parts = pick(4); parts; parts--) {
			hf_buf_printf(out, "\r\n--b%u\r\n", depth);
			if (pick(3)) {
				add_leaf(out);
			} else {
				hf_buf_add_lit(out, "Content-Type: message/rfc822\r\n\r\n");
				add_message(out, depth + 1);
			}
		}
		hf_buf_printf(out, "\r\n--b%u--\r\n", depth);
	} else {
		add_leaf(out);
	}
}

static void make_prefix(struct hf_buf *out)
{
	if (pick(3) == 0)
		return;
	hf_buf_printf(out, "Return-Path: <%s@example.org>\r\n", word());
	hf_buf_add_lit(out, "Received: from");
	add_value(out);
	hf_buf_add_lit(out, ";\r\n\tMon, 1 Jan 2024\r\n");
	switch (pick(40)) { /* such as nobody makes: they change how the content is read */
	case 0:
		hf_buf_add_lit(out, "Content-Type: text/plain; charset=utf-8\r\n");
		break;
	case 1:
		hf_buf_add_lit(out, "X-Odd: no line end");
		break;
	case 2:
		hf_buf_add_lit(out, "\r\n");
		break;
	}
}

/* As a search looks through it. */
struct look {
	struct hf_text_sink sink;
	struct hf_matcher *matcher;
	bool header, body;
};

static void look_text(struct hf_text_sink *sink, enum hf_text_kind kind, struct hf_str field, struct hf_str utf8)
{
	struct look *look = HF_CONTAINER(sink, struct look, sink);

	(void)field;
	if (!utf8.size)
		hf_matcher_restart(look->matcher);
	else if (hf_matcher_feed(look->matcher, utf8))
		*(kind == HF_TEXT_HEADER ? &look->header : &look->body) = true;
}

static bool look_field(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct look *look = arg;
	struct hf_buf unfolded = HF_BUF_INIT, utf8 = HF_BUF_INIT;

	(void)name;
	(void)field;
	hf_header_unfold(value, &unfolded);
	hf_header_decode(hf_buf_str(&unfolded), &utf8);
	hf_matcher_restart(look->matcher);
	look->header |= hf_matcher_feed(look->matcher, hf_buf_str(&utf8));
	hf_buf_fini(&unfolded);
	hf_buf_fini(&utf8);
	return true;
}

static void make_needle(struct hf_buf *out)
{
	struct hf_str text;

	add_words(out, 1 + pick(3), " ");
	if (pick(2) == 0) { /* part of it */
		size_t from = hf_utf8_clip(hf_buf_str(out), pick(6));

		hf_buf_drop(out, from);
	}
	text = hf_buf_str(out);
	for (size_t i = 0; pick(2) && i < text.size; i++)
		out->data[i] = pick(2) ? hf_ascii_lower(text.data[i]) : hf_ascii_upper(text.data[i]);
}

static void sign(struct hf_str content, struct hf_str prefix, size_t piece, struct hf_buf *signature)
{
	struct hf_arena *own = hf_arena_new();
	struct signature_builder *builder = signature_builder_new();
	struct hf_mime *mime = hf_mime_new(own, NULL, signature_sink(builder));
	struct hf_message message;

	for (size_t at = 0; at < content.size; at += piece)
		hf_mime_feed(mime, hf_str_sub(content, at, piece));
	hf_mime_finish(&mime, &message);
	signature_finish(&builder, &message, content, hf_arena_used(own), signature);
	signature_add_prefix(signature, prefix);
	hf_arena_free(&own);
}

START_TEST(what_is_there_is_never_excluded)
{
	size_t found = 0, excluded = 0, missing = 0;

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_buf all = HF_BUF_INIT, content = HF_BUF_INIT, prefix = HF_BUF_INIT, signature = HF_BUF_INIT,
			      again = HF_BUF_INIT;
		struct hf_text_signature decoded;

		make_prefix(&prefix);
		add_message(&content, 0);
		hf_buf_add_str(&all, hf_buf_str(&prefix));
		hf_buf_add_str(&all, hf_buf_str(&content));
		sign(hf_buf_str(&content), hf_buf_str(&prefix), 1 + pick(3000), &signature);
		sign(hf_buf_str(&content), hf_buf_str(&prefix), 1 + pick(300), &again);
		must(hf_str_eq(hf_buf_str(&signature), hf_buf_str(&again))); /* pieces make no difference */
		must(signature_decode(hf_buf_str(&signature), &decoded) == HF_OK);
		for (unsigned j = 0; j < NEEDLES; j++) {
			struct look look = { .sink.text = look_text };
			struct hf_buf needle = HF_BUF_INIT;
			struct hf_trigrams *trigrams;
			struct hf_message message;
			struct hf_mime *mime;
			bool header, body;

			hf_arena_reset(arena);
			make_needle(&needle);
			look.matcher = hf_matcher_new(arena, hf_buf_str(&needle));
			trigrams = hf_trigrams_new(arena, hf_matcher_folded(look.matcher));
			if (trigrams) {
				hf_header_each(hf_buf_str(&all), look_field, &look);
				hf_matcher_restart(look.matcher);
				mime = hf_mime_new(arena, NULL, &look.sink);
				hf_mime_feed(mime, hf_buf_str(&all));
				hf_mime_finish(&mime, &message);
				header = hf_text_signature_may_contain(&decoded, HF_TEXT_HEADER, trigrams);
				body = hf_text_signature_may_contain(&decoded, HF_TEXT_BODY, trigrams);
				if ((look.header && !header) || (look.body && !body))
					fprintf(stderr, "needle \"%.*s\" in\n%.*s\n", HF_STR_ARG(hf_buf_str(&needle)),
						HF_STR_ARG(hf_buf_str(&all)));
				must((!look.header || header) && (!look.body || body));
				found += look.header + look.body;
				missing += !look.header + !look.body;
				excluded += !header + !body;
			}
			hf_buf_fini(&needle);
		}
		hf_buf_fini(&all);
		hf_buf_fini(&content);
		hf_buf_fini(&prefix);
		hf_buf_fini(&signature);
		hf_buf_fini(&again);
	}
	must(found > 3000);
	must(excluded > missing * 3 / 4); /* the words are few: many needles are nearly there */
}
END_TEST

START_TEST(a_text_with_too_many_trigrams_may_contain_everything)
{
	struct hf_buf content = HF_BUF_INIT, signature = HF_BUF_INIT;
	struct hf_text_signature decoded;

	hf_buf_add_lit(&content, "Subject: short\r\n\r\n");
	for (unsigned i = 0; i < 600000; i++)
		hf_buf_add_char(&content, (char)(33 + pick(90)));
	sign(hf_buf_str(&content), HF_STR("Return-Path: <>\r\n"), 4096, &signature);
	ck_assert_int_eq(signature_decode(hf_buf_str(&signature), &decoded), HF_OK);
	ck_assert_ptr_nonnull(decoded.header);
	ck_assert_ptr_null(decoded.body);
	ck_assert_uint_lt(signature.size, 1024);
	for (size_t size = 0; size < signature.size; size++)
		must(signature_decode(hf_str_n(signature.data, size), &decoded) == HF_ECORRUPT);
	signature.data[0]++; /* other rules */
	ck_assert_int_eq(signature_decode(hf_buf_str(&signature), &decoded), HF_OK);
	ck_assert_ptr_null(decoded.header);
	hf_buf_fini(&content);
	hf_buf_fini(&signature);
}
END_TEST

/* Of the fold tables' version depends only what is not ASCII. */
START_TEST(other_fold_tables_are_not_believed)
{
	static const char *const contents[] = { "Subject: a\r\n\r\nabc\r\n", "Subject: a\r\n\r\n\303\244bc\r\n" };

	for (int i = 0; i < 2; i++) {
		struct hf_buf signature = HF_BUF_INIT;
		struct hf_text_signature decoded;

		sign(hf_str(contents[i]), HF_STR(""), 100, &signature);
		must(signature_decode(hf_buf_str(&signature), &decoded) == HF_OK && decoded.body);
		ck_assert_int_eq(signature.data[1] || signature.data[2], i);
		signature.data[1] ^= 0x40;
		must(signature_decode(hf_buf_str(&signature), &decoded) == HF_OK && !decoded.body);
		hf_buf_fini(&signature);
	}
}
END_TEST

/* Rows -------------------------------------------------------------------------------------------------------------- */

static size_t rows(struct hf_store *store)
{
	struct row_key from = { .size = 0 };
	struct hf_str key, value;
	struct scan scan;
	size_t count = 0;

	scan_open(&scan, store->env, TABLE_FTS, &from, 0, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK)
		count++;
	scan_close(&scan);
	return count;
}

static bool may_contain(struct hf_store *store, uint64_t user, uint64_t email, enum hf_text_kind kind, const char *folded)
{
	struct hf_text_signature_reader *reader;
	struct hf_text_signature signature;
	bool may;

	must(hf_text_signature_reader_open(store, user, &reader) == HF_OK);
	must(hf_text_signature_reader_get(reader, email, &signature) == HF_OK);
	may = hf_text_signature_may_contain(&signature, kind, hf_trigrams_new(arena, hf_str(folded)));
	hf_text_signature_reader_close(&reader);
	return may;
}

static void deliver(struct hf_store *store, uint64_t user, const char *prefix, const char *message)
{
	struct hf_stage *stage = fixture_stage(store, hf_str(message), 0);
	struct hf_recipient to = { .user = user, .mailbox = HF_STR("INBOX"), .prefix = hf_str(prefix) };
	struct hf_op *op = hf_op_deliver(store, &stage, HF_STR(""), &to, 1);

	must(hf_store_run(store, op) == HF_OK && hf_op_delivered(op, 0)->status == HF_OK);
	hf_op_free(&op);
}

static void put_row(struct hf_store *store, uint64_t owner, uint64_t email, struct hf_str signature)
{
	struct hf_buf row = HF_BUF_INIT;
	struct row_key key;
	struct txn *txn;

	key_email(&key, owner, email);
	row_fts_encode(owner, email, signature, &row);
	must(txn_begin(store->env, &txn) == HF_OK);
	must(table_put(store->env, txn, TABLE_FTS, &key, hf_buf_str(&row)) == HF_OK);
	txn_commit(&txn);
	hf_buf_fini(&row);
}

START_TEST(rows_come_and_go_with_their_emails)
{
	char *directory = fixture_directory("signature");
	struct hf_store_settings settings;
	struct hf_store *store;
	struct hf_verify totals;
	struct hf_record record;
	struct hf_set uid = HF_SET_INIT;
	struct hf_buf wrong = HF_BUF_INIT;
	struct hf_op *op;
	uint64_t anna, bert, inbox, other, berts;

	fixture_settings(&settings, directory);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	bert = fixture_user(store, "bert");
	inbox = fixture_mailbox(store, anna, "INBOX");
	other = fixture_mailbox(store, anna, "other");
	berts = fixture_mailbox(store, bert, "INBOX");
	deliver(store, anna, "Return-Path: <carl@example.org>\r\n", "Subject: Lunch\r\n\r\nat noon\r\n");
	ck_assert_uint_eq(rows(store), 1);
	must(fixture_record(store, inbox, 1, &record));
	ck_assert(may_contain(store, anna, record.email, HF_TEXT_HEADER, "CARL@EX"));
	ck_assert(may_contain(store, anna, record.email, HF_TEXT_HEADER, "LUNCH"));
	ck_assert(may_contain(store, anna, record.email, HF_TEXT_BODY, "AT NOON"));
	ck_assert(!may_contain(store, anna, record.email, HF_TEXT_BODY, "LUNCH"));
	ck_assert(!may_contain(store, anna, record.email, HF_TEXT_HEADER, "SUPPER"));
	hf_set_add(&uid, 1);
	for (int i = 0; i < 2; i++) {
		op = op_copy_new(inbox, &uid, i ? berts : other, false);
		must(hf_store_run(store, op) == HF_OK);
		hf_op_free(&op);
		ck_assert_uint_eq(rows(store), i ? 2 : 1); /* shared in an account, another for another */
	}
	must(fixture_record(store, berts, 1, &record));
	ck_assert(may_contain(store, bert, record.email, HF_TEXT_HEADER, "CARL@EX"));
	ck_assert_uint_eq(fixture_verify(store, &totals), 0);
	sign(HF_STR("Subject: other\r\n\r\ntext\r\n"), HF_STR(""), 100, &wrong);
	put_row(store, bert, record.email, hf_buf_str(&wrong));
	ck_assert_uint_eq(fixture_verify(store, &totals), 1);
	put_row(store, bert, record.email, HF_STR("\001"));
	ck_assert_uint_ge(fixture_verify(store, &totals), 1);
	op = hf_op_user_delete(store, HF_STR("bert"));
	must(hf_store_run(store, op) == HF_OK);
	hf_op_free(&op);
	must(fixture_collected(store, "JKG"));
	ck_assert_uint_eq(rows(store), 1);
	put_row(store, anna, 1000, hf_buf_str(&wrong));
	ck_assert_uint_eq(fixture_verify(store, &totals), 1);
	hf_set_fini(&uid);
	hf_buf_fini(&wrong);
	hf_store_close(&store);
	fixture_remove(&directory);
}
END_TEST

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_there_is_never_excluded);
	tcase_add_test(tc, a_text_with_too_many_trigrams_may_contain_everything);
	tcase_add_test(tc, other_fold_tables_are_not_believed);
	tcase_add_test(tc, rows_come_and_go_with_their_emails);
}

int main(void)
{
	return run_tests("signature", add);
}
