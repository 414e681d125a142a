/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of views begin with: over fake rows, an INBOX, and a view of it that a test may open. */
#ifndef HF_TESTS_STORAGE_VIEW_CASE_H
#define HF_TESTS_STORAGE_VIEW_CASE_H

#include "tests/storage/fake_rows.h"

enum { USER = 9 };

extern struct hf_store *store;
extern struct hf_arena *arena;
extern struct hf_view *view; /* closed at the end; NULL: none */
extern struct counter news, other_news;
extern struct hf_sync told;
extern uint64_t box;

/* The fixture. */
void view_begin(void);
void view_end(void);

#endif
