/* SPDX-License-Identifier: BSD-2-Clause */
/* Input: from the socket through TLS and inflation into one buffer, from which the module consumes.
 * A parked connection with nothing unconsumed has no buffer. Each thread keeps a few spare buffers,
 * so that taking one for the length of a step costs nothing. */
#include "host/conn_priv.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "host/tls_priv.h"

enum { SPARES = 4 };

struct spare {
	void *buffers[SPARES];
	size_t count;
};

static _Thread_local struct spare small,
	large; /* of INPUT_FIRST (and CHUNK_SIZE), of INPUT_AHEAD octets */

static struct spare *spare_of(size_t size)
{
	return size == INPUT_FIRST ? &small : size == INPUT_AHEAD ? &large : NULL;
}

void *hf_buffer_get(size_t size)
{
	struct spare *spare = spare_of(size);

	if (spare && spare->count)
		return spare->buffers[--spare->count];
	return hf_alloc(size);
}

void hf_buffer_put(void *buffer, size_t size)
{
	struct spare *spare = spare_of(size);

	if (spare && spare->count < SPARES)
		spare->buffers[spare->count++] = buffer;
	else
		hf_free(buffer);
}

void hf_buffers_release(void)
{
	while (small.count)
		hf_free(small.buffers[--small.count]);
	while (large.count)
		hf_free(large.buffers[--large.count]);
}

ssize_t hf_conn_receive(struct hf_conn *conn, void *to, size_t size)
{
	ssize_t n;

	if (conn->tls)
		return hf_tls_read(conn->tls, to, size);
	do
		n = recv(conn->fd, to, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : -2;
	return n;
}

bool hf_conn_input_buffered(const struct hf_conn *conn)
{
	return (conn->tls && hf_tls_has_buffered(conn->tls)) ||
	       (conn->inflating && hf_compress_has_input(conn->compress));
}

bool hf_conn_input_waits(const struct hf_conn *conn)
{
	return conn->compressing != conn->deflating;
}

bool hf_conn_input_room(const struct hf_conn *conn)
{
	return conn->in_end - conn->in_start < conn->in_limit;
}

static void resize(struct hf_conn *conn, size_t capacity)
{
	size_t have = conn->in_end - conn->in_start;
	char *data = hf_buffer_get(capacity);

	if (have)
		memcpy(data, conn->in + conn->in_start, have);
	if (conn->in)
		hf_buffer_put(conn->in, conn->in_capacity);
	conn->in = data;
	conn->in_start = 0;
	conn->in_end = have;
	conn->in_capacity = capacity;
}

/* Makes room at the end of the buffer; returns how much of it may be filled. */
static size_t make_room(struct hf_conn *conn)
{
	size_t have = conn->in_end - conn->in_start, room;

	if (have >= conn->in_limit)
		return 0;
	if (!conn->in) {
		resize(conn, conn->in_busy ? INPUT_AHEAD : INPUT_FIRST);
	} else if (have == 0) {
		conn->in_start = conn->in_end = 0;
	} else if (have > conn->in_capacity / 2) {
		size_t wanted = conn->in_capacity * 2;

		if (wanted < INPUT_FIRST)
			wanted = INPUT_FIRST;
		if (wanted > conn->in_limit && conn->in_limit > INPUT_AHEAD)
			wanted = conn->in_limit;
		if (have + conn->in_start == conn->in_capacity || conn->in_start)
			resize(conn, wanted);
	} else if (conn->in_start) {
		memmove(conn->in, conn->in + conn->in_start, have);
		conn->in_start = 0;
		conn->in_end = have;
	}
	room = conn->in_capacity - conn->in_end;
	if (room > conn->in_limit - have)
		room = conn->in_limit - have;
	return room;
}

/* What receive() said, to the connection's state. */
static bool received(struct hf_conn *conn, ssize_t n, size_t room)
{
	if (n > 0) {
		conn->octets_in += (uint64_t)n;
		atomic_store_explicit(&conn->heard_ms, conn->slice_start / 1000, memory_order_relaxed);
		if ((size_t)n < room)
			conn->readable = false; /* a stream socket read short is empty: epoll tells
						   the rest */
		return true;
	}
	conn->readable = false;
	if (n == 0)
		conn->input_ended = true;
	if (n == -2) {
		conn->input_ended = true;
		conn->gone = true;
		hf_conn_output_drop(conn);
	}
	return n == 0 || n == -2;
}

static bool fill_inflated(struct hf_conn *conn, size_t room)
{
	for (;;) {
		size_t got, size;
		char *to;

		if (!hf_compress_inflate(conn->compress, conn->in + conn->in_end, room, &got)) {
			hf_info(&conn->log, "inflate-error");
			return received(conn, -2, 0);
		}
		if (got) {
			conn->in_end += got;
			return true;
		}
		if (!conn->readable && !(conn->tls && hf_tls_has_buffered(conn->tls)))
			return false;
		to = hf_compress_input(conn->compress, &size);
		ssize_t n = hf_conn_receive(conn, to, size);

		if (!received(conn, n, size) || n <= 0)
			return n == 0 || n == -2;
		hf_compress_received(conn->compress, (size_t)n);
	}
}

/* False: the peer's stream has not ended yet, or the connection is broken. `filled`: there is input, or its end. */
static bool end_inflation(struct hf_conn *conn, size_t *room, bool *filled)
{
	struct hf_str rest;
	enum hf_status status;

	*filled = false;
	while ((status = hf_compress_end_input(conn->compress)) == HF_MORE) {
		size_t size;
		char *to;
		ssize_t n;

		if (!conn->readable && !(conn->tls && hf_tls_has_buffered(conn->tls)))
			return false;
		to = hf_compress_input(conn->compress, &size);
		n = hf_conn_receive(conn, to, size);
		*filled = received(conn, n, size);
		if (n <= 0)
			return false;
		*filled = false;
		hf_compress_received(conn->compress, (size_t)n);
	}
	if (status != HF_OK) {
		hf_info(&conn->log, "inflate-error at=end");
		*filled = received(conn, -2, 0);
		return false;
	}
	rest = hf_compress_rest(conn->compress);
	if (rest.size > *room) {
		resize(conn, rest.size + INPUT_FIRST);
		*room = conn->in_capacity - conn->in_end;
	}
	if (rest.size)
		memcpy(conn->in + conn->in_end, rest.data, rest.size);
	conn->in_end += rest.size;
	*room -= rest.size;
	*filled = rest.size != 0;
	hf_compress_input_ended(conn->compress);
	conn->inflating = conn->uncompressing = false;
	hf_conn_compress_ended(conn);
	return true;
}

bool hf_conn_fill(struct hf_conn *conn)
{
	bool filled = false;
	size_t room;
	ssize_t n;

	if (conn->input_ended || hf_conn_input_waits(conn) || (!conn->readable && !hf_conn_input_buffered(conn)))
		return false;
	room = make_room(conn);
	if (!room)
		return false;
	if (conn->uncompressing && (!end_inflation(conn, &room, &filled) || filled))
		return filled;
	if (conn->inflating)
		return fill_inflated(conn, room);
	n = hf_conn_receive(conn, conn->in + conn->in_end, room);
	if (n > 0)
		conn->in_end += (size_t)n;
	conn->in_busy = n > 0 && (size_t)n == room;
	return received(conn, n, room);
}

void hf_conn_input_trim(struct hf_conn *conn)
{
	size_t have = conn->in_end - conn->in_start;

	if (!conn->in)
		return;
	if (!have)
		hf_conn_input_fini(conn);
	else if (have < conn->in_capacity / 4 && conn->in_capacity >= INPUT_FIRST)
		resize(conn, (have + 511) & ~(size_t)511);
}

void hf_conn_input_fini(struct hf_conn *conn)
{
	if (conn->in)
		hf_buffer_put(conn->in, conn->in_capacity);
	conn->in = NULL;
	conn->in_start = conn->in_end = conn->in_capacity = 0;
}

struct hf_str hf_conn_input(struct hf_conn *conn)
{
	if (conn->in_start == conn->in_end || hf_conn_input_waits(conn))
		return HF_STR_NULL;
	return hf_str_n(conn->in + conn->in_start, conn->in_end - conn->in_start);
}

void hf_conn_consume(struct hf_conn *conn, size_t count)
{
	hf_assert(count <= conn->in_end - conn->in_start);
	conn->in_start += count;
}

void hf_conn_input_need(struct hf_conn *conn, size_t size)
{
	if (size < INPUT_AHEAD)
		size = INPUT_AHEAD;
	conn->in_limit = size < INPUT_MAX ? size : INPUT_MAX;
}

bool hf_conn_input_ended(struct hf_conn *conn)
{
	return conn->input_ended;
}
