/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of MAIL and RCPT: a path, then parameters. What is taken comes from the front, what is
 * left is the rest. */
#include "base/assert.h"
#include "base/encode.h"
#include "module/lmtp/lmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_str whole = hf_str_n(data, size), in = whole, name, value;
	struct lmtp_path path;
	size_t left;

	if (lmtp_path_parse(arena, &in, &path) == HF_OK) {
		hf_assert(in.size < whole.size && in.data + in.size == whole.data + whole.size &&
			  in.data[-1] == '>');
		hf_assert(path.text.size <= LMTP_ADDRESS_MAX && hf_utf8_valid(path.text));
		hf_assert(path.local.size <= path.text.size &&
			  path.domain.size < path.text.size + 1);
		for (left = 0; left < path.local.size; left++)
			hf_assert((unsigned char)path.local.data[left] >= 0x20);
		hf_assert(path.null_path == (path.text.size == 0));
	} else {
		hf_assert(in.data == whole.data && in.size == whole.size);
	}
	for (left = in.size + 1; lmtp_param_next(&in, &name, &value); left = in.size) {
		hf_assert(in.size < left && name.size + value.size < left + 1);
		hf_assert(hf_str_chr(name, '=') < 0 && hf_str_chr(name, ' ') < 0 &&
			  hf_str_chr(value, ' ') < 0);
	}
	hf_arena_free(&arena);
	return 0;
}
