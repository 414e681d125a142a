/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a command, literals in place: head and arguments of every command, in both forms.
 * Parsing has no side effects and leaves the position inside the text. */
#include "base/assert.h"
#include "module/imap/session_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	session.arena = hf_arena_new();
	session.enabled = data[0] & 1 ? IMAP_EN_UTF8 : 0;
	text = hf_arena_str(session.arena, hf_str_n(data + 1, size - 1));
	if (!imap_parse_head(text, &head))
		parse(&session, text, &head);
	hf_arena_free(&session.arena);
	return 0;
}
