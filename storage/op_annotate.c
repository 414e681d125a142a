/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing annotations, and what becomes of them when their mailbox is renamed, or it or their user goes. RFC 5464.
 *
 * The row of a scope holds its count and size, the user's row the size of all that is charged to the user, so nothing is counted
 * by reading it all. */

#include <stdlib.h>

#include "storage/annotation_priv.h"
#include "storage/op_priv.h"

#define DROP_OCTETS (1u << 20) /* removed in one transaction: the log takes them up again */
#define SEEKS 256              /* scopes looked for in one transaction */

struct entry {
	struct hf_str name, written; /* empty: as the name */
	struct hf_str value;         /* data NULL: none */
	size_t place;                /* in the order given */
	/* found in this transaction */
	bool there, same;
	uint64_t old_size;
};

struct op_annotate {
	struct hf_op op;
	uint64_t mailbox, user, origin;
	struct entry *entries;
	size_t count;
	bool use_given;
	uint32_t special_use;
};

struct scope {
	bool used;
	uint64_t user;
	struct row_scope was, is;
	struct batch_user *payer; /* NULL: nobody */
};

/* Scopes ---------------------------------------------------------------------------------------------------------- */

static enum hf_status scope_get(struct batch *batch, uint64_t mailbox, struct scope *scope)
{
	struct row_key key;
	enum hf_status status;

	key_annotation(&key, mailbox, scope->user, HF_STR(""));
	scope->was = (struct row_scope){ 0 };
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_OK)
		status = row_scope_decode(hf_buf_str(&batch->value), &scope->was);
	scope->is = scope->was;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status scope_put(struct batch *batch, uint64_t mailbox, const struct scope *scope)
{
	struct row_key key;

	if (scope->is.count == scope->was.count && scope->is.size == scope->was.size)
		return HF_OK;
	key_annotation(&key, mailbox, scope->user, HF_STR(""));
	if (!scope->is.count)
		return batch_delete(batch, TABLE_META, &key);
	hf_buf_clear(&batch->row);
	row_scope_encode(&scope->is, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

static void pay(struct batch *batch, struct batch_user *payer, uint64_t was, uint64_t is)
{
	uint64_t *size;

	if (!payer || was == is)
		return;
	size = &payer->row.annotations_size;
	*size = *size + is > was ? *size + is - was : 0;
	batch_touch_user(batch, payer);
}

/* Change ---------------------------------------------------------------------------------------------------------- */

static enum hf_status look_at(struct batch *batch, uint64_t mailbox, uint64_t user, struct entry *entry)
{
	struct row_annotation row;
	struct row_key key;
	enum hf_status status;

	entry->there = entry->same = false;
	entry->old_size = 0;
	key_annotation(&key, mailbox, user, entry->name);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	if (status == HF_ENONEXISTENT) {
		entry->same = !entry->value.data;
		return HF_OK;
	}
	if (status == HF_OK)
		status = row_annotation_decode(hf_buf_str(&batch->value), &row);
	if (status != HF_OK)
		return status;
	entry->there = true;
	entry->old_size = row.value.size;
	entry->same = entry->value.data && hf_str_eq(entry->value, row.value) && hf_str_eq(entry->written, row.written);
	return HF_OK;
}

/* What the scopes would be. */
static enum hf_status plan(struct op_annotate *args, struct batch *batch, struct scope scopes[2])
{
	for (size_t i = 0; i < args->count; i++) {
		struct entry *entry = &args->entries[i];
		struct scope *scope = &scopes[hf_entry_is_private(entry->name)];
		enum hf_status status = HF_OK;

		if (!scope->used)
			status = scope_get(batch, args->mailbox, scope);
		scope->used = true;
		if (status == HF_OK)
			status = look_at(batch, args->mailbox, scope->user, entry);
		if (status != HF_OK)
			return status;
		if (entry->there) {
			scope->is.count--;
			scope->is.size -= entry->name.size + entry->old_size;
		}
		if (entry->value.data) {
			scope->is.count++;
			scope->is.size += entry->name.size + entry->value.size;
		}
	}
	return HF_OK;
}

static enum hf_status check_limits(const struct batch *batch, const struct scope scopes[2])
{
	const struct hf_store_settings *settings = &batch->store->settings;
	bool one_pays = scopes[0].payer == scopes[1].payer;

	for (size_t i = 0; i < 2; i++) {
		const struct scope *scope = &scopes[i];

		if (scope->is.count > settings->annotations_max && scope->is.count > scope->was.count)
			return HF_ELIMIT;
		if (scope->is.size > settings->annotations_size && scope->is.size > scope->was.size)
			return HF_ETOOBIG;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct batch_user *payer = scopes[i].payer;
		uint64_t was = scopes[i].was.size + (one_pays ? scopes[!i].was.size : 0);
		uint64_t is = scopes[i].is.size + (one_pays ? scopes[!i].is.size : 0);

		if (payer && is > was && payer->row.annotations_size + (is - was) > settings->annotations_user_size)
			return HF_EOVERQUOTA;
	}
	return HF_OK;
}

static enum hf_status put_entry(struct op_annotate *args, struct batch *batch, const struct entry *entry, uint64_t user,
				uint64_t owner)
{
	struct row_annotation row = { entry->written, entry->value };
	struct row_key key;
	enum hf_status status;

	if (entry->same)
		return HF_OK;
	key_annotation(&key, args->mailbox, user, entry->name);
	if (entry->value.data) {
		hf_buf_clear(&batch->row);
		row_annotation_encode(&row, &batch->row);
		status = batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
	} else {
		status = batch_delete(batch, TABLE_META, &key);
	}
	batch_annotated(batch, &(struct batch_annotation){ .mailbox = args->mailbox,
							   .owner = owner,
							   .user = user,
							   .origin = args->origin,
							   .name = entry->name });
	return status;
}

void annotations_use_changed(struct batch *batch, const struct batch_mailbox *mailbox, uint64_t origin)
{
	batch_annotated(batch, &(struct batch_annotation){ .mailbox = mailbox->id,
							   .owner = mailbox->row.owner,
							   .user = mailbox->row.owner,
							   .origin = origin,
							   .name = HF_STR("/private/specialuse") });
}

static void set_use(struct op_annotate *args, struct batch *batch, struct batch_mailbox *mailbox)
{
	if (!args->use_given || mailbox->row.special_use == args->special_use)
		return;
	mailbox->row.special_use = args->special_use;
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	annotations_use_changed(batch, mailbox, args->origin);
}

static enum hf_status annotate_apply(struct hf_op *op, struct batch *batch)
{
	struct op_annotate *args = (struct op_annotate *)op;
	struct scope scopes[2] = { { .user = 0 }, { .user = args->user } };
	struct batch_mailbox *mailbox = NULL;
	uint64_t owner = 0;
	enum hf_status status = HF_OK;

	if (args->count > batch->store->settings.annotations_max)
		return HF_ELIMIT;
	if (args->user)
		status = batch_user(batch, args->user, &scopes[1].payer);
	if (status == HF_OK && args->mailbox)
		status = batch_mailbox(batch, args->mailbox, false, &mailbox);
	if (status == HF_OK && mailbox) {
		owner = mailbox->row.owner;
		status = batch_user(batch, owner, &scopes[0].payer);
	}
	if (status == HF_OK)
		status = plan(args, batch, scopes);
	if (status == HF_OK)
		status = check_limits(batch, scopes);
	for (size_t i = 0; i < args->count && status == HF_OK; i++)
		status = put_entry(args, batch, &args->entries[i],
				   hf_entry_is_private(args->entries[i].name) ? args->user : 0, owner);
	for (size_t i = 0; i < 2 && status == HF_OK; i++) {
		status = scope_put(batch, args->mailbox, &scopes[i]);
		pay(batch, scopes[i].payer, scopes[i].was.size, scopes[i].is.size);
	}
	if (status == HF_OK && mailbox)
		set_use(args, batch, mailbox);
	return status;
}

static const struct op_kind kind_annotate = { .name = "annotate", .apply = annotate_apply };

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = hf_str_cmp(x->name, y->name);

	return order ? order : (x->place > y->place) - (x->place < y->place);
}

struct hf_op *hf_op_annotate(struct hf_store *store, const struct hf_annotate *what)
{
	struct op_annotate *args = op_new(&kind_annotate, sizeof(*args));
	struct hf_arena *arena = args->op.arena;
	size_t count = 0;

	(void)store;
	args->mailbox = what->mailbox;
	args->user = what->user;
	args->origin = what->origin;
	args->use_given = what->use_given && what->mailbox;
	args->special_use = what->special_use;
	args->entries = hf_new_array(arena, struct entry, what->count);
	for (size_t i = 0; i < what->count; i++) {
		const struct hf_annotation *from = &what->entries[i];
		struct entry *entry = &args->entries[count];

		if (hf_entry_check(from->name, arena, &entry->name) != HF_OK || !hf_entry_has_value(entry->name) ||
		    (hf_entry_is_private(entry->name) && !what->user))
			continue; /* callers have seen to it */
		entry->place = i;
		if (!hf_str_eq(entry->name, from->name))
			entry->written = hf_arena_str(arena, from->name);
		if (from->value.data)
			entry->value = hf_arena_str(arena, hf_str_sub(from->value, 0, HF_ANNOTATION_MAX));
		args->op.cost += from->value.size;
		count++;
	}
	if (count)
		qsort(args->entries, count, sizeof(*args->entries), by_name);
	for (size_t i = 0; i < count; i++)
		if (i + 1 == count || !hf_str_eq(args->entries[i].name, args->entries[i + 1].name))
			args->entries[args->count++] = args->entries[i];
	return &args->op;
}

/* RENAME INBOX ---------------------------------------------------------------------------------------------------- */

struct copied {
	struct copied *next;
	struct hf_str entry, row;
};

static enum hf_status collect(struct batch *batch, uint64_t mailbox, uint64_t user, struct copied **list)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	key_annotation(&from, mailbox, user, HF_STR(""));
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(&from))) {
		struct copied *copied = hf_new(batch->arena, struct copied);

		copied->entry = batch_str(batch, hf_str_sub(key, ROW_ANNOTATION_ENTRY, key.size));
		copied->row = batch_str(batch, value);
		copied->next = *list;
		*list = copied;
		status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static enum hf_status copy_scope(struct batch *batch, const struct batch_mailbox *from, uint64_t to, uint64_t user)
{
	struct copied *list = NULL;
	struct scope scope = { .user = user };
	enum hf_status status = scope_get(batch, from->id, &scope);

	if (status != HF_OK || !scope.was.count)
		return status;
	status = batch_user(batch, from->row.owner, &scope.payer);
	if (status != HF_OK)
		return status;
	if (scope.payer->row.annotations_size + scope.was.size > batch->store->settings.annotations_user_size)
		return HF_OK;
	status = collect(batch, from->id, user, &list);
	for (; list && status == HF_OK; list = list->next) {
		struct row_key key;

		key_annotation(&key, to, user, list->entry);
		status = batch_put(batch, TABLE_META, &key, list->row);
	}
	pay(batch, scope.payer, 0, scope.was.size);
	return status;
}

enum hf_status annotations_copy(struct batch *batch, const struct batch_mailbox *from, uint64_t to)
{
	enum hf_status status = copy_scope(batch, from, to, 0);

	return status == HF_OK ? copy_scope(batch, from, to, from->row.owner) : status;
}

/* Removal --------------------------------------------------------------------------------------------------------- */

/* The row of a scope is its first, so what is left behind it between two pieces counts for nobody. */
static enum hf_status unpay(struct batch *batch, uint64_t user, struct hf_str value)
{
	struct batch_user *payer;
	struct row_scope row;
	enum hf_status status = row_scope_decode(value, &row);

	if (status == HF_OK)
		status = batch_user_any(batch, user, &payer);
	if (status == HF_OK)
		pay(batch, payer, row.size, 0);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status annotations_drop(struct batch *batch, uint64_t mailbox, uint64_t owner)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	size_t octets = 0, count = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	key_id(&from, META_ANNOTATION, mailbox);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(&from))) {
		uint64_t user = key_be64(key, 9);

		octets += value.size;
		if (count && (count == OP_PIECE || octets > DROP_OCTETS)) {
			cursor_close(&cursor);
			return HF_MORE;
		}
		count++;
		if (key.size == ROW_ANNOTATION_ENTRY)
			status = unpay(batch, user ? user : owner, value);
		batch->writes++;
		if (status == HF_OK)
			status = cursor_delete(cursor);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

struct op_forget {
	struct hf_op op;
	uint64_t user;
	uint64_t from, piece_from; /* mailboxes before it are done */
};

/* Goes from scope to scope: rows are in order of mailbox, then user. */
static enum hf_status forget_apply(struct hf_op *op, struct batch *batch)
{
	struct op_forget *args = (struct op_forget *)op;
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	size_t octets = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);

	args->piece_from = args->from;
	key_annotation(&from, args->from, args->user, HF_STR(""));
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	for (unsigned i = 0; status == HF_OK && key.size >= ROW_ANNOTATION_ENTRY && key.data[0] == META_ANNOTATION; i++) {
		uint64_t mailbox = key_be64(key, 1), user = key_be64(key, 9);

		args->piece_from = user > args->user ? mailbox + 1 : mailbox;
		octets += value.size;
		if (i && (i == SEEKS || octets > DROP_OCTETS)) {
			cursor_close(&cursor);
			return HF_MORE;
		}
		if (user == args->user) {
			batch->writes++;
			status = cursor_delete(cursor);
			if (status == HF_OK)
				status = cursor_next(cursor, &key, &value);
		} else {
			key_annotation(&from, args->piece_from, args->user, HF_STR(""));
			status = cursor_seek(cursor, &from, &key, &value);
		}
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static void forget_committed(struct hf_op *op)
{
	struct op_forget *args = (struct op_forget *)op;

	args->from = args->piece_from;
}

static const struct op_kind kind_forget = { .name = "forget", .apply = forget_apply, .committed = forget_committed };

struct hf_op *op_annotations_forget_new(uint64_t user)
{
	struct op_forget *args = op_new(&kind_forget, sizeof(*args));

	args->user = user;
	return &args->op;
}
