/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of sasl/ share; see README.md for which file does what. */
#ifndef HF_SASL_PRIV_H
#define HF_SASL_PRIV_H

#include <pthread.h>

#include "base/counter.h"
#include "base/digest.h"
#include "sasl/cyrus_priv.h"
#include "sasl/sasl.h"

#define HF_SASL_RESPONSE_MAX   65536 /* octets of one response of the client */
#define HF_SASL_NAME_MAX       1000  /* octets of a user name */
#define HF_SASL_MECHANISMS_MAX 16
#define HF_SASL_KEY_SIZE       32

enum hf_sasl_source { HF_SASL_STORE, HF_SASL_SASLAUTHD, HF_SASL_AUXPROP };

enum hf_sasl_kind {
	HF_SASL_PLAIN, /* plaintext, the client begins */
	HF_SASL_LOGIN, /* plaintext, the server begins */
	HF_SASL_SCRAM,
	HF_SASL_EXTERNAL,
	HF_SASL_OTHER /* any other plug-in that the administrator asked for */
};

struct hf_sasl_mechanism {
	char name[32]; /* as offered, upper case */
	char base[32]; /* without -PLUS: the plug-in's name */
	enum hf_sasl_kind kind;
	bool plus;
	enum hf_digest alg; /* SCRAM */
};

struct hf_sasl_verifiers;
struct hf_sasl_delays;

struct hf_sasl {
	const struct hf_log *log;
	enum hf_sasl_source source;
	char *hostname;
	char *saslauthd_path;
	uint32_t saslauthd_timeout_ms;
	char *admins;
	bool allow_plaintext;
	uint32_t iterations;
	uint32_t verifier_s;
	struct hf_sasl_accounts accounts;
	uint8_t process_key[HF_SASL_KEY_SIZE]; /* new at each start: verifier cache, fake salts for
						  foreign sources */

	struct hf_sasl_mechanism mechanisms[HF_SASL_MECHANISMS_MAX];
	size_t mechanism_count;

	char **options; /* name, value, ..., NULL: what Cyrus SASL asks for by SASL_CB_GETOPT */
	size_t option_count;
	sasl_callback_t callbacks[5];

	struct hf_sasl_verifiers *verifiers;
	struct hf_sasl_delays *delays;
	struct hf_counter *successes, *failures, *unavailables, *rounds, *recognised;

	pthread_mutex_t lock;
	unsigned exchanges HF_GUARDED_BY(lock); /* alive; none may be when it is closed */
};

/* A name a client gave, and what the accounts say of it. */
struct hf_sasl_identity {
	struct hf_buf name; /* canonical when known, else as given */
	bool known, disabled;
};

/* HF_OK also for unknown names (`known` false). HF_EUNAVAILABLE. */
enum hf_status hf_sasl_identify(struct hf_sasl *sasl, struct hf_str name,
				struct hf_sasl_identity *id);

/* --- mechanisms.c */
/* Upper-cases and classifies; false when it cannot be the name of a mechanism (RFC 4422 §3.1). */
bool hf_sasl_mechanism_parse(struct hf_str name, struct hf_sasl_mechanism *mechanism);
/* The mechanism if it may be used on this connection now, else NULL. */
const struct hf_sasl_mechanism *hf_sasl_mechanism_find(struct hf_sasl *sasl,
						       const struct hf_sasl_peer *peer,
						       struct hf_str name);
/* Whether the -PLUS form of this mechanism is offered to the peer. */
bool hf_sasl_offers_plus(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			 const struct hf_sasl_mechanism *mechanism);

/* --- gs2.c: how a SCRAM client-first message begins, RFC 5801 §4 */
struct hf_gs2 {
	char flag;             /* 'n', 'y' or 'p' */
	struct hf_str binding; /* with 'p': the type's name */
};
bool hf_gs2_parse(struct hf_str client, struct hf_gs2 *gs2);

/* --- plugins.c: what Cyrus SASL may load, and whether it is there */
int hf_sasl_verify_file(struct hf_sasl *sasl, const char *path, sasl_verify_type_t type);
bool hf_sasl_plugins_present(struct hf_sasl *sasl, const char *source, struct hf_note *why);

/* --- auxprop.c: the property plug-in "holdfast" */
int hf_sasl_auxprop_register(void);
/* The exchange a Cyrus SASL connection belongs to gives these to the plug-in. */
struct hf_sasl_lookup {
	struct hf_sasl *sasl;
	const struct hf_sasl_mechanism *mechanism;
	const struct hf_sasl_identity *authid;
	enum hf_status trouble; /* set when a look-up failed */
};

/* --- secret.c */
struct hf_scram_secret {
	enum hf_digest alg;
	uint32_t iterations;
	uint8_t salt[64];
	size_t salt_size;
	uint8_t stored_key[32], server_key[32];
};
/* "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey" */
bool hf_scram_secret_parse(struct hf_str text, struct hf_scram_secret *secret);
void hf_scram_secret_format(const struct hf_scram_secret *secret, struct hf_buf *text);
/* StoredKey and ServerKey for a prepared password and the salt and iterations already in *secret,
 * RFC 5802 §3. */
void hf_scram_secret_derive(struct hf_scram_secret *secret, struct hf_str prepared);
/* For a user who has none: always the same for the same name in any case, and nothing matches it.
 */
void hf_scram_secret_fake(struct hf_sasl *sasl, enum hf_digest alg, struct hf_str name,
			  struct hf_scram_secret *secret);
/* The secret of an identity, or a fake one: *real tells which. HF_OK, HF_EUNAVAILABLE. A disabled
 * account keeps its salt, with keys that nothing matches. */
enum hf_status hf_sasl_secret(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
			      enum hf_digest alg, struct hf_scram_secret *secret, bool *real);
/* A password against the account's secret; the same work whether the account exists or not. HF_OK,
 * HF_EAUTH, HF_EUNAVAILABLE. */
enum hf_status hf_sasl_verify(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
			      struct hf_str password);

/* Whether it is one verified lately: no PBKDF2. False tells nothing. */
bool hf_sasl_recognise(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
		       struct hf_str password);

/* --- saslprep.c, RFC 4013. HF_EINVALID: not UTF-8, prohibited, or nothing left; HF_EUNAVAILABLE:
 * ICU has no data for it. `stored`: unassigned code points are prohibited too. */
enum hf_status hf_saslprep(struct hf_str in, bool stored, struct hf_buf *out);
/* One form for all spellings of a user name that differ in case or compatibility forms; never
 * fails. */
void hf_sasl_fold_name(struct hf_str in, struct hf_buf *out);
/* Overwrites what it held. */
void hf_sasl_buf_wipe(struct hf_buf *buf);

/* --- verifier.c: passwords verified lately; thread-safe */
struct hf_sasl_verifiers *hf_sasl_verifiers_new(const uint8_t key[HF_SASL_KEY_SIZE]);
void hf_sasl_verifiers_free(struct hf_sasl_verifiers **verifiers);
bool hf_sasl_verifiers_have(struct hf_sasl_verifiers *verifiers, struct hf_str user,
			    struct hf_str secret, struct hf_str password, uint64_t now_ms);
void hf_sasl_verifiers_add(struct hf_sasl_verifiers *verifiers, struct hf_str user,
			   struct hf_str secret, struct hf_str password, uint64_t now_ms,
			   uint64_t until_ms);
void hf_sasl_verifiers_forget(struct hf_sasl_verifiers *verifiers, struct hf_str user);

/* --- saslauthd.c: one question to saslauthd(8). HF_OK, HF_EAUTH, HF_EUNAVAILABLE (*why tells, a
 * constant). */
enum hf_status hf_saslauthd_ask(const char *path, uint32_t timeout_ms, struct hf_str user,
				struct hf_str password, const char *service, const char **why);

/* --- delay.c: thread-safe */
struct hf_sasl_delays *hf_sasl_delays_new(void);
void hf_sasl_delays_free(struct hf_sasl_delays **delays);
uint32_t hf_sasl_delays_get(struct hf_sasl_delays *delays, struct hf_str address, uint64_t now_ms);
void hf_sasl_delays_note(struct hf_sasl_delays *delays, struct hf_str address, bool success,
			 uint64_t now_ms);

#endif
