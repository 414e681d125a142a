/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/base/base_test.h"

static struct hf_buf buf;

static void setup(void)
{
	buf = HF_BUF_INIT;
}

static void teardown(void)
{
	hf_buf_fini(&buf);
}

START_TEST(adding_grows)
{
	hf_buf_add(&buf, NULL, 0);
	ck_assert_ptr_null(buf.data);
	hf_buf_add_lit(&buf, "* ");
	hf_buf_add_cstr(&buf, "OK");
	hf_buf_add_char(&buf, ' ');
	hf_buf_add_str(&buf, HF_STR("x"));
	hf_buf_add_str(&buf, HF_STR_NULL);
	assert_buf(&buf, "* OK x");
	for (int i = 0; i < 100000; i++)
		hf_buf_add_char(&buf, (char)i);
	ck_assert_uint_eq(buf.size, 100006);
	ck_assert_int_eq(buf.data[100005], (char)99999);
	hf_buf_fini(&buf);
	hf_buf_add_lit(&buf, "again");
	assert_buf(&buf, "again");
}
END_TEST

START_TEST(numbers_are_decimal)
{
	uint64_t n = UINT64_MAX, seed = 1;
	char text[32];

	for (int i = 0; i < 200000; i++) {
		if (i < 2000)
			n = (uint64_t)i;
		else if (i < 2064)
			n = ((uint64_t)1 << (i - 2000)) - 1;
		else
			n = random_next(&seed) >> random_next(&seed) % 64;
		hf_buf_clear(&buf);
		hf_buf_add_u64(&buf, n);
		snprintf(text, sizeof(text), "%" PRIu64, n);
		ck_assert_str_eq(hf_buf_cstr(&buf), text);
	}
	hf_buf_clear(&buf);
	hf_buf_add_u64(&buf, UINT64_MAX);
	assert_buf(&buf, "18446744073709551615");
}
END_TEST

START_TEST(printf_appends)
{
	hf_buf_add_lit(&buf, "a");
	hf_buf_printf(&buf, "%s-%d", "b", 7);
	assert_buf(&buf, "ab-7");
	for (int size = 0; size < 300; size++) {
		hf_buf_fini(&buf);
		hf_buf_printf(&buf, "%*s", size, "");
		ck_assert_uint_eq(buf.size, (size_t)size);
	}
}
END_TEST

START_TEST(drop_takes_from_the_front)
{
	hf_buf_drop(&buf, 0);
	hf_buf_add_lit(&buf, "abcdef");
	hf_buf_drop(&buf, 2);
	assert_buf(&buf, "cdef");
	hf_buf_drop(&buf, 4);
	assert_buf(&buf, "");
}
END_TEST

START_TEST(cstr_does_not_count_the_nul)
{
	ck_assert_str_eq(hf_buf_cstr(&buf), "");
	ck_assert_uint_eq(buf.size, 0);
	for (int i = 0; i < 200; i++) {
		hf_buf_add_char(&buf, 'x');
		ck_assert_uint_eq(strlen(hf_buf_cstr(&buf)), buf.size);
	}
}
END_TEST

START_TEST(fixed_numbers_are_big_endian)
{
	struct hf_reader r;
	uint32_t n32;
	uint64_t n64;
	uint8_t n8;

	hf_buf_add_be32(&buf, 0x01020304);
	hf_buf_add_be64(&buf, 0x05060708090a0b0c);
	assert_buf(&buf, "\1\2\3\4\5\6\7\10\11\12\13\14");
	r = hf_reader_init(hf_buf_str(&buf));
	ck_assert(hf_read_u8(&r, &n8));
	ck_assert_uint_eq(n8, 1);
	r = hf_reader_init(hf_buf_str(&buf));
	ck_assert(hf_read_be32(&r, &n32) && hf_read_be64(&r, &n64));
	ck_assert_uint_eq(n32, 0x01020304);
	ck_assert_uint_eq(n64, 0x05060708090a0b0c);
	ck_assert(r.ok && r.pos == r.end);
	ck_assert(!hf_read_u8(&r, &n8));
	ck_assert(!r.ok);
}
END_TEST

START_TEST(a_short_read_exhausts_the_reader)
{
	struct hf_reader r = hf_reader_init(HF_STR("abc"));
	struct hf_str s = HF_STR("unchanged");
	uint64_t n64 = 1;
	uint32_t n32 = 1;
	uint8_t n8;

	ck_assert(!hf_read_be32(&r, &n32));
	ck_assert(!hf_read_u8(&r, &n8));
	r = hf_reader_init(HF_STR("abc"));
	ck_assert(!hf_read_be64(&r, &n64));
	r = hf_reader_init(HF_STR("abc"));
	ck_assert(!hf_read_bytes(&r, 4, &s));
	r = hf_reader_init(HF_STR("\4abc"));
	ck_assert(!hf_read_varstr(&r, &s));
	r = hf_reader_init(HF_STR_NULL);
	ck_assert(!hf_read_varint(&r, &n64));
	ck_assert(!r.ok);
	ck_assert_uint_eq(n64, 1);
	ck_assert_uint_eq(n32, 1);
	assert_octets(s, HF_STR("unchanged"));
}
END_TEST

START_TEST(varints_come_back)
{
	uint64_t seed = 7;

	for (int i = 0; i < 100000; i++) {
		uint64_t n, back;
		struct hf_reader r;

		n = i < 300 ? (uint64_t)i : random_next(&seed) >> random_next(&seed) % 64;
		if (i == 300)
			n = UINT64_MAX;
		hf_buf_clear(&buf);
		hf_buf_add_varint(&buf, n);
		r = hf_reader_init(hf_buf_str(&buf));
		ck_assert(hf_read_varint(&r, &back));
		ck_assert_uint_eq(back, n);
		ck_assert(r.pos == r.end);
		r = hf_reader_init(hf_str_sub(hf_buf_str(&buf), 0, buf.size - 1));
		ck_assert(!hf_read_varint(&r, &back));
	}
}
END_TEST

START_TEST(overlong_varints_are_refused)
{
	static const struct hf_str bad[] = {
		HF_STR("\x80\x00"),
		HF_STR("\xff\x80\x00"),
		HF_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
		HF_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00"),
		HF_STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
	};
	struct hf_reader r = hf_reader_init(bad[_i]);
	uint64_t n = 4711;

	ck_assert(!hf_read_varint(&r, &n));
	ck_assert(!r.ok && r.pos == r.end);
	ck_assert_uint_eq(n, 4711);
}
END_TEST

START_TEST(strings_carry_their_length)
{
	struct hf_reader r;
	struct hf_str s;

	hf_buf_add_varstr(&buf, HF_STR("INBOX"));
	hf_buf_add_varstr(&buf, HF_STR_NULL);
	assert_buf(&buf, "\5INBOX\0");
	r = hf_reader_init(hf_buf_str(&buf));
	ck_assert(hf_read_varstr(&r, &s));
	assert_octets(s, HF_STR("INBOX"));
	ck_assert(hf_read_varstr(&r, &s));
	ck_assert_uint_eq(s.size, 0);
	ck_assert(r.ok);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, adding_grows);
	tcase_add_test(tc, numbers_are_decimal);
	tcase_add_test(tc, printf_appends);
	tcase_add_test(tc, drop_takes_from_the_front);
	tcase_add_test(tc, cstr_does_not_count_the_nul);
	tcase_add_test(tc, fixed_numbers_are_big_endian);
	tcase_add_test(tc, a_short_read_exhausts_the_reader);
	tcase_add_test(tc, varints_come_back);
	tcase_add_loop_test(tc, overlong_varints_are_refused, 0, 5);
	tcase_add_test(tc, strings_carry_their_length);
}

int main(void)
{
	return run_tests("buf", add);
}
