/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention from inside. */
#ifndef HF_STORAGE_RETENTION_PRIV_H
#define HF_STORAGE_RETENTION_PRIV_H

#include "storage/retention.h"
#include "storage/rows.h"

struct retention;

struct retention *retention_new(struct hf_store *store);
void retention_free(struct retention **retention);
/* Housekeeping thread: one step of bounded cost. Whether there was something to do. */
bool retention_step(struct hf_store *store);
/* A mailbox was made, renamed, brought back, or got another special use: flusher's role. */
void retention_news(struct hf_store *store, uint64_t mailbox);
/* It has got another time, or has none any more: the next run comes now. */
void retention_changed(struct hf_store *store, uint64_t mailbox);
/* Its own time: a row H. HF_ENONEXISTENT: it has none. */
enum hf_status retention_own(struct hf_store *store, uint64_t mailbox, uint32_t *s);

#endif
