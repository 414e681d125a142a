/* SPDX-License-Identifier: BSD-2-Clause */
/* LIST, LSUB: names of mailboxes, or of subscriptions, that match a pattern. RFC 3501 §6.3.8,
 * §6.3.9, RFC 9051 §6.3.9; LIST-EXTENDED: RFC 5258; RETURN (STATUS): RFC 5819, (METADATA): RFC 9590,
 * (MYRIGHTS): RFC 8440. Attributes of
 * children (RFC 3348) and special uses (RFC 6154) are sent always: clients use them without asking;
 * in LSUB special uses too, since Outlook 2013 reads them there.
 *
 * Arguments: reference, pattern; of LIST also selection options before them, patterns in
 * parentheses, return options behind them. The tree is gone through twice, in pieces: which names
 * match the patterns, then what is told of them. */
#include "module/imap/acl.h"
#include "module/imap/list.h"
#include "module/imap/metadata.h"
#include "module/imap/status.h"

#define MATCHES_AT_ONCE 16 /* a hostile pattern costs a million steps on each name */
#define NODES_AT_ONCE   256

enum { SELECT_SUBSCRIBED = 1, SELECT_REMOTE = 2, SELECT_RECURSIVE = 4, SELECT_SPECIAL_USE = 8 };
enum {
	RETURN_SUBSCRIBED = 1,
	RETURN_CHILDREN = 2,
	RETURN_SPECIAL_USE = 4,
	RETURN_STATUS = 8,
	RETURN_MYRIGHTS = 16
};

/* Of each node. */
enum {
	MATCHES = 1,      /* a pattern */
	MEETS = 2,        /* the selection criteria */
	CHILD_MEETS = 4,  /* a name below it does */
	CHILD_MISSING = 8 /* a name below it does and matches no pattern */
};

struct list_args {
	bool lsub, extended;
	unsigned select, returns;
	struct hf_str reference, *patterns;
	size_t pattern_count, pattern_capacity;
	struct imap_status_items items;
	struct imap_entries metadata; /* none: not asked for */
	struct imap_list_pattern *made;
	bool star; /* a pattern has one */
	struct imap_list_tree tree;
	uint8_t *found;
	bool matched;    /* all names have been looked at */
	bool told;       /* of the next node, all but STATUS */
	struct imap_status_count count; /* for that */
	size_t next, at; /* node, pattern */
};

/* Arguments ---------------------------------------------------------------------------------- */

static const struct option {
	const char *name;
	unsigned bit;
} select_options[] = {
	{ "SUBSCRIBED", SELECT_SUBSCRIBED },
	{ "REMOTE", SELECT_REMOTE },
	{ "RECURSIVEMATCH", SELECT_RECURSIVE },
	{ "SPECIAL-USE", SELECT_SPECIAL_USE },
}, return_options[] = {
	{ "SUBSCRIBED", RETURN_SUBSCRIBED },
	{ "CHILDREN", RETURN_CHILDREN },
	{ "SPECIAL-USE", RETURN_SPECIAL_USE },
	{ "MYRIGHTS", RETURN_MYRIGHTS },
};

static bool parse_option(struct imap_parser *p, const struct option *options, size_t count,
			 unsigned *bits)
{
	for (size_t i = 0; i < count; i++) {
		if (imap_parse_keyword(p, options[i].name)) {
			*bits |= options[i].bit;
			return true;
		}
	}
	return false;
}

/* At the opening parenthesis. */
static enum hf_status parse_select_options(struct list_args *args, struct imap_parser *p)
{
	args->extended = true;
	imap_parse_char(p, '(');
	while (!imap_parse_char(p, ')')) {
		if (!parse_option(p, select_options, HF_COUNT(select_options), &args->select))
			return imap_parser_expected(p, "a selection option");
		if (!imap_parse_space(p) && !imap_parse_is(p, ')'))
			return imap_parser_expected(p, "a closing parenthesis");
	}
	if (args->select & SELECT_RECURSIVE && !(args->select & SELECT_SUBSCRIBED))
		return imap_parser_expected(p, "SUBSCRIBED with RECURSIVEMATCH");
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a reference name");
	return HF_OK;
}

static enum hf_status parse_pattern(struct list_args *args, struct imap_parser *p)
{
	if (args->pattern_count == args->pattern_capacity) {
		size_t capacity = args->pattern_capacity ? args->pattern_capacity * 2 : 1;
		struct hf_str *grown = hf_new_array(p->arena, struct hf_str, capacity);

		if (args->pattern_count)
			memcpy(grown, args->patterns, args->pattern_count * sizeof(*grown));
		args->patterns = grown;
		args->pattern_capacity = capacity;
	}
	if (!imap_parse_list_mailbox(p, &args->patterns[args->pattern_count]))
		return imap_parser_expected(p, "a mailbox name with wildcards");
	args->pattern_count++;
	return HF_OK;
}

static enum hf_status parse_patterns(struct list_args *args, struct imap_parser *p)
{
	if (args->lsub || !imap_parse_char(p, '('))
		return parse_pattern(args, p);
	args->extended = true;
	do {
		enum hf_status status = parse_pattern(args, p);

		if (status != HF_OK)
			return status;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a closing parenthesis");
}

static enum hf_status parse_metadata(struct list_args *args, struct imap_parser *p)
{
	args->metadata.count = 0;
	if (!imap_parse_space(p) || !imap_parse_is(p, '('))
		return imap_parser_expected(p, "a list of entries");
	return imap_entries_parse(p, false, &args->metadata);
}

/* Behind RETURN. */
static enum hf_status parse_return_options(struct list_args *args, struct imap_parser *p)
{
	args->extended = true;
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of return options");
	while (!imap_parse_char(p, ')')) {
		if (imap_parse_keyword(p, "STATUS")) {
			enum hf_status status;

			args->returns |= RETURN_STATUS;
			args->items.count = 0;
			imap_parse_space(p);
			status = imap_status_parse(p, &args->items);
			if (status != HF_OK)
				return status;
		} else if (imap_parse_keyword(p, "METADATA")) {
			enum hf_status status = parse_metadata(args, p);

			if (status != HF_OK)
				return status;
		} else if (!parse_option(p, return_options, HF_COUNT(return_options),
					 &args->returns)) {
			return imap_parser_expected(p, "a return option");
		}
		if (!imap_parse_space(p) && !imap_parse_is(p, ')'))
			return imap_parser_expected(p, "a closing parenthesis");
	}
	return HF_OK;
}

static enum hf_status parse_names(struct list_args *args, struct imap_parser *p)
{
	if (!imap_parse_astring(p, &args->reference))
		return imap_parser_expected(p, "a reference name");
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "a mailbox name with wildcards");
	return parse_patterns(args, p);
}

static enum hf_status list_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct list_args *args = cmd->args = hf_new(cmd->arena, struct list_args);
	enum hf_status status = HF_OK;

	if (imap_parse_is(p, '('))
		status = parse_select_options(args, p);
	if (status == HF_OK)
		status = parse_names(args, p);
	if (status != HF_OK || imap_parse_end(p))
		return status;
	if (!imap_parse_space(p) || !imap_parse_keyword(p, "RETURN"))
		return imap_parser_expected(p, "RETURN or the end of the command");
	return parse_return_options(args, p);
}

static enum hf_status lsub_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct list_args *args = cmd->args = hf_new(cmd->arena, struct list_args);

	args->lsub = true;
	return parse_names(args, p);
}

/* What is found ------------------------------------------------------------------------------ */

static bool is_subscribed(const struct imap_list_node *node)
{
	return node->info && node->info->subscribed;
}

/* A level above a subscription stands for it in LSUB when the pattern does not reach further down,
 * RFC 3501 §6.3.9. */
static bool lsub_meets(const struct list_args *args, const struct imap_list_node *node)
{
	return is_subscribed(node) || (!args->star && node->subscribed_children);
}

static bool meets(const struct list_args *args, const struct imap_list_node *node)
{
	if (args->lsub)
		return lsub_meets(args, node);
	if (args->select & SELECT_SPECIAL_USE && !(node->info && node->info->special_use))
		return false;
	if (args->select & SELECT_SUBSCRIBED)
		return is_subscribed(node);
	return imap_list_exists(node) || node->children;
}

/* One name against one pattern. */
static void match_step(struct list_args *args)
{
	const struct imap_list_node *node = &args->tree.nodes[args->next];
	bool wanted = meets(args, node);
	uint8_t *found = &args->found[args->next];

	if (wanted)
		*found |= MEETS;
	if ((wanted || args->select & SELECT_RECURSIVE) &&
	    imap_list_match(&args->made[args->at], node->name))
		*found |= MATCHES;
	args->at++;
	if (*found & MATCHES || args->at == args->pattern_count ||
	    (!wanted && !(args->select & SELECT_RECURSIVE))) {
		args->at = 0;
		args->next++;
	}
}

/* Tells each name what is below it: children come behind their parent. */
static void look_up(struct list_args *args)
{
	for (size_t i = args->tree.count; i-- > 0;) {
		const struct imap_list_node *node = &args->tree.nodes[i];
		unsigned up = args->found[i] & (CHILD_MEETS | CHILD_MISSING);

		if (args->found[i] & MEETS)
			up |= CHILD_MEETS | (args->found[i] & MATCHES ? 0 : CHILD_MISSING);
		if (node->parent)
			args->found[node->parent - 1] |= (uint8_t)up;
	}
}

/* Output ------------------------------------------------------------------------------------- */

static void write_lsub(struct imap_session *session, const struct imap_list_node *node)
{
	bool selectable = is_subscribed(node) && node->info->id;

	imap_list_write(session, "LSUB", selectable ? "" : "\\Noselect", NULL, node);
}

/* The mailbox with the rights of now: the tree is of when the command began. False: it may no longer be known of. */
static bool look_again(struct imap_session *session, const struct imap_list_node *node, struct imap_mailbox *mailbox)
{
	*mailbox = *node->mailbox;
	mailbox->rights = hf_rights_of(session->store, mailbox->info.id, mailbox->info.owner, session->user_id);
	return mailbox->rights & HF_RIGHT_LOOKUP;
}

static void write_list(struct imap_session *session, const struct list_args *args,
		       const struct imap_list_node *node, unsigned found)
{
	bool exists = imap_list_exists(node);
	bool extended = args->extended || session->enabled & IMAP_EN_REV2;
	bool tell = args->select & SELECT_SUBSCRIBED || args->returns & RETURN_SUBSCRIBED;
	bool childinfo = args->select & SELECT_RECURSIVE && found & CHILD_MEETS;
	const char *kind = exists ? "" : extended ? "\\NonExistent " : "\\Noselect ";
	const char *children = node->children ? "\\HasChildren" : "\\HasNoChildren";
	struct imap_mailbox mailbox;
	char attributes[64];

	snprintf(attributes, sizeof(attributes), "%s%s%s", kind, children,
		 tell && is_subscribed(node) ? " \\Subscribed" : "");
	imap_list_write(session, "LIST", attributes,
			childinfo ? "(\"CHILDINFO\" (\"SUBSCRIBED\"))" : NULL, node);
	if (exists && found & MEETS && args->returns & RETURN_MYRIGHTS && look_again(session, node, &mailbox))
		imap_acl_write_myrights(session, node->name, mailbox.rights);
}

/* RFC 5819: no response where there is nothing that one may know. */
static enum hf_status write_status(struct imap_session *session, struct list_args *args,
				   const struct imap_list_node *node, unsigned found)
{
	struct imap_mailbox mailbox;
	enum hf_status status;

	if (!(args->returns & RETURN_STATUS) || !(found & MEETS) || !imap_list_exists(node) ||
	    !(node->mailbox->rights & HF_RIGHT_READ))
		return HF_OK;
	mailbox = *node->mailbox;
	status = imap_status_count(session, &mailbox, &args->items, &args->count);
	if (status == HF_MORE || status == HF_WAIT)
		return status;
	if (status != HF_OK)
		imap_status_count_end(&args->count);
	else if (imap_mailbox_may_read(session, &mailbox)) /* counting may have taken long */
		imap_status_write(session, &mailbox.info, &args->items);
	return HF_OK;
}

static bool is_wanted(const struct list_args *args, unsigned found)
{
	if (!(found & MATCHES))
		return false;
	return found & MEETS || (args->select & SELECT_RECURSIVE && found & CHILD_MISSING);
}

static enum hf_status list_next(struct imap_cmd *cmd)
{
	struct list_args *args = cmd->args;
	size_t count = args->tree.count;
	size_t end = args->next + (args->metadata.count ? 1 : NODES_AT_ONCE);
	enum hf_status status;

	if (!args->matched) {
		for (size_t i = 0; i < MATCHES_AT_ONCE && args->next < count; i++)
			match_step(args);
		if (args->next < count)
			return HF_MORE;
		if (args->select & SELECT_RECURSIVE)
			look_up(args);
		args->matched = true;
		args->next = 0;
		return HF_MORE;
	}
	for (; args->next < count && args->next < end; args->next++) {
		const struct imap_list_node *node = &args->tree.nodes[args->next];
		unsigned found = args->found[args->next];
		struct imap_mailbox mailbox;

		if (!is_wanted(args, found))
			continue;
		if (args->lsub)
			write_lsub(cmd->session, node);
		else if (!args->told)
			write_list(cmd->session, args, node, found);
		args->told = true;
		status = write_status(cmd->session, args, node, found);
		if (status != HF_OK)
			return status;
		args->told = false;
		if (imap_list_exists(node) && found & MEETS && args->metadata.count &&
		    look_again(cmd->session, node, &mailbox))
			imap_metadata_write(cmd->session, &mailbox, &args->metadata);
	}
	return args->next < count ? HF_MORE : HF_OK;
}

static enum hf_status list_start(struct imap_cmd *cmd)
{
	struct list_args *args = cmd->args;

	/* An empty pattern asks for the hierarchy's separator and root, RFC 3501 §6.3.8; not in the
	 * extended form, RFC 5258 §3. */
	if (!args->extended && !args->patterns[0].size) {
		imap_printf(cmd->session, "* %s (\\Noselect) \"/\" \"\"\r\n", cmd->def->name);
		return HF_OK;
	}
	if (imap_entries_check(cmd, &args->metadata) != HF_OK)
		return HF_ELIMIT;
	imap_entries_unique(cmd->arena, &args->metadata);
	args->made = hf_new_array(cmd->arena, struct imap_list_pattern, args->pattern_count);
	for (size_t i = 0; i < args->pattern_count; i++) {
		imap_list_pattern_init(cmd->session, cmd->arena, args->reference, args->patterns[i],
				       &args->made[i]);
		if (!args->patterns[i].size)
			args->made[i].never = true;
		if (args->made[i].star)
			args->star = true;
	}
	imap_status_ask(cmd->session, &args->items);
	imap_list_tree(cmd->session, cmd->arena, &args->tree);
	args->found = hf_new_array(cmd->arena, uint8_t, args->tree.count + 1);
	return list_next(cmd);
}

static void list_finish(struct imap_cmd *cmd)
{
	struct list_args *args = cmd->args;

	imap_status_count_end(&args->count);
}

const struct imap_command imap_cmd_list = {
	.name = "LIST",
	.states = IMAP_LOGGED_IN,
	.parse = list_parse,
	.start = list_start,
	.next = list_next,
	.finish = list_finish,
};

const struct imap_command imap_cmd_lsub = {
	.name = "LSUB",
	.states = IMAP_LOGGED_IN,
	.parse = lsub_parse,
	.start = list_start,
	.next = list_next,
};
