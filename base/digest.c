/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes and randomness. Digests are fetched from OpenSSL once: its implicit fetch costs more than
 * hashing a short string. A failure here means no memory or a broken library, so it ends the
 * process. */
#include "base/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <xxhash.h>

#include "base/assert.h"
#include "base/mem.h"

enum { DIGESTS = 4, HASH_SECRET = 192, BLOCK_MAX = 128 };

static const char *const names[DIGESTS] = {
	[HF_SHA1] = "SHA1",
	[HF_SHA256] = "SHA256",
	[HF_SHA512] = "SHA512",
	[HF_MD5] = "MD5",
};
static const size_t sizes[DIGESTS] = {
	[HF_SHA1] = 20,
	[HF_SHA256] = 32,
	[HF_SHA512] = 64,
	[HF_MD5] = 16,
};

static const size_t blocks[DIGESTS] = {
	[HF_SHA1] = 64,
	[HF_SHA256] = 64,
	[HF_SHA512] = BLOCK_MAX,
	[HF_MD5] = 64,
};

static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *digests[DIGESTS];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static uint8_t hash_secret[HASH_SECRET];

static void fetch_digests(void)
{
	for (int i = 0; i < DIGESTS; i++)
		digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
}

static const EVP_MD *digest_of(enum hf_digest alg)
{
	pthread_once(&fetch_once, fetch_digests);
	hf_assert((unsigned)alg < DIGESTS && digests[alg]);
	return digests[alg];
}

/* OpenSSL does not take NULL for the empty string everywhere. */
static const char *data_of(struct hf_str s)
{
	return s.size ? s.data : "";
}

size_t hf_digest_size(enum hf_digest alg)
{
	hf_assert((unsigned)alg < DIGESTS);
	return sizes[alg];
}

void hf_digest(enum hf_digest alg, struct hf_str data, uint8_t *out)
{
	hf_assert(EVP_Digest(data_of(data), data.size, out, NULL, digest_of(alg), NULL) == 1);
}

static void half_hmac(EVP_MD_CTX *ctx, enum hf_digest alg, const uint8_t *pad, struct hf_str data,
		      uint8_t *out)
{
	hf_assert(EVP_DigestInit_ex(ctx, digest_of(alg), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, pad, blocks[alg]) == 1 &&
		  EVP_DigestUpdate(ctx, data_of(data), data.size) == 1 &&
		  EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

/* RFC 2104 §2. OpenSSL 3's own looks the MAC and its digest up by name each time, which takes longer than the hashing. */
void hf_hmac(enum hf_digest alg, struct hf_str key, struct hf_str data, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t pad[BLOCK_MAX] = { 0 };

	hf_assert(ctx);
	if (key.size > blocks[alg])
		hf_digest(alg, key, pad);
	else
		memcpy(pad, data_of(key), key.size);
	for (size_t i = 0; i < blocks[alg]; i++)
		pad[i] ^= 0x36;
	half_hmac(ctx, alg, pad, data, out);
	for (size_t i = 0; i < blocks[alg]; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	half_hmac(ctx, alg, pad, hf_str_n(out, sizes[alg]), out);
	hf_wipe(pad, sizeof(pad));
	EVP_MD_CTX_free(ctx);
}

void hf_pbkdf2(enum hf_digest alg, struct hf_str password, struct hf_str salt, unsigned iterations,
	       uint8_t *out)
{
	const unsigned char *octets = (const unsigned char *)data_of(salt);

	hf_assert(password.size <= INT_MAX && salt.size <= INT_MAX);
	hf_assert(iterations > 0 && iterations <= INT_MAX);
	hf_assert(PKCS5_PBKDF2_HMAC(data_of(password), (int)password.size, octets, (int)salt.size,
				    (int)iterations, digest_of(alg), (int)sizes[alg], out) == 1);
}

uint64_t hf_checksum(const void *data, size_t size)
{
	return XXH3_64bits(size ? data : "", size);
}

void hf_checksum128(const void *data, size_t size, uint8_t out[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(size ? data : "", size));
	memcpy(out, canonical.digest, sizeof(canonical.digest));
}

static void make_secret(void)
{
	hf_random(hash_secret, sizeof(hash_secret));
}

uint64_t hf_hash(struct hf_str s)
{
	pthread_once(&secret_once, make_secret);
	return XXH3_64bits_withSecret(data_of(s), s.size, hash_secret, sizeof(hash_secret));
}

void hf_random(void *out, size_t size)
{
	unsigned char *pos = out;

	while (size) {
		int piece = size > INT_MAX ? INT_MAX : (int)size;

		hf_assert(RAND_bytes(pos, piece) == 1);
		pos += piece;
		size -= (size_t)piece;
	}
}

bool hf_secret_eq(struct hf_str a, struct hf_str b)
{
	return a.size == b.size && CRYPTO_memcmp(data_of(a), data_of(b), a.size) == 0;
}
