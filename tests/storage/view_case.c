/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/storage/view_case.h"

struct hf_store *store;
struct hf_arena *arena;
struct hf_view *view;
struct counter news, other_news;
struct hf_sync told;
uint64_t box;

void view_begin(void)
{
	store = fake_store_new();
	arena = hf_arena_new();
	fake_user(store, USER);
	box = fake_mailbox(store, USER, "INBOX");
	fake_publish_all(store);
	counter_init(&news);
	counter_init(&other_news);
	view = NULL;
}

void view_end(void)
{
	hf_view_close(&view);
	hf_arena_free(&arena);
	fake_store_free(&store);
	counter_fini(&news);
	counter_fini(&other_news);
}
