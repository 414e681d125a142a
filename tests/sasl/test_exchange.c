/* SPDX-License-Identifier: BSD-2-Clause */
/* Passwords in clear (PLAIN, the LOGIN mechanism, the LOGIN command), EXTERNAL, and what is offered to whom. */
#include "tests/sasl/sasl_test.h"

#define PLAIN(authzid, authcid, password) HF_STR(authzid "\0" authcid "\0" password)

static enum hf_status plain(struct hf_str message, struct hf_buf *who)
{
	return one_message(&tls_peer, "PLAIN", true, message, who);
}

START_TEST(plain_replies)
{
	static const struct {
		struct hf_str message;
		const char *who;
		enum hf_status status;
	} rows[] = {
		{ PLAIN("", "ben", "bens secret"), "ben@example.org as ben@example.org", HF_OK },
		{ PLAIN("", "BEN@example.org", "bens secret"), "ben@example.org as ben@example.org", HF_OK },
		{ PLAIN("ben", "ben@example.org", "bens secret"), "ben@example.org as ben@example.org", HF_OK },
		{ PLAIN("", "ben", "bens secret "), "", HF_EAUTH },
		{ PLAIN("", "ben", "bens secre"), "", HF_EAUTH },
		{ PLAIN("", "ben", ""), "", HF_EAUTH },
		{ PLAIN("", "nobody", "bens secret"), "", HF_EAUTH },
		{ PLAIN("", "none", ""), "", HF_EAUTH },
		{ PLAIN("", "none", "x"), "", HF_EAUTH },
		{ PLAIN("", "dora", "doras secret"), "", HF_EAUTH },
		{ PLAIN("", "", "x"), "", HF_EAUTH },
		{ PLAIN("anna", "ben", "bens secret"), "", HF_EAUTHZ },
		{ PLAIN("anna", "root", "roots secret"), "root@example.org as anna@example.org", HF_OK },
		{ PLAIN("anna", "root", "no"), "", HF_EAUTH },
		{ PLAIN("nobody", "root", "roots secret"), "", HF_EAUTHZ },
		{ PLAIN("dora", "root", "roots secret"), "", HF_EAUTHZ },
		/* an admin by name that no account has is none */
		{ PLAIN("anna", "nobody", "x"), "", HF_EAUTH },
		/* the composed and the decomposed form of the same password; a non-ASCII space */
		{ PLAIN("", "anna", "Gr\xc3\xbc\xc3\x9f Gott"), "anna@example.org as anna@example.org", HF_OK },
		{ PLAIN("", "anna", "Gru\xcc\x88\xc3\x9f\xc2\xa0Gott"), "anna@example.org as anna@example.org", HF_OK },
		{ PLAIN("", "anna", "Gr\xfc\xdf Gott"), "", HF_EAUTH },
		{ PLAIN("", "ben", "bens\x01secret"), "", HF_EAUTH },
		{ PLAIN("", "ben\x07", "bens secret"), "", HF_EAUTH },
		/* malformed */
		{ HF_STR("ben"), "", HF_ESYNTAX },
		{ HF_STR("\0ben"), "", HF_ESYNTAX },
		{ HF_STR("\0ben\0bens secret\0"), "", HF_ESYNTAX },
		{ HF_STR("\0ben\0bens secret\0more"), "", HF_ESYNTAX },
		{ HF_STR(""), "", HF_ESYNTAX },
	};
	struct hf_buf who = HF_BUF_INIT;

	open_default();
	for (size_t i = 0; i < HF_COUNT(rows); i++)
		for (int initial = 0; initial < 2; initial++) {
			enum hf_status status = one_message(&tls_peer, "PLAIN", initial, rows[i].message, &who);

			ck_assert_msg(status == rows[i].status, "row %zu: %s", i, hf_status_text(status));
			ck_assert_str_eq(who.data, rows[i].who);
		}
	hf_buf_fini(&who);
	close_sasl();
}
END_TEST

START_TEST(responses_are_bounded)
{
	struct hf_buf big = HF_BUF_INIT;

	open_default();
	hf_buf_add_str(&big, HF_STR("\0ben\0"));
	memset(hf_buf_reserve(&big, 70000), 'x', 70000);
	hf_buf_added(&big, 65536 - big.size);
	ck_assert_int_eq(plain(hf_buf_str(&big), NULL), HF_EAUTH);
	hf_buf_added(&big, 1);
	ck_assert_int_eq(plain(hf_buf_str(&big), NULL), HF_ESYNTAX);
	/* names longer than any account's */
	big.size = 0;
	hf_buf_add_char(&big, '\0');
	memset(hf_buf_reserve(&big, 3000), 'x', 3000);
	hf_buf_added(&big, 3000);
	hf_buf_add_str(&big, HF_STR("\0secret"));
	ck_assert_int_eq(plain(hf_buf_str(&big), NULL), HF_EAUTH);
	hf_buf_fini(&big);
	close_sasl();
}
END_TEST

START_TEST(login_mechanism_asks_twice)
{
	struct hf_sasl_settings settings = default_settings();
	struct hf_sasl_exchange *x = NULL;
	struct hf_buf server = HF_BUF_INIT;

	settings.mechanisms = "LOGIN";
	open_with(&settings);
	for (int right = 0; right < 2; right++) {
		ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("login"), &x), HF_OK);
		ck_assert_int_eq(hf_sasl_step(x, false, HF_STR_NULL, &server), HF_MORE);
		ck_assert(hf_str_istarts(hf_buf_str(&server), HF_STR("user")));
		ck_assert_int_eq(hf_sasl_step(x, false, HF_STR("ben"), &server), HF_MORE);
		ck_assert(hf_str_istarts(hf_buf_str(&server), HF_STR("pass")));
		ck_assert_int_eq(hf_sasl_step(x, false, right ? HF_STR("bens secret") : HF_STR("no"), &server),
				 right ? HF_OK : HF_EAUTH);
		hf_sasl_exchange_free(&x);
	}
	/* given up half-way */
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("LOGIN"), &x), HF_OK);
	ck_assert_int_eq(hf_sasl_step(x, false, HF_STR_NULL, &server), HF_MORE);
	ck_assert_int_eq(hf_sasl_step(x, false, HF_STR("ben"), &server), HF_MORE);
	hf_sasl_exchange_free(&x);
	hf_buf_fini(&server);
	close_sasl();
}
END_TEST

START_TEST(login_command)
{
	static const struct {
		struct hf_str user, password;
		enum hf_status status;
	} rows[] = {
		{ HF_STR("ben"), HF_STR("bens secret"), HF_OK },
		{ HF_STR("ben@example.org"), HF_STR("bens secret"), HF_OK },
		{ HF_STR("ben"), HF_STR("no"), HF_EAUTH },
		{ HF_STR("ben"), HF_STR(""), HF_EAUTH },
		{ HF_STR(""), HF_STR("x"), HF_EAUTH },
		{ HF_STR("   "), HF_STR("x"), HF_EAUTH },
		{ HF_STR("nobody"), HF_STR("x"), HF_EAUTH },
		{ HF_STR("dora"), HF_STR("doras secret"), HF_EAUTH },
		{ HF_STR("ben\0x"), HF_STR("bens secret"), HF_EAUTH },
		{ HF_STR("ben"), HF_STR("bens secret\0x"), HF_EAUTH },
	};
	struct hf_buf name = HF_BUF_INIT;

	open_default();
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		hf_buf_clear(&name);
		ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, rows[i].user, rows[i].password, &name), rows[i].status);
		ck_assert_str_eq(hf_buf_cstr(&name), rows[i].status == HF_OK ? "ben@example.org" : "");
	}
	ck_assert_int_eq(hf_sasl_login(sasl, &plain_peer, HF_STR("ben"), HF_STR("bens secret"), &name), HF_ECANNOT);
	accounts_down = true;
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("ben"), HF_STR("bens secret"), &name),
			 HF_EUNAVAILABLE);
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_EUNAVAILABLE);
	hf_buf_fini(&name);
	close_sasl();
}
END_TEST

/* Never before it was verified, for whoever the password is not, or once it changed; and without PBKDF2. */
START_TEST(login_of_a_known_password_does_not_block)
{
	static const struct {
		struct hf_str user, password;
	} rows[] = {
		{ HF_STR("ben"), HF_STR("no") },    { HF_STR("ben"), HF_STR("") },	{ HF_STR(""), HF_STR("bens secret") },
		{ HF_STR("root"), HF_STR("bens secret") }, { HF_STR("nobody"), HF_STR("bens secret") },
		{ HF_STR("ben\0x"), HF_STR("bens secret") }, { HF_STR("ben"), HF_STR("bens secret\0x") },
		{ HF_STR("dora"), HF_STR("doras secret") },
	};
	struct hf_str ben = HF_STR("ben"), password = HF_STR("bens secret");
	struct hf_buf name = HF_BUF_INIT;
	int64_t rounds;

	open_default();
	ck_assert_int_eq(hf_sasl_login_known(sasl, &tls_peer, ben, password, &name), HF_MORE);
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, ben, password, &name), HF_OK);
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("dora"), HF_STR("doras secret"), &name), HF_EAUTH);
	rounds = counter("sasl.pbkdf2_rounds");
	hf_buf_clear(&name);
	ck_assert_int_eq(hf_sasl_login_known(sasl, &tls_peer, HF_STR(" ben@example.org"), password, &name), HF_OK);
	ck_assert_str_eq(hf_buf_cstr(&name), "ben@example.org");
	for (size_t i = 0; i < HF_COUNT(rows); i++)
		ck_assert_int_eq(hf_sasl_login_known(sasl, &tls_peer, rows[i].user, rows[i].password, &name), HF_MORE);
	ck_assert_int_eq(hf_sasl_login_known(sasl, &plain_peer, ben, password, &name), HF_MORE);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds);
	account_set_password(account_of(HF_STR("ben")), "new secret");
	ck_assert_int_eq(hf_sasl_login_known(sasl, &tls_peer, ben, password, &name), HF_MORE);
	hf_buf_fini(&name);
	close_sasl();
}
END_TEST

START_TEST(unknown_costs_what_wrong_costs)
{
	static const struct hf_str messages[] = {
		PLAIN("", "ben", "wrong"), PLAIN("", "nobody", "wrong"), PLAIN("", "dora", "wrong"),
		PLAIN("", "dora", "doras secret"), PLAIN("", "none", "wrong"), PLAIN("", "ben", "wro\x01ng"),
		PLAIN("", "n\xc3\xb6", "wrong"),
	};

	open_default();
	for (size_t i = 0; i < HF_COUNT(messages); i++) {
		int64_t rounds = counter("sasl.pbkdf2_rounds");
		unsigned finds = find_calls, secrets = secret_calls;

		ck_assert_int_eq(plain(messages[i], NULL), HF_EAUTH);
		ck_assert_int_eq(counter("sasl.pbkdf2_rounds") - rounds, 10000);
		ck_assert_uint_eq(find_calls - finds, 1);
		ck_assert_uint_eq(secret_calls - secrets, 2);
	}
	close_sasl();
}
END_TEST

START_TEST(verified_password_is_recognised)
{
	struct hf_str right = PLAIN("", "ben", "bens secret");
	struct hf_buf name = HF_BUF_INIT;
	int64_t rounds;

	open_default();
	ck_assert_int_eq(plain(right, NULL), HF_OK);
	rounds = counter("sasl.pbkdf2_rounds");
	ck_assert_int_eq(plain(right, NULL), HF_OK);
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("ben"), HF_STR("bens secret"), &name), HF_OK);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds);
	/* a wrong one is not, nor the right one of another */
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret!"), NULL), HF_EAUTH);
	ck_assert_int_eq(plain(PLAIN("", "root", "bens secret"), NULL), HF_EAUTH);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds + 20000);
	/* nor after the password has changed, or the account was disabled */
	account_set_password(account_of(HF_STR("ben")), "new secret");
	ck_assert_int_eq(plain(right, NULL), HF_EAUTH);
	ck_assert_int_eq(plain(PLAIN("", "ben", "new secret"), NULL), HF_OK);
	account_of(HF_STR("ben"))->disabled = true;
	ck_assert_int_eq(plain(PLAIN("", "ben", "new secret"), NULL), HF_EAUTH);
	account_of(HF_STR("ben"))->disabled = false;
	/* nor when told to forget */
	ck_assert_int_eq(plain(PLAIN("", "ben", "new secret"), NULL), HF_OK);
	hf_sasl_forget(sasl, HF_STR("ben@example.org"));
	rounds = counter("sasl.pbkdf2_rounds");
	ck_assert_int_eq(plain(PLAIN("", "ben", "new secret"), NULL), HF_OK);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds + 10000);
	hf_buf_fini(&name);
	close_sasl();
}
END_TEST

START_TEST(recognising_can_be_switched_off)
{
	struct hf_sasl_settings settings = default_settings();
	int64_t rounds;

	settings.verifier_s = 0;
	open_with(&settings);
	rounds = counter("sasl.pbkdf2_rounds");
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds + 20000);
	close_sasl();
}
END_TEST

START_TEST(account_with_sha1_only_may_use_plain)
{
	int64_t rounds;

	open_default();
	hf_buf_clear(&account_of(HF_STR("ben"))->sha256);
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	rounds = counter("sasl.pbkdf2_rounds");
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	ck_assert_int_eq(counter("sasl.pbkdf2_rounds"), rounds);
	ck_assert_int_eq(plain(PLAIN("", "ben", "no"), NULL), HF_EAUTH);
	close_sasl();
}
END_TEST

START_TEST(external_takes_the_certificate)
{
	static const struct {
		struct hf_str id, message;
		const char *who;
		enum hf_status status;
	} rows[] = {
		{ HF_STR("ben"), HF_STR(""), "ben@example.org as ben@example.org", HF_OK },
		{ HF_STR("ben@example.org"), HF_STR("ben"), "ben@example.org as ben@example.org", HF_OK },
		{ HF_STR("ben"), HF_STR("anna"), "", HF_EAUTHZ },
		{ HF_STR("root"), HF_STR("anna"), "root@example.org as anna@example.org", HF_OK },
		{ HF_STR("root"), HF_STR("nobody"), "", HF_EAUTHZ },
		{ HF_STR("nobody"), HF_STR(""), "", HF_EAUTH },
		{ HF_STR("dora"), HF_STR(""), "", HF_EAUTH },
		{ HF_STR("ben"), HF_STR("ben\0anna"), "", HF_ESYNTAX },
	};
	struct hf_buf who = HF_BUF_INIT;

	open_default();
	ck_assert_int_eq(one_message(&tls_peer, "EXTERNAL", true, HF_STR(""), NULL), HF_ECANNOT);
	for (size_t i = 0; i < HF_COUNT(rows); i++)
		for (int initial = 0; initial < 2; initial++) {
			struct hf_sasl_peer peer = tls_peer;
			enum hf_status status;

			peer.external_id = rows[i].id;
			status = one_message(&peer, "EXTERNAL", initial, rows[i].message, &who);
			ck_assert_msg(status == rows[i].status, "row %zu: %s", i, hf_status_text(status));
			ck_assert_str_eq(who.data, rows[i].who);
		}
	hf_buf_fini(&who);
	close_sasl();
}
END_TEST

static void assert_offered(const struct hf_sasl_peer *peer, const char *expected)
{
	struct hf_buf list = HF_BUF_INIT;

	hf_sasl_mechanisms(sasl, peer, &list);
	ck_assert_str_eq(hf_buf_cstr(&list), expected);
	hf_buf_fini(&list);
}

START_TEST(offers_suit_the_connection)
{
	struct hf_sasl_peer peer = tls_peer;
	struct hf_sasl_settings settings = default_settings();
	struct hf_sasl_exchange *x = NULL;

	open_default();
	assert_offered(&tls_peer, "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN");
	peer.external_id = HF_STR("ben");
	peer.tls_exporter = peer.tls_server_end_point = HF_STR_NULL;
	assert_offered(&peer, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN EXTERNAL");
	assert_offered(&plain_peer, "SCRAM-SHA-256 SCRAM-SHA-1");
	ck_assert(hf_sasl_allows_plaintext(sasl, &tls_peer));
	ck_assert(!hf_sasl_allows_plaintext(sasl, &plain_peer));
	peer = plain_peer;
	peer.loopback = true;
	assert_offered(&peer, "SCRAM-SHA-256 SCRAM-SHA-1 PLAIN");
	ck_assert(hf_sasl_allows_plaintext(sasl, &peer));
	ck_assert_int_eq(one_message(&peer, "PLAIN", true, PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	/* what is not offered is not accepted */
	ck_assert_int_eq(hf_sasl_start(sasl, &plain_peer, HF_STR("PLAIN"), &x), HF_ECANNOT);
	ck_assert_int_eq(hf_sasl_start(sasl, &plain_peer, HF_STR("SCRAM-SHA-1-PLUS"), &x), HF_ECANNOT);
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("LOGIN"), &x), HF_ECANNOT);
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("CRAM-MD5"), &x), HF_ECANNOT);
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("ANONYMOUS"), &x), HF_ECANNOT);
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR(""), &x), HF_ECANNOT);
	ck_assert_ptr_null(x);
	close_sasl();

	settings.allow_plaintext = true;
	settings.mechanisms = "PLAIN SCRAM-SHA-256";
	open_with(&settings);
	assert_offered(&plain_peer, "PLAIN SCRAM-SHA-256");
	ck_assert_int_eq(one_message(&plain_peer, "plain", true, PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	close_sasl();

	settings.mechanisms = "SCRAM-SHA-256";
	open_with(&settings);
	assert_offered(&tls_peer, "SCRAM-SHA-256");
	ck_assert(!hf_sasl_allows_plaintext(sasl, &tls_peer));
	close_sasl();
}
END_TEST

static struct hf_buf logged;

static void keep(void *arg, enum hf_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	hf_buf_add_cstr(&logged, line);
	hf_buf_add_char(&logged, '\n');
}

START_TEST(results_are_counted_and_no_password_is_logged)
{
	int64_t successes = counter("sasl.successes"), failures = counter("sasl.failures");

	open_default();
	hf_log_setup(HF_LOG_STDERR, HF_LOG_DEBUG, false, "test");
	hf_log_set_sink(keep, NULL);
	ck_assert_int_eq(plain(PLAIN("", "ben", "bens secret"), NULL), HF_OK);
	ck_assert_int_eq(plain(PLAIN("", "ben", "hush hush"), NULL), HF_EAUTH);
	ck_assert_int_eq(plain(PLAIN("", "nobody", "hush hush"), NULL), HF_EAUTH);
	hf_log_set_sink(NULL, NULL);
	ck_assert_int_eq(counter("sasl.successes"), successes + 1);
	ck_assert_int_eq(counter("sasl.failures"), failures + 2);
	ck_assert_ptr_nonnull(strstr(hf_buf_cstr(&logged), "wrong password"));
	ck_assert_ptr_nonnull(strstr(logged.data, "unknown user"));
	ck_assert_ptr_null(strstr(logged.data, "hush"));
	ck_assert_ptr_null(strstr(logged.data, "bens secret"));
	ck_assert_ptr_null(strstr(logged.data, "verifier"));
	hf_buf_fini(&logged);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, plain_replies);
	tcase_add_test(tc, responses_are_bounded);
	tcase_add_test(tc, login_mechanism_asks_twice);
	tcase_add_test(tc, login_command);
	tcase_add_test(tc, login_of_a_known_password_does_not_block);
	tcase_add_test(tc, unknown_costs_what_wrong_costs);
	tcase_add_test(tc, verified_password_is_recognised);
	tcase_add_test(tc, recognising_can_be_switched_off);
	tcase_add_test(tc, account_with_sha1_only_may_use_plain);
	tcase_add_test(tc, external_takes_the_certificate);
	tcase_add_test(tc, offers_suit_the_connection);
	tcase_add_test(tc, results_are_counted_and_no_password_is_logged);
}

int main(void)
{
	return run_tests("exchange", add);
}
