/* SPDX-License-Identifier: BSD-2-Clause */
/* The two ways the process ends on purpose: a bug found, memory gone. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void hf_assert_failed(const char *cond, const char *file, int line, const char *func)
{
	hf_critical(NULL, "assert file=%s line=%d function=%s condition=%s", file, line, func,
		    hf_log_quote(hf_str(cond)));
	abort();
}

/* The log formats into the stack and allocates nothing, so it can say this too. */
void hf_out_of_memory(size_t size)
{
	hf_critical(NULL, "out-of-memory size=%zu", size);
	abort();
}
