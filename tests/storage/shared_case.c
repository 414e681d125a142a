/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/storage/shared_case.h"

#include <stdio.h>

#include "storage/op_priv.h"
#include "tests/base/base_test.h"

uint64_t anna, bert, box, mine;
struct sleeper news;
struct hf_set all;

void shared_begin(void)
{
	case_begin("shared");
	settings.kept_s = 3600;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	bert = fixture_user(store, "bert");
	box = shared_mailbox("box");
	mine = fixture_mailbox(store, bert, "mine");
	sleeper_init(&news);
	all = HF_SET_INIT;
	hf_set_add_range(&all, 1, UINT32_MAX);
}

void shared_end(void)
{
	case_end();
	hf_set_fini(&all);
	sleeper_fini(&news);
}

enum hf_status share(uint64_t mailbox, const char *letters)
{
	uint32_t rights = 0;

	ck_assert_int_eq(hf_rights_parse(hf_str(letters), &rights), HF_OK);
	return run(hf_op_rights(store, mailbox, HF_STR("anyone"), HF_RIGHTS_SET, rights));
}

uint64_t shared_mailbox(const char *name)
{
	uint64_t mailbox = fixture_mailbox(store, anna, name);

	ck_assert_int_eq(share(mailbox, "lrswipkxtea"), HF_OK);
	return mailbox;
}

void fill(uint64_t mailbox, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char text[200];

		snprintf(text, sizeof(text), "Subject: %u\r\nMessage-ID: <%u@m%u>\r\n\r\nBody\r\n", i, i, (unsigned)mailbox);
		fixture_append(store, mailbox, text, 0);
	}
}

void fill_with_copies(uint64_t mailbox, uint32_t least)
{
	fill(mailbox, 1);
	for (uint32_t count = 1; count < least; count *= 2)
		ck_assert_int_eq(run(op_copy_new(mailbox, &all, mailbox, false)), HF_OK);
}

struct hf_view *open_view(uint64_t mailbox, uint64_t user)
{
	return fixture_view(store, mailbox, user, false, &news);
}

void assert_seen_at(struct hf_view *view, const char *text, int line)
{
	struct hf_set seen = HF_SET_INIT;
	struct hf_buf out = HF_BUF_INIT;
	struct hf_record record;
	uint32_t unseen = 0;
	struct hf_seq first = HF_SEQ(0);

	for (uint32_t seq = 1; seq <= hf_view_count(view); seq++) {
		ck_assert(hf_view_record(view, HF_SEQ(seq), &record));
		if (record.flags & HF_FLAG_SEEN) {
			hf_set_add(&seen, record.uid.n);
		} else {
			unseen++;
			first = first.n ? first : HF_SEQ(seq);
		}
	}
	hf_set_format(&seen, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %s instead of %s", line, hf_buf_cstr(&out), text);
	ck_assert_msg(hf_view_unseen_count(view) == unseen, "line %d: %u instead of %u unseen", line,
		      hf_view_unseen_count(view), unseen);
	ck_assert_msg(hf_view_first_unseen(view).n == first.n, "line %d: first unseen", line);
	hf_buf_fini(&out);
	hf_set_fini(&seen);
}

void assert_seen_by_at(uint64_t mailbox, uint64_t user, const char *text, int line)
{
	struct hf_view *view = open_view(mailbox, user);

	assert_seen_at(view, text, line);
	hf_view_close(&view);
}

void store_flags(struct hf_view *view, const char *uids, enum hf_flag_mode mode, uint32_t flags)
{
	struct hf_flag_change change = { .mode = mode, .flags = flags };

	ck_assert_int_eq(run(hf_op_store(view, set_of(uids), &change)), HF_OK);
}
