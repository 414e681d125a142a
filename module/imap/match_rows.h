/* SPDX-License-Identifier: BSD-2-Clause */
/* Walking the messages that a search found: each with its record, and its list row where one is wanted. What SORT and THREAD
 * read; nothing else of a message is. */
#ifndef HF_MODULE_IMAP_MATCH_ROWS_H
#define HF_MODULE_IMAP_MATCH_ROWS_H

#include "module/imap/imap.h"

#define MATCH_READ_AHEAD 256

struct match_rows {
	struct imap_cmd *cmd;
	const struct hf_set *matches;  /* sequence numbers */
	size_t range;
	uint32_t next;                 /* in the range; 0: begin it */
	struct hf_record *records;
	uint32_t record_first, record_count;
	struct hf_list_reader *reader;
	enum hf_status failed;         /* HF_OK, or why a row could not be read */
};

struct match_row {
	struct hf_seq seq;
	const struct hf_record *record;
	const struct hf_list_row *list; /* match_rows_list() sets it; until the next one. NULL: not asked for, or damaged */
	struct hf_list_row row;
};

void match_rows_init(struct match_rows *rows, struct imap_cmd *cmd, const struct hf_set *matches);
void match_rows_fini(struct match_rows *rows);
/* Ascending by sequence number; false at the end. */
bool match_rows_next(struct match_rows *rows, struct match_row *row);
/* Reads the list row of that message; NULL when it is damaged (logged, see failed). */
const struct hf_list_row *match_rows_list(struct match_rows *rows, struct match_row *row);
/* Whether nearly all messages of the view are walked over: then it pays to have facts of all in memory. */
bool match_rows_are_most(const struct match_rows *rows);
/* Whether all are. */
bool match_rows_are_all(const struct match_rows *rows);

#endif
