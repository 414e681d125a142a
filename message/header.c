/* SPDX-License-Identifier: BSD-2-Clause */
/* Header blocks: fields, folding, comments, quoted strings (RFC 5322 §2.2, §3.2, §4). A field
 * begins with a name of printable characters and a colon; other lines are passed over and belong to
 * no field. Everything is linear. */
#include "message/header_priv.h"
#include "message/text.h"

/* Size of the line at the front with its LF, or of all that is left. */
static size_t line_size(struct hf_str s)
{
	const char *lf = s.size ? memchr(s.data, '\n', s.size) : NULL;

	return lf ? (size_t)(lf - s.data) + 1 : s.size;
}

/* Size of the name before the colon, without the white space that obsolete syntax allows before it
 * (RFC 5322 §4.5); 0 when the line is no field. */
static size_t name_size(struct hf_str line, size_t *colon)
{
	const char *c = line.size ? memchr(line.data, ':', line.size) : NULL;
	size_t size;

	if (!c)
		return 0;
	size = (size_t)(c - line.data);
	*colon = size;
	while (size && hf_is_wsp(line.data[size - 1]))
		size--;
	for (size_t i = 0; i < size; i++) {
		uint8_t octet = (uint8_t)line.data[i];

		if (octet <= ' ' || octet == 0x7f)
			return 0;
	}
	return size;
}

static bool is_blank(struct hf_str line)
{
	return line.size == 0 || line.data[0] == '\n' ||
	       (line.size == 2 && line.data[0] == '\r' && line.data[1] == '\n');
}

bool hf_header_next(struct hf_str *rest, struct hf_str *name, struct hf_str *value,
		    struct hf_str *field)
{
	for (;;) {
		struct hf_str line = { rest->data, line_size(*rest) };
		size_t size = line.size, colon = 0;

		if (is_blank(line))
			return false;
		name->data = rest->data;
		name->size = name_size(line, &colon);
		while (size < rest->size && hf_is_wsp(rest->data[size]))
			size += line_size((struct hf_str){ rest->data + size, rest->size - size });
		*field = (struct hf_str){ rest->data, size };
		rest->data += size;
		rest->size -= size;
		if (name->size == 0)
			continue;
		*value = (struct hf_str){ field->data + colon + 1, size - colon - 1 };
		if (value->size && value->data[value->size - 1] == '\n') {
			value->size--;
			if (value->size && value->data[value->size - 1] == '\r')
				value->size--;
		}
		return true;
	}
}

void hf_header_each(struct hf_str header,
		    bool (*fn)(void *arg, struct hf_str name, struct hf_str value,
			       struct hf_str field),
		    void *arg)
{
	struct hf_str name, value, field;

	while (hf_header_next(&header, &name, &value, &field)) {
		if (!fn(arg, name, value, field))
			return;
	}
}

/* Line ends with white space behind them go, NUL becomes 0x80. */
void hf_header_unfold(struct hf_str value, struct hf_buf *out)
{
	size_t at = 0, start = out->size;

	value = hf_str_trim(value);
	if (value.size == 0)
		return;
	hf_buf_reserve(out, value.size);
	while (at < value.size) {
		const char *lf = memchr(value.data + at, '\n', value.size - at);
		size_t next = lf ? (size_t)(lf - value.data) : value.size, end = next;

		/* What is trimmed at the end cannot end here, so the look ahead stays inside. */
		if (lf && !hf_is_wsp(value.data[next + 1]))
			end = next + 1;
		else if (lf && next > at && value.data[next - 1] == '\r')
			end = next - 1;
		hf_buf_add(out, value.data + at, end - at);
		at = next + 1;
	}
	while (start < out->size) {
		char *nul = memchr(out->data + start, 0, out->size - start);

		if (!nul)
			return;
		*nul = (char)0x80;
		start = (size_t)(nul - out->data) + 1;
	}
}

struct hf_str hf_header_unfolded(struct hf_arena *arena, struct hf_str value,
				 struct hf_buf *scratch)
{
	hf_buf_clear(scratch);
	hf_header_unfold(value, scratch);
	return hf_arena_str(arena, scratch->size ? hf_buf_str(scratch) : HF_STR(""));
}

static void skip_comment(struct hf_str s, size_t *pos, struct hf_buf *comment)
{
	size_t depth = 0, i = *pos;

	if (comment)
		hf_buf_clear(comment);
	for (; i < s.size; i++) {
		char c = s.data[i];

		if (c == '\\') {
			if (++i >= s.size) /* ends in a backslash: nothing to escape */
				break;
			c = s.data[i];
		} else if (c == '(') {
			if (depth++ == 0)
				continue;
		} else if (c == ')' && --depth == 0) {
			i++;
			break;
		}
		if (comment)
			hf_buf_add_char(comment, c ? c : (char)0x80);
	}
	*pos = i < s.size ? i : s.size;
}

void hf_skip_cfws(struct hf_str s, size_t *pos, struct hf_buf *comment)
{
	while (*pos < s.size) {
		if (hf_is_space(s.data[*pos]))
			++*pos;
		else if (s.data[*pos] == '(')
			skip_comment(s, pos, comment);
		else
			return;
	}
}

void hf_read_quoted(struct hf_str s, size_t *pos, struct hf_buf *out)
{
	size_t i = *pos + 1;

	for (; i < s.size && s.data[i] != '"'; i++) {
		if (s.data[i] == '\\' && i + 1 < s.size)
			i++;
		if (s.data[i] != '\r' && s.data[i] != '\n')
			hf_buf_add_char(out, s.data[i] ? s.data[i] : (char)0x80);
	}
	*pos = i < s.size ? i + 1 : s.size;
}
