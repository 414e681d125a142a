/* SPDX-License-Identifier: BSD-2-Clause */
/* CREATE, DELETE, RENAME, SUBSCRIBE, special use, and what becomes of deleted mailboxes and users. */
#include <string.h>
#include <time.h>

#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna;

static void setup(void)
{
	case_begin("mailboxes");
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
}

static void teardown(void)
{
	case_end();
}

static enum hf_status create(const char *name)
{
	return run(hf_op_mailbox_create(store, anna, hf_str(name), 0));
}

static enum hf_status rename_to(const char *from, const char *to)
{
	return run(hf_op_mailbox_rename(store, anna, hf_str(from), hf_str(to)));
}

/* Names in order; '+' subscribed, '-' only a subscription. */
#define assert_names(text) assert_names_at((text), __LINE__)
static void assert_names_at(const char *text, int line)
{
	struct hf_mailbox_info *list;
	struct hf_buf out = HF_BUF_INIT;
	size_t count;

	ck_assert_int_eq(hf_rows_catalogue(store, anna, arena, &list, &count), HF_OK);
	for (size_t i = 0; i < count; i++) {
		hf_buf_add_str(&out, list[i].name);
		hf_buf_add_cstr(&out, !list[i].id ? "- " : list[i].subscribed ? "+ " : " ");
	}
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s", line, (int)out.size,
		      out.data ? out.data : "", text);
	hf_buf_fini(&out);
}

/* What an operation says of its own changes. */
static const struct hf_effect *effects_of(struct hf_op *op, size_t expected)
{
	const struct hf_effect *effects;
	size_t count;

	hf_op_want_effects(op);
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	effects = hf_op_effects(op, &count);
	ck_assert_uint_eq(count, expected);
	return effects;
}

START_TEST(operations_know_what_they_have_changed)
{
	struct hf_op *op = hf_op_mailbox_create(store, anna, HF_STR("up/down"), 0);
	const struct hf_effect *effects = effects_of(op, 2);
	uint64_t up = effects[0].mailbox, down = effects[1].mailbox;

	ck_assert(effects[0].kind == HF_EFFECT_NAMED && hf_str_eq(effects[0].name, HF_STR("up")));
	ck_assert(effects[1].kind == HF_EFFECT_NAMED && hf_str_eq(effects[1].name, HF_STR("up/down")));
	ck_assert_uint_eq(down, hf_op_mailbox(op));
	hf_op_free(&op);
	op = hf_op_mailbox_rename(store, anna, HF_STR("up"), HF_STR("on/top"));
	effects = effects_of(op, 3);
	ck_assert(effects[1].mailbox == up && hf_str_eq(effects[1].name, HF_STR("on/top")));
	ck_assert(effects[2].mailbox == down && hf_str_eq(effects[2].name, HF_STR("on/top/down")));
	hf_op_free(&op);
	for (unsigned i = 0; i < 3; i++)
		fixture_append(store, up, "Subject: x\r\n\r\n", 0);
	op = op_copy_new(up, &(struct hf_set){ .ranges = &(struct hf_range){ 1, 3 }, .count = 1 }, down, true);
	effects = effects_of(op, 2);
	ck_assert(effects[0].kind == HF_EFFECT_MESSAGES && effects[1].kind == HF_EFFECT_MESSAGES);
	ck_assert_uint_ne(effects[0].mailbox, effects[1].mailbox);
	for (unsigned i = 0; i < 2; i++) {
		struct hf_mailbox_info info;

		fixture_info(store, effects[i].mailbox, &info);
		ck_assert_uint_eq(effects[i].last.n, info.highestmodseq.n);
		ck_assert_uint_le(effects[i].first.n, effects[i].last.n);
	}
	hf_op_free(&op);
	op = hf_op_subscribe(store, anna, HF_STR("on"), true);
	effects = effects_of(op, 1);
	ck_assert(effects[0].kind == HF_EFFECT_SUBSCRIPTION && effects[0].subscribed && hf_str_eq(effects[0].name, HF_STR("on")));
	hf_op_free(&op);
	op = hf_op_mailbox_delete(store, anna, HF_STR("on/top"));
	effects = effects_of(op, 1);
	ck_assert(effects[0].kind == HF_EFFECT_GONE && effects[0].mailbox == up);
	hf_op_free(&op);
}
END_TEST

START_TEST(superior_levels_are_created_too)
{
	ck_assert_int_eq(create("a/b/c"), HF_OK);
	assert_names("INBOX+ a a/b a/b/c ");
	ck_assert_int_eq(create("a/b"), HF_EEXISTS);
	ck_assert_int_eq(create("INBOX/x"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_create(store, 99, HF_STR("x"), 0)), HF_ENONEXISTENT);
}
END_TEST

START_TEST(deleting_leaves_children)
{
	ck_assert_int_eq(create("a/b"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("a"))), HF_OK);
	assert_names("INBOX+ a/b ");
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("a"))), HF_ENONEXISTENT);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("INBOX"))), HF_ECANNOT);
}
END_TEST

START_TEST(renaming_takes_the_children_along)
{
	uint64_t id;
	struct hf_mailbox_info info;

	ck_assert_int_eq(create("a/b/c"), HF_OK);
	ck_assert_int_eq(create("ab"), HF_OK);
	id = fixture_mailbox(store, anna, "a/b");
	ck_assert_int_eq(rename_to("a", "x/y"), HF_OK);
	assert_names("INBOX+ ab x x/y x/y/b x/y/b/c ");
	ck_assert_uint_eq(fixture_mailbox(store, anna, "x/y/b"), id);
	ck_assert_int_eq(hf_rows_mailbox(store, id, arena, &info, NULL, NULL), HF_OK);
	assert_octets(info.name, HF_STR("x/y/b"));
	ck_assert_int_eq(rename_to("x", "ab"), HF_EEXISTS);
	ck_assert_int_eq(rename_to("x", "x/z"), HF_ECANNOT);
	ck_assert_int_eq(rename_to("nope", "z"), HF_ENONEXISTENT);
	ck_assert_int_eq(create("q/b"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("q"))), HF_OK);
	ck_assert_int_eq(rename_to("x/y", "q"), HF_EEXISTS); /* q/b is in the way */
	ck_assert_int_eq(rename_to("ab", "xy"), HF_OK);
}
END_TEST

START_TEST(a_name_that_would_get_too_long_is_refused)
{
	char from[12] = "a/bbbbbbbb", to[HF_NAME_MAX + 1];

	memset(to, 'z', sizeof(to) - 1);
	to[sizeof(to) - 1] = 0;
	to[200] = to[400] = to[600] = to[800] = '/';
	ck_assert_int_eq(create(from), HF_OK);
	ck_assert_int_eq(rename_to("a", to), HF_ELIMIT);
	assert_names("INBOX+ a a/bbbbbbbb ");
	ck_assert_int_eq(create(to), HF_OK);
}
END_TEST

START_TEST(renaming_inbox_moves_its_messages)
{
	uint64_t inbox = fixture_mailbox(store, anna, "INBOX"), old;
	struct hf_mailbox_info info;
	struct hf_op *op;

	for (unsigned i = 0; i < 3; i++)
		fixture_append(store, inbox, "Subject: x\r\n\r\n", HF_FLAG_SEEN);
	op = hf_op_mailbox_rename(store, anna, HF_STR("INBOX"), HF_STR("old/mail"));
	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	old = hf_op_mailbox(op);
	hf_op_free(&op);
	assert_names("INBOX+ old old/mail ");
	fixture_info(store, inbox, &info);
	ck_assert_uint_eq(info.messages, 0);
	fixture_info(store, old, &info);
	ck_assert_uint_eq(info.messages, 3);
	ck_assert_uint_eq(info.unseen, 0);
	ck_assert_int_eq(rename_to("INBOX", "old/mail"), HF_EEXISTS);
}
END_TEST

START_TEST(subscriptions_are_to_names)
{
	ck_assert_int_eq(run(hf_op_subscribe(store, anna, HF_STR("later"), true)), HF_OK);
	ck_assert_int_eq(run(hf_op_subscribe(store, anna, HF_STR("later"), true)), HF_OK);
	assert_names("INBOX+ later- ");
	ck_assert_int_eq(create("later"), HF_OK);
	assert_names("INBOX+ later+ ");
	ck_assert_int_eq(rename_to("later", "sooner"), HF_OK);
	assert_names("INBOX+ sooner later- ");
	ck_assert_int_eq(run(hf_op_subscribe(store, anna, HF_STR("later"), false)), HF_OK);
	ck_assert_int_eq(run(hf_op_subscribe(store, anna, HF_STR("INBOX"), false)), HF_OK);
	assert_names("INBOX sooner ");
}
END_TEST

START_TEST(special_use_is_kept)
{
	struct hf_new_mailbox extra[] = { { "Sent", HF_USE_SENT }, { "Trash", HF_USE_TRASH } };
	struct hf_mailbox_info *list;
	struct hf_op *op = hf_op_user_create(store, HF_STR("bert"), extra, 2);
	size_t count;
	uint64_t bert;

	ck_assert_int_eq(hf_store_run(store, op), HF_OK);
	bert = hf_op_user(op);
	hf_op_free(&op);
	ck_assert_int_eq(run(hf_op_special_use(store, bert, HF_STR("Trash"), HF_USE_JUNK)), HF_OK);
	ck_assert_int_eq(run(hf_op_special_use(store, bert, HF_STR("no"), HF_USE_JUNK)), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_rows_catalogue(store, bert, arena, &list, &count), HF_OK);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(list[1].special_use, HF_USE_SENT);
	ck_assert_uint_eq(list[2].special_use, HF_USE_JUNK);
	ck_assert(list[1].subscribed);
}
END_TEST

static unsigned rows_of(unsigned table)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	unsigned count = 0;

	from.size = 0;
	scan_open(&scan, store->env, table, &from, 0, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK)
		count++;
	scan_close(&scan);
	return count;
}

START_TEST(a_deleted_mailbox_is_kept_for_its_time_outside_the_quota)
{
	uint64_t box = fixture_mailbox(store, anna, "box");
	struct hf_user user;

	hf_store_close(&store);
	settings.kept_s = 1;
	store = fixture_open(&settings);
	for (unsigned i = 0; i < 5; i++)
		fixture_append(store, box, "Subject: x\r\n\r\n", 0);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("box"))), HF_OK);
	ck_assert_int_eq(hf_user_find(store, HF_STR("anna"), arena, &user), HF_OK);
	ck_assert_uint_eq(user.used_count, 0);
	ck_assert_uint_eq(user.used_size, 0);
	ck_assert(fixture_collected(store, "JKG"));
	ck_assert_uint_eq(rows_of(TABLE_INDEX) + rows_of(TABLE_KEPT) + rows_of(TABLE_LIST) + rows_of(TABLE_EMAIL) +
				  rows_of(TABLE_THREAD) + rows_of(TABLE_BODY) + rows_of(TABLE_GONE),
			  0);
}
END_TEST

START_TEST(of_a_deleted_user_nothing_is_left)
{
	struct hf_secret secret = { "SCRAM-SHA-256", HF_STR(""), HF_STR("one") };
	struct hf_set one = HF_SET_INIT;
	uint64_t box, bert = fixture_user(store, "bert"), inbox = fixture_mailbox(store, bert, "INBOX");

	box = fixture_mailbox(store, bert, "box");
	hf_set_add(&one, 1);
	ck_assert_int_eq(run(hf_op_user_secrets(store, HF_STR("bert"), &secret, 1)), HF_OK);
	for (unsigned i = 0; i < 3; i++) {
		fixture_append(store, box, "Message-ID: <a@b>\r\n\r\n", 0);
		fixture_append(store, inbox, "Subject: x\r\n\r\n", 0);
	}
	/* kept for a week, were it not for the erasure */
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, bert, HF_STR("box"))), HF_OK);
	hf_set_fini(&one);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_OK);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_ENONEXISTENT);
	ck_assert(fixture_collected(store, "JGC"));
	/* rows K that are due make rows G in turn */
	for (unsigned tries = 0; tries < 200 && rows_of(TABLE_BODY); tries++)
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	ck_assert_uint_eq(rows_of(TABLE_INDEX) + rows_of(TABLE_KEPT) + rows_of(TABLE_LIST) + rows_of(TABLE_EMAIL) +
				  rows_of(TABLE_THREAD),
			  0);
	ck_assert(fixture_collected(store, "G"));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, operations_know_what_they_have_changed);
	tcase_add_test(tc, superior_levels_are_created_too);
	tcase_add_test(tc, deleting_leaves_children);
	tcase_add_test(tc, renaming_takes_the_children_along);
	tcase_add_test(tc, a_name_that_would_get_too_long_is_refused);
	tcase_add_test(tc, renaming_inbox_moves_its_messages);
	tcase_add_test(tc, subscriptions_are_to_names);
	tcase_add_test(tc, special_use_is_kept);
	tcase_add_test(tc, a_deleted_mailbox_is_kept_for_its_time_outside_the_quota);
	tcase_add_test(tc, of_a_deleted_user_nothing_is_left);
}

int main(void)
{
	return run_tests("mailbox_ops", add);
}
