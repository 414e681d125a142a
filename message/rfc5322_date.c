/* SPDX-License-Identifier: BSD-2-Clause */
/* The Date field, RFC 5322 §3.3 and §4.3, and what is seen in the wild: no weekday, no seconds,
 * two-digit years, zone names, the order of asctime, dashes between day, month and year. A wrong
 * time is 00:00:00 and a wrong zone is UTC (RFC 5256 §2.2); a wrong date is no date. */
#include "message/text.h"

#include "base/clock.h"
#include "message/header_priv.h"

struct scan {
	struct hf_str s;
	size_t pos;
};

static void skip(struct scan *scan)
{
	hf_skip_cfws(scan->s, &scan->pos, NULL);
}

static char peek(const struct scan *scan)
{
	return scan->pos < scan->s.size ? scan->s.data[scan->pos] : '\0';
}

static bool accept(struct scan *scan, char c)
{
	if (peek(scan) != c)
		return false;
	scan->pos++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct hf_str word(struct scan *scan)
{
	size_t start = scan->pos;

	while (hf_ascii_lower(peek(scan)) >= 'a' && hf_ascii_lower(peek(scan)) <= 'z')
		scan->pos++;
	return (struct hf_str){ scan->s.data + start, scan->pos - start };
}

/* Digits, at most `max` of them; returns how many. */
static unsigned number(struct scan *scan, unsigned max, int *n)
{
	unsigned digits = 0;

	*n = 0;
	while (is_digit(peek(scan)) && digits < max) {
		*n = *n * 10 + (peek(scan) - '0');
		scan->pos++;
		digits++;
	}
	return is_digit(peek(scan)) ? 0 : digits;
}

static int month_of(struct hf_str name)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; i < 12 && name.size >= 3; i++) {
		if (hf_str_ieq((struct hf_str){ months + i * 3, 3 }, hf_str_sub(name, 0, 3)))
			return i + 1;
	}
	return 0;
}

static bool is_weekday(struct hf_str name)
{
	static const char days[] = "montuewedthufrisatsun";

	for (int i = 0; i < 7 && name.size >= 3; i++) {
		if (hf_str_ieq((struct hf_str){ days + i * 3, 3 }, hf_str_sub(name, 0, 3)))
			return true;
	}
	return false;
}

/* RFC 5322 §4.3: two digits below 50 are of this century, three count from 1900. */
static bool year(struct scan *scan, int *n)
{
	unsigned digits = number(scan, 4, n);

	if (digits == 2)
		*n += *n < 50 ? 2000 : 1900;
	else if (digits == 3)
		*n += 1900;
	return digits >= 2;
}

static void separator(struct scan *scan)
{
	skip(scan);
	if (peek(scan) == '-' || peek(scan) == '.' || peek(scan) == '/' || peek(scan) == ',') {
		scan->pos++;
		skip(scan);
	}
}

/* hh:mm[:ss[.fraction]] [AM|PM], in seconds; 0 when it is wrong or missing. */
static int time_of_day(struct scan *scan)
{
	int hour, minute, second = 0;
	size_t before;
	struct hf_str half;

	if (!number(scan, 2, &hour))
		return 0;
	skip(scan);
	if (!accept(scan, ':') && !accept(scan, '.'))
		return 0;
	skip(scan);
	if (!number(scan, 2, &minute))
		return 0;
	skip(scan);
	if (accept(scan, ':') || accept(scan, '.')) {
		skip(scan);
		if (!number(scan, 2, &second))
			return 0;
		if (accept(scan, '.')) {
			while (is_digit(peek(scan)))
				scan->pos++;
		}
	}
	skip(scan);
	before = scan->pos;
	half = word(scan);
	if (hf_str_ieq(half, HF_STR("pm")) && hour < 12)
		hour += 12;
	else if (hf_str_ieq(half, HF_STR("am")) && hour == 12)
		hour = 0;
	else if (!hf_str_ieq(half, HF_STR("am")) && !hf_str_ieq(half, HF_STR("pm")))
		scan->pos = before;
	if (hour > 23 || minute > 59 || second > 60)
		return 0;
	return hour * 3600 + minute * 60 + second;
}

/* Minutes east of UTC. */
static int32_t zone(struct scan *scan)
{
	static const struct {
		const char *name;
		int32_t minutes;
	} names[] = {
		{ "EST", -300 }, { "EDT", -240 }, { "CST", -360 }, { "CDT", -300 }, { "MST", -420 },
		{ "MDT", -360 }, { "PST", -480 }, { "PDT", -420 }, { "CET", 60 },   { "MET", 60 },
		{ "CEST", 120 }, { "MEST", 120 }, { "EET", 120 },  { "EEST", 180 }, { "WEST", 60 },
		{ "BST", 60 },   { "MSK", 180 },  { "JST", 540 },
	};
	struct hf_str name;
	int n, sign;

	skip(scan);
	name = word(scan);
	for (size_t i = 0; i < HF_COUNT(names); i++) {
		if (hf_str_ieq(name, hf_str(names[i].name)))
			return names[i].minutes;
	}
	skip(scan);
	sign = peek(scan) == '-' ? -1 : 1; /* also after a name: "GMT+0100" */
	if (!accept(scan, '+') && !accept(scan, '-'))
		return 0;
	if (number(scan, 2, &n) == 0 && !is_digit(peek(scan)))
		return 0;
	int minutes = 0;

	accept(scan, ':');
	if (is_digit(peek(scan)) && number(scan, 2, &minutes) != 2)
		return 0;
	if (n > 23 || minutes > 59)
		return 0;
	return sign * (n * 60 + minutes);
}

static int days_in(int y, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* After the month's name, in the order of asctime: "4 12:00:00 [zone] 1999 [zone]" or "4, 1999
 * 12:00:00 zone". */
static bool after_month(struct scan *scan, int *day, int *y, int *seconds, int32_t *minutes)
{
	size_t before;
	int hour;

	separator(scan);
	if (number(scan, 2, day) == 0)
		return false;
	separator(scan);
	before = scan->pos;
	if (number(scan, 2, &hour) && peek(scan) == ':') {
		scan->pos = before;
		*seconds = time_of_day(scan);
		*minutes = zone(scan);
		skip(scan);
		if (!year(scan, y))
			return false;
		if (*minutes == 0)
			*minutes = zone(scan);
		return true;
	}
	scan->pos = before;
	if (!year(scan, y))
		return false;
	separator(scan);
	*seconds = time_of_day(scan);
	*minutes = zone(scan);
	return true;
}

bool hf_date_parse_rfc5322(struct hf_str value, int64_t *utc, int32_t *zone_minutes)
{
	struct scan scan = { value, 0 };
	int day = 0, month = 0, y = 0, seconds = 0;
	int32_t minutes = 0;
	struct hf_str name;

	skip(&scan);
	name = word(&scan);
	if (name.size && is_weekday(name)) {
		separator(&scan);
		name = word(&scan);
	}
	if (name.size) {
		month = month_of(name);
		if (month == 0 || !after_month(&scan, &day, &y, &seconds, &minutes))
			return false;
	} else {
		if (number(&scan, 2, &day) == 0)
			return false;
		separator(&scan);
		month = month_of(word(&scan));
		separator(&scan);
		if (month == 0 || !year(&scan, &y))
			return false;
		separator(&scan);
		seconds = time_of_day(&scan);
		minutes = zone(&scan);
	}
	if (day < 1 || day > days_in(y, month))
		return false;
	*utc = hf_date_days(y, month, day) * 86400 + seconds - (int64_t)minutes * 60;
	*zone_minutes = minutes;
	return true;
}
