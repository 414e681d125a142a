/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/module/lmtp/lmtp_test.h"

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

bool hf_conn_is_unix(const struct hf_conn *conn)
{
	return conn->is_unix;
}

bool hf_conn_is_tls(const struct hf_conn *conn)
{
	return conn->is_tls;
}

const char *hf_conn_peer_address(const struct hf_conn *conn)
{
	return conn->peer;
}

uint64_t hf_conn_id(const struct hf_conn *conn)
{
	(void)conn;
	return 7;
}

static struct hf_buf out;

static struct hf_str trace(struct hf_str address)
{
	struct lmtp_rcpt rcpt = { .address = address };

	hf_buf_clear(&out);
	lmtp_trace(&test_session, &rcpt, &out);
	return hf_buf_str(&out);
}

static void teardown(void)
{
	hf_buf_fini(&out);
	session_teardown();
}

START_TEST(lines_name_sender_and_recipient)
{
	struct hf_str got;

	test_session.sender = HF_STR("bob@example.net");
	hf_buf_add_lit(&test_session.peer_name, "mx.example.net");
	got = trace(HF_STR("anna+x@example.org"));
	ck_assert(hf_str_starts(
		got,
		HF_STR("Return-Path: <bob@example.net>\r\nDelivered-To: anna+x@example.org\r\n"
		       "Received: from mx.example.net ([192.0.2.1])\r\n\tby mail.example.org with LMTP id 7.")));
	ck_assert_int_ge(hf_str_find(got, HF_STR("\r\n\tfor <anna+x@example.org>; ")), 0);
	ck_assert(hf_str_ends(got, HF_STR("\r\n")));
}
END_TEST

START_TEST(a_bounce_has_an_empty_return_path)
{
	ck_assert(hf_str_starts(trace(HF_STR("a")), HF_STR("Return-Path: <>\r\n")));
}
END_TEST

START_TEST(received_can_be_left_out)
{
	test_settings.received = false;
	assert_octets(trace(HF_STR("a")), HF_STR("Return-Path: <>\r\nDelivered-To: a\r\n"));
}
END_TEST

START_TEST(the_protocol_is_told)
{
	test_conn.is_unix = test_conn.is_tls = test_session.utf8 = true;
	test_conn.peer = "unix";
	ck_assert_int_ge(
		hf_str_find(trace(HF_STR("a")),
			    HF_STR("(unix socket)\r\n\tby mail.example.org with UTF8LMTPS id ")),
		0);
}
END_TEST

START_TEST(what_comes_from_outside_ends_no_line)
{
	struct hf_str got;
	size_t i, lines = 0;

	test_session.sender = HF_STR("a\r\nX-Evil: 1@b");
	hf_buf_add_lit(&test_session.peer_name, "c\r\nX-Evil: 2\0d");
	got = trace(HF_STR("e\nX-Evil: 3"));
	for (i = 0; i < got.size; i++) {
		lines += got.data[i] == '\n';
		ck_assert(got.data[i] != '\n' || (i > 0 && got.data[i - 1] == '\r'));
		ck_assert(got.data[i]);
	}
	ck_assert_uint_eq(lines, 5);
	ck_assert_int_lt(hf_str_find(got, HF_STR("\nX-Evil")), 0);
}
END_TEST

START_TEST(the_longest_lines_fit_the_prefix)
{
	char address[LMTP_ADDRESS_MAX];

	memset(address, 'a', sizeof address);
	memset(hf_buf_reserve(&test_session.peer_name, 255), 'p', 255);
	hf_buf_added(&test_session.peer_name, 255);
	test_session.sender = hf_str_n(address, sizeof address);
	test_conn.peer = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
	ck_assert_uint_le(trace(hf_str_n(address, sizeof address)).size, LMTP_PREFIX_MAX);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, session_setup, teardown);
	tcase_add_test(tc, lines_name_sender_and_recipient);
	tcase_add_test(tc, a_bounce_has_an_empty_return_path);
	tcase_add_test(tc, received_can_be_left_out);
	tcase_add_test(tc, the_protocol_is_told);
	tcase_add_test(tc, what_comes_from_outside_ends_no_line);
	tcase_add_test(tc, the_longest_lines_fit_the_prefix);
}

int main(void)
{
	return run_tests("lmtp_trace", add);
}
