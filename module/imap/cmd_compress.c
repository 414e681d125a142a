/* SPDX-License-Identifier: BSD-2-Clause */
/* COMPRESS: from here on both directions are compressed. RFC 4978.
 *
 * Arguments: the mechanism; DEFLATE is the only one. */
#include "module/imap/imap.h"

static enum hf_status compress_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	(void)cmd;
	return imap_parse_keyword(p, "DEFLATE") ? HF_OK : imap_parser_expected(p, "DEFLATE");
}

static enum hf_status compress_start(struct imap_cmd *cmd)
{
	if (hf_conn_is_compressed(imap_conn(cmd))) {
		imap_code(cmd, "COMPRESSIONACTIVE");
		imap_text(cmd, "COMPRESS is active already");
		return HF_ESYNTAX;
	}
	imap_text(cmd, "DEFLATE active");
	return HF_OK;
}

static void compress_after(struct imap_session *session)
{
	hf_conn_compress(session->conn);
}

const struct imap_command imap_cmd_compress = {
	.name = "COMPRESS",
	.states = IMAP_ANY_STATE,
	.parse = compress_parse,
	.start = compress_start,
	.after = compress_after,
};
