/* SPDX-License-Identifier: BSD-2-Clause */
/* SCRAM through the whole of sasl/ and Cyrus SASL, against a client written from RFC 5802. */
#include "tests/sasl/sasl_test.h"

static const char *const mechanisms[] = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
					  "SCRAM-SHA-256-PLUS" };

static struct scram client_for(const char *mechanism)
{
	struct scram c = {
		.alg = strstr(mechanism, "256") ? HF_SHA256 : HF_SHA1,
		.user = "ben",
		.password = "bens secret",
		.gs2 = strstr(mechanism, "PLUS") ? "p=tls-exporter,," : "n,,",
		.nonce = "fyko+d2lbbFgONRv9qkxdawL",
	};

	if (strstr(mechanism, "PLUS"))
		c.binding = tls_peer.tls_exporter;
	return c;
}

/* One attempt with a change of the client's ways. */
static enum hf_status attempt(const char *mechanism, const char *gs2, struct hf_str binding)
{
	struct scram c = client_for(mechanism);
	enum hf_status status;

	c.gs2 = gs2;
	c.binding = binding;
	status = scram_run(&tls_peer, mechanism, true, &c, NULL);
	scram_fini(&c);
	return status;
}

START_TEST(right_password_is_accepted)
{
	struct scram c = client_for(mechanisms[_i % 4]);
	struct hf_buf who = HF_BUF_INIT;

	open_default();
	ck_assert_int_eq(scram_run(&tls_peer, mechanisms[_i % 4], _i < 4, &c, &who), HF_OK);
	ck_assert_str_eq(hf_buf_cstr(&who), "ben@example.org as ben@example.org");
	scram_fini(&c);
	hf_buf_fini(&who);
	close_sasl();
}
END_TEST

START_TEST(works_without_tls)
{
	struct scram c = client_for("SCRAM-SHA-256");

	open_default();
	ck_assert_int_eq(scram_run(&plain_peer, "SCRAM-SHA-256", true, &c, NULL), HF_OK);
	/* and with a client that knows channel binding but was offered none */
	c.gs2 = "y,,";
	ck_assert_int_eq(scram_run(&plain_peer, "SCRAM-SHA-256", true, &c, NULL), HF_OK);
	scram_fini(&c);
	close_sasl();
}
END_TEST

START_TEST(prepared_password_is_accepted)
{
	struct scram c = client_for("SCRAM-SHA-256");

	open_default();
	c.user = "anna";
	c.password = "Gr\xc3\xbc\xc3\x9f Gott";
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_OK);
	scram_fini(&c);
	close_sasl();
}
END_TEST

START_TEST(wrong_password_is_refused)
{
	struct scram c = client_for(mechanisms[_i]);

	open_default();
	c.password = "bens secret?";
	ck_assert_int_eq(scram_run(&tls_peer, mechanisms[_i], true, &c, NULL), HF_EAUTH);
	scram_fini(&c);
	close_sasl();
}
END_TEST

/* What the server's first message tells of a user, in two attempts. */
static void look_of(const char *mechanism, const char *user, struct hf_buf *look)
{
	struct scram c = client_for(mechanism);

	c.user = user;
	c.password = "no";
	ck_assert_int_eq(scram_run(&tls_peer, mechanism, true, &c, NULL), HF_EAUTH);
	hf_buf_add_str(look, hf_buf_str(&c.iterations_and_salt));
	hf_buf_cstr(look);
	scram_fini(&c);
}

START_TEST(unknown_and_disabled_look_like_others)
{
	static const char *const users[] = { "nobody", "dora", "none", "ben", "NoBody" };
	struct hf_buf looks[5][2] = { 0 };

	open_default();
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 2; k++)
			look_of(mechanisms[_i], users[i], &looks[i][k]);
	for (int i = 0; i < 5; i++) {
		/* the same each time, with the length and the iterations of a real one */
		ck_assert_str_eq(looks[i][0].data, looks[i][1].data);
		ck_assert_uint_eq(looks[i][0].size, looks[3][0].size);
		ck_assert_int_eq(strncmp(looks[i][0].data, "10000:", 6), 0);
		for (int k = 0; k < i && i < 4; k++)
			ck_assert_str_ne(looks[i][0].data, looks[k][0].data);
	}
	ck_assert_str_eq(looks[4][0].data, looks[0][0].data);
	/* a disabled account keeps its salt, as one sees who saw it before */
	ck_assert_ptr_nonnull(strstr(_i == 1 ? hf_buf_cstr(&account_of(HF_STR("dora"))->sha256) :
					       hf_buf_cstr(&account_of(HF_STR("dora"))->sha1), looks[1][0].data));
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 2; k++)
			hf_buf_fini(&looks[i][k]);
	close_sasl();
}
END_TEST

START_TEST(disabled_is_refused_with_the_right_password)
{
	struct scram c = client_for("SCRAM-SHA-256");

	open_default();
	c.user = "dora";
	c.password = "doras secret";
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_EAUTH);
	scram_fini(&c);
	close_sasl();
}
END_TEST

START_TEST(authorization_identity)
{
	static const struct {
		const char *user, *password, *gs2, *who;
		enum hf_status status;
	} rows[] = {
		{ "ben", "bens secret", "n,a=ben@example.org,", "ben@example.org as ben@example.org", HF_OK },
		{ "ben", "bens secret", "n,a=anna,", "", HF_EAUTHZ },
		{ "ben", "bens secret", "n,a=nobody,", "", HF_EAUTHZ },
		{ "root", "roots secret", "n,a=anna,", "root@example.org as anna@example.org", HF_OK },
		{ "root", "roots secret", "n,a=nobody,", "", HF_EAUTHZ },
		{ "root", "roots secret", "n,a=dora,", "", HF_EAUTHZ },
		{ "root", "no", "n,a=anna,", "", HF_EAUTH },
	};
	struct hf_buf who = HF_BUF_INIT;

	open_default();
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct scram c = client_for("SCRAM-SHA-256");

		c.user = rows[i].user;
		c.password = rows[i].password;
		c.gs2 = rows[i].gs2;
		ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, &who), rows[i].status);
		ck_assert_str_eq(hf_buf_cstr(&who), rows[i].who);
		scram_fini(&c);
	}
	hf_buf_fini(&who);
	close_sasl();
}
END_TEST

START_TEST(every_binding_type_works)
{
	struct hf_sasl_peer old = tls_peer;
	struct scram c = client_for("SCRAM-SHA-256-PLUS");

	open_default();
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", tls_peer.tls_exporter), HF_OK);
	ck_assert_int_eq(attempt("SCRAM-SHA-1-PLUS", "p=tls-server-end-point,,", tls_peer.tls_server_end_point),
			 HF_OK);
	old.tls_exporter = HF_STR_NULL;
	old.tls_unique = HF_STR("uuuuuuuuuuuu");
	c.gs2 = "p=tls-unique,,";
	c.binding = old.tls_unique;
	ck_assert_int_eq(scram_run(&old, "SCRAM-SHA-256-PLUS", true, &c, NULL), HF_OK);
	scram_fini(&c);
	close_sasl();
}
END_TEST

START_TEST(wrong_binding_is_refused)
{
	open_default();
	/* another connection's data, another type's data, too short, none */
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-exporter,,",
				 HF_STR("eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeE")), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", tls_peer.tls_server_end_point),
			 HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", HF_STR("eeee")), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", HF_STR_NULL), HF_EAUTH);
	close_sasl();
}
END_TEST

START_TEST(unknown_or_absent_binding_type_is_refused)
{
	open_default();
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-fancy,,", HF_STR("x")), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=TLS-EXPORTER,,", tls_peer.tls_exporter), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "p=tls-unique,,", HF_STR("uuuuuuuuuuuu")), HF_EAUTH);
	close_sasl();
}
END_TEST

START_TEST(downgrade_is_refused)
{
	struct hf_sasl_settings settings = default_settings();

	open_default();
	ck_assert_int_eq(attempt("SCRAM-SHA-256", "y,,", HF_STR_NULL), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-1", "y,,", HF_STR_NULL), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256", "n,,", HF_STR_NULL), HF_OK);
	close_sasl();

	/* where -PLUS is switched off, the client is right */
	settings.mechanisms = "SCRAM-SHA-256";
	open_with(&settings);
	ck_assert_int_eq(attempt("SCRAM-SHA-256", "y,,", HF_STR_NULL), HF_OK);
	close_sasl();
}
END_TEST

START_TEST(flag_must_suit_the_mechanism)
{
	open_default();
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "n,,", HF_STR_NULL), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256-PLUS", "y,,", HF_STR_NULL), HF_EAUTH);
	ck_assert_int_eq(attempt("SCRAM-SHA-256", "p=tls-exporter,,", tls_peer.tls_exporter), HF_EAUTH);
	close_sasl();
}
END_TEST

/* Plays up to the client's last message, which `change` may spoil. */
static enum hf_status spoil(const char *mechanism, void (*change)(struct hf_buf *final))
{
	struct scram c = client_for(mechanism);
	struct hf_sasl_exchange *x = NULL;
	struct hf_buf server = HF_BUF_INIT;
	enum hf_status status;

	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, hf_str(mechanism), &x), HF_OK);
	ck_assert_int_eq(hf_sasl_step(x, true, scram_first(&c), &server), HF_MORE);
	scram_final(&c, hf_buf_str(&server));
	change(&c.final);
	status = hf_sasl_step(x, false, hf_buf_str(&c.final), &server);
	ck_assert(status == HF_OK || server.size == 0);
	hf_sasl_exchange_free(&x);
	scram_fini(&c);
	hf_buf_fini(&server);
	return status;
}

static void change_nothing(struct hf_buf *final)
{
	(void)final;
}

static void change_proof(struct hf_buf *final)
{
	char *c = final->data + final->size - 5;

	*c = *c == 'A' ? 'B' : 'A';
}

static void change_nonce(struct hf_buf *final)
{
	char *r = strstr(hf_buf_cstr(final), ",r=");

	r[3] = r[3] == 'a' ? 'b' : 'a';
}

static void cut_nonce(struct hf_buf *final)
{
	char *r = strstr(hf_buf_cstr(final), ",r="), *p = strstr(r, ",p=");

	memmove(r + 3 + 24, p, strlen(p)); /* the client's own part */
	final->size -= (size_t)(p - (r + 3 + 24));
}

static void change_binding(struct hf_buf *final)
{
	final->data[4] = final->data[4] == 'A' ? 'B' : 'A';
}

static void cut_proof(struct hf_buf *final)
{
	final->size = (size_t)(strstr(hf_buf_cstr(final), ",p=") - final->data);
}

static void empty(struct hf_buf *final)
{
	hf_buf_clear(final);
}

static void add_nul(struct hf_buf *final)
{
	hf_buf_add_char(final, '\0');
}

START_TEST(tampered_final_message_is_refused)
{
	static void (*const changes[])(struct hf_buf *final) = { change_proof, change_nonce, cut_nonce, change_binding,
								 cut_proof, empty, add_nul };

	open_default();
	for (size_t m = 0; m < HF_COUNT(mechanisms); m++) {
		ck_assert_int_eq(spoil(mechanisms[m], change_nothing), HF_OK);
		for (size_t i = 0; i < HF_COUNT(changes); i++)
			ck_assert_int_eq(spoil(mechanisms[m], changes[i]), HF_EAUTH);
	}
	close_sasl();
}
END_TEST

START_TEST(replay_is_refused)
{
	struct scram c = client_for("SCRAM-SHA-256");
	struct hf_sasl_exchange *x = NULL;
	struct hf_buf server = HF_BUF_INIT, recorded = HF_BUF_INIT;

	open_default();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("SCRAM-SHA-256"), &x), HF_OK);
		ck_assert_int_eq(hf_sasl_step(x, true, scram_first(&c), &server), HF_MORE);
		if (i == 0)
			hf_buf_add_str(&recorded, scram_final(&c, hf_buf_str(&server)));
		ck_assert_int_eq(hf_sasl_step(x, false, hf_buf_str(&recorded), &server), i ? HF_EAUTH : HF_OK);
		hf_sasl_exchange_free(&x);
	}
	scram_fini(&c);
	hf_buf_fini(&server);
	hf_buf_fini(&recorded);
	close_sasl();
}
END_TEST

START_TEST(malformed_first_message_is_a_syntax_error)
{
	static const char *const messages[] = {
		"", "n", "n,", "n,,", "n,,n=ben", "n,,n=ben,", "n,,n=ben,x=1,r=abcdefgh", "n,,m=ext,n=ben,r=abcdefgh",
		"q,,n=ben,r=abcdefgh", "p=,,n=ben,r=abcdefgh", "p=a b,,n=ben,r=abcdefgh", "p,,n=ben,r=abcdefgh",
		"n,a=ben,r=abcdefgh", "n,,n=b=3dn,r=abcdefgh", "n,,n=b=,r=abcdefgh", "nn=ben,r=abcdefgh",
		"n,a=x=,n=ben,r=abcdefgh", "\xff\xfe", "n,,r=abcdefgh,n=ben",
	};
	struct hf_buf big = HF_BUF_INIT;

	open_default();
	for (size_t i = 0; i < HF_COUNT(messages); i++)
		for (int initial = 0; initial < 2; initial++)
			ck_assert_msg(one_message(&tls_peer, "SCRAM-SHA-256", initial, hf_str(messages[i]), NULL) ==
					      HF_ESYNTAX, "%s", messages[i]);
	hf_buf_add_lit(&big, "n,,n=ben,r=");
	while (big.size < 100000)
		hf_buf_add_char(&big, 'a');
	ck_assert_int_eq(one_message(&tls_peer, "SCRAM-SHA-256", true, hf_buf_str(&big), NULL), HF_ESYNTAX);
	big.size = 5000;
	ck_assert_int_eq(one_message(&tls_peer, "SCRAM-SHA-256", true, hf_buf_str(&big), NULL), HF_ESYNTAX);
	ck_assert_int_eq(one_message(&tls_peer, "SCRAM-SHA-256", true, HF_STR("n,,n=b\0n,r=abcdefgh"), NULL),
			 HF_ESYNTAX);
	hf_buf_fini(&big);
	close_sasl();
}
END_TEST

START_TEST(abort_at_any_step_leaks_nothing)
{
	open_default();
	for (int steps = 0; steps < 4; steps++)
		for (size_t m = 0; m < HF_COUNT(mechanisms); m++) {
			struct scram c = client_for(mechanisms[m]);
			struct hf_sasl_exchange *x = NULL;
			struct hf_buf server = HF_BUF_INIT;

			ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, hf_str(mechanisms[m]), &x), HF_OK);
			if (steps > 0)
				ck_assert_int_eq(hf_sasl_step(x, false, HF_STR_NULL, &server), HF_MORE);
			if (steps > 1)
				ck_assert_int_eq(hf_sasl_step(x, false, scram_first(&c), &server), HF_MORE);
			if (steps > 2)
				ck_assert_int_eq(hf_sasl_step(x, false, scram_final(&c, hf_buf_str(&server)), &server),
						 HF_OK);
			hf_sasl_exchange_free(&x);
			scram_fini(&c);
			hf_buf_fini(&server);
		}
	close_sasl();
}
END_TEST

START_TEST(silent_store_is_unavailable)
{
	struct scram c = client_for("SCRAM-SHA-256");

	open_default();
	accounts_down = true;
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_EUNAVAILABLE);
	scram_fini(&c);
	close_sasl();
}
END_TEST

START_TEST(account_with_one_secret_only)
{
	struct scram c = client_for("SCRAM-SHA-1");

	open_default();
	hf_buf_clear(&account_of(HF_STR("ben"))->sha1);
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-1", true, &c, NULL), HF_EAUTH);
	scram_fini(&c);
	c = client_for("SCRAM-SHA-256");
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_OK);
	scram_fini(&c);
	/* a damaged one is as none */
	hf_buf_clear(&account_of(HF_STR("ben"))->sha256);
	hf_buf_add_lit(&account_of(HF_STR("ben"))->sha256, "SCRAM-SHA-256$10000:AAAA$AAAA:AAAA");
	c = client_for("SCRAM-SHA-256");
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_EAUTH);
	scram_fini(&c);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, right_password_is_accepted, 0, 8);
	tcase_add_test(tc, works_without_tls);
	tcase_add_test(tc, prepared_password_is_accepted);
	tcase_add_loop_test(tc, wrong_password_is_refused, 0, 4);
	tcase_add_loop_test(tc, unknown_and_disabled_look_like_others, 0, 2);
	tcase_add_test(tc, disabled_is_refused_with_the_right_password);
	tcase_add_test(tc, authorization_identity);
	tcase_add_test(tc, every_binding_type_works);
	tcase_add_test(tc, wrong_binding_is_refused);
	tcase_add_test(tc, unknown_or_absent_binding_type_is_refused);
	tcase_add_test(tc, downgrade_is_refused);
	tcase_add_test(tc, flag_must_suit_the_mechanism);
	tcase_add_test(tc, tampered_final_message_is_refused);
	tcase_add_test(tc, replay_is_refused);
	tcase_add_test(tc, malformed_first_message_is_a_syntax_error);
	tcase_add_test(tc, abort_at_any_step_leaks_nothing);
	tcase_add_test(tc, silent_store_is_unavailable);
	tcase_add_test(tc, account_with_one_secret_only);
}

int main(void)
{
	return run_tests("scram", add);
}
