/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_set: a sorted set of 32-bit numbers kept as ranges; UIDs or sequence numbers. Owned by whoever
 * declares it. RFC 9051 §9 sequence-set. */
#ifndef HF_BASE_SET_H
#define HF_BASE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/status.h"
#include "base/str.h"

struct hf_range {
	uint32_t first, last; /* inclusive, first <= last */
};

struct hf_set {
	struct hf_range *ranges; /* ascending, disjoint, not adjacent */
	size_t count;            /* ranges */
	size_t capacity;
};

#define HF_SET_INIT ((struct hf_set){ NULL, 0, 0 })

HF_API void hf_set_fini(struct hf_set *set);
HF_API void hf_set_clear(struct hf_set *set);
HF_API void hf_set_copy(struct hf_set *to, const struct hf_set *from);
/* Amortised O(1) at the upper end, O(ranges) elsewhere. */
HF_API void hf_set_add(struct hf_set *set, uint32_t n);
HF_API void hf_set_add_range(struct hf_set *set, uint32_t first, uint32_t last);
/* Adds many ranges in any order in O(n log n): what a parser uses for a hostile list. `ranges` is reordered. */
HF_API void hf_set_add_ranges(struct hf_set *set, struct hf_range *ranges, size_t count);
HF_API void hf_set_remove(struct hf_set *set, uint32_t n);
HF_API void hf_set_remove_range(struct hf_set *set, uint32_t first, uint32_t last);
HF_API void hf_set_union(struct hf_set *set, const struct hf_set *other);
HF_API void hf_set_intersect(struct hf_set *set, const struct hf_set *other);
HF_API void hf_set_subtract(struct hf_set *set, const struct hf_set *other);
HF_API bool hf_set_has(const struct hf_set *set, uint32_t n); /* O(log ranges) */
HF_API uint64_t hf_set_size(const struct hf_set *set);        /* how many numbers */
static inline bool hf_set_is_empty(const struct hf_set *set)
{
	return set->count == 0;
}
/* "1:3,5"; nothing for the empty set. */
HF_API void hf_set_format(const struct hf_set *set, struct hf_buf *out);
/* Parses "n", "n:m" in either order, "*", comma separated. `star` is the number that '*' stands for (0 in an empty
 * mailbox: '*' then stands for nothing, RFC 9051 §9 note 3 permits n:* to match none). HF_ESYNTAX, or HF_ELIMIT
 * when the text has more than `max_ranges` items. O(n log n). */
HF_API enum hf_status hf_set_parse(struct hf_str text, uint32_t star, size_t max_ranges,
				   struct hf_set *set);

/* Iterating numbers: for (hf_set_iter_init(&it, set); hf_set_iter_next(&it, &n);) */
struct hf_set_iter {
	const struct hf_set *set;
	size_t range;
	uint32_t next;
};
HF_API void hf_set_iter_init(struct hf_set_iter *it, const struct hf_set *set);
HF_API bool hf_set_iter_next(struct hf_set_iter *it, uint32_t *n);

#endif
