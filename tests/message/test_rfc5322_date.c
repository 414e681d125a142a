/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "base/clock.h"
#include "tests/base/base_test.h"

static const struct {
	const char *text;
	int year, month, day, hour, minute, second; /* UTC */
	int zone;
} good[] = {
	{ "Mon, 7 Feb 1994 21:52:25 -0800", 1994, 2, 8, 5, 52, 25, -480 },
	{ "Mon, 7 Feb 1994 21:52:25 -0800 (PST)", 1994, 2, 8, 5, 52, 25, -480 },
	{ "7 Feb 1994 21:52:25 +0130", 1994, 2, 7, 20, 22, 25, 90 },
	{ "07 Feb 1994 21:52 +0000", 1994, 2, 7, 21, 52, 0, 0 },
	{ " (c) Mon (c) , (c) 7 (c (n)) Feb (c) 1994 (c) 21 : 52 : 25 (c) -0000", 1994, 2, 7, 21,
	  52, 25, 0 },
	{ "7 feb 94 21:52:25 EST", 1994, 2, 8, 2, 52, 25, -300 },
	{ "7 Feb 49 00:00:00 GMT", 2049, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 50 00:00:00 UT", 1950, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 101 00:00:00 Z", 2001, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 00:00:00 XYZ", 1994, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 00:00:00 A", 1994, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 00:00:00", 1994, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 23:59:60 +0000", 1994, 2, 8, 0, 0, 0, 0 },
	{ "7 Feb 1994", 1994, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 25:00:00 +0000", 1994, 2, 7, 0, 0, 0, 0 },
	{ "7 Feb 1994 12:00:00 +9999", 1994, 2, 7, 12, 0, 0, 0 },
	{ "Monday, 7 February 1994 21:52:25 GMT", 1994, 2, 7, 21, 52, 25, 0 },
	{ "Mon 7-Feb-94 21:52:25", 1994, 2, 7, 21, 52, 25, 0 },
	{ "Mon Feb  7 21:52:25 1994", 1994, 2, 7, 21, 52, 25, 0 },
	{ "Mon Feb  7 21:52:25 CET 1994", 1994, 2, 7, 20, 52, 25, 60 },
	{ "Feb 7, 1994 9:52 PM", 1994, 2, 7, 21, 52, 0, 0 },
	{ "Mon, 7 Feb 1994 12:05:00 AM +0100", 1994, 2, 6, 23, 5, 0, 60 },
	{ "Mon, 7 Feb 1994 21:52:25 GMT+0100", 1994, 2, 7, 20, 52, 25, 60 },
	{ "Mon, 7 Feb 1994 21:52:25 +01:00", 1994, 2, 7, 20, 52, 25, 60 },
	{ "Mon, 7 Feb 1994 21.52.25 +0100", 1994, 2, 7, 20, 52, 25, 60 },
	{ "Mon, 7 Feb 1994 21:52:25.123 +0100", 1994, 2, 7, 20, 52, 25, 60 },
	{ "29 Feb 2000 00:00:00 +0000", 2000, 2, 29, 0, 0, 0, 0 },
	{ "1 Jan 0000 00:00:00 +0000", 0, 1, 1, 0, 0, 0, 0 },
	{ "31 Dec 9999 23:59:59 +0000", 9999, 12, 31, 23, 59, 59, 0 },
};

START_TEST(dates_are_understood)
{
	int64_t utc = -1;
	int32_t zone = -1;

	ck_assert_msg(hf_date_parse_rfc5322(hf_str(good[_i].text), &utc, &zone), "%s",
		      good[_i].text);
	ck_assert_msg(utc == hf_date_days(good[_i].year, good[_i].month, good[_i].day) * 86400 +
				      good[_i].hour * 3600 + good[_i].minute * 60 + good[_i].second,
		      "%s: %lld", good[_i].text, (long long)utc);
	ck_assert_msg(zone == good[_i].zone, "%s: zone %d", good[_i].text, (int)zone);
}
END_TEST

START_TEST(garbage_is_no_date_and_writes_nothing)
{
	static const char *const bad[] = {
		"",
		" ",
		"Mon",
		"Mon,",
		"7",
		"7 Feb",
		"7 Foo 1994 00:00:00 +0000",
		"0 Feb 1994 00:00:00",
		"30 Feb 1994",
		"29 Feb 1900",
		"32 Jan 2000",
		"7 Feb 19945",
		"7 Feb 1",
		"Feb",
		"Feb x",
		"yesterday",
		"(7 Feb 1994",
		"1994-02-07T21:52:25Z",
		"123 Feb 1994",
		"Mon Feb  7 21:52:25",
		"\xff\xfe",
		"-7 Feb 1994",
	};

	for (size_t i = 0; i < HF_COUNT(bad); i++) {
		int64_t utc = 42;
		int32_t zone = 43;

		ck_assert_msg(!hf_date_parse_rfc5322(hf_str(bad[i]), &utc, &zone), "%s", bad[i]);
		ck_assert_int_eq(utc, 42);
		ck_assert_int_eq(zone, 43);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, dates_are_understood, 0, (int)HF_COUNT(good));
	tcase_add_test(tc, garbage_is_no_date_and_writes_nothing);
}

int main(void)
{
	return run_tests("rfc5322_date", add);
}
