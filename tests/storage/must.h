/* SPDX-License-Identifier: BSD-2-Clause */
/* ck_assert() reports to the parent each time; must() only when it fails, for inner loops, and from
 * any thread. */
#ifndef HF_TESTS_STORAGE_MUST_H
#define HF_TESTS_STORAGE_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

static inline void must_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, cond);
	abort();
}

#endif
