/* SPDX-License-Identifier: BSD-2-Clause */
/* Quick resynchronisation: what a client that has been away is told when it selects a mailbox, RFC
 * 7162 §3.2.5, and the messages that have gone, which UID FETCH asks for too (§3.2.6). */
#ifndef HF_MODULE_IMAP_RESYNC_H
#define HF_MODULE_IMAP_RESYNC_H

#include "module/imap/imap.h"

struct resync {
	bool given;
	uint32_t uidvalidity;
	struct hf_mod modseq;
	struct hf_str known;                  /* set of UIDs, text; empty: all */
	struct hf_str match_seqs, match_uids; /* sequence match data, text; empty: none */
	/* While it runs */
	struct hf_set seqs; /* messages whose flags are to be told */
	struct hf_set_iter at;
};

/* What follows "QRESYNC": " (uidvalidity modseq [known-uids] [(seqs uids)])". */
enum hf_status resync_parse(struct imap_cmd *cmd, struct imap_parser *p, struct resync *r);
/* The view is open and its mailbox told: tells what has vanished, finds what has changed. HF_OK:
 * nothing has; HF_MORE: call resync_next() until it says HF_OK. */
enum hf_status resync_begin(struct imap_session *session, struct resync *r);
enum hf_status resync_next(struct imap_session *session, struct resync *r);
void resync_fini(struct resync *r);

/* "* VANISHED (EARLIER) ...": the UIDs of `within` (NULL: of all) that were expunged after modseq,
 * but none at or below `settled`. */
enum hf_status imap_write_vanished_earlier(struct imap_session *session, struct hf_mod modseq,
					   const struct hf_set *within, struct hf_uid settled);

#endif
