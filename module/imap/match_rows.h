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
	bool wants_list;
	struct hf_list_reader *reader;
	enum hf_status failed;         /* HF_OK, or why a row could not be read */
};

struct match_row {
	struct hf_seq seq;
	const struct hf_record *record;
	const struct hf_list_row *list; /* until the next one; NULL: not wanted, or damaged (logged, see failed) */
	struct hf_list_row row;
};

void match_rows_init(struct match_rows *rows, struct imap_cmd *cmd, const struct hf_set *matches, bool wants_list);
void match_rows_fini(struct match_rows *rows);
/* Ascending by sequence number; false at the end. */
bool match_rows_next(struct match_rows *rows, struct match_row *row);

#endif
