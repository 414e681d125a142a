/* SPDX-License-Identifier: BSD-2-Clause */
/* Heap allocation that does not return NULL. */
#ifndef HF_BASE_MEM_H
#define HF_BASE_MEM_H

#include <stddef.h>

#include "base/compiler.h"

HF_API void *hf_alloc(size_t size);                 /* not initialised; size 0 gives a unique pointer */
HF_API void *hf_alloc_zero(size_t size);            /* zeroed */
HF_API void *hf_realloc(void *ptr, size_t size);
HF_API void *hf_realloc_array(void *ptr, size_t count, size_t size); /* aborts on overflow */
HF_API void *hf_memdup(const void *data, size_t size);
HF_API char *hf_strdup(const char *s);
HF_API char *hf_strndup(const char *s, size_t size); /* NUL-terminated copy */
HF_API void hf_free(void *ptr);                     /* accepts NULL */
/* Overwrites before freeing; for secrets. */
HF_API void hf_free_secret(void *ptr, size_t size);
HF_API void hf_wipe(void *ptr, size_t size);

#endif
