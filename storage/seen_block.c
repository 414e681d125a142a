/* SPDX-License-Identifier: BSD-2-Clause */
/* The modseqs of a block of \Seen: seen_priv.h. */

#include "storage/seen_priv.h"

#include <string.h>

/* The first recent one whose UID is not below. */
static uint32_t recent_at(const struct seen_block *block, uint32_t at)
{
	uint32_t low = 0, high = block->recent_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (block->recent[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t seen_modseq(const struct seen_block *block, uint32_t uid)
{
	uint32_t at = uid % SEEN_BLOCK, i = recent_at(block, at);

	if (i < block->recent_count && block->recent[i] == at)
		return block->recent_modseq[i];
	for (i = block->level_count; i > 0; i--)
		if (seen_bit(block->levels[i - 1].bits, at))
			return block->levels[i - 1].modseq;
	return 0;
}

/* A new level on top; the two oldest become one when there are too many. */
static struct seen_level *add_level(struct seen_block *block, uint64_t modseq)
{
	struct seen_level *level;

	if (block->level_count == SEEN_LEVELS) {
		for (uint32_t i = 0; i < SEEN_WORDS; i++)
			block->levels[1].bits[i] |= block->levels[0].bits[i];
		memmove(&block->levels[0], &block->levels[1], (SEEN_LEVELS - 1) * sizeof(*level));
		block->level_count--;
	}
	level = &block->levels[block->level_count++];
	memset(level, 0, sizeof(*level));
	level->modseq = modseq;
	return level;
}

/* Recent ones become a level: those before `modseq`, or, when all are of this one change, these. */
static void spill(struct seen_block *block, uint64_t modseq)
{
	uint64_t last = 0, limit = modseq;
	struct seen_level *level;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < block->recent_count; i++)
		if (block->recent_modseq[i] < modseq && block->recent_modseq[i] > last)
			last = block->recent_modseq[i];
	if (!last) {
		last = modseq;
		limit = UINT64_MAX;
	}
	level = add_level(block, last);
	for (uint32_t i = 0; i < block->recent_count; i++) {
		if (block->recent_modseq[i] < limit) {
			seen_set_bit(level->bits, block->recent[i]);
			continue;
		}
		block->recent[kept] = block->recent[i];
		block->recent_modseq[kept++] = block->recent_modseq[i];
	}
	block->recent_count = kept;
}

void seen_touch(struct seen_block *block, uint32_t uid, uint64_t modseq)
{
	uint32_t at = uid % SEEN_BLOCK, i = recent_at(block, at), after;

	if (i < block->recent_count && block->recent[i] == at) {
		block->recent_modseq[i] = modseq;
		return;
	}
	if (block->level_count && block->levels[block->level_count - 1].modseq == modseq) {
		seen_set_bit(block->levels[block->level_count - 1].bits, at);
		return;
	}
	if (block->recent_count == SEEN_RECENT) {
		spill(block, modseq);
		seen_touch(block, uid, modseq);
		return;
	}
	after = block->recent_count++ - i;
	memmove(&block->recent[i + 1], &block->recent[i], after * sizeof(block->recent[0]));
	memmove(&block->recent_modseq[i + 1], &block->recent_modseq[i], after * sizeof(block->recent_modseq[0]));
	block->recent[i] = (uint16_t)at;
	block->recent_modseq[i] = modseq;
}

uint64_t seen_modseq_max(const struct seen_block *block)
{
	uint64_t max = block->level_count ? block->levels[block->level_count - 1].modseq : 0;

	for (uint32_t i = 0; i < block->recent_count; i++)
		max = block->recent_modseq[i] > max ? block->recent_modseq[i] : max;
	return max;
}

void seen_changed(const struct seen_block *block, uint64_t modseq, uint64_t bits[SEEN_WORDS])
{
	for (uint32_t i = block->level_count; i > 0 && block->levels[i - 1].modseq > modseq; i--)
		for (uint32_t j = 0; j < SEEN_WORDS; j++)
			bits[j] |= block->levels[i - 1].bits[j];
	for (uint32_t i = 0; i < block->recent_count; i++)
		if (block->recent_modseq[i] > modseq)
			seen_set_bit(bits, block->recent[i]);
}
