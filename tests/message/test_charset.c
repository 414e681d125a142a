/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/charset_priv.h"

#include <pthread.h>

#include "message/text.h"
#include "tests/base/base_test.h"

static const struct {
	const char *charset;
	struct hf_str in, utf8;
} cases[] = {
	{ "utf-8", HF_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"),
	  HF_STR("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z") },
	{ "UTF8", HF_STR("\xc3"), HF_STR("\xef\xbf\xbd") },
	{ "utf-8", HF_STR("\xe2\x82g"), HF_STR("\xef\xbf\xbd\xef\xbf\xbdg") },
	{ "utf-8", HF_STR("\xed\xa0\x80"), HF_STR("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
	{ "utf-8", HF_STR("\xc0\x80\xff"), HF_STR("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") },
	{ "us-ascii", HF_STR("a\xe4z"), HF_STR("a\xef\xbf\xbdz") },
	{ "iso-8859-1", HF_STR("a\xe4\x80z"), HF_STR("a\xc3\xa4\xe2\x82\xacz") },
	{ "Windows-1252", HF_STR("\x93q\x94"), HF_STR("\xe2\x80\x9cq\xe2\x80\x9d") },
	{ "ISO-8859-15", HF_STR("\xa4"), HF_STR("\xe2\x82\xac") },
	{ "koi8-r", HF_STR("\xf0\xd2\xc9"), HF_STR("\xd0\x9f\xd1\x80\xd0\xb8") },
	{ "iso-2022-jp", HF_STR("a\x1b$B%F%9%H\x1b(Bz"),
	  HF_STR("a\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88z") },
	{ "shift_jis", HF_STR("\x83\x65"), HF_STR("\xe3\x83\x86") },
	{ "gb2312", HF_STR("\xc4\xe3"), HF_STR("\xe4\xbd\xa0") },
	{ "big5", HF_STR("\xa7\x41"), HF_STR("\xe4\xbd\xa0") },
	{ "euc-kr", HF_STR("\xb0\xa1"), HF_STR("\xea\xb0\x80") },
	{ "utf-16", HF_STR("\xfe\xff\0a\xd8\x3d\xde\0"), HF_STR("a\xf0\x9f\x98\x80") },
	{ "utf-16be", HF_STR("\xd8\x3d"), HF_STR("\xef\xbf\xbd") },
	{ "utf-7", HF_STR("a+AOQ-z"), HF_STR("a\xc3\xa4z") },
};

START_TEST(text_is_converted)
{
	struct hf_buf out = HF_BUF_INIT;

	ck_assert(hf_charset_known(hf_str(cases[_i].charset)));
	ck_assert_int_eq(hf_charset_to_utf8(hf_str(cases[_i].charset), cases[_i].in, &out), HF_OK);
	assert_octets(hf_buf_str(&out), cases[_i].utf8);
	hf_buf_fini(&out);
}
END_TEST

START_TEST(pieces_give_the_same)
{
	for (size_t size = 1; size < 6; size++) {
		struct hf_charset_stream stream;
		struct hf_buf out = HF_BUF_INIT;
		struct hf_str in = cases[_i].in;

		ck_assert_int_eq(hf_charset_stream_init(&stream, hf_str(cases[_i].charset)), HF_OK);
		for (; in.size; in = hf_str_sub(in, size, in.size))
			hf_charset_stream_feed(&stream, hf_str_sub(in, 0, size), &out);
		hf_charset_stream_end(&stream, &out);
		assert_octets(hf_buf_str(&out), cases[_i].utf8);
		hf_buf_fini(&out);
	}
}
END_TEST

START_TEST(unknown_names_are_refused)
{
	static const char *const names[] = {
		"",
		"x-unknown",
		"../../etc/passwd",
		"utf-8,version=1",
		"a b",
		"\xff",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};

	for (size_t i = 0; i < HF_COUNT(names); i++) {
		struct hf_buf out = HF_BUF_INIT;

		ck_assert_msg(!hf_charset_known(hf_str(names[i])), "%s", names[i]);
		ck_assert_int_eq(hf_charset_to_utf8(hf_str(names[i]), HF_STR("a"), &out),
				 HF_EBADCHARSET);
		ck_assert_uint_eq(out.size, 0);
	}
}
END_TEST

START_TEST(unlabelled_text_is_guessed)
{
	static const char *const names[] = { "", "us-ascii", "x-unknown" };

	for (size_t i = 0; i < HF_COUNT(names); i++) {
		struct hf_charset_stream stream;
		struct hf_buf out = HF_BUF_INIT;

		hf_charset_stream_init_lenient(&stream, hf_str(names[i]));
		hf_charset_stream_feed(&stream, HF_STR("\xe4 \xc3"), &out);
		hf_charset_stream_feed(&stream, HF_STR("\xa4 \xe2\x82"), &out);
		hf_charset_stream_end(&stream, &out);
		assert_buf(&out, "\xc3\xa4 \xc3\xa4 \xc3\xa2\xe2\x80\x9a");
		hf_buf_fini(&out);
	}
}
END_TEST

static void *convert_in_thread(void *arg)
{
	static const char *const names[] = { "koi8-r",       "iso-8859-2",   "iso-8859-5",
					     "iso-8859-7",   "big5",         "iso-2022-jp",
					     "windows-1251", "windows-1250", "gb18030",
					     "windows-1253", "utf-16" };

	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < HF_COUNT(names); i++) {
			struct hf_buf out = HF_BUF_INIT;

			if (hf_charset_to_utf8(hf_str(names[i]), HF_STR("a\xe4z\x1b"), &out) !=
			    HF_OK)
				*(bool *)arg = true;
			hf_buf_fini(&out);
		}
	}
	return NULL;
}

START_TEST(threads_have_their_own_converters)
{
	pthread_t threads[4];
	bool failed[4] = { false };

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, convert_in_thread, &failed[i]),
				 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(!failed[i]);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, text_is_converted, 0, (int)HF_COUNT(cases));
	tcase_add_loop_test(tc, pieces_give_the_same, 0, (int)HF_COUNT(cases));
	tcase_add_test(tc, unknown_names_are_refused);
	tcase_add_test(tc, unlabelled_text_is_guessed);
	tcase_add_test(tc, threads_have_their_own_converters);
}

int main(void)
{
	return run_tests("charset", add);
}
