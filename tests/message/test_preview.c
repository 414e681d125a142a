/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/preview_priv.h"

#include "tests/base/base_test.h"

static void assert_preview(bool html, struct hf_str in, struct hf_str expected)
{
	for (size_t size = 1; size <= in.size + 1; size += in.size > 3 ? in.size / 3 : 1) {
		struct hf_preview preview;
		struct hf_str rest = in;

		hf_preview_begin(&preview, html);
		for (; rest.size; rest = hf_str_sub(rest, size, rest.size))
			hf_preview_feed(&preview, hf_str_sub(rest, 0, size));
		assert_octets(hf_preview_text(&preview), expected);
	}
}

START_TEST(white_space_collapses)
{
	assert_preview(false, HF_STR(""), HF_STR(""));
	assert_preview(false, HF_STR(" \r\n a\r\n\r\n\tb  c \r\n"), HF_STR("a b c"));
	assert_preview(false, HF_STR("> quoted\r\n<b>"), HF_STR("> quoted <b>"));
	assert_preview(false,
		       HF_STR("a\xc2\xa0\xe2\x80\x8b"
			      "b\xc3\xa4"),
		       HF_STR("a b\xc3\xa4"));
}
END_TEST

START_TEST(two_hundred_characters_are_enough)
{
	struct hf_buf in = HF_BUF_INIT, expected = HF_BUF_INIT;

	for (int i = 0; i < 300; i++)
		hf_buf_add_lit(&in, "\xf0\x9f\x98\x80");
	hf_buf_add(&expected, in.data, HF_PREVIEW_CHARACTERS * 4);
	assert_preview(false, hf_buf_str(&in), hf_buf_str(&expected));
	hf_buf_clear(&in);
	hf_buf_clear(&expected);
	for (int i = 0; i < 199; i++)
		hf_buf_add_char(&in, 'a');
	hf_buf_add_str(&expected, hf_buf_str(&in));
	hf_buf_add_lit(&in, " b"); /* no space at the end */
	assert_preview(false, hf_buf_str(&in), hf_buf_str(&expected));
	hf_buf_fini(&in);
	hf_buf_fini(&expected);
}
END_TEST

START_TEST(html_is_reduced_to_text)
{
	static const struct {
		const char *html, *text;
	} cases[] = {
		{ "<html><head><title>T</title><style>p{}</style></head><body><p>a</p><p>b</p>",
		  "a b" },
		{ "w<b>or</b>d<br>x", "word x" },
		{ "<script>if (a<b) '</p>'</script>c", "c" },
		{ "<SCRIPT type='x'>y</Script >z", "z" },
		{ "<p title=\"a>b\" alt='c>d'>e", "e" },
		{ "a<!-- b > c -- d -->e<!---->f<!DOCTYPE html>g", "aef g" },
		{ "&lt;&amp;&#65;&#x42;&nbsp;&uuml;&bogus;&x", "<&AB \xc3\xbc&bogus;" },
		{ "a & b &; c &#xd800; d &#99999999; e", "a & b &; c d e" },
		{ "1 < 2 <3", "1 < 2 <3" },
		{ "a<", "a" },
		{ "<unfinished", "" },
	};

	for (size_t i = 0; i < HF_COUNT(cases); i++)
		assert_preview(true, hf_str(cases[i].html), hf_str(cases[i].text));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, white_space_collapses);
	tcase_add_test(tc, two_hundred_characters_are_enough);
	tcase_add_test(tc, html_is_reduced_to_text);
}

int main(void)
{
	return run_tests("preview", add);
}
