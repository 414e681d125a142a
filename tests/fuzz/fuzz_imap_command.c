/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a command, literals in place: head and arguments of every command, in both forms.
 * Parsing has no side effects and leaves the position inside the text. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "module/imap/session_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[] = "/tmp/hf-fuzz-imap-XXXXXX";
static struct hf_store *store;
static struct hf_view *view;

static void end(void)
{
	char command[64];

	hf_view_close(&view);
	hf_store_close(&store);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	if (system(command) != 0)
		perror(directory);
}

/* SEARCH asks the selected mailbox what "*" is, so there is one, empty. */
static void begin(void)
{
	struct hf_store_settings settings;
	struct hf_arena *arena = hf_arena_new();
	struct hf_account *account;
	struct hf_mailbox_info inbox;
	struct hf_user user;
	struct hf_op *op;

	hf_assert(mkdtemp(directory) != NULL);
	hf_store_settings_init(&settings);
	settings.directory = directory;
	settings.cache_size = 16 << 20;
	settings.reserve_size = settings.ballast_size = 0;
	hf_assert(hf_store_open(&settings, NULL, NULL, &store) == HF_OK);
	op = hf_op_user_create(store, HF_STR("anna"), NULL, 0);
	hf_assert(hf_store_run(store, op) == HF_OK);
	hf_op_free(&op);
	hf_assert(hf_user_find(store, HF_STR("anna"), arena, &user) == HF_OK);
	hf_assert(hf_account_open(store, user.id, &account) == HF_OK);
	hf_assert(hf_account_find(account, HF_STR("INBOX"), arena, &inbox) == HF_OK);
	hf_account_close(&account);
	hf_assert(hf_view_open(store, inbox.id, 0, true, NULL, &view) == HF_OK);
	hf_arena_free(&arena);
	atexit(end);
}

static void parse(struct imap_session *session, struct hf_str text, const struct imap_head *head)
{
	struct imap_cmd cmd = { .session = session,
				.def = head->def,
				.arena = session->arena,
				.tag = head->tag,
				.uid = head->uid };
	struct imap_parser p = {
		.start = text.data,
		.pos = head->args.size ? head->args.data : text.data + text.size,
		.end = text.data + text.size,
		.arena = session->arena,
		.settings = session->settings,
		.utf8 = session->enabled & IMAP_EN_UTF8,
	};

	if (!head->def->parse)
		return;
	if (head->def->parse(&cmd, &p) == HF_OK) {
		if (head->def->finish)
			head->def->finish(&cmd);
	}
	hf_assert(p.pos >= p.start && p.pos <= p.end);
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct imap_settings settings = { .line_size_max = 65536, .nesting_max = 100 };
	static struct imap_session_priv priv;
	struct imap_session session = { .settings = &settings,
					.state = IMAP_SELECTED,
					.priv = &priv };
	struct imap_head head;
	struct hf_str text;

	if (size == 0)
		return 0;
	if (!view)
		begin();
	session.store = store;
	session.view = view;
	session.arena = hf_arena_new();
	session.enabled = (data[0] & 1 ? IMAP_EN_UTF8 : 0) |
			  (data[0] & 2 ? IMAP_EN_CONDSTORE | IMAP_EN_QRESYNC : 0) |
			  (data[0] & 4 ? IMAP_EN_UIDONLY : 0);
	text = hf_arena_str(session.arena, hf_str_n(data + 1, size - 1));
	if (!imap_parse_head(text, &head))
		parse(&session, text, &head);
	hf_arena_free(&session.arena);
	return 0;
}
