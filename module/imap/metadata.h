/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations as IMAP has them, RFC 5464: what GETMETADATA, SETMETADATA and LIST share, and news of changes. */
#ifndef HF_MODULE_IMAP_METADATA_H
#define HF_MODULE_IMAP_METADATA_H

#include "module/imap/mailbox.h"

/* Names of entries as a client gave them. */
struct imap_entry {
	struct hf_str written;
	struct hf_str normal; /* data NULL: too long to be one */
};
struct imap_entries {
	struct imap_entry *list;
	size_t count, capacity;
};
/* HF_ESYNTAX: not the name of an entry (RFC 5464 §3.2). */
enum hf_status imap_entry_parse(struct imap_parser *p, struct imap_entry *entry);
/* One or several: in parentheses, or, where `bare`, with spaces between them. */
enum hf_status imap_entries_parse(struct imap_parser *p, bool bare, struct imap_entries *entries);
/* Each name once, in the order in which they were given. */
void imap_entries_unique(struct hf_arena *arena, struct imap_entries *entries);
/* One of them is too long: sets the text, returns HF_ELIMIT. */
enum hf_status imap_entries_check(struct imap_cmd *cmd, const struct imap_entries *entries);

/* What is annotated. */
struct imap_annotated {
	bool server;
	struct hf_str name;      /* of the mailbox, UTF-8; data NULL: no name of a mailbox */
	uint64_t id;             /* 0: the server */
	bool own;                /* the mailbox is the user's */
	bool may_share;          /* the user may set shared entries */
	uint32_t special_use;
};
/* The mailbox argument; the empty string is the server. */
bool imap_annotated_parse(struct imap_parser *p, struct imap_annotated *annotated);
/* Looks it up. A mailbox whose annotations one may not see is as one that does not exist. */
enum hf_status imap_annotated_find(struct imap_cmd *cmd, struct imap_annotated *annotated);
void imap_annotated_is(const struct imap_session *session, const struct imap_mailbox *mailbox,
		       struct imap_annotated *annotated);
/* RFC 5464 §3.3: rights l, and one of r, s, w, i, p. */
bool imap_annotated_is_for(const struct imap_mailbox *mailbox);

/* RFC 6154 §4: this entry of a mailbox is its special use. */
bool imap_entry_is_use(const struct imap_annotated *annotated, struct hf_str normal);
/* The value of an entry, in the arena; data NULL: none. */
enum hf_status imap_metadata_value(struct imap_session *session,
				   const struct imap_annotated *annotated, struct hf_str normal,
				   struct hf_arena *arena, struct hf_str *value);
/* "* METADATA mailbox " */
void imap_metadata_head(struct imap_session *session, const struct imap_annotated *annotated,
			struct hf_buf *out);
/* "entry value", with a space before it where `next`. */
void imap_metadata_add(struct hf_buf *out, bool next, struct hf_str written, struct hf_str value);
/* LIST RETURN (METADATA ...): one response with all entries, RFC 9590. What cannot be read is left out. */
void imap_metadata_write(struct imap_session *session, const struct imap_mailbox *mailbox,
			 const struct imap_entries *entries);

#endif
