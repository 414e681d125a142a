/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole message. It gives the same tree and the same text however it is cut; what is made of it
 * is consistent, can be stored and rendered, and every leaf can be decoded. The size of the pieces
 * comes from the input's own octets. */
#include "tests/message/message_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that short inputs reach them. */
static const struct hf_mime_limits limits = {
	.depth = 6,
	.parts = 20,
	.header_size = 600,
	.fields = 20,
	.addresses = 20,
	.params = 20,
	.memory = 256 * 1024,
};

static void decode_leaves(const struct hf_part *part, struct hf_str in)
{
	for (const struct hf_part *child = part->children; child; child = child->next)
		decode_leaves(child, in);
	for (int text = 0; text < 2 && part->kind == HF_PART_LEAF; text++) {
		struct hf_body_decoder *decoder;
		struct hf_buf out = HF_BUF_INIT;

		if (hf_body_decoder_new(part, text == 1, &decoder) != HF_OK)
			return;
		hf_body_decoder_feed(
			decoder, hf_str_sub(in, (size_t)part->body_offset, (size_t)part->body_size),
			&out);
		hf_body_decoder_end(decoder, &out);
		hf_body_decoder_free(&decoder);
		hf_buf_fini(&out);
	}
}

static void run(struct hf_str in, const struct hf_mime_limits *l, size_t piece)
{
	struct hf_arena *arena = hf_arena_new();
	struct recorder whole_text = RECORDER_INIT, piece_text = RECORDER_INIT;
	struct hf_buf whole = HF_BUF_INIT, pieces = HF_BUF_INIT;
	struct hf_message message;

	parse_pieces(arena, l, &whole_text.sink, in, in.size, &message);
	hf_assert(message.size == in.size);
	check_parsed(&message);
	check_stored_form(&message, &whole);
	decode_leaves(message.root, in);

	parse_pieces(arena, l, &piece_text.sink, in, piece, &message);
	hf_message_encode(&message, &pieces);
	hf_assert(hf_str_eq(hf_buf_str(&whole), hf_buf_str(&pieces)));
	hf_assert(hf_str_eq(hf_buf_str(&whole_text.text), hf_buf_str(&piece_text.text)));

	hf_buf_fini(&whole_text.text);
	hf_buf_fini(&piece_text.text);
	hf_buf_fini(&whole);
	hf_buf_fini(&pieces);
	hf_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str in = hf_str_n(data, size);
	size_t piece = size ? 1 + data[size / 2] % 64u : 1;

	run(in, NULL, piece);
	run(in, &limits, 1);
	return 0;
}
