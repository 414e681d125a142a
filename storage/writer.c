/* SPDX-License-Identifier: BSD-2-Clause */
/* Writer and flusher.
 *
 * Operations wait in one queue, first come, first served. Whoever has the writer's role takes up to 64 of them (or 1 MiB),
 * applies them in one transaction, commits it without waiting for the disk, and queues the batch for the flusher.
 * Whoever has the flusher's role flushes the log once for all batches queued, publishes them in the order of their commits,
 * and wakes who waits. The two overlap.
 *
 * The roles are two flags. A thread of their own takes each when there is work and nobody else has it; a submitter that finds the
 * queue empty and nobody applying does its own operation on the spot, and the flush too if nobody is at one: each saves a
 * hand-over between cores. Not with what is written ahead of an operation to come: the submitter has more of it to take in.
 *
 * An operation that fails after it changed something spoils its batch: the transaction is given up and its operations are
 * run again, one by one. `lock` guards all of struct writer but what says otherwise; no lock is held while applying, flushing
 * or publishing. */

#include "config.h" /* HF_ACK_BEFORE_FLUSH */

#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/mem.h"
#include "storage/op_priv.h"

#define BATCH_OPS 64
#define BATCH_OCTETS (1u << 20)
#define BATCHES_MAX 16 /* waiting for the flusher */
/* Free space is looked at so often while as much as the reserve is handed over: it is written to the log and to pages, and what it
 * makes of pages may be in memory still. */
#define LOOKS_IN_RESERVE 32
#define DEADLOCK_TRIES 100
/* Octets written ahead are not waited for; but whoever needs them should not have to wait for the disk to take all of them. */
#define AHEAD_UNFLUSHED (512u << 10)

struct op_list {
	struct hf_op *first, **end;
};

struct barrier {
	struct barrier *next;
	uint64_t until;
	struct hf_waiter *waiter;
};

struct writer {
	struct hf_store *store;
	pthread_mutex_t lock;
	pthread_cond_t work, flush_work, room, tick;
	pthread_t writer_thread, flusher_thread, care_thread;
	bool started;

	struct op_list queue HF_GUARDED_BY(lock);
	struct op_list later HF_GUARDED_BY(lock); /* submitted by the housekeeping thread */
	bool applying, flushing HF_GUARDED_BY(lock); /* the roles */
	struct batch *batches, **batches_end HF_GUARDED_BY(lock);
	unsigned batch_count HF_GUARDED_BY(lock);
	uint64_t begun, published HF_GUARDED_BY(lock); /* batches */
	struct barrier *barriers HF_GUARDED_BY(lock);
	bool full, stopping, stopped HF_GUARDED_BY(lock);
	bool relaxed_pending HF_GUARDED_BY(lock); /* answered but not flushed: flags_relaxed */
	uint64_t unlooked HF_GUARDED_BY(lock); /* octets taken since free space was looked at last */
	uint64_t unflushed HF_GUARDED_BY(lock); /* octets of batches published without a flush, as nobody waits for it */

	/* writer's role only */
	struct op_list held;
	uint64_t *held_mailboxes;
	size_t held_count;
	bool release;

	pthread_mutex_t done_lock; /* leaf; `done`, `waiter`, `abandoned` of all operations; held while waking */
	struct hf_counter *count_ops, *count_batches, *count_flushes;
};

static void list_init(struct op_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct op_list *list, struct hf_op *op)
{
	op->next = NULL;
	*list->end = op;
	list->end = &op->next;
}

static struct hf_op *list_take(struct op_list *list)
{
	struct hf_op *op = list->first;

	if (op) {
		list->first = op->next;
		if (!list->first)
			list->end = &list->first;
		op->next = NULL;
	}
	return op;
}

static void list_prepend(struct op_list *list, struct op_list *front)
{
	if (!front->first)
		return;
	*front->end = list->first;
	if (!list->first)
		list->end = front->end;
	list->first = front->first;
	list_init(front);
}

/* Completion ------------------------------------------------------------------------------------------------------ */

/* All of a list. */
static void complete(struct writer *w, struct hf_op *first)
{
	struct hf_op *abandoned = NULL, *next;

	for (struct hf_op *op = first; op; op = op->next)
		if (op->kind->finished)
			op->kind->finished(op, op->status);
	pthread_mutex_lock(&w->done_lock);
	for (struct hf_op *op = first; op; op = next) {
		next = op->next; /* once woken, its owner frees it */
		op->done = true;
		if (op->abandoned) {
			op->next = abandoned;
			abandoned = op;
		} else {
			hf_waiter_wake(op->waiter);
		}
	}
	pthread_mutex_unlock(&w->done_lock);
	for (; abandoned; abandoned = next) {
		next = abandoned->next;
		op_destroy(abandoned);
	}
}

bool hf_op_is_done(const struct hf_op *op)
{
	bool done;

	if (!op->store)
		return false;
	pthread_mutex_lock(&op->store->writer->done_lock);
	done = op->done;
	pthread_mutex_unlock(&op->store->writer->done_lock);
	return done;
}

enum hf_status hf_op_status(const struct hf_op *op)
{
	return op->status;
}

void hf_op_free(struct hf_op **op)
{
	if (!*op)
		return;
	hf_assert(!(*op)->store || hf_op_is_done(*op));
	op_destroy(*op);
	*op = NULL;
}

void hf_op_abandon(struct hf_op **pointer)
{
	struct hf_op *op = *pointer;
	bool destroy = true;

	*pointer = NULL;
	if (!op)
		return;
	if (op->store) {
		struct writer *w = op->store->writer;

		pthread_mutex_lock(&w->done_lock);
		destroy = op->done;
		op->abandoned = true;
		op->waiter = NULL;
		pthread_mutex_unlock(&w->done_lock);
	}
	if (destroy)
		op_destroy(op);
}

/* The writer's role ----------------------------------------------------------------------------------------------- */

void writer_hold(struct writer *w, uint64_t mailbox)
{
	w->held_mailboxes = hf_realloc_array(w->held_mailboxes, w->held_count + 1, sizeof(*w->held_mailboxes));
	w->held_mailboxes[w->held_count++] = mailbox;
}

bool writer_holds(struct writer *w, uint64_t mailbox)
{
	for (size_t i = 0; i < w->held_count; i++)
		if (w->held_mailboxes[i] == mailbox)
			return true;
	return false;
}

void writer_release(struct writer *w, uint64_t mailbox)
{
	for (size_t i = 0; i < w->held_count; i++) {
		if (w->held_mailboxes[i] == mailbox) {
			w->held_mailboxes[i] = w->held_mailboxes[--w->held_count];
			w->release = true;
			return;
		}
	}
}

static void push_batch(struct writer *w, struct batch *batch)
{
	pthread_mutex_lock(&w->lock);
	batch->next = NULL;
	*w->batches_end = batch;
	w->batches_end = &batch->next;
	w->batch_count++;
	pthread_mutex_unlock(&w->lock);
}

static void count_begun(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->begun++;
	pthread_mutex_unlock(&w->lock);
}

static void settle(struct writer *w, struct batch *batch, struct hf_op *op, enum hf_status status)
{
	if (status == HF_WAIT) {
		list_add(&w->held, op);
		return;
	}
	if (status != HF_OK && status != HF_MORE) {
		op_piece_clear(op);
		if (op->kind->failed)
			op->kind->failed(op);
	} else {
		op_piece_merge(op);
		if (op->kind->committed)
			op->kind->committed(op);
	}
	if (status == HF_MORE) {
		pthread_mutex_lock(&w->lock);
		list_add(&w->queue, op);
		pthread_mutex_unlock(&w->lock);
		return;
	}
	op->status = status;
	op->next = NULL;
	*batch->completed_end = op;
	batch->completed_end = &op->next;
}

/* Applies `count` operations in one transaction. False: it was given up, nothing has happened. `alone`: an operation
 * that fails after a change gets its status, and its transaction is given up. */
static bool apply(struct writer *w, struct batch *batch, struct hf_op **ops, size_t count, bool alone)
{
	enum hf_status statuses[BATCH_OPS], status;
	bool deadlocked = false;
	size_t i;

	status = batch_begin(batch);
	if (status != HF_OK)
		env_fail(w->store->env, "begin", 0);
	for (i = 0; i < count; i++) {
		uint64_t before = batch->writes;

		op_piece_clear(ops[i]);
		batch->op = ops[i];
		statuses[i] = ops[i]->kind->apply(ops[i], batch);
		batch->op = NULL;
		if (txn_deadlocked(batch->txn) || (statuses[i] > HF_WAIT && batch->writes != before))
			break;
		fault_at(FAULT_OP_APPLIED);
	}
	status = i == count ? batch_commit(batch) : statuses[i] > HF_WAIT ? statuses[i] : HF_EIO;
	if (status != HF_OK) {
		batch_abort(batch, &deadlocked);
		if (deadlocked || !alone)
			return false;
		settle(w, batch, ops[0], status);
		return true;
	}
	fault_at(FAULT_BATCH_COMMITTED);
	batch->relaxed = w->store->settings.flags_relaxed;
	batch->ahead = true;
	for (i = 0; i < count; i++) {
		batch->relaxed = batch->relaxed && ops[i]->kind->is_flags;
		batch->ahead = batch->ahead && ops[i]->kind->is_ahead;
		batch->octets += ops[i]->cost;
		settle(w, batch, ops[i], statuses[i]);
	}
	return true;
}

static void apply_alone(struct writer *w, struct hf_op *op)
{
	struct batch *batch = batch_new(w->store);
	unsigned tries = 0;

	count_begun(w);
	while (!apply(w, batch, &op, 1, true)) {
		struct timespec pause = { 0, 100000 };

		if (++tries == DEADLOCK_TRIES)
			env_fail(w->store->env, "a transaction that never gets its locks", 0);
		nanosleep(&pause, NULL);
	}
	push_batch(w, batch);
}

/* Free space is looked at each second; but in a second more than the reserve can be written. */
static void look_at_space(struct writer *w)
{
	bool due;

	pthread_mutex_lock(&w->lock);
	due = !w->full && w->unlooked > w->store->settings.reserve_size / LOOKS_IN_RESERVE;
	if (due)
		w->unlooked = 0;
	pthread_mutex_unlock(&w->lock);
	if (due && env_is_below_reserve(w->store->env))
		writer_set_full(w, true);
}

/* With the writer's role, without the lock. One batch has been counted as begun. */
static void apply_all(struct writer *w, struct hf_op **ops, size_t count)
{
	struct batch *batch = batch_new(w->store);
	bool applied = apply(w, batch, ops, count, false);

	look_at_space(w);
	push_batch(w, batch);
	for (size_t i = 0; !applied && i < count; i++)
		apply_alone(w, ops[i]);
	hf_counter_add(w->count_ops, (int64_t)count);
	hf_counter_add(w->count_batches, 1);
}

static size_t take_ops(struct writer *w, struct hf_op *ops[BATCH_OPS]) HF_REQUIRES(w->lock)
{
	size_t count = 0, octets = 0;

	while (count < BATCH_OPS && w->queue.first && (!count || octets + w->queue.first->cost <= BATCH_OCTETS)) {
		ops[count] = list_take(&w->queue);
		octets += ops[count++]->cost;
	}
	w->unlooked += octets;
	return count;
}

/* Gives the role back. */
static void end_applying(struct writer *w) HF_REQUIRES(w->lock)
{
	if (w->release) {
		w->release = false;
		list_prepend(&w->queue, &w->held);
	}
	w->applying = false;
	if (w->queue.first)
		pthread_cond_signal(&w->work);
}

/* The flusher's role ---------------------------------------------------------------------------------------------- */

static void publish(struct writer *w, struct batch *batch)
{
	batch_publish(batch);
	if (batch->completed) {
		fault_at(FAULT_BATCH_PUBLISHED);
		complete(w, batch->completed);
	}
	batch_free(&batch);
}

static struct barrier *take_barriers(struct writer *w, uint64_t published) HF_REQUIRES(w->lock)
{
	struct barrier *due = NULL, **at = &w->barriers;

	while (*at) {
		struct barrier *barrier = *at;

		if (barrier->until <= published) {
			*at = barrier->next;
			barrier->next = due;
			due = barrier;
		} else {
			at = &barrier->next;
		}
	}
	return due;
}

static void wake_barriers(struct barrier *barrier)
{
	while (barrier) {
		struct barrier *next = barrier->next;

		hf_waiter_wake(barrier->waiter);
		hf_free(barrier);
		barrier = next;
	}
}

/* All batches queued, once. Takes the lock given and leaves it taken. */
static void flush_round(struct writer *w) HF_REQUIRES(w->lock)
{
	struct batch *batch = w->batches, *next;
	bool flush = false, relaxed = false;

	w->flushing = true;
	w->batches = NULL;
	w->batches_end = &w->batches;
	w->batch_count = 0;
	for (next = batch; next; next = next->next) {
		if (!next->wrote)
			continue;
		if (next->ahead)
			w->unflushed += next->octets;
		else if (next->relaxed)
			relaxed = true;
		else
			flush = true;
	}
	flush = flush || w->unflushed >= AHEAD_UNFLUSHED;
	if (flush)
		w->unflushed = 0;
	w->relaxed_pending = !flush && (relaxed || w->relaxed_pending);
	pthread_mutex_unlock(&w->lock);
#ifndef HF_ACK_BEFORE_FLUSH
	if (flush) {
		env_flush(w->store->env);
		hf_counter_add(w->count_flushes, 1);
		fault_at(FAULT_BATCH_FLUSHED);
	}
#endif
	hf_wakes_hold();
	while (batch) {
		struct barrier *due;

		next = batch->next;
		publish(w, batch);
		pthread_mutex_lock(&w->lock);
		due = take_barriers(w, ++w->published);
		pthread_mutex_unlock(&w->lock);
		wake_barriers(due);
		batch = next;
	}
	hf_wakes_pass();
#ifdef HF_ACK_BEFORE_FLUSH
	env_flush(w->store->env);
#endif
	pthread_mutex_lock(&w->lock);
	w->flushing = false;
	pthread_cond_broadcast(&w->room);
	if (w->batches)
		pthread_cond_signal(&w->flush_work);
}

/* Submitting ------------------------------------------------------------------------------------------------------ */

void hf_store_submit(struct hf_store *store, struct hf_waiter *waiter, struct hf_op *op)
{
	struct writer *w = store->writer;
	bool refused;

	op->store = store;
	op->waiter = waiter;
	pthread_mutex_lock(&w->lock);
	refused = store->settings.read_only || w->stopped || w->full;
	if (refused) {
		pthread_mutex_unlock(&w->lock);
		op->status = HF_EUNAVAILABLE;
		op->next = NULL;
		complete(w, op);
		return;
	}
	if (w->applying || w->queue.first || w->batch_count >= BATCHES_MAX || op->kind->is_ahead) {
		list_add(&w->queue, op);
		if (!w->applying)
			pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->lock);
		return;
	}
	/* Nobody applies: the caller's thread does it, and the flush too if nobody else is at one. */
	w->applying = true;
	w->begun++;
	w->unlooked += op->cost;
	pthread_mutex_unlock(&w->lock);
	apply_all(w, &op, 1);
	pthread_mutex_lock(&w->lock);
	end_applying(w);
	if (!w->flushing)
		flush_round(w);
	pthread_mutex_unlock(&w->lock);
}

struct run_waiter {
	struct hf_waiter waiter;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool done;
};

static void run_wake(struct hf_waiter *waiter)
{
	struct run_waiter *run = HF_CONTAINER(waiter, struct run_waiter, waiter);

	pthread_mutex_lock(&run->lock);
	run->done = true;
	pthread_cond_signal(&run->woken);
	pthread_mutex_unlock(&run->lock);
}

static void run_sleep(struct run_waiter *run)
{
	pthread_mutex_lock(&run->lock);
	while (!run->done)
		pthread_cond_wait(&run->woken, &run->lock);
	pthread_mutex_unlock(&run->lock);
}

enum hf_status hf_store_run(struct hf_store *store, struct hf_op *op)
{
	struct run_waiter run = { .waiter = { run_wake } };

	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.woken, NULL);
	hf_store_submit(store, &run.waiter, op);
	run_sleep(&run);
	hf_assert(hf_op_is_done(op)); /* and the waker has left */
	pthread_mutex_destroy(&run.lock);
	pthread_cond_destroy(&run.woken);
	return op->status;
}

enum hf_status hf_store_barrier(struct hf_store *store, struct hf_waiter *waiter)
{
	struct writer *w = store->writer;
	enum hf_status status = HF_OK;

	pthread_mutex_lock(&w->lock);
	if (w->begun != w->published) {
		struct barrier *barrier = hf_alloc(sizeof(*barrier));

		*barrier = (struct barrier){ w->barriers, w->begun, waiter };
		w->barriers = barrier;
		status = HF_WAIT;
	}
	pthread_mutex_unlock(&w->lock);
	return status;
}

void writer_wait_published(struct writer *w)
{
	struct run_waiter run = { .waiter = { run_wake } };

	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.woken, NULL);
	if (hf_store_barrier(w->store, &run.waiter) == HF_WAIT)
		run_sleep(&run);
	pthread_mutex_destroy(&run.lock);
	pthread_cond_destroy(&run.woken);
}

void writer_later(struct writer *w, struct hf_op *op)
{
	pthread_mutex_lock(&w->lock);
	list_add(&w->later, op);
	pthread_mutex_unlock(&w->lock);
}

bool writer_is_idle(struct writer *w)
{
	bool idle;

	pthread_mutex_lock(&w->lock);
	idle = !w->applying && !w->flushing && !w->queue.first && !w->batches;
	pthread_mutex_unlock(&w->lock);
	return idle;
}

void writer_set_full(struct writer *w, bool full)
{
	bool changed;

	pthread_mutex_lock(&w->lock);
	changed = w->full != full;
	w->full = full;
	pthread_mutex_unlock(&w->lock);
	if (!changed)
		return;
	if (full)
		hf_error(&w->store->log, "store full=yes reserve=%llu action=\"writes are refused\"",
			 (unsigned long long)w->store->settings.reserve_size);
	else
		hf_info(&w->store->log, "store full=no action=\"writes go on\"");
}

bool writer_is_full(struct writer *w)
{
	bool full;

	pthread_mutex_lock(&w->lock);
	full = w->full;
	pthread_mutex_unlock(&w->lock);
	return full;
}

bool writer_is_stopping(struct writer *w)
{
	bool stopping;

	pthread_mutex_lock(&w->lock);
	stopping = w->stopping;
	pthread_mutex_unlock(&w->lock);
	return stopping;
}

/* Threads --------------------------------------------------------------------------------------------------------- */

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	struct hf_op *ops[BATCH_OPS];

	pthread_mutex_lock(&w->lock);
	for (;;) {
		size_t count;

		while (!w->stopped && (!w->queue.first || w->applying))
			pthread_cond_wait(&w->work, &w->lock);
		if (w->stopped)
			break;
		while (w->batch_count >= BATCHES_MAX)
			pthread_cond_wait(&w->room, &w->lock);
		if (w->applying || !w->queue.first)
			continue;
		w->applying = true;
		w->begun++;
		count = take_ops(w, ops);
		pthread_mutex_unlock(&w->lock);
		apply_all(w, ops, count);
		pthread_mutex_lock(&w->lock);
		end_applying(w);
		if (w->batches && !w->flushing)
			pthread_cond_signal(&w->flush_work);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void *flusher_main(void *arg)
{
	struct writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->stopped && (!w->batches || w->flushing))
			pthread_cond_wait(&w->flush_work, &w->lock);
		if (!w->batches)
			break;
		if (!w->flushing)
			flush_round(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* One step at least, however busy the store is; false when it is time for a pause. */
static bool collect(struct writer *w)
{
	bool idle = writer_is_idle(w);

	return collector_step(w->store) && idle;
}

/* Housekeeping: submits what can wait, keeps checkpoints and reserve, collects when nobody else writes. */
static void *care_main(void *arg)
{
	struct writer *w = arg;
	uint64_t ticked = 0;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		struct hf_op *op = list_take(&w->later);
		bool flush = w->relaxed_pending;
		uint64_t now = hf_now_ms();
		struct timespec until;

		if (!op && now - ticked >= 1000)
			w->relaxed_pending = false;
		pthread_mutex_unlock(&w->lock);
		if (op) {
			hf_store_submit(w->store, NULL, op);
			hf_op_abandon(&op);
		} else if (now - ticked >= 1000) {
			if (flush)
				env_flush(w->store->env);
			care_tick(w->store);
			ticked = now;
		} else if (!collect(w)) {
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_nsec += 200000000;
			if (until.tv_nsec >= 1000000000) {
				until.tv_sec++;
				until.tv_nsec -= 1000000000;
			}
			pthread_mutex_lock(&w->lock);
			if (!w->stopping)
				pthread_cond_timedwait(&w->tick, &w->lock, &until);
			continue;
		}
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct writer *writer_new(struct hf_store *store)
{
	struct writer *w = hf_alloc_zero(sizeof(*w));
	pthread_condattr_t monotonic;

	w->store = store;
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->done_lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->flush_work, NULL);
	pthread_cond_init(&w->room, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->tick, &monotonic);
	pthread_condattr_destroy(&monotonic);
	list_init(&w->queue);
	list_init(&w->later);
	list_init(&w->held);
	w->batches_end = &w->batches;
	w->count_ops = hf_counter_get("store.operations", "operations applied");
	w->count_batches = hf_counter_get("store.batches", "transactions committed");
	w->count_flushes = hf_counter_get("store.flushes", "log flushes");
	return w;
}

static void start(pthread_t *thread, void *(*main)(void *), struct writer *w, const char *name)
{
	int error = pthread_create(thread, NULL, main, w);

	if (error)
		env_fail(w->store->env, "starting a thread", error);
	pthread_setname_np(*thread, name);
}

void writer_start(struct writer *w)
{
	w->started = true;
	start(&w->writer_thread, writer_main, w, "hf-writer");
	start(&w->flusher_thread, flusher_main, w, "hf-flusher");
	start(&w->care_thread, care_main, w, "hf-care");
}

void writer_stop(struct writer *w)
{
	struct hf_op *op;

	if (!w->started)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->tick);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->care_thread, NULL);
	while ((op = list_take(&w->later))) {
		hf_store_submit(w->store, NULL, op);
		hf_op_abandon(&op);
	}
	pthread_mutex_lock(&w->lock);
	while (w->applying || w->flushing || w->queue.first || w->batches) {
		if (w->queue.first && !w->applying)
			pthread_cond_signal(&w->work);
		pthread_mutex_unlock(&w->lock);
		nanosleep(&(struct timespec){ 0, 200000 }, NULL);
		pthread_mutex_lock(&w->lock);
	}
	w->stopped = true;
	pthread_cond_signal(&w->work);
	pthread_cond_signal(&w->flush_work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->writer_thread, NULL);
	pthread_join(w->flusher_thread, NULL);
	w->started = false;
}

void writer_free(struct writer **pointer)
{
	struct writer *w = *pointer;

	if (!w)
		return;
	*pointer = NULL;
	wake_barriers(w->barriers);
	pthread_mutex_destroy(&w->lock);
	pthread_mutex_destroy(&w->done_lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->flush_work);
	pthread_cond_destroy(&w->room);
	pthread_cond_destroy(&w->tick);
	hf_free(w->held_mailboxes);
	hf_free(w);
}
