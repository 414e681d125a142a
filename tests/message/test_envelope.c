/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/render.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

static void assert_envelope(const char *in, const char *expected)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_buf out = HF_BUF_INIT;

	parse(arena, hf_str(in), &message);
	hf_envelope_render(message.root->envelope, &out);
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
	hf_arena_free(&arena);
}

START_TEST(strings_are_nil_quoted_or_literal)
{
	static const struct {
		struct hf_str in, out;
	} cases[] = {
		{ HF_STR_NULL, HF_STR("NIL") },
		{ HF_STR(""), HF_STR("\"\"") },
		{ HF_STR("NIL"), HF_STR("\"NIL\"") },
		{ HF_STR("a\"b\\c"), HF_STR("\"a\\\"b\\\\c\"") },
		{ HF_STR("a\tb\x7f"), HF_STR("\"a\tb\x7f\"") },
		{ HF_STR("\xc3\xa4"), HF_STR("{2}\r\n\xc3\xa4") },
		{ HF_STR("a\r\nb"), HF_STR("{4}\r\na\r\nb") },
		{ HF_STR("a\nb"), HF_STR("{3}\r\na\nb") },
	};
	struct hf_buf out = HF_BUF_INIT, long_one = HF_BUF_INIT;

	for (size_t i = 0; i < HF_COUNT(cases); i++) {
		hf_buf_clear(&out);
		hf_nstring_render(cases[i].in, &out);
		assert_octets(hf_buf_str(&out), cases[i].out);
	}
	for (int i = 0; i < 5000; i++)
		hf_buf_add_char(&long_one, '"');
	hf_buf_clear(&out);
	hf_nstring_render(hf_buf_str(&long_one), &out);
	ck_assert(hf_str_starts(hf_buf_str(&out), HF_STR("{5000}\r\n\"\"")));
	hf_buf_fini(&out);
	hf_buf_fini(&long_one);
}
END_TEST

START_TEST(the_example_of_rfc9051)
{
	assert_envelope(
		"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
		"Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n"
		"cc: minutes@CNRI.Reston.VA.US,\r\n   John Klensin <KLENSIN@MIT.EDU>\r\n"
		"Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n",
		"(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		"((NIL NIL \"imap\" \"cac.washington.edu\")) "
		"((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
		"NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
}
END_TEST

START_TEST(what_is_missing_is_nil_and_what_is_empty_is_not)
{
	assert_envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	assert_envelope("Date:\nSubject: \nFrom:\nTo: \nIn-Reply-To:\nMessage-ID:\n\n",
			"(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
}
END_TEST

START_TEST(sender_and_reply_to_default_to_from)
{
	assert_envelope(
		"From: a@b\nSender: s@t\nReply-To:\n\n",
		"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"t\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL "
		"NIL)");
}
END_TEST

START_TEST(groups_and_raw_octets)
{
	assert_envelope(
		"To: g: a@b;\nSubject: \xe4\n =?utf-8?Q?x?=\nSubject: second\n\n",
		"(NIL {15}\r\n\xe4 =?utf-8?Q?x?= NIL NIL NIL "
		"((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, strings_are_nil_quoted_or_literal);
	tcase_add_test(tc, the_example_of_rfc9051);
	tcase_add_test(tc, what_is_missing_is_nil_and_what_is_empty_is_not);
	tcase_add_test(tc, sender_and_reply_to_default_to_from);
	tcase_add_test(tc, groups_and_raw_octets);
}

int main(void)
{
	return run_tests("envelope", add);
}
