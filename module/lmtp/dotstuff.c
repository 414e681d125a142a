/* SPDX-License-Identifier: BSD-2-Clause */
/* Message data after DATA: RFC 5321 §4.5.2. Only CRLF.CRLF ends it; a bare CR or LF is data like any other, so that no other
 * line ending can smuggle a second message. */
#include "module/lmtp/lmtp.h"

enum {
	AT_LINE_START, /* after CRLF, or at the very beginning */
	IN_LINE,
	AFTER_CR,      /* the CR has been handed on */
	AFTER_DOT,     /* a dot at the start of a line, held back */
	AFTER_DOT_CR   /* and a CR behind it, held back */
};

/* The first dot after CRLF; `end` when there is none. */
static const char *find_dot(const char *pos, const char *end)
{
	const char *at = pos;
	ptrdiff_t dot;

	while (at < end && (dot = hf_str_find_line(hf_str_n(at, (size_t)(end - at)), '.')) >= 0) {
		at += dot;
		if (at - pos >= 2 && at[-2] == '\r')
			return at;
	}
	return end;
}

void lmtp_unstuffer_init(struct lmtp_unstuffer *u)
{
	u->state = AT_LINE_START;
}

bool lmtp_unstuff(struct lmtp_unstuffer *u, struct hf_str in, size_t *used, struct hf_buf *out)
{
	const char *pos = in.data, *end = in.data + in.size, *stop;

	while (pos < end) {
		char c = *pos;

		switch (u->state) {
		case IN_LINE: /* the fast path: everything up to the next line that begins with a dot in one piece */
			stop = find_dot(pos, end);
			hf_buf_add(out, pos, (size_t)(stop - pos));
			if (stop < end) {
				u->state = AFTER_DOT;
				stop++;
			} else if (stop[-1] == '\r') {
				u->state = AFTER_CR;
			} else if (stop - pos >= 2 && stop[-2] == '\r' && stop[-1] == '\n') {
				u->state = AT_LINE_START;
			}
			pos = stop;
			continue;
		case AT_LINE_START:
			if (c == '.') {
				u->state = AFTER_DOT;
				pos++;
			} else {
				u->state = IN_LINE;
			}
			continue;
		case AFTER_CR:
			hf_buf_add_char(out, c);
			u->state = c == '\n' ? AT_LINE_START : c == '\r' ? AFTER_CR : IN_LINE;
			pos++;
			continue;
		case AFTER_DOT:
			if (c == '\r') {
				u->state = AFTER_DOT_CR;
				pos++;
			} else { /* the first dot was stuffing, whatever follows it */
				u->state = IN_LINE;
			}
			continue;
		default: /* AFTER_DOT_CR */
			if (c == '\n') {
				*used = (size_t)(pos + 1 - in.data);
				return true;
			}
			hf_buf_add_char(out, '\r'); /* the dot was stuffing, the CR is data */
			u->state = AFTER_CR;
			continue;
		}
	}
	*used = in.size;
	return false;
}
