/* SPDX-License-Identifier: BSD-2-Clause */
/* Address lists, RFC 5322 §3.4 and §4.4, and what is seen in place of them. Never fails: what is
 * missing is an empty string (NIL would mean a group, RFC 9051 §7.5.2). One pass over the value;
 * each turn of the main loop consumes at least one octet; nesting of comments costs no stack. */
#include "message/header_priv.h"
#include "message/text.h"

struct parser {
	struct hf_arena *arena;
	struct hf_str s;
	size_t pos;
	uint32_t left; /* nodes that may still be added */
	struct hf_address *first, **tail;
	bool in_group;
	struct hf_buf phrase; /* words with single spaces: a display name or group name */
	struct hf_buf local;  /* the last run of words joined by dots or nothing: a local part */
	size_t phrase_before; /* size of the phrase before that run */
	struct hf_buf comment, domain, route;
	bool any_word;
};

static bool is_atom(char c)
{
	uint8_t octet = (uint8_t)c;

	if (octet <= ' ')
		return octet == 0;
	return octet != 0x7f && !memchr("()<>[]:;@\\,.\"", c, 13);
}

static char peek(const struct parser *p)
{
	return p->pos < p->s.size ? p->s.data[p->pos] : '\0';
}

static bool at_end(const struct parser *p)
{
	return p->pos >= p->s.size;
}

static struct hf_str keep(struct parser *p, const struct hf_buf *buf)
{
	return hf_arena_str(p->arena, buf->size ? hf_buf_str(buf) : HF_STR(""));
}

static struct hf_address *add(struct parser *p)
{
	struct hf_address *address = hf_new(p->arena, struct hf_address);

	*p->tail = address;
	p->tail = &address->next;
	if (p->left)
		p->left--;
	return address;
}

static void clear(struct parser *p)
{
	hf_buf_clear(&p->phrase);
	hf_buf_clear(&p->local);
	hf_buf_clear(&p->comment);
	hf_buf_clear(&p->domain);
	hf_buf_clear(&p->route);
	p->phrase_before = 0;
	p->any_word = false;
}

static void read_atom(struct parser *p, struct hf_buf *out)
{
	while (!at_end(p) && is_atom(peek(p))) {
		hf_buf_add_char(out, peek(p) ? peek(p) : (char)0x80);
		p->pos++;
	}
}

/* Words, dots and quoted strings up to a character that decides what they are. */
static void read_words(struct parser *p)
{
	bool joined = true; /* the next word continues the local part */

	for (;;) {
		size_t before = p->pos, from;
		char c;

		hf_skip_cfws(p->s, &p->pos, &p->comment);
		if (at_end(p))
			return;
		c = peek(p);
		if (p->pos != before && p->any_word && !joined && (is_atom(c) || c == '"')) {
			hf_buf_clear(&p->local);
			p->phrase_before = p->phrase.size;
		}
		if (p->pos != before && p->phrase.size && (is_atom(c) || c == '"' || c == '.'))
			hf_buf_add_char(&p->phrase, ' ');
		from = p->local.size;
		if (c == '.') {
			hf_buf_add_char(&p->local, '.');
			p->pos++;
		} else if (c == '"') {
			hf_read_quoted(p->s, &p->pos, &p->local);
		} else if (is_atom(c)) {
			read_atom(p, &p->local);
		} else {
			return;
		}
		hf_buf_add(&p->phrase, p->local.data + from, p->local.size - from);
		joined = c == '.';
		p->any_word = true;
	}
}

/* After the at sign. */
static void read_domain(struct parser *p)
{
	for (;;) {
		hf_skip_cfws(p->s, &p->pos, &p->comment);
		if (at_end(p))
			return;
		if (peek(p) == '.') {
			hf_buf_add_char(&p->domain, '.');
			p->pos++;
		} else if (peek(p) == '[') {
			while (!at_end(p) && peek(p) != ']' && peek(p) != '>' && peek(p) != ',') {
				if (!hf_is_space(peek(p)))
					hf_buf_add_char(&p->domain, peek(p) ? peek(p) : (char)0x80);
				p->pos++;
			}
			if (peek(p) == ']') {
				hf_buf_add_char(&p->domain, ']');
				p->pos++;
			}
			return;
		} else if (is_atom(peek(p))) {
			/* A word that follows without a dot belongs to no domain. */
			if (p->domain.size && p->domain.data[p->domain.size - 1] != '.')
				return;
			read_atom(p, &p->domain);
		} else {
			return;
		}
	}
}

/* "@a,@b:" in front of the address; without the colon what was read is the domain of an address
 * that has no local part. */
static bool read_route(struct parser *p)
{
	while (!at_end(p)) {
		hf_skip_cfws(p->s, &p->pos, NULL);
		if (peek(p) == '@') {
			p->pos++;
			hf_buf_clear(&p->domain);
			read_domain(p);
			if (p->route.size)
				hf_buf_add_char(&p->route, ',');
			hf_buf_add_char(&p->route, '@');
			hf_buf_add_str(&p->route, hf_buf_str(&p->domain));
		} else if (peek(p) == ',' && !at_end(p)) {
			p->pos++;
		} else {
			break;
		}
	}
	if (peek(p) == ':') {
		p->pos++;
		hf_buf_clear(&p->domain);
		return true;
	}
	hf_buf_clear(&p->route);
	return false;
}

static void finish_address(struct parser *p, struct hf_str name)
{
	struct hf_address *address;

	/* RFC 822 style: "anna@example.org (Anna)". */
	hf_skip_cfws(p->s, &p->pos, &p->comment);
	if (name.data == NULL && hf_str_trim(hf_buf_str(&p->comment)).size)
		name = hf_arena_str(p->arena, hf_str_trim(hf_buf_str(&p->comment)));
	address = add(p);
	address->name = name;
	address->mailbox = keep(p, &p->local);
	address->host = keep(p, &p->domain);
	if (p->route.size)
		address->route = keep(p, &p->route);
}

/* At '<'. */
static void read_angle(struct parser *p)
{
	struct hf_str name = HF_STR_NULL;
	bool has_local = true;

	if (hf_str_trim(hf_buf_str(&p->phrase)).size)
		name = hf_arena_str(p->arena, hf_str_trim(hf_buf_str(&p->phrase)));
	hf_buf_clear(&p->local);
	hf_buf_clear(&p->domain);
	while (peek(p) == '<')
		p->pos++;
	hf_skip_cfws(p->s, &p->pos, NULL);
	if (peek(p) == '@')
		has_local = read_route(p);
	while (has_local && !at_end(p)) {
		size_t before = p->pos;
		char c;

		hf_skip_cfws(p->s, &p->pos, NULL);
		c = peek(p);
		if (at_end(p) || c == '@' || c == '>' || c == '<' || c == ',')
			break;
		if (p->pos != before && p->local.size && is_atom(c) &&
		    p->local.data[p->local.size - 1] != '.')
			hf_buf_add_char(&p->local, ' ');
		if (c == '"') {
			hf_read_quoted(p->s, &p->pos, &p->local);
		} else {
			hf_buf_add_char(&p->local, c ? c : (char)0x80);
			p->pos++;
		}
	}
	if (has_local && peek(p) == '@') {
		p->pos++;
		read_domain(p);
	}
	while (!at_end(p) && peek(p) != '>' && peek(p) != ',' && peek(p) != '<') {
		if (peek(p) == '(')
			hf_skip_cfws(p->s, &p->pos, NULL);
		else
			p->pos++;
	}
	if (peek(p) == '>')
		p->pos++;
	finish_address(p, name);
}

/* The phrase was "words local" and an at sign follows. */
static void read_bare(struct parser *p)
{
	struct hf_str name = hf_str_trim((struct hf_str){ p->phrase.data, p->phrase_before });

	p->pos++;
	read_domain(p);
	finish_address(p, name.size ? hf_arena_str(p->arena, name) : HF_STR_NULL);
}

/* Words alone. */
static void read_nothing(struct parser *p)
{
	if (!p->any_word || hf_str_trim(hf_buf_str(&p->phrase)).size == 0)
		return;
	hf_buf_clear(&p->local);
	hf_buf_add_str(&p->local, hf_str_trim(hf_buf_str(&p->phrase)));
	finish_address(p, HF_STR_NULL);
}

static void group_begin(struct parser *p)
{
	struct hf_str name = hf_str_trim(hf_buf_str(&p->phrase));

	add(p)->mailbox = hf_arena_str(p->arena, name.size ? name : HF_STR(""));
	p->in_group = true;
}

static void group_end(struct parser *p)
{
	if (p->in_group)
		add(p);
	p->in_group = false;
}

struct hf_address *hf_addresses_parse(struct hf_arena *arena, struct hf_str value, uint32_t max)
{
	struct parser p = { .arena = arena, .s = value, .left = max };

	p.tail = &p.first;
	hf_buf_reserve(&p.phrase, 64);
	hf_buf_reserve(&p.local, 64);
	while (p.left && !at_end(&p)) {
		clear(&p);
		read_words(&p);
		switch (peek(&p)) {
		case '<':
			read_angle(&p);
			continue;
		case '@':
			read_bare(&p);
			continue;
		case ':':
			if (!p.in_group)
				group_begin(&p);
			break;
		case ';':
			read_nothing(&p);
			group_end(&p);
			break;
		default: /* a comma, the end, or a character that has no place here */
			read_nothing(&p);
			break;
		}
		if (!at_end(&p))
			p.pos++;
	}
	group_end(&p);
	hf_buf_fini(&p.phrase);
	hf_buf_fini(&p.local);
	hf_buf_fini(&p.comment);
	hf_buf_fini(&p.domain);
	hf_buf_fini(&p.route);
	return p.first;
}
