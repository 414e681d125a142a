/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights and identifiers as text. RFC 4314 §2, §2.1, §2.1.1. */

#include "storage/rights_priv.h"

static const char letters_of_rights[] = "lrswipkxtea"; /* by bit */

#define RIGHTS_OF_C HF_RIGHT_CREATE
#define RIGHTS_OF_D (HF_RIGHT_DELETE_MAILBOX | HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE)

enum hf_status hf_rights_parse(struct hf_str letters, uint32_t *rights)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < letters.size; i++) {
		char c = letters.data[i];
		const char *at = c ? strchr(letters_of_rights, c) : NULL;

		if (at)
			bits |= UINT32_C(1) << (at - letters_of_rights);
		else if (c == 'c')
			bits |= RIGHTS_OF_C;
		else if (c == 'd')
			bits |= RIGHTS_OF_D;
		else
			return HF_EINVALID;
	}
	*rights = bits;
	return HF_OK;
}

void hf_rights_write(uint32_t rights, bool obsolete, struct hf_buf *out)
{
	for (unsigned bit = 0; letters_of_rights[bit]; bit++)
		if (rights >> bit & 1)
			hf_buf_add_char(out, letters_of_rights[bit]);
	if (obsolete && rights & RIGHTS_OF_C)
		hf_buf_add_char(out, 'c');
	if (obsolete && rights & RIGHTS_OF_D)
		hf_buf_add_char(out, 'd');
}

enum hf_status hf_identifier_check(struct hf_str identifier, struct hf_arena *arena, struct hf_str *normal)
{
	struct hf_buf out = HF_BUF_INIT;
	struct hf_str name = identifier, bare;
	enum hf_status status = HF_OK;
	size_t start;

	if (identifier.size > HF_IDENTIFIER_MAX)
		return HF_ELIMIT;
	if (hf_str_starts(name, HF_STR("-"))) {
		hf_buf_add_char(&out, '-');
		name = hf_str_sub(name, 1, name.size);
	}
	start = out.size;
	if (hf_str_istarts(name, HF_STR(GROUP_PREFIX))) {
		hf_buf_add_lit(&out, GROUP_PREFIX);
		status = user_canonical(hf_str_sub(name, sizeof(GROUP_PREFIX) - 1, name.size), &out);
	} else {
		status = user_canonical(name, &out);
		bare = hf_str_sub(hf_buf_str(&out), start, out.size);
		if (status == HF_OK && user_name_is_reserved(bare) && !hf_str_eq(bare, HF_STR("anyone")))
			status = HF_EINVALID;
	}
	if (status == HF_OK)
		*normal = hf_arena_str(arena, hf_buf_str(&out));
	hf_buf_fini(&out);
	return status;
}
