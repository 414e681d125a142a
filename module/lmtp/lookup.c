/* SPDX-License-Identifier: BSD-2-Clause */
/* From a recipient's address to an account and a mailbox: user+detail@domain (RFC 5233). The whole
 * local part is tried first, so that an account or alias may have the delimiter in its name. shared+detail@domain
 * is a shared mailbox, if it lets anyone post to it (RFC 4314, right p). */
#include "module/lmtp/lmtp.h"

#include "storage/rights.h"

/* The account for local@domain as the setting `domain` has it. */
static enum hf_status find_account(struct lmtp_session *session, struct hf_arena *arena,
				   struct hf_str local, struct hf_str domain, struct hf_user *user)
{
	enum hf_status status = HF_ENONEXISTENT;
	int rule = session->settings->domain;

	if (!local.size)
		return HF_ENONEXISTENT;
	if (domain.size && rule != LMTP_DOMAIN_STRIP) {
		char *name = hf_arena_alloc(arena, local.size + domain.size + 2);

		memcpy(name, local.data, local.size);
		name[local.size] = '@';
		memcpy(name + local.size + 1, domain.data, domain.size);
		status = hf_user_find(session->store, hf_str_n(name, local.size + 1 + domain.size),
				      arena, user);
		if (status != HF_ENONEXISTENT || rule == LMTP_DOMAIN_KEEP)
			return status;
	}
	return hf_user_find(session->store, local, arena, user);
}

static size_t find_delimiter(const struct lmtp_session *session, struct hf_str local)
{
	const char *delimiters = session->settings->delimiters;
	size_t i;

	if (!delimiters)
		return local.size;
	for (i = 1; i < local.size; i++) /* a delimiter in front belongs to the name */
		if (local.data[i] && strchr(delimiters, local.data[i]))
			return i;
	return local.size;
}

/* What may not be posted to is not there. */
static enum hf_status find_shared(struct lmtp_session *session, struct hf_arena *arena, struct hf_str local,
				  struct hf_str detail, struct lmtp_rcpt *rcpt)
{
	const char *shared = session->settings->shared_recipient;
	struct hf_account *account;
	struct hf_mailbox_info info;
	enum hf_status status;

	if (!shared || !*shared || !hf_str_ieq(local, hf_str(shared)) ||
	    hf_mailbox_name_check(detail, arena, &rcpt->mailbox, NULL) != HF_OK)
		return HF_ENONEXISTENT;
	status = hf_account_open(session->store, hf_shared_account(session->store), &account);
	if (status != HF_OK)
		return status;
	status = hf_account_find(account, rcpt->mailbox, arena, &info);
	hf_account_close(&account);
	if (status == HF_OK && !(hf_rights_of_anyone(session->store, info.id) & HF_RIGHT_POST))
		status = HF_ENONEXISTENT;
	if (status == HF_OK) {
		rcpt->user = hf_shared_account(session->store);
		rcpt->user_name = HF_STR(HF_SHARED_USER);
	}
	return status;
}

enum hf_status lmtp_rcpt_find(struct lmtp_session *session, struct hf_arena *arena,
			      const struct lmtp_path *path, struct lmtp_rcpt *rcpt)
{
	struct hf_user user;
	enum hf_status status;
	size_t cut = find_delimiter(session, path->local);

	memset(rcpt, 0, sizeof *rcpt);
	rcpt->address = hf_arena_str(arena, path->text);
	rcpt->mailbox = HF_STR("");
	status = find_account(session, arena, path->local, path->domain, &user);
	if (status == HF_ENONEXISTENT && cut < path->local.size) {
		struct hf_str detail = hf_str_sub(path->local, cut + 1, SIZE_MAX);

		status = find_account(session, arena, hf_str_sub(path->local, 0, cut), path->domain,
				      &user);
		if (status == HF_ENONEXISTENT)
			return find_shared(session, arena, hf_str_sub(path->local, 0, cut), detail, rcpt);
		/* A detail that is no mailbox name, or names none, means INBOX: mail is not bounced
		 * for it. */
		if (status == HF_OK &&
		    hf_mailbox_name_check(detail, arena, &rcpt->mailbox, NULL) != HF_OK)
			rcpt->mailbox = HF_STR("");
	}
	if (status != HF_OK)
		return status;
	rcpt->user = user.id;
	rcpt->user_name = user.name;
	return HF_OK;
}
