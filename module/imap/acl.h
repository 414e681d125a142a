/* SPDX-License-Identifier: BSD-2-Clause */
/* What cmd_acl.c has for other commands. */
#ifndef HF_MODULE_IMAP_ACL_H
#define HF_MODULE_IMAP_ACL_H

#include "module/imap/mailbox.h"

/* One MYRIGHTS response. RFC 4314 §3.8, RFC 8440. */
void imap_acl_write_myrights(struct imap_session *session, struct hf_str name, uint32_t rights);

#endif
