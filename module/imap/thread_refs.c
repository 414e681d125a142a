/* SPDX-License-Identifier: BSD-2-Clause */
/* THREAD=REFS (draft-ietf-morg-inthread): threads by References and In-Reply-To alone, as steps 1 to 3 of REFERENCES make them;
 * no joining by subject; the thread with the newest message, by internal date, comes last. */
#include "module/imap/thread_priv.h"

#include "base/mem.h"

/* The top of the thread of each node, by `anchors`: each node is walked over once. */
static uint32_t top_of(struct thread_run *run, uint32_t node)
{
	uint32_t at = node, found, above;

	while (run->anchors[at] == THREAD_NONE && run->nodes[at].parent != THREAD_NONE)
		at = run->nodes[at].parent;
	found = run->anchors[at] != THREAD_NONE ? run->anchors[at] : at;
	for (; node != at; node = above) {
		above = run->nodes[node].parent;
		run->anchors[node] = found;
	}
	return found;
}

static void rank_roots(struct thread_run *run)
{
	int64_t *newest = hf_alloc(run->node_count * sizeof *newest);
	uint32_t root;
	size_t i;

	run->anchors = hf_alloc(run->node_count * sizeof *run->anchors);
	for (i = 0; i < run->node_count; i++) {
		run->anchors[i] = THREAD_NONE;
		newest[i] = INT64_MIN;
	}
	for (i = 0; i < run->count; i++) {
		uint32_t top = top_of(run, run->messages[i].node);

		if (run->messages[i].arrived > newest[top])
			newest[top] = run->messages[i].arrived;
	}
	for (root = run->first_root; root != THREAD_NONE; root = run->nodes[root].next)
		merge_sort_add(&run->roots, merge_key(newest[root]), root);
	hf_free(newest);
}

static void relink_roots(struct thread_run *run)
{
	size_t i;

	run->first_root = run->last_root = THREAD_NONE;
	for (i = 0; i < run->roots.count; i++)
		thread_append(run, THREAD_NONE, run->roots.items[i].index);
}

static enum hf_status refs_build(struct thread_run *run)
{
	enum hf_status status;

	switch (run->stage) {
	case 0:
		thread_references_prune(run);
		break;
	case 1:
		thread_references_list(run);
		break;
	case 2:
		rank_roots(run);
		break;
	case 3:
		status = merge_sort_next(&run->roots);
		if (status != HF_OK)
			return status;
		break;
	default:
		relink_roots(run);
		return HF_OK;
	}
	run->stage++;
	return HF_MORE;
}

const struct thread_algorithm thread_refs = {
	.name = "REFS",
	.add = thread_references_add,
	.build = refs_build,
};
