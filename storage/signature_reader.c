/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading text signatures. */

#include "base/mem.h"
#include "storage/row_reader.h"
#include "storage/signature.h"

struct hf_text_signature_reader {
	struct row_reader rows;
};

enum hf_status hf_text_signature_reader_open(struct hf_store *store, uint64_t owner,
					     struct hf_text_signature_reader **reader)
{
	struct hf_text_signature_reader *r = hf_alloc_zero(sizeof(*r));

	row_reader_init(&r->rows, store, TABLE_FTS, owner);
	*reader = r;
	return HF_OK;
}

enum hf_status text_signature_payload(struct hf_text_signature_reader *r, uint64_t email, struct hf_str *payload)
{
	struct hf_str in;
	enum hf_status status = row_reader_get(&r->rows, email, &in);

	return status == HF_OK ? row_fts_open(r->rows.owner, email, in, payload) : status;
}

enum hf_status hf_text_signature_reader_get(struct hf_text_signature_reader *r, uint64_t email,
					    struct hf_text_signature *signature)
{
	struct hf_str payload;
	enum hf_status status = text_signature_payload(r, email, &payload);

	if (status == HF_OK)
		status = signature_decode(payload, signature);
	if (status == HF_ECORRUPT)
		hf_error(&r->rows.store->log, "signature damaged owner=%llu email=%llu",
			 (unsigned long long)r->rows.owner, (unsigned long long)email);
	return status;
}

void hf_text_signature_reader_close(struct hf_text_signature_reader **reader)
{
	if (!*reader)
		return;
	row_reader_fini(&(*reader)->rows);
	hf_free(*reader);
	*reader = NULL;
}
