/* SPDX-License-Identifier: BSD-2-Clause */
/* Relative IMAP URLs of messages and their parts. RFC 5092 §6, §7; PARTIAL: §6 and RFC 5550. */
#ifndef HF_MODULE_IMAP_URL_H
#define HF_MODULE_IMAP_URL_H

#include "module/imap/imap.h"

struct imap_url {
	struct hf_str mailbox; /* UTF-8, checked; data NULL: the selected one */
	uint32_t uidvalidity;  /* 0: not given */
	struct hf_uid uid;
	struct hf_str section;  /* decoded, as between the brackets of BODY[]; empty: the message */
	uint64_t offset, count; /* octets of that; count UINT64_MAX: to the end */
};

/* "[/mailbox[;UIDVALIDITY=n]/];UID=n[/;SECTION=s][/;PARTIAL=offset[.count]]". False: anything
 * else, also a URL with a server. */
bool imap_url_parse(struct hf_str text, struct hf_arena *arena, struct imap_url *url);
/* As a response code may hold it: what does not fit in is percent-encoded. */
void imap_url_add(struct hf_buf *out, struct hf_str text);

#endif
