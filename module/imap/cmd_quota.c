/* SPDX-License-Identifier: BSD-2-Clause */
/* GETQUOTA, GETQUOTAROOT, SETQUOTA: what a user's mailboxes take and may take together. RFC 9208.
 *
 * There is one quota root for each user, which has the user's name and covers all mailboxes that
 * the user owns. Others' roots are there for administrators only, who may also set limits: of another's mailbox the others are told
 * no root. The root of shared mailboxes is "shared". Limits
 * are kept where the store looks at them: in every operation that adds messages or mailboxes. */
#include "module/imap/mailbox.h"

struct quota_args {
	struct hf_str name;  /* of a mailbox or a root */
	struct hf_user user; /* of the root */
	struct hf_quota limits;
	bool unknown, zero; /* a resource that there is not; a limit of nothing */
};

static const struct {
	const char *name;
	size_t offset; /* in struct hf_quota */
	uint64_t unit;
} resources[] = {
	{ "STORAGE", offsetof(struct hf_quota, size), 1024 },
	{ "MESSAGE", offsetof(struct hf_quota, count), 1 },
	{ "MAILBOX", offsetof(struct hf_quota, mailboxes), 1 },
};

static uint64_t *limit_of(struct hf_quota *limits, size_t resource)
{
	return (uint64_t *)(void *)((char *)limits + resources[resource].offset);
}

/* Output ------------------------------------------------------------------------------------- */

static void write_quota(struct imap_session *session, const struct hf_user *user)
{
	struct hf_quota used = { user->used_size, user->used_count, user->used_mailboxes };
	struct hf_quota limits = { user->limit_size, user->limit_count, user->limit_mailboxes };
	struct hf_buf out = HF_BUF_INIT;
	bool first = true;

	hf_buf_add_lit(&out, "* QUOTA ");
	imap_add_astring(&out, user->name);
	hf_buf_add_lit(&out, " (");
	for (size_t i = 0; i < HF_COUNT(resources); i++) {
		uint64_t unit = resources[i].unit, limit = *limit_of(&limits, i);

		if (!limit)
			continue;
		hf_buf_printf(&out, "%s%s %llu %llu", first ? "" : " ", resources[i].name,
			      (unsigned long long)((*limit_of(&used, i) + unit - 1) / unit),
			      (unsigned long long)(limit / unit));
		first = false;
	}
	hf_buf_add_lit(&out, ")\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
}

/* A root that one may not see cannot be told from one that does not exist: it is not looked for. */
static enum hf_status find_root(struct imap_cmd *cmd, struct hf_str name)
{
	struct quota_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	enum hf_status status = HF_ENONEXISTENT;

	if (session->admin && hf_str_ieq(name, HF_STR(HF_SHARED_USER)))
		status = hf_user_by_id(session->store, hf_shared_account(session->store), cmd->arena, &args->user);
	else if (session->admin || hf_str_ieq(name, session->user))
		status = hf_user_find(session->store, name, cmd->arena, &args->user);
	if (status == HF_ENONEXISTENT)
		imap_text(cmd, "No such quota root");
	return status;
}

/* GETQUOTA, GETQUOTAROOT --------------------------------------------------------------------- */

static enum hf_status root_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct quota_args *args = cmd->args = hf_new(cmd->arena, struct quota_args);

	return imap_parse_astring(p, &args->name)
		       ? HF_OK
		       : imap_parser_expected(p, "the name of a quota root");
}

static enum hf_status getquota_start(struct imap_cmd *cmd)
{
	struct quota_args *args = cmd->args;
	enum hf_status status = find_root(cmd, args->name);

	if (status == HF_OK)
		write_quota(cmd->session, &args->user);
	return status;
}

static enum hf_status mailbox_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct quota_args *args = cmd->args = hf_new(cmd->arena, struct quota_args);

	return imap_parse_mailbox(p, &args->name) ? HF_OK
						  : imap_parser_expected(p, "a mailbox name");
}

/* RFC 9208 §6: usage says something of the messages, so right r is needed. */
static enum hf_status find_root_of(struct imap_cmd *cmd, bool *told)
{
	struct quota_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct imap_mailbox mailbox;
	enum hf_status status;

	*told = imap_mailbox_is_in_own_tree(args->name);
	if (*told) /* it need not exist: its root is known already */
		return find_root(cmd, session->user);
	status = imap_mailbox_find(cmd, args->name, HF_RIGHT_READ, &mailbox);
	if (status != HF_OK || !session->admin)
		return status;
	*told = true;
	return hf_user_by_id(session->store, mailbox.info.owner, cmd->arena, &args->user);
}

static enum hf_status getquotaroot_start(struct imap_cmd *cmd)
{
	struct quota_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	struct hf_buf out = HF_BUF_INIT;
	enum hf_status status;
	bool told;

	if (!args->name.data)
		return imap_bad_name(cmd);
	status = find_root_of(cmd, &told);
	if (status != HF_OK)
		return status;
	hf_buf_add_lit(&out, "* QUOTAROOT ");
	imap_add_mailbox(session, &out, args->name);
	if (told) {
		hf_buf_add_char(&out, ' ');
		imap_add_astring(&out, args->user.name);
	}
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(session->conn, out.data, out.size);
	hf_buf_fini(&out);
	if (told)
		write_quota(session, &args->user);
	return HF_OK;
}

/* SETQUOTA ----------------------------------------------------------------------------------- */

static enum hf_status parse_limit(struct quota_args *args, struct imap_parser *p)
{
	struct hf_str name;
	uint64_t limit;

	if (!imap_parse_atom(p, &name) || !imap_parse_space(p))
		return imap_parser_expected(p, "the name of a resource");
	if (!imap_parse_number64(p, &limit))
		return imap_parser_expected(p, "a limit");
	args->zero = args->zero || !limit;
	for (size_t i = 0; i < HF_COUNT(resources); i++) {
		if (!hf_str_ieq(name, hf_str(resources[i].name)))
			continue;
		if (limit > INT64_MAX / resources[i].unit)
			limit = INT64_MAX / resources[i].unit;
		*limit_of(&args->limits, i) = limit * resources[i].unit;
		return HF_OK;
	}
	args->unknown = true;
	return HF_OK;
}

static enum hf_status setquota_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status = root_parse(cmd, p);

	if (status != HF_OK)
		return status;
	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of resources and limits");
	while (!imap_parse_char(p, ')')) {
		status = parse_limit(cmd->args, p);
		if (status != HF_OK)
			return status;
		if (!imap_parse_space(p) && !imap_parse_is(p, ')'))
			return imap_parser_expected(p, "a closing parenthesis");
	}
	return HF_OK;
}

/* Resources that are not named have no limit from now on: RFC 9208 §4.1.3. */
static enum hf_status setquota_start(struct imap_cmd *cmd)
{
	struct quota_args *args = cmd->args;
	enum hf_status status = find_root(cmd, args->name);

	if (status != HF_OK)
		return status;
	if (!cmd->session->admin)
		return HF_ENOPERM;
	if (args->unknown || args->zero) {
		imap_text(cmd, args->unknown ? "No such resource" : "A limit is at least 1");
		return HF_ECANNOT;
	}
	return imap_submit(cmd,
			   hf_op_user_quota(cmd->session->store, args->user.name, &args->limits));
}

static enum hf_status setquota_done(struct imap_cmd *cmd, const struct hf_op *op)
{
	struct quota_args *args = cmd->args;
	enum hf_status status = hf_op_status(op);

	if (status == HF_OK)
		status = find_root(cmd, args->user.name);
	if (status == HF_OK)
		write_quota(cmd->session, &args->user);
	return status;
}

const struct imap_command imap_cmd_getquota = {
	.name = "GETQUOTA",
	.states = IMAP_LOGGED_IN,
	.parse = root_parse,
	.start = getquota_start,
};

const struct imap_command imap_cmd_getquotaroot = {
	.name = "GETQUOTAROOT",
	.states = IMAP_LOGGED_IN,
	.parse = mailbox_parse,
	.start = getquotaroot_start,
};

const struct imap_command imap_cmd_setquota = {
	.name = "SETQUOTA",
	.states = IMAP_LOGGED_IN,
	.parse = setquota_parse,
	.start = setquota_start,
	.done = setquota_done,
};
