/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry points that module.c hands to the host. */
#ifndef HF_MODULE_LMTP_SESSION_H
#define HF_MODULE_LMTP_SESSION_H

#include "module/lmtp/lmtp.h"

enum hf_status lmtp_session_open(struct hf_conn *conn);
unsigned lmtp_session_step(struct hf_conn *conn, unsigned events);
void lmtp_session_close(struct hf_conn *conn);

#endif
