/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations: names, values, limits, news; what becomes of them at a restart, a rename, a deletion. */
#include <limits.h>
#include <string.h>

#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, bert, inbox;

static void setup(void)
{
	case_begin("annotation");
	settings.kept_s = 1;
	settings.annotations_max = 20;
	settings.annotations_size = 200000;
	settings.annotations_user_size = 300000;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	bert = fixture_user(store, "bert");
	inbox = fixture_mailbox(store, anna, "INBOX");
}

static void teardown(void)
{
	case_end();
}

static enum hf_status set(uint64_t mailbox, uint64_t user, const char *name, struct hf_str value)
{
	struct hf_annotation entry = { hf_str(name), value };
	struct hf_annotate what = { .mailbox = mailbox, .user = user, .entries = &entry, .count = 1 };

	return run(hf_op_annotate(store, &what));
}

static struct hf_str get(uint64_t mailbox, uint64_t user, const char *name)
{
	struct hf_str value;

	return hf_annotation_find(store, mailbox, user, hf_str(name), arena, &value) == HF_OK ? value : HF_STR_NULL;
}

static uint64_t size_of(uint64_t user)
{
	struct row_user row;

	return user_get(store, user, arena, &row) == HF_OK ? row.annotations_size : 0;
}

static struct hf_str octets(char c, size_t size)
{
	char *data = hf_arena_alloc(arena, size);

	memset(data, c, size);
	return hf_str_n(data, size);
}

START_TEST(names_are_checked_and_folded)
{
	static const char *const bad[] = { "", "/", "comment", "/comment", "/privately/x", "/private/", "/private//x",
					   "/shared/a*", "/shared/%", "/shared/\x7f", "/shared/\n", "/shared/\xc3\xa4",
					   "private/x" };
	char longest[HF_ENTRY_MAX + 2] = "/shared/";
	struct hf_str normal;

	for (size_t i = 0; i < HF_COUNT(bad); i++)
		ck_assert_msg(hf_entry_check(hf_str(bad[i]), arena, &normal) == HF_EINVALID, "%s", bad[i]);
	ck_assert_int_eq(hf_entry_check(HF_STR("/Private/VENDOR/X [1]"), arena, &normal), HF_OK);
	assert_octets(normal, HF_STR("/private/vendor/x [1]"));
	memset(longest + 8, 'x', HF_ENTRY_MAX - 8);
	ck_assert_int_eq(hf_entry_check(hf_str(longest), arena, &normal), HF_OK);
	longest[HF_ENTRY_MAX] = 'x';
	ck_assert_int_eq(hf_entry_check(hf_str(longest), arena, &normal), HF_ELIMIT);
	ck_assert(hf_entry_has_value(HF_STR("/shared/comment")) && hf_entry_has_value(HF_STR("/shared/vendors/x")));
	ck_assert(!hf_entry_has_value(HF_STR("/shared")) && !hf_entry_has_value(HF_STR("/shared/vendor")));
	ck_assert(!hf_entry_has_value(HF_STR("/private/vendor/x")) && hf_entry_has_value(HF_STR("/private/vendor/x/y")));
	ck_assert(hf_entry_is_private(HF_STR("/private/x")) && !hf_entry_is_private(HF_STR("/shared/private")));
}
END_TEST

START_TEST(depth_counts_levels)
{
	ck_assert(hf_entry_is_within(HF_STR("/shared/a"), HF_STR("/shared/a"), 0));
	ck_assert(!hf_entry_is_within(HF_STR("/shared/a/b"), HF_STR("/shared/a"), 0));
	ck_assert(hf_entry_is_within(HF_STR("/shared/a/b"), HF_STR("/shared/a"), 1));
	ck_assert(!hf_entry_is_within(HF_STR("/shared/a/b/c"), HF_STR("/shared/a"), 1));
	ck_assert(hf_entry_is_within(HF_STR("/shared/a/b/c"), HF_STR("/shared/a"), UINT_MAX));
	ck_assert(!hf_entry_is_within(HF_STR("/shared/ab"), HF_STR("/shared/a"), UINT_MAX));
}
END_TEST

START_TEST(values_are_kept_replaced_and_removed)
{
	ck_assert_ptr_null(get(inbox, anna, "/private/comment").data);
	ck_assert_int_eq(set(inbox, anna, "/private/comment", HF_STR("a\0b")), HF_OK);
	assert_octets(get(inbox, anna, "/private/comment"), HF_STR("a\0b"));
	ck_assert_int_eq(set(inbox, anna, "/Private/Comment", HF_STR("")), HF_OK);
	ck_assert(get(inbox, anna, "/private/comment").data && !get(inbox, anna, "/private/comment").size);
	ck_assert_uint_eq(size_of(anna), strlen("/private/comment"));
	ck_assert_int_eq(set(inbox, anna, "/private/comment", HF_STR_NULL), HF_OK);
	ck_assert_ptr_null(get(inbox, anna, "/private/comment").data);
	ck_assert_int_eq(set(inbox, anna, "/private/comment", HF_STR_NULL), HF_OK);
	ck_assert_uint_eq(size_of(anna), 0);
	ck_assert(!fixture_has_rows(store, "A"));
}
END_TEST

START_TEST(private_ones_are_each_users_own)
{
	ck_assert_int_eq(set(inbox, anna, "/private/x", HF_STR("anna")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/private/x", HF_STR("bert")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/shared/x", HF_STR("all")), HF_OK);
	ck_assert_int_eq(set(0, bert, "/private/x", HF_STR("server")), HF_OK);
	ck_assert_int_eq(set(0, 0, "/shared/x", HF_STR("server, all")), HF_OK);
	assert_octets(get(inbox, anna, "/private/x"), HF_STR("anna"));
	assert_octets(get(inbox, bert, "/private/x"), HF_STR("bert"));
	assert_octets(get(inbox, anna, "/shared/x"), HF_STR("all"));
	assert_octets(get(0, bert, "/private/x"), HF_STR("server"));
	ck_assert_ptr_null(get(0, anna, "/private/x").data);
	assert_octets(get(0, anna, "/shared/x"), HF_STR("server, all"));
	/* Who owns the mailbox pays for shared ones; nobody for the server's. */
	ck_assert_uint_eq(size_of(anna), strlen("/private/xanna/shared/xall"));
	ck_assert_uint_eq(size_of(bert), strlen("/private/xbert/private/xserver"));
}
END_TEST

START_TEST(lists_are_in_order_and_keep_the_spelling)
{
	struct hf_annotation_info *list;
	size_t count;

	ck_assert_int_eq(set(inbox, anna, "/private/vendor/x/B", HF_STR("12345")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/a", HF_STR("")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/shared/c", HF_STR("")), HF_OK);
	ck_assert_int_eq(hf_annotation_list(store, inbox, anna, arena, &list, &count), HF_OK);
	ck_assert_uint_eq(count, 2);
	assert_octets(list[0].name, HF_STR("/private/a"));
	assert_octets(list[1].name, HF_STR("/private/vendor/x/b"));
	assert_octets(list[1].written, HF_STR("/private/vendor/x/B"));
	ck_assert_uint_eq(list[1].size, 5);
	ck_assert_int_eq(hf_annotation_list(store, inbox, 0, arena, &list, &count), HF_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(hf_annotation_list(store, inbox, bert, arena, &list, &count), HF_OK);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(several_are_set_together_or_not_at_all)
{
	struct hf_annotation entries[] = { { HF_STR("/private/a"), HF_STR("1") },
					   { HF_STR("/shared/b"), HF_STR("2") },
					   { HF_STR("/PRIVATE/a"), HF_STR("3") },
					   { HF_STR("/private/c"), HF_STR_NULL } };
	struct hf_annotate what = { .mailbox = inbox, .user = anna, .entries = entries, .count = 4 };

	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_OK);
	assert_octets(get(inbox, anna, "/private/a"), HF_STR("3"));
	assert_octets(get(inbox, anna, "/shared/b"), HF_STR("2"));
	entries[2].value = HF_STR("4");
	entries[1].value = octets('x', 200000);
	what.use_given = true;
	what.special_use = HF_USE_JUNK;
	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_ETOOBIG);
	assert_octets(get(inbox, anna, "/private/a"), HF_STR("3"));
	assert_octets(get(inbox, anna, "/shared/b"), HF_STR("2"));
	what.count = 1;
	what.mailbox = 12345;
	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_ENONEXISTENT);
	what.mailbox = inbox;
	what.user = 12345;
	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_ENONEXISTENT);
}
END_TEST

START_TEST(special_use_is_set_with_them)
{
	struct hf_annotation entry = { HF_STR("/private/a"), HF_STR("1") };
	uint64_t mailbox = fixture_mailbox(store, anna, "Spam");
	struct hf_annotate what = {
		.mailbox = mailbox, .user = anna, .entries = &entry, .count = 1, .use_given = true, .special_use = HF_USE_JUNK
	};
	struct hf_mailbox_info info;

	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_OK);
	fixture_info(store, mailbox, &info);
	ck_assert_uint_eq(info.special_use, HF_USE_JUNK);
	what.count = 0;
	what.special_use = 0;
	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_OK);
	fixture_info(store, mailbox, &info);
	ck_assert_uint_eq(info.special_use, 0);
	assert_octets(get(mailbox, anna, "/private/a"), HF_STR("1"));
}
END_TEST

START_TEST(their_number_is_limited)
{
	struct hf_annotation entries[21];

	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(set(inbox, anna, hf_arena_printf(arena, "/private/%d", i), HF_STR("")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/20", HF_STR("")), HF_ELIMIT);
	ck_assert_int_eq(set(inbox, anna, "/shared/20", HF_STR("")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/private/20", HF_STR("")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/3", HF_STR("x")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/3", HF_STR_NULL), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/20", HF_STR("")), HF_OK);
	for (int i = 0; i < 21; i++)
		entries[i] = (struct hf_annotation){ hf_str(hf_arena_printf(arena, "/private/%d", i)), HF_STR_NULL };
	ck_assert_int_eq(run(hf_op_annotate(store, &(struct hf_annotate){ .mailbox = inbox, .user = anna, .entries = entries, .count = 21 })), HF_ELIMIT);
	ck_assert_int_eq(run(hf_op_annotate(store, &(struct hf_annotate){ .mailbox = inbox, .user = anna, .entries = entries, .count = 20 })), HF_OK);
}
END_TEST

START_TEST(their_size_is_limited)
{
	uint64_t other = fixture_mailbox(store, anna, "other");

	ck_assert_int_eq(set(inbox, anna, "/private/a", octets('a', 150000)), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/b", octets('b', 50000)), HF_ETOOBIG);
	ck_assert_int_eq(set(other, anna, "/private/b", octets('b', 149000)), HF_OK);
	/* All of a user's together. */
	ck_assert_int_eq(set(inbox, anna, "/private/b", octets('b', 2000)), HF_EOVERQUOTA);
	ck_assert_int_eq(set(other, bert, "/shared/b", octets('b', 2000)), HF_EOVERQUOTA);
	ck_assert_int_eq(set(other, bert, "/private/b", octets('b', 2000)), HF_OK);
	ck_assert_int_eq(set(other, anna, "/private/b", octets('b', 1000)), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/b", octets('b', 2000)), HF_OK);
}
END_TEST

/* With other limits after a restart: what makes less is not refused. */
START_TEST(what_makes_less_is_never_refused)
{
	ck_assert_int_eq(set(inbox, anna, "/private/a", octets('a', 150000)), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/b", HF_STR("b")), HF_OK);
	hf_store_close(&store);
	settings.annotations_max = 1;
	settings.annotations_size = settings.annotations_user_size = 1000;
	store = fixture_open(&settings);
	ck_assert_int_eq(get(inbox, anna, "/private/a").size, 150000);
	ck_assert_int_eq(set(inbox, anna, "/private/a", octets('c', 150001)), HF_ETOOBIG);
	ck_assert_int_eq(set(inbox, anna, "/private/a", octets('c', 140000)), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/c", HF_STR("")), HF_ELIMIT);
	ck_assert_int_eq(set(inbox, anna, "/private/b", HF_STR_NULL), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/a", HF_STR_NULL), HF_OK);
	ck_assert(!fixture_has_rows(store, "A"));
}
END_TEST

START_TEST(they_follow_the_mailbox)
{
	uint64_t mailbox = fixture_mailbox(store, anna, "old");

	ck_assert_int_eq(set(mailbox, anna, "/private/a", HF_STR("1")), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("old"), HF_STR("new"))), HF_OK);
	assert_octets(get(fixture_mailbox(store, anna, "new"), anna, "/private/a"), HF_STR("1"));
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("new"))), HF_OK);
	ck_assert_ptr_null(get(fixture_mailbox(store, anna, "new"), anna, "/private/a").data);
	ck_assert_int_eq(set(mailbox, anna, "/private/a", HF_STR("1")), HF_ENONEXISTENT);
}
END_TEST

/* RFC 5464 §4.1. */
START_TEST(renaming_inbox_copies_them)
{
	uint64_t mailbox;

	ck_assert_int_eq(set(inbox, anna, "/private/a", HF_STR("1")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/shared/A", HF_STR("2")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/private/a", HF_STR("3")), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("INBOX"), HF_STR("past"))), HF_OK);
	mailbox = fixture_mailbox(store, anna, "past");
	for (int i = 0; i < 2; i++) {
		assert_octets(get(i ? mailbox : inbox, anna, "/private/a"), HF_STR("1"));
		assert_octets(get(i ? mailbox : inbox, anna, "/shared/a"), HF_STR("2"));
	}
	ck_assert_ptr_null(get(mailbox, bert, "/private/a").data);
	ck_assert_uint_eq(size_of(anna), 2 * strlen("/private/a1/shared/a2"));
	/* Not beyond what a user may have. */
	ck_assert_int_eq(set(inbox, anna, "/private/a", octets('a', 190000)), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("INBOX"), HF_STR("later"))), HF_OK);
	ck_assert_ptr_null(get(fixture_mailbox(store, anna, "later"), anna, "/private/a").data);
	assert_octets(get(fixture_mailbox(store, anna, "later"), anna, "/shared/a"), HF_STR("2"));
}
END_TEST

START_TEST(they_go_with_the_mailbox)
{
	uint64_t mailbox = fixture_mailbox(store, anna, "m");

	ck_assert_int_eq(set(mailbox, anna, "/private/a", octets('a', 100000)), HF_OK);
	ck_assert_int_eq(set(mailbox, anna, "/shared/a", octets('a', 100000)), HF_OK);
	ck_assert_int_eq(set(mailbox, bert, "/private/a", octets('a', 100000)), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("m"))), HF_OK);
	ck_assert(fixture_collected(store, "JKA"));
	ck_assert_uint_eq(size_of(anna), 0);
	ck_assert_uint_eq(size_of(bert), 0);
}
END_TEST

START_TEST(they_go_with_the_user)
{
	ck_assert_int_eq(set(inbox, anna, "/private/a", HF_STR("1")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/shared/a", HF_STR("2")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/private/a", HF_STR("3")), HF_OK);
	ck_assert_int_eq(set(0, anna, "/private/a", HF_STR("4")), HF_OK);
	ck_assert_int_eq(set(0, bert, "/private/a", HF_STR("5")), HF_OK);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t mailbox = fixture_mailbox(store, bert, hf_arena_printf(arena, "m%u", i));

		ck_assert_int_eq(set(mailbox, i % 3 ? anna : bert, "/private/a", HF_STR("6")), HF_OK);
	}
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("anna"))), HF_OK);
	ck_assert_int_eq(set(0, anna, "/private/a", HF_STR("7")), HF_ENONEXISTENT);
	ck_assert(fixture_collected(store, "JK"));
	ck_assert_ptr_null(get(0, anna, "/private/a").data);
	ck_assert_ptr_null(get(inbox, bert, "/private/a").data);
	assert_octets(get(0, bert, "/private/a"), HF_STR("5"));
	ck_assert_uint_eq(size_of(bert), 101 * strlen("/private/a5"));
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_OK);
	ck_assert(fixture_collected(store, "JKA"));
}
END_TEST

/* Findings of a verification while something is wrong. */
static void put_row(uint64_t mailbox, uint64_t user, struct hf_str entry, struct hf_str row)
{
	struct row_key key;
	struct txn *txn;

	key_annotation(&key, mailbox, user, entry);
	ck_assert_int_eq(txn_begin(store->env, &txn), HF_OK);
	ck_assert_int_eq(row.data ? table_put(store->env, txn, TABLE_META, &key, row)
				  : table_delete(store->env, txn, TABLE_META, &key),
			 HF_OK);
	txn_commit(&txn);
}

START_TEST(verification_finds_what_is_wrong)
{
	static const char row[] = "\1\0\1x";
	struct row_key key;
	struct hf_buf value = HF_BUF_INIT;

	ck_assert_int_eq(set(inbox, anna, "/shared/a", HF_STR("x")), HF_OK);
	put_row(999, 0, HF_STR("/shared/a"), HF_STR("\1\0\1x"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 2); /* no such mailbox, no scope */
	put_row(999, 0, HF_STR("/shared/a"), HF_STR_NULL);
	put_row(0, 999, HF_STR("/private/a"), hf_str_n(row, 4));
	ck_assert_uint_eq(fixture_verify(store, NULL), 2);
	put_row(0, 999, HF_STR("/private/a"), HF_STR_NULL);
	put_row(inbox, 0, HF_STR("/shared/b"), HF_STR("\1\0\1x"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 1);
	put_row(inbox, 0, HF_STR("/shared/b"), HF_STR("\2"));
	ck_assert_uint_eq(fixture_verify(store, NULL), 1);
	put_row(inbox, 0, HF_STR("/shared/b"), HF_STR_NULL);
	key_annotation(&key, inbox, 0, HF_STR(""));
	ck_assert_int_eq(table_get(store->env, NULL, TABLE_META, &key, &value), HF_OK);
	put_row(inbox, 0, HF_STR(""), HF_STR_NULL);
	ck_assert_uint_eq(fixture_verify(store, NULL), 2); /* the scope, and what the user is charged */
	put_row(inbox, 0, HF_STR(""), hf_buf_str(&value));
	hf_buf_fini(&value);
}
END_TEST

/* News ------------------------------------------------------------------------------------------------------------ */

static struct {
	struct hf_waiter waiter;
	unsigned count;
} woken;

static void wake(struct hf_waiter *waiter)
{
	(void)waiter;
	woken.count++;
}

/* "server:" or the mailbox's number from INBOX on, and the name. */
#define assert_news(watch, text) assert_news_at((watch), (text), __LINE__)
static void assert_news_at(struct hf_annotation_watch *watch, const char *text, int line)
{
	struct hf_annotation_change *list;
	struct hf_buf out = HF_BUF_INIT;
	size_t count;

	ck_assert(hf_annotation_has_news(watch) == (*text != 0));
	ck_assert(!hf_annotation_news(watch, arena, &list, &count));
	for (size_t i = 0; i < count; i++) {
		hf_buf_add_cstr(&out, list[i].mailbox ? list[i].mailbox == inbox ? "inbox:" : "other:" : "server:");
		hf_buf_add_str(&out, list[i].name);
		hf_buf_add_char(&out, ' ');
	}
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s", line, (int)out.size,
		      out.data ? out.data : "", text);
	ck_assert(!hf_annotation_has_news(watch));
	hf_buf_fini(&out);
}

START_TEST(news_go_to_those_who_may_see)
{
	struct hf_annotation_watch *a = hf_annotation_watch(store, anna, &woken.waiter);
	struct hf_annotation_watch *a2 = hf_annotation_watch(store, anna, NULL);
	struct hf_annotation_watch *b = hf_annotation_watch(store, bert, NULL);
	struct hf_annotation entry = { HF_STR("/private/y"), HF_STR("1") };
	struct hf_annotate what = { .mailbox = inbox, .user = anna, .entries = &entry, .count = 1 };

	woken.waiter.wake = wake;
	woken.count = 0;
	ck_assert_int_eq(set(inbox, anna, "/private/X", HF_STR("1")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR("1")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/private/x", HF_STR("2")), HF_OK);
	ck_assert_int_eq(set(inbox, bert, "/private/x", HF_STR("3")), HF_OK);
	ck_assert_int_eq(set(0, 0, "/shared/x", HF_STR("3")), HF_OK);
	ck_assert_uint_eq(woken.count, 1);
	assert_news(a, "server:/shared/x inbox:/private/x inbox:/shared/x ");
	assert_news(b, "server:/shared/x inbox:/private/x ");
	assert_news(a, "");
	/* What changes nothing, what is refused, what one has done oneself. */
	ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR("1")), HF_OK);
	ck_assert_int_eq(set(inbox, anna, "/shared/x", octets('x', 200000)), HF_ETOOBIG);
	what.origin = hf_annotation_watch_id(a2);
	ck_assert_int_eq(run(hf_op_annotate(store, &what)), HF_OK);
	ck_assert_uint_eq(woken.count, 2);
	assert_news(a, "inbox:/private/y ");
	assert_news(a2, "server:/shared/x inbox:/private/x inbox:/shared/x ");
	ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR_NULL), HF_OK);
	fixture_mailbox(store, anna, "m");
	ck_assert_int_eq(run(hf_op_special_use(store, anna, HF_STR("m"), HF_USE_SENT)), HF_OK);
	assert_news(a, "inbox:/shared/x other:/private/specialuse ");
	hf_annotation_unwatch(&a);
	hf_annotation_unwatch(&a2);
	hf_annotation_unwatch(&b);
	ck_assert_ptr_null(a);
	hf_annotation_unwatch(&a);
}
END_TEST

START_TEST(news_of_shared_entries_go_where_rights_are)
{
	static const char *const names[] = { "bert", "group:g", "anyone" };
	struct hf_annotation_watch *b = hf_annotation_watch(store, bert, NULL);

	ck_assert_int_eq(run(hf_op_group(store, HF_STR("g"), HF_STR("bert"), true)), HF_OK);
	for (size_t i = 0; i < HF_COUNT(names); i++) {
		struct hf_str who = hf_str(names[i]);

		ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR("1")), HF_OK);
		assert_news(b, "");
		ck_assert_int_eq(run(hf_op_rights(store, inbox, who, HF_RIGHTS_SET, HF_RIGHT_LOOKUP)), HF_OK);
		ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR("2")), HF_OK);
		ck_assert_int_eq(set(inbox, anna, "/private/x", i ? HF_STR("1") : HF_STR("2")), HF_OK);
		assert_news(b, "inbox:/shared/x ");
		ck_assert_int_eq(run(hf_op_rights(store, inbox, HF_STR("-bert"), HF_RIGHTS_SET, HF_RIGHT_LOOKUP)), HF_OK);
		ck_assert_int_eq(set(inbox, anna, "/shared/x", HF_STR("3")), HF_OK);
		assert_news(b, "");
		ck_assert_int_eq(run(hf_op_rights(store, inbox, HF_STR("-bert"), HF_RIGHTS_SET, 0)), HF_OK);
		ck_assert_int_eq(run(hf_op_rights(store, inbox, who, HF_RIGHTS_SET, 0)), HF_OK);
	}
	hf_annotation_unwatch(&b);
}
END_TEST

START_TEST(news_that_nobody_takes_are_bounded)
{
	struct hf_annotation_watch *watch = hf_annotation_watch(store, anna, NULL);
	struct hf_annotation_change *list;
	size_t count;
	bool overrun;

	/* The same again and again is one. */
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_int_eq(set(inbox, anna, "/private/x", i % 2 ? HF_STR("1") : HF_STR("2")), HF_OK);
	assert_news(watch, "inbox:/private/x ");
	for (unsigned i = 0; i < 2000; i++) {
		const char *name = hf_arena_printf(arena, "/private/%u", i);

		ck_assert_int_eq(set(inbox, anna, name, HF_STR("1")), HF_OK);
		ck_assert_int_eq(set(inbox, anna, name, HF_STR_NULL), HF_OK);
	}
	overrun = hf_annotation_news(watch, arena, &list, &count);
	ck_assert(overrun);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(set(inbox, anna, "/private/x", HF_STR("5")), HF_OK);
	assert_news(watch, "inbox:/private/x ");
	hf_annotation_unwatch(&watch);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, names_are_checked_and_folded);
	tcase_add_test(tc, depth_counts_levels);
	tcase_add_test(tc, values_are_kept_replaced_and_removed);
	tcase_add_test(tc, private_ones_are_each_users_own);
	tcase_add_test(tc, lists_are_in_order_and_keep_the_spelling);
	tcase_add_test(tc, several_are_set_together_or_not_at_all);
	tcase_add_test(tc, special_use_is_set_with_them);
	tcase_add_test(tc, their_number_is_limited);
	tcase_add_test(tc, their_size_is_limited);
	tcase_add_test(tc, what_makes_less_is_never_refused);
	tcase_add_test(tc, they_follow_the_mailbox);
	tcase_add_test(tc, renaming_inbox_copies_them);
	tcase_add_test(tc, they_go_with_the_mailbox);
	tcase_add_test(tc, they_go_with_the_user);
	tcase_add_test(tc, verification_finds_what_is_wrong);
	tcase_add_test(tc, news_go_to_those_who_may_see);
	tcase_add_test(tc, news_of_shared_entries_go_where_rights_are);
	tcase_add_test(tc, news_that_nobody_takes_are_bounded);
}

int main(void)
{
	return run_tests("annotation", add);
}
