/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS as the rest of the host sees it; OpenSSL stays in host/tls*.c. */
#ifndef HF_HOST_TLS_PRIV_H
#define HF_HOST_TLS_PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/note.h"
#include "host/config_priv.h"
#include "host/module.h"

struct hf_tls;
struct hf_tls_conn;

/* tls.c: certificates. Built once for a set of settings; shared by the connections that began with
 * it. */
struct hf_tls *hf_tls_new(const struct hf_tls_settings *settings,
			  struct hf_note *why); /* settings are copied */
struct hf_tls *hf_tls_ref(struct hf_tls *tls);
void hf_tls_unref(struct hf_tls **tls);
/* Whether a file has another date, size or inode than when it was read. */
bool hf_tls_is_stale(const struct hf_tls *tls);
bool hf_tls_has_settings(const struct hf_tls *tls, const struct hf_tls_settings *settings);
/* The same settings, the files read again. */
struct hf_tls *hf_tls_again(const struct hf_tls *tls, struct hf_note *why);

/* tls_conn.c: one connection. Takes a reference. `alpn` is the protocol that may be chosen
 * ("imap"), or NULL. */
struct hf_tls_conn *hf_tls_accept(struct hf_tls *tls, int fd, const char *alpn);
void hf_tls_conn_free(struct hf_tls_conn **conn);
enum hf_tls_result { HF_TLS_DONE, HF_TLS_WANT_READ, HF_TLS_WANT_WRITE, HF_TLS_FAILED };
enum hf_tls_result hf_tls_handshake(struct hf_tls_conn *conn, struct hf_buf *error);
/* >0 octets, 0 the end, -1 would block (see _reads and _writes), -2 broken. */
ssize_t hf_tls_read(struct hf_tls_conn *conn, void *to, size_t size);
ssize_t hf_tls_write(struct hf_tls_conn *conn, const void *data, size_t size);
/* Which way the socket must become ready before reading, or writing, can go on; normally its own.
 */
bool hf_tls_read_needs_write(const struct hf_tls_conn *conn);
bool hf_tls_write_needs_read(const struct hf_tls_conn *conn);
bool hf_tls_has_buffered(const struct hf_tls_conn *conn);
void hf_tls_goodbye(struct hf_tls_conn *conn); /* once; more calls do nothing */
/* From hf_tls_hold() to hf_tls_release() what is written is gathered, 16 KiB at most. The latter sends it: HF_TLS_WANT_WRITE
 * when the socket does not take all, and it is to be called again. */
void hf_tls_hold(struct hf_tls_conn *conn);
bool hf_tls_holds(const struct hf_tls_conn *conn); /* something */
enum hf_tls_result hf_tls_release(struct hf_tls_conn *conn);
const char *hf_tls_version_name(const struct hf_tls_conn *conn);
const char *hf_tls_cipher_name(const struct hf_tls_conn *conn);

/* tls_binding.c */
struct hf_str hf_tls_binding(struct hf_tls_conn *conn, enum hf_binding kind,
			     struct hf_arena *arena);
bool hf_tls_can_bind(struct hf_tls_conn *conn); /* at least one kind */
bool hf_tls_has_certificate(const struct hf_tls_conn *conn); /* the client has shown one */
struct hf_str hf_tls_external_id(struct hf_tls_conn *conn, struct hf_arena *arena);

#endif
