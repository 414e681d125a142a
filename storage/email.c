/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading rows `email` and `list`. */

#include "base/mem.h"
#include "storage/row_reader.h"

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
	email->has_nul = hf_message_encoded_has_nul(row.message);
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

struct hf_list_reader {
	struct row_reader rows;
	struct hf_str references[ROW_LIST_REFERENCES];
};

struct hf_email_reader {
	struct row_reader rows;
};

enum hf_status hf_list_reader_open(struct hf_store *store, uint64_t owner, struct hf_list_reader **reader)
{
	struct hf_list_reader *r = hf_alloc_zero(sizeof(*r));

	row_reader_init(&r->rows, store, TABLE_LIST, owner);
	*reader = r;
	return HF_OK;
}

enum hf_status hf_list_reader_get(struct hf_list_reader *r, uint64_t email, struct hf_list_row *row)
{
	struct hf_str in, payload;
	enum hf_status status = row_reader_get(&r->rows, email, &in);

	if (status != HF_OK)
		return status;
	status = row_list_open(r->rows.owner, email, in, &payload);
	if (status == HF_OK)
		status = row_list_decode(payload, r->references, row);
	return status == HF_OK ? HF_OK : damaged(r->rows.store, "list row", r->rows.owner, email);
}

int hf_list_field(struct hf_str name)
{
	static const struct hf_str names[] = {
		{ "From", 4 },	  { "To", 2 },		{ "Cc", 2 },	       { "Bcc", 3 },	     { "Subject", 7 }, { "Date", 4 },
		{ "Message-ID", 10 }, { "In-Reply-To", 11 }, { "References", 10 }, { "Reply-To", 8 }, { "Sender", 6 },
	};

	for (size_t i = 0; i < HF_COUNT(names); i++)
		if (hf_str_ieq(name, names[i]))
			return (int)i;
	return -1;
}

bool hf_list_has_field(struct hf_str name)
{
	return hf_list_field(name) >= 0;
}

void hf_list_reader_close(struct hf_list_reader **reader)
{
	if (!*reader)
		return;
	row_reader_fini(&(*reader)->rows);
	hf_free(*reader);
	*reader = NULL;
}

enum hf_status hf_email_reader_open(struct hf_store *store, uint64_t owner, struct hf_email_reader **reader)
{
	struct hf_email_reader *r = hf_alloc_zero(sizeof(*r));

	row_reader_init(&r->rows, store, TABLE_EMAIL, owner);
	*reader = r;
	return HF_OK;
}

enum hf_status hf_email_reader_get(struct hf_email_reader *r, uint64_t id, struct hf_email *email)
{
	struct hf_str in;
	enum hf_status status = row_reader_get(&r->rows, id, &in);

	if (status != HF_OK)
		return status;
	status = fill_email(r->rows.owner, id, in, email);
	return status == HF_OK ? HF_OK : damaged(r->rows.store, "email", r->rows.owner, id);
}

void hf_email_reader_close(struct hf_email_reader **reader)
{
	if (!*reader)
		return;
	row_reader_fini(&(*reader)->rows);
	hf_free(*reader);
	*reader = NULL;
}
