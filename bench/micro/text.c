/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases without a store: parsing, rendering, coding. */
#include "base/encode.h"
#include "bench/micro/micro.h"
#include "message/mime.h"
#include "message/render.h"
#include "message/text.h"
#include "module/imap/imap.h"
#include "module/lmtp/lmtp.h"
#include "storage/signature.h"

#define MESSAGES 64
#define SIZE 12000
#define PIECE 4096

static struct hf_buf messages[MESSAGES], encoded[MESSAGES], out;
static struct hf_message parsed[MESSAGES];
static struct hf_arena *arena, *scratch;
static uint64_t octets;

static void parse(struct hf_str text, struct hf_arena *where, struct hf_text_sink *sink, struct hf_message *message)
{
	struct hf_mime *mime = hf_mime_new(where, NULL, sink);

	for (size_t at = 0; at < text.size; at += PIECE)
		hf_mime_feed(mime, hf_str_sub(text, at, PIECE));
	hf_mime_finish(&mime, message);
}

static void open_text(void)
{
	arena = hf_arena_new();
	scratch = hf_arena_new();
	for (unsigned i = 0; i < MESSAGES; i++) {
		micro_message(i, SIZE, &messages[i]);
		octets += messages[i].size;
		parse(hf_buf_str(&messages[i]), arena, NULL, &parsed[i]);
		hf_message_encode(&parsed[i], &encoded[i]);
	}
}

static void close_text(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		hf_buf_fini(&messages[i]);
		hf_buf_fini(&encoded[i]);
	}
	hf_buf_fini(&out);
	hf_arena_free(&arena);
	hf_arena_free(&scratch);
}

static void clear(void)
{
	hf_buf_clear(&out);
	hf_arena_reset(scratch);
}

static uint64_t parse_header(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_str text = hf_buf_str(&messages[i]);
		struct hf_message message;

		hf_arena_reset(scratch);
		parse(hf_str_sub(text, 0, (size_t)parsed[i].root->header_size), scratch, NULL, &message);
		micro_must(message.root->envelope->from && message.field_count > 8);
	}
	return MESSAGES;
}

static uint64_t parse_mime(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_message message;

		hf_arena_reset(scratch);
		parse(hf_buf_str(&messages[i]), scratch, NULL, &message);
		micro_must(message.size == messages[i].size && message.root->child_count == parsed[i].root->child_count);
	}
	return octets / 1024;
}

static uint64_t sign(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct signature_builder *builder = signature_builder_new();
		struct hf_message message;

		clear();
		parse(hf_buf_str(&messages[i]), scratch, signature_sink(builder), &message);
		signature_finish(&builder, &message, hf_buf_str(&messages[i]), hf_arena_used(scratch), &out);
		micro_must(out.size > 100);
	}
	return octets / 1024;
}

static uint64_t render_envelope(void)
{
	for (unsigned i = 0; i < MESSAGES; i++)
		hf_envelope_render(parsed[i].root->envelope, &out);
	micro_must(out.size > MESSAGES * 200);
	return MESSAGES;
}

static uint64_t render_structure(void)
{
	for (unsigned i = 0; i < MESSAGES; i++)
		hf_bodystructure_render(parsed[i].root, true, &out);
	micro_must(out.size > MESSAGES * 100);
	return MESSAGES;
}

static uint64_t decode_message(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct hf_message message;

		hf_arena_reset(scratch);
		micro_must(hf_message_decode(scratch, hf_buf_str(&encoded[i]), &message) == HF_OK);
	}
	return MESSAGES;
}

static void decode_leaves(const struct hf_part *part, struct hf_str text, uint64_t *done)
{
	struct hf_body_decoder *decoder = NULL;

	for (const struct hf_part *child = part->children; child; child = child->next)
		decode_leaves(child, text, done);
	if (part->kind != HF_PART_LEAF)
		return;
	hf_buf_clear(&out);
	micro_must(hf_body_decoder_new(part, hf_str_ieq(part->type, HF_STR("text")), &decoder) == HF_OK);
	hf_body_decoder_feed(decoder, hf_str_sub(text, (size_t)part->body_offset, (size_t)part->body_size), &out);
	hf_body_decoder_end(decoder, &out);
	hf_body_decoder_free(&decoder);
	micro_must(out.size);
	*done += part->body_size;
}

static uint64_t decode_bodies(void)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < MESSAGES; i++)
		decode_leaves(parsed[i].root, hf_buf_str(&messages[i]), &done);
	return done / 1024;
}

static uint64_t match(void)
{
	struct hf_matcher *matcher = hf_matcher_new(scratch, HF_STR("gr\303\274ne xylophones"));

	for (unsigned i = 0; i < MESSAGES; i++)
		micro_must(!hf_matcher_feed(matcher, hf_buf_str(&messages[i])));
	return octets / 1024;
}

static const char *const names[] = { "INBOX", "Sent", "Archive/2022/Invoices", "Entw\303\274rfe", "\320\222\321\205\320\276\320\264\321\217\321\211\320\270\320\265",
				     "\345\217\227\344\277\241\347\256\261/a & b" };
#define NAMES (sizeof(names) / sizeof(*names))

static uint64_t mutf7(void)
{
	struct hf_buf back = HF_BUF_INIT;

	for (unsigned i = 0; i < 100 * NAMES; i++) {
		hf_buf_clear(&out);
		hf_buf_clear(&back);
		hf_mutf7_encode(hf_str(names[i % NAMES]), &out);
		micro_must(hf_mutf7_decode(hf_buf_str(&out), &back) == HF_OK);
		micro_must(hf_str_eq(hf_buf_str(&back), hf_str(names[i % NAMES])));
	}
	hf_buf_fini(&back);
	return 100 * NAMES;
}

static struct hf_buf stuffed;

/* All messages as they would follow DATA, one after the other. */
static void stuff(void)
{
	hf_buf_clear(&stuffed);
	for (unsigned i = 0; i < MESSAGES; i++) {
		for (size_t at = 0; at < messages[i].size; at++) {
			if (messages[i].data[at] == '.' && (!at || messages[i].data[at - 1] == '\n'))
				hf_buf_add_char(&stuffed, '.');
			hf_buf_add_char(&stuffed, messages[i].data[at]);
		}
		hf_buf_add_lit(&stuffed, ".\r\n");
	}
}

static uint64_t unstuff(void)
{
	size_t at = 0;

	for (unsigned i = 0; i < MESSAGES; i++) {
		struct lmtp_unstuffer unstuffer;
		size_t used = 0;
		bool ended = false;

		hf_buf_clear(&out);
		lmtp_unstuffer_init(&unstuffer);
		while (!ended && at < stuffed.size) {
			ended = lmtp_unstuff(&unstuffer, hf_str_sub(hf_buf_str(&stuffed), at, 16384), &used, &out);
			at += used;
		}
		micro_must(ended && out.size == messages[i].size);
	}
	micro_must(at == stuffed.size);
	return octets / 1024;
}

static void free_stuffed(void)
{
	hf_buf_fini(&stuffed);
	close_text();
}

static uint64_t sets(void)
{
	static const struct imap_settings settings = { .nesting_max = 100 };
	static const char text[] = "1:3,5,9:20,44,60:99,101,103,105:200,1000:1999,4000,4002,4004:4294967295";

	for (unsigned i = 0; i < 500; i++) {
		struct imap_parser p = {
			.start = text, .pos = text, .end = text + sizeof(text) - 1, .arena = scratch, .settings = &settings
		};
		struct hf_set set = HF_SET_INIT;
		struct hf_str raw;

		micro_must(imap_parse_set(&p, &raw) && p.pos == p.end);
		micro_must(hf_set_parse(raw, UINT32_MAX, 1000, &set) == HF_OK && set.count == 12);
		hf_set_fini(&set);
	}
	return 500;
}

static const struct micro_case cases[] = {
	{ "parse-header", "message", NULL, parse_header },
	{ "parse-mime", "KiB", NULL, parse_mime },
	{ "signature", "KiB", clear, sign },
	{ "render-envelope", "message", clear, render_envelope },
	{ "render-bodystructure", "message", clear, render_structure },
	{ "decode-message", "message", clear, decode_message },
	{ "decode-bodies", "KiB", clear, decode_bodies },
	{ "match", "KiB", clear, match },
	{ "mutf7", "name", clear, mutf7 },
	{ "parse-set", "set", clear, sets },
	{ "dot-unstuff", "KiB", stuff, unstuff },
	{ 0 },
};

const struct micro_group micro_text = { "text", open_text, free_stuffed, cases };
