/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths and parameters of MAIL and RCPT: RFC 5321 §4.1.2, with UTF-8 as in RFC 6531 §3.3. Source routes are read and dropped
 * (RFC 5321 appendix C). The local part comes out decoded: without quotes and backslashes. */
#include "base/encode.h"
#include "module/lmtp/lmtp.h"

static bool is_atext(char c)
{
	unsigned char u = (unsigned char)c;

	if (u >= 0x80)
		return true;
	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
	       (u && strchr("!#$%&'*+-/=?^_`{|}~", u));
}

static bool is_domain_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x80 || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
	       u == '-' || u == '.' || u == '_';
}

/* Takes a quoted local part off the front; *out gets its meaning. */
static bool take_quoted(struct hf_str *in, struct hf_arena *arena, struct hf_str *out)
{
	char *to = hf_arena_alloc(arena, in->size + 1);
	size_t n = 0, i = 1;

	for (; i < in->size && in->data[i] != '"'; i++) {
		if (in->data[i] == '\\' && ++i == in->size)
			return false;
		if ((unsigned char)in->data[i] < 0x20 || in->data[i] == 0x7f)
			return false;
		to[n++] = in->data[i];
	}
	if (i == in->size)
		return false;
	*in = hf_str_sub(*in, i + 1, SIZE_MAX);
	*out = hf_str_n(to, n);
	return true;
}

static bool take_dot_string(struct hf_str *in, struct hf_str *out)
{
	size_t i = 0;

	/* Real senders use local parts with dots at odd places: only the characters are checked. */
	while (i < in->size && (is_atext(in->data[i]) || in->data[i] == '.'))
		i++;
	*out = hf_str_sub(*in, 0, i);
	*in = hf_str_sub(*in, i, SIZE_MAX);
	return i > 0;
}

static bool take_domain(struct hf_str *in, struct hf_str *out)
{
	size_t i = 0;

	if (in->size && in->data[0] == '[') {
		while (i < in->size && in->data[i] != ']' && (unsigned char)in->data[i] > 0x20)
			i++;
		if (i == in->size || in->data[i] != ']')
			return false;
		i++;
	} else {
		while (i < in->size && is_domain_char(in->data[i]))
			i++;
	}
	*out = hf_str_sub(*in, 0, i);
	*in = hf_str_sub(*in, i, SIZE_MAX);
	return i > 0;
}

enum hf_status lmtp_path_parse(struct hf_arena *arena, struct hf_str *in, struct lmtp_path *path)
{
	struct hf_str s = *in, start;

	memset(path, 0, sizeof *path);
	if (!s.size || s.data[0] != '<')
		return HF_ESYNTAX;
	s = hf_str_sub(s, 1, SIZE_MAX);
	if (s.size && s.data[0] == '>') {
		path->null_path = true;
		path->text = path->local = path->domain = HF_STR("");
		*in = hf_str_sub(s, 1, SIZE_MAX);
		return HF_OK;
	}
	if (s.size && s.data[0] == '@') { /* source route: @a,@b:user@domain */
		ptrdiff_t colon = hf_str_chr(s, ':');

		if (colon < 0)
			return HF_ESYNTAX;
		s = hf_str_sub(s, (size_t)colon + 1, SIZE_MAX);
	}
	start = s;
	if (s.size && s.data[0] == '"') {
		if (!take_quoted(&s, arena, &path->local))
			return HF_ESYNTAX;
	} else if (!take_dot_string(&s, &path->local)) {
		return HF_ESYNTAX;
	}
	if (s.size && s.data[0] == '@') {
		s = hf_str_sub(s, 1, SIZE_MAX);
		if (!take_domain(&s, &path->domain))
			return HF_ESYNTAX;
	} else {
		path->domain = HF_STR("");
	}
	if (!s.size || s.data[0] != '>')
		return HF_ESYNTAX;
	path->text = hf_str_n(start.data, (size_t)(s.data - start.data));
	if (path->text.size > LMTP_ADDRESS_MAX)
		return HF_ELIMIT;
	if (!hf_utf8_valid(path->text))
		return HF_ESYNTAX;
	*in = hf_str_sub(s, 1, SIZE_MAX);
	return HF_OK;
}

bool lmtp_param_next(struct hf_str *in, struct hf_str *name, struct hf_str *value)
{
	struct hf_str word;

	*in = hf_str_trim(*in);
	if (!in->size)
		return false;
	word = hf_str_split(in, ' ');
	*name = hf_str_split(&word, '=');
	*value = word;
	return true;
}
