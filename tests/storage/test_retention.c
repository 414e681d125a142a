/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention: what is expunged when its time is over, in which mailboxes, and what is not. */
#include <stdlib.h>
#include <time.h>

#include "base/counter.h"
#include "storage/op_priv.h"
#include "storage/retention.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

#define DAY (24 * 3600)

static uint64_t anna, inbox;

static const struct hf_retention_rule rules[] = {
	{ HF_STR("Old"), 0, 30 * DAY },
	{ HF_STR(""), HF_USE_TRASH, 10 * DAY },
};

static void setup(void)
{
	case_begin("retention");
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	inbox = fixture_mailbox(store, anna, "INBOX");
}

static void teardown(void)
{
	case_end();
}

/* Saved so long ago ------------------------------------------------------------------------------------------------ */

struct op_age {
	struct hf_op op;
	uint64_t mailbox;
	struct hf_set uids;
	int64_t s;
};

static enum hf_status age_apply(struct hf_op *op, struct batch *batch)
{
	struct op_age *age = (struct op_age *)op;
	struct index_walk walk;
	struct hf_record record;
	enum hf_status status;

	index_walk_init(&walk, batch, age->mailbox, &age->uids, 1, UINT32_MAX);
	while ((status = index_walk_next(&walk, &record)) == HF_OK) {
		record.saved = (uint32_t)(batch->now - age->s);
		must(index_walk_put(&walk, &record) == HF_OK);
	}
	index_walk_fini(&walk);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static void age_fini(struct hf_op *op)
{
	hf_set_fini(&((struct op_age *)op)->uids);
}

static const struct op_kind kind_age = { .name = "age", .apply = age_apply, .fini = age_fini };

static void age(uint64_t mailbox, uint32_t first, uint32_t last, int64_t s)
{
	struct op_age *age = op_new(&kind_age, sizeof(*age));

	age->mailbox = mailbox;
	age->s = s;
	hf_set_add_range(&age->uids, first, last);
	ck_assert_int_eq(run(&age->op), HF_OK);
}

static void append(uint64_t mailbox, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char *message = fixture_message(i, 100);

		fixture_append(store, mailbox, message, 0);
		free(message);
	}
}

static uint64_t trash(const char *name)
{
	ck_assert_int_eq(run(hf_op_mailbox_create(store, anna, hf_str(name), HF_USE_TRASH)), HF_OK);
	return fixture_mailbox(store, anna, name);
}

static uint32_t count_of(uint64_t mailbox)
{
	struct hf_mailbox_info info;

	fixture_info(store, mailbox, &info);
	return info.messages;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static int64_t runs(void)
{
	return hf_counter_value(hf_counter_get("retention.runs", ""));
}

/* Two more: one may have begun before. */
static void wait_for_runs(void)
{
	int64_t before = runs();

	for (unsigned i = 0; i < 1000 && runs() < before + 2; i++)
		pause_ms(10);
	ck_assert_int_ge(runs(), before + 2);
}

#define becomes(mailbox, count) becomes_at((mailbox), (count), __LINE__)
static void becomes_at(uint64_t mailbox, uint32_t count, int line)
{
	for (unsigned i = 0; i < 500 && count_of(mailbox) != count; i++)
		pause_ms(10);
	ck_assert_msg(count_of(mailbox) == count, "line %d: %u messages", line, count_of(mailbox));
}

static void start_rules(void)
{
	hf_store_set_retention(store, rules, HF_COUNT(rules), 1);
}

START_TEST(what_is_over_goes_by_name_and_by_use)
{
	uint64_t old = fixture_mailbox(store, anna, "Old"), bin = trash("Bin"), other = fixture_mailbox(store, anna, "Other");
	struct hf_set all = HF_SET_INIT;
	uint64_t boxes[] = { inbox, old, bin, other };

	for (unsigned i = 0; i < HF_COUNT(boxes); i++) {
		append(boxes[i], 5);
		age(boxes[i], 1, 2, 31 * DAY);
		age(boxes[i], 3, 4, 11 * DAY);
	}
	start_rules();
	becomes(old, 3);
	becomes(bin, 1);
	wait_for_runs();
	ck_assert_uint_eq(count_of(inbox), 5);
	ck_assert_uint_eq(count_of(other), 5);
	ck_assert_uint_eq(count_of(old), 3);
	/* they can be brought back, and are saved anew */
	hf_set_add_range(&all, 1, UINT32_MAX);
	ck_assert_int_eq(run(hf_op_restore(store, bin, &all, bin, false)), HF_OK);
	wait_for_runs();
	ck_assert_uint_eq(count_of(bin), 5);
	hf_set_fini(&all);
}
END_TEST

START_TEST(a_mailbox_can_have_a_time_of_its_own)
{
	uint64_t old = fixture_mailbox(store, anna, "Old");
	struct hf_mailbox_info info = { .id = old, .name = HF_STR("Old") };
	struct hf_retention retention;

	append(old, 2);
	append(inbox, 2);
	ck_assert_int_eq(run(hf_op_retention(store, old, HF_RETENTION_OFF)), HF_OK);
	ck_assert_int_eq(run(hf_op_retention(store, 999, 5)), HF_ENONEXISTENT);
	age(old, 1, 1, 31 * DAY);
	age(inbox, 1, 1, 3 * DAY);
	start_rules();
	wait_for_runs();
	ck_assert_uint_eq(count_of(old), 2);
	ck_assert_int_eq(hf_retention_get(store, &info, &retention), HF_OK);
	ck_assert(retention.own && retention.s == 0 && !retention.by_rule);
	ck_assert_int_eq(run(hf_op_retention(store, inbox, 2 * DAY)), HF_OK);
	becomes(inbox, 1);
	ck_assert_uint_eq(count_of(old), 2);
	ck_assert_int_eq(run(hf_op_retention(store, old, HF_RETENTION_DEFAULT)), HF_OK);
	becomes(old, 1);
	ck_assert_int_eq(hf_retention_get(store, &info, &retention), HF_OK);
	ck_assert(!retention.own && retention.by_rule && retention.rule == 0 && retention.s == 30 * DAY);
	/* without any rule it is in force too, and after a restart */
	hf_store_close(&store);
	store = fixture_open(&settings);
	append(inbox, 1);
	age(inbox, 1, 10, 3 * DAY);
	hf_store_set_retention(store, NULL, 0, 1);
	becomes(inbox, 0);
	ck_assert_uint_eq(count_of(old), 1);
}
END_TEST

START_TEST(its_own_time_needs_no_rules_to_begin)
{
	append(inbox, 2);
	age(inbox, 1, 1, 100);
	hf_store_set_retention(store, NULL, 0, 3600);
	pause_ms(500); /* nothing to watch */
	ck_assert_int_eq(run(hf_op_retention(store, inbox, 50)), HF_OK);
	becomes(inbox, 1);
}
END_TEST

START_TEST(mailboxes_that_change_are_noticed)
{
	uint64_t made, other = fixture_mailbox(store, anna, "Other"), mover = fixture_mailbox(store, anna, "Mover");
	uint64_t leaver = trash("Leaver");

	append(other, 1);
	append(mover, 1);
	append(leaver, 1);
	start_rules();
	wait_for_runs();
	made = trash("Made"); /* after all have been looked through */
	append(made, 1);
	ck_assert_int_eq(run(hf_op_special_use(store, anna, HF_STR("Other"), HF_USE_TRASH)), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("Mover"), HF_STR("Old"))), HF_OK);
	ck_assert_int_eq(run(hf_op_special_use(store, anna, HF_STR("Leaver"), 0)), HF_OK);
	age(made, 1, 1, 40 * DAY);
	age(other, 1, 1, 40 * DAY);
	age(mover, 1, 1, 40 * DAY);
	age(leaver, 1, 1, 40 * DAY);
	/* what is known of them is that nothing is due: as after a long time */
	start_rules();
	becomes(made, 0);
	becomes(other, 0);
	becomes(mover, 0);
	wait_for_runs();
	ck_assert_uint_eq(count_of(leaver), 1);
}
END_TEST

START_TEST(a_mailbox_made_later_is_watched_without_another_look_at_all)
{
	struct hf_retention_rule soon = { HF_STR("Soon"), 0, 1 };
	uint64_t box;

	hf_store_set_retention(store, &soon, 1, 1);
	wait_for_runs();
	box = fixture_mailbox(store, anna, "Soon");
	append(box, 3);
	becomes(box, 0); /* by the clock */
	append(box, 1);
	becomes(box, 0);
}
END_TEST

START_TEST(very_many_go_in_pieces_and_sessions_are_told)
{
	enum { MANY = 3000 };
	uint64_t bin = trash("Bin");
	struct hf_view *view = NULL;
	struct hf_sync told;
	struct hf_set all = HF_SET_INIT;
	struct sleeper news;

	append(bin, 1);
	while (count_of(bin) < MANY) {
		hf_set_add_range(&all, 1, MANY - count_of(bin) < count_of(bin) ? MANY - count_of(bin) : count_of(bin));
		ck_assert_int_eq(run(op_copy_new(bin, &all, bin, false)), HF_OK);
		hf_set_clear(&all);
	}
	sleeper_init(&news);
	view = fixture_view(store, bin, anna, false, &news);
	age(bin, 1, MANY - 10, 11 * DAY);
	start_rules();
	becomes(bin, 10);
	wait_for_runs(); /* the last piece is in the rows before it is published */
	hf_view_sync(view, false, arena, &told);
	ck_assert_uint_eq(hf_set_size(&told.vanished), MANY - 10);
	ck_assert_uint_eq(told.exists, 10);
	hf_view_close(&view);
	sleeper_fini(&news);
	hf_set_fini(&all);
}
END_TEST

START_TEST(a_message_of_the_future_holds_nothing_up)
{
	uint64_t bin = trash("Bin");

	append(bin, 4);
	age(bin, 1, 1, -400 * DAY);
	age(bin, 2, 3, 11 * DAY);
	start_rules();
	becomes(bin, 2);
	wait_for_runs();
	ck_assert_uint_eq(count_of(bin), 2);
}
END_TEST

struct seen {
	unsigned mailboxes;
	uint64_t messages, size;
	int64_t oldest;
};

static void see(void *arg, const struct hf_retained *retained)
{
	struct seen *seen = arg;

	ck_assert_uint_eq(retained->owner, anna);
	seen->mailboxes++;
	seen->messages += retained->messages;
	seen->size += retained->size;
	seen->oldest = retained->oldest;
}

START_TEST(a_dry_run_tells_and_a_run_does)
{
	uint64_t bin = trash("Bin");
	struct seen seen = { .mailboxes = 0 };
	bool stop = true;

	append(bin, 700);
	hf_store_set_retention(store, rules, HF_COUNT(rules), 3600);
	for (unsigned i = 0; i < 500 && runs() == 0; i++)
		pause_ms(10);
	age(bin, 1, 600, 11 * DAY); /* nothing was due: it is not looked at again for hours */
	ck_assert_int_eq(hf_retention_run(store, true, see, &seen, NULL), HF_OK);
	ck_assert_uint_eq(seen.mailboxes, 1);
	ck_assert_uint_eq(seen.messages, 600);
	ck_assert_uint_gt(seen.size, 600 * 100);
	ck_assert_int_gt(seen.oldest, 0);
	ck_assert_uint_eq(count_of(bin), 700);
	ck_assert_int_eq(hf_retention_run(store, false, see, &seen, &stop), HF_OK);
	ck_assert_uint_eq(count_of(bin), 700);
	ck_assert_int_eq(hf_retention_run(store, false, see, &seen, NULL), HF_OK);
	ck_assert_uint_eq(seen.messages, 1200);
	ck_assert_uint_eq(count_of(bin), 100);
	ck_assert_int_eq(hf_retention_run(store, false, see, &seen, NULL), HF_OK);
	ck_assert_uint_eq(seen.mailboxes, 2);
}
END_TEST

static bool name_them(void *arg, uint64_t owner, struct hf_str mailbox, uint32_t s)
{
	ck_assert_uint_eq(owner, anna);
	hf_buf_printf(arg, "%.*s=%u ", HF_STR_ARG(mailbox), s);
	return true;
}

START_TEST(its_own_time_goes_with_the_mailbox)
{
	struct hf_buf names = HF_BUF_INIT;
	struct hf_deleted *deleted;
	size_t count;

	fixture_mailbox(store, anna, "a");
	ck_assert_int_eq(run(hf_op_retention(store, fixture_mailbox(store, anna, "a"), 500)), HF_OK);
	ck_assert_int_eq(run(hf_op_retention(store, inbox, 0)), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("a"), HF_STR("b"))), HF_OK);
	ck_assert_int_eq(hf_retention_each(store, name_them, &names), HF_OK);
	assert_buf(&names, "INBOX=0 b=500 ");
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("b"))), HF_OK);
	hf_buf_clear(&names);
	ck_assert_int_eq(hf_retention_each(store, name_them, &names), HF_OK);
	assert_buf(&names, "INBOX=0 ");
	ck_assert_int_eq(hf_deleted_list(store, anna, arena, &deleted, &count), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_undelete(store, anna, deleted, HF_STR("c"), false)), HF_OK);
	hf_buf_clear(&names);
	ck_assert_int_eq(hf_retention_each(store, name_them, &names), HF_OK);
	assert_buf(&names, "INBOX=0 c=500 ");
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("anna"))), HF_OK);
	ck_assert(fixture_collected(store, "JKHM"));
	hf_buf_fini(&names);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_is_over_goes_by_name_and_by_use);
	tcase_add_test(tc, a_mailbox_can_have_a_time_of_its_own);
	tcase_add_test(tc, its_own_time_needs_no_rules_to_begin);
	tcase_add_test(tc, mailboxes_that_change_are_noticed);
	tcase_add_test(tc, a_mailbox_made_later_is_watched_without_another_look_at_all);
	tcase_add_test(tc, very_many_go_in_pieces_and_sessions_are_told);
	tcase_add_test(tc, a_message_of_the_future_holds_nothing_up);
	tcase_add_test(tc, a_dry_run_tells_and_a_run_does);
	tcase_add_test(tc, its_own_time_goes_with_the_mailbox);
}

int main(void)
{
	return run_tests("retention", add);
}
