/* SPDX-License-Identifier: BSD-2-Clause */
/* Heap allocation that ends the process rather than return NULL. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void *hf_alloc(size_t size)
{
	void *ptr = malloc(size ? size : 1);

	if (HF_UNLIKELY(!ptr))
		hf_out_of_memory(size);
	return ptr;
}

void *hf_alloc_zero(size_t size)
{
	void *ptr = calloc(1, size ? size : 1);

	if (HF_UNLIKELY(!ptr))
		hf_out_of_memory(size);
	return ptr;
}

void *hf_realloc(void *ptr, size_t size)
{
	void *grown = realloc(ptr, size ? size : 1);

	if (HF_UNLIKELY(!grown))
		hf_out_of_memory(size);
	return grown;
}

void *hf_realloc_array(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		hf_out_of_memory(SIZE_MAX);
	return hf_realloc(ptr, total);
}

void *hf_memdup(const void *data, size_t size)
{
	void *copy = hf_alloc(size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *hf_strdup(const char *s)
{
	return hf_memdup(s, strlen(s) + 1);
}

char *hf_strndup(const char *s, size_t size)
{
	char *copy;

	if (size == SIZE_MAX)
		hf_out_of_memory(size);
	copy = hf_alloc(size + 1);
	if (size)
		memcpy(copy, s, size);
	copy[size] = '\0';
	return copy;
}

void hf_free(void *ptr)
{
	free(ptr);
}

void hf_free_secret(void *ptr, size_t size)
{
	hf_wipe(ptr, size);
	free(ptr);
}

void hf_wipe(void *ptr, size_t size)
{
	if (ptr)
		explicit_bzero(ptr, size);
}
