/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_source: bytes that are read when they are needed (stored content in an output queue). Reference counted;
 * the last unref calls free. Not for use by two threads at once. */
#ifndef HF_BASE_SOURCE_H
#define HF_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct hf_source {
	/* Reads up to `size` octets at `offset`; *got is 0 only at the end. HF_ECORRUPT or HF_EIO: the bytes cannot be
	 * had, and the connection that was promised them is ended. */
	enum hf_status (*read)(struct hf_source *source, uint64_t offset, void *to, size_t size, size_t *got);
	void (*free)(struct hf_source *source);
	unsigned refs; /* starts at 1; only the owner's thread touches it */
};

static inline struct hf_source *hf_source_ref(struct hf_source *source)
{
	source->refs++;
	return source;
}

static inline void hf_source_unref(struct hf_source **source)
{
	if (*source && --(*source)->refs == 0)
		(*source)->free(*source);
	*source = 0;
}

#endif
