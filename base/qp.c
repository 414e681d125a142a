/* SPDX-License-Identifier: BSD-2-Clause */
/* Quoted-printable, RFC 2045 §6.7, streaming and lenient.
 *
 * What cannot be decided yet is held: white space that may turn out to end a line (and is then
 * dropped), and what follows "=". The output does not depend on how the input was cut into pieces.
 * A bare LF ends a line as CRLF does; line ends are passed on as they came. "=" that begins no
 * escape is passed on and marks the text as damaged. */
#include "base/encode.h"

enum state {
	TEXT,     /* held: white space */
	TEXT_CR,  /* held: white space, CR */
	EQUAL,    /* held: '=', white space */
	EQUAL_CR, /* held: '=', white space, CR */
	HEX,      /* held: '=', a hexadecimal digit */
};

/* An encoded line has no more octets; runs of white space past it are text. */
enum { HELD_MAX = 76 };

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static void hold(struct hf_decoder *d, unsigned char c)
{
	d->held[d->held_size++] = (char)c;
}

static void flush(struct hf_decoder *d, struct hf_buf *out)
{
	hf_buf_add(out, d->held, d->held_size);
	d->held_size = 0;
}

/* White space at the end of what is known: the last HELD_MAX octets of the run wait, what was
 * before is text. */
static void hold_space(struct hf_decoder *d, const char *space, size_t size, struct hf_buf *out)
{
	size_t excess;

	if (size > HELD_MAX) {
		flush(d, out);
		hf_buf_add(out, space, size - HELD_MAX);
		space += size - HELD_MAX;
		size = HELD_MAX;
	}
	if (d->held_size + size > HELD_MAX) {
		excess = d->held_size + size - HELD_MAX;
		hf_buf_add(out, d->held, excess);
		d->held_size -= (unsigned)excess;
		memmove(d->held, d->held + excess, d->held_size);
	}
	if (size)
		memcpy(d->held + d->held_size, space, size);
	d->held_size += (unsigned)size;
}

/* Octets that are zero get their uppermost bit set; of those after one perhaps others. */
static inline uint64_t zeros(uint64_t eight)
{
	return (eight - UINT64_C(0x0101010101010101)) & ~eight & UINT64_C(0x8080808080808080);
}

/* Whether one of eight octets means something. */
static inline bool has_special(const char *pos)
{
	uint64_t eight;

	memcpy(&eight, pos, sizeof(eight));
	return (zeros(eight ^ UINT64_C(0x3d3d3d3d3d3d3d3d)) | zeros(eight ^ UINT64_C(0x0a0a0a0a0a0a0a0a)) |
		zeros(eight ^ UINT64_C(0x0d0d0d0d0d0d0d0d))) != 0;
}

/* Takes text up to the next octet that means something; returns where that is. */
static const char *feed_text(struct hf_decoder *d, const char *pos, const char *end,
			     struct hf_buf *out)
{
	const char *stop = pos, *solid;

	while (end - stop >= 8 && !has_special(stop))
		stop += 8;
	while (stop < end && *stop != '=' && *stop != '\n' && *stop != '\r')
		stop++;
	solid = stop;
	while (solid > pos && is_space((unsigned char)solid[-1]))
		solid--;
	if (solid > pos) {
		flush(d, out);
		hf_buf_add(out, pos, (size_t)(solid - pos));
	}
	hold_space(d, solid, (size_t)(stop - solid), out);
	return stop;
}

/* One octet that is not plain text, or follows something undecided. False: not taken, look at it
 * again. */
static bool feed_special(struct hf_decoder *d, unsigned char c, struct hf_buf *out)
{
	int high, low;

	switch ((enum state)d->count) {
	case TEXT:
		if (c == '=') {
			flush(d, out);
			hold(d, c);
			d->count = EQUAL;
		} else if (c == '\r') {
			hold(d, c);
			d->count = TEXT_CR;
		} else {
			d->held_size = 0; /* white space at the end of a line */
			hf_buf_add_char(out, '\n');
		}
		return true;
	case TEXT_CR:
		d->count = TEXT;
		if (c == '\n') {
			d->held_size = 0;
			hf_buf_add_lit(out, "\r\n");
			return true;
		}
		flush(d, out);
		return false;
	case EQUAL:
		if (d->held_size == 1 && hex_value(c) >= 0) {
			hold(d, c);
			d->count = HEX;
			return true;
		}
		if (is_space(c) && d->held_size < HELD_MAX) {
			hold(d, c);
			return true;
		}
		if (c == '\r') {
			hold(d, c);
			d->count = EQUAL_CR;
			return true;
		}
		break;
	case EQUAL_CR:
		break;
	case HEX:
		high = hex_value((unsigned char)d->held[1]);
		low = hex_value(c);
		if (high < 0 || low < 0)
			goto damaged;
		d->held_size = 0;
		d->count = TEXT;
		hf_buf_add_char(out, (char)(high << 4 | low));
		return true;
	}
	if (c == '\n') {
		d->held_size = 0; /* soft line break */
		d->count = TEXT;
		return true;
	}
damaged:
	d->damaged = true;
	d->count = TEXT;
	flush(d, out);
	return false;
}

void hf_qp_feed(struct hf_decoder *d, struct hf_str in, struct hf_buf *out)
{
	const char *pos = in.data, *end;

	if (in.size == 0)
		return;
	end = pos + in.size;
	while (pos < end) {
		if (d->count == TEXT) {
			pos = feed_text(d, pos, end, out);
			if (pos == end)
				return;
		}
		if (feed_special(d, (unsigned char)*pos, out))
			pos++;
	}
}

/* The end counts as the end of a line: "=" there is a soft line break, white space is dropped. */
void hf_qp_end(struct hf_decoder *d, struct hf_buf *out)
{
	if (d->count == HEX) {
		d->damaged = true;
		flush(d, out);
	} else if (d->count == TEXT_CR) {
		hf_buf_add_char(out, '\r');
	}
	d->held_size = 0;
	d->count = TEXT;
	d->finished = true;
}
