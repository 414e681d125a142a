/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/base/base_test.h"

/* The last line the sink was given. */
static char last[8192];
static enum hf_log_level last_level;
static unsigned lines;

static void keep(void *arg, enum hf_log_level level, const char *line)
{
	ck_assert_ptr_eq(arg, &lines);
	snprintf(last, sizeof(last), "%s", line);
	last_level = level;
	lines++;
}

static int stderr_pipe[2];

static void setup(void)
{
	ck_assert_int_eq(pipe(stderr_pipe), 0);
	ck_assert_int_ge(dup2(stderr_pipe[1], STDERR_FILENO), 0);
	close(stderr_pipe[1]);
	hf_log_set_sink(keep, &lines);
	last[0] = '\0';
	lines = 0;
}

static void teardown(void)
{
	hf_log_set_sink(NULL, NULL);
	close(stderr_pipe[0]);
}

/* What was written to stderr since. */
static const char *written(void)
{
	static char text[65536];
	ssize_t size = read(stderr_pipe[0], text, sizeof(text) - 1);

	ck_assert_int_gt(size, 0);
	text[size] = '\0';
	return text;
}

START_TEST(a_line_has_event_contexts_then_the_rest)
{
	struct hf_log root = { NULL, "pid=1" };
	struct hf_log conn = { &root, "conn=17" };
	struct hf_log bare = { &conn, NULL };
	struct hf_log user = { &bare, "user=anna" };

	hf_info(&user, "login mech=%s", "PLAIN");
	ck_assert_str_eq(last, "login pid=1 conn=17 user=anna mech=PLAIN");
	ck_assert_int_eq(last_level, HF_LOG_INFO);
	hf_info(&conn, "logout");
	ck_assert_str_eq(last, "logout pid=1 conn=17");
	hf_info(NULL, "started version=%d", 1);
	ck_assert_str_eq(last, "started version=1");
}
END_TEST

START_TEST(lines_to_stderr_have_time_and_level)
{
	int year, month, day, hour, minute, second, milli, end = 0;
	const char *text;

	hf_error(NULL, "disk-full path=%s", "/x");
	text = written();
	ck_assert_int_eq(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour,
				&minute, &second, &milli, &end),
			 7);
	ck_assert_str_eq(text + end, "error disk-full path=/x\n");
}
END_TEST

START_TEST(lines_to_the_journal_have_a_priority)
{
	static const char *const expected[] = { "<2>x n=0\n", "<3>x n=1\n", "<4>x n=2\n",
						"<6>x n=3\n", "<7>x n=4\n" };

	hf_log_setup(HF_LOG_STDERR, HF_LOG_DEBUG, true, "holdfastd");
	for (int i = 0; i < 5; i++) {
		hf_log_at(NULL, (enum hf_log_level)i, "x n=%d", i);
		ck_assert_str_eq(written(), expected[i]);
	}
}
END_TEST

static int evaluated;

START_TEST(below_the_threshold_nothing_is_evaluated)
{
	ck_assert_int_eq(hf_log_threshold(), HF_LOG_INFO);
	hf_debug(NULL, "x n=%d", ++evaluated);
	ck_assert_int_eq(evaluated, 0);
	ck_assert_uint_eq(lines, 0);
	hf_log_setup(HF_LOG_STDERR, HF_LOG_CRITICAL, false, NULL);
	hf_error(NULL, "x n=%d", ++evaluated);
	ck_assert_uint_eq(lines, 0);
	hf_critical(NULL, "x n=%d", ++evaluated);
	ck_assert_uint_eq(lines, 1);
	ck_assert_int_eq(evaluated, 1);
}
END_TEST

START_TEST(levels_have_names)
{
	enum hf_log_level level = HF_LOG_ERROR;

	ck_assert(hf_log_level_parse("debug", &level));
	ck_assert_int_eq(level, HF_LOG_DEBUG);
	ck_assert(hf_log_level_parse("Critical", &level));
	ck_assert_int_eq(level, HF_LOG_CRITICAL);
	ck_assert(!hf_log_level_parse("loud", &level));
	ck_assert(!hf_log_level_parse("", &level));
	ck_assert_int_eq(level, HF_LOG_CRITICAL);
}
END_TEST

START_TEST(a_line_stays_one_line_of_bounded_size)
{
	static char text[10000];
	const char *line;

	hf_info(NULL, "x value=%s", "a\r\nb\x1b[2J\x7f");
	ck_assert_str_eq(last, "x value=a??b?[2J?");
	written();
	memset(text, 'y', sizeof(text) - 1);
	hf_info(NULL, "x value=%s", text);
	line = written();
	ck_assert_uint_eq(strlen(line), 4096);
	ck_assert_int_eq(line[4095], '\n');
	hf_info(NULL, "%s", text);
	ck_assert_uint_eq(strlen(written()), 4096);
}
END_TEST

START_TEST(errno_is_left_alone)
{
	errno = ENOSPC;
	close(STDERR_FILENO);
	hf_info(NULL, "x");
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(syslog_lines_go_past_stderr)
{
	hf_log_setup(HF_LOG_SYSLOG, HF_LOG_INFO, false, "holdfast-test");
	hf_info(NULL, "to-syslog n=1");
	ck_assert_str_eq(last, "to-syslog n=1");
	hf_log_setup(HF_LOG_STDERR, HF_LOG_INFO, true, "holdfast-test");
	hf_info(NULL, "to-stderr n=2");
	ck_assert_str_eq(written(), "<6>to-stderr n=2\n");
}
END_TEST

static const struct {
	struct hf_str value;
	const char *shown;
} values[] = {
	{ HF_STR("anna@example.org"), "anna@example.org" },
	{ HF_STR(""), "\"\"" },
	{ HF_STR("two words"), "\"two words\"" },
	{ HF_STR("a=b"), "\"a=b\"" },
	{ HF_STR("say \"hi\""), "\"say \\x22hi\\x22\"" },
	{ HF_STR("back\\slash"), "\"back\\x5cslash\"" },
	{ HF_STR("a\r\nb\0c\x7f"), "\"a\\x0d\\x0ab\\x00c\\x7f\"" },
	{ HF_STR("\xc3\xa9t\xc3\xa9"), "\xc3\xa9t\xc3\xa9" },
	{ HF_STR("\xc2\x9b[31m"), "\"\\xc2\\x9b[31m\"" }, /* a C1 control, octet by octet */
	{ HF_STR("bad\xff"), "\"bad\\xff\"" },
};

START_TEST(values_from_outside_are_quoted)
{
	struct hf_buf out = HF_BUF_INIT;
	const char *expected = values[_i].shown;

	hf_buf_add_lit(&out, "k=");
	hf_log_value(&out, values[_i].value);
	ck_assert_str_eq(hf_buf_cstr(&out) + 2, expected);
	ck_assert_str_eq(hf_log_quote(values[_i].value), expected);
	hf_buf_fini(&out);
}
END_TEST

START_TEST(long_values_are_cut)
{
	char text[400];

	memset(text, 'a', sizeof(text));
	ck_assert_uint_eq(strlen(hf_log_quote(hf_str_n(text, 256))), 256);
	ck_assert_uint_eq(strlen(hf_log_quote(hf_str_n(text, 257))), 259);
	memset(text, 1, sizeof(text));
	ck_assert_uint_eq(strlen(hf_log_quote(hf_str_n(text, 400))), 256 * 4 + 2 + 3);
}
END_TEST

START_TEST(eight_quoted_values_live_at_once)
{
	const char *kept[8];
	char text[2] = "a";

	for (int i = 0; i < 8; i++) {
		text[0] = (char)('a' + i);
		kept[i] = hf_log_quote(hf_str(text));
	}
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(kept[i][0], 'a' + i);
}
END_TEST

static atomic_bool stop;

static void *log_many(void *arg)
{
	struct hf_log log = { NULL, arg };

	while (!atomic_load(&stop))
		hf_info(&log, "busy value=%s", hf_log_quote(hf_str(arg)));
	return NULL;
}

START_TEST(threads_log_while_settings_change)
{
	static char names[4][8] = { "t=1", "t=2", "t=3", "t=4" };
	pthread_t threads[4];
	FILE *null = freopen("/dev/null", "w", stderr);

	ck_assert_ptr_nonnull(null);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
	for (int i = 0; i < 300; i++) {
		hf_log_setup(i % 10 ? HF_LOG_STDERR : HF_LOG_SYSLOG,
			     i % 3 ? HF_LOG_ERROR : HF_LOG_INFO, i % 2, i % 4 ? "a" : "b");
		hf_log_set_sink(i % 5 ? keep : NULL, &lines);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_line_has_event_contexts_then_the_rest);
	tcase_add_test(tc, lines_to_stderr_have_time_and_level);
	tcase_add_test(tc, lines_to_the_journal_have_a_priority);
	tcase_add_test(tc, below_the_threshold_nothing_is_evaluated);
	tcase_add_test(tc, levels_have_names);
	tcase_add_test(tc, a_line_stays_one_line_of_bounded_size);
	tcase_add_test(tc, errno_is_left_alone);
	tcase_add_test(tc, syslog_lines_go_past_stderr);
	tcase_add_loop_test(tc, values_from_outside_are_quoted, 0, HF_COUNT(values));
	tcase_add_test(tc, long_values_are_cut);
	tcase_add_test(tc, eight_quoted_values_live_at_once);
	tcase_add_test(tc, threads_log_while_settings_change);
}

int main(void)
{
	return run_tests("log", add);
}
