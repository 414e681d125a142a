/* SPDX-License-Identifier: BSD-2-Clause */
/* SUBSCRIBE, UNSUBSCRIBE: the user's list of mailboxes to show. RFC 9051 §6.3.7, §6.3.8.
 *
 * Arguments: mailbox. A name that does not exist (yet, or any more) may be subscribed: a server
 * MUST NOT take it off the list by itself, so it need not refuse it either. So no rights are asked for (RFC 4314 §4). */
#include "module/imap/imap.h"

struct subscribe_args {
	struct hf_str name;
};

static enum hf_status subscribe_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct subscribe_args *args = cmd->args = hf_new(cmd->arena, struct subscribe_args);

	return imap_parse_mailbox(p, &args->name) ? HF_OK
						  : imap_parser_expected(p, "a mailbox name");
}

static enum hf_status submit(struct imap_cmd *cmd, bool subscribed)
{
	const struct subscribe_args *args = cmd->args;
	struct imap_session *session = cmd->session;

	if (!args->name.data)
		return imap_bad_name(cmd);
	return imap_submit(
		cmd, hf_op_subscribe(session->store, session->user_id, args->name, subscribed));
}

static enum hf_status subscribe_start(struct imap_cmd *cmd)
{
	return submit(cmd, true);
}

static enum hf_status unsubscribe_start(struct imap_cmd *cmd)
{
	return submit(cmd, false);
}

const struct imap_command imap_cmd_subscribe = {
	.name = "SUBSCRIBE",
	.states = IMAP_LOGGED_IN,
	.parse = subscribe_parse,
	.start = subscribe_start,
};

const struct imap_command imap_cmd_unsubscribe = {
	.name = "UNSUBSCRIBE",
	.states = IMAP_LOGGED_IN,
	.parse = subscribe_parse,
	.start = unsubscribe_start,
};
