/* SPDX-License-Identifier: BSD-2-Clause */
/* Modified UTF-7 for mailbox names, RFC 3501 §5.1.3. Decoding accepts only what encoding writes, so
 * a name has one spelling: decoding and encoding again gives the same octets. */
#include "base/encode.h"

static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == ',' ? 63 : -1;
}

/* One UTF-16 unit; *high is a leading surrogate that waits for its other half. */
static bool decode_unit(uint32_t unit, uint32_t *high, struct hf_buf *out)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		hf_utf8_put(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	if ((unit >= 0xdc00 && unit <= 0xdfff) || is_direct(unit))
		return false;
	hf_utf8_put(out, unit);
	return true;
}

/* A shifted run after '&', up to and with its '-'. Returns what it took, 0 when it is malformed. */
static size_t decode_run(struct hf_str in, struct hf_buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned held = 0;

	for (size_t i = 0; i < in.size; i++) {
		int value = value_of(in.data[i]);

		if (in.data[i] == '-') {
			/* Fewer than six bits are left, all zero. */
			if (high || held >= 6 || bits & ((1u << held) - 1))
				return 0;
			return i + 1;
		}
		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 16) {
			held -= 16;
			if (!decode_unit(bits >> held & 0xffff, &high, out))
				return 0;
		}
	}
	return 0;
}

enum hf_status hf_mutf7_decode(struct hf_str in, struct hf_buf *utf8)
{
	size_t before = utf8->size;
	bool after_run = false;

	for (size_t i = 0; i < in.size;) {
		unsigned char c = (unsigned char)in.data[i++];
		size_t taken;

		if (c != '&') {
			if (!is_direct(c))
				goto malformed;
			hf_buf_add_char(utf8, (char)c);
			after_run = false;
			continue;
		}
		if (i < in.size && in.data[i] == '-') {
			hf_buf_add_char(utf8, '&');
			after_run = false;
			i++;
			continue;
		}
		if (after_run)
			goto malformed; /* "&...-&...-": a superfluous shift */
		taken = decode_run(hf_str_sub(in, i, in.size), utf8);
		if (taken == 0)
			goto malformed;
		i += taken;
		after_run = true;
	}
	return HF_OK;

malformed:
	utf8->size = before;
	return HF_ESYNTAX;
}

struct run {
	uint32_t bits;
	unsigned held;
	bool open;
};

static void put_unit(struct run *run, uint32_t unit, struct hf_buf *out)
{
	run->bits = run->bits << 16 | unit; /* at most 5 bits are held from before */
	run->held += 16;
	while (run->held >= 6) {
		run->held -= 6;
		hf_buf_add_char(out, alphabet[run->bits >> run->held & 63]);
	}
}

static void close_run(struct run *run, struct hf_buf *out)
{
	if (!run->open)
		return;
	if (run->held)
		hf_buf_add_char(out, alphabet[run->bits << (6 - run->held) & 63]);
	hf_buf_add_char(out, '-');
	*run = (struct run){ 0, 0, false };
}

void hf_mutf7_encode(struct hf_str utf8, struct hf_buf *out)
{
	struct run run = { 0, 0, false };

	while (utf8.size) {
		size_t size;
		uint32_t c = hf_utf8_next(utf8, &size);

		utf8 = hf_str_sub(utf8, size, utf8.size);
		if (is_direct(c)) {
			close_run(&run, out);
			hf_buf_add_char(out, (char)c);
			if (c == '&')
				hf_buf_add_char(out, '-');
			continue;
		}
		if (!run.open) {
			hf_buf_add_char(out, '&');
			run.open = true;
		}
		if (c >= 0x10000) {
			put_unit(&run, 0xd800 + ((c - 0x10000) >> 10), out);
			c = 0xdc00 + (c & 0x3ff);
		}
		put_unit(&run, c, out);
	}
	close_run(&run, out);
}
