/* SPDX-License-Identifier: BSD-2-Clause */
/* What SASL wants to know of TLS: channel bindings (RFC 5929, RFC 9266) and the name in a verified
 * client certificate. */
#include "host/tls_ossl.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

/* RFC 9266 §3: safe under TLS 1.3, and under TLS 1.2 with the extended master secret. */
static struct hf_str exporter(SSL *ssl, struct hf_arena *arena)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char data[32];

	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return HF_STR_NULL;
	if (SSL_export_keying_material(ssl, data, sizeof(data), label, sizeof(label) - 1,
				       (const unsigned char *)"", 0, 1) != 1)
		return HF_STR_NULL;
	return hf_arena_str(arena, hf_str_n(data, sizeof(data)));
}

/* RFC 5929 §4.1: the hash of the certificate's signature, but never MD5 or SHA-1. Signatures
 * without a hash of their own (Ed25519) have no such binding. */
static struct hf_str end_point(SSL *ssl, struct hf_arena *arena)
{
	X509 *certificate = SSL_get_certificate(ssl);
	unsigned char data[EVP_MAX_MD_SIZE];
	const EVP_MD *md;
	unsigned size = 0;
	int nid = NID_undef;

	if (!certificate || X509_get_signature_info(certificate, &nid, NULL, NULL, NULL) != 1 ||
	    nid == NID_undef)
		return HF_STR_NULL;
	if (nid == NID_md5 || nid == NID_sha1 || nid == NID_md5_sha1)
		nid = NID_sha256;
	md = EVP_get_digestbynid(nid);
	if (!md || X509_digest(certificate, md, data, &size) != 1)
		return HF_STR_NULL;
	return hf_arena_str(arena, hf_str_n(data, size));
}

/* RFC 5929 §3.1: the first Finished message of the handshake: the client's, or the server's when a
 * session is resumed. */
static struct hf_str unique(SSL *ssl, struct hf_arena *arena)
{
	unsigned char data[EVP_MAX_MD_SIZE];
	size_t size;

	if (SSL_version(ssl) != TLS1_2_VERSION || SSL_get_extms_support(ssl) != 1)
		return HF_STR_NULL;
	size = SSL_session_reused(ssl) ? SSL_get_finished(ssl, data, sizeof(data))
				       : SSL_get_peer_finished(ssl, data, sizeof(data));
	return size <= sizeof(data) ? hf_arena_str(arena, hf_str_n(data, size)) : HF_STR_NULL;
}

struct hf_str hf_tls_binding(struct hf_tls_conn *conn, enum hf_binding kind, struct hf_arena *arena)
{
	switch (kind) {
	case HF_BINDING_EXPORTER:
		return exporter(conn->ssl, arena);
	case HF_BINDING_SERVER_END_POINT:
		return end_point(conn->ssl, arena);
	case HF_BINDING_UNIQUE:
		return unique(conn->ssl, arena);
	}
	return HF_STR_NULL;
}

bool hf_tls_can_bind(struct hf_tls_conn *conn)
{
	X509 *certificate = SSL_get_certificate(conn->ssl);
	int nid = NID_undef;

	if (SSL_version(conn->ssl) >= TLS1_3_VERSION || SSL_get_extms_support(conn->ssl) == 1)
		return true; /* tls-exporter */
	return certificate && X509_get_signature_info(certificate, &nid, NULL, NULL, NULL) == 1 &&
	       nid != NID_undef; /* tls-server-end-point */
}

bool hf_tls_has_certificate(const struct hf_tls_conn *conn)
{
	return SSL_get0_peer_certificate(conn->ssl) != NULL;
}

/* A name with a NUL inside is somebody's trick. */
static struct hf_str checked(const ASN1_STRING *text, struct hf_arena *arena)
{
	struct hf_str name =
		hf_str_n(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));

	return name.size && hf_str_chr(name, '\0') < 0 ? hf_arena_str(arena, name) : HF_STR_NULL;
}

static struct hf_str mail_name(const X509 *certificate, struct hf_arena *arena)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct hf_str found = HF_STR_NULL;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found.size; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_EMAIL)
			found = checked(name->d.rfc822Name, arena);
	}
	GENERAL_NAMES_free(names);
	return found;
}

static struct hf_str common_name(const X509 *certificate, struct hf_arena *arena)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	struct hf_str found = HF_STR_NULL;
	unsigned char *utf8 = NULL;
	int size;

	if (at < 0)
		return found;
	size = ASN1_STRING_to_UTF8(&utf8,
				   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (size > 0 && !memchr(utf8, '\0', (size_t)size))
		found = hf_arena_str(arena, hf_str_n(utf8, (size_t)size));
	OPENSSL_free(utf8);
	return found;
}

struct hf_str hf_tls_external_id(struct hf_tls_conn *conn, struct hf_arena *arena)
{
	const X509 *certificate = SSL_get0_peer_certificate(conn->ssl);
	struct hf_str name;

	if (!certificate || SSL_get_verify_result(conn->ssl) != X509_V_OK)
		return HF_STR_NULL;
	name = mail_name(certificate, arena);
	return name.size ? name : common_name(certificate, arena);
}
