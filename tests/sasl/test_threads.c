/* SPDX-License-Identifier: BSD-2-Clause */
/* Eight helper threads at once, as hf_offload() has them; for ThreadSanitizer above all. */
#include <pthread.h>

#include "tests/sasl/sasl_test.h"

#define THREADS 8
#define ROUNDS 12

static void one_of_each(unsigned number)
{
	static const char *const mechanisms[] = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1",
						  "SCRAM-SHA-1-PLUS" };
	const char *mechanism = mechanisms[number % 4];
	bool plus = strstr(mechanism, "PLUS") != NULL;
	struct scram c = {
		.alg = strstr(mechanism, "256") ? HF_SHA256 : HF_SHA1,
		.user = "ben",
		.password = number % 3 ? "bens secret" : "no",
		.gs2 = plus ? "p=tls-exporter,," : "n,,",
		.binding = plus ? tls_peer.tls_exporter : HF_STR_NULL,
		.nonce = "fyko+d2lbbFgONRv9qkxdawL",
	};
	struct hf_buf text = HF_BUF_INIT;

	ck_assert_int_eq(scram_run(&tls_peer, mechanism, number % 2, &c, NULL), number % 3 ? HF_OK : HF_EAUTH);
	scram_fini(&c);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0ben\0bens secret"), NULL), HF_OK);
	ck_assert_int_eq(one_message(&tls_peer, "PLAIN", true, HF_STR("\0nobody\0no"), NULL), HF_EAUTH);
	ck_assert_int_eq(hf_sasl_login(sasl, &tls_peer, HF_STR("root"), HF_STR("roots secret"), &text), HF_OK);
	hf_buf_clear(&text);
	hf_sasl_mechanisms(sasl, &tls_peer, &text);
	hf_buf_fini(&text);
	hf_sasl_note_result(sasl, HF_STR("192.0.2.1"), number % 5 == 0);
	(void)hf_sasl_delay_ms(sasl, HF_STR("192.0.2.1"));
	if (number % 4 == 0)
		hf_sasl_forget(sasl, HF_STR("ben@example.org"));
}

static void *work(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++)
		one_of_each(number + i);
	return NULL;
}

START_TEST(eight_threads_at_once)
{
	pthread_t threads[THREADS];
	int64_t successes;

	open_default();
	successes = counter("sasl.successes");
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* of twelve rounds of a thread, four have the wrong SCRAM password */
	ck_assert_int_eq(counter("sasl.successes") - successes, THREADS * (ROUNDS * 2 + ROUNDS * 2 / 3));
	close_sasl();
}
END_TEST

/* An exchange moves from one helper thread to another between its steps. */
struct step {
	struct hf_sasl_exchange *x;
	struct hf_str in;
	struct hf_buf out;
	enum hf_status status;
};

static void *next_step(void *arg)
{
	struct step *step = arg;

	step->status = hf_sasl_step(step->x, true, step->in, &step->out);
	return NULL;
}

START_TEST(steps_on_different_threads)
{
	struct scram c = { .alg = HF_SHA256, .user = "ben", .password = "bens secret", .gs2 = "n,,",
			   .nonce = "fyko+d2lbbFgONRv9qkxdawL" };
	struct step step = { 0 };
	pthread_t thread;

	open_default();
	ck_assert_int_eq(hf_sasl_start(sasl, &tls_peer, HF_STR("SCRAM-SHA-256"), &step.x), HF_OK);
	step.in = scram_first(&c);
	pthread_create(&thread, NULL, next_step, &step);
	pthread_join(thread, NULL);
	ck_assert_int_eq(step.status, HF_MORE);
	step.in = scram_final(&c, hf_buf_str(&step.out));
	pthread_create(&thread, NULL, next_step, &step);
	pthread_join(thread, NULL);
	ck_assert_int_eq(step.status, HF_OK);
	ck_assert(scram_server_proved(&c, hf_buf_str(&step.out)));
	hf_sasl_exchange_free(&step.x);
	hf_buf_fini(&step.out);
	scram_fini(&c);
	close_sasl();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, eight_threads_at_once);
	tcase_add_test(tc, steps_on_different_threads);
}

int main(void)
{
	return run_tests("threads", add);
}
