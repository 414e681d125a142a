/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_note: why something was refused, for a person to read. Collects several reasons. */
#ifndef HF_BASE_NOTE_H
#define HF_BASE_NOTE_H

#include "base/buf.h"
#include "base/compiler.h"

struct hf_note {
	struct hf_buf text; /* lines separated by '\n', no newline at the end */
	unsigned count;     /* reasons */
};

#define HF_NOTE_INIT ((struct hf_note){ { NULL, 0, 0 }, 0 })

HF_API void hf_note_add(struct hf_note *note, const char *fmt, ...) HF_PRINTF(2, 3); /* note may be NULL */
HF_API const char *hf_note_text(struct hf_note *note);                               /* "" when empty */
HF_API void hf_note_fini(struct hf_note *note);

#endif
