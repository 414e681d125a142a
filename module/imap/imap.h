/* SPDX-License-Identifier: BSD-2-Clause */
/* The IMAP module's own types: session, command, and what handlers call. Everything here is used by
 * one worker at a time. */
#ifndef HF_MODULE_IMAP_IMAP_H
#define HF_MODULE_IMAP_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/set.h"
#include "base/status.h"
#include "base/str.h"
#include "host/module.h"
#include "storage/store.h"

struct imap_cmd;
struct imap_contexts;
struct imap_parser;
struct imap_session;

enum { IMAP_8BIT_REFUSE, IMAP_8BIT_TAKE };

/* Settings (options.c has the table). Sizes in octets, durations in ms. */
struct imap_settings {
	uint64_t login_timeout;     /* until logged in; 60 s */
	uint64_t idle_timeout;      /* without input after login; 30 min (RFC 9051 §5.4) */
	uint64_t line_size_max;     /* of a command without its literals; 64 KiB */
	uint64_t literal_size_max;  /* of one literal that is an argument; 64 KiB */
	uint64_t command_size_max;  /* of a command with its argument literals; 1 MiB; before login
				       16 KiB */
	uint64_t metadata_size_max; /* of the value of an annotation; 64 KiB */
	uint64_t message_size_max;  /* APPEND; 64 MiB */
	int64_t nesting_max;        /* parentheses and search keys; 100 */
	int64_t bad_commands_max;   /* BAD in a row before BYE; 20 */
	uint64_t idle_keepalive;    /* "* OK Still here" during IDLE; 4 min; 0: none */
	uint64_t progress_interval; /* of INPROGRESS notices; 10 s; 0: none */
	int append_8bit_headers; /* IMAP_8BIT_*: without ENABLE UTF8=ACCEPT; refuse */
	uint64_t stall_timeout; /* a command or literal begun and not ended, output not read; 5 min
				 */
};

enum imap_state {
	IMAP_NOT_AUTHENTICATED = 1 << 0,
	IMAP_AUTHENTICATED = 1 << 1,
	IMAP_SELECTED = 1 << 2,
	IMAP_LOGOUT = 1 << 3,
	IMAP_LOGGED_IN = IMAP_AUTHENTICATED | IMAP_SELECTED,
	IMAP_ANY_STATE = IMAP_NOT_AUTHENTICATED | IMAP_AUTHENTICATED | IMAP_SELECTED
};

/* Extensions that change what is sent (session->enabled). */
enum {
	IMAP_EN_CONDSTORE = 1 << 0,
	IMAP_EN_QRESYNC = 1 << 1,
	IMAP_EN_UTF8 = 1 << 2,
	IMAP_EN_REV2 = 1 << 3,
	IMAP_EN_UIDONLY = 1 << 4,
	IMAP_EN_METADATA = 1 << 5,
	IMAP_EN_METADATA_SERVER = 1 << 6
};

/* What UIDBATCHES has told of the selected mailbox, and the mailbox as it was then. */
struct imap_batches {
	uint32_t size; /* of a batch; 0: nothing has been told yet */
	uint32_t count;
	struct hf_uid highest; /* the newest message */
	struct hf_uid lowest;  /* down to this one they have been told */
};

struct imap_session {
	struct hf_conn *conn;
	struct hf_store *store;
	const struct imap_settings *settings;
	struct hf_log log; /* conn's context, with the user once known */
	enum imap_state state;
	unsigned enabled;   /* IMAP_EN_* */
	struct hf_str user; /* canonical; owned by the session */
	uint64_t user_id;
	bool admin; /* who logged in is an administrator (perhaps as another) */
	struct hf_account *account;     /* after login */
	struct hf_view *view;           /* when selected */
	struct hf_str mailbox_name;     /* of the selected mailbox, UTF-8; owned */
	bool read_only;                 /* EXAMINE */
	uint32_t rights;                /* HF_RIGHT_* in the selected mailbox (rights.c) */
	struct imap_cmd *cmd;           /* the command under way, NULL between commands */
	struct hf_arena *arena;         /* of commands; reset after each tagged response */
	unsigned bad_count;             /* BADs in a row */
	uint64_t commands;              /* for the log */
	struct imap_session_priv *priv; /* session.c's own */
	struct hf_set saved;            /* "$", RFC 5182: UIDs of the selected mailbox */
	struct imap_batches batches;    /* cmd_uidbatches.c */
	struct imap_contexts *contexts; /* context.c: results kept up to date; or NULL */
};

/* One command from tag to tagged response. */
struct imap_cmd {
	struct imap_session *session;
	const struct imap_command *def;
	struct hf_arena *arena; /* dies with the command */
	struct hf_str tag;
	bool uid;                      /* UID form */
	void *args;                    /* made by parse; in the arena */
	struct hf_op *op;              /* in flight or done; freed by the session */
	struct hf_sasl_exchange *sasl; /* AUTHENTICATE only */
	bool silent;    /* .SILENT: sync does not tell news of flags that op made itself (under
			   CONDSTORE: UID and MODSEQ only) */
	bool by_number; /* its arguments hold message numbers although it is a UID form (search
			   keys): no expunge is told during it */
	bool told;      /* the command's own responses tell what op changed: sync leaves it out
			   altogether */
	bool in_line;   /* next has written a part of a line: nothing else may be written before the rest */
	/* The tagged response's resp-text-code ("COPYUID 1 2 3", without brackets) and text; empty:
	 * the defaults for the status. */
	struct hf_buf code, text;
};

/* What a handler may do. See conventions: parse has no side effects, start and next return HF_OK
 * (finished), HF_MORE (call next again when it is our turn), HF_WAIT (call next on input, news or
 * durable), or an error. */
enum {
	IMAP_HAS_UID_FORM = 1 << 0,
	IMAP_USES_SEQUENCE = 1 << 1, /* EXPUNGE is held back for the form with sequence numbers (RFC
					9051 §7.5.1) */
	IMAP_WRITES = 1 << 2,        /* refused in a read-only mailbox */
	IMAP_NO_SYNC =
		1 << 3, /* no untagged news before the tagged response (LOGOUT, AUTHENTICATE...) */
	IMAP_NO_NUMBERS = 1 << 5, /* with a UID form, and no message numbers in the other one either
				   */
	IMAP_TAKES_INPUT = 1 << 4 /* IDLE, AUTHENTICATE: next reads hf_conn_input itself */
};

struct imap_command {
	const char *name; /* upper case */
	unsigned states;  /* IMAP_NOT_AUTHENTICATED ... */
	unsigned traits;
	/* From after the command's name (and space, if any) to the end of the line: all arguments.
	 * NULL: takes none. HF_ESYNTAX with imap_parser_expected(). */
	enum hf_status (*parse)(struct imap_cmd *cmd, struct imap_parser *p);
	enum hf_status (*start)(struct imap_cmd *cmd);
	enum hf_status (*next)(struct imap_cmd *cmd);
	/* The operation given to imap_submit() is durable; returns the command's status, or HF_MORE
	 * to go on with next. NULL: the operation's status. */
	enum hf_status (*done)(struct imap_cmd *cmd, const struct hf_op *op);
	/* Called once when parse has succeeded, however the command ends (before start, connection
	 * lost...). */
	void (*finish)(struct imap_cmd *cmd);
	/* APPEND, REPLACE: takes its message literals in pieces. parse is called with the text up
	 * to and with the first literal's header. HF_OK with the position at the header: a message
	 * begins there, and literal.c calls these, then, after the last rest, start. HF_ESYNTAX
	 * with the position there: the literal is an argument, and parse is called again once it
	 * has come. */
	const struct imap_literal *literal;
	/* A literal is larger than an argument may be: the code of its NO. NULL: it is BAD. */
	void (*literal_too_big)(const struct imap_session *session, struct hf_buf *code);
	/* The tagged OK has been written and the command is gone; the next one has not been looked
	 * at (STARTTLS, LOGOUT). */
	void (*after)(struct imap_session *session);
};

/* Streaming literals: for commands whose arguments hold messages. */
struct imap_literal {
	/* A literal header {size} was met where a message may stand. HF_OK: take it (a
	 * synchronising one is then answered "+ "); an error refuses it before it is read: the
	 * command ends with that status and a non-synchronising literal is skipped. */
	enum hf_status (*begin)(struct imap_cmd *cmd, uint64_t size, bool binary);
	/* Before the literal's first octet: what must be done first. HF_MORE or HF_WAIT: called
	 * again; NULL: nothing. */
	enum hf_status (*ready)(struct imap_cmd *cmd);
	enum hf_status (*data)(struct imap_cmd *cmd,
			       struct hf_str piece); /* HF_OK, HF_WAIT (taken; woken for more),
							error (rest skipped) */
	enum hf_status (*end)(struct imap_cmd *cmd); /* HF_OK, HF_WAIT: call again */
	/* What follows a literal up to the end of line or up to and with the next literal's header.
	 * HF_OK with *more true: the position is at that header. */
	enum hf_status (*rest)(struct imap_cmd *cmd, struct imap_parser *p, bool *more);
};

/* commands.c: sorted by name. */
extern const struct imap_command *const imap_commands[];
extern const size_t imap_command_count;

/* parser.c: over the whole text of a command, literals in place ({n}CRLF and n octets). Every
 * function leaves the position where it was on failure. */
struct imap_parser {
	const char *pos, *end;
	const char *start;
	const char *expected; /* for the BAD text */
	struct hf_arena *arena;
	const struct imap_settings *settings;
	bool utf8;      /* UTF8=ACCEPT or rev2: quoted strings may hold UTF-8 */
	unsigned depth; /* nesting */
	struct hf_str given; /* the last mailbox name as it was written, in UTF-8, when that is another than
				what it was made into; else data NULL */
};

bool imap_parse_is(struct imap_parser *p, char c);   /* peek */
bool imap_parse_char(struct imap_parser *p, char c); /* take it if it is there */
bool imap_parse_space(struct imap_parser *p); /* one or more spaces (real clients send two) */
bool imap_parse_end(struct imap_parser *p);   /* end of command; trailing spaces are forgiven */
bool imap_parse_keyword(struct imap_parser *p,
			const char *word); /* case-insensitive, ends at a non-atom character */
bool imap_parse_atom(struct imap_parser *p, struct hf_str *atom);
bool imap_parse_astring(struct imap_parser *p,
			struct hf_str *s); /* decoded, in the arena when it had escapes */
bool imap_parse_string(struct imap_parser *p, struct hf_str *s);       /* quoted or literal */
bool imap_parse_nstring(struct imap_parser *p, struct hf_str *s);      /* NIL: data NULL */
bool imap_parse_nstring8(struct imap_parser *p,
			 struct hf_str *s); /* nstring or literal8, which may hold NUL */
bool imap_parse_list_mailbox(struct imap_parser *p, struct hf_str *s); /* astring with % and * */
bool imap_parse_number(struct imap_parser *p, uint32_t *n);
bool imap_parse_number64(struct imap_parser *p, uint64_t *n); /* 63 bits */
bool imap_parse_set(
	struct imap_parser *p,
	struct hf_str *text); /* raw sequence-set text (also "$"): resolve with imap_resolve_set */
bool imap_parse_flag_list(
	struct imap_parser *p, uint32_t *flags, struct hf_str **keywords,
	size_t *count); /* parenthesised, or flags separated by spaces; \Recent is ignored */
bool imap_parse_date_time(struct imap_parser *p, int64_t *when);
bool imap_parse_mailbox(struct imap_parser *p,
			struct hf_str *name); /* astring; mUTF-7 (or UTF-8) decoded, checked and
						 normalised; on an invalid name returns true with
						 name->data NULL: handlers answer NO [CANNOT] */
/* Remembers what was expected (constant text) and returns HF_ESYNTAX. */
enum hf_status imap_parser_expected(struct imap_parser *p, const char *what);

/* session.c / sync.c: for handlers */
/* Turns sequence-set text into UIDs of the selected view ("*" is the last message; cmd->uid says
 * which numbers). HF_ESYNTAX: a sequence number that does not exist (BAD). Missing UIDs are
 * ignored. */
enum hf_status imap_resolve_set(struct imap_cmd *cmd, struct hf_str text, struct hf_set *uids);
/* Hands the operation over; returns HF_WAIT, which start or next returns in turn. */
enum hf_status imap_submit(struct imap_cmd *cmd, struct hf_op *op);
/* Writes news of the selected mailbox now (before a streaming command's own output begins, IDLE,
 * NOOP). */
void imap_sync(struct imap_session *session,
	       bool hold_expunges); /* much news goes out in turns: return HF_MORE before writing
				       more of your own */
/* One FETCH response with flags (and UID, MODSEQ as enabled) for a message; UIDFETCH without UID
 * after ENABLE UIDONLY. */
void imap_write_flags(struct imap_session *session, struct hf_seq seq,
		      const struct hf_record *record, bool with_uid);
/* "* 7 FETCH (", or after ENABLE UIDONLY "* 4827 UIDFETCH (" (RFC 9586 §3.3). */
void imap_add_fetch(struct imap_session *session, struct hf_buf *out, struct hf_seq seq,
		    struct hf_uid uid);
/* Ends the selected state (CLOSE, UNSELECT, SELECT of another, mailbox deleted). */
void imap_unselect(struct imap_session *session);
/* Turns CONDSTORE on, as each CONDSTORE enabling command does, and tells HIGHESTMODSEQ when a
 * mailbox is selected (RFC 7162 §3.1). */
void imap_enable_condstore(struct imap_session *session);
/* Before returning HF_WAIT: call next also when there is more input (commands with
 * IMAP_TAKES_INPUT). */
void imap_want_input(struct imap_session *session);
/* Before returning HF_WAIT: call next also after so many ms. One deadline per command; 0 takes it
 * back. */
void imap_set_deadline(struct imap_session *session, uint64_t ms);
bool imap_deadline_passed(const struct imap_session *session);
/* One line of input for a command with IMAP_TAKES_INPUT, without its line end; borrowed until the
 * next call. HF_WAIT: not there yet, imap_want_input() has been called; HF_ELIMIT: longer than
 * `max` (the rest of it is skipped). */
enum hf_status imap_input_line(struct imap_session *session, size_t max, struct hf_str *line);
/* Runs fn(arg) on a helper thread; next is called when it is over, and imap_offload_running() false
 * from then on. When the connection ends first, `drop` gets arg. */
enum hf_status imap_offload(struct imap_session *session, void (*fn)(void *arg), void *arg,
			    void (*drop)(void *arg));
bool imap_offload_running(const struct imap_session *session);
/* Says "* BYE [code] text" and ends the connection when what is queued has gone out. */
void imap_bye(struct imap_session *session, const char *code, const char *text);
/* After authentication: opens the account, sets state, log and limits. HF_ELIMIT, HF_EUNAVAILABLE.
 */
enum hf_status imap_session_login(struct imap_session *session, struct hf_str user);

/* progress.c: `done` of `goal` messages have been tried: the client is told when the command takes
 * long. Not while a response is half written. */
void imap_progress(struct imap_session *session, uint32_t done, uint32_t goal);
/* For arguments that are message numbers after ENABLE UIDONLY: sets code and text, returns
 * HF_ESYNTAX. */
enum hf_status imap_uid_required(struct imap_cmd *cmd);
/* For handlers that were given a name which imap_parse_mailbox() did not like: sets the text,
 * returns HF_ECANNOT. */
enum hf_status imap_bad_name(struct imap_cmd *cmd);

/* reply.c: output */
#define imap_conn(cmd) ((cmd)->session->conn)
void imap_printf(struct imap_session *session, const char *fmt, ...)
	HF_PRINTF(2, 3); /* raw; write CRLF yourself */
void imap_untagged_text(struct imap_session *session, const char *status, const char *code,
			const char *text);                                  /* "* OK [code] text" */
void imap_code(struct imap_cmd *cmd, const char *fmt, ...) HF_PRINTF(2, 3); /* sets cmd->code */
void imap_text(struct imap_cmd *cmd, const char *fmt, ...) HF_PRINTF(2, 3); /* sets cmd->text */
void imap_add_astring(struct hf_buf *out,
		      struct hf_str s);                    /* atom, quoted or literal as it needs */
void imap_add_string(struct hf_buf *out, struct hf_str s); /* quoted or literal */
void imap_add_nstring(struct hf_buf *out, struct hf_str s); /* NIL when data is NULL */
void imap_add_mailbox(struct imap_session *session, struct hf_buf *out,
		      struct hf_str utf8_name); /* mUTF-7 unless UTF-8 is enabled */
void imap_add_flags(struct imap_session *session, struct hf_buf *out,
		    const struct hf_record *record, bool recent); /* "(\Seen $Forwarded)" */
/* The status a refusal turns into: {HF_ENONEXISTENT, "NO", "NONEXISTENT", "..."}; code NULL: none.
 */
void imap_status_words(enum hf_status status, const char **word, const char **code,
		       const char **text);
/* capability.c: the space separated list for the session's state. */
void imap_add_capabilities(struct imap_session *session, struct hf_buf *out);

/* The same without a word: the command has said it. `reason` for the log, constant. */
void imap_end(struct imap_session *session, const char *reason);
/* What `hfctl who` shows: the word, and the selected mailbox. */
void imap_show_activity(struct imap_session *session, const char *word);
/* "(\Answered \Flagged ...)" of the mailbox for FLAGS. */
void imap_add_mailbox_flags(struct imap_session *session, struct hf_buf *out);
/* Likewise for PERMANENTFLAGS: what the session may change, with \* when there is room for keywords. */
void imap_add_permanent_flags(struct imap_session *session, struct hf_buf *out);

extern const struct hf_option imap_options[];

#endif
