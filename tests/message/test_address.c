/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "tests/base/base_test.h"

static void put(struct hf_buf *out, struct hf_str s)
{
	if (s.data)
		hf_buf_add_str(out, s);
	else
		hf_buf_add_char(out, '-');
}

/* "name|route|mailbox|host;" with "-" for NIL. */
static void assert_addresses_max(struct hf_str in, uint32_t max, const char *expected)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf out = HF_BUF_INIT;

	for (struct hf_address *a = hf_addresses_parse(arena, in, max); a; a = a->next) {
		put(&out, a->name);
		hf_buf_add_char(&out, '|');
		put(&out, a->route);
		hf_buf_add_char(&out, '|');
		put(&out, a->mailbox);
		hf_buf_add_char(&out, '|');
		put(&out, a->host);
		hf_buf_add_char(&out, ';');
	}
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
	hf_arena_free(&arena);
}

static void assert_addresses(const char *in, const char *expected)
{
	assert_addresses_max(hf_str(in), 100, expected);
}

START_TEST(plain_addresses)
{
	assert_addresses("", "");
	assert_addresses("a@b.c", "-|-|a|b.c;");
	assert_addresses("a@b.c, d.e@f", "-|-|a|b.c;-|-|d.e|f;");
	assert_addresses("Anna Berg <a@b.c>", "Anna Berg|-|a|b.c;");
	assert_addresses("\"Berg, Anna\" <a@b.c>", "Berg, Anna|-|a|b.c;");
	assert_addresses("\"A \\\"B\\\" \\\\C\" <a@b>", "A \"B\" \\C|-|a|b;");
	assert_addresses("<a@b>", "-|-|a|b;");
	assert_addresses("\r\n Anna\r\n\t<a@b>\r\n", "Anna|-|a|b;");
	assert_addresses("=?utf-8?Q?=C3=84?= <a@b>", "=?utf-8?Q?=C3=84?=|-|a|b;");
}
END_TEST

START_TEST(a_comment_names_who_has_no_phrase)
{
	assert_addresses("a@b (Anna Berg)", "Anna Berg|-|a|b;");
	assert_addresses("Anna (not this) <a@b>", "Anna|-|a|b;");
	assert_addresses("<a@b> (Anna \\(B\\))", "Anna (B)|-|a|b;");
	assert_addresses("a@b ((nested) one), c@d", "(nested) one|-|a|b;-|-|c|d;");
}
END_TEST

START_TEST(groups)
{
	assert_addresses("undisclosed-recipients:;", "-|-|undisclosed-recipients|-;-|-|-|-;");
	assert_addresses("My Group: a@b, C <c@d>; e@f",
			 "-|-|My Group|-;-|-|a|b;C|-|c|d;-|-|-|-;-|-|e|f;");
	assert_addresses("x: a@b", "-|-|x|-;-|-|a|b;-|-|-|-;");     /* never closed */
	assert_addresses("a: b: c@d;", "-|-|a|-;-|-|c|d;-|-|-|-;"); /* none within another */
	assert_addresses(":;", "-|-||-;-|-|-|-;");
}
END_TEST

START_TEST(obsolete_syntax)
{
	assert_addresses("<@x.y,@z:a@b>", "-|@x.y,@z|a|b;");
	assert_addresses("a . b @ c . d", "-|-|a.b|c.d;");
	assert_addresses("Joe Q. Public <a@b>", "Joe Q. Public|-|a|b;");
	assert_addresses(",,a@b,, ,c@d,", "-|-|a|b;-|-|c|d;");
	assert_addresses("a (c) @ (d) b", "d|-|a|b;");
	assert_addresses("a@[127.0.0.1]", "-|-|a|[127.0.0.1];");
	assert_addresses("a@[IPv6:2001:db8::1], b@c", "-|-|a|[IPv6:2001:db8::1];-|-|b|c;");
	assert_addresses("\"a b\"@c", "-|-|a b|c;");
	assert_addresses("\"\"@c", "-|-||c;");
}
END_TEST

START_TEST(missing_parts_are_empty)
{
	assert_addresses("anna", "-|-|anna|;");
	assert_addresses("Anna Berg", "-|-|Anna Berg|;");
	assert_addresses("Anna <>", "Anna|-||;");
	assert_addresses("Anna <anna>", "Anna|-|anna|;");
	assert_addresses("<@b>", "-|-||b;");
	assert_addresses("a@", "-|-|a|;");
	assert_addresses("a@, c@d", "-|-|a|;-|-|c|d;");
}
END_TEST

START_TEST(broken_fields_end_somewhere)
{
	assert_addresses("a@b c@d", "-|-|a|b;-|-|c|d;"); /* no comma */
	assert_addresses("Anna a@b", "Anna|-|a|b;");
	assert_addresses("<<a@b>>", "-|-|a|b;");
	assert_addresses("Anna <a@b", "Anna|-|a|b;");
	assert_addresses("\"Anna <a@b>", "-|-|Anna <a@b>|;");
	assert_addresses("a@b (Anna", "Anna|-|a|b;");
	assert_addresses("a@b (Anna\\", "Anna|-|a|b;");
	assert_addresses("\"Anna\\", "-|-|Anna\\|;");
	assert_addresses(">)]\\;", "");
	assert_addresses("a@b; c@d", "-|-|a|b;-|-|c|d;"); /* as some clients separate */
	assert_addresses_max(HF_STR("a\0b@c"), 10,
			     "-|-|a\x80"
			     "b|c;");
}
END_TEST

START_TEST(the_limit_holds_and_groups_are_closed)
{
	assert_addresses_max(HF_STR("a@b, c@d, e@f"), 2, "-|-|a|b;-|-|c|d;");
	assert_addresses_max(HF_STR("g: a@b, c@d;"), 2, "-|-|g|-;-|-|a|b;-|-|-|-;");
}
END_TEST

START_TEST(deep_comments_and_long_fields_are_linear)
{
	struct hf_buf in = HF_BUF_INIT;
	struct hf_arena *arena = hf_arena_new();

	for (int i = 0; i < 1000000; i++)
		hf_buf_add_char(&in, "(<:@\","[i % 2 ? 0 : i / 2 % 6]);
	hf_addresses_parse(arena, hf_buf_str(&in), 5000);
	hf_buf_clear(&in);
	for (int i = 0; i < 1000000; i++)
		hf_buf_add_char(&in, '(');
	ck_assert_ptr_null(hf_addresses_parse(arena, hf_buf_str(&in), 5000));
	hf_buf_fini(&in);
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, plain_addresses);
	tcase_add_test(tc, a_comment_names_who_has_no_phrase);
	tcase_add_test(tc, groups);
	tcase_add_test(tc, obsolete_syntax);
	tcase_add_test(tc, missing_parts_are_empty);
	tcase_add_test(tc, broken_fields_end_somewhere);
	tcase_add_test(tc, the_limit_holds_and_groups_are_closed);
	tcase_add_test(tc, deep_comments_and_long_fields_are_linear);
}

int main(void)
{
	return run_tests("address", add);
}
