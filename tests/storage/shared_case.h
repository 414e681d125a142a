/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of mailboxes of others begin with: in the store of store_case.h anna, who shares `box`, and bert, who has `mine`. */
#ifndef HF_TESTS_STORAGE_SHARED_CASE_H
#define HF_TESTS_STORAGE_SHARED_CASE_H

#include "tests/support/store_case.h"

extern uint64_t anna, bert, box, mine;
extern struct sleeper news;
extern struct hf_set all;

/* The fixture: calls case_begin() and case_end(). */
void shared_begin(void);
void shared_end(void);

/* Gives anyone these rights, and no others. */
enum hf_status share(uint64_t mailbox, const char *letters);
/* A mailbox of anna's in which everybody may do everything. */
uint64_t shared_mailbox(const char *name);
void fill(uint64_t mailbox, unsigned count);
/* With one message and copies of it, twice as many each time until there are at least so many. */
void fill_with_copies(uint64_t mailbox, uint32_t least);

struct hf_view *open_view(uint64_t mailbox, uint64_t user);
void store_flags(struct hf_view *view, const char *uids, enum hf_flag_mode mode, uint32_t flags);

/* UIDs that the view shows as seen, and that what it counts fits them. */
#define assert_seen(view, text) assert_seen_at((view), (text), __LINE__)
void assert_seen_at(struct hf_view *view, const char *text, int line);
/* The same of a view that is opened for it. */
#define assert_seen_by(mailbox, user, text) assert_seen_by_at((mailbox), (user), (text), __LINE__)
void assert_seen_by_at(uint64_t mailbox, uint64_t user, const char *text, int line);

#endif
