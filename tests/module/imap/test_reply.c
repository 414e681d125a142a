/* SPDX-License-Identifier: BSD-2-Clause */
#include "module/imap/imap.h"

#include "tests/base/base_test.h"

static struct hf_buf out;

static void teardown(void)
{
	hf_buf_fini(&out);
}

static const struct {
	const char *s, *astring, *string;
} rows[] = {
	{ "INBOX", "INBOX", "\"INBOX\"" },
	{ "", "\"\"", "\"\"" },
	{ "NIL", "\"NIL\"", "\"NIL\"" },
	{ "nil", "\"nil\"", "\"nil\"" },
	{ "two words", "\"two words\"", "\"two words\"" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"" },
	{ "a]", "a]", "\"a]\"" },
	{ "a%", "\"a%\"", "\"a%\"" },
	{ "a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb" },
	{ "\xc3\xa4", "{2}\r\n\xc3\xa4", "{2}\r\n\xc3\xa4" },
};

START_TEST(strings_take_the_form_they_need)
{
	imap_add_astring(&out, hf_str(rows[_i].s));
	ck_assert_str_eq(hf_buf_cstr(&out), rows[_i].astring);
	hf_buf_clear(&out);
	imap_add_string(&out, hf_str(rows[_i].s));
	ck_assert_str_eq(hf_buf_cstr(&out), rows[_i].string);
	hf_buf_clear(&out);
	imap_add_nstring(&out, hf_str(rows[_i].s));
	ck_assert_str_eq(hf_buf_cstr(&out), rows[_i].string);
}
END_TEST

START_TEST(absent_strings_are_nil)
{
	imap_add_nstring(&out, HF_STR_NULL);
	ck_assert_str_eq(hf_buf_cstr(&out), "NIL");
}
END_TEST

START_TEST(mailbox_names_are_modified_utf7_until_utf8_is_enabled)
{
	struct imap_session session = { 0 };

	imap_add_mailbox(&session, &out, HF_STR("Entw\xc3\xbcrfe"));
	ck_assert_str_eq(hf_buf_cstr(&out), "Entw&APw-rfe");
	hf_buf_clear(&out);
	session.enabled = IMAP_EN_UTF8;
	imap_add_mailbox(&session, &out, HF_STR("R&D \"\xc3\xbc\""));
	ck_assert_str_eq(hf_buf_cstr(&out), "\"R&D \\\"\xc3\xbc\\\"\"");
}
END_TEST

START_TEST(every_status_has_words)
{
	for (int status = 0; status < HF_STATUS_COUNT; status++) {
		const char *word, *code, *text;

		imap_status_words((enum hf_status)status, &word, &code, &text);
		ck_assert(strcmp(word, status == HF_OK        ? "OK"
				       : status == HF_ESYNTAX ? "BAD"
							      : "NO") == 0);
		ck_assert_uint_gt(strlen(text), 0);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, strings_take_the_form_they_need, 0, (int)HF_COUNT(rows));
	tcase_add_test(tc, absent_strings_are_nil);
	tcase_add_test(tc, mailbox_names_are_modified_utf7_until_utf8_is_enabled);
	tcase_add_test(tc, every_status_has_words);
}

int main(void)
{
	return run_tests("imap reply", add);
}
