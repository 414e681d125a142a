/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>

#include "module/imap/imap.h"
#include "tests/base/base_test.h"

static struct hf_arena *arena;
static struct imap_settings settings = { .nesting_max = 100 };

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static struct imap_parser parser_n(const char *text, size_t size)
{
	return (struct imap_parser){ .start = text,
				     .pos = text,
				     .end = text + size,
				     .arena = arena,
				     .settings = &settings };
}

static struct imap_parser parser(const char *text)
{
	return parser_n(text, strlen(text));
}

/* What a parsing function takes, or that it takes nothing and leaves the position. */
typedef bool string_fn(struct imap_parser *p, struct hf_str *s);

static void takes(string_fn *fn, const char *text, const char *value, const char *rest)
{
	struct imap_parser p = parser(text);
	struct hf_str s = HF_STR_NULL;

	ck_assert_msg(fn(&p, &s), "refused: %s", text);
	assert_octets(s, hf_str(value));
	assert_octets(hf_str_n(p.pos, (size_t)(p.end - p.pos)), hf_str(rest));
}

static void refuses(string_fn *fn, const char *text)
{
	struct imap_parser p = parser(text);
	struct hf_str s;

	ck_assert_msg(!fn(&p, &s), "taken: %s", text);
	ck_assert_ptr_eq(p.pos, p.start);
	ck_assert_ptr_nonnull(p.expected);
}

START_TEST(astring_is_atom_quoted_or_literal)
{
	takes(imap_parse_astring, "INBOX rest", "INBOX", " rest");
	takes(imap_parse_astring, "a]b)", "a]b", ")");
	takes(imap_parse_astring, "\"two words\" x", "two words", " x");
	takes(imap_parse_astring, "\"\"", "", "");
	takes(imap_parse_astring, "\"a\\\"b\\\\c\"", "a\"b\\c", "");
	takes(imap_parse_astring, "{5}\r\na b\r\nrest", "a b\r\n", "rest");
	takes(imap_parse_astring, "{3+}\r\nabc", "abc", "");
	takes(imap_parse_astring, "{0}\r\n x", "", " x");
	takes(imap_parse_astring, "{0003}\r\nabc", "abc", "");
	takes(imap_parse_astring, "\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f", "");
}
END_TEST

START_TEST(malformed_strings_are_refused)
{
	refuses(imap_parse_astring, "");
	refuses(imap_parse_astring, " x");
	refuses(imap_parse_astring, "\"open");
	refuses(imap_parse_astring, "\"ends in backslash\\");
	refuses(imap_parse_astring, "\"other \\n escape\"");
	refuses(imap_parse_astring, "\"bare\rreturn\"");
	refuses(imap_parse_astring, "\"latin \xfc\"");
	refuses(imap_parse_astring, "\"overlong \xc0\xaf\"");
	refuses(imap_parse_astring, "{4}\r\nabc");
	refuses(imap_parse_astring, "{3}abc");
	refuses(imap_parse_astring, "{-1}\r\n");
	refuses(imap_parse_astring, "{}\r\n");
	refuses(imap_parse_astring, "{99999999999999999999}\r\n");
	refuses(imap_parse_string, "atom");
	refuses(imap_parse_atom, "\"quoted\"");
	refuses(imap_parse_atom, "\x80");
}
END_TEST

START_TEST(nul_is_refused_everywhere)
{
	static const char literal[] = "{3}\r\na\0b", quoted[] = "\"a\0b\"", atom[] = "\0a";
	struct imap_parser p = parser_n(literal, sizeof(literal) - 1);
	struct hf_str s;

	ck_assert(!imap_parse_astring(&p, &s));
	p = parser_n(quoted, sizeof(quoted) - 1);
	ck_assert(!imap_parse_astring(&p, &s));
	p = parser_n(atom, sizeof(atom) - 1);
	ck_assert(!imap_parse_astring(&p, &s));
}
END_TEST

START_TEST(nil_is_not_an_empty_string)
{
	struct imap_parser p = parser("nil");
	struct hf_str s;

	ck_assert(imap_parse_nstring(&p, &s));
	ck_assert_ptr_null(s.data);
	p = parser("\"\"");
	ck_assert(imap_parse_nstring(&p, &s));
	ck_assert_ptr_nonnull(s.data);
	ck_assert_uint_eq(s.size, 0);
	refuses(imap_parse_nstring, "NILS");
}
END_TEST

START_TEST(keywords_end_where_they_end)
{
	struct imap_parser p = parser("body[TEXT]");

	ck_assert(!imap_parse_keyword(&p, "BODYSTRUCTURE"));
	ck_assert(imap_parse_keyword(&p, "BODY"));
	ck_assert(imap_parse_is(&p, '['));
	p = parser("RFC822.SIZE");
	ck_assert(!imap_parse_keyword(&p, "RFC822"));
	ck_assert(imap_parse_keyword(&p, "RFC822.SIZE"));
}
END_TEST

START_TEST(spaces_are_forgiven_where_clients_send_them)
{
	struct imap_parser p = parser("a  b  ");
	struct hf_str s;

	ck_assert(imap_parse_atom(&p, &s));
	ck_assert(imap_parse_space(&p));
	ck_assert(imap_parse_atom(&p, &s));
	ck_assert(imap_parse_end(&p));
	ck_assert(!imap_parse_space(&p));
}
END_TEST

START_TEST(numbers_have_limits)
{
	struct imap_parser p = parser("4294967295");
	uint32_t n;
	uint64_t big;

	ck_assert(imap_parse_number(&p, &n));
	ck_assert_uint_eq(n, UINT32_MAX);
	p = parser("4294967296");
	ck_assert(!imap_parse_number(&p, &n));
	ck_assert(imap_parse_number64(&p, &big));
	p = parser("9223372036854775807");
	ck_assert(imap_parse_number64(&p, &big));
	p = parser("9223372036854775808");
	ck_assert(!imap_parse_number64(&p, &big));
	p = parser("-1");
	ck_assert(!imap_parse_number64(&p, &big));
}
END_TEST

static void flags_are(const char *text, bool ok, uint32_t expected, size_t keywords)
{
	struct imap_parser p = parser(text);
	struct hf_str *names;
	uint32_t flags;
	size_t count;

	ck_assert_msg(imap_parse_flag_list(&p, &flags, &names, &count) == ok, "%s", text);
	if (!ok) {
		ck_assert_ptr_eq(p.pos, p.start);
		return;
	}
	ck_assert_uint_eq(flags, expected);
	ck_assert_uint_eq(count, keywords);
}

START_TEST(flag_lists_come_with_and_without_parentheses)
{
	flags_are("(\\Seen \\DELETED $Forwarded)", true, HF_FLAG_SEEN | HF_FLAG_DELETED, 1);
	flags_are("\\Seen work", true, HF_FLAG_SEEN, 1);
	flags_are("()", true, 0, 0);
	flags_are("( \\Seen )", true, HF_FLAG_SEEN, 0);
	flags_are("(\\Recent \\Future a b c d e f g h i j)", true, 0, 10);
	flags_are("", false, 0, 0);
	flags_are("(\\Seen", false, 0, 0);
	flags_are("(\\*)", false, 0, 0);
	flags_are("(a]b)", false, 0, 0);
	flags_are("(\\Seen\"x\")", false, 0, 0);
}
END_TEST

START_TEST(keywords_are_of_bounded_size)
{
	char text[160];

	memset(text, 'k', sizeof(text));
	text[100] = '\0';
	flags_are(text, true, 0, 1);
	text[100] = 'k';
	text[101] = '\0';
	flags_are(text, false, 0, 0);
}
END_TEST

START_TEST(mailbox_names_are_decoded_and_checked)
{
	static const char *const bad[] = { "&",     "&AGE-", "a&", "\"a//b\"", "\"%\"",
					   "\"*\"", "&2D0-", "/a", "\"a\x01\"" };

	takes(imap_parse_mailbox, "inbox", "INBOX", "");
	takes(imap_parse_mailbox, "&ZeVnLIqe- x", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", " x");
	takes(imap_parse_mailbox, "a&-b", "a&b", "");
	takes(imap_parse_mailbox, "Work/", "Work", "");
	takes(imap_parse_mailbox, "\"../../etc/passwd\"", "../../etc/passwd", "");
	for (size_t i = 0; i < HF_COUNT(bad); i++) {
		struct imap_parser p = parser(bad[i]);
		struct hf_str s;

		ck_assert_msg(imap_parse_mailbox(&p, &s), "%s", bad[i]);
		ck_assert_msg(s.data == NULL, "%s", bad[i]);
	}
}
END_TEST

START_TEST(with_utf8_names_are_taken_as_they_are)
{
	struct imap_parser p = parser("\"R&D \xc3\xa4\"");
	struct hf_str s;

	p.utf8 = true;
	ck_assert(imap_parse_mailbox(&p, &s));
	assert_octets(s, HF_STR("R&D \xc3\xa4"));
}
END_TEST

START_TEST(dates_are_parsed_whole)
{
	struct imap_parser p = parser("\" 7-Feb-1994 21:52:25 -0800\" x");
	int64_t when;

	ck_assert(imap_parse_date_time(&p, &when));
	ck_assert_int_eq(when, 760686745);
	p = parser("\"yesterday\"");
	ck_assert(!imap_parse_date_time(&p, &when));
	ck_assert_ptr_eq(p.pos, p.start);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, astring_is_atom_quoted_or_literal);
	tcase_add_test(tc, malformed_strings_are_refused);
	tcase_add_test(tc, nul_is_refused_everywhere);
	tcase_add_test(tc, nil_is_not_an_empty_string);
	tcase_add_test(tc, keywords_end_where_they_end);
	tcase_add_test(tc, spaces_are_forgiven_where_clients_send_them);
	tcase_add_test(tc, numbers_have_limits);
	tcase_add_test(tc, flag_lists_come_with_and_without_parentheses);
	tcase_add_test(tc, keywords_are_of_bounded_size);
	tcase_add_test(tc, mailbox_names_are_decoded_and_checked);
	tcase_add_test(tc, with_utf8_names_are_taken_as_they_are);
	tcase_add_test(tc, dates_are_parsed_whole);
}

int main(void)
{
	return run_tests("imap parser", add);
}
