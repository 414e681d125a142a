/* SPDX-License-Identifier: BSD-2-Clause */
/* Helper threads: what may wait long runs here, never on a worker. A pool starts its threads when
 * there is work and none is free. Also the modules' background jobs, a thread each. */
#include "host/conn_priv.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

struct hf_pool {
	const char *name;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct hf_task *first HF_GUARDED_BY(lock)
	, *last HF_GUARDED_BY(lock);
	size_t waiting HF_GUARDED_BY(lock)
	, depth;
	unsigned threads_max, threads HF_GUARDED_BY(lock)
	, idle HF_GUARDED_BY(lock);
	bool stop HF_GUARDED_BY(lock);
	pthread_t *ids;
};

struct hf_pool *hf_pool_new(const char *name, unsigned threads, size_t depth)
{
	struct hf_pool *pool = hf_alloc_zero(sizeof(*pool));

	pool->name = name;
	pool->threads_max = threads;
	pool->depth = depth;
	pool->ids = hf_realloc_array(NULL, threads, sizeof(*pool->ids));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	return pool;
}

static void *helper(void *arg)
{
	struct hf_pool *pool = arg;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct hf_task *task = pool->first;

		if (!task) {
			if (pool->stop)
				break;
			pool->idle++;
			pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
			continue;
		}
		pool->first = task->next;
		if (!pool->first)
			pool->last = NULL;
		pool->waiting--;
		pthread_mutex_unlock(&pool->lock);
		task->run(task);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

bool hf_pool_submit(struct hf_pool *pool, struct hf_task *task)
{
	bool ok = false;

	pthread_mutex_lock(&pool->lock);
	if (pool->waiting < pool->depth && !pool->stop) {
		/* those woken but not yet running count as idle, so compare with what waits */
		if (pool->idle <= pool->waiting && pool->threads < pool->threads_max &&
		    pthread_create(&pool->ids[pool->threads], NULL, helper, pool) == 0)
			pthread_setname_np(pool->ids[pool->threads++], pool->name);
		if (pool->threads) {
			task->next = NULL;
			if (pool->last)
				pool->last->next = task;
			else
				pool->first = task;
			pool->last = task;
			pool->waiting++;
			ok = true;
		}
	}
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	return ok;
}

size_t hf_pool_waiting(struct hf_pool *pool)
{
	size_t waiting;

	pthread_mutex_lock(&pool->lock);
	waiting = pool->waiting;
	pthread_mutex_unlock(&pool->lock);
	return waiting;
}

void hf_pool_free(struct hf_pool **pool)
{
	struct hf_pool *old = *pool;

	if (!old)
		return;
	pthread_mutex_lock(&old->lock);
	old->stop = true;
	pthread_cond_broadcast(&old->work);
	pthread_mutex_unlock(&old->lock);
	/* no thread is added any more */
	for (unsigned i = 0; i < old->threads; i++)
		pthread_join(old->ids[i], NULL);
	hf_assert(old->first == NULL);
	pthread_cond_destroy(&old->work);
	pthread_mutex_destroy(&old->lock);
	hf_free(old->ids);
	hf_free(old);
	*pool = NULL;
}

/* For connections ------------------------------------------------------------- */

/* The lock decides who comes first: the end of the function or the end of the connection. */
struct hf_offload {
	struct hf_task task;
	pthread_mutex_t lock;
	struct hf_conn *conn HF_GUARDED_BY(lock); /* NULL: it has ended */
	bool done HF_GUARDED_BY(lock);
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
};

static void offload_free(struct hf_offload *offload)
{
	pthread_mutex_destroy(&offload->lock);
	hf_free(offload);
}

static void offload_run(struct hf_task *task)
{
	struct hf_offload *offload = HF_CONTAINER(task, struct hf_offload, task);
	bool orphan;

	offload->fn(offload->arg);
	pthread_mutex_lock(&offload->lock);
	offload->done = true;
	orphan = offload->conn == NULL;
	if (!orphan) {
		struct hf_conn *conn = offload->conn;

		/* with the lock held the connection cannot end; once it is released, offload may be
		 * gone */
		hf_conn_wake(conn, EV_OFFLOADED);
	}
	pthread_mutex_unlock(&offload->lock);
	if (orphan) {
		if (offload->drop)
			offload->drop(offload->arg);
		offload_free(offload);
	}
}

enum hf_status hf_offload(struct hf_conn *conn, void (*fn)(void *arg), void *arg,
			  void (*drop)(void *arg))
{
	struct hf_offload *offload;

	hf_assert(!conn->offload);
	offload = hf_alloc_zero(sizeof(*offload));
	pthread_mutex_init(&offload->lock, NULL);
	offload->task.run = offload_run;
	offload->conn = conn;
	offload->fn = fn;
	offload->arg = arg;
	offload->drop = drop;
	conn->offload = offload;
	if (!hf_pool_submit(conn->host->offload, &offload->task)) {
		conn->offload = NULL;
		offload_free(offload);
		hf_warning(&conn->log, "helpers-busy");
		return HF_EUNAVAILABLE;
	}
	return HF_OK;
}

void hf_offload_delivered(struct hf_conn *conn)
{
	struct hf_offload *offload = conn->offload;

	conn->offload = NULL;
	pthread_mutex_lock(&offload->lock); /* its helper lets go of it */
	pthread_mutex_unlock(&offload->lock);
	offload_free(offload);
}

void hf_offload_detach(struct hf_conn *conn)
{
	struct hf_offload *offload = conn->offload;
	bool done;

	if (!offload)
		return;
	conn->offload = NULL;
	pthread_mutex_lock(&offload->lock);
	done = offload->done;
	offload->conn = NULL;
	pthread_mutex_unlock(&offload->lock);
	if (done) {
		if (offload->drop)
			offload->drop(offload->arg);
		offload_free(offload);
	}
}

/* Jobs ------------------------------------------------------------------------ */

struct hf_jobs {
	struct hf_jobs *next;
	struct hf_host *host;
	char name[64];
	pthread_t thread;
	void (*run)(void *arg, const bool *stop);
	void *arg;
	atomic_bool over;
};

static void *job(void *arg)
{
	struct hf_jobs *self = arg;

	/* of this thread alone: Linux keeps nice values by thread */
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
	self->run(self->arg, &self->host->job_stop);
	atomic_store(&self->over, true);
	return NULL;
}

enum hf_status hf_job_start(struct hf_host *host, const char *name,
			    void (*run)(void *arg, const bool *stop), void *arg)
{
	struct hf_jobs *self = hf_alloc_zero(sizeof(*self));
	enum hf_status status = HF_OK;

	snprintf(self->name, sizeof(self->name), "%s", name);
	self->host = host;
	self->run = run;
	self->arg = arg;
	pthread_mutex_lock(&host->lock);
	if (atomic_load(&host->stopping) || pthread_create(&self->thread, NULL, job, self) != 0) {
		status = HF_EUNAVAILABLE;
		hf_free(self);
	} else {
		pthread_setname_np(self->thread, "hf-job");
		self->next = host->jobs;
		host->jobs = self;
	}
	pthread_mutex_unlock(&host->lock);
	return status;
}

void hf_jobs_stop(struct hf_host *host)
{
	struct hf_jobs *list, *next;

	__atomic_store_n(&host->job_stop, true,
			 __ATOMIC_SEQ_CST); /* the interface gives jobs a plain bool */
	pthread_mutex_lock(&host->lock);
	list = host->jobs;
	host->jobs = NULL;
	pthread_mutex_unlock(&host->lock);
	for (; list; list = next) {
		next = list->next;
		pthread_join(list->thread, NULL);
		hf_free(list);
	}
}

void hf_jobs_each(struct hf_host *host, void (*fn)(void *arg, const char *name), void *arg)
{
	pthread_mutex_lock(&host->lock);
	for (struct hf_jobs *self = host->jobs; self; self = self->next)
		if (!atomic_load(&self->over))
			fn(arg, self->name);
	pthread_mutex_unlock(&host->lock);
}
