/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches: rows kept decoded, and what is to be published. */

#include "base/clock.h"
#include "base/mem.h"
#include "storage/annotation_priv.h"
#include "storage/op_priv.h"
#include "storage/retention_priv.h"
#include "storage/rights_priv.h"
#include "storage/row_cache_priv.h"

struct batch *batch_new(struct hf_store *store)
{
	struct batch *batch = hf_alloc_zero(sizeof(*batch));

	batch->store = store;
	batch->arena = hf_arena_new();
	batch->completed_end = &batch->completed;
	batch->subscriptions_end = &batch->subscriptions;
	batch->annotations_end = &batch->annotations;
	batch->rights_end = &batch->rights;
	return batch;
}

/* What was applied is forgotten; the operations themselves stay. */
static void forget(struct batch *batch)
{
	for (struct batch_mailbox *m = batch->mailboxes; m; m = m->next) {
		hf_free(m->changes);
		hf_set_fini(&m->dead);
	}
	batch->mailboxes = NULL;
	batch->users = NULL;
	memset(batch->mailbox_buckets, 0, sizeof(batch->mailbox_buckets));
	memset(batch->user_buckets, 0, sizeof(batch->user_buckets));
	batch->subscriptions = NULL;
	batch->subscriptions_end = &batch->subscriptions;
	batch->gone_users = NULL;
	batch->annotations = NULL;
	batch->annotations_end = &batch->annotations;
	batch->rights = NULL;
	batch->rights_end = &batch->rights;
	batch->writes = 0;
	batch->dead_jobs = 0;
	hf_arena_reset(batch->arena);
}

void batch_free(struct batch **pointer)
{
	struct batch *batch = *pointer;

	if (!batch)
		return;
	*pointer = NULL;
	forget(batch);
	hf_arena_free(&batch->arena);
	hf_buf_fini(&batch->value);
	hf_buf_fini(&batch->row);
	hf_free(batch);
}

enum hf_status batch_begin(struct batch *batch)
{
	batch->now = hf_now_s();
	return txn_begin(batch->store->env, &batch->txn);
}

static enum hf_status put_mailbox(struct batch *batch, struct batch_mailbox *mailbox)
{
	struct row_key key;

	key_id(&key, META_MAILBOX, mailbox->id);
	if (mailbox->removed)
		return batch_delete(batch, TABLE_META, &key);
	hf_buf_clear(&batch->row);
	row_mailbox_encode(&mailbox->row, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

static enum hf_status put_seen(struct batch *batch, const struct batch_mailbox *mailbox)
{
	enum hf_status status = HF_OK;

	for (const struct seen_change *seen = mailbox->seen; seen && status == HF_OK; seen = seen->next) {
		struct row_key key;

		if (!seen->dirty)
			continue;
		key_seen(&key, mailbox->id, seen->user, seen->block.number);
		hf_buf_clear(&batch->row);
		status = row_seen_encode(&seen->block, &batch->row)
				 ? batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row))
				 : batch_delete(batch, TABLE_META, &key);
	}
	return status;
}

static enum hf_status put_user(struct batch *batch, struct batch_user *user)
{
	struct row_key key;

	key_id(&key, META_USER, user->id);
	if (user->removed)
		return batch_delete(batch, TABLE_META, &key);
	hf_buf_clear(&batch->row);
	row_user_encode(&user->row, &batch->row);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

enum hf_status batch_commit(struct batch *batch)
{
	enum hf_status status = HF_OK;
	bool ids;

	for (struct batch_mailbox *m = batch->mailboxes; m && status == HF_OK; m = m->next) {
		struct row_key key;

		if (m->dirty)
			status = put_mailbox(batch, m);
		if (status == HF_OK)
			status = put_seen(batch, m);
		if (status == HF_OK && m->publish) {
			key_owned(&key, META_SUBSCRIPTION, m->row.owner, m->row.name);
			status = batch_has(batch, TABLE_META, &key, &m->subscribed);
		}
	}
	for (struct batch_user *u = batch->users; u && status == HF_OK; u = u->next)
		if (u->dirty)
			status = put_user(batch, u);
	hf_buf_clear(&batch->row);
	ids = batch->writes && ids_encode(batch->store, &batch->row);
	if (ids && status == HF_OK) {
		struct row_key key;

		key_version(&key, 1);
		status = batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
	}
	if (status != HF_OK)
		return status;
	if (batch->annotations)
		annotation_committing(batch->store); /* before anybody can read them */
	if (txn_changed_by_cursor(batch->txn))
		row_cache_clear(batch->store->rows);
	txn_commit(&batch->txn);
	atomic_fetch_add(&batch->store->dead_jobs, batch->dead_jobs);
	batch->wrote = batch->writes != 0;
	if (ids)
		ids_written(batch->store);
	return HF_OK;
}

void batch_abort(struct batch *batch, bool *deadlocked)
{
	*deadlocked = txn_deadlocked(batch->txn);
	txn_abort(&batch->txn);
	row_cache_clear(batch->store->rows);
	forget(batch);
}

/* Whether the next mailbox to be published is of the same owner. */
static bool more_follows(const struct batch_mailbox *mailbox)
{
	const struct batch_mailbox *next = mailbox->next;

	while (next && !next->publish)
		next = next->next;
	return next && next->row.owner == mailbox->row.owner;
}

void batch_publish(struct batch *batch)
{
	rights_publish(batch->store, batch->rights);
	for (struct batch_gone_user *g = batch->gone_users; g; g = g->next)
		hf_publish_user_gone(batch->store, g->user);
	for (struct batch_subscription *s = batch->subscriptions; s; s = s->next)
		hf_publish_subscription(batch->store, s->user, s->name, s->subscribed);
	for (struct batch_mailbox *m = batch->mailboxes; m; m = m->next) {
		struct hf_mailbox_news news = { .mailbox = m->id, .owner = m->row.owner };

		if (!m->publish)
			continue;
		mailbox_info(m->id, &m->row, &news.info);
		news.info.subscribed = m->subscribed;
		if (m->removed || m->row.flags & MAILBOX_DELETED)
			news.info.id = 0;
		news.more = more_follows(m);
		news.row_changed = m->row_changed;
		news.keywords = m->row.keywords;
		news.keyword_count = m->row.keyword_count;
		news.keywords_changed = m->keywords_changed;
		news.changes = m->changes;
		news.change_count = m->change_count;
		news.seen = m->seen;
		hf_publish_mailbox(batch->store, &news);
		if (m->row_changed)
			retention_news(batch->store, m->id);
		rights_wake_mailbox(batch->store, m->id);
	}
	if (batch->annotations)
		annotation_publish(batch->store, batch->annotations);
}

/* Mailboxes ------------------------------------------------------------------------------------------------------- */

static struct batch_mailbox *keep_mailbox(struct batch *batch, uint64_t id)
{
	struct batch_mailbox *mailbox = hf_new(batch->arena, struct batch_mailbox);
	struct batch_mailbox **bucket = &batch->mailbox_buckets[id % BATCH_BUCKETS];

	mailbox->id = id;
	mailbox->chain = *bucket;
	*bucket = mailbox;
	mailbox->next = batch->mailboxes;
	batch->mailboxes = mailbox;
	return mailbox;
}

enum hf_status batch_mailbox(struct batch *batch, uint64_t id, bool deleted_too, struct batch_mailbox **result)
{
	struct batch_mailbox *mailbox = batch->mailbox_buckets[id % BATCH_BUCKETS];
	enum hf_status status;

	while (mailbox && mailbox->id != id)
		mailbox = mailbox->chain;
	if (!mailbox) {
		struct row_mailbox row;
		struct row_key key;

		key_id(&key, META_MAILBOX, id);
		status = batch_get(batch, TABLE_META, &key, &batch->value);
		if (status == HF_OK)
			status = row_mailbox_decode(batch->arena, hf_buf_str(&batch->value), &row);
		if (status != HF_OK)
			return status;
		mailbox = keep_mailbox(batch, id);
		mailbox->row = row;
	}
	if (mailbox->removed || (!deleted_too && mailbox->row.flags & MAILBOX_DELETED))
		return HF_ENONEXISTENT;
	*result = mailbox;
	return HF_OK;
}

void batch_touch_mailbox(struct batch *batch, struct batch_mailbox *mailbox)
{
	mailbox->dirty = true;
	mailbox->publish = true;
	batch->writes++;
}

struct batch_mailbox *batch_add_mailbox(struct batch *batch, uint64_t id, const struct row_mailbox *row)
{
	struct batch_mailbox *mailbox = keep_mailbox(batch, id);

	mailbox->row = *row;
	mailbox->row_changed = true;
	batch_touch_mailbox(batch, mailbox);
	return mailbox;
}

void batch_change(struct batch *batch, struct batch_mailbox *mailbox, enum hf_change_kind kind,
		  const struct hf_record *record)
{
	if (mailbox->change_count == mailbox->change_capacity) {
		mailbox->change_capacity = mailbox->change_capacity ? 2 * mailbox->change_capacity : 4;
		mailbox->changes =
			hf_realloc_array(mailbox->changes, mailbox->change_capacity, sizeof(*mailbox->changes));
	}
	op_effect_messages(batch, mailbox->id, record->modseq);
	mailbox->changes[mailbox->change_count++] = (struct hf_change){ .kind = kind, .record = *record };
}

static enum hf_status seen_block(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid,
				 struct seen_change **result)
{
	struct seen_change **at = &mailbox->seen, *seen;
	uint32_t number = uid.n / SEEN_BLOCK;
	struct row_key key;
	enum hf_status status;

	while (*at && ((*at)->user != user || (*at)->block.number != number))
		at = &(*at)->next;
	seen = *at;
	if (seen) {
		*at = seen->next;
	} else {
		seen = hf_new(batch->arena, struct seen_change);
		seen->user = user;
		seen->block.number = number;
		key_seen(&key, mailbox->id, user, number);
		status = batch_get(batch, TABLE_META, &key, &batch->value);
		if (status == HF_OK)
			status = row_seen_decode(hf_buf_str(&batch->value), &seen->block);
		/* A damaged row says nothing; the next write replaces it. */
		if (status == HF_ECORRUPT)
			seen->block = (struct seen_block){ .number = number };
		if (status != HF_OK && status != HF_ENONEXISTENT && status != HF_ECORRUPT)
			return status;
	}
	seen->next = mailbox->seen;
	mailbox->seen = seen;
	*result = seen;
	return HF_OK;
}

enum hf_status batch_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid, bool *has)
{
	struct seen_change *seen;
	enum hf_status status = seen_block(batch, mailbox, user, uid, &seen);

	if (status == HF_OK)
		*has = seen_has(&seen->block, uid.n);
	return status;
}

enum hf_status batch_seen_modseq(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid,
				 uint64_t *modseq)
{
	struct seen_change *seen;
	enum hf_status status = seen_block(batch, mailbox, user, uid, &seen);

	if (status == HF_OK)
		*modseq = seen_modseq(&seen->block, uid.n);
	return status;
}

enum hf_status batch_touch_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, const struct hf_record *record)
{
	struct seen_change *seen;
	struct batch_user *there;
	enum hf_status status = batch_user(batch, user, &there);

	if (status == HF_ENONEXISTENT) { /* as below; the modseq has been counted up */
		batch_touch_mailbox(batch, mailbox);
		return HF_OK;
	}
	if (status == HF_OK)
		status = seen_block(batch, mailbox, user, record->uid, &seen);
	if (status != HF_OK)
		return status;
	seen_touch(&seen->block, record->uid.n, record->modseq.n);
	seen->dirty = true;
	batch_touch_mailbox(batch, mailbox);
	batch_change(batch, mailbox, HF_CHANGE_SEEN, record);
	mailbox->changes[mailbox->change_count - 1].user = user;
	return HF_OK;
}

enum hf_status batch_set_seen(struct batch *batch, struct batch_mailbox *mailbox, uint64_t user, struct hf_uid uid, bool has)
{
	struct seen_change *seen;
	struct batch_user *there;
	enum hf_status status = batch_user(batch, user, &there);

	if (status == HF_ENONEXISTENT)
		return HF_OK; /* deleted while he was at it: his rows go */
	if (status == HF_OK)
		status = seen_block(batch, mailbox, user, uid, &seen);
	if (status != HF_OK || seen_has(&seen->block, uid.n) == has)
		return status;
	seen_set(&seen->block, uid.n, has);
	seen->dirty = true;
	batch->writes++;
	return HF_OK;
}

struct hf_str batch_str(struct batch *batch, struct hf_str s)
{
	return hf_arena_str(batch->arena, s);
}

/* Users ----------------------------------------------------------------------------------------------------------- */

static struct batch_user *keep_user(struct batch *batch, uint64_t id)
{
	struct batch_user *user = hf_new(batch->arena, struct batch_user);
	struct batch_user **bucket = &batch->user_buckets[id % BATCH_BUCKETS];

	user->id = id;
	user->chain = *bucket;
	*bucket = user;
	user->next = batch->users;
	batch->users = user;
	return user;
}

enum hf_status batch_user_any(struct batch *batch, uint64_t id, struct batch_user **result)
{
	struct batch_user *user = batch->user_buckets[id % BATCH_BUCKETS];

	while (user && user->id != id)
		user = user->chain;
	if (!user) {
		struct row_user row;
		struct row_key key;
		enum hf_status status;

		key_id(&key, META_USER, id);
		status = batch_get(batch, TABLE_META, &key, &batch->value);
		if (status == HF_OK)
			status = row_user_decode(batch->arena, hf_buf_str(&batch->value), &row);
		if (status != HF_OK)
			return status;
		user = keep_user(batch, id);
		user->row = row;
	}
	if (user->removed)
		return HF_ENONEXISTENT;
	*result = user;
	return HF_OK;
}

enum hf_status batch_user(struct batch *batch, uint64_t id, struct batch_user **result)
{
	struct batch_user *user;
	enum hf_status status = batch_user_any(batch, id, &user);

	if (status == HF_OK && user->row.flags & USER_DELETED)
		status = HF_ENONEXISTENT;
	if (status == HF_OK)
		*result = user;
	return status;
}

void batch_touch_user(struct batch *batch, struct batch_user *user)
{
	user->dirty = true;
	batch->writes++;
}

struct batch_user *batch_add_user(struct batch *batch, uint64_t id, const struct row_user *row)
{
	struct batch_user *user = keep_user(batch, id);

	user->row = *row;
	batch_touch_user(batch, user);
	return user;
}

void batch_subscribe(struct batch *batch, uint64_t user, struct hf_str name, bool subscribed)
{
	struct batch_subscription *s = hf_new(batch->arena, struct batch_subscription);

	s->user = user;
	s->name = hf_arena_str(batch->arena, name);
	s->subscribed = subscribed;
	*batch->subscriptions_end = s;
	batch->subscriptions_end = &s->next;
}

void batch_annotated(struct batch *batch, const struct batch_annotation *annotation)
{
	struct batch_annotation *a = hf_new(batch->arena, struct batch_annotation);

	*a = *annotation;
	a->next = NULL;
	a->name = hf_arena_str(batch->arena, annotation->name);
	*batch->annotations_end = a;
	batch->annotations_end = &a->next;
}

void batch_user_gone(struct batch *batch, uint64_t user)
{
	struct batch_gone_user *gone = hf_new(batch->arena, struct batch_gone_user);

	gone->user = user;
	gone->next = batch->gone_users;
	batch->gone_users = gone;
}

/* Rows ------------------------------------------------------------------------------------------------------------ */

/* NULL: none for such a row, or a cursor may have changed it. */
static struct row_cache *cache_for(const struct batch *batch, unsigned table, const struct row_key *key)
{
	return table == TABLE_META && row_cache_takes(key) && !txn_changed_by_cursor(batch->txn) ? batch->store->rows : NULL;
}

enum hf_status batch_get(struct batch *batch, unsigned table, const struct row_key *key, struct hf_buf *value)
{
	struct row_cache *cache = cache_for(batch, table, key);
	enum hf_status status;

	if (cache && row_cache_get(cache, key, value, &status))
		return status;
	status = table_get(batch->store->env, batch->txn, table, key, value);
	if (cache && status == HF_OK) {
		struct hf_str row = hf_buf_str(value);

		row_cache_set(cache, key, &row);
	} else if (cache && status == HF_ENONEXISTENT) {
		row_cache_set(cache, key, NULL);
	}
	return status;
}

enum hf_status batch_put(struct batch *batch, unsigned table, const struct row_key *key, struct hf_str value)
{
	struct row_cache *cache = cache_for(batch, table, key);

	batch->writes++;
	if (cache)
		row_cache_set(cache, key, &value);
	return table_put(batch->store->env, batch->txn, table, key, value);
}

enum hf_status batch_patch_be32(struct batch *batch, unsigned table, const struct row_key *key, uint32_t offset, uint32_t n)
{
	uint8_t octets[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	struct row_cache *cache = cache_for(batch, table, key);

	batch->writes++;
	if (cache)
		row_cache_drop(cache, key);
	return table_patch(batch->store->env, batch->txn, table, key, offset, hf_str_n(octets, 4));
}

enum hf_status batch_delete(struct batch *batch, unsigned table, const struct row_key *key)
{
	struct row_cache *cache = cache_for(batch, table, key);
	enum hf_status status = table_delete(batch->store->env, batch->txn, table, key);

	batch->writes++;
	if (cache)
		row_cache_set(cache, key, NULL);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status batch_has(struct batch *batch, unsigned table, const struct row_key *key, bool *has)
{
	enum hf_status status = batch_get(batch, table, key, &batch->value);

	*has = status == HF_OK;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}
