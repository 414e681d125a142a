/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations from inside: what batches, collectors and verification need of them. */
#ifndef HF_STORAGE_ANNOTATION_PRIV_H
#define HF_STORAGE_ANNOTATION_PRIV_H

#include "storage/annotation.h"
#include "storage/batch.h"

/* annotation.c: calls `tell` for each thing wrong. */
void annotation_verify(struct hf_store *store, void (*tell)(void *arg, const char *text), void *arg, const bool *stop);

/* op_annotate.c: parts of other operations */
/* The shared ones and the owner's go with RENAME INBOX to the new mailbox too (RFC 5464 §4.1), if there is room for them. */
enum hf_status annotations_copy(struct batch *batch, const struct batch_mailbox *from, uint64_t to);
/* Those of a mailbox that goes for good. HF_MORE: there are more. */
enum hf_status annotations_drop(struct batch *batch, uint64_t mailbox, uint64_t owner);
/* All that a user has in private goes. */
struct hf_op *op_annotations_forget_new(uint64_t user);
/* Its special use has been changed: that is the entry "/private/specialuse" of its owner (RFC 6154 §4). */
void annotations_use_changed(struct batch *batch, const struct batch_mailbox *mailbox, uint64_t origin);

/* annotation_news.c */
struct annotation_news *annotation_news_new(void);
void annotation_news_free(struct annotation_news **news);
/* Just before the commit of a batch that has changed annotations; and by the flusher. */
void annotation_committing(struct hf_store *store);
void annotation_publish(struct hf_store *store, const struct batch_annotation *changes);
/* Waits until what is committed is published, if annotations are in it. Not with a role. */
void annotation_settle(struct hf_store *store);

#endif
