/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading: SELECT, FETCH, SEARCH, SORT, THREAD, resynchronisation, any command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static struct conn **conns;
static const char *command;

static void open_examined(unsigned slot)
{
	conns[slot] = imap_selected(opt.first_user + slot % opt.users, slot, true);
}

static void log_out(unsigned slot)
{
	imap_logout(&conns[slot]);
}

void run_select(void)
{
	struct conn *conn = imap_login(opt.first_user, 0);

	for (unsigned run = 0; run < opt.runs; run++) {
		measure_begin();
		for (uint64_t i = 0; i < opt.count; i++) {
			double begun = now();

			imap_command(conn, "SELECT %s", opt.mailbox);
			measure_latency(now() - begun);
			if (opt.expect && conn->exists != opt.expect)
				die("%u messages, not %llu", conn->exists, (unsigned long long)opt.expect);
			imap_leave(conn);
		}
		measure_end();
		measure_note(",\"exists\":%u", conn->exists);
		measure_tell((double)opt.count);
	}
	imap_logout(&conn);
}

static void repeat_command(unsigned slot)
{
	for (uint64_t i = 0; i < opt.count; i++) {
		double begun = now();

		imap_command(conns[slot], "%s", command);
		measure_latency(now() - begun);
	}
}

/* FETCH ---------------------------------------------------------------------------------------------------------- */

static void fetch(const char *what, const char *item, bool bodies)
{
	uint64_t exists, sizes = 0;

	command = what;
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	fiber_each(opt.conns, open_examined);
	exists = conns[0]->exists;
	for (unsigned run = 0; run < opt.runs; run++) {
		for (unsigned i = 0; i < opt.conns; i++)
			conns[i]->item = item;
		measure_begin();
		fiber_each(opt.conns, repeat_command);
		measure_end();
		for (unsigned i = 0; i < opt.conns; i++) {
			conns[i]->item = NULL;
			if (conns[i]->fetches != exists || conns[i]->fetch_sum != exists * (exists + 1) / 2)
				die("%llu responses for %llu messages", (unsigned long long)conns[i]->fetches, (unsigned long long)exists);
			if (bodies && (conns[i]->literals != exists || conns[i]->literal_octets != conns[0]->literal_octets))
				die("%llu bodies for %llu messages", (unsigned long long)conns[i]->literals, (unsigned long long)exists);
		}
		if (bodies && !opt.no_post) {
			uint64_t octets = conns[0]->literal_octets;

			if (!sizes)
				imap_command(conns[0], "FETCH 1:* (RFC822.SIZE)");
			sizes = sizes ? sizes : conns[0]->sizes;
			if (octets != sizes)
				die("%llu octets of bodies, RFC822.SIZE says %llu", (unsigned long long)octets, (unsigned long long)sizes);
		}
		measure_note(",\"exists\":%llu", (unsigned long long)exists);
		measure_tell((double)(exists * opt.conns * opt.count));
	}
	fiber_each(opt.conns, log_out);
	free(conns);
}

void run_fetch_flags(void)
{
	fetch("UID FETCH 1:* (FLAGS)", "FLAGS (", false);
}

void run_fetch_envelope(void)
{
	fetch("FETCH 1:* (ENVELOPE INTERNALDATE RFC822.SIZE FLAGS)", "ENVELOPE (", false);
}

void run_fetch_bodystructure(void)
{
	fetch("FETCH 1:* (BODYSTRUCTURE)", "BODYSTRUCTURE (", false);
}

void run_fetch_headers(void)
{
	fetch("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (From To Subject Date Message-ID References)])", "BODY[HEADER.FIELDS", false);
}

void run_fetch_full(void)
{
	fetch("FETCH 1:* (BODY.PEEK[])", "BODY[]", true);
}

/* SEARCH, SORT, THREAD ------------------------------------------------------------------------------------------- */

enum expected { ANY, SOME, ALL };

static void search(const char *what, enum expected expected, uint64_t (*hits)(uint64_t messages))
{
	uint64_t exists, wanted;

	command = what;
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	fiber_each(opt.conns, open_examined);
	exists = conns[0]->exists;
	wanted = expected == ALL ? exists : expected == SOME && !opt.no_corpus ? hits(exists) : 0;
	for (unsigned run = 0; run < opt.runs; run++) {
		measure_begin();
		fiber_each(opt.conns, repeat_command);
		measure_end();
		for (unsigned i = 0; i < opt.conns; i++) {
			bool all = conns[i]->number_sum == exists * (exists + 1) / 2;

			if (expected != ANY && !(expected == SOME && opt.no_corpus) && (conns[i]->numbers != wanted || (expected == ALL && !all)))
				die("%llu hits, not %llu", (unsigned long long)conns[i]->numbers, (unsigned long long)wanted);
		}
		measure_note(",\"exists\":%llu,\"hits\":%llu", (unsigned long long)exists, (unsigned long long)conns[0]->numbers);
		measure_tell((double)(exists * opt.conns * opt.count));
	}
	fiber_each(opt.conns, log_out);
	free(conns);
}

void run_search_flags(void)
{
	search("SEARCH UNSEEN", ANY, NULL);
}

void run_search(void)
{
	search(opt.command, ANY, NULL);
}

static char text[256];

void run_search_header(void)
{
	snprintf(text, sizeof(text), "SEARCH SUBJECT \"%s\"", opt.word);
	search(text, strcmp(opt.word, CORPUS_WORD) != 0 ? ANY : SOME, corpus_hits_subject);
}

void run_search_body(void)
{
	snprintf(text, sizeof(text), "SEARCH BODY \"%s\"", opt.rare);
	search(text, strcmp(opt.rare, CORPUS_RARE) != 0 ? ANY : SOME, corpus_hits_rare);
}

void run_sort(void)
{
	search("SORT (DATE) UTF-8 ALL", ALL, NULL);
}

void run_thread(void)
{
	search("THREAD REFERENCES UTF-8 ALL", ALL, NULL);
}

/* Any command ---------------------------------------------------------------------------------------------------- */

static void open_selected(unsigned slot)
{
	conns[slot] = imap_selected(opt.first_user + slot % opt.users, slot, false);
}

static void repeat_any(unsigned slot)
{
	char *line = strdup(opt.command), *sign = strchr(line, '~');

	for (uint64_t i = 0; i < opt.count; i++) {
		double begun = now();

		if (sign)
			*sign = i % 2 ? '-' : '+';
		imap_command(conns[slot], "%s", line);
		measure_latency(now() - begun);
	}
	free(line);
}

void run_query(void)
{
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	fiber_each(opt.conns, open_selected);
	for (unsigned run = 0; run < opt.runs; run++) {
		measure_begin();
		fiber_each(opt.conns, repeat_any);
		measure_end();
		measure_note(",\"exists\":%u,\"fetched\":%llu,\"hits\":%llu", conns[0]->exists, (unsigned long long)conns[0]->fetches,
			     (unsigned long long)conns[0]->numbers);
		measure_tell((double)(opt.count * opt.conns));
	}
	fiber_each(opt.conns, log_out);
	free(conns);
}

/* Resynchronisation ---------------------------------------------------------------------------------------------- */

static void change(struct conn *conn, unsigned changes, unsigned gone, uint32_t before)
{
	for (unsigned i = 0; i < changes; i++) /* spread over the mailbox */
		imap_command(conn, "STORE %u +FLAGS.SILENT ($Resync)", 1 + i * (before / changes));
	if (gone) {
		imap_command(conn, "STORE %u:%u +FLAGS.SILENT (\\Deleted)", before + 1, before + gone);
		imap_command(conn, "EXPUNGE");
	}
}

void run_qresync(void)
{
	struct conn *reader = imap_login(opt.first_user, 0), *writer = imap_selected(opt.first_user, 1, false);
	unsigned gone = opt.changes / 10;

	if (!(imap_can & CAN_QRESYNC))
		die("no QRESYNC here");
	imap_command(reader, "ENABLE QRESYNC");
	for (unsigned run = 0; run < opt.runs; run++) {
		uint32_t before = writer->exists, uidvalidity;
		uint64_t modseq;
		double begun;

		if (before < opt.changes)
			die("%u messages are too few", before);
		if (gone)
			imap_command(writer, "COPY 1:%u %s", gone, opt.mailbox);
		imap_command(writer, "STORE 1:* -FLAGS.SILENT ($Resync \\Deleted)");
		if (writer->exists != before + gone)
			die("%u messages after COPY", writer->exists);
		imap_command(reader, "SELECT %s", opt.mailbox);
		uidvalidity = reader->uidvalidity;
		modseq = reader->modseq;
		imap_leave(reader);
		change(writer, opt.changes, gone, before);
		measure_begin();
		begun = now();
		imap_command(reader, "SELECT %s (QRESYNC (%u %llu))", opt.mailbox, uidvalidity, (unsigned long long)modseq);
		measure_latency(now() - begun);
		measure_end();
		if (reader->fetches < opt.changes || reader->vanished < gone)
			die("%llu FETCH and %llu vanished for %u and %u changes", (unsigned long long)reader->fetches,
			    (unsigned long long)reader->vanished, opt.changes, gone);
		measure_note(",\"exists\":%u,\"fetched\":%llu", before, (unsigned long long)reader->fetches);
		measure_tell(1);
		imap_leave(reader);
	}
	imap_logout(&reader);
	imap_logout(&writer);
}
