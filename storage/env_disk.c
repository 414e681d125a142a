/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's directory: the lock file, the reserve of free space, and the ballast, a file whose only purpose is to be
 * deleted when recovery must write on a full disk. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "storage/env_priv.h"

char *env_path(const struct env *env, const char *name)
{
	struct hf_buf path = HF_BUF_INIT;

	hf_buf_printf(&path, "%s/%s", env->directory, name);
	return hf_buf_cstr(&path);
}

static bool free_space(const struct env *env, uint64_t *octets)
{
	struct statvfs fs;

	if (statvfs(env->directory, &fs) != 0)
		return false;
	*octets = (uint64_t)fs.f_bavail * fs.f_frsize;
	return true;
}

static enum hf_status make_directory(struct env *env, struct hf_note *why)
{
	if (mkdir(env->directory, 0700) == 0 || errno == EEXIST)
		return HF_OK;
	hf_note_add(why, "cannot create the store's directory %s: %s", env->directory, strerror(errno));
	return HF_EUNAVAILABLE;
}

static enum hf_status take_lock(struct env *env, struct hf_note *why)
{
	char *path = env_path(env, "lock");
	enum hf_status status = HF_OK;

	env->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (env->lock_fd < 0) {
		hf_note_add(why, "cannot open %s: %s", path, strerror(errno));
		status = HF_EUNAVAILABLE;
	} else if (flock(env->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		status = errno == EWOULDBLOCK ? HF_EINUSE : HF_EUNAVAILABLE;
		hf_note_add(why, status == HF_EINUSE ? "the store %s is in use by another process (%s)"
						     : "cannot lock the store %s: %s",
			    env->directory, status == HF_EINUSE ? "one daemon per store" : strerror(errno));
		close(env->lock_fd);
		env->lock_fd = -1;
	}
	hf_free(path);
	return status;
}

enum hf_status env_disk_prepare(struct env *env, struct hf_note *why)
{
	enum hf_status status = make_directory(env, why);
	uint64_t space;

	env->lock_fd = -1;
	if (status == HF_OK)
		status = take_lock(env, why);
	if (status != HF_OK)
		return status;
	if (free_space(env, &space) && space < env->settings.ballast_size) {
		char *path = env_path(env, "ballast");

		if (unlink(path) == 0)
			hf_warning(&env->log, "store ballast=removed free=%llu", (unsigned long long)space);
		hf_free(path);
	}
	return HF_OK;
}

void env_disk_release(struct env *env)
{
	if (env->lock_fd >= 0)
		close(env->lock_fd);
	env->lock_fd = -1;
}

void env_disk_sync(struct env *env)
{
	int fd = open(env->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		env_fail(env, "fsync of the store's directory", errno);
	close(fd);
}

void env_ballast_make(struct env *env)
{
	uint64_t size = env->settings.ballast_size, space;
	struct stat st;
	char *path;
	int fd;

	if (!size || !free_space(env, &space) || space < env->settings.reserve_size + 2 * size)
		return;
	path = env_path(env, "ballast");
	if (stat(path, &st) != 0 || (uint64_t)st.st_size < size) {
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd >= 0) {
			if (posix_fallocate(fd, 0, (off_t)size) != 0) {
				hf_warning(&env->log, "store ballast=failed size=%llu", (unsigned long long)size);
				unlink(path);
			}
			close(fd);
		}
	}
	hf_free(path);
}

bool env_is_below_reserve(struct env *env)
{
	uint64_t space;

	return free_space(env, &space) && space < env->settings.reserve_size;
}

bool env_is_full(struct env *env)
{
	if (env_is_below_reserve(env))
		return true;
	env_ballast_make(env);
	return false;
}
