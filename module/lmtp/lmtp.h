/* SPDX-License-Identifier: BSD-2-Clause */
/* The LMTP module's own types (RFC 2033). Everything here is used by one worker at a time. */
#ifndef HF_MODULE_LMTP_LMTP_H
#define HF_MODULE_LMTP_LMTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "host/module.h"
#include "storage/store.h"

/* How a recipient's domain is used to find the account. */
enum lmtp_domain {
	LMTP_DOMAIN_KEEP,     /* only user@domain */
	LMTP_DOMAIN_FALLBACK, /* user@domain, and if there is no such account, user */
	LMTP_DOMAIN_STRIP     /* only user */
};

/* Sizes in octets, durations in ms; options.c has the table. */
struct lmtp_settings {
	uint64_t message_size_max;
	int64_t recipients_max;
	const char *delimiters;   /* any of these begins the detail of user+detail; empty: no
				     subaddressing */
	int domain;               /* enum lmtp_domain */
	const char *shared_recipient; /* local part that stands for the shared mailboxes; empty: none */
	uint64_t command_timeout; /* waiting for a command or for message data */
	int64_t errors_max;       /* 5xx to commands in a row before 421 */
	bool received;            /* add a Received: line of ours */
};

#define LMTP_LINE_MAX \
	4096 /* octets of a command line; RFC 5321 asks for 512, parameters extend it */
#define LMTP_ADDRESS_MAX 512 /* octets of an address; RFC 5321 has 256 */
#define LMTP_PROGRESS \
	4096 /* octets of data that count as a sign of life: a client that drips is timed out */
#define LMTP_PREFIX_MAX 2048 /* octets of the trace lines, storage/op.h */

struct lmtp_path {
	bool null_path;       /* <> */
	struct hf_str local;  /* decoded: without quotes and escapes; UTF-8 */
	struct hf_str domain; /* empty: none given ("<postmaster>") */
	struct hf_str text;   /* as given between < and >, without a source route */
};

struct lmtp_rcpt {
	uint64_t user;
	struct hf_str user_name;
	struct hf_str mailbox; /* from the detail; empty: INBOX */
	struct hf_str address; /* lmtp_path.text */
};

enum lmtp_phase {
	LMTP_COMMAND,   /* the next octets are a command line */
	LMTP_SKIP_LINE, /* an overlong line is being skipped */
	LMTP_DATA,      /* message after DATA, dot-stuffed */
	LMTP_BDAT,      /* octets of a chunk */
	LMTP_FINISH,    /* the stage ends the message */
	LMTP_COMMIT     /* the operation is under way */
};

/* Finds CRLF.CRLF and undoes dot-stuffing; dotstuff.c. */
struct lmtp_unstuffer {
	unsigned state;
};

struct lmtp_session {
	struct hf_conn *conn;
	struct hf_store *store;
	const struct lmtp_settings *settings;
	struct hf_log log;
	enum lmtp_phase phase;
	bool greeted;            /* LHLO */
	bool quitting;           /* close after what is queued */
	size_t progress;         /* octets towards LMTP_PROGRESS since the timer was set */
	struct hf_buf peer_name; /* LHLO argument */
	int64_t errors;
	/* The transaction, from MAIL to its replies. */
	struct hf_arena *arena;
	bool has_sender;
	bool utf8; /* SMTPUTF8 */
	bool binary;
	struct hf_str sender; /* text; empty for <> */
	struct lmtp_rcpt *rcpts;
	size_t rcpt_count, rcpt_capacity;
	struct hf_stage *stage;
	struct lmtp_unstuffer unstuffer;
	enum hf_status data_status; /* first failure while taking the message; HF_OK: none */
	bool chunking;              /* BDAT has begun */
	bool chunk_last;
	bool chunk_refused;  /* the chunk is skipped: its reply is 503 or 554 */
	uint64_t chunk_left; /* octets of the chunk to come */
	struct hf_op *op;
};

/* One command, one row; commands.c. */
struct lmtp_command {
	const char *name;
	/* `args`: what follows the verb and its space, without the line end. Writes its own reply.
	 */
	void (*run)(struct lmtp_session *session, struct hf_str args);
};
const struct lmtp_command *lmtp_command_find(struct hf_str name);

void lmtp_cmd_lhlo(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_mail(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_rcpt(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_data(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_bdat(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_starttls(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_rset(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_noop(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_vrfy(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_help(struct lmtp_session *session, struct hf_str args);
void lmtp_cmd_quit(struct lmtp_session *session, struct hf_str args);

/* address.c. "<path>" at the front of *in is taken off. RFC 5321 §4.1.2 with SMTPUTF8 (RFC 6531);
 * HF_ESYNTAX, HF_ELIMIT. */
enum hf_status lmtp_path_parse(struct hf_arena *arena, struct hf_str *in, struct lmtp_path *path);
/* One "NAME[=value]" parameter off the front of *in; false at the end. */
bool lmtp_param_next(struct hf_str *in, struct hf_str *name, struct hf_str *value);

/* lookup.c: who is meant. Fills user, user_name, mailbox and address. HF_ENONEXISTENT. */
/* What `rcpt` refers to is in the arena. */
enum hf_status lmtp_rcpt_find(struct lmtp_session *session, struct hf_arena *arena,
			      const struct lmtp_path *path, struct lmtp_rcpt *rcpt);

/* dotstuff.c: consumes from `in` (*used octets), appends the message's octets to `out`; true when
 * the final CRLF.CRLF has been seen. */
void lmtp_unstuffer_init(struct lmtp_unstuffer *u);
bool lmtp_unstuff(struct lmtp_unstuffer *u, struct hf_str in, size_t *used, struct hf_buf *out);

/* trace.c: Return-Path, Delivered-To and Received for one recipient. */
void lmtp_trace(struct lmtp_session *session, const struct lmtp_rcpt *rcpt, struct hf_buf *out);

/* transaction.c */
void lmtp_reset(struct lmtp_session *session);                   /* forgets the transaction */
enum hf_status lmtp_message_begin(struct lmtp_session *session); /* opens the stage */
enum hf_status lmtp_message_add(struct lmtp_session *session,
				struct hf_str piece); /* HF_OK, HF_WAIT */
enum hf_status lmtp_message_finish(
	struct lmtp_session *session); /* HF_OK: submitted or failed; HF_WAIT */
bool lmtp_message_done(
	struct lmtp_session *session); /* writes the replies when the operation is done */

/* reply.c */
void lmtp_reply(struct lmtp_session *session, int code, const char *enhanced, const char *fmt, ...)
	HF_PRINTF(4, 5);
/* The same, counted: too many in a row end the session. */
void lmtp_refuse(struct lmtp_session *session, int code, const char *enhanced, const char *fmt, ...)
	HF_PRINTF(4, 5);
/* What a status means to an MTA. Whatever is our trouble is 4xx. */
struct lmtp_answer {
	int code;
	const char *enhanced, *text;
};
struct lmtp_answer lmtp_answer(enum hf_status status);

extern const struct hf_option lmtp_options[];
extern const struct hf_module hf_module_lmtp;

#endif
