/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions: logging in, and waiting in IDLE. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static uint64_t taken;
static struct conn **conns;

static void log_in_and_out(unsigned slot)
{
	while (taken < opt.count) {
		uint64_t number = taken++;
		double begun = now();
		struct conn *conn = imap_login(opt.first_user + (unsigned)(number % opt.users), slot);

		imap_logout(&conn);
		measure_latency(now() - begun);
	}
}

void run_login(void)
{
	uint64_t count = opt.count;

	if (opt.resume) { /* each connection needs a session to resume */
		opt.count = opt.conns;
		taken = 0;
		fiber_each(opt.conns, log_in_and_out);
		opt.count = count;
	}
	for (unsigned run = 0; run < opt.runs; run++) {
		taken = 0;
		measure_begin();
		fiber_each(opt.conns, log_in_and_out);
		measure_end();
		measure_tell((double)opt.count);
	}
}

static void start_idle(struct conn *conn)
{
	imap_begin(conn);
	text_addf(&conn->out, "IDLE\r\n");
	conn_send(conn);
	imap_continuation(conn);
}

/* Many connections ---------------------------------------------------------------------------------------------- */

#define OPENERS 32u

static unsigned opened;

static void open_some(unsigned n)
{
	(void)n;
	while (opened < opt.conns) {
		unsigned slot = opened++;

		conns[slot] = imap_selected(opt.first_user + slot % opt.users, slot, false);
		start_idle(conns[slot]);
		conn_shrink(conns[slot]);
	}
}

static void end_some(unsigned n)
{
	(void)n;
	while (taken < opt.conns) {
		struct conn *conn = conns[taken++];

		text_addf(&conn->out, "DONE\r\n");
		conn_send(conn);
		if (imap_answer(conn) != 'O')
			die("DONE: not OK");
		imap_logout(&conn);
	}
}

void run_idle_conns(void)
{
	struct memory before, after;
	double n = opt.conns, system;
	struct conn *first = imap_selected(opt.first_user, 0, false);

	imap_logout(&first); /* what a server makes for its first session is not a connection's */
	fiber_sleep(opt.settle);
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	before = measure_memory();
	opened = 0;
	measure_begin();
	fiber_each(opt.conns < OPENERS ? opt.conns : OPENERS, open_some);
	measure_end();
	fiber_sleep(opt.settle);
	after = measure_memory();
	/* Both ends' sockets are the system's; this process's own memory is taken out. */
	system = after.system - before.system - (after.own - before.own);
	measure_note(",\"processes\":%u,\"pss_mib\":%.1f,\"pss_kib_each\":%.2f,\"system_kib_each\":%.2f,\"client_kib_each\":%.2f", after.processes,
		     after.pss / 1024, (after.pss - before.pss) / n, system / n, (after.own - before.own) / n);
	measure_tell(n);
	taken = 0;
	fiber_each(opt.conns < OPENERS ? opt.conns : OPENERS, end_some);
	free(conns);
}

/* From delivery to EXISTS --------------------------------------------------------------------------------------- */

static struct conn *idler, *lmtp;
static double told, answered;
static bool listening;

static void listen_for_exists(void)
{
	uint64_t heard = idler->exists_told;

	while (listening) {
		if (!imap_one_response(idler))
			return; /* the answer to DONE */
		if (idler->exists_told != heard) {
			heard = idler->exists_told;
			told = now();
		}
	}
}

static double *after_reply;

static void deliver_and_wait(void)
{
	struct text message = { 0 }, stuffed = { 0 };
	uint64_t state = opt.seed;

	for (uint64_t i = 0; i < opt.count; i++) {
		double begun;

		message.size = stuffed.size = 0;
		corpus_message(opt.base + i, &message);
		lmtp_stuff(&message, &stuffed);
		fiber_sleep(0.02 + chance(&state, 30) * 1e-3);
		told = 0;
		begun = now();
		lmtp_deliver_one(lmtp, i, opt.first_user, 1, &stuffed);
		answered = now();
		while (!told) {
			if (now() - answered > 60)
				die("no EXISTS for a minute");
			fiber_sleep(0.0001);
		}
		measure_latency(told - begun);
		after_reply[i] = (told - answered) * 1e3;
	}
	listening = false;
	text_addf(&idler->out, "DONE\r\n");
	conn_send(idler);
	free(message.data);
	free(stuffed.data);
}

static void both(unsigned n)
{
	if (n)
		deliver_and_wait();
	else
		listen_for_exists();
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void run_idle_latency(void)
{
	opt.users = 1;
	after_reply = take(NULL, opt.count * sizeof(double));
	for (unsigned run = 0; run < opt.runs; run++) {
		idler = imap_selected(opt.first_user, 0, false);
		lmtp = lmtp_open(1);
		start_idle(idler);
		listening = true;
		measure_begin();
		fiber_each(2, both);
		measure_end();
		conn_close(&lmtp);
		imap_logout(&idler);
		qsort(after_reply, opt.count, sizeof(double), by_size);
		measure_note(",\"after_ok_p50_ms\":%.4f", after_reply[opt.count / 2]);
		measure_tell((double)opt.count);
	}
	free(after_reply);
}
