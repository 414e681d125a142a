/* SPDX-License-Identifier: BSD-2-Clause */
/* hf-deliver's parts: the LMTP client and the message on its way. */
#ifndef HF_TOOLS_HF_DELIVER_H
#define HF_TOOLS_HF_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"

struct deliver {
	const char *address; /* "unix:/path", "/path" or "host:port" */
	const char *sender;  /* empty: <> */
	char *const *recipients;
	size_t count;
	unsigned timeout_s; /* for each reply, and for each send to make progress */
};

/* hf_deliver_lmtp.c: one transaction. A sysexits code; reasons are on stderr. */
int deliver(const struct deliver *d, FILE *message);

/* hf_deliver_message.c: from a mail program's text to SMTP's form: line ends become CRLF, lines
 * that begin with a dot get another, a leading mbox "From " line is dropped, the last line is
 * ended. Takes any pieces. */
struct deliver_text {
	enum { TEXT_FIRST, TEXT_MBOX, TEXT_START, TEXT_LINE, TEXT_CR } state;
	struct hf_buf held; /* what may become "From " */
};
void deliver_text_add(struct deliver_text *text, struct hf_str piece, struct hf_buf *out);
void deliver_text_end(struct deliver_text *text, struct hf_buf *out); /* the final dot too */

#endif
