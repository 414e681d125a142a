/* SPDX-License-Identifier: BSD-2-Clause */
/* LIST, LSUB: names of mailboxes, or of subscriptions, that match a pattern. RFC 3501 §6.3.8,
 * §6.3.9, RFC 9051 §6.3.9. Attributes of children (RFC 3348) and special uses (RFC 6154) are sent
 * always: clients use them without asking; in LSUB special uses too, since Outlook 2013 reads them
 * there.
 *
 * Arguments: reference, pattern. The tree is looked through in pieces. */
#include "module/imap/list.h"

#define NODES_AT_ONCE 16 /* a hostile pattern costs a million steps on each */

struct list_args {
	bool lsub;
	struct hf_str reference, pattern;
	struct imap_list_pattern made;
	struct imap_list_tree tree;
	size_t next;
};

static enum hf_status list_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct list_args *args = cmd->args = hf_new(cmd->arena, struct list_args);

	if (!imap_parse_astring(p, &args->reference))
		return imap_parser_expected(p, "a reference name");
	if (!imap_parse_space(p) || !imap_parse_list_mailbox(p, &args->pattern))
		return imap_parser_expected(p, "a mailbox name with wildcards");
	return HF_OK;
}

static enum hf_status lsub_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status = list_parse(cmd, p);

	((struct list_args *)cmd->args)->lsub = true;
	return status;
}

static void list_node(struct imap_session *session, const struct imap_list_node *node)
{
	const char *attributes = node->children ? "\\HasChildren" : "\\HasNoChildren";

	if (!imap_list_exists(node))
		attributes = "\\Noselect \\HasChildren";
	imap_list_write(session, "LIST", attributes, node);
}

/* A level above a subscription stands for it when the pattern does not reach further down, RFC 3501
 * §6.3.9. */
static void lsub_node(struct imap_session *session, const struct imap_list_node *node)
{
	bool subscribed = node->info && node->info->subscribed;

	imap_list_write(session, "LSUB", subscribed && node->info->id ? "" : "\\Noselect", node);
}

static bool is_wanted(const struct list_args *args, const struct imap_list_node *node)
{
	if (!args->lsub)
		return imap_list_exists(node) || node->children;
	return (node->info && node->info->subscribed) ||
	       (!args->made.star && node->subscribed_children);
}

static enum hf_status list_next(struct imap_cmd *cmd)
{
	struct list_args *args = cmd->args;
	size_t end = args->next + NODES_AT_ONCE;

	for (; args->next < args->tree.count && args->next < end; args->next++) {
		const struct imap_list_node *node = &args->tree.nodes[args->next];

		if (!is_wanted(args, node) || !imap_list_match(&args->made, node->name))
			continue;
		if (args->lsub)
			lsub_node(cmd->session, node);
		else
			list_node(cmd->session, node);
	}
	return args->next < args->tree.count ? HF_MORE : HF_OK;
}

static enum hf_status list_start(struct imap_cmd *cmd)
{
	struct list_args *args = cmd->args;

	/* An empty pattern asks for the hierarchy's separator and root, RFC 3501 §6.3.8. */
	if (!args->pattern.size) {
		imap_printf(cmd->session, "* %s (\\Noselect) \"/\" \"\"\r\n", cmd->def->name);
		return HF_OK;
	}
	imap_list_pattern_init(cmd->session, cmd->arena, args->reference, args->pattern,
			       &args->made);
	imap_list_tree(cmd->session->account, cmd->arena, &args->tree);
	return list_next(cmd);
}

const struct imap_command imap_cmd_list = {
	.name = "LIST",
	.states = IMAP_LOGGED_IN,
	.parse = list_parse,
	.start = list_start,
	.next = list_next,
};

const struct imap_command imap_cmd_lsub = {
	.name = "LSUB",
	.states = IMAP_LOGGED_IN,
	.parse = lsub_parse,
	.start = list_start,
	.next = list_next,
};
