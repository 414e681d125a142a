/* SPDX-License-Identifier: BSD-2-Clause */
/* Between OpenSSL and the socket. OpenSSL hands out each record as soon as it is made: both session
 * tickets, the greeting; the last answer, the goodbye. While a connection holds, they are gathered and
 * leave as one segment, which the client reads at once.
 *
 * What is held comes before all else: nothing overtakes it, whether it is being gathered or the
 * socket takes no more. */
#include "host/tls_ossl.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/mem.h"

enum { HOLD_MAX = 16 * 1024 };

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static ssize_t send_some(const struct hf_tls_conn *conn, const void *data, size_t size)
{
	ssize_t n;

	do
		n = send(conn->fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

static enum hf_tls_result send_held(struct hf_tls_conn *conn)
{
	while (conn->held.size) {
		ssize_t n = send_some(conn, conn->held.data, conn->held.size);

		if (n < 0)
			return would_block() ? HF_TLS_WANT_WRITE : HF_TLS_FAILED;
		hf_buf_drop(&conn->held, (size_t)n);
	}
	hf_buf_fini(&conn->held);
	return HF_TLS_DONE;
}

static int on_write(BIO *bio, const char *data, int size)
{
	struct hf_tls_conn *conn = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (size <= 0)
		return 0;
	if (conn->hold && conn->held.size + (size_t)size <= HOLD_MAX) {
		hf_buf_add(&conn->held, data, (size_t)size);
		return size;
	}
	switch (send_held(conn)) {
	case HF_TLS_DONE:
		break;
	case HF_TLS_WANT_WRITE:
		BIO_set_retry_write(bio);
		return -1;
	default:
		return -1;
	}
	n = send_some(conn, data, (size_t)size);
	if (n < 0 && would_block())
		BIO_set_retry_write(bio);
	return (int)n;
}

static int on_read(BIO *bio, char *to, int size)
{
	struct hf_tls_conn *conn = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (size <= 0)
		return 0;
	do
		n = recv(conn->fd, to, (size_t)size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && would_block())
		BIO_set_retry_read(bio);
	conn->ended = n == 0;
	return (int)n;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
	const struct hf_tls_conn *conn = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH: /* hf_tls_release() says when */
		return 1;
	case BIO_CTRL_EOF:
		return conn->ended;
	default: /* none of it: no descriptor to close, no TLS in the kernel */
		return 0;
	}
}

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast");
	hf_assert(method && BIO_meth_set_write(method, on_write) &&
		  BIO_meth_set_read(method, on_read) && BIO_meth_set_ctrl(method, on_ctrl));
}

void hf_tls_bio_attach(struct hf_tls_conn *conn)
{
	BIO *bio;

	pthread_once(&method_once, make_method);
	bio = BIO_new(method);
	if (!bio)
		hf_out_of_memory(0);
	BIO_set_data(bio, conn);
	BIO_set_init(bio, 1);
	SSL_set_bio(conn->ssl, bio, bio); /* owns it from here on */
}

void hf_tls_hold(struct hf_tls_conn *conn)
{
	conn->hold = true;
}

bool hf_tls_holds(const struct hf_tls_conn *conn)
{
	return conn->held.size > 0;
}

enum hf_tls_result hf_tls_release(struct hf_tls_conn *conn)
{
	conn->hold = false;
	return send_held(conn);
}
