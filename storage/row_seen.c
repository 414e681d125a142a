/* SPDX-License-Identifier: BSD-2-Clause */
/* Row `W`: which UIDs of one block somebody who is not the owner has seen. */

#include "storage/rows.h"

enum { SEEN_RANGES = 0, SEEN_BITMAP = 1 };

#define BITMAP_SIZE (SEEN_BLOCK / 8)

static uint32_t next_with(const struct seen_block *block, uint32_t from, bool seen)
{
	while (from < SEEN_BLOCK) {
		uint64_t word = block->bits[from / 64];

		word = (seen ? word : ~word) >> (from % 64);
		if (word)
			return from + (uint32_t)__builtin_ctzll(word);
		from += 64 - from % 64;
	}
	return SEEN_BLOCK;
}

static void add_bitmap(const struct seen_block *block, struct hf_buf *out)
{
	for (uint32_t i = 0; i < BITMAP_SIZE; i++)
		hf_buf_add_char(out, (char)(block->bits[i / 8] >> (i % 8 * 8) & 0xff));
}

bool row_seen_encode(const struct seen_block *block, struct hf_buf *out)
{
	struct hf_buf ranges = HF_BUF_INIT;
	uint32_t first = next_with(block, 0, true), last = 0;
	uint64_t count = 0;

	if (first == SEEN_BLOCK)
		return false;
	while (first < SEEN_BLOCK && ranges.size < BITMAP_SIZE) {
		uint32_t end = next_with(block, first, false);

		hf_buf_add_varint(&ranges, first - last);
		hf_buf_add_varint(&ranges, end - 1 - first);
		last = end - 1;
		count++;
		first = next_with(block, end, true);
	}
	hf_buf_add_char(out, ROW_VERSION);
	if (ranges.size < BITMAP_SIZE) {
		hf_buf_add_char(out, SEEN_RANGES);
		hf_buf_add_varint(out, count);
		hf_buf_add_str(out, hf_buf_str(&ranges));
	} else {
		hf_buf_add_char(out, SEEN_BITMAP);
		add_bitmap(block, out);
	}
	hf_buf_fini(&ranges);
	return true;
}

static enum hf_status read_ranges(struct hf_reader *r, struct seen_block *block)
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
			seen_set(block, (uint32_t)(at + i), true);
		at += length;
	}
	return HF_OK;
}

enum hf_status row_seen_decode(struct hf_str in, struct seen_block *block)
{
	struct hf_reader r = hf_reader_init(in);
	struct hf_str bitmap = HF_STR_NULL;
	uint8_t version = 0, kind = 0;

	memset(block->bits, 0, sizeof(block->bits));
	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_u8(&r, &kind))
		return HF_ECORRUPT;
	if (kind == SEEN_RANGES)
		return read_ranges(&r, block);
	if (kind != SEEN_BITMAP || !hf_read_bytes(&r, BITMAP_SIZE, &bitmap))
		return HF_ECORRUPT;
	for (uint32_t i = 0; i < BITMAP_SIZE; i++)
		block->bits[i / 8] |= (uint64_t)(uint8_t)bitmap.data[i] << (i % 8 * 8);
	return HF_OK;
}
