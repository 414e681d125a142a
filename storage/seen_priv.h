/* SPDX-License-Identifier: BSD-2-Clause */
/* \Seen of users who are not the mailbox's owner: sets of UIDs, in blocks. A UID that has been expunged may stay in its block, where
 * nobody looks for it any more: UIDs are never given twice. */
#ifndef HF_STORAGE_SEEN_PRIV_H
#define HF_STORAGE_SEEN_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_BLOCK 8192u /* UIDs */

struct seen_block {
	uint32_t number; /* UID / SEEN_BLOCK */
	uint64_t bits[SEEN_BLOCK / 64];
};

static inline bool seen_has(const struct seen_block *block, uint32_t uid)
{
	return block->bits[uid % SEEN_BLOCK / 64] >> (uid % 64) & 1;
}

static inline void seen_set(struct seen_block *block, uint32_t uid, bool seen)
{
	uint64_t bit = UINT64_C(1) << (uid % 64), *word = &block->bits[uid % SEEN_BLOCK / 64];

	*word = seen ? *word | bit : *word & ~bit;
}

/* A block as a batch leaves it. */
struct seen_change {
	struct seen_change *next; /* of the mailbox */
	uint64_t user;
	bool dirty; /* it has changed */
	struct seen_block block;
};

#endif
