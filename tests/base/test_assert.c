/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/assert.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/base/base_test.h"

/* Runs fn in a child; what it wrote to stderr and how it ended. */
static int ended_by(void (*fn)(void), char *said, size_t size)
{
	int pipe_fd[2], status;
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(pipe_fd[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	close(pipe_fd[1]);
	while (got < size - 1 && (n = read(pipe_fd[0], said + got, size - 1 - got)) > 0)
		got += (size_t)n;
	said[got] = '\0';
	close(pipe_fd[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void assert_true(void)
{
	hf_assert(1 + 1 == 2);
}

static void assert_false(void)
{
	hf_assert(1 + 1 == 3);
}

static void overflow_array(void)
{
	hf_free(hf_realloc_array(NULL, SIZE_MAX / 2, 4));
}

START_TEST(a_true_condition_does_nothing)
{
	char said[4096];

	ck_assert_int_eq(ended_by(assert_true, said, sizeof(said)), 0);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_false_condition_is_logged_and_aborts)
{
	char said[4096];

	ck_assert_int_eq(ended_by(assert_false, said, sizeof(said)), SIGABRT);
	ck_assert_ptr_nonnull(strstr(said, " critical assert "));
	ck_assert_ptr_nonnull(strstr(said, "test_assert.c"));
	ck_assert_ptr_nonnull(strstr(said, "function=assert_false"));
	ck_assert_ptr_nonnull(strstr(said, "condition=\"1 + 1 == 3\""));
}
END_TEST

START_TEST(an_array_past_the_address_space_is_out_of_memory)
{
	char said[4096];

	ck_assert_int_eq(ended_by(overflow_array, said, sizeof(said)), SIGABRT);
	ck_assert_ptr_nonnull(strstr(said, "out-of-memory"));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_true_condition_does_nothing);
	tcase_add_test(tc, a_false_condition_is_logged_and_aborts);
	tcase_add_test(tc, an_array_past_the_address_space_is_out_of_memory);
}

int main(void)
{
	return run_tests("assert", add);
}
