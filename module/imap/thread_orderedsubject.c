/* SPDX-License-Identifier: BSD-2-Clause */
/* THREAD=ORDEREDSUBJECT, "poor man's threading": the messages of a subject are one thread, all but the first children of the first.
 * RFC 5256 §3. As threads and their messages are both in order of sent date, one pass in that order makes them. */
#include "module/imap/thread.h"

#define PASS 8192 /* messages of one step */

static bool orderedsubject_add(struct thread_run *run, uint32_t message, const uint64_t *words, size_t count)
{
	(void)words;
	(void)count;
	thread_node_add(run, message);
	return true;
}

static enum hf_status orderedsubject_build(struct thread_run *run)
{
	/* The empty subject is one as well: it is the same text. */
	static const uint64_t empty = 1;
	size_t end = run->stage + (size_t)PASS < run->count ? run->stage + (size_t)PASS : run->count;

	for (; run->stage < end; run->stage++) {
		const struct thread_message *message = &run->messages[run->by_date.items[run->stage].index];
		uint32_t *root = thread_table_find(&run->table, message->subject ? message->subject : empty);

		thread_append(run, *root, message->node);
		if (*root == THREAD_NONE)
			*root = message->node;
	}
	return run->stage < run->count ? HF_MORE : HF_OK;
}

const struct thread_algorithm thread_orderedsubject = {
	.name = "ORDEREDSUBJECT",
	.add = orderedsubject_add,
	.build = orderedsubject_build,
};
