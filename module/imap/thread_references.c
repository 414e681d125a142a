/* SPDX-License-Identifier: BSD-2-Clause */
/* THREAD=REFERENCES: RFC 5256 §3, steps 1 to 6. THREAD=REFS takes steps 1 to 3 from here (thread_refs.c).
 *
 * Nodes know only their parents until the end; children are listed in one pass over the messages in order of sent date, which
 * sorts every set of siblings by itself. Loops are found by a forest that knows its roots (link_cut.c): a node that is to get a
 * parent has none at that moment, so it would become its own ancestor exactly when it is the root above that parent. */
#include "module/imap/thread_priv.h"

#include "base/mem.h"

/* Step 1 ------------------------------------------------------------------------------------------------------------- */

static uint32_t new_node(struct thread_run *run, uint32_t message)
{
	link_cut_add(&run->links);
	return thread_node_add(run, message);
}

/* The node of a message id, a dummy when there was none. */
static uint32_t node_of_id(struct thread_run *run, uint64_t id)
{
	uint32_t *node = thread_table_find(&run->table, id);

	if (*node == THREAD_NONE)
		*node = new_node(run, THREAD_NONE);
	return *node;
}

/* A message without an id, or with that of one before it, gets a node that nothing refers to. */
static uint32_t node_of_message(struct thread_run *run, uint32_t message, uint64_t id)
{
	uint32_t node;

	if (!id)
		return new_node(run, message);
	node = node_of_id(run, id);
	if (!thread_is_dummy(run, node))
		return new_node(run, message);
	run->nodes[node].message = message;
	run->messages[message].node = node;
	return node;
}

/* `node` has no parent. */
static void link_to(struct thread_run *run, uint32_t node, uint32_t parent)
{
	if (link_cut_root(&run->links, parent) == node)
		return; /* a loop */
	link_cut_link(&run->links, node, parent);
	run->nodes[node].parent = parent;
}

bool thread_references_add(struct thread_run *run, uint32_t message, const uint64_t *words, size_t count)
{
	uint32_t node = node_of_message(run, message, count ? words[HF_THREAD_ID] : 0);
	uint32_t last = THREAD_NONE;
	size_t i;

	for (i = HF_THREAD_REFERENCES; i < count; i++) { /* (A) */
		uint32_t next = node_of_id(run, words[i]);

		if (last != THREAD_NONE && run->nodes[next].parent == THREAD_NONE)
			link_to(run, next, last);
		last = next;
	}
	if (run->nodes[node].parent != THREAD_NONE) { /* (B) */
		link_cut_cut(&run->links, node);
		run->nodes[node].parent = THREAD_NONE;
	}
	if (last != THREAD_NONE)
		link_to(run, node, last);
	return true;
}

/* Steps 2 and 3 ------------------------------------------------------------------------------------------------------ */

/* The nearest message at the node or above it, or the dummy at the top when there is none. Each dummy is walked over once. */
static uint32_t anchor_of(struct thread_run *run, uint32_t node)
{
	uint32_t at = node, found, above;

	while (thread_is_dummy(run, at) && run->anchors[at] == THREAD_NONE && run->nodes[at].parent != THREAD_NONE)
		at = run->nodes[at].parent;
	found = thread_is_dummy(run, at) && run->anchors[at] != THREAD_NONE ? run->anchors[at] : at;
	for (; node != at; node = above) {
		above = run->nodes[node].parent;
		run->anchors[node] = found;
	}
	return found;
}

static bool is_crowd(const struct thread_run *run, uint32_t dummy)
{
	return run->nodes[dummy].child >= 2;
}

/* A dummy stays only as the top of several messages. Until the end of this, `child` of a dummy counts them, and the anchor
 * of a message is what becomes its parent. */
void thread_references_prune(struct thread_run *run)
{
	size_t i;

	link_cut_fini(&run->links); /* large, and done with */
	thread_table_fini(&run->table);
	run->anchors = hf_alloc(run->node_count * sizeof *run->anchors);
	for (i = 0; i < run->node_count; i++) {
		run->anchors[i] = THREAD_NONE;
		run->nodes[i].child = 0;
	}
	for (i = 0; i < run->count; i++) {
		uint32_t node = run->messages[i].node, parent = run->nodes[node].parent;

		if (parent == THREAD_NONE)
			continue;
		run->anchors[node] = anchor_of(run, parent);
		if (thread_is_dummy(run, run->anchors[node]))
			run->nodes[run->anchors[node]].child++;
	}
	for (i = 0; i < run->node_count; i++) {
		uint32_t parent = run->anchors[i];

		if (thread_is_dummy(run, (uint32_t)i) ||
		    (parent != THREAD_NONE && thread_is_dummy(run, parent) && !is_crowd(run, parent)))
			parent = THREAD_NONE;
		run->nodes[i].parent = parent;
	}
	for (i = 0; i < run->node_count; i++)
		run->nodes[i].child = THREAD_NONE;
	hf_free(run->anchors);
	run->anchors = NULL;
}

/* Steps 4 and 5 ------------------------------------------------------------------------------------------------------ */

static const struct thread_message *message_at(const struct thread_run *run, size_t at)
{
	return &run->messages[run->by_date.items[at].index];
}

/* Calls fn for each child of the root in order of sent date, with the message that stands for it: itself, or a dummy's first child. */
static void each_root(struct thread_run *run, void (*fn)(struct thread_run *run, uint32_t root, const struct thread_message *first))
{
	bool *seen = hf_alloc_zero((run->node_count + 1) * sizeof *seen);
	uint32_t *roots = hf_alloc((run->count + 1) * sizeof *roots);
	size_t i;

	/* Which they are is settled first: fn changes parents. */
	for (i = 0; i < run->count; i++) {
		uint32_t node = message_at(run, i)->node, parent = run->nodes[node].parent;

		roots[i] = parent == THREAD_NONE ? node : THREAD_NONE;
		if (parent != THREAD_NONE && thread_is_dummy(run, parent) && !seen[parent]) {
			roots[i] = parent;
			seen[parent] = true;
		}
	}
	for (i = 0; i < run->count; i++)
		if (roots[i] != THREAD_NONE)
			fn(run, roots[i], message_at(run, i));
	hf_free(roots);
	hf_free(seen);
}

static bool is_reply(const struct thread_run *run, uint32_t node)
{
	return !thread_is_dummy(run, node) && run->messages[run->nodes[node].message].is_reply;
}

/* 5 (B) */
static void note_subject(struct thread_run *run, uint32_t root, const struct thread_message *first)
{
	uint32_t *noted;

	if (!first->subject)
		return;
	noted = thread_table_find(&run->table, first->subject);
	if (*noted == THREAD_NONE || (!thread_is_dummy(run, *noted) && (thread_is_dummy(run, root) ||
									 (is_reply(run, *noted) && !is_reply(run, root)))))
		*noted = root;
}

/* 5 (C). A dummy whose children go to another keeps that one as its parent: thread_references_list() follows it. */
static void merge_subject(struct thread_run *run, uint32_t root, const struct thread_message *first)
{
	uint32_t *noted, other, dummy;

	if (!first->subject)
		return;
	noted = thread_table_find(&run->table, first->subject);
	other = *noted;
	if (other == root)
		return;
	if (thread_is_dummy(run, other) || (is_reply(run, root) && !is_reply(run, other))) {
		run->nodes[root].parent = other;
		return;
	}
	dummy = thread_node_add(run, THREAD_NONE);
	run->nodes[root].parent = dummy;
	run->nodes[other].parent = dummy;
	*noted = dummy;
}

/* Step 6 ------------------------------------------------------------------------------------------------------------- */

void thread_references_list(struct thread_run *run)
{
	size_t i;

	for (i = 0; i < run->count; i++) {
		uint32_t node = message_at(run, i)->node, parent = run->nodes[node].parent;

		while (parent != THREAD_NONE && thread_is_dummy(run, parent) && run->nodes[parent].parent != THREAD_NONE)
			parent = run->nodes[parent].parent;
		if (parent != THREAD_NONE && thread_is_dummy(run, parent) && run->nodes[parent].child == THREAD_NONE)
			thread_append(run, THREAD_NONE, parent);
		thread_append(run, parent, node);
	}
}

static enum hf_status references_build(struct thread_run *run)
{
	switch (run->stage++) {
	case 0:
		thread_references_prune(run);
		return HF_MORE;
	case 1:
		each_root(run, note_subject);
		return HF_MORE;
	case 2:
		each_root(run, merge_subject);
		return HF_MORE;
	default:
		thread_references_list(run);
		return HF_OK;
	}
}

const struct thread_algorithm thread_references = {
	.name = "REFERENCES",
	.add = thread_references_add,
	.build = references_build,
};
