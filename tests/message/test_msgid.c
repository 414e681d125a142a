/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/header_priv.h"

#include "tests/base/base_test.h"

static void assert_ids(const char *in, const char *expected)
{
	struct hf_buf id = HF_BUF_INIT, out = HF_BUF_INIT;
	size_t pos = 0;

	while (hf_msgid_next(hf_str(in), &pos, &id))
		hf_buf_printf(&out, "%.*s ", HF_STR_ARG(hf_buf_str(&id)));
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&id);
	hf_buf_fini(&out);
}

START_TEST(ids_are_normalised)
{
	assert_ids("<a@b>", "a@b ");
	assert_ids("<a@b> <c@d>\r\n\t<e@f>", "a@b c@d e@f ");
	assert_ids("<a@b><c@d>", "a@b c@d ");
	assert_ids("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", "01KF8JCEOCBS0045PS@xxx.yyy.com ");
	assert_ids("<a.\"b c\"@d>", "a.b c@d ");
	assert_ids("< a . b @ (c) d >", "a.b@d ");
	assert_ids("<a@[1.2.3.4]>", "a@[1.2.3.4] ");
	assert_ids("Your message of Monday <a@b> (and so on)", "a@b ");
	assert_ids("<a@b@c>", "a@b@c ");
}
END_TEST

START_TEST(what_is_no_id_is_passed_over)
{
	assert_ids("", "");
	assert_ids("a@b", "");
	assert_ids("<a>", "");
	assert_ids("<@b>", "");
	assert_ids("<a@>", "");
	assert_ids("<a@b", "");
	assert_ids("<<a@b>", "a@b ");
	assert_ids("<\"a", "");
	assert_ids("<x <a@b>", "a@b ");
}
END_TEST

START_TEST(long_references_keep_both_ends)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf in = HF_BUF_INIT;

	for (int count = 99; count <= 103; count += 2) {
		struct hf_message message = { 0 };

		hf_buf_clear(&in);
		for (int i = 0; i < count; i++)
			hf_buf_printf(&in, "<%d@x> ", i);
		hf_references_parse(arena, hf_buf_str(&in), HF_STR("<other@x>"), &message);
		ck_assert_uint_eq(message.reference_count, count < 100 ? (unsigned)count : 100);
		assert_octets(message.references[0], HF_STR("0@x"));
		assert_octets(message.references[49], HF_STR("49@x"));
		assert_octets(message.references[50], hf_str(count == 99    ? "50@x"
							     : count == 101 ? "51@x"
									    : "53@x"));
		assert_octets(message.references[message.reference_count - 1],
			      hf_str(count == 99    ? "98@x"
				     : count == 101 ? "100@x"
						    : "102@x"));
	}
	hf_buf_fini(&in);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(in_reply_to_stands_in)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message = { 0 };

	hf_references_parse(arena, HF_STR("none"), HF_STR("<a@b> <c@d>"), &message);
	ck_assert_uint_eq(message.reference_count, 1);
	assert_octets(message.references[0], HF_STR("a@b"));
	message = (struct hf_message){ 0 };
	hf_references_parse(arena, HF_STR_NULL, HF_STR_NULL, &message);
	ck_assert_uint_eq(message.reference_count, 0);
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, ids_are_normalised);
	tcase_add_test(tc, what_is_no_id_is_passed_over);
	tcase_add_test(tc, long_references_keep_both_ends);
	tcase_add_test(tc, in_reply_to_stands_in);
}

int main(void)
{
	return run_tests("msgid", add);
}
