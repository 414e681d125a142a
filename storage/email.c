/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading rows `email` and `list`. */

#include "base/mem.h"
#include "storage/store_priv.h"

static enum hf_status damaged(struct hf_store *store, const char *what, uint64_t owner, uint64_t id)
{
	hf_error(&store->log, "%s damaged owner=%llu email=%llu", what, (unsigned long long)owner, (unsigned long long)id);
	return HF_ECORRUPT;
}

/* Strings are borrowed from the row. */
static enum hf_status fill_email(uint64_t owner, uint64_t id, struct hf_str in, struct hf_email *email)
{
	struct hf_str payload;
	struct row_email row;
	enum hf_status status = row_email_open(owner, id, in, &payload);

	*email = (struct hf_email){ .owner = owner, .id = id };
	if (status == HF_OK)
		status = row_email_decode(payload, &row);
	if (status != HF_OK)
		return status;
	email->content = row.content;
	email->prefix = row.prefix;
	email->size = row.prefix.size + row.content_size;
	email->header_size = row.prefix.size + row.header_size;
	email->bodystructure = row.bodystructure;
	email->split = row.split;
	email->headers = row.headers;
	email->encoded = row.message;
	return HF_OK;
}

enum hf_status hf_email_decode(struct hf_arena *arena, struct hf_email *email)
{
	return email->message.root ? HF_OK : hf_message_decode(arena, email->encoded, &email->message);
}

enum hf_status hf_email_get(struct hf_store *store, uint64_t owner, uint64_t id, struct hf_arena *arena,
			    struct hf_email *email)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_email(&key, owner, id);
	status = table_get(store->env, NULL, TABLE_EMAIL, &key, &value);
	if (status == HF_OK) {
		status = fill_email(owner, id, hf_arena_str(arena, hf_buf_str(&value)), email);
		if (status == HF_OK)
			status = hf_email_decode(arena, email);
		if (status != HF_OK)
			status = damaged(store, "email", owner, id);
	}
	hf_buf_fini(&value);
	return status;
}

/* In order of email id most reads are of the next row: those are served from a buffer filled in bulk. A jump reads the one
 * row; two rows close together in order begin a run. */

#define RUN_DISTANCE 16
#define RUN_BUFFER (128 * 1024)

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

struct hf_list_reader {
	struct row_reader rows;
	struct hf_str references[ROW_LIST_REFERENCES];
};

struct hf_email_reader {
	struct row_reader rows;
};

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

static enum hf_status read_row(struct row_reader *r, uint64_t email, struct hf_str *row)
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
		scan_open(&r->scan, r->store->env, r->table, &key, 8, RUN_BUFFER);
		r->running = true;
		return follow_run(r, email, row);
	}
	status = table_get(r->store->env, NULL, r->table, &key, &r->value);
	*row = hf_buf_str(&r->value);
	return status;
}

static void rows_init(struct row_reader *r, struct hf_store *store, unsigned table, uint64_t owner)
{
	r->store = store;
	r->table = table;
	r->owner = owner;
}

static void rows_fini(struct row_reader *r)
{
	end_run(r);
	hf_buf_fini(&r->value);
}

enum hf_status hf_list_reader_open(struct hf_store *store, uint64_t owner, struct hf_list_reader **reader)
{
	struct hf_list_reader *r = hf_alloc_zero(sizeof(*r));

	rows_init(&r->rows, store, TABLE_LIST, owner);
	*reader = r;
	return HF_OK;
}

enum hf_status hf_list_reader_get(struct hf_list_reader *r, uint64_t email, struct hf_list_row *row)
{
	struct hf_str in, payload;
	enum hf_status status = read_row(&r->rows, email, &in);

	if (status != HF_OK)
		return status;
	status = row_list_open(r->rows.owner, email, in, &payload);
	if (status == HF_OK)
		status = row_list_decode(payload, r->references, row);
	return status == HF_OK ? HF_OK : damaged(r->rows.store, "list row", r->rows.owner, email);
}

void hf_list_reader_close(struct hf_list_reader **reader)
{
	if (!*reader)
		return;
	rows_fini(&(*reader)->rows);
	hf_free(*reader);
	*reader = NULL;
}

enum hf_status hf_email_reader_open(struct hf_store *store, uint64_t owner, struct hf_email_reader **reader)
{
	struct hf_email_reader *r = hf_alloc_zero(sizeof(*r));

	rows_init(&r->rows, store, TABLE_EMAIL, owner);
	*reader = r;
	return HF_OK;
}

enum hf_status hf_email_reader_get(struct hf_email_reader *r, uint64_t id, struct hf_email *email)
{
	struct hf_str in;
	enum hf_status status = read_row(&r->rows, id, &in);

	if (status != HF_OK)
		return status;
	status = fill_email(r->rows.owner, id, in, email);
	return status == HF_OK ? HF_OK : damaged(r->rows.store, "email", r->rows.owner, id);
}

void hf_email_reader_close(struct hf_email_reader **reader)
{
	if (!*reader)
		return;
	rows_fini(&(*reader)->rows);
	hf_free(*reader);
	*reader = NULL;
}
