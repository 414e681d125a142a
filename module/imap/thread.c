/* SPDX-License-Identifier: BSD-2-Clause */
/* What the threading algorithms share: gathering, the order by sent date, nodes, a hash table. */
#include "module/imap/thread.h"

#include "base/mem.h"

#define GATHER_BATCH 512
#define NODES_MAX ((size_t)8 << 20) /* with all that goes with a node: half a gigabyte */

static const struct thread_algorithm *const algorithms[] = { &thread_orderedsubject, &thread_references, &thread_refs };

const struct thread_algorithm *thread_algorithm_find(struct hf_str name)
{
	size_t i;

	for (i = 0; i < HF_COUNT(algorithms); i++)
		if (hf_str_ieq(name, hf_str(algorithms[i]->name)))
			return algorithms[i];
	return NULL;
}

/* The table ---------------------------------------------------------------------------------------------------------- */

static struct thread_slot *find_slot(const struct thread_table *table, uint64_t hash)
{
	size_t at = (size_t)hash & (table->capacity - 1);

	while (table->slots[at].hash && table->slots[at].hash != hash)
		at = (at + 1) & (table->capacity - 1);
	return &table->slots[at];
}

static void grow_table(struct thread_table *table)
{
	struct thread_table grown = { NULL, table->count, table->capacity ? table->capacity * 2 : 256 };
	size_t i;

	grown.slots = hf_alloc_zero(grown.capacity * sizeof *grown.slots);
	for (i = 0; i < table->capacity; i++)
		if (table->slots[i].hash)
			*find_slot(&grown, table->slots[i].hash) = table->slots[i];
	hf_free(table->slots);
	*table = grown;
}

uint32_t *thread_table_find(struct thread_table *table, uint64_t hash)
{
	struct thread_slot *slot;

	if (table->count * 4 >= table->capacity * 3)
		grow_table(table);
	slot = find_slot(table, hash);
	if (!slot->hash) {
		*slot = (struct thread_slot){ hash, THREAD_NONE };
		table->count++;
	}
	return &slot->value;
}

void thread_table_fini(struct thread_table *table)
{
	hf_free(table->slots);
	*table = (struct thread_table){ NULL, 0, 0 };
}

/* Nodes -------------------------------------------------------------------------------------------------------------- */

uint32_t thread_node_add(struct thread_run *run, uint32_t message)
{
	if (run->node_count == run->node_capacity) {
		run->node_capacity = run->node_capacity ? run->node_capacity * 2 : 256;
		run->nodes = hf_realloc_array(run->nodes, run->node_capacity, sizeof *run->nodes);
	}
	run->nodes[run->node_count] =
		(struct thread_node){ THREAD_NONE, THREAD_NONE, THREAD_NONE, THREAD_NONE, message };
	if (message != THREAD_NONE)
		run->messages[message].node = (uint32_t)run->node_count;
	return (uint32_t)run->node_count++;
}

void thread_append(struct thread_run *run, uint32_t parent, uint32_t node)
{
	uint32_t *first = parent == THREAD_NONE ? &run->first_root : &run->nodes[parent].child;
	uint32_t *last = parent == THREAD_NONE ? &run->last_root : &run->nodes[parent].last;

	run->nodes[node].parent = parent;
	run->nodes[node].next = THREAD_NONE;
	if (*first == THREAD_NONE)
		*first = node;
	else
		run->nodes[*last].next = node;
	*last = node;
}

/* The run ------------------------------------------------------------------------------------------------------------ */

void thread_run_init(struct thread_run *run, struct imap_cmd *cmd, const struct thread_algorithm *algorithm,
		     const struct hf_set *matches)
{
	*run = (struct thread_run){ .algorithm = algorithm, .first_root = THREAD_NONE, .last_root = THREAD_NONE };
	match_rows_init(&run->rows, cmd, matches);
	run->facts = hf_facts_open(cmd->session->store, cmd->session->view, HF_FACT_THREAD, match_rows_are_most(&run->rows));
}

void thread_run_fini(struct thread_run *run)
{
	if (!run->algorithm)
		return;
	match_rows_fini(&run->rows);
	hf_facts_close(&run->facts);
	merge_sort_fini(&run->by_date);
	merge_sort_fini(&run->roots);
	thread_table_fini(&run->table);
	link_cut_fini(&run->links);
	hf_free(run->anchors);
	hf_free(run->nodes);
	hf_free(run->messages);
	run->algorithm = NULL;
}

bool thread_run_add(struct thread_run *run, const struct match_row *row, const uint64_t *words, size_t count)
{
	struct thread_message *message;

	if (run->count == run->capacity) {
		run->capacity = run->capacity ? run->capacity * 2 : 256;
		run->messages = hf_realloc_array(run->messages, run->capacity, sizeof *run->messages);
	}
	message = &run->messages[run->count];
	*message = (struct thread_message){ .seq = row->seq.n, .node = THREAD_NONE, .arrived = row->record->internaldate };
	if (count) {
		message->subject = words[HF_THREAD_SUBJECT];
		message->is_reply = words[HF_THREAD_REPLY];
	}
	merge_sort_add(&run->by_date, merge_key(row->record->sent), (uint32_t)run->count);
	return run->algorithm->add(run, (uint32_t)run->count++, words, count) && run->node_count <= NODES_MAX;
}

/* False: too large to hold. */
static bool add_row(struct thread_run *run, struct match_row *row)
{
	uint64_t words[HF_THREAD_REFERENCES + HF_LIST_REFERENCES_MAX];
	const struct hf_list_row *list;
	struct hf_str fact;

	if (hf_facts_get(run->facts, row->record->uid, &fact)) /* aligned */
		return thread_run_add(run, row, (const uint64_t *)(const void *)fact.data, fact.size / sizeof *words);
	list = match_rows_list(&run->rows, row);
	return thread_run_add(run, row, words, list ? hf_fact_thread(list, words) : 0);
}

enum hf_status thread_run_next(struct thread_run *run)
{
	unsigned budget = GATHER_BATCH;
	struct match_row row;
	enum hf_status status;

	for (; !run->gathered && budget; budget--) {
		if (!match_rows_next(&run->rows, &row))
			run->gathered = true;
		else if (!add_row(run, &row))
			return HF_ELIMIT;
	}
	if (!run->gathered)
		return HF_MORE;
	if (!run->ordered) {
		status = merge_sort_next(&run->by_date);
		run->ordered = status == HF_OK;
		return run->ordered ? HF_MORE : status;
	}
	return run->algorithm->build(run);
}
