/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on messages: flags, expunge, copy, move, replace; retention and collectors; large ones in pieces. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/kept.h"
#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, inbox, other;
static struct hf_set all;

static void setup(void)
{
	case_begin("ops");
	settings.kept_s = 3600;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	inbox = fixture_mailbox(store, anna, "INBOX");
	other = fixture_mailbox(store, anna, "Other");
	all = HF_SET_INIT;
	hf_set_add_range(&all, 1, UINT32_MAX);
}

static void teardown(void)
{
	case_end();
	hf_set_fini(&all);
}

static void fill(uint64_t mailbox, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char text[200];

		snprintf(text, sizeof(text), "Subject: %u\r\nMessage-ID: <%u@m%u>\r\n\r\nBody\r\n", i, i, (unsigned)mailbox);
		fixture_append(store, mailbox, text, 0);
	}
}

#define assert_set(set, text) assert_set_at((set), (text), __LINE__)
static void assert_set_at(const struct hf_set *set, const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_set_format(set, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s", line, (int)out.size,
		      out.data ? out.data : "", text);
	hf_buf_fini(&out);
}

static struct hf_record record_of(uint64_t mailbox, uint32_t uid)
{
	struct hf_record record;

	must(fixture_record(store, mailbox, uid, &record));
	return record;
}

/* Flags ----------------------------------------------------------------------------------------------------------- */

START_TEST(flags_change_and_only_changes_get_a_modseq)
{
	struct hf_str keywords[] = { HF_STR("$Junk"), HF_STR("work") };
	struct hf_flag_change add = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN, .keywords = keywords, .keyword_count = 2 };
	struct hf_flag_change remove = { .mode = HF_FLAGS_REMOVE, .flags = HF_FLAG_SEEN, .keywords = keywords + 1,
					 .keyword_count = 1 };
	struct hf_flag_change replace = { .mode = HF_FLAGS_REPLACE, .flags = HF_FLAG_DELETED };
	struct hf_mailbox_info info;
	struct hf_op *op;
	struct hf_record r;
	uint64_t before;

	fill(inbox, 5);
	fixture_info(store, inbox, &info);
	before = info.highestmodseq.n;
	op = op_store_new(inbox, set_of("2:4,9"), &add);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_applied(op), "2:4");
	ck_assert(hf_op_made_modseq(op, HF_MOD(before + 1)));
	ck_assert(!hf_op_made_modseq(op, HF_MOD(before)));
	hf_op_free(&op);
	r = record_of(inbox, 3);
	ck_assert_uint_eq(r.flags, HF_FLAG_SEEN);
	ck_assert_uint_eq(r.keywords, 3);
	ck_assert_uint_eq(r.modseq.n, before + 1);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.unseen, 2);
	op = op_store_new(inbox, set_of("2:4"), &add); /* the same again */
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_applied(op), "2:4");
	ck_assert_uint_eq(hf_op_modseq(op).n, 0);
	hf_op_free(&op);
	ck_assert_int_eq(run(op_store_new(inbox, set_of("3"), &remove)), HF_OK);
	r = record_of(inbox, 3);
	ck_assert_uint_eq(r.flags, 0);
	ck_assert_uint_eq(r.keywords, 1);
	ck_assert_uint_eq(r.modseq.n, before + 2);
	ck_assert_int_eq(run(op_store_new(inbox, set_of("2"), &replace)), HF_OK);
	r = record_of(inbox, 2);
	ck_assert_uint_eq(r.flags, HF_FLAG_DELETED);
	ck_assert_uint_eq(r.keywords, 0);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.deleted, 1);
	ck_assert_uint_eq(info.unseen, 4);
}
END_TEST

START_TEST(unchangedsince_refuses_what_changed)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_op *op;

	fill(inbox, 4); /* modseqs 2 to 5 */
	change.conditional = true;
	change.unchangedsince = record_of(inbox, 2).modseq;
	op = op_store_new(inbox, &all, &change);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_applied(op), "1:2");
	assert_set(hf_op_modified(op), "3:4");
	hf_op_free(&op);
}
END_TEST

START_TEST(a_mailbox_has_64_keywords)
{
	struct hf_str names[65];
	char texts[65][8];
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .keywords = names, .keyword_count = 65 };

	fill(inbox, 1);
	for (unsigned i = 0; i < 65; i++) {
		snprintf(texts[i], sizeof(texts[i]), "k%u", i);
		names[i] = hf_str(texts[i]);
	}
	ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_ELIMIT);
	ck_assert_uint_eq(record_of(inbox, 1).keywords, 0);
	change.keyword_count = 64;
	ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_OK);
	ck_assert_uint_eq(record_of(inbox, 1).keywords, UINT64_MAX);
	reopen();
	change.keywords = names + 64;
	change.keyword_count = 1;
	ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_ELIMIT);
	names[64] = HF_STR("K7"); /* known in another case */
	ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_OK);
}
END_TEST

/* The message matters more than a keyword: it is copied, and who copies is told. */
START_TEST(a_copy_without_room_for_its_keyword_says_so)
{
	uint64_t full = fixture_mailbox(store, anna, "full"), third = fixture_mailbox(store, anna, "third");
	struct hf_str names[64], last = HF_STR("last");
	char texts[64][8];
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .keywords = names, .keyword_count = 64 };
	struct hf_op *op;

	fill(full, 1);
	fill(inbox, 2);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(texts[i], sizeof(texts[i]), "k%u", i);
		names[i] = hf_str(texts[i]);
	}
	ck_assert_int_eq(run(op_store_new(full, &all, &change)), HF_OK);
	change.keyword_count = 1;
	ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_OK);
	for (unsigned move = 0; move < 2; move++) {
		op = op_copy_new(inbox, &all, full, false);
		ck_assert_int_eq(hf_store_run(store, op), HF_OK);
		ck_assert_int_eq(hf_op_keywords_dropped(op), move);
		ck_assert_uint_eq(hf_set_size(hf_op_copied_to(op)), 2);
		hf_op_free(&op);
		change.keywords = &last;
		ck_assert_int_eq(run(op_store_new(inbox, &all, &change)), HF_OK);
	}
	op = op_copy_new(inbox, &all, full, true);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert(hf_op_keywords_dropped(op));
	hf_op_free(&op);
	ck_assert_uint_eq(record_of(full, 6).keywords, 1);
	op = op_copy_new(full, &all, third, false);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert(!hf_op_keywords_dropped(op));
	hf_op_free(&op);
}
END_TEST

START_TEST(recent_is_claimed_once)
{
	struct hf_mailbox_info info;

	fill(inbox, 3);
	ck_assert_int_eq(run(op_claim_recent_new(inbox, HF_UID(3))), HF_OK);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.recent, 1);
	ck_assert_int_eq(run(op_claim_recent_new(inbox, HF_UID(2))), HF_OK);
	ck_assert_int_eq(run(op_claim_recent_new(inbox, HF_UID(4))), HF_OK);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.recent, 0);
}
END_TEST

/* Expunge --------------------------------------------------------------------------------------------------------- */

START_TEST(expunged_messages_are_kept_and_remembered)
{
	struct hf_flag_change deleted = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_DELETED };
	struct hf_set gone = HF_SET_INIT;
	struct hf_mailbox_info info;
	struct hf_record before;
	struct hf_buf octets = HF_BUF_INIT;
	struct hf_mod floor;
	struct hf_op *op;

	fill(inbox, 6);
	before = record_of(inbox, 4);
	ck_assert_int_eq(run(op_store_new(inbox, set_of("2,4:5"), &deleted)), HF_OK);
	op = op_expunge_new(inbox, set_of("1:4"), false);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_expunged(op), "2,4");
	ck_assert_int_eq(hf_rows_gone(store, inbox, HF_MOD(hf_op_modseq(op).n - 1), &gone, &floor), HF_OK);
	assert_set(&gone, "2,4");
	ck_assert_uint_eq(floor.n, 0);
	hf_set_clear(&gone);
	ck_assert_int_eq(hf_rows_gone(store, inbox, hf_op_modseq(op), &gone, &floor), HF_OK);
	ck_assert(hf_set_is_empty(&gone));
	hf_op_free(&op);
	op = op_expunge_new(inbox, set_of("1,5"), true);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_expunged(op), "1,5");
	hf_op_free(&op);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 2);
	ck_assert_uint_eq(info.deleted, 0);
	ck_assert_int_eq(fixture_read(store, anna, before.email, &octets), HF_OK);
	hf_buf_fini(&octets);
	hf_set_fini(&gone);
}
END_TEST

/* History ---------------------------------------------------------------------------------------------------------- */

struct op_history {
	struct hf_op op;
	uint32_t from, to;
};

/* As if so many messages had been expunged, one at a time. */
static enum hf_status history_apply(struct hf_op *op, struct batch *batch)
{
	const struct op_history *history = (const struct op_history *)op;
	struct hf_set uids = HF_SET_INIT;
	struct batch_mailbox *mailbox;
	enum hf_status status = batch_mailbox(batch, inbox, false, &mailbox);

	for (uint32_t i = history->from; i < history->to && status == HF_OK; i++) {
		hf_set_clear(&uids);
		hf_set_add(&uids, i);
		mailbox->row.highestmodseq++;
		status = mailbox_gone(batch, mailbox, &uids, HF_MOD(mailbox->row.highestmodseq));
	}
	batch_touch_mailbox(batch, mailbox);
	hf_set_fini(&uids);
	return status;
}

static const struct op_kind kind_history = { .name = "history", .apply = history_apply };

static uint64_t make_history(uint32_t from, uint32_t to)
{
	struct op_history *history = op_new(&kind_history, sizeof(*history));
	struct row_mailbox row;

	history->from = from;
	history->to = to;
	ck_assert_int_eq(run(&history->op), HF_OK);
	ck_assert_int_eq(mailbox_get(store, inbox, arena, &row), HF_OK);
	return row.highestmodseq;
}

/* What a client that has been away since then is told: VANISHED with all that is known, and that older changes are not. */
START_TEST(the_older_half_of_a_long_history_goes)
{
	struct hf_set gone = HF_SET_INIT;
	struct row_mailbox row;
	struct hf_mod floor;
	uint64_t first, last;

	fill(inbox, 1);
	ck_assert_int_eq(mailbox_get(store, inbox, arena, &row), HF_OK);
	first = row.highestmodseq;
	ck_assert_uint_eq(make_history(10000, 18192), first + 8192);
	ck_assert_int_eq(hf_rows_gone(store, inbox, HF_MOD(first), &gone, &floor), HF_OK);
	ck_assert_uint_le(floor.n, first);
	assert_set(&gone, "10000:18191");
	last = make_history(20000, 20001);
	hf_set_clear(&gone);
	ck_assert_int_eq(hf_rows_gone(store, inbox, HF_MOD(first), &gone, &floor), HF_OK);
	ck_assert_uint_eq(floor.n, first + 4096);
	assert_set(&gone, "14096:18191,20000");
	hf_set_clear(&gone);
	ck_assert_int_eq(hf_rows_gone(store, inbox, HF_MOD(last - 1), &gone, &floor), HF_OK);
	assert_set(&gone, "20000");
	ck_assert_int_eq(mailbox_get(store, inbox, arena, &row), HF_OK);
	ck_assert_uint_eq(row.gone_count, 4097);
	reopen();
	hf_set_clear(&gone);
	ck_assert_int_eq(hf_rows_gone(store, inbox, floor, &gone, &floor), HF_OK);
	ck_assert_uint_eq(floor.n, first + 4096);
	assert_set(&gone, "14096:18191,20000");
	hf_set_fini(&gone);
}
END_TEST

START_TEST(without_retention_nothing_is_left)
{
	struct hf_record r;
	struct hf_email email;
	struct hf_user user;

	hf_store_close(&store);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	fill(inbox, 10);
	r = record_of(inbox, 1);
	ck_assert_int_eq(run(op_copy_new(inbox, set_of("1"), other, false)), HF_OK);
	ck_assert_int_eq(run(op_expunge_new(inbox, &all, true)), HF_OK);
	ck_assert(fixture_collected(store, "KG"));
	ck_assert_int_eq(hf_email_get(store, anna, r.email, arena, &email), HF_OK);
	ck_assert_int_eq(run(op_expunge_new(other, &all, true)), HF_OK);
	ck_assert(fixture_collected(store, "KG"));
	ck_assert_int_eq(hf_email_get(store, anna, r.email, arena, &email), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_user_find(store, HF_STR("anna"), arena, &user), HF_OK);
	ck_assert_uint_eq(user.used_size, 0);
	ck_assert_uint_eq(user.used_count, 0);
}
END_TEST

static bool count_kept(void *arg, const struct hf_kept *kept)
{
	ck_assert_int_gt(kept->time, 0);
	++*(unsigned *)arg;
	return true;
}

static void assert_uids(uint64_t mailbox, uint32_t first, uint32_t last)
{
	struct hf_mailbox_info info;
	uint32_t count;
	struct hf_record *records = fixture_records(store, mailbox, &count);

	ck_assert_uint_eq(count, last - first + 1);
	for (uint32_t i = 0; i < count; i++)
		ck_assert_uint_eq(records[i].uid.n, first + i);
	free(records);
	fixture_info(store, mailbox, &info);
	ck_assert_uint_eq(info.messages, count);
}

/* Index rows of many are dead at once and follow later; nobody sees them, in the same batch, later, or after a restart. */
START_TEST(of_many_the_rows_follow_later)
{
	struct hf_flag_change seen = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	uint64_t third = fixture_mailbox(store, anna, "Third");
	unsigned kept = 0;
	struct hf_op *op;

	fill(inbox, 100);
	ck_assert_int_eq(run(op_copy_new(inbox, set_of("1:60"), other, false)), HF_OK);
	for (unsigned pass = 0; pass < 4; pass++) {
		if (pass == 0)
			ck_assert_int_eq(run(op_expunge_new(inbox, set_of("1:80"), true)), HF_OK);
		if (pass == 1) {
			ck_assert_int_eq(run(op_copy_new(other, set_of("1:40"), third, true)), HF_OK);
			settings.read_only = true; /* they are never buried */
			reopen();
		}
		if (pass == 2) {
			settings.read_only = false;
			reopen();
		}
		if (pass == 3)
			ck_assert(fixture_collected(store, "J"));
		assert_uids(inbox, 81, 100);
		if (pass) {
			assert_uids(other, 41, 60);
			assert_uids(third, 1, 40);
		}
		if (pass == 0 || pass > 2) {
			op = op_store_new(inbox, &all, &seen);
			ck_assert_int_eq(hf_store_run(store, op), HF_OK);
			assert_set(&op->results.applied, "81:100");
			hf_op_free(&op);
			ck_assert_int_eq(run(op_expunge_new(inbox, set_of("1:80"), true)), HF_OK);
		}
		ck_assert_uint_eq(fixture_verify(store, NULL), 0);
	}
	ck_assert_int_eq(hf_kept_each(store, inbox, count_kept, &kept), HF_OK);
	ck_assert_uint_eq(kept, 80);
	kept = 0;
	ck_assert_int_eq(hf_kept_each(store, other, count_kept, &kept), HF_OK);
	ck_assert_uint_eq(kept, 0); /* moved ones live elsewhere */
}
END_TEST

START_TEST(what_is_pinned_stays)
{
	struct hf_content *content;
	struct hf_email email;
	struct hf_str piece;
	struct hf_record r;

	hf_store_close(&store);
	settings.kept_s = 0;
	store = fixture_open(&settings);
	fill(inbox, 1);
	r = record_of(inbox, 1);
	ck_assert_int_eq(hf_email_get(store, anna, r.email, arena, &email), HF_OK);
	ck_assert_int_eq(hf_content_open(store, &email, &content), HF_OK);
	ck_assert_int_eq(run(op_expunge_new(inbox, &all, true)), HF_OK);
	ck_assert(fixture_collected(store, "K"));
	nanosleep(&(struct timespec){ 0, 600000000 }, NULL); /* time for the collector to do wrong */
	ck_assert(fixture_has_rows(store, "G"));
	ck_assert_int_eq(hf_content_peek(content, 0, &piece), HF_OK);
	ck_assert(hf_str_starts(piece, HF_STR("Subject: 0")));
	hf_content_close(&content);
	ck_assert(fixture_collected(store, "G"));
}
END_TEST

/* Copy, move ------------------------------------------------------------------------------------------------------- */

START_TEST(copies_share_the_email)
{
	struct hf_str keyword = HF_STR("blue"), first = HF_STR("green");
	struct hf_flag_change add = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN, .keywords = &keyword, .keyword_count = 1 };
	struct hf_flag_change green = { .mode = HF_FLAGS_ADD, .keywords = &first, .keyword_count = 1 };
	struct hf_record from, to;
	struct hf_op *op;

	fill(inbox, 5);
	fill(other, 1);
	ck_assert_int_eq(run(op_store_new(other, &all, &green)), HF_OK);
	ck_assert_int_eq(run(op_store_new(inbox, set_of("3"), &add)), HF_OK);
	op = op_copy_new(inbox, set_of("2:3,5,77"), other, false);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_copied_from(op), "2:3,5");
	assert_set(hf_op_copied_to(op), "2:4");
	hf_op_free(&op);
	from = record_of(inbox, 3);
	to = record_of(other, 3);
	ck_assert_uint_eq(from.email, to.email);
	ck_assert_uint_eq(from.thread, to.thread);
	ck_assert_uint_eq(to.flags, HF_FLAG_SEEN);
	ck_assert_uint_eq(from.keywords, 1);
	ck_assert_uint_eq(to.keywords, 2); /* another bit there */
	ck_assert_int_eq(run(op_copy_new(inbox, &all, 12345, false)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(op_copy_new(inbox, set_of("1"), inbox, false)), HF_OK);
	ck_assert_uint_eq(record_of(inbox, 6).email, record_of(inbox, 1).email);
}
END_TEST

START_TEST(moved_messages_are_in_one_place)
{
	struct hf_mailbox_info info;
	struct hf_set gone = HF_SET_INIT;
	struct hf_mod floor;
	uint64_t email;
	struct hf_op *op;

	fill(inbox, 4);
	email = record_of(inbox, 2).email;
	op = op_copy_new(inbox, set_of("2:3"), other, true);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_copied_from(op), "2:3");
	assert_set(hf_op_copied_to(op), "1:2");
	hf_op_free(&op);
	ck_assert_uint_eq(record_of(other, 1).email, email);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 2);
	ck_assert_int_eq(hf_rows_gone(store, inbox, HF_MOD(1), &gone, &floor), HF_OK);
	assert_set(&gone, "2:3");
	ck_assert_int_eq(run(op_copy_new(inbox, &all, inbox, true)), HF_OK);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 2);
	ck_assert_uint_eq(info.uidnext.n, 7);
	hf_set_fini(&gone);
}
END_TEST

START_TEST(copies_to_another_account_share_the_content)
{
	uint64_t bert = fixture_user(store, "bert"), theirs = fixture_mailbox(store, bert, "INBOX");
	struct hf_email one, two;

	fill(inbox, 2);
	ck_assert_int_eq(run(op_copy_new(inbox, set_of("1"), theirs, false)), HF_OK);
	ck_assert_int_eq(run(op_copy_new(inbox, set_of("2"), theirs, true)), HF_OK);
	ck_assert_int_eq(hf_email_get(store, anna, record_of(inbox, 1).email, arena, &one), HF_OK);
	ck_assert_int_eq(hf_email_get(store, bert, record_of(theirs, 1).email, arena, &two), HF_OK);
	ck_assert_uint_eq(one.content, two.content);
	ck_assert_int_eq(hf_email_get(store, bert, record_of(theirs, 2).email, arena, &two), HF_OK);
}
END_TEST

START_TEST(a_replaced_message_leaves_as_the_new_one_comes)
{
	struct hf_append item = { .flags = HF_FLAG_DRAFT };
	struct hf_op *op;

	fill(inbox, 2);
	item.stage = fixture_stage(store, HF_STR("Subject: new\r\n\r\n"), 0);
	op = op_append_new(store, other, &item, 1, inbox, HF_UID(2));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_appended(op), "1");
	assert_set(hf_op_expunged(op), "2");
	hf_op_free(&op);
	item.stage = fixture_stage(store, HF_STR("Subject: newer\r\n\r\n"), 0);
	ck_assert_int_eq(run(op_append_new(store, other, &item, 1, inbox, HF_UID(2))), HF_ENONEXISTENT);
	ck_assert_uint_eq(record_of(other, 1).flags, HF_FLAG_DRAFT);
}
END_TEST

/* Large ones ------------------------------------------------------------------------------------------------------ */

/* `count` messages, quickly: one is copied on and on. */
static void fill_fast(uint64_t mailbox, unsigned count)
{
	struct hf_set half = HF_SET_INIT;

	fill(mailbox, 1);
	for (unsigned have = 1; have < count;) {
		unsigned more = have < count - have ? have : count - have;

		hf_set_clear(&half);
		hf_set_add_range(&half, 1, more);
		must(run(op_copy_new(mailbox, &half, mailbox, false)) == HF_OK);
		have += more;
	}
	hf_set_fini(&half);
}

START_TEST(large_operations_go_in_pieces)
{
	struct hf_flag_change seen = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_mailbox_info info;
	struct hf_op *op;

	fill_fast(inbox, 25000);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 25000);
	op = op_store_new(inbox, &all, &seen);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_applied(op), "1:25000");
	ck_assert_uint_eq(op->results.modseq_count, 3);
	hf_op_free(&op);
	op = op_copy_new(inbox, &all, other, false);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_copied_from(op), "1:25000");
	assert_set(hf_op_copied_to(op), "1:25000");
	hf_op_free(&op);
	fixture_info(store, other, &info);
	ck_assert_uint_eq(info.messages, 25000);
	ck_assert_uint_eq(info.highestmodseq.n, record_of(other, 20000).modseq.n);
	op = op_expunge_new(inbox, &all, true);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	assert_set(hf_op_expunged(op), "1:25000");
	hf_op_free(&op);
	ck_assert_int_eq(run(op_copy_new(other, &all, inbox, true)), HF_OK);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 25000);
	ck_assert_uint_eq(info.unseen, 0);
}
END_TEST

static void *append_some(void *arg)
{
	for (unsigned i = 0; i < 20; i++)
		fixture_append(store, *(uint64_t *)arg, "Subject: between\r\n\r\n", 0);
	return NULL;
}

START_TEST(nothing_comes_between_the_messages_of_a_large_copy)
{
	struct hf_flag_change seen = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_op *op;
	pthread_t thread;

	fill_fast(inbox, 30000);
	fill(other, 3);
	pthread_create(&thread, NULL, append_some, &other);
	op = op_copy_new(inbox, &all, other, false);
	ck_assert_int_eq(run(op_store_new(other, set_of("1"), &seen)), HF_OK);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	ck_assert_uint_eq(hf_op_copied_to(op)->count, 1);
	ck_assert_uint_eq(hf_set_size(hf_op_copied_to(op)), 30000);
	hf_op_free(&op);
	ck_assert_int_eq(run(op_store_new(other, set_of("2"), &seen)), HF_OK);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_large_copy_that_fails_leaves_nothing)
{
	struct hf_mailbox_info info;
	struct batch_user *user;
	struct batch *batch = batch_new(store);

	fill_fast(inbox, 15000);
	must(batch_begin(batch) == HF_OK && batch_user(batch, anna, &user) == HF_OK);
	user->row.limit_count = 28000;
	batch_touch_user(batch, user);
	must(batch_commit(batch) == HF_OK);
	batch_free(&batch);
	ck_assert_int_eq(run(op_copy_new(inbox, &all, other, false)), HF_EOVERQUOTA);
	fixture_info(store, other, &info);
	ck_assert_uint_eq(info.messages, 0);
	ck_assert_uint_eq(info.uidnext.n, 1);
	ck_assert(fixture_collected(store, "P"));
	fill(other, 1); /* and is not held any more */
}
END_TEST

/* Several threads ------------------------------------------------------------------------------------------------- */

static void *submit_many(void *arg)
{
	unsigned number = *(unsigned *)arg;

	for (unsigned i = 0; i < 60; i++) {
		struct hf_flag_change flag = { .mode = i % 2 ? HF_FLAGS_ADD : HF_FLAGS_REMOVE, .flags = HF_FLAG_FLAGGED };
		struct hf_set one = HF_SET_INIT;
		struct hf_uid uid = fixture_append(store, inbox, "Subject: t\r\n\r\nx\r\n", 0);

		hf_set_add(&one, uid.n);
		must(run(op_store_new(inbox, &one, &flag)) == HF_OK);
		if (i % 3 == 0)
			must(run(op_copy_new(inbox, &one, other, number % 2 != 0)) == HF_OK);
		if (i % 5 == 0)
			must(run(op_expunge_new(inbox, &one, true)) == HF_OK);
		hf_set_fini(&one);
	}
	return NULL;
}

START_TEST(threads_submit_at_once)
{
	pthread_t threads[6];
	unsigned numbers[6];
	struct hf_mailbox_info info;

	for (unsigned i = 0; i < 6; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, submit_many, &numbers[i]);
	}
	for (unsigned i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.uidnext.n, 361);
	reopen();
	fixture_info(store, other, &info);
	ck_assert_uint_eq(info.messages, 120);
}
END_TEST

START_TEST(an_abandoned_operation_completes_in_silence)
{
	struct hf_flag_change seen = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_op *never = op_store_new(inbox, &all, &seen), *op;

	hf_op_abandon(&never);
	fill(inbox, 1);
	for (unsigned i = 0; i < 50; i++) {
		op = op_claim_recent_new(inbox, HF_UID(1));
		hf_store_submit(store, NULL, op);
		hf_op_abandon(&op);
	}
	ck_assert_int_eq(run(op_store_new(inbox, &all, &seen)), HF_OK);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, flags_change_and_only_changes_get_a_modseq);
	tcase_add_test(tc, unchangedsince_refuses_what_changed);
	tcase_add_test(tc, a_mailbox_has_64_keywords);
	tcase_add_test(tc, a_copy_without_room_for_its_keyword_says_so);
	tcase_add_test(tc, recent_is_claimed_once);
	tcase_add_test(tc, expunged_messages_are_kept_and_remembered);
	tcase_add_test(tc, the_older_half_of_a_long_history_goes);
	tcase_add_test(tc, without_retention_nothing_is_left);
	tcase_add_test(tc, of_many_the_rows_follow_later);
	tcase_add_test(tc, what_is_pinned_stays);
	tcase_add_test(tc, copies_share_the_email);
	tcase_add_test(tc, moved_messages_are_in_one_place);
	tcase_add_test(tc, copies_to_another_account_share_the_content);
	tcase_add_test(tc, a_replaced_message_leaves_as_the_new_one_comes);
	tcase_add_test(tc, large_operations_go_in_pieces);
	tcase_add_test(tc, nothing_comes_between_the_messages_of_a_large_copy);
	tcase_add_test(tc, a_large_copy_that_fails_leaves_nothing);
	tcase_add_test(tc, threads_submit_at_once);
	tcase_add_test(tc, an_abandoned_operation_completes_in_silence);
}

int main(void)
{
	return run_tests("ops", add);
}
