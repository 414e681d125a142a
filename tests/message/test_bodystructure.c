/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/render.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

static void assert_structure(const char *in, bool extended, const char *expected)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_buf out = HF_BUF_INIT;

	parse(arena, hf_str(in), &message);
	hf_bodystructure_render(message.root, extended, &out);
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
	hf_arena_free(&arena);
}

START_TEST(a_message_without_mime)
{
	assert_structure("Subject: x\r\n\r\none\r\ntwo\r\n", false,
			 "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 10 2)");
	assert_structure(
		"Subject: x\r\n\r\none\r\ntwo\r\n", true,
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 10 2 NIL NIL NIL NIL)");
	assert_structure("", false,
			 "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0)");
}
END_TEST

START_TEST(every_field_has_its_place)
{
	assert_structure(
		"Content-Type: image/png; name=\"a b.png\"\nContent-ID: <i@d>\nContent-Description: a\n picture\n"
		"Content-Transfer-Encoding: BASE64 (c)\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
		"Content-Disposition: attachment; filename=a.png; size=3\nContent-Language: de (c), en-GB\n"
		"Content-Location: http://example.org/a\n\nYWJj\n",
		true,
		"(\"image\" \"png\" (\"name\" \"a b.png\") \"<i@d>\" \"a picture\" \"BASE64\" 5 "
		"\"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename\" \"a.png\" \"size\" \"3\")) "
		"(\"de\" \"en-GB\") \"http://example.org/a\")");
	assert_structure(
		"Content-Type: text/x\nContent-Disposition: inline\nContent-Language: de\n\n", true,
		"(\"text\" \"x\" NIL NIL NIL \"7BIT\" 0 0 NIL (\"inline\" NIL) \"de\" NIL)");
}
END_TEST

START_TEST(multiparts_and_messages)
{
	static const char in[] =
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/rfc822\n\n"
		"Subject: in\n\ny\nz\n--b--\n";

	assert_structure(
		in, false,
		"((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0)(\"message\" \"rfc822\" NIL NIL "
		"NIL \"7BIT\" 16 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" \"PLAIN\" (\"CHARSET\" "
		"\"US-ASCII\") NIL NIL \"7BIT\" 3 1) 3) \"mixed\")");
	assert_structure(
		in, true,
		"((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0 NIL NIL NIL NIL)(\"message\" "
		"\"rfc822\" NIL NIL NIL \"7BIT\" 16 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"TEXT\" \"PLAIN\" "
		"(\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) \"mixed\" "
		"(\"boundary\" \"b\") NIL NIL NIL)");
}
END_TEST

START_TEST(values_that_are_not_ascii_are_percent_encoded)
{
	assert_structure(
		"Content-Type: a/b; name*=iso-8859-1'de'%e4%20'%25; x=\"\xc3\xb6\"\n\n", false,
		"(\"a\" \"b\" (\"name*\" \"utf-8''%C3%A4%20%27%25\" \"x*\" \"utf-8''%C3%B6\") NIL NIL \"7BIT\" 0)");
	assert_structure("Content-Type: a/b; name*=utf-8''a%20b\n\n", false,
			 "(\"a\" \"b\" (\"name\" \"a b\") NIL NIL \"7BIT\" 0)");
}
END_TEST

START_TEST(what_cannot_be_rendered_as_it_is_becomes_a_leaf)
{
	assert_structure("Content-Type: multipart/mixed\n\nx\n", false,
			 "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)");
	assert_structure(
		"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\neA==\n", false,
		"(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"base64\" 5)");
	assert_structure(
		"Content-Type: multipart/mixed; boundary=b\n\n", false,
		"((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 0 0) \"mixed\")");
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_message_without_mime);
	tcase_add_test(tc, every_field_has_its_place);
	tcase_add_test(tc, multiparts_and_messages);
	tcase_add_test(tc, values_that_are_not_ascii_are_percent_encoded);
	tcase_add_test(tc, what_cannot_be_rendered_as_it_is_becomes_a_leaf);
}

int main(void)
{
	return run_tests("bodystructure", add);
}
