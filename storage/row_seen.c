/* SPDX-License-Identifier: BSD-2-Clause */
/* Row `W`: which UIDs of one block somebody who is not the owner has seen, and when that changed. */

#include "storage/rows.h"

enum { SEEN_RANGES = 0, SEEN_BITMAP = 1 };

#define BITMAP_SIZE (SEEN_BLOCK / 8)

static uint32_t next_with(const uint64_t *bits, uint32_t from, bool is_set)
{
	while (from < SEEN_BLOCK) {
		uint64_t word = bits[from / 64];

		word = (is_set ? word : ~word) >> (from % 64);
		if (word)
			return from + (uint32_t)__builtin_ctzll(word);
		from += 64 - from % 64;
	}
	return SEEN_BLOCK;
}

static void add_bitmap(const uint64_t *bits, struct hf_buf *out)
{
	for (uint32_t i = 0; i < BITMAP_SIZE; i++)
		hf_buf_add_char(out, (char)(bits[i / 8] >> (i % 8 * 8) & 0xff));
}

static void add_set(const uint64_t *bits, struct hf_buf *out)
{
	struct hf_buf ranges = HF_BUF_INIT;
	uint32_t first = next_with(bits, 0, true), last = 0;
	uint64_t count = 0;

	while (first < SEEN_BLOCK && ranges.size < BITMAP_SIZE) {
		uint32_t end = next_with(bits, first, false);

		hf_buf_add_varint(&ranges, first - last);
		hf_buf_add_varint(&ranges, end - 1 - first);
		last = end - 1;
		count++;
		first = next_with(bits, end, true);
	}
	if (ranges.size < BITMAP_SIZE) {
		hf_buf_add_char(out, SEEN_RANGES);
		hf_buf_add_varint(out, count);
		hf_buf_add_str(out, hf_buf_str(&ranges));
	} else {
		hf_buf_add_char(out, SEEN_BITMAP);
		add_bitmap(bits, out);
	}
	hf_buf_fini(&ranges);
}

bool row_seen_encode(const struct seen_block *block, struct hf_buf *out)
{
	uint32_t before = 0;

	if (next_with(block->bits, 0, true) == SEEN_BLOCK && !block->level_count && !block->recent_count)
		return false;
	hf_buf_add_char(out, ROW_VERSION);
	add_set(block->bits, out);
	hf_buf_add_char(out, (char)block->level_count);
	for (uint32_t i = 0; i < block->level_count; i++) {
		hf_buf_add_varint(out, block->levels[i].modseq);
		add_set(block->levels[i].bits, out);
	}
	hf_buf_add_char(out, (char)block->recent_count);
	for (uint32_t i = 0; i < block->recent_count; i++) {
		hf_buf_add_varint(out, block->recent[i] - before);
		hf_buf_add_varint(out, block->recent_modseq[i]);
		before = block->recent[i];
	}
	return true;
}

static enum hf_status read_ranges(struct hf_reader *r, uint64_t *bits)
{
	uint64_t count = 0, at = 0, distance, length;

	if (!hf_read_varint(r, &count) || count > SEEN_BLOCK)
		return HF_ECORRUPT;
	while (count--) {
		if (!hf_read_varint(r, &distance) || !hf_read_varint(r, &length) || distance >= SEEN_BLOCK ||
		    length >= SEEN_BLOCK || at + distance + length >= SEEN_BLOCK)
			return HF_ECORRUPT;
		at += distance;
		for (uint64_t i = 0; i <= length; i++)
			seen_set_bit(bits, (uint32_t)(at + i));
		at += length;
	}
	return HF_OK;
}

static enum hf_status read_set(struct hf_reader *r, uint64_t *bits)
{
	struct hf_str bitmap = HF_STR_NULL;
	uint8_t kind = 0;

	memset(bits, 0, SEEN_WORDS * sizeof(*bits));
	if (!hf_read_u8(r, &kind))
		return HF_ECORRUPT;
	if (kind == SEEN_RANGES)
		return read_ranges(r, bits);
	if (kind != SEEN_BITMAP || !hf_read_bytes(r, BITMAP_SIZE, &bitmap))
		return HF_ECORRUPT;
	for (uint32_t i = 0; i < BITMAP_SIZE; i++)
		bits[i / 8] |= (uint64_t)(uint8_t)bitmap.data[i] << (i % 8 * 8);
	return HF_OK;
}

static enum hf_status read_levels(struct hf_reader *r, struct seen_block *block)
{
	enum hf_status status = HF_OK;
	uint8_t count = 0;

	if (!hf_read_u8(r, &count) || count > SEEN_LEVELS)
		return HF_ECORRUPT;
	for (uint32_t i = 0; i < count && status == HF_OK; i++) {
		if (!hf_read_varint(r, &block->levels[i].modseq) ||
		    (i && block->levels[i].modseq <= block->levels[i - 1].modseq))
			return HF_ECORRUPT;
		status = read_set(r, block->levels[i].bits);
	}
	block->level_count = count;
	return status;
}

static enum hf_status read_recent(struct hf_reader *r, struct seen_block *block)
{
	uint64_t at = 0, distance = 0;
	uint8_t count = 0;

	if (!hf_read_u8(r, &count) || count > SEEN_RECENT)
		return HF_ECORRUPT;
	for (uint32_t i = 0; i < count; i++) {
		if (!hf_read_varint(r, &distance) || (i && !distance) || distance >= SEEN_BLOCK || at + distance >= SEEN_BLOCK ||
		    !hf_read_varint(r, &block->recent_modseq[i]))
			return HF_ECORRUPT;
		at += distance;
		block->recent[i] = (uint16_t)at;
	}
	block->recent_count = count;
	return r->pos == r->end ? HF_OK : HF_ECORRUPT;
}

enum hf_status row_seen_decode(struct hf_str in, struct seen_block *block)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;
	enum hf_status status;

	block->level_count = block->recent_count = 0;
	if (!hf_read_u8(&r, &version) || version != ROW_VERSION)
		return HF_ECORRUPT;
	status = read_set(&r, block->bits);
	if (status == HF_OK)
		status = read_levels(&r, block);
	return status == HF_OK ? read_recent(&r, block) : status;
}
