/* SPDX-License-Identifier: BSD-2-Clause */
/* How texts begin, for searches that most messages match: a common word comes soon. The part tree in the email row says where the
 * first text parts are, so that nothing is parsed, and no more of the content is unpacked than is kept. */
#include "storage/fact_text.h"

#include "message/text.h"

#define TEXT_RAW 4096 /* octets of text parts, as they are in the message */

static const struct hf_part *next_part(const struct hf_part *part)
{
	if (part->children)
		return part->children;
	while (part && !part->next)
		part = part->parent;
	return part ? part->next : NULL;
}

/* `whole`: the part ends there; else what the decoder holds back is not for anybody. */
static enum hf_status decode(struct fact_text *text, struct hf_body_decoder *decoder, uint64_t at, uint64_t end, bool whole)
{
	hf_buf_clear(&text->utf8);
	while (at < end) {
		struct hf_str piece;
		enum hf_status status = hf_content_peek_some(text->content, at, (size_t)(end - at), &piece);

		if (status != HF_OK)
			return status;
		if (!piece.size)
			break;
		piece = hf_str_sub(piece, 0, (size_t)(end - at));
		hf_body_decoder_feed(decoder, piece, &text->utf8);
		at += piece.size;
	}
	if (whole)
		hf_body_decoder_end(decoder, &text->utf8);
	return HF_OK;
}

static enum hf_status add_parts(struct fact_text *text, const struct hf_email *email, struct hf_buf *out)
{
	uint64_t left = TEXT_RAW;

	for (const struct hf_part *part = email->message.root; part && left; part = next_part(part)) {
		uint64_t at = email->prefix.size + part->body_offset, size = part->body_size < left ? part->body_size : left;
		struct hf_body_decoder *decoder = NULL;
		enum hf_status status;

		if (part->kind != HF_PART_LEAF || !hf_str_ieq(part->type, HF_STR("text")) ||
		    hf_body_decoder_new(part, true, &decoder) != HF_OK)
			continue;
		status = decode(text, decoder, at, at + size, size == part->body_size);
		hf_body_decoder_free(&decoder);
		if (status != HF_OK)
			return status;
		hf_fold(hf_buf_str(&text->utf8), out);
		hf_buf_add_char(out, 0);
		left -= size;
	}
	return HF_OK;
}

enum hf_status fact_text_add(struct fact_text *text, struct hf_store *store, struct hf_email *email, struct hf_buf *out)
{
	enum hf_status status = HF_OK;

	if (!text->scratch)
		text->scratch = hf_arena_new();
	if (text->content)
		hf_content_reopen(store, email, text->content);
	else
		status = hf_content_open(store, email, &text->content);
	if (status == HF_OK)
		status = hf_email_decode(text->scratch, email);
	if (status == HF_OK)
		status = add_parts(text, email, out);
	hf_arena_reset(text->scratch);
	return status;
}

void fact_text_fini(struct fact_text *text)
{
	hf_content_close(&text->content);
	hf_arena_free(&text->scratch);
	hf_buf_fini(&text->utf8);
}
