/* SPDX-License-Identifier: BSD-2-Clause */
/* Substring search over folded text that comes in pieces. Pieces are folded into a window that
 * keeps the last needle - 1 octets of what came before; memmem (two-way) looks through each window
 * once, so the time is linear. */
#include "message/text.h"

#include "message/fold_priv.h"

#define WINDOW 4096

struct hf_matcher {
	struct hf_str needle; /* folded */
	char *window;
	size_t capacity;
	size_t kept; /* octets at the front of the window, of earlier pieces */
	bool seen;
};

struct hf_matcher *hf_matcher_new(struct hf_arena *arena, struct hf_str utf8_needle)
{
	struct hf_matcher *matcher = hf_new(arena, struct hf_matcher);
	struct hf_buf folded = HF_BUF_INIT;

	hf_fold(utf8_needle, &folded);
	matcher->needle = hf_arena_str(arena, folded.size ? hf_buf_str(&folded) : HF_STR(""));
	hf_buf_fini(&folded);
	/* At least as much new text as kept text goes into a window: moving the kept part stays
	 * linear. */
	matcher->capacity = 2 * matcher->needle.size + WINDOW + HF_FOLD_MAX;
	matcher->window = hf_arena_alloc(arena, matcher->capacity);
	return matcher;
}

struct hf_str hf_matcher_folded(const struct hf_matcher *matcher)
{
	return matcher->needle;
}

void hf_matcher_restart(struct hf_matcher *matcher)
{
	matcher->kept = 0;
	matcher->seen = false;
}

bool hf_matcher_feed(struct hf_matcher *matcher, struct hf_str utf8)
{
	struct hf_str needle = matcher->needle;

	if (needle.size == 0)
		matcher->seen = true;
	while (utf8.size && !matcher->seen) {
		size_t size = matcher->kept, keep;

		size += hf_fold_some(&utf8, matcher->window + size, matcher->capacity - size);
		if (size >= needle.size &&
		    memmem(matcher->window, size, needle.data, needle.size)) {
			matcher->seen = true;
			break;
		}
		keep = size < needle.size ? size : needle.size - 1;
		memmove(matcher->window, matcher->window + size - keep, keep);
		matcher->kept = keep;
	}
	return matcher->seen;
}
