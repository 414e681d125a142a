/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers in three values, and the leaves that a record decides. */
#include "module/imap/search.h"

#include "tests/base/base_test.h"

static const struct hf_record plain = {
	.uid = { 7 }, .modseq = { 5 }, .size = 100, .flags = HF_FLAG_SEEN | HF_FLAG_DRAFT
};

static enum search_answer eval(const struct search_node *node, const struct hf_record *record)
{
	struct search_message m = { .seq = { 3 }, .record = record };

	return search_eval(node, &m);
}

/* A text key that has answered so. */
static struct search_node text(enum search_answer seen)
{
	return (struct search_node){ .kind = SEARCH_BODY_TEXT, .seen = seen };
}

START_TEST(and_or_not_in_three_values)
{
	static const enum search_answer n = SEARCH_NO, y = SEARCH_YES, u = SEARCH_UNKNOWN;
	const struct {
		enum search_answer a, b, both, either;
	} rows[] = {
		{ n, n, n, n }, { n, y, n, y }, { n, u, n, u }, { y, n, n, y }, { y, y, y, y },
		{ y, u, u, y }, { u, n, n, u }, { u, y, u, y }, { u, u, u, u },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct search_node a = text(rows[i].a), b = text(rows[i].b);
		struct search_node and = { .kind = SEARCH_AND, .children = &a };
		struct search_node or = { .kind = SEARCH_OR, .children = &a };
		struct search_node not = { .kind = SEARCH_NOT, .children = &and};

		a.next = &b;
		ck_assert_int_eq(eval(&and, &plain), rows[i].both);
		ck_assert_int_eq(eval(& or, &plain), rows[i].either);
		ck_assert_int_eq(eval(&not, &plain), rows[i].both == u   ? u
						     : rows[i].both == y ? n
									 : y);
	}
}
END_TEST

START_TEST(nothing_in_a_list_is_all)
{
	struct search_node and = { .kind = SEARCH_AND }, all = { .kind = SEARCH_ALL };

	ck_assert_int_eq(eval(&and, &plain), SEARCH_YES);
	ck_assert_int_eq(eval(&all, &plain), SEARCH_YES);
}
END_TEST

START_TEST(numbers_and_flags)
{
	static const struct {
		enum search_kind kind;
		uint64_t number;
		enum search_answer answer;
	} rows[] = {
		{ SEARCH_FLAGS, HF_FLAG_SEEN, SEARCH_YES },
		{ SEARCH_FLAGS, HF_FLAG_SEEN | HF_FLAG_DRAFT, SEARCH_YES },
		{ SEARCH_FLAGS, HF_FLAG_SEEN | HF_FLAG_DELETED, SEARCH_NO },
		{ SEARCH_LARGER, 99, SEARCH_YES },
		{ SEARCH_LARGER, 100, SEARCH_NO },
		{ SEARCH_SMALLER, 100, SEARCH_NO },
		{ SEARCH_SMALLER, 101, SEARCH_YES },
		{ SEARCH_MODSEQ, 5, SEARCH_YES },
		{ SEARCH_MODSEQ, 6, SEARCH_NO },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct search_node node = { .kind = rows[i].kind, .number = rows[i].number };

		ck_assert_msg(eval(&node, &plain) == rows[i].answer, "row %zu", i);
	}
}
END_TEST

START_TEST(sets_of_sequence_numbers_and_uids)
{
	struct search_node seqs = { .kind = SEARCH_SEQS }, uids = { .kind = SEARCH_UIDS };

	hf_set_add(&seqs.set, 3);
	hf_set_add(&uids.set, 7);
	ck_assert_int_eq(eval(&seqs, &plain), SEARCH_YES);
	ck_assert_int_eq(eval(&uids, &plain), SEARCH_YES);
	hf_set_remove(&seqs.set, 3);
	hf_set_remove(&uids.set, 7);
	ck_assert_int_eq(eval(&seqs, &plain), SEARCH_NO);
	ck_assert_int_eq(eval(&uids, &plain), SEARCH_NO);
	hf_set_fini(&seqs.set);
	hf_set_fini(&uids.set);
}
END_TEST

/* RFC 9051 §6.4.4: disregarding time and zone; the sender's day is the one in the Date field. */
START_TEST(days_of_sending_are_those_of_the_senders_zone)
{
	static const struct {
		int64_t sent;
		int16_t zone; /* minutes */
		int32_t day;
	} rows[] = {
		{ 0, 0, 0 },         { 86399, 0, 0 },   { 86400, 0, 1 },    { -1, 0, -1 },
		{ -86400, 0, -1 },   { -86401, 0, -2 }, { 3600, -120, -1 }, { 82800, 120, 1 },
		{ 86399, -1439, 0 }, { 86400, -1, 0 },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_record record = { .sent = rows[i].sent, .sent_zone = rows[i].zone };
		struct search_node on = { .kind = SEARCH_SENTON, .day = rows[i].day };
		struct search_node before = { .kind = SEARCH_SENTBEFORE, .day = rows[i].day };
		struct search_node since = { .kind = SEARCH_SENTSINCE, .day = rows[i].day };

		ck_assert_msg(eval(&on, &record) == SEARCH_YES, "row %zu", i);
		ck_assert_int_eq(eval(&before, &record), SEARCH_NO);
		ck_assert_int_eq(eval(&since, &record), SEARCH_YES);
		before.day++;
		since.day++;
		ck_assert_int_eq(eval(&before, &record), SEARCH_YES);
		ck_assert_int_eq(eval(&since, &record), SEARCH_NO);
	}
}
END_TEST

START_TEST(internal_dates_are_days_as_shown)
{
	struct hf_record record = { .internaldate =
					    1580601599 - 7200 }; /* 1 Feb 2020 23:59:59 +0200 */
	struct search_node on = { .kind = SEARCH_ON, .day = 18293 };

	setenv("TZ", "<+0200>-2", 1);
	ck_assert_int_eq(eval(&on, &record), SEARCH_YES);
	record.internaldate++;
	ck_assert_int_eq(eval(&on, &record), SEARCH_NO);
	record.internaldate -= 86400;
	ck_assert_int_eq(eval(&on, &record), SEARCH_YES);
	record.internaldate--;
	ck_assert_int_eq(eval(&on, &record), SEARCH_NO);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, and_or_not_in_three_values);
	tcase_add_test(tc, nothing_in_a_list_is_all);
	tcase_add_test(tc, numbers_and_flags);
	tcase_add_test(tc, sets_of_sequence_numbers_and_uids);
	tcase_add_test(tc, days_of_sending_are_those_of_the_senders_zone);
	tcase_add_test(tc, internal_dates_are_days_as_shown);
}

int main(void)
{
	return run_tests("imap search eval", add);
}
