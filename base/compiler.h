/* SPDX-License-Identifier: BSD-2-Clause */
/* What we ask of the compiler, in one place. */
#ifndef HF_BASE_COMPILER_H
#define HF_BASE_COMPILER_H

#define HF_API __attribute__((visibility("default")))
#define HF_MUST_USE __attribute__((warn_unused_result))
#define HF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HF_NORETURN __attribute__((noreturn))
#define HF_LIKELY(x) __builtin_expect(!!(x), 1)
#define HF_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HF_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HF_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Reads and writes of this function are not watched by ThreadSanitizer: say why. */
#if defined(__SANITIZE_THREAD__)
#define HF_NO_TSAN __attribute__((no_sanitize("thread"), noinline))
#else
#define HF_NO_TSAN
#endif

/* Checked by clang -Wthread-safety (make lint); documentation elsewhere. */
#if defined(__clang__) && defined(HF_THREAD_SAFETY)
#define HF_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define HF_REQUIRES(lock) __attribute__((exclusive_locks_required(lock)))
#define HF_UNCHECKED_LOCKS __attribute__((no_thread_safety_analysis)) /* say why */
#else
#define HF_GUARDED_BY(lock)
#define HF_REQUIRES(lock)
#define HF_UNCHECKED_LOCKS
#endif

#endif
