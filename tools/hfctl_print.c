/* SPDX-License-Identifier: BSD-2-Clause */
/* Results for people: lists of objects as tables, objects as "name  value" lines, anything else as
 * it is. Control characters in what users chose (mailbox names) are shown as '?', since the reader
 * is a terminal. */
#include "tools/hfctl.h"

#include <string.h>
#include <time.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"

static bool ends_in(const char *key, const char *tail)
{
	return key && hf_str_ends(hf_str(key), hf_str(tail));
}

static bool is_time(const char *key)
{
	return key &&
	       (strcmp(key, "created") == 0 || strcmp(key, "since") == 0 || ends_in(key, "_at"));
}

static void add_size(struct hf_buf *out, json_int_t size)
{
	static const char units[] = "KMGTPE";
	double value = (double)size;
	int unit = -1;

	while (value >= 1024 && unit + 1 < (int)sizeof units - 1) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		hf_buf_printf(out, "%lld", (long long)size);
	else
		hf_buf_printf(out, "%.*f %ciB", value < 10 ? 1 : 0, value, units[unit]);
}

static void add_time(struct hf_buf *out, json_int_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;
	char text[64];

	if (seconds && localtime_r(&when, &tm) &&
	    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm))
		hf_buf_add_cstr(out, text);
	else
		hf_buf_add_char(out, '-');
}

static void add_clean(struct hf_buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == 0xc2 && (unsigned char)text[1] >= 0x80 &&
		    (unsigned char)text[1] < 0xa0) { /* C1 controls */
			hf_buf_add_char(out, '?');
			text++;
		} else {
			hf_buf_add_char(out, (char)(c < 0x20 || c == 0x7f ? '?' : c));
		}
	}
}

/* A scalar, or a list of them in one line. */
static void add_value(struct hf_buf *out, const char *key, json_t *value)
{
	size_t index;
	json_t *item;

	if (json_is_string(value)) {
		add_clean(out, json_string_value(value));
	} else if (json_is_integer(value) && is_time(key)) {
		add_time(out, json_integer_value(value));
	} else if (json_is_integer(value) && key &&
		   (strcmp(key, "size") == 0 || ends_in(key, "_size"))) {
		add_size(out, json_integer_value(value));
	} else if (json_is_integer(value)) {
		hf_buf_printf(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		hf_buf_printf(out, "%.3f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		hf_buf_add_cstr(out, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		json_array_foreach (value, index, item) {
			if (index)
				hf_buf_add_lit(out, ", ");
			add_value(out, key, item);
		}
	} else if (json_is_object(value)) {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);

		hf_buf_add_cstr(out, text ? text : "");
		free(text);
	} else {
		hf_buf_add_char(out, '-');
	}
}

/* Columns on a terminal: one per character is near enough for names of people and mailboxes. */
static size_t width_of(struct hf_str s)
{
	size_t i, width = 0;

	for (i = 0; i < s.size; i++)
		width += ((unsigned char)s.data[i] & 0xc0) != 0x80;
	return width;
}

static void print_padded(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t own = width_of(hf_str(text));
	int gap = own < width ? (int)(width - own) : 0;

	if (right)
		fprintf(out, "%*s%s%s", gap, "", text, last ? "\n" : "  ");
	else if (last)
		fprintf(out, "%s\n", text);
	else
		fprintf(out, "%s%*s  ", text, gap, "");
}

/* The columns: every key that some row has, in order of appearance. */
static json_t *columns_of(json_t *rows)
{
	json_t *columns = json_array(), *row, *value, *seen = json_object();
	const char *key;
	size_t index;

	json_array_foreach (rows, index, row) {
		json_object_foreach (row, key, value) {
			if (json_object_get(seen, key))
				continue;
			json_object_set_new(seen, key, json_true());
			json_array_append_new(columns, json_string(key));
		}
	}
	json_decref(seen);
	return columns;
}

static void print_table(json_t *rows, FILE *out)
{
	json_t *columns = columns_of(rows);
	size_t n_rows = json_array_size(rows), n = json_array_size(columns), r, c;
	char **cells = hf_alloc_zero((n_rows + 1) * n * sizeof *cells + 1);
	size_t *widths = hf_alloc_zero(n * sizeof *widths + 1);
	bool *right = hf_alloc_zero(n * sizeof *right + 1);

	for (c = 0; c < n; c++) {
		const char *key = json_string_value(json_array_get(columns, c));

		right[c] = true;
		for (r = 0; r <= n_rows; r++) {
			struct hf_buf text = HF_BUF_INIT;
			json_t *value =
				r ? json_object_get(json_array_get(rows, r - 1), key) : NULL;
			size_t i, width;

			if (r) {
				add_value(&text, key, value);
				if (value && !json_is_integer(value) && !json_is_real(value))
					right[c] = false;
			} else {
				for (i = 0; key[i]; i++)
					hf_buf_add_char(&text,
							(char)(key[i] == '_'
								       ? ' '
								       : hf_ascii_upper(key[i])));
			}
			cells[r * n + c] = hf_strdup(hf_buf_cstr(&text));
			width = width_of(hf_buf_str(&text));
			if (width > widths[c])
				widths[c] = width;
			hf_buf_fini(&text);
		}
	}
	for (r = 0; r <= n_rows; r++)
		for (c = 0; c < n; c++)
			print_padded(out, cells[r * n + c], widths[c], right[c], c + 1 == n);
	for (r = 0; r < (n_rows + 1) * n; r++)
		hf_free(cells[r]);
	hf_free(cells);
	hf_free(widths);
	hf_free(right);
	json_decref(columns);
}

static bool is_rows(json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static size_t longest_key(json_t *object)
{
	size_t width = 0;
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		if (!is_rows(value) && !json_is_object(value) && strlen(key) > width)
			width = strlen(key);
	}
	return width;
}

/* Plain members first, line by line; then what has lines of its own, under its name. */
static void print_object(json_t *object, FILE *out)
{
	size_t width = longest_key(object);
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		struct hf_buf text = HF_BUF_INIT;

		if (is_rows(value) || json_is_object(value))
			continue;
		add_value(&text, key, value);
		print_padded(out, key, width, false, false);
		fprintf(out, "%s\n", hf_buf_cstr(&text));
		hf_buf_fini(&text);
	}
	json_object_foreach (object, key, value) {
		if (!is_rows(value) && !json_is_object(value))
			continue;
		fprintf(out, "%s:\n", key);
		ctl_print(value, out);
	}
}

void ctl_print(json_t *result, FILE *out)
{
	struct hf_buf text = HF_BUF_INIT;
	size_t index;
	json_t *item;

	if (!result || json_is_null(result))
		return;
	if (is_rows(result)) {
		print_table(result, out);
	} else if (json_is_array(result)) {
		json_array_foreach (result, index, item) {
			ctl_print(item, out);
		}
	} else if (json_is_object(result)) {
		print_object(result, out);
	} else if (json_is_string(result)) { /* texts of several lines, made by the daemon */
		const char *line = json_string_value(result);

		for (;;) {
			size_t size = strcspn(line, "\n");
			char *copy = hf_strndup(line, size);

			hf_buf_clear(&text);
			add_clean(&text, copy);
			hf_free(copy);
			fprintf(out, "%s\n", hf_buf_cstr(&text));
			line += size;
			if (!*line || !*++line)
				break;
		}
	} else {
		add_value(&text, NULL, result);
		fprintf(out, "%s\n", hf_buf_cstr(&text));
	}
	hf_buf_fini(&text);
}

void ctl_print_json(json_t *result, FILE *out)
{
	if (result)
		json_dumpf(result, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	else
		fputs("null", out);
	fputc('\n', out);
}
