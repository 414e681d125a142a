/* SPDX-License-Identifier: BSD-2-Clause */
/* Encodings: base64, quoted-printable, hex, modified UTF-7, UTF-8. */
#ifndef HF_BASE_ENCODE_H
#define HF_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"
#include "base/str.h"

/* RFC 4648 §4, padded, no line ends. */
HF_API void hf_base64_encode(struct hf_str in, struct hf_buf *out);
/* Strict: the SASL exchange's form (RFC 4648, padding required, nothing else allowed). HF_ESYNTAX. */
HF_API enum hf_status hf_base64_decode(struct hf_str in, struct hf_buf *out);

/* Streaming decoders for message bodies: lenient (RFC 2045 §6.7, §6.8), any piece sizes, never fail; `damaged` tells that
 * something had to be skipped. */
struct hf_decoder {
	uint32_t bits;       /* base64 */
	unsigned count;      /* base64: characters collected; qp: state */
	bool finished;       /* base64: padding seen */
	bool damaged;
	char held[80];       /* qp: pending white space or escape */
	unsigned held_size;
};
HF_API void hf_base64_feed(struct hf_decoder *d, struct hf_str in, struct hf_buf *out);
HF_API void hf_base64_end(struct hf_decoder *d, struct hf_buf *out);
HF_API void hf_qp_feed(struct hf_decoder *d, struct hf_str in, struct hf_buf *out);
HF_API void hf_qp_end(struct hf_decoder *d, struct hf_buf *out);

HF_API void hf_hex_encode(struct hf_str in, struct hf_buf *out);           /* lower case */
HF_API enum hf_status hf_hex_decode(struct hf_str in, struct hf_buf *out);

/* Mailbox names, RFC 3501 §5.1.3. Decoding is strict: HF_ESYNTAX for printable ASCII encoded, unpaired surrogates,
 * non-zero trailing bits, raw 8-bit, unterminated shift. */
HF_API enum hf_status hf_mutf7_decode(struct hf_str in, struct hf_buf *utf8);
HF_API void hf_mutf7_encode(struct hf_str utf8, struct hf_buf *out); /* input must be valid UTF-8 */

/* Well-formed UTF-8 (no surrogates, no overlong, at most U+10FFFF). */
HF_API bool hf_utf8_valid(struct hf_str s);
/* Length of the longest prefix of at most `max` octets that ends at a character boundary. */
HF_API size_t hf_utf8_clip(struct hf_str s, size_t max);
HF_API void hf_utf8_put(struct hf_buf *out, uint32_t c);
/* Next character and its size; a malformed sequence gives U+FFFD and size 1. size 0 at the end. */
HF_API uint32_t hf_utf8_next(struct hf_str s, size_t *size);

#endif
