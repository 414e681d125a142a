/* SPDX-License-Identifier: BSD-2-Clause */
/* The parsed form of a message: part tree with offsets, envelope, header index. Everything lives in the arena it was
 * parsed (or decoded) into; strings are the raw octets of the message, unfolded (RFC 5322 §2.2.3), NUL replaced by 0x80.
 *
 * Offsets and sizes are octets in the message as it is stored *without* the per-recipient prefix (trace lines): readers
 * that show prefix + content add the prefix size to everything but part sizes. Lines are counted by LF. */
#ifndef HF_MESSAGE_PART_H
#define HF_MESSAGE_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

struct hf_param {
	struct hf_str name;  /* as given, without RFC 2231 section numbers */
	struct hf_str value; /* RFC 2231 continuations joined, charset and percent encoding decoded to UTF-8 */
};

struct hf_address {
	struct hf_address *next;
	/* A .data of NULL is NIL. Group start: host NULL, mailbox = group name; group end: host and mailbox NULL
	 * (RFC 9051 §7.5.2). */
	struct hf_str name, route, mailbox, host;
};

struct hf_envelope {
	struct hf_str date, subject, in_reply_to, message_id; /* .data NULL: no such field */
	struct hf_address *from, *sender, *reply_to, *to, *cc, *bcc; /* sender and reply_to already defaulted to from */
};

enum hf_part_kind {
	HF_PART_LEAF,
	HF_PART_MULTIPART, /* children are its parts, at least one */
	HF_PART_MESSAGE    /* message/rfc822 or message/global: one child, the root part of the embedded message */
};

enum hf_cte { HF_CTE_7BIT, HF_CTE_8BIT, HF_CTE_BINARY, HF_CTE_QP, HF_CTE_BASE64, HF_CTE_UNKNOWN };

struct hf_part {
	struct hf_part *parent;   /* NULL for the root */
	struct hf_part *children; /* first child */
	struct hf_part *next;     /* next sibling */
	uint32_t child_count;
	enum hf_part_kind kind;
	enum hf_cte cte;

	uint64_t header_offset, header_size; /* header_size counts the empty line that ends it, if any */
	uint64_t body_offset, body_size;
	uint32_t header_lines, body_lines;

	struct hf_str type, subtype;  /* never empty: TEXT/PLAIN by default */
	struct hf_param *params;
	uint32_t param_count;
	struct hf_str encoding;       /* the field's word, "7BIT" by default */
	struct hf_str id, description, md5, location; /* .data NULL = NIL */
	struct hf_str disposition;    /* .data NULL = NIL */
	struct hf_param *disposition_params;
	uint32_t disposition_param_count;
	struct hf_str *languages;
	uint32_t language_count;
	struct hf_envelope *envelope; /* of the root part of each message, embedded or not; else NULL */
};

/* One field of the top header, in order. */
struct hf_field {
	struct hf_str name;  /* as written, without the colon */
	uint32_t offset;     /* of the name's first octet, in the header */
	uint32_t size;       /* octets of the whole field with its line ends */
	uint32_t value;      /* offset in the field of what follows the colon */
};

struct hf_message {
	uint64_t size;             /* octets */
	struct hf_part *root;
	struct hf_field *fields;   /* header index; ends early when the header passed a limit (complete = false) */
	uint32_t field_count;
	bool fields_complete;
	bool has_nul;              /* a NUL octet occurs (only by BDAT or literal8) */
	bool truncated_tree;       /* a limit on parts, nesting or header size was met: the rest is opaque */
	bool has_date;
	int64_t sent;              /* Date: field in UTC seconds, when has_date */
	int32_t sent_zone;         /* its zone, minutes east of UTC */
	struct hf_str preview;     /* UTF-8, at most 200 characters, RFC 8970; may be empty */
	struct hf_str base_subject;/* RFC 5256 §2.1, UTF-8 */
	bool subject_is_reply;     /* the base subject extraction removed a reply or forward mark */
	struct hf_str message_id;  /* normalised, without <>; empty when none: RFC 5256 §3 */
	struct hf_str *references; /* the same form, oldest first, at most 100 (first and last 50 of more) */
	uint32_t reference_count;
};

/* Finds BODY[1.2.3]: numbers from 1. A leaf message has part 1 = itself; within message/rfc822 the numbers go on in the
 * embedded message (RFC 9051 §6.4.5.1). NULL when there is no such part. */
HF_API const struct hf_part *hf_part_find(const struct hf_part *root, const uint32_t *numbers, size_t count);

/* A compact, versioned encoding of the whole struct hf_message for the store. Decoding checks every bound: HF_ECORRUPT. */
HF_API void hf_message_encode(const struct hf_message *message, struct hf_buf *out);
HF_API enum hf_status hf_message_decode(struct hf_arena *arena, struct hf_str in, struct hf_message *message);
/* One fact of an encoded message, without decoding it; true where it is damaged. */
HF_API bool hf_message_encoded_has_nul(struct hf_str in);

#endif
