/* SPDX-License-Identifier: BSD-2-Clause */
/* CREATE, DELETE, RENAME, SUBSCRIBE, special use. RFC 9051 §6.3.4 to §6.3.9, RFC 6154. */

#include "storage/annotation_priv.h"
#include "storage/op_priv.h"
#include "storage/rights_priv.h"

#define SUBSCRIPTION_MAX (HF_NAME_MAX + 400) /* a name with its namespace and whose it is in front */

struct op_mailbox {
	struct hf_op op;
	uint64_t user;
	struct hf_str name, to;
	uint32_t special_use;
	bool subscribed;
	uint64_t judged, actor; /* the mailbox that the name must still mean, who must still have right x there; 0: any */
	uint32_t from, piece_from, below; /* RENAME INBOX: the messages that move */
	uint64_t target, piece_target;
};

enum hf_status mailbox_find(struct batch *batch, uint64_t owner, struct hf_str name, uint64_t *id)
{
	struct row_key key;
	enum hf_status status;

	key_owned(&key, META_LISTING, owner, name);
	status = batch_get(batch, TABLE_META, &key, &batch->value);
	return status == HF_OK ? row_id_decode(hf_buf_str(&batch->value), id) : status;
}

enum hf_status listing_put(struct batch *batch, uint64_t owner, struct hf_str name, uint64_t id)
{
	struct row_key key;
	enum hf_status status;

	hf_buf_clear(&batch->row);
	row_id_encode(id, &batch->row);
	key_owned(&key, META_LISTING, owner, name);
	status = batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
	return status == HF_OK ? deleted_name_used(batch, owner, name) : status;
}

/* The rights of the nearest superior that there is become those of the new mailbox. */
static enum hf_status inherit(struct batch *batch, uint64_t owner, struct hf_str name, uint64_t id)
{
	for (size_t size = name.size; size > 0; size--) {
		uint64_t superior;
		enum hf_status status;

		if (name.data[size - 1] != '/')
			continue;
		status = mailbox_find(batch, owner, hf_str_sub(name, 0, size - 1), &superior);
		if (status == HF_OK)
			return rights_inherit(batch, superior, id, owner);
		if (status != HF_ENONEXISTENT)
			return status;
	}
	return HF_OK;
}

enum hf_status mailbox_make(struct batch *batch, uint64_t owner, struct hf_str name, uint32_t special_use, uint64_t *id)
{
	struct row_mailbox row = {
		.uidnext = 1,
		.highestmodseq = 1,
		.recent_from = 1,
		.owner = owner,
		.uidvalidity = ids_new_uidvalidity(batch->store),
		.special_use = special_use,
		.created = batch->now,
		.name = batch_str(batch, name),
	};
	struct batch_user *user;
	enum hf_status status = batch_user(batch, owner, &user);

	if (status != HF_OK)
		return status;
	if (user->row.limit_mailboxes && user->row.used_mailboxes >= user->row.limit_mailboxes)
		return HF_EOVERQUOTA;
	user->row.used_mailboxes++;
	batch_touch_user(batch, user);
	*id = ids_new_mailbox(batch->store);
	batch_add_mailbox(batch, *id, &row);
	op_effect(batch, &(struct hf_effect){ .kind = HF_EFFECT_NAMED, .mailbox = *id, .name = name });
	status = listing_put(batch, owner, name, *id);
	return status == HF_OK ? inherit(batch, owner, name, *id) : status;
}

enum hf_status mailbox_hide(struct batch *batch, struct batch_mailbox *mailbox)
{
	struct batch_user *owner;
	struct row_key key;
	bool erased = batch_user(batch, mailbox->row.owner, &owner) != HF_OK;
	enum hf_status status;

	if (!erased) {
		uint64_t size = mailbox->row.size, count = mailbox->row.messages;

		owner->row.used_size -= size < owner->row.used_size ? size : owner->row.used_size;
		owner->row.used_count -= count < owner->row.used_count ? count : owner->row.used_count;
		owner->row.used_mailboxes -= owner->row.used_mailboxes != 0;
		batch_touch_user(batch, owner);
	}
	mailbox->row.flags |= MAILBOX_DELETED;
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	rights_hide(batch, mailbox->id);
	op_effect(batch, &(struct hf_effect){ .kind = HF_EFFECT_GONE, .mailbox = mailbox->id });
	key_owned(&key, META_LISTING, mailbox->row.owner, mailbox->row.name);
	status = batch_delete(batch, TABLE_META, &key);
	return status == HF_OK ? deleted_keep(batch, mailbox, erased) : status;
}

/* The levels above `name` that are missing. */
enum hf_status mailbox_make_superiors(struct batch *batch, uint64_t owner, struct hf_str name)
{
	uint64_t id;

	for (size_t i = 1; i < name.size; i++) {
		struct hf_str level = hf_str_sub(name, 0, i);
		enum hf_status status;

		if (name.data[i] != '/')
			continue;
		status = mailbox_find(batch, owner, level, &id);
		if (status == HF_ENONEXISTENT)
			status = mailbox_make(batch, owner, level, 0, &id);
		if (status != HF_OK)
			return status;
	}
	return HF_OK;
}

enum hf_status mailbox_is_free(struct batch *batch, uint64_t owner, struct hf_str name)
{
	uint64_t id;
	enum hf_status status = mailbox_find(batch, owner, name, &id);

	if (status == HF_OK)
		return HF_EEXISTS;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

/* What the name means; when it was judged already: whether that is still so. */
static enum hf_status find_judged(const struct op_mailbox *args, struct batch *batch, uint64_t *id)
{
	enum hf_status status = mailbox_find(batch, args->user, args->name, id);

	if (status != HF_OK || !args->judged)
		return status;
	if (*id != args->judged ||
	    !(hf_rights_of(batch->store, *id, args->user, args->actor) & HF_RIGHT_DELETE_MAILBOX))
		return HF_ENONEXISTENT;
	return HF_OK;
}

/* RFC 4314 §4: right k in the nearest mailbox above a new name, if somebody else than the owner gives it. */
static enum hf_status place_still(const struct op_mailbox *args, struct batch *batch, struct hf_str name)
{
	uint32_t rights = 0;

	if (!args->actor || args->actor == args->user)
		return HF_OK;
	for (size_t size = name.size; size > 0; size--) {
		uint64_t superior;
		enum hf_status status;

		if (name.data[size - 1] != '/')
			continue;
		status = mailbox_find(batch, args->user, hf_str_sub(name, 0, size - 1), &superior);
		if (status == HF_ENONEXISTENT)
			continue;
		if (status != HF_OK)
			return status;
		rights = hf_rights_of(batch->store, superior, args->user, args->actor);
		break;
	}
	if (rights & HF_RIGHT_CREATE)
		return HF_OK;
	return rights & HF_RIGHT_LOOKUP ? HF_ENOPERM : HF_ENONEXISTENT;
}

static void mailbox_committed(struct hf_op *op)
{
	struct op_mailbox *args = (struct op_mailbox *)op;

	args->from = args->piece_from;
	args->target = args->piece_target;
}

/* CREATE ---------------------------------------------------------------------------------------------------------- */

static enum hf_status create_apply(struct hf_op *op, struct batch *batch)
{
	struct op_mailbox *args = (struct op_mailbox *)op;
	struct batch_user *user;
	enum hf_status status = batch_user(batch, args->user, &user);

	if (status == HF_OK)
		status = place_still(args, batch, args->name);
	if (status == HF_OK)
		status = mailbox_is_free(batch, args->user, args->name);
	if (status == HF_OK)
		status = mailbox_make_superiors(batch, args->user, args->name);
	if (status == HF_OK)
		status = mailbox_make(batch, args->user, args->name, args->special_use, &op->piece.mailbox);
	return status;
}

/* DELETE ---------------------------------------------------------------------------------------------------------- */

static enum hf_status delete_apply(struct hf_op *op, struct batch *batch)
{
	struct op_mailbox *args = (struct op_mailbox *)op;
	struct batch_mailbox *mailbox;
	uint64_t id;
	enum hf_status status;

	if (hf_str_eq(args->name, HF_STR("INBOX")))
		return HF_ECANNOT;
	status = find_judged(args, batch, &id);
	if (status == HF_OK)
		status = batch_mailbox(batch, id, false, &mailbox);
	if (status == HF_OK && writer_holds(batch->store->writer, id))
		return HF_WAIT;
	return status == HF_OK ? mailbox_hide(batch, mailbox) : status;
}

/* RENAME ---------------------------------------------------------------------------------------------------------- */

struct rename {
	struct rename *next;
	uint64_t id;
	struct hf_str from, to;
};

static enum hf_status add_rename(struct op_mailbox *args, struct batch *batch, struct rename ***end, uint64_t id,
				 struct hf_str from)
{
	struct rename *rename = hf_new(batch->arena, struct rename);
	struct hf_str rest = hf_str_sub(from, args->name.size, from.size);
	struct hf_buf to = HF_BUF_INIT;

	hf_buf_add_str(&to, args->to);
	hf_buf_add_str(&to, rest);
	rename->id = id;
	rename->from = batch_str(batch, from);
	rename->to = batch_str(batch, hf_buf_str(&to));
	hf_buf_fini(&to);
	**end = rename;
	*end = &rename->next;
	if (rename->to.size > HF_NAME_MAX)
		return HF_ELIMIT;
	return mailbox_is_free(batch, args->user, rename->to);
}

/* The mailbox, unless the name is only a level above others, and what is below it. */
static enum hf_status find_children(struct op_mailbox *args, struct batch *batch, struct rename **list)
{
	struct rename **end = list;
	struct cursor *cursor = NULL;
	struct row_key from;
	struct hf_str key, value;
	uint64_t id;
	enum hf_status status = find_judged(args, batch, &id);

	if (status == HF_OK)
		status = add_rename(args, batch, &end, id, args->name);
	else if (status == HF_ENONEXISTENT && !args->judged)
		status = mailbox_is_free(batch, args->user, args->to);
	if (status != HF_OK)
		return status;
	status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);
	key_owned(&from, META_LISTING, args->user, args->name);
	key_add_u8(&from, '/');
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(&from))) {
		status = row_id_decode(value, &id);
		if (status == HF_OK)
			status = add_rename(args, batch, &end, id, hf_str_sub(key, 9, key.size));
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	if (status == HF_OK || status == HF_ENONEXISTENT)
		status = *list ? HF_OK : HF_ENONEXISTENT;
	return status;
}

static enum hf_status rename_one(struct batch *batch, uint64_t owner, const struct rename *rename)
{
	struct batch_mailbox *mailbox;
	struct row_key key;
	enum hf_status status = batch_mailbox(batch, rename->id, false, &mailbox);

	if (status != HF_OK)
		return status;
	key_owned(&key, META_LISTING, owner, rename->from);
	status = batch_delete(batch, TABLE_META, &key);
	if (status == HF_OK)
		status = listing_put(batch, owner, rename->to, rename->id);
	mailbox->row.name = rename->to;
	op_effect(batch, &(struct hf_effect){ .kind = HF_EFFECT_NAMED, .mailbox = rename->id, .name = rename->to });
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	return status;
}

/* RENAME INBOX: its messages move to a new mailbox (RFC 9051 §6.3.6), in pieces. */
static enum hf_status rename_inbox(struct op_mailbox *args, struct batch *batch)
{
	struct batch_mailbox *inbox, *target;
	struct hf_set all = HF_SET_INIT;
	uint64_t id;
	enum hf_status status = find_judged(args, batch, &id);

	args->piece_target = args->target;
	if (status == HF_OK)
		status = batch_mailbox(batch, id, false, &inbox);
	if (status == HF_OK && !args->target)
		status = place_still(args, batch, args->to);
	if (status == HF_OK && !args->target) {
		status = mailbox_is_free(batch, args->user, args->to);
		if (status == HF_OK)
			status = mailbox_make_superiors(batch, args->user, args->to);
		if (status == HF_OK)
			status = mailbox_make(batch, args->user, args->to, 0, &args->piece_target);
		if (status == HF_OK)
			status = annotations_copy(batch, inbox, args->piece_target);
		args->below = inbox->row.uidnext;
		args->op.piece.mailbox = args->piece_target;
	}
	if (status == HF_OK)
		status = batch_mailbox(batch, args->piece_target, false, &target);
	if (status != HF_OK)
		return status;
	hf_set_add_range(&all, 1, UINT32_MAX);
	status = move_piece(&args->op, batch, inbox, target, &copier_all, &all, args->from, args->below, &args->piece_from);
	hf_set_fini(&all);
	if (status == HF_OK || status == HF_MORE) {
		enum hf_status carried = seen_carry(batch, inbox, target, &args->op.piece.copied_from, &args->op.piece.copied_to);

		status = carried == HF_OK ? status : carried;
	}
	return status;
}

static enum hf_status rename_apply(struct hf_op *op, struct batch *batch)
{
	struct op_mailbox *args = (struct op_mailbox *)op;
	struct rename *list = NULL;
	struct batch_user *user;
	struct hf_str rest = hf_str_sub(args->to, args->name.size, 1);
	enum hf_status status = batch_user(batch, args->user, &user);

	if (status != HF_OK)
		return status;
	if (hf_str_eq(args->name, HF_STR("INBOX")))
		return rename_inbox(args, batch);
	if (hf_str_starts(args->to, args->name) && hf_str_eq(rest, HF_STR("/")))
		return HF_ECANNOT; /* below itself */
	status = place_still(args, batch, args->to);
	if (status == HF_OK)
		status = find_children(args, batch, &list);
	if (status == HF_OK)
		status = mailbox_make_superiors(batch, args->user, args->to);
	for (; list && status == HF_OK; list = list->next)
		status = rename_one(batch, args->user, list);
	return status;
}

/* SUBSCRIBE, special use ------------------------------------------------------------------------------------------ */

static enum hf_status subscribe_apply(struct hf_op *op, struct batch *batch)
{
	struct op_mailbox *args = (struct op_mailbox *)op;
	static const char row[1] = { ROW_VERSION };
	struct batch_user *user;
	struct row_key key;
	bool has;
	enum hf_status status = batch_user(batch, args->user, &user);

	if (status != HF_OK)
		return status;
	if (args->name.size > SUBSCRIPTION_MAX)
		return HF_ELIMIT;
	key_owned(&key, META_SUBSCRIPTION, args->user, args->name);
	status = batch_has(batch, TABLE_META, &key, &has);
	if (status != HF_OK || has == args->subscribed)
		return status;
	status = args->subscribed ? batch_put(batch, TABLE_META, &key, hf_str_n(row, 1))
				  : batch_delete(batch, TABLE_META, &key);
	batch_subscribe(batch, args->user, args->name, args->subscribed);
	op_effect(batch, &(struct hf_effect){
				 .kind = HF_EFFECT_SUBSCRIPTION, .name = args->name, .subscribed = args->subscribed });
	return status;
}

static enum hf_status special_use_apply(struct hf_op *op, struct batch *batch)
{
	struct op_mailbox *args = (struct op_mailbox *)op;
	struct batch_mailbox *mailbox;
	uint64_t id;
	enum hf_status status = mailbox_find(batch, args->user, args->name, &id);

	if (status == HF_OK)
		status = batch_mailbox(batch, id, false, &mailbox);
	if (status != HF_OK || mailbox->row.special_use == args->special_use)
		return status;
	mailbox->row.special_use = args->special_use;
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	annotations_use_changed(batch, mailbox, 0);
	return HF_OK;
}

/* Constructors ---------------------------------------------------------------------------------------------------- */

static const struct op_kind kind_create = { .name = "create", .apply = create_apply };
static const struct op_kind kind_delete = { .name = "delete", .apply = delete_apply };
static const struct op_kind kind_rename = { .name = "rename", .apply = rename_apply, .committed = mailbox_committed };
static const struct op_kind kind_subscribe = { .name = "subscribe", .apply = subscribe_apply };
static const struct op_kind kind_special_use = { .name = "special-use", .apply = special_use_apply };

static struct op_mailbox *mailbox_op(const struct op_kind *kind, uint64_t user, struct hf_str name)
{
	struct op_mailbox *args = op_new(kind, sizeof(*args));

	args->user = user;
	args->name = hf_arena_str(args->op.arena, name);
	return args;
}

struct hf_op *hf_op_mailbox_create(struct hf_store *store, uint64_t user, struct hf_str name, uint32_t special_use)
{
	struct op_mailbox *args = mailbox_op(&kind_create, user, name);

	(void)store;
	args->special_use = special_use;
	return &args->op;
}

struct hf_op *hf_op_mailbox_delete(struct hf_store *store, uint64_t user, struct hf_str name)
{
	(void)store;
	return &mailbox_op(&kind_delete, user, name)->op;
}

struct hf_op *hf_op_mailbox_rename(struct hf_store *store, uint64_t user, struct hf_str from, struct hf_str to)
{
	struct op_mailbox *args = mailbox_op(&kind_rename, user, from);

	(void)store;
	args->to = hf_arena_str(args->op.arena, to);
	return &args->op;
}

void hf_op_mailbox_judged(struct hf_op *op, uint64_t mailbox, uint64_t actor)
{
	struct op_mailbox *args = (struct op_mailbox *)op;

	args->judged = mailbox;
	args->actor = actor;
}

struct hf_op *hf_op_subscribe(struct hf_store *store, uint64_t user, struct hf_str name, bool subscribed)
{
	struct op_mailbox *args = mailbox_op(&kind_subscribe, user, name);

	(void)store;
	args->subscribed = subscribed;
	return &args->op;
}

struct hf_op *hf_op_special_use(struct hf_store *store, uint64_t user, struct hf_str name, uint32_t special_use)
{
	struct op_mailbox *args = mailbox_op(&kind_special_use, user, name);

	(void)store;
	args->special_use = special_use;
	return &args->op;
}
