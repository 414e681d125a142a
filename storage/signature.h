/* SPDX-License-Identifier: BSD-2-Clause */
/* Text signatures: what a message's decoded text cannot contain is known without reading it. Two bloom filters, one of the
 * trigrams of the top header's fields and one of all other text, as the text sink of message/mime.h gives them, folded.
 *
 * A trigram is three units in a row of one text (a field, a part). A character is one unit; from U+0800 on two, so that short
 * words of scripts with many characters have trigrams too. */
#ifndef HF_STORAGE_SIGNATURE_H
#define HF_STORAGE_SIGNATURE_H

#include "base/buf.h"
#include "message/mime.h"
#include "storage/email.h"

struct signature_builder;
struct signature_builder *signature_builder_new(void);
/* For hf_mime_new(). */
struct hf_text_sink *signature_sink(struct signature_builder *builder);
/* Ends and frees it; appends the signature of the content, without any prefix. `head`: its first octets; `memory`: of the
 * arena that the parser has used. */
void signature_finish(struct signature_builder **builder, const struct hf_message *message, struct hf_str head,
		      size_t memory, struct hf_buf *signature);
void signature_builder_free(struct signature_builder **builder);
/* The signature of prefix and content from that of the content. */
void signature_add_prefix(struct hf_buf *signature, struct hf_str prefix);
/* Borrowed. HF_ECORRUPT */
enum hf_status signature_decode(struct hf_str in, struct hf_text_signature *signature);

/* A smaller signature that contains whatever the one does, and more: its filters are halved, twice where they are large. HF_EUNAVAILABLE:
 * it is made by other rules. HF_ECORRUPT. */
enum hf_status signature_fold(struct hf_str in, struct hf_buf *out);

/* signature_reader.c: as it is stored; borrowed until the next call. */
enum hf_status text_signature_payload(struct hf_text_signature_reader *reader, uint64_t email, struct hf_str *payload);

#endif
