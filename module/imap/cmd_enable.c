/* SPDX-License-Identifier: BSD-2-Clause */
/* ENABLE: extensions that change what the server sends. RFC 5161, RFC 9051 §6.3.1; CONDSTORE,
 * QRESYNC: RFC 7162 §3.1, §3.2.3; UTF8=ACCEPT: RFC 9755 §3; UIDONLY: RFC 9586 §3; METADATA: RFC 5464
 * §4.4.
 *
 * Arguments: names of extensions. Those we do not know are passed over. It is taken in the selected
 * state as well: clients do that. */
#include "module/imap/metadata_news.h"

static const struct {
	const char *name;
	unsigned bit;
	void (*enable)(struct imap_session *session); /* what else it does; may be NULL */
} rows[] = {
	{ "CONDSTORE", IMAP_EN_CONDSTORE, imap_enable_condstore },
	{ "QRESYNC", IMAP_EN_QRESYNC, imap_enable_condstore },
	{ "IMAP4rev2", IMAP_EN_REV2, NULL },
	{ "UTF8=ACCEPT", IMAP_EN_UTF8, NULL },
	{ "UIDONLY", IMAP_EN_UIDONLY, NULL },
	{ "METADATA", IMAP_EN_METADATA, NULL },
	{ "METADATA-SERVER", IMAP_EN_METADATA_SERVER, NULL },
};

struct enable_args {
	bool wanted[HF_COUNT(rows)];
};

static enum hf_status enable_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct enable_args *args = cmd->args = hf_new(cmd->arena, struct enable_args);

	do {
		struct hf_str name;

		if (!imap_parse_atom(p, &name))
			return imap_parser_expected(p, "the name of an extension");
		for (size_t i = 0; i < HF_COUNT(rows); i++)
			if (hf_str_ieq(name, hf_str(rows[i].name)))
				args->wanted[i] = true;
	} while (!imap_parse_end(p) && imap_parse_space(p));
	return HF_OK;
}

/* ENABLED lists what this command turned on, RFC 5161 §3.2; it is sent even when that is nothing.
 */
static enum hf_status enable_start(struct imap_cmd *cmd)
{
	const struct enable_args *args = cmd->args;
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* ENABLED");
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		if (!args->wanted[i] || cmd->session->enabled & rows[i].bit)
			continue;
		if (rows[i].enable)
			rows[i].enable(cmd->session);
		cmd->session->enabled |= rows[i].bit;
		hf_buf_printf(&out, " %s", rows[i].name);
	}
	imap_metadata_rewatch(cmd->session);
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(imap_conn(cmd), out.data, out.size);
	hf_buf_fini(&out);
	return HF_OK;
}

const struct imap_command imap_cmd_enable = {
	.name = "ENABLE",
	.states = IMAP_LOGGED_IN,
	.parse = enable_parse,
	.start = enable_start,
};
