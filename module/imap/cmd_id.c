/* SPDX-License-Identifier: BSD-2-Clause */
/* ID: who the two programs are. RFC 2971. What the client says goes to the log and changes nothing.
 *
 * Arguments: NIL, or a list of field names and values. */
#include "module/imap/imap.h"

#define FIELDS_MAX 30 /* RFC 2971 §3.3 */

struct id_args {
	struct hf_str names[FIELDS_MAX], values[FIELDS_MAX];
	size_t count;
};

static const char *const logged[] = { "name", "version", "vendor", "os", "os-version" };

static enum hf_status id_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct id_args *args = cmd->args = hf_new(cmd->arena, struct id_args);

	if (imap_parse_keyword(p, "NIL"))
		return HF_OK;
	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "NIL or a list");
	while (!imap_parse_char(p, ')')) {
		if (args->count == FIELDS_MAX)
			return imap_parser_expected(p, "at most 30 fields");
		if (args->count && !imap_parse_space(p))
			return imap_parser_expected(p, "a space or a closing parenthesis");
		if (!imap_parse_string(p, &args->names[args->count]) || !imap_parse_space(p) ||
		    !imap_parse_nstring(p, &args->values[args->count]))
			return imap_parser_expected(p, "a field name and its value");
		args->count++;
	}
	return HF_OK;
}

static void log_fields(struct imap_cmd *cmd, const struct id_args *args)
{
	struct hf_buf line = HF_BUF_INIT;

	for (size_t i = 0; i < HF_COUNT(logged); i++) {
		for (size_t k = 0; k < args->count; k++) {
			if (!args->values[k].data || !hf_str_ieq(args->names[k], hf_str(logged[i])))
				continue;
			hf_buf_printf(&line, " %s=", logged[i]);
			hf_log_value(&line, args->values[k]);
			break;
		}
	}
	if (line.size)
		hf_info(&cmd->session->log, "id%s", hf_buf_cstr(&line));
	hf_buf_fini(&line);
}

static enum hf_status id_start(struct imap_cmd *cmd)
{
	log_fields(cmd, cmd->args);
	imap_printf(cmd->session, "* ID (\"name\" \"Holdfast\")\r\n");
	return HF_OK;
}

const struct imap_command imap_cmd_id = {
	.name = "ID",
	.states = IMAP_ANY_STATE,
	.parse = id_parse,
	.start = id_start,
};
