/* SPDX-License-Identifier: BSD-2-Clause */
#include "module/lmtp/lmtp.h"
#include "tests/base/base_test.h"

/* In tables, where HF_STR is no constant. */
#define S(literal)                             \
	{                                      \
		(literal), sizeof(literal) - 1 \
	}

/* `in` has the message in SMTP's form and what follows its end; `rest` octets are left over. */
static const struct {
	struct hf_str in, out;
	size_t rest;
} whole[] = {
	{ S(".\r\n"), S(""), 0 },
	{ S("a\r\n.\r\n"), S("a\r\n"), 0 },
	{ S("a\r\n.\r\nQUIT\r\n"), S("a\r\n"), 6 },
	{ S("..\r\n.\r\n"), S(".\r\n"), 0 },
	{ S("...\r\n.\r\n"), S("..\r\n"), 0 },
	{ S("..a\r\nb.\r\n.c\r\n.\r\n"), S(".a\r\nb.\r\nc\r\n"), 0 },
	{ S("\r\n\r\n.\r\n"), S("\r\n\r\n"), 0 },
	/* line ends that are none: nothing but CRLF.CRLF ends a message */
	{ S("a\n.\nMAIL\r\n.\r\n"), S("a\n.\nMAIL\r\n"), 0 },
	{ S("a\n.\r\nMAIL\r\n.\r\n"), S("a\n.\r\nMAIL\r\n"), 0 },
	{ S("a\r.\rMAIL\r\n.\r\n"), S("a\r.\rMAIL\r\n"), 0 },
	{ S("a\r.\r\nMAIL\r\n.\r\n"), S("a\r.\r\nMAIL\r\n"), 0 },
	{ S("a\r\n.\nMAIL\r\n.\r\n"), S("a\r\n\nMAIL\r\n"), 0 },
	{ S("a\r\n.\rMAIL\r\n.\r\n"), S("a\r\n\rMAIL\r\n"), 0 },
	{ S("a\r\n.\r\r\n.\r\n"), S("a\r\n\r\r\n"), 0 },
	{ S("a\r\r\n.\r\n"), S("a\r\r\n"), 0 },
	{ S("a\n\r\n.\r\n"), S("a\n\r\n"), 0 },
	{ S("a\r\n..\nb\r\n.\r\n"), S("a\r\n.\nb\r\n"), 0 },
	{ S("a\r\n.\0\r\n.\r\n"), S("a\r\n\0\r\n"), 0 },
	{ S("a\0.\r\n.\r\n"), S("a\0.\r\n"), 0 },
	{ S(".\r.\r\n.\r\n"), S("\r.\r\n"), 0 },
	{ S("\xff\x80\r\n.\r\n"), S("\xff\x80\r\n"), 0 },
};

/* Feeds the pieces in turn; the octets after the end must be left alone. */
static void check_pieces(size_t row, const size_t *cuts, size_t count)
{
	struct lmtp_unstuffer u;
	struct hf_buf out = HF_BUF_INIT;
	struct hf_str in = whole[row].in;
	size_t i, used = 0, taken = 0;
	bool ended = false;

	lmtp_unstuffer_init(&u);
	for (i = 0; i <= count && !ended; i++) {
		size_t end = i < count ? cuts[i] : in.size;
		struct hf_str piece = hf_str_sub(in, taken, end - taken);

		if (!piece.size)
			continue;
		ended = lmtp_unstuff(&u, piece, &used, &out);
		ck_assert(ended || used == piece.size);
		taken += used;
	}
	ck_assert(ended);
	ck_assert_uint_eq(in.size - taken, whole[row].rest);
	assert_octets(hf_buf_str(&out), whole[row].out);
	hf_buf_fini(&out);
}

START_TEST(a_message_ends_at_crlf_dot_crlf)
{
	check_pieces((size_t)_i, NULL, 0);
}
END_TEST

/* Contents by chance, with many line ends and dots or few, cut anywhere. */
START_TEST(what_was_stuffed_comes_out_again)
{
	uint64_t seed = (uint64_t)_i + 1;

	for (int round = 0; round < 2000; round++) {
		struct hf_buf content = HF_BUF_INIT, stuffed = HF_BUF_INIT, out = HF_BUF_INIT;
		size_t size = random_next(&seed) % 600, few = random_next(&seed) % 60 + 4, used;
		struct lmtp_unstuffer u;
		bool line_start = true, ended = false;

		for (size_t i = 0; i < size; i++) {
			size_t pick = random_next(&seed) % few;

			if (pick == 3 || content.size == 0)
				hf_buf_add_lit(&content, "\r\n.");
			else
				hf_buf_add_char(&content, pick < 3 ? "\r\n."[pick] : 'a');
		}
		hf_buf_add_lit(&content, "\r\n");
		for (size_t i = 0; i < content.size; i++) {
			if (line_start && content.data[i] == '.')
				hf_buf_add_char(&stuffed, '.');
			hf_buf_add_char(&stuffed, content.data[i]);
			line_start = i && content.data[i] == '\n' && content.data[i - 1] == '\r';
		}
		hf_buf_add_lit(&stuffed, ".\r\nQUIT\r\n");
		lmtp_unstuffer_init(&u);
		for (struct hf_str rest = hf_buf_str(&stuffed); !ended; rest = hf_str_sub(rest, used, rest.size)) {
			struct hf_str piece = hf_str_sub(rest, 0, 1 + random_next(&seed) % 300);

			ck_assert_uint_gt(rest.size, 0);
			ended = lmtp_unstuff(&u, piece, &used, &out);
			if (ended)
				ck_assert_uint_eq(rest.size - used, 6);
		}
		assert_octets(hf_buf_str(&out), hf_buf_str(&content));
		hf_buf_fini(&content);
		hf_buf_fini(&stuffed);
		hf_buf_fini(&out);
	}
}
END_TEST

START_TEST(octet_by_octet_it_is_the_same)
{
	size_t cuts[64], n = whole[_i].in.size, i;

	ck_assert_uint_lt(n, HF_COUNT(cuts));
	for (i = 0; i < n; i++)
		cuts[i] = i + 1;
	check_pieces((size_t)_i, cuts, n);
}
END_TEST

START_TEST(in_any_three_pieces_it_is_the_same)
{
	size_t n = whole[_i].in.size, cuts[2];

	for (cuts[0] = 0; cuts[0] <= n; cuts[0]++)
		for (cuts[1] = cuts[0]; cuts[1] <= n; cuts[1]++)
			check_pieces((size_t)_i, cuts, 2);
}
END_TEST

static const struct hf_str unended[] = {
	S(""),         S("."),       S(".\r"),      S("a\r\n"),       S("a\r\n."),
	S("a\r\n.\r"), S("a.\r\n"),  S("a\n.\r\n"), S("a\n.\n"),      S("a\r.\r"),
	S("\n.\r\n"),  S("\r.\r\n"), S("a\r\n.\n"), S("a\r\n..\r\n"), S("a\r\n.\r.\r\n"),
};

START_TEST(anything_else_does_not_end_it)
{
	struct lmtp_unstuffer u;
	struct hf_buf out = HF_BUF_INIT;
	size_t used;

	lmtp_unstuffer_init(&u);
	ck_assert(!lmtp_unstuff(&u, unended[_i], &used, &out));
	ck_assert_uint_eq(used, unended[_i].size);
	hf_buf_fini(&out);
}
END_TEST

/* Stuffs as a client does: a dot in front of each line that begins with one. */
static void stuff(struct hf_str in, struct hf_buf *out)
{
	size_t i;

	for (i = 0; i < in.size; i++) {
		bool start = i == 0 || (i >= 2 && in.data[i - 1] == '\n' && in.data[i - 2] == '\r');

		if (start && in.data[i] == '.')
			hf_buf_add_char(out, '.');
		hf_buf_add_char(out, in.data[i]);
	}
	hf_buf_add_lit(out, ".\r\n");
}

START_TEST(what_is_stuffed_comes_back)
{
	static const char letters[] = ".\r\na";
	uint64_t seed = 42;

	for (int round = 0; round < 20000; round++) {
		struct hf_buf text = HF_BUF_INIT, wire = HF_BUF_INIT, back = HF_BUF_INIT;
		struct lmtp_unstuffer u;
		struct hf_str in;
		size_t size = random_next(&seed) % 24, used;
		bool ended = false;

		for (size_t i = 0; i < size; i++)
			hf_buf_add_char(&text, letters[random_next(&seed) % 4]);
		hf_buf_add_lit(&text, "\r\n");
		stuff(hf_buf_str(&text), &wire);
		lmtp_unstuffer_init(&u);
		for (in = hf_buf_str(&wire); in.size && !ended; in = hf_str_sub(in, used, SIZE_MAX))
			ended = lmtp_unstuff(&u, hf_str_sub(in, 0, 1 + random_next(&seed) % 7),
					     &used, &back);
		ck_assert(ended);
		ck_assert_uint_eq(in.size, 0);
		assert_octets(hf_buf_str(&back), hf_buf_str(&text));
		hf_buf_fini(&text);
		hf_buf_fini(&wire);
		hf_buf_fini(&back);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_message_ends_at_crlf_dot_crlf, 0, (int)HF_COUNT(whole));
	tcase_add_loop_test(tc, what_was_stuffed_comes_out_again, 0, 4);
	tcase_add_loop_test(tc, octet_by_octet_it_is_the_same, 0, (int)HF_COUNT(whole));
	tcase_add_loop_test(tc, in_any_three_pieces_it_is_the_same, 0, (int)HF_COUNT(whole));
	tcase_add_loop_test(tc, anything_else_does_not_end_it, 0, (int)HF_COUNT(unended));
	tcase_add_test(tc, what_is_stuffed_comes_back);
}

int main(void)
{
	return run_tests("lmtp_dotstuff", add);
}
