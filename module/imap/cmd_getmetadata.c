/* SPDX-License-Identifier: BSD-2-Clause */
/* GETMETADATA: annotations of a mailbox or of the server. RFC 5464 §4.2.
 *
 * Arguments: options (MAXSIZE n, DEPTH 0, 1 or infinity) in parentheses before the mailbox, as the
 * grammar has them, or behind it, as the examples do; mailbox; entries, one, several in
 * parentheses, or several without, as in the examples of §4.4.1. Without DEPTH an entry that has no
 * value is told as NIL; with it only what there is. The values are read and written a few at a
 * time, in as many responses as it takes. */
#include "module/imap/metadata.h"

#include <limits.h>
#include <stdlib.h>

#define ENTRIES_AT_ONCE 64
#define RESPONSE_SIZE   (32u * 1024) /* after which another begins */

struct get_args {
	struct imap_annotated annotated;
	struct imap_entries entries; /* asked for; then: to be told */
	bool maxsize_given, depth_given;
	uint32_t maxsize;
	unsigned depth;
	size_t next;
	uint64_t longest; /* of those left out */
};

/* Arguments ---------------------------------------------------------------------------------- */

static enum hf_status parse_depth(struct get_args *args, struct imap_parser *p)
{
	static const struct {
		const char *word;
		unsigned depth;
	} depths[] = { { "0", 0 }, { "1", 1 }, { "infinity", UINT_MAX } };

	for (size_t i = 0; i < HF_COUNT(depths); i++) {
		if (!imap_parse_keyword(p, depths[i].word))
			continue;
		args->depth = depths[i].depth;
		args->depth_given = true;
		return HF_OK;
	}
	return imap_parser_expected(p, "0, 1 or infinity");
}

static enum hf_status parse_option(struct get_args *args, struct imap_parser *p)
{
	if (!args->maxsize_given && imap_parse_keyword(p, "MAXSIZE")) {
		args->maxsize_given = true;
		return imap_parse_space(p) && imap_parse_number(p, &args->maxsize)
			       ? HF_OK
			       : imap_parser_expected(p, "a number of octets");
	}
	if (!args->depth_given && imap_parse_keyword(p, "DEPTH"))
		return imap_parse_space(p) ? parse_depth(args, p)
					   : imap_parser_expected(p, "a depth");
	return imap_parser_expected(p, "MAXSIZE or DEPTH, each once");
}

/* At the opening parenthesis; up to and with the space behind the closing one. */
static enum hf_status parse_options(struct get_args *args, struct imap_parser *p)
{
	imap_parse_char(p, '(');
	do {
		enum hf_status status = parse_option(args, p);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	if (!imap_parse_char(p, ')') || !imap_parse_space(p))
		return imap_parser_expected(p, "a closing parenthesis and a space");
	return HF_OK;
}

/* Entries in parentheses begin with a slash, whatever it is written in. */
static bool is_options(const struct imap_parser *p)
{
	char c = p->end - p->pos > 1 ? p->pos[1] : '\0';

	return *p->pos == '(' && hf_ascii_lower(c) >= 'a' && hf_ascii_lower(c) <= 'z';
}

static enum hf_status getmetadata_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct get_args *args = cmd->args = hf_new(cmd->arena, struct get_args);
	enum hf_status status = HF_OK;

	if (imap_parse_is(p, '('))
		status = parse_options(args, p);
	if (status != HF_OK)
		return status;
	if (!imap_annotated_parse(p, &args->annotated) || !imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name");
	if (p->pos < p->end && is_options(p))
		status = parse_options(args, p);
	return status == HF_OK ? imap_entries_parse(p, true, &args->entries) : status;
}

/* DEPTH -------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct imap_entry *x = a, *y = b;

	return hf_str_cmp(x->normal, y->normal);
}

static bool is_asked(const struct imap_entries *sorted, struct hf_str normal)
{
	struct imap_entry sought = { .normal = normal };

	return bsearch(&sought, sorted->list, sorted->count, sizeof(sought), by_name) != NULL;
}

/* The entry itself, or one at most `depth` levels above it. */
static bool is_wanted(const struct get_args *args, struct hf_str normal)
{
	for (unsigned up = 0;; up++) {
		if (is_asked(&args->entries, normal))
			return true;
		if (up == args->depth)
			return false;
		do {
			if (--normal.size == 0)
				return false;
		} while (normal.data[normal.size] != '/');
	}
}

static void want(struct imap_cmd *cmd, struct imap_entries *found, struct hf_str normal,
		 struct hf_str written)
{
	if (found->count == found->capacity) {
		size_t capacity = found->capacity ? found->capacity * 2 : 16;
		struct imap_entry *grown = hf_new_array(cmd->arena, struct imap_entry, capacity);

		if (found->count)
			memcpy(grown, found->list, found->count * sizeof(*grown));
		found->list = grown;
		found->capacity = capacity;
	}
	found->list[found->count++] = (struct imap_entry){ written, normal };
}

static enum hf_status look_through(struct imap_cmd *cmd, uint64_t user, struct imap_entries *found)
{
	struct get_args *args = cmd->args;
	struct hf_annotation_info *list;
	size_t count;
	enum hf_status status = hf_annotation_list(cmd->session->store, args->annotated.id, user,
						   cmd->arena, &list, &count);

	for (size_t i = 0; status == HF_OK && i < count; i++)
		if (is_wanted(args, list[i].name))
			want(cmd, found, list[i].name, list[i].written);
	return status;
}

/* What is below the entries asked for takes their place. */
static enum hf_status expand(struct imap_cmd *cmd)
{
	struct hf_str use = HF_STR("/private/specialuse");
	struct get_args *args = cmd->args;
	struct imap_entries found = { 0 };
	bool private = false, shared = false;
	enum hf_status status = HF_OK;

	qsort(args->entries.list, args->entries.count, sizeof(*args->entries.list), by_name);
	for (size_t i = 0; i < args->entries.count; i++) {
		if (hf_entry_is_private(args->entries.list[i].normal))
			private = true;
		else
			shared = true;
	}
	if (imap_entry_is_use(&args->annotated, use) && is_wanted(args, use))
		want(cmd, &found, use, use);
	if (private)
		status = look_through(cmd, cmd->session->user_id, &found);
	if (shared && status == HF_OK)
		status = look_through(cmd, 0, &found);
	args->entries = found;
	return status;
}

/* Output ------------------------------------------------------------------------------------- */

static enum hf_status write_some(struct imap_cmd *cmd, struct hf_buf *out, struct hf_arena *arena)
{
	struct get_args *args = cmd->args;
	size_t end = args->next + ENTRIES_AT_ONCE, start = out->size;

	while (args->next < args->entries.count && args->next < end && out->size < RESPONSE_SIZE) {
		const struct imap_entry *entry = &args->entries.list[args->next++];
		struct hf_str value;
		enum hf_status status;

		hf_arena_reset(arena);
		status = imap_metadata_value(cmd->session, &args->annotated, entry->normal, arena,
					     &value);
		if (status != HF_OK)
			return status;
		if (args->maxsize_given && value.size > args->maxsize) {
			if (value.size > args->longest)
				args->longest = value.size;
		} else if (value.data || !args->depth) {
			imap_metadata_add(out, out->size > start, entry->written, value);
		}
	}
	return args->next < args->entries.count ? HF_MORE : HF_OK;
}

static enum hf_status write_response(struct imap_cmd *cmd)
{
	struct get_args *args = cmd->args;
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status;
	size_t head;

	imap_metadata_head(cmd->session, &args->annotated, &out);
	hf_buf_add_char(&out, '(');
	head = out.size;
	status = write_some(cmd, &out, arena);
	hf_buf_add_lit(&out, ")\r\n");
	if (out.size > head + 3)
		hf_conn_write(imap_conn(cmd), out.data, out.size);
	if (status == HF_OK && args->longest)
		imap_code(cmd, "METADATA LONGENTRIES %llu", (unsigned long long)args->longest);
	hf_buf_fini(&out);
	hf_arena_free(&arena);
	return status;
}

/* Rights may have gone since the turn before, and the name may be another mailbox's. */
static enum hf_status getmetadata_next(struct imap_cmd *cmd)
{
	struct get_args *args = cmd->args;
	uint64_t id = args->annotated.id;
	enum hf_status status = imap_annotated_find(cmd, &args->annotated);

	if (status == HF_OK && args->annotated.id != id)
		status = HF_ENONEXISTENT;
	return status == HF_OK ? write_response(cmd) : status;
}

static enum hf_status getmetadata_start(struct imap_cmd *cmd)
{
	struct get_args *args = cmd->args;
	enum hf_status status = imap_annotated_find(cmd, &args->annotated);

	if (status == HF_OK)
		status = imap_entries_check(cmd, &args->entries);
	if (status != HF_OK)
		return status;
	imap_entries_unique(cmd->arena, &args->entries);
	if (args->depth)
		status = expand(cmd);
	return status == HF_OK ? write_response(cmd) : status;
}

const struct imap_command imap_cmd_getmetadata = {
	.name = "GETMETADATA",
	.states = IMAP_LOGGED_IN,
	.parse = getmetadata_parse,
	.start = getmetadata_start,
	.next = getmetadata_next,
};
