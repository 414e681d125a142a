/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of one account by email id. In order of email id most reads are of the next row: those are served from a buffer filled
 * in bulk. A jump reads the one row; two rows close together in order begin a run. */
#ifndef HF_STORAGE_ROW_READER_H
#define HF_STORAGE_ROW_READER_H

#include "storage/store_priv.h"

struct row_reader {
	struct hf_store *store;
	unsigned table;
	uint64_t owner, last;
	struct hf_buf value;
	struct scan scan;
	bool running;
	uint64_t run_email;  /* the row at hand in the run, 0: none */
	struct hf_str run_row;
};

void row_reader_init(struct row_reader *r, struct hf_store *store, unsigned table, uint64_t owner);
/* Borrowed until the next get. HF_ENONEXISTENT, HF_EIO */
enum hf_status row_reader_get(struct row_reader *r, uint64_t email, struct hf_str *row);
void row_reader_fini(struct row_reader *r);

#endif
