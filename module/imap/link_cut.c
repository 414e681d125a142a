/* SPDX-License-Identifier: BSD-2-Clause */
/* Link-cut trees. Each path is a splay tree ordered by depth, its leftmost node being the highest; the parent of a splay tree's
 * root, which does not know it as a child, is the node above the path. */
#include "module/imap/link_cut.h"

#include <stdbool.h>

#include "base/assert.h"
#include "base/mem.h"

#define NONE LINK_CUT_NONE

void link_cut_fini(struct link_cut *forest)
{
	hf_free(forest->nodes);
	*forest = (struct link_cut){ NULL, 0, 0 };
}

uint32_t link_cut_add(struct link_cut *forest)
{
	if (forest->count == forest->capacity) {
		forest->capacity = forest->capacity ? forest->capacity * 2 : 256;
		forest->nodes = hf_realloc_array(forest->nodes, forest->capacity, sizeof *forest->nodes);
	}
	hf_assert(forest->count < NONE);
	forest->nodes[forest->count] = (struct link_cut_node){ NONE, NONE, NONE };
	return (uint32_t)forest->count++;
}

static bool is_top(const struct link_cut_node *t, uint32_t x)
{
	uint32_t parent = t[x].parent;

	return parent == NONE || (t[parent].left != x && t[parent].right != x);
}

static void rotate(struct link_cut_node *t, uint32_t x)
{
	uint32_t p = t[x].parent, g = t[p].parent, child;
	bool p_top = is_top(t, p);

	if (t[p].left == x) {
		child = t[x].right;
		t[p].left = child;
		t[x].right = p;
	} else {
		child = t[x].left;
		t[p].right = child;
		t[x].left = p;
	}
	if (child != NONE)
		t[child].parent = p;
	t[p].parent = x;
	t[x].parent = g;
	if (p_top)
		return;
	if (t[g].left == p)
		t[g].left = x;
	else
		t[g].right = x;
}

static void splay(struct link_cut_node *t, uint32_t x)
{
	while (!is_top(t, x)) {
		uint32_t p = t[x].parent;

		if (!is_top(t, p)) {
			uint32_t g = t[p].parent;

			rotate(t, (t[g].left == p) == (t[p].left == x) ? p : x);
		}
		rotate(t, x);
	}
}

/* Makes the path from the root down to x one splay tree with x on top, and nothing below x on it. */
static void expose(struct link_cut_node *t, uint32_t x)
{
	uint32_t below = NONE, at;

	for (at = x; at != NONE; at = t[at].parent) {
		splay(t, at);
		t[at].right = below;
		below = at;
	}
	splay(t, x);
}

uint32_t link_cut_root(struct link_cut *forest, uint32_t node)
{
	struct link_cut_node *t = forest->nodes;

	expose(t, node);
	while (t[node].left != NONE)
		node = t[node].left;
	splay(t, node); /* pays for the walk */
	return node;
}

void link_cut_link(struct link_cut *forest, uint32_t node, uint32_t parent)
{
	struct link_cut_node *t = forest->nodes;

	expose(t, node);
	hf_assert(t[node].left == NONE);
	t[node].parent = parent;
}

void link_cut_cut(struct link_cut *forest, uint32_t node)
{
	struct link_cut_node *t = forest->nodes;

	expose(t, node);
	hf_assert(t[node].left != NONE);
	t[t[node].left].parent = NONE;
	t[node].left = NONE;
}
