/* SPDX-License-Identifier: BSD-2-Clause */
/* The parser's words: atoms, strings, numbers, sets, dates, names. RFC 9051 §9, RFC 3501 §9.
 *
 * It reads the whole text of a command, in which literals are in place. Each function either takes
 * what it is named for and leaves the position behind it, or leaves the position alone. Nothing
 * here has side effects but allocation in the command's arena, which the size of the text bounds.
 * Real clients send two spaces, spaces before the end of the line and UTF-8 in quoted strings; that
 * is taken. */
#include "module/imap/mailbox.h"

#include "base/clock.h"
#include "base/encode.h"

/* Classes of octets. */
enum {
	ATOM = 1 << 0,    /* ATOM-CHAR */
	ASTRING = 1 << 1, /* ASTRING-CHAR: ATOM-CHAR and "]" */
	LIST = 1 << 2,    /* list-char: ASTRING-CHAR and wildcards */
	KEYWORD = 1 << 3, /* ATOM-CHAR without "[" and "<", which follow a fetch item's name */
	SET = 1 << 4
};

static unsigned class_of(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return ATOM | ASTRING | LIST | KEYWORD;
	if (c >= '0' && c <= '9')
		return ATOM | ASTRING | LIST | KEYWORD | SET;
	switch (c) {
	case '(':
	case ')':
	case '{':
	case ' ':
	case '"':
	case '\\':
		return 0;
	case '%':
		return LIST;
	case '*':
		return LIST | SET;
	case ']':
		return ASTRING | LIST;
	case '[':
	case '<':
		return ATOM | ASTRING | LIST;
	case ':':
	case ',':
	case '$':
		return ATOM | ASTRING | LIST | KEYWORD | SET;
	default:
		return c > ' ' && c < 0x7f ? ATOM | ASTRING | LIST | KEYWORD : 0;
	}
}

enum hf_status imap_parser_expected(struct imap_parser *p, const char *what)
{
	p->expected = what;
	return HF_ESYNTAX;
}

static bool fail(struct imap_parser *p, const char *what)
{
	p->expected = what;
	return false;
}

bool imap_parse_is(struct imap_parser *p, char c)
{
	return p->pos < p->end && *p->pos == c;
}

bool imap_parse_char(struct imap_parser *p, char c)
{
	if (!imap_parse_is(p, c))
		return false;
	p->pos++;
	return true;
}

bool imap_parse_space(struct imap_parser *p)
{
	if (!imap_parse_is(p, ' '))
		return fail(p, "a space");
	while (imap_parse_is(p, ' '))
		p->pos++;
	return true;
}

bool imap_parse_end(struct imap_parser *p)
{
	const char *pos = p->pos;

	while (pos < p->end && *pos == ' ')
		pos++;
	if (pos < p->end)
		return fail(p, "the end of the command");
	p->pos = pos;
	return true;
}

static struct hf_str run(struct imap_parser *p, unsigned class)
{
	const char *pos = p->pos;

	while (pos < p->end && class_of(*pos) & class)
		pos++;
	return hf_str_n(p->pos, (size_t)(pos - p->pos));
}

bool imap_parse_keyword(struct imap_parser *p, const char *word)
{
	struct hf_str found = run(p, KEYWORD);

	if (!hf_str_ieq(found, hf_str(word)))
		return false;
	p->pos += found.size;
	return true;
}

bool imap_parse_atom(struct imap_parser *p, struct hf_str *atom)
{
	struct hf_str found = run(p, ATOM);

	if (!found.size)
		return fail(p, "an atom");
	p->pos += found.size;
	*atom = found;
	return true;
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE, at the opening quote. */
static bool parse_quoted(struct imap_parser *p, struct hf_str *s)
{
	const char *from = p->pos + 1, *pos = from;
	bool escapes = false, eight_bit = false;
	char *copy, *to;

	for (;; pos++) {
		if (pos == p->end)
			return fail(p, "a closing quote");
		if (*pos == '"')
			break;
		if (*pos == '\\') {
			escapes = true;
			if (++pos == p->end || (*pos != '"' && *pos != '\\'))
				return fail(
					p,
					"a quoted string in which only \" and \\ follow a backslash");
		} else if (*pos == '\0' || *pos == '\r' || *pos == '\n') {
			return fail(p, "a quoted string without line ends and NUL");
		} else if (*pos & 0x80) {
			eight_bit = true;
		}
	}
	if (eight_bit && !hf_utf8_valid(hf_str_n(from, (size_t)(pos - from))))
		return fail(p, "a quoted string in UTF-8");
	p->pos = pos + 1;
	if (!escapes) {
		*s = hf_str_n(from, (size_t)(pos - from));
		return true;
	}
	copy = to = hf_arena_alloc(p->arena, (size_t)(pos - from) + 1);
	for (; from < pos; from++) {
		if (*from == '\\')
			from++;
		*to++ = *from;
	}
	*s = hf_str_n(copy, (size_t)(to - copy));
	return true;
}

/* literal = "{" number ["+"] "}" CRLF *CHAR8, at the brace. */
static bool parse_literal(struct imap_parser *p, bool binary, struct hf_str *s)
{
	const char *pos = p->pos + 1, *digits = pos;
	uint64_t size;

	while (pos < p->end && *pos >= '0' && *pos <= '9')
		pos++;
	if (!hf_str_u64(hf_str_n(digits, (size_t)(pos - digits)), (uint64_t)(p->end - p->pos),
			&size))
		return fail(p, "a literal");
	if (pos < p->end && *pos == '+')
		pos++;
	if (p->end - pos < 3 || memcmp(pos, "}\r\n", 3) != 0 || (uint64_t)(p->end - pos - 3) < size)
		return fail(p, "a literal");
	pos += 3;
	if (!binary && memchr(pos, '\0', (size_t)size))
		return fail(p, "a literal without NUL");
	*s = hf_str_n(pos, (size_t)size);
	p->pos = pos + size;
	return true;
}

bool imap_parse_string(struct imap_parser *p, struct hf_str *s)
{
	if (imap_parse_is(p, '"'))
		return parse_quoted(p, s);
	if (imap_parse_is(p, '{'))
		return parse_literal(p, false, s);
	return fail(p, "a string");
}

static bool parse_run_or_string(struct imap_parser *p, unsigned class, const char *what,
				struct hf_str *s)
{
	struct hf_str found;

	if (imap_parse_is(p, '"') || imap_parse_is(p, '{'))
		return imap_parse_string(p, s);
	found = run(p, class);
	if (!found.size)
		return fail(p, what);
	p->pos += found.size;
	*s = found;
	return true;
}

bool imap_parse_astring(struct imap_parser *p, struct hf_str *s)
{
	return parse_run_or_string(p, ASTRING, "an atom or a string", s);
}

bool imap_parse_list_mailbox(struct imap_parser *p, struct hf_str *s)
{
	return parse_run_or_string(p, LIST, "a mailbox name or pattern", s);
}

bool imap_parse_nstring(struct imap_parser *p, struct hf_str *s)
{
	if (imap_parse_keyword(p, "NIL")) {
		*s = HF_STR_NULL;
		return true;
	}
	if (!imap_parse_string(p, s))
		return fail(p, "a string or NIL");
	if (!s->data)
		s->data = "";
	return true;
}

bool imap_parse_nstring8(struct imap_parser *p, struct hf_str *s)
{
	const char *pos = p->pos;

	if (!imap_parse_char(p, '~'))
		return imap_parse_nstring(p, s);
	if (imap_parse_is(p, '{') && parse_literal(p, true, s))
		return true;
	p->pos = pos;
	return fail(p, "a literal");
}

static bool parse_number(struct imap_parser *p, uint64_t max, uint64_t *n)
{
	const char *pos = p->pos;

	while (pos < p->end && *pos >= '0' && *pos <= '9')
		pos++;
	if (!hf_str_u64(hf_str_n(p->pos, (size_t)(pos - p->pos)), max, n))
		return fail(p, pos == p->pos ? "a number" : "a smaller number");
	p->pos = pos;
	return true;
}

bool imap_parse_number(struct imap_parser *p, uint32_t *n)
{
	uint64_t value;

	if (!parse_number(p, UINT32_MAX, &value))
		return false;
	*n = (uint32_t)value;
	return true;
}

bool imap_parse_number64(struct imap_parser *p, uint64_t *n)
{
	return parse_number(p, INT64_MAX, n);
}

bool imap_parse_set(struct imap_parser *p, struct hf_str *text)
{
	struct hf_str found = run(p, SET);

	if (!found.size)
		return fail(p, "a set of numbers");
	p->pos += found.size;
	*text = found;
	return true;
}

bool imap_parse_date_time(struct imap_parser *p, int64_t *when)
{
	const char *pos = p->pos;
	struct hf_str text;

	if (!imap_parse_is(p, '"') || !parse_quoted(p, &text) ||
	    !hf_date_parse_internal(text, when)) {
		p->pos = pos;
		return fail(p, "a date and time");
	}
	return true;
}

/* Flags -------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint32_t flag;
} system_flags[] = {
	{ "Answered", HF_FLAG_ANSWERED }, { "Deleted", HF_FLAG_DELETED },
	{ "Draft", HF_FLAG_DRAFT },       { "Flagged", HF_FLAG_FLAGGED },
	{ "Seen", HF_FLAG_SEEN },
};

/* One flag; *keyword stays empty for a system flag. \Recent and system flags we do not know are
 * taken and ignored: RFC 3501 §2.3.2 lets a server ignore what it cannot keep, and migration tools
 * send such flags. */
static bool parse_flag(struct imap_parser *p, uint32_t *flags, struct hf_str *keyword)
{
	const char *pos = p->pos;
	bool system = imap_parse_char(p, '\\');
	struct hf_str name;

	*keyword = HF_STR_NULL;
	if (!imap_parse_atom(p, &name)) {
		p->pos = pos;
		return fail(p, "a flag");
	}
	if (!system) {
		if (name.size > HF_KEYWORD_SIZE_MAX) {
			p->pos = pos;
			return fail(p, "a keyword of at most 100 octets");
		}
		*keyword = name;
		return true;
	}
	for (size_t i = 0; i < HF_COUNT(system_flags); i++)
		if (hf_str_ieq(name, hf_str(system_flags[i].name)))
			*flags |= system_flags[i].flag;
	return true;
}

bool imap_parse_flag_list(struct imap_parser *p, uint32_t *flags, struct hf_str **keywords,
			  size_t *count)
{
	const char *start = p->pos;
	bool list = imap_parse_char(p, '(');
	size_t capacity = 0, used = 0;
	struct hf_str *names = NULL;
	uint32_t found = 0;

	while (imap_parse_is(p, ' '))
		p->pos++;
	while (!(list && imap_parse_char(p, ')'))) {
		struct hf_str keyword;

		if (!parse_flag(p, &found, &keyword)) {
			p->pos = start;
			return false;
		}
		if (keyword.size) {
			if (used == capacity) {
				size_t more = capacity ? capacity * 2 : 8;
				struct hf_str *grown = hf_new_array(p->arena, struct hf_str, more);

				if (used)
					memcpy(grown, names, used * sizeof(*names));
				names = grown;
				capacity = more;
			}
			names[used++] = keyword;
		}
		if (!imap_parse_is(p, ' ') && !(list && imap_parse_is(p, ')'))) {
			if (!list)
				break;
			p->pos = start;
			return fail(p, "a flag or a closing parenthesis");
		}
		while (imap_parse_is(p, ' '))
			p->pos++;
		if (!list && p->pos == p->end)
			break;
	}
	*flags = found;
	*keywords = names;
	*count = used;
	return true;
}

/* Names -------------------------------------------------------------------------------------- */

bool imap_parse_mailbox(struct imap_parser *p, struct hf_str *name)
{
	struct hf_buf utf8 = HF_BUF_INIT;
	struct hf_str raw, normal;

	if (!imap_parse_astring(p, &raw))
		return fail(p, "a mailbox name");
	*name = p->given = HF_STR_NULL;
	if (p->utf8)
		hf_buf_add_str(&utf8, raw);
	else if (hf_mutf7_decode(raw, &utf8) != HF_OK)
		goto out;
	if (hf_utf8_valid(hf_buf_str(&utf8)) &&
	    hf_mailbox_name_check(hf_buf_str(&utf8), p->arena, &normal, NULL) == HF_OK)
		*name = imap_mailbox_normal(hf_arena_str(p->arena, normal), p->arena);
	raw = hf_buf_str(&utf8);
	if (hf_str_ends(raw, HF_STR("/")))
		raw.size--;
	if (name->data && !hf_str_eq(*name, raw))
		p->given = hf_arena_str(p->arena, raw);
out:
	hf_buf_fini(&utf8);
	return true;
}
