/* SPDX-License-Identifier: BSD-2-Clause */
/* Search keys, run over a mailbox of a few odd messages. Whatever the keys mean, the laws of logic
 * hold: NOT finds the others, OR and AND with itself change nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "module/imap/search.h"
#include "tests/module/imap/mailbox_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mailbox_fixture f;

static void end(void)
{
	fixture_close_store(&f);
}

static void begin(void)
{
	fixture_open_store(&f);
	atexit(end);
	fixture_add(
		&f, HF_FLAG_SEEN,
		"From: a@b\nSubject: one\nDate: Mon, 7 Feb 1994 21:52:25 -0800\n\nplain noon\n");
	fixture_add(
		&f, HF_FLAG_FLAGGED,
		"Subject: =?iso-8859-1?q?=fc?= two\nX-Empty:\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n"
		"Content-Transfer-Encoding: base64\n\nYXQgbm9vbg==\n--b\nContent-Type: text/plain; charset=x-odd\n\n\xff\n--b--\n");
	fixture_add(&f, 0, "\nno header\n");
	fixture_add_octets(&f, HF_FLAG_DELETED, HF_STR("Subject: a\0b\r\n\r\nc\0d"));
	fixture_select(&f, true);
}

/* The messages that match, a bit each. False: it does not parse. */
static bool search(struct hf_str keys, unsigned *found)
{
	struct imap_session *session = fixture_session(&f);
	struct imap_cmd cmd = { .session = session,
				.arena = session->arena,
				.def = imap_command_find(HF_STR("SEARCH")) };
	struct imap_parser p = { .start = keys.data,
				 .pos = keys.data,
				 .end = keys.data + keys.size,
				 .arena = session->arena,
				 .settings = session->settings };
	struct search_program program = { 0 };
	struct hf_set matches = HF_SET_INIT;
	struct hf_set_iter it;
	struct search_run *run;
	uint32_t seq;
	bool parsed = search_parse(&cmd, &p, &program) == HF_OK;

	hf_assert(p.pos >= p.start && p.pos <= p.end);
	if (parsed) {
		run = search_run_new(&cmd, &program);
		while (search_run_next(run, &matches) == HF_MORE)
			;
		hf_assert(search_run_failed(run) == HF_OK);
		search_run_free(&run);
		*found = 0;
		for (hf_set_iter_init(&it, &matches); hf_set_iter_next(&it, &seq);)
			*found |= 1u << seq;
		hf_assert(!(*found & ~0x1eu));
	}
	search_free(&program);
	hf_set_fini(&matches);
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
	return parsed;
}

/* What `form` makes of the keys in place of "@". False: the nesting has become too deep, or the
 * keys had a charset before them. */
static bool search_as(const char *form, struct hf_str keys, unsigned *found)
{
	struct hf_buf text = HF_BUF_INIT;
	bool parsed;

	for (const char *c = form; *c; c++) {
		if (*c == '@')
			hf_buf_add_str(&text, keys);
		else
			hf_buf_add_char(&text, *c);
	}
	parsed = search(hf_arena_str(fixture_session(&f)->arena, hf_buf_str(&text)), found);
	hf_buf_fini(&text);
	return parsed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned found, again;
	struct hf_str keys;

	if (!f.conn)
		begin();
	keys = hf_arena_str(fixture_session(&f)->arena, hf_str_n(data, size));
	if (search(keys, &found)) {
		if (search_as("(@)", keys, &again))
			hf_assert(again == found);
		if (search_as("NOT (@)", keys, &again))
			hf_assert(again == (0x1eu & ~found));
		if (search_as("OR (@) (@)", keys, &again))
			hf_assert(again == found);
		if (search_as("OR NOT (@) (@)", keys, &again))
			hf_assert(again == 0x1eu);
	}
	hf_arena_reset(fixture_session(&f)->arena);
	return 0;
}
