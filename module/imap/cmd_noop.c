/* SPDX-License-Identifier: BSD-2-Clause */
/* NOOP, CHECK: nothing but the news that comes before each tagged response. RFC 9051 §6.1.2; CHECK:
 * RFC 3501 §6.4.1, where all that was answered is on disk already.
 *
 * Arguments: none. */
#include "module/imap/imap.h"

static enum hf_status noop_start(struct imap_cmd *cmd)
{
	(void)cmd;
	return HF_OK;
}

const struct imap_command imap_cmd_noop = {
	.name = "NOOP",
	.states = IMAP_ANY_STATE,
	.start = noop_start,
};

const struct imap_command imap_cmd_check = {
	.name = "CHECK",
	.states = IMAP_SELECTED,
	.start = noop_start,
};
