/* SPDX-License-Identifier: BSD-2-Clause */
/* From a name that a client gives to a mailbox: namespaces (RFC 2342) and the rights of who asks (RFC 4314).
 *
 * Every command that takes the name of a mailbox finds it here and nowhere else. A mailbox of which one may know nothing is
 * answered as one that does not exist: with the same status, which is the same text, and for the same work. */
#ifndef HF_MODULE_IMAP_MAILBOX_H
#define HF_MODULE_IMAP_MAILBOX_H

#include "module/imap/imap.h"
#include "storage/rights.h"

struct imap_mailbox {
	struct hf_mailbox_info info; /* name: as this session knows it, in the arena. Of another owner's mailbox `unseen` and
					`recent` are the owner's, there is no special use, and `subscribed` is filled in by
					imap_mailbox_list() alone */
	struct hf_str name;          /* as its owner has it: for operations, with info.owner */
	uint32_t rights;             /* HF_RIGHT_*, of the session's user */
};

static inline bool imap_mailbox_is_own(const struct imap_session *session, const struct imap_mailbox *mailbox)
{
	return mailbox->info.owner == session->user_id;
}

/* What the client may write in several ways within the namespaces is brought into one: letters of the owner's name, INBOX. `name` has
 * passed hf_mailbox_name_check(). The parsers of names use it. */
struct hf_str imap_mailbox_normal(struct hf_str name, struct hf_arena *arena);

/* Whether it is, or would be, one of the user's own. */
bool imap_mailbox_is_in_own_tree(struct hf_str name);
/* Whose it is by its name; empty: one's own, or of the shared account. */
void imap_mailbox_owner(struct hf_str name, struct hf_str *owner);

/* `name` comes from imap_parse_mailbox(). HF_OK: it exists, and the user has all of `needed` (0: whatever he has, if anything is
 * told of it). HF_ENOPERM: he may know of it (right l) but lacks some. HF_ENONEXISTENT: all else, with nothing in *mailbox. A
 * name that is none: HF_ECANNOT, with a text. */
enum hf_status imap_mailbox_find(struct imap_cmd *cmd, struct hf_str name, uint32_t needed, struct imap_mailbox *mailbox);
/* Likewise with any one of `rights`. */
enum hf_status imap_mailbox_find_any(struct imap_cmd *cmd, struct hf_str name, uint32_t rights, struct imap_mailbox *mailbox);
/* Likewise without a command's words; name->data NULL: HF_ENONEXISTENT. */
enum hf_status imap_mailbox_look(struct imap_session *session, struct hf_arena *arena, struct hf_str name, uint32_t needed,
				 struct imap_mailbox *mailbox);
/* By id, one's own or one that may be seen. HF_ENONEXISTENT. */
enum hf_status imap_mailbox_find_id(struct imap_session *session, struct hf_arena *arena, uint64_t id,
				    struct imap_mailbox *mailbox);
/* Whether its messages may still be read, after some time has passed. */
bool imap_mailbox_may_read(struct imap_session *session, const struct imap_mailbox *mailbox);
/* Whether there still is a mailbox of this id, whatever one may do with it. */
bool imap_mailbox_exists(struct imap_session *session, struct hf_arena *arena, uint64_t owner, uint64_t id);

/* Where a mailbox may be made. */
struct imap_place {
	uint64_t owner;
	struct hf_str name; /* for the owner */
};
/* CREATE, the new name of RENAME: right k on the nearest mailbox above it (RFC 4314 §4). HF_ENOPERM, HF_ENONEXISTENT as above;
 * HF_ECANNOT, with a text: not a place for mailboxes. */
enum hf_status imap_mailbox_place(struct imap_cmd *cmd, struct hf_str name, struct imap_place *place);
/* An operation there found that the name is taken: HF_EEXISTS only when the user may know it. */
enum hf_status imap_mailbox_taken(struct imap_cmd *cmd, struct hf_str name);

/* All that LIST may show: the user's own mailboxes and subscriptions (info.id 0: only that), then what others let him see, all in
 * order of name as LIST wants it ('/' before everything else; INBOX first). */
void imap_mailbox_list(struct imap_session *session, struct hf_arena *arena, struct imap_mailbox **list, size_t *count);

/* rights.c: the rights in the selected mailbox -------------------------------------------------------------------- */

/* A mailbox has been selected; `version` (hf_rights_version()) was taken before its rights were looked up. */
void imap_rights_begin(struct imap_session *session, uint32_t rights, uint64_t version);
/* Whether the command may go on, after rights may have changed: tells what there is to tell. False: the mailbox may no longer be
 * read, and is as deleted. */
bool imap_rights_hold(struct imap_session *session);
/* HF_OK, or HF_ENOPERM when one of these is missing in the selected mailbox. */
enum hf_status imap_rights_need(struct imap_session *session, uint32_t needed);
/* Of system flags, those that these rights allow to set and to clear; keywords: HF_RIGHT_WRITE. RFC 4314 §4. */
uint32_t imap_rights_flags(uint32_t rights);
/* READ-WRITE or READ-ONLY: RFC 4314 §5.2. \Seen is everyone's own, so right s does not count. */
bool imap_rights_are_writing(uint32_t rights);

#endif
