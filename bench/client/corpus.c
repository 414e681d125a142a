/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages such as people and machines send: sizes spread over three orders of magnitude, several structures, charsets
 * and encodings, conversations. Text is put together from lines made beforehand, so that making a message costs little. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define WORDS 3000
#define LINES 4096
#define BASE64_LINES 50000u

enum { ASCII, UTF8, QP, LATIN1, HTML, KINDS };
static const char *const types[KINDS] = {
	"text/plain; charset=us-ascii",
	"text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: 8bit",
	"text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
	"text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable",
	"text/html; charset=utf-8",
};
static char words[WORDS][20];
static struct text lines[KINDS][LINES], base64;

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint32_t chance(uint64_t *state, uint32_t below)
{
	return (uint32_t)((next(state) >> 32) * below >> 32);
}

/* A number of its own for each message and purpose. */
static uint64_t fact(uint64_t n, unsigned purpose)
{
	uint64_t state = opt.seed * UINT64_C(1000003) + n * 64 + purpose;

	next(&state);
	return next(&state);
}

static const char *some_word(uint64_t *state)
{
	uint64_t a = chance(state, 1000), b = chance(state, 1000); /* frequent words are frequent */

	return words[a * b * WORDS / 1000000];
}

static void make_line(unsigned kind, uint64_t *state, struct text *line)
{
	static const char *const accents[KINDS] = { "", " \303\274ber", " =C3=A9t=C3=A9", " ni=F1o", " &eacute;t\303\251" };

	if (kind == HTML)
		text_addf(line, "<p class=\"c%u\"><a href=\"https://www%u.example.com/%x\">", chance(state, 60), chance(state, 9),
			  chance(state, 1 << 30));
	else if (chance(state, 30) == 0)
		text_addf(line, "%s", chance(state, 2) ? "> " : ".");
	while (line->size < 55)
		text_addf(line, "%s ", some_word(state));
	text_addf(line, "%s%s\r\n", chance(state, 3) ? "" : accents[kind], kind == HTML ? "</a></p>" : "");
}

void corpus_open(void)
{
	static const char *const syllables[] = { "ba", "con", "de", "ler", "mo", "na", "per", "qui", "ra", "sti", "tor", "u", "ver", "wa", "yo", "zen" };
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint64_t state = 7;

	for (unsigned i = 0; i < WORDS; i++)
		for (unsigned k = i < 40 ? 1 : i < 500 ? 2 : 3 + i % 2; k; k--)
			strcat(words[i], syllables[chance(&state, 16)]);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < LINES; i++)
			make_line(kind, &state, &lines[kind][i]);
	for (unsigned i = 0; i < BASE64_LINES; i++) {
		char *to = text_room(&base64, 78);

		for (unsigned k = 0; k < 76; k++)
			to[k] = digits[chance(&state, 64)];
		to[76] = '\r';
		to[77] = '\n';
		base64.size += 78;
	}
}

/* Six of ten messages answer one of the forty before. */
static bool parent(uint64_t n, uint64_t *of)
{
	uint64_t f = fact(n, 0);

	if (n == 0 || f % 10 >= 6)
		return false;
	f = 1 + (f >> 8) % 40;
	*of = f > n ? 0 : n - f;
	return true;
}

static uint64_t root(uint64_t n)
{
	while (parent(n, &n))
		continue;
	return n;
}

static bool has_word(uint64_t n) /* CORPUS_WORD, in the subject */
{
	return fact(root(n), 1) % 100 == 0;
}

static bool has_rare(uint64_t n) /* CORPUS_RARE, in the body */
{
	return fact(n, 2) % 1000 == 0;
}

uint64_t corpus_hits_subject(uint64_t messages)
{
	uint64_t hits = 0;

	for (uint64_t n = 0; n < messages; n++)
		hits += has_word(opt.base + n);
	return hits;
}

uint64_t corpus_hits_rare(uint64_t messages)
{
	uint64_t hits = 0;

	for (uint64_t n = 0; n < messages; n++)
		hits += has_rare(opt.base + n);
	return hits;
}

static void add_text(struct text *out, uint64_t *state, unsigned kind, size_t size, bool rare)
{
	size_t end = out->size + size, middle = out->size + size / 2;

	while (out->size < end || rare) {
		const struct text *line = &lines[kind][chance(state, LINES)];

		text_add(out, line->data, line->size);
		if (rare && out->size >= middle) {
			text_addf(out, "and here is %s, once\r\n", CORPUS_RARE);
			rare = false;
		}
	}
}

static void add_base64(struct text *out, uint64_t *state, size_t size)
{
	for (size_t left = size / 78 + 1; left;) {
		size_t some = left < BASE64_LINES / 4 ? left : BASE64_LINES / 4;
		size_t from = chance(state, BASE64_LINES - (uint32_t)some);

		text_add(out, base64.data + from * 78, some * 78);
		left -= some;
	}
}

static void add_person(struct text *out, uint64_t *state)
{
	unsigned who = chance(state, 400);

	if (who % 8 == 0)
		text_addf(out, "=?utf-8?q?J=C3=B6rg_%s?= <u%u@d%u.example>", words[who], who, who % 23);
	else
		text_addf(out, "\"%s, %s\" <u%u@d%u.example>", words[who + 600], words[who + 1000], who, who % 23);
}

static void add_date(struct text *out, uint64_t n, uint64_t *state)
{
	time_t when = (time_t)(1400000000 + n * 137 + chance(state, 5000));
	struct tm tm;

	gmtime_r(&when, &tm);
	text_room(out, 64);
	out->size += strftime(out->data + out->size, 64, "%a, %d %b %Y %H:%M:%S +0000", &tm);
}

static void add_id(struct text *out, uint64_t n)
{
	text_addf(out, "<%llx.%llu@bench.example>", (unsigned long long)fact(n, 3), (unsigned long long)n);
}

static void add_header(struct text *out, uint64_t n, uint64_t *state)
{
	uint64_t of, subject = fact(root(n), 4);
	bool answer = parent(n, &of);

	for (unsigned hop = 0; hop < 2; hop++) {
		text_addf(out, "Received: from out%u.d%u.example (out%u.d%u.example [198.51.100.%u])\r\n\tby mx%u.bench.example with ESMTPS id %08x;\r\n\t",
			  hop, chance(state, 23), hop, chance(state, 23), chance(state, 255), hop, chance(state, UINT32_MAX));
		add_date(out, n, state);
		text_addf(out, "\r\n");
	}
	if (chance(state, 3)) {
		text_addf(out, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d1.example; s=a;\r\n\th=from:to:subject:date;\r\n\tb=");
		for (unsigned i = 0; i < 4; i++)
			text_addf(out, "%.70s%s", base64.data + 78 * chance(state, BASE64_LINES), i < 3 ? "\r\n\t" : "\r\n");
	}
	text_addf(out, "Date: ");
	add_date(out, n, state);
	text_addf(out, "\r\nFrom: ");
	add_person(out, state);
	text_addf(out, "\r\nTo: ");
	add_person(out, state);
	for (unsigned i = 0, copies = chance(state, 4) ? 0 : chance(state, 5); i < copies; i++) {
		text_addf(out, "%s", i ? ",\r\n\t" : "\r\nCc: ");
		add_person(out, state);
	}
	text_addf(out, "\r\nSubject: %s", answer ? "Re: " : "");
	if (subject % 7 == 0)
		text_addf(out, "=?utf-8?q?Gr=C3=BC=C3=9Fe?= ");
	for (unsigned i = 0, count = 2 + subject % 5; i < count; i++)
		text_addf(out, "%s ", some_word(&subject));
	text_addf(out, "%s%llu\r\nMessage-ID: ", has_word(n) ? CORPUS_WORD : "", (unsigned long long)root(n));
	add_id(out, n);
	if (answer) {
		uint64_t chain[10];
		unsigned count = 0;

		text_addf(out, "\r\nIn-Reply-To: ");
		add_id(out, of);
		chain[count++] = of;
		while (count < 10 && parent(chain[count - 1], &chain[count]))
			count++;
		text_addf(out, "\r\nReferences:");
		while (count) {
			text_addf(out, "\r\n\t");
			add_id(out, chain[--count]);
		}
	}
	text_addf(out, "\r\nMIME-Version: 1.0\r\nX-Mailer: writer 2.1\r\n");
}

/* Log-normal: half are under 9 KB. */
static size_t some_size(uint64_t *state)
{
	double u = (chance(state, 1 << 30) + 0.5) / (1 << 30), v = chance(state, 1 << 30) / (double)(1 << 30);
	double size = 9000 * exp(0.9 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v));

	return size < 400 ? 400 : size > 800000 ? 800000 : (size_t)size;
}

static void add_alternative(struct text *out, uint64_t *state, unsigned kind, size_t size, bool rare)
{
	text_addf(out, "Content-Type: multipart/alternative; boundary=\"=_alternative\"\r\n\r\n--=_alternative\r\nContent-Type: %s\r\n\r\n", types[kind]);
	add_text(out, state, kind, size / 3, rare);
	text_addf(out, "\r\n--=_alternative\r\nContent-Type: %s\r\n\r\n", types[HTML]);
	add_text(out, state, HTML, size * 2 / 3, false);
	text_addf(out, "\r\n--=_alternative--\r\n");
}

void corpus_message(uint64_t n, struct text *out)
{
	uint64_t state = fact(n, 5);
	bool rare = has_rare(n), tiny = !strcmp(opt.profile, "tiny");
	unsigned shape = tiny ? 0 : chance(&state, 1000), kind = tiny || rare ? ASCII : chance(&state, HTML);
	size_t size = tiny ? 80 : some_size(&state);

	add_header(out, n, &state);
	if (shape < 450) {
		text_addf(out, "Content-Type: %s\r\n\r\n", types[kind]);
		add_text(out, &state, kind, size, rare);
	} else if (shape < 820) {
		add_alternative(out, &state, kind, size, rare);
	} else if (shape < 840) {
		text_addf(out, "Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n--=_mixed\r\nContent-Type: %s\r\n\r\n", types[kind]);
		add_text(out, &state, kind, 300, rare);
		text_addf(out, "\r\n--=_mixed\r\nContent-Type: message/rfc822\r\n\r\n");
		add_header(out, n / 2, &state);
		text_addf(out, "Content-Type: %s\r\n\r\n", types[QP]);
		add_text(out, &state, QP, size, false);
		text_addf(out, "\r\n--=_mixed--\r\n");
	} else {
		text_addf(out, "Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n--=_mixed\r\n");
		add_alternative(out, &state, kind, size / 2, rare);
		text_addf(out, "\r\n--=_mixed\r\nContent-Type: application/pdf; name=\"%s.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
			       "Content-Disposition: attachment; filename=\"%s.pdf\"\r\n\r\n", some_word(&state), some_word(&state));
		add_base64(out, &state, shape < 998 ? 2 * size : 1000000 + chance(&state, 4000000));
		text_addf(out, "\r\n--=_mixed--\r\n");
	}
}
