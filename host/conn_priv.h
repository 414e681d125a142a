/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection as the host's files see it. What is not atomic and not guarded belongs to whoever
 * runs the connection (its worker).
 *
 * Connections live in blocks that are never given back, so a late event for one that has ended
 * finds a struct of this type: at worst it wakes the next user of that struct once for nothing. */
#ifndef HF_HOST_CONN_PRIV_H
#define HF_HOST_CONN_PRIV_H

#include "host/host_priv.h"

struct hf_tls_conn;
struct hf_compress;
struct hf_offload;

/* Where a connection stands with the scheduler. */
enum { CONN_DEAD, CONN_PARKED, CONN_QUEUED, CONN_RUNNING, CONN_RERUN };

/* Reasons to wake beyond those of the modules. */
enum {
	EV_IO_IN = 1 << 16,
	EV_IO_OUT = 1 << 17,
	EV_TIME = 1 << 18,      /* a deadline may have passed */
	EV_ABORT = 1 << 19,     /* end it now */
	EV_OFFLOADED = 1 << 20, /* offload is done: becomes HF_EV_OFFLOAD */
	EV_MODULE = 0xffff
};

enum conn_phase {
	PHASE_NEW,      /* accepted, nothing done yet */
	PHASE_CLEARING, /* STARTTLS: clear output drains, then the handshake */
	PHASE_HANDSHAKE,
	PHASE_OPEN,   /* the module's session */
	PHASE_LINGER, /* the session is closed, output drains */
	PHASE_DRAIN   /* our end is shut; waiting for the peer's, so that no reset destroys the
			 goodbye */
};

enum conn_turn { TURN_PARK, TURN_AGAIN, TURN_AGAIN_LONG, TURN_DONE };

enum {
	INPUT_FIRST = 16 * 1024,
	INPUT_AHEAD = 64 * 1024,
	INPUT_MAX = 1024 * 1024,
	CHUNK_SIZE = 16 * 1024,
	OUTPUT_HIGH = 256 * 1024,
	OUTPUT_LOW = 64 * 1024,
	OUTPUT_EAGER = 64 * 1024, /* a step that has queued so much sends while it goes on */
	SOURCE_COST = 512,        /* what a queued source counts */
	SLICE_US = 10000,
	DRAIN_MS = 2000,
	IDLE_MS = 3000 /* after which a compressor's state is given back */
};

enum out_kind { OUT_BYTES, OUT_SOURCE, OUT_COMPRESS, OUT_PLAIN /* no longer compressed */ };

struct out_entry {
	struct out_entry *next;
	enum out_kind kind;
	/* OUT_BYTES */
	size_t start, end, capacity;
	/* OUT_SOURCE */
	struct hf_source *source;
	uint64_t offset, left;
	char data[];
};

struct conn_waiter {
	struct hf_waiter waiter;
	struct hf_conn *conn;
	unsigned event;
};

struct hf_conn {
	/* What others touch at any time. */
	struct hf_poll poll;
	struct hf_host *host;
	_Atomic unsigned state;
	_Atomic unsigned events;
	_Atomic uint64_t timer,
		deadline; /* ms, 0: none; the module's and the host's; written by the worker */
	struct hf_conn *queue_next; /* run queue's lock */
	size_t heap_index;          /* timers' lock; 0: not in the heap, else index + 1 */
	uint64_t heap_key;
	pthread_mutex_t info_lock; /* user, activity */
	struct conn_waiter news, durable, room;

	/* Set anew for each connection: all from here on. */
	struct hf_conn *next, *prev; /* conns_lock */
	uint64_t id;
	int fd;
	bool registered; /* with epoll */
	unsigned armed;  /* EPOLLIN | EPOLLOUT that epoll will report */
	enum conn_phase phase;
	bool readable; /* the socket may have input */
	bool input_ended;
	bool gone;   /* nothing more can be sent */
	bool corked; /* inside a step */
	bool starttls, implicit_tls;
	bool compressing;           /* as the session has it */
	bool inflating, deflating;  /* as the octets are now */
	bool uncompressing;         /* the peer's stream is about to end */
	bool session_open; /* open() has succeeded, close() is due */
	bool end_told;
	unsigned want, pending;
	uint64_t slice_start; /* us */
	uint64_t started_ms;
	_Atomic uint64_t octets_in, octets_out;
	_Atomic uint64_t heard_ms; /* the turn in which the client was heard last */
	_Atomic bool displaced;    /* told to give way to another connection of its user */
	uint64_t heap_known; /* a moment at which the timers are sure to look, if still to come */

	struct hf_loaded *module;
	struct hf_snapshot *snapshot;
	char *service;
	void *session;
	struct hf_arena *arena;
	struct hf_log log;
	char log_fields[192];

	char *in;
	size_t in_start, in_end, in_capacity, in_limit;
	bool in_busy; /* the last read filled all there was room for */

	struct out_entry *out_first, *out_last;
	size_t out_size;
	size_t out_held;    /* by the kernel, when the deadline was set */
	bool out_blocked;   /* the socket took less than we had */
	bool out_progress;  /* since the deadline was set */
	bool idle_deadline; /* the host's deadline is for giving back the compressor */
	bool handshake_writes;

	struct hf_tls_conn *tls;
	bool identity_known; /* the next, in the arena */
	struct hf_str external_id;
	unsigned bindings_known; /* bits: which of the next */
	struct hf_str bindings[HF_BINDING_UNIQUE + 1];
	struct hf_compress *compress;
	struct hf_offload *offload;

	bool is_unix, is_loopback;
	bool counted;  /* by hf_limits_enter() */
	bool was_user; /* no longer counted as waiting */
	char peer_address[48], peer_port[56], local_port[56];
	uint8_t group_key[16];
	size_t group_size;
	char *user;        /* info_lock */
	char activity[64]; /* info_lock */
};

/* conn.c */
struct hf_conn *hf_conn_new(struct hf_host *host, struct hf_loaded *module, const char *service,
			    int fd, bool implicit_tls);
/* What is known of a socket's ends. */
void hf_conn_identify(struct hf_conn *conn, const struct sockaddr_storage *peer);
void hf_conn_discard(
	struct hf_conn *conn); /* on its worker: ends everything, gives the struct back */
void hf_conn_close_session(struct hf_conn *conn);
void hf_conn_wake_all(struct hf_host *host, unsigned events);
void hf_conns_free(struct hf_host *host);

/* conn_info.c */
/* The connection of the user that has been silent for longest, and for at least so long, is told to end, so that `by` may take
 * its place. One that was told before does not count: there are never more than twice the limit. False: there is none. */
bool hf_conns_displace(struct hf_host *host, const struct hf_conn *by, const char *user, uint64_t silent_ms);

/* sched.c */
void hf_conn_wake(struct hf_conn *conn, unsigned events);
/* Like wake, but a connection that becomes ready is left to the caller to run or push: true. */
bool hf_conn_claim(struct hf_conn *conn, unsigned events);
void hf_conn_run(struct hf_conn *conn); /* CONN_QUEUED, taken off its queue */

/* conn_turn.c */
enum conn_turn hf_conn_turn(struct hf_conn *conn);
unsigned hf_conn_interest(const struct hf_conn *conn); /* EPOLLIN | EPOLLOUT */

/* conn_input.c */
bool hf_conn_fill(struct hf_conn *conn);                 /* true: something new, or the end */
bool hf_conn_input_buffered(const struct hf_conn *conn); /* more can be had without the socket */
/* The tagged OK with which compression begins or ends has not been sent: until then nobody can tell what octets behind that command
 * are. A peer that does not read has no more of them taken. */
bool hf_conn_input_waits(const struct hf_conn *conn);
bool hf_conn_input_room(const struct hf_conn *conn);
void hf_conn_input_trim(struct hf_conn *conn); /* before parking */
void hf_conn_input_fini(struct hf_conn *conn);
void hf_buffers_release(void); /* this thread's spare buffers */
void *hf_buffer_get(size_t size);
void hf_buffer_put(void *buffer, size_t size);
/* The lower layer: >0 octets, 0 the end, -1 would block, -2 broken. */
ssize_t hf_conn_receive(struct hf_conn *conn, void *to, size_t size);

/* conn_output.c */
void hf_conn_drain(
	struct hf_conn *conn,
	bool all); /* sends what the socket takes; `all`: end of a step, flush the compressor */
void hf_conn_drain_held(struct hf_conn *conn, bool all); /* leaves with TLS what it holds */
void hf_conn_release(struct hf_conn *conn);
bool hf_conn_output_pending(const struct hf_conn *conn);
bool hf_conn_queue_pending(const struct hf_conn *conn); /* without what TLS holds */
void hf_conn_output_drop(struct hf_conn *conn);
/* Octets that the kernel has and the peer has not taken. */
size_t hf_conn_output_held(const struct hf_conn *conn);
void hf_conn_output_compress(struct hf_conn *conn, bool begin);
void hf_conn_compress_ended(struct hf_conn *conn); /* gives it back when neither way needs it */
ssize_t hf_conn_transmit(struct hf_conn *conn, const void *data,
			 size_t size); /* >0, -1 would block, -2 broken */

/* compress.c: RFC 4978 */
struct hf_compress *hf_compress_new(void);
void hf_compress_free(struct hf_compress **compress);
/* Compresses `in` (may be empty) for sending; `flush` ends at an octet boundary that the peer can
 * read up to. */
void hf_compress_add(struct hf_compress *compress, struct hf_str in, bool flush);
struct hf_str hf_compress_output(const struct hf_compress *compress); /* not sent yet */
void hf_compress_sent(struct hf_compress *compress, size_t count);
bool hf_compress_unflushed(const struct hf_compress *compress);
void hf_compress_idle(struct hf_compress *compress); /* gives the streams' state back, if
							nothing is pending */
bool hf_compress_is_idle(const struct hf_compress *compress);
/* Received octets wait here until there is room to inflate them into. */
char *hf_compress_input(struct hf_compress *compress, size_t *room);
void hf_compress_received(struct hf_compress *compress, size_t count);
bool hf_compress_has_input(const struct hf_compress *compress);
/* false: not a deflate stream, or its end. *got may be 0: more input is needed. */
bool hf_compress_inflate(struct hf_compress *compress, void *to, size_t size, size_t *got);
/* The peer ends its stream where inflation stands. HF_MORE: there are octets of it to come, or may be; HF_OK: what has been received
 * beyond it is hf_compress_rest(); HF_ESYNTAX: there was more in the stream, or it is broken. */
enum hf_status hf_compress_end_input(struct hf_compress *compress);
struct hf_str hf_compress_rest(const struct hf_compress *compress); /* until hf_compress_input_ended() */
void hf_compress_input_ended(struct hf_compress *compress);
void hf_compress_end_output(struct hf_compress *compress); /* adds what ends the stream */

#endif
