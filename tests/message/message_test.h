/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests and fuzz targets of message/ share. */
#ifndef HF_TESTS_MESSAGE_TEST_H
#define HF_TESTS_MESSAGE_TEST_H

#include "base/assert.h"
#include "base/encode.h"
#include "message/mime.h"
#include "message/render.h"
#include "message/text.h"

/* A sink that writes down what it is told, pieces of one text joined: "H name|text\n". */
struct recorder {
	struct hf_text_sink sink;
	struct hf_buf text;
	bool open;
};

static inline void recorder_text(struct hf_text_sink *sink, enum hf_text_kind kind,
				 struct hf_str field, struct hf_str utf8)
{
	struct recorder *recorder = HF_CONTAINER(sink, struct recorder, sink);

	hf_assert(hf_utf8_valid(utf8)); /* so that no piece ends inside a character */
	if (!recorder->open) {
		hf_buf_add_cstr(&recorder->text, kind == HF_TEXT_HEADER ? "H " : "B ");
		hf_buf_add_str(&recorder->text, field);
		hf_buf_add_char(&recorder->text, '|');
	}
	recorder->open = utf8.size > 0;
	hf_buf_add_str(&recorder->text, utf8);
	if (utf8.size == 0)
		hf_buf_add_char(&recorder->text, '\n');
}

#define RECORDER_INIT ((struct recorder){ .sink = { recorder_text } })

/* Parses in pieces of `size` octets, each given from memory of exactly its size. */
static inline void parse_pieces(struct hf_arena *arena, const struct hf_mime_limits *limits,
				struct hf_text_sink *sink, struct hf_str in, size_t size,
				struct hf_message *message)
{
	struct hf_mime *mime = hf_mime_new(arena, limits, sink);

	for (; in.size; in = hf_str_sub(in, size, in.size))
		hf_mime_feed(mime, hf_str_sub(in, 0, size));
	hf_mime_finish(&mime, message);
	hf_assert(!mime);
}

static inline void parse(struct hf_arena *arena, struct hf_str in, struct hf_message *message)
{
	parse_pieces(arena, NULL, NULL, in, in.size, message);
}

/* What is true of every tree; `base` and `end` bound the part. */
static inline void check_part(const struct hf_part *part, uint64_t base, uint64_t end)
{
	uint64_t at = part->body_offset, part_end = part->body_offset + part->body_size;
	uint32_t count = 0;

	hf_assert(part->header_offset >= base && part_end <= end);
	hf_assert(part->header_offset + part->header_size == part->body_offset);
	hf_assert(part->type.size && part->subtype.size && part->encoding.data);
	hf_assert(part->kind != HF_PART_LEAF || !part->children);
	hf_assert(part->kind != HF_PART_MESSAGE || part->child_count == 1);
	hf_assert(part->kind != HF_PART_MULTIPART || part->child_count >= 1);
	for (const struct hf_part *child = part->children; child; child = child->next, count++) {
		hf_assert(child->parent == part);
		hf_assert((child->envelope != NULL) == (part->kind == HF_PART_MESSAGE));
		check_part(child, at, part_end);
		at = child->body_offset + child->body_size;
	}
	hf_assert(count == part->child_count);
}

static inline void check_message(const struct hf_message *message)
{
	uint64_t end = 0;

	hf_assert(message->root->envelope && !message->root->parent && !message->root->next);
	check_part(message->root, 0, message->size);
	for (uint32_t i = 0; i < message->field_count; i++) {
		const struct hf_field *field = &message->fields[i];

		hf_assert(field->offset >= end && field->value > field->name.size &&
			  field->value <= field->size);
		end = (uint64_t)field->offset + field->size;
	}
	hf_assert(end <= message->root->header_size);
}

/* What is true beyond that of what the parser makes. */
static inline void check_parsed(const struct hf_message *message)
{
	check_message(message);
	hf_assert(hf_utf8_valid(message->preview) && hf_utf8_valid(message->base_subject));
	hf_assert(message->reference_count <= 100);
}

/* The encoding goes through the decoder unchanged, and everything can be rendered. */
static inline void check_stored_form(const struct hf_message *message, struct hf_buf *encoded)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf again = HF_BUF_INIT, text = HF_BUF_INIT;
	struct hf_message copy;

	hf_message_encode(message, encoded);
	hf_assert(hf_message_decode(arena, hf_buf_str(encoded), &copy) == HF_OK);
	check_message(&copy);
	hf_message_encode(&copy, &again);
	hf_assert(hf_str_eq(hf_buf_str(encoded), hf_buf_str(&again)));
	hf_bodystructure_render(copy.root, true, &text);
	hf_bodystructure_render(copy.root, false, &text);
	hf_envelope_render(copy.root->envelope, &text);
	hf_buf_fini(&again);
	hf_buf_fini(&text);
	hf_arena_free(&arena);
}

#endif
