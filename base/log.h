/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: one line per event, an event word, then key=value. Never message content or credentials. */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

enum hf_log_level {
	HF_LOG_CRITICAL, /* a bug; the process is about to end */
	HF_LOG_ERROR,    /* for the operator to act on */
	HF_LOG_WARNING,  /* may become one */
	HF_LOG_INFO,     /* sessions and deliveries */
	HF_LOG_DEBUG
};

/* A context adds "conn=17 user=anna ..." to each line; contexts chain to their parent. */
struct hf_log {
	const struct hf_log *parent; /* NULL at the root */
	const char *fields;          /* "conn=17", or NULL; owned by whoever declares the context */
};

enum hf_log_target { HF_LOG_STDERR, HF_LOG_SYSLOG };

/* Called once at start and at reload. Lines to stderr carry a <n> priority prefix when `journal` is true, else a
 * timestamp. Default before any call: stderr, info. */
HF_API void hf_log_setup(enum hf_log_target target, enum hf_log_level level, bool journal,
			 const char *ident);
HF_API bool hf_log_level_parse(const char *name, enum hf_log_level *level);
HF_API enum hf_log_level hf_log_threshold(void);
/* For tests: every line is also handed to `sink` (without newline). NULL ends it. */
HF_API void hf_log_set_sink(void (*sink)(void *arg, enum hf_log_level level, const char *line), void *arg);

HF_API void hf_log_write(const struct hf_log *log, enum hf_log_level level, const char *fmt, ...)
	HF_PRINTF(3, 4);
#define hf_log_at(log, level, ...) \
	((level) <= hf_log_threshold() ? hf_log_write((log), (level), __VA_ARGS__) : (void)0)
#define hf_critical(log, ...) hf_log_at((log), HF_LOG_CRITICAL, __VA_ARGS__)
#define hf_error(log, ...) hf_log_at((log), HF_LOG_ERROR, __VA_ARGS__)
#define hf_warning(log, ...) hf_log_at((log), HF_LOG_WARNING, __VA_ARGS__)
#define hf_info(log, ...) hf_log_at((log), HF_LOG_INFO, __VA_ARGS__)
#define hf_debug(log, ...) hf_log_at((log), HF_LOG_DEBUG, __VA_ARGS__)

/* Appends a value that came from outside: quoted when it has spaces, quotes, '=' or controls (escaped \xNN), cut at
 * 256 octets. "key=" must have been written by the caller. */
HF_API void hf_log_value(struct hf_buf *out, struct hf_str value);
/* The same into a per-thread ring of 8 buffers, for use in the arguments of one log call. */
HF_API const char *hf_log_quote(struct hf_str value);

#endif
