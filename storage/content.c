/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading content: prefix, then the header part if it was split off, then chunks. One part is at hand at a time; its checksum
 * was tested when it was read. Open content is pinned: collectors leave it alone. */

#include "base/mem.h"
#include "storage/store_priv.h"

struct hf_content {
	struct hf_store *store;
	uint64_t owner, email; /* for the log */
	uint64_t content, content_size, size, header_size;
	uint32_t split;
	struct hf_buf prefix;
	struct hf_buf row, scratch; /* the part at hand: as stored, and decompressed */
	struct hf_str part;         /* its octets */
	uint64_t part_offset;       /* in the content */
	bool has_part;              /* its beginning at least */
	uint32_t row_part;          /* whose row is in `row` */
	bool has_row;
};

struct content_source {
	struct hf_source source;
	struct hf_content *content;
	bool nul_shown;
};

enum hf_status content_head(struct hf_store *store, uint64_t content, struct row_content *row)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_part(&key, content, PART_HEAD);
	status = table_get(store->env, NULL, TABLE_CONTENT(content), &key, &value);
	if (status == HF_OK)
		status = row_content_decode(content, hf_buf_str(&value), row);
	hf_buf_fini(&value);
	return status;
}

static void begin(struct hf_store *store, const struct hf_email *email, struct hf_content *content)
{
	hf_content_pin(store, email->content);
	content->store = store;
	content->owner = email->owner;
	content->email = email->id;
	content->content = email->content;
	content->size = email->size;
	content->content_size = email->size - email->prefix.size;
	content->header_size = email->header_size;
	content->split = email->split;
	content->has_part = content->has_row = false;
	hf_buf_clear(&content->prefix);
	hf_buf_add_str(&content->prefix, email->prefix);
}

enum hf_status hf_content_open(struct hf_store *store, const struct hf_email *email, struct hf_content **result)
{
	*result = hf_alloc_zero(sizeof(**result));
	begin(store, email, *result);
	return HF_OK;
}

void hf_content_reopen(struct hf_store *store, const struct hf_email *email, struct hf_content *content)
{
	hf_content_unpin(content->store, content->content);
	begin(store, email, content);
}

void hf_content_close(struct hf_content **pointer)
{
	struct hf_content *content = *pointer;

	if (!content)
		return;
	*pointer = NULL;
	hf_content_unpin(content->store, content->content);
	hf_buf_fini(&content->prefix);
	hf_buf_fini(&content->row);
	hf_buf_fini(&content->scratch);
	hf_free(content);
}

uint64_t hf_content_size(const struct hf_content *content)
{
	return content->size;
}

/* What the store says must be there is missing or does not match. */
static enum hf_status damaged(struct hf_content *content, uint32_t part, enum hf_status status)
{
	if (status != HF_EIO)
		status = HF_ECORRUPT;
	hf_error(&content->store->log, "content damaged owner=%llu email=%llu content=%llu part=%u status=\"%s\"",
		 (unsigned long long)content->owner, (unsigned long long)content->email,
		 (unsigned long long)content->content, part, hf_status_text(status));
	return status;
}

struct part {
	uint32_t number;
	uint64_t offset, size; /* in the content */
};

/* The part with the octet `at` of the content. */
static struct part part_of(const struct hf_content *content, uint64_t at)
{
	struct part part = { PART_HEADER, 0, content->split };

	if (at >= content->split) {
		uint64_t chunk = (at - content->split) / CHUNK_SIZE;

		part.number = PART_CHUNK + (uint32_t)chunk;
		part.offset = content->split + chunk * CHUNK_SIZE;
		part.size = content->content_size - part.offset < CHUNK_SIZE ? content->content_size - part.offset : CHUNK_SIZE;
	}
	return part;
}

static bool is_at_hand(const struct hf_content *content, uint64_t at)
{
	return content->has_part && at >= content->part_offset && at - content->part_offset < content->part.size;
}

/* Its row. The part that was at hand is gone. */
static enum hf_status read_row(struct hf_content *content, const struct part *part)
{
	struct row_key key;
	enum hf_status status;

	content->has_part = false;
	if (content->has_row && content->row_part == part->number)
		return HF_OK;
	key_part(&key, content->content, part->number);
	if (content->row.capacity < part->size)
		hf_buf_reserve(&content->row, part->size + ROW_CHUNK_HEAD);
	status = table_get(content->store->env, NULL, TABLE_CONTENT(content->content), &key, &content->row);
	content->has_row = status == HF_OK;
	content->row_part = part->number;
	return status;
}

/* Brings the part with the octet `at` of the content to hand, as far as `least` octets from there on, or to its end. */
static enum hf_status load(struct hf_content *content, uint64_t at, uint64_t least)
{
	struct part part;
	enum hf_status status;

	if (is_at_hand(content, at))
		return HF_OK;
	part = part_of(content, at);
	least = least < part.size - (at - part.offset) ? least + (at - part.offset) : part.size;
	status = read_row(content, &part);
	if (status == HF_OK)
		status = row_chunk_decode(content->content, part.number, hf_buf_str(&content->row), (size_t)part.size, (size_t)least,
					  &content->scratch, &content->part);
	if (status != HF_OK)
		return damaged(content, part.number, status);
	content->part_offset = part.offset;
	content->has_part = true;
	return HF_OK;
}

/* A whole part that begins at `offset`, straight to where it is wanted. *got stays when there is none that fits. */
static enum hf_status read_part(struct hf_content *content, uint64_t offset, char *to, size_t room, size_t *got)
{
	struct part part;
	enum hf_status status;

	if (offset < content->prefix.size || offset >= content->size)
		return HF_OK;
	offset -= content->prefix.size;
	part = part_of(content, offset);
	if (part.offset != offset || part.size > room || is_at_hand(content, offset))
		return HF_OK;
	status = read_row(content, &part);
	if (status == HF_OK)
		status = row_chunk_decode_to(content->content, part.number, hf_buf_str(&content->row), to, (size_t)part.size);
	if (status != HF_OK)
		return damaged(content, part.number, status);
	*got = (size_t)part.size;
	return HF_OK;
}

enum hf_status hf_content_peek(struct hf_content *content, uint64_t offset, struct hf_str *piece)
{
	return hf_content_peek_some(content, offset, CHUNK_SIZE, piece);
}

enum hf_status hf_content_peek_some(struct hf_content *content, uint64_t offset, size_t least, struct hf_str *piece)
{
	enum hf_status status;

	if (offset >= content->size) {
		*piece = HF_STR("");
		return HF_OK;
	}
	if (offset < content->prefix.size) {
		*piece = hf_str_sub(hf_buf_str(&content->prefix), (size_t)offset, content->prefix.size);
		return HF_OK;
	}
	offset -= content->prefix.size;
	status = load(content, offset, least);
	if (status == HF_OK)
		*piece = hf_str_sub(content->part, (size_t)(offset - content->part_offset), content->part.size);
	return status;
}

enum hf_status hf_content_read(struct hf_content *content, uint64_t offset, void *to, size_t size, size_t *got)
{
	size_t done = 0;

	while (done < size) {
		struct hf_str piece;
		size_t whole = 0;
		enum hf_status status = read_part(content, offset + done, (char *)to + done, size - done, &whole);

		done += whole;
		if (status == HF_OK && whole)
			continue;
		if (status == HF_OK)
			status = hf_content_peek(content, offset + done, &piece);
		if (status != HF_OK)
			return status;
		if (!piece.size)
			break;
		piece = hf_str_sub(piece, 0, size - done);
		memcpy((char *)to + done, piece.data, piece.size);
		done += piece.size;
	}
	*got = done;
	return HF_OK;
}

enum hf_status hf_content_header(struct hf_content *content, struct hf_arena *arena, struct hf_str *header)
{
	size_t size = (size_t)content->header_size, got = 0;
	char *data = hf_arena_alloc(arena, size + 1);
	enum hf_status status = hf_content_read(content, 0, data, size, &got);

	if (status == HF_OK)
		*header = hf_str_n(data, got);
	return status;
}

static enum hf_status source_read(struct hf_source *source, uint64_t offset, void *to, size_t size, size_t *got)
{
	struct content_source *self = HF_CONTAINER(source, struct content_source, source);
	enum hf_status status = hf_content_read(self->content, offset, to, size, got);
	char *at = to, *end;

	if (status != HF_OK || !self->nul_shown)
		return status;
	for (end = at + *got; (at = memchr(at, 0, (size_t)(end - at))); at++)
		*at = (char)0x80;
	return HF_OK;
}

static void source_free(struct hf_source *source)
{
	struct content_source *self = HF_CONTAINER(source, struct content_source, source);

	hf_content_close(&self->content);
	hf_free(self);
}

struct hf_source *hf_content_source(struct hf_content **content, bool nul_shown)
{
	struct content_source *self = hf_alloc_zero(sizeof(*self));

	self->source = (struct hf_source){ source_read, source_free, 1 };
	self->content = *content;
	self->nul_shown = nul_shown;
	*content = NULL;
	return &self->source;
}
