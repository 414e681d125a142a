/* SPDX-License-Identifier: BSD-2-Clause */
/* Reasons for a refusal, a line each. */
#include "base/note.h"

#include <stdarg.h>

void hf_note_add(struct hf_note *note, const char *fmt, ...)
{
	va_list ap;

	if (!note)
		return;
	if (note->count++)
		hf_buf_add_char(&note->text, '\n');
	va_start(ap, fmt);
	hf_buf_vprintf(&note->text, fmt, ap);
	va_end(ap);
}

const char *hf_note_text(struct hf_note *note)
{
	return note->count ? hf_buf_cstr(&note->text) : "";
}

void hf_note_fini(struct hf_note *note)
{
	hf_buf_fini(&note->text);
	note->count = 0;
}
