/* SPDX-License-Identifier: BSD-2-Clause */
/* Message data after DATA: the first octet is the size of the pieces. The whole and the pieces come
 * to the same; it ends where CRLF.CRLF is, and nowhere else. */
#include "base/assert.h"
#include "module/lmtp/lmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Octets used up to the end of the message, or SIZE_MAX when it has none. */
static size_t run(struct hf_str in, size_t piece, struct hf_buf *out)
{
	struct lmtp_unstuffer u;
	size_t taken = 0, used;

	lmtp_unstuffer_init(&u);
	while (taken < in.size) {
		struct hf_str part = hf_str_sub(in, taken, piece);
		bool ended = lmtp_unstuff(&u, part, &used, out);

		taken += used;
		if (ended)
			return taken;
		hf_assert(used == part.size);
	}
	return SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf whole = HF_BUF_INIT, pieces = HF_BUF_INIT;
	struct hf_str in;
	ptrdiff_t end;
	size_t used;

	if (size == 0)
		return 0;
	in = hf_str_n(data + 1, size - 1);
	used = run(in, SIZE_MAX, &whole);
	hf_assert(run(in, 1 + data[0] % 80u, &pieces) == used);
	hf_assert(hf_str_eq(hf_buf_str(&pieces), hf_buf_str(&whole)));
	hf_assert(whole.size <= in.size);
	end = hf_str_starts(in, HF_STR(".\r\n")) ? -2 : hf_str_find(in, HF_STR("\r\n.\r\n"));
	if (used == SIZE_MAX)
		hf_assert(end == -1);
	else
		hf_assert(used == (size_t)(end + 5));
	hf_buf_fini(&whole);
	hf_buf_fini(&pieces);
	return 0;
}
