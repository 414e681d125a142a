/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `fts`: text signatures. */

#include "storage/rows.h"

void row_fts_encode(uint64_t owner, uint64_t email, struct hf_str signature, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row_checksum(owner, email, signature));
	hf_buf_add_str(out, signature);
}

enum hf_status row_fts_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *signature)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;
	uint64_t checksum = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be64(&r, &checksum))
		return HF_ECORRUPT;
	*signature = hf_str_n(r.pos, (size_t)(r.end - r.pos));
	return checksum == row_checksum(owner, email, *signature) ? HF_OK : HF_ECORRUPT;
}
