/* SPDX-License-Identifier: BSD-2-Clause */
/* The preview of a text, RFC 8970. A state machine that takes one character at a time, so that
 * pieces do not matter; what it remembers has a fixed size, and it stops looking after SEEN_MAX
 * octets. */
#include "message/preview_priv.h"

#include "base/encode.h"

#define SEEN_MAX (1024 * 1024)

enum {
	TEXT,
	ENTITY,       /* after & */
	OPEN,         /* after < */
	NAME,         /* in a tag's name */
	TAG,          /* in a tag, after the name */
	TAG_QUOTE1,   /* in '...' */
	TAG_QUOTE2,   /* in "..." */
	DECLARATION,  /* <! */
	COMMENT_DASH, /* <!- */
	COMMENT,
	COMMENT_END1, /* - in a comment */
	COMMENT_END2, /* -- */
	RAW,          /* in script, style, ... */
	RAW_OPEN,     /* < there */
	RAW_NAME      /* </ and the name's beginning there */
};

void hf_preview_begin(struct hf_preview *preview, bool html)
{
	*preview = (struct hf_preview){ .html = html };
}

struct hf_str hf_preview_text(const struct hf_preview *preview)
{
	return (struct hf_str){ preview->text, preview->size };
}

static void emit(struct hf_preview *p, uint32_t c)
{
	char octets[4];
	size_t size = 0;

	if (p->full)
		return;
	if (c <= ' ' || c == 0x7f || c == 0xa0 || c == 0x2028 || c == 0x2029) {
		p->space = p->characters > 0;
		return;
	}
	/* Invisible ones, with which newsletters fill the preview of their HTML. */
	if (c == 0xad || c == 0x34f || (c >= 0x200b && c <= 0x200f) || c == 0x2060 || c == 0xfeff ||
	    (c >= 0x80 && c < 0xa0))
		return;
	if (p->space) {
		p->space = false;
		p->text[p->size++] = ' ';
		if (++p->characters == HF_PREVIEW_CHARACTERS) {
			p->size--;
			p->full = true;
			return;
		}
	}
	if (c < 0x80) {
		octets[size++] = (char)c;
	} else if (c < 0x800) {
		octets[size++] = (char)(0xc0 | c >> 6);
		octets[size++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		octets[size++] = (char)(0xe0 | c >> 12);
		octets[size++] = (char)(0x80 | (c >> 6 & 0x3f));
		octets[size++] = (char)(0x80 | (c & 0x3f));
	} else {
		octets[size++] = (char)(0xf0 | c >> 18);
		octets[size++] = (char)(0x80 | (c >> 12 & 0x3f));
		octets[size++] = (char)(0x80 | (c >> 6 & 0x3f));
		octets[size++] = (char)(0x80 | (c & 0x3f));
	}
	memcpy(p->text + p->size, octets, size);
	p->size += size;
	if (++p->characters == HF_PREVIEW_CHARACTERS)
		p->full = true;
}

static bool in_list(struct hf_str name, const char *const *list)
{
	for (; *list; list++) {
		if (hf_str_eq(name, hf_str(*list)))
			return true;
	}
	return false;
}

static struct hf_str name_of(const struct hf_preview *p)
{
	return (struct hf_str){ p->name, p->name_size };
}

static bool is_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void name_add(struct hf_preview *p, uint32_t c)
{
	if (p->name_size < sizeof(p->name))
		p->name[p->name_size++] = hf_ascii_lower((char)c);
}

/* The end of a tag. */
static void tag_end(struct hf_preview *p)
{
	static const char *const skipped[] = { "script",   "style",    "title",
					       "textarea", "noscript", NULL };
	static const char *const within_words[] = { "a",    "abbr",   "b",    "big", "em",
						    "font", "i",      "ins",  "s",   "small",
						    "span", "strong", "sub",  "sup", "tt",
						    "u",    "wbr",    "code", NULL };
	struct hf_str name = name_of(p);
	bool closing = name.size && name.data[0] == '/';

	p->state = TEXT;
	if (closing) {
		name.data++;
		name.size--;
	} else if (in_list(name, skipped)) {
		memcpy(p->raw, name.data, name.size);
		p->raw[name.size] = '\0';
		p->state = RAW;
	}
	if (!in_list(name, within_words))
		emit(p, ' ');
}

static void entity_end(struct hf_preview *p, bool proper)
{
	static const struct {
		const char *name;
		uint32_t c;
	} entities[] = {
		{ "amp", '&' },      { "lt", '<' },        { "gt", '>' },       { "quot", '"' },
		{ "apos", '\'' },    { "nbsp", ' ' },      { "copy", 0xa9 },    { "reg", 0xae },
		{ "euro", 0x20ac },  { "hellip", 0x2026 }, { "mdash", 0x2014 }, { "ndash", 0x2013 },
		{ "lsquo", 0x2018 }, { "rsquo", 0x2019 },  { "ldquo", 0x201c }, { "rdquo", 0x201d },
		{ "bull", 0x2022 },  { "middot", 0xb7 },   { "trade", 0x2122 }, { "pound", 0xa3 },
		{ "auml", 0xe4 },    { "ouml", 0xf6 },     { "uuml", 0xfc },    { "szlig", 0xdf },
		{ "eacute", 0xe9 },  { "egrave", 0xe8 },   { "agrave", 0xe0 },  { "ccedil", 0xe7 },
		{ "zwnj", 0x200c },  { "zwj", 0x200d },    { "shy", 0xad },     { "laquo", 0xab },
		{ "raquo", 0xbb },   { "deg", 0xb0 },      { "sect", 0xa7 },    { "aacute", 0xe1 },
		{ "oacute", 0xf3 },  { "iacute", 0xed },   { "uacute", 0xfa },  { "ntilde", 0xf1 },
	};
	struct hf_str name = name_of(p);

	p->state = TEXT;
	if (name.size > 1 && name.data[0] == '#') {
		bool hex = name.data[1] == 'x';
		uint32_t c = 0;

		for (size_t i = hex ? 2 : 1; i < name.size && c < 0x110000; i++) {
			char digit = name.data[i];
			uint32_t n = digit >= '0' && digit <= '9'   ? (uint32_t)(digit - '0')
				     : digit >= 'a' && digit <= 'f' ? (uint32_t)(digit - 'a' + 10)
								    : 16;

			c = n < (hex ? 16u : 10u) ? c * (hex ? 16u : 10u) + n : 0x110000;
		}
		if (c < 0x110000 && !(c >= 0xd800 && c < 0xe000))
			emit(p, c);
		return;
	}
	for (size_t i = 0; i < HF_COUNT(entities); i++) {
		if (hf_str_eq(name, hf_str(entities[i].name))) {
			emit(p, entities[i].c);
			return;
		}
	}
	emit(p, '&'); /* none: text */
	for (size_t i = 0; i < name.size; i++)
		emit(p, (uint8_t)name.data[i]);
	if (proper)
		emit(p, ';');
}

static void text_char(struct hf_preview *p, uint32_t c)
{
	p->name_size = 0;
	if (c == '<')
		p->state = OPEN;
	else if (c == '&')
		p->state = ENTITY;
	else
		emit(p, c);
}

static void open_char(struct hf_preview *p, uint32_t c)
{
	if (c == '!' || c == '?') {
		p->state = DECLARATION;
	} else if (c == '/' || is_letter(c)) {
		name_add(p, c);
		p->state = NAME;
	} else { /* a lone "<" */
		p->state = TEXT;
		emit(p, '<');
		text_char(p, c);
	}
}

static void tag_char(struct hf_preview *p, uint32_t c)
{
	if (c == '>')
		tag_end(p);
	else if (c == '\'')
		p->state = TAG_QUOTE1;
	else if (c == '"')
		p->state = TAG_QUOTE2;
	else
		p->state = TAG;
}

static void raw_char(struct hf_preview *p, uint32_t c)
{
	if (c == '<') {
		p->state = RAW_OPEN;
	} else if (p->state == RAW_OPEN && c == '/') {
		p->state = RAW_NAME;
		p->name_size = 0;
	} else if (p->state == RAW_NAME && is_letter(c)) {
		name_add(p, c);
	} else if (p->state == RAW_NAME && hf_str_eq(name_of(p), hf_str(p->raw))) {
		p->name_size = 0;
		p->state = c == '>' ? TEXT : TAG;
		emit(p, ' ');
	} else {
		p->state = RAW;
	}
}

static void html_char(struct hf_preview *p, uint32_t c)
{
	switch (p->state) {
	case TEXT:
		text_char(p, c);
		break;
	case ENTITY:
		if (c == ';') {
			entity_end(p, true);
		} else if ((is_letter(c) || c == '#' || (c >= '0' && c <= '9')) &&
			   p->name_size + 1 < sizeof(p->name)) {
			name_add(p, c);
		} else {
			entity_end(p, false);
			text_char(p, c);
		}
		break;
	case OPEN:
		open_char(p, c);
		break;
	case NAME:
		if (c > ' ' && c != '>' && c != '/' && c < 0x80)
			name_add(p, c);
		else
			tag_char(p, c);
		break;
	case TAG:
		tag_char(p, c);
		break;
	case TAG_QUOTE1:
		if (c == '\'')
			p->state = TAG;
		break;
	case TAG_QUOTE2:
		if (c == '"')
			p->state = TAG;
		break;
	case DECLARATION:
		p->state = c == '>' ? TEXT : c == '-' ? COMMENT_DASH : TAG;
		break;
	case COMMENT_DASH:
		p->state = c == '>' ? TEXT : c == '-' ? COMMENT : TAG;
		break;
	case COMMENT:
		p->state = c == '-' ? COMMENT_END1 : COMMENT;
		break;
	case COMMENT_END1:
		p->state = c == '-' ? COMMENT_END2 : COMMENT;
		break;
	case COMMENT_END2:
		p->state = c == '>' ? TEXT : c == '-' ? COMMENT_END2 : COMMENT;
		break;
	default:
		raw_char(p, c);
		break;
	}
}

static void put(struct hf_preview *p, uint32_t c)
{
	if (p->html)
		html_char(p, c);
	else
		emit(p, c);
}

static size_t sequence_size(uint8_t c)
{
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void hf_preview_feed(struct hf_preview *preview, struct hf_str utf8)
{
	for (size_t i = 0; i < utf8.size && !preview->full; i++) {
		uint8_t c = (uint8_t)utf8.data[i];
		size_t size;

		if (++preview->seen > SEEN_MAX)
			preview->full = true;
		if (preview->held_size == 0 && c < 0x80) {
			put(preview, c);
			continue;
		}
		preview->held[preview->held_size++] = c;
		if (preview->held_size == sequence_size(preview->held[0])) {
			put(preview, hf_utf8_next((struct hf_str){ (const char *)preview->held,
								   preview->held_size },
						  &size));
			preview->held_size = 0;
		}
	}
}
