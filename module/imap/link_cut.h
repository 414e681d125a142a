/* SPDX-License-Identifier: BSD-2-Clause */
/* A forest whose trees are linked and cut, and that knows the root of every node: link-cut trees (Sleator and Tarjan), O(log n)
 * amortised for each call. So a loop is found at once, however deep a thread has become. Nodes are numbered from 0. */
#ifndef HF_MODULE_IMAP_LINK_CUT_H
#define HF_MODULE_IMAP_LINK_CUT_H

#include <stddef.h>
#include <stdint.h>

#define LINK_CUT_NONE UINT32_MAX

struct link_cut_node {
	uint32_t parent; /* in the splay tree, or the path above */
	uint32_t left, right;
};

struct link_cut {
	struct link_cut_node *nodes;
	size_t count, capacity;
};

void link_cut_fini(struct link_cut *forest);
uint32_t link_cut_add(struct link_cut *forest); /* a new tree of one node */
uint32_t link_cut_root(struct link_cut *forest, uint32_t node);
/* `node` is a root, of another tree than `parent`. */
void link_cut_link(struct link_cut *forest, uint32_t node, uint32_t parent);
/* Separates `node`, which is no root, from its parent. */
void link_cut_cut(struct link_cut *forest, uint32_t node);

#endif
