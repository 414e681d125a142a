/* SPDX-License-Identifier: BSD-2-Clause */
/* CANCELUPDATE: results are no longer kept up to date. RFC 5267 §4.3.5.
 *
 * Arguments: the tags of the commands that asked for it. */
#include "module/imap/context.h"

struct cancel_args {
	struct hf_str *tags;
	size_t count, capacity;
};

static enum hf_status cancel_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct cancel_args *args = cmd->args = hf_new(cmd->arena, struct cancel_args);
	struct hf_str tag;

	do {
		if (!imap_parse_astring(p, &tag))
			return imap_parser_expected(p, "a tag");
		if (args->count == args->capacity) {
			struct hf_str *grown =
				hf_new_array(cmd->arena, struct hf_str, args->capacity * 2 + 4);

			if (args->count)
				memcpy(grown, args->tags, args->count * sizeof *grown);
			args->tags = grown;
			args->capacity = args->capacity * 2 + 4;
		}
		args->tags[args->count++] = tag;
	} while (imap_parse_space(p) && !imap_parse_end(p));
	return imap_parse_end(p) ? HF_OK
				 : imap_parser_expected(p, "a tag or the end of the command");
}

/* A tag without updates is none to cancel: they may have been refused. */
static enum hf_status cancel_start(struct imap_cmd *cmd)
{
	const struct cancel_args *args = cmd->args;
	size_t i;

	for (i = 0; i < args->count; i++)
		imap_context_cancel(cmd->session, args->tags[i]);
	return HF_OK;
}

const struct imap_command imap_cmd_cancelupdate = {
	.name = "CANCELUPDATE",
	.states = IMAP_SELECTED,
	.parse = cancel_parse,
	.start = cancel_start,
};
