/* SPDX-License-Identifier: BSD-2-Clause */
/* The stored form of a message: whatever octets come, they are refused, or give a message that is
 * consistent, can be rendered and stored again. */
#include "tests/message/message_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_buf text = HF_BUF_INIT;

	if (hf_message_decode(arena, hf_str_n(data, size), &message) == HF_OK) {
		hf_bodystructure_render(message.root, true, &text);
		hf_envelope_render(message.root->envelope, &text);
		hf_buf_clear(&text);
		check_stored_form(&message, &text);
		hf_assert(hf_arena_used(arena) <= 128 * size + 4096);
	}
	hf_buf_fini(&text);
	hf_arena_free(&arena);
	return 0;
}
