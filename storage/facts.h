/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts of many messages at once, from memory: what the rows say of a message never changes, so it is kept, for blocks of UIDs of a
 * mailbox, in the form in which SEARCH, SORT, THREAD and FETCH use it. Where a message has no entry (its row is
 * damaged, or something about it is unusual) the caller reads its rows as if there were no facts. Memory is bounded by
 * settings.facts_size; blocks that were not used for long make room. */
#ifndef HF_STORAGE_FACTS_H
#define HF_STORAGE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/set.h"
#include "base/status.h"
#include "base/str.h"
#include "storage/view.h"

enum hf_fact {
	/* HF_FACT_FIELD + hf_list_field(name): the texts of all fields of that name, decoded and folded, a NUL behind each. */
	HF_FACT_FIELD,
	HF_FACT_ENVELOPE = 32, /* rendered */
	HF_FACT_BODYSTRUCTURE, /* rendered, extended */
	HF_FACT_HEADERS,       /* for hf_fact_headers_pick() */
	HF_FACT_SORT_CC,       /* folded */
	HF_FACT_SORT_DISPLAYFROM,
	HF_FACT_SORT_DISPLAYTO,
	HF_FACT_SORT_FROM,
	HF_FACT_SORT_SUBJECT,
	HF_FACT_SORT_TO,
	HF_FACT_SIGNATURE,     /* for hf_facts_signature() */
	HF_FACT_THREAD,        /* uint64_t: HF_THREAD_*, then hashes of the references */
	HF_FACT_TEXT           /* the beginnings of the first text parts, decoded and folded, a NUL behind each */
};

/* Words of HF_FACT_THREAD. */
enum {
	HF_THREAD_SUBJECT, /* hash of the folded base subject; 0: it is empty */
	HF_THREAD_ID,      /* hash of the Message-ID; 0: there is none */
	HF_THREAD_REPLY,   /* whether the subject says that it is a reply */
	HF_THREAD_REFERENCES
};
/* Of such texts; never 0. Keyed, so that clients cannot choose what falls together. */
HF_API uint64_t hf_fact_hash(struct hf_str text);
struct hf_list_row;
/* The words for a list row; `words` has room for HF_THREAD_REFERENCES + HF_LIST_REFERENCES_MAX. Returns how many. */
#define HF_LIST_REFERENCES_MAX 20
HF_API size_t hf_fact_thread(const struct hf_list_row *row, uint64_t *words);

/* The fields whose bits (1 << hf_list_field()) are in `mask`, in the order of the header, each with its line end. */
HF_API void hf_fact_headers_pick(struct hf_str headers, uint32_t mask, struct hf_buf *out);

struct hf_facts;
/* For one pass over messages of the view. With `make`, a block that is not in memory is read; without, what is there is used. */
HF_API struct hf_facts *hf_facts_open(struct hf_store *store, struct hf_view *view, enum hf_fact fact, bool make);
HF_API void hf_facts_close(struct hf_facts **facts);
/* False: no entry. Cheap for UIDs in order. *data is borrowed until the next call. May read a block (up to 512 messages). */
HF_API bool hf_facts_get(struct hf_facts *facts, struct hf_uid uid, struct hf_str *data);
/* HF_FACT_SIGNATURE as hf_facts_get(): a signature that contains whatever the stored one does, and more. Borrowed likewise. */
struct hf_text_signature;
HF_API bool hf_facts_signature(struct hf_facts *facts, struct hf_uid uid, struct hf_text_signature *signature);
/* Adds the sequence numbers of messages of the view whose entry has the folded needle (without NUL) in it; empty: whose entry is
 * not empty. Those without an entry are added to `unknown`. HF_MORE: a bounded piece of it is done, go on. */
HF_API enum hf_status hf_facts_find(struct hf_facts *facts, struct hf_str needle, struct hf_set *found, struct hf_set *unknown);

/* Memos: results that follow from which messages the view shows, and from what never changes about them, alone. ------------- */

struct hf_memo;
/* What was kept under that name for exactly the messages that the view shows, or NULL. Close it. */
HF_API struct hf_memo *hf_memo_open(struct hf_store *store, const struct hf_view *view, struct hf_str name);
HF_API struct hf_str hf_memo_data(const struct hf_memo *memo);
HF_API void hf_memo_close(struct hf_memo **memo);
/* Copies. The last one under the name takes the place of the one before. */
HF_API void hf_memo_keep(struct hf_store *store, const struct hf_view *view, struct hf_str name, struct hf_str data);

#endif
