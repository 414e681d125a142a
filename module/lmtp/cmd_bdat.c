/* SPDX-License-Identifier: BSD-2-Clause */
/* BDAT size [LAST]: RFC 3030. A chunk follows the command whatever the reply will be, so refused chunks are read and dropped. */
#include "module/lmtp/lmtp.h"

void lmtp_cmd_bdat(struct lmtp_session *session, struct hf_str args)
{
	struct hf_str size;
	uint64_t octets;
	enum hf_status status;
	bool last;

	args = hf_str_trim(args);
	size = hf_str_split(&args, ' ');
	args = hf_str_trim(args);
	last = hf_str_ieq(args, HF_STR("LAST"));
	if (!hf_str_u64(size, INT64_MAX, &octets) || (args.size && !last)) {
		/* Where the chunk ends is not known: what follows cannot be told from commands. */
		lmtp_refuse(session, 501, "5.5.4", "expected BDAT size [LAST]");
		session->quitting = true;
		return;
	}
	session->chunk_left = octets;
	session->chunk_last = last;
	session->phase = LMTP_BDAT;
	session->chunk_refused = !session->rcpt_count;
	if (session->chunk_refused || session->chunking)
		return;
	session->chunking = true;
	status = lmtp_message_begin(session);
	if (status != HF_OK)
		session->data_status = status;
}
