/* SPDX-License-Identifier: BSD-2-Clause */
/* What a module (imap, lmtp, ...) and the host know of each other. A module is one exported
 * constant, hf_module_<name>; everything it needs arrives as an argument. No type of Berkeley DB,
 * Cyrus SASL or OpenSSL crosses this interface. */
#ifndef HF_HOST_MODULE_H
#define HF_HOST_MODULE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/counter.h"
#include "base/log.h"
#include "base/note.h"
#include "base/source.h"
#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"

#define HF_MODULE_ABI 1 /* raise it when a field or its meaning changes */

struct hf_conn;
struct hf_host;
struct hf_sasl;
struct hf_store;

/* Settings -------------------------------------------------------------------- */

enum hf_option_type {
	HF_OPT_BOOL,     /* bool */
	HF_OPT_INT,      /* int64_t; min, max */
	HF_OPT_SIZE,     /* uint64_t octets; "64 MiB", "10k" or a number */
	HF_OPT_DURATION, /* uint64_t milliseconds; "30 s", "5 min", "7 d" or a number of seconds */
	HF_OPT_STRING,   /* const char *; NULL when absent and without default */
	HF_OPT_ENUM,     /* int; choices lists the names separated by '|', value = their index */
	HF_OPT_LIST,     /* const char *const *, NULL-terminated array of strings */
};

struct hf_option {
	const char *name;
	enum hf_option_type type;
	const char *fallback; /* default in text form; NULL: none */
	int64_t min, max;     /* of numbers, sizes (octets), durations (ms); both 0: not bounded */
	const char *choices;  /* HF_OPT_ENUM */
	const char *help;     /* one line */
	size_t offset;        /* in the settings struct */
	bool restart;         /* a change needs a restart */
};

/* Verbs for hfctl ------------------------------------------------------------- */

struct hf_verb {
	const char *name;  /* "user add" */
	const char *usage; /* "NAME [--password-stdin]" */
	const char *help;  /* one line */
	/* Runs on a helper thread and may block. `args` is a JSON object made by hfctl from the
	 * command line: positional arguments in "args" (array of strings), options as members.
	 * Returns HF_OK with *result (a new reference, may be NULL) or an error with a reason in
	 * `why`. */
	enum hf_status (*run)(struct hf_host *host, void *state, const json_t *args,
			      json_t **result, struct hf_note *why);
};

/* The module ------------------------------------------------------------------ */

struct hf_module {
	size_t size;      /* sizeof(struct hf_module) when built */
	uint32_t abi;     /* HF_MODULE_ABI when built; the loader takes no other */
	const char *name; /* "imap": configuration section, log field */
	const char *version;
	const struct hf_option *options; /* ended by a NULL name; may be NULL */
	size_t settings_size;            /* the struct that the options fill */
	const struct hf_verb *verbs;     /* ended by a NULL name; may be NULL */

	enum hf_status (*check)(const void *settings,
				struct hf_note *why); /* no side effects; may be NULL */
	enum hf_status (*load)(struct hf_host *host, const void *settings, void **state);
	void (*reload)(
		void *state,
		const void *settings); /* checked before; for new connections. Old settings live as
					  long as connections use them: see hf_conn_settings */
	void (*quiesce)(void *state);  /* no new work; may be NULL */
	void (*unload)(void **state);

	enum hf_status (*open)(struct hf_conn *conn, void *state,
			       const char *service); /* TLS is up, if implicit: greet */
	unsigned (*step)(struct hf_conn *conn,
			 unsigned events); /* events: HF_EV_*; returns HF_WANT_* bits */
	void (*close)(
		struct hf_conn *conn); /* once per successful open; the session is freed here */
};

/* Why step is called. Several may be set. The first call after open has HF_EV_INPUT. */
enum {
	HF_EV_INPUT =
		1 << 0, /* there is (more) input, or the peer has closed: see hf_conn_input_ended */
	HF_EV_ROOM = 1 << 1, /* the output queue has fallen below its low mark */
	HF_EV_TURN = 1 << 2, /* it is our turn again (after HF_WANT_TURN) */
	HF_EV_NEWS = 1 << 3, /* hf_conn_waiter(conn, HF_EV_NEWS) was woken: the mailbox has news */
	HF_EV_DURABLE = 1 << 4, /* an operation is done, a stage has room, a barrier is passed */
	HF_EV_TIMER = 1 << 5,   /* hf_conn_timer has run out */
	HF_EV_OFFLOAD = 1 << 6, /* hf_offload's function has returned */
	HF_EV_QUIT = 1 << 7 /* the server stops, an administrator kicks, or another connection
			       takes the place: say goodbye at the next command boundary */
};

/* What step wants next. Nothing but 0: parked until a waiter, timer or offload wakes it. */
enum {
	HF_WANT_INPUT = 1 << 0,
	HF_WANT_ROOM = 1 << 1,  /* the output queue is over its high mark */
	HF_WANT_TURN = 1 << 2,  /* slice used up: queue me again */
	HF_WANT_CLOSE = 1 << 3, /* send what is queued (at most for the linger time), then close */
	HF_WANT_ABORT = 1 << 4, /* close at once */
	HF_WANT_LONG = 1 << 5   /* with HF_WANT_TURN: in the long lane */
};

/* The host, for modules ------------------------------------------------------- */

HF_API struct hf_store *hf_host_store(struct hf_host *host);
HF_API struct hf_sasl *hf_host_sasl(struct hf_host *host);
HF_API const char *hf_host_name(struct hf_host *host); /* the configured hostname */
HF_API const struct hf_log *hf_host_log(struct hf_host *host);
HF_API bool hf_host_is_stopping(struct hf_host *host);
/* A low-priority background job of its own thread, visible in `hfctl stats`; stop becomes true at
 * shutdown. */
HF_API enum hf_status hf_job_start(struct hf_host *host, const char *name,
				   void (*run)(void *arg, const bool *stop), void *arg);

/* A connection: only its own worker calls these, except where said ------------ */

HF_API struct hf_host *hf_conn_host(struct hf_conn *conn);
HF_API void *hf_conn_state(struct hf_conn *conn);          /* the module's */
HF_API const void *hf_conn_settings(struct hf_conn *conn); /* the module's settings of when it
							      connected; immutable while it lives */
HF_API void hf_conn_set_session(struct hf_conn *conn, void *session);
HF_API void *hf_conn_session(struct hf_conn *conn);
HF_API struct hf_arena *hf_conn_arena(struct hf_conn *conn);
HF_API uint64_t hf_conn_id(const struct hf_conn *conn);
HF_API const struct hf_log *hf_conn_log(const struct hf_conn *conn);
/* Shown by `hfctl who` and in the log context. Copied. Also counts the connection for the per-user
 * limit: HF_ELIMIT when there are too many and none that has been silent for long could give way. */
HF_API enum hf_status hf_conn_set_user(struct hf_conn *conn, struct hf_str user);
/* Whether the HF_EV_QUIT that came is for another connection of the user. */
HF_API bool hf_conn_is_displaced(const struct hf_conn *conn);
/* A few words for `hfctl who` ("IDLE INBOX"). Copied. */
HF_API void hf_conn_set_activity(struct hf_conn *conn, const char *activity);

/* Input: decrypted, inflated octets at hand. Borrowed until consume or return from step. The host
 * reads at most 64 KiB ahead of what is consumed (a larger `min` for hf_conn_input_need). */
HF_API struct hf_str hf_conn_input(struct hf_conn *conn);
HF_API void hf_conn_consume(struct hf_conn *conn, size_t count);
/* Allow this many octets to collect unconsumed (a long command line); at most 1 MiB. */
HF_API void hf_conn_input_need(struct hf_conn *conn, size_t size);
HF_API bool hf_conn_input_ended(
	struct hf_conn *conn); /* the peer has closed or reset: no more will come */

/* Output: always succeeds; swallowed after the peer has gone. */
HF_API void hf_conn_write(struct hf_conn *conn, const void *data, size_t size);
HF_API void hf_conn_write_str(struct hf_conn *conn, struct hf_str s);
HF_API void hf_conn_printf(struct hf_conn *conn, const char *fmt, ...) HF_PRINTF(2, 3);
/* Room to write into directly: at least `size` octets; then hf_conn_wrote(). */
HF_API char *hf_conn_reserve(struct hf_conn *conn, size_t size);
HF_API void hf_conn_wrote(struct hf_conn *conn, size_t count);
/* Queues a slice that is read as the socket drains. Takes over the caller's reference. A source
 * that fails or ends early ends the connection. */
HF_API void hf_conn_send_source(struct hf_conn *conn, struct hf_source *source, uint64_t offset,
				uint64_t size);
HF_API bool hf_conn_output_full(const struct hf_conn *conn); /* above the high mark (256 KiB; a
								source entry counts little) */
/* Octets queued here (of a source, those at hand) and in the kernel, which the peer has not taken yet. A system call. */
HF_API size_t hf_conn_output_size(const struct hf_conn *conn);
HF_API void hf_conn_flush(
	struct hf_conn *conn); /* a hint: write now what can be written without blocking */
/* Whether this turn's slice (10 ms) is used up. */
HF_API bool hf_conn_slice_used(struct hf_conn *conn);

/* Waiters: wake the connection's step with that event. Thread-safe; valid until close has returned.
 */
HF_API struct hf_waiter *hf_conn_waiter(
	struct hf_conn *conn, unsigned event); /* HF_EV_NEWS, HF_EV_DURABLE or HF_EV_ROOM */
/* One timer; 0 turns it off. Runs out once. */
HF_API void hf_conn_timer(struct hf_conn *conn, uint64_t ms);
/* Runs fn(arg) on a helper thread, then wakes with HF_EV_OFFLOAD; one at a time per connection.
 * When the connection dies first, fn still completes, and `drop(arg)` is called instead of the
 * wake. HF_EUNAVAILABLE: the helpers' queue is full. */
HF_API enum hf_status hf_offload(struct hf_conn *conn, void (*fn)(void *arg), void *arg,
				 void (*drop)(void *arg));

/* Layers. */
HF_API bool hf_conn_is_tls(const struct hf_conn *conn);
HF_API bool hf_conn_can_starttls(
	const struct hf_conn *conn); /* certificates are configured, not yet under TLS */
/* After the tagged OK has been written: what is queued goes out in clear, then the handshake. Plain
 * octets already received behind the command end the connection. Step is next called when the
 * handshake is over. */
HF_API void hf_conn_starttls(struct hf_conn *conn);
HF_API bool hf_conn_is_compressed(const struct hf_conn *conn);
HF_API void hf_conn_compress(struct hf_conn *conn); /* RFC 4978, after the tagged OK */
/* RFC 8437 §4.1: likewise; our stream ends behind what is queued, the peer's has ended behind what the session has consumed. False: the
 * peer has sent more in it. */
HF_API bool hf_conn_uncompress(struct hf_conn *conn);

/* Who is there. */
HF_API bool hf_conn_is_unix(const struct hf_conn *conn);
HF_API bool hf_conn_is_loopback(const struct hf_conn *conn);
HF_API const char *hf_conn_peer_address(const struct hf_conn *conn); /* "192.0.2.1", "unix" */
HF_API const char *hf_conn_peer_port(
	const struct hf_conn *conn); /* "address;port" for SASL; NULL for unix sockets */
HF_API const char *hf_conn_local_port(struct hf_conn *conn);
HF_API struct hf_str hf_conn_external_id(
	struct hf_conn *conn); /* user name from a verified client certificate */
HF_API const char *hf_conn_tls_version(struct hf_conn *conn); /* "TLSv1.3", NULL in clear */
enum hf_binding { HF_BINDING_EXPORTER, HF_BINDING_SERVER_END_POINT, HF_BINDING_UNIQUE };
HF_API bool hf_conn_can_bind(const struct hf_conn *conn); /* whether there is any */
/* Channel binding data in the connection's arena; empty when that kind is not available. RFC 9266,
 * RFC 5929. */
HF_API struct hf_str hf_conn_binding(struct hf_conn *conn, enum hf_binding kind);

#endif
