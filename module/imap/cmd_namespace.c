/* SPDX-License-Identifier: BSD-2-Clause */
/* NAMESPACE: where mailboxes are to be found. RFC 2342, RFC 9051 §6.3.10. The user's own have no
 * prefix; then come other users' and those of the shared account.
 *
 * Arguments: none. */
#include "module/imap/mailbox.h"

static enum hf_status namespace_start(struct imap_cmd *cmd)
{
	hf_conn_write_str(imap_conn(cmd), HF_STR("* NAMESPACE ((\"\" \"/\")) ((\"" HF_NAMESPACE_OTHERS
						 "/\" \"/\")) ((\"" HF_NAMESPACE_SHARED "/\" \"/\"))\r\n"));
	return HF_OK;
}

const struct imap_command imap_cmd_namespace = {
	.name = "NAMESPACE",
	.states = IMAP_LOGGED_IN,
	.start = namespace_start,
};
