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

static const struct {
	const char *utf8, *mutf7;
} names[] = {
	{ "", "" },
	{ "INBOX", "INBOX" },
	{ "Tom & Jerry", "Tom &- Jerry" },
	{ "&&", "&-&-" },
	{ "\xc3\xa9", "&AOk-" },
	{ "\xc3\xa9&", "&AOk-&-" },
	{ "&\xc3\xa9", "&-&AOk-" },
	{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
	/* RFC 3501 §5.1.3 */
	{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	  "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
	{ "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "&U,BTF2XlZyyKng-" },
	{ "\xe2\x98\xba!", "&Jjo-!" },
	{ "\xf0\x9f\x92\xa9", "&2D3cqQ-" },
	{ "\xf4\x8f\xbf\xbf", "&2,,f,w-" },
	{ "\x7f\t", "&AH8ACQ-" },
	{ "a-b+c,d/e", "a-b+c,d/e" },
	{ "\xef\xbf\xbd", "&,,0-" },
};

START_TEST(names_encode_and_decode)
{
	hf_mutf7_encode(hf_str(names[_i].utf8), &out);
	assert_octets(hf_buf_str(&out), hf_str(names[_i].mutf7));
	hf_buf_clear(&out);
	ck_assert_int_eq(hf_mutf7_decode(hf_str(names[_i].mutf7), &out), HF_OK);
	assert_octets(hf_buf_str(&out), hf_str(names[_i].utf8));
}
END_TEST

static const char *const bad[] = {
	"&", /* unterminated */
	"a&AOk",       "&Jjo!",
	"&AOk ",       "&U,BTFw-&ZeVnLIqe-", /* superfluous shift, RFC 3501 §5.1.3 */
	"&AGE-",                             /* 'a' encoded */
	"&ACY-",                             /* '&' encoded */
	"&AOkAYQ-",                          /* 'a' within a run */
	"&A-",         "&AO-",
	"&AOkA-", /* no whole unit */
	"&AOl-",  /* trailing bits */
	"&AOkB-",      "&AOkAA-",
	"&2D0-",    /* high surrogate alone */
	"&3Kk-",    /* low surrogate alone */
	"&2D3YPQ-", /* two high ones */
	"&2D0AOQ-",    "&AOk/-",
	"&AO.k-",      "&AOk=-",
	"caf\xc3\xa9", /* raw 8-bit */
	"a\x01",       "a\x7f",
	"\r\n",
};

START_TEST(anything_else_is_refused_and_adds_nothing)
{
	hf_buf_add_lit(&out, "kept");
	ck_assert_int_eq(hf_mutf7_decode(hf_str(bad[_i]), &out), HF_ESYNTAX);
	assert_buf(&out, "kept");
}
END_TEST

START_TEST(any_text_comes_back)
{
	static const uint32_t limits[] = { 0x80, 0x100, 0x3000, 0x10000, 0x110000 };
	struct hf_buf text = HF_BUF_INIT, encoded = HF_BUF_INIT;
	uint64_t seed = 5;

	for (int i = 0; i < 50000; i++) {
		size_t size = random_next(&seed) % 12;

		hf_buf_clear(&text);
		hf_buf_clear(&encoded);
		hf_buf_clear(&out);
		for (size_t k = 0; k < size; k++)
			hf_utf8_put(&text, (uint32_t)random_next(&seed) %
						   limits[random_next(&seed) % HF_COUNT(limits)]);
		hf_mutf7_encode(hf_buf_str(&text), &encoded);
		ck_assert_int_eq(hf_mutf7_decode(hf_buf_str(&encoded), &out), HF_OK);
		assert_octets(hf_buf_str(&out), hf_buf_str(&text));
	}
	hf_buf_fini(&text);
	hf_buf_fini(&encoded);
}
END_TEST

START_TEST(what_decodes_has_one_spelling)
{
	static const char chars[] = "&&&---AAAOOkw2D3cqQ,+a ";
	struct hf_buf again = HF_BUF_INIT;
	uint64_t seed = 6;
	unsigned accepted = 0;

	for (int i = 0; i < 300000; i++) {
		char name[10];
		size_t size = random_next(&seed) % sizeof(name);

		for (size_t k = 0; k < size; k++)
			name[k] = chars[random_next(&seed) % (sizeof(chars) - 1)];
		hf_buf_clear(&out);
		hf_buf_clear(&again);
		if (hf_mutf7_decode(hf_str_n(name, size), &out) != HF_OK)
			continue;
		accepted++;
		ck_assert(hf_utf8_valid(hf_buf_str(&out)));
		hf_mutf7_encode(hf_buf_str(&out), &again);
		assert_octets(hf_buf_str(&again), hf_str_n(name, size));
	}
	ck_assert_uint_gt(accepted, 1000);
	hf_buf_fini(&again);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, names_encode_and_decode, 0, HF_COUNT(names));
	tcase_add_loop_test(tc, anything_else_is_refused_and_adds_nothing, 0, HF_COUNT(bad));
	tcase_add_test(tc, any_text_comes_back);
	tcase_add_test(tc, what_decodes_has_one_spelling);
}

int main(void)
{
	return run_tests("mutf7", add);
}
