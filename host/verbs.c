/* SPDX-License-Identifier: BSD-2-Clause */
/* What verbs share: their arguments, the accounts and mailboxes these name, and what is said when something is not there. */
#include "host/verbs_priv.h"

#include <string.h>

/* Arguments ------------------------------------------------------------------- */

const char *hf_verb_arg(const json_t *args, size_t index)
{
	return json_string_value(json_array_get(json_object_get(args, "args"), index));
}

enum hf_status hf_verb_args(const json_t *args, size_t least, size_t count, struct hf_note *why)
{
	const json_t *list = json_object_get(args, "args");
	size_t given = json_array_size(list);

	for (size_t i = 0; i < given; i++) {
		if (!json_is_string(json_array_get(list, i))) {
			hf_note_add(why, "arguments are strings");
			return HF_ESYNTAX;
		}
	}
	if (given >= least && given <= count)
		return HF_OK;
	if (least == count)
		hf_note_add(why, "expected %zu argument%s, got %zu", count, count == 1 ? "" : "s",
			    given);
	else
		hf_note_add(why, "expected %zu to %zu arguments, got %zu", least, count, given);
	return HF_ESYNTAX;
}

bool hf_verb_flag(const json_t *args, const char *name)
{
	return json_is_true(json_object_get(args, name));
}

const char *hf_verb_option(const json_t *args, const char *name)
{
	return json_string_value(json_object_get(args, name));
}

enum hf_status hf_verb_begin(struct hf_host *host, const json_t *args, size_t least, size_t count,
			     struct hf_note *why)
{
	if (!host->store || !host->sasl) {
		hf_note_add(why, "there is no store");
		return HF_EUNAVAILABLE;
	}
	return hf_verb_args(args, least, count, why);
}

enum hf_status hf_verb_rows(enum hf_status status, json_t *rows, json_t **result)
{
	if (status == HF_OK)
		*result = rows;
	else
		json_decref(rows);
	return status;
}

/* Accounts -------------------------------------------------------------------- */

enum hf_status hf_verb_user(struct hf_host *host, const char *name, struct hf_arena *arena,
			    struct hf_user *user, struct hf_note *why)
{
	enum hf_status status = hf_user_find(host->store, hf_str(name), arena, user);

	if (status != HF_OK)
		hf_note_add(why, "%s: %s", name,
			    status == HF_ENONEXISTENT ? "no such user" : hf_status_text(status));
	return status;
}

static enum hf_status shared_account(struct hf_verb_call *call, struct hf_host *host,
				     struct hf_note *why)
{
	enum hf_status status = hf_user_by_id(host->store, hf_shared_account(host->store),
					      call->arena, &call->user);

	if (status != HF_OK)
		hf_note_add(why, "%s: %s", HF_SHARED_USER, hf_status_text(status));
	return status;
}

/* Mailboxes ------------------------------------------------------------------- */

/* IMAP has other things there. */
static bool is_reserved(struct hf_str name)
{
	struct hf_str level = hf_str_split(&name, '/');

	return hf_str_eq(level, HF_STR(HF_NAMESPACE_OTHERS)) ||
	       hf_str_eq(level, HF_STR(HF_NAMESPACE_SHARED));
}

enum hf_status hf_verb_mailbox_name(struct hf_arena *arena, const char *text, struct hf_str *name,
				    struct hf_note *why)
{
	const char *reason = NULL;
	enum hf_status status;

	if (!text)
		return HF_OK;
	status = hf_mailbox_name_check(hf_str(text), arena, name, &reason);
	if (status == HF_OK && is_reserved(*name)) {
		reason = "this name is kept for the mailboxes of others";
		status = HF_EINVALID;
	}
	if (status != HF_OK)
		hf_note_add(why, "mailbox \"%s\": %s", text,
			    reason ? reason : hf_status_text(status));
	return status;
}

enum hf_status hf_verb_mailbox_status(enum hf_status status, struct hf_str name,
				      struct hf_note *why)
{
	const char *text = status == HF_ENONEXISTENT ? "no such mailbox"
			   : status == HF_EEXISTS    ? "exists already"
						     : hf_status_text(status);

	if (status != HF_OK)
		hf_note_add(why, "mailbox \"%.*s\": %s", HF_STR_ARG(name), text);
	return status;
}

enum hf_status hf_verb_mailbox(struct hf_host *host, uint64_t owner, struct hf_str name,
			       struct hf_arena *arena, struct hf_mailbox_info *info,
			       struct hf_note *why)
{
	struct hf_account *account = NULL;
	enum hf_status status = hf_account_open(host->store, owner, &account);

	if (status == HF_OK)
		status = hf_account_find(account, name, arena, info);
	hf_account_close(&account);
	return hf_verb_mailbox_status(status, name, why);
}

enum hf_status hf_verb_mailboxes(struct hf_host *host, uint64_t owner, struct hf_arena *arena,
				 struct hf_mailbox_info **list, size_t *count)
{
	struct hf_account *account = NULL;
	enum hf_status status = hf_account_open(host->store, owner, &account);
	size_t all, left = 0;

	if (status != HF_OK)
		return status;
	hf_account_list(account, arena, list, &all);
	hf_account_close(&account);
	for (size_t i = 0; i < all; i++)
		if ((*list)[i].id)
			(*list)[left++] = (*list)[i];
	*count = left;
	return HF_OK;
}

/* Calls ----------------------------------------------------------------------- */

enum whose { A_USER, A_USER_OR_SHARED, SHARED };

static enum hf_status call_begin(struct hf_verb_call *call, struct hf_host *host,
				 const json_t *args, enum whose whose, size_t least, size_t count,
				 size_t names, struct hf_note *why)
{
	const char *user = whose == SHARED ? HF_SHARED_USER : hf_verb_arg(args, 0);
	size_t first = whose == SHARED ? 0 : 1;
	enum hf_status status;

	memset(call, 0, sizeof(*call));
	status = hf_verb_begin(host, args, least, count, why);
	if (status != HF_OK)
		return status;
	call->arena = hf_arena_new();
	if (whose != A_USER && strcmp(user, HF_SHARED_USER) == 0)
		status = shared_account(call, host, why);
	else
		status = hf_verb_user(host, user, call->arena, &call->user, why);
	if (status == HF_OK && names > 0)
		status = hf_verb_mailbox_name(call->arena, hf_verb_arg(args, first), &call->name,
					      why);
	if (status == HF_OK && names > 1)
		status = hf_verb_mailbox_name(call->arena, hf_verb_arg(args, first + 1),
					      &call->other, why);
	return status;
}

enum hf_status hf_verb_call_begin(struct hf_verb_call *call, struct hf_host *host,
				  const json_t *args, size_t least, size_t count,
				  size_t names, struct hf_note *why)
{
	return call_begin(call, host, args, A_USER, least, count, names, why);
}

enum hf_status hf_verb_owner_begin(struct hf_verb_call *call, struct hf_host *host,
				   const json_t *args, size_t least, size_t count,
				   size_t names, struct hf_note *why)
{
	return call_begin(call, host, args, A_USER_OR_SHARED, least, count, names, why);
}

enum hf_status hf_verb_shared_begin(struct hf_verb_call *call, struct hf_host *host,
				    const json_t *args, size_t least, size_t count,
				    size_t names, struct hf_note *why)
{
	return call_begin(call, host, args, SHARED, least, count, names, why);
}

enum hf_status hf_verb_run(const struct hf_verb_call *call, struct hf_host *host, struct hf_op *op,
			   struct hf_note *why)
{
	enum hf_status status = hf_store_run(host->store, op);

	hf_op_free(&op);
	return hf_verb_mailbox_status(
		status, status == HF_EEXISTS && call->other.size ? call->other : call->name, why);
}
