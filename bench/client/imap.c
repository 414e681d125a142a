/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of IMAP: commands out, responses counted and checked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

unsigned imap_can;

static const char *number(const char *p, const char *end, uint64_t *n)
{
	uint64_t value = 0;

	while (p < end && (unsigned)(*p - '0') < 10)
		value = value * 10 + (unsigned)(*p++ - '0');
	*n = value;
	return p;
}

static bool has(const char *line, size_t size, const char *what)
{
	return memmem(line, size, what, strlen(what)) != NULL;
}

/* All numbers of a SEARCH, SORT or THREAD response. */
static void count_numbers(struct conn *conn, const char *p, const char *end)
{
	uint64_t n;

	while (p < end) {
		if ((unsigned)(*p - '0') >= 10) {
			p++;
			continue;
		}
		p = number(p, end, &n);
		conn->numbers++;
		conn->number_sum += n;
	}
}

/* How many UIDs a VANISHED response names. */
static void count_vanished(struct conn *conn, const char *p, const char *end)
{
	uint64_t first, last;

	while (p < end) {
		if ((unsigned)(*p - '0') >= 10) {
			p++;
			continue;
		}
		p = number(p, end, &first);
		last = first;
		if (p < end && *p == ':')
			p = number(p + 1, end, &last);
		conn->vanished += last - first + 1;
	}
}

static void note_capabilities(const char *line, size_t size)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = { { " LITERAL+", CAN_LITERAL_PLUS }, { " MULTIAPPEND", CAN_MULTIAPPEND }, { " UNSELECT", CAN_UNSELECT },
		      { " MOVE", CAN_MOVE },		 { " QRESYNC", CAN_QRESYNC },	      { " IDLE", CAN_IDLE },
		      { " IMAP4rev2", CAN_UNSELECT | CAN_MOVE | CAN_IDLE } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (has(line, size, known[i].name))
			imap_can |= known[i].bit;
}

static void note_code(struct conn *conn, const char *line, size_t size)
{
	static const char *const codes[] = { "[UIDVALIDITY ", "[HIGHESTMODSEQ ", "[CAPABILITY " };
	uint64_t n;

	for (unsigned i = 0; i < 3; i++) {
		const char *at = memmem(line, size, codes[i], strlen(codes[i]));

		if (!at)
			continue;
		number(at + strlen(codes[i]), line + size, &n);
		if (i == 0)
			conn->uidvalidity = (uint32_t)n;
		else if (i == 1)
			conn->modseq = n;
		else
			note_capabilities(line, size);
	}
}

static void note_fetch(struct conn *conn, uint64_t n, const char *line, size_t size)
{
	const char *at;

	conn->fetches++;
	conn->fetch_sum += n;
	if (conn->item && !has(line, size, conn->item))
		die("a FETCH response without %s: %.*s", conn->item, (int)(size < 200 ? size : 200), line);
	if (size < 80 && (at = memmem(line, size, "RFC822.SIZE ", 12)) != NULL) {
		number(at + 12, line + size, &n);
		conn->sizes += n;
	}
}

/* "* N WORD" */
static void note_numbered(struct conn *conn, const char *line, size_t size)
{
	const char *end = line + size, *word;
	uint64_t n;

	word = number(line + 2, end, &n);
	size -= (size_t)(word - line);
	if (size >= 7 && !memcmp(word, " FETCH ", 7))
		note_fetch(conn, n, line, (size_t)(end - line));
	else if (size >= 7 && !memcmp(word, " EXISTS", 7)) {
		conn->exists = (uint32_t)n;
		conn->exists_told++;
	} else if (size >= 8 && !memcmp(word, " EXPUNGE", 8)) {
		conn->expunges++;
		conn->exists--;
	}
}

static void note_untagged(struct conn *conn, const char *line, size_t size)
{
	const char *end = line + size, *at;
	uint64_t before = conn->vanished;

	switch (line[2]) {
	case 'S':
		if (!strncmp(line, "* SEARCH", 8) || !strncmp(line, "* SORT", 6))
			count_numbers(conn, line + 6, end);
		else if (!strncmp(line, "* STATUS", 8) && (at = memmem(line, size, "MESSAGES ", 9)) != NULL)
			number(at + 9, end, &conn->messages);
		break;
	case 'T':
		if (!strncmp(line, "* THREAD", 8))
			count_numbers(conn, line + 8, end);
		break;
	case 'V':
		if (!strncmp(line, "* VANISHED ", 11)) {
			count_vanished(conn, line + 11, end);
			if (!has(line, size < 30 ? size : 30, "(EARLIER)"))
				conn->exists -= (uint32_t)(conn->vanished - before);
		}
		break;
	case 'C':
		if (!strncmp(line, "* CAPABILITY", 12))
			note_capabilities(line, size);
		break;
	case 'O':
		note_code(conn, line, size);
		break;
	case 'B':
		if (!strncmp(line, "* BYE", 5) && !conn->may_end)
			die("%.*s", (int)size, line);
		if (!strncmp(line, "* BAD", 5))
			die("%.*s", (int)size, line);
		break;
	default:
		break;
	}
}

/* Octets of a literal that the line announces. */
static bool announces_literal(const char *line, size_t size, uint64_t *octets)
{
	const char *p = line + size;

	if (size < 3 || p[-1] != '}')
		return false;
	p--;
	while (p > line && (unsigned)(p[-1] - '0') < 10)
		p--;
	if (p == line || p[-1] != '{')
		return false;
	number(p, line + size, octets);
	return true;
}

bool imap_one_response(struct conn *conn)
{
	size_t size;
	uint64_t octets;
	char *line = conn_line(conn, &size);

	if (!line) {
		conn->answer = 'E';
		return false;
	}
	if (size >= 3 && line[0] == '*' && line[1] == ' ') {
		if ((unsigned)(line[2] - '0') < 10)
			note_numbered(conn, line, size);
		else
			note_untagged(conn, line, size);
		while (line && announces_literal(line, size, &octets)) {
			conn->literals++;
			conn->literal_octets += octets;
			conn_skip(conn, octets);
			line = conn_line(conn, &size);
		}
		return true;
	}
	if (size && line[0] == '+') {
		conn->answer = '+';
	} else {
		const char *space = memchr(line, ' ', size);
		uint64_t tag;

		if (line[0] != 'c' || !space || number(line + 1, space, &tag) != space || tag != conn->tag || (size_t)(space + 1 - line) >= size)
			die("not an answer to c%u: %.*s", conn->tag, (int)(size < 200 ? size : 200), line);
		conn->answer = space[1];
		note_code(conn, line, size);
		if (conn->answer != 'O') {
			char *text = conn->out.size ? NULL : text_room(&conn->out, size + 1);

			if (text) { /* for the message of whoever had not expected it */
				memcpy(text, line, size);
				text[size] = '\0';
			}
		}
	}
	return false;
}

void imap_begin(struct conn *conn)
{
	conn->fetches = conn->fetch_sum = conn->expunges = conn->vanished = conn->numbers = conn->number_sum = 0;
	conn->literal_octets = conn->literals = conn->sizes = 0;
	conn->answer = 0;
	text_addf(&conn->out, "c%u ", ++conn->tag);
}

char imap_answer(struct conn *conn)
{
	do {
		while (imap_one_response(conn))
			continue;
	} while (conn->answer == '+');
	return conn->answer;
}

void imap_continuation(struct conn *conn)
{
	while (imap_one_response(conn))
		continue;
	if (conn->answer != '+')
		die("no continuation: %s", conn->answer == 'O' ? "OK" : conn->out.data);
}

static void __attribute__((format(printf, 2, 0))) send_command(struct conn *conn, const char *fmt, va_list ap)
{
	char text[1024];
	int size = vsnprintf(text, sizeof(text), fmt, ap);

	if (size < 0 || (size_t)size >= sizeof(text))
		die("the command is too long");
	imap_begin(conn);
	text_add(&conn->out, text, (size_t)size);
	text_add(&conn->out, "\r\n", 2);
	conn_send(conn);
}

void imap_command(struct conn *conn, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_command(conn, fmt, ap);
	va_end(ap);
	if (imap_answer(conn) != 'O')
		die("user %u: %s: %s", conn->user, fmt, conn->answer == 'E' ? "closed" : conn->out.data);
}

char imap_try(struct conn *conn, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_command(conn, fmt, ap);
	va_end(ap);
	return imap_answer(conn);
}

struct conn *imap_login(unsigned user, unsigned slot)
{
	struct conn *conn = conn_open(false, slot);
	char name[128];
	size_t size;
	char *line = conn_line(conn, &size);

	if (!line || size < 4 || memcmp(line, "* OK", 4) != 0)
		die("no greeting");
	conn->user = user;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(name, sizeof(name), opt.user, (int)user);
#pragma GCC diagnostic pop
	imap_command(conn, "LOGIN %s %s", name, opt.password);
	return conn;
}

void imap_logout(struct conn **conn)
{
	(*conn)->may_end = true;
	imap_try(*conn, "LOGOUT");
	conn_close(conn);
}

unsigned imap_user_of(unsigned slot)
{
	return opt.first_user + (opt.same ? 0 : slot % opt.users);
}

struct conn *imap_selected(unsigned user, unsigned slot, bool examine)
{
	struct conn *conn = imap_login(user, slot);

	imap_command(conn, "%s %s", examine ? "EXAMINE" : "SELECT", opt.mailbox);
	if (opt.expect && conn->exists != opt.expect)
		die("%s has %u messages, not %llu", opt.mailbox, conn->exists, (unsigned long long)opt.expect);
	return conn;
}

void imap_leave(struct conn *conn)
{
	imap_command(conn, imap_can & CAN_UNSELECT ? "UNSELECT" : "CLOSE");
}
