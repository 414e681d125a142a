/* SPDX-License-Identifier: BSD-2-Clause */
/* Cyrus SASL 2 behind one small interface. Steps may block (saslauthd, SQL, LDAP): callers run them through
 * hf_offload(), never on a worker. An exchange is used by one thread at a time. */
#ifndef HF_SASL_SASL_H
#define HF_SASL_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/note.h"
#include "base/status.h"
#include "base/str.h"

struct hf_sasl;
struct hf_sasl_exchange;

/* Where the embedded accounts come from: the host gives the store's. All may be called from several helper threads. */
struct hf_sasl_accounts {
	void *arg;
	/* The canonical name of a user or alias. HF_ENONEXISTENT; HF_EUNAVAILABLE. *disabled still gives HF_OK. */
	enum hf_status (*find)(void *arg, struct hf_str name, struct hf_buf *canonical, bool *disabled);
	/* SCRAM secret in Cyrus SASL's text form; label "" is the account's password. HF_ENONEXISTENT when there is none. */
	enum hf_status (*secret)(void *arg, struct hf_str canonical, const char *mechanism, struct hf_buf *secret);
	uint8_t key[32]; /* server key for fake salts and the verifier cache */
};

struct hf_sasl_settings {
	const char *hostname;
	/* "store" (default), "saslauthd", or the name of an installed auxprop plug-in ("sasldb", "sql", "ldapdb") */
	const char *source;
	const char *saslauthd_path;    /* socket, default /run/saslauthd/mux */
	uint32_t saslauthd_timeout_ms; /* default 10000 */
	const char *mechanisms;        /* in order of preference; without PLAIN (or LOGIN) the LOGIN command is off too */
	const char *const *options;    /* further Cyrus SASL options, name, value, ..., NULL: for sql, ldapdb */
	const char *admins;            /* names that may authorise as others (proxy), space separated */
	bool allow_plaintext;          /* plaintext mechanisms without TLS off loopback too */
	uint32_t iterations;           /* of new secrets: 10000 to 65536, default 10000 */
	uint32_t verifier_s;           /* how long a verified password is recognised again without PBKDF2; default 600, 0: off */
};
#define HF_SASL_MECHANISMS_DEFAULT \
	"SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN EXTERNAL"
HF_API void hf_sasl_settings_init(struct hf_sasl_settings *settings);

/* One per process: HF_EINUSE when there is one. Checks that the mechanism plug-ins are installed (HF_ECANNOT, `why`
 * names the Debian package) and that the settings make sense (HF_EINVALID). Copies the settings and `accounts`; `log`
 * must last. */
HF_API enum hf_status hf_sasl_open(const struct hf_sasl_settings *settings, const struct hf_sasl_accounts *accounts,
				   const struct hf_log *log, struct hf_note *why, struct hf_sasl **sasl);
HF_API void hf_sasl_close(struct hf_sasl **sasl); /* no exchange may be left */

/* What is known of the connection an exchange runs on. */
struct hf_sasl_peer {
	const char *service;           /* "imap" */
	bool secure;                   /* TLS, or a unix socket */
	bool loopback;
	const char *local, *remote;    /* "address;port", may be NULL */
	struct hf_str address;         /* of the client, for delays; empty for unix sockets */
	struct hf_str external_id;     /* user name from a verified client certificate; empty: none */
	bool can_bind;                 /* there are channel bindings; what they are is wanted by hf_sasl_start() alone */
	/* Channel bindings; empty when not available (no TLS; tls-unique only on TLS 1.2 with extended master secret). */
	struct hf_str tls_exporter, tls_server_end_point, tls_unique;
};

/* Space separated, in order of preference, as may be offered to this peer now. */
HF_API void hf_sasl_mechanisms(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_buf *out);
/* Whether LOGIN and PLAIN are allowed to this peer. */
HF_API bool hf_sasl_allows_plaintext(struct hf_sasl *sasl, const struct hf_sasl_peer *peer);

/* Copies what it needs of `peer`. HF_ECANNOT: the mechanism is unknown or not allowed here (plaintext without TLS). */
HF_API enum hf_status hf_sasl_start(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_str mechanism,
				    struct hf_sasl_exchange **exchange);
/* One step; `client` is decoded (no base64). The first call has has_initial false when there was no initial response.
 * `server` is overwritten. HF_MORE: send `server` as a challenge and call again; HF_OK: authenticated (`server` may hold
 * final data, which the protocol then sends as a last challenge that the client answers with an empty line); HF_EAUTH;
 * HF_EAUTHZ; HF_EUNAVAILABLE: a source does not answer; HF_ESYNTAX: malformed, or longer than 64 KiB. After anything but
 * HF_MORE the exchange is over and must not be stepped again. May block. */
HF_API enum hf_status hf_sasl_step(struct hf_sasl_exchange *exchange, bool has_initial, struct hf_str client,
				   struct hf_buf *server);
/* The LOGIN command. Equal cost for unknown users. May block. HF_OK (the canonical name is appended), HF_EAUTH,
 * HF_EUNAVAILABLE; HF_ECANNOT where plaintext is not allowed. */
HF_API enum hf_status hf_sasl_login(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_str user,
				    struct hf_str password, struct hf_buf *canonical);
/* The same for a password that was verified lately, without PBKDF2 and without blocking: HF_OK, or HF_MORE: ask hf_sasl_login(). */
HF_API enum hf_status hf_sasl_login_known(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_str user,
					  struct hf_str password, struct hf_buf *canonical);
/* After HF_OK: who is authenticated, and as whom they act (the same, unless an admin proxies). Canonical names. */
HF_API struct hf_str hf_sasl_authenticated(const struct hf_sasl_exchange *exchange);
HF_API struct hf_str hf_sasl_authorised(const struct hf_sasl_exchange *exchange);
HF_API void hf_sasl_exchange_free(struct hf_sasl_exchange **exchange); /* at any moment between steps */

/* How long the answer to a failure (or the next attempt) from this address is to be held back, ms; grows with failures,
 * forgets with time. A success clears it. Thread-safe, bounded memory. `address` is text ("192.0.2.1", "2001:db8::1");
 * nothing in sasl/ calls hf_sasl_note_result: whoever answers the client does, once an exchange or LOGIN. */
HF_API uint32_t hf_sasl_delay_ms(struct hf_sasl *sasl, struct hf_str address);
HF_API void hf_sasl_note_result(struct hf_sasl *sasl, struct hf_str address, bool success);

/* Forget cached verifiers of a user (password changed, disabled). */
HF_API void hf_sasl_forget(struct hf_sasl *sasl, struct hf_str canonical);

/* Makes the SCRAM-SHA-256 and SCRAM-SHA-1 secrets of a new password (SASLprep; HF_EINVALID when the password is empty
 * or prohibited). `sasl` may be NULL, for tools: the default number of iterations. Takes some 10 ms: not in the writer. */
HF_API enum hf_status hf_sasl_make_secrets(struct hf_sasl *sasl, struct hf_str password, struct hf_buf *sha256,
					   struct hf_buf *sha1);

/* Whether this canonical name is among the settings' `admins`. */
HF_API bool hf_sasl_is_admin(struct hf_sasl *sasl, struct hf_str canonical);

#endif
