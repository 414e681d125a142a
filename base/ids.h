/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that must not be mistaken for one another are wrapped; only a view converts between UID and
 * sequence number. Ids of the store (user, mailbox, email, thread, content) are plain uint64_t, 0 = none. */
#ifndef HF_BASE_IDS_H
#define HF_BASE_IDS_H

#include <stdint.h>

struct hf_uid {
	uint32_t n; /* RFC 9051 §2.3.1.1; 0 = none */
};

struct hf_seq {
	uint32_t n; /* message sequence number, from 1; 0 = none */
};

struct hf_mod {
	uint64_t n; /* modification sequence, RFC 7162; 63 bits, from 1 */
};

#define HF_UID(v) ((struct hf_uid){ (v) })
#define HF_SEQ(v) ((struct hf_seq){ (v) })
#define HF_MOD(v) ((struct hf_mod){ (v) })

#endif
