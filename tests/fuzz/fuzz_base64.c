/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64: the first octet is the size of the pieces; the streaming decoder gives the same for the
 * whole as for pieces. What the strict decoder takes has one spelling, and the streaming one reads
 * it alike. */
#include "base/assert.h"
#include "base/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool stream(struct hf_str in, size_t piece, struct hf_buf *out)
{
	struct hf_decoder d = { 0 };

	for (; in.size; in = hf_str_sub(in, piece, in.size))
		hf_base64_feed(&d, hf_str_sub(in, 0, piece), out);
	hf_base64_end(&d, out);
	return d.damaged;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf whole = HF_BUF_INIT, pieces = HF_BUF_INIT;
	struct hf_str in;
	bool damaged;

	if (size == 0)
		return 0;
	in = hf_str_n(data + 1, size - 1);
	damaged = stream(in, size, &whole);
	hf_assert(stream(in, 1 + data[0] % 80u, &pieces) == damaged);
	hf_assert(hf_str_eq(hf_buf_str(&pieces), hf_buf_str(&whole)));
	hf_assert(whole.size <= in.size);
	hf_buf_clear(&pieces);
	if (hf_base64_decode(in, &pieces) == HF_OK) {
		hf_assert(!damaged && hf_str_eq(hf_buf_str(&pieces), hf_buf_str(&whole)));
		hf_buf_clear(&pieces);
		hf_base64_encode(hf_buf_str(&whole), &pieces);
		hf_assert(hf_str_eq(hf_buf_str(&pieces), in));
	} else {
		hf_assert(pieces.size == 0);
	}
	hf_buf_fini(&whole);
	hf_buf_fini(&pieces);
	return 0;
}
