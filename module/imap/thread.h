/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: the forest that an algorithm makes of the messages a search found. RFC 5256 §3. Nothing here recurses, whatever the depth of a
 * thread. */
#ifndef HF_MODULE_IMAP_THREAD_H
#define HF_MODULE_IMAP_THREAD_H

#include "module/imap/link_cut.h"
#include "module/imap/match_rows.h"
#include "module/imap/merge_sort.h"
#include "storage/facts.h"

#define THREAD_NONE UINT32_MAX

struct thread_message {
	uint32_t seq;
	uint32_t node;
	uint64_t subject;  /* keyed hash of the folded base subject; 0: it is empty */
	int64_t arrived;   /* internal date */
	bool is_reply;     /* or forward, by its subject */
};

struct thread_node {
	uint32_t parent;
	uint32_t child, last; /* children, first and last */
	uint32_t next;        /* sibling */
	uint32_t message;     /* THREAD_NONE: a dummy */
};

/* A hash to a number; hashes are keyed, so that clients cannot choose what falls together. */
struct thread_slot {
	uint64_t hash; /* 0: free */
	uint32_t value;
};
struct thread_table {
	struct thread_slot *slots;
	size_t count, capacity;
};
/* The value kept for the hash (not 0), THREAD_NONE at first. Valid until the next call. */
uint32_t *thread_table_find(struct thread_table *table, uint64_t hash);
void thread_table_fini(struct thread_table *table);

struct thread_run;

struct thread_algorithm {
	const char *name;
	/* A message, in order of sequence number, with its HF_FACT_THREAD words (none: its row is damaged); its entry in run->messages is there, its node is not. False: too large to hold. */
	bool (*add)(struct thread_run *run, uint32_t message, const uint64_t *words, size_t count);
	/* All are there, and run->by_date stands. A bounded piece of work; HF_OK: the forest is complete. */
	enum hf_status (*build)(struct thread_run *run);
};

extern const struct thread_algorithm thread_orderedsubject; /* RFC 5256 */
extern const struct thread_algorithm thread_references;     /* RFC 5256 */
extern const struct thread_algorithm thread_refs;           /* draft-ietf-morg-inthread: by references alone */

struct thread_run {
	const struct thread_algorithm *algorithm;
	struct match_rows rows;
	struct hf_facts *facts;
	bool gathered, ordered;
	struct thread_message *messages;
	size_t count, capacity;
	struct merge_sort by_date;  /* messages by sent date, then sequence number */
	/* The forest */
	struct thread_node *nodes;
	size_t node_count, node_capacity;
	uint32_t first_root, last_root;
	/* What the algorithms need on their way */
	unsigned stage;
	struct thread_table table;  /* message ids, then subjects */
	struct link_cut links;
	uint32_t *anchors;          /* by node */
	struct merge_sort roots;
};

const struct thread_algorithm *thread_algorithm_find(struct hf_str name);
void thread_run_init(struct thread_run *run, struct imap_cmd *cmd, const struct thread_algorithm *algorithm,
		     const struct hf_set *matches);
/* A bounded piece of work. HF_OK: the forest is complete; HF_ELIMIT: it is too large. */
enum hf_status thread_run_next(struct thread_run *run);
void thread_run_fini(struct thread_run *run);
/* One message more, in order of sequence number; thread_run_next() does it. False: too large to hold. */
bool thread_run_add(struct thread_run *run, const struct match_row *row, const uint64_t *words, size_t count);

/* For algorithms */
uint32_t thread_node_add(struct thread_run *run, uint32_t message);
/* As the last child of `parent`; THREAD_NONE: as the last root. */
void thread_append(struct thread_run *run, uint32_t parent, uint32_t node);
static inline bool thread_is_dummy(const struct thread_run *run, uint32_t node)
{
	return run->nodes[node].message == THREAD_NONE;
}

/* thread_write.c: the forest as text, in pieces. */
struct thread_writer {
	uint32_t node;  /* to write next; THREAD_NONE: all is written */
};
void thread_writer_init(struct thread_writer *writer, const struct thread_run *run);
/* False: call again. With `view`, UIDs instead of sequence numbers. */
bool thread_writer_next(struct thread_writer *writer, const struct thread_run *run, const struct hf_view *view, struct hf_buf *out);

#endif
