/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about other names of accounts. */
#include "host/verbs_priv.h"

static enum hf_status change(struct hf_host *host, const json_t *args, bool add,
			     struct hf_note *why)
{
	const char *alias = hf_verb_arg(args, 1), *problem;
	struct hf_verb_call call;
	struct hf_op *op;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 2, 2, 0, why);

	problem = status == HF_OK ? hf_user_name_problem(alias) : NULL;
	if (problem && add) {
		hf_note_add(why, "%s: %s", alias, problem);
		status = HF_EINVALID;
	}
	if (status == HF_OK) {
		op = hf_op_user_alias(host->store, call.user.name, hf_str(alias), add);
		status = hf_store_run(host->store, op);
		hf_op_free(&op);
		if (status == HF_EEXISTS)
			hf_note_add(why, "%s: is the name of an account already", alias);
		else if (status == HF_ENONEXISTENT)
			hf_note_add(why, "%s: is no alias of %.*s", alias,
				    HF_STR_ARG(call.user.name));
		else if (status == HF_EINVALID)
			hf_note_add(why, "%s: no account can have such a name", alias);
		else if (status != HF_OK)
			hf_note_add(why, "%s: %s", alias, hf_status_text(status));
		hf_sasl_forget(host->sasl, call.user.name);
	}
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status alias_add(struct hf_host *host, void *state, const json_t *args,
				json_t **result, struct hf_note *why)
{
	(void)state;
	(void)result;
	return change(host, args, true, why);
}

static enum hf_status alias_remove(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	(void)state;
	(void)result;
	return change(host, args, false, why);
}

struct listing {
	struct hf_host *host;
	json_t *rows;
};

/* Those of an account that has just been deleted find nobody. */
static bool list_one(void *arg, struct hf_str alias, uint64_t user)
{
	struct listing *listing = arg;
	struct hf_arena *arena = hf_arena_new();
	struct hf_user found;

	(void)user;
	if (hf_user_find(listing->host->store, alias, arena, &found) == HF_OK)
		json_array_append_new(listing->rows,
				      json_pack("{s:s%, s:s%}", "alias", alias.data, alias.size,
						"user", found.name.data, found.name.size));
	hf_arena_free(&arena);
	return true;
}

static enum hf_status alias_list(struct hf_host *host, void *state, const json_t *args,
				 json_t **result, struct hf_note *why)
{
	struct listing listing = { host, NULL };
	struct hf_verb_call call = { .arena = NULL };
	enum hf_status status = hf_verb_begin(host, args, 0, 1, why);

	(void)state;
	if (status == HF_OK && hf_verb_arg(args, 0))
		status = hf_verb_call_begin(&call, host, args, 1, 1, 0, why);
	if (status == HF_OK) {
		listing.rows = json_array();
		status = hf_alias_each(host->store, call.user.id, list_one, &listing);
	}
	hf_arena_free(&call.arena);
	return hf_verb_rows(status, listing.rows, result);
}

const struct hf_verb hf_verbs_alias[] = {
	{ "user alias add", "NAME ALIAS",
	  "Give an account another name, for mail and for logging in.", alias_add },
	{ "user alias remove", "NAME ALIAS", "Take it away.", alias_remove },
	{ "user alias list", "[NAME]", "List the other names of an account, or of all.",
	  alias_list },
	{ NULL, NULL, NULL, NULL }
};
