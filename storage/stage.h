/* SPDX-License-Identifier: BSD-2-Clause */
/* hf_stage: a message on its way in. Takes the octets in pieces, parses and compresses alongside, and writes large content
 * ahead of the operation that makes it a message. What is not used leaves no trace, after a crash neither. */
#ifndef HF_STORAGE_STAGE_H
#define HF_STORAGE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"
#include "message/part.h"

struct hf_store;
struct hf_stage;

/* `room` is woken when a stage that answered HF_WAIT can take more. HF_EUNAVAILABLE: the store is full or stopping. */
HF_API enum hf_status hf_stage_new(struct hf_store *store, uint64_t size_max, struct hf_waiter *room, struct hf_stage **stage);
/* HF_OK; HF_WAIT: taken, but wait for `room` before the next piece; HF_ETOOBIG: past size_max (the rest may still be
 * fed and is dropped); HF_EUNAVAILABLE, HF_EIO. Errors stick. */
HF_API enum hf_status hf_stage_write(struct hf_stage *stage, struct hf_str piece);
/* The message is complete. HF_WAIT: woken later, call again. After HF_OK it can be given to an operation. */
HF_API enum hf_status hf_stage_finish(struct hf_stage *stage);
/* After finish, of a message whose command takes more before its operation: its content is written meanwhile, instead of waiting in
 * memory. */
HF_API void hf_stage_ahead(struct hf_stage *stage);
/* After finish: what the parser found; lives as long as the stage. */
HF_API const struct hf_message *hf_stage_message(const struct hf_stage *stage);
HF_API uint64_t hf_stage_size(const struct hf_stage *stage); /* octets taken so far */
/* Gives everything back, at any time. */
HF_API void hf_stage_free(struct hf_stage **stage);

#endif
