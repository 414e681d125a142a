/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of host/ share: a module that does what it is told line by line, and a client to
 * tell it. */
#ifndef HF_TESTS_HOST_TEST_H
#define HF_TESTS_HOST_TEST_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "host/testing.h"

/* One suite with one case, which `add` fills. */
int run_tests(const char *name, void (*add)(TCase *tc));

/* --- the module "echo"; lines end in CRLF or LF:
 *   ECHO text          text
 *   BULK n             n octets "x", written until the queue is full, then on as there is room;
 * "\r\ndone" SOURCE n           n octets from a source ('a' + offset % 26), then "\r\ndone" BROKEN
 * n           a source that ends after half of n TIMER ms           "timer" when it has run out;
 * OFF turns it off BUSY ms             the step takes so long OFFLOAD ms         "offloaded" once a helper has slept that long SPIN n n turns
 * in the long lane, then "spun" NEWS               nothing but news (echo_news()) is answered, by
 * "news" STARTTLS COMPRESS  "go" and the layer NEED n             hf_conn_input_need USER name "ok"
 * or "limit"; "USER" alone: nobody again INFO               tls version, external id, sizes of the
 * three bindings BINDING n          that binding (enum hf_binding) in hexadecimal GREETING the
 * setting QUIT ABORT         "bye" and close; nothing and close HF_EV_QUIT is answered by "quit"
 * and close. */
extern const struct hf_module hf_module_echo;
struct echo_settings {
	const char *greeting;
	int64_t number;
	uint64_t pause;
};
extern _Atomic unsigned echo_twice;    /* times that two workers were in one session */
extern _Atomic unsigned echo_sessions; /* open now */
extern _Atomic unsigned echo_dropped, echo_loads, echo_reloads;
extern _Atomic unsigned long echo_steps;
/* Wakes every session with news, from the calling thread. */
void echo_news(void);

/* --- hosts and clients; all of them fail the test when something is wrong */
struct hf_host *host_start(const char *config);
void host_end(struct hf_host **host);
int host_connect(struct hf_host *host);
void put(int fd, const char *line); /* adds CRLF */
const char *get(int fd); /* the next line without CRLF; "" at the end; valid until the next */
void expect(int fd, const char *line);
void expect_end(int fd);
bool readable(int fd, int ms);
/* Waits (5 s at most) until so many connections are left. */
void wait_connections(struct hf_host *host, size_t count);
/* A certificate for CN (and e-mail address, unless NULL) in PEM files made in the current
 * directory's NAME.crt and NAME.key; signed by `ca` (NULL: by itself). */
void make_certificate(const char *name, const char *cn, const char *email, const char *ca);

#endif
