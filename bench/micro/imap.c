/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of a session over a mailbox of a real store: from the input buffer to the output buffer, without sockets. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "bench/micro/micro.h"
#include "tests/module/imap/mailbox_fixture.h"

#define DISTINCT 256  /* messages; the rest of the mailbox are copies of them */
#define MAILBOX 4096
#define SIZE 1500

static struct mailbox_fixture f;

/* Whether the last line of the output is the tagged response. */
static bool is_answered(void)
{
	const struct hf_buf *out = &f.conn->out;
	const char *line;

	if (out->size < 2 || out->data[out->size - 1] != '\n')
		return false;
	line = memrchr(out->data, '\n', out->size - 1);
	line = line ? line + 1 : out->data;
	return line[0] == 't' && line[1] == ' ';
}

/* Runs one command, which must succeed with `least` octets of answer or more. */
static void command_octets(size_t least, struct hf_str octets)
{
	const char *line;

	micro_must(f.conn->taken == f.conn->in.size);
	f.conn->taken = f.conn->shown = 0;
	hf_buf_clear(&f.conn->in);
	hf_buf_clear(&f.conn->out);
	f.conn->out_mark = 0;
	fake_octets(f.conn, octets, 0);
	while (!is_answered()) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		fake_step(f.conn, HF_EV_DURABLE | HF_EV_NEWS);
	}
	line = memrchr(f.conn->out.data, '\n', f.conn->out.size - 1);
	line = line ? line + 1 : f.conn->out.data;
	micro_must(!strncmp(line, "t OK", 4) && f.conn->out.size >= least);
}

static void command(size_t least, const char *fmt, ...) HF_PRINTF(2, 3);
static void command(size_t least, const char *fmt, ...)
{
	struct hf_buf text = HF_BUF_INIT;
	va_list ap;

	hf_buf_add_lit(&text, "t ");
	va_start(ap, fmt);
	hf_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	hf_buf_add_lit(&text, "\r\n");
	command_octets(least, hf_buf_str(&text));
	hf_buf_fini(&text);
}

static void open_imap(void)
{
	struct hf_buf message = HF_BUF_INIT;

	fixture_open_store(&f);
	for (unsigned i = 0; i < DISTINCT; i++) {
		hf_buf_clear(&message);
		micro_message(i, SIZE, &message);
		fixture_add_octets(&f, (i % 2 ? HF_FLAG_SEEN : 0) | (i % 16 ? 0 : HF_FLAG_FLAGGED), hf_buf_str(&message));
	}
	hf_buf_fini(&message);
	fixture_select(&f, false);
	for (unsigned n = DISTINCT; n < MAILBOX; n *= 2)
		command(0, "COPY 1:%u INBOX", n);
	command(0, "CREATE Target");
	for (unsigned i = 0; i < 50; i++)
		command(0, "CREATE Folder/Number&APw-%u", i);
	command(0, "SELECT INBOX");
	micro_must(hf_view_count(fixture_session(&f)->view) == MAILBOX);
}

static void close_imap(void)
{
	fixture_close_store(&f);
}

static uint64_t noop(void)
{
	for (unsigned i = 0; i < 200; i++)
		command(0, "NOOP");
	return 200;
}

/* No message has this UID: parsing is all there is to do. */
static uint64_t parse_fetch(void)
{
	for (unsigned i = 0; i < 100; i++)
		command(0, "UID FETCH 4000000000:4000000010 (UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE "
			   "BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date Message-ID)] BODY.PEEK[1.2.TEXT]<0.2048>)");
	return 100;
}

static uint64_t parse_search(void)
{
	for (unsigned i = 0; i < 100; i++)
		command(0, "UID SEARCH RETURN (MIN MAX COUNT) UID 4000000000 OR (FROM anna SINCE 1-Feb-2020) "
			   "(NOT SEEN HEADER List-Id \"a list\" LARGER 1000 KEYWORD $Junk)");
	return 100;
}

static uint64_t select_again(void)
{
	for (unsigned i = 0; i < 20; i++)
		command(100, "SELECT INBOX");
	return 20;
}

static uint64_t status(void)
{
	for (unsigned i = 0; i < 100; i++)
		command(30, "STATUS INBOX (MESSAGES UIDNEXT UNSEEN)");
	return 100;
}

static uint64_t list(void)
{
	command(50 * 20, "LIST \"\" \"*\"");
	return 52;
}

static uint64_t fetch_flags(void)
{
	command(MAILBOX * 18, "FETCH 1:* (FLAGS)");
	return MAILBOX;
}

static uint64_t fetch_list(void)
{
	command(MAILBOX * 60, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)");
	return MAILBOX;
}

static uint64_t fetch_envelope(void)
{
	command(MAILBOX * 200, "FETCH 1:* (ENVELOPE)");
	return MAILBOX;
}

static uint64_t fetch_structure(void)
{
	command(MAILBOX * 60, "FETCH 1:* (BODYSTRUCTURE)");
	return MAILBOX;
}

static uint64_t fetch_fields(void)
{
	command(MAILBOX * 150, "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID References)])");
	return MAILBOX;
}

static uint64_t fetch_other_fields(void)
{
	command(512 * 50, "FETCH 1:512 (BODY.PEEK[HEADER.FIELDS (X-Mailer List-Id Received)])");
	return 512;
}

static uint64_t fetch_bodies(void)
{
	command(512 * SIZE, "FETCH 1:512 (BODY.PEEK[])");
	return 512;
}

static uint64_t search_seen(void)
{
	command(MAILBOX, "SEARCH SEEN");
	return MAILBOX;
}

static uint64_t search_few(void)
{
	command(10, "SEARCH ANSWERED UNFLAGGED");
	return MAILBOX;
}

static uint64_t search_subject(void)
{
	command(10, "SEARCH SUBJECT holidays");
	return MAILBOX;
}

static uint64_t search_body(void)
{
	command(5, "SEARCH BODY xylophone");
	return MAILBOX;
}

static uint64_t sort_date(void)
{
	command(MAILBOX * 3, "SORT (DATE) UTF-8 ALL");
	return MAILBOX;
}

static uint64_t sort_subject(void)
{
	command(MAILBOX * 3, "SORT (SUBJECT) UTF-8 ALL");
	return MAILBOX;
}

static uint64_t thread(void)
{
	command(MAILBOX * 3, "THREAD REFERENCES UTF-8 ALL");
	return MAILBOX;
}

static char sign = '-';

static void turn_sign(void)
{
	sign = sign == '+' ? '-' : '+';
}

static uint64_t store_one(void)
{
	for (unsigned i = 1; i <= 64; i++)
		command(0, "STORE %u %cFLAGS (\\Answered)", i * 60, sign);
	return 64;
}

static uint64_t store_all(void)
{
	command(0, "STORE 1:* %cFLAGS.SILENT (\\Draft)", sign);
	return MAILBOX;
}

static uint64_t copy(void)
{
	command(0, "COPY 1:1024 Target");
	return 1024;
}

static void add_deleted(void)
{
	command(0, "COPY 1:1024 INBOX");
	command(0, "STORE %u:* +FLAGS.SILENT (\\Deleted)", MAILBOX + 1);
	micro_must(hf_view_count(fixture_session(&f)->view) == MAILBOX + 1024);
}

static uint64_t expunge(void)
{
	command(1024 * 10, "EXPUNGE");
	micro_must(hf_view_count(fixture_session(&f)->view) == MAILBOX);
	return 1024;
}

static struct hf_buf appends[16];

static void make_appends(void)
{
	struct hf_buf message = HF_BUF_INIT;

	for (unsigned i = 0; i < HF_COUNT(appends); i++) {
		hf_buf_clear(&message);
		hf_buf_clear(&appends[i]);
		micro_message(10000 + i, 12000, &message);
		hf_buf_printf(&appends[i], "t APPEND Target (\\Seen) {%zu+}\r\n", message.size);
		hf_buf_add_str(&appends[i], hf_buf_str(&message));
		hf_buf_add_lit(&appends[i], "\r\n");
	}
	hf_buf_fini(&message);
}

static uint64_t append(void)
{
	for (unsigned i = 0; i < HF_COUNT(appends); i++)
		command_octets(0, hf_buf_str(&appends[i]));
	return HF_COUNT(appends);
}

static void close_all(void)
{
	for (unsigned i = 0; i < HF_COUNT(appends); i++)
		hf_buf_fini(&appends[i]);
	close_imap();
}

static const struct micro_case cases[] = {
	{ "noop", "command", NULL, noop },
	{ "parse-fetch", "command", NULL, parse_fetch },
	{ "parse-search", "command", NULL, parse_search },
	{ "select", "command", NULL, select_again },
	{ "status", "command", NULL, status },
	{ "list", "mailbox", NULL, list },
	{ "fetch-flags", "message", NULL, fetch_flags },
	{ "fetch-list", "message", NULL, fetch_list },
	{ "fetch-envelope", "message", NULL, fetch_envelope },
	{ "fetch-bodystructure", "message", NULL, fetch_structure },
	{ "fetch-fields", "message", NULL, fetch_fields },
	{ "fetch-other-fields", "message", NULL, fetch_other_fields },
	{ "fetch-bodies", "message", NULL, fetch_bodies },
	{ "search-flags", "message", NULL, search_seen },
	{ "search-flags-few", "message", NULL, search_few },
	{ "search-subject", "message", NULL, search_subject },
	{ "search-body", "message", NULL, search_body },
	{ "sort-date", "message", NULL, sort_date },
	{ "sort-subject", "message", NULL, sort_subject },
	{ "thread", "message", NULL, thread },
	{ "store-one", "command", turn_sign, store_one },
	{ "store-all", "message", turn_sign, store_all },
	{ "copy", "message", NULL, copy },
	{ "expunge", "message", add_deleted, expunge },
	{ "append", "message", make_appends, append },
	{ 0 },
};

const struct micro_group micro_imap = { "imap", open_imap, close_all, cases };
