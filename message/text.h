/* SPDX-License-Identifier: BSD-2-Clause */
/* Text: charsets, encoded words, case folding, substring match, subjects, dates. Charsets and Unicode by ICU. */
#ifndef HF_MESSAGE_TEXT_H
#define HF_MESSAGE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "message/part.h"

/* Whether ICU knows the charset (any alias; us-ascii and utf-8 always). */
HF_API bool hf_charset_known(struct hf_str name);
/* Converts all at once; malformed input becomes U+FFFD. HF_EBADCHARSET when the charset is unknown. */
HF_API enum hf_status hf_charset_to_utf8(struct hf_str charset, struct hf_str in, struct hf_buf *utf8);
/* Header text: decodes RFC 2047 encoded words; raw 8-bit is taken as UTF-8 when valid, else as windows-1252. */
HF_API void hf_header_decode(struct hf_str value, struct hf_buf *utf8);

/* i;unicode-casemap (RFC 5051): the folded form that equality and substring are tested on. ASCII is fast. */
HF_API void hf_fold(struct hf_str utf8, struct hf_buf *folded);
/* Of the tables behind it, never 0. What is not ASCII may fold otherwise under another number. */
HF_API uint16_t hf_fold_version(void);
/* NFC of valid UTF-8, for mailbox names. HF_EINVALID when the input is not UTF-8. */
HF_API enum hf_status hf_nfc(struct hf_str utf8, struct hf_buf *out);

/* Substring search over folded text that comes in pieces; linear time. */
struct hf_matcher;
HF_API struct hf_matcher *hf_matcher_new(struct hf_arena *arena, struct hf_str utf8_needle); /* folds it; empty matches always */
HF_API struct hf_str hf_matcher_folded(const struct hf_matcher *matcher);
HF_API void hf_matcher_restart(struct hf_matcher *matcher);
/* Feeds UTF-8 (folds inside); true once the needle has been seen since the last restart. */
HF_API bool hf_matcher_feed(struct hf_matcher *matcher, struct hf_str utf8);

/* RFC 5256 §2.1; *is_reply as hf_message.subject_is_reply. Input is the decoded subject. */
HF_API void hf_base_subject(struct hf_str utf8_subject, struct hf_buf *base, bool *is_reply);

/* RFC 5322 §3.3 and §4.3 with what is seen in the wild. */
HF_API bool hf_date_parse_rfc5322(struct hf_str value, int64_t *utc, int32_t *zone_minutes);

/* Address list of a field's unfolded value. At most `max` are kept. */
HF_API struct hf_address *hf_addresses_parse(struct hf_arena *arena, struct hf_str value, uint32_t max);

/* Streaming decoder of one leaf part's body: transfer encoding, then (text parts) charset to UTF-8. */
struct hf_body_decoder;
/* `to_utf8` false: transfer encoding only (RFC 3516 BINARY). HF_EUNKNOWNCTE when the encoding is unknown. */
HF_API enum hf_status hf_body_decoder_new(const struct hf_part *part, bool to_utf8, struct hf_body_decoder **decoder);
HF_API void hf_body_decoder_feed(struct hf_body_decoder *decoder, struct hf_str raw, struct hf_buf *out);
HF_API void hf_body_decoder_end(struct hf_body_decoder *decoder, struct hf_buf *out);
HF_API void hf_body_decoder_free(struct hf_body_decoder **decoder);

/* The fields of a header block (with or without the final empty line), for headers that have no stored index. Calls fn
 * for each in order; stops when it returns false. `field` is the whole field with its line ends. */
HF_API void hf_header_each(struct hf_str header,
			   bool (*fn)(void *arg, struct hf_str name, struct hf_str value, struct hf_str field),
			   void *arg);
/* Unfolds (removes CRLF before white space) and trims a field's value. */
HF_API void hf_header_unfold(struct hf_str value, struct hf_buf *out);

#endif
