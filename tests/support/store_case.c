/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/store_case.h"

char *directory;
struct hf_store_settings settings;
struct hf_store *store;
struct hf_arena *arena;

void case_begin(const char *name)
{
	directory = fixture_directory(name);
	fixture_settings(&settings, directory);
	arena = hf_arena_new();
}

void case_end(void)
{
	must(fixture_verify(store, NULL) == 0);
	hf_arena_free(&arena);
	hf_store_close(&store);
	fixture_remove(&directory);
}

void reopen(void)
{
	hf_store_close(&store);
	store = fixture_open(&settings);
}

enum hf_status run(struct hf_op *op)
{
	enum hf_status status = hf_store_run(store, op);

	hf_op_free(&op);
	return status;
}

struct hf_set *set_of(const char *text)
{
	static struct hf_set set;

	hf_set_clear(&set);
	must(hf_set_parse(hf_str(text), 0, 1000, &set) == HF_OK);
	return &set;
}
