/* SPDX-License-Identifier: BSD-2-Clause */
/* What THREAD=REFS takes from THREAD=REFERENCES. */
#ifndef HF_MODULE_IMAP_THREAD_PRIV_H
#define HF_MODULE_IMAP_THREAD_PRIV_H

#include "module/imap/thread.h"

/* Step 1 for one message. */
bool thread_references_add(struct thread_run *run, uint32_t message, const uint64_t *words, size_t count);
/* Steps 2 and 3: node parents are final but for subjects. */
void thread_references_prune(struct thread_run *run);
/* Step 6: children and roots, in order of sent date. */
void thread_references_list(struct thread_run *run);

#endif
