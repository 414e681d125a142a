/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/base/base_test.h"
#include "tools/hf_deliver.h"

static const struct {
	const char *in, *out;
} cases[] = {
	{ "", ".\r\n" },
	{ "a", "a\r\n.\r\n" },
	{ "a\n", "a\r\n.\r\n" },
	{ "a\r\n", "a\r\n.\r\n" },
	{ "a\nb\r\nc\n", "a\r\nb\r\nc\r\n.\r\n" },
	{ ".\n..\n.a\n", "..\r\n...\r\n..a\r\n.\r\n" },
	{ ".", "..\r\n.\r\n" },
	{ "a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n.\r\n" },
	{ "a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r.\rb\n", "a\r.\rb\r\n.\r\n" },
	{ "a\r\r\nb\r", "a\r\r\nb\r\r\n.\r\n" },
	{ "\n\n.\n", "\r\n\r\n..\r\n.\r\n" },
	{ "From bob Mon Jan  1 00:00:00 2026\nSubject: x\n", "Subject: x\r\n.\r\n" },
	{ "From bob Mon Jan  1\r\nSubject: x\r\n", "Subject: x\r\n.\r\n" },
	{ "From bob Mon Jan  1\nFrom eve\n", "From eve\r\n.\r\n" },
	{ "From bob Mon Jan  1\n.\n", "..\r\n.\r\n" },
	{ "From: bob\n", "From: bob\r\n.\r\n" },
	{ "Fro", "Fro\r\n.\r\n" },
	{ "\nFrom bob\n", "\r\nFrom bob\r\n.\r\n" },
	{ "From bob", ".\r\n" },
	{ "F.\n", "F.\r\n.\r\n" },
};

static void check_pieces(const char *in, size_t piece, const char *expected)
{
	struct deliver_text text = { .state = TEXT_FIRST };
	struct hf_buf out = HF_BUF_INIT;
	struct hf_str rest;

	for (rest = hf_str(in); rest.size; rest = hf_str_sub(rest, piece, SIZE_MAX))
		deliver_text_add(&text, hf_str_sub(rest, 0, piece), &out);
	deliver_text_end(&text, &out);
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
	hf_buf_fini(&text.held);
}

START_TEST(text_becomes_smtp_in_any_pieces)
{
	for (size_t piece = 1; piece <= 64; piece++)
		check_pieces(cases[_i].in, piece, cases[_i].out);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, text_becomes_smtp_in_any_pieces, 0, (int)HF_COUNT(cases));
}

int main(void)
{
	return run_tests("hf_deliver_message", add);
}
