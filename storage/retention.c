/* SPDX-License-Identifier: BSD-2-Clause */
/* Retention in the background.
 *
 * SAVEDATE rises with UIDs, since every message that comes is saved then. So what has been in a mailbox for too long is at its beginning,
 * and reading stops at the first message that has not; a clock that was ahead for a while delays it by no more than it was wrong. Which
 * mailboxes have a rule is found out once, by reading all mailbox rows in slices; after that only those are looked at of which the
 * flusher says that they changed. Of each, the moment is remembered before which nothing in it can be due: what comes
 * later is due later. So a run costs what there is to expunge, and a look at a list of numbers.
 *
 * `lock` guards what others than the housekeeping thread touch; the rest is that thread's alone. */

#include "storage/retention_priv.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/counter.h"
#include "base/mem.h"
#include "storage/op_priv.h"

#define EVERY_S 3600
#define SCAN_ROWS 2000       /* mailbox rows looked at in one step */
#define LOOK 100000          /* remembered moments looked at in one step */
#define PIECE 256            /* messages read and expunged in one step */
#define NEWS_MAX 100000      /* more changed mailboxes than this: all are looked through again */
#define PIECES 64            /* of messages of the future, read in one step */
#define AHEAD_S 86400        /* saved so far in the future: the clock was wrong, it says nothing about those behind it */

struct rules {
	struct hf_retention_rule *rules;
	size_t count;
};

struct watched {
	uint64_t mailbox;
	int64_t due; /* before this nothing in it is; 0: not known */
	uint32_t s;
};

enum phase { RESTING, SCANNING, VISITING };

struct retention {
	struct hf_store *store;
	pthread_mutex_t lock;
	struct rules rules HF_GUARDED_BY(lock);
	uint32_t every_s HF_GUARDED_BY(lock);
	bool changed HF_GUARDED_BY(lock);   /* the rules; or too much else */
	bool soon HF_GUARDED_BY(lock);      /* the next run need not wait */
	bool watching HF_GUARDED_BY(lock);  /* there is a rule, or a mailbox with a time of its own */
	uint64_t *news HF_GUARDED_BY(lock);
	size_t news_count, news_capacity;

	/* the housekeeping thread's */
	enum phase phase;
	struct rules now; /* those of this run */
	uint64_t next_ms;
	bool scanned;
	struct row_key scan_from;
	struct watched *watched; /* ascending by mailbox, but for those added behind `sorted` */
	size_t count, capacity, sorted, at;
	uint64_t began_ms, messages, size;
	unsigned mailboxes;
	uint64_t last; /* the mailbox counted last */

	struct hf_counter *count_runs, *count_messages, *count_octets, *count_watched;
};

/* Rules ------------------------------------------------------------------------------------------------------------ */

static void rules_fini(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		hf_free((void *)(uintptr_t)rules->rules[i].mailbox.data);
	hf_free(rules->rules);
	*rules = (struct rules){ NULL, 0 };
}

static void rules_copy(struct rules *to, const struct hf_retention_rule *rules, size_t count)
{
	rules_fini(to);
	to->rules = hf_alloc_zero((count ? count : 1) * sizeof(*to->rules));
	to->count = count;
	for (size_t i = 0; i < count; i++) {
		to->rules[i] = rules[i];
		to->rules[i].mailbox.data = rules[i].mailbox.size ? hf_strndup(rules[i].mailbox.data, rules[i].mailbox.size)
								  : NULL;
	}
}

static bool rules_find(const struct rules *rules, struct hf_str name, uint32_t special_use, size_t *index)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct hf_retention_rule *rule = &rules->rules[i];

		if (rule->mailbox.size ? hf_str_eq(rule->mailbox, name) : (special_use & rule->special_use) != 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

enum hf_status retention_own(struct hf_store *store, uint64_t mailbox, uint32_t *s)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	uint64_t number;
	enum hf_status status;

	key_id(&key, META_RETENTION, mailbox);
	status = table_get(store->env, NULL, TABLE_META, &key, &value);
	if (status == HF_OK)
		status = row_id_decode(hf_buf_str(&value), &number);
	if (status == HF_OK)
		*s = (uint32_t)number;
	hf_buf_fini(&value);
	return status;
}

/* In seconds; 0: its messages stay. */
static uint32_t time_of(struct hf_store *store, const struct rules *rules, uint64_t mailbox, const struct row_mailbox *row)
{
	uint32_t s;
	size_t rule;
	enum hf_status status = retention_own(store, mailbox, &s);

	if (status == HF_OK)
		return s;
	if (status != HF_ENONEXISTENT) /* not to be known: nothing is thrown away */
		return 0;
	return rules_find(rules, row->name, row->special_use, &rule) ? rules->rules[rule].s : 0;
}

/* What is over ----------------------------------------------------------------------------------------------------- */

struct over {
	struct hf_set uids;
	uint64_t size;
	int64_t oldest;
	int64_t next; /* when the first of the others will be due */
	uint32_t from; /* where to go on */
	bool more;
};

/* Those saved before `until` among the next messages, at most PIECE. */
static enum hf_status look(struct hf_store *store, uint64_t mailbox, int64_t now, uint32_t s, struct over *over)
{
	struct hf_record *records = hf_alloc(PIECE * sizeof(*records));
	uint32_t count = 0;
	enum hf_status status = hf_rows_index(store, mailbox, HF_UID(over->from), PIECE, records, &count);

	over->more = count == PIECE;
	over->next = now + s;
	for (uint32_t i = 0; i < count; i++) {
		int64_t saved = records[i].saved;

		over->from = records[i].uid.n + 1;
		if (saved > now + AHEAD_S)
			continue;
		if (saved + s > now) {
			over->next = saved + s;
			over->more = false;
			break;
		}
		hf_set_add(&over->uids, records[i].uid.n);
		over->size += records[i].size;
		if (!over->oldest || saved < over->oldest)
			over->oldest = saved;
	}
	hf_free(records);
	return status;
}

static enum hf_status expunge(struct hf_store *store, uint64_t mailbox, const struct over *over, uint64_t *messages)
{
	struct hf_op *op = op_expunge_new(mailbox, &over->uids, true);
	enum hf_status status = hf_store_run(store, op);

	*messages = hf_set_size(hf_op_expunged(op));
	hf_op_free(&op);
	return status;
}

/* Which mailboxes -------------------------------------------------------------------------------------------------- */

static void watch(struct retention *r, uint64_t mailbox, uint32_t s)
{
	if (r->count == r->capacity) {
		r->capacity = r->capacity ? 2 * r->capacity : 64;
		r->watched = hf_realloc_array(r->watched, r->capacity, sizeof(*r->watched));
	}
	r->watched[r->count++] = (struct watched){ mailbox, 0, s };
}

static struct watched *find_watched(struct retention *r, uint64_t mailbox)
{
	size_t low = 0, high = r->sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->watched[middle].mailbox < mailbox)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->sorted && r->watched[low].mailbox == mailbox ? &r->watched[low] : NULL;
}

static int by_mailbox(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return (x->mailbox > y->mailbox) - (x->mailbox < y->mailbox);
}

/* In order, each once, without those that no rule is for any more. */
static void settle_watched(struct retention *r)
{
	size_t left = 0;

	if (r->count)
		qsort(r->watched, r->count, sizeof(*r->watched), by_mailbox);
	for (size_t i = 0; i < r->count; i++) {
		if (!r->watched[i].s)
			continue;
		if (left && r->watched[left - 1].mailbox == r->watched[i].mailbox)
			r->watched[left - 1].due = 0;
		else
			r->watched[left++] = r->watched[i];
	}
	r->count = r->sorted = left;
	hf_counter_set(r->count_watched, (int64_t)left);
}

static bool any_own(struct hf_store *store)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool any;

	key_begin(&from, META_RETENTION);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 8192);
	any = scan_next(&scan, &key, &value) == HF_OK;
	scan_close(&scan);
	return any;
}

/* A slice of all mailbox rows. False: that was the last. */
static bool scan_slice(struct retention *r)
{
	struct hf_arena *arena = hf_arena_new();
	struct scan scan;
	struct hf_str key, value;
	bool more = true;

	scan_open(&scan, r->store->env, TABLE_META, &r->scan_from, 1, 64 * 1024);
	for (unsigned i = 0; i < SCAN_ROWS && more; i++) {
		struct row_mailbox row;
		uint32_t s;

		more = scan_next(&scan, &key, &value) == HF_OK;
		if (!more)
			break;
		key_id(&r->scan_from, META_MAILBOX, key_be64(key, 1) + 1);
		hf_arena_reset(arena);
		if (row_mailbox_decode(arena, value, &row) != HF_OK || row.flags & MAILBOX_DELETED)
			continue;
		s = time_of(r->store, &r->now, key_be64(key, 1), &row);
		if (s)
			watch(r, key_be64(key, 1), s);
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	return more;
}

/* Mailboxes that have changed since the last run. */
static void take_news(struct retention *r)
{
	struct hf_arena *arena = hf_arena_new();
	uint64_t *news;
	size_t count;

	pthread_mutex_lock(&r->lock);
	news = r->news;
	count = r->news_count;
	r->news = NULL;
	r->news_count = r->news_capacity = 0;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < count; i++) {
		struct watched *watched = find_watched(r, news[i]);
		struct row_mailbox row;
		uint32_t s = 0;

		hf_arena_reset(arena);
		if (mailbox_get(r->store, news[i], arena, &row) == HF_OK)
			s = time_of(r->store, &r->now, news[i], &row);
		if (watched) {
			watched->s = s;
			watched->due = 0;
		} else if (s) {
			watch(r, news[i], s);
		}
	}
	hf_free(news);
	hf_arena_free(&arena);
	settle_watched(r);
}

/* A run ------------------------------------------------------------------------------------------------------------ */

static void count_one(struct retention *r, uint64_t mailbox, const struct row_mailbox *row, const struct over *over,
		      uint64_t messages)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_user user = { .name = HF_STR("?") };

	(void)(user_get(r->store, row->owner, arena, &user) == HF_OK);
	hf_info(&r->store->log, "retention user=%s mailbox=%s expunged=%llu size=%llu", hf_log_quote(user.name),
		hf_log_quote(row->name), (unsigned long long)messages, (unsigned long long)over->size);
	hf_arena_free(&arena);
	r->messages += messages;
	r->size += over->size;
	r->mailboxes += r->last != mailbox;
	r->last = mailbox;
	hf_counter_add(r->count_messages, (int64_t)messages);
	hf_counter_add(r->count_octets, (int64_t)over->size);
}

/* One piece of the mailbox. True: it is done with for now. */
static bool visit(struct retention *r, struct watched *watched, int64_t now)
{
	struct hf_arena *arena = hf_arena_new();
	struct over over = { .from = 1 };
	struct row_mailbox row;
	uint64_t messages = 0;
	bool done = true;
	unsigned pieces = 0;
	enum hf_status status = mailbox_get(r->store, watched->mailbox, arena, &row);

	if (status == HF_OK && row.messages)
		do {
			status = look(r->store, watched->mailbox, now, watched->s, &over);
		} while (status == HF_OK && over.more && hf_set_is_empty(&over.uids) && ++pieces < PIECES);
	else
		over.next = now + watched->s;
	if (status == HF_OK && !hf_set_is_empty(&over.uids)) {
		status = expunge(r->store, watched->mailbox, &over, &messages);
		if (status == HF_OK && messages)
			count_one(r, watched->mailbox, &row, &over, messages);
		done = status != HF_OK || !over.more;
	}
	if (status == HF_ENONEXISTENT)
		watched->s = 0; /* gone; it is news again should it come back */
	watched->due = status == HF_OK && done ? over.next : 0;
	hf_set_fini(&over.uids);
	hf_arena_free(&arena);
	return done;
}

/* With the rules as they are now. False: there is nothing to apply. */
static bool begin(struct retention *r)
{
	bool own = any_own(r->store), changed;

	pthread_mutex_lock(&r->lock);
	changed = r->changed || !r->scanned;
	r->changed = false;
	r->watching = r->rules.count || own || r->news_count;
	if (changed)
		rules_copy(&r->now, r->rules.rules, r->rules.count);
	own = r->watching;
	if (!own)
		r->next_ms = hf_now_ms() + (uint64_t)r->every_s * 1000;
	pthread_mutex_unlock(&r->lock);
	if (!own) {
		r->count = r->sorted = 0;
		r->scanned = false; /* nobody notes what changes */
		hf_counter_set(r->count_watched, 0);
		return false;
	}
	r->began_ms = hf_now_ms();
	r->messages = r->size = r->last = 0;
	r->mailboxes = 0;
	r->at = 0;
	r->phase = VISITING;
	if (changed) {
		r->count = r->sorted = 0;
		key_begin(&r->scan_from, META_MAILBOX);
		r->phase = SCANNING;
	} else {
		take_news(r);
	}
	return true;
}

static void end(struct retention *r)
{
	pthread_mutex_lock(&r->lock);
	r->next_ms = r->changed ? 0 : hf_now_ms() + (uint64_t)r->every_s * 1000;
	pthread_mutex_unlock(&r->lock);
	r->phase = RESTING;
	settle_watched(r);
	hf_counter_add(r->count_runs, 1);
	if (r->messages)
		hf_info(&r->store->log, "retention-run mailboxes=%u expunged=%llu size=%llu watched=%zu ms=%llu", r->mailboxes,
			(unsigned long long)r->messages, (unsigned long long)r->size, r->count,
			(unsigned long long)(hf_now_ms() - r->began_ms));
	else
		hf_debug(&r->store->log, "retention-run expunged=0 watched=%zu ms=%llu", r->count,
			 (unsigned long long)(hf_now_ms() - r->began_ms));
}

static bool is_changed(struct retention *r)
{
	bool changed;

	pthread_mutex_lock(&r->lock);
	changed = r->changed;
	pthread_mutex_unlock(&r->lock);
	return changed;
}

static bool is_time(struct retention *r)
{
	bool time;

	pthread_mutex_lock(&r->lock);
	time = r->changed || r->soon || hf_now_ms() >= r->next_ms;
	r->soon = false;
	pthread_mutex_unlock(&r->lock);
	return time;
}

bool retention_step(struct hf_store *store)
{
	struct retention *r = store->retention;
	int64_t now = hf_now_s();

	if (r->phase == RESTING)
		return is_time(r) && begin(r);
	if (is_changed(r)) {
		end(r);
		return true;
	}
	if (r->phase == SCANNING) {
		if (!scan_slice(r)) {
			r->scanned = true;
			settle_watched(r);
			take_news(r);
			r->phase = VISITING;
		}
		return true;
	}
	for (unsigned i = 0; i < LOOK && r->at < r->count; i++) {
		if (r->watched[r->at].due > now) {
			r->at++;
			continue;
		}
		r->at += visit(r, &r->watched[r->at], now);
		return true;
	}
	if (r->at == r->count)
		end(r);
	return true;
}

static void add_news(struct retention *r, uint64_t mailbox) HF_REQUIRES(r->lock)
{
	if (r->watching && r->news_count == NEWS_MAX) {
		r->news_count = 0;
		r->changed = true;
	} else if (r->watching) {
		if (r->news_count == r->news_capacity) {
			r->news_capacity = r->news_capacity ? 2 * r->news_capacity : 64;
			r->news = hf_realloc_array(r->news, r->news_capacity, sizeof(*r->news));
		}
		r->news[r->news_count++] = mailbox;
	}
}

void retention_news(struct hf_store *store, uint64_t mailbox)
{
	struct retention *r = store->retention;

	pthread_mutex_lock(&r->lock);
	add_news(r, mailbox);
	pthread_mutex_unlock(&r->lock);
}

void retention_changed(struct hf_store *store, uint64_t mailbox)
{
	struct retention *r = store->retention;

	pthread_mutex_lock(&r->lock);
	r->watching = r->soon = true;
	add_news(r, mailbox);
	pthread_mutex_unlock(&r->lock);
}

void hf_store_set_retention(struct hf_store *store, const struct hf_retention_rule *rules, size_t count, uint32_t every_s)
{
	struct retention *r = store->retention;

	pthread_mutex_lock(&r->lock);
	rules_copy(&r->rules, rules, count);
	r->every_s = every_s;
	r->changed = true;
	pthread_mutex_unlock(&r->lock);
}

struct retention *retention_new(struct hf_store *store)
{
	struct retention *r = hf_alloc_zero(sizeof(*r));

	r->store = store;
	pthread_mutex_init(&r->lock, NULL);
	r->every_s = EVERY_S;
	r->watching = true; /* until the first run knows better */
	r->count_runs = hf_counter_get("retention.runs", "times that retention was applied");
	r->count_messages = hf_counter_get("retention.messages", "messages expunged because their time was over");
	r->count_octets = hf_counter_get("retention.octets", "their octets");
	r->count_watched = hf_counter_get("retention.mailboxes", "mailboxes with a time of retention");
	return r;
}

void retention_free(struct retention **pointer)
{
	struct retention *r = *pointer;

	*pointer = NULL;
	if (!r)
		return;
	rules_fini(&r->rules);
	rules_fini(&r->now);
	hf_free(r->news);
	hf_free(r->watched);
	pthread_mutex_destroy(&r->lock);
	hf_free(r);
}

/* For administrators ----------------------------------------------------------------------------------------------- */

enum hf_status hf_retention_get(struct hf_store *store, const struct hf_mailbox_info *info, struct hf_retention *retention)
{
	struct retention *r = store->retention;
	enum hf_status status = retention_own(store, info->id, &retention->s);

	*retention = (struct hf_retention){ .s = status == HF_OK ? retention->s : 0, .own = status == HF_OK };
	if (status != HF_ENONEXISTENT)
		return status;
	pthread_mutex_lock(&r->lock);
	retention->by_rule = rules_find(&r->rules, info->name, info->special_use, &retention->rule);
	if (retention->by_rule)
		retention->s = r->rules.rules[retention->rule].s;
	pthread_mutex_unlock(&r->lock);
	return HF_OK;
}

enum hf_status hf_retention_each(struct hf_store *store, bool (*fn)(void *arg, uint64_t owner, struct hf_str mailbox, uint32_t s),
				 void *arg)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status;
	bool more = true;

	key_begin(&from, META_RETENTION);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 64 * 1024);
	while (more && (status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct row_mailbox row;
		uint64_t s;

		hf_arena_reset(arena);
		status = row_id_decode(value, &s);
		if (status != HF_OK)
			break;
		if (mailbox_get(store, key_be64(key, 1), arena, &row) == HF_OK)
			more = fn(arg, row.owner, row.name, (uint32_t)s);
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

static bool is_stopped(const bool *stop)
{
	return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

static enum hf_status run_mailbox(struct hf_store *store, struct hf_retained *retained, bool dry_run, const bool *stop)
{
	struct over over = { .from = 1 };
	int64_t now = hf_now_s();
	enum hf_status status;

	do {
		uint64_t messages;

		status = look(store, retained->mailbox, now, retained->s, &over);
		messages = hf_set_size(&over.uids);
		if (status == HF_OK && !dry_run && messages)
			status = expunge(store, retained->mailbox, &over, &messages);
		if (status != HF_OK)
			break;
		retained->messages += messages;
		hf_set_clear(&over.uids);
	} while (over.more && !is_stopped(stop));
	retained->size = over.size;
	retained->oldest = over.oldest;
	hf_set_fini(&over.uids);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

enum hf_status hf_retention_run(struct hf_store *store, bool dry_run, void (*fn)(void *arg, const struct hf_retained *retained),
				void *arg, const bool *stop)
{
	struct retention *r = store->retention;
	struct hf_arena *arena = hf_arena_new();
	struct rules rules = { NULL, 0 };
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	enum hf_status status = HF_OK;

	pthread_mutex_lock(&r->lock);
	rules_copy(&rules, r->rules.rules, r->rules.count);
	pthread_mutex_unlock(&r->lock);
	key_begin(&from, META_MAILBOX);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 64 * 1024);
	while (!is_stopped(stop) && (status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct hf_retained retained = { .mailbox = key_be64(key, 1) };
		struct row_mailbox row;

		hf_arena_reset(arena);
		status = row_mailbox_decode(arena, value, &row);
		if (status != HF_OK)
			break;
		if (row.flags & MAILBOX_DELETED)
			continue;
		retained.owner = row.owner;
		retained.name = row.name;
		retained.s = time_of(store, &rules, retained.mailbox, &row);
		if (!retained.s)
			continue;
		status = run_mailbox(store, &retained, dry_run, stop);
		if (status != HF_OK)
			break;
		if (retained.messages)
			fn(arg, &retained);
	}
	scan_close(&scan);
	rules_fini(&rules);
	hf_arena_free(&arena);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}
