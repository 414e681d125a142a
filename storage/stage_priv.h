/* SPDX-License-Identifier: BSD-2-Clause */
/* A stage from inside: what the operations that use one need of it. */
#ifndef HF_STORAGE_STAGE_PRIV_H
#define HF_STORAGE_STAGE_PRIV_H

#include "storage/batch.h"

/* Both after hf_stage_finish(). Payloads of the rows list and email for one recipient. */
void stage_list_payload(const struct hf_stage *stage, int64_t internaldate, struct hf_buf *out);
/* with_headers: the list row had no room for them (row_list_has_headers()). */
void stage_email_payload(const struct hf_stage *stage, struct hf_str prefix, bool with_headers, struct hf_buf *out);
/* Text signature for one recipient; `out` is empty. */
void stage_signature(const struct hf_stage *stage, struct hf_str prefix, struct hf_buf *out);
/* Message-IDs for the conversation, borrowed from the stage. */
size_t stage_thread_ids(const struct hf_stage *stage, struct hf_str ids[THREAD_IDS_MAX]);
/* What is not written yet, and part 0 with `refs`; the content is then no longer pending. */
enum hf_status stage_write_content(const struct hf_stage *stage, struct batch *batch, uint32_t refs);
/* That has happened and is committed: freeing the stage leaves the content alone. */
void stage_used(struct hf_stage *stage);
/* Octets that stage_write_content() will write. */
size_t stage_cost(const struct hf_stage *stage);
/* By which a repeated delivery is recognised; false when the content does not begin with a Received field. */
bool stage_hash(const struct hf_stage *stage, struct hf_str sender, uint8_t hash[32]);

#endif
