/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by host/tls*.c alone: what has OpenSSL's types. */
#ifndef HF_HOST_TLS_OSSL_H
#define HF_HOST_TLS_OSSL_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <time.h>

#include "host/tls_priv.h"

struct hf_tls_entry {
	const char *name;
	SSL_CTX *ctx;
};

struct hf_tls_stamp {
	const char *file;
	time_t seconds;
	long nanoseconds;
	off_t size;
	ino_t inode;
};

struct hf_tls {
	_Atomic unsigned refs;
	struct hf_arena *arena;
	struct hf_tls_settings settings;
	struct hf_tls_entry *entries; /* [0]: the default */
	size_t count;
	struct hf_tls_stamp *stamps;
	size_t stamp_count;
};

struct hf_tls_conn {
	SSL *ssl;
	struct hf_tls *tls; /* the name callback uses it */
	bool read_needs_write, write_needs_read;
	/* tls_bio.c */
	int fd;
	bool ended, hold;
	struct hf_buf held;
};

/* tls_bio.c: gives conn->ssl its way to conn->fd. */
void hf_tls_bio_attach(struct hf_tls_conn *conn);

#endif
