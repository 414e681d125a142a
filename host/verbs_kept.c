/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs that show and bring back what was expunged or deleted, within the time of store.kept. */
#include "host/verbs_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "message/text.h"

enum { SHOWN = 1000, SHOWN_MAX = 100000, SET_RANGES = 10000 };

/* "2026-11-23", "2026-11-23 14:30", with seconds or a T, in local time; or how long ago: "2 h". */
static bool read_time(const char *text, int64_t *when, struct hf_note *why)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	const struct hf_option ago = { .name = "since", .type = HF_OPT_DURATION };
	struct hf_arena *arena;
	struct hf_buf problem = HF_BUF_INIT;
	uint64_t ms = 0;
	bool ok;

	for (size_t i = 0; i < HF_COUNT(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);

		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		*when = (int64_t)mktime(&tm);
		return true;
	}
	arena = hf_arena_new();
	ok = hf_option_parse(&ago, text, arena, &ms, &problem);
	if (ok)
		*when = hf_now_s() - (int64_t)(ms / 1000);
	else
		hf_note_add(why,
			    "--since takes a time (\"2026-11-23 14:30\") or how long ago (\"2 h\")");
	hf_buf_fini(&problem);
	hf_arena_free(&arena);
	return ok;
}

/* Which messages ------------------------------------------------------------------------------ */

struct chosen {
	bool by_uid, by_time;
	struct hf_set uids;
	int64_t since;
	/* of those there are */
	struct hf_set found;
	uint64_t count, size;
};

static bool choose(const json_t *args, struct chosen *chosen, struct hf_note *why)
{
	const char *set = hf_verb_option(args, "uid"), *since = hf_verb_option(args, "since");

	chosen->by_uid = set != NULL;
	chosen->by_time = since != NULL;
	if (set && hf_set_parse(hf_str(set), UINT32_MAX, SET_RANGES, &chosen->uids) != HF_OK) {
		hf_note_add(why, "--uid takes UIDs (\"5,7:9\")");
		return false;
	}
	return !since || read_time(since, &chosen->since, why);
}

static bool is_chosen(const struct chosen *chosen, const struct hf_kept *kept)
{
	return (!chosen->by_uid || hf_set_has(&chosen->uids, kept->record.uid.n)) &&
	       (!chosen->by_time || kept->time >= chosen->since);
}

static bool count_one(void *arg, const struct hf_kept *kept)
{
	struct chosen *chosen = arg;

	if (is_chosen(chosen, kept)) {
		chosen->count++;
		chosen->size += kept->record.size;
		hf_set_add(&chosen->found, kept->record.uid.n);
	}
	return true;
}

static void chosen_fini(struct chosen *chosen)
{
	hf_set_fini(&chosen->uids);
	hf_set_fini(&chosen->found);
}

/* kept list ----------------------------------------------------------------------------------- */

struct row {
	int64_t time, until;
	uint64_t email;
	uint32_t uid, size;
};

struct rows {
	struct chosen chosen;
	struct row *rows;
	size_t count, capacity;
};

static bool add_row(void *arg, const struct hf_kept *kept)
{
	struct rows *rows = arg;

	if (!is_chosen(&rows->chosen, kept))
		return true;
	if (rows->count == rows->capacity) {
		rows->capacity = rows->capacity ? 2 * rows->capacity : 256;
		rows->rows = hf_realloc_array(rows->rows, rows->capacity, sizeof(*rows->rows));
	}
	rows->rows[rows->count++] = (struct row){ kept->time, kept->until, kept->record.email,
						  kept->record.uid.n, kept->record.size };
	rows->chosen.size += kept->record.size;
	return true;
}

static int latest_first(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static bool take_from(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct hf_buf *from = arg, plain = HF_BUF_INIT;

	(void)field;
	if (!hf_str_ieq(name, HF_STR("From")))
		return true;
	hf_header_unfold(value, &plain);
	hf_header_decode(hf_buf_str(&plain), from);
	hf_buf_fini(&plain);
	return false;
}

/* A message whose list row is damaged is shown without what it was about. */
static json_t *show_row(struct hf_list_reader *reader, const struct row *row)
{
	struct hf_buf from = HF_BUF_INIT;
	struct hf_list_row facts;
	json_t *shown = json_pack("{s:I, s:I, s:I, s:I}", "uid", (json_int_t)row->uid, "size",
				  (json_int_t)row->size, "expunged_at", (json_int_t)row->time,
				  "until_at", (json_int_t)row->until);

	if (hf_list_reader_get(reader, row->email, &facts) == HF_OK) {
		if (facts.headers.data)
			hf_header_each(facts.headers, take_from, &from);
		json_object_set_new(shown, "from",
				    json_stringn(from.size ? from.data : "", from.size));
		json_object_set_new(shown, "subject",
				    json_stringn(facts.subject.size ? facts.subject.data : "",
						 facts.subject.size));
	}
	hf_buf_fini(&from);
	return shown;
}

static enum hf_status list_messages(struct hf_host *host, const struct hf_verb_call *call,
				    const json_t *args, json_t **result, struct hf_note *why)
{
	const char *most = hf_verb_option(args, "limit");
	struct rows rows = { .rows = NULL };
	struct hf_list_reader *reader = NULL;
	struct hf_mailbox_info info;
	int64_t limit = SHOWN;
	json_t *list;
	enum hf_status status;

	if (most) {
		char *end;

		limit = strtoll(most, &end, 10);
		if (*end || limit < 1 || limit > SHOWN_MAX) {
			hf_note_add(why, "--limit takes a number from 1 to %d", SHOWN_MAX);
			return HF_ESYNTAX;
		}
	}
	if (!choose(args, &rows.chosen, why)) {
		chosen_fini(&rows.chosen);
		return HF_ESYNTAX;
	}
	status = hf_verb_mailbox(host, call->user.id, call->name, call->arena, &info, why);
	if (status == HF_OK)
		status = hf_kept_each(host->store, info.id, add_row, &rows);
	if (status == HF_OK)
		status = hf_list_reader_open(host->store, call->user.id, &reader);
	if (status == HF_OK) {
		if (rows.count)
			qsort(rows.rows, rows.count, sizeof(*rows.rows), latest_first);
		list = json_array();
		for (size_t i = 0; i < rows.count && i < (size_t)limit; i++)
			json_array_append_new(list, show_row(reader, &rows.rows[i]));
		*result = json_pack("{s:I, s:I, s:I, s:o}", "messages", (json_int_t)rows.count,
				    "size", (json_int_t)rows.chosen.size, "shown",
				    (json_int_t)json_array_size(list), "list", list);
	}
	hf_list_reader_close(&reader);
	chosen_fini(&rows.chosen);
	hf_free(rows.rows);
	return status;
}

struct sum {
	uint64_t count, size;
	int64_t first_until;
};

static bool add_to_sum(void *arg, const struct hf_kept *kept)
{
	struct sum *sum = arg;

	sum->count++;
	sum->size += kept->record.size;
	if (!sum->first_until || kept->until < sum->first_until)
		sum->first_until = kept->until;
	return true;
}

/* Mailboxes with something expunged, then the deleted ones. */
static enum hf_status list_mailboxes(struct hf_host *host, const struct hf_verb_call *call,
				     json_t **result)
{
	struct hf_deleted *deleted = NULL;
	struct hf_mailbox_info *list = NULL;
	size_t count = 0, deleted_count = 0;
	json_t *rows = json_array();
	enum hf_status status =
		hf_verb_mailboxes(host, call->user.id, call->arena, &list, &count);

	for (size_t i = 0; i < count && status == HF_OK; i++) {
		struct sum sum = { .count = 0 };

		status = hf_kept_each(host->store, list[i].id, add_to_sum, &sum);
		if (sum.count)
			json_array_append_new(
				rows, json_pack("{s:s%, s:s, s:I, s:I, s:n, s:I}", "mailbox",
						list[i].name.data, list[i].name.size, "what",
						"expunged", "messages", (json_int_t)sum.count,
						"size", (json_int_t)sum.size, "id", "until_at",
						(json_int_t)sum.first_until));
	}
	if (status == HF_OK)
		status = hf_deleted_list(host->store, call->user.id, call->arena, &deleted,
					 &deleted_count);
	for (size_t i = 0; i < deleted_count; i++)
		json_array_append_new(
			rows,
			json_pack("{s:s%, s:s, s:I, s:I, s:I, s:I, s:I}", "mailbox",
				  deleted[i].name.data, deleted[i].name.size, "what", "deleted",
				  "messages", (json_int_t)deleted[i].messages, "size",
				  (json_int_t)deleted[i].size, "id",
				  (json_int_t)deleted[i].mailbox, "until_at",
				  (json_int_t)deleted[i].until, "deleted_at",
				  (json_int_t)deleted[i].time));
	return hf_verb_rows(status, rows, result);
}

static enum hf_status kept_list(struct hf_host *host, void *state, const json_t *args,
				json_t **result, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 1, 2, 1, why);

	(void)state;
	if (status == HF_OK && call.name.size)
		status = list_messages(host, &call, args, result, why);
	else if (status == HF_OK)
		status = list_mailboxes(host, &call, result);
	hf_arena_free(&call.arena);
	return status;
}

/* kept restore -------------------------------------------------------------------------------- */

static bool is_over(const struct hf_user *user, uint64_t size, uint64_t count)
{
	return (user->limit_size && user->used_size + size > user->limit_size) ||
	       (user->limit_count && user->used_count + count > user->limit_count);
}

static enum hf_status restore_them(struct hf_host *host, const struct hf_verb_call *call,
				   const struct chosen *chosen, const struct hf_mailbox_info *from,
				   const struct hf_mailbox_info *into, bool force, json_t **result,
				   struct hf_note *why)
{
	struct hf_op *op = hf_op_restore(host->store, from->id, &chosen->found, into->id, force);
	enum hf_status status = hf_store_run(host->store, op);
	struct hf_buf uids = HF_BUF_INIT;

	if (status == HF_OK) {
		hf_set_format(hf_op_copied_to(op), &uids);
		*result = json_pack("{s:s%, s:I, s:s, s:I}", "mailbox", into->name.data,
				    into->name.size, "messages",
				    (json_int_t)hf_set_size(hf_op_copied_to(op)), "uids",
				    hf_buf_cstr(&uids), "uidvalidity",
				    (json_int_t)hf_op_uidvalidity(op));
		hf_info(&host->log, "kept-restore user=%s mailbox=%s messages=%" PRIu64,
			hf_log_quote(call->user.name), hf_log_quote(into->name),
			hf_set_size(hf_op_copied_to(op)));
	} else if (status == HF_EOVERQUOTA) {
		hf_note_add(why, "%.*s: %" PRIu64 " messages of %" PRIu64
				 " octets are more than the quota has room for; --force brings them back",
			    HF_STR_ARG(call->user.name), chosen->count, chosen->size);
	} else {
		hf_note_add(why, "mailbox \"%.*s\": %s", HF_STR_ARG(into->name),
			    hf_status_text(status));
	}
	hf_buf_fini(&uids);
	hf_op_free(&op);
	return status;
}

static enum hf_status restore(struct hf_host *host, struct hf_verb_call *call, const json_t *args,
			      struct chosen *chosen, json_t **result, struct hf_note *why)
{
	struct hf_mailbox_info from, into;
	struct hf_str name = call->name;
	enum hf_status status = hf_verb_mailbox_name(call->arena, hf_verb_option(args, "into"),
						     &name, why);

	if (status == HF_OK)
		status = hf_verb_mailbox(host, call->user.id, call->name, call->arena, &from, why);
	if (status == HF_OK)
		status = hf_verb_mailbox(host, call->user.id, name, call->arena, &into, why);
	if (status == HF_OK)
		status = hf_kept_each(host->store, from.id, count_one, chosen);
	if (status != HF_OK)
		return status;
	if (!chosen->count) {
		hf_note_add(why, "mailbox \"%.*s\": nothing of that is kept",
			    HF_STR_ARG(call->name));
		return HF_ENONEXISTENT;
	}
	if (!hf_verb_flag(args, "dry-run"))
		return restore_them(host, call, chosen, &from, &into, hf_verb_flag(args, "force"),
				    result, why);
	*result = json_pack("{s:s%, s:I, s:I, s:b}", "mailbox", into.name.data, into.name.size,
			    "messages", (json_int_t)chosen->count, "size",
			    (json_int_t)chosen->size, "over_quota",
			    (int)is_over(&call->user, chosen->size, chosen->count));
	return HF_OK;
}

static enum hf_status kept_restore(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	struct chosen chosen = { .count = 0 };
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 2, 2, 1, why);

	(void)state;
	if (status == HF_OK && !choose(args, &chosen, why))
		status = HF_ESYNTAX;
	if (status == HF_OK &&
	    hf_verb_flag(args, "all") == (chosen.by_uid || chosen.by_time)) {
		hf_note_add(why, "say which: --uid, --since or both, or --all");
		status = HF_ESYNTAX;
	}
	if (status == HF_OK)
		status = restore(host, &call, args, &chosen, result, why);
	chosen_fini(&chosen);
	hf_arena_free(&call.arena);
	return status;
}

/* mailbox undelete ---------------------------------------------------------------------------- */

/* By number, or by a name that only one of them had. */
static enum hf_status find_deleted(struct hf_host *host, const struct hf_verb_call *call,
				   const char *id, struct hf_deleted *found, struct hf_note *why)
{
	struct hf_deleted *list;
	unsigned matches = 0;
	size_t count;
	char *end = NULL;
	unsigned long long number = id ? strtoull(id, &end, 10) : 0;
	enum hf_status status;

	if (id && (*end || !number)) {
		hf_note_add(why, "--id takes a number that hfctl kept list shows");
		return HF_ESYNTAX;
	}
	status = hf_deleted_list(host->store, call->user.id, call->arena, &list, &count);
	for (size_t i = 0; i < count && status == HF_OK; i++) {
		if ((id && list[i].mailbox != number) ||
		    (call->name.size && !hf_str_eq(list[i].name, call->name)))
			continue;
		*found = list[i];
		matches++;
	}
	if (status == HF_OK && !matches) {
		hf_note_add(why, "no such deleted mailbox is kept; hfctl kept list %.*s shows them",
			    HF_STR_ARG(call->user.name));
		return HF_ENONEXISTENT;
	}
	if (status == HF_OK && matches > 1) {
		hf_note_add(why,
			    "%u deleted mailboxes had the name \"%.*s\": --id says which; hfctl kept list %.*s shows them",
			    matches, HF_STR_ARG(call->name), HF_STR_ARG(call->user.name));
		return HF_ECANNOT;
	}
	return status;
}

static enum hf_status bring_back(struct hf_host *host, const struct hf_verb_call *call,
				 const struct hf_deleted *deleted, struct hf_str name, bool force,
				 json_t **result, struct hf_note *why)
{
	struct hf_op *op = hf_op_mailbox_undelete(host->store, call->user.id, deleted, name, force);
	enum hf_status status = hf_store_run(host->store, op);

	if (status == HF_OK) {
		*result = json_pack("{s:s%, s:I, s:I, s:b}", "mailbox", name.data, name.size,
				    "messages", (json_int_t)deleted->messages, "uidvalidity",
				    (json_int_t)hf_op_uidvalidity(op), "uidvalidity_kept",
				    (int)(hf_op_uidvalidity(op) == deleted->uidvalidity));
		hf_info(&host->log, "mailbox-undelete user=%s mailbox=%s messages=%u",
			hf_log_quote(call->user.name), hf_log_quote(name), deleted->messages);
	} else if (status == HF_EEXISTS) {
		hf_note_add(why,
			    "mailbox \"%.*s\": there is one of that name; --as gives it another",
			    HF_STR_ARG(name));
	} else if (status == HF_EOVERQUOTA) {
		hf_note_add(why,
			    "%.*s: the quota has no room for it (%u messages, %" PRIu64
			    " octets); --force brings it back",
			    HF_STR_ARG(call->user.name), deleted->messages, deleted->size);
	} else {
		hf_note_add(why, "mailbox \"%.*s\": %s", HF_STR_ARG(name), hf_status_text(status));
	}
	hf_op_free(&op);
	return status;
}

static enum hf_status undelete(struct hf_host *host, struct hf_verb_call *call, const json_t *args,
			       json_t **result, struct hf_note *why)
{
	struct hf_mailbox_info info;
	struct hf_deleted deleted;
	struct hf_account *account = NULL;
	struct hf_str name;
	bool taken;
	enum hf_status status =
		find_deleted(host, call, hf_verb_option(args, "id"), &deleted, why);

	if (status != HF_OK)
		return status;
	name = deleted.name;
	status = hf_verb_mailbox_name(call->arena, hf_verb_option(args, "as"), &name, why);
	if (status != HF_OK)
		return status;
	if (!hf_verb_flag(args, "dry-run"))
		return bring_back(host, call, &deleted, name, hf_verb_flag(args, "force"), result,
				  why);
	status = hf_account_open(host->store, call->user.id, &account);
	if (status != HF_OK)
		return status;
	taken = hf_account_find(account, name, call->arena, &info) == HF_OK;
	hf_account_close(&account);
	*result = json_pack("{s:s%, s:I, s:I, s:b, s:b}", "mailbox", name.data, name.size,
			    "messages", (json_int_t)deleted.messages, "size",
			    (json_int_t)deleted.size, "name_taken", (int)taken, "over_quota",
			    (int)is_over(&call->user, deleted.size, deleted.messages));
	return HF_OK;
}

static enum hf_status mailbox_undelete(struct hf_host *host, void *state, const json_t *args,
				       json_t **result, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_owner_begin(&call, host, args, 1, 2, 1, why);

	(void)state;
	if (status == HF_OK && !call.name.size && !hf_verb_option(args, "id")) {
		hf_note_add(why, "say which: its name, or --id");
		status = HF_ESYNTAX;
	}
	if (status == HF_OK)
		status = undelete(host, &call, args, result, why);
	hf_arena_free(&call.arena);
	return status;
}

const struct hf_verb hf_verbs_kept[] = {
	{ "kept list", "USER|shared [MAILBOX] [--uid SET] [--since TIME] [--limit N]",
	  "Show what can be brought back: deleted mailboxes and counts, or a mailbox's expunged messages.",
	  kept_list },
	{ "kept restore",
	  "USER|shared MAILBOX [--uid SET] [--since TIME] [--all] [--into MAILBOX] [--dry-run] [--force]",
	  "Bring back expunged messages, by their former UIDs or by when they were expunged.",
	  kept_restore },
	{ "mailbox undelete", "USER|shared [MAILBOX] [--id N] [--as MAILBOX] [--dry-run] [--force]",
	  "Bring back a deleted mailbox with all that was in it.", mailbox_undelete },
	{ NULL, NULL, NULL, NULL }
};
