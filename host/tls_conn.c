/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS on one connection, directly on its non-blocking socket. */
#include "host/tls_ossl.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct hf_tls_conn *hf_tls_accept(struct hf_tls *tls, int fd, const char *alpn)
{
	struct hf_tls_conn *conn = hf_alloc_zero(sizeof(*conn));

	conn->tls = hf_tls_ref(tls);
	conn->ssl = SSL_new(tls->entries[0].ctx);
	if (!conn->ssl)
		hf_out_of_memory(sizeof(*conn));
	conn->fd = fd;
	hf_tls_bio_attach(conn);
	SSL_set_app_data(
		conn->ssl,
		(void *)(uintptr_t)alpn); /* for the protocol callback, which only reads it */
	SSL_set_accept_state(conn->ssl);
	return conn;
}

void hf_tls_conn_free(struct hf_tls_conn **conn)
{
	if (!*conn)
		return;
	SSL_free((*conn)->ssl);
	hf_buf_fini(&(*conn)->held);
	hf_tls_unref(&(*conn)->tls);
	hf_free(*conn);
	*conn = NULL;
}

enum hf_tls_result hf_tls_handshake(struct hf_tls_conn *conn, struct hf_buf *error)
{
	int result, saved;
	unsigned long code;

	ERR_clear_error();
	errno = 0;
	result = SSL_do_handshake(conn->ssl);
	saved = errno;
	if (result == 1)
		return HF_TLS_DONE;
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return HF_TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return HF_TLS_WANT_WRITE;
	case SSL_ERROR_SYSCALL:
		hf_buf_add_cstr(error, saved ? strerror(saved) : "the peer has closed");
		break;
	default:
		code = ERR_peek_last_error();
		hf_buf_add_cstr(error, code && ERR_reason_error_string(code)
					       ? ERR_reason_error_string(code)
					       : "the peer has closed");
		break;
	}
	ERR_clear_error();
	return HF_TLS_FAILED;
}

ssize_t hf_tls_read(struct hf_tls_conn *conn, void *to, size_t size)
{
	size_t got = 0;
	int result;

	ERR_clear_error();
	conn->read_needs_write = false;
	result = SSL_read_ex(conn->ssl, to, size, &got);
	if (result == 1)
		return (ssize_t)got;
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_WANT_WRITE:
		conn->read_needs_write = true;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -2;
	}
}

ssize_t hf_tls_write(struct hf_tls_conn *conn, const void *data, size_t size)
{
	size_t put = 0;
	int result;

	ERR_clear_error();
	conn->write_needs_read = false;
	result = SSL_write_ex(conn->ssl, data, size, &put);
	if (result == 1)
		return (ssize_t)put;
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_WRITE:
		return -1;
	case SSL_ERROR_WANT_READ:
		conn->write_needs_read = true;
		return -1;
	default:
		ERR_clear_error();
		return -2;
	}
}

bool hf_tls_read_needs_write(const struct hf_tls_conn *conn)
{
	return conn->read_needs_write;
}

bool hf_tls_write_needs_read(const struct hf_tls_conn *conn)
{
	return conn->write_needs_read;
}

bool hf_tls_has_buffered(const struct hf_tls_conn *conn)
{
	return SSL_has_pending(conn->ssl) == 1;
}

void hf_tls_goodbye(struct hf_tls_conn *conn)
{
	if (SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN)
		return;
	ERR_clear_error();
	SSL_shutdown(conn->ssl);
	ERR_clear_error();
}

const char *hf_tls_version_name(const struct hf_tls_conn *conn)
{
	return SSL_get_version(conn->ssl);
}

const char *hf_tls_cipher_name(const struct hf_tls_conn *conn)
{
	return SSL_get_cipher_name(conn->ssl);
}
