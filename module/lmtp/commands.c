/* SPDX-License-Identifier: BSD-2-Clause */
/* The one list of commands. HELO and EHLO are not in it: RFC 2033 §4.1 has them refused. */
#include "module/lmtp/lmtp.h"

static const struct lmtp_command commands[] = {
	{ "BDAT", lmtp_cmd_bdat }, { "DATA", lmtp_cmd_data }, { "HELP", lmtp_cmd_help }, { "LHLO", lmtp_cmd_lhlo },
	{ "MAIL", lmtp_cmd_mail }, { "NOOP", lmtp_cmd_noop }, { "QUIT", lmtp_cmd_quit }, { "RCPT", lmtp_cmd_rcpt },
	{ "RSET", lmtp_cmd_rset }, { "STARTTLS", lmtp_cmd_starttls }, { "VRFY", lmtp_cmd_vrfy },
};

const struct lmtp_command *lmtp_command_find(struct hf_str name)
{
	size_t i;

	for (i = 0; i < HF_COUNT(commands); i++)
		if (hf_str_ieq(name, hf_str(commands[i].name)))
			return &commands[i];
	return NULL;
}
