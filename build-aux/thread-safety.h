/* SPDX-License-Identifier: BSD-2-Clause */
/* For make lint only, put in front of every file: POSIX locks as types that clang's thread safety analysis knows,
 * so that HF_GUARDED_BY() and HF_REQUIRES() are checked against plain pthread_mutex_lock(). HF_REQUIRES() says that a
 * lock is held, not how, so a read lock counts as well. */
#ifndef HF_LINT_THREAD_SAFETY_H
#define HF_LINT_THREAD_SAFETY_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/types.h>

#define HF_LINT(x) __attribute__((x))

struct HF_LINT(capability("mutex")) hf_lint_mutex {
	pthread_mutex_t inner;
};

struct HF_LINT(capability("rwlock")) hf_lint_rwlock {
	pthread_rwlock_t inner;
};

int hf_lint_mutex_init(struct hf_lint_mutex *m, const pthread_mutexattr_t *attr);
int hf_lint_mutex_destroy(struct hf_lint_mutex *m);
int hf_lint_mutex_lock(struct hf_lint_mutex *m) HF_LINT(acquire_capability(*m));
int hf_lint_mutex_trylock(struct hf_lint_mutex *m) HF_LINT(try_acquire_capability(0, *m));
int hf_lint_mutex_unlock(struct hf_lint_mutex *m) HF_LINT(release_capability(*m));
int hf_lint_cond_wait(pthread_cond_t *c, struct hf_lint_mutex *m) HF_LINT(requires_capability(*m));
int hf_lint_cond_timedwait(pthread_cond_t *c, struct hf_lint_mutex *m, const struct timespec *t)
	HF_LINT(requires_capability(*m));
int hf_lint_cond_clockwait(pthread_cond_t *c, struct hf_lint_mutex *m, clockid_t clock, const struct timespec *t)
	HF_LINT(requires_capability(*m));
int hf_lint_rwlock_init(struct hf_lint_rwlock *l, const pthread_rwlockattr_t *attr);
int hf_lint_rwlock_destroy(struct hf_lint_rwlock *l);
int hf_lint_rwlock_rdlock(struct hf_lint_rwlock *l) HF_LINT(acquire_capability(*l));
int hf_lint_rwlock_tryrdlock(struct hf_lint_rwlock *l) HF_LINT(try_acquire_capability(0, *l));
int hf_lint_rwlock_trywrlock(struct hf_lint_rwlock *l) HF_LINT(try_acquire_capability(0, *l));
int hf_lint_rwlock_wrlock(struct hf_lint_rwlock *l) HF_LINT(acquire_capability(*l));
int hf_lint_rwlock_unlock(struct hf_lint_rwlock *l) HF_LINT(release_capability(*l));

#undef PTHREAD_MUTEX_INITIALIZER
#undef PTHREAD_RWLOCK_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER { .inner = { { 0 } } }
#define PTHREAD_RWLOCK_INITIALIZER { .inner = { { 0 } } }

#define pthread_mutex_t struct hf_lint_mutex
#define pthread_mutex_init hf_lint_mutex_init
#define pthread_mutex_destroy hf_lint_mutex_destroy
#define pthread_mutex_lock hf_lint_mutex_lock
#define pthread_mutex_trylock hf_lint_mutex_trylock
#define pthread_mutex_unlock hf_lint_mutex_unlock
#define pthread_cond_wait hf_lint_cond_wait
#define pthread_cond_timedwait hf_lint_cond_timedwait
#define pthread_cond_clockwait hf_lint_cond_clockwait
#define pthread_rwlock_t struct hf_lint_rwlock
#define pthread_rwlock_init hf_lint_rwlock_init
#define pthread_rwlock_destroy hf_lint_rwlock_destroy
#define pthread_rwlock_rdlock hf_lint_rwlock_rdlock
#define pthread_rwlock_tryrdlock hf_lint_rwlock_tryrdlock
#define pthread_rwlock_trywrlock hf_lint_rwlock_trywrlock
#define pthread_rwlock_wrlock hf_lint_rwlock_wrlock
#define pthread_rwlock_unlock hf_lint_rwlock_unlock

#endif
