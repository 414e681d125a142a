/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of the cache on their way to the files. The library writes each by itself, in the order of the file when it writes many. What
 * a thread that gathers writes goes into a run, and a run of neighbours is one system call: for the system that is a fourth of the
 * work.
 *
 * A page that is in the run counts as written, as does one in the system's own cache: nothing is promised before fsync(). So the
 * run is written out before an fsync() of its file, before anything that overlaps it is read or written, and when
 * gathering ends. There is one run in the process, whoever gathers. Should writing it out fail, the process ends, as after any failed
 * write. */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/compiler.h"
#include "storage/env_priv.h"

#define RUN_MOST (256u << 10)
#define FILES_MOST 65536 /* a descriptor above is written without a run */

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	atomic_int fd;                         /* that the run is of; -1: it is empty. Changed under the lock */
	struct env *env HF_GUARDED_BY(lock);   /* whose thread began it */
	off_t begin HF_GUARDED_BY(lock);
	size_t size HF_GUARDED_BY(lock);
	uint8_t octets[RUN_MOST] HF_GUARDED_BY(lock);
	atomic_uchar files[FILES_MOST];        /* by descriptor: whether it is of pages; the log's are not */
} run = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT, .fd = -1 };

static _Thread_local struct env *gathering;

static void write_out(void) HF_REQUIRES(run.lock);
static void write_out(void)
{
	int fd = atomic_load(&run.fd);
	size_t done = 0;

	while (done < run.size) {
		ssize_t n = pwrite(fd, run.octets + done, run.size - done, run.begin + (off_t)done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			env_fail(run.env, "write", n ? errno : ENOSPC);
	}
	run.size = 0;
	atomic_store(&run.fd, -1);
}

static void write_out_if(int fd, off_t at, size_t size)
{
	if (atomic_load(&run.fd) != fd)
		return;
	pthread_mutex_lock(&run.lock);
	if (atomic_load(&run.fd) == fd && at < run.begin + (off_t)run.size && run.begin < at + (off_t)size)
		write_out();
	pthread_mutex_unlock(&run.lock);
}

static bool is_of_pages(int fd)
{
	return fd < FILES_MOST && atomic_load(&run.files[fd]);
}

static void gather(int fd, const void *data, size_t size, off_t at)
{
	pthread_mutex_lock(&run.lock);
	if (run.size && (atomic_load(&run.fd) != fd || at != run.begin + (off_t)run.size || run.size + size > RUN_MOST))
		write_out();
	if (!run.size) {
		run.env = gathering;
		run.begin = at;
		atomic_store(&run.fd, fd);
	}
	memcpy(run.octets + run.size, data, size);
	run.size += size;
	pthread_mutex_unlock(&run.lock);
}

static ssize_t page_write(int fd, const void *data, size_t size, off_t at)
{
	if (gathering && size <= RUN_MOST && is_of_pages(fd)) {
		gather(fd, data, size, at);
		return (ssize_t)size;
	}
	write_out_if(fd, at, size);
	return pwrite(fd, data, size, at);
}

static ssize_t page_read(int fd, void *data, size_t size, off_t at)
{
	write_out_if(fd, at, size);
	return pread(fd, data, size, at);
}

static int page_sync(int fd)
{
	if (atomic_load(&run.fd) == fd) {
		pthread_mutex_lock(&run.lock);
		if (atomic_load(&run.fd) == fd)
			write_out();
		pthread_mutex_unlock(&run.lock);
	}
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static void install(void)
{
	hf_assert(db_env_set_func_pwrite(page_write) == 0 && db_env_set_func_pread(page_read) == 0 &&
		  db_env_set_func_fsync(page_sync) == 0);
}

void page_writes_init(void)
{
	pthread_once(&run.once, install);
}

void page_writes_file(DB *db, bool open)
{
	int fd;

	if (db->fd(db, &fd) == 0 && fd >= 0 && fd < FILES_MOST)
		atomic_store(&run.files[fd], open);
}

void page_writes_begin(struct env *env)
{
	gathering = env;
}

void page_writes_end(struct env *env)
{
	hf_assert(gathering == env);
	gathering = NULL;
	pthread_mutex_lock(&run.lock);
	if (run.size && run.env == env)
		write_out();
	pthread_mutex_unlock(&run.lock);
}
