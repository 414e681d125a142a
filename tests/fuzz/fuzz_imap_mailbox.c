/* SPDX-License-Identifier: BSD-2-Clause */
/* A session that has logged in and selected a mailbox of a real store: whole commands, run to their
 * end, with literals that come in pieces (APPEND, MULTIAPPEND, CATENATE, REPLACE). First octet: the
 * size of the pieces, 0 for all at once. Whatever a client sends, the session ends when the client
 * does, what it has written are whole responses, and memory stays bounded. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "tests/module/imap/mailbox_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RUNS_MAX  200    /* of one store: what the commands leave there must not slow down the rest */
#define STEPS_MAX 200000 /* 50 microseconds each */

static struct mailbox_fixture f;
static unsigned runs;

static void drop_line(void *arg, enum hf_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void end(void)
{
	fixture_close_store(&f);
}

static void begin(void)
{
	static bool registered;

	if (!registered)
		atexit(end);
	else
		fixture_close_store(&f);
	registered = true;
	hf_log_set_sink(drop_line, NULL);
	fixture_open_store(&f);
	fixture_add(&f, HF_FLAG_SEEN, "From: a@b\nSubject: one\nMessage-ID: <1@x>\n\nplain\n");
	fixture_add(&f, 0,
		    "Subject: two\nReferences: <1@x>\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n"
		    "Content-Transfer-Encoding: base64\n\nAAEC\n--b--\n");
	fixture_add(&f, HF_FLAG_DELETED, "\nno header\n");
}

/* Steps until it wants input that has not come, or has ended. */
static unsigned settle(struct hf_conn *conn, unsigned want)
{
	struct timespec moment = { .tv_nsec = 50000 };

	for (unsigned steps = 0; !(want & (HF_WANT_INPUT | HF_WANT_CLOSE | HF_WANT_ABORT)); steps++) {
		hf_assert(steps < STEPS_MAX);
		if (conn->offload) {
			want = fake_run_offload(conn);
			continue;
		}
		if (!(want & HF_WANT_TURN))
			nanosleep(&moment, NULL);
		want = fake_step(conn, HF_EV_DURABLE | HF_EV_NEWS);
	}
	return want;
}

static void play(struct hf_conn *conn, struct hf_str in, size_t piece)
{
	unsigned want = HF_WANT_INPUT;

	hf_buf_add_str(&conn->in, in);
	while (conn->shown < conn->in.size && !(want & (HF_WANT_CLOSE | HF_WANT_ABORT))) {
		size_t more = conn->in.size - conn->shown;

		conn->shown += piece && piece < more ? piece : more;
		want = settle(conn, fake_step(conn, HF_EV_INPUT));
	}
	conn->ended = true;
	if (!(want & (HF_WANT_CLOSE | HF_WANT_ABORT)))
		want = settle(conn, fake_step(conn, HF_EV_INPUT));
	hf_assert(want & (HF_WANT_CLOSE | HF_WANT_ABORT));
	hf_assert(((struct imap_session *)conn->session)->priv->in.text.capacity <= 4 * 65536);
}

/* The octets of the literal announced at the end of a line, 0: none. */
static size_t literal_of(const char *line, const char *line_end)
{
	const char *pos = line_end;
	size_t size = 0, place = 1;

	if (pos == line || *--pos != '}')
		return 0;
	while (pos > line && pos[-1] >= '0' && pos[-1] <= '9' && place < 100000000) {
		pos--;
		size += (size_t)(*pos - '0') * place;
		place *= 10;
	}
	return pos > line && place > 1 && pos[-1] == '{' ? size : 0;
}

/* Lines end in CRLF, begin with "* ", "+ " or a tag, and hold neither NUL nor a lone CR but in
 * literals. A connection that was ended may leave the last one unfinished. */
static void check(struct hf_str out)
{
	const char *pos = out.data, *stop = out.data + out.size;

	while (pos < stop) {
		const char *line = pos;

		for (;;) {
			const char *lf = memchr(pos, '\n', (size_t)(stop - pos));
			size_t literal;

			if (!lf)
				return;
			hf_assert(lf > pos && lf[-1] == '\r');
			hf_assert(!memchr(pos, '\0', (size_t)(lf - pos)));
			hf_assert(memchr(pos, '\r', (size_t)(lf - pos)) == lf - 1);
			literal = literal_of(pos, lf - 1);
			pos = lf + 1;
			if (!literal && (lf - line < 4 || memcmp(lf - 4, "{0}", 3) != 0))
				break;
			if ((size_t)(stop - pos) < literal)
				return;
			pos += literal;
		}
		hf_assert(*line > ' ' && *line < 0x7f && memchr(line, ' ', (size_t)(pos - line)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str in;
	size_t mark;

	if (size < 2)
		return 0;
	if (runs++ % RUNS_MAX == 0)
		begin();
	in = hf_str_n(data + 1, size - 1 < 20000 ? size - 1 : 20000);
	fixture_select(&f, false);
	mark = f.conn->out.size;
	play(f.conn, in, data[0]);
	check(hf_str_n(f.conn->out.data + mark, f.conn->out.size - mark));
	fixture_leave(&f);
	return 0;
}
