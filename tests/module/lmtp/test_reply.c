/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/module/lmtp/lmtp_test.h"

void hf_conn_write_str(struct hf_conn *conn, struct hf_str s)
{
	hf_buf_add_str(&conn->written, s);
}

struct hf_host *hf_conn_host(struct hf_conn *conn)
{
	(void)conn;
	return NULL;
}

const char *hf_host_name(struct hf_host *host)
{
	(void)host;
	return "mail.example.org";
}

START_TEST(replies_have_code_and_enhanced_code)
{
	lmtp_reply(&test_session, 250, "2.1.0", "sender %s", "ok");
	lmtp_reply(&test_session, 354, "", "go on");
	assert_buf(&test_conn.written, "250 2.1.0 sender ok\r\n354 go on\r\n");
}
END_TEST

START_TEST(refusals_in_a_row_end_the_session)
{
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	ck_assert(!test_session.quitting);
	hf_buf_clear(&test_conn.written);
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	ck_assert(test_session.quitting);
	assert_buf(&test_conn.written,
		   "500 5.5.1 no\r\n421 4.7.0 mail.example.org too many errors, closing\r\n");
}
END_TEST

START_TEST(a_success_begins_the_count_anew)
{
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	lmtp_reply(&test_session, 250, "2.0.0", "ok");
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	lmtp_refuse(&test_session, 500, "5.5.1", "no");
	ck_assert(!test_session.quitting);
}
END_TEST

START_TEST(every_status_has_an_answer)
{
	struct lmtp_answer answer = lmtp_answer((enum hf_status)_i);

	ck_assert_int_ge(answer.code, 250);
	ck_assert_int_lt(answer.code, 600);
	ck_assert_int_eq(answer.code / 100, answer.enhanced[0] - '0');
	ck_assert_uint_eq(strspn(answer.enhanced, "0123456789."), strlen(answer.enhanced));
	ck_assert_ptr_nonnull(answer.text);
	if (_i != HF_OK)
		ck_assert_int_ge(answer.code, 400);
}
END_TEST

START_TEST(our_trouble_keeps_the_message_with_the_mta)
{
	static const enum hf_status ours[] = { HF_EUNAVAILABLE, HF_ECORRUPT,   HF_EIO,   HF_EINUSE,
					       HF_EMODIFIED,    HF_EOVERQUOTA, HF_ELIMIT };

	for (size_t i = 0; i < HF_COUNT(ours); i++)
		ck_assert_int_eq(lmtp_answer(ours[i]).code / 100, 4);
	ck_assert_int_eq(lmtp_answer(HF_ENONEXISTENT).code, 550);
	ck_assert_str_eq(lmtp_answer(HF_ENONEXISTENT).enhanced, "5.1.1");
	ck_assert_int_eq(lmtp_answer(HF_ETOOBIG).code, 552);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, session_setup, session_teardown);
	tcase_add_test(tc, replies_have_code_and_enhanced_code);
	tcase_add_test(tc, refusals_in_a_row_end_the_session);
	tcase_add_test(tc, a_success_begins_the_count_anew);
	tcase_add_loop_test(tc, every_status_has_an_answer, 0, HF_STATUS_COUNT);
	tcase_add_test(tc, our_trouble_keeps_the_message_with_the_mta);
}

int main(void)
{
	return run_tests("lmtp_reply", add);
}
