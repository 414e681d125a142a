/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes: flags, copies, moves, removal; and the mixture of all that mail readers do. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

static struct conn **conns;
static uint64_t taken;

static void log_out(unsigned slot)
{
	if (conns[slot])
		imap_logout(&conns[slot]);
}

static void open_selected(unsigned slot)
{
	conns[slot] = imap_selected(imap_user_of(slot), slot, false);
	/* Known before the start, so that each STORE changes something. */
	imap_command(conns[slot], "STORE 1:* -FLAGS.SILENT (\\Flagged)");
}

/* Every connection has messages of its own, also when they share the mailbox. */
static void store_some(unsigned slot)
{
	uint32_t exists = conns[slot]->exists, own = opt.same ? exists / opt.conns : exists, at = opt.same ? slot * own : 0, n = 0;
	bool set = true;

	while (taken < opt.count) {
		double begun = now();

		taken++;
		imap_command(conns[slot], "STORE %u %cFLAGS (\\Flagged)", at + n * 7919 % own + 1, set ? '+' : '-');
		measure_latency(now() - begun);
		if (++n == own) {
			n = 0;
			set = !set;
		}
	}
}

void run_store_flags(void)
{
	uint32_t own;

	conns = take(NULL, opt.conns * sizeof(struct conn *));
	for (unsigned run = 0; run < opt.runs; run++) {
		fiber_each(opt.conns, open_selected);
		own = opt.same ? conns[0]->exists / opt.conns : conns[0]->exists;
		if (!own || own % 7919 == 0) /* the step by which store_some() goes through them */
			die("%u messages will not do", conns[0]->exists);
		taken = 0;
		measure_begin();
		fiber_each(opt.conns, store_some);
		measure_end();
		measure_note(",\"exists\":%u", conns[0]->exists);
		measure_tell((double)opt.count);
		fiber_each(opt.conns, log_out);
	}
	free(conns);
}

/* A thousand at a time ------------------------------------------------------------------------------------------ */

static void fresh_name(char name[64], const char *what)
{
	static unsigned number;

	snprintf(name, 64, "%s-%d-%u", what, (int)getpid(), number++);
}

static void must_have(struct conn *conn, const char *mailbox, uint64_t messages)
{
	imap_command(conn, "STATUS %s (MESSAGES)", mailbox);
	if (conn->messages != messages)
		die("%s has %llu messages, not %llu", mailbox, (unsigned long long)conn->messages, (unsigned long long)messages);
}

/* A new mailbox with copies of the first messages, selected. */
static void select_copies(struct conn *conn, const char *name)
{
	imap_command(conn, "SELECT %s", opt.mailbox);
	if (conn->exists < opt.count)
		die("%u messages are too few", conn->exists);
	imap_command(conn, "CREATE %s", name);
	imap_command(conn, "COPY 1:%llu %s", (unsigned long long)opt.count, name);
	imap_command(conn, "SELECT %s", name);
}

static void measured(struct conn *conn, const char *command)
{
	measure_begin();
	imap_command(conn, "%s", command);
	measure_end();
}

void run_copy(void)
{
	struct conn *conn = imap_selected(opt.first_user, 0, false);
	char name[64], command[128];

	for (unsigned run = 0; run < opt.runs; run++) {
		fresh_name(name, "copy");
		imap_command(conn, "CREATE %s", name);
		snprintf(command, sizeof(command), "COPY 1:%llu %s", (unsigned long long)opt.count, name);
		measured(conn, command);
		must_have(conn, name, opt.count);
		measure_tell((double)opt.count);
		imap_command(conn, "DELETE %s", name);
	}
	imap_logout(&conn);
}

void run_move(void)
{
	struct conn *conn = imap_selected(opt.first_user, 0, false);
	char from[64], to[64], command[128];

	if (!(imap_can & CAN_MOVE))
		die("no MOVE here");
	for (unsigned run = 0; run < opt.runs; run++) {
		fresh_name(from, "from");
		fresh_name(to, "to");
		imap_command(conn, "CREATE %s", to);
		select_copies(conn, from);
		snprintf(command, sizeof(command), "MOVE 1:* %s", to);
		measured(conn, command);
		if (conn->expunges + conn->vanished != opt.count)
			die("%llu messages left", (unsigned long long)(conn->expunges + conn->vanished));
		measure_tell((double)opt.count);
		imap_command(conn, "SELECT %s", opt.mailbox);
		must_have(conn, to, opt.count);
		imap_command(conn, "DELETE %s", from);
		imap_command(conn, "DELETE %s", to);
	}
	imap_logout(&conn);
}

void run_expunge(void)
{
	struct conn *conn = imap_selected(opt.first_user, 0, false);
	char name[64];

	for (unsigned run = 0; run < opt.runs; run++) {
		fresh_name(name, "expunge");
		select_copies(conn, name);
		imap_command(conn, "STORE 1:* +FLAGS.SILENT (\\Deleted)");
		measured(conn, "EXPUNGE");
		if (conn->expunges + conn->vanished != opt.count)
			die("%llu messages left", (unsigned long long)(conn->expunges + conn->vanished));
		measure_tell((double)opt.count);
		imap_command(conn, "SELECT %s", opt.mailbox);
		imap_command(conn, "DELETE %s", name);
	}
	imap_logout(&conn);
}

/* A bit of everything -------------------------------------------------------------------------------------------- */

#define MIXED_MESSAGES 400u

static struct text messages[MIXED_MESSAGES];
static double end_of_run;
static uint64_t done;

static uint32_t upto(struct conn *conn, uint32_t first, uint32_t more)
{
	return conn->exists - first < more ? conn->exists : first + more;
}

static void something(struct conn **pointer, uint64_t *state)
{
	static const char *const flags[] = { "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "$Label1" };
	struct conn *conn = *pointer;
	unsigned what = chance(state, 100);
	uint32_t n = conn->exists ? 1 + chance(state, conn->exists) : 0;

	if (!n || (what >= 70 && what < 76))
		append_one(conn, opt.mailbox, chance(state, 2) ? "(\\Seen) " : "", &messages[chance(state, MIXED_MESSAGES)]);
	else if (what < 25)
		imap_command(conn, "FETCH %u:%u (UID FLAGS)", n, upto(conn, n, 50));
	else if (what < 40)
		imap_command(conn, "FETCH %u:%u (ENVELOPE INTERNALDATE RFC822.SIZE)", n, upto(conn, n, 10));
	else if (what < 55)
		imap_command(conn, "FETCH %u (BODY.PEEK[])", n);
	else if (what < 70)
		imap_command(conn, "STORE %u %cFLAGS (%s)", n, chance(state, 3) ? '+' : '-', flags[chance(state, 5)]);
	else if (what < 80)
		imap_command(conn, "COPY %u:%u %s", n, upto(conn, n, 2), opt.mailbox);
	else if (what < 84)
		imap_command(conn, "STORE %u:%u +FLAGS.SILENT (\\Deleted)", n, upto(conn, n, 3));
	else if (what < 86)
		imap_command(conn, "EXPUNGE");
	else if (what < 91)
		imap_command(conn, "SEARCH UNSEEN");
	else if (what < 95)
		imap_command(conn, "NOOP");
	else if (what < 97)
		imap_command(conn, "STATUS %s (MESSAGES UNSEEN UIDNEXT)", opt.mailbox);
	else if (what < 99) {
		imap_command(conn, "SELECT %s", opt.mailbox);
	} else {
		unsigned user = conn->user, slot = conn->slot;

		imap_logout(pointer);
		*pointer = imap_selected(user, slot, false);
	}
}

static void mix(unsigned slot)
{
	uint64_t state = opt.seed * 1000 + slot;

	while (now() < end_of_run) {
		double begun = now();

		something(&conns[slot], &state);
		measure_latency(now() - begun);
		done++;
	}
}

static void open_mixed(unsigned slot)
{
	conns[slot] = imap_selected(imap_user_of(slot), slot, false);
}

void run_mixed(void)
{
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	opt.expect = 0; /* messages come and go */
	for (unsigned i = 0; i < MIXED_MESSAGES; i++)
		corpus_message(opt.base + 5000 + i, &messages[i]);
	for (unsigned run = 0; run < opt.runs; run++) {
		fiber_each(opt.conns, open_mixed);
		done = 0;
		measure_begin();
		end_of_run = now() + opt.seconds;
		fiber_each(opt.conns, mix);
		measure_end();
		measure_tell((double)done);
		fiber_each(opt.conns, log_out);
	}
	for (unsigned i = 0; i < MIXED_MESSAGES; i++)
		free(messages[i].data);
	free(conns);
}
