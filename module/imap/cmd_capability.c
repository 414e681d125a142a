/* SPDX-License-Identifier: BSD-2-Clause */
/* CAPABILITY: what the server offers this session now. RFC 9051 §6.1.1.
 *
 * Arguments: none. */
#include "module/imap/imap.h"

static enum hf_status capability_start(struct imap_cmd *cmd)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* CAPABILITY ");
	imap_add_capabilities(cmd->session, &out);
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(imap_conn(cmd), out.data, out.size);
	hf_buf_fini(&out);
	return HF_OK;
}

const struct imap_command imap_cmd_capability = {
	.name = "CAPABILITY",
	.states = IMAP_ANY_STATE,
	.start = capability_start,
};
