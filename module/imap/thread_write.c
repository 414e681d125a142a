/* SPDX-License-Identifier: BSD-2-Clause */
/* The THREAD response: RFC 5256 §4 and §5 (thread-data). A thread is written going down while there is one child; where there are
 * several, each is a list of its own. The place is a node, so that the writing goes on where it stopped. */
#include "module/imap/thread.h"

#define WRITE_BATCH 2048 /* nodes of one call */

void thread_writer_init(struct thread_writer *writer, const struct thread_run *run)
{
	writer->node = run->first_root;
}

static bool is_one_of_several(const struct thread_run *run, uint32_t node)
{
	uint32_t parent = run->nodes[node].parent;

	return parent == THREAD_NONE || run->nodes[parent].child != run->nodes[parent].last;
}

/* Behind a node without children: closes what ends here. Returns the node that comes next. */
static uint32_t climb(const struct thread_run *run, uint32_t node, struct hf_buf *out)
{
	for (; node != THREAD_NONE; node = run->nodes[node].parent) {
		if (!is_one_of_several(run, node))
			continue;
		hf_buf_add_char(out, ')');
		if (run->nodes[node].next != THREAD_NONE)
			return run->nodes[node].next;
	}
	return THREAD_NONE;
}

bool thread_writer_next(struct thread_writer *writer, const struct thread_run *run, const struct hf_view *view, struct hf_buf *out)
{
	unsigned budget = WRITE_BATCH;

	for (; budget && writer->node != THREAD_NONE; budget--) {
		const struct thread_node *node = &run->nodes[writer->node];

		if (is_one_of_several(run, writer->node))
			hf_buf_add_char(out, '(');
		if (node->message != THREAD_NONE) {
			uint32_t seq = run->messages[node->message].seq;

			hf_buf_add_u64(out, view ? hf_view_uid(view, HF_SEQ(seq)).n : seq);
			if (node->child != THREAD_NONE)
				hf_buf_add_char(out, ' ');
		}
		writer->node = node->child != THREAD_NONE ? node->child : climb(run, writer->node, out);
	}
	return writer->node == THREAD_NONE;
}
