/* SPDX-License-Identifier: BSD-2-Clause */
/* One request on the control socket: a line of JSON there, lines of progress and one reply back. */
#include "tools/hfctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { READ_SIZE = 64 * 1024, LINE_MAX_SIZE = 256 * 1024 * 1024 };

static void explain(const char *path, int error)
{
	fprintf(stderr, "hfctl: %s: %s\n", path, strerror(error));
	if (error == EACCES || error == EPERM)
		fprintf(stderr,
			"hfctl: only root, the daemon's user and the group of control.group may use it\n");
	else if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr,
			"hfctl: holdfastd does not run, or has another control socket. Start it with\n"
			"           systemctl start holdfast    (or: holdfastd -c FILE)\n"
			"       or name its socket with --socket PATH or HOLDFAST_SOCKET\n");
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof address.sun_path) {
		fprintf(stderr, "hfctl: %s: longer than the %zu octets of a socket's path\n", path,
			sizeof address.sun_path - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	explain(path, error);
	return -1;
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool send_request(int fd, const char *verb, json_t *request)
{
	json_t *whole = json_object();
	char *text;
	bool sent;

	json_object_set_new(whole, "verb", json_string(verb));
	if (request)
		json_object_update(whole, request);
	text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	if (!text)
		return false; /* jansson could not allocate */
	sent = send_all(fd, text, strlen(text)) && send_all(fd, "\n", 1);
	hf_wipe(text, strlen(text)); /* it may have a password in it */
	free(text);
	return sent;
}

/* The next line into `line`, without its end; what follows stays in `in`. */
static bool read_line(int fd, struct hf_buf *in, struct hf_buf *line)
{
	for (;;) {
		ptrdiff_t end = hf_str_chr(hf_buf_str(in), '\n');
		ssize_t n;

		if (end >= 0) {
			hf_buf_clear(line);
			hf_buf_add(line, in->data, (size_t)end);
			hf_buf_drop(in, (size_t)end + 1);
			return true;
		}
		if (in->size > LINE_MAX_SIZE)
			return false;
		n = read(fd, hf_buf_reserve(in, READ_SIZE), READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		hf_buf_added(in, (size_t)n);
	}
}

static void show_progress(const struct ctl_client *client, json_t *progress)
{
	if (client->quiet)
		return;
	if (json_is_string(progress))
		fprintf(stderr, "%s\n", json_string_value(progress));
	else
		ctl_print(progress, stderr);
}

/* What the reply means. Its result goes to *result; a refusal may have one too (what verify found).
 */
static int take_reply(const json_t *reply, json_t **result)
{
	const char *status = json_string_value(json_object_get(reply, "status"));
	const char *code = json_string_value(json_object_get(reply, "code"));
	const char *message = json_string_value(json_object_get(reply, "message"));

	*result = json_incref(json_object_get(reply, "result"));
	if (status && strcmp(status, "ok") == 0)
		return CTL_OK;
	fprintf(stderr, "hfctl: %s\n",
		message && *message ? message
		: code              ? code
				    : "refused without a reason");
	if (code && (strcasecmp(code, "unavailable") == 0 || strcasecmp(code, "temporary") == 0))
		return CTL_TEMPORARY;
	if (code && (strcasecmp(code, "usage") == 0 || strcasecmp(code, "syntax") == 0))
		return CTL_USAGE;
	return CTL_REFUSED;
}

static int converse(const struct ctl_client *client, int fd, json_t **result)
{
	struct hf_buf in = HF_BUF_INIT, line = HF_BUF_INIT;
	int exit_code = -1;

	while (exit_code < 0) {
		json_t *reply, *progress;

		if (!read_line(fd, &in, &line)) {
			fprintf(stderr,
				"hfctl: %s: closed without a reply: holdfastd has stopped\n",
				client->socket);
			exit_code = CTL_TEMPORARY;
			break;
		}
		reply = json_loadb(line.data, line.size, 0, NULL);
		progress = json_object_get(reply, "progress");
		if (!json_is_object(reply)) {
			fprintf(stderr, "hfctl: %s: not the answer of a holdfastd\n",
				client->socket);
			exit_code = CTL_TEMPORARY;
		} else if (progress) {
			show_progress(client, progress);
		} else {
			exit_code = take_reply(reply, result);
		}
		json_decref(reply);
	}
	hf_buf_fini(&in);
	hf_buf_fini(&line);
	return exit_code;
}

int ctl_call(const struct ctl_client *client, const char *verb, json_t *request, json_t **result)
{
	int fd = connect_to(client->socket), exit_code;

	*result = NULL;
	if (fd < 0)
		return CTL_TEMPORARY;
	if (send_request(fd, verb, request)) {
		exit_code = converse(client, fd, result);
	} else {
		fprintf(stderr, "hfctl: %s: the request could not be sent: %s\n", client->socket,
			strerror(errno));
		exit_code = CTL_TEMPORARY;
	}
	close(fd);
	return exit_code;
}
