/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of sasl/ share: accounts in memory, an open hf_sasl, a SCRAM client of our own. */
#ifndef HF_TESTS_SASL_TEST_H
#define HF_TESTS_SASL_TEST_H

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/counter.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/log.h"
#include "sasl/sasl.h"

/* One suite with one case, which `add` fills. */
static inline int run_tests(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- accounts */

struct account {
	const char *name, *alias, *password; /* no password: no secret */
	bool disabled;
	struct hf_buf sha256, sha1;
};

static struct account accounts[] = {
	{ .name = "anna@example.org", .alias = "anna", .password = "Gr\xc3\xbc\xc3\x9f Gott" },
	{ .name = "ben@example.org", .alias = "ben", .password = "bens secret" },
	{ .name = "dora@example.org", .alias = "dora", .password = "doras secret", .disabled = true },
	{ .name = "root@example.org", .alias = "root", .password = "roots secret" },
	{ .name = "none@example.org", .alias = "none" },
};
static bool accounts_down;          /* as when the store does not answer */
static _Atomic unsigned find_calls, secret_calls;

static inline struct account *account_of(struct hf_str name)
{
	for (size_t i = 0; i < HF_COUNT(accounts); i++)
		if (hf_str_ieq(name, hf_str(accounts[i].name)) || hf_str_ieq(name, hf_str(accounts[i].alias)))
			return &accounts[i];
	return NULL;
}

static inline enum hf_status accounts_find(void *arg, struct hf_str name, struct hf_buf *canonical, bool *disabled)
{
	const struct account *account = account_of(name);

	ck_assert_ptr_eq(arg, accounts);
	find_calls++;
	if (accounts_down)
		return HF_EUNAVAILABLE;
	if (!account)
		return HF_ENONEXISTENT;
	hf_buf_add_cstr(canonical, account->name);
	*disabled = account->disabled;
	return HF_OK;
}

static inline enum hf_status accounts_secret(void *arg, struct hf_str canonical, const char *mechanism,
					     struct hf_buf *secret)
{
	const struct account *account = account_of(canonical);
	const struct hf_buf *text;

	ck_assert_ptr_eq(arg, accounts);
	secret_calls++;
	if (accounts_down)
		return HF_EUNAVAILABLE;
	if (!account)
		return HF_ENONEXISTENT;
	text = strcmp(mechanism, "SCRAM-SHA-256") == 0 ? &account->sha256 : &account->sha1;
	if (!text->size)
		return HF_ENONEXISTENT;
	hf_buf_add_str(secret, hf_buf_str(text));
	return HF_OK;
}

static inline void account_set_password(struct account *account, const char *password)
{
	hf_buf_clear(&account->sha256);
	hf_buf_clear(&account->sha1);
	if (password)
		ck_assert_int_eq(hf_sasl_make_secrets(NULL, hf_str(password), &account->sha256, &account->sha1),
				 HF_OK);
}

/* --- an open hf_sasl */

static struct hf_sasl *sasl;

static inline struct hf_sasl_accounts test_accounts(void)
{
	struct hf_sasl_accounts of_test = { accounts, accounts_find, accounts_secret, { 1, 2, 3 } };

	return of_test;
}

static inline void open_with(const struct hf_sasl_settings *settings)
{
	struct hf_sasl_accounts of_test = test_accounts();
	struct hf_note why = HF_NOTE_INIT;
	enum hf_status status;

	hf_log_setup(HF_LOG_STDERR, getenv("HF_TEST_DEBUG") ? HF_LOG_DEBUG : HF_LOG_CRITICAL, false, "test");
	for (size_t i = 0; i < HF_COUNT(accounts); i++)
		account_set_password(&accounts[i], accounts[i].password);
	accounts_down = false;
	status = hf_sasl_open(settings, &of_test, NULL, &why, &sasl);
	ck_assert_msg(status == HF_OK, "%s", hf_note_text(&why));
	hf_note_fini(&why);
}

static inline struct hf_sasl_settings default_settings(void)
{
	struct hf_sasl_settings settings;

	hf_sasl_settings_init(&settings);
	settings.hostname = "mail.example.org";
	settings.admins = "nobody root";
	return settings;
}

static inline void open_default(void)
{
	struct hf_sasl_settings settings = default_settings();

	open_with(&settings);
}

static inline void close_sasl(void)
{
	hf_sasl_close(&sasl);
	ck_assert_ptr_null(sasl);
	for (size_t i = 0; i < HF_COUNT(accounts); i++) {
		hf_buf_fini(&accounts[i].sha256);
		hf_buf_fini(&accounts[i].sha1);
	}
}

static const struct hf_sasl_peer tls_peer = {
	.service = "imap",
	.secure = true,
	.local = "192.0.2.1;993",
	.remote = "198.51.100.7;40000",
	.address = { "198.51.100.7", 12 },
	.tls_exporter = { "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", 32 },
	.tls_server_end_point = { "pppppppppppppppppppppppppppppppp", 32 },
};
static const struct hf_sasl_peer plain_peer = {
	.service = "imap",
	.address = { "198.51.100.7", 12 },
};

static inline int64_t counter(const char *name)
{
	return hf_counter_value(hf_counter_get(name, ""));
}

/* One exchange of a single message, as SASL-IR or after an empty challenge; whoever logged in goes to `who`. */
static inline enum hf_status one_message(const struct hf_sasl_peer *peer, const char *mechanism, bool initial,
					 struct hf_str message, struct hf_buf *who)
{
	struct hf_sasl_exchange *x = NULL;
	struct hf_buf server = HF_BUF_INIT;
	enum hf_status status = hf_sasl_start(sasl, peer, hf_str(mechanism), &x);

	if (status != HF_OK)
		return status;
	if (!initial) {
		ck_assert_int_eq(hf_sasl_step(x, false, HF_STR_NULL, &server), HF_MORE);
		ck_assert_uint_eq(server.size, 0);
	}
	status = hf_sasl_step(x, initial, message, &server);
	if (who) {
		hf_buf_clear(who);
		if (status == HF_OK)
			hf_buf_printf(who, "%.*s as %.*s", HF_STR_ARG(hf_sasl_authenticated(x)),
				      HF_STR_ARG(hf_sasl_authorised(x)));
		hf_buf_cstr(who);
	}
	if (status != HF_OK)
		ck_assert_uint_eq(hf_sasl_authorised(x).size, 0);
	hf_buf_fini(&server);
	hf_sasl_exchange_free(&x);
	ck_assert_ptr_null(x);
	return status;
}

/* --- a SCRAM client, RFC 5802 §3, §5 */

struct scram {
	enum hf_digest alg;
	const char *user, *password; /* the password as SASLprep leaves it */
	const char *gs2;             /* "n,,", "p=tls-exporter,,a=..." */
	struct hf_str binding;
	const char *nonce;
	/* filled in on the way */
	struct hf_buf first, final, iterations_and_salt;
	uint8_t server_signature[32];
};

static inline struct hf_str scram_first(struct scram *c)
{
	hf_buf_clear(&c->first);
	hf_buf_printf(&c->first, "%sn=%s,r=%s", c->gs2, c->user, c->nonce);
	return hf_buf_str(&c->first);
}

static inline struct hf_str scram_field(struct hf_str message, char name)
{
	while (message.size) {
		struct hf_str field = hf_str_split(&message, ',');

		if (field.size > 2 && field.data[0] == name && field.data[1] == '=')
			return hf_str_sub(field, 2, field.size);
	}
	return HF_STR_NULL;
}

static inline struct hf_str scram_final(struct scram *c, struct hf_str server_first)
{
	struct hf_str nonce = scram_field(server_first, 'r');
	struct hf_buf salt = HF_BUF_INIT, auth = HF_BUF_INIT, binding = HF_BUF_INIT;
	uint8_t salted[32], client_key[32], stored_key[32], signature[32], server_key[32];
	size_t size = hf_digest_size(c->alg);
	uint64_t iterations;

	ck_assert(hf_str_starts(nonce, hf_str(c->nonce)));
	ck_assert_uint_gt(nonce.size, strlen(c->nonce) + 16);
	ck_assert_int_eq(hf_base64_decode(scram_field(server_first, 's'), &salt), HF_OK);
	ck_assert(hf_str_u64(scram_field(server_first, 'i'), 65536, &iterations));
	hf_buf_clear(&c->iterations_and_salt);
	hf_buf_printf(&c->iterations_and_salt, "%u:", (unsigned)iterations);
	hf_buf_add_str(&c->iterations_and_salt, scram_field(server_first, 's'));

	hf_buf_clear(&c->final);
	hf_buf_add_lit(&c->final, "c=");
	hf_buf_add_cstr(&binding, c->gs2);
	hf_buf_add_str(&binding, c->binding);
	hf_base64_encode(hf_buf_str(&binding), &c->final);
	hf_buf_add_lit(&c->final, ",r=");
	hf_buf_add_str(&c->final, nonce);

	hf_buf_add(&auth, c->first.data + strlen(c->gs2), c->first.size - strlen(c->gs2));
	hf_buf_add_char(&auth, ',');
	hf_buf_add_str(&auth, server_first);
	hf_buf_add_char(&auth, ',');
	hf_buf_add_str(&auth, hf_buf_str(&c->final));

	hf_pbkdf2(c->alg, hf_str(c->password), hf_buf_str(&salt), (unsigned)iterations, salted);
	hf_hmac(c->alg, hf_str_n(salted, size), HF_STR("Client Key"), client_key);
	hf_digest(c->alg, hf_str_n(client_key, size), stored_key);
	hf_hmac(c->alg, hf_str_n(stored_key, size), hf_buf_str(&auth), signature);
	for (size_t i = 0; i < size; i++)
		client_key[i] ^= signature[i];
	hf_buf_add_lit(&c->final, ",p=");
	hf_base64_encode(hf_str_n(client_key, size), &c->final);
	hf_hmac(c->alg, hf_str_n(salted, size), HF_STR("Server Key"), server_key);
	hf_hmac(c->alg, hf_str_n(server_key, size), hf_buf_str(&auth), c->server_signature);

	hf_buf_fini(&salt);
	hf_buf_fini(&auth);
	hf_buf_fini(&binding);
	return hf_buf_str(&c->final);
}

static inline bool scram_server_proved(const struct scram *c, struct hf_str server_final)
{
	struct hf_buf expected = HF_BUF_INIT;
	bool ok;

	hf_buf_add_lit(&expected, "v=");
	hf_base64_encode(hf_str_n(c->server_signature, hf_digest_size(c->alg)), &expected);
	ok = hf_str_eq(server_final, hf_buf_str(&expected));
	hf_buf_fini(&expected);
	return ok;
}

static inline void scram_fini(struct scram *c)
{
	hf_buf_fini(&c->first);
	hf_buf_fini(&c->final);
	hf_buf_fini(&c->iterations_and_salt);
}

/* A whole exchange; success includes that the server has proved itself. */
static inline enum hf_status scram_run(const struct hf_sasl_peer *peer, const char *mechanism, bool initial,
				       struct scram *c, struct hf_buf *who)
{
	struct hf_sasl_exchange *x = NULL;
	struct hf_buf server = HF_BUF_INIT, out = HF_BUF_INIT;
	enum hf_status status;

	ck_assert_int_eq(hf_sasl_start(sasl, peer, hf_str(mechanism), &x), HF_OK);
	if (!initial)
		ck_assert_int_eq(hf_sasl_step(x, false, HF_STR_NULL, &server), HF_MORE);
	status = hf_sasl_step(x, initial, scram_first(c), &server);
	if (status == HF_MORE) {
		status = hf_sasl_step(x, false, scram_final(c, hf_buf_str(&server)), &out);
		if (status == HF_OK)
			ck_assert(scram_server_proved(c, hf_buf_str(&out)));
		else
			ck_assert_uint_eq(out.size, 0);
	}
	if (who) {
		hf_buf_clear(who);
		if (status == HF_OK)
			hf_buf_printf(who, "%.*s as %.*s", HF_STR_ARG(hf_sasl_authenticated(x)),
				      HF_STR_ARG(hf_sasl_authorised(x)));
		hf_buf_cstr(who);
	}
	hf_buf_fini(&server);
	hf_buf_fini(&out);
	hf_sasl_exchange_free(&x);
	return status;
}

#endif
