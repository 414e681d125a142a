/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing; settings that make no sense; what is missing. */
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/sasl/sasl_test.h"

static enum hf_status try_open(const struct hf_sasl_settings *settings, struct hf_note *why)
{
	struct hf_sasl_accounts of_test = test_accounts();
	enum hf_status status = hf_sasl_open(settings, &of_test, NULL, why, &sasl);

	if (status == HF_OK)
		hf_sasl_close(&sasl);
	return status;
}

static void assert_refused(const struct hf_sasl_settings *settings, enum hf_status expected, const char *text)
{
	struct hf_note why = HF_NOTE_INIT;

	ck_assert_int_eq(try_open(settings, &why), expected);
	ck_assert_msg(strstr(hf_note_text(&why), text) != NULL, "%s", hf_note_text(&why));
	hf_note_fini(&why);
	ck_assert_ptr_null(sasl);
}

START_TEST(there_is_one_in_a_process)
{
	struct hf_sasl_settings settings = default_settings();
	struct hf_sasl_accounts of_test = test_accounts();
	struct hf_note why = HF_NOTE_INIT;
	struct hf_sasl *other = NULL;

	open_default();
	ck_assert_int_eq(hf_sasl_open(&settings, &of_test, NULL, &why, &other), HF_EINUSE);
	ck_assert_ptr_null(other);
	hf_note_fini(&why);
	close_sasl();
	for (int i = 0; i < 3; i++) {
		open_default();
		ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0bens secret"), NULL), HF_OK);
		close_sasl();
	}
	hf_sasl_close(&other);
}
END_TEST

START_TEST(settings_are_checked)
{
	struct hf_sasl_settings settings = default_settings();

	settings.iterations = 9999;
	assert_refused(&settings, HF_EINVALID, "iterations");
	settings.iterations = 65537;
	assert_refused(&settings, HF_EINVALID, "iterations");
	settings = default_settings();
	settings.mechanisms = "  ";
	assert_refused(&settings, HF_EINVALID, "no SASL mechanism");
	settings.mechanisms = "PLAIN SCRAM/SHA";
	assert_refused(&settings, HF_EINVALID, "SCRAM/SHA");
	settings.mechanisms = "A B C D E F G H I J K L M N O P Q";
	assert_refused(&settings, HF_EINVALID, "more than 16");
	settings = default_settings();
	settings.saslauthd_timeout_ms = 0;
	assert_refused(&settings, HF_EINVALID, "saslauthd");
	settings = default_settings();
	settings.options = (const char *const[]){ "sql_engine", NULL };
	assert_refused(&settings, HF_EINVALID, "pairs");
}
END_TEST

START_TEST(missing_plugins_are_named_with_their_package)
{
	struct hf_sasl_settings settings = default_settings();

	settings.mechanisms = "PLAIN NO-SUCH-THING";
	assert_refused(&settings, HF_ECANNOT, "NO-SUCH-THING is not installed");
	settings = default_settings();
	settings.source = "no-such-source";
	assert_refused(&settings, HF_ECANNOT, "no-such-source is not installed");
	/* where the plug-ins are elsewhere, none is found */
	ck_assert_int_eq(setenv("SASL_PATH", "/nonexistent", 1), 0);
	settings = default_settings();
	assert_refused(&settings, HF_ECANNOT, "apt-get install libsasl2-modules");
	settings.source = "sasldb";
	assert_refused(&settings, HF_ECANNOT, "apt-get install libsasl2-modules-db");
	unsetenv("SASL_PATH");
}
END_TEST

START_TEST(mechanisms_are_listed_once)
{
	struct hf_sasl_settings settings = default_settings();
	struct hf_buf list = HF_BUF_INIT;

	settings.mechanisms = " plain scram-sha-256  PLAIN ";
	open_with(&settings);
	hf_sasl_mechanisms(sasl, &tls_peer, &list);
	ck_assert_str_eq(hf_buf_cstr(&list), "PLAIN SCRAM-SHA-256");
	hf_buf_fini(&list);
	close_sasl();
}
END_TEST

/* sasldb has readable passwords: Cyrus SASL compares and derives by itself, we supply the fakes. */
START_TEST(an_auxprop_source)
{
	static const char file[] = "test_sasl.db";
	struct hf_sasl_settings settings = default_settings();
	struct scram c = { .alg = HF_SHA256, .user = "carl@example.org", .password = "carls secret", .gs2 = "n,,",
			   .nonce = "abcdefghijklmnop" };
	struct hf_buf looks[2] = { HF_BUF_INIT, HF_BUF_INIT };
	struct hf_note why = HF_NOTE_INIT;
	char command[400];

	/* As in holdfastd, Berkeley DB stays when the plug-in goes. (ThreadSanitizer cannot follow libraries that go.) */
	dlopen("libdb-5.3.so", RTLD_NOW);
	unlink(file);
	snprintf(command, sizeof(command),
		 "printf 'carls secret' | PATH=$PATH:/usr/sbin saslpasswd2 -p -c -f %s -u example.org carl 2>/dev/null && "
		 "printf 'doras other' | PATH=$PATH:/usr/sbin saslpasswd2 -p -c -f %s -u example.org dora 2>/dev/null",
		 file, file);
	settings.source = "sasldb";
	if (system(command) != 0 || try_open(&settings, &why) != HF_OK) {
		printf("skipped: needs sasl2-bin and libsasl2-modules-db\n");
		hf_note_fini(&why);
		return;
	}
	settings.options = (const char *const[]){ "sasldb_path", file, NULL };
	open_with(&settings);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0carl@example.org\0carls secret"), NULL),
			 HF_OK);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0carl@example.org\0no"), NULL), HF_EAUTH);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0nobody@example.org\0no"), NULL), HF_EAUTH);
	/* the store's accounts do not count, but its word that one is disabled does */
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0bens secret"), NULL), HF_EAUTH);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0dora\0doras other"), NULL), HF_EAUTH);
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_OK);
	hf_buf_add_str(&looks[0], hf_buf_str(&c.iterations_and_salt));
	c.password = "no";
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_EAUTH);
	c.user = "nobody@example.org";
	ck_assert_int_eq(scram_run(&tls_peer, "SCRAM-SHA-256", true, &c, NULL), HF_EAUTH);
	hf_buf_add_str(&looks[1], hf_buf_str(&c.iterations_and_salt));
	ck_assert_uint_eq(looks[0].size, looks[1].size);
	ck_assert_int_eq(strncmp(hf_buf_cstr(&looks[0]), "10000:", 6), 0);
	ck_assert_int_eq(strncmp(hf_buf_cstr(&looks[1]), "10000:", 6), 0);
	scram_fini(&c);
	hf_buf_fini(&looks[0]);
	hf_buf_fini(&looks[1]);
	close_sasl();
	unlink(file);
}
END_TEST

START_TEST(delays_by_address)
{
	open_default();
	ck_assert_uint_eq(hf_sasl_delay_ms(sasl, HF_STR("192.0.2.1")), 0);
	for (int i = 0; i < 3; i++) {
		hf_sasl_note_result(sasl, HF_STR("192.0.2.1"), false);
		hf_sasl_note_result(sasl, HF_STR_NULL, false);
	}
	ck_assert_uint_eq(hf_sasl_delay_ms(sasl, HF_STR("192.0.2.1")), 500);
	ck_assert_uint_eq(hf_sasl_delay_ms(sasl, HF_STR("192.0.2.2")), 0);
	ck_assert_uint_eq(hf_sasl_delay_ms(sasl, HF_STR_NULL), 0);
	hf_sasl_note_result(sasl, HF_STR("192.0.2.1"), true);
	ck_assert_uint_eq(hf_sasl_delay_ms(sasl, HF_STR("192.0.2.1")), 0);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, there_is_one_in_a_process);
	tcase_add_test(tc, settings_are_checked);
	tcase_add_test(tc, missing_plugins_are_named_with_their_package);
	tcase_add_test(tc, mechanisms_are_listed_once);
	tcase_add_test(tc, an_auxprop_source);
	tcase_add_test(tc, delays_by_address);
}

int main(void)
{
	return run_tests("sasl", add);
}
