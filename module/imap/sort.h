/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting messages in order by criteria: RFC 5256 §3 (SORT), RFC 5957 (DISPLAYFROM, DISPLAYTO). Used by SORT and by THREAD. */
#ifndef HF_MODULE_IMAP_SORT_H
#define HF_MODULE_IMAP_SORT_H

#include "module/imap/match_rows.h"
#include "module/imap/merge_sort.h"
#include "storage/facts.h"

enum sort_key {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_DISPLAYFROM,
	SORT_DISPLAYTO,
	SORT_FROM,
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO,
	SORT_KEY_COUNT
};

struct sort_criterion {
	enum sort_key key;
	bool reverse;
};

/* A key that comes a second time decides nothing, and is dropped. */
struct sort_criteria {
	struct sort_criterion list[SORT_KEY_COUNT];
	size_t count;
};

/* Takes "(REVERSE DATE SUBJECT)". */
enum hf_status sort_criteria_parse(struct imap_parser *p, struct sort_criteria *criteria);

union sort_value {
	int64_t number;
	struct hf_str text; /* folded */
};

struct sort_run {
	const struct sort_criteria *criteria;
	struct match_rows rows;
	bool gathered;
	uint32_t *seqs;                            /* by index: ascending sequence numbers */
	union sort_value *columns[SORT_KEY_COUNT]; /* by criterion, then by index */
	size_t count, capacity;
	struct hf_arena *texts;
	struct merge_sort sort;                    /* its items: the result, by index */
	struct hf_facts *facts[SORT_KEY_COUNT];    /* by criterion */
	/* The order of all messages is kept (storage/facts.h), for this view's messages and criteria. */
	struct hf_memo *memo;
	const uint32_t *order;                     /* sequence numbers in order; NULL: by sort.items */
	uint32_t *picked;                          /* those of the memo's that match */
	size_t at;                                 /* in the memo */
};

void sort_run_init(struct sort_run *run, struct imap_cmd *cmd, const struct sort_criteria *criteria,
		   const struct hf_set *matches);
/* A bounded piece of work. HF_OK: the result stands in sort.items; HF_ELIMIT: the keys are too large to hold. */
enum hf_status sort_run_next(struct sort_run *run);
void sort_run_fini(struct sort_run *run);
/* HF_OK, or why some message could not be read (it counts as having no header). */
enum hf_status sort_run_failed(const struct sort_run *run);
/* The message in place `at`, from 0. */
static inline uint32_t sort_run_seq(const struct sort_run *run, size_t at)
{
	return run->order ? run->order[at] : run->seqs[run->sort.items[at].index];
}

#endif
