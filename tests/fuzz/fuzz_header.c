/* SPDX-License-Identifier: BSD-2-Clause */
/* A header block and its text: fields lie one behind the other, decoded text is UTF-8, a base
 * subject is its own base subject's prefix in size, folding works piece by piece as on the whole,
 * a match does not depend on pieces, and message ids are read in one pass. */
#include "message/header_priv.h"
#include "tests/message/message_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	const char *at;
	struct hf_arena *arena;
};

static void check_text(struct hf_arena *arena, struct hf_str utf8)
{
	struct hf_buf whole = HF_BUF_INIT, pieces = HF_BUF_INIT;
	struct hf_matcher *matcher;
	struct hf_str needle;
	bool is_reply, found, seen = false;

	hf_base_subject(utf8, &whole, &is_reply);
	hf_assert(whole.size <= utf8.size && hf_utf8_valid(hf_buf_str(&whole)));
	hf_buf_clear(&whole);
	hf_fold(utf8, &whole);
	hf_assert(hf_utf8_valid(hf_buf_str(&whole)));
	needle = hf_str_sub(utf8, utf8.size / 3, utf8.size / 4);
	needle = hf_str_sub(needle, 0, hf_utf8_clip(needle, needle.size));
	matcher = hf_matcher_new(arena, hf_utf8_valid(needle) ? needle : HF_STR("x"));
	found = memmem(whole.data ? whole.data : "", whole.size, hf_matcher_folded(matcher).data,
		       hf_matcher_folded(matcher).size) != NULL;
	if (utf8.size == 0)
		seen = hf_matcher_feed(matcher, utf8);
	while (utf8.size) {
		size_t step = 0;

		hf_utf8_next(utf8, &step);
		hf_fold(hf_str_sub(utf8, 0, step), &pieces);
		seen = hf_matcher_feed(matcher, hf_str_sub(utf8, 0, step));
		utf8 = hf_str_sub(utf8, step, utf8.size);
	}
	hf_assert(hf_str_eq(hf_buf_str(&whole), hf_buf_str(&pieces)));
	hf_assert(seen == found);
	hf_buf_clear(&pieces);
	hf_assert(hf_nfc(hf_buf_str(&whole), &pieces) == HF_OK);
	hf_buf_fini(&whole);
	hf_buf_fini(&pieces);
}

/* Each id is behind the one before, and no longer than what it was read from. */
static void check_ids(struct hf_str value)
{
	struct hf_buf id = HF_BUF_INIT;
	size_t pos = 0, before = 0;

	while (hf_msgid_next(value, &pos, &id)) {
		hf_assert(pos > before && pos <= value.size && id.size >= 3 && id.size + 2 <= pos - before);
		hf_assert(hf_str_chr(hf_buf_str(&id), '@') >= 0); /* at 0: "@a"@b, quoted */
		before = pos;
	}
	hf_buf_fini(&id);
}

static bool field(void *arg, struct hf_str name, struct hf_str value, struct hf_str whole)
{
	struct state *state = arg;
	struct hf_buf text = HF_BUF_INIT;

	hf_assert(whole.data >= state->at && name.data == whole.data &&
		  value.data > name.data + name.size - 1);
	hf_assert(value.data + value.size <= whole.data + whole.size);
	state->at = whole.data + whole.size;
	hf_header_decode(value, &text);
	hf_assert(hf_utf8_valid(hf_buf_str(&text)));
	check_text(state->arena, hf_buf_str(&text));
	hf_buf_clear(&text);
	hf_header_unfold(value, &text);
	hf_assert(text.size <= value.size);
	check_ids(hf_buf_str(&text));
	hf_buf_fini(&text);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str in = hf_str_n(data, size);
	struct state state = { in.data, hf_arena_new() };
	struct hf_buf text = HF_BUF_INIT;

	hf_header_each(in, field, &state);
	if (hf_charset_to_utf8(
		    hf_str_sub(in, 0,
			       (size_t)(hf_str_chr(in, '\n') < 0 ? 0 : hf_str_chr(in, '\n'))),
		    in, &text) == HF_OK)
		hf_assert(hf_utf8_valid(hf_buf_str(&text)));
	hf_buf_fini(&text);
	hf_arena_free(&state.arena);
	return 0;
}
