/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages in: LMTP, APPEND, MULTIAPPEND. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define MADE_MAX (600u << 20) /* octets made before the clock starts; more messages than fit repeat them */

static struct text *made;
static uint64_t made_count, taken;
static struct conn **conns;

static void make_messages(bool stuffed)
{
	struct text message = { 0 };
	size_t octets = 0;

	made = take(NULL, opt.count * sizeof(*made));
	for (made_count = 0; made_count < opt.count && octets < MADE_MAX; made_count++) {
		struct text *one = &made[made_count];

		message.size = 0;
		corpus_message(opt.base + made_count, &message);
		*one = (struct text){ 0 };
		if (stuffed)
			lmtp_stuff(&message, one);
		else
			text_add(one, message.data, message.size);
		octets += one->size;
	}
	free(message.data);
}

static void free_messages(void)
{
	for (uint64_t i = 0; i < made_count; i++)
		free(made[i].data);
	free(made);
}

/* LMTP ----------------------------------------------------------------------------------------------------------- */

void lmtp_stuff(const struct text *message, struct text *out)
{
	const char *from = message->data, *end = from + message->size, *line = from;

	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));

		if (*line == '.') {
			text_add(out, from, (size_t)(line - from));
			text_add(out, ".", 1);
			from = line;
		}
		line = next ? next + 1 : end;
	}
	text_add(out, from, (size_t)(end - from));
	text_add(out, ".\r\n", 3);
}

/* One reply, its last line; `wanted` is its first digit. */
static void reply(struct conn *conn, char wanted, const char *to)
{
	char *line;
	size_t size;

	do {
		line = conn_line(conn, &size);
		if (!line || size < 3 || line[0] != wanted)
			die("LMTP, %s: %.*s", to, line ? (int)size : 6, line ? line : "closed");
	} while (size > 3 && line[3] == '-');
}

struct conn *lmtp_open(unsigned slot)
{
	struct conn *conn = conn_open(true, slot);

	reply(conn, '2', "greeting");
	text_addf(&conn->out, "LHLO bench.example\r\n");
	conn_send(conn);
	reply(conn, '2', "LHLO");
	return conn;
}

void lmtp_deliver_one(struct conn *conn, uint64_t number, unsigned user, unsigned recipients, const struct text *stuffed)
{
	static uint64_t queue_id;

	if (!queue_id)
		queue_id = (uint64_t)time(NULL) << 24 ^ (uint64_t)(now() * 1e6);
	text_addf(&conn->out, "MAIL FROM:<sender%llu@out.example>\r\n", (unsigned long long)(number % 50));
	for (unsigned i = 0; i < recipients; i++) {
		text_addf(&conn->out, "RCPT TO:<");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		text_addf(&conn->out, opt.recipient, (int)(opt.first_user + (user - opt.first_user + i) % opt.users));
#pragma GCC diagnostic pop
		text_addf(&conn->out, ">\r\n");
	}
	text_addf(&conn->out, "DATA\r\n"); /* pipelined: LMTP servers must take that, RFC 2033 section 5 */
	conn_send(conn);
	reply(conn, '2', "MAIL");
	for (unsigned i = 0; i < recipients; i++)
		reply(conn, '2', "RCPT");
	reply(conn, '3', "DATA");
	/* On top, as an MTA would write it: no two deliveries are the same. */
	text_addf(&conn->out, "Received: by mx.bench.example with ESMTP id %012llX\r\n", (unsigned long long)queue_id++);
	text_add(&conn->out, stuffed->data, stuffed->size);
	conn_send(conn);
	for (unsigned i = 0; i < recipients; i++)
		reply(conn, '2', "end of data");
}

static void deliver_some(unsigned slot)
{
	while (taken < opt.count) {
		uint64_t number = taken++;
		double begun = now();

		lmtp_deliver_one(conns[slot], number, opt.first_user + (unsigned)(number * opt.rcpts % opt.users), opt.rcpts,
				 &made[number % made_count]);
		measure_latency(now() - begun);
	}
}

static void open_lmtp(unsigned slot)
{
	conns[slot] = lmtp_open(slot);
}

static void close_conn(unsigned slot)
{
	if (conns[slot]->lmtp)
		conn_close(&conns[slot]);
	else
		imap_logout(&conns[slot]);
}

void run_lmtp_deliver(void)
{
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	make_messages(true);
	for (unsigned run = 0; run < opt.runs; run++) {
		taken = 0;
		fiber_each(opt.conns, open_lmtp);
		measure_begin();
		fiber_each(opt.conns, deliver_some);
		measure_end();
		fiber_each(opt.conns, close_conn);
		measure_note(",\"deliveries\":%llu", (unsigned long long)(opt.count * opt.rcpts));
		measure_tell((double)opt.count);
	}
	free_messages();
	free(conns);
}

/* APPEND --------------------------------------------------------------------------------------------------------- */

static void add_literal(struct conn *conn, const struct text *message)
{
	if (imap_can & CAN_LITERAL_PLUS) {
		text_addf(&conn->out, "{%zu+}\r\n", message->size);
	} else {
		text_addf(&conn->out, "{%zu}\r\n", message->size);
		conn_send(conn);
		imap_continuation(conn);
	}
	text_add(&conn->out, message->data, message->size);
}

static void must_be_ok(struct conn *conn)
{
	text_add(&conn->out, "\r\n", 2);
	conn_send(conn);
	if (imap_answer(conn) != 'O')
		die("APPEND: %s", conn->answer == 'E' ? "closed" : conn->out.data);
}

void append_one(struct conn *conn, const char *mailbox, const char *flags, const struct text *message)
{
	imap_begin(conn);
	text_addf(&conn->out, "APPEND %s %s", mailbox, flags);
	add_literal(conn, message);
	must_be_ok(conn);
}

static void append_some(unsigned slot)
{
	while (taken < opt.count) {
		uint64_t number = taken++;
		double begun = now();

		append_one(conns[slot], opt.mailbox, "", &made[number % made_count]);
		measure_latency(now() - begun);
	}
}

static void log_in(unsigned slot)
{
	conns[slot] = imap_login(imap_user_of(slot), slot);
}

void run_append(void)
{
	conns = take(NULL, opt.conns * sizeof(struct conn *));
	make_messages(false);
	if (opt.users < opt.conns)
		opt.users = opt.conns;
	for (unsigned run = 0; run < opt.runs; run++) {
		taken = 0;
		fiber_each(opt.conns, log_in);
		measure_begin();
		fiber_each(opt.conns, append_some);
		measure_end();
		fiber_each(opt.conns, close_conn);
		measure_tell((double)opt.count);
	}
	free_messages();
	free(conns);
}

void run_populate(void)
{
	struct conn *conn = imap_login(opt.first_user, 0);
	unsigned batch = imap_can & CAN_MULTIAPPEND ? opt.batch : 1;
	struct text message = { 0 };
	uint64_t before, octets = 0;

	imap_try(conn, "CREATE %s", opt.mailbox);
	imap_command(conn, "STATUS %s (MESSAGES)", opt.mailbox);
	before = conn->messages;
	measure_begin();
	for (uint64_t i = 0; i < opt.count;) {
		imap_begin(conn);
		text_addf(&conn->out, "APPEND %s", opt.mailbox);
		for (unsigned k = 0; k < batch && i < opt.count; k++, i++) {
			message.size = 0;
			corpus_message(opt.base + i, &message);
			octets += message.size;
			text_addf(&conn->out, i % 3 ? " (\\Seen) " : " ");
			add_literal(conn, &message);
			if (conn->out.size > 1u << 20)
				conn_send(conn);
		}
		must_be_ok(conn);
	}
	measure_end();
	imap_command(conn, "STATUS %s (MESSAGES)", opt.mailbox);
	if (conn->messages != before + opt.count)
		die("%s has %llu messages", opt.mailbox, (unsigned long long)conn->messages);
	imap_logout(&conn);
	free(message.data);
	measure_note(",\"batch\":%u,\"msg_bytes\":%llu", batch, (unsigned long long)octets);
	measure_tell((double)opt.count);
}
