/* SPDX-License-Identifier: BSD-2-Clause */
/* One option: text to value and back, by the row that describes it. Everything that takes settings
 * (file, defaults, --show, sample) goes through here, so an option means the same everywhere. */
#include "host/config_priv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "GiB", 1ull << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "TiB", 1ull << 40 },
	{ "GB", 1000000000 },  { "MB", 1000000 },  { "kB", 1000 },     { "g", 1ull << 30 },
	{ "m", 1 << 20 },      { "k", 1 << 10 },   { "B", 1 },
};

static const struct unit time_units[] = {
	{ "d", 86400000 },    { "days", 86400000 }, { "day", 86400000 }, { "h", 3600000 },
	{ "hours", 3600000 }, { "hour", 3600000 },  { "min", 60000 },    { "m", 60000 },
	{ "ms", 1 },          { "s", 1000 },        { "sec", 1000 },
};

void *hf_option_place(const struct hf_option *option, void *settings)
{
	return (char *)settings + option->offset;
}

static const void *place(const struct hf_option *option, const void *settings)
{
	return (const char *)settings + option->offset;
}

/* A number and perhaps a unit; `plain` is the factor of a number without one. */
static bool parse_amount(const char *text, const struct unit *units, size_t count, uint64_t plain,
			 uint64_t *value)
{
	char *end;
	unsigned long long n;
	uint64_t factor = plain;
	size_t i;

	while (isspace((unsigned char)*text))
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return false;
	while (isspace((unsigned char)*end))
		end++;
	if (*end) {
		for (i = 0; i < count && strcasecmp(end, units[i].name) != 0; i++)
			;
		if (i == count)
			return false;
		factor = units[i].factor;
	}
	if (n && factor > INT64_MAX / n)
		return false;
	*value = n * factor;
	return true;
}

static bool in_range(const struct hf_option *option, int64_t value)
{
	return (option->min == 0 && option->max == 0) ||
	       (value >= option->min && value <= option->max);
}

static bool parse_bool(const char *text, bool *value)
{
	static const char *const yes[] = { "true", "yes", "on", "1" }, *const no[] = { "false",
										       "no", "off",
										       "0" };

	for (size_t i = 0; i < HF_COUNT(yes); i++) {
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*value = strcasecmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

static bool parse_enum(const char *choices, const char *text, int *value)
{
	struct hf_str rest = hf_str(choices);

	for (int index = 0; rest.size; index++) {
		if (hf_str_ieq(hf_str_split(&rest, '|'), hf_str(text))) {
			*value = index;
			return true;
		}
	}
	return false;
}

static struct hf_str enum_name(const char *choices, int value)
{
	struct hf_str rest = hf_str(choices), name = hf_str_split(&rest, '|');

	while (value-- > 0)
		name = hf_str_split(&rest, '|');
	return name;
}

/* Lists in text form (defaults) are separated by spaces. */
static const char *const *parse_list(const char *text, struct hf_arena *arena)
{
	struct hf_str rest = hf_str(text);
	const char **list = hf_new_array(arena, const char *, rest.size / 2 + 2);
	size_t count = 0;

	while (rest.size) {
		struct hf_str word = hf_str_split(&rest, ' ');

		if (word.size)
			list[count++] = hf_arena_cstr(arena, word);
	}
	return list;
}

bool hf_option_parse(const struct hf_option *option, const char *text, struct hf_arena *arena,
		     void *settings, struct hf_buf *why)
{
	void *to = hf_option_place(option, settings);
	bool ok = false, truth = false;
	int64_t number = 0;
	uint64_t amount = 0;
	char *end;
	int index = 0;

	switch (option->type) {
	case HF_OPT_BOOL:
		ok = parse_bool(text, &truth);
		if (ok)
			memcpy(to, &truth, sizeof(truth));
		break;
	case HF_OPT_INT:
		errno = 0;
		number = strtoll(text, &end, 10);
		ok = *text && !*end && !errno && in_range(option, number);
		if (ok)
			memcpy(to, &number, sizeof(number));
		break;
	case HF_OPT_SIZE:
	case HF_OPT_DURATION:
		ok = option->type == HF_OPT_SIZE
			     ? parse_amount(text, size_units, HF_COUNT(size_units), 1, &amount)
			     : parse_amount(text, time_units, HF_COUNT(time_units), 1000, &amount);
		ok = ok && in_range(option, (int64_t)amount);
		if (ok)
			memcpy(to, &amount, sizeof(amount));
		break;
	case HF_OPT_STRING: {
		const char *copy = hf_arena_cstr(arena, hf_str(text));

		memcpy(to, &copy, sizeof(copy));
		return true;
	}
	case HF_OPT_ENUM:
		ok = parse_enum(option->choices, text, &index);
		if (ok)
			memcpy(to, &index, sizeof(index));
		break;
	case HF_OPT_LIST: {
		const char *const *list = parse_list(text, arena);

		memcpy(to, &list, sizeof(list));
		return true;
	}
	}
	if (!ok && why) {
		hf_buf_printf(why, "%s: '%.60s' is not ", option->name, text);
		hf_option_expects(option, why);
	}
	return ok;
}

void hf_option_defaults(const struct hf_option *options, struct hf_arena *arena, void *settings)
{
	struct hf_buf why = HF_BUF_INIT;

	for (; options && options->name; options++) {
		if (!options->fallback)
			continue; /* the struct is zeroed */
		if (!hf_option_parse(options, options->fallback, arena, settings, &why)) {
			hf_critical(NULL, "option-default %s", hf_buf_cstr(&why));
			abort();
		}
	}
	hf_buf_fini(&why);
}

static void format_size(uint64_t n, struct hf_buf *out)
{
	static const struct unit units[] = {
		{ "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }
	};

	for (size_t i = 0; i < HF_COUNT(units) && n; i++) {
		if (n % units[i].factor == 0) {
			hf_buf_printf(out, "\"%" PRIu64 " %s\"", n / units[i].factor,
				      units[i].name);
			return;
		}
	}
	hf_buf_printf(out, "%" PRIu64, n);
}

static void format_duration(uint64_t ms, struct hf_buf *out)
{
	static const struct unit units[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }
	};

	for (size_t i = 0; i < HF_COUNT(units) && ms; i++) {
		if (ms % units[i].factor == 0) {
			hf_buf_printf(out, "\"%" PRIu64 " %s\"", ms / units[i].factor,
				      units[i].name);
			return;
		}
	}
	hf_buf_printf(out, ms ? "\"%" PRIu64 " ms\"" : "%" PRIu64, ms);
}

static void format_string(const char *s, struct hf_buf *out)
{
	hf_buf_add_char(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			hf_buf_add_char(out, '\\');
		hf_buf_add_char(out, *s);
	}
	hf_buf_add_char(out, '"');
}

void hf_option_format(const struct hf_option *option, const void *settings, struct hf_buf *out)
{
	const void *from = place(option, settings);

	switch (option->type) {
	case HF_OPT_BOOL:
		hf_buf_add_cstr(out, *(const bool *)from ? "true" : "false");
		break;
	case HF_OPT_INT:
		hf_buf_printf(out, "%" PRId64, *(const int64_t *)from);
		break;
	case HF_OPT_SIZE:
		format_size(*(const uint64_t *)from, out);
		break;
	case HF_OPT_DURATION:
		format_duration(*(const uint64_t *)from, out);
		break;
	case HF_OPT_STRING: {
		const char *s = *(const char *const *)from;

		if (s)
			format_string(s, out);
		else
			hf_buf_add_cstr(out, "none");
		break;
	}
	case HF_OPT_ENUM: {
		struct hf_str name = enum_name(option->choices, *(const int *)from);

		hf_buf_printf(out, "\"%.*s\"", HF_STR_ARG(name));
		break;
	}
	case HF_OPT_LIST: {
		const char *const *list = *(const char *const *const *)from;

		hf_buf_add_cstr(out, "[");
		for (size_t i = 0; list && list[i]; i++) {
			hf_buf_add_cstr(out, i ? ", " : " ");
			format_string(list[i], out);
		}
		hf_buf_add_cstr(out, " ]");
		break;
	}
	}
}

bool hf_option_equal(const struct hf_option *option, const void *a, const void *b)
{
	struct hf_buf one = HF_BUF_INIT, two = HF_BUF_INIT;
	bool equal;

	hf_option_format(option, a, &one);
	hf_option_format(option, b, &two);
	equal = hf_str_eq(hf_buf_str(&one), hf_buf_str(&two));
	hf_buf_fini(&one);
	hf_buf_fini(&two);
	return equal;
}

static void expects_range(const struct hf_option *option, struct hf_buf *out)
{
	void (*format)(uint64_t, struct hf_buf *) =
		option->type == HF_OPT_SIZE ? format_size : format_duration;

	if (option->min == 0 && option->max == 0)
		return;
	if (option->type == HF_OPT_INT) {
		hf_buf_printf(out, " from %" PRId64 " to %" PRId64, option->min, option->max);
		return;
	}
	hf_buf_add_cstr(out, " from ");
	format((uint64_t)option->min, out);
	hf_buf_add_cstr(out, " to ");
	format((uint64_t)option->max, out);
}

void hf_option_expects(const struct hf_option *option, struct hf_buf *out)
{
	switch (option->type) {
	case HF_OPT_BOOL:
		hf_buf_add_cstr(out, "true or false");
		break;
	case HF_OPT_INT:
		hf_buf_add_cstr(out, "a number");
		expects_range(option, out);
		break;
	case HF_OPT_SIZE:
		hf_buf_add_cstr(out, "a size (\"64 MiB\" or octets)");
		expects_range(option, out);
		break;
	case HF_OPT_DURATION:
		hf_buf_add_cstr(out, "a duration (\"5 min\" or seconds)");
		expects_range(option, out);
		break;
	case HF_OPT_STRING:
		hf_buf_add_cstr(out, "a string");
		break;
	case HF_OPT_LIST:
		hf_buf_add_cstr(out, "a list of strings ([ \"a\", \"b\" ])");
		break;
	case HF_OPT_ENUM: {
		struct hf_str rest = hf_str(option->choices);

		hf_buf_add_cstr(out, "one of: ");
		for (bool first = true; rest.size; first = false) {
			if (!first)
				hf_buf_add_cstr(out, ", ");
			hf_buf_add_str(out, hf_str_split(&rest, '|'));
		}
		break;
	}
	}
}

void hf_nearest_init(struct hf_nearest *nearest, const char *word)
{
	*nearest = (struct hf_nearest){ .word = word, .distance = 1 + (unsigned)strlen(word) / 3 };
	if (nearest->distance < 3)
		nearest->distance = 3;
}

/* Edit distance with neighbouring letters swapped as one edit, of words up to 63 letters. */
static unsigned edits(const char *a, const char *b)
{
	unsigned rows[3][64];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	size_t m = strlen(a), n = strlen(b);

	if (m > 63 || n > 63)
		return 64;
	for (size_t j = 0; j <= n; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned cost = a[i - 1] == b[j - 1] ? 0 : 1, best = last[j - 1] + cost;

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[n];
}

void hf_nearest_try(struct hf_nearest *nearest, const char *candidate)
{
	unsigned distance = edits(nearest->word, candidate);

	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->best = candidate;
	}
}
