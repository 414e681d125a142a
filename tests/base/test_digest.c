/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/digest.h"

#include "base/encode.h"
#include "tests/base/base_test.h"

static struct hf_buf hex;

static void setup(void)
{
	hex = HF_BUF_INIT;
}

static void teardown(void)
{
	hf_buf_fini(&hex);
}

static const char *shown(enum hf_digest alg, const uint8_t *octets)
{
	hf_buf_clear(&hex);
	hf_hex_encode(hf_str_n(octets, hf_digest_size(alg)), &hex);
	return hf_buf_cstr(&hex);
}

/* FIPS 180-2, RFC 1321 */
static const struct {
	enum hf_digest alg;
	const char *data, *hex;
} digests[] = {
	{ HF_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HF_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
	{ HF_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ HF_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ HF_SHA512, "abc",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ HF_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
};

START_TEST(digests_match_the_standards)
{
	uint8_t got[HF_DIGEST_MAX];

	hf_digest(digests[_i].alg, hf_str(digests[_i].data), got);
	ck_assert_str_eq(shown(digests[_i].alg, got), digests[_i].hex);
	if (!*digests[_i].data) {
		hf_digest(digests[_i].alg, HF_STR_NULL, got);
		ck_assert_str_eq(shown(digests[_i].alg, got), digests[_i].hex);
	}
}
END_TEST

/* RFC 2202, RFC 4231 */
START_TEST(hmac_matches_the_standards)
{
	uint8_t got[HF_DIGEST_MAX];
	char key[131];

	hf_hmac(HF_SHA1, HF_STR("Jefe"), HF_STR("what do ya want for nothing?"), got);
	ck_assert_str_eq(shown(HF_SHA1, got), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	hf_hmac(HF_SHA256, HF_STR("Jefe"), HF_STR("what do ya want for nothing?"), got);
	ck_assert_str_eq(shown(HF_SHA256, got),
			 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key)); /* longer than a block: RFC 4231 §4.7 */
	hf_hmac(HF_SHA256, hf_str_n(key, sizeof(key)),
		HF_STR("Test Using Larger Than Block-Size Key - Hash Key First"), got);
	ck_assert_str_eq(shown(HF_SHA256, got),
			 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hf_hmac(HF_SHA512, hf_str_n(key, sizeof(key)),
		HF_STR("Test Using Larger Than Block-Size Key - Hash Key First"), got);
	ck_assert_str_eq(shown(HF_SHA512, got),
			 "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
			 "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
	hf_hmac(HF_SHA256, HF_STR_NULL, HF_STR_NULL, got);
	ck_assert_str_eq(shown(HF_SHA256, got),
			 "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

/* RFC 6070; RFC 7914 §11; RFC 5802's example is its SaltedPassword */
START_TEST(pbkdf2_matches_the_standards)
{
	uint8_t got[HF_DIGEST_MAX];

	hf_pbkdf2(HF_SHA1, HF_STR("password"), HF_STR("salt"), 1, got);
	ck_assert_str_eq(shown(HF_SHA1, got), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
	hf_pbkdf2(HF_SHA1, HF_STR("password"), HF_STR("salt"), 4096, got);
	ck_assert_str_eq(shown(HF_SHA1, got), "4b007901b765489abead49d926f721d065a429c1");
	hf_pbkdf2(HF_SHA256, HF_STR("passwd"), HF_STR("salt"), 1, got);
	ck_assert_str_eq(shown(HF_SHA256, got),
			 "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
	hf_pbkdf2(HF_SHA1, HF_STR_NULL, HF_STR("salt"), 1, got);
	ck_assert_str_eq(shown(HF_SHA1, got), "a33dddc30478185515311f8752895d36ea4363a2");
}
END_TEST

/* Stored rows depend on this value: it must never change. */
START_TEST(the_checksum_is_xxh3)
{
	ck_assert_uint_eq(hf_checksum(NULL, 0), 0x2d06800538d394c2u);
	ck_assert_uint_eq(hf_checksum("abc", 3), 0x78af5f94892f3950u);
}
END_TEST

START_TEST(the_long_checksum_is_xxh3_in_canonical_form)
{
	static const uint8_t empty[16] = { 0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
					   0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f };
	uint8_t got[16], other[16];

	hf_checksum128(NULL, 0, got);
	ck_assert_mem_eq(got, empty, sizeof(empty));
	hf_checksum128("abc", 3, got);
	hf_checksum128("abd", 3, other);
	ck_assert_mem_ne(got, other, sizeof(got));
}
END_TEST

START_TEST(hashes_are_equal_for_equal_strings)
{
	char copy[] = "anna@example.org";

	ck_assert_uint_eq(hf_hash(hf_str(copy)), hf_hash(HF_STR("anna@example.org")));
	ck_assert_uint_ne(hf_hash(hf_str(copy)), hf_hash(HF_STR("anna@example.com")));
	ck_assert_uint_eq(hf_hash(HF_STR_NULL), hf_hash(HF_STR("")));
	ck_assert_uint_ne(hf_hash(hf_str(copy)), hf_checksum(copy, sizeof(copy) - 1));
}
END_TEST

START_TEST(random_octets_differ)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	hf_random(a, sizeof(a));
	hf_random(b, sizeof(b));
	hf_random(NULL, 0);
	ck_assert_mem_ne(a, b, sizeof(a));
}
END_TEST

START_TEST(secrets_compare)
{
	ck_assert(hf_secret_eq(HF_STR("abc"), HF_STR("abc")));
	ck_assert(!hf_secret_eq(HF_STR("abc"), HF_STR("abd")));
	ck_assert(!hf_secret_eq(HF_STR("abc"), HF_STR("abcd")));
	ck_assert(hf_secret_eq(HF_STR_NULL, HF_STR("")));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, digests_match_the_standards, 0, HF_COUNT(digests));
	tcase_add_test(tc, hmac_matches_the_standards);
	tcase_add_test(tc, pbkdf2_matches_the_standards);
	tcase_add_test(tc, the_checksum_is_xxh3);
	tcase_add_test(tc, the_long_checksum_is_xxh3_in_canonical_form);
	tcase_add_test(tc, hashes_are_equal_for_equal_strings);
	tcase_add_test(tc, random_octets_differ);
	tcase_add_test(tc, secrets_compare);
}

int main(void)
{
	return run_tests("digest", add);
}
