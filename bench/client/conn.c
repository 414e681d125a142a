/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "client.h"

#define READ_SIZE (128u << 10)
#define PER_SOURCE 15000 /* connections from one loopback address: a port range has about 28,000 */

uint64_t conn_received, conn_sent, conn_resumed;

static SSL_CTX *tls;
static SSL_SESSION **sessions; /* by slot: to resume */
static unsigned session_count;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	unsigned slot = ((struct conn *)SSL_get_app_data(ssl))->slot;

	if (slot >= session_count) {
		sessions = take(sessions, (slot + 1) * sizeof(SSL_SESSION *));
		while (session_count <= slot)
			sessions[session_count++] = NULL;
	}
	SSL_SESSION_free(sessions[slot]);
	sessions[slot] = session;
	return 1; /* ours now */
}

static void tls_open(void)
{
	tls = SSL_CTX_new(TLS_client_method());
	if (!tls)
		die("no TLS");
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (opt.resume)
		SSL_CTX_sess_set_new_cb(tls, keep_session);
}

static void wait_tls(struct conn *conn, int result)
{
	int error = SSL_get_error(conn->ssl, result);

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		die("TLS: %s", ERR_reason_error_string(ERR_peek_error()) ? ERR_reason_error_string(ERR_peek_error()) : "closed");
	fiber_wait(conn);
}

static void start_tls(struct conn *conn)
{
	int result;

	if (!tls)
		tls_open();
	conn->ssl = SSL_new(tls);
	SSL_set_app_data(conn->ssl, conn);
	SSL_set_fd(conn->ssl, conn->fd);
	if (conn->slot < session_count && sessions[conn->slot])
		SSL_set_session(conn->ssl, sessions[conn->slot]);
	while ((result = SSL_connect(conn->ssl)) != 1)
		wait_tls(conn, result);
	conn_resumed += SSL_session_reused(conn->ssl) ? 1 : 0;
}

static const struct addrinfo *address(bool lmtp)
{
	static struct addrinfo *known[2];

	if (!known[lmtp]) {
		const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
		const char *host = lmtp ? opt.lmtp_host : opt.imap_host, *port = lmtp ? opt.lmtp_port : opt.imap_port;

		if (!host || getaddrinfo(host, port, &hints, &known[lmtp]))
			die("--%s: no such address", lmtp ? "lmtp" : "imap");
	}
	return known[lmtp];
}

struct conn *conn_open(bool lmtp, unsigned slot)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	const struct addrinfo *to = address(lmtp);
	int one = 1, error = 0;
	socklen_t size = sizeof(error);

	if (!conn)
		die("out of memory");
	conn->lmtp = lmtp;
	conn->slot = slot;
	conn->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn->fd < 0)
		die("socket: error %d (%u connections; ulimit -n?)", errno, slot);
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (slot >= PER_SOURCE && to->ai_family == AF_INET) {
		struct sockaddr_in from = { .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (slot / PER_SOURCE << 8)) };

		setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(conn->fd, (struct sockaddr *)&from, sizeof(from)) < 0)
			die("bind: error %d", errno);
	}
	fiber_watch(conn);
	if (connect(conn->fd, to->ai_addr, to->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			die("connect: error %d", errno);
		fiber_wait(conn);
		getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error)
			die("connect: error %d", error);
	}
	if (opt.tls && !lmtp)
		start_tls(conn);
	return conn;
}

void conn_shrink(struct conn *conn)
{
	free(conn->in);
	free(conn->out.data);
	conn->in = NULL;
	conn->at = conn->end = conn->capacity = conn->scanned = 0;
	conn->out = (struct text){ 0 };
}

void conn_close(struct conn **pointer)
{
	struct conn *conn = *pointer;

	if (!conn)
		return;
	if (conn->ssl) {
		SSL_shutdown(conn->ssl);
		SSL_free(conn->ssl);
	}
	close(conn->fd);
	conn_shrink(conn);
	free(conn);
	*pointer = NULL;
}

void conn_send(struct conn *conn)
{
	size_t done = 0;

	while (done < conn->out.size) {
		ssize_t n;

		if (conn->ssl) {
			n = SSL_write(conn->ssl, conn->out.data + done, (int)(conn->out.size - done));
			if (n <= 0) {
				wait_tls(conn, (int)n);
				continue;
			}
		} else {
			n = send(conn->fd, conn->out.data + done, conn->out.size - done, MSG_NOSIGNAL);
			if (n < 0) {
				if (errno != EAGAIN && errno != EINTR)
					die("send: error %d", errno);
				fiber_wait(conn);
				continue;
			}
		}
		done += (size_t)n;
	}
	conn_sent += done;
	conn->out.size = 0;
}

/* More input, at least an octet; false at its end. */
static bool fill(struct conn *conn)
{
	int one = 1;
	size_t room;

	if (conn->at == conn->end) {
		conn->at = conn->end = conn->scanned = 0;
	} else if (conn->at && conn->capacity - conn->end < READ_SIZE / 2) {
		memmove(conn->in, conn->in + conn->at, conn->end - conn->at);
		conn->end -= conn->at;
		conn->scanned -= conn->at;
		conn->at = 0;
	}
	if (conn->capacity - conn->end < READ_SIZE / 2) {
		conn->capacity = conn->capacity ? conn->capacity * 2 : opt.conns > 500 ? 4096 : READ_SIZE;
		conn->in = take(conn->in, conn->capacity);
	}
	room = conn->capacity - conn->end;
	for (;;) {
		ssize_t n;

		if (conn->ssl) {
			n = SSL_read(conn->ssl, conn->in + conn->end, (int)room);
			if (n <= 0) {
				if (SSL_get_error(conn->ssl, (int)n) == SSL_ERROR_ZERO_RETURN)
					return false;
				wait_tls(conn, (int)n);
				continue;
			}
		} else {
			if (conn->drained)
				fiber_wait(conn);
			n = recv(conn->fd, conn->in + conn->end, room, 0);
			conn->drained = n < (ssize_t)room;
			if (n < 0) {
				if (errno == EAGAIN || errno == EINTR)
					continue;
				die("recv: error %d", errno);
			}
			if (n == 0)
				return false;
		}
		if (opt.quickack)
			setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
		conn->end += (size_t)n;
		conn_received += (uint64_t)n;
		return true;
	}
}

char *conn_line(struct conn *conn, size_t *size)
{
	for (;;) {
		char *start = conn->in + conn->at, *from = conn->in + conn->scanned;
		char *end = conn->end > conn->scanned ? memchr(from, '\n', conn->end - conn->scanned) : NULL;

		if (end) {
			conn->at = conn->scanned = (size_t)(end + 1 - conn->in);
			*size = (size_t)(end - start);
			if (*size && start[*size - 1] == '\r')
				--*size;
			return start;
		}
		conn->scanned = conn->end;
		if (!fill(conn)) {
			if (!conn->may_end)
				die("the server closed the connection");
			conn->ended = true;
			return NULL;
		}
	}
}

void conn_skip(struct conn *conn, uint64_t octets)
{
	for (;;) {
		size_t there = conn->end - conn->at;

		if (there >= octets) {
			conn->at += (size_t)octets;
			conn->scanned = conn->at;
			return;
		}
		octets -= there;
		conn->at = conn->end = conn->scanned = 0;
		if (!fill(conn))
			die("the server closed the connection within a literal");
	}
}
