/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

/* Rules in POSIX form need no zone database. Each test is a process of its own, so nothing is
 * cached yet. */
#define PACIFIC "PST8PDT,M3.2.0,M11.1.0"
#define BERLIN  "CET-1CEST,M3.5.0,M10.5.0/3"

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

START_TEST(clocks_run)
{
	uint64_t ms = hf_now_ms(), us = hf_now_us();

	ck_assert_int_ge(hf_now_s(), 1700000000);
	ck_assert_int_le(llabs((long long)hf_now_s() - (long long)time(NULL)), 1);
	usleep(20000);
	ck_assert_uint_ge(hf_now_ms(), ms + 19);
	ck_assert_uint_ge(hf_now_us(), us + 19000);
	ck_assert_uint_lt(hf_now_us(), us + 30000000);
}
END_TEST

START_TEST(days_count_through_all_years)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t days = hf_date_days(-1, 1, 1);

	ck_assert_int_eq(hf_date_days(1970, 1, 1), 0);
	ck_assert_int_eq(hf_date_days(1969, 12, 31), -1);
	ck_assert_int_eq(hf_date_days(2000, 2, 29), 11016);
	ck_assert_int_eq(hf_date_days(1, 1, 1), -719162);
	for (int year = -1; year < 10000; year++) {
		bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

		for (int month = 1; month <= 12; month++) {
			int length = lengths[month - 1] + (month == 2 && leap);

			for (int day = 1; day <= length; day += day == 1 ? length - 1 : 1) {
				int64_t n = days + day - 1;
				int y, m, d;

				hf_date_from_days(n, &y, &m, &d);
				if (hf_date_days(year, month, day) != n || y != year ||
				    m != month || d != day)
					ck_abort_msg("%d-%d-%d is wrong", year, month, day);
			}
			days += length;
		}
	}
}
END_TEST

static const struct {
	const char *tz;
	int64_t when;
	const char *internal, *rfc5322;
} dates[] = {
	{ PACIFIC, 760686745, " 7-Feb-1994 21:52:25 -0800",
	  "Mon, 7 Feb 1994 21:52:25 -0800 (PST)" },
	{ PACIFIC, 0, "31-Dec-1969 16:00:00 -0800", "Wed, 31 Dec 1969 16:00:00 -0800 (PST)" },
	{ "UTC0", 0, " 1-Jan-1970 00:00:00 +0000", "Thu, 1 Jan 1970 00:00:00 +0000 (UTC)" },
	{ "UTC0", -1, "31-Dec-1969 23:59:59 +0000", "Wed, 31 Dec 1969 23:59:59 +0000 (UTC)" },
	{ "UTC0", 951782400, "29-Feb-2000 00:00:00 +0000",
	  "Tue, 29 Feb 2000 00:00:00 +0000 (UTC)" },
	{ "UTC0", 4294967296, " 7-Feb-2106 06:28:16 +0000",
	  "Sun, 7 Feb 2106 06:28:16 +0000 (UTC)" },
	{ BERLIN, 1711846799, "31-Mar-2024 01:59:59 +0100",
	  "Sun, 31 Mar 2024 01:59:59 +0100 (CET)" },
	{ BERLIN, 1711846800, "31-Mar-2024 03:00:00 +0200",
	  "Sun, 31 Mar 2024 03:00:00 +0200 (CEST)" },
	{ "<+0545>-5:45", 0, " 1-Jan-1970 05:45:00 +0545", "Thu, 1 Jan 1970 05:45:00 +0545" },
	{ "<-0330>3:30", 0, "31-Dec-1969 20:30:00 -0330", "Wed, 31 Dec 1969 20:30:00 -0330" },
	{ "LMT-0:53:28", 0, " 1-Jan-1970 00:53:00 +0053", "Thu, 1 Jan 1970 00:53:00 +0053 (LMT)" },
	{ "UTC0", INT64_MIN, " 1-Jan-0001 00:00:00 +0000", NULL },
	{ "UTC0", INT64_MAX, "31-Dec-9999 23:59:59 +0000", NULL },
	{ PACIFIC, -62135596800, " 1-Jan-0001 00:00:00 +0000", NULL },
	{ BERLIN, 253402300799, "31-Dec-9999 23:59:59 +0000", NULL },
};

START_TEST(dates_are_written_in_local_time_and_read_back)
{
	int64_t back;

	zone(dates[_i].tz);
	hf_date_format_internal(dates[_i].when, &out);
	assert_octets(hf_buf_str(&out), hf_str(dates[_i].internal));
	ck_assert(hf_date_parse_internal(hf_buf_str(&out), &back));
	if (dates[_i].rfc5322) {
		ck_assert_int_eq(back, dates[_i].when);
		hf_buf_clear(&out);
		hf_date_format_rfc5322(dates[_i].when, &out);
		assert_octets(hf_buf_str(&out), hf_str(dates[_i].rfc5322));
	}
}
END_TEST

START_TEST(the_local_offset_is_the_systems_around_its_changes)
{
	static const char *const zones[] = { PACIFIC, BERLIN, "UTC0",
					     "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" };

	zone(zones[_i]);
	for (int64_t when = 1700000000; when < 1735000000; when += 1795) {
		time_t t = when;
		struct tm tm;

		localtime_r(&t, &tm);
		if (hf_date_local_offset(when) != tm.tm_gmtoff)
			ck_abort_msg("%lld is wrong", (long long)when);
	}
}
END_TEST

static const struct {
	const char *text;
	int64_t when; /* -1: refused */
} internals[] = {
	{ " 7-Feb-1994 21:52:25 -0800", 760686745 },
	{ "7-Feb-1994 21:52:25 -0800", 760686745 },
	{ "07-Feb-1994 21:52:25 -0800", 760686745 },
	{ "07-FEB-1994 21:52:25 -0800", 760686745 },
	{ "01-jan-1970 00:00:60 +0000", 60 },
	{ "01-Jan-1970 00:00:00 -0000", 0 },
	{ "29-Feb-2000 00:00:00 +0000", 951782400 },
	{ "29-Feb-1900 00:00:00 +0000", -1 },
	{ "31-Apr-2000 00:00:00 +0000", -1 },
	{ "00-Jan-2000 00:00:00 +0000", -1 },
	{ " 0-Jan-2000 00:00:00 +0000", -1 },
	{ "32-Jan-2000 00:00:00 +0000", -1 },
	{ "01-Jan-0000 00:00:00 +0000", -1 },
	{ "01-Foo-2000 00:00:00 +0000", -1 },
	{ "01-Jan-99 00:00:00 +0000", -1 },
	{ "01-Jan-20000 00:00:00 +0000", -1 },
	{ "01-Jan-2000 24:00:00 +0000", -1 },
	{ "01-Jan-2000 00:60:00 +0000", -1 },
	{ "01-Jan-2000 00:00:61 +0000", -1 },
	{ "01-Jan-2000 0:00:00 +0000", -1 },
	{ "01-Jan-2000 00:00:00 0000", -1 },
	{ "01-Jan-2000 00:00:00 +2400", -1 },
	{ "01-Jan-2000 00:00:00 +0060", -1 },
	{ "01-Jan-2000 00:00:00 +000", -1 },
	{ "01-Jan-2000 00:00:00 +00000", -1 },
	{ "01-Jan-2000 00:00:00 +00:00", -1 },
	{ "01-Jan-2000 00:00:00", -1 },
	{ "01-Jan-2000  00:00:00 +0000", -1 },
	{ "  1-Jan-2000 00:00:00 +0000", -1 },
	{ " 01-Jan-2000 00:00:00 +0000", -1 },
	{ "01 Jan 2000 00:00:00 +0000", -1 },
	{ "", -1 },
	{ " ", -1 },
	{ "1", -1 },
};

START_TEST(internal_dates_are_checked)
{
	int64_t when = -1;

	ck_assert_int_eq(hf_date_parse_internal(hf_str(internals[_i].text), &when),
			 internals[_i].when != -1);
	ck_assert_int_eq(when, internals[_i].when);
}
END_TEST

START_TEST(every_prefix_of_a_date_is_refused)
{
	struct hf_str text = HF_STR(" 7-Feb-1994 21:52:25 -0800");
	int64_t when;

	for (size_t size = 0; size < text.size; size++)
		ck_assert(!hf_date_parse_internal(hf_str_sub(text, 0, size), &when));
}
END_TEST

START_TEST(search_dates_are_days)
{
	int32_t day = 4711;

	ck_assert(hf_date_parse_day(HF_STR("7-Feb-1994"), &day));
	ck_assert_int_eq(day, 8803);
	ck_assert(hf_date_parse_day(HF_STR("07-feb-1994"), &day));
	ck_assert_int_eq(day, 8803);
	ck_assert(hf_date_parse_day(HF_STR("31-Dec-1969"), &day));
	ck_assert_int_eq(day, -1);
	ck_assert(!hf_date_parse_day(HF_STR(" 7-Feb-1994"), &day));
	ck_assert(!hf_date_parse_day(HF_STR("7-Feb-1994 "), &day));
	ck_assert(!hf_date_parse_day(HF_STR("30-Feb-1994"), &day));
	ck_assert(!hf_date_parse_day(HF_STR("7-Feb-94"), &day));
	ck_assert(!hf_date_parse_day(HF_STR("-7-Feb-1994"), &day));
	ck_assert(!hf_date_parse_day(HF_STR_NULL, &day));
	ck_assert_int_eq(day, -1);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, clocks_run);
	tcase_add_test(tc, days_count_through_all_years);
	tcase_add_loop_test(tc, dates_are_written_in_local_time_and_read_back, 0, HF_COUNT(dates));
	tcase_add_loop_test(tc, the_local_offset_is_the_systems_around_its_changes, 0, 4);
	tcase_add_loop_test(tc, internal_dates_are_checked, 0, HF_COUNT(internals));
	tcase_add_test(tc, every_prefix_of_a_date_is_refused);
	tcase_add_test(tc, search_dates_are_days);
}

int main(void)
{
	return run_tests("clock", add);
}
