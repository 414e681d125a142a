/* SPDX-License-Identifier: BSD-2-Clause */
/* An address field. Groups are closed and not nested, and the limit holds; the other parsers of
 * single fields run over the same input. */
#include "message/header_priv.h"
#include "tests/message/message_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str in = hf_str_n(data, size);
	struct hf_arena *arena = hf_arena_new();
	uint32_t max = size ? 1 + data[0] : 1, count = 0;
	bool in_group = false;
	struct hf_message message = { 0 };
	struct hf_param_list params;
	struct hf_str word, subtype;

	for (const struct hf_address *a = hf_addresses_parse(arena, in, max); a; a = a->next) {
		count++;
		if (a->host.data) {
			hf_assert(a->mailbox.data);
			continue;
		}
		hf_assert(in_group == !a->mailbox.data);
		in_group = a->mailbox.data != NULL;
	}
	hf_assert(!in_group && count <= max + 1);

	hf_references_parse(arena, in, in, &message);
	hf_assert(message.reference_count <= 100);
	/* something, "@", something; a quoted local part may begin with "@" itself */
	for (uint32_t i = 0; i < message.reference_count; i++)
		hf_assert(message.references[i].size >= 3 &&
			  hf_str_chr(message.references[i], '@') >= 0);
	if (hf_content_type_parse(arena, in, 20, &word, &subtype, &params)) {
		hf_assert(word.size && subtype.size && params.count <= 20);
		for (uint32_t i = 0; i < params.count; i++)
			hf_assert(params.params[i].name.size &&
				  hf_utf8_valid(params.params[i].value));
	}
	if (hf_disposition_parse(arena, in, 20, &word, &params))
		hf_assert(word.size && params.count <= 20);
	hf_arena_free(&arena);
	return 0;
}
