/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about sharing: lists of rights (RFC 4314), groups, and the mailboxes of the shared account. */
#include "host/verbs_priv.h"

#include <string.h>

static enum hf_status run(struct hf_host *host, struct hf_op *op)
{
	enum hf_status status = hf_store_run(host->store, op);

	hf_op_free(&op);
	return status;
}

static json_t *rights_text(uint32_t rights)
{
	struct hf_buf text = HF_BUF_INIT;
	json_t *value;

	hf_rights_write(rights, false, &text);
	value = json_string(hf_buf_cstr(&text));
	hf_buf_fini(&text);
	return value;
}

/* Rights ---------------------------------------------------------------------- */

static enum hf_status acl_list(struct hf_host *host, void *state, const json_t *args, json_t **result,
			       struct hf_note *why)
{
	struct hf_mailbox_info info;
	struct hf_acl_entry *list;
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 2, 2, 1, why);
	size_t count;

	(void)state;
	if (status == HF_OK)
		status = hf_verb_mailbox(host, call.user.id, call.name, call.arena, &info, why);
	if (status == HF_OK) {
		hf_rights_list(host->store, info.id, call.arena, &list, &count);
		*result = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(*result,
					      json_pack("{s:s%, s:o}", "identifier", list[i].identifier.data,
							list[i].identifier.size, "rights",
							rights_text(list[i].rights)));
	}
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status change_entry(struct hf_verb_call *call, struct hf_host *host, const json_t *args,
				   const char *letters, struct hf_note *why)
{
	enum hf_rights_mode mode = HF_RIGHTS_SET;
	struct hf_mailbox_info info;
	struct hf_str identifier;
	uint32_t rights = 0;
	enum hf_status status = hf_verb_mailbox(host, call->user.id, call->name, call->arena, &info, why);

	if (status != HF_OK)
		return status;
	status = hf_identifier_check(hf_str(hf_verb_arg(args, 2)), call->arena, &identifier);
	if (status != HF_OK) {
		hf_note_add(why, "%s: not a user, group:NAME or anyone, perhaps with - in front",
			    hf_verb_arg(args, 2));
		return status;
	}
	if (letters && (*letters == '+' || *letters == '-'))
		mode = *letters++ == '+' ? HF_RIGHTS_ADD : HF_RIGHTS_REMOVE;
	if (letters)
		status = hf_rights_parse(hf_str(letters), &rights);
	if (status != HF_OK) {
		hf_note_add(why, "%s: rights are letters out of lrswipkxtea", letters);
		return status;
	}
	status = run(host, hf_op_rights(host->store, info.id, identifier, mode, rights));
	if (status == HF_ECANNOT)
		hf_note_add(why, "%.*s: the owner has every right, always", HF_STR_ARG(identifier));
	else if (status == HF_ELIMIT)
		hf_note_add(why, "there is no room for another entry, in this list or in all of its owner's");
	else
		return hf_verb_mailbox_status(status, call->name, why);
	return status;
}

static enum hf_status acl_set(struct hf_host *host, void *state, const json_t *args, json_t **result,
			      struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 4, 4, 1, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = change_entry(&call, host, args, hf_verb_arg(args, 3), why);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status acl_delete(struct hf_host *host, void *state, const json_t *args, json_t **result,
				 struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 3, 3, 1, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = change_entry(&call, host, args, NULL, why);
	hf_arena_free(&call.arena);
	return status;
}

/* Groups ---------------------------------------------------------------------- */

/* As an identifier it has "group:" before it. */
static const char *group_name(const json_t *args)
{
	const char *name = hf_verb_arg(args, 0);

	return name && strncmp(name, "group:", 6) == 0 ? name + 6 : name;
}

static enum hf_status change_member(struct hf_host *host, const json_t *args, bool member, struct hf_note *why)
{
	enum hf_status status = hf_verb_begin(host, args, 2, 2, why);
	const char *group, *user;

	if (status == HF_OK) {
		group = group_name(args);
		user = hf_verb_arg(args, 1);
		status = run(host, hf_op_group(host->store, hf_str(group), hf_str(user), member));
		if (status == HF_ENONEXISTENT)
			hf_note_add(why, "%s: no such user", user);
		else if (status == HF_EINVALID)
			hf_note_add(why, "%s: not a name for a group", group);
		else if (status != HF_OK)
			hf_note_add(why, "%s: %s", group, hf_status_text(status));
	}
	return status;
}

static enum hf_status group_add(struct hf_host *host, void *state, const json_t *args, json_t **result,
				struct hf_note *why)
{
	(void)state;
	(void)result;
	return change_member(host, args, true, why);
}

static enum hf_status group_remove(struct hf_host *host, void *state, const json_t *args, json_t **result,
				   struct hf_note *why)
{
	(void)state;
	(void)result;
	return change_member(host, args, false, why);
}

static bool add_member(void *arg, struct hf_str group, struct hf_str user)
{
	json_array_append_new(arg, json_pack("{s:s%, s:s%}", "group", group.data, group.size, "user", user.data,
					     user.size));
	return true;
}

static enum hf_status group_list(struct hf_host *host, void *state, const json_t *args, json_t **result,
				 struct hf_note *why)
{
	enum hf_status status = hf_verb_begin(host, args, 0, 1, why);
	const char *group;

	(void)state;
	if (status == HF_OK) {
		group = group_name(args);
		*result = json_array();
		hf_groups_each(host->store, group ? hf_str(group) : HF_STR_NULL, add_member, *result);
	}
	return status;
}

/* Shared mailboxes ------------------------------------------------------------ */

enum hf_status hf_shared_rights(const char *text, struct hf_arena *arena, struct hf_acl_entry **list,
				size_t *count, struct hf_note *why)
{
	struct hf_str rest = hf_str_trim(hf_str(text));
	struct hf_acl_entry entry;

	*count = 0;
	*list = hf_new_array(arena, struct hf_acl_entry, rest.size / 2 + 1);
	while (rest.size) {
		struct hf_str identifier = hf_str_split(&rest, ' '), letters;

		rest = hf_str_trim(rest);
		letters = hf_str_split(&rest, ' ');
		rest = hf_str_trim(rest);
		if (hf_identifier_check(identifier, arena, &entry.identifier) != HF_OK || !letters.size ||
		    hf_rights_parse(letters, &entry.rights) != HF_OK) {
			hf_note_add(why,
				    "store.shared_rights: \"%s\" is not pairs of an identifier and letters out of lrswipkxtea",
				    text);
			return HF_EINVALID;
		}
		(*list)[(*count)++] = entry;
	}
	return HF_OK;
}

/* The rights that the settings, or --rights, have for what is new at the top. */
static enum hf_status first_rights(struct hf_verb_call *call, struct hf_host *host, const json_t *args,
				   struct hf_acl_entry **list, size_t *count, struct hf_note *why)
{
	const char *text = hf_verb_option(args, "rights");

	if (!text) {
		pthread_mutex_lock(&host->lock);
		text = hf_arena_printf(call->arena, "%s", host->setup->host.store.shared_rights);
		pthread_mutex_unlock(&host->lock);
	}
	return hf_shared_rights(text, call->arena, list, count, why);
}

/* How much of call->name is there. */
static size_t levels_there(struct hf_verb_call *call, struct hf_account *account)
{
	size_t there = 0;

	for (size_t i = 1; i <= call->name.size; i++) {
		struct hf_mailbox_info info;

		if (i < call->name.size && call->name.data[i] != '/')
			continue;
		if (hf_account_find(account, hf_str_sub(call->name, 0, i), call->arena, &info) == HF_OK)
			there = i;
	}
	return there;
}

/* What is made below an existing mailbox begins with its rights: the store sees to that. */
static enum hf_status give_rights(struct hf_verb_call *call, struct hf_host *host, struct hf_account *account,
				  const struct hf_acl_entry *list, size_t count)
{
	enum hf_status status = HF_OK;

	for (size_t i = 1; i <= call->name.size && status == HF_OK; i++) {
		struct hf_mailbox_info info;

		if (i < call->name.size && call->name.data[i] != '/')
			continue;
		status = hf_account_find(account, hf_str_sub(call->name, 0, i), call->arena, &info);
		for (size_t j = 0; j < count && status == HF_OK; j++)
			status = run(host, hf_op_rights(host->store, info.id, list[j].identifier, HF_RIGHTS_SET,
							list[j].rights));
	}
	return status;
}

static enum hf_status shared_create(struct hf_host *host, void *state, const json_t *args, json_t **result,
				    struct hf_note *why)
{
	struct hf_account *account = NULL;
	struct hf_acl_entry *list;
	struct hf_verb_call call;
	enum hf_status status = hf_verb_shared_begin(&call, host, args, 1, 1, 1, why);
	size_t count = 0, there = 0;

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = first_rights(&call, host, args, &list, &count, why);
	if (status == HF_OK)
		status = hf_account_open(host->store, call.user.id, &account);
	if (status == HF_OK) {
		there = levels_there(&call, account);
		status = run(host, hf_op_mailbox_create(host->store, call.user.id, call.name, 0));
		if (status == HF_OK && !there)
			status = give_rights(&call, host, account, list, count);
		status = hf_verb_mailbox_status(status, call.name, why);
	}
	hf_account_close(&account);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status shared_delete(struct hf_host *host, void *state, const json_t *args, json_t **result,
				    struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_shared_begin(&call, host, args, 1, 1, 1, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = hf_verb_run(&call, host, hf_op_mailbox_delete(host->store, call.user.id, call.name), why);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status shared_rename(struct hf_host *host, void *state, const json_t *args, json_t **result,
				    struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_shared_begin(&call, host, args, 2, 2, 2, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = hf_verb_run(
			&call, host, hf_op_mailbox_rename(host->store, call.user.id, call.name, call.other), why);
	hf_arena_free(&call.arena);
	return status;
}

static json_t *list_row(struct hf_verb_call *call, struct hf_host *host, const struct hf_mailbox_info *info)
{
	struct hf_acl_entry *list;
	json_t *rights = json_array();
	size_t count;

	hf_rights_list(host->store, info->id, call->arena, &list, &count);
	for (size_t i = 0; i < count; i++) {
		struct hf_buf text = HF_BUF_INIT;

		hf_buf_add_str(&text, list[i].identifier);
		hf_buf_add_char(&text, ' ');
		hf_rights_write(list[i].rights, false, &text);
		json_array_append_new(rights, json_string(hf_buf_cstr(&text)));
		hf_buf_fini(&text);
	}
	return json_pack("{s:s%, s:I, s:I, s:o}", "name", info->name.data, info->name.size, "messages",
			 (json_int_t)info->messages, "size", (json_int_t)info->size, "rights", rights);
}

static enum hf_status shared_list(struct hf_host *host, void *state, const json_t *args, json_t **result,
				  struct hf_note *why)
{
	struct hf_mailbox_info *list;
	struct hf_verb_call call;
	enum hf_status status = hf_verb_shared_begin(&call, host, args, 0, 0, 0, why);
	size_t count;

	(void)state;
	if (status == HF_OK)
		status = hf_verb_mailboxes(host, call.user.id, call.arena, &list, &count);
	if (status == HF_OK) {
		*result = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(*result, list_row(&call, host, &list[i]));
	}
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status shared_quota(struct hf_host *host, void *state, const json_t *args, json_t **result,
				   struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_shared_begin(&call, host, args, 0, 0, 0, why);

	(void)state;
	if (status == HF_OK)
		status = hf_verb_quota(host, args, &call.user, result, why);
	hf_arena_free(&call.arena);
	return status;
}

const struct hf_verb hf_verbs_sharing[] = {
	{ "acl list", "USER|shared MAILBOX", "List who has which rights in a mailbox; its owner has all.", acl_list },
	{ "acl set", "USER|shared MAILBOX IDENTIFIER RIGHTS",
	  "Give (+), take away (-) or set rights of anyone, a user or group:NAME; with - in front, rights that others cannot give.",
	  acl_set },
	{ "acl delete", "USER|shared MAILBOX IDENTIFIER", "Take an entry off a mailbox's list.", acl_delete },
	{ "group add", "GROUP USER", "Make a user a member of a group.", group_add },
	{ "group remove", "GROUP USER", "Take a user out of a group.", group_remove },
	{ "group list", "[GROUP]", "List the members of a group, or of all.", group_list },
	{ "shared create", "MAILBOX [--rights RIGHTS]",
	  "Make a shared mailbox, with those above it; at the top with the rights of store.shared_rights.", shared_create },
	{ "shared delete", "MAILBOX", "Delete a shared mailbox; those below it stay.", shared_delete },
	{ "shared list", "", "List the shared mailboxes and who has rights in them.", shared_list },
	{ "shared rename", "FROM TO", "Rename a shared mailbox with all below it.", shared_rename },
	{ "shared quota", "[--size SIZE] [--messages N] [--mailboxes N]",
	  "Show what the shared mailboxes use and may use together (0: no limit); set limits, or none.", shared_quota },
	{ NULL, NULL, NULL, NULL }
};
