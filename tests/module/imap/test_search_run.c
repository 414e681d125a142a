/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs over a mailbox: laws of logic, whatever the keys and however much has to be read for
 * them. */
#include "module/imap/search.h"

#include "storage/store_priv.h"
#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

#define MESSAGES 6

static struct mailbox_fixture f;

static void setup(void)
{
	struct hf_buf big = HF_BUF_INIT;

	fixture_open_store(&f);
	fixture_add(&f, HF_FLAG_SEEN, "From: alice@example.org\nSubject: lunch\n\nat noon\n");
	fixture_add(&f, HF_FLAG_FLAGGED, "From: bob@example.org\nX-Odd: lunch\n\nnothing\n");
	fixture_add(&f, HF_FLAG_SEEN | HF_FLAG_FLAGGED,
		    "Subject: =?utf-8?q?l=75nch?=\nContent-Type: multipart/mixed; boundary=b\n\n"
		    "--b\n\nnoon\n--b\nContent-Transfer-Encoding: base64\n\nYXQgbm9vbg==\n--b--\n");
	fixture_add(&f, 0, "\nno header\n");
	fixture_add(&f, 0, "Subject: no body");
	hf_buf_add_lit(&big, "Subject: big\r\n\r\n");
	for (unsigned i = 0; i < 40000; i++)
		hf_buf_add_lit(&big, "line after line of it\r\n");
	hf_buf_add_lit(&big, "at the very end noon");
	fixture_add_octets(&f, HF_FLAG_DELETED, hf_buf_str(&big));
	hf_buf_fini(&big);
	fixture_select(&f, true);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

/* The messages that match, a bit each. */
static unsigned search(const char *keys)
{
	char command[512];
	const char *at, *answer;
	unsigned found = 0;

	snprintf(command, sizeof(command), "SEARCH %s", keys);
	answer = fixture_run(&f, command);
	ck_assert_msg(!strncmp(answer, "* SEARCH", 8) && strstr(answer, "\r\nt OK "), "%s: %s",
		      command, answer);
	for (at = answer + 8; *at == ' ';)
		found |= 1u << strtoul(at, (char **)(uintptr_t)&at, 10);
	return found;
}

static const char *const keys[] = {
	"ALL",
	"SEEN",
	"FLAGGED",
	"DELETED",
	"SUBJECT lunch",
	"FROM example",
	"HEADER X-Odd lunch",
	"HEADER X-Odd \"\"",
	"BODY noon",
	"TEXT lunch",
	"TEXT noon",
	"BODY \"very end\"",
	"BODY never",
	"LARGER 1000",
	"2:4",
	"SUBJECT \"\"",
	"TEXT \"\"",
	"BODY after",
};
#define ALL (((1u << MESSAGES) - 1) << 1)

START_TEST(keys_find_what_they_name)
{
	static const unsigned found[] = {
		ALL,
		1u << 1 | 1u << 3,
		1u << 2 | 1u << 3,
		1u << 6,
		1u << 1 | 1u << 3,
		1u << 1 | 1u << 2,
		1u << 2,
		1u << 2,
		1u << 1 | 1u << 3 | 1u << 6,
		1u << 1 | 1u << 2 | 1u << 3,
		1u << 1 | 1u << 3 | 1u << 6,
		1u << 6,
		0,
		1u << 6,
		1u << 2 | 1u << 3 | 1u << 4,
		1u << 1 | 1u << 3 | 1u << 5 | 1u << 6,
		ALL,
		1u << 6,
	};

	for (size_t i = 0; i < HF_COUNT(keys); i++)
		ck_assert_msg(search(keys[i]) == found[i], "%s: %#x", keys[i], search(keys[i]));
}
END_TEST

START_TEST(logic_holds_for_every_pair_of_keys)
{
	unsigned alone[HF_COUNT(keys)];
	char program[256];

	for (size_t i = 0; i < HF_COUNT(keys); i++) {
		alone[i] = search(keys[i]);
		snprintf(program, sizeof(program), "NOT %s", keys[i]);
		ck_assert_msg(search(program) == (ALL & ~alone[i]), "%s", program);
	}
	for (size_t i = 0; i < HF_COUNT(keys); i++) {
		for (size_t j = 0; j < HF_COUNT(keys); j++) {
			snprintf(program, sizeof(program), "%s %s", keys[i], keys[j]);
			ck_assert_msg(search(program) == (alone[i] & alone[j]), "%s", program);
			snprintf(program, sizeof(program), "OR %s %s", keys[i], keys[j]);
			ck_assert_msg(search(program) == (alone[i] | alone[j]), "%s", program);
			snprintf(program, sizeof(program), "NOT (%s NOT %s)", keys[i], keys[j]);
			ck_assert_msg(search(program) == (ALL & ~(alone[i] & ~alone[j])), "%s",
				      program);
		}
	}
}
END_TEST

/* RFC 9051 §6.4.4: a string does not reach from one field, or one part, into the next. */
START_TEST(texts_end_where_fields_and_parts_end)
{
	ck_assert_uint_eq(search("TEXT \"lunchat\""), 0);
	ck_assert_uint_eq(search("BODY \"noonat\""), 0);
	ck_assert_uint_eq(search("BODY \"noon at\""), 0);
	ck_assert_uint_eq(search("TEXT \"example.orglunch\""), 0);
}
END_TEST

static void remove_signatures(size_t expected)
{
	struct row_key from = { .size = 0 };
	struct txn *txn;
	struct scan scan;
	struct hf_str key, value;
	size_t count = 0;

	scan_open(&scan, f.store->env, TABLE_FTS, &from, 0, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		struct row_key row = { .size = key.size };

		memcpy(row.data, key.data, key.size);
		ck_assert_int_eq(txn_begin(f.store->env, &txn), HF_OK);
		ck_assert_int_eq(table_delete(f.store->env, txn, TABLE_FTS, &row), HF_OK);
		txn_commit(&txn);
		count++;
	}
	scan_close(&scan);
	ck_assert_uint_eq(count, expected);
}

/* With text signatures and without them. */
/* Across the pieces in which it is decoded, behind the text that is looked at before the message is parsed, in headers of parts. */
START_TEST(texts_are_found_wherever_they_stand)
{
	static const unsigned places[] = { 0, 505, 508, 511, 1531, 1535, 65530, 65531, 65535, 70001 };
	char answer[512] = "* SEARCH", *end = answer + 8;
	unsigned number = MESSAGES;
	struct hf_buf text = HF_BUF_INIT;

	for (size_t i = 0; i < HF_COUNT(places); i++) {
		hf_buf_clear(&text);
		hf_buf_printf(&text, "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s",
			      places[i] % 2 ? "." : "");
		for (unsigned j = 0; j < places[i] / 2; j++)
			hf_buf_add_lit(&text, "\xc3\xb6");
		hf_buf_add_lit(&text, "n\xc3\xa4" "EDle");
		for (unsigned j = 0; j < 3000; j++)
			hf_buf_add_lit(&text, "\xc3\xbc");
		hf_buf_add_lit(&text, "\r\n");
		fixture_add_octets(&f, 0, hf_buf_str(&text));
		end += sprintf(end, " %u", ++number);
	}
	fixture_add(&f, 0, "Subject: y\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: =?utf-8?q?n=C3=A4edle?=\n\n"
			   "one\n--b\nContent-Type: message/rfc822\n\nSubject: two\n\nthree\n--b--\n");
	end += sprintf(end, " %u", ++number);
	fixture_add(&f, 0, "Subject: y\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n\n"
			   "one\n--b\nContent-Type: message/rfc822\n\nSubject: two\n\nNA\xcc\x88" "edle\n--b--\n");
	sprintf(end, " %u\r\n", ++number);
	hf_buf_fini(&text);
	fixture_select(&f, true);
	for (int round = 0; round < 2; round++) {
		const char *got = fixture_run(&f, "SEARCH CHARSET UTF-8 BODY \"n\xc3\xa4" "edle\"");

		ck_assert_msg(!strncmp(got, answer, strlen(answer)), "%s instead of %s", got, answer);
		got = fixture_run(&f, "SEARCH CHARSET UTF-8 TEXT \"n\xc3\xa4" "edle\"");
		ck_assert_msg(!strncmp(got, answer, strlen(answer)), "%s instead of %s", got, answer);
		/* nothing that was cut */
		got = fixture_run(&f, "SEARCH CHARSET UTF-8 BODY \"\xef\xbf\xbd\"");
		ck_assert_msg(!strncmp(got, "* SEARCH\r\n", 10), "%s", got);
		remove_signatures(round ? 0 : number);
	}
}
END_TEST

START_TEST(signatures_change_no_answer)
{
	static const char *const more[] = { "TEXT noo", "BODY =", "TEXT oo", "SUBJECT unc", "HEADER X-Odd unch",
					    "HEADER Subject lunc", "TEXT \"LINE AFTER LINE\"", "BODY lunch", "TEXT bob@",
					    "OR TEXT lunch BODY it", "NOT TEXT absent", "HEADER X-Odd absent",
					    "NOT HEADER X-Odd absent", "SUBJECT lunch BODY noon", "FROM alice TEXT noon" };
	unsigned with[HF_COUNT(keys) + HF_COUNT(more)];
	size_t count = HF_COUNT(with);

	for (size_t i = 0; i < count; i++)
		with[i] = search(i < HF_COUNT(keys) ? keys[i] : more[i - HF_COUNT(keys)]);
	remove_signatures(MESSAGES);
	for (size_t i = 0; i < count; i++) {
		const char *key = i < HF_COUNT(keys) ? keys[i] : more[i - HF_COUNT(keys)];

		ck_assert_msg(search(key) == with[i], "%s: %#x with signatures", key, with[i]);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, keys_find_what_they_name);
	tcase_add_test(tc, logic_holds_for_every_pair_of_keys);
	tcase_add_test(tc, texts_are_found_wherever_they_stand);
	tcase_add_test(tc, signatures_change_no_answer);
	tcase_add_test(tc, texts_end_where_fields_and_parts_end);
}

int main(void)
{
	return run_tests("imap search run", add);
}
