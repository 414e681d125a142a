/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes and randomness (OpenSSL, XXH3). */
#ifndef HF_BASE_DIGEST_H
#define HF_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/status.h"
#include "base/str.h"

enum hf_digest { HF_SHA1, HF_SHA256, HF_SHA512, HF_MD5 };
#define HF_DIGEST_MAX 64

HF_API size_t hf_digest_size(enum hf_digest alg);
HF_API void hf_digest(enum hf_digest alg, struct hf_str data, uint8_t *out);
HF_API void hf_hmac(enum hf_digest alg, struct hf_str key, struct hf_str data, uint8_t *out);
/* RFC 8018 PBKDF2 with HMAC; SCRAM's Hi(). */
HF_API void hf_pbkdf2(enum hf_digest alg, struct hf_str password, struct hf_str salt, unsigned iterations,
		      uint8_t *out);

/* XXH3: 64 bits for checksums of stored rows, 128 to tell contents apart; not for anything an attacker may aim at. */
HF_API uint64_t hf_checksum(const void *data, size_t size);
HF_API void hf_checksum128(const void *data, size_t size, uint8_t out[16]);
/* Keyed at process start: for hash tables over what clients choose. */
HF_API uint64_t hf_hash(struct hf_str s);

HF_API void hf_random(void *out, size_t size); /* cryptographic; aborts when it cannot be had */
/* Constant time for equal sizes. */
HF_API bool hf_secret_eq(struct hf_str a, struct hf_str b);

#endif
