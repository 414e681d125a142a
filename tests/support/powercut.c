/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "tests/support/powercut.h"

#define BLOCK 4096
#define BUCKETS 65536

struct block {
	struct block *next; /* in its bucket */
	dev_t dev;
	ino_t ino;
	uint64_t number;
	unsigned char data[BLOCK];
};

static struct {
	pthread_mutex_t lock;
	bool installed; /* written before there is a second thread */
	bool used;      /* a write came this way */
	struct block *buckets[BUCKETS];
	uint64_t random;
	unsigned sync_us;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t random_number(void)
{
	uint64_t x = disk.random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	disk.random = x;
	return (x * UINT64_C(2685821657736338717)) >> 16;
}

static struct block **find(const struct stat *st, uint64_t number)
{
	uint64_t hash = ((uint64_t)st->st_ino * UINT64_C(0x9e3779b97f4a7c15)) ^ (number * UINT64_C(0xc2b2ae3d27d4eb4f));
	struct block **at = &disk.buckets[(hash >> 20) % BUCKETS];

	while (*at && ((*at)->ino != st->st_ino || (*at)->dev != st->st_dev || (*at)->number != number))
		at = &(*at)->next;
	return at;
}

static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
	const unsigned char *from = data;
	struct stat st;
	size_t left = size;

	pthread_mutex_lock(&disk.lock);
	disk.used = true;
	if (fstat(fd, &st) != 0 || (st.st_size < offset + (off_t)size && syscall(SYS_ftruncate, fd, offset + (off_t)size) != 0)) {
		pthread_mutex_unlock(&disk.lock);
		return -1;
	}
	while (left) {
		uint64_t number = (uint64_t)offset / BLOCK;
		size_t start = (size_t)offset % BLOCK, some = left < BLOCK - start ? left : BLOCK - start;
		struct block **at = find(&st, number);

		if (!*at) {
			ssize_t got;

			*at = calloc(1, sizeof(**at));
			if (!*at)
				abort();
			(*at)->dev = st.st_dev;
			(*at)->ino = st.st_ino;
			(*at)->number = number;
			got = syscall(SYS_pread64, fd, (*at)->data, BLOCK, (off_t)(number * BLOCK));
			if (got < 0)
				abort();
		}
		memcpy((*at)->data + start, from, some);
		from += some;
		offset += (off_t)some;
		left -= some;
	}
	pthread_mutex_unlock(&disk.lock);
	return (ssize_t)size;
}

static ssize_t read_at(int fd, void *data, size_t size, off_t offset)
{
	struct stat st;
	ssize_t got;

	pthread_mutex_lock(&disk.lock);
	got = fstat(fd, &st) == 0 ? syscall(SYS_pread64, fd, data, size, offset) : -1;
	for (size_t done = 0; got > 0 && done < (size_t)got;) {
		uint64_t at = (uint64_t)offset + done;
		size_t start = at % BLOCK, some = (size_t)got - done < BLOCK - start ? (size_t)got - done : BLOCK - start;
		struct block *block = *find(&st, at / BLOCK);

		if (block)
			memcpy((unsigned char *)data + done, block->data + start, some);
		done += some;
	}
	pthread_mutex_unlock(&disk.lock);
	return got;
}

static ssize_t disk_write(int fd, const void *data, size_t size)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t written = at < 0 ? -1 : write_at(fd, data, size, at);

	if (written > 0)
		lseek(fd, written, SEEK_CUR);
	return written;
}

static ssize_t disk_read(int fd, void *data, size_t size)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t got = at < 0 ? -1 : read_at(fd, data, size, at);

	if (got > 0)
		lseek(fd, got, SEEK_CUR);
	return got;
}

static void put(int fd, const struct block *block)
{
	struct stat st;
	off_t at = (off_t)(block->number * BLOCK);
	size_t size = BLOCK;

	if (fstat(fd, &st) != 0)
		abort();
	if (st.st_size <= at)
		return;
	if (st.st_size - at < BLOCK)
		size = (size_t)(st.st_size - at);
	if (syscall(SYS_pwrite64, fd, block->data, size, at) != (ssize_t)size)
		abort();
}

/* Blocks of the file that are written while this sleeps last as well: a disk may do that. */
static int disk_sync(int fd)
{
	struct timespec pause = { 0, (long)disk.sync_us * 1000 };
	struct stat st;

	nanosleep(&pause, NULL);
	pthread_mutex_lock(&disk.lock);
	if (fstat(fd, &st) != 0) {
		pthread_mutex_unlock(&disk.lock);
		return -1;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		struct block **at = &disk.buckets[i];

		while (*at) {
			struct block *block = *at;

			if (block->ino == st.st_ino && block->dev == st.st_dev) {
				put(fd, block);
				*at = block->next;
				free(block);
			} else {
				at = &block->next;
			}
		}
	}
	pthread_mutex_unlock(&disk.lock);
	return 0;
}

static int disk_truncate(int fd, off_t size)
{
	struct stat st;
	int result;

	pthread_mutex_lock(&disk.lock);
	result = fstat(fd, &st) == 0 ? (int)syscall(SYS_ftruncate, fd, size) : -1;
	for (size_t i = 0; result == 0 && i < BUCKETS; i++)
		for (struct block *block = disk.buckets[i]; block; block = block->next)
			if (block->ino == st.st_ino && block->dev == st.st_dev && (off_t)(block->number * BLOCK) < size &&
			    (off_t)((block->number + 1) * BLOCK) > size)
				memset(block->data + size % BLOCK, 0, BLOCK - (size_t)(size % BLOCK));
	for (size_t i = 0; result == 0 && i < BUCKETS; i++) {
		struct block **at = &disk.buckets[i];

		while (*at) {
			struct block *block = *at;

			if (block->ino == st.st_ino && block->dev == st.st_dev && (off_t)(block->number * BLOCK) >= size) {
				*at = block->next;
				free(block);
			} else {
				at = &block->next;
			}
		}
	}
	pthread_mutex_unlock(&disk.lock);
	return result;
}

void powercut_install(uint64_t seed, unsigned sync_us)
{
	disk.random = seed * 2 + 1;
	disk.sync_us = sync_us;
	for (int i = 0; i < 10; i++)
		(void)random_number();
	disk.installed = true;
}

/* The C library's functions, by their own names: the database library finds these first. (Its db_env_set_func_read() and the
 * like take a short read for an error, so the end of a file could not be told.) */

static bool is_ours(int fd)
{
	struct stat st;

	return disk.installed && fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

HF_API ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	return is_ours(fd) ? write_at(fd, data, size, offset) : syscall(SYS_pwrite64, fd, data, size, offset);
}

HF_API ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
	return is_ours(fd) ? read_at(fd, data, size, offset) : syscall(SYS_pread64, fd, data, size, offset);
}

HF_API ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	return pwrite64(fd, data, size, offset);
}

HF_API ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	return pread64(fd, data, size, offset);
}

HF_API ssize_t write(int fd, const void *data, size_t size)
{
	return is_ours(fd) ? disk_write(fd, data, size) : syscall(SYS_write, fd, data, size);
}

HF_API ssize_t read(int fd, void *data, size_t size)
{
	return is_ours(fd) ? disk_read(fd, data, size) : syscall(SYS_read, fd, data, size);
}

HF_API int fsync(int fd)
{
	return is_ours(fd) ? disk_sync(fd) : (int)syscall(SYS_fsync, fd);
}

HF_API int fdatasync(int fd)
{
	return is_ours(fd) ? disk_sync(fd) : (int)syscall(SYS_fdatasync, fd);
}

HF_API int ftruncate64(int fd, off64_t size)
{
	return is_ours(fd) ? disk_truncate(fd, size) : (int)syscall(SYS_ftruncate, fd, size);
}

HF_API int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

/* The file that has the inode is found among our descriptors; one that is closed or removed has nothing to lose. */
static int descriptor_of(const struct block *block)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_ino == block->ino && st.st_dev == block->dev && S_ISREG(st.st_mode) &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
			return fd;
	}
	return -1;
}

void powercut_now(void)
{
	unsigned volatile_blocks = 0, written = 0;

	if (!disk.used) {
		fprintf(stderr, "powercut: the database library does not find these functions\n");
		abort();
	}
	pthread_mutex_lock(&disk.lock); /* for good: nobody writes or syncs any more */
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct block *block = disk.buckets[i]; block; block = block->next) {
			int fd = random_number() % 2 ? descriptor_of(block) : -1;

			volatile_blocks++;
			if (fd >= 0) {
				put(fd, block);
				written++;
			}
		}
	}
	fprintf(stderr, "cut: %u blocks not synced, %u of them written\n", volatile_blocks, written);
	_exit(99);
}
