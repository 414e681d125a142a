/* SPDX-License-Identifier: BSD-2-Clause */
/* What operations do to the messages of a mailbox: walking the index, counters, keywords, keeping, history. The counters of
 * a mailbox row always agree with its index rows; verify checks it. */

#include "base/assert.h"
#include "storage/op_priv.h"

#define GONE_ROWS_MAX 8192 /* of one mailbox; above, the older half goes */

/* Dead rows ------------------------------------------------------------------------------------------------------- */

static enum hf_status dead_of(struct batch *batch, struct batch_mailbox *mailbox)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_dead row;
	struct row_key from;
	enum hf_status status;

	if (mailbox->dead_known)
		return HF_OK;
	mailbox->dead_known = true;
	if (!atomic_load(&batch->store->dead_jobs))
		return HF_OK;
	key_kind(&from, META_JOB, JOB_DEAD, mailbox->id);
	status = cursor_open(batch->store->env, batch->txn, TABLE_META, &cursor);
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && hf_str_starts(key, key_str(&from))) {
		status = row_dead_decode(value, &row, &mailbox->dead);
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status mailbox_dead(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_set *uids, struct hf_mod modseq,
			    bool keep)
{
	struct row_dead row = { .time = batch->now, .keep = keep };
	struct row_key key;
	enum hf_status status = dead_of(batch, mailbox);

	if (status != HF_OK)
		return status;
	hf_set_union(&mailbox->dead, uids);
	batch->dead_jobs++;
	hf_buf_clear(&batch->row);
	row_dead_encode(&row, uids, &batch->row);
	key_dead(&key, mailbox->id, modseq);
	return batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
}

enum hf_status mailbox_is_dead(struct batch *batch, struct batch_mailbox *mailbox, struct hf_uid uid, bool *dead)
{
	enum hf_status status = dead_of(batch, mailbox);

	*dead = status == HF_OK && hf_set_has(&mailbox->dead, uid.n);
	return status;
}

/* Walking the index ----------------------------------------------------------------------------------------------- */

void index_walk_init(struct index_walk *walk, struct batch *batch, uint64_t mailbox, const struct hf_set *uids,
		     uint32_t from, uint32_t below)
{
	*walk = (struct index_walk){ .batch = batch, .mailbox = mailbox, .uids = uids, .from = from, .below = below };
}

static enum hf_status walk_open(struct index_walk *walk)
{
	struct batch_mailbox *mailbox;
	enum hf_status status = HF_OK;

	if (!walk->dead_too) {
		status = batch_mailbox(walk->batch, walk->mailbox, true, &mailbox);
		if (status == HF_OK)
			status = dead_of(walk->batch, mailbox);
		if (status == HF_OK && mailbox->dead.count)
			walk->dead = &mailbox->dead;
	}
	return status == HF_OK ? cursor_open(walk->batch->store->env, walk->batch->txn, TABLE_INDEX, &walk->cursor) : status;
}

static enum hf_status walk_seek(struct index_walk *walk, struct hf_str *key, struct hf_str *value)
{
	struct row_key start;

	key_message(&start, walk->mailbox, HF_UID(walk->from));
	walk->positioned = true;
	return walk->only_read ? cursor_run_seek(walk->cursor, &start, key, value) : cursor_seek(walk->cursor, &start, key, value);
}

static enum hf_status walk_step(struct index_walk *walk, struct hf_str *key, struct hf_str *value)
{
	return walk->only_read ? cursor_run_next(walk->cursor, key, value) : cursor_next(walk->cursor, key, value);
}

enum hf_status index_walk_next(struct index_walk *walk, struct hf_record *record)
{
	enum hf_status status = HF_OK;
	struct hf_str key, value;

	if (!walk->cursor)
		status = walk_open(walk);
	while (status == HF_OK) {
		const struct hf_range *range;

		while (walk->range < walk->uids->count && walk->uids->ranges[walk->range].last < walk->from) {
			walk->range++;
			walk->positioned = false;
		}
		if (walk->range == walk->uids->count)
			return HF_ENONEXISTENT;
		range = &walk->uids->ranges[walk->range];
		if (range->first > walk->from) {
			walk->from = range->first;
			walk->positioned = false;
		}
		if (walk->from >= walk->below)
			return HF_ENONEXISTENT;
		status = walk->positioned ? walk_step(walk, &key, &value) : walk_seek(walk, &key, &value);
		if (status != HF_OK)
			break;
		if (key.size != 12 || key_be64(key, 0) != walk->mailbox)
			return HF_ENONEXISTENT;
		walk->from = key_be32(key, 8);
		if (walk->from >= walk->below)
			return HF_ENONEXISTENT;
		if (walk->from > range->last) /* between two ranges: the next seek finds it again if it is wanted */
			continue;
		if (walk->dead && hf_set_has(walk->dead, walk->from)) {
			walk->from++;
			continue;
		}
		status = row_index_decode(HF_UID(walk->from), value, record);
		walk->from++;
		return status;
	}
	return status;
}

enum hf_status index_walk_put(struct index_walk *walk, const struct hf_record *record)
{
	uint8_t row[ROW_INDEX_SIZE];

	row_index_encode(record, row);
	walk->batch->writes++;
	return cursor_put(walk->cursor, hf_str_n(row, sizeof(row)));
}

enum hf_status index_walk_delete(struct index_walk *walk)
{
	walk->batch->writes++;
	return cursor_delete(walk->cursor);
}

void index_walk_fini(struct index_walk *walk)
{
	cursor_close(&walk->cursor);
}

/* Counters -------------------------------------------------------------------------------------------------------- */

static uint32_t counted(uint32_t n, int sign)
{
	if (sign > 0)
		return n + 1;
	return n ? n - 1 : 0;
}

static uint64_t summed(uint64_t sum, uint64_t size, int sign)
{
	if (sign > 0)
		return sum + size;
	return sum > size ? sum - size : 0;
}

void mailbox_count(struct batch *batch, struct batch_mailbox *mailbox, struct batch_user *owner,
		   const struct hf_record *record, int sign)
{
	struct row_mailbox *row = &mailbox->row;
	uint64_t size = record->size;

	row->messages = counted(row->messages, sign);
	if (!(record->flags & HF_FLAG_SEEN))
		row->unseen = counted(row->unseen, sign);
	if (record->flags & HF_FLAG_DELETED) {
		row->deleted = counted(row->deleted, sign);
		row->deleted_size = summed(row->deleted_size, size, sign);
	}
	if (record->uid.n >= row->recent_from)
		row->recent = counted(row->recent, sign);
	row->size = summed(row->size, size, sign);
	batch_touch_mailbox(batch, mailbox);
	if (!owner)
		return;
	if (sign > 0) {
		owner->row.used_size += size;
		owner->row.used_count++;
	} else {
		owner->row.used_size -= size < owner->row.used_size ? size : owner->row.used_size;
		owner->row.used_count -= owner->row.used_count != 0;
	}
	batch_touch_user(batch, owner);
}

bool over_quota(const struct batch_user *user, uint64_t size, uint64_t count)
{
	return (user->row.limit_size && user->row.used_size + size > user->row.limit_size) ||
	       (user->row.limit_count && user->row.used_count + count > user->row.limit_count);
}

/* Keywords: a bit keeps its name for the life of the mailbox ------------------------------------------------------------ */

static int keyword_bit(const struct row_mailbox *row, struct hf_str name)
{
	for (unsigned i = 0; i < row->keyword_count; i++)
		if (hf_str_ieq(row->keywords[i], name))
			return (int)i;
	return -1;
}

uint64_t mailbox_keywords_find(const struct row_mailbox *row, const struct hf_str *names, size_t count, unsigned *missing)
{
	uint64_t bits = 0;

	*missing = 0;
	for (size_t i = 0; i < count; i++) {
		int bit = keyword_bit(row, names[i]);
		bool twice = false;

		for (size_t j = 0; bit < 0 && j < i && !twice; j++)
			twice = hf_str_ieq(names[i], names[j]);
		if (bit >= 0)
			bits |= UINT64_C(1) << bit;
		else if (!twice)
			++*missing;
	}
	return bits;
}

enum hf_status mailbox_keywords(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_str *names,
				size_t count, bool drop, uint64_t *bits)
{
	struct row_mailbox *row = &mailbox->row;
	unsigned missing;

	*bits = mailbox_keywords_find(row, names, count, &missing);
	if (!missing)
		return HF_OK;
	if (!drop && row->keyword_count + missing > HF_KEYWORDS_MAX)
		return HF_ELIMIT;
	for (size_t i = 0; i < count; i++) {
		int bit = keyword_bit(row, names[i]);

		if (bit < 0) {
			if (row->keyword_count == HF_KEYWORDS_MAX || names[i].size > HF_KEYWORD_SIZE_MAX)
				continue;
			bit = (int)row->keyword_count++;
			row->keywords[bit] = batch_str(batch, names[i]);
			mailbox->keywords_changed = true;
			batch_touch_mailbox(batch, mailbox);
		}
		*bits |= UINT64_C(1) << bit;
	}
	return HF_OK;
}

enum hf_status keyword_map(struct keyword_map *map, uint64_t from, uint64_t *to)
{
	*to = map->source == map->target ? from : 0;
	for (unsigned bit = 0; map->source != map->target && bit < HF_KEYWORDS_MAX && from >> bit; bit++) {
		enum hf_status status;

		if (!(from >> bit & 1) || bit >= map->source->row.keyword_count)
			continue;
		if (!(map->known >> bit & 1)) {
			status = mailbox_keywords(map->batch, map->target, &map->source->row.keywords[bit], 1, true,
						  &map->bits[bit]);
			if (status != HF_OK)
				return status;
			map->known |= UINT64_C(1) << bit;
		}
		map->dropped = map->dropped || !map->bits[bit];
		*to |= map->bits[bit];
	}
	return HF_OK;
}

/* Leaving --------------------------------------------------------------------------------------------------------- */

void keeping_begin(struct keeping *keeping, struct batch *batch, struct batch_mailbox *mailbox, struct hf_mod modseq)
{
	keeping->batch = batch;
	keeping->mailbox = mailbox;
	keeping->row.time = batch->now;
	keeping->row.modseq = modseq;
	keeping->row.count = 0;
}

enum hf_status keeping_end(struct keeping *keeping)
{
	struct batch *batch = keeping->batch;
	int64_t due = keeping->row.time + (int64_t)batch->store->settings.kept_s;
	struct hf_uid first;
	struct row_key key;
	enum hf_status status;

	if (!keeping->row.count)
		return HF_OK;
	first = keeping->row.records[0].uid;
	hf_buf_clear(&batch->row);
	row_kept_encode(first, &keeping->row, &batch->row);
	keeping->row.count = 0;
	key_message(&key, keeping->mailbox->id, first);
	status = batch_put(batch, TABLE_KEPT, &key, hf_buf_str(&batch->row));
	if (status != HF_OK)
		return status;
	return due_put(batch, due, keeping->mailbox->id, first.n, keeping->mailbox->row.owner, 0);
}

enum hf_status keeping_add(struct keeping *keeping, const struct hf_record *record)
{
	keeping->row.records[keeping->row.count++] = *record;
	return keeping->row.count == KEPT_RECORDS ? keeping_end(keeping) : HF_OK;
}

enum hf_status index_free_piece(struct batch *batch, struct batch_mailbox *mailbox, uint32_t from, uint32_t below, unsigned max,
				bool counted)
{
	struct hf_set all = HF_SET_INIT;
	struct index_walk walk;
	struct hf_record record;
	unsigned count = 0;
	enum hf_status status = HF_OK;

	hf_set_add_range(&all, from, UINT32_MAX);
	index_walk_init(&walk, batch, mailbox->id, &all, from, below);
	while (count < max && (status = index_walk_next(&walk, &record)) == HF_OK) {
		if (counted)
			mailbox_count(batch, mailbox, NULL, &record, -1);
		status = index_walk_delete(&walk);
		if (status == HF_OK)
			status = email_unref(batch, mailbox->row.owner, record.email);
		if (status != HF_OK)
			break;
		count++;
	}
	index_walk_fini(&walk);
	hf_set_fini(&all);
	if (status == HF_ENONEXISTENT)
		return HF_OK;
	return status == HF_OK ? HF_MORE : status;
}

static enum hf_status gone_trim(struct batch *batch, struct batch_mailbox *mailbox)
{
	struct cursor *cursor = NULL;
	struct hf_str key, value;
	struct row_key from;
	unsigned removed = 0;
	enum hf_status status = cursor_open(batch->store->env, batch->txn, TABLE_GONE, &cursor);

	key_gone(&from, mailbox->id, HF_MOD(0));
	if (status == HF_OK)
		status = cursor_seek(cursor, &from, &key, &value);
	while (status == HF_OK && removed < GONE_ROWS_MAX / 2 && key_be64(key, 0) == mailbox->id) {
		mailbox->row.gone_floor = key_be64(key, 8);
		batch->writes++;
		status = cursor_delete(cursor);
		removed++;
		if (status == HF_OK)
			status = cursor_next(cursor, &key, &value);
	}
	cursor_close(&cursor);
	mailbox->row.gone_count -= removed < mailbox->row.gone_count ? removed : mailbox->row.gone_count;
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status mailbox_gone(struct batch *batch, struct batch_mailbox *mailbox, const struct hf_set *uids,
			    struct hf_mod modseq)
{
	struct row_key key;
	enum hf_status status;

	hf_buf_clear(&batch->row);
	row_gone_encode(uids, &batch->row);
	key_gone(&key, mailbox->id, modseq);
	status = batch_put(batch, TABLE_GONE, &key, hf_buf_str(&batch->row));
	if (status == HF_OK && ++mailbox->row.gone_count > GONE_ROWS_MAX)
		status = gone_trim(batch, mailbox);
	return status;
}
