/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading stored messages: the parsed facts (rows `email` and `list`) and the content. Keys are (owner, email) as in the
 * record and hf_view_owner(). */
#ifndef HF_STORAGE_EMAIL_H
#define HF_STORAGE_EMAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/source.h"
#include "base/status.h"
#include "base/str.h"
#include "message/mime.h"
#include "message/part.h"

struct hf_store;
struct hf_content;

struct hf_email {
	uint64_t owner, id;
	uint64_t content;         /* content id */
	struct hf_str prefix;     /* trace lines before the content, CRLF-ended; may be empty */
	uint64_t size;            /* prefix and content: RFC822.SIZE */
	uint64_t header_size;     /* prefix and header with its empty line */
	struct hf_str bodystructure; /* rendered, extended */
	struct hf_message message;   /* offsets without the prefix */
	uint32_t split;              /* for hf_content_open(): octets of the content kept apart as its header */
	struct hf_str headers;       /* those of the list row if they had no room there; else data NULL */
	bool has_nul;                /* as message.has_nul, without it */
	struct hf_str encoded;       /* for hf_email_decode() */
};

/* Row `email`, decoded into the arena. HF_ECORRUPT when its checksum fails, HF_ENONEXISTENT. */
HF_API enum hf_status hf_email_get(struct hf_store *store, uint64_t owner, uint64_t id, struct hf_arena *arena,
				   struct hf_email *email);

/* Row `list`: small, hot, read in bulk in order of email id. */
struct hf_list_row {
	struct hf_str envelope;      /* rendered ENVELOPE */
	struct hf_str base_subject;  /* UTF-8, folded for comparison (i;unicode-casemap) */
	struct hf_str from, to, cc;  /* sort keys RFC 5256: mailbox part of the first address, folded */
	struct hf_str display_from, display_to; /* RFC 5957, folded */
	struct hf_str subject;       /* decoded, UTF-8, at most 256 octets */
	struct hf_str headers;       /* raw fields From To Cc Bcc Subject Date Message-ID In-Reply-To References Reply-To Sender as stored when together <= 2 KiB; data NULL: see hf_email.headers */
	struct hf_str preview;       /* RFC 8970; data NULL: see hf_email.message */
	int64_t sent;                /* Date: UTC, internaldate when none */
	struct hf_str message_id;    /* normalised */
	struct hf_str *references;   /* normalised, oldest first, In-Reply-To appended when References is absent; at most 20 */
	uint32_t reference_count;
	bool subject_is_reply;
};

/* The number (below 32) of a header field that `headers` holds; -1: not one of them. The one list of them. */
HF_API int hf_list_field(struct hf_str name);
HF_API bool hf_list_has_field(struct hf_str name);

struct hf_list_reader;
HF_API enum hf_status hf_list_reader_open(struct hf_store *store, uint64_t owner, struct hf_list_reader **reader);
/* Sequential access (ascending email ids) is served from bulk reads. The row is borrowed until the next get. */
HF_API enum hf_status hf_list_reader_get(struct hf_list_reader *reader, uint64_t email, struct hf_list_row *row);
HF_API void hf_list_reader_close(struct hf_list_reader **reader);

/* Rows `email` likewise: bulk reads in sequence, borrowed until the next get. `message` is empty until it is decoded. */
struct hf_email_reader;
HF_API enum hf_status hf_email_reader_open(struct hf_store *store, uint64_t owner, struct hf_email_reader **reader);
HF_API enum hf_status hf_email_reader_get(struct hf_email_reader *reader, uint64_t id, struct hf_email *email);
HF_API void hf_email_reader_close(struct hf_email_reader **reader);
/* Decodes `message` into the arena, once. HF_ECORRUPT */
HF_API enum hf_status hf_email_decode(struct hf_arena *arena, struct hf_email *email);

/* Text signatures, rows `fts`: bulk reads in sequence likewise. A signature says what the text of a message (as the text sink of
 * message/mime.h gives it, of prefix and content) cannot contain. HF_ENONEXISTENT: there is none, HF_ECORRUPT: its row
 * is damaged; the text may then contain anything. */
struct hf_text_signature {
	const uint8_t *header, *body; /* borrowed until the next get; NULL: may contain anything */
	uint32_t header_mask, body_mask;
};
struct hf_text_signature_reader;
HF_API enum hf_status hf_text_signature_reader_open(struct hf_store *store, uint64_t owner,
						    struct hf_text_signature_reader **reader);
HF_API enum hf_status hf_text_signature_reader_get(struct hf_text_signature_reader *reader, uint64_t email,
						   struct hf_text_signature *signature);
HF_API void hf_text_signature_reader_close(struct hf_text_signature_reader **reader);
/* Of a needle, folded. NULL when it is too short to have any: signatures do not help. */
struct hf_trigrams;
HF_API struct hf_trigrams *hf_trigrams_new(struct hf_arena *arena, struct hf_str folded);
/* False: the needle is not in the text of that kind. */
HF_API bool hf_text_signature_may_contain(const struct hf_text_signature *signature, enum hf_text_kind kind,
					  const struct hf_trigrams *trigrams);

/* Opens content for reading and pins it: it stays readable until closed, whatever is expunged meanwhile. Reads cover
 * prefix + content: offset 0 is the first octet of the prefix. */
HF_API enum hf_status hf_content_open(struct hf_store *store, const struct hf_email *email, struct hf_content **content);
/* The same with the buffers of one that was open (closing it). */
HF_API void hf_content_reopen(struct hf_store *store, const struct hf_email *email, struct hf_content *content);
HF_API void hf_content_close(struct hf_content **content);
HF_API uint64_t hf_content_size(const struct hf_content *content);
/* *got < size only at the end. HF_ECORRUPT: a checksum failed. */
HF_API enum hf_status hf_content_read(struct hf_content *content, uint64_t offset, void *to, size_t size, size_t *got);
/* The octets at `offset` that are at hand in one piece (at least one, borrowed until the next call): reading without a copy. Empty at the end. */
HF_API enum hf_status hf_content_peek(struct hf_content *content, uint64_t offset, struct hf_str *piece);
/* The same where a beginning will do: no more is unpacked than it takes for `least` octets, if there are so many in that piece. */
HF_API enum hf_status hf_content_peek_some(struct hf_content *content, uint64_t offset, size_t least, struct hf_str *piece);
/* Prefix and header (with its empty line), without reading the body. In the arena. */
HF_API enum hf_status hf_content_header(struct hf_content *content, struct hf_arena *arena, struct hf_str *header);
/* A source over the content for an output queue; takes over `*content` (closes it in the end). With `nul_shown`, NUL is read as 0x80. */
HF_API struct hf_source *hf_content_source(struct hf_content **content, bool nul_shown);

#endif
