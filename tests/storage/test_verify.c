/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification: a store that is as it should be, then one row at a time that is not; what is said of it, and that nothing is once the
 * row is as it was. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/op_priv.h"
#include "storage/rights_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, bert, box;

/* Of box: 1 flagged and seen by bert, 2 expunged and kept, 3 to 5. */
static void fill(void)
{
	struct hf_flag_change change = { .mode = HF_FLAGS_ADD, .flags = HF_FLAG_SEEN };
	struct hf_set first = HF_SET_INIT, second = HF_SET_INIT;
	struct sleeper news;
	struct hf_view *view;

	for (unsigned i = 1; i <= 5; i++) {
		char *message = fixture_message(i, i == 5 ? 300000 : 100);

		fixture_append(store, box, message, 0);
		free(message);
	}
	hf_set_add(&first, 1);
	hf_set_add(&second, 2);
	ck_assert_int_eq(run(op_store_new(box, &first, &change)), HF_OK);
	ck_assert_int_eq(run(op_expunge_new(box, &second, true)), HF_OK);
	ck_assert_int_eq(run(hf_op_rights(store, box, HF_STR("anyone"), HF_RIGHTS_SET, HF_RIGHTS_ALL)), HF_OK);
	ck_assert_int_eq(run(hf_op_group(store, HF_STR("staff"), HF_STR("bert"), true)), HF_OK);
	sleeper_init(&news);
	view = fixture_view(store, box, bert, false, &news);
	ck_assert_int_eq(run(hf_op_store(view, &first, &change)), HF_OK);
	hf_view_close(&view);
	sleeper_fini(&news);
	hf_set_fini(&first);
	hf_set_fini(&second);
	ck_assert(fixture_collected(store, "J"));
}

static void setup(void)
{
	case_begin("verify");
	settings.kept_s = 3600;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	bert = fixture_user(store, "bert");
	box = fixture_mailbox(store, anna, "box");
	fill();
}

static void teardown(void)
{
	case_end();
}

/* Damage ------------------------------------------------------------------------------------------------------------ */

struct op_put {
	struct hf_op op;
	unsigned table;
	const struct row_key *key;
	struct hf_str value; /* data NULL: the row goes */
};

static enum hf_status put_apply(struct hf_op *op, struct batch *batch)
{
	struct op_put *put = (struct op_put *)op;

	return put->value.data ? batch_put(batch, put->table, put->key, put->value) : batch_delete(batch, put->table, put->key);
}

static const struct op_kind kind_put = { .name = "put", .apply = put_apply };

static void put(unsigned table, const struct row_key *key, struct hf_str value)
{
	struct op_put *op = op_new(&kind_put, sizeof(*op));

	op->table = table;
	op->key = key;
	op->value = value;
	ck_assert_int_eq(run(&op->op), HF_OK);
}

static struct hf_str get(unsigned table, const struct row_key *key)
{
	struct hf_buf value = HF_BUF_INIT;
	enum hf_status status = table_get(store->env, NULL, table, key, &value);
	struct hf_str row = status == HF_OK ? hf_arena_str(arena, hf_buf_str(&value)) : HF_STR_NULL;

	hf_buf_fini(&value);
	return row;
}

static void collect(void *arg, const char *what)
{
	hf_buf_printf(arg, "%s\n", what);
}

#define assert_found(text) assert_found_at((text), __LINE__)
static void assert_found_at(const char *text, int line)
{
	struct hf_buf found = HF_BUF_INIT;
	struct hf_verify totals = { 0 };
	bool stop = false;

	ck_assert_int_eq(hf_store_verify(store, &totals, collect, &found, &stop), HF_OK);
	ck_assert_msg(totals.damaged > 0 && strstr(hf_buf_cstr(&found), text), "line %d: %s instead of %s", line, hf_buf_cstr(&found),
		      text);
	hf_buf_fini(&found);
}

#define spoil(table, key, value, text) spoil_at((table), (key), (value), (text), __LINE__)
static void spoil_at(unsigned table, const struct row_key *key, struct hf_str value, const char *text, int line)
{
	struct hf_str before = get(table, key);

	ck_assert_msg(value.data || before.data, "line %d: there is no such row", line);
	put(table, key, value);
	assert_found_at(text, line);
	put(table, key, before);
	ck_assert_msg(fixture_verify(store, NULL) == 0, "line %d: it is still damaged", line);
}

/* The row with its octet `at` (negative: from the end) another. */
static struct hf_str changed(unsigned table, const struct row_key *key, int at)
{
	struct hf_str row = get(table, key);
	char *copy = hf_arena_memdup(arena, row.data, row.size);

	ck_assert_uint_gt(row.size, 0);
	copy[at < 0 ? (int)row.size + at : at] ^= 1;
	return hf_str_n(copy, row.size);
}

static const struct hf_str garbage = HF_STR("\x7f"), none = { NULL, 0 };

static struct hf_record record(uint32_t uid)
{
	struct hf_record found;

	ck_assert(fixture_record(store, box, uid, &found));
	return found;
}

/* Cases ------------------------------------------------------------------------------------------------------------- */

START_TEST(rows_of_mailboxes)
{
	struct hf_record changed_record = record(3);
	uint8_t index[ROW_INDEX_SIZE];
	struct row_mailbox row;
	struct row_key key;

	ck_assert_int_eq(mailbox_get(store, box, arena, &row), HF_OK);
	key_owned(&key, META_LISTING, anna, HF_STR("box"));
	spoil(TABLE_META, &key, none, "is not found by its name");
	key_id(&key, META_MAILBOX, box);
	spoil(TABLE_META, &key, garbage, "row cannot be read");
	key_message(&key, box, HF_UID(3));
	spoil(TABLE_INDEX, &key, garbage, "index row cannot be read");
	spoil(TABLE_INDEX, &key, none, "counters do not agree with the index");
	changed_record.modseq.n = row.highestmodseq + 1;
	row_index_encode(&changed_record, index);
	spoil(TABLE_INDEX, &key, hf_str_n(index, sizeof(index)), "modseq above the mailbox's");
	changed_record = record(3);
	changed_record.flags ^= HF_FLAG_SEEN;
	row_index_encode(&changed_record, index);
	spoil(TABLE_INDEX, &key, hf_str_n(index, sizeof(index)), "counters do not agree with the index");
	key_message(&key, box, HF_UID(2));
	spoil(TABLE_KEPT, &key, garbage, "row of expunged messages cannot be read");
	key_gone(&key, box, HF_MOD(1));
	spoil(TABLE_GONE, &key, garbage, "history of expunges cannot be read");
	key_dead(&key, box, HF_MOD(1));
	spoil(TABLE_META, &key, garbage, "a list of dead index rows cannot be read");
}
END_TEST

START_TEST(rows_of_retention_and_deleted_mailboxes)
{
	uint64_t old = fixture_mailbox(store, anna, "old");
	struct row_deleted row, other;
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key, due;
	struct hf_str found_key, found;
	struct scan scan;

	key_id(&key, META_RETENTION, box);
	row_id_encode(86400, &value);
	spoil(TABLE_META, &key, garbage, "its time of retention cannot be read");
	key_id(&key, META_RETENTION, box + 1000);
	spoil(TABLE_META, &key, hf_buf_str(&value), "a time of retention without a mailbox");

	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("old"))), HF_OK);
	key_owned(&due, META_DELETED, anna, HF_STR("old"));
	scan_open(&scan, store->env, TABLE_META, &due, due.size, 4096);
	ck_assert_int_eq(scan_next(&scan, &found_key, &found), HF_OK);
	memcpy(key.data, found_key.data, found_key.size);
	key.size = found_key.size;
	ck_assert_int_eq(row_deleted_decode(found, &row), HF_OK);
	scan_close(&scan);
	ck_assert_uint_eq(row.mailbox, old);
	spoil(TABLE_META, &key, garbage, "a deleted mailbox cannot be read");
	other = row;
	other.mailbox = old + 1000;
	hf_buf_clear(&value);
	row_deleted_encode(&other, &value);
	spoil(TABLE_META, &key, hf_buf_str(&value), "deleted, but it is nowhere");
	other.mailbox = box;
	hf_buf_clear(&value);
	row_deleted_encode(&other, &value);
	spoil(TABLE_META, &key, hf_buf_str(&value), "deleted, but it is there");
	other = row;
	other.due++;
	hf_buf_clear(&value);
	row_deleted_encode(&other, &value);
	spoil(TABLE_META, &key, hf_buf_str(&value), "deleted, but it would never go");
	hf_buf_clear(&value);
	row_deleted_encode(&row, &value);
	key_deleted(&key, anna, HF_STR("elsewhere"), 1);
	spoil(TABLE_META, &key, hf_buf_str(&value), "deleted, but it had another name");
	hf_buf_fini(&value);
}
END_TEST

START_TEST(rows_of_messages)
{
	uint64_t email = record(3).email;
	struct hf_str payload;
	struct row_email row;
	struct row_key key;

	key_email(&key, anna, email);
	spoil(TABLE_LIST, &key, none, "emails have no row list");
	spoil(TABLE_LIST, &key, changed(TABLE_LIST, &key, -1), "row list is damaged");
	spoil(TABLE_LIST, &key, changed(TABLE_LIST, &key, ROW_LIST_REFS_OFFSET + 3), "memberships, 1 counted");
	spoil(TABLE_EMAIL, &key, none, "emails have no row email");
	spoil(TABLE_EMAIL, &key, changed(TABLE_EMAIL, &key, -1), "row email is damaged");
	ck_assert_int_eq(row_email_open(anna, email, get(TABLE_EMAIL, &key), &payload), HF_OK);
	ck_assert_int_eq(row_email_decode(payload, &row), HF_OK);
	key_email(&key, anna, email + 1000);
	spoil(TABLE_LIST, &key, garbage, "no message has it");
	key_part(&key, row.content, PART_HEAD);
	spoil(TABLE_CONTENT(row.content), &key, none, "cannot be read");
	spoil(TABLE_CONTENT(row.content), &key, changed(TABLE_CONTENT(row.content), &key, -1), "cannot be read");
	spoil(TABLE_CONTENT(row.content), &key, changed(TABLE_CONTENT(row.content), &key, ROW_CONTENT_REFS_OFFSET + 3),
	      "references, 1 counted");
	key_part(&key, row.content, PART_CHUNK);
	spoil(TABLE_CONTENT(row.content), &key, changed(TABLE_CONTENT(row.content), &key, -1), "cannot be read");
}
END_TEST

START_TEST(rows_of_users)
{
	struct hf_buf out = HF_BUF_INIT;
	struct row_user row;
	struct row_key key;

	ck_assert_int_eq(user_get(store, anna, arena, &row), HF_OK);
	row.used_size++;
	row_user_encode(&row, &out);
	key_id(&key, META_USER, anna);
	spoil(TABLE_META, &key, hf_buf_str(&out), "totals do not agree with the mailboxes");
	spoil(TABLE_META, &key, garbage, "a user row cannot be read");
	hf_buf_fini(&out);
}
END_TEST

START_TEST(rows_of_rights)
{
	struct row_key key;

	key_rights(&key, box, HF_STR("anyone"));
	spoil(TABLE_META, &key, garbage, "rights of anyone cannot be read");
	spoil(TABLE_META, &key, none, "anyone is said to have rights");
	key_granted(&key, HF_STR("anyone"), box);
	spoil(TABLE_META, &key, none, "rights of anyone are not found by his name");
	key_rights(&key, box + 1000, HF_STR("anyone"));
	spoil(TABLE_META, &key, garbage, "rights without a mailbox");
	key_begin(&key, META_GRANTED);
	key_add_u8(&key, 200);
	spoil(TABLE_META, &key, garbage, "a name of rights cannot be read");
	key_member(&key, HF_STR("group:staff"), HF_STR("bert"));
	spoil(TABLE_META, &key, none, "a member one way only");
	key_member_of(&key, HF_STR("bert"), HF_STR("group:staff"));
	spoil(TABLE_META, &key, none, "a member one way only");
	key_named(&key, META_NAME, HF_STR("bert"));
	spoil(TABLE_META, &key, none, "there is no such user");
	key_begin(&key, META_GROUP);
	key_add_u8(&key, GROUP_MEMBER);
	spoil(TABLE_META, &key, garbage, "a member of a group cannot be read");
}
END_TEST

START_TEST(rows_of_what_others_have_seen)
{
	struct row_key key;

	key_seen(&key, box, bert, 0);
	ck_assert_ptr_nonnull(get(TABLE_META, &key).data);
	spoil(TABLE_META, &key, garbage, "what he has seen cannot be read");
	key_seen(&key, box + 1000, bert, 0);
	spoil(TABLE_META, &key, garbage, "what he has seen is nowhere");
	key_seen(&key, box, bert + 1000, 0);
	spoil(TABLE_META, &key, garbage, "what nobody has seen");
}
END_TEST

/* Mailboxes come, get messages, and go. */
static _Atomic unsigned changes;

static void *change_all_the_time(void *arg)
{
	const _Atomic bool *over = arg;

	for (unsigned i = 0; !atomic_load(over); i++, atomic_fetch_add(&changes, 1)) {
		char name[32], *message = fixture_message(1000 + i, 100);
		uint64_t made;

		snprintf(name, sizeof(name), "come %u", i);
		made = fixture_mailbox(store, anna, name);
		fixture_append(store, made, message, 0);
		fixture_append(store, box, message, 0);
		free(message);
		if (i % 3 == 0)
			ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, hf_str(name))), HF_OK);
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	}
	return NULL;
}

START_TEST(what_changes_meanwhile_is_not_damaged)
{
	_Atomic bool over = false;
	struct hf_verify totals;
	pthread_t changer;

	ck_assert_int_eq(pthread_create(&changer, NULL, change_all_the_time, &over), 0);
	for (unsigned i = 0; i < 8 || atomic_load(&changes) < 10; i++)
		ck_assert_uint_eq(fixture_verify(store, &totals), 0);
	atomic_store(&over, true);
	pthread_join(changer, NULL);
	ck_assert_uint_eq(fixture_verify(store, &totals), 0);
	ck_assert_uint_gt(totals.mailboxes, 3);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rows_of_mailboxes);
	tcase_add_test(tc, rows_of_retention_and_deleted_mailboxes);
	tcase_add_test(tc, rows_of_messages);
	tcase_add_test(tc, rows_of_users);
	tcase_add_test(tc, rows_of_rights);
	tcase_add_test(tc, rows_of_what_others_have_seen);
	tcase_add_test(tc, what_changes_meanwhile_is_not_damaged);
}

int main(void)
{
	return run_tests("verify", add);
}
