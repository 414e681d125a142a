/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry of HF_FACT_TEXT: how a message's text begins. */
#ifndef HF_STORAGE_FACT_TEXT_H
#define HF_STORAGE_FACT_TEXT_H

#include "base/buf.h"
#include "storage/email.h"

/* What the texts of one pass are read with; zeroed at first. */
struct fact_text {
	struct hf_content *content;
	struct hf_arena *scratch;
	struct hf_buf utf8;
};

/* Adds the beginnings of the first text parts, decoded and folded, a NUL behind each. */
enum hf_status fact_text_add(struct fact_text *text, struct hf_store *store, struct hf_email *email, struct hf_buf *out);
void fact_text_fini(struct fact_text *text);

#endif
