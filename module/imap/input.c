/* SPDX-License-Identifier: BSD-2-Clause */
/* Collects a command: its lines and its literals, from input that comes in any pieces.
 *
 * What is at hand is moved into `text` and consumed, so nothing is looked at twice and the
 * connection's own buffer stays small. A line ends in CRLF; a lone LF is taken as well (telnet and
 * scripts), a lone CR is left to the parser, which refuses it. A literal's octets are taken only
 * after the session has agreed (imap_input_take_literal), so no limit is ever exceeded before it is
 * looked at. A refused command is skipped without being kept. */
#include "module/imap/session_priv.h"

#define HEADER_MAX 64 /* octets of a skipped line in which "{size+}" is recognised */

/* Finds "{number}", "{number+}", "~{...}" at the end of the current line. */
static bool find_header(struct imap_input *in)
{
	const char *start, *end, *pos, *digits_end;
	bool nonsync = false;

	if (in->text.size - in->line_start < 3)
		return false;
	start = in->text.data + in->line_start;
	end = in->text.data + in->text.size;
	if (end[-1] != '}')
		return false;
	pos = end - 1;
	if (pos[-1] == '+') {
		nonsync = true;
		pos--;
	}
	digits_end = pos;
	while (pos > start && pos[-1] >= '0' && pos[-1] <= '9')
		pos--;
	if (pos == digits_end || pos == start || pos[-1] != '{')
		return false;
	in->literal.nonsync = nonsync;
	in->literal.valid =
		hf_str_u64(hf_str_n(pos, (size_t)(digits_end - pos)), INT64_MAX, &in->literal.size);
	pos--;
	in->literal.binary = pos > start && pos[-1] == '~';
	if (in->literal.binary)
		pos--;
	in->literal.header = (size_t)(pos - in->text.data);
	return true;
}

static size_t consume(struct hf_conn *conn, size_t count)
{
	hf_conn_consume(conn, count);
	return count;
}

/* Moves input up to and with the next LF into text. True: the line is complete, and text ends
 * before its line end. */
static bool take_line(struct imap_input *in, struct hf_conn *conn, struct hf_str input,
		      size_t *taken)
{
	const char *lf = memchr(input.data, '\n', input.size);
	size_t size = lf ? (size_t)(lf - input.data) : input.size;

	hf_buf_add(&in->text, input.data, size);
	*taken = size;
	consume(conn, lf ? size + 1 : size);
	if (!lf)
		return false;
	if (in->text.size > in->line_start && in->text.data[in->text.size - 1] == '\r')
		in->text.size--;
	return true;
}

static enum imap_input_status read_line(struct imap_input *in, struct hf_conn *conn,
					struct hf_str input, size_t line_max)
{
	size_t room = line_max - in->lines_size, taken;
	bool cut = input.size > room;
	bool complete = take_line(in, conn, cut ? hf_str_n(input.data, room) : input, &taken);

	in->lines_size += taken;
	if (complete)
		return find_header(in) ? IMAP_INPUT_LITERAL : IMAP_INPUT_LINE;
	return cut ? IMAP_INPUT_TOO_LONG : IMAP_INPUT_MORE;
}

static void skip_lines(struct imap_input *in)
{
	in->state = IMAP_IN_SKIP_LINE;
	in->text.size = 0;
	in->line_start = 0;
}

static void keep_tail(struct imap_input *in, size_t size)
{
	if (in->text.size > size)
		hf_buf_drop(&in->text, in->text.size - size);
}

/* The rest of a refused command. True: it is over. */
static bool skip_line(struct imap_input *in, struct hf_conn *conn, struct hf_str input)
{
	size_t taken;
	bool complete = take_line(in, conn, input, &taken);

	in->skipped += taken + complete;
	if (!complete) {
		keep_tail(in, HEADER_MAX + 1); /* with CR */
		return false;
	}
	keep_tail(in, HEADER_MAX);
	/* A client waits for "+" before it sends a synchronising literal: after our refusal it will
	 * not. */
	if (!find_header(in) || !in->literal.nonsync)
		return true;
	imap_input_skip(in, in->literal.valid ? in->literal.size : UINT64_MAX);
	return false;
}

enum imap_input_status imap_input_read(struct imap_input *in, struct hf_conn *conn, size_t line_max,
				       uint64_t flood_max)
{
	for (;;) {
		struct hf_str input;
		enum imap_input_status status;
		size_t size;

		if (in->state == IMAP_IN_LITERAL && !in->left) {
			in->state = IMAP_IN_LINE;
			in->line_start = in->text.size;
		} else if (in->state == IMAP_IN_SKIP_LITERAL && !in->left) {
			skip_lines(in);
		}
		input = hf_conn_input(conn);
		if (!input.size)
			return IMAP_INPUT_MORE;
		size = input.size < in->left ? input.size : (size_t)in->left;
		switch (in->state) {
		case IMAP_IN_LINE:
			status = read_line(in, conn, input, line_max);
			if (status != IMAP_INPUT_MORE)
				return status;
			break;
		case IMAP_IN_LITERAL:
			hf_buf_add(&in->text, input.data, size);
			in->left -= consume(conn, size);
			break;
		case IMAP_IN_SKIP_LITERAL:
			in->left -= consume(conn, size);
			in->skipped += size;
			break;
		case IMAP_IN_SKIP_LINE:
			if (skip_line(in, conn, input))
				imap_input_clear(in);
			break;
		}
		if (in->skipped > flood_max)
			return IMAP_INPUT_FLOOD;
	}
}

void imap_input_take_literal(struct imap_input *in)
{
	hf_buf_add_lit(&in->text, "\r\n");
	in->state = IMAP_IN_LITERAL;
	in->left = in->literal.size;
}

void imap_input_leave_literal(struct imap_input *in)
{
	uint64_t lines = in->lines_size;

	imap_input_clear(in);
	in->lines_size = (size_t)lines; /* the limit is the whole command's */
}

void imap_input_skip(struct imap_input *in, uint64_t octets)
{
	skip_lines(in);
	in->state = IMAP_IN_SKIP_LITERAL;
	in->left = octets;
}

void imap_input_skip_rest(struct imap_input *in)
{
	size_t line = in->text.size - in->line_start;

	/* A header that ends this line may have begun. */
	keep_tail(in, line < HEADER_MAX + 1 ? line : HEADER_MAX + 1);
	in->line_start = 0;
	in->state = IMAP_IN_SKIP_LINE;
}

void imap_input_clear(struct imap_input *in)
{
	in->state = IMAP_IN_LINE;
	in->text.size = 0;
	in->left = in->skipped = 0;
	in->line_start = in->lines_size = 0;
}
