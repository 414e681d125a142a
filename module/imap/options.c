/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of the section "imap". The sample configuration and the manual page are made from these rows. */
#include <stddef.h>

#include "module/imap/imap.h"

#define KIB 1024
#define MIB (1024 * 1024)
#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

const struct hf_option imap_options[] = {
	{ "login_timeout", HF_OPT_DURATION, "60 s", SECOND, HOUR, NULL, "how long a client may take to log in",
	  offsetof(struct imap_settings, login_timeout), false },
	{ "idle_timeout", HF_OPT_DURATION, "30 min", SECOND, 24 * HOUR, NULL,
	  "after login, how long a client may send nothing (RFC 9051 asks for at least 30 min)",
	  offsetof(struct imap_settings, idle_timeout), false },
	{ "stall_timeout", HF_OPT_DURATION, "5 min", SECOND, HOUR, NULL,
	  "how long a client may leave a command unfinished, or replies unread",
	  offsetof(struct imap_settings, stall_timeout), false },
	{ "idle_keepalive", HF_OPT_DURATION, "4 min", 0, HOUR, NULL, "during IDLE, how often \"* OK Still here\" is sent; 0: never",
	  offsetof(struct imap_settings, idle_keepalive), false },
	{ "progress_interval", HF_OPT_DURATION, "10 s", 0, HOUR, NULL,
	  "how often a client is told that a long command is under way (RFC 9585); 0: never",
	  offsetof(struct imap_settings, progress_interval), false },
	{ "line_size_max", HF_OPT_SIZE, "64 KiB", 8 * KIB, MIB, NULL, "octets of a command without its literals",
	  offsetof(struct imap_settings, line_size_max), false },
	{ "literal_size_max", HF_OPT_SIZE, "64 KiB", 4 * KIB, MIB, NULL, "octets of a literal that is an argument",
	  offsetof(struct imap_settings, literal_size_max), false },
	{ "command_size_max", HF_OPT_SIZE, "1 MiB", 16 * KIB, 16 * MIB, NULL,
	  "octets of a command with its literals, messages not counted; before login at most 16 KiB",
	  offsetof(struct imap_settings, command_size_max), false },
	{ "metadata_size_max", HF_OPT_SIZE, "64 KiB", KIB, MIB, NULL,
	  "octets of the value of an annotation (RFC 5464); literal_size_max is a bound as well",
	  offsetof(struct imap_settings, metadata_size_max), false },
	{ "message_size_max", HF_OPT_SIZE, "64 MiB", KIB, (int64_t)2048 * MIB - 1, NULL, "octets of a message in APPEND",
	  offsetof(struct imap_settings, message_size_max), false },
	{ .name = "append_8bit_headers",
	  .type = HF_OPT_ENUM,
	  .fallback = "refuse",
	  .choices = "refuse|take",
	  .help = "8-bit octets in header fields, in APPEND, REPLACE and CATENATE of clients that have enabled neither UTF8=ACCEPT nor "
		  "IMAP4rev2: RFC 9755 wants them refused; \"take\" while old archives are moved in",
	  .offset = offsetof(struct imap_settings, append_8bit_headers) },
	{ "nesting_max", HF_OPT_INT, "100", 10, 1000, NULL, "depth of parentheses and of search keys",
	  offsetof(struct imap_settings, nesting_max), false },
	{ "bad_commands_max", HF_OPT_INT, "20", 1, 1000, NULL, "so many BAD answers in a row end a connection",
	  offsetof(struct imap_settings, bad_commands_max), false },
	{ NULL, HF_OPT_BOOL, NULL, 0, 0, NULL, NULL, 0, false },
};
