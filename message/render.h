/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsed messages in the words of IMAP. Strings that need it become literals ({n}CRLF). */
#ifndef HF_MESSAGE_RENDER_H
#define HF_MESSAGE_RENDER_H

#include "base/buf.h"
#include "message/part.h"

/* RFC 9051 §7.5.2 ENVELOPE: "(date subject from ... message-id)". */
HF_API void hf_envelope_render(const struct hf_envelope *envelope, struct hf_buf *out);
/* BODY (extended false) or BODYSTRUCTURE. */
HF_API void hf_bodystructure_render(const struct hf_part *root, bool extended, struct hf_buf *out);
/* A string as quoted or literal, NIL when data is NULL. 8-bit and anything a quoted string cannot carry goes as a literal. */
HF_API void hf_nstring_render(struct hf_str s, struct hf_buf *out);

#endif
