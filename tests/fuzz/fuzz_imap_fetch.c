/* SPDX-License-Identifier: BSD-2-Clause */
/* The arguments of FETCH (first octet: of UID FETCH), run over a mailbox of a few odd messages.
 * What comes out must be whole responses: balanced lists, sound strings, literals of the size they
 * announce, no NUL outside literals that are binary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "module/imap/fetch.h"
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
	fixture_add(&f, HF_FLAG_SEEN,
		    "From: \"A \\\"B\\\"\" <a@b>\nSubject: \xfc\nTo: g: x@y;\n\nplain\n");
	fixture_add(
		&f, 0,
		"Subject: nested\nContent-Type: multipart/mixed; boundary=b; x=\"\xc3\xa4\"\n\n--b\n\none\n--b\n"
		"Content-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/alternative; boundary=c\n\n--c\n"
		"Content-Transfer-Encoding: base64\n\nAAEC\n--c\nContent-Transfer-Encoding: x-odd\n\n?\n--c--\n--b--\n");
	fixture_add(&f, HF_FLAG_DRAFT, "\nno header\n");
	fixture_add_octets(&f, 0, HF_STR("Subject: a\0b\r\n\r\nc\0d"));
	fixture_select(&f, true);
	hf_buf_clear(&f.conn->out);
	f.conn->out_mark = 0;
}

/* Behind a value at `pos`. */
static const char *value(const char *pos, const char *stop)
{
	unsigned depth = 0;

	do {
		hf_assert(pos < stop);
		if (*pos == '(') {
			depth++;
			pos++;
		} else if (*pos == ')') {
			hf_assert(depth--);
			pos++;
		} else if (*pos == '"') {
			for (pos++; hf_assert(pos < stop), *pos != '"'; pos++) {
				hf_assert(*pos != '\r' && *pos != '\n' && *pos != '\0' &&
					  !(*pos & 0x80));
				if (*pos == '\\')
					pos++;
			}
			pos++;
		} else if (*pos == '{') {
			char *after;
			size_t count = strtoul(pos + 1, &after, 10);

			hf_assert(!strncmp(after, "}\r\n", 3) &&
				  count <= (size_t)(stop - after - 3));
			pos = after + 3 + count;
		} else {
			hf_assert(*pos != '\r' && *pos != '\n' && *pos != '\0');
			pos++;
		}
	} while (depth);
	return pos;
}

static void check(struct hf_str out)
{
	const char *pos = out.data, *stop = out.data + out.size;

	while (pos < stop) {
		char *after;

		hf_assert(stop - pos > 2 && pos[0] == '*' && pos[1] == ' ');
		if (strtoul(pos + 2, &after, 10) ==
		    0) { /* "* OK [HIGHESTMODSEQ ...": CONDSTORE has been turned on */
			pos = memchr(pos, '\n', (size_t)(stop - pos));
			hf_assert(pos);
			pos++;
			continue;
		}
		hf_assert(!strncmp(after, " FETCH (", 8));
		pos = value(after + 7, stop);
		hf_assert(stop - pos >= 2 && pos[0] == '\r' && pos[1] == '\n');
		pos += 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct imap_command *def = imap_command_find(HF_STR("FETCH"));
	struct imap_session *session;
	struct imap_parser p = { 0 };
	struct imap_cmd cmd = { 0 };
	enum hf_status status;
	struct hf_str text;

	if (size == 0)
		return 0;
	if (!f.conn)
		begin();
	session = fixture_session(&f);
	session->enabled = 0;
	text = hf_arena_str(session->arena, hf_str_n(data + 1, size - 1));
	cmd.session = session;
	cmd.def = def;
	cmd.arena = session->arena;
	cmd.uid = data[0] & 1;
	p.start = p.pos = text.data;
	p.end = text.data + text.size;
	p.arena = session->arena;
	p.settings = session->settings;
	session->cmd = &cmd;
	if (def->parse(&cmd, &p) == HF_OK) {
		status = def->start(&cmd);
		while (status == HF_MORE)
			status = def->next(&cmd);
		hf_assert(status == HF_OK || status == HF_ESYNTAX || status == HF_ELIMIT ||
			  status == HF_EUNKNOWNCTE);
		def->finish(&cmd);
		check(hf_buf_str(&f.conn->out));
	}
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
	session->cmd = NULL;
	hf_buf_clear(&f.conn->out);
	f.conn->out_mark = 0;
	hf_arena_reset(session->arena);
	return 0;
}
