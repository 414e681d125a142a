/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/str.h"
#include "storage/fault.h"

static const char *const names[FAULT_COUNT] = {
	[FAULT_OP_APPLIED] = "op.applied",           [FAULT_BATCH_COMMITTED] = "batch.committed",
	[FAULT_BATCH_FLUSHED] = "batch.flushed",     [FAULT_BATCH_PUBLISHED] = "batch.published",
	[FAULT_STAGE_CHUNK] = "stage.chunk",         [FAULT_CHECKPOINT] = "checkpoint",
	[FAULT_COPY_PIECE] = "copy.piece",
	[FAULT_RESTORE_PIECE] = "restore.piece",
};

static struct {
	pthread_mutex_t lock;
	enum fault armed HF_GUARDED_BY(lock); /* FAULT_COUNT: none */
	unsigned left HF_GUARDED_BY(lock);
} state = { PTHREAD_MUTEX_INITIALIZER, FAULT_COUNT, 0 };

void fault_setup(void)
{
	const char *text = getenv("HOLDFAST_FAULT");
	struct hf_str rest = hf_str(text), name;
	uint64_t count = 1;

	if (!text)
		return;
	name = hf_str_split(&rest, ':');
	if (rest.size && !hf_str_u64(rest, 1000000000, &count))
		return;
	pthread_mutex_lock(&state.lock);
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		if (hf_str_eq(name, hf_str(names[i]))) {
			state.armed = (enum fault)i;
			state.left = (unsigned)count;
		}
	}
	pthread_mutex_unlock(&state.lock);
}

void fault_at(enum fault fault)
{
	pthread_mutex_lock(&state.lock);
	if (state.armed == fault && --state.left == 0)
		_exit(86);
	pthread_mutex_unlock(&state.lock);
}
