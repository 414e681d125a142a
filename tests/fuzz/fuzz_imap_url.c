/* SPDX-License-Identifier: BSD-2-Clause */
/* URLs of messages: what is taken names one message, within bounds; what goes into a response code
 * has none of the characters that end it. */
#include "base/assert.h"
#include "module/imap/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_str text = hf_str_n(data, size);
	struct hf_buf out = HF_BUF_INIT;
	struct imap_url url;

	if (imap_url_parse(text, arena, &url)) {
		hf_assert(url.uid.n > 0 && url.count > 0);
		hf_assert(url.offset <= INT64_MAX);
		hf_assert(!url.mailbox.data || (url.mailbox.size && url.mailbox.size <= HF_NAME_MAX));
		hf_assert(!memchr(url.section.size ? url.section.data : "", '\0', url.section.size));
	}
	imap_url_add(&out, text);
	for (size_t i = 0; i < out.size; i++)
		hf_assert(out.data[i] > ' ' && out.data[i] < 0x7f && out.data[i] != ']');
	hf_assert(out.size >= size && out.size <= 3 * size);
	hf_buf_fini(&out);
	hf_arena_free(&arena);
	return 0;
}
