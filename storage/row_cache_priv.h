/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `meta` that the writer reads again and again, in memory. See row_cache.c. */
#ifndef HF_STORAGE_ROW_CACHE_PRIV_H
#define HF_STORAGE_ROW_CACHE_PRIV_H

#include "storage/rows.h"

struct row_cache;

struct row_cache *row_cache_new(void);
void row_cache_free(struct row_cache **cache);
void row_cache_clear(struct row_cache *cache);
/* Whether it keeps rows of such a key; the others are only called for those. */
bool row_cache_takes(const struct row_key *key);
/* False: it does not know. HF_OK, HF_ENONEXISTENT. */
bool row_cache_get(struct row_cache *cache, const struct row_key *key, struct hf_buf *row, enum hf_status *status);
/* NULL: there is none. */
void row_cache_set(struct row_cache *cache, const struct row_key *key, const struct hf_str *row);
void row_cache_drop(struct row_cache *cache, const struct row_key *key);

#endif
