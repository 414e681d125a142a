/* SPDX-License-Identifier: BSD-2-Clause */
/* Part numbers, RFC 9051 §6.4.5.1. */
#include "message/part.h"

/* The part `number` of a message or multipart whose content begins at `top`. */
static const struct hf_part *numbered(const struct hf_part *top, uint32_t number)
{
	const struct hf_part *part;

	if (top->kind != HF_PART_MULTIPART)
		return number == 1 ? top : NULL;
	if (number == 0 || number > top->child_count)
		return NULL;
	for (part = top->children; part && number > 1; number--)
		part = part->next;
	return part;
}

const struct hf_part *hf_part_find(const struct hf_part *root, const uint32_t *numbers,
				   size_t count)
{
	const struct hf_part *part = root, *top = root;

	for (size_t i = 0; i < count; i++) {
		if (!top)
			return NULL;
		part = numbered(top, numbers[i]);
		if (!part)
			return NULL;
		if (part->kind == HF_PART_MULTIPART)
			top = part;
		else
			top = part->kind == HF_PART_MESSAGE ? part->children : NULL;
	}
	return part;
}
