/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings of the lmtp module: the section `lmtp` of the configuration file. */
#include <stddef.h>

#include "module/lmtp/lmtp.h"

#define AT(field) offsetof(struct lmtp_settings, field)

const struct hf_option lmtp_options[] = {
	{ .name = "message_size",
	  .type = HF_OPT_SIZE,
	  .fallback = "64 MiB",
	  .min = 1024,
	  .max = (int64_t)2 << 30,
	  .help = "largest message accepted; at least Postfix's message_size_limit, or it will bounce mail",
	  .offset = AT(message_size_max) },
	{ .name = "recipients",
	  .type = HF_OPT_INT,
	  .fallback = "1000",
	  .min = 1,
	  .max = 100000,
	  .help = "recipients of one message; further ones are answered 452 and tried again by the MTA",
	  .offset = AT(recipients_max) },
	{ .name = "delimiters",
	  .type = HF_OPT_STRING,
	  .fallback = "+",
	  .help = "characters that begin the mailbox in user+mailbox@domain; empty turns subaddressing off",
	  .offset = AT(delimiters) },
	{ .name = "domain",
	  .type = HF_OPT_ENUM,
	  .fallback = "fallback",
	  .choices = "keep|fallback|strip",
	  .help = "which account user@domain is: keep = the account user@domain; fallback = that one or else the account user; strip = "
		  "the account user",
	  .offset = AT(domain) },
	{ .name = "shared_recipient",
	  .type = HF_OPT_STRING,
	  .fallback = "shared",
	  .help = "local part that stands for the shared mailboxes where no account has that name: shared+Name@domain posts to the shared mailbox "
		  "Name if anyone may (right p); empty: no mail for shared mailboxes",
	  .offset = AT(shared_recipient) },
	{ .name = "timeout",
	  .type = HF_OPT_DURATION,
	  .fallback = "5 min",
	  .min = 1000,
	  .max = 3600 * 1000,
	  .help = "how long a client may be silent (RFC 5321 asks for 5 minutes)",
	  .offset = AT(command_timeout) },
	{ .name = "errors",
	  .type = HF_OPT_INT,
	  .fallback = "50",
	  .min = 1,
	  .max = 100000,
	  .help = "refused commands in a row before the session is ended; unknown recipients do not count",
	  .offset = AT(errors_max) },
	{ .name = "received",
	  .type = HF_OPT_BOOL,
	  .fallback = "true",
	  .help = "add a Received: line to each message",
	  .offset = AT(received) },
	{ .name = NULL },
};
