/* SPDX-License-Identifier: BSD-2-Clause */
/* Mailbox names as clients give them: checked and brought into the one form in which they are
 * stored and compared (RFC 9051 §5.1: Net-Unicode, so NFC and no control characters; INBOX in any
 * case). */
#include <string.h>

#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/encode.h"
#include "storage/account.h"

enum { UTF16_MAX = 4 * HF_NAME_MAX };

static bool is_ascii(struct hf_str s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	}
	return true;
}

/* At most 4 * HF_NAME_MAX octets of valid UTF-8. */
static enum hf_status to_nfc(struct hf_str name, struct hf_arena *arena, struct hf_str *normal)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&error);
	UChar raw[UTF16_MAX], composed[UTF16_MAX];
	char text[HF_NAME_MAX + 1];
	int32_t raw_size, composed_size, size;

	u_strFromUTF8(raw, UTF16_MAX, &raw_size, name.data, (int32_t)name.size, &error);
	composed_size = unorm2_normalize(nfc, raw, raw_size, composed, UTF16_MAX, &error);
	if (U_FAILURE(error))
		return error == U_BUFFER_OVERFLOW_ERROR ? HF_ELIMIT : HF_EINVALID;
	u_strToUTF8(text, sizeof(text), &size, composed, composed_size, &error);
	if (error == U_BUFFER_OVERFLOW_ERROR || size > HF_NAME_MAX)
		return HF_ELIMIT;
	if (U_FAILURE(error))
		return HF_EINVALID;
	*normal = hf_arena_str(arena, hf_str_n(text, (size_t)size));
	return HF_OK;
}

/* RFC 9051 §5.1: no controls, no line or paragraph separator; nor what lists match with. */
static const char *bad_character(struct hf_str name)
{
	while (name.size) {
		size_t size;
		uint32_t c = hf_utf8_next(name, &size);

		if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029)
			return "a mailbox name cannot contain control characters";
		if (c == '%' || c == '*')
			return "a mailbox name cannot contain % or *";
		name = hf_str_sub(name, size, name.size);
	}
	return NULL;
}

static enum hf_status refuse(const char **why, enum hf_status status, const char *reason)
{
	if (why)
		*why = reason;
	return status;
}

enum hf_status hf_mailbox_name_check(struct hf_str name, struct hf_arena *arena,
				     struct hf_str *normal, const char **why)
{
	struct hf_str result, rest;
	enum hf_status status;
	const char *reason;

	if (name.size > 1 && name.data[name.size - 1] == '/')
		name.size--; /* RFC 9051 §6.3.4: names to come below it are meant */
	if (name.size == 0)
		return refuse(why, HF_EINVALID, "a mailbox name cannot be empty");
	if (name.size > UTF16_MAX)
		return refuse(why, HF_ELIMIT, "the mailbox name is too long");
	if (!hf_utf8_valid(name))
		return refuse(why, HF_EINVALID, "the mailbox name is not valid UTF-8");
	reason = bad_character(name);
	if (reason)
		return refuse(why, HF_EINVALID, reason);
	if (is_ascii(name)) {
		status = name.size <= HF_NAME_MAX ? HF_OK : HF_ELIMIT;
		if (status == HF_OK)
			result = hf_arena_str(arena, name);
	} else {
		status = to_nfc(name, arena, &result);
	}
	if (status == HF_ELIMIT)
		return refuse(why, status, "the mailbox name is too long");
	if (status != HF_OK)
		return refuse(why, status, "the mailbox name cannot be normalised");
	for (rest = result; rest.data;) {
		ptrdiff_t slash = hf_str_chr(rest, '/');
		size_t size = slash < 0 ? rest.size : (size_t)slash;

		if (size == 0)
			return refuse(why, HF_EINVALID,
				      "a level of a mailbox name cannot be empty");
		if (size > HF_LEVEL_MAX)
			return refuse(why, HF_ELIMIT, "a level of the mailbox name is too long");
		rest = slash < 0 ? HF_STR_NULL : hf_str_sub(rest, size + 1, rest.size);
	}
	rest = result;
	if (hf_str_ieq(hf_str_split(&rest, '/'), HF_STR("INBOX"))) {
		char *copy = hf_arena_cstr(arena, result);

		memcpy(copy, "INBOX", 5);
		result = hf_str_n(copy, result.size);
	}
	*normal = result;
	return HF_OK;
}
