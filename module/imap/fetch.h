/* SPDX-License-Identifier: BSD-2-Clause */
/* FETCH: items are rows of a table (fetch_items.c); a new one is a function and a row. */
#ifndef HF_MODULE_IMAP_FETCH_H
#define HF_MODULE_IMAP_FETCH_H

#include "module/imap/imap.h"
#include "storage/facts.h"

/* What an item reads; what no item of a command needs is not read. */
enum {
	FETCH_NEEDS_LIST = 1 << 0,    /* fetch_message.list, before it is written */
	FETCH_NEEDS_EMAIL = 1 << 1,   /* fetch_message.email, but for its part tree */
	FETCH_NEEDS_CONTENT = 1 << 2, /* fetch_content() will be called */
	FETCH_SETS_SEEN = 1 << 3,
	FETCH_NEEDS_TREE = 1 << 4 | FETCH_NEEDS_EMAIL /* email.message too */
};

/* What may lie in memory for many messages (storage/facts.h). */
enum fetch_fact { FETCH_FACT_ENVELOPE, FETCH_FACT_BODYSTRUCTURE, FETCH_FACT_HEADERS, FETCH_FACT_COUNT };

/* The response being built: text, and slices of stored content that go out between it. */
struct fetch_slice {
	size_t at;                   /* in text */
	struct hf_source *source;
	uint64_t offset, size;
};

struct fetch_out {
	struct hf_buf text;
	struct fetch_slice *slices;
	size_t slice_count, slice_capacity;
};

struct fetch_args;
struct search_return;

/* One message of a FETCH. */
struct fetch_message {
	struct imap_cmd *cmd;
	struct fetch_args *args;
	struct hf_seq seq;
	const struct hf_record *record;
	struct hf_list_row list;
	struct hf_email email;
	bool has_list, has_email;
	struct hf_content *content;  /* opened by fetch_content() */
	struct hf_str header;        /* read by fetch_header() */
	bool has_header;
	struct fetch_out *out;
	/* Its writing, which may take several calls */
	bool begun;
	size_t before;               /* of out's text, when it began */
	size_t use;                  /* the item under way */
	void *work;                  /* what an item that answered HF_MORE goes on with; freed by work_free when it does not come to that */
	void (*work_free)(void **work);
};

struct fetch_item {
	const char *name;            /* as in the response, and (upper case) in the command */
	unsigned needs;
	/* Takes what follows the name ("[...]<...>"); NULL: nothing may. *arg is kept for write. */
	enum hf_status (*parse)(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				unsigned *needs);
	/* Adds "NAME value". HF_MORE: called again, m->work is its own. An error drops the whole response of this message. */
	enum hf_status (*write)(struct fetch_message *m, const struct fetch_item *item, const void *arg);
};

struct fetch_use {
	const struct fetch_item *item;
	void *arg;
	struct hf_str text; /* as the client wrote it */
};

struct fetch_args {
	struct hf_str set;
	struct fetch_use *uses;
	size_t use_count, use_capacity;
	unsigned needs;              /* of all items */
	bool has_changedsince, vanished;
	struct hf_mod changedsince;
	struct search_return *page; /* PARTIAL; or NULL */
	/* While it runs */
	struct hf_set uids, seqs;
	size_t range;                /* in seqs */
	uint32_t next;               /* sequence number to do next; 0: begin the range */
	struct hf_record *records;   /* read ahead */
	uint32_t record_first, record_count;
	bool lines;                  /* fetch_line_write() does it */
	bool use_facts, make_facts;
	struct hf_facts *facts[FETCH_FACT_COUNT]; /* opened when asked for */
	struct hf_list_reader *list;
	struct hf_email_reader *emails;
	struct hf_arena *scratch;    /* of one message */
	struct hf_buf picked;        /* header fields */
	struct hf_content *spare;    /* of an earlier message, for its buffers */
	struct fetch_out out;
	struct fetch_message message; /* under way while message.begun */
	enum hf_status failed;       /* of a message that could not be read; told at the end */
	/* The last flag list written, as most messages have the same. */
	struct hf_buf flags_text;
	uint64_t flags_keywords;
	unsigned flags_key;          /* flags and \Recent; ~0: none cached */
};

/* fetch_items.c: ends with a NULL name. */
const struct fetch_item *fetch_item_find(struct hf_str name);
/* Adds an item once. */
void fetch_use_add(struct imap_cmd *cmd, const char *name);
/* Parses "ALL", "FAST", "FULL", one item or a list. */
enum hf_status fetch_items_parse(struct imap_cmd *cmd, struct imap_parser *p);

/* fetch_message.c */
/* False: not in memory, read the row. Borrowed until the next message. */
bool fetch_fact(struct fetch_message *m, enum fetch_fact fact, struct hf_str *data);
enum hf_status fetch_list(struct fetch_message *m);  /* reads fetch_message.list unless it is there */
enum hf_status fetch_email(struct fetch_message *m); /* reads fetch_message.email unless it is there */
enum hf_status fetch_tree(struct fetch_message *m);  /* and decodes its message */
enum hf_status fetch_content(struct fetch_message *m, struct hf_content **content);
enum hf_status fetch_header(struct fetch_message *m, struct hf_str *header); /* prefix and header, in scratch */
void fetch_out_reset(struct fetch_out *out);
void fetch_out_fini(struct fetch_out *out);
void fetch_out_send(struct fetch_out *out, struct hf_conn *conn);
/* Adds octets [offset, offset + size) of the content as a literal: small ones are read now, large ones sent from the store. */
enum hf_status fetch_add_literal(struct fetch_message *m, uint64_t offset, uint64_t size);
/* A slice of any source goes out behind the text so far; takes over the reference. */
void fetch_add_slice(struct fetch_out *out, struct hf_source *source, uint64_t offset, uint64_t size);
/* Writes the response for m: HF_MORE until it is whole; an error leaves nothing in out. */
enum hf_status fetch_message_write(struct fetch_message *m);
/* Gives up a message that is begun. */
void fetch_message_drop(struct fetch_message *m);
/* "FLAGS (...)", cached in args; until the next call. */
struct hf_str fetch_flags_text(struct fetch_message *m);

/* fetch_lines.c: commands whose responses are short lines. */
bool fetch_lines_apply(const struct fetch_args *args, const struct imap_session *session);
void fetch_line_write(struct fetch_message *m);

/* fetch_basic.c, fetch_section.c: rows of the table */
enum hf_status fetch_write_flags(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_uid(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_internaldate(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_size(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_modseq(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_envelope(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_bodystructure(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_parse_section(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				   unsigned *needs);
enum hf_status fetch_write_section(struct fetch_message *m, const struct fetch_item *item, const void *arg);

/* A section on its own ("", "1.2.MIME", "HEADER.FIELDS (Subject)"), for CATENATE. NULL: none. */
struct section;
struct section *fetch_section_parse(struct imap_cmd *cmd, struct hf_str text);
/* Where in prefix + content it lies; for chosen fields the header they are picked from. */
bool fetch_section_locate(const struct section *s, const struct hf_email *email, uint64_t *offset, uint64_t *size);
bool fetch_section_picks(const struct section *s);
/* The fields chosen, and the empty line. */
void fetch_section_pick(const struct section *s, struct hf_str header, struct hf_buf *out);

/* fetch_binary.c */
enum hf_status fetch_parse_binary(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				  unsigned *needs);
enum hf_status fetch_write_binary(struct fetch_message *m, const struct fetch_item *item, const void *arg);

/* fetch_meta.c */
enum hf_status fetch_write_emailid(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_threadid(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_write_savedate(struct fetch_message *m, const struct fetch_item *item, const void *arg);
enum hf_status fetch_parse_preview(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				   unsigned *needs);
enum hf_status fetch_write_preview(struct fetch_message *m, const struct fetch_item *item, const void *arg);

#endif
