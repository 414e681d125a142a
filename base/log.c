/* SPDX-License-Identifier: BSD-2-Clause */
/* The log. A line is made on the stack and leaves in one write(2) of at most PIPE_BUF octets, so
 * lines of several threads do not mix and logging allocates nothing. The settings are one atomic
 * word, read once per line.
 *
 *     2026-02-07T21:52:25.123Z info login conn=17 user=anna mech=SCRAM-SHA-256
 *
 * The event word comes first, then the contexts from the root down, then what the caller said. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"

enum {
	LINE_MAX_SIZE = 4096, /* with prefix and newline; PIPE_BUF */
	VALUE_MAX = 256,
	QUOTED_MAX = VALUE_MAX * 4 + 8,
	RING = 8
};

/* The word of settings. */
enum { LEVEL_MASK = 0xf, TO_SYSLOG = 0x10, JOURNAL = 0x20 };

struct line {
	char text[LINE_MAX_SIZE];
	size_t size;
};

/* syslog(3) keeps the pointer it is given, so each name used lives until exit. */
struct ident {
	struct ident *next;
	char *name;
};

typedef void sink_fn(void *arg, enum hf_log_level level, const char *line);

static const char *const level_names[] = { "critical", "error", "warning", "info", "debug" };
static const int level_priorities[] = { LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static _Atomic unsigned settings = HF_LOG_INFO;
static pthread_mutex_t setup_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ident *idents HF_GUARDED_BY(setup_lock);
static atomic_bool sink_set;
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static sink_fn *sink HF_GUARDED_BY(sink_lock);
static void *sink_arg HF_GUARDED_BY(sink_lock);

static const char *intern_locked(const char *name) HF_REQUIRES(setup_lock);
static const char *intern_locked(const char *name)
{
	struct ident *ident;

	for (ident = idents; ident; ident = ident->next)
		if (strcmp(ident->name, name) == 0)
			return ident->name;
	ident = hf_alloc(sizeof(*ident));
	ident->name = hf_strdup(name);
	ident->next = idents;
	idents = ident;
	return ident->name;
}

void hf_log_setup(enum hf_log_target target, enum hf_log_level level, bool journal,
		  const char *ident)
{
	unsigned word = (unsigned)level & LEVEL_MASK;

	pthread_mutex_lock(&setup_lock);
	if (target == HF_LOG_SYSLOG) {
		openlog(ident ? intern_locked(ident) : NULL, LOG_PID | LOG_NDELAY, LOG_MAIL);
		word |= TO_SYSLOG;
	}
	if (journal)
		word |= JOURNAL;
	atomic_store_explicit(&settings, word, memory_order_release);
	pthread_mutex_unlock(&setup_lock);
}

bool hf_log_level_parse(const char *name, enum hf_log_level *level)
{
	for (size_t i = 0; i < HF_COUNT(level_names); i++) {
		if (hf_str_ieq(hf_str(name), hf_str(level_names[i]))) {
			*level = (enum hf_log_level)i;
			return true;
		}
	}
	return false;
}

enum hf_log_level hf_log_threshold(void)
{
	unsigned word = atomic_load_explicit(&settings, memory_order_relaxed);

	return (enum hf_log_level)(word & LEVEL_MASK);
}

void hf_log_set_sink(sink_fn *fn, void *arg)
{
	pthread_mutex_lock(&sink_lock);
	sink = fn;
	sink_arg = arg;
	atomic_store(&sink_set, fn != NULL);
	pthread_mutex_unlock(&sink_lock);
}

/* One octet is always kept for the newline or NUL at the end. */
static void line_add(struct line *line, const char *text, size_t size)
{
	size_t room = sizeof(line->text) - 1 - line->size;

	if (size > room)
		size = room;
	memcpy(line->text + line->size, text, size);
	line->size += size;
}

static void line_add_context(struct line *line, const struct hf_log *log)
{
	if (!log)
		return;
	line_add_context(line, log->parent);
	if (log->fields && *log->fields) {
		line_add(line, " ", 1);
		line_add(line, log->fields, strlen(log->fields));
	}
}

static void line_add_time(struct line *line)
{
	char text[64];
	struct timespec now;
	int64_t days, second;
	int year, month, day, size;

	clock_gettime(CLOCK_REALTIME, &now);
	days = now.tv_sec / 86400;
	second = now.tv_sec % 86400;
	hf_date_from_days(days, &year, &month, &day);
	size = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ", year, month,
			day, (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
			(int)(now.tv_nsec / 1000000));
	line_add(line, text, (size_t)size);
}

static void write_stderr(struct line *line)
{
	const char *pos = line->text;
	size_t left;

	line->text[line->size] = '\n';
	left = line->size + 1;
	while (left) {
		ssize_t written = write(STDERR_FILENO, pos, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* nowhere to complain to */
		pos += written;
		left -= (size_t)written;
	}
	line->text[line->size] = '\0';
}

static void call_sink(enum hf_log_level level, const char *text)
{
	pthread_mutex_lock(&sink_lock);
	if (sink)
		sink(sink_arg, level, text);
	pthread_mutex_unlock(&sink_lock);
}

void hf_log_write(const struct hf_log *log, enum hf_log_level level, const char *fmt, ...)
{
	unsigned word = atomic_load_explicit(&settings, memory_order_acquire);
	int saved_errno = errno;
	char message[LINE_MAX_SIZE];
	struct line line;
	size_t size, event, prefix;
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	size = length < 0 ? 0 : (size_t)length;
	if (size >= sizeof(message))
		size = sizeof(message) - 1;
	for (event = 0; event < size && message[event] != ' ';)
		event++;

	line.size = 0;
	if (!(word & TO_SYSLOG)) {
		if (word & JOURNAL) {
			char priority[] = { '<', (char)('0' + level_priorities[level]), '>' };

			line_add(&line, priority, sizeof(priority));
		} else {
			line_add_time(&line);
			line_add(&line, level_names[level], strlen(level_names[level]));
			line_add(&line, " ", 1);
		}
	}
	prefix = line.size;
	line_add(&line, message, event);
	line_add_context(&line, log);
	line_add(&line, message + event, size - event);
	line.text[line.size] = '\0';

	/* A line stays one line, whatever was formatted into it. */
	for (size_t i = prefix; i < line.size; i++)
		if ((unsigned char)line.text[i] < ' ' || line.text[i] == 0x7f)
			line.text[i] = '?';

	if (word & TO_SYSLOG)
		syslog(level_priorities[level], "%s", line.text + prefix);
	else
		write_stderr(&line);
	if (atomic_load_explicit(&sink_set, memory_order_relaxed)) {
		line.text[line.size] = '\0';
		call_sink(level, line.text + prefix);
	}
	errno = saved_errno;
}

/* How a character of a value is shown: as it is, as it is within quotes, or escaped within quotes.
 */
enum showing { PLAIN, QUOTED, ESCAPED };

static enum showing showing_of(struct hf_str rest, size_t *size)
{
	uint32_t c = hf_utf8_next(rest, size);

	if (*size == 1 && (unsigned char)rest.data[0] >= 0x80)
		return ESCAPED; /* not UTF-8 */
	/* C1 controls (U+0080 to U+009F) can steer a terminal. */
	if (c < ' ' || (c >= 0x7f && c < 0xa0) || c == '"' || c == '\\')
		return ESCAPED;
	return c == ' ' || c == '=' ? QUOTED : PLAIN;
}

static size_t escape(const char *octets, size_t count, char *out)
{
	static const char hex[] = "0123456789abcdef";
	char *to = out;

	for (size_t i = 0; i < count; i++) {
		unsigned char octet = (unsigned char)octets[i];

		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[octet >> 4];
		*to++ = hex[octet & 15];
	}
	return (size_t)(to - out);
}

/* Writes the value as the log shows it; returns its size, at most QUOTED_MAX - 1. */
static size_t quote(struct hf_str value, char *out)
{
	struct hf_str shown = hf_str_sub(value, 0, hf_utf8_clip(value, VALUE_MAX));
	bool quoted = value.size == 0;
	size_t size = 0, step;

	for (size_t i = 0; i < shown.size && !quoted; i += step)
		quoted = showing_of(hf_str_sub(shown, i, shown.size), &step) != PLAIN;
	if (quoted)
		out[size++] = '"';
	for (size_t i = 0; i < shown.size; i += step) {
		if (showing_of(hf_str_sub(shown, i, shown.size), &step) == ESCAPED) {
			size += escape(shown.data + i, step, out + size);
		} else {
			memcpy(out + size, shown.data + i, step);
			size += step;
		}
	}
	for (int i = 0; i < 3 && shown.size < value.size; i++)
		out[size++] = '.';
	if (quoted)
		out[size++] = '"';
	return size;
}

void hf_log_value(struct hf_buf *out, struct hf_str value)
{
	char *text = hf_buf_reserve(out, QUOTED_MAX);

	hf_buf_added(out, quote(value, text));
}

const char *hf_log_quote(struct hf_str value)
{
	static _Thread_local char ring[RING][QUOTED_MAX];
	static _Thread_local unsigned turn;
	char *text = ring[turn++ % RING];

	text[quote(value, text)] = '\0';
	return text;
}
