/* SPDX-License-Identifier: BSD-2-Clause */
/* Modified UTF-7: what decodes is UTF-8 and has one spelling; any UTF-8 comes back. */
#include "base/assert.h"
#include "base/encode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf there = HF_BUF_INIT, back = HF_BUF_INIT;
	struct hf_str in = hf_str_n(data, size);

	if (hf_mutf7_decode(in, &there) == HF_OK) {
		hf_assert(hf_utf8_valid(hf_buf_str(&there)));
		hf_mutf7_encode(hf_buf_str(&there), &back);
		hf_assert(hf_str_eq(hf_buf_str(&back), in));
	} else {
		hf_assert(there.size == 0);
	}
	hf_buf_clear(&there);
	hf_buf_clear(&back);
	if (hf_utf8_valid(in)) {
		hf_mutf7_encode(in, &there);
		hf_assert(hf_mutf7_decode(hf_buf_str(&there), &back) == HF_OK);
		hf_assert(hf_str_eq(hf_buf_str(&back), in));
	}
	hf_buf_fini(&there);
	hf_buf_fini(&back);
	return 0;
}
