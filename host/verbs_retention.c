/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about how long messages stay in mailboxes. */
#include "host/verbs_priv.h"

#include <string.h>

/* The rules of the configuration, copied: a reload may replace them. */
struct texts {
	const char **names;
	struct hf_retention_rule *rules;
	size_t count;
};

static void read_rules(struct hf_host *host, struct hf_arena *arena, struct texts *texts)
{
	pthread_mutex_lock(&host->lock);
	texts->count = host->setup->host.store.rule_count;
	texts->names = hf_new_array(arena, const char *, texts->count);
	texts->rules = hf_new_array(arena, struct hf_retention_rule, texts->count);
	for (size_t i = 0; i < texts->count; i++) {
		texts->rules[i] = host->setup->host.store.rules[i];
		if (texts->rules[i].mailbox.size)
			texts->names[i] = hf_arena_cstr(arena, texts->rules[i].mailbox);
		else
			texts->names[i] = hf_arena_printf(
				arena, "\\%s", hf_special_use_name(texts->rules[i].special_use));
	}
	pthread_mutex_unlock(&host->lock);
}

/* Names of users by id. */
struct user_names {
	struct hf_arena *arena;
	struct hf_user *users;
	size_t count, capacity;
};

static bool add_user(void *arg, const struct hf_user *user)
{
	struct user_names *names = arg;

	if (names->count == names->capacity) {
		names->capacity = names->capacity ? 2 * names->capacity : 256;
		names->users = hf_realloc_array(names->users, names->capacity, sizeof(*names->users));
	}
	names->users[names->count] = *user;
	names->users[names->count++].name = hf_arena_str(names->arena, user->name);
	return true;
}

static int by_id(const void *a, const void *b)
{
	const struct hf_user *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static enum hf_status names_init(struct user_names *names, struct hf_host *host,
				 struct hf_arena *arena)
{
	enum hf_status status;

	*names = (struct user_names){ .arena = arena };
	status = hf_user_each(host->store, add_user, names);
	if (names->count)
		qsort(names->users, names->count, sizeof(*names->users), by_id);
	return status;
}

static struct hf_str name_of(const struct user_names *names, uint64_t id)
{
	const struct hf_user key = { .id = id }, *user = NULL;

	if (names->count)
		user = bsearch(&key, names->users, names->count, sizeof(key), by_id);
	return user ? user->name : HF_STR(HF_SHARED_USER);
}

/* Rows about mailboxes of anyone. */
struct listing {
	struct hf_arena *arena;
	struct user_names names;
	json_t *rows;
};

static enum hf_status listing_end(struct listing *listing, enum hf_status status, json_t **result)
{
	hf_free(listing->names.users);
	hf_arena_free(&listing->arena);
	return hf_verb_rows(status, listing->rows, result);
}

/* Ended when it fails. */
static enum hf_status listing_init(struct listing *listing, struct hf_host *host,
				   const json_t *args, struct hf_note *why)
{
	enum hf_status status = hf_verb_begin(host, args, 0, 0, why);

	if (status != HF_OK)
		return status;
	listing->arena = hf_arena_new();
	listing->rows = json_array();
	status = names_init(&listing->names, host, listing->arena);
	return status == HF_OK ? HF_OK : listing_end(listing, status, NULL);
}

/* retention list ------------------------------------------------------------------------------ */

static bool add_own(void *arg, uint64_t owner, struct hf_str mailbox, uint32_t s)
{
	struct listing *listing = arg;
	struct hf_str user = name_of(&listing->names, owner);

	json_array_append_new(listing->rows,
			      json_pack("{s:s%, s:s%, s:s, s:s}", "user", user.data, user.size,
					"mailbox", mailbox.data, mailbox.size, "keep",
					hf_retention_time_text(listing->arena, s), "from",
					"hfctl retention set"));
	return true;
}

static enum hf_status retention_list(struct hf_host *host, void *state, const json_t *args,
				     json_t **result, struct hf_note *why)
{
	struct listing listing;
	struct texts texts;
	enum hf_status status;

	(void)state;
	status = listing_init(&listing, host, args, why);
	if (status != HF_OK)
		return status;
	read_rules(host, listing.arena, &texts);
	for (size_t i = 0; i < texts.count; i++)
		json_array_append_new(
			listing.rows,
			json_pack("{s:s, s:s, s:s, s:s}", "user", "*", "mailbox", texts.names[i],
				  "keep", hf_retention_time_text(listing.arena, texts.rules[i].s),
				  "from", "store.retention"));
	return listing_end(&listing, hf_retention_each(host->store, add_own, &listing), result);
}

/* retention show, set ------------------------------------------------------------------------- */

static enum hf_status show_one(struct hf_host *host, struct hf_arena *arena,
			       const struct texts *texts, const struct hf_mailbox_info *info,
			       json_t *rows)
{
	struct hf_retention retention;
	const char *from = "";
	enum hf_status status = hf_retention_get(host->store, info, &retention);

	if (status != HF_OK)
		return status;
	if (retention.own)
		from = "hfctl retention set";
	else if (retention.by_rule && retention.rule < texts->count)
		from = hf_arena_printf(arena, "store.retention %s", texts->names[retention.rule]);
	json_array_append_new(rows, json_pack("{s:s%, s:s, s:s}", "mailbox", info->name.data,
					      info->name.size, "keep",
					      hf_retention_time_text(arena, retention.s), "from",
					      from));
	return HF_OK;
}

static enum hf_status retention_show(struct hf_host *host, void *state, const json_t *args,
				     json_t **result, struct hf_note *why)
{
	struct hf_mailbox_info *list = NULL;
	struct hf_verb_call call;
	struct texts texts;
	json_t *rows = json_array();
	size_t count = 0;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 1, 1, 1, why);

	(void)state;
	if (status == HF_OK)
		status = hf_verb_mailboxes(host, call.user.id, call.arena, &list, &count);
	if (status == HF_OK)
		read_rules(host, call.arena, &texts);
	for (size_t i = 0; i < count && status == HF_OK; i++)
		status = show_one(host, call.arena, &texts, &list[i], rows);
	hf_arena_free(&call.arena);
	return hf_verb_rows(status, rows, result);
}

static bool read_own(const char *text, uint32_t *s, struct hf_note *why)
{
	struct hf_buf problem = HF_BUF_INIT;
	bool ok = true;

	if (strcmp(text, "off") == 0) {
		*s = HF_RETENTION_OFF;
	} else if (strcmp(text, "default") == 0) {
		*s = HF_RETENTION_DEFAULT;
	} else {
		ok = hf_retention_time_parse(text, s, &problem);
		if (!ok)
			hf_note_add(why, "%s, nor off or default", hf_buf_cstr(&problem));
	}
	hf_buf_fini(&problem);
	return ok;
}

/* Of USER MAILBOX TIME only the first two are names. */
static enum hf_status retention_set(struct hf_host *host, void *state, const json_t *args,
				    json_t **result, struct hf_note *why)
{
	struct hf_mailbox_info info;
	struct hf_verb_call call;
	uint32_t s = 0;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 3, 3, 1, why);

	(void)state;
	(void)result;
	if (status == HF_OK && !read_own(hf_verb_arg(args, 2), &s, why))
		status = HF_EINVALID;
	if (status == HF_OK)
		status = hf_verb_mailbox(host, call.user.id, call.name, call.arena, &info, why);
	if (status == HF_OK)
		status = hf_verb_run(&call, host, hf_op_retention(host->store, info.id, s), why);
	hf_arena_free(&call.arena);
	return status;
}

/* retention run ------------------------------------------------------------------------------- */

static void add_retained(void *arg, const struct hf_retained *retained)
{
	struct listing *listing = arg;
	struct hf_str user = name_of(&listing->names, retained->owner);

	json_array_append_new(
		listing->rows,
		json_pack("{s:s%, s:s%, s:s, s:I, s:I, s:I}", "user", user.data, user.size,
			  "mailbox", retained->name.data, retained->name.size, "keep",
			  hf_retention_time_text(listing->arena, retained->s), "messages",
			  (json_int_t)retained->messages, "size", (json_int_t)retained->size,
			  "oldest_at", (json_int_t)retained->oldest));
}

static enum hf_status retention_run(struct hf_host *host, void *state, const json_t *args,
				    json_t **result, struct hf_note *why)
{
	struct listing listing;
	bool dry_run = hf_verb_flag(args, "dry-run");
	enum hf_status status;

	(void)state;
	status = listing_init(&listing, host, args, why);
	if (status == HF_OK)
		status = listing_end(&listing,
				     hf_retention_run(host->store, dry_run, add_retained, &listing,
						      &host->job_stop),
				     result);
	return status;
}

const struct hf_verb hf_verbs_retention[] = {
	{ "retention list", "",
	  "Show the rules of the configuration and the mailboxes with a time of their own.",
	  retention_list },
	{ "retention show", "USER|shared", "Show how long messages stay in a user's mailboxes.",
	  retention_show },
	{ "retention set", "USER|shared MAILBOX TIME|off|default",
	  "Give a mailbox a time of its own, none, or what the rules say.", retention_set },
	{ "retention run", "[--dry-run]",
	  "Expunge now what has been in its mailbox for too long, or only tell.", retention_run },
	{ NULL, NULL, NULL, NULL }
};
