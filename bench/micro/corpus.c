/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/micro/micro.h"

#include "base/encode.h"

static uint64_t state = 1;

uint32_t micro_random(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((state >> 33) % below);
}

static const char *const words[] = { "the",	 "report",  "of",      "last",	 "week",    "is",     "ready",	"and",
				     "meeting",	 "moved",   "to",      "room",	 "invoice", "please", "answer", "before",
				     "holidays", "regards", "project", "server", "update",  "list",   "maybe",	"tomorrow" };

static void add_words(struct hf_buf *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		hf_buf_printf(out, "%s%s", i ? " " : "", words[micro_random(sizeof(words) / sizeof(*words))]);
}

static void add_lines(struct hf_buf *out, size_t size, const char *before, const char *after)
{
	size_t end = out->size + size;

	while (out->size < end) {
		hf_buf_add_cstr(out, before);
		add_words(out, 9);
		hf_buf_add_cstr(out, after);
		hf_buf_add_lit(out, "\r\n");
	}
}

static void add_base64(struct hf_buf *out, size_t size)
{
	for (size_t end = out->size + size; out->size < end;) {
		char raw[57];

		for (size_t i = 0; i < sizeof(raw); i++)
			raw[i] = (char)micro_random(256);
		hf_base64_encode(hf_str_n(raw, sizeof(raw)), out);
		hf_buf_add_lit(out, "\r\n");
	}
}

static void add_header(unsigned number, struct hf_buf *out)
{
	for (unsigned hop = 0; hop < 3; hop++)
		hf_buf_printf(out,
			      "Received: from mx%u.example.net (mx%u.example.net [192.0.2.%u])\r\n\tby relay%u.example.org with ESMTPS id %08X\r\n"
			      "\tfor <anna@example.org>; Tue, %u Mar 2022 10:%02u:00 +0100\r\n",
			      hop, hop, 1 + number % 250, hop, number * 2654435761u, 1 + number % 28, number % 60);
	hf_buf_printf(out, "From: \"Person %u, Sales\" <p%u@example.com>\r\nTo: Anna <anna@example.org>, =?utf-8?q?J=C3=B6rg?= <j@example.net>\r\n",
		      number % 50, number % 50);
	hf_buf_add_lit(out, "Cc: undisclosed: a@example.net, b@example.net;, c@example.org\r\nSubject: ");
	hf_buf_add_cstr(out, number % 3 == 0 ? "Re: =?utf-8?b?R3LDvMOfZQ==?= " : number % 3 == 1 ? "Re: " : "");
	add_words(out, 4);
	hf_buf_printf(out, " %u\r\nDate: Tue, %u Mar 2022 11:%02u:%02u +0100\r\nMessage-ID: <%u.%u@example.com>\r\n", number % 40,
		      1 + number % 28, number % 60, number % 59, number, number * 7919u);
	if (number >= 4)
		hf_buf_printf(out, "In-Reply-To: <%u.%u@example.com>\r\nReferences: <%u.%u@example.com>\r\n\t<%u.%u@example.com>\r\n",
			      number - 1, (number - 1) * 7919u, number - 4, (number - 4) * 7919u, number - 1, (number - 1) * 7919u);
	hf_buf_printf(out,
		      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=k%u;\r\n\th=from:to:subject:date;\r\n\tbh=",
		      number % 3);
	add_base64(out, 60);
	hf_buf_add_lit(out, "X-Mailer: Mailer 1.0\r\nList-Id: <list.example.org>\r\nMIME-Version: 1.0\r\n");
}

static void add_alternative(struct hf_buf *out, size_t size)
{
	hf_buf_add_lit(out, "Content-Type: multipart/alternative; boundary=\"alt\"\r\n\r\n--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	add_lines(out, size / 3, "", " \303\274ber.");
	hf_buf_add_lit(out, "--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<html><body>\r\n");
	add_lines(out, size / 2, "<p class=\"c\">", "</p>");
	hf_buf_add_lit(out, "</body></html>\r\n--alt--\r\n");
}

void micro_message(unsigned number, size_t size, struct hf_buf *out)
{
	state = number + 1;
	add_header(number, out);
	switch (number % MICRO_SHAPES) {
	case 0:
		hf_buf_add_lit(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
		add_lines(out, size, micro_random(4) ? "" : ".", ".");
		break;
	case 1:
		hf_buf_add_lit(out, "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
		add_lines(out, size, "caf=E9 ", " na=EFve=20=\r\n and more");
		break;
	case 2:
		add_alternative(out, size);
		break;
	default:
		hf_buf_add_lit(out, "Content-Type: multipart/mixed; boundary=mix\r\n\r\nThis is a message in parts.\r\n--mix\r\n");
		add_alternative(out, size / 3);
		hf_buf_add_lit(out, "\r\n--mix\r\nContent-Type: image/png; name*=utf-8''gr%C3%BCn.png\r\nContent-Transfer-Encoding: base64\r\n"
				    "Content-Disposition: attachment; filename*0=gr; filename*1=een.png\r\n\r\n");
		add_base64(out, size / 2);
		hf_buf_add_lit(out, "--mix\r\nContent-Type: message/rfc822\r\n\r\nFrom: inner@example.org\r\nSubject: inner\r\n\r\n");
		add_lines(out, size / 6, "> ", "");
		hf_buf_add_lit(out, "--mix--\r\n");
	}
}
