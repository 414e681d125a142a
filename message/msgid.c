/* SPDX-License-Identifier: BSD-2-Clause */
/* Message ids for threading, RFC 5256 §3: "<" local "@" domain ">", the same whether or not the
 * local part is quoted, without the white space and comments of obsolete syntax. An attempt that
 * fails ends at the next "<" at the latest (outside a quoted local part), so that the time is
 * linear. */
#include "message/header_priv.h"
#include "message/text.h"

#define KEPT_FIRST 50
#define KEPT_LAST  50

static bool is_idtext(char c)
{
	uint8_t octet = (uint8_t)c;

	return octet > ' ' && octet != 0x7f && !memchr("<>()[]\\\"@", c, 9);
}

/* After "<". Leaves *pos where it stopped. */
static bool read_id(struct hf_str s, size_t *pos, struct hf_buf *id)
{
	size_t at;

	hf_buf_clear(id);
	for (;;) {
		hf_skip_cfws(s, pos, NULL);
		if (*pos >= s.size)
			return false;
		if (s.data[*pos] == '"')
			hf_read_quoted(s, pos, id);
		else if (is_idtext(s.data[*pos]))
			hf_buf_add_char(id, s.data[(*pos)++]);
		else
			break;
	}
	if (s.data[*pos] != '@' || id->size == 0)
		return false;
	hf_buf_add_char(id, '@');
	++*pos;
	at = id->size;
	for (;;) {
		hf_skip_cfws(s, pos, NULL);
		if (*pos >= s.size)
			return false;
		/* "@" occurs in the right part of ids in the wild, and brackets are a domain
		 * literal's. */
		if (is_idtext(s.data[*pos]) || memchr("[]@", s.data[*pos], 3))
			hf_buf_add_char(id, s.data[(*pos)++]);
		else
			break;
	}
	if (s.data[*pos] != '>' || id->size == at)
		return false;
	++*pos;
	return true;
}

bool hf_msgid_next(struct hf_str value, size_t *pos, struct hf_buf *id)
{
	while (*pos < value.size) {
		const char *open = memchr(value.data + *pos, '<', value.size - *pos);

		if (!open)
			break;
		*pos = (size_t)(open - value.data) + 1;
		if (read_id(value, pos, id))
			return true;
	}
	*pos = value.size;
	hf_buf_clear(id);
	return false;
}

void hf_references_parse(struct hf_arena *arena, struct hf_str references,
			 struct hf_str in_reply_to, struct hf_message *message)
{
	struct hf_buf id = HF_BUF_INIT;
	struct hf_buf last[KEPT_LAST] = { { NULL, 0, 0 } };
	uint32_t count = 0;
	size_t pos = 0;

	message->references = hf_new_array(arena, struct hf_str, KEPT_FIRST + KEPT_LAST);
	while (hf_msgid_next(references, &pos, &id)) {
		if (count < KEPT_FIRST) {
			message->references[count] = hf_arena_str(arena, hf_buf_str(&id));
		} else {
			struct hf_buf *slot = &last[(count - KEPT_FIRST) % KEPT_LAST];

			hf_buf_clear(slot);
			hf_buf_add_str(slot, hf_buf_str(&id));
		}
		count++;
	}
	message->reference_count = count < KEPT_FIRST ? count : KEPT_FIRST;
	for (uint32_t i = count > KEPT_FIRST + KEPT_LAST ? count - KEPT_LAST : KEPT_FIRST;
	     i < count; i++)
		message->references[message->reference_count++] =
			hf_arena_str(arena, hf_buf_str(&last[(i - KEPT_FIRST) % KEPT_LAST]));
	pos = 0;
	if (count == 0 && hf_msgid_next(in_reply_to, &pos, &id))
		message->references[message->reference_count++] =
			hf_arena_str(arena, hf_buf_str(&id));
	for (uint32_t i = 0; i < KEPT_LAST; i++)
		hf_buf_fini(&last[i]);
	hf_buf_fini(&id);
}
