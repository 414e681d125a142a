/* SPDX-License-Identifier: BSD-2-Clause */
/* What the cases of most tests of storage/ have: one store, its settings, and an arena for what is read from it. Included by
 * tests that call case_begin() and case_end() in their fixture. */
#ifndef HF_TESTS_STORE_CASE_H
#define HF_TESTS_STORE_CASE_H

#include "tests/support/store_fixture.h"

extern char *directory;
extern struct hf_store_settings settings;
extern struct hf_store *store;
extern struct hf_arena *arena;

/* A directory, an arena, and settings, which may be changed before `store` is opened with them. */
void case_begin(const char *name);
/* Verifies the store, which is to be without damage. */
void case_end(void);

void reopen(void);
/* Runs and frees it. */
enum hf_status run(struct hf_op *op);
/* Of numbers up to 1000; good until the next call. */
struct hf_set *set_of(const char *text);

#endif
