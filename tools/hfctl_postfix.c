/* SPDX-License-Identifier: BSD-2-Clause */
/* `hfctl postfix`: the daemon says which settings Postfix needs. They are shown as main.cf has
 * them, or with --apply written by postconf, run from here with the caller's rights. */
#include "tools/hfctl.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static int run(char *const *argv)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		fprintf(stderr, "hfctl: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "hfctl: %s: %s\n", argv[0], strerror(errno));
		return CTL_TEMPORARY;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CTL_OK : CTL_REFUSED;
}

static bool is_name(const char *name)
{
	return *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       strlen(name);
}

void ctl_postfix_print(const json_t *result, FILE *out)
{
	json_t *value;
	const char *name;

	json_object_foreach (json_object_get(result, "settings"), name, value) {
		fprintf(out, "%s = ", name);
		ctl_print(value, out);
	}
}

int ctl_postfix_apply(const json_t *result, const char *config_directory)
{
	json_t *settings = json_object_get(result, "settings"), *value;
	size_t count = json_object_size(settings), n = 0, first;
	char **argv;
	const char *name;
	int exit_code;

	if (!count) {
		fprintf(stderr, "hfctl: the daemon names no settings for Postfix\n");
		return CTL_REFUSED;
	}
	argv = hf_alloc_zero((count + 5) * sizeof *argv);
	argv[n++] = hf_strdup("postconf");
	if (config_directory) {
		argv[n++] = hf_strdup("-c");
		argv[n++] = hf_strdup(config_directory);
	}
	argv[n++] = hf_strdup("-e");
	first = n;
	json_object_foreach (settings, name, value) {
		const char *text = json_string_value(value);

		if (!text || !is_name(name) || strpbrk(text, "\r\n"))
			continue;
		argv[n] = hf_alloc(strlen(name) + strlen(text) + 2);
		sprintf(argv[n++], "%s=%s", name, text);
	}
	exit_code = n > first ? run(argv) : CTL_REFUSED;
	if (exit_code == CTL_OK) {
		for (; first < n; first++)
			printf("%s\n", argv[first]);
		printf("Postfix takes them up with: postfix reload\n");
	}
	while (n)
		hf_free(argv[--n]);
	hf_free(argv);
	return exit_code;
}
