/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/set.h"

#include "tests/base/base_test.h"

static struct hf_set set, other;
static struct hf_buf out;

static void setup(void)
{
	set = other = HF_SET_INIT;
	out = HF_BUF_INIT;
}

static void teardown(void)
{
	hf_set_fini(&set);
	hf_set_fini(&other);
	hf_buf_fini(&out);
}

#define assert_set(set, text) assert_set_at((set), (text), __LINE__)
static void assert_set_at(const struct hf_set *s, const char *text, int line)
{
	hf_buf_clear(&out);
	hf_set_format(s, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %.*s instead of %s",
		      line, (int)out.size, out.data, text);
}

static void parse(const char *text, struct hf_set *s)
{
	if (*text)
		ck_assert_int_eq(hf_set_parse(hf_str(text), 0, 1000, s), HF_OK);
	else
		hf_set_clear(s);
}

START_TEST(adding_joins_neighbours)
{
	hf_set_add(&set, 5);
	hf_set_add(&set, 7);
	assert_set(&set, "5,7");
	hf_set_add(&set, 6);
	assert_set(&set, "5:7");
	hf_set_add(&set, 1);
	assert_set(&set, "1,5:7");
	hf_set_add_range(&set, 2, 3);
	assert_set(&set, "1:3,5:7");
	hf_set_add_range(&set, 4, 100);
	assert_set(&set, "1:100");
	hf_set_add(&set, UINT32_MAX);
	hf_set_add_range(&set, 200, 300);
	hf_set_add_range(&set, 150, 160);
	assert_set(&set, "1:100,150:160,200:300,4294967295");
	hf_set_add_range(&set, 160, UINT32_MAX - 1);
	assert_set(&set, "1:100,150:4294967295");
	hf_set_add_range(&set, 0, UINT32_MAX);
	ck_assert_uint_eq(hf_set_size(&set), (uint64_t)UINT32_MAX + 1);
}
END_TEST

START_TEST(removing_splits)
{
	hf_set_add_range(&set, 1, UINT32_MAX);
	hf_set_remove(&set, 10);
	hf_set_remove(&set, 1);
	hf_set_remove(&set, UINT32_MAX);
	assert_set(&set, "2:9,11:4294967294");
	hf_set_remove_range(&set, 5, 20);
	assert_set(&set, "2:4,21:4294967294");
	hf_set_remove_range(&set, 5, 20);
	assert_set(&set, "2:4,21:4294967294");
	hf_set_remove_range(&set, 0, UINT32_MAX);
	ck_assert(hf_set_is_empty(&set));
	hf_set_remove(&set, 1);
	assert_set(&set, "");
}
END_TEST

START_TEST(iterating_reaches_the_largest_number)
{
	struct hf_set_iter it;
	uint32_t n;

	hf_set_iter_init(&it, &set);
	ck_assert(!hf_set_iter_next(&it, &n));
	hf_set_add_range(&set, 0, 1);
	hf_set_add_range(&set, UINT32_MAX - 1, UINT32_MAX);
	hf_set_iter_init(&it, &set);
	ck_assert(hf_set_iter_next(&it, &n) && n == 0);
	ck_assert(hf_set_iter_next(&it, &n) && n == 1);
	ck_assert(hf_set_iter_next(&it, &n) && n == UINT32_MAX - 1);
	ck_assert(hf_set_iter_next(&it, &n) && n == UINT32_MAX);
	ck_assert(!hf_set_iter_next(&it, &n));
	ck_assert(!hf_set_iter_next(&it, &n));
}
END_TEST

static const struct {
	const char *a, *b, *joined, *common, *less;
} pairs[] = {
	{ "", "", "", "", "" },
	{ "1:5", "", "1:5", "", "1:5" },
	{ "", "1:5", "1:5", "", "" },
	{ "1:5", "1:5", "1:5", "1:5", "" },
	{ "1:5", "6:9", "1:9", "", "1:5" },
	{ "1:9", "3,5,7", "1:9", "3,5,7", "1:2,4,6,8:9" },
	{ "1,3,5,7,9,11", "1:20", "1:20", "1,3,5,7,9,11", "" },
	{ "1:3,7:9,13:15,20:25", "2,8,14,16,18,21", "1:3,7:9,13:16,18,20:25", "2,8,14,21",
	  "1,3,7,9,13,15,20,22:25" },
	{ "1:4294967295", "1,3,5,7,9,4294967295", "1:4294967295", "1,3,5,7,9,4294967295",
	  "2,4,6,8,10:4294967294" },
	{ "1,4,7,10,13", "2:3,5:6,8:9,11:12,14", "1:14", "", "1,4,7,10,13" },
};

START_TEST(pairs_combine)
{
	parse(pairs[_i].a, &set);
	parse(pairs[_i].b, &other);
	hf_set_union(&set, &other);
	assert_set(&set, pairs[_i].joined);
	parse(pairs[_i].a, &set);
	hf_set_intersect(&set, &other);
	assert_set(&set, pairs[_i].common);
	parse(pairs[_i].a, &set);
	hf_set_subtract(&set, &other);
	assert_set(&set, pairs[_i].less);
}
END_TEST

START_TEST(a_set_combines_with_itself)
{
	parse("1:3,9", &set);
	hf_set_union(&set, &set);
	hf_set_intersect(&set, &set);
	hf_set_copy(&set, &set);
	assert_set(&set, "1:3,9");
	hf_set_subtract(&set, &set);
	assert_set(&set, "");
}
END_TEST

/* The model: one bit a number. */
enum { MODEL = 300 };

static void assert_model(const bool *bits)
{
	struct hf_set_iter it;
	uint32_t n, size = 0;

	for (size_t i = 0; i < set.count; i++) {
		ck_assert_uint_le(set.ranges[i].first, set.ranges[i].last);
		if (i)
			ck_assert_uint_gt(set.ranges[i].first, set.ranges[i - 1].last + 1);
	}
	for (n = 0; n < MODEL; n++) {
		size += bits[n];
		if (hf_set_has(&set, n) != bits[n])
			ck_abort_msg("%u is wrong", n);
	}
	ck_assert_uint_eq(hf_set_size(&set), size);
	for (hf_set_iter_init(&it, &set); hf_set_iter_next(&it, &n); size--)
		if (!bits[n])
			ck_abort_msg("%u was iterated", n);
	ck_assert_uint_eq(size, 0);
}

static uint32_t below(uint64_t *seed, uint32_t limit)
{
	return (uint32_t)(random_next(seed) % limit);
}

START_TEST(random_operations_agree_with_a_bitmap)
{
	uint64_t seed = 1000 + (uint64_t)_i;
	bool bits[MODEL] = { false }, with[MODEL];

	for (int round = 0; round < 3000; round++) {
		uint32_t first = below(&seed, MODEL), last = first + below(&seed, MODEL - first);
		uint32_t op = below(&seed, 9);
		struct hf_range ranges[20];
		size_t count = below(&seed, 20);

		if (below(&seed, 4) && last > first + 10)
			last = first + below(&seed, 10);
		memset(with, 0, sizeof(with));
		for (size_t k = 0; k < count; k++) {
			uint32_t at = below(&seed, MODEL), size = below(&seed, 12);

			ranges[k].first = at;
			ranges[k].last = at + size < MODEL ? at + size : MODEL - 1;
			for (uint32_t n = ranges[k].first; n <= ranges[k].last; n++)
				with[n] = true;
		}
		hf_set_clear(&other);
		if (op >= 5)
			for (size_t k = 0; k < count; k++)
				hf_set_add_range(&other, ranges[k].first, ranges[k].last);
		switch (op) {
		case 0:
			hf_set_add(&set, first);
			bits[first] = true;
			break;
		case 1:
			hf_set_remove(&set, first);
			bits[first] = false;
			break;
		case 2:
		case 3:
			if (op == 2)
				hf_set_add_range(&set, first, last);
			else
				hf_set_remove_range(&set, first, last);
			for (uint32_t n = first; n <= last; n++)
				bits[n] = op == 2;
			break;
		case 4:
			hf_set_add_ranges(&set, ranges, count);
			for (int n = 0; n < MODEL; n++)
				bits[n] |= with[n];
			break;
		case 5:
			hf_set_union(&set, &other);
			for (int n = 0; n < MODEL; n++)
				bits[n] |= with[n];
			break;
		case 6:
			hf_set_subtract(&set, &other);
			for (int n = 0; n < MODEL; n++)
				bits[n] &= !with[n];
			break;
		case 7:
			hf_set_intersect(&set, &other);
			for (int n = 0; n < MODEL; n++)
				bits[n] &= with[n];
			break;
		default:
			hf_set_copy(&other, &set);
			hf_set_clear(&set);
			hf_set_copy(&set, &other);
			break;
		}
		assert_model(bits);
	}
}
END_TEST

static const struct {
	const char *text;
	uint32_t star;
	enum hf_status status;
	const char *expected;
} texts[] = {
	{ "1", 9, HF_OK, "1" },
	{ "1:3", 9, HF_OK, "1:3" },
	{ "3:1", 9, HF_OK, "1:3" },
	{ "2,4:7,9,12:*", 15, HF_OK, "2,4:7,9,12:15" },
	{ "*:4,7:5", 10, HF_OK, "4:10" },
	{ "*", 9, HF_OK, "9" },
	{ "*:*", 9, HF_OK, "9" },
	{ "*,1", 9, HF_OK, "1,9" },
	{ "*:12", 9, HF_OK, "9:12" },
	{ "12:*", 9, HF_OK, "9:12" },
	{ "5,4,3,2,1", 9, HF_OK, "1:5" },
	{ "1,1,1:1,1", 9, HF_OK, "1" },
	{ "4294967295", 9, HF_OK, "4294967295" },
	{ "1:4294967295", 9, HF_OK, "1:4294967295" },
	/* an empty mailbox */
	{ "*", 0, HF_OK, "" },
	{ "1:*", 0, HF_OK, "" },
	{ "*:1", 0, HF_OK, "" },
	{ "*:*,3,4:5", 0, HF_OK, "3:5" },
	{ "1:*,0", 0, HF_ESYNTAX, NULL },
	/* not a set */
	{ "", 9, HF_ESYNTAX, NULL },
	{ "0", 9, HF_ESYNTAX, NULL },
	{ "0:1", 9, HF_ESYNTAX, NULL },
	{ "1:0", 9, HF_ESYNTAX, NULL },
	{ "01", 9, HF_ESYNTAX, NULL },
	{ "4294967296", 9, HF_ESYNTAX, NULL },
	{ "1:4294967296", 9, HF_ESYNTAX, NULL },
	{ "99999999999999999999999999", 9, HF_ESYNTAX, NULL },
	{ "1,", 9, HF_ESYNTAX, NULL },
	{ ",1", 9, HF_ESYNTAX, NULL },
	{ "1,,2", 9, HF_ESYNTAX, NULL },
	{ "1:", 9, HF_ESYNTAX, NULL },
	{ ":1", 9, HF_ESYNTAX, NULL },
	{ "1:2:3", 9, HF_ESYNTAX, NULL },
	{ "1 ", 9, HF_ESYNTAX, NULL },
	{ " 1", 9, HF_ESYNTAX, NULL },
	{ "-1", 9, HF_ESYNTAX, NULL },
	{ "1;2", 9, HF_ESYNTAX, NULL },
	{ "**", 9, HF_ESYNTAX, NULL },
	{ "*1", 9, HF_ESYNTAX, NULL },
	{ "1*", 9, HF_ESYNTAX, NULL },
	{ "$", 9, HF_ESYNTAX, NULL },
};

START_TEST(texts_parse_or_leave_the_set_alone)
{
	hf_set_add(&set, 77);
	ck_assert_int_eq(hf_set_parse(hf_str(texts[_i].text), texts[_i].star, 1000, &set),
			 texts[_i].status);
	assert_set(&set, texts[_i].expected ? texts[_i].expected : "77");
}
END_TEST

START_TEST(the_number_of_items_is_limited)
{
	hf_set_add(&set, 77);
	ck_assert_int_eq(hf_set_parse(HF_STR("1,2,3"), 9, 3, &set), HF_OK);
	ck_assert_int_eq(hf_set_parse(HF_STR("5,6,7,8"), 9, 3, &set), HF_ELIMIT);
	ck_assert_int_eq(hf_set_parse(HF_STR("*,*,*,*"), 0, 3, &set), HF_ELIMIT);
	assert_set(&set, "1:3");
}
END_TEST

/* 200,000 items in the worst order take long only when each is inserted by itself. */
START_TEST(hostile_lists_parse_quickly)
{
	struct hf_buf text = HF_BUF_INIT;

	for (uint32_t i = 200000; i > 0; i--) {
		hf_buf_add_u64(&text, (uint64_t)i * 2);
		if (i > 1)
			hf_buf_add_char(&text, ',');
	}
	for (int round = 0; round < 10; round++)
		ck_assert_int_eq(hf_set_parse(hf_buf_str(&text), 0, 200000, &set), HF_OK);
	ck_assert_uint_eq(set.count, 200000);
	hf_buf_fini(&text);
}
END_TEST

START_TEST(what_is_formatted_parses_to_the_same)
{
	uint64_t seed = 9;

	for (int round = 0; round < 500; round++) {
		hf_set_clear(&set);
		for (uint32_t k = 1 + below(&seed, 40); k > 0; k--) {
			uint32_t first = 1 + below(&seed, UINT32_MAX - 1);

			hf_set_add_range(&set, first,
					 first + below(&seed, UINT32_MAX - first + 1) % 5);
		}
		hf_buf_clear(&out);
		hf_set_format(&set, &out);
		ck_assert_int_eq(hf_set_parse(hf_buf_str(&out), 1, 1000, &other), HF_OK);
		ck_assert_uint_eq(set.count, other.count);
		ck_assert_mem_eq(set.ranges, other.ranges, set.count * sizeof(*set.ranges));
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, adding_joins_neighbours);
	tcase_add_test(tc, removing_splits);
	tcase_add_test(tc, iterating_reaches_the_largest_number);
	tcase_add_loop_test(tc, pairs_combine, 0, HF_COUNT(pairs));
	tcase_add_test(tc, a_set_combines_with_itself);
	tcase_add_loop_test(tc, random_operations_agree_with_a_bitmap, 0, 8);
	tcase_add_loop_test(tc, texts_parse_or_leave_the_set_alone, 0, HF_COUNT(texts));
	tcase_add_test(tc, the_number_of_items_is_limited);
	tcase_add_test(tc, hostile_lists_parse_quickly);
	tcase_add_test(tc, what_is_formatted_parses_to_the_same);
}

int main(void)
{
	return run_tests("set", add);
}
