/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of module/lmtp/ share: a connection that remembers what was written to it, in
 * place of the host's. The module's files are linked from archives, so what is defined here comes
 * before the host's own. */
#ifndef HF_TESTS_LMTP_TEST_H
#define HF_TESTS_LMTP_TEST_H

#include "module/lmtp/lmtp.h"
#include "tests/base/base_test.h"

struct hf_conn {
	struct hf_buf written;
	const char *peer;
	bool is_unix, is_tls;
};

static struct hf_conn test_conn;
static struct lmtp_settings test_settings;
static struct lmtp_session test_session;

static inline void session_setup(void)
{
	test_conn = (struct hf_conn){ .peer = "192.0.2.1" };
	test_settings = (struct lmtp_settings){
		.message_size_max = 1 << 20,
		.recipients_max = 10,
		.delimiters = "+",
		.domain = LMTP_DOMAIN_FALLBACK,
		.errors_max = 3,
		.received = true,
	};
	test_session = (struct lmtp_session){ .conn = &test_conn,
					      .settings = &test_settings,
					      .arena = hf_arena_new() };
	test_session.sender = HF_STR("");
}

static inline void session_teardown(void)
{
	hf_buf_fini(&test_conn.written);
	hf_buf_fini(&test_session.peer_name);
	hf_arena_free(&test_session.arena);
}

#endif
