/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of saslauthd(8). Cyrus SASL has one, without any time-out: a saslauthd that hangs would
 * hold a helper thread for ever. Here one deadline covers the whole question.
 *
 * Protocol: login, password, service and realm, each preceded by its size in two octets, most
 * significant first; the answer is one such string that begins with OK or NO. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sasl/sasl_priv.h"

#include "base/clock.h"

#define ANSWER_MAX 1024
#define RETRY_MS   20 /* when its backlog is full */

static void add_counted(struct hf_buf *out, struct hf_str s)
{
	hf_buf_add_char(out, (char)(s.size >> 8 & 0xff));
	hf_buf_add_char(out, (char)(s.size & 0xff));
	hf_buf_add_str(out, s);
}

/* Waits for the events; false when the deadline has passed. */
static bool wait_for(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		uint64_t now = hf_now_ms();
		int n;

		if (now >= deadline_ms)
			return false;
		n = poll(&pfd, 1, (int)(deadline_ms - now));
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static int connect_to(const char *path, uint64_t deadline_ms, const char **why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		*why = "path of the socket too long";
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		*why = "no socket";
		return -1;
	}
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR)
			continue;
		/* A unix socket whose backlog is full cannot be waited for. */
		if (errno == EAGAIN && hf_now_ms() + RETRY_MS < deadline_ms) {
			nanosleep(&(struct timespec){ 0, RETRY_MS * 1000000L }, NULL);
			continue;
		}
		*why = errno == EAGAIN ? "too busy" : "not running";
		close(fd);
		return -1;
	}
	return fd;
}

static bool send_all(int fd, struct hf_str data, uint64_t deadline_ms)
{
	while (data.size) {
		ssize_t n = send(fd, data.data, data.size, MSG_NOSIGNAL);

		if (n > 0)
			data = hf_str_sub(data, (size_t)n, data.size);
		else if (n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, deadline_ms))
			continue;
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static bool receive(int fd, uint8_t *data, size_t size, uint64_t deadline_ms)
{
	while (size) {
		ssize_t n = recv(fd, data, size, 0);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN && wait_for(fd, POLLIN, deadline_ms)) {
			continue;
		} else if (n == 0 || errno != EINTR) {
			return false;
		}
	}
	return true;
}

static enum hf_status read_answer(int fd, uint64_t deadline_ms, const char **why)
{
	uint8_t answer[ANSWER_MAX];
	size_t size;

	if (!receive(fd, answer, 2, deadline_ms)) {
		*why = hf_now_ms() >= deadline_ms ? "no answer in time" : "no answer";
		return HF_EUNAVAILABLE;
	}
	size = (size_t)answer[0] << 8 | answer[1];
	if (size < 2 || size > sizeof(answer) || !receive(fd, answer, size, deadline_ms)) {
		*why = hf_now_ms() >= deadline_ms ? "no answer in time" : "answer not understood";
		return HF_EUNAVAILABLE;
	}
	if (memcmp(answer, "OK", 2) == 0)
		return HF_OK;
	if (memcmp(answer, "NO", 2) == 0)
		return HF_EAUTH;
	*why = "answer not understood";
	return HF_EUNAVAILABLE;
}

enum hf_status hf_saslauthd_ask(const char *path, uint32_t timeout_ms, struct hf_str user,
				struct hf_str password, const char *service, const char **why)
{
	uint64_t deadline_ms = hf_now_ms() + timeout_ms;
	struct hf_str login = user, realm = HF_STR_NULL;
	struct hf_buf question = HF_BUF_INIT;
	enum hf_status status;
	int fd;

	/* As Cyrus SASL does: what follows the last @ is the realm, which saslauthd -r puts back.
	 */
	for (size_t i = user.size; i-- > 0;)
		if (user.data[i] == '@') {
			login = hf_str_sub(user, 0, i);
			realm = hf_str_sub(user, i + 1, user.size);
			break;
		}
	if (login.size > UINT16_MAX || realm.size > UINT16_MAX || password.size > UINT16_MAX)
		return HF_EAUTH;
	fd = connect_to(path, deadline_ms, why);
	if (fd < 0)
		return HF_EUNAVAILABLE;
	hf_buf_reserve(&question, user.size + password.size + strlen(service) + 8);
	add_counted(&question, login);
	add_counted(&question, password);
	add_counted(&question, hf_str(service));
	add_counted(&question, realm);
	if (send_all(fd, hf_buf_str(&question), deadline_ms)) {
		status = read_answer(fd, deadline_ms, why);
	} else {
		*why = "question not taken";
		status = HF_EUNAVAILABLE;
	}
	hf_sasl_buf_wipe(&question);
	close(fd);
	return status;
}
