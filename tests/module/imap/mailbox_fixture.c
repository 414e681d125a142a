/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind mailbox_fixture.h. */
#include "tests/module/imap/mailbox_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

struct room {
	struct hf_waiter waiter;
};

static void ignore(struct hf_waiter *waiter)
{
	(void)waiter;
}

static void pause_a_moment(void)
{
	struct timespec moment = { .tv_nsec = 50000 };

	nanosleep(&moment, NULL);
}

void fixture_open_store(struct mailbox_fixture *f)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_store_settings settings;
	struct hf_mailbox_info info;
	struct hf_account *account;
	struct hf_op *op;

	memset(f, 0, sizeof(*f));
	snprintf(f->directory, sizeof(f->directory), "/tmp/hf-imap-XXXXXX");
	hf_assert(mkdtemp(f->directory));
	hf_store_settings_init(&settings);
	settings.directory = f->directory;
	settings.cache_size = 16 << 20;
	settings.reserve_size = settings.ballast_size = 0;
	hf_assert(hf_store_open(&settings, NULL, NULL, &f->store) == HF_OK);
	op = hf_op_user_create(f->store, HF_STR("anna"), NULL, 0);
	hf_assert(hf_store_run(f->store, op) == HF_OK);
	f->user = hf_op_user(op);
	hf_op_free(&op);
	hf_assert(hf_account_open(f->store, f->user, &account) == HF_OK);
	hf_assert(hf_account_find(account, HF_STR("INBOX"), arena, &info) == HF_OK);
	f->inbox = info.id;
	hf_account_close(&account);
	hf_arena_free(&arena);
}

void fixture_close_store(struct mailbox_fixture *f)
{
	char command[64];

	fixture_leave(f);
	hf_store_close(&f->store);
	snprintf(command, sizeof(command), "rm -rf %s", f->directory);
	hf_assert(system(command) == 0);
}

void fixture_add_octets(struct mailbox_fixture *f, uint32_t flags, struct hf_str message)
{
	struct room room = { .waiter = { .wake = ignore } };
	struct hf_append item = { .flags = flags, .has_date = true, .internaldate = 1000000000 };
	enum hf_status status;
	struct hf_op *op;

	hf_assert(hf_stage_new(f->store, message.size, &room.waiter, &item.stage) == HF_OK);
	status = hf_stage_write(item.stage, message);
	hf_assert(status == HF_OK || status == HF_WAIT);
	while ((status = hf_stage_finish(item.stage)) == HF_WAIT)
		pause_a_moment();
	hf_assert(status == HF_OK);
	op = hf_op_append(f->store, f->inbox, 0, &item, 1, NULL, HF_UID(0));
	hf_assert(hf_store_run(f->store, op) == HF_OK);
	hf_op_free(&op);
}

void fixture_add(struct mailbox_fixture *f, uint32_t flags, const char *message)
{
	struct hf_buf octets = HF_BUF_INIT;

	for (const char *c = message; *c; c++) {
		if (*c == '\n' && (c == message || c[-1] != '\r'))
			hf_buf_add_char(&octets, '\r');
		hf_buf_add_char(&octets, *c);
	}
	fixture_add_octets(f, flags, hf_buf_str(&octets));
	hf_buf_fini(&octets);
}

struct imap_session *fixture_session(struct mailbox_fixture *f)
{
	return f->conn->session;
}

void fixture_select(struct mailbox_fixture *f, bool examine)
{
	fixture_leave(f);
	f->conn = fake_conn_new();
	fixture_session(f)->store = f->store;
	hf_assert(imap_session_login(fixture_session(f), HF_STR("anna")) == HF_OK);
	fake_output(f->conn);
	fixture_run(f, examine ? "EXAMINE INBOX" : "SELECT INBOX");
	hf_assert(fixture_session(f)->state == IMAP_SELECTED);
}

void fixture_leave(struct mailbox_fixture *f)
{
	fake_conn_free(&f->conn);
}

/* "t OK ...", "t NO ...", "t BAD ..." at the start of a line of `text`. */
static bool has_tagged(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "t ", 2) && strchr(line, '\n'))
			return true;
		if (!*line)
			break;
	}
	return false;
}

const char *fixture_run_octets(struct mailbox_fixture *f, struct hf_str octets)
{
	size_t from = f->conn->out_mark;

	fake_octets(f->conn, octets, 0);
	while (!has_tagged(hf_buf_cstr(&f->conn->out) + from) &&
	       !fixture_session(f)->priv->closing) {
		pause_a_moment();
		fake_step(f->conn, HF_EV_DURABLE | HF_EV_NEWS);
	}
	return fake_output(f->conn);
}

const char *fixture_run(struct mailbox_fixture *f, const char *command)
{
	struct hf_buf line = HF_BUF_INIT;
	const char *answer;

	hf_buf_printf(&line, "t %s\r\n", command);
	answer = fixture_run_octets(f, hf_buf_str(&line));
	hf_buf_fini(&line);
	return answer;
}
