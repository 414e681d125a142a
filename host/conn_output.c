/* SPDX-License-Identifier: BSD-2-Clause */
/* Output: a queue of octets and of slices of sources, sent as the socket takes it. Writing never
 * fails and never blocks; after the peer has gone it leads nowhere. A slice becomes octets 64 KiB
 * at a time, when it has come to the front, so a 50 MB body costs one small entry. */
#include "host/conn_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "base/assert.h"
#include "host/tls_priv.h"

enum { IOVS = 16, READ_NOW = 8 * 1024, COMPRESS_PIECE = 16 * 1024 };

ssize_t hf_conn_transmit(struct hf_conn *conn, const void *data, size_t size)
{
	ssize_t n;

	if (conn->tls)
		return hf_tls_write(conn->tls, data, size);
	do
		n = send(conn->fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
	return n;
}

static struct out_entry *entry_new(enum out_kind kind, size_t buffer)
{
	struct out_entry *entry = hf_buffer_get(buffer ? buffer : sizeof(*entry));

	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->capacity = buffer ? buffer - sizeof(*entry) : 0;
	return entry;
}

static void append(struct hf_conn *conn, struct out_entry *entry)
{
	if (conn->out_last)
		conn->out_last->next = entry;
	else
		conn->out_first = entry;
	conn->out_last = entry;
}

static void entry_free(struct out_entry *entry)
{
	hf_source_unref(&entry->source);
	hf_buffer_put(entry, entry->capacity ? entry->capacity + sizeof(*entry) : sizeof(*entry));
}

static void remove_first(struct hf_conn *conn)
{
	struct out_entry *entry = conn->out_first;

	conn->out_first = entry->next;
	if (!conn->out_first)
		conn->out_last = NULL;
	conn->out_size -= entry->kind == OUT_BYTES ? entry->end - entry->start : SOURCE_COST;
	entry_free(entry);
}

void hf_conn_output_drop(struct hf_conn *conn)
{
	while (conn->out_first)
		remove_first(conn);
	hf_assert(conn->out_size == 0);
}

bool hf_conn_output_pending(const struct hf_conn *conn)
{
	return (conn->tls && !conn->gone && hf_tls_holds(conn->tls)) || hf_conn_queue_pending(conn);
}

bool hf_conn_queue_pending(const struct hf_conn *conn)
{
	if (conn->out_first)
		return true;
	/* What the compressor holds back is pending as well: a drain may end before its flush. */
	return conn->compress && !conn->gone &&
	       (hf_compress_output(conn->compress).size ||
		(conn->deflating && hf_compress_unflushed(conn->compress)));
}

static void broken(struct hf_conn *conn)
{
	conn->gone = true;
	conn->input_ended = true;
	hf_conn_output_drop(conn);
}

/* true: go on sending */
static bool sent(struct hf_conn *conn, ssize_t n, size_t size)
{
	if (n == -2) {
		broken(conn);
		return false;
	}
	if (n < 0) {
		conn->out_blocked = true;
		return false;
	}
	conn->octets_out += (uint64_t)n;
	conn->out_progress = true;
	if ((size_t)n < size && !conn->tls)
		conn->out_blocked = true;
	return !conn->out_blocked;
}

/* Takes `count` sent octets off the front, which may be several entries. */
static void advance(struct hf_conn *conn, size_t count)
{
	while (count || (conn->out_first && conn->out_first->kind == OUT_BYTES &&
			 conn->out_first->start == conn->out_first->end)) {
		struct out_entry *entry = conn->out_first;
		size_t part = entry->end - entry->start;

		if (part > count) {
			entry->start += count;
			conn->out_size -= count;
			return;
		}
		count -= part;
		remove_first(conn);
	}
}

static bool send_plain(struct hf_conn *conn)
{
	struct iovec iov[IOVS];
	struct msghdr message = { .msg_iov = iov };
	size_t size = 0;
	ssize_t n;

	for (struct out_entry *entry = conn->out_first;
	     entry && entry->kind == OUT_BYTES && message.msg_iovlen < IOVS; entry = entry->next) {
		iov[message.msg_iovlen].iov_base = entry->data + entry->start;
		iov[message.msg_iovlen++].iov_len = entry->end - entry->start;
		size += entry->end - entry->start;
	}
	do
		n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		n = errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
	else
		advance(conn, (size_t)n);
	return sent(conn, n, size);
}

static bool send_bytes(struct hf_conn *conn)
{
	struct out_entry *entry = conn->out_first;
	size_t size = entry->end - entry->start;
	ssize_t n;

	if (size == 0) {
		remove_first(conn);
		return true;
	}
	if (conn->deflating) {
		if (size > COMPRESS_PIECE)
			size = COMPRESS_PIECE;
		hf_compress_add(conn->compress, hf_str_n(entry->data + entry->start, size), false);
		advance(conn, size);
		return true;
	}
	if (!conn->tls)
		return send_plain(conn);
	n = hf_conn_transmit(conn, entry->data + entry->start, size);
	if (n > 0)
		advance(conn, (size_t)n);
	return sent(conn, n, size);
}

static bool send_compressed(struct hf_conn *conn)
{
	struct hf_str rest = hf_compress_output(conn->compress);
	ssize_t n = hf_conn_transmit(conn, rest.data, rest.size);

	if (n > 0)
		hf_compress_sent(conn->compress, (size_t)n);
	return sent(conn, n, rest.size);
}

/* The next octets of the source at the front, as an entry before it. */
static bool unfold_source(struct hf_conn *conn)
{
	struct out_entry *from = conn->out_first, *bytes = entry_new(OUT_BYTES, INPUT_AHEAD);
	size_t want = from->left < bytes->capacity ? (size_t)from->left : bytes->capacity, got = 0;
	enum hf_status status =
		from->source->read(from->source, from->offset, bytes->data, want, &got);

	if (status != HF_OK || got == 0) {
		hf_warning(&conn->log, "send-failed status=%d missing=%llu", (int)status,
			   (unsigned long long)from->left);
		entry_free(bytes);
		broken(conn);
		return false;
	}
	bytes->end = got;
	bytes->next = from;
	conn->out_first = bytes;
	conn->out_size += got;
	from->offset += got;
	from->left -= got;
	if (!from->left) {
		bytes->next = from->next;
		if (conn->out_last == from)
			conn->out_last = bytes;
		conn->out_size -= SOURCE_COST;
		entry_free(from);
	}
	return true;
}

/* The tagged OK in clear is behind us: what follows is compressed, both ways (RFC 4978 §3). */
static void begin_compression(struct hf_conn *conn)
{
	conn->compress = hf_compress_new();
	conn->inflating = conn->deflating = true;
	remove_first(conn);
	while (conn->in_start <
	       conn->in_end) { /* sent on without waiting for the OK: compressed already */
		size_t have = conn->in_end - conn->in_start, room;
		char *to = hf_compress_input(conn->compress, &room);

		if (!room)
			break; /* more than a client may have sent by now */
		if (have > room)
			have = room;
		memcpy(to, conn->in + conn->in_start, have);
		hf_compress_received(conn->compress, have);
		conn->in_start += have;
	}
	if (conn->in_start < conn->in_end)
		broken(conn);
}

/* RFC 8437 §4.1: the tagged OK is the last that is compressed. */
static void end_compression(struct hf_conn *conn)
{
	remove_first(conn);
	hf_compress_end_output(conn->compress);
	conn->deflating = false;
}

void hf_conn_compress_ended(struct hf_conn *conn)
{
	if (conn->compress && !conn->deflating && !conn->inflating && !hf_compress_output(conn->compress).size)
		hf_compress_free(&conn->compress);
}

void hf_conn_drain_held(struct hf_conn *conn, bool all)
{
	bool more = true;

	while (more && !conn->gone && !conn->out_blocked) {
		if (conn->compress && hf_compress_output(conn->compress).size) {
			more = send_compressed(conn);
			hf_conn_compress_ended(conn);
		} else if (!conn->out_first) {
			if (!all || !conn->deflating || !hf_compress_unflushed(conn->compress))
				return;
			hf_compress_add(conn->compress, HF_STR_NULL, true);
			continue;
		} else {
			switch (conn->out_first->kind) {
			case OUT_BYTES:
				more = send_bytes(conn);
				break;
			case OUT_SOURCE:
				more = unfold_source(conn);
				break;
			case OUT_COMPRESS:
				begin_compression(conn);
				break;
			case OUT_PLAIN:
				end_compression(conn);
				break;
			}
		}
		if (hf_conn_slice_used(conn))
			return;
	}
}

void hf_conn_release(struct hf_conn *conn)
{
	if (!conn->tls || conn->gone)
		return;
	switch (hf_tls_release(conn->tls)) {
	case HF_TLS_DONE:
		break;
	case HF_TLS_WANT_WRITE:
		conn->out_blocked = true;
		break;
	default:
		broken(conn);
		break;
	}
}

void hf_conn_drain(struct hf_conn *conn, bool all)
{
	hf_conn_drain_held(conn, all);
	hf_conn_release(conn);
}

static void queued(struct hf_conn *conn, size_t count)
{
	conn->out_size += count;
	if (conn->gone)
		hf_conn_output_drop(conn);
	else if (conn->corked && conn->out_size > OUTPUT_EAGER && !conn->out_blocked &&
		 !conn->starttls)
		hf_conn_drain(conn, false);
}

char *hf_conn_reserve(struct hf_conn *conn, size_t size)
{
	struct out_entry *tail = conn->out_last;

	if (!tail || tail->kind != OUT_BYTES || tail->capacity - tail->end < size) {
		size_t buffer = CHUNK_SIZE;

		if (size > CHUNK_SIZE - sizeof(*tail))
			buffer = size <= INPUT_AHEAD - sizeof(*tail) ? INPUT_AHEAD
								     : size + sizeof(*tail);
		tail = entry_new(OUT_BYTES, buffer);
		append(conn, tail);
	}
	return tail->data + tail->end;
}

void hf_conn_wrote(struct hf_conn *conn, size_t count)
{
	hf_assert(conn->out_last && conn->out_last->kind == OUT_BYTES &&
		  count <= conn->out_last->capacity - conn->out_last->end);
	conn->out_last->end += count;
	queued(conn, count);
}

void hf_conn_write(struct hf_conn *conn, const void *data, size_t size)
{
	const char *from = data;

	while (size && !conn->gone) {
		struct out_entry *tail = conn->out_last;
		size_t room, part;

		if (!tail || tail->kind != OUT_BYTES || tail->end == tail->capacity) {
			hf_conn_reserve(conn, size < CHUNK_SIZE - sizeof(*tail)
						      ? size
						      : INPUT_AHEAD - sizeof(*tail));
			tail = conn->out_last;
		}
		room = tail->capacity - tail->end;
		part = size < room ? size : room;
		memcpy(tail->data + tail->end, from, part);
		tail->end += part;
		from += part;
		size -= part;
		queued(conn, part);
	}
}

void hf_conn_write_str(struct hf_conn *conn, struct hf_str s)
{
	hf_conn_write(conn, s.data, s.size);
}

void hf_conn_printf(struct hf_conn *conn, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	int size;

	va_start(ap, fmt);
	size = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	hf_assert(size >= 0);
	if ((size_t)size < sizeof(small)) {
		hf_conn_write(conn, small, (size_t)size);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(hf_conn_reserve(conn, (size_t)size + 1), (size_t)size + 1, fmt, ap);
	va_end(ap);
	hf_conn_wrote(conn, (size_t)size);
}

/* A small slice is read at once: cheaper than an entry, and its content need not stay pinned. */
static bool read_now(struct hf_conn *conn, struct hf_source *source, uint64_t offset, size_t size)
{
	char *to = hf_conn_reserve(conn, size);
	size_t done = 0;

	while (done < size) {
		size_t got = 0;
		enum hf_status status =
			source->read(source, offset + done, to + done, size - done, &got);

		if (status != HF_OK || got == 0) {
			hf_warning(&conn->log, "send-failed status=%d missing=%zu", (int)status,
				   size - done);
			return false;
		}
		done += got;
	}
	hf_conn_wrote(conn, size);
	return true;
}

void hf_conn_send_source(struct hf_conn *conn, struct hf_source *source, uint64_t offset,
			 uint64_t size)
{
	struct out_entry *entry;

	if (conn->gone || size == 0) {
		hf_source_unref(&source);
		return;
	}
	if (size <= READ_NOW) {
		if (!read_now(conn, source, offset, (size_t)size))
			broken(conn);
		hf_source_unref(&source);
		return;
	}
	entry = entry_new(OUT_SOURCE, 0);
	entry->source = source;
	entry->offset = offset;
	entry->left = size;
	append(conn, entry);
	queued(conn, SOURCE_COST);
}

void hf_conn_output_compress(struct hf_conn *conn, bool begin)
{
	append(conn, entry_new(begin ? OUT_COMPRESS : OUT_PLAIN, 0));
	queued(conn, SOURCE_COST);
}

bool hf_conn_output_full(const struct hf_conn *conn)
{
	return conn->out_size >= OUTPUT_HIGH;
}

size_t hf_conn_output_held(const struct hf_conn *conn)
{
	int size = 0;

	if (conn->gone || ioctl(conn->fd, SIOCOUTQ, &size) != 0 || size < 0)
		return 0;
	return (size_t)size;
}

size_t hf_conn_output_size(const struct hf_conn *conn)
{
	return conn->out_size + hf_conn_output_held(conn);
}

void hf_conn_flush(struct hf_conn *conn)
{
	if (!conn->out_blocked && !conn->starttls)
		hf_conn_drain(conn, true);
}
