/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading rows `email` and `list`. */

#include "base/mem.h"
#include "storage/store_priv.h"

enum hf_status hf_email_get(struct hf_store *store, uint64_t owner, uint64_t id, struct hf_arena *arena,
			    struct hf_email *email)
{
	struct hf_buf value = HF_BUF_INIT;
	struct hf_str payload;
	struct row_email row;
	struct row_key key;
	enum hf_status status;

	key_email(&key, owner, id);
	status = table_get(store->env, NULL, TABLE_EMAIL, &key, &value);
	if (status == HF_OK) {
		status = row_email_open(owner, id, hf_buf_str(&value), &payload);
		if (status == HF_OK) {
			payload = hf_arena_str(arena, payload);
			status = row_email_decode(payload, &row);
		}
		*email = (struct hf_email){ .owner = owner, .id = id };
		if (status == HF_OK)
			status = hf_message_decode(arena, row.message, &email->message);
		if (status != HF_OK)
			hf_error(&store->log, "email damaged owner=%llu email=%llu", (unsigned long long)owner,
				 (unsigned long long)id);
	}
	hf_buf_fini(&value);
	if (status != HF_OK)
		return status;
	email->content = row.content;
	email->prefix = row.prefix;
	email->size = row.prefix.size + row.content_size;
	email->header_size = row.prefix.size + row.header_size;
	email->bodystructure = row.bodystructure;
	email->split = row.split;
	return HF_OK;
}

/* In order of email id most reads are of the next row: those are served from a buffer filled in bulk. A jump reads the one
 * row; two rows close together in order begin a run. */

#define RUN_DISTANCE 16
#define RUN_BUFFER (128 * 1024)

struct hf_list_reader {
	struct hf_store *store;
	uint64_t owner, last;
	struct hf_buf value;
	struct hf_str references[ROW_LIST_REFERENCES];
	struct scan scan;
	bool running;
	uint64_t run_email;  /* the row at hand in the run, 0: none */
	struct hf_str run_row;
};

enum hf_status hf_list_reader_open(struct hf_store *store, uint64_t owner, struct hf_list_reader **reader)
{
	struct hf_list_reader *r = hf_alloc_zero(sizeof(*r));

	r->store = store;
	r->owner = owner;
	*reader = r;
	return HF_OK;
}

static void end_run(struct hf_list_reader *r)
{
	if (r->running)
		scan_close(&r->scan);
	r->running = false;
	r->run_email = 0;
}

/* Goes on in the run until `email` or past it. */
static enum hf_status follow_run(struct hf_list_reader *r, uint64_t email, struct hf_str *row)
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

static enum hf_status read_row(struct hf_list_reader *r, uint64_t email, struct hf_str *row)
{
	bool near = email > r->last && email - r->last <= RUN_DISTANCE && r->last;
	struct row_key key;
	enum hf_status status;

	key_email(&key, r->owner, email);
	if (r->running && email >= r->run_email && (near || email == r->run_email))
		return follow_run(r, email, row);
	end_run(r);
	if (near) {
		scan_open(&r->scan, r->store->env, TABLE_LIST, &key, 8, RUN_BUFFER);
		r->running = true;
		return follow_run(r, email, row);
	}
	status = table_get(r->store->env, NULL, TABLE_LIST, &key, &r->value);
	*row = hf_buf_str(&r->value);
	return status;
}

enum hf_status hf_list_reader_get(struct hf_list_reader *r, uint64_t email, struct hf_list_row *row)
{
	struct hf_str in, payload;
	enum hf_status status = read_row(r, email, &in);

	r->last = email;
	if (status != HF_OK)
		return status;
	status = row_list_open(r->owner, email, in, &payload);
	if (status == HF_OK)
		status = row_list_decode(payload, r->references, row);
	if (status != HF_OK)
		hf_error(&r->store->log, "list row damaged owner=%llu email=%llu", (unsigned long long)r->owner,
			 (unsigned long long)email);
	return status;
}

void hf_list_reader_close(struct hf_list_reader **reader)
{
	if (!*reader)
		return;
	end_run(*reader);
	hf_buf_fini(&(*reader)->value);
	hf_free(*reader);
	*reader = NULL;
}
