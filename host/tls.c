/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS contexts: one for the default certificate, one for each further name. Immutable once built;
 * files that change make a new set, and connections keep the one they began with. Session tickets
 * use keys of this process, so they outlive a new certificate. */
#include "host/tls_ossl.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"

static pthread_once_t keys_once = PTHREAD_ONCE_INIT;
static unsigned char ticket_keys[128];

static void make_keys(void)
{
	RAND_bytes(ticket_keys, sizeof(ticket_keys));
}

/* The first error is the cause. */
static void note_errors(struct hf_note *why, const char *what, const char *file)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_SYSTEM_ERROR(code) ? strerror((int)ERR_GET_REASON(code))
						    : ERR_reason_error_string(code);

	hf_note_add(why, "%s: %s: %s", what, file, reason ? reason : "unknown error");
	ERR_clear_error();
}

static bool wildcard_matches(const char *pattern, const char *name)
{
	const char *dot;

	if (pattern[0] != '*' || pattern[1] != '.')
		return strcasecmp(pattern, name) == 0;
	dot = strchr(name, '.');
	return dot && dot != name && strcasecmp(pattern + 1, dot) == 0;
}

static int choose_name(SSL *ssl, int *alert, void *arg)
{
	const struct hf_tls *tls = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (!name)
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 1; i < tls->count; i++) {
		if (wildcard_matches(tls->entries[i].name, name)) {
			SSL_set_SSL_CTX(ssl, tls->entries[i].ctx);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_OK; /* any other name gets the default: RFC 6066 §3 allows it, old
				     clients need it */
}

/* The protocol of the service, if the client knows it. Clients that offer something else (a browser
 * led astray) are refused where they offer HTTP only, which is what cross-protocol attacks need.
 * RFC 7301 §3.2. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_size,
			   const unsigned char *in, unsigned in_size, void *arg)
{
	const char *wanted = SSL_get_app_data(ssl);
	bool http = false;

	(void)arg;
	for (unsigned at = 0; at < in_size && at + 1u + in[at] <= in_size; at += 1u + in[at]) {
		struct hf_str offered = hf_str_n(in + at + 1, in[at]);

		if (wanted && hf_str_eq(offered, hf_str(wanted))) {
			*out = in + at + 1;
			*out_size = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
		http = http || hf_str_eq(offered, HF_STR("h2")) ||
		       hf_str_starts(offered, HF_STR("http/"));
	}
	return http ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

/* A client certificate that does not verify only means that there is no EXTERNAL:
 * hf_tls_external_id() asks for the result. */
static int accept_any(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static bool set_options(SSL_CTX *ctx, const struct hf_tls *tls, struct hf_note *why)
{
	static const unsigned char context[] = "holdfast";

	pthread_once(&keys_once, make_keys);
	SSL_CTX_set_min_proto_version(ctx, tls->settings.min_version == 1 ? TLS1_3_VERSION
									  : TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	SSL_CTX_set_session_id_context(ctx, context, sizeof(context) - 1);
	SSL_CTX_set_session_cache_mode(ctx,
				       SSL_SESS_CACHE_OFF); /* tickets need no memory of ours */
	SSL_CTX_set_tlsext_ticket_keys(ctx, ticket_keys,
				       SSL_CTX_get_tlsext_ticket_keys(ctx, NULL, 0));
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	/* 128 bits are what key exchange and certificates are good for; SHA-256, of which a handshake takes some fifty, has
	 * instructions of its own in most processors. */
	if (SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
					  "TLS_AES_256_GCM_SHA384") != 1) {
		note_errors(why, "tls", "TLS 1.3 ciphers");
		return false;
	}
	if (tls->settings.ciphers && SSL_CTX_set_cipher_list(ctx, tls->settings.ciphers) != 1) {
		note_errors(why, "tls.ciphers", tls->settings.ciphers);
		return false;
	}
	return true;
}

static bool set_client_ca(SSL_CTX *ctx, const char *file, struct hf_note *why)
{
	STACK_OF(X509_NAME) * names;

	if (!file)
		return true;
	names = SSL_load_client_CA_file(file);
	if (!names || SSL_CTX_load_verify_locations(ctx, file, NULL) != 1) {
		note_errors(why, "tls.client_ca", file);
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return false;
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
	return true;
}

static SSL_CTX *build(struct hf_tls *tls, const char *certificate, const char *key,
		      struct hf_note *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	if (!ctx) {
		note_errors(why, "tls", "context");
		return NULL;
	}
	if (!set_options(ctx, tls, why) || !set_client_ca(ctx, tls->settings.client_ca, why))
		goto failed;
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1) {
		note_errors(why, "tls certificate", certificate);
		goto failed;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		note_errors(why, "tls key", key);
		goto failed;
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		note_errors(why, "tls key does not fit the certificate", key);
		goto failed;
	}
	return ctx;
failed:
	SSL_CTX_free(ctx);
	return NULL;
}

static struct hf_tls_stamp stamp(const char *file)
{
	struct hf_tls_stamp stamp = { .file = file };
	struct stat st;

	if (file && stat(file, &st) == 0)
		stamp = (struct hf_tls_stamp){ file, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
					       st.st_size, st.st_ino };
	return stamp;
}

static void copy_settings(struct hf_tls *tls, const struct hf_tls_settings *from)
{
	const char *const *in[] = { &from->certificate, &from->key, &from->client_ca,
				    &from->ciphers };
	const char **out[] = { &tls->settings.certificate, &tls->settings.key,
			       &tls->settings.client_ca, &tls->settings.ciphers };

	tls->settings = *from;
	for (size_t i = 0; i < HF_COUNT(in); i++)
		*out[i] = *in[i] ? hf_arena_cstr(tls->arena, hf_str(*in[i])) : NULL;
	tls->settings.sni = hf_new_array(tls->arena, struct hf_sni_settings, from->sni_count);
	for (size_t i = 0; i < from->sni_count; i++) {
		tls->settings.sni[i].name = hf_arena_cstr(tls->arena, hf_str(from->sni[i].name));
		tls->settings.sni[i].certificate =
			hf_arena_cstr(tls->arena, hf_str(from->sni[i].certificate));
		tls->settings.sni[i].key = hf_arena_cstr(tls->arena, hf_str(from->sni[i].key));
	}
}

static bool add_entry(struct hf_tls *tls, const char *name, const char *certificate,
		      const char *key, struct hf_note *why)
{
	/* the dates first: a file that changes while it is read is read again */
	tls->stamps[tls->stamp_count++] = stamp(certificate);
	tls->stamps[tls->stamp_count++] = stamp(key);
	tls->entries[tls->count].name = name;
	tls->entries[tls->count].ctx = build(tls, certificate, key, why);
	if (!tls->entries[tls->count].ctx)
		return false;
	tls->count++;
	return true;
}

struct hf_tls *hf_tls_new(const struct hf_tls_settings *settings, struct hf_note *why)
{
	struct hf_tls *tls = hf_alloc_zero(sizeof(*tls));
	size_t entries = settings->sni_count + 1;
	bool ok;

	atomic_init(&tls->refs, 1);
	tls->arena = hf_arena_new();
	copy_settings(tls, settings);
	tls->entries = hf_new_array(tls->arena, struct hf_tls_entry, entries);
	tls->stamps = hf_new_array(tls->arena, struct hf_tls_stamp, entries * 2 + 1);
	if (tls->settings.client_ca)
		tls->stamps[tls->stamp_count++] = stamp(tls->settings.client_ca);
	ok = add_entry(tls, "", tls->settings.certificate, tls->settings.key, why);
	for (size_t i = 0; i < settings->sni_count; i++) {
		const struct hf_sni_settings *sni = &tls->settings.sni[i];

		ok = add_entry(tls, sni->name, sni->certificate, sni->key, why) && ok;
	}
	if (!ok) {
		hf_tls_unref(&tls);
		return NULL;
	}
	SSL_CTX_set_tlsext_servername_callback(tls->entries[0].ctx, choose_name);
	SSL_CTX_set_tlsext_servername_arg(tls->entries[0].ctx, tls);
	return tls;
}

struct hf_tls *hf_tls_ref(struct hf_tls *tls)
{
	atomic_fetch_add(&tls->refs, 1);
	return tls;
}

void hf_tls_unref(struct hf_tls **tls)
{
	struct hf_tls *old = *tls;

	*tls = NULL;
	if (!old || atomic_fetch_sub(&old->refs, 1) != 1)
		return;
	for (size_t i = 0; i < old->count; i++)
		SSL_CTX_free(old->entries[i].ctx);
	hf_arena_free(&old->arena);
	hf_free(old);
}

bool hf_tls_is_stale(const struct hf_tls *tls)
{
	for (size_t i = 0; i < tls->stamp_count; i++) {
		struct hf_tls_stamp now = stamp(tls->stamps[i].file);

		if (now.seconds != tls->stamps[i].seconds ||
		    now.nanoseconds != tls->stamps[i].nanoseconds ||
		    now.size != tls->stamps[i].size || now.inode != tls->stamps[i].inode)
			return true;
	}
	return false;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool hf_tls_has_settings(const struct hf_tls *tls, const struct hf_tls_settings *settings)
{
	const struct hf_tls_settings *ours = &tls->settings;
	bool equal = same(ours->certificate, settings->certificate) &&
		     same(ours->key, settings->key) && same(ours->client_ca, settings->client_ca) &&
		     same(ours->ciphers, settings->ciphers) &&
		     ours->min_version == settings->min_version &&
		     ours->sni_count == settings->sni_count;

	for (size_t i = 0; equal && i < ours->sni_count; i++)
		equal = same(ours->sni[i].name, settings->sni[i].name) &&
			same(ours->sni[i].certificate, settings->sni[i].certificate) &&
			same(ours->sni[i].key, settings->sni[i].key);
	return equal;
}

struct hf_tls *hf_tls_again(const struct hf_tls *tls, struct hf_note *why)
{
	return hf_tls_new(&tls->settings, why);
}
