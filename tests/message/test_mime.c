/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/mime.h"

#include <dirent.h>
#include <stdio.h>

#include "base/clock.h"
#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

static struct hf_arena *arena;
static struct hf_message message;

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

/* "type/subtype[body]" of leaves, "(...)" around the parts of a multipart, "<...>" around an
 * embedded message. */
static void tree_put(const struct hf_part *part, struct hf_str in, struct hf_buf *out)
{
	if (part->kind == HF_PART_LEAF) {
		struct hf_str body =
			hf_str_sub(in, (size_t)part->body_offset, (size_t)part->body_size);

		hf_buf_printf(out, "%.*s[%.*s]", HF_STR_ARG(part->subtype), HF_STR_ARG(body));
		return;
	}
	hf_buf_add_char(out, part->kind == HF_PART_MULTIPART ? '(' : '<');
	for (const struct hf_part *child = part->children; child; child = child->next)
		tree_put(child, in, out);
	hf_buf_add_char(out, part->kind == HF_PART_MULTIPART ? ')' : '>');
}

static void assert_tree_limits(const struct hf_mime_limits *limits, struct hf_str in,
			       const char *expected)
{
	for (size_t size = 1; size <= in.size; size++) {
		struct hf_buf out = HF_BUF_INIT;

		parse_pieces(arena, limits, NULL, in, size, &message);
		check_parsed(&message);
		tree_put(message.root, in, &out);
		assert_octets(hf_buf_str(&out), hf_str(expected));
		hf_buf_fini(&out);
	}
}

#define TOP                        "Content-Type: multipart/mixed; boundary=b\n\n"
#define assert_tree(in, expected)  assert_tree_limits(NULL, HF_STR(in), expected)
#define assert_parts(in, expected) assert_tree(TOP in, expected)

START_TEST(the_line_end_before_a_delimiter_belongs_to_it)
{
	assert_parts("pre\n--b\n\none\n--b\n\ntwo\n\n--b--\nepi\n", "(PLAIN[one]PLAIN[two\n])");
	assert_parts("--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n\r\n--b--\r\n",
		     "(PLAIN[one]PLAIN[two\r\n])");
	assert_parts("--b\n\none\r\n--b\n\n\r\r\n--b--", "(PLAIN[one]PLAIN[\r])");
	assert_parts("--b\n\n\n--b\n\n--b--\n", "(PLAIN[]PLAIN[])");
	assert_parts("--b\n--b--\n", "(PLAIN[])");
	assert_parts("--b\nContent-Type: x/y\n--b--\n", "(y[])");
}
END_TEST

START_TEST(white_space_may_follow_a_boundary)
{
	assert_parts("--b \t\n\none\n--b-- \n", "(PLAIN[one])");
	assert_parts("--b\n\none\n--b x\n--b--x\n --b\n-b\n--b -\n--b--\n",
		     "(PLAIN[one\n--b x\n--b--x\n --b\n-b\n--b -])");
}
END_TEST

START_TEST(a_boundary_may_begin_with_another)
{
	assert_parts(
		"--b\nContent-Type: multipart/x; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--bb--\n--b--\n",
		"((PLAIN[one]PLAIN[two]))");
	assert_tree(
		"Content-Type: multipart/x; boundary=bb\n\n--bb\nContent-Type: multipart/y; boundary=b\n\n"
		"--b\n\none\n--bb\n\ntwo\n--bb--\n",
		"((PLAIN[one])PLAIN[two])");
	/* "b--" delimits and does not close "b" */
	assert_parts(
		"--b\nContent-Type: multipart/x; boundary=\"b--\"\n\n--b--\n\none\n--b----\n--b\n\ntwo\n",
		"((PLAIN[one])PLAIN[two\n])");
}
END_TEST

START_TEST(an_outer_boundary_ends_inner_parts)
{
	assert_parts(
		"--b\nContent-Type: multipart/x; boundary=i\n\n--i\n\none\n--b\n\ntwo\n--i\n--b--\n",
		"((PLAIN[one])PLAIN[two\n--i])");
	assert_parts("--b\nContent-Type: message/rfc822\n\nSubject: x\n--b\n\ntwo\n--b--\n",
		     "(<PLAIN[]>PLAIN[two])");
	assert_parts("--b\nContent-Type: multipart/x; boundary=i\n--b\n\ntwo\n--b--\n",
		     "((PLAIN[])PLAIN[two])");
}
END_TEST

START_TEST(what_is_missing_at_the_end)
{
	assert_parts("--b\n\none\n", "(PLAIN[one\n])");
	assert_parts("--b\n\none\n--", "(PLAIN[one\n--])");
	assert_parts("--b\n\none\n--b-", "(PLAIN[one\n--b-])");
	assert_parts("--b\n\none\n--b--", "(PLAIN[one])");
	assert_parts("--b\n\none\n--b", "(PLAIN[one]PLAIN[])");
	assert_parts("--b\n\none\r", "(PLAIN[one\r])");
	assert_tree("Subject: x", "PLAIN[]");
	assert_tree("Content-Type: message/rfc822", "<PLAIN[]>");
	assert_tree("x\r", "PLAIN[]");
}
END_TEST

START_TEST(a_multipart_has_a_part)
{
	assert_parts("", "(PLAIN[])");
	assert_parts("--b--\nx\n", "(PLAIN[])");
	assert_parts("no delimiter\nat all\n", "(PLAIN[no delimiter\nat all\n])");
	ck_assert_uint_eq(message.root->children->body_lines, 2);
}
END_TEST

START_TEST(nothing_reopens_a_closed_multipart)
{
	assert_parts("--b\n\none\n--b--\n--b\n\ntwo\n--b--\n", "(PLAIN[one])");
}
END_TEST

START_TEST(multiparts_without_a_boundary_are_text)
{
	assert_tree("Content-Type: multipart/mixed\n\n--\n\nx\n", "PLAIN[--\n\nx\n]");
	assert_tree("Content-Type: multipart/mixed; boundary=\"\"\n\n--\nx", "PLAIN[--\nx]");
	assert_tree("Content-Type: multipart/mixed; boundary=\"b \"\n\n--b\n\nx", "(PLAIN[x])");
}
END_TEST

START_TEST(a_digest_holds_messages)
{
	assert_tree(
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b\nContent-Type: "
		"text/plain\n\ntwo\n--b--\n",
		"(<PLAIN[one]>plain[two])");
	assert_octets(message.root->children->children->envelope->subject, HF_STR("x"));
}
END_TEST

START_TEST(embedded_messages)
{
	assert_tree(
		"Content-Type: message/rfc822\n\nContent-Type: multipart/x; boundary=i\n\n--i\n\none\n--i--\n",
		"<(PLAIN[one])>");
	assert_tree("Content-Type: message/global\nContent-Transfer-Encoding: binary\n\n\none",
		    "<PLAIN[one]>");
	assert_tree("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\neA==",
		    "OCTET-STREAM[eA==]");
	assert_tree("Content-Type: message/partial\n\nx", "partial[x]");
	parse(arena, HF_STR("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\none\r\ntwo\r\n"),
	      &message);
	ck_assert_uint_eq(message.root->header_size, 32);
	ck_assert_uint_eq(message.root->body_lines, 4);
	ck_assert_uint_eq(message.root->children->header_offset, 32);
	ck_assert_uint_eq(message.root->children->header_lines, 2);
	ck_assert_uint_eq(message.root->children->body_offset, 46);
	ck_assert_uint_eq(message.root->children->body_lines, 2);
}
END_TEST

START_TEST(headers_end_at_an_empty_line)
{
	assert_tree("A: 1\r\n\r\nbody", "PLAIN[body]");
	assert_tree("\r\nbody", "PLAIN[body]");
	assert_tree("A: 1\n\rx\r\n\nbody", "PLAIN[body]");
	assert_tree("A: 1\r\n\r\r\n\r\nbody", "PLAIN[body]");
	assert_tree("junk\n \nA: 1\n\nbody", "PLAIN[body]");
}
END_TEST

START_TEST(limits_make_the_rest_opaque)
{
	struct hf_mime_limits limits = hf_mime_default_limits;

	limits.depth = 2;
	assert_tree_limits(
		&limits,
		HF_STR(TOP "--b\nContent-Type: message/rfc822\n\n"
			   "Content-Type: multipart/x; boundary=i\n\n--i\n\none\n--i--\n--b--\n"),
		"(<OCTET-STREAM[--i\n\none\n--i--]>)");
	ck_assert(message.truncated_tree);
	limits = hf_mime_default_limits;
	limits.parts = 3;
	assert_tree_limits(&limits, HF_STR(TOP "--b\n\none\n--b\n\ntwo\n--b\n\nthree\n--b--\n"),
			   "(PLAIN[one]PLAIN[two])");
	ck_assert(message.truncated_tree);
	parse(arena, HF_STR(TOP "--b\n\none\n--b--\n"), &message);
	ck_assert(!message.truncated_tree);
}
END_TEST

START_TEST(long_dashed_lines_are_content)
{
	struct hf_buf in = HF_BUF_INIT;

	/* around the longest line that can be a delimiter, followed by one */
	for (size_t dashes = 1090; dashes < 1110; dashes++) {
		for (int crlf = 0; crlf < 2; crlf++) {
			hf_buf_clear(&in);
			hf_buf_add_lit(&in, TOP "--b\n\n");
			for (size_t i = 0; i < dashes; i++)
				hf_buf_add_char(&in, '-');
			hf_buf_add_cstr(&in, crlf ? "\r\n--b--\n" : "\n--b--\n");
			for (size_t size = 1; size <= in.size;
			     size += size < 3 || size > 1000 ? 1 : 97) {
				parse_pieces(arena, NULL, NULL, hf_buf_str(&in), size, &message);
				ck_assert_uint_eq(message.root->children->body_size, dashes);
			}
		}
		hf_arena_reset(arena);
	}
	hf_buf_fini(&in);
}
END_TEST

START_TEST(nul_octets_are_noted)
{
	parse(arena, HF_STR("Subject: a\0b\n\nx"), &message);
	ck_assert(message.has_nul);
	assert_octets(message.root->envelope->subject, HF_STR("a\x80"
							      "b"));
	parse(arena, HF_STR("Subject: ab\n\nx"), &message);
	ck_assert(!message.has_nul);
}
END_TEST

START_TEST(previews_prefer_plain_text)
{
	static const struct {
		const char *in, *preview;
	} cases[] = {
		{ "\n one \n two", "one two" },
		{ "Content-Type: text/html\n\n<p>one</p>", "one" },
		{ TOP "--b\nContent-Type: text/html\n\nhtml\n--b\n\nplain\n--b\n\nlast\n--b--",
		  "plain" },
		{ TOP "--b\n\n \n--b\nContent-Type: text/html\n\nhtml\n--b--", "html" },
		{ TOP "--b\nContent-Disposition: attachment\n\nno\n--b\n\nyes\n--b--", "yes" },
		{ "Content-Type: image/png\n\nx", "" },
		{ "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n5A==",
		  "\xc3\xa4" },
	};

	for (size_t i = 0; i < HF_COUNT(cases); i++) {
		parse(arena, hf_str(cases[i].in), &message);
		assert_octets(message.preview, hf_str(cases[i].preview));
	}
}
END_TEST

START_TEST(the_sink_gets_the_text_of_text_parts)
{
	struct recorder recorder = RECORDER_INIT;

	parse_pieces(
		arena, NULL, &recorder.sink,
		HF_STR("Content-Type: multipart/mixed; boundary=b\n\nno\n--b\nContent-Type: text/html; "
		       "charset=koi8-r\n\n<\xf0>\n--b\nContent-Type: image/png\n\nno\n--b\n\nyes\n--b--\nno"),
		3, &message);
	assert_buf(
		&recorder.text,
		"H Content-Type|multipart/mixed; boundary=b\nB Content-Type|text/html; charset=koi8-r\n"
		"B |<\xd0\x9f>\nB Content-Type|image/png\nB |yes\n");
	hf_buf_fini(&recorder.text);
}
END_TEST

START_TEST(a_parser_may_be_dropped)
{
	struct recorder recorder = RECORDER_INIT;
	struct hf_mime *mime = hf_mime_new(arena, NULL, &recorder.sink);

	hf_mime_feed(mime, HF_STR(TOP "--b\nContent-Type: text/plain; charset=koi8-r\n\nx\n--"));
	hf_mime_free(&mime);
	ck_assert_ptr_null(mime);
	hf_mime_free(&mime);
	hf_buf_fini(&recorder.text);
}
END_TEST

/* Feeds `count` times `unit` after `head`; the time must not explode and memory stay within bounds.
 */
static void flood(const char *head, const char *unit, size_t count)
{
	struct hf_mime *mime = hf_mime_new(arena, NULL, NULL);
	struct hf_buf piece = HF_BUF_INIT, encoded = HF_BUF_INIT;
	size_t per_piece = 65536 / strlen(unit) + 1;
	uint64_t before = hf_now_ms();

	for (size_t i = 0; i < per_piece; i++)
		hf_buf_add_cstr(&piece, unit);
	hf_mime_feed(mime, hf_str(head));
	for (size_t i = 0; i < count; i += per_piece)
		hf_mime_feed(mime, hf_buf_str(&piece));
	hf_mime_finish(&mime, &message);
	check_parsed(&message);
	check_stored_form(&message, &encoded);
	ck_assert_msg(hf_arena_used(arena) < 24u << 20, "%s: %zu octets", unit,
		      hf_arena_used(arena));
	ck_assert_msg(hf_now_ms() - before < 20000, "%s: %u ms", unit,
		      (unsigned)(hf_now_ms() - before));
	hf_buf_fini(&piece);
	hf_buf_fini(&encoded);
}

static const struct {
	const char *head, *unit;
	size_t count;
} floods[] = {
	{ TOP, "--b\n\nx\n", 1000000 },
	{ TOP, "--b\n--b\n", 500000 },
	{ TOP, "--b\nContent-Type: multipart/x; boundary=b\n\n", 100000 },
	{ TOP, "--b\nContent-Type: message/rfc822\n\n", 100000 },
	{ TOP,
	  "--b\nContent-Type: a/b; a=1; b=2; c=3; d*0=4; d*1=5; e*=u''%20; f=6; g=7; h=8; i=9\n\n",
	  50000 },
	{ "", "Content-Type: message/rfc822\n\n", 100000 },
	{ "", "To: a@b, c@d, e@f\n", 200000 },
	{ "To: ", "a@b,", 1000000 },
	{ "To: ", "(", 3000000 },
	{ "References: ", "<a@b>", 500000 },
	{ "References: ", "<\"", 1000000 },
	{ "Subject: ", "=?utf-8?Q?a?= ", 200000 },
	{ "Content-Type: a/b", "; x*1=y", 200000 },
	{ "A: 1", "\n b", 1000000 },
	{ TOP, "--", 3000000 },
	{ TOP, "\n--", 1000000 },
	{ TOP, "\r", 3000000 },
	{ TOP "--b\n\n", "x", 5000000 },
};

START_TEST(floods_cost_linear_time_and_bounded_memory)
{
	flood(floods[_i].head, floods[_i].unit, floods[_i].count);
}
END_TEST

/* The corpus. */

static struct hf_buf read_file(const char *path)
{
	struct hf_buf in = HF_BUF_INIT;
	FILE *stream = fopen(path, "rb");
	size_t got;

	ck_assert_msg(stream != NULL, "%s", path);
	while ((got = fread(hf_buf_reserve(&in, 65536), 1, 65536, stream)) > 0)
		hf_buf_added(&in, got);
	fclose(stream);
	return in;
}

static void corpus_check(const char *path)
{
	struct hf_buf in = read_file(path), whole = HF_BUF_INIT;
	struct recorder whole_text = RECORDER_INIT;

	parse_pieces(arena, NULL, &whole_text.sink, hf_buf_str(&in), in.size, &message);
	ck_assert_uint_eq(message.size, in.size);
	check_parsed(&message);
	check_stored_form(&message, &whole);
	for (size_t size = 1; size <= 200; size++) {
		struct hf_buf pieces = HF_BUF_INIT;
		struct recorder text = RECORDER_INIT;
		bool with_text = size % 50 == 1;

		if (in.size > 20000 && size > 5 && size % 10 != 0)
			continue; /* one long message need not show it all */
		hf_arena_reset(arena);
		parse_pieces(arena, NULL, with_text ? &text.sink : NULL, hf_buf_str(&in), size,
			     &message);
		hf_message_encode(&message, &pieces);
		ck_assert_msg(hf_str_eq(hf_buf_str(&pieces), hf_buf_str(&whole)),
			      "%s in pieces of %zu", path, size);
		if (with_text)
			ck_assert_msg(
				hf_str_eq(hf_buf_str(&text.text), hf_buf_str(&whole_text.text)),
				"%s: text in pieces of %zu", path, size);
		hf_buf_fini(&pieces);
		hf_buf_fini(&text.text);
	}
	hf_buf_fini(&whole_text.text);
	hf_buf_fini(&whole);
	hf_buf_fini(&in);
}

START_TEST(the_corpus_in_pieces_of_every_size)
{
	const char *srcdir = getenv("HF_SRCDIR");
	struct hf_arena *names = hf_arena_new();
	char *dir_name = hf_arena_printf(names, "%s/tests/data/corpus", srcdir ? srcdir : ".");
	DIR *dir = opendir(dir_name);
	struct dirent *entry;
	int count = 0;

	ck_assert_msg(dir != NULL, "%s", dir_name);
	while ((entry = readdir(dir))) {
		char path[1024];

		if (!hf_str_ends(hf_str(entry->d_name), HF_STR(".msg")))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir_name, entry->d_name);
		corpus_check(path);
		count++;
	}
	closedir(dir);
	hf_arena_free(&names);
	ck_assert_int_gt(count, 40);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_line_end_before_a_delimiter_belongs_to_it);
	tcase_add_test(tc, white_space_may_follow_a_boundary);
	tcase_add_test(tc, a_boundary_may_begin_with_another);
	tcase_add_test(tc, an_outer_boundary_ends_inner_parts);
	tcase_add_test(tc, what_is_missing_at_the_end);
	tcase_add_test(tc, a_multipart_has_a_part);
	tcase_add_test(tc, nothing_reopens_a_closed_multipart);
	tcase_add_test(tc, multiparts_without_a_boundary_are_text);
	tcase_add_test(tc, a_digest_holds_messages);
	tcase_add_test(tc, embedded_messages);
	tcase_add_test(tc, headers_end_at_an_empty_line);
	tcase_add_test(tc, limits_make_the_rest_opaque);
	tcase_add_test(tc, long_dashed_lines_are_content);
	tcase_add_test(tc, nul_octets_are_noted);
	tcase_add_test(tc, previews_prefer_plain_text);
	tcase_add_test(tc, the_sink_gets_the_text_of_text_parts);
	tcase_add_test(tc, a_parser_may_be_dropped);
	tcase_add_loop_test(tc, floods_cost_linear_time_and_bounded_memory, 0,
			    (int)HF_COUNT(floods));
	tcase_add_test(tc, the_corpus_in_pieces_of_every_size);
}

int main(void)
{
	return run_tests("mime", add);
}
