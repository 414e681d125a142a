/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about annotations (RFC 5464): of the server, a user's own of it, or of a user's or a shared mailbox. Values are text; what is not
 * UTF-8, or holds NUL, is shown in base64. */
#include "host/verbs_priv.h"

#include <string.h>

#include "base/encode.h"
#include "storage/rights.h"

struct call {
	struct hf_arena *arena;
	struct hf_user user; /* id 0: none given */
	uint64_t owner;      /* of the mailbox */
	uint64_t mailbox;    /* 0: the server */
	struct hf_str entry; /* normal */
};

static enum hf_status find_mailbox(struct call *call, struct hf_host *host, const char *name,
				   struct hf_note *why)
{
	struct hf_mailbox_info info;
	struct hf_str normal;
	enum hf_status status = hf_verb_mailbox_name(call->arena, name, &normal, why);

	if (status == HF_OK)
		status = hf_verb_mailbox(host, call->owner, normal, call->arena, &info, why);
	if (status == HF_OK)
		call->mailbox = info.id;
	return status;
}

/* [USER [MAILBOX]] from the argument `at` on, or "shared" and a mailbox. */
static enum hf_status find_place(struct call *call, struct hf_host *host, const json_t *args,
				 size_t at, struct hf_note *why)
{
	const char *user = hf_verb_arg(args, at), *mailbox = hf_verb_arg(args, at + 1);
	enum hf_status status = HF_OK;

	if (!user)
		return HF_OK;
	if (mailbox && strcmp(user, HF_SHARED_USER) == 0) {
		call->owner = hf_shared_account(host->store);
		return find_mailbox(call, host, mailbox, why);
	}
	status = hf_verb_user(host, user, call->arena, &call->user, why);
	call->owner = call->user.id;
	return status == HF_OK && mailbox ? find_mailbox(call, host, mailbox, why) : status;
}

static enum hf_status check_entry(struct call *call, const char *name, struct hf_note *why)
{
	enum hf_status status = hf_entry_check(hf_str(name), call->arena, &call->entry);

	if (status == HF_OK && !hf_entry_has_value(call->entry))
		status = HF_EINVALID;
	if (status == HF_OK && hf_entry_is_private(call->entry) && !call->user.id) {
		hf_note_add(why, "%s: private entries are a user's: say whose", name);
		return HF_ESYNTAX;
	}
	if (status != HF_OK)
		hf_note_add(why, "%s: not the name of an entry, such as /shared/comment", name);
	return status;
}

/* `before` arguments, the first of which is an entry if there are any, then [USER [MAILBOX]]. */
static enum hf_status begin(struct call *call, struct hf_host *host, const json_t *args,
			    size_t before, struct hf_note *why)
{
	enum hf_status status = hf_verb_begin(host, args, before, before + 2, why);

	memset(call, 0, sizeof(*call));
	if (status != HF_OK)
		return status;
	call->arena = hf_arena_new();
	status = find_place(call, host, args, before, why);
	return status == HF_OK && before ? check_entry(call, hf_verb_arg(args, 0), why) : status;
}

/* {entry, size, encoding, value} */
static json_t *describe(struct hf_str name, struct hf_str value)
{
	bool text = !memchr(value.data, '\0', value.size) && hf_utf8_valid(value);
	struct hf_buf base64 = HF_BUF_INIT;
	struct hf_str shown = value;
	json_t *row;

	if (!text) {
		hf_base64_encode(value, &base64);
		shown = hf_buf_str(&base64);
	}
	row = json_pack("{s:s%, s:I, s:s, s:s%}", "entry", name.data, name.size, "size",
			(json_int_t)value.size, "encoding", text ? "text" : "base64", "value",
			shown.data ? shown.data : "", shown.size);
	hf_buf_fini(&base64);
	return row;
}

static enum hf_status list_scope(struct call *call, struct hf_host *host, uint64_t user,
				 json_t *rows)
{
	struct hf_annotation_info *list;
	size_t count;
	enum hf_status status = hf_annotation_list(host->store, call->mailbox, user, call->arena,
						   &list, &count);

	for (size_t i = 0; status == HF_OK && i < count; i++) {
		struct hf_arena *arena = hf_arena_new();
		struct hf_str value;

		status = hf_annotation_find(host->store, call->mailbox, user, list[i].name, arena,
					    &value);
		if (status == HF_OK)
			json_array_append_new(rows, describe(list[i].written, value));
		else if (status == HF_ENONEXISTENT)
			status = HF_OK; /* removed this moment */
		hf_arena_free(&arena);
	}
	return status;
}

static enum hf_status metadata_list(struct hf_host *host, void *state, const json_t *args,
				    json_t **result, struct hf_note *why)
{
	json_t *rows = json_array();
	struct call call;
	enum hf_status status = begin(&call, host, args, 0, why);

	(void)state;
	if (status == HF_OK && call.user.id)
		status = list_scope(&call, host, call.user.id, rows);
	if (status == HF_OK && (call.mailbox || !call.user.id))
		status = list_scope(&call, host, 0, rows);
	hf_arena_free(&call.arena);
	return hf_verb_rows(status, rows, result);
}

static enum hf_status metadata_get(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	struct hf_str value = HF_STR_NULL;
	struct call call;
	enum hf_status status = begin(&call, host, args, 1, why);

	(void)state;
	if (status == HF_OK) {
		status = hf_annotation_find(host->store, call.mailbox, call.user.id, call.entry,
					    call.arena, &value);
		if (status == HF_ENONEXISTENT)
			hf_note_add(why, "%.*s: not set", HF_STR_ARG(call.entry));
	}
	if (status == HF_OK)
		*result = describe(call.entry, value);
	hf_arena_free(&call.arena);
	return status;
}

/* `value` data NULL: removes. */
static enum hf_status change(struct call *call, struct hf_host *host, const char *name,
			     struct hf_str value, struct hf_note *why)
{
	struct hf_annotation entry = { hf_str(name), value };
	struct hf_annotate what = { .mailbox = call->mailbox,
				    .user = call->user.id,
				    .entries = &entry,
				    .count = 1 };
	struct hf_op *op;
	enum hf_status status;

	if (call->mailbox && hf_str_eq(call->entry, HF_STR("/private/specialuse"))) {
		hf_note_add(why, "%s is the mailbox's special use, which its user sets", name);
		return HF_ECANNOT;
	}
	if (value.size > HF_ANNOTATION_MAX) {
		hf_note_add(why, "%s: at most %u octets", name, HF_ANNOTATION_MAX);
		return HF_ETOOBIG;
	}
	op = hf_op_annotate(host->store, &what);
	status = hf_store_run(host->store, op);
	hf_op_free(&op);
	if (status == HF_ELIMIT || status == HF_ETOOBIG || status == HF_EOVERQUOTA)
		hf_note_add(why, "%s: more than store.%s allows", name,
			    status == HF_ELIMIT	   ? "annotations_max"
			    : status == HF_ETOOBIG ? "annotations_size"
						   : "annotations_user_size");
	else if (status != HF_OK)
		hf_note_add(why, "%s: %s", name, hf_status_text(status));
	return status;
}

static enum hf_status metadata_set(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	struct hf_buf decoded = HF_BUF_INIT;
	struct hf_str value;
	struct call call;
	enum hf_status status = begin(&call, host, args, 2, why);

	(void)state;
	(void)result;
	if (status == HF_OK) {
		value = hf_str(hf_verb_arg(args, 1));
		if (hf_verb_flag(args, "base64")) {
			status = hf_base64_decode(value, &decoded);
			value = hf_str_n(decoded.data ? decoded.data : "", decoded.size);
		}
		if (status != HF_OK)
			hf_note_add(why, "the value is not base64");
		else
			status = change(&call, host, hf_verb_arg(args, 0), value, why);
	}
	hf_buf_fini(&decoded);
	hf_arena_free(&call.arena);
	return status;
}

static enum hf_status metadata_remove(struct hf_host *host, void *state, const json_t *args,
				      json_t **result, struct hf_note *why)
{
	struct call call;
	enum hf_status status = begin(&call, host, args, 1, why);

	(void)state;
	(void)result;
	if (status == HF_OK)
		status = change(&call, host, hf_verb_arg(args, 0), HF_STR_NULL, why);
	hf_arena_free(&call.arena);
	return status;
}

const struct hf_verb hf_verbs_metadata[] = {
	{ "metadata list", "[USER [MAILBOX]]|[shared MAILBOX]",
	  "List annotations of the server, a user's own of it, or a mailbox's.", metadata_list },
	{ "metadata get", "ENTRY [USER [MAILBOX]]|[shared MAILBOX]", "Show one annotation.", metadata_get },
	{ "metadata set", "ENTRY VALUE [USER [MAILBOX]]|[shared MAILBOX] [--base64]", "Set an annotation.",
	  metadata_set },
	{ "metadata remove", "ENTRY [USER [MAILBOX]]|[shared MAILBOX]", "Remove an annotation.", metadata_remove },
	{ NULL, NULL, NULL, NULL }
};
