/* SPDX-License-Identifier: BSD-2-Clause */
/* The streaming parser, RFC 5322 and MIME (RFC 2045, 2046, 2231, 2183, 3282, 2557, 1864). Takes a message in pieces of
 * any size, in linear time and bounded memory. No input is refused: what is odd or past a limit stays opaque. */
#ifndef HF_MESSAGE_MIME_H
#define HF_MESSAGE_MIME_H

#include "message/part.h"

struct hf_mime_limits {
	uint32_t depth;        /* nested multiparts and messages; default 50 */
	uint32_t parts;        /* in the whole message; default 10000 */
	uint32_t header_size;  /* octets kept of one header, the rest is opaque; default 1 MiB */
	uint32_t fields;       /* fields in the header index; default 10000 */
	uint32_t addresses;    /* kept per address field; default 5000 */
	uint32_t params;       /* per field; default 200 */
	uint32_t memory;       /* of the arena, in all; default 16 MiB */
};
HF_API extern const struct hf_mime_limits hf_mime_default_limits;

/* Receives the text that a search looks through, in order, decoded to UTF-8 (transfer encoding, charset, encoded words):
 * the values of all header fields (kind HEADER: of the top header, kind BODY: those of parts and embedded messages) and
 * the bodies of text parts (kind BODY). Pieces end at character boundaries; a match may span pieces
 * until `text` is called with an empty string, which ends a field value or a body part. `field` is the field's name for
 * headers, else empty. */
enum hf_text_kind { HF_TEXT_HEADER, HF_TEXT_BODY };
struct hf_text_sink {
	void (*text)(struct hf_text_sink *sink, enum hf_text_kind kind, struct hf_str field, struct hf_str utf8);
};

struct hf_mime;
/* `limits` NULL: the defaults. `sink` may be NULL. Results live in `arena`. */
HF_API struct hf_mime *hf_mime_new(struct hf_arena *arena, const struct hf_mime_limits *limits,
				   struct hf_text_sink *sink);
HF_API void hf_mime_feed(struct hf_mime *mime, struct hf_str piece);
/* Ends the message; *message is valid as long as the arena. The parser itself is freed. */
HF_API void hf_mime_finish(struct hf_mime **mime, struct hf_message *message);
HF_API void hf_mime_free(struct hf_mime **mime); /* without finishing */

#endif
