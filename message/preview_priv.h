/* SPDX-License-Identifier: BSD-2-Clause */
/* The preview of a text (RFC 8970): its beginning, white space collapsed, HTML reduced to its text.
 */
#ifndef HF_MESSAGE_PREVIEW_PRIV_H
#define HF_MESSAGE_PREVIEW_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define HF_PREVIEW_CHARACTERS 200

struct hf_preview {
	char text[HF_PREVIEW_CHARACTERS * 4]; /* UTF-8 */
	size_t size;
	uint32_t characters;
	bool full;     /* nothing more will be added */
	bool space;    /* white space waits for the next character */
	uint64_t seen; /* octets looked at */
	bool html;
	int state;     /* of the HTML reader */
	char name[12]; /* tag, entity, or the end tag that ends script and style */
	uint32_t name_size;
	char raw[12]; /* element whose content is skipped, or empty */
	uint8_t held[4];
	uint32_t held_size;
};

void hf_preview_begin(struct hf_preview *preview, bool html);
/* UTF-8 in pieces of any size. */
void hf_preview_feed(struct hf_preview *preview, struct hf_str utf8);
struct hf_str hf_preview_text(const struct hf_preview *preview);

#endif
