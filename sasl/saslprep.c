/* SPDX-License-Identifier: BSD-2-Clause */
/* SASLprep (RFC 4013) by ICU, and the folding of user names. ASCII takes a short way: it is its own
 * prepared form. */
#include <unicode/ucasemap.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include "base/encode.h"
#include "base/mem.h"
#include "sasl/sasl_priv.h"

void hf_sasl_buf_wipe(struct hf_buf *buf)
{
	if (buf->data)
		hf_wipe(buf->data, buf->capacity);
	hf_buf_fini(buf);
}

static bool is_ascii(struct hf_str in, bool *control)
{
	*control = false;
	for (size_t i = 0; i < in.size; i++) {
		if ((unsigned char)in.data[i] >= 0x80)
			return false;
		if ((unsigned char)in.data[i] < 0x20 || in.data[i] == 0x7f)
			*control = true;
	}
	return true;
}

/* A UTF-16 copy, on the heap; NULL when it is not UTF-8. */
static UChar *to_utf16(struct hf_str in, int32_t *size)
{
	UErrorCode error = U_ZERO_ERROR;
	UChar *out;

	if (in.size > HF_SASL_RESPONSE_MAX || !hf_utf8_valid(in))
		return NULL;
	out = hf_alloc((in.size + 1) * sizeof(*out));
	u_strFromUTF8(out, (int32_t)in.size + 1, size, in.data, (int32_t)in.size, &error);
	if (U_FAILURE(error)) {
		hf_free_secret(out, (in.size + 1) * sizeof(*out));
		return NULL;
	}
	return out;
}

static void add_utf8(struct hf_buf *out, const UChar *text, int32_t size)
{
	UErrorCode error = U_ZERO_ERROR;
	int32_t used = 0, room = size * 3 + 1;

	u_strToUTF8(hf_buf_reserve(out, (size_t)room), room, &used, text, size, &error);
	if (U_SUCCESS(error))
		hf_buf_added(out, (size_t)used);
}

/* Opened once and kept: ICU would only cache it, too. NULL when ICU has been built without it. */
static pthread_once_t profile_once = PTHREAD_ONCE_INIT;
static UStringPrepProfile *profile;

static void open_profile(void)
{
	UErrorCode error = U_ZERO_ERROR;

	profile = usprep_openByType(USPREP_RFC4013_SASLPREP, &error);
	if (U_FAILURE(error))
		profile = NULL;
}

enum hf_status hf_saslprep(struct hf_str in, bool stored, struct hf_buf *out)
{
	UErrorCode error = U_ZERO_ERROR;
	UChar *text, *prepared;
	int32_t size = 0, room, done;
	bool control;

	if (in.size == 0)
		return HF_EINVALID;
	if (is_ascii(in, &control)) {
		if (control)
			return HF_EINVALID;
		hf_buf_add_str(out, in);
		return HF_OK;
	}
	pthread_once(&profile_once, open_profile);
	if (!profile)
		return HF_EUNAVAILABLE;
	text = to_utf16(in, &size);
	if (!text)
		return HF_EINVALID;
	/* NFKC makes at most 18 of one character. */
	room = size * 18 + 1;
	prepared = hf_alloc((size_t)room * sizeof(*prepared));
	done = usprep_prepare(profile, text, size, prepared, room,
			      stored ? USPREP_DEFAULT : USPREP_ALLOW_UNASSIGNED, NULL, &error);
	if (U_SUCCESS(error) && done > 0)
		add_utf8(out, prepared, done);
	hf_free_secret(text, (in.size + 1) * sizeof(*text));
	hf_free_secret(prepared, (size_t)room * sizeof(*prepared));
	return U_SUCCESS(error) && done > 0 ? HF_OK : HF_EINVALID;
}

void hf_sasl_fold_name(struct hf_str in, struct hf_buf *out)
{
	UErrorCode error = U_ZERO_ERROR;
	struct hf_buf prepared = HF_BUF_INIT;
	struct hf_str name = in;
	UChar *text, *folded;
	int32_t size = 0, done;
	bool control;

	if (is_ascii(in, &control)) {
		for (size_t i = 0; i < in.size; i++)
			hf_buf_add_char(out, hf_ascii_lower(in.data[i]));
		return;
	}
	if (hf_saslprep(in, false, &prepared) == HF_OK)
		name = hf_buf_str(&prepared);
	text = to_utf16(name, &size);
	if (!text) {
		hf_buf_add_str(out, name);
		hf_buf_fini(&prepared);
		return;
	}
	/* Folding makes at most three of one. */
	folded = hf_alloc(((size_t)size * 3 + 1) * sizeof(*folded));
	done = u_strFoldCase(folded, size * 3 + 1, text, size, U_FOLD_CASE_DEFAULT, &error);
	if (U_SUCCESS(error))
		add_utf8(out, folded, done);
	else
		hf_buf_add_str(out, name);
	hf_free(folded);
	hf_free(text);
	hf_buf_fini(&prepared);
}
