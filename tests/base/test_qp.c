/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/encode.h"

#include "tests/base/base_test.h"

static struct hf_buf out;

static void setup(void)
{
	out = HF_BUF_INIT;
}

static void teardown(void)
{
	hf_buf_fini(&out);
}

static bool stream(struct hf_str in, size_t piece)
{
	struct hf_decoder d = { 0 };

	hf_buf_clear(&out);
	hf_qp_feed(&d, HF_STR_NULL, &out);
	for (size_t i = 0; i < in.size; i += piece)
		hf_qp_feed(&d, hf_str_sub(in, i, piece), &out);
	hf_qp_end(&d, &out);
	return d.damaged;
}

static const struct {
	struct hf_str in, expected;
	bool damaged;
} bodies[] = {
	{ HF_STR(""), HF_STR(""), false },
	{ HF_STR("plain text\r\nmore\r\n"), HF_STR("plain text\r\nmore\r\n"), false },
	{ HF_STR("caf=C3=A9"), HF_STR("caf\xc3\xa9"), false },
	{ HF_STR("caf=c3=a9"), HF_STR("caf\xc3\xa9"), false },
	{ HF_STR("=3D=3d=0D=0A=00"), HF_STR("==\r\n\0"), false },
	/* soft line breaks */
	{ HF_STR("one=\r\n two"), HF_STR("one two"), false },
	{ HF_STR("one=\ntwo"), HF_STR("onetwo"), false },
	{ HF_STR("one= \t \r\ntwo"), HF_STR("onetwo"), false },
	{ HF_STR("one =\r\ntwo"), HF_STR("one two"), false },
	{ HF_STR("one="), HF_STR("one"), false },
	{ HF_STR("one= \r"), HF_STR("one"), false },
	{ HF_STR("=\r\n=\r\n=\r\n"), HF_STR(""), false },
	/* white space at the end of lines */
	{ HF_STR("one \t \r\ntwo  \nthree  "), HF_STR("one\r\ntwo\nthree"), false },
	{ HF_STR("one \t two"), HF_STR("one \t two"), false },
	{ HF_STR("one=20\r\n"), HF_STR("one \r\n"), false },
	{ HF_STR("  \r\n\t\n"), HF_STR("\r\n\n"), false },
	{ HF_STR(" \r \r\n"), HF_STR(" \r\r\n"), false },
	{ HF_STR("a\rb\r"), HF_STR("a\rb\r"), false },
	{ HF_STR("a\r\r\n"), HF_STR("a\r\r\n"), false },
	{ HF_STR("a \r=41"), HF_STR("a \rA"), false },
	/* what is no escape stays */
	{ HF_STR("a=b"), HF_STR("a=b"), true },
	{ HF_STR("=G1"), HF_STR("=G1"), true },
	{ HF_STR("=4"), HF_STR("=4"), true },
	{ HF_STR("=4\r\nx"), HF_STR("=4\r\nx"), true },
	{ HF_STR("==41"), HF_STR("=A"), true },
	{ HF_STR("= 41"), HF_STR("= 41"), true },
	{ HF_STR("=\rx"), HF_STR("=\rx"), true },
	{ HF_STR("=4=41"), HF_STR("=4A"), true },
	{ HF_STR("\x80\xff raw\x01"), HF_STR("\x80\xff raw\x01"), false },
};

START_TEST(decoding_is_lenient_in_any_pieces)
{
	for (size_t piece = 1; piece <= bodies[_i].in.size + 1; piece++) {
		bool damaged = stream(bodies[_i].in, piece);

		assert_octets(hf_buf_str(&out), bodies[_i].expected);
		ck_assert_int_eq(damaged, bodies[_i].damaged);
	}
}
END_TEST

START_TEST(any_text_decodes_alike_in_any_pieces)
{
	static const char chars[] = "  \t \r\n\r\n====4A3dfX";
	struct hf_buf in = HF_BUF_INIT, whole = HF_BUF_INIT;
	uint64_t seed = 11;

	for (int i = 0; i < 20000; i++) {
		size_t size = random_next(&seed) % 60;
		bool damaged;

		hf_buf_clear(&in);
		hf_buf_clear(&whole);
		while (in.size < size)
			hf_buf_add_char(&in, chars[random_next(&seed) % (sizeof(chars) - 1)]);
		damaged = stream(hf_buf_str(&in), size + 1);
		hf_buf_add_str(&whole, hf_buf_str(&out));
		for (size_t piece = 1; piece < 5; piece++) {
			ck_assert_int_eq(stream(hf_buf_str(&in), piece), damaged);
			assert_octets(hf_buf_str(&out), hf_buf_str(&whole));
		}
	}
	hf_buf_fini(&in);
	hf_buf_fini(&whole);
}
END_TEST

/* Longer than any encoded line may be: what cannot be held is text. */
START_TEST(long_runs_of_white_space_decode_alike_in_any_pieces)
{
	static const char *const tails[] = { "", "\r\n", "\n", "x", "=", "=\r\n", "\rx" };
	struct hf_buf in = HF_BUF_INIT, whole = HF_BUF_INIT;

	for (int lead = 0; lead < 2; lead++) {
		for (size_t size = 70; size < 200; size += size < 90 ? 1 : 37) {
			hf_buf_clear(&in);
			hf_buf_clear(&whole);
			if (lead)
				hf_buf_add_lit(&in, "=");
			for (size_t k = 0; k < size; k++)
				hf_buf_add_char(&in, k % 3 ? ' ' : '\t');
			hf_buf_add_cstr(&in, tails[_i]);
			stream(hf_buf_str(&in), in.size);
			hf_buf_add_str(&whole, hf_buf_str(&out));
			for (size_t piece = 1; piece < in.size; piece += 13) {
				stream(hf_buf_str(&in), piece);
				assert_octets(hf_buf_str(&out), hf_buf_str(&whole));
			}
		}
	}
	hf_buf_fini(&in);
	hf_buf_fini(&whole);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, decoding_is_lenient_in_any_pieces, 0, HF_COUNT(bodies));
	tcase_add_test(tc, any_text_decodes_alike_in_any_pieces);
	tcase_add_loop_test(tc, long_runs_of_white_space_decode_alike_in_any_pieces, 0, 7);
}

int main(void)
{
	return run_tests("qp", add);
}
