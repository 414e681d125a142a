/* SPDX-License-Identifier: BSD-2-Clause */
/* \Seen of users who are not the mailbox's owner: sets of UIDs, in blocks, and the modseqs of their changes. A UID that has been
 * expunged may stay in its block, where nobody looks for it any more: UIDs are never given twice.
 *
 * To such a user a message has the greater of two modseqs: that of its record, which is everybody's, and that of the last change
 * of his \Seen, which concerns nobody else. The modseqs of a block have bounded room: the newest changes are known one by one,
 * older ones by levels, sets of UIDs that share the modseq of the newest among them. So a modseq may rise when others are
 * changed (never above the last one that was given out), and no change is ever missed by who asks for those since an earlier one. */
#ifndef HF_STORAGE_SEEN_PRIV_H
#define HF_STORAGE_SEEN_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_BLOCK 8192u /* UIDs */
#define SEEN_WORDS (SEEN_BLOCK / 64)
#define SEEN_LEVELS 3u
#define SEEN_RECENT 64u

struct seen_level {
	uint64_t modseq;
	uint64_t bits[SEEN_WORDS];
};

struct seen_block {
	uint32_t number; /* UID / SEEN_BLOCK */
	uint64_t bits[SEEN_WORDS];
	/* Of changes: levels ascending by modseq, the recent ones after them and ascending by UID. */
	uint32_t level_count, recent_count;
	struct seen_level levels[SEEN_LEVELS];
	uint16_t recent[SEEN_RECENT]; /* UID % SEEN_BLOCK */
	uint64_t recent_modseq[SEEN_RECENT];
};

/* Of a set of UIDs, counted from the first of the block. */
static inline bool seen_bit(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> (at % 64) & 1;
}

static inline void seen_set_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << (at % 64);
}

static inline bool seen_has(const struct seen_block *block, uint32_t uid)
{
	return seen_bit(block->bits, uid % SEEN_BLOCK);
}

static inline void seen_set(struct seen_block *block, uint32_t uid, bool seen)
{
	uint64_t bit = UINT64_C(1) << (uid % 64), *word = &block->bits[uid % SEEN_BLOCK / 64];

	*word = seen ? *word | bit : *word & ~bit;
}

/* The last change of the UID in this block; 0: none. */
uint64_t seen_modseq(const struct seen_block *block, uint32_t uid);
/* The UID changes now; modseqs do not go back from call to call. */
void seen_touch(struct seen_block *block, uint32_t uid, uint64_t modseq);
uint64_t seen_modseq_max(const struct seen_block *block);
/* Into `bits`, which is zeroed: what has changed after modseq. */
void seen_changed(const struct seen_block *block, uint64_t modseq, uint64_t bits[SEEN_WORDS]);

/* A block as a batch leaves it. */
struct seen_change {
	struct seen_change *next; /* of the mailbox */
	uint64_t user;
	bool dirty; /* it has changed */
	struct seen_block block;
};

#endif
