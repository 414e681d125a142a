/* SPDX-License-Identifier: BSD-2-Clause */
/* Each second: free space, checkpoint, clean pages in advance, the next body file. */

#include "storage/store_priv.h"

void care_tick(struct hf_store *store)
{
	bool full = env_is_full(store->env);

	writer_set_full(store->writer, full);
	fault_at(FAULT_CHECKPOINT);
	/* With little room left, at once: what recovery would have to write is written while there is some. */
	(void)(env_checkpoint(store->env, full) == HF_OK); /* logged; tried again at the next tick */
	if (!full)
		env_trickle(store->env);
	ids_next_body(store);
}

enum hf_status hf_store_checkpoint(struct hf_store *store)
{
	fault_at(FAULT_CHECKPOINT);
	return env_checkpoint(store->env, true);
}

bool hf_store_is_full(struct hf_store *store)
{
	return writer_is_full(store->writer);
}
