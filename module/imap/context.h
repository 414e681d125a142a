/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches and sorts whose results are kept up to date: RETURN (UPDATE), RFC 5267 §4.3. A context
 * is told by ESEARCH responses with ADDTO and REMOVEFROM, next to the news that cause them, until
 * CANCELUPDATE or until the mailbox is left. `items` (or NULL): UPDATE's own, RFC 5465 §7. */
#ifndef HF_MODULE_IMAP_CONTEXT_H
#define HF_MODULE_IMAP_CONTEXT_H

#include "module/imap/search.h"
#include "module/imap/sort.h"

struct imap_context;

/* Whether a command of that tag has one already: it is not to be used again (RFC 5267 §4.3). */
bool imap_context_exists(const struct imap_session *session, struct hf_str tag);
/* When the command starts: a copy of its search program, parsed from the same text, that outlives
 * it. Sequence numbers in it are taken as of now. `criteria` NULL: mailbox order. NULL when there
 * are enough: the untagged NO [NOUPDATE] has been written. */
struct imap_context *imap_context_new(struct imap_cmd *cmd, const struct search_program *program,
				      const struct sort_criteria *criteria, struct hf_str items);
void imap_context_free(struct imap_context **context);
/* When its result is known: from now on it is told. Takes it over. `sort` NULL: mailbox order. */
void imap_context_begin(struct imap_context **context, const struct hf_set *matches,
			const struct sort_run *sort);
/* False: there is none. */
bool imap_context_cancel(struct imap_session *session, struct hf_str tag);
void imap_contexts_free(struct imap_session *session);

/* sync.c: the view has moved. First, before any EXPUNGE is written; then, when all else has been,
 * until it is false. */
void imap_contexts_vanished(struct imap_session *session, const struct hf_sync *news);
bool imap_contexts_advance(struct imap_session *session, const struct hf_sync *news);
/* Whether it has FETCH items for new messages that come into its result (RFC 5465 §7): those of each such context into `sources`, for
 * a message that has come with the last news; how many. */
#define IMAP_CONTEXTS_MAX 10
struct fetch_args;
size_t imap_contexts_items(const struct imap_session *session, struct hf_uid uid, const struct fetch_args **sources);

#endif
