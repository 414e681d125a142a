/* SPDX-License-Identifier: BSD-2-Clause */
/* Content-Type and Content-Disposition: a word or two, then parameters (RFC 2045 §5.1, RFC 2183 §2,
 * RFC 2231). Lenient: missing and doubled semicolons, unquoted values with spaces, comments.
 * Parameters in RFC 2231 form come before the plain ones, so that the first of a name is the better
 * one; a plain one beside an ASCII form of it is dropped. */
#include "message/charset_priv.h"
#include "message/header_priv.h"

#include <stdlib.h>

#include "base/encode.h"

struct raw_param {
	struct hf_str name, value;
	uint32_t section;
	uint32_t order; /* of appearance */
	bool split;     /* name*, name*0, name*0* */
	bool extended;  /* the value is percent-encoded */
};

static bool is_token(char c)
{
	uint8_t octet = (uint8_t)c;

	return octet > ' ' && octet != 0x7f && !memchr("()<>@,;:\\\"/[]?=", c, 15);
}

static struct hf_str read_token(struct hf_str s, size_t *pos)
{
	size_t start = *pos;

	while (*pos < s.size && is_token(s.data[*pos]))
		++*pos;
	return (struct hf_str){ s.data + start, *pos - start };
}

/* Up to the semicolon, without comments and trailing white space. */
static struct hf_str read_loose_value(struct hf_str s, size_t *pos)
{
	size_t start = *pos;
	struct hf_str value;

	while (*pos < s.size && s.data[*pos] != ';' && s.data[*pos] != '(')
		++*pos;
	value = hf_str_trim((struct hf_str){ s.data + start, *pos - start });
	while (*pos < s.size && s.data[*pos] != ';') {
		hf_skip_cfws(s, pos, NULL);
		if (*pos < s.size && s.data[*pos] != ';')
			++*pos;
	}
	return value;
}

/* Splits "name*1*" (RFC 2231 §3, §4). */
static void name_parse(struct raw_param *param)
{
	struct hf_str name = param->name;
	ptrdiff_t star = hf_str_chr(name, '*');
	struct hf_str rest;
	uint64_t section = 0;

	if (star <= 0)
		return;
	rest = hf_str_sub(name, (size_t)star + 1, name.size);
	if (rest.size == 0) {
		param->extended = true;
	} else {
		if (rest.data[rest.size - 1] == '*') {
			param->extended = true;
			rest.size--;
		}
		if (!hf_str_u64(rest, 99999, &section)) {
			param->extended = false;
			return;
		}
	}
	param->split = true;
	param->section = (uint32_t)section;
	param->name.size = (size_t)star;
}

static uint32_t read_params(struct hf_arena *arena, struct hf_str s, size_t pos,
			    struct raw_param *raw, uint32_t max)
{
	struct hf_buf quoted = HF_BUF_INIT;
	uint32_t count = 0;

	while (count < max) {
		struct raw_param *param = &raw[count];

		hf_skip_cfws(s, &pos, NULL);
		if (pos >= s.size)
			break;
		*param = (struct raw_param){ .name = read_token(s, &pos), .order = count };
		hf_skip_cfws(s, &pos, NULL);
		if (param->name.size == 0 || pos >= s.size || s.data[pos] != '=') {
			if (pos < s.size && param->name.size == 0)
				pos++;
			continue;
		}
		pos++;
		hf_skip_cfws(s, &pos, NULL);
		if (pos < s.size && s.data[pos] == '"') {
			hf_buf_clear(&quoted);
			hf_read_quoted(s, &pos, &quoted);
			param->value =
				hf_arena_str(arena, quoted.size ? hf_buf_str(&quoted) : HF_STR(""));
		} else {
			param->value = read_loose_value(s, &pos);
		}
		name_parse(param);
		count++;
	}
	hf_buf_fini(&quoted);
	return count;
}

static int raw_order(const void *a, const void *b)
{
	const struct raw_param *x = a, *y = b;
	int order;

	if (x->split != y->split)
		return x->split ? -1 : 1;
	if (x->split) {
		order = hf_str_icmp(x->name, y->name);
		if (order)
			return order;
		if (x->section != y->section)
			return x->section < y->section ? -1 : 1;
	}
	return x->order < y->order ? -1 : x->order > y->order;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = hf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void percent_decode(struct hf_str s, struct hf_buf *out)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];

		if (c == '%' && i + 2 < s.size && hex_digit(s.data[i + 1]) >= 0 &&
		    hex_digit(s.data[i + 2]) >= 0) {
			c = (char)(hex_digit(s.data[i + 1]) << 4 | hex_digit(s.data[i + 2]));
			i += 2;
		}
		hf_buf_add_char(out, c ? c : '?');
	}
}

/* Takes "charset'language'" off the front. */
static struct hf_str charset_take(struct hf_str *value)
{
	struct hf_str rest = *value, charset = hf_str_split(&rest, '\'');

	if (charset.size == value->size)
		return HF_STR_NULL;
	if (hf_str_chr(rest, '\'') < 0)
		return HF_STR_NULL;
	hf_str_split(&rest, '\'');
	*value = rest;
	return charset;
}

/* Joins raw[0..count), the sections of one name. */
static struct hf_str join(struct hf_arena *arena, const struct raw_param *raw, uint32_t count)
{
	struct hf_buf octets = HF_BUF_INIT, utf8 = HF_BUF_INIT;
	struct hf_str charset = HF_STR_NULL, joined;
	struct hf_charset_stream stream;

	for (uint32_t i = 0; i < count; i++) {
		struct hf_str value = raw[i].value;

		if (i && raw[i].section == raw[i - 1].section)
			continue;
		if (i == 0 && raw[i].extended)
			charset = charset_take(&value);
		if (raw[i].extended)
			percent_decode(value, &octets);
		else
			hf_buf_add_str(&octets, value);
	}
	hf_charset_stream_init_lenient(&stream, charset);
	hf_charset_stream_feed(&stream, hf_buf_str(&octets), &utf8);
	hf_charset_stream_end(&stream, &utf8);
	for (size_t i = 0; i < utf8.size; i++) {
		if (utf8.data[i] == 0)
			utf8.data[i] = '?';
	}
	joined = hf_arena_str(arena, utf8.size ? hf_buf_str(&utf8) : HF_STR(""));
	hf_buf_fini(&octets);
	hf_buf_fini(&utf8);
	return joined;
}

static struct hf_str plain_value(struct hf_arena *arena, struct hf_str value)
{
	struct hf_buf utf8 = HF_BUF_INIT;

	if (hf_utf8_valid(value))
		return hf_arena_str(arena, value.size ? value : HF_STR(""));
	hf_cp1252_to_utf8(value, &utf8);
	value = hf_arena_str(arena, hf_buf_str(&utf8));
	hf_buf_fini(&utf8);
	return value;
}

static bool hidden(const struct hf_param_list *list, uint32_t joined, struct hf_str name)
{
	for (uint32_t i = 0; i < joined; i++) {
		struct hf_str value = list->params[i].value;

		if (hf_str_ieq(list->params[i].name, name))
			return hf_ascii_run(value) == value.size;
	}
	return false;
}

static void params_parse(struct hf_arena *arena, struct hf_str s, size_t pos, uint32_t max,
			 struct hf_param_list *list)
{
	struct raw_param few[16], *raw = few;
	uint32_t count, joined, i = 0;

	*list = (struct hf_param_list){ NULL, 0 };
	count = read_params(arena, s, pos, raw,
			    max < HF_COUNT(few) ? max : (uint32_t)HF_COUNT(few));
	if (count == HF_COUNT(few) && max > HF_COUNT(few)) {
		raw = hf_new_array(arena, struct raw_param, max);
		count = read_params(arena, s, pos, raw, max);
	}
	if (count == 0)
		return;
	qsort(raw, count, sizeof(*raw), raw_order);
	list->params = hf_new_array(arena, struct hf_param, count);
	while (i < count && raw[i].split) {
		uint32_t first = i;

		while (i < count && raw[i].split && hf_str_ieq(raw[i].name, raw[first].name))
			i++;
		list->params[list->count++] =
			(struct hf_param){ hf_arena_str(arena, raw[first].name),
					   join(arena, raw + first, i - first) };
	}
	joined = list->count;
	for (; i < count; i++) {
		if (joined && hidden(list, joined, raw[i].name))
			continue;
		list->params[list->count++] = (struct hf_param){ hf_arena_str(arena, raw[i].name),
								 plain_value(arena, raw[i].value) };
	}
}

bool hf_content_type_parse(struct hf_arena *arena, struct hf_str value, uint32_t max,
			   struct hf_str *type, struct hf_str *subtype,
			   struct hf_param_list *params)
{
	size_t pos = 0;
	struct hf_str first, second;

	hf_skip_cfws(value, &pos, NULL);
	first = read_token(value, &pos);
	hf_skip_cfws(value, &pos, NULL);
	if (first.size == 0 || pos >= value.size || value.data[pos] != '/')
		return false;
	pos++;
	hf_skip_cfws(value, &pos, NULL);
	second = read_token(value, &pos);
	if (second.size == 0)
		return false;
	*type = hf_arena_str(arena, first);
	*subtype = hf_arena_str(arena, second);
	params_parse(arena, value, pos, max, params);
	return true;
}

bool hf_disposition_parse(struct hf_arena *arena, struct hf_str value, uint32_t max,
			  struct hf_str *word, struct hf_param_list *params)
{
	size_t pos = 0;
	struct hf_str first;

	hf_skip_cfws(value, &pos, NULL);
	first = read_token(value, &pos);
	if (first.size == 0)
		return false;
	*word = hf_arena_str(arena, first);
	params_parse(arena, value, pos, max, params);
	return true;
}

struct hf_str hf_param_get(const struct hf_param *params, uint32_t count, struct hf_str name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (hf_str_ieq(params[i].name, name))
			return params[i].value;
	}
	return HF_STR_NULL;
}
