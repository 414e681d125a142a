/* SPDX-License-Identifier: BSD-2-Clause */
/* Header blocks and fields, for the files of this folder. */
#ifndef HF_MESSAGE_HEADER_PRIV_H
#define HF_MESSAGE_HEADER_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "message/mime.h"
#include "message/part.h"

static inline bool hf_is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool hf_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes the next field off the front of *rest; lines that are no field are passed over. False at
 * the empty line or at the end. `value` has no final line end. */
bool hf_header_next(struct hf_str *rest, struct hf_str *name, struct hf_str *value,
		    struct hf_str *field);

/* Unfolded, trimmed, NUL replaced; never with data NULL. `scratch` is overwritten. */
struct hf_str hf_header_unfolded(struct hf_arena *arena, struct hf_str value,
				 struct hf_buf *scratch);

/* Passes over white space and comments (RFC 5322 §3.2.2) from *pos; nesting costs no stack. When
 * `comment` is given it gets the text of the last comment met, unescaped, without the outer
 * parentheses. */
void hf_skip_cfws(struct hf_str s, size_t *pos, struct hf_buf *comment);
/* At a double quote: appends the unescaped text and passes over the closing quote, if there is one.
 */
void hf_read_quoted(struct hf_str s, size_t *pos, struct hf_buf *out);

/* mime_param.c: the values of Content-Type and Content-Disposition, unfolded. */
struct hf_param_list {
	struct hf_param *params;
	uint32_t count;
};
/* "type/subtype; params": false when there is no such beginning. */
bool hf_content_type_parse(struct hf_arena *arena, struct hf_str value, uint32_t max,
			   struct hf_str *type, struct hf_str *subtype,
			   struct hf_param_list *params);
/* "word; params"; false when there is no word. */
bool hf_disposition_parse(struct hf_arena *arena, struct hf_str value, uint32_t max,
			  struct hf_str *word, struct hf_param_list *params);
/* The first parameter of that name; data NULL when there is none. */
struct hf_str hf_param_get(const struct hf_param *params, uint32_t count, struct hf_str name);

/* mime_header.c: what a header says, put into the part, and for the top header into the message. */
struct hf_header_job {
	struct hf_arena *arena;
	const struct hf_mime_limits *limits;
	size_t memory_left;        /* octets of the arena that this header may use, roughly */
	struct hf_text_sink *sink; /* or NULL */
	struct hf_part *part;
	struct hf_message *message; /* for the top header, else NULL */
	bool is_message;            /* the part is the root of a message: has an envelope */
	bool in_digest;             /* RFC 2046 §5.1.5: the default type is message/rfc822 */
	bool truncated; /* the header is longer than `header`; its last field is cut off (and taken for its ids alone, if they are References) */
};
void hf_mime_header(const struct hf_header_job *job, struct hf_str header);

/* msgid.c */
/* The next valid message id of an unfolded value, normalised, into `id` (cleared first); *pos moves
 * on. False at the end. */
bool hf_msgid_next(struct hf_str value, size_t *pos, struct hf_buf *id);
/* RFC 5256 §3: the ids of References, or when it has none the first of In-Reply-To. */
void hf_references_parse(struct hf_arena *arena, struct hf_str references,
			 struct hf_str in_reply_to, struct hf_message *message);

#endif
