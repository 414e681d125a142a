/* SPDX-License-Identifier: BSD-2-Clause */
/* NAMESPACE: where mailboxes are to be found. RFC 2342, RFC 9051 §6.3.10. There is one, the user's
 * own, without a prefix.
 *
 * Arguments: none. */
#include "module/imap/imap.h"

static enum hf_status namespace_start(struct imap_cmd *cmd)
{
	hf_conn_write_str(imap_conn(cmd), HF_STR("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
	return HF_OK;
}

const struct imap_command imap_cmd_namespace = {
	.name = "NAMESPACE",
	.states = IMAP_LOGGED_IN,
	.start = namespace_start,
};
