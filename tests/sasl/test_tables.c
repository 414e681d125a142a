/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded tables (verified passwords, delays) with a clock of the test's, and the GS2 header. */
#include <stdio.h>

#include "sasl/sasl_priv.h"
#include "tests/sasl/sasl_test.h"

static const uint8_t key[HF_SASL_KEY_SIZE] = { 7 };

START_TEST(verifiers_know_user_secret_and_password)
{
	struct hf_sasl_verifiers *v = hf_sasl_verifiers_new(key);
	struct hf_str user = HF_STR("ben"), secret = HF_STR("s1"), password = HF_STR("p");

	ck_assert(!hf_sasl_verifiers_have(v, user, secret, password, 1));
	hf_sasl_verifiers_add(v, user, secret, password, 1, 1000);
	ck_assert(hf_sasl_verifiers_have(v, user, secret, password, 999));
	ck_assert(!hf_sasl_verifiers_have(v, user, secret, password, 1000));
	ck_assert(!hf_sasl_verifiers_have(v, user, secret, HF_STR("q"), 2));
	ck_assert(!hf_sasl_verifiers_have(v, user, HF_STR("s2"), password, 2));
	ck_assert(!hf_sasl_verifiers_have(v, HF_STR("be"), HF_STR("ns1"), password, 2));
	ck_assert(!hf_sasl_verifiers_have(v, user, HF_STR("s"), HF_STR("1p"), 2));
	hf_sasl_verifiers_add(v, user, secret, HF_STR("p2"), 1, 1000);
	hf_sasl_verifiers_forget(v, HF_STR("anna"));
	ck_assert(hf_sasl_verifiers_have(v, user, secret, password, 2));
	hf_sasl_verifiers_forget(v, user);
	ck_assert(!hf_sasl_verifiers_have(v, user, secret, password, 2));
	ck_assert(!hf_sasl_verifiers_have(v, user, secret, HF_STR("p2"), 2));
	hf_sasl_verifiers_free(&v);
	ck_assert_ptr_null(v);
	hf_sasl_verifiers_free(&v);
}
END_TEST

START_TEST(verifiers_are_bounded)
{
	struct hf_sasl_verifiers *v = hf_sasl_verifiers_new(key);
	unsigned kept = 0;
	char password[16];

	/* one user with many passwords, as app passwords would be: the latest stay */
	for (int i = 0; i < 100; i++) {
		snprintf(password, sizeof(password), "%d", i);
		hf_sasl_verifiers_add(v, HF_STR("ben"), HF_STR("s"), hf_str(password), 1, 1000 + (uint64_t)i);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(password, sizeof(password), "%d", i);
		kept += hf_sasl_verifiers_have(v, HF_STR("ben"), HF_STR("s"), hf_str(password), 2);
	}
	ck_assert_uint_eq(kept, 4);
	ck_assert(hf_sasl_verifiers_have(v, HF_STR("ben"), HF_STR("s"), HF_STR("99"), 2));
	/* the same again takes no other's place */
	for (int i = 0; i < 10; i++)
		hf_sasl_verifiers_add(v, HF_STR("ben"), HF_STR("s"), HF_STR("99"), 2, 2000);
	ck_assert(hf_sasl_verifiers_have(v, HF_STR("ben"), HF_STR("s"), HF_STR("97"), 3));
	hf_sasl_verifiers_free(&v);
}
END_TEST

START_TEST(delay_grows_and_is_forgotten)
{
	static const uint32_t grows[] = { 0, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000 };
	struct hf_sasl_delays *delays = hf_sasl_delays_new();
	struct hf_str address = HF_STR("192.0.2.1");
	uint64_t now = 1000;

	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now), 0);
	for (size_t i = 1; i <= HF_COUNT(grows); i++) {
		hf_sasl_delays_note(delays, address, false, now);
		ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now), i == 1 ? 0 : grows[i - 1]);
	}
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 59999), 15000);
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 60000), 8000);
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 180000), 2000);
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 3600000), 0);
	hf_sasl_delays_note(delays, address, false, now + 3600000);
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 3600000), 0);
	hf_sasl_delays_note(delays, address, false, now + 3600000);
	hf_sasl_delays_note(delays, address, true, now + 3600000);
	ck_assert_uint_eq(hf_sasl_delays_get(delays, address, now + 3600000), 0);
	hf_sasl_delays_free(&delays);
	hf_sasl_delays_free(&delays);
}
END_TEST

START_TEST(addresses_count_by_network)
{
	static const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "2001:db8::1", "2001:db8::ffff:1", true },
		{ "2001:db8::1", "2001:DB8:0:0:1::", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "fe80::1%eth0", "fe80::2", true },
		{ "a name", "a name", true },
		{ "a name", "another", false },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_sasl_delays *delays = hf_sasl_delays_new();

		for (int k = 0; k < 3; k++)
			hf_sasl_delays_note(delays, hf_str(rows[i].one), false, 1);
		ck_assert_msg(hf_sasl_delays_get(delays, hf_str(rows[i].other), 1) == (rows[i].same ? 500 : 0), "%s %s",
			      rows[i].one, rows[i].other);
		hf_sasl_delays_free(&delays);
	}
}
END_TEST

START_TEST(delays_are_bounded_and_the_oldest_give_way)
{
	struct hf_sasl_delays *delays = hf_sasl_delays_new();
	unsigned kept = 0, late = 0;
	char address[32];

	for (unsigned i = 0; i < 200000; i++) {
		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		for (int k = 0; k < 2; k++)
			hf_sasl_delays_note(delays, hf_str(address), false, 1 + i);
	}
	for (unsigned i = 0; i < 200000; i++) {
		bool have;

		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		have = hf_sasl_delays_get(delays, hf_str(address), 50000) > 0;
		kept += have;
		late += have && i >= 180000;
	}
	ck_assert_uint_le(kept, 65536);
	ck_assert_uint_gt(kept, 60000);
	ck_assert_uint_gt(late, 19900);
	hf_sasl_delays_free(&delays);
}
END_TEST

START_TEST(gs2_headers)
{
	static const struct {
		const char *text;
		char flag; /* 0: malformed */
		const char *binding;
	} rows[] = {
		{ "n,,", 'n', "" },
		{ "y,a=x,n=", 'y', "" },
		{ "p=tls-exporter,,n=", 'p', "tls-exporter" },
		{ "p=a.B-9,", 'p', "a.B-9" },
		{ "", 0, "" },
		{ "n", 0, "" },
		{ "nn,", 0, "" },
		{ "p", 0, "" },
		{ "p,", 0, "" },
		{ "p=", 0, "" },
		{ "p=,", 0, "" },
		{ "p=tls", 0, "" },
		{ "p=tls exporter,", 0, "" },
		{ "p=tls=x,", 0, "" },
		{ "F,n,,", 0, "" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_gs2 gs2 = { 0 };
		bool ok = hf_gs2_parse(hf_str(rows[i].text), &gs2);

		ck_assert_msg(ok == (rows[i].flag != 0), "%s", rows[i].text);
		if (ok) {
			ck_assert_int_eq(gs2.flag, rows[i].flag);
			ck_assert(hf_str_eq(gs2.binding, hf_str(rows[i].binding)));
		}
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, verifiers_know_user_secret_and_password);
	tcase_add_test(tc, verifiers_are_bounded);
	tcase_add_test(tc, delay_grows_and_is_forgotten);
	tcase_add_test(tc, addresses_count_by_network);
	tcase_add_test(tc, delays_are_bounded_and_the_oldest_give_way);
	tcase_add_test(tc, gs2_headers);
}

int main(void)
{
	return run_tests("tables", add);
}
