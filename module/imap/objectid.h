/* SPDX-License-Identifier: BSD-2-Clause */
/* Object identifiers as clients see them, RFC 8474: a letter for the kind, then numbers in hexadecimal. Messages and threads
 * are numbered per owner, so their identifiers carry the owner too: "M2-1f"; mailboxes are not: "F1f". */
#ifndef HF_MODULE_IMAP_OBJECTID_H
#define HF_MODULE_IMAP_OBJECTID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define IMAP_OBJECTID_EMAIL 'M'
#define IMAP_OBJECTID_THREAD 'T'
#define IMAP_OBJECTID_MAILBOX 'F' /* owner 0 */

void imap_add_objectid(struct hf_buf *out, char kind, uint64_t owner, uint64_t id);
/* False: it is no identifier that we gave out (which is no error: it only matches nothing). */
bool imap_objectid_read(struct hf_str text, char kind, uint64_t *owner, uint64_t *id);
/* Whether the text could be an identifier of anyone's: 1 to 255 letters, digits, "_" and "-" (RFC 8474 §7). */
bool imap_objectid_is_valid(struct hf_str text);

#endif
