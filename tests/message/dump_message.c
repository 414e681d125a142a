/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what the parser makes of messages, for compare_email.py and for people: dump_message
 * FILE...
 *
 * A line a part: file, part number, kind, type/subtype, offset and size of header and body, lines
 * of the body, SHA-256 of the decoded body (leaves only, "-" otherwise). Then, a line each:
 * envelope, bodystructure, preview. */
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/encode.h"
#include "message/mime.h"
#include "message/render.h"
#include "message/text.h"

static void print_digest(const struct hf_part *part, struct hf_str in)
{
	struct hf_body_decoder *decoder;
	struct hf_buf out = HF_BUF_INIT, hex = HF_BUF_INIT;
	uint8_t digest[HF_DIGEST_MAX];

	if (part->kind != HF_PART_LEAF || hf_body_decoder_new(part, false, &decoder) != HF_OK) {
		printf(" -\n");
		return;
	}
	hf_body_decoder_feed(
		decoder, hf_str_sub(in, (size_t)part->body_offset, (size_t)part->body_size), &out);
	hf_body_decoder_end(decoder, &out);
	hf_body_decoder_free(&decoder);
	hf_digest(HF_SHA256, out.size ? hf_buf_str(&out) : HF_STR(""), digest);
	hf_hex_encode(hf_str_n(digest, hf_digest_size(HF_SHA256)), &hex);
	printf(" %.*s\n", HF_STR_ARG(hf_buf_str(&hex)));
	hf_buf_fini(&out);
	hf_buf_fini(&hex);
}

static void print_part(const char *file, const struct hf_part *part, const char *number,
		       struct hf_str in)
{
	static const char *const kinds[] = { "leaf", "multipart", "message" };
	unsigned n = 1;

	printf("part %s %s %s %.*s/%.*s %llu+%llu %llu+%llu %u", file, number, kinds[part->kind],
	       HF_STR_ARG(part->type), HF_STR_ARG(part->subtype),
	       (unsigned long long)part->header_offset, (unsigned long long)part->header_size,
	       (unsigned long long)part->body_offset, (unsigned long long)part->body_size,
	       part->body_lines);
	print_digest(part, in);
	for (const struct hf_part *child = part->children; child; child = child->next, n++) {
		char *inner = NULL;

		if (asprintf(&inner, "%s.%u", number, n) < 0)
			abort();
		print_part(file, child, inner, in);
		free(inner);
	}
}

static void print_buf(const char *file, const char *what, const struct hf_buf *buf)
{
	printf("%s %s ", what, file);
	fwrite(buf->data, 1, buf->size, stdout);
	printf("\n");
}

static int dump(const char *file)
{
	struct hf_buf in = HF_BUF_INIT, text = HF_BUF_INIT;
	struct hf_arena *arena = hf_arena_new();
	struct hf_mime *mime = hf_mime_new(arena, NULL, NULL);
	struct hf_message message;
	FILE *stream = fopen(file, "rb");
	size_t got;

	if (!stream) {
		perror(file);
		return 1;
	}
	while ((got = fread(hf_buf_reserve(&in, 65536), 1, 65536, stream)) > 0)
		hf_buf_added(&in, got);
	fclose(stream);
	hf_mime_feed(mime, hf_buf_str(&in));
	hf_mime_finish(&mime, &message);
	print_part(file, message.root, "0", hf_buf_str(&in));
	hf_envelope_render(message.root->envelope, &text);
	print_buf(file, "envelope", &text);
	hf_buf_clear(&text);
	hf_bodystructure_render(message.root, true, &text);
	print_buf(file, "bodystructure", &text);
	hf_buf_clear(&text);
	hf_buf_add_str(&text, message.preview);
	print_buf(file, "preview", &text);
	hf_buf_fini(&in);
	hf_buf_fini(&text);
	hf_arena_free(&arena);
	return 0;
}

int main(int argc, char **argv)
{
	int result = 0;

	for (int i = 1; i < argc; i++)
		result |= dump(argv[i]);
	return result;
}
