/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about a user's mailboxes. Names are UTF-8 with '/' between levels. */
#include "host/verbs_priv.h"

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
	struct hf_mailbox_info *list;
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 1, 1, 0, why);
	size_t count;

	(void)state;
	if (status == HF_OK)
		status = hf_verb_mailboxes(host, call.user.id, call.arena, &list, &count);
	if (status == HF_OK) {
		*result = json_array();
		for (size_t i = 0; i < count; i++)
			json_array_append_new(
				*result, json_pack("{s:s%, s:I, s:I, s:I, s:b, s:s}", "name",
						   list[i].name.data, list[i].name.size, "messages",
						   (json_int_t)list[i].messages, "unseen",
						   (json_int_t)list[i].unseen, "size",
						   (json_int_t)list[i].size, "subscribed",
						   (int)list[i].subscribed, "use",
						   use_text(call.arena, list[i].special_use)));
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
		status = hf_verb_run(
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
		status = hf_verb_run(
			&call, host,
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
		status = hf_verb_run(
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
