/* SPDX-License-Identifier: BSD-2-Clause */
/* The message as it goes over the wire after DATA: RFC 5321 §2.3.8, §4.5.2. */
#include "tools/hf_deliver.h"

static const char from[] = "From ";

/* One octet of the text proper. A CR waits for what follows it: CRLF is a line end, a bare CR is
 * data. */
static void add_octet(struct deliver_text *text, char c, struct hf_buf *out)
{
	if (text->state == TEXT_CR) {
		if (c == '\n') {
			hf_buf_add_lit(out, "\r\n");
			text->state = TEXT_START;
			return;
		}
		hf_buf_add_char(out, '\r');
		text->state = TEXT_LINE;
	}
	if (c == '\r') {
		text->state = TEXT_CR;
	} else if (c == '\n') {
		hf_buf_add_lit(out, "\r\n");
		text->state = TEXT_START;
	} else {
		if (c == '.' && text->state == TEXT_START)
			hf_buf_add_char(out, '.');
		hf_buf_add_char(out, c);
		text->state = TEXT_LINE;
	}
}

/* The very first octets turned out to be ordinary. */
static void release(struct deliver_text *text, struct hf_buf *out)
{
	size_t i;

	text->state = TEXT_START;
	for (i = 0; i < text->held.size; i++)
		add_octet(text, text->held.data[i], out);
	hf_buf_fini(&text->held);
}

void deliver_text_add(struct deliver_text *text, struct hf_str piece, struct hf_buf *out)
{
	size_t i;

	for (i = 0; i < piece.size; i++) {
		char c = piece.data[i];

		switch (text->state) {
		case TEXT_FIRST:
			hf_buf_add_char(&text->held, c);
			if (c != from[text->held.size - 1]) {
				release(text, out);
			} else if (text->held.size == sizeof from - 1) {
				hf_buf_fini(&text->held);
				text->state = TEXT_MBOX;
			}
			break;
		case TEXT_MBOX:
			if (c == '\n')
				text->state = TEXT_START;
			break;
		case TEXT_START:
		case TEXT_LINE:
		case TEXT_CR:
			add_octet(text, c, out);
			break;
		}
	}
}

void deliver_text_end(struct deliver_text *text, struct hf_buf *out)
{
	if (text->state == TEXT_FIRST)
		release(text, out);
	if (text->state == TEXT_CR)
		hf_buf_add_char(out, '\r');
	if (text->state == TEXT_CR || text->state == TEXT_LINE)
		hf_buf_add_lit(out, "\r\n");
	hf_buf_add_lit(out, ".\r\n");
}
