/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of one account, one by one and in runs. */

#include "storage/row_reader.h"

#define RUN_DISTANCE 16
#define RUN_FIRST (8 * 1024) /* nobody knows how far a run goes: what is read ahead doubles */
#define RUN_BUFFER (128 * 1024)

static void end_run(struct row_reader *r)
{
	if (r->running)
		scan_close(&r->scan);
	r->running = false;
	r->run_email = 0;
}

/* Goes on in the run until `email` or past it. */
static enum hf_status follow_run(struct row_reader *r, uint64_t email, struct hf_str *row)
{
	while (r->run_email < email) {
		struct hf_str key;
		enum hf_status status = scan_next(&r->scan, &key, &r->run_row);

		if (status != HF_OK) {
			end_run(r);
			return status;
		}
		r->run_email = key_be64(key, 8);
	}
	if (r->run_email != email)
		return HF_ENONEXISTENT;
	*row = r->run_row;
	return HF_OK;
}

enum hf_status row_reader_get(struct row_reader *r, uint64_t email, struct hf_str *row)
{
	bool near = email > r->last && email - r->last <= RUN_DISTANCE && r->last;
	struct row_key key;
	enum hf_status status;

	r->last = email;
	key_email(&key, r->owner, email);
	if (r->running && email >= r->run_email && (near || email == r->run_email))
		return follow_run(r, email, row);
	end_run(r);
	if (near) {
		scan_open(&r->scan, r->store->env, r->table, &key, 8, RUN_FIRST);
		r->scan.buffer_max = RUN_BUFFER;
		r->running = true;
		return follow_run(r, email, row);
	}
	status = table_get(r->store->env, NULL, r->table, &key, &r->value);
	*row = hf_buf_str(&r->value);
	return status;
}

void row_reader_init(struct row_reader *r, struct hf_store *store, unsigned table, uint64_t owner)
{
	r->store = store;
	r->table = table;
	r->owner = owner;
}

void row_reader_fini(struct row_reader *r)
{
	end_run(r);
	hf_buf_fini(&r->value);
}
