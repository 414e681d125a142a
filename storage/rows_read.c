/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows for the showing half. What is read here may be committed and not yet flushed: hf_store_barrier() tells when it is. */

#include <stdlib.h>
#include "base/mem.h"
#include "storage/store_priv.h"

void mailbox_info(uint64_t id, const struct row_mailbox *row, struct hf_mailbox_info *info)
{
	*info = (struct hf_mailbox_info){
		.id = id,
		.owner = row->owner,
		.name = row->name,
		.special_use = row->special_use,
		.uidvalidity = row->uidvalidity,
		.uidnext = { row->uidnext },
		.highestmodseq = { row->highestmodseq },
		.messages = row->messages,
		.unseen = row->unseen,
		.deleted = row->deleted,
		.recent = row->recent,
		.size = row->size,
		.deleted_size = row->deleted_size,
		.created = row->created,
	};
}

enum hf_status mailbox_get_any(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct row_mailbox *row)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status;

	key_id(&key, META_MAILBOX, mailbox);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK)
		status = row_mailbox_decode(arena, hf_buf_str(&value), row);
	hf_buf_fini(&value);
	return status;
}

enum hf_status mailbox_get(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena, struct row_mailbox *row)
{
	enum hf_status status = mailbox_get_any(store, mailbox, arena, row);

	return status == HF_OK && row->flags & MAILBOX_DELETED ? HF_ENONEXISTENT : status;
}

enum hf_status hf_rows_mailbox(struct hf_store *store, uint64_t mailbox, struct hf_arena *arena,
			       struct hf_mailbox_info *info, struct hf_str **keywords, unsigned *keyword_count)
{
	struct row_mailbox *row = hf_new(arena, struct row_mailbox);
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	enum hf_status status = mailbox_get(store, mailbox, arena, row), subscribed;

	if (status != HF_OK)
		return status;
	key_owned(&key, META_SUBSCRIPTION, row->owner, row->name);
	subscribed = table_get(store->env, NULL, TABLE_META, &key, &value);
	hf_buf_fini(&value);
	if (subscribed != HF_OK && subscribed != HF_ENONEXISTENT)
		return subscribed;
	mailbox_info(mailbox, row, info);
	info->subscribed = subscribed == HF_OK;
	if (keywords)
		*keywords = row->keywords;
	if (keyword_count)
		*keyword_count = row->keyword_count;
	return HF_OK;
}

/* Rows from UIDNEXT on belong to a copy that is not finished. */
static enum hf_status uid_limit(struct hf_store *store, uint64_t mailbox, uint32_t *uidnext)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_mailbox row;
	enum hf_status status = mailbox_get(store, mailbox, arena, &row);

	if (status == HF_OK)
		*uidnext = row.uidnext;
	hf_arena_free(&arena);
	return status;
}

enum hf_status rows_dead(struct hf_store *store, uint64_t mailbox, struct hf_set *uids)
{
	struct row_dead row;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_kind(&from, META_JOB, JOB_DEAD, mailbox);
	scan_open(&scan, store->env, TABLE_META, &from, from.size, 8192);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		status = row_dead_decode(value, &row, uids);
		if (status != HF_OK)
			break;
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status hf_rows_index(struct hf_store *store, uint64_t mailbox, struct hf_uid from, uint32_t max,
			     struct hf_record *records, uint32_t *count)
{
	struct row_key start;
	struct scan scan;
	struct hf_str key, value;
	struct hf_set dead = HF_SET_INIT;
	uint32_t n = 0, uidnext = 0;
	uint32_t buffer = max < 64 ? 16 * 1024 : 256 * 1024;
	enum hf_status status = uid_limit(store, mailbox, &uidnext);

	/* Before the rows themselves: what dies meanwhile is published later. */
	if (status == HF_OK && atomic_load(&store->dead_jobs))
		status = rows_dead(store, mailbox, &dead);
	if (status != HF_OK) {
		hf_set_fini(&dead);
		return status;
	}
	key_message(&start, mailbox, from);
	scan_open(&scan, store->env, TABLE_INDEX, &start, 8, buffer);
	while (n < max && (status = scan_next(&scan, &key, &value)) == HF_OK) {
		uint32_t uid = key_be32(key, 8);

		if (key.size != 12 || uid >= uidnext) {
			status = HF_ENONEXISTENT;
			break;
		}
		if (dead.count && hf_set_has(&dead, uid))
			continue;
		status = row_index_decode(HF_UID(uid), value, &records[n]);
		if (status != HF_OK)
			break;
		n++;
	}
	scan_close(&scan);
	hf_set_fini(&dead);
	if (status != HF_OK && status != HF_ENONEXISTENT)
		return status;
	*count = n;
	return HF_OK;
}

struct catalogue {
	struct hf_arena *arena;
	struct hf_mailbox_info *list;
	size_t count, capacity;
};

static struct hf_mailbox_info *add_info(struct catalogue *c)
{
	if (c->count == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 32;
		struct hf_mailbox_info *list = hf_new_array(c->arena, struct hf_mailbox_info, capacity);

		if (c->count)
			memcpy(list, c->list, c->count * sizeof(*list));
		c->list = list;
		c->capacity = capacity;
	}
	return &c->list[c->count++];
}

static enum hf_status read_listings(struct hf_store *store, uint64_t user, struct catalogue *c)
{
	struct row_mailbox row;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_id(&from, META_LISTING, user);
	scan_open(&scan, store->env, TABLE_META, &from, 9, 64 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		uint64_t id;

		status = row_id_decode(value, &id);
		if (status == HF_OK)
			status = mailbox_get(store, id, c->arena, &row);
		if (status == HF_ENONEXISTENT)
			continue; /* deleted this moment */
		if (status != HF_OK)
			break;
		mailbox_info(id, &row, add_info(c));
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static int info_order(const void *a, const void *b)
{
	return hf_str_cmp(((const struct hf_mailbox_info *)a)->name, ((const struct hf_mailbox_info *)b)->name);
}

static enum hf_status read_subscriptions(struct hf_store *store, uint64_t user, struct catalogue *c)
{
	size_t at = 0, listed = c->count;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_id(&from, META_SUBSCRIPTION, user);
	scan_open(&scan, store->env, TABLE_META, &from, 9, 64 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct hf_str name = hf_str_sub(key, 9, key.size);

		while (at < listed && hf_str_cmp(c->list[at].name, name) < 0)
			at++;
		if (at < listed && hf_str_eq(c->list[at].name, name)) {
			c->list[at].subscribed = true;
		} else {
			struct hf_mailbox_info *info = add_info(c);

			*info = (struct hf_mailbox_info){ .owner = user, .subscribed = true };
			info->name = hf_arena_str(c->arena, name);
		}
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status hf_rows_catalogue(struct hf_store *store, uint64_t user, struct hf_arena *arena,
				 struct hf_mailbox_info **list, size_t *count)
{
	struct catalogue c = { .arena = arena };
	struct row_user row;
	enum hf_status status = user_get(store, user, arena, &row);

	if (status == HF_OK)
		status = read_listings(store, user, &c);
	if (c.count)
		qsort(c.list, c.count, sizeof(*c.list), info_order);
	if (status == HF_OK)
		status = read_subscriptions(store, user, &c);
	if (status != HF_OK)
		return status;
	*list = c.list;
	*count = c.count;
	return HF_OK;
}

enum hf_status hf_rows_seen(struct hf_store *store, uint64_t mailbox, uint64_t user, struct seen_block **blocks, size_t *count)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	size_t capacity = 0;
	enum hf_status status;

	*count = 0;
	key_id(&from, META_SEEN, mailbox);
	key_add_be64(&from, user);
	scan_open(&scan, store->env, TABLE_META, &from, from.size, 16 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		if (*count == capacity) {
			capacity = capacity ? 2 * capacity : 4;
			*blocks = hf_realloc_array(*blocks, capacity, sizeof(**blocks));
		}
		(*blocks)[*count].number = key_be32(key, 17);
		if (row_seen_decode(value, &(*blocks)[*count]) == HF_OK)
			++*count;
	}
	scan_close(&scan);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status hf_rows_gone(struct hf_store *store, uint64_t mailbox, struct hf_mod modseq, struct hf_set *uids,
			    struct hf_mod *floor)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_mailbox row;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;

	key_gone(&from, mailbox, HF_MOD(modseq.n + 1));
	scan_open(&scan, store->env, TABLE_GONE, &from, 8, 64 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		status = row_gone_decode(value, uids);
		if (status != HF_OK)
			break;
	}
	scan_close(&scan);
	/* After the rows: what was trimmed while they were read is below the floor. */
	if (status == HF_ENONEXISTENT)
		status = mailbox_get(store, mailbox, arena, &row);
	if (status == HF_OK)
		floor->n = row.gone_floor;
	hf_arena_free(&arena);
	return status;
}
