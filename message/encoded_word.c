/* SPDX-License-Identifier: BSD-2-Clause */
/* Header text to UTF-8: encoded words (RFC 2047, language suffix of RFC 2231 §5) and raw 8-bit.
 * Lenient as mail needs it: words inside quoted strings and next to other characters are decoded, a
 * character may be split over adjacent words of one charset. Each attempt at a word ends at the
 * next question mark, so the time is linear. */
#include "message/charset_priv.h"
#include "message/header_priv.h"
#include "message/text.h"

#include "base/encode.h"

struct word {
	struct hf_str charset, text;
	char encoding; /* 'b' or 'q' */
	size_t size;
};

static bool word_parse(struct hf_str s, struct word *word)
{
	size_t i = 2, start = 2;
	ptrdiff_t star;

	if (s.size < 8 || s.data[0] != '=' || s.data[1] != '?')
		return false;
	while (i < s.size && s.data[i] != '?' && !hf_is_space(s.data[i]) &&
	       i - start <= 2 * HF_CHARSET_NAME_MAX)
		i++;
	if (i + 3 >= s.size || s.data[i] != '?' || s.data[i + 2] != '?')
		return false;
	word->charset = (struct hf_str){ s.data + start, i - start };
	star = hf_str_chr(word->charset, '*');
	if (star >= 0)
		word->charset.size = (size_t)star;
	word->encoding = hf_ascii_lower(s.data[i + 1]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	start = i += 3;
	while (i < s.size && s.data[i] != '?')
		i++;
	if (i + 1 >= s.size || s.data[i + 1] != '=')
		return false;
	word->text = (struct hf_str){ s.data + start, i - start };
	word->size = i + 2;
	return hf_charset_known(word->charset);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = hf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void word_decode(const struct word *word, struct hf_buf *out)
{
	struct hf_str s = word->text;

	if (word->encoding == 'b') {
		struct hf_decoder decoder = { 0 };

		hf_base64_feed(&decoder, s, out);
		hf_base64_end(&decoder, out);
		return;
	}
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];

		if (c == '=' && i + 2 < s.size && hex_digit(s.data[i + 1]) >= 0 &&
		    hex_digit(s.data[i + 2]) >= 0) {
			c = (char)(hex_digit(s.data[i + 1]) << 4 | hex_digit(s.data[i + 2]));
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		hf_buf_add_char(out, c);
	}
}

struct state {
	struct hf_buf *out;
	struct hf_buf raw;     /* decoded octets of adjacent words of one charset */
	struct hf_str charset; /* of them */
	bool utf8;             /* raw 8-bit is UTF-8 */
};

/* Control characters that came out of a word would be line ends and worse; they become spaces. */
static void words_flush(struct state *state)
{
	size_t from = state->out->size;

	if (state->raw.size == 0)
		return;
	if (hf_charset_to_utf8(state->charset, hf_buf_str(&state->raw), state->out) != HF_OK)
		hf_cp1252_to_utf8(hf_buf_str(&state->raw), state->out);
	for (size_t i = from; i < state->out->size; i++) {
		if ((uint8_t)state->out->data[i] < ' ' || state->out->data[i] == 0x7f)
			state->out->data[i] = ' ';
	}
	hf_buf_clear(&state->raw);
}

static void plain_add(struct state *state, struct hf_str s)
{
	if (s.size == 0)
		return;
	words_flush(state);
	if (state->utf8)
		hf_buf_add_str(state->out, s);
	else
		hf_cp1252_to_utf8(s, state->out);
}

static void decode_unfolded(struct hf_str s, struct hf_buf *utf8)
{
	struct state state = { .out = utf8, .utf8 = hf_utf8_valid(s) };
	size_t plain = 0, i = 0;
	bool after_word = false;

	while (i < s.size) {
		const char *mark = memchr(s.data + i, '=', s.size - i);
		struct word word;

		if (!mark)
			break;
		i = (size_t)(mark - s.data);
		if (!word_parse((struct hf_str){ mark, s.size - i }, &word)) {
			i++;
			continue;
		}
		struct hf_str between = { s.data + plain, i - plain };

		/* RFC 2047 §6.2: white space between adjacent encoded words is not shown. */
		if (!after_word || hf_str_trim(between).size)
			plain_add(&state, between);
		if (!hf_str_ieq(state.charset, word.charset))
			words_flush(&state);
		state.charset = word.charset;
		word_decode(&word, &state.raw);
		i += word.size;
		plain = i;
		after_word = true;
	}
	plain_add(&state, (struct hf_str){ s.data + plain, s.size - plain });
	words_flush(&state);
	hf_buf_fini(&state.raw);
}

void hf_header_decode(struct hf_str value, struct hf_buf *utf8)
{
	struct hf_buf unfolded = HF_BUF_INIT;

	value = hf_str_trim(value);
	if (hf_ascii_run(value) == value.size &&
	    !(value.size && memchr(value.data, '=', value.size)) &&
	    !(value.size && memchr(value.data, '\n', value.size)) &&
	    !(value.size && memchr(value.data, 0, value.size))) {
		hf_buf_add_str(utf8, value);
		return;
	}
	hf_header_unfold(value, &unfolded);
	decode_unfolded(hf_buf_str(&unfolded), utf8);
	hf_buf_fini(&unfolded);
}
