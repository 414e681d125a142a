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

/* RFC 4648 §10 */
static const struct {
	const char *plain, *encoded;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/" },
};

START_TEST(vectors_encode_and_decode)
{
	hf_base64_encode(hf_str(vectors[_i].plain), &out);
	assert_octets(hf_buf_str(&out), hf_str(vectors[_i].encoded));
	hf_buf_clear(&out);
	ck_assert_int_eq(hf_base64_decode(hf_str(vectors[_i].encoded), &out), HF_OK);
	assert_octets(hf_buf_str(&out), hf_str(vectors[_i].plain));
}
END_TEST

static const char *const bad[] = {
	"Z",    "Zg",   "Zg=",      "Zg===", "====",     "=",        "Z===",
	"Zh==", "Zm9=", "Zm9v\r\n", "Zm 9v", "Zg==Zg==", "Zm8=Zm8=", "Zm9vY===",
	"Zm9-", "Zm9_", "Zm9\x80",  "Zg=A",  "*m9v",     "Zm9vZ*==",
};

START_TEST(strict_decoding_refuses_and_adds_nothing)
{
	hf_buf_add_lit(&out, "kept");
	ck_assert_int_eq(hf_base64_decode(hf_str(bad[_i]), &out), HF_ESYNTAX);
	assert_buf(&out, "kept");
}
END_TEST

/* Feeds `in` in pieces of `piece` octets. */
static bool stream(struct hf_str in, size_t piece)
{
	struct hf_decoder d = { 0 };

	hf_buf_clear(&out);
	hf_base64_feed(&d, HF_STR_NULL, &out);
	for (size_t i = 0; i < in.size; i += piece)
		hf_base64_feed(&d, hf_str_sub(in, i, piece), &out);
	hf_base64_end(&d, &out);
	ck_assert(d.finished);
	return d.damaged;
}

static const struct {
	struct hf_str in, expected;
	bool damaged;
} bodies[] = {
	{ HF_STR(""), HF_STR(""), false },
	{ HF_STR("Zm9v\r\nYmFy\r\n"), HF_STR("foobar"), false },
	{ HF_STR("Zm 9v\tYm\r\nFy"), HF_STR("foobar"), false },
	{ HF_STR("Zm9vYg==\r\n"), HF_STR("foob"), false },
	{ HF_STR("Zm9vYmE=\r\n"), HF_STR("fooba"), false },
	{ HF_STR("Zm9vYg=\r\n="), HF_STR("foob"), false },
	{ HF_STR("Zm9vYh=="), HF_STR("foob"), false }, /* spare bits do not matter here */
	{ HF_STR("Zm9vYg"), HF_STR("foob"), true },
	{ HF_STR("Zm9vYmE"), HF_STR("fooba"), true },
	{ HF_STR("Zm9vY"), HF_STR("foo"), true },
	{ HF_STR("Zm9vY="), HF_STR("foo"), true },
	{ HF_STR("Zm9v="), HF_STR("foo"), true },
	{ HF_STR("Zm!9v-Ym\0Fy"), HF_STR("foobar"), true },
	{ HF_STR("Zm9vYg==\r\n-- \r\nlist footer"), HF_STR("foob"), true },
	{ HF_STR("\xef\xbb\xbfZm9v"), HF_STR("foo"), true },
};

START_TEST(streaming_is_lenient_in_any_pieces)
{
	for (size_t piece = 1; piece <= bodies[_i].in.size + 1; piece++) {
		bool damaged = stream(bodies[_i].in, piece);

		assert_octets(hf_buf_str(&out), bodies[_i].expected);
		ck_assert_int_eq(damaged, bodies[_i].damaged);
	}
}
END_TEST

START_TEST(random_data_comes_back_both_ways)
{
	struct hf_buf plain = HF_BUF_INIT, encoded = HF_BUF_INIT, folded = HF_BUF_INIT;
	uint64_t seed = 3;

	for (int i = 0; i < 500; i++) {
		size_t size = random_next(&seed) % 400;

		hf_buf_clear(&plain);
		hf_buf_clear(&encoded);
		hf_buf_clear(&folded);
		hf_buf_clear(&out);
		while (plain.size < size)
			hf_buf_add_char(&plain, (char)random_next(&seed));
		hf_base64_encode(hf_buf_str(&plain), &encoded);
		ck_assert_int_eq(hf_base64_decode(hf_buf_str(&encoded), &out), HF_OK);
		assert_octets(hf_buf_str(&out), hf_buf_str(&plain));
		for (size_t at = 0; at < encoded.size; at += 76) {
			hf_buf_add_str(&folded, hf_str_sub(hf_buf_str(&encoded), at, 76));
			hf_buf_add_lit(&folded, "\r\n");
		}
		ck_assert(!stream(hf_buf_str(&folded), 1 + random_next(&seed) % 100));
		assert_octets(hf_buf_str(&out), hf_buf_str(&plain));
	}
	hf_buf_fini(&plain);
	hf_buf_fini(&encoded);
	hf_buf_fini(&folded);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, vectors_encode_and_decode, 0, HF_COUNT(vectors));
	tcase_add_loop_test(tc, strict_decoding_refuses_and_adds_nothing, 0, HF_COUNT(bad));
	tcase_add_loop_test(tc, streaming_is_lenient_in_any_pieces, 0, HF_COUNT(bodies));
	tcase_add_test(tc, random_data_comes_back_both_ways);
}

int main(void)
{
	return run_tests("base64", add);
}
