/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings and ENVELOPE in the words of IMAP, RFC 9051 §7.5.2 and §9 (nstring, envelope, address).
 */
#include "message/render.h"

/* Longer ones go as literals, for clients that read a line into a buffer of fixed size. */
#define QUOTED_MAX 1000

void hf_nstring_render(struct hf_str s, struct hf_buf *out)
{
	bool literal = s.size > QUOTED_MAX;
	char *start, *to;

	if (!s.data) {
		hf_buf_add_lit(out, "NIL");
		return;
	}
	for (size_t i = 0; i < s.size && !literal; i++) {
		uint8_t c = (uint8_t)s.data[i];

		literal = c >= 0x80 || c == '\r' || c == '\n' || c == 0;
	}
	if (literal) {
		hf_buf_add_char(out, '{');
		hf_buf_add_u64(out, s.size);
		hf_buf_add_lit(out, "}\r\n");
		hf_buf_add_str(out, s);
		return;
	}
	start = to = hf_buf_reserve(out, 2 * s.size + 2);
	*to++ = '"';
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '"' || s.data[i] == '\\')
			*to++ = '\\';
		*to++ = s.data[i];
	}
	*to++ = '"';
	hf_buf_added(out, (size_t)(to - start));
}

static void addresses_render(const struct hf_address *address, struct hf_buf *out)
{
	if (!address) {
		hf_buf_add_lit(out, " NIL");
		return;
	}
	hf_buf_add_lit(out, " (");
	for (; address; address = address->next) {
		hf_buf_add_char(out, '(');
		hf_nstring_render(address->name, out);
		hf_buf_add_char(out, ' ');
		hf_nstring_render(address->route, out);
		hf_buf_add_char(out, ' ');
		hf_nstring_render(address->mailbox, out);
		hf_buf_add_char(out, ' ');
		hf_nstring_render(address->host, out);
		hf_buf_add_char(out, ')');
	}
	hf_buf_add_char(out, ')');
}

void hf_envelope_render(const struct hf_envelope *envelope, struct hf_buf *out)
{
	hf_buf_add_char(out, '(');
	hf_nstring_render(envelope->date, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(envelope->subject, out);
	addresses_render(envelope->from, out);
	addresses_render(envelope->sender, out);
	addresses_render(envelope->reply_to, out);
	addresses_render(envelope->to, out);
	addresses_render(envelope->cc, out);
	addresses_render(envelope->bcc, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(envelope->in_reply_to, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(envelope->message_id, out);
	hf_buf_add_char(out, ')');
}
