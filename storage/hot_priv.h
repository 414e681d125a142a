/* SPDX-License-Identifier: BSD-2-Clause */
/* Things kept in memory because they will be asked for again, up to a number of octets: segments of facts (facts.c) and results
 * (memo.c). What is in it never changes: something newer takes the place of something older, and who holds a reference
 * may go on reading. Its lock is a leaf. */
#ifndef HF_STORAGE_HOT_PRIV_H
#define HF_STORAGE_HOT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hot;

struct hot_key {
	uint64_t mailbox;
	uint32_t what;  /* an enum hf_fact, or HOT_MEMO */
	uint32_t block; /* of UIDs; a hash of the memo's name */
};
#define HOT_MEMO UINT32_MAX

/* Embedded first in what is kept. The fields are the cache's. */
struct hot_item {
	struct hot_key key;
	size_t size; /* octets of the whole */
	uint32_t refs;
	bool listed;
	struct hot_item *chain, *newer, *older;
	void (*free)(struct hot_item *item);
};

struct hot *hot_new(uint64_t max);
void hot_free(struct hot **hot); /* nobody holds a reference */
void hot_set_max(struct hot *hot, uint64_t max);
uint64_t hot_max(struct hot *hot);
uint64_t hot_used(struct hot *hot);
/* With a reference for the caller, or NULL. */
struct hot_item *hot_get(struct hot *hot, const struct hot_key *key);
/* A new item, for which the caller gets a reference; it takes the place of the one with its key. It is not kept when room could be
 * made only by dropping others of its kind and mailbox: who goes through more than there is room for keeps a part of it. */
void hot_put(struct hot *hot, struct hot_item *item);
void hot_unref(struct hot *hot, struct hot_item *item); /* may be NULL */

#endif
