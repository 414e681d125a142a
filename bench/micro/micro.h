/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot paths, each as a case that does a fixed amount of work on fixed input, so that its instructions can be counted and
 * compared with an earlier count. bench/micro/check runs the program below callgrind. */
#ifndef HF_BENCH_MICRO_H
#define HF_BENCH_MICRO_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct micro_case {
	const char *name;
	const char *item;       /* what is counted: the divisor of the instructions */
	void (*before)(void);   /* not counted; NULL: nothing to do */
	uint64_t (*run)(void);  /* counted, after one run that was not; returns the number of items. Dies when it did not do its work. */
};

/* Cases that share what `open` makes. */
struct micro_group {
	const char *name;
	void (*open)(void);
	void (*close)(void);
	const struct micro_case *cases; /* ends with a name of NULL */
};
extern const struct micro_group micro_text, micro_imap, micro_store;

/* The same numbers each time. */
uint32_t micro_random(uint32_t below);
/* Message `number`, always the same, about `size` octets, in one of four shapes: plain, quoted-printable in latin1,
 * alternative with HTML, mixed with base64 attachments. Appended. */
void micro_message(unsigned number, size_t size, struct hf_buf *out);
#define MICRO_SHAPES 4

#define micro_must(cond) ((cond) ? (void)0 : micro_failed(#cond, __FILE__, __LINE__))
_Noreturn void micro_failed(const char *cond, const char *file, int line);

#endif
