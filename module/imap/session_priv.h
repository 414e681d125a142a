/* SPDX-License-Identifier: BSD-2-Clause */
/* What the session's own files (session.c, input.c, literal.c, sync.c, timeout.c) share. Handlers
 * see only imap.h. */
#ifndef HF_MODULE_IMAP_SESSION_PRIV_H
#define HF_MODULE_IMAP_SESSION_PRIV_H

#include "module/imap/imap.h"
#include "sasl/sasl.h"

/* The module, one per process. */
struct imap_module {
	struct hf_host *host;
	struct hf_store *store;
	struct hf_sasl *sasl;
	struct hf_counter *sessions, *commands, *logins, *login_failures;
	struct hf_buf capabilities[2]; /* the same for all sessions, before and after login */
};

/* capability.c */
void imap_capabilities_init(struct imap_module *module);
void imap_capabilities_fini(struct imap_module *module);

/* Collecting a command ----------------------------------------------------------------------- */

enum imap_input_status {
	IMAP_INPUT_MORE,    /* all that is there has been taken */
	IMAP_INPUT_LINE,    /* text is complete */
	IMAP_INPUT_LITERAL, /* text ends in the literal header described in `literal`; take, skip or
			       refuse it */
	IMAP_INPUT_TOO_LONG, /* a line over the limit; imap_input_skip() next */
	IMAP_INPUT_FLOOD     /* more is being skipped than we care to read */
};

enum imap_input_state { IMAP_IN_LINE, IMAP_IN_LITERAL, IMAP_IN_SKIP_LITERAL, IMAP_IN_SKIP_LINE };

struct imap_input {
	struct hf_buf text; /* the command so far: lines joined by CRLF, literals in place, no line
			       end at the end */
	enum imap_input_state state;
	uint64_t left;     /* octets of a literal to come */
	uint64_t skipped;  /* of what is being refused */
	size_t line_start; /* where in text the current line begins */
	size_t lines_size; /* octets of the lines, without literals */
	struct {
		size_t header; /* where in text "{" or "~{" is */
		uint64_t size;
		bool valid;   /* false: a number past 63 bits */
		bool nonsync; /* RFC 7888 */
		bool binary;  /* literal8, RFC 3516 */
	} literal;
};

/* Takes what the connection has, at most up to the end of one command. `line_max` bounds the lines
 * without literals, `flood_max` what is skipped. */
enum imap_input_status imap_input_read(struct imap_input *in, struct hf_conn *conn, size_t line_max,
				       uint64_t flood_max);
void imap_input_take_literal(struct imap_input *in); /* it becomes part of text */
void imap_input_leave_literal(
	struct imap_input *in); /* somebody else reads its octets; text is cleared and goes on with
				   the line behind it */
/* Drops text and reads on to the end of the command without keeping it: first `octets` of a
 * literal, then lines. */
void imap_input_skip(struct imap_input *in, uint64_t octets);
/* Likewise in the middle of a line that is too long: its rest, and literals and lines behind it. */
void imap_input_skip_rest(struct imap_input *in);
void imap_input_clear(struct imap_input *in); /* for the next command */
static inline bool imap_input_is_partial(const struct imap_input *in)
{
	return in->state != IMAP_IN_LINE || in->text.size;
}

/* The session -------------------------------------------------------------------------------- */

enum imap_phase {
	IMAP_PHASE_READ,    /* between commands: collecting the next one */
	IMAP_PHASE_RUN,     /* next is to be called */
	IMAP_PHASE_WAIT,    /* HF_WAIT: next is called when woken */
	IMAP_PHASE_OP,      /* an operation is in flight */
	IMAP_PHASE_LITERAL, /* a message literal is being taken, or what follows one */
	IMAP_PHASE_FINISH   /* news, then the tagged response */
};

enum imap_literal_stage {
	IMAP_LITERAL_READY,
	IMAP_LITERAL_DATA,
	IMAP_LITERAL_END,
	IMAP_LITERAL_REST
};

struct imap_session_priv {
	struct imap_module *module;
	enum imap_phase phase;
	enum hf_status final; /* of the command that is finishing */
	struct imap_input in;
	struct hf_buf
		out; /* scratch for building output; free for use by any one function at a time */
	struct hf_buf line;  /* what imap_input_line() gave out */
	uint64_t input_size; /* octets taken in, for the log */

	/* literal.c */
	enum imap_literal_stage literal;
	uint64_t literal_left;
	bool literal_wait; /* data or end answered HF_WAIT */

	/* sync.c: news on its way out */
	struct hf_arena *news_arena;
	struct hf_sync news;
	size_t news_at; /* place in news: expunges, then the counts, then flags */
	bool news_pending;
	bool news_quiet;           /* leave out what cmd->op changed */
	struct hf_mod told_modseq; /* while expunges_held: of the last sync that held none */
	bool mailbox_gone; /* the selected mailbox has been deleted, and the client was told */
	bool mailbox_unreadable; /* and gone: it has not been deleted, its records could not be read behind the answer to SELECT */

	struct imap_notify *notify; /* NOTIFY; NULL: not given yet */
	struct hf_annotation_watch *annotations; /* metadata_news.c; or NULL */

	uint64_t rights_version; /* rights.c: of session->rights */

	/* why we were woken, what is under way */
	bool quit;             /* HF_EV_QUIT was seen */
	bool closing;          /* BYE was said */
	bool aborting;         /* not even that */
	bool woken;            /* an event that a waiting command may care for */
	bool turn_over;        /* a command with `after` has ended: back to the host first */
	bool want_input;       /* of the command that waits */
	bool op_in_flight;     /* cmd->op has not been looked at since it was submitted */
	bool line_cut;         /* imap_input_line() is skipping an overlong line */
	uint64_t line_dropped; /* octets of it */
	bool line_given;       /* `line` has been handed out */
	bool expunges_held;    /* a sync left some for later */
	bool offload;          /* a helper thread has something of ours */
	unsigned auth_failures;
	const char *reason; /* of the end, for the log */

	/* timeout.c: moments of hf_now_ms(), 0: none */
	uint64_t now; /* when this turn began */
	uint64_t opened;
	uint64_t last_input;
	uint64_t partial_since;  /* a command or literal has begun and not ended */
	uint64_t partial_octets; /* input_size then */
	uint64_t full_since;     /* waiting for room */
	size_t full_size;        /* output queued then */
	bool waits_input;        /* parked for input */
	uint64_t deadline;       /* the command's own */
	uint64_t progress_at;    /* when a notice of the command's progress is due */
	uint64_t armed;          /* what the connection's timer runs for */
};

/* session.c */
enum hf_status imap_session_open(struct hf_conn *conn, struct imap_module *module);
unsigned imap_session_step(struct imap_session *session, unsigned events);
void imap_session_close(struct imap_session *session);
/* What a handler (or done, or a literal function) returned. */
void imap_session_result(struct imap_session *session, enum hf_status status);
/* The command has ended with this status: news and the tagged response come next. */
void imap_session_finish(struct imap_session *session, enum hf_status status);

/* command.c: the head of a command, what may begin */
struct imap_head {
	struct hf_str tag, name;
	const struct imap_command *def; /* NULL: unknown */
	bool uid;
	struct hf_str args; /* behind the name and its space */
};
/* NULL, or why there is no command in it (constant text); head->tag is set as far as it is sound.
 */
const char *imap_parse_head(struct hf_str text, struct imap_head *head);
const struct imap_command *imap_command_find(struct hf_str name);
/* `text` is whole and in the session's arena: parses and starts it. Refusals are answered. */
void imap_command_begin(struct imap_session *session, struct hf_str text);
/* `text` is what came before a literal header. True: it is an argument of the command; false: it
 * has been dealt with. */
bool imap_command_meets_literal(struct imap_session *session);
/* A tagged (untagged when the tag is empty) BAD or NO for a command that did not begin. */
void imap_refuse(struct imap_session *session, struct hf_str tag, const char *word,
		 const char *code, const char *fmt, ...) HF_PRINTF(5, 6);

/* literal.c */
void imap_literal_begin(struct imap_session *session, uint64_t size, bool nonsync, bool binary);
/* False: nothing to do but to wait; *want tells for what. */
bool imap_literal_advance(struct imap_session *session, unsigned *want);

/* sync.c */
/* The selected mailbox is gone, or may no longer be read: says so, once. */
void imap_write_gone(struct imap_session *session);
void imap_write_unreadable(struct imap_session *session);
/* Writes some of the pending news; false when all is written. */
bool imap_news_advance(struct imap_session *session);

/* progress.c */
void imap_progress_begin(struct imap_session *session);  /* a command begins */
void imap_progress_expire(struct imap_session *session); /* the timer ran out */
/* When a command that waits for its operation is to be told of, 0: not. */
uint64_t imap_progress_due(const struct imap_session *session);

/* notify.c: NOTIFY */
void imap_notify_free(struct imap_session *session);
/* Whether news of the selected mailbox is to be told: new and expunged messages, or flags. */
bool imap_notify_wants(const struct imap_session *session, bool flags);
/* Between commands. */
void imap_notify_push(struct imap_session *session);
/* News of the account. */
void imap_notify_tell(struct imap_session *session);
/* One FETCH response for a new message; false when there is none (left). */
bool imap_notify_fetch(struct imap_session *session, const struct hf_sync *news);
/* notify_own.c: an operation of this session is done. */
void imap_notify_own(struct imap_session *session, const struct hf_op *op);
/* notify_count.c: goes on with what has to be counted first; false: there is nothing, or it must wait for news. */
bool imap_notify_count(struct imap_session *session);
bool imap_notify_has_items(const struct imap_session *session); /* NOTIFY (... MessageNew (items)) */
/* notify_fetch.c: the FETCH response of one new message, with what any of the sources asks for; none for what the command that ends has
 * put there itself (RFC 5465 §5.2). */
struct fetch_args;
void imap_write_new_message(struct imap_session *session, const struct fetch_args *const *sources, size_t count, struct hf_seq seq);
bool imap_notify_is_fetching(const struct imap_session *session);
/* Whatever is left of these is not told. */
void imap_notify_forget_fetch(struct imap_session *session);

/* timeout.c */
void imap_timeout_start(struct imap_session *session);
void imap_timeout_events(struct imap_session *session, unsigned events);
/* The timer ran out: ends what has waited too long. */
void imap_timeout_expire(struct imap_session *session);
/* Before parking with `want`. */
void imap_timeout_park(struct imap_session *session, unsigned want);

/* auth.c: what LOGIN and AUTHENTICATE share, and CAPABILITY asks */
/* Without channel bindings: what policy needs. */
void imap_auth_peer(struct imap_session *session, struct hf_sasl_peer *peer);
void imap_auth_exchange_peer(struct imap_session *session, struct hf_sasl_peer *peer); /* with ports and bindings */
/* After a failure: notes it, and sets the deadline until which its answer is held back. False:
 * answer at once. */
bool imap_auth_failed(struct imap_session *session, const char *mechanism, struct hf_str user,
		      enum hf_status status);
/* After success: logs in, sets the tagged response. */
enum hf_status imap_auth_succeeded(struct imap_cmd *cmd, const char *mechanism, struct hf_str user,
				   struct hf_str authenticated);
/* Ends a connection in which too many logins have failed. */
void imap_auth_limit(struct imap_session *session);

#endif
