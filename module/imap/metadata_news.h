/* SPDX-License-Identifier: BSD-2-Clause */
/* News of annotations: after ENABLE METADATA (RFC 5464 §4.4.2), or by NOTIFY (RFC 5465 §5.6, §5.7). */
#ifndef HF_MODULE_IMAP_METADATA_NEWS_H
#define HF_MODULE_IMAP_METADATA_NEWS_H

#include "module/imap/imap.h"

/* Begins or ends to collect them, as ENABLE and NOTIFY have it now. */
void imap_metadata_rewatch(struct imap_session *session);
void imap_metadata_unwatch(struct imap_session *session);
/* Tells what has come: names of entries, not values. */
void imap_metadata_tell(struct imap_session *session);
/* For hf_annotate: this session hears nothing of what it changes itself. */
uint64_t imap_metadata_origin(const struct imap_session *session);

#endif
