/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection, a host and a SASL library that do what a test says: input comes in pieces, output
 * is kept, helpers run when told. */
#ifndef HF_TESTS_MODULE_IMAP_FAKE_CONN_H
#define HF_TESTS_MODULE_IMAP_FAKE_CONN_H

#include "module/imap/session_priv.h"

struct hf_conn {
	struct hf_waiter waiter;
	struct hf_buf in; /* all input */
	size_t shown;     /* octets of it that have arrived */
	size_t taken;     /* octets of it that have been consumed */
	bool ended;
	struct hf_buf out;
	size_t out_mark; /* fake_output() starts here */
	bool full, slice_used;
	bool tls, can_starttls, unix_socket, loopback;
	unsigned starttls_calls;
	bool compressed;
	uint64_t timer; /* ms, as last set */
	_Atomic unsigned woken; /* by the store's threads too */
	struct hf_arena *arena;
	void *session;
	struct imap_settings settings;
	void (*offload)(void *arg); /* waits for fake_run_offload() */
	void (*offload_drop)(void *arg);
	void *offload_arg;
	struct imap_module module;
};

/* What hf_sasl_delay_ms() says. */
extern uint32_t fake_delay_ms;

/* A connection with a session that has greeted. */
struct hf_conn *fake_conn_new(void);
void fake_conn_free(struct hf_conn **conn);
/* Lets this arrive, in pieces of `piece` octets (0: all at once), stepping after each. Returns what
 * the last step wanted. */
unsigned fake_input(struct hf_conn *conn, const char *text, size_t piece);
unsigned fake_octets(struct hf_conn *conn, struct hf_str octets, size_t piece);
/* What has been written since the last call; valid until then. */
const char *fake_output(struct hf_conn *conn);
unsigned fake_step(struct hf_conn *conn, unsigned events);
/* Runs what hf_offload() was given, and steps. */
unsigned fake_run_offload(struct hf_conn *conn);

#endif
