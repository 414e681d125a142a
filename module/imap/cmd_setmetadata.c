/* SPDX-License-Identifier: BSD-2-Clause */
/* SETMETADATA: sets and removes annotations of a mailbox or of the server, all or none. RFC 5464 §4.3;
 * /private/specialuse: RFC 6154 §4.
 *
 * Arguments: mailbox, a list of entries and values. NIL removes. Binary values come as literal8.
 * Shared entries of the server are the administrators', and /shared/admin is for hfctl alone
 * (RFC 5464 §6.2.2). */
#include "module/imap/list.h"
#include "module/imap/metadata.h"
#include "module/imap/metadata_news.h"

struct set_args {
	struct imap_annotated annotated;
	struct imap_entries names;
	struct hf_annotation *entries; /* as many */
	size_t capacity;
	bool use_given, use_bad;
	uint32_t use;
};

static uint64_t value_max(const struct imap_settings *settings)
{
	return settings->metadata_size_max < settings->literal_size_max
		       ? settings->metadata_size_max
		       : settings->literal_size_max;
}

/* Arguments ---------------------------------------------------------------------------------- */

static enum hf_status parse_pair(struct set_args *args, struct imap_parser *p)
{
	struct hf_annotation *entry;
	struct imap_entry name;
	const char *pos = p->pos;
	enum hf_status status = imap_entry_parse(p, &name);

	if (status != HF_OK)
		return status;
	if (name.normal.data && !hf_entry_has_value(name.normal)) {
		p->pos = pos;
		return imap_parser_expected(p, "an entry with more components");
	}
	if (args->names.count == args->capacity) {
		size_t capacity = args->capacity ? args->capacity * 2 : 4;
		struct hf_annotation *entries =
			hf_new_array(p->arena, struct hf_annotation, capacity);
		struct imap_entry *names = hf_new_array(p->arena, struct imap_entry, capacity);

		if (args->capacity) {
			memcpy(entries, args->entries, args->capacity * sizeof(*entries));
			memcpy(names, args->names.list, args->capacity * sizeof(*names));
		}
		args->entries = entries;
		args->names.list = names;
		args->capacity = capacity;
	}
	args->names.list[args->names.count] = name;
	entry = &args->entries[args->names.count++];
	entry->name = name.written;
	if (!imap_parse_space(p) || !imap_parse_nstring8(p, &entry->value))
		return imap_parser_expected(p, "a string, a literal or NIL");
	return HF_OK;
}

static enum hf_status setmetadata_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct set_args *args = cmd->args = hf_new(cmd->arena, struct set_args);

	if (!imap_annotated_parse(p, &args->annotated) || !imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name");
	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of entries and values");
	do {
		enum hf_status status = parse_pair(args, p);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	return imap_parse_char(p, ')')
		       ? HF_OK
		       : imap_parser_expected(p, "another entry or a closing parenthesis");
}

/* Special use -------------------------------------------------------------------------------- */

static void set_use(struct set_args *args, struct hf_str value)
{
	args->use_given = true;
	args->use = 0;
	args->use_bad = !args->annotated.own || hf_str_eq(args->annotated.name, HF_STR("INBOX"));
	while (value.size) {
		struct hf_str word = hf_str_split(&value, ' ');
		uint32_t bit = 0;

		for (size_t i = 0; i < imap_special_use_count && word.size; i++)
			if (word.data[0] == '\\' && hf_str_ieq(hf_str_sub(word, 1, word.size),
							       hf_str(imap_special_uses[i].name)))
				bit = imap_special_uses[i].bit;
		args->use |= bit;
		args->use_bad = args->use_bad || (word.size && !bit);
	}
}

/* The command -------------------------------------------------------------------------------- */

static enum hf_status too_big(struct imap_cmd *cmd)
{
	uint64_t max = value_max(cmd->session->settings);

	imap_code(cmd, "METADATA MAXSIZE %llu", (unsigned long long)max);
	imap_text(cmd, "A value has at most %llu octets", (unsigned long long)max);
	return HF_ETOOBIG;
}

/* The same for a literal that is not even taken. */
static void literal_too_big(const struct imap_session *session, struct hf_buf *code)
{
	hf_buf_printf(code, "METADATA MAXSIZE %llu",
		      (unsigned long long)value_max(session->settings));
}

static bool may_set(const struct imap_annotated *annotated, struct hf_str normal)
{
	if (hf_entry_is_private(normal))
		return true;
	if (annotated->server && hf_str_eq(normal, HF_STR("/shared/admin")))
		return false;
	return annotated->may_share;
}

/* What is to be stored is moved to the front of args->entries; its number in *count. */
static enum hf_status sift(struct imap_cmd *cmd, size_t *count)
{
	struct set_args *args = cmd->args;

	for (size_t i = 0; i < args->names.count; i++) {
		struct hf_str normal = args->names.list[i].normal;

		if (args->entries[i].value.size > value_max(cmd->session->settings))
			return too_big(cmd);
		if (!may_set(&args->annotated, normal)) {
			imap_text(cmd, "%.*s is not yours to set", HF_STR_ARG(normal));
			return HF_ENOPERM;
		}
		if (imap_entry_is_use(&args->annotated, normal))
			set_use(args, args->entries[i].value);
		else
			args->entries[(*count)++] = args->entries[i];
	}
	if (!args->use_bad)
		return HF_OK;
	imap_code(cmd, "USEATTR");
	imap_text(cmd, "No such special use for this mailbox");
	return HF_ECANNOT;
}

static enum hf_status setmetadata_start(struct imap_cmd *cmd)
{
	struct set_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct hf_annotate what = { .user = session->user_id };
	enum hf_status status = imap_annotated_find(cmd, &args->annotated);

	if (status == HF_OK)
		status = imap_entries_check(cmd, &args->names);
	if (status == HF_OK)
		status = sift(cmd, &what.count);
	if (status != HF_OK)
		return status;
	what.mailbox = args->annotated.id;
	what.entries = args->entries;
	what.use_given = args->use_given;
	what.special_use = args->use;
	what.origin = imap_metadata_origin(session);
	return imap_submit(cmd, hf_op_annotate(session->store, &what));
}

static enum hf_status setmetadata_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct hf_annotation_limits limits;
	enum hf_status status = hf_op_status(op);

	hf_annotation_limits(cmd->session->store, &limits);
	if (status == HF_ELIMIT)
		imap_text(cmd, "At most %u entries", limits.count);
	else if (status == HF_ETOOBIG)
		imap_text(cmd, "At most %llu octets in all entries together",
			  (unsigned long long)limits.size);
	else if (status == HF_EOVERQUOTA)
		imap_text(cmd, "At most %llu octets in all entries of a user",
			  (unsigned long long)limits.user_size);
	if (cmd->text.size)
		imap_code(cmd, "METADATA TOOMANY");
	return status;
}

const struct imap_command imap_cmd_setmetadata = {
	.name = "SETMETADATA",
	.states = IMAP_LOGGED_IN,
	.parse = setmetadata_parse,
	.start = setmetadata_start,
	.done = setmetadata_done,
	.literal_too_big = literal_too_big,
};
