/* SPDX-License-Identifier: BSD-2-Clause */
/* The base subject, RFC 5256 §2.1 with the grammar of its §5, exactly. Steps in the comments are
 * those of the RFC. A run of blobs is looked at once: when no "re:" follows it, none follows after
 * some of its blobs are gone. */
#include "message/header_priv.h"
#include "message/text.h"

static size_t skip_wsp(struct hf_str s, size_t pos)
{
	while (pos < s.size && s.data[pos] == ' ')
		pos++;
	return pos;
}

/* subj-blob: where it ends, or pos when there is none. */
static size_t blob(struct hf_str s, size_t pos)
{
	size_t i = pos;

	if (i >= s.size || s.data[i] != '[')
		return pos;
	for (i++; i < s.size && s.data[i] != '[' && s.data[i] != ']'; i++)
		;
	if (i >= s.size || s.data[i] != ']')
		return pos;
	return skip_wsp(s, i + 1);
}

/* subj-refwd: where it ends, or pos when there is none. */
static size_t refwd(struct hf_str s, size_t pos)
{
	struct hf_str rest = hf_str_sub(s, pos, s.size);
	size_t i = pos;

	if (hf_str_istarts(rest, HF_STR("fwd")))
		i += 3;
	else if (hf_str_istarts(rest, HF_STR("re")) || hf_str_istarts(rest, HF_STR("fw")))
		i += 2;
	else
		return pos;
	i = skip_wsp(s, i);
	i = blob(s, i);
	return i < s.size && s.data[i] == ':' ? i + 1 : pos;
}

static struct hf_str from(struct hf_str s, size_t pos)
{
	return (struct hf_str){ s.data + pos, s.size - pos };
}

/* Step 2. */
static struct hf_str strip_trailers(struct hf_str s, bool *is_reply)
{
	for (;;) {
		if (s.size && s.data[s.size - 1] == ' ') {
			s.size--;
		} else if (s.size >= 5 && hf_str_ieq(from(s, s.size - 5), HF_STR("(fwd)"))) {
			s.size -= 5;
			*is_reply = true;
		} else {
			return s;
		}
	}
}

/* Steps 3 to 5. */
static struct hf_str strip_leaders(struct hf_str s, bool *is_reply)
{
	for (;;) {
		size_t end = 0, last = 0, next;

		s = from(s, skip_wsp(s, 0));
		while ((next = blob(s, end)) != end) {
			last = end;
			end = next;
		}
		next = refwd(s, end);
		if (next != end) {
			*is_reply = true;
			s = from(s, next);
			continue;
		}
		/* Step 4: what is left must not be empty; the last blob stays when nothing follows
		 * it. */
		return from(s, end < s.size ? end : last);
	}
}

static void collapse(struct hf_str s, struct hf_buf *out)
{
	bool space = false;

	for (size_t i = 0; i < s.size; i++) {
		if (hf_is_space(s.data[i])) {
			space = true;
			continue;
		}
		if (space)
			hf_buf_add_char(out, ' ');
		space = false;
		hf_buf_add_char(out, s.data[i]);
	}
}

void hf_base_subject(struct hf_str utf8_subject, struct hf_buf *base, bool *is_reply)
{
	struct hf_buf text = HF_BUF_INIT;
	struct hf_str s;

	*is_reply = false;
	collapse(utf8_subject, &text);
	s = text.size ? hf_buf_str(&text) : HF_STR("");
	for (;;) {
		s = strip_trailers(s, is_reply);
		s = strip_leaders(s, is_reply);
		/* Step 6. */
		if (s.size < 6 || !hf_str_istarts(s, HF_STR("[fwd:")) || s.data[s.size - 1] != ']')
			break;
		s = hf_str_sub(s, 5, s.size - 6);
		*is_reply = true;
	}
	hf_buf_add_str(base, s);
	hf_buf_fini(&text);
}
