/* SPDX-License-Identifier: BSD-2-Clause */
/* Charset conversion in pieces, for the files of this folder. The result does not depend on how the
 * input is cut. */
#ifndef HF_MESSAGE_CHARSET_PRIV_H
#define HF_MESSAGE_CHARSET_PRIV_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

#define HF_CHARSET_NAME_MAX 63

enum hf_charset_kind {
	HF_CHARSET_UTF8,   /* malformed: U+FFFD */
	HF_CHARSET_ASCII,  /* malformed: U+FFFD */
	HF_CHARSET_CP1252, /* and ISO-8859-1, whose C1 range mail uses as windows-1252 does */
	HF_CHARSET_GUESS,  /* unlabelled: UTF-8 where well-formed, else windows-1252 */
	HF_CHARSET_ICU
};

struct hf_charset_stream {
	enum hf_charset_kind kind;
	char name[HF_CHARSET_NAME_MAX + 1];
	void *converter; /* UConverter, on loan from the thread's cache */
	uint8_t held[4]; /* the beginning of a UTF-8 sequence */
	unsigned held_size;
	uint16_t high; /* UTF-16 high surrogate that waits for the low one, or 0 */
};

/* HF_EBADCHARSET when ICU does not know it; then nothing is to be ended. */
enum hf_status hf_charset_stream_init(struct hf_charset_stream *stream, struct hf_str charset);
/* Never fails: US-ASCII, no name, and unknown names are guessed. */
void hf_charset_stream_init_lenient(struct hf_charset_stream *stream, struct hf_str charset);
/* What is appended to `utf8` ends at a character boundary. */
void hf_charset_stream_feed(struct hf_charset_stream *stream, struct hf_str in,
			    struct hf_buf *utf8);
/* Writes what is still held and gives the converter back. */
void hf_charset_stream_end(struct hf_charset_stream *stream, struct hf_buf *utf8);

/* Octets as windows-1252. */
void hf_cp1252_to_utf8(struct hf_str in, struct hf_buf *utf8);
/* Size of the leading run of ASCII. */
size_t hf_ascii_run(struct hf_str s);

#endif
