/* SPDX-License-Identifier: BSD-2-Clause */
/* SCRAM secrets (RFC 5802, RFC 7677) in Cyrus SASL's text form: making, reading, faking and
 * checking a password against them.
 *
 * What always holds: for an unknown user the same look-ups are made and the same PBKDF2 is computed
 * as for a wrong password, and a fake secret stays the same from one attempt to the next. */
#include "sasl/sasl_priv.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"

#define SALT_SIZE          16
#define ITERATIONS_DEFAULT 10000
#define ITERATIONS_MIN     1
#define ITERATIONS_MAX     1000000 /* of a stored secret; more would be a mistake that stalls log-ins \
				    */

static const char *mechanism_name(enum hf_digest alg)
{
	return alg == HF_SHA256 ? "SCRAM-SHA-256" : "SCRAM-SHA-1";
}

static bool decode(struct hf_str text, uint8_t *out, size_t max, size_t *size)
{
	struct hf_buf raw = HF_BUF_INIT;
	bool ok = hf_base64_decode(text, &raw) == HF_OK && raw.size > 0 && raw.size <= max;

	if (ok) {
		memcpy(out, raw.data, raw.size);
		*size = raw.size;
	}
	hf_sasl_buf_wipe(&raw);
	return ok;
}

bool hf_scram_secret_parse(struct hf_str text, struct hf_scram_secret *secret)
{
	struct hf_str rest = text, name = hf_str_split(&rest, '$');
	struct hf_str head = hf_str_split(&rest, '$'), salt = head, server = rest;
	struct hf_str iterations = hf_str_split(&salt, ':'), stored = hf_str_split(&server, ':');
	size_t stored_size, server_size;
	uint64_t count;

	memset(secret, 0, sizeof(*secret));
	if (hf_str_eq(name, HF_STR("SCRAM-SHA-256")))
		secret->alg = HF_SHA256;
	else if (hf_str_eq(name, HF_STR("SCRAM-SHA-1")))
		secret->alg = HF_SHA1;
	else
		return false;
	if (!hf_str_u64(iterations, ITERATIONS_MAX, &count) || count < ITERATIONS_MIN)
		return false;
	secret->iterations = (uint32_t)count;
	return decode(salt, secret->salt, sizeof(secret->salt), &secret->salt_size) &&
	       decode(stored, secret->stored_key, sizeof(secret->stored_key), &stored_size) &&
	       decode(server, secret->server_key, sizeof(secret->server_key), &server_size) &&
	       stored_size == hf_digest_size(secret->alg) && server_size == stored_size;
}

void hf_scram_secret_format(const struct hf_scram_secret *secret, struct hf_buf *text)
{
	size_t size = hf_digest_size(secret->alg);

	hf_buf_add_cstr(text, mechanism_name(secret->alg));
	hf_buf_add_char(text, '$');
	hf_buf_add_u64(text, secret->iterations);
	hf_buf_add_char(text, ':');
	hf_base64_encode(hf_str_n(secret->salt, secret->salt_size), text);
	hf_buf_add_char(text, '$');
	hf_base64_encode(hf_str_n(secret->stored_key, size), text);
	hf_buf_add_char(text, ':');
	hf_base64_encode(hf_str_n(secret->server_key, size), text);
}

void hf_scram_secret_derive(struct hf_scram_secret *secret, struct hf_str prepared)
{
	size_t size = hf_digest_size(secret->alg);
	uint8_t salted[HF_DIGEST_MAX], client[HF_DIGEST_MAX];

	hf_pbkdf2(secret->alg, prepared, hf_str_n(secret->salt, secret->salt_size),
		  secret->iterations, salted);
	hf_hmac(secret->alg, hf_str_n(salted, size), HF_STR("Client Key"), client);
	hf_digest(secret->alg, hf_str_n(client, size), secret->stored_key);
	hf_hmac(secret->alg, hf_str_n(salted, size), HF_STR("Server Key"), secret->server_key);
	hf_wipe(salted, sizeof(salted));
	hf_wipe(client, sizeof(client));
}

/* Keys drawn from `key` and the name, which nothing hashes to in practice. */
static void fake_part(const uint8_t *key, const char *what, enum hf_digest alg, struct hf_str name,
		      uint8_t out[32])
{
	struct hf_buf text = HF_BUF_INIT;

	hf_buf_add_cstr(&text, what);
	hf_buf_add_char(&text, '\0');
	hf_buf_add_cstr(&text, mechanism_name(alg));
	hf_buf_add_char(&text, '\0');
	hf_buf_add_str(&text, name);
	hf_hmac(HF_SHA256, hf_str_n(key, HF_SASL_KEY_SIZE), hf_buf_str(&text), out);
	hf_buf_fini(&text);
}

/* Cyrus SASL makes the salt from a key of its own at each start, as long as the hash, when the
 * source has readable passwords; a fake then does the same. */
void hf_scram_secret_fake(struct hf_sasl *sasl, enum hf_digest alg, struct hf_str name,
			  struct hf_scram_secret *secret)
{
	bool foreign = sasl->source == HF_SASL_AUXPROP;
	const uint8_t *key = foreign ? sasl->process_key : sasl->accounts.key;
	struct hf_buf folded = HF_BUF_INIT;
	uint8_t salt[32];

	hf_sasl_fold_name(name, &folded);
	memset(secret, 0, sizeof(*secret));
	secret->alg = alg;
	secret->iterations = sasl->iterations;
	secret->salt_size = foreign ? hf_digest_size(alg) : SALT_SIZE;
	fake_part(key, "salt", alg, hf_buf_str(&folded), salt);
	memcpy(secret->salt, salt, secret->salt_size);
	fake_part(key, "stored", alg, hf_buf_str(&folded), secret->stored_key);
	fake_part(key, "server", alg, hf_buf_str(&folded), secret->server_key);
	hf_buf_fini(&folded);
}

enum hf_status hf_sasl_secret(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
			      enum hf_digest alg, struct hf_scram_secret *secret, bool *real)
{
	struct hf_str name = hf_buf_str(&id->name);
	struct hf_scram_secret fake;
	struct hf_buf text = HF_BUF_INIT;
	enum hf_status status;
	bool have;

	/* Asked for unknown names too, so that they cost the same. */
	hf_scram_secret_fake(sasl, alg, name, &fake);
	status = sasl->accounts.secret(sasl->accounts.arg, name, mechanism_name(alg), &text);
	if (status >= HF_EUNAVAILABLE) {
		hf_buf_fini(&text);
		return HF_EUNAVAILABLE;
	}
	have = status == HF_OK && id->known;
	if (have && (!hf_scram_secret_parse(hf_buf_str(&text), secret) || secret->alg != alg)) {
		hf_error(sasl->log, "sasl_bad_secret user=%s mech=%s", hf_log_quote(name),
			 mechanism_name(alg));
		have = false;
	}
	hf_sasl_buf_wipe(&text);
	if (!have) {
		*secret = fake;
	} else if (id->disabled) {
		memcpy(secret->stored_key, fake.stored_key, sizeof(secret->stored_key));
		memcpy(secret->server_key, fake.server_key, sizeof(secret->server_key));
		have = false;
	}
	*real = have;
	return HF_OK;
}

/* An account has both secrets, or only one (imported from elsewhere): the better counts. Both are
 * always asked for. */
static enum hf_status any_secret(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
				 struct hf_scram_secret *secret, bool *real)
{
	struct hf_scram_secret other = { .alg = HF_SHA1 };
	enum hf_status status = hf_sasl_secret(sasl, id, HF_SHA256, secret, real);
	bool other_real = false;

	if (status == HF_OK)
		status = hf_sasl_secret(sasl, id, HF_SHA1, &other, &other_real);
	if (status == HF_OK && !*real && other_real) {
		*secret = other;
		*real = true;
	}
	return status;
}

bool hf_sasl_recognise(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
		       struct hf_str password)
{
	struct hf_buf prepared = HF_BUF_INIT;
	struct hf_scram_secret secret;
	bool real = false, prohibited, found;

	if (!sasl->verifier_s || any_secret(sasl, id, &secret, &real) != HF_OK)
		return false;
	/* The same work for those who do not exist. */
	hf_buf_reserve(&prepared, password.size + 1);
	prohibited = hf_saslprep(password, false, &prepared) != HF_OK;
	found = hf_sasl_verifiers_have(sasl->verifiers, hf_buf_str(&id->name),
				       hf_str_n(secret.stored_key, hf_digest_size(secret.alg)),
				       hf_buf_str(&prepared), hf_now_ms()) &&
		real && !prohibited;
	hf_sasl_buf_wipe(&prepared);
	if (found)
		hf_counter_add(sasl->recognised, 1);
	return found;
}

enum hf_status hf_sasl_verify(struct hf_sasl *sasl, const struct hf_sasl_identity *id,
			      struct hf_str password)
{
	struct hf_scram_secret secret, derived;
	struct hf_str name = hf_buf_str(&id->name), keys;
	struct hf_buf prepared = HF_BUF_INIT;
	bool real = false, prohibited, match;
	uint64_t now = hf_now_ms();
	enum hf_status status;

	status = any_secret(sasl, id, &secret, &real);
	if (status != HF_OK)
		return status;
	hf_buf_reserve(&prepared, password.size + 1);
	prohibited = hf_saslprep(password, false, &prepared) != HF_OK;
	if (prohibited) {
		hf_buf_clear(&prepared);
		hf_buf_add_str(&prepared, password);
	}
	keys = hf_str_n(secret.stored_key, hf_digest_size(secret.alg));
	if (sasl->verifier_s &&
	    hf_sasl_verifiers_have(sasl->verifiers, name, keys, hf_buf_str(&prepared), now) &&
	    real && !prohibited) {
		hf_counter_add(sasl->recognised, 1);
		hf_sasl_buf_wipe(&prepared);
		return HF_OK;
	}
	derived = secret;
	hf_scram_secret_derive(&derived, hf_buf_str(&prepared));
	hf_counter_add(sasl->rounds, secret.iterations);
	match = hf_secret_eq(hf_str_n(derived.stored_key, hf_digest_size(secret.alg)),
			     hf_str_n(secret.stored_key, hf_digest_size(secret.alg)));
	if (match && real && !prohibited && sasl->verifier_s)
		hf_sasl_verifiers_add(sasl->verifiers, name, keys, hf_buf_str(&prepared), now,
				      now + (uint64_t)sasl->verifier_s * 1000);
	hf_sasl_buf_wipe(&prepared);
	hf_wipe(&derived, sizeof(derived));
	return match && real && !prohibited ? HF_OK : HF_EAUTH;
}

enum hf_status hf_sasl_make_secrets(struct hf_sasl *sasl, struct hf_str password,
				    struct hf_buf *sha256, struct hf_buf *sha1)
{
	struct hf_buf prepared = HF_BUF_INIT;
	struct hf_scram_secret secret;
	enum hf_status status;

	if (password.size == 0 || password.size > HF_SASL_RESPONSE_MAX)
		return HF_EINVALID;
	hf_buf_reserve(&prepared, password.size + 1);
	status = hf_saslprep(password, true, &prepared);
	if (status != HF_OK) {
		hf_sasl_buf_wipe(&prepared);
		return status;
	}
	for (int i = 0; i < 2; i++) {
		memset(&secret, 0, sizeof(secret));
		secret.alg = i == 0 ? HF_SHA256 : HF_SHA1;
		secret.iterations = sasl ? sasl->iterations : ITERATIONS_DEFAULT;
		secret.salt_size = SALT_SIZE;
		hf_random(secret.salt, SALT_SIZE);
		hf_scram_secret_derive(&secret, hf_buf_str(&prepared));
		hf_scram_secret_format(&secret, i == 0 ? sha256 : sha1);
	}
	hf_wipe(&secret, sizeof(secret));
	hf_sasl_buf_wipe(&prepared);
	return HF_OK;
}
