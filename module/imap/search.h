/* SPDX-License-Identifier: BSD-2-Clause */
/* SEARCH: a program of keys, tried on one message at a time, what is cheap to read first. A key is a row of a table
 * (search_keys.c). Used by SEARCH now; whatever else takes a search program (SORT, THREAD...) takes this one. */
#ifndef HF_MODULE_IMAP_SEARCH_H
#define HF_MODULE_IMAP_SEARCH_H

#include "message/text.h"
#include "module/imap/imap.h"

/* What a message has to offer so far; a node that needs more answers SEARCH_UNKNOWN. In order of cost. */
enum search_level {
	SEARCH_RECORD, /* the record */
	SEARCH_LIST,   /* and the list row with the common header fields */
	SEARCH_HEADER, /* and the header */
	SEARCH_BODY    /* and the decoded text */
};

enum search_answer { SEARCH_NO, SEARCH_YES, SEARCH_UNKNOWN };

enum search_kind {
	SEARCH_AND,      /* all children */
	SEARCH_OR,       /* any child */
	SEARCH_NOT,      /* the one child */
	SEARCH_ALL,
	SEARCH_FLAGS,    /* number: all of these HF_FLAG_* */
	SEARCH_KEYWORD,  /* text: keyword name */
	SEARCH_RECENT,
	SEARCH_LARGER,   /* number */
	SEARCH_SMALLER,
	SEARCH_BEFORE,   /* day; internal date */
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_SENTBEFORE,
	SEARCH_SENTON,
	SEARCH_SENTSINCE,
	SEARCH_UIDS,     /* set */
	SEARCH_SEQS,     /* set */
	SEARCH_MODSEQ,   /* number: at least */
	SEARCH_OLDER,    /* when: internal date at or before */
	SEARCH_YOUNGER,  /* when: internal date at or after */
	SEARCH_SAVEDBEFORE, /* day; of saving */
	SEARCH_SAVEDON,
	SEARCH_SAVEDSINCE,
	SEARCH_EMAILID,  /* number: 0 matches nothing */
	SEARCH_THREADID,
	SEARCH_FIELD,    /* header field `field` contains text */
	SEARCH_BODY_TEXT,/* body contains text */
	SEARCH_ANY_TEXT  /* header or body contains text */
};

struct search_node {
	enum search_kind kind;
	struct search_node *next;      /* sibling */
	struct search_node *children;
	uint64_t number;
	int32_t day;
	int64_t when;                  /* seconds since 1970 */
	struct hf_set set;             /* freed by search_free() */
	struct hf_str field, text;     /* UTF-8 */
	struct hf_matcher *matcher;
	struct hf_trigrams *trigrams;  /* of the text; NULL: signatures do not help */
	enum search_answer seen;       /* of this message: FIELD, BODY_TEXT, ANY_TEXT; UNKNOWN until decided */
	struct hf_set found, unknown;  /* sequence numbers, while search_bulk.c has looked: FIELD */
	bool looked, vague, common;    /* vague: `found` may hold others; common: they are many */
	struct hf_set sure;            /* those of a vague `found` that have it, while the run lasts: BODY_TEXT, ANY_TEXT */
	struct search_node *next_text; /* all nodes with a matcher */
	struct search_node *next_set;  /* all nodes with a set */
};

struct search_program {
	struct search_node *root;
	struct search_node *texts;     /* list by next_text */
	struct search_node *sets;      /* list by next_set */
	bool uses_modseq;              /* the answer carries the highest modseq (RFC 7162 §3.1.5) */
	struct hf_str charset;         /* empty: UTF-8 */
	struct hf_str keys;            /* their text, behind the charset */
	unsigned nodes;
};

struct search_run;

struct search_key {
	const char *name;
	enum search_kind kind;
	uint64_t number;
	bool negate;
	/* Takes the key's arguments, with the space before them. NULL: none. */
	enum hf_status (*parse)(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				struct search_node *node);
	const char *field;             /* SEARCH_FIELD: which */
};

/* search_keys.c, search_parse.c. Parses "[CHARSET name] keys" up to the end of the command. HF_EBADCHARSET. */
const struct search_key *search_key_find(struct hf_str name);
enum hf_status search_parse(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program);
/* Its two halves, for commands in which the charset's name stands alone (RFC 5256): "name ", then keys to the end. */
enum hf_status search_parse_charset(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program);
enum hf_status search_parse_program(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program);
enum hf_status search_parse_keys(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				 struct search_node *parent);
enum hf_status search_parse_key(struct imap_cmd *cmd, struct imap_parser *p, struct search_program *program,
				struct search_node **node);
struct search_node *search_node_new(struct imap_cmd *cmd, struct search_program *program, enum search_kind kind);
void search_free(struct search_program *program);

/* search_return.c. RETURN (options): RFC 4731, RFC 5182, RFC 9394. */
struct search_return {
	bool given, min, max, all, count, partial;
	bool save;                     /* RFC 5182: "$" becomes the result */
	bool update;                   /* RFC 5267: the result is kept up to date */
	struct hf_str items;           /* and of new messages in it these are told, RFC 5465 §7: "(...)", or NULL */
	bool backward;                 /* the window counts from the end */
	uint32_t window_first, window_last;
	struct hf_str window;          /* as the client wrote it */
};
/* Takes "RETURN (...) " when it is there. */
enum hf_status search_return_parse(struct imap_parser *p, struct search_return *r);
/* RFC 5267 §4.3: with UPDATE, a tag is not to be used twice. */
enum hf_status search_return_check(struct imap_cmd *cmd, struct imap_parser *p, const struct search_return *r);
/* "1:100" or "-1:-100": the window of PARTIAL alone. */
bool search_window_parse(struct imap_parser *p, struct search_return *r);
/* The numbers of the set that the window asks for, counted as the client did. */
void search_window_take(const struct search_return *r, const struct hf_set *matches, struct hf_set *window);
/* Whether there is an ESEARCH response at all: RETURN (SAVE) alone has none. */
bool search_return_is_told(const struct search_return *r);
/* The numbers window_first to window_last of `count`, counted as the client did: *first to *last from 1; none: *first > *last. */
void search_return_window(const struct search_return *r, uint64_t count, uint64_t *first, uint64_t *last);
/* What follows the correlator, up to the end of the line. */
void search_return_add(struct imap_cmd *cmd, struct hf_buf *out, const struct search_return *r, const struct hf_set *matches,
		       struct hf_mod modseq);
/* What "$" is from now on, by the table in RFC 5182 §2.4 and RFC 9394 §3.2; `matches` are sequence numbers. */
void search_return_save(struct imap_cmd *cmd, const struct search_return *r, const struct hf_set *matches);
/* The ESEARCH response; `matches` are sequence numbers; `modseq` 0: none to tell. */
void search_return_write(struct imap_cmd *cmd, const struct search_return *r, const struct hf_set *matches,
			 struct hf_mod modseq);

/* search_eval.c */
struct search_message {
	struct hf_view *view;
	struct hf_seq seq;
	const struct hf_record *record;
};
/* The program's answer with what the message offers. `node->seen` holds what texts have been found. */
enum search_answer search_eval(const struct search_node *node, const struct search_message *m);

/* search_bulk.c: all messages at once. */
struct search_bulk;
struct search_bulk *search_bulk_new(struct imap_cmd *cmd, struct search_program *program);
/* A bounded piece of work. HF_OK: nothing outside of `candidates` (sequence numbers; empty before) matches; *exact: all in it do. */
enum hf_status search_bulk_next(struct search_bulk *bulk, struct hf_set *candidates, bool *exact);
/* Whether the signatures of most messages have been asked, in their folded form. */
bool search_bulk_signed(const struct search_bulk *bulk);
void search_bulk_free(struct search_bulk **bulk);

/* search_run.c: one pass over the view. */
struct search_run *search_run_new(struct imap_cmd *cmd, struct search_program *program);
/* Before it begins: only these sequence numbers are tried. Borrowed. */
void search_run_within(struct search_run *run, const struct hf_set *seqs);
/* One bounded piece of work: adds sequence numbers of messages that match. HF_MORE: go on; HF_OK: all have been tried. */
enum hf_status search_run_next(struct search_run *run, struct hf_set *matches);
struct hf_mod search_run_modseq(const struct search_run *run); /* highest of the matches */
enum hf_status search_run_failed(const struct search_run *run); /* HF_OK, or why some message could not be read */
void search_run_free(struct search_run **run);

#endif
