/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and dates. Dates are plain arithmetic; only the local offset comes from the C library, whose
 * localtime_r takes a lock that all threads share, so each thread remembers the offsets of the
 * periods it has met. */
#include "base/clock.h"

#include <time.h>

enum {
	DAY_S = 86400,
	PERIOD_BITS = 18, /* 2^18 s, three days: too short for two changes that cancel out */
	CACHE_SIZE = 128
};

struct date {
	int year, month, day, hour, minute, second;
	int weekday; /* 0 is Sunday */
	int offset;  /* seconds, whole minutes */
};

struct offset_entry {
	int64_t period;
	int offset;
	bool valid;
};

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

int64_t hf_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

uint64_t hf_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t hf_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Years are counted from March, so that the leap day comes last: 400 years have 146,097 days, and
 * month m of such a year begins on its day (153m + 2) / 5. */
int64_t hf_date_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

void hf_date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t m = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int system_offset(int64_t when)
{
	struct tm tm;
	time_t t = (time_t)when;

	return localtime_r(&t, &tm) ? (int)tm.tm_gmtoff : 0;
}

int hf_date_local_offset(int64_t when)
{
	static _Thread_local struct offset_entry cache[CACHE_SIZE];
	int64_t period = when >> PERIOD_BITS;
	struct offset_entry *entry = &cache[(uint64_t)period % CACHE_SIZE];
	int64_t begin = (int64_t)((uint64_t)period << PERIOD_BITS);
	int offset;

	if (HF_LIKELY(entry->valid && entry->period == period))
		return entry->offset;
	offset = system_offset(begin);
	if (offset != system_offset(begin + (((int64_t)1 << PERIOD_BITS) - 1)))
		return system_offset(when); /* it changes within this period */
	*entry = (struct offset_entry){ period, offset, true };
	return offset;
}

/* The years a four-digit date can show; what lies outside is shown as the nearest. */
static void date_from_local(int64_t when, struct date *date)
{
	int64_t min = hf_date_days(1, 1, 1) * DAY_S, max = hf_date_days(10000, 1, 1) * DAY_S - 1;
	int64_t local, days, second;

	if (when < min)
		when = min;
	if (when > max)
		when = max;
	/* Before standard time offsets had seconds, which "+hhmm" cannot say. */
	date->offset = hf_date_local_offset(when) / 60 * 60;
	local = when + date->offset;
	if (local < min || local > max) {
		date->offset = 0;
		local = when;
	}
	days = (local - min) / DAY_S + min / DAY_S;
	second = local - days * DAY_S;
	hf_date_from_days(days, &date->year, &date->month, &date->day);
	date->hour = (int)(second / 3600);
	date->minute = (int)(second / 60 % 60);
	date->second = (int)(second % 60);
	date->weekday = (int)((days - hf_date_days(1, 1, 7)) % 7); /* 7 January 0001 was a Sunday */
	if (date->weekday < 0)
		date->weekday += 7;
}

static char *put_two(char *to, int n)
{
	to[0] = (char)('0' + n / 10);
	to[1] = (char)('0' + n % 10);
	return to + 2;
}

static char *put_text(char *to, const char *text, size_t size)
{
	memcpy(to, text, size);
	return to + size;
}

/* "21:52:25 -0800" */
static char *put_time(char *to, const struct date *date)
{
	int offset = date->offset < 0 ? -date->offset : date->offset;

	to = put_two(to, date->hour);
	*to++ = ':';
	to = put_two(to, date->minute);
	*to++ = ':';
	to = put_two(to, date->second);
	*to++ = ' ';
	*to++ = date->offset < 0 ? '-' : '+';
	to = put_two(to, offset / 3600);
	return put_two(to, offset / 60 % 60);
}

static char *put_year(char *to, int year)
{
	return put_two(put_two(to, year / 100), year % 100);
}

void hf_date_format_internal(int64_t when, struct hf_buf *out)
{
	char *to = hf_buf_reserve(out, 32), *begin = to;
	struct date date;

	date_from_local(when, &date);
	to = put_two(to, date.day);
	if (*begin == '0')
		*begin = ' ';
	*to++ = '-';
	to = put_text(to, months[date.month - 1], 3);
	*to++ = '-';
	to = put_year(to, date.year);
	*to++ = ' ';
	to = put_time(to, &date);
	hf_buf_added(out, (size_t)(to - begin));
}

void hf_date_format_rfc5322(int64_t when, struct hf_buf *out)
{
	char *to = hf_buf_reserve(out, 48), *begin = to;
	time_t t = (time_t)when;
	struct date date;
	struct tm tm;

	date_from_local(when, &date);
	to = put_text(to, weekdays[date.weekday], 3);
	to = put_text(to, ", ", 2);
	if (date.day >= 10)
		*to++ = (char)('0' + date.day / 10);
	*to++ = (char)('0' + date.day % 10);
	*to++ = ' ';
	to = put_text(to, months[date.month - 1], 3);
	*to++ = ' ';
	to = put_year(to, date.year);
	*to++ = ' ';
	to = put_time(to, &date);
	hf_buf_added(out, (size_t)(to - begin));
	/* Zone names that are numbers ("+03") say nothing new. */
	if (localtime_r(&t, &tm) && tm.tm_zone && hf_ascii_lower(tm.tm_zone[0]) >= 'a' &&
	    hf_ascii_lower(tm.tm_zone[0]) <= 'z')
		hf_buf_printf(out, " (%.8s)", tm.tm_zone);
}

/* Reading. Each takes what it wants from the front. */
static bool take_char(struct hf_str *s, char c)
{
	if (s->size == 0 || s->data[0] != c)
		return false;
	s->data++;
	s->size--;
	return true;
}

static bool take_digits(struct hf_str *s, size_t count, int *n)
{
	uint64_t value;

	if (s->size < count || !hf_str_u64(hf_str_sub(*s, 0, count), 9999, &value))
		return false;
	*n = (int)value;
	*s = hf_str_sub(*s, count, s->size);
	return true;
}

static bool take_month(struct hf_str *s, int *month)
{
	for (int i = 0; i < 12; i++) {
		if (hf_str_istarts(*s, hf_str_n(months[i], 3))) {
			*s = hf_str_sub(*s, 3, s->size);
			*month = i + 1;
			return true;
		}
	}
	return false;
}

static int month_length(int year, int month)
{
	int next = month == 12 ? 1 : month + 1;

	return (int)(hf_date_days(month == 12 ? year + 1 : year, next, 1) -
		     hf_date_days(year, month, 1));
}

/* date-day "-" date-month "-" date-year, RFC 9051 §9 */
static bool take_date(struct hf_str *s, int64_t *days)
{
	int day, month, year;
	size_t digits = s->size > 1 && s->data[1] >= '0' && s->data[1] <= '9' ? 2 : 1;

	if (!take_digits(s, digits, &day) || !take_char(s, '-') || !take_month(s, &month) ||
	    !take_char(s, '-') || !take_digits(s, 4, &year))
		return false;
	if (year < 1 || day < 1 || day > month_length(year, month))
		return false;
	*days = hf_date_days(year, month, day);
	return true;
}

bool hf_date_parse_day(struct hf_str text, int32_t *day)
{
	int64_t days;

	if (!take_date(&text, &days) || text.size)
		return false;
	*day = (int32_t)days;
	return true;
}

bool hf_date_parse_internal(struct hf_str text, int64_t *when)
{
	int hour, minute, second, zone_hour, zone_minute;
	int64_t days, zone;
	bool west;

	if (text.size && text.data[0] == ' ' && text.size > 2 && text.data[2] == '-')
		take_char(&text, ' ');
	if (!take_date(&text, &days) || !take_char(&text, ' ') || !take_digits(&text, 2, &hour) ||
	    !take_char(&text, ':') || !take_digits(&text, 2, &minute) || !take_char(&text, ':') ||
	    !take_digits(&text, 2, &second) || !take_char(&text, ' '))
		return false;
	west = take_char(&text, '-');
	if ((!west && !take_char(&text, '+')) || !take_digits(&text, 2, &zone_hour) ||
	    !take_digits(&text, 2, &zone_minute) || text.size)
		return false;
	/* 60 is a leap second */
	if (hour > 23 || minute > 59 || second > 60 || zone_hour > 23 || zone_minute > 59)
		return false;
	zone = (int64_t)zone_hour * 3600 + (int64_t)zone_minute * 60;
	*when = days * DAY_S + (int64_t)hour * 3600 + (int64_t)minute * 60 + second -
		(west ? -zone : zone);
	return true;
}
