/* SPDX-License-Identifier: BSD-2-Clause */
/* What APPEND and REPLACE share: the messages of a command, and CATENATE. */
#ifndef HF_MODULE_IMAP_APPEND_H
#define HF_MODULE_IMAP_APPEND_H

#include "module/imap/mailbox.h"

struct append_source; /* catenate.c: a URL that is being copied */

/* What is to be done before more octets of the client are taken, in order. */
struct append_task {
	size_t item;
	struct hf_str url; /* copied to the end of the item; data NULL: the item is complete */
};

/* How far the header of the message under way has come. */
enum append_header { APPEND_LINE_BEGINS, APPEND_BEHIND_CR, APPEND_IN_LINE, APPEND_HEADER_OVER };

struct append_args {
	enum append_header header;
	bool in_utf8; /* the message under way stands in UTF8 (...) */
	struct hf_str name, given; /* the latter: in other words, RFC 9051 §6.3.9.7 */
	uint64_t mailbox; /* 0 until looked up */
	uint32_t rights;  /* in it */
	struct hf_append *items;
	size_t count, capacity;
	uint64_t octets; /* of all messages so far */
	size_t ahead;    /* items whose content has been sent ahead */
	uint64_t octets_ahead;
	bool one;        /* REPLACE: no second message */
	bool catenate;   /* the last item is one of parts, and more of them may come */
	struct append_task *tasks;
	size_t task, task_count, task_capacity;
	struct append_source *source;
	/* REPLACE */
	struct hf_str set;
	struct hf_uid replaces;
};

/* cmd_append.c: for both commands' tables */
enum hf_status append_parse_target(struct imap_cmd *cmd, struct imap_parser *p);
/* HF_ENONEXISTENT with TRYCREATE. */
enum hf_status append_find_target(struct imap_cmd *cmd);
/* HF_OK: all messages are complete. */
enum hf_status append_prepare(struct imap_cmd *cmd);
void append_finish(struct imap_cmd *cmd);
enum hf_status append_begin(struct imap_cmd *cmd, uint64_t size, bool binary);
/* Octets to the end of an item; HF_ECANNOT for header fields that the client may not store. */
enum hf_status append_write(struct imap_cmd *cmd, const struct hf_append *item, struct hf_str piece);
enum hf_status append_data(struct imap_cmd *cmd, struct hf_str piece);
enum hf_status append_end(struct imap_cmd *cmd);
enum hf_status append_rest(struct imap_cmd *cmd, struct imap_parser *p, bool *more);

/* catenate.c */
/* cat-parts, RFC 4469 §5, up to a literal's header or behind the closing parenthesis. */
enum hf_status append_parse_parts(struct imap_cmd *cmd, struct imap_parser *p);
/* The last item is complete. */
enum hf_status append_add_end(struct imap_cmd *cmd, struct imap_parser *p);
/* Some of the tasks: HF_OK when none is left; HF_MORE, HF_WAIT. */
enum hf_status append_work(struct imap_cmd *cmd);
void append_drop_source(struct append_args *args);
/* The stage of an item made of parts. */
enum hf_status append_open_stage(struct imap_cmd *cmd, struct hf_append *item);
/* Counts octets of a command with several messages, which are held in memory. */
enum hf_status append_count(struct imap_cmd *cmd, uint64_t size);

#endif
