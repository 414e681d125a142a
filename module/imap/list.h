/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of a user's mailboxes as LIST and LSUB see it, and the patterns that pick from it. */
#ifndef HF_MODULE_IMAP_LIST_H
#define HF_MODULE_IMAP_LIST_H

#include "module/imap/mailbox.h"

/* RFC 6154 attributes. */
struct imap_special_use {
	uint32_t bit;     /* HF_USE_* */
	const char *name; /* without backslash */
};
extern const struct imap_special_use imap_special_uses[];
extern const size_t imap_special_use_count;

/* A name: a mailbox, a subscription, or only a level above one of these. */
struct imap_list_node {
	struct hf_str name;
	const struct hf_mailbox_info *info; /* NULL: only a level */
	const struct imap_mailbox *mailbox; /* likewise */
	size_t parent;                      /* index of the node above, plus 1; 0: none */
	bool children;                      /* a mailbox is below it */
	bool subscribed_children;           /* a subscription is below it */
};

struct imap_list_tree {
	struct imap_list_node *nodes; /* parents before their children */
	size_t count;
};

static inline bool imap_list_exists(const struct imap_list_node *node)
{
	return node->info && node->info->id;
}

/* From a snapshot of what the session may see; everything lives in the arena. */
void imap_list_tree(struct imap_session *session, struct hf_arena *arena, struct imap_list_tree *tree);
/* From a snapshot of imap_mailbox_list(), which must live as long. */
void imap_list_tree_of(struct hf_arena *arena, const struct imap_mailbox *list, size_t count, struct imap_list_tree *tree);

/* A pattern made ready: reference and pattern joined, UTF-8, runs of wildcards reduced. */
struct imap_list_pattern {
	struct hf_str text;
	bool star;  /* has a "*" */
	bool never; /* not a name at all: matches nothing */
};
void imap_list_pattern_init(struct imap_session *session, struct hf_arena *arena,
			    struct hf_str reference, struct hf_str pattern,
			    struct imap_list_pattern *made);
/* RFC 9051 §6.3.9: "*" matches anything, "%" anything but "/". Linear in pattern times name. INBOX
 * without regard to case. */
bool imap_list_match(const struct imap_list_pattern *pattern, struct hf_str name);

/* One response: `attributes` ("\\HasNoChildren", may be empty), then special uses; `extended`: data
 * of RFC 5258 behind the name, with its parentheses, or NULL. */
void imap_list_write(struct imap_session *session, const char *word, const char *attributes,
		     const char *extended, const struct imap_list_node *node);

/* RFC 9051 §6.3.9.7: the mailbox as LIST has it now (`missing`: attributes where LIST does not have it), with OLDNAME, the name as it
 * was given, where that is another (data not NULL). */
void imap_list_tell(struct imap_session *session, struct hf_arena *arena, struct hf_str name, const char *missing,
		    struct hf_str given);
/* The same to a client with IMAP4rev2 that has given the name otherwise than it is; to others nothing. */
void imap_list_tell_given(struct imap_cmd *cmd, struct hf_str name, const char *missing, struct hf_str given);

#endif
