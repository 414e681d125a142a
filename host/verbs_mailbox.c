/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about a user's mailboxes. Names are UTF-8 with '/' between levels. */
#include "host/verbs_priv.h"

#include <string.h>

static const struct {
	const char *name;
	uint32_t use;
} uses[] = {
	{ "all", HF_USE_ALL },       { "archive", HF_USE_ARCHIVE },
	{ "drafts", HF_USE_DRAFTS }, { "flagged", HF_USE_FLAGGED },
	{ "junk", HF_USE_JUNK },     { "sent", HF_USE_SENT },
	{ "trash", HF_USE_TRASH },   { "important", HF_USE_IMPORTANT },
};

uint32_t hf_special_use_find(struct hf_str name)
{
	for (size_t i = 0; i < HF_COUNT(uses); i++)
		if (hf_str_ieq(name, hf_str(uses[i].name)))
			return uses[i].use;
	return 0;
}

const char *hf_special_use_name(uint32_t special_use)
{
	for (size_t i = 0; i < HF_COUNT(uses); i++)
		if (special_use == uses[i].use)
			return uses[i].name;
	return "";
}

/* IMAP has other things there. */
static bool is_reserved(struct hf_str name)
{
	struct hf_str level = hf_str_split(&name, '/');

	return hf_str_eq(level, HF_STR(HF_NAMESPACE_OTHERS)) || hf_str_eq(level, HF_STR(HF_NAMESPACE_SHARED));
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

static enum hf_status call_begin(struct hf_verb_call *call, struct hf_host *host,
				 const json_t *args, size_t least, size_t count,
				 size_t names, bool shared, struct hf_note *why)
{
	enum hf_status status;

	memset(call, 0, sizeof(*call));
	if (hf_verb_store(host, why) != HF_OK)
		return HF_EUNAVAILABLE;
	if (hf_verb_args(args, least, count, why) != HF_OK)
		return HF_ESYNTAX;
	call->arena = hf_arena_new();
	if (shared && strcmp(hf_verb_arg(args, 0), HF_SHARED_USER) == 0)
		status = hf_user_by_id(host->store, hf_shared_account(host->store), call->arena,
				       &call->user);
	else
		status = hf_user_find(host->store, hf_str(hf_verb_arg(args, 0)), call->arena,
				      &call->user);
	if (status != HF_OK)
		hf_note_add(why, "%s: %s", hf_verb_arg(args, 0),
			    status == HF_ENONEXISTENT ? "no such user" : hf_status_text(status));
	if (status == HF_OK && names > 0)
		status = hf_verb_mailbox_name(call->arena, hf_verb_arg(args, 1), &call->name, why);
	if (status == HF_OK && names > 1)
		status = hf_verb_mailbox_name(call->arena, hf_verb_arg(args, 2), &call->other, why);
	return status;
}

enum hf_status hf_verb_call_begin(struct hf_verb_call *call, struct hf_host *host,
				  const json_t *args, size_t least, size_t count,
				  size_t names, struct hf_note *why)
{
	return call_begin(call, host, args, least, count, names, false, why);
}

enum hf_status hf_verb_owner_begin(struct hf_verb_call *call, struct hf_host *host,
				   const json_t *args, size_t least, size_t count,
				   size_t names, struct hf_note *why)
{
	return call_begin(call, host, args, least, count, names, true, why);
}

static enum hf_status finish(struct hf_verb_call *call, struct hf_host *host, struct hf_op *op,
			     struct hf_note *why)
{
	enum hf_status status = hf_store_run(host->store, op);

	hf_op_free(&op);
	if (status == HF_OK)
		return status;
	if (status == HF_ENONEXISTENT)
		hf_note_add(why, "mailbox \"%.*s\": no such mailbox", HF_STR_ARG(call->name));
	else if (status == HF_EEXISTS)
		hf_note_add(why, "mailbox \"%.*s\": exists already",
			    HF_STR_ARG(call->other.size ? call->other : call->name));
	else
		hf_note_add(why, "mailbox \"%.*s\": %s", HF_STR_ARG(call->name),
			    hf_status_text(status));
	return status;
}

static const char *use_text(struct hf_arena *arena, uint32_t special_use)
{
	const char *text = "";

	for (size_t i = 0; i < HF_COUNT(uses); i++)
		if (special_use & uses[i].use)
			text = hf_arena_printf(arena, "%s%s%s", text, *text ? "," : "",
					       uses[i].name);
	return text;
}

static enum hf_status mailbox_list(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	struct hf_account *account = NULL;
	struct hf_mailbox_info *list;
	struct hf_verb_call call;
	enum hf_status status;
	size_t count;

	(void)state;
	status = hf_verb_call_begin(&call, host, args, 1, 1, 2, why);
	if (status == HF_OK)
		status = hf_account_open(host->store, call.user.id, &account);
	if (status == HF_OK) {
		hf_account_list(account, call.arena, &list, &count);
		*result = json_array();
		for (size_t i = 0; i < count; i++) {
			if (!list[i].id)
				continue;
			json_array_append_new(
				*result, json_pack("{s:s%, s:I, s:I, s:I, s:b, s:s}", "name",
						   list[i].name.data, list[i].name.size, "messages",
						   (json_int_t)list[i].messages, "unseen",
						   (json_int_t)list[i].unseen, "size",
						   (json_int_t)list[i].size, "subscribed",
						   (int)list[i].subscribed, "use",
						   use_text(call.arena, list[i].special_use)));
		}
		hf_account_close(&account);
	}
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status mailbox_create(struct hf_host *host, void *state, const json_t *args,
				     json_t **result, struct hf_note *why)
{
	const char *use = hf_verb_option(args, "special-use");
	uint32_t special_use = 0;
	struct hf_verb_call call;
	enum hf_status status;

	(void)state;
	(void)result;
	if (use)
		special_use = hf_special_use_find(hf_str(use));
	if (use && !special_use) {
		hf_note_add(
			why,
			"--special-use takes one of: all, archive, drafts, flagged, important, junk, sent, trash");
		return HF_ESYNTAX;
	}
	status = hf_verb_call_begin(&call, host, args, 2, 2, 2, why);
	if (status == HF_OK)
		status = finish(
			&call, host,
			hf_op_mailbox_create(host->store, call.user.id, call.name, special_use),
			why);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status mailbox_delete(struct hf_host *host, void *state, const json_t *args,
				     json_t **result, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 2, 2, 2, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = finish(&call, host,
				hf_op_mailbox_delete(host->store, call.user.id, call.name), why);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status mailbox_rename(struct hf_host *host, void *state, const json_t *args,
				     json_t **result, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 3, 3, 2, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = finish(
			&call, host,
			hf_op_mailbox_rename(host->store, call.user.id, call.name, call.other),
			why);
	hf_arena_free(&call.arena);
	return status;
}

const struct hf_verb hf_verbs_mailbox[] = {
	{ "mailbox list", "USER", "List a user's mailboxes.", mailbox_list },
	{ "mailbox create", "USER MAILBOX [--special-use USE]",
	  "Make a mailbox, with those above it.", mailbox_create },
	{ "mailbox delete", "USER MAILBOX", "Delete a mailbox; those below it stay.",
	  mailbox_delete },
	{ "mailbox rename", "USER FROM TO", "Rename a mailbox with all below it.", mailbox_rename },
	{ NULL, NULL, NULL, NULL }
};
