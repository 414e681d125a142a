/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations. Odd inputs are the arguments of GETMETADATA and SETMETADATA: parsing leaves the position inside the text. Even ones
 * are a name, a line end and a value: what is a name stays one in its normal form; what is set is read back, and what is
 * written to clients parses into the same. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "module/imap/metadata.h"
#include "module/imap/session_priv.h"
#include "tests/module/imap/mailbox_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mailbox_fixture f;

static void end(void)
{
	fixture_close_store(&f);
}

static struct imap_parser parser_of(struct hf_str text)
{
	struct imap_session *session = fixture_session(&f);

	return (struct imap_parser){ .start = text.data,
				     .pos = text.data,
				     .end = text.data + text.size,
				     .arena = session->arena,
				     .settings = session->settings };
}

static void parse(const char *name, struct hf_str text)
{
	struct imap_session *session = fixture_session(&f);
	const struct imap_command *def = imap_command_find(hf_str(name));
	struct imap_cmd cmd = { .session = session, .def = def, .arena = session->arena };
	struct imap_parser p = parser_of(text);
	enum hf_status status = def->parse(&cmd, &p);

	hf_assert(status == HF_OK || status == HF_ESYNTAX);
	hf_assert(p.pos >= p.start && p.pos <= p.end);
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
}

static void set(struct hf_str name, struct hf_str value)
{
	struct hf_annotation entry = { name, value };
	struct hf_annotate what = {
		.mailbox = f.inbox, .user = f.user, .entries = &entry, .count = 1
	};
	struct hf_op *op = hf_op_annotate(f.store, &what);

	hf_assert(hf_store_run(f.store, op) == HF_OK);
	hf_op_free(&op);
}

static void check_written(struct hf_str name, struct hf_str value)
{
	struct hf_buf out = HF_BUF_INIT;
	struct imap_entry entry;
	struct imap_parser p;
	struct hf_str back;

	imap_metadata_add(&out, false, name, value);
	p = parser_of(hf_buf_str(&out));
	hf_assert(imap_entry_parse(&p, &entry) == HF_OK && hf_str_eq(entry.written, name));
	hf_assert(imap_parse_space(&p) && imap_parse_nstring8(&p, &back) && imap_parse_end(&p));
	hf_assert(hf_str_eq(back, value) && (back.data != NULL) == (value.data != NULL));
	hf_buf_fini(&out);
}

static void check_value(struct hf_str name, struct hf_str value)
{
	struct hf_arena *arena = fixture_session(&f)->arena;
	struct hf_str normal, again, back;
	struct hf_annotation_info *list;
	size_t count;

	if (hf_entry_check(name, arena, &normal) != HF_OK)
		return;
	hf_assert(hf_entry_check(normal, arena, &again) == HF_OK && hf_str_eq(again, normal));
	hf_assert(hf_entry_is_within(normal, normal, 0) && hf_str_ieq(name, normal));
	hf_assert(hf_entry_is_within(normal,
				     hf_entry_is_private(normal) ? HF_STR("/private")
								 : HF_STR("/shared"),
				     UINT_MAX));
	check_written(name, value);
	if (!hf_entry_has_value(normal))
		return;
	set(name, value);
	hf_assert(hf_annotation_find(f.store, f.inbox, f.user, normal, arena, &back) == HF_OK &&
		  hf_str_eq(back, value));
	hf_assert(hf_annotation_list(f.store, f.inbox, hf_entry_is_private(normal) ? f.user : 0,
				     arena, &list, &count) == HF_OK);
	hf_assert(count == 1 && hf_str_eq(list[0].name, normal) &&
		  hf_str_eq(list[0].written, name) && list[0].size == value.size);
	set(name, HF_STR_NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str text, name;

	if (!size)
		return 0;
	if (!f.conn) {
		fixture_open_store(&f);
		atexit(end);
		fixture_select(&f, true);
	}
	text = hf_arena_str(fixture_session(&f)->arena, hf_str_n(data + 1, size - 1));
	if (*data & 1) {
		parse("GETMETADATA", text);
		parse("SETMETADATA", text);
	} else {
		name = hf_str_split(&text, '\n');
		check_value(name, text.data ? text : HF_STR(""));
	}
	hf_arena_reset(fixture_session(&f)->arena);
	return 0;
}
