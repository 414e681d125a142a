/* SPDX-License-Identifier: BSD-2-Clause */
/* A session over a fake connection that has logged in and selected INBOX of a real store in a
 * temporary directory. */
#ifndef HF_TESTS_MODULE_IMAP_MAILBOX_FIXTURE_H
#define HF_TESTS_MODULE_IMAP_MAILBOX_FIXTURE_H

#include "tests/module/imap/fake_conn.h"

struct mailbox_fixture {
	struct hf_store *store;
	struct hf_conn *conn;
	char directory[32];
	uint64_t user, inbox;
};

/* The store, with the user "anna" and INBOX. */
void fixture_open_store(struct mailbox_fixture *f);
void fixture_close_store(struct mailbox_fixture *f);
/* Puts a message into INBOX; lines may end in LF alone. */
void fixture_add(struct mailbox_fixture *f, uint32_t flags, const char *message);
void fixture_add_octets(struct mailbox_fixture *f, uint32_t flags, struct hf_str message);
/* Logs in and selects (or examines) INBOX. */
void fixture_select(struct mailbox_fixture *f, bool examine);
void fixture_leave(struct mailbox_fixture *f);

/* Gives the session "t COMMAND" and returns what it has answered, with the tagged response. */
const char *fixture_run(struct mailbox_fixture *f, const char *command);
/* The same, for what is more than a line: octets as they come, up to the tagged response of "t". */
const char *fixture_run_octets(struct mailbox_fixture *f, struct hf_str octets);

struct imap_session *fixture_session(struct mailbox_fixture *f);

#endif
