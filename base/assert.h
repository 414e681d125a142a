/* SPDX-License-Identifier: BSD-2-Clause */
/* Asserts state what must hold; they stay on in release builds. Nothing that a
 * client sends may trip one. */
#ifndef HF_BASE_ASSERT_H
#define HF_BASE_ASSERT_H

#include <stddef.h>

#include "base/compiler.h"

#define hf_assert(cond) \
	((cond) ? (void)0 : hf_assert_failed(#cond, __FILE__, __LINE__, __func__))

/* Logs at level critical and aborts. */
HF_API HF_NORETURN void hf_assert_failed(const char *cond, const char *file, int line,
					  const char *func);
/* Running out of memory is fatal: sizes that a client chooses are limited first. */
HF_API HF_NORETURN void hf_out_of_memory(size_t size);

#endif
