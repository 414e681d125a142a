/* SPDX-License-Identifier: BSD-2-Clause */
/* SCRAM secrets and SASLprep against the examples of their RFCs. */
#include "sasl/sasl_priv.h"
#include "tests/sasl/sasl_test.h"

/* RFC 5802 §5 and RFC 7677 §3: password "pencil", 4096 iterations */
static const struct {
	enum hf_digest alg;
	const char *salt, *auth, *server_signature;
} examples[] = {
	{ HF_SHA1, "QSXCR+Q6sek8bf92",
	  "n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
	  "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
	  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
	  "rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ HF_SHA256, "W22ZaJ0SNY7soEsUEjb6gQ==",
	  "n=user,r=rOprNGfwEbeRWgbNEkqO,"
	  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
	  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	  "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

START_TEST(examples_of_the_rfcs)
{
	struct hf_scram_secret secret = { .alg = examples[_i].alg, .iterations = 4096 };
	struct hf_buf salt = HF_BUF_INIT, text = HF_BUF_INIT;
	uint8_t signature[32];

	ck_assert_int_eq(hf_base64_decode(hf_str(examples[_i].salt), &salt), HF_OK);
	memcpy(secret.salt, salt.data, salt.size);
	secret.salt_size = salt.size;
	hf_scram_secret_derive(&secret, HF_STR("pencil"));
	hf_hmac(secret.alg, hf_str_n(secret.server_key, hf_digest_size(secret.alg)), hf_str(examples[_i].auth),
		signature);
	hf_base64_encode(hf_str_n(signature, hf_digest_size(secret.alg)), &text);
	ck_assert_str_eq(hf_buf_cstr(&text), examples[_i].server_signature);
	hf_buf_fini(&salt);
	hf_buf_fini(&text);
}
END_TEST

START_TEST(made_secrets_read_back)
{
	struct hf_buf texts[2][2] = { 0 }, again = HF_BUF_INIT;
	struct hf_scram_secret secret, derived;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(hf_sasl_make_secrets(NULL, HF_STR("pencil"), &texts[i][0], &texts[i][1]), HF_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert(hf_scram_secret_parse(hf_buf_str(&texts[0][i]), &secret));
		ck_assert_int_eq(secret.alg, i == 0 ? HF_SHA256 : HF_SHA1);
		ck_assert_uint_eq(secret.iterations, 10000);
		ck_assert_uint_eq(secret.salt_size, 16);
		derived = secret;
		hf_scram_secret_derive(&derived, HF_STR("pencil"));
		ck_assert_mem_eq(derived.stored_key, secret.stored_key, hf_digest_size(secret.alg));
		ck_assert_mem_eq(derived.server_key, secret.server_key, hf_digest_size(secret.alg));
		hf_buf_clear(&again);
		hf_scram_secret_format(&secret, &again);
		ck_assert_str_eq(hf_buf_cstr(&again), hf_buf_cstr(&texts[0][i]));
		/* a new salt each time */
		ck_assert_str_ne(hf_buf_cstr(&texts[0][i]), hf_buf_cstr(&texts[1][i]));
	}
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2; k++)
			hf_buf_fini(&texts[i][k]);
	hf_buf_fini(&again);
}
END_TEST

START_TEST(iterations_are_a_setting)
{
	struct hf_sasl_settings settings = default_settings();
	struct hf_buf sha256 = HF_BUF_INIT, sha1 = HF_BUF_INIT;

	settings.iterations = 20000;
	open_with(&settings);
	ck_assert_int_eq(hf_sasl_make_secrets(sasl, HF_STR("pencil"), &sha256, &sha1), HF_OK);
	ck_assert(hf_str_starts(hf_buf_str(&sha256), HF_STR("SCRAM-SHA-256$20000:")));
	ck_assert(hf_str_starts(hf_buf_str(&sha1), HF_STR("SCRAM-SHA-1$20000:")));
	hf_buf_fini(&sha256);
	hf_buf_fini(&sha1);
	close_sasl();
}
END_TEST

START_TEST(bad_passwords_are_refused)
{
	struct hf_buf sha256 = HF_BUF_INIT, sha1 = HF_BUF_INIT;
	static const struct hf_str bad[] = {
		HF_STR(""), HF_STR("a\nb"), HF_STR("a\x7f"), HF_STR("a\0b"), HF_STR("\xff"), HF_STR("\xc2\xad"),
		HF_STR("\xef\xbf\xbe"), HF_STR("\xd8\xa7" "1"),
	};

	for (size_t i = 0; i < HF_COUNT(bad); i++)
		ck_assert_int_eq(hf_sasl_make_secrets(NULL, bad[i], &sha256, &sha1), HF_EINVALID);
	ck_assert_uint_eq(sha256.size + sha1.size, 0);
}
END_TEST

START_TEST(damaged_secrets_are_noticed)
{
	static const char *const texts[] = {
		"", "SCRAM-SHA-256", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096", "SCRAM-SHA-256$4096:QUFB",
		"SCRAM-SHA-256$4096:QUFB$QUFB:QUFB", "SCRAM-SHA-256$0:QUFB$", "SCRAM-MD5$4096:QUFB$QUFB:QUFB",
		"SCRAM-SHA-1$4096:QUFB$QUFBQUFBQUFBQUFBQUFBQUFBQUE=:QUFBQUFBQUFBQUFBQUFBQUFBQUE",
		"SCRAM-SHA-1$9999999:QUFB$QUFBQUFBQUFBQUFBQUFBQUFBQUE=:QUFBQUFBQUFBQUFBQUFBQUFBQUE=",
		"SCRAM-SHA-1$-1:QUFB$QUFBQUFBQUFBQUFBQUFBQUFBQUE=:QUFBQUFBQUFBQUFBQUFBQUFBQUE=",
		"SCRAM-SHA-1$4096:$QUFBQUFBQUFBQUFBQUFBQUFBQUE=:QUFBQUFBQUFBQUFBQUFBQUFBQUE=",
	};
	struct hf_scram_secret secret;

	for (size_t i = 0; i < HF_COUNT(texts); i++)
		ck_assert_msg(!hf_scram_secret_parse(hf_str(texts[i]), &secret), "%s", texts[i]);
	ck_assert(hf_scram_secret_parse(HF_STR("SCRAM-SHA-1$4096:QUFB$QUFBQUFBQUFBQUFBQUFBQUFBQUE=:"
					       "QUFBQUFBQUFBQUFBQUFBQUFBQUE="), &secret));
}
END_TEST

/* RFC 4013 §3 and a few more; NULL: prohibited */
static const struct {
	struct hf_str in;
	const char *query, *stored;
} preparations[] = {
	{ HF_STR("I\xc2\xadX"), "IX", "IX" },
	{ HF_STR("user"), "user", "user" },
	{ HF_STR("USER"), "USER", "USER" },
	{ HF_STR("\xc2\xaa"), "a", "a" },
	{ HF_STR("\xe2\x85\xa8"), "IX", "IX" },
	{ HF_STR("\x07"), NULL, NULL },
	{ HF_STR("\xd8\xa7\x31"), NULL, NULL },
	{ HF_STR("u\xcc\x88"), "\xc3\xbc", "\xc3\xbc" },
	{ HF_STR("a\xc2\xa0z"), "a z", "a z" },
	{ HF_STR("\xc8\xa1"), "\xc8\xa1", NULL }, /* U+0221: unassigned in Unicode 3.2 */
	{ HF_STR("\xef\xb7\xba"), "\xd8\xb5\xd9\x84\xd9\x89 \xd8\xa7\xd9\x84\xd9\x84\xd9\x87 \xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 "
				  "\xd9\x88\xd8\xb3\xd9\x84\xd9\x85",
	  "\xd8\xb5\xd9\x84\xd9\x89 \xd8\xa7\xd9\x84\xd9\x84\xd9\x87 \xd8\xb9\xd9\x84\xd9\x8a\xd9\x87 \xd9\x88\xd8\xb3\xd9\x84\xd9\x85" },
	{ HF_STR("\xc3"), NULL, NULL },
	{ HF_STR(""), NULL, NULL },
};

START_TEST(saslprep_examples)
{
	struct hf_buf out = HF_BUF_INIT;

	for (int stored = 0; stored < 2; stored++) {
		const char *expected = stored ? preparations[_i].stored : preparations[_i].query;

		hf_buf_clear(&out);
		ck_assert_int_eq(hf_saslprep(preparations[_i].in, stored, &out), expected ? HF_OK : HF_EINVALID);
		ck_assert_str_eq(hf_buf_cstr(&out), expected ? expected : "");
	}
	hf_buf_fini(&out);
}
END_TEST

START_TEST(fake_is_the_same_for_all_spellings)
{
	static const char *const same[] = { "J\xc3\x9cRGEN", "j\xc3\xbcrgen", "ju\xcc\x88rgen", "JU\xcc\x88RGEN" };
	struct hf_scram_secret first, other;

	open_default();
	for (int alg = 0; alg < 2; alg++) {
		enum hf_digest digest = alg ? HF_SHA1 : HF_SHA256;

		hf_scram_secret_fake(sasl, digest, hf_str(same[0]), &first);
		for (size_t i = 1; i < HF_COUNT(same); i++) {
			hf_scram_secret_fake(sasl, digest, hf_str(same[i]), &other);
			ck_assert_mem_eq(&first, &other, sizeof(first));
		}
		hf_scram_secret_fake(sasl, digest, HF_STR("jurgen"), &other);
		ck_assert_mem_ne(first.salt, other.salt, 16);
		ck_assert_mem_ne(first.stored_key, other.stored_key, 20);
		ck_assert_uint_eq(other.salt_size, 16);
	}
	hf_scram_secret_fake(sasl, HF_SHA256, hf_str("\xff\xfe"), &other);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, examples_of_the_rfcs, 0, 2);
	tcase_add_test(tc, made_secrets_read_back);
	tcase_add_test(tc, iterations_are_a_setting);
	tcase_add_test(tc, bad_passwords_are_refused);
	tcase_add_test(tc, damaged_secrets_are_noticed);
	tcase_add_loop_test(tc, saslprep_examples, 0, (int)HF_COUNT(preparations));
	tcase_add_test(tc, fake_is_the_same_for_all_spellings);
}

int main(void)
{
	return run_tests("secret", add);
}
