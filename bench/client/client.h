/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-bench: a client that loads IMAP and LMTP servers and tells how long they took. One thread; each connection is
 * served by a fiber (fiber.c), so that a workload reads like a dialogue. Depends on libc, libm and OpenSSL only: it knows
 * nothing of Holdfast. What goes wrong ends the program with a message and exit status 1. */
#ifndef HF_BENCH_CLIENT_H
#define HF_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
	const char *workload;
	char *imap_host, *imap_port, *lmtp_host, *lmtp_port;
	const char *user, *recipient, *password; /* the first two with %d for the number */
	const char *mailbox, *profile, *command, *word, *rare;
	uint64_t count, expect, seed, base;
	unsigned conns, users, first_user, rcpts, runs, batch, changes;
	int server_pid;
	double seconds, settle;
	bool tls, resume, same, quickack, no_corpus, no_post;
};
extern struct options opt;

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *take(void *memory, size_t size); /* realloc() that does not fail */
double now(void);                      /* seconds, monotonic */

struct text {
	char *data;
	size_t size, capacity;
};
char *text_room(struct text *text, size_t more);
void text_add(struct text *text, const void *data, size_t size);
void text_addf(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* fiber.c: all below run in fibers, main() runs the first. */
struct fiber;
struct conn;
void fiber_main(void (*fn)(void));                      /* returns when it has ended */
void fiber_each(unsigned count, void (*fn)(unsigned n)); /* one fiber each; returns when all have ended */
void fiber_sleep(double seconds);
void fiber_watch(struct conn *conn); /* its events, edge-triggered, until the descriptor is closed */
void fiber_wait(struct conn *conn);  /* for its next event */

/* conn.c: a socket with buffers. */
struct conn {
	int fd;
	struct ssl_st *ssl;
	struct fiber *waiter;
	bool pending; /* an event came while nobody waited */
	bool drained; /* the last read got less than it had asked for */
	bool lmtp, may_end, ended;
	unsigned slot;
	char *in;
	size_t at, end, capacity, scanned;
	struct text out;
	/* IMAP: of the last command */
	uint32_t tag;
	char answer; /* 'O'K, 'N'O, 'B'AD, '+' */
	uint64_t fetches, fetch_sum, expunges, vanished, numbers, number_sum, literal_octets, sizes, literals;
	const char *item; /* each FETCH response must have it */
	/* of the mailbox or the session */
	uint32_t exists, uidvalidity;
	uint64_t modseq, messages;
	unsigned exists_told;
	unsigned user;
};
struct conn *conn_open(bool lmtp, unsigned slot); /* slots have a TLS session and a source address of their own */
void conn_close(struct conn **conn);
void conn_send(struct conn *conn); /* all of `out` */
char *conn_line(struct conn *conn, size_t *size); /* without CRLF; valid until the next read; NULL at the end when it may end */
void conn_skip(struct conn *conn, uint64_t octets);
void conn_shrink(struct conn *conn); /* gives its buffers back */
extern uint64_t conn_received, conn_sent, conn_resumed;

/* imap.c */
enum { CAN_LITERAL_PLUS = 1, CAN_MULTIAPPEND = 2, CAN_UNSELECT = 4, CAN_MOVE = 8, CAN_QRESYNC = 16, CAN_IDLE = 32 };
extern unsigned imap_can; /* of the last server that logged us in */
struct conn *imap_login(unsigned user, unsigned slot);
void imap_logout(struct conn **conn);
/* Sends "tag TEXT"; then waits for the tagged answer, which must be OK. */
void imap_command(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char imap_try(struct conn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* any answer */
/* The same in steps. */
void imap_begin(struct conn *conn);            /* the tag, into `out`; forgets the last command */
void imap_continuation(struct conn *conn);     /* waits for "+" */
char imap_answer(struct conn *conn);
bool imap_one_response(struct conn *conn);     /* one untagged response; false: it was the tagged one or "+" */
struct conn *imap_selected(unsigned user, unsigned slot, bool examine); /* opt.mailbox; checks opt.expect */
void imap_leave(struct conn *conn);            /* UNSELECT or CLOSE */
unsigned imap_user_of(unsigned slot);

/* corpus.c: message n is always the same for a seed and a profile. */
#define CORPUS_WORD "quarterly " /* in one of a hundred subjects */
#define CORPUS_RARE "xylobrontic" /* in one of a thousand bodies */
void corpus_open(void);
void corpus_message(uint64_t n, struct text *out);
uint64_t corpus_hits_subject(uint64_t messages), corpus_hits_rare(uint64_t messages);
uint32_t chance(uint64_t *state, uint32_t below);

/* measure.c */
void measure_begin(void);
void measure_latency(double seconds);
void measure_end(void);
void measure_note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* ,"name":value for the next line */
void measure_tell(double ops);                                                /* one line of JSON */
struct memory {
	double pss, system, own; /* KiB: of the server's processes, of the whole system, of this process */
	unsigned processes;
};
struct memory measure_memory(void);

/* Workloads. */
void run_login(void), run_idle_conns(void), run_idle_latency(void);
void run_lmtp_deliver(void), run_append(void), run_populate(void);
void run_select(void), run_fetch_flags(void), run_fetch_envelope(void), run_fetch_bodystructure(void), run_fetch_headers(void),
	run_fetch_full(void), run_search(void), run_search_flags(void), run_search_header(void), run_search_body(void), run_sort(void), run_thread(void),
	run_query(void), run_qresync(void);
void run_store_flags(void), run_copy(void), run_move(void), run_expunge(void), run_mixed(void);

void append_one(struct conn *conn, const char *mailbox, const char *flags, const struct text *message);
/* LMTP for other workloads: an open connection that has said LHLO; and one message to one user, until its reply. */
struct conn *lmtp_open(unsigned slot);
void lmtp_deliver_one(struct conn *conn, uint64_t number, unsigned user, unsigned recipients, const struct text *stuffed);
void lmtp_stuff(const struct text *message, struct text *out);

#endif
