/* SPDX-License-Identifier: BSD-2-Clause */
/* Passwords come from the terminal without echo, from standard input, or from a file of many; never
 * from the command line, where every user of the machine could read them. */
#include "tools/hfctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

enum { PASSWORD_MAX = 1024, BATCH = 64 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* Reads a line from `fd` octet by octet, so that nothing behind it is taken. -1: none, or too long.
 */
static ssize_t read_password(int fd, char *to)
{
	size_t size = 0;
	char c = 0;
	ssize_t n = 0;

	while (!interrupted && (n = read(fd, &c, 1)) == 1 && c != '\n') {
		if (size == PASSWORD_MAX) {
			errno = EMSGSIZE;
			return -1;
		}
		to[size++] = c;
	}
	if (interrupted || n < 0 || (n == 0 && !size))
		return -1;
	if (size && to[size - 1] == '\r')
		size--;
	to[size] = '\0';
	return (ssize_t)size;
}

static ssize_t ask(int tty, const char *prompt, char *to)
{
	struct termios shown, hidden;
	ssize_t size;

	if (tcgetattr(tty, &shown) != 0)
		return -1;
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	hidden.c_lflag |= ICANON;
	tcsetattr(tty, TCSAFLUSH, &hidden);
	dprintf(tty, "%s", prompt);
	size = read_password(tty, to);
	tcsetattr(tty, TCSAFLUSH, &shown);
	dprintf(tty, "\n");
	return size;
}

/* Asks twice; a signal restores the echo first and then has its usual effect. */
static int from_terminal(char *password)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction action = { .sa_handler = on_signal },
			 old[sizeof signals / sizeof *signals];
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), exit_code = CTL_USAGE;
	char again[PASSWORD_MAX + 1] = "";
	size_t i;

	if (tty < 0) {
		fprintf(stderr,
			"hfctl: no terminal to ask for the password: give it on standard input with --password-stdin\n");
		return CTL_USAGE;
	}
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, &old[i]);
	if (ask(tty, "Password: ", password) < 0 || ask(tty, "Once more: ", again) < 0)
		fprintf(stderr, "hfctl: no password\n");
	else if (strcmp(password, again) != 0)
		fprintf(stderr, "hfctl: the two differ\n");
	else
		exit_code = CTL_OK;
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &old[i], NULL);
	hf_wipe(again, sizeof again);
	close(tty);
	if (interrupted)
		raise(interrupted);
	return exit_code;
}

int ctl_password_add(const struct ctl_verb *verb, json_t *request)
{
	char password[PASSWORD_MAX + 1] = "";
	bool takes_value;
	int exit_code = CTL_OK;

	if (!ctl_usage_has(verb->usage, "password-stdin", &takes_value))
		return CTL_OK;
	if (json_object_get(request, "password-stdin")) {
		json_object_del(request, "password-stdin");
		if (read_password(STDIN_FILENO, password) < 0) {
			fprintf(stderr, "hfctl: no password on standard input\n");
			exit_code = CTL_USAGE;
		}
	} else {
		exit_code = from_terminal(password);
	}
	if (exit_code == CTL_OK && !*password) {
		fprintf(stderr, "hfctl: an empty password is none\n");
		exit_code = CTL_USAGE;
	}
	if (exit_code == CTL_OK &&
	    json_object_set_new(request, "password", json_string(password)) != 0) {
		fprintf(stderr, "hfctl: the password is not UTF-8\n");
		exit_code = CTL_USAGE;
	}
	hf_wipe(password, sizeof password);
	return exit_code;
}

/* One line of the file as {"name", "password"}; NULL after a message. */
static json_t *parse_line(const char *path, size_t number, char *line)
{
	char *tab = strchr(line, '\t'), *password = tab ? tab + 1 : NULL;
	json_t *user;

	if (!tab || tab == line || !*password) {
		fprintf(stderr, "hfctl: %s:%zu: expected a name, a tab and a password\n", path,
			number);
		return NULL;
	}
	*tab = '\0';
	user = json_pack("{s:s, s:s}", "name", line, "password", password);
	if (!user)
		fprintf(stderr, "hfctl: %s:%zu: not UTF-8\n", path, number);
	return user;
}

static int send_batch(const struct ctl_client *client, const struct ctl_verb *verb, json_t *users)
{
	json_t *request, *result = NULL;
	int exit_code;

	if (!json_array_size(users))
		return CTL_OK;
	request = json_pack("{s:[], s:O}", "args", "users", users);
	exit_code = ctl_call(client, verb->name, request, &result);
	json_decref(request);
	json_decref(result);
	json_array_clear(users);
	return exit_code;
}

int ctl_password_file(const struct ctl_client *client, const struct ctl_verb *verb,
		      const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	json_t *users, *user;
	char *line = NULL;
	size_t capacity = 0, number = 0, done = 0;
	int exit_code = CTL_OK;

	if (!file) {
		fprintf(stderr, "hfctl: %s: %s\n", path, strerror(errno));
		return CTL_USAGE;
	}
	users = json_array();
	while (exit_code == CTL_OK && getline(&line, &capacity, file) > 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (!*line)
			continue;
		user = parse_line(path, number, line);
		if (!user) {
			exit_code = CTL_USAGE;
			break;
		}
		json_array_append_new(users, user);
		if (json_array_size(users) < BATCH)
			continue;
		exit_code = send_batch(client, verb, users);
		if (exit_code == CTL_OK)
			done = number;
	}
	if (ferror(file)) {
		fprintf(stderr, "hfctl: %s: %s\n", path, strerror(errno));
		exit_code = CTL_TEMPORARY;
	}
	if (exit_code == CTL_OK)
		exit_code = send_batch(client, verb, users);
	if (exit_code != CTL_OK && number > 1)
		fprintf(stderr, "hfctl: %s: the lines up to %zu are done, those after it are not\n",
			path, done);
	json_decref(users);
	if (line)
		hf_wipe(line, capacity);
	free(line);
	if (file != stdin)
		fclose(file);
	return exit_code;
}
