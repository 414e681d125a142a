/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_record: the fixed-size facts of one message in one mailbox, as held in memory (64 octets). */
#ifndef HF_STORAGE_RECORD_H
#define HF_STORAGE_RECORD_H

#include <stdint.h>

#include "base/ids.h"

/* System flags, RFC 9051 §2.3.2. \Recent is not here: it belongs to a view. */
enum {
	HF_FLAG_SEEN = 1 << 0,
	HF_FLAG_ANSWERED = 1 << 1,
	HF_FLAG_FLAGGED = 1 << 2,
	HF_FLAG_DELETED = 1 << 3,
	HF_FLAG_DRAFT = 1 << 4,
	HF_FLAGS_ALL = (1 << 5) - 1
};

#define HF_KEYWORDS_MAX 64      /* per mailbox */
#define HF_KEYWORD_SIZE_MAX 100 /* octets of a keyword's name */

struct hf_record {
	struct hf_uid uid;
	uint32_t size;         /* RFC822.SIZE: prefix and content */
	uint64_t keywords;     /* bit n: the mailbox's keyword n */
	struct hf_mod modseq;
	uint64_t email;        /* EMAILID; key of the list, email and fts rows together with the owner */
	uint64_t thread;       /* THREADID */
	int64_t internaldate : 48; /* seconds since 1970, UTC */
	uint64_t flags : 16;       /* HF_FLAG_* */
	int64_t sent : 48;         /* Date: field, seconds since 1970 UTC; internaldate when it has none */
	int64_t sent_zone : 16;    /* minutes east of UTC */
	uint32_t saved;            /* SAVEDATE, seconds since 1970 */
	uint32_t spare;
};

_Static_assert(sizeof(struct hf_record) == 64, "one cache line");

#endif
