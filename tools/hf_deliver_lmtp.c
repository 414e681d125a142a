/* SPDX-License-Identifier: BSD-2-Clause */
/* One LMTP transaction (RFC 2033) as a client, and what its replies mean as an exit status. */
#include "tools/hf_deliver.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { PIECE = 64 * 1024, REPLY_MAX = 64 * 1024 };

struct reply {
	int code;           /* 0: the connection is lost */
	char enhanced[16];  /* "5.1.1", or empty */
	struct hf_buf text; /* of the last line, without the code */
};

struct session {
	const struct deliver *d;
	int fd;
	struct hf_buf in;
	bool smtputf8, eightbit;
	/* What became of the recipients. */
	bool *accepted;
	size_t delivered, unknown, refused, deferred;
};

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "hf-deliver: %s: %s\n", what, why);
}

/* --- the connection
 * ------------------------------------------------------------------------------------------------
 */

static bool wait_for(const struct session *s, short events)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int n;

	do
		n = poll(&p, 1, (int)(s->d->timeout_s * 1000u));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

static bool connect_fd(struct session *s, const struct sockaddr *address, socklen_t size)
{
	int error = 0;
	socklen_t error_size = sizeof error;

	s->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return false;
	if (connect(s->fd, address, size) == 0)
		return true;
	if (errno == EINPROGRESS && wait_for(s, POLLOUT) &&
	    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && !error)
		return true;
	if (error)
		errno = error;
	error = errno;
	close(s->fd);
	s->fd = -1;
	errno = error;
	return false;
}

static bool connect_unix(struct session *s, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	return connect_fd(s, (struct sockaddr *)&address, sizeof address);
}

/* "host:port" or "[v6]:port". */
static int connect_host(struct session *s, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG },
			*list = NULL, *at;
	const char *colon = strrchr(text, ':');
	bool bracketed = colon && colon > text && text[0] == '[' && colon[-1] == ']';
	char *host;
	int error;

	if (!colon || colon == text || !colon[1]) {
		complain(text, "expected unix:PATH or HOST:PORT");
		return EX_USAGE;
	}
	host = bracketed ? hf_strndup(text + 1, (size_t)(colon - text) - 2)
			 : hf_strndup(text, (size_t)(colon - text));
	error = getaddrinfo(host, colon + 1, &hints, &list);
	hf_free(host);
	if (error) {
		complain(text, gai_strerror(error));
		return EX_TEMPFAIL;
	}
	for (at = list; at && s->fd < 0; at = at->ai_next)
		connect_fd(s, at->ai_addr, at->ai_addrlen);
	freeaddrinfo(list);
	if (s->fd >= 0)
		return EX_OK;
	complain(text, strerror(errno));
	return EX_TEMPFAIL;
}

static int connect_server(struct session *s)
{
	const char *address = s->d->address;

	if (strncmp(address, "unix:", 5) == 0)
		address += 5;
	else if (address[0] != '/')
		return connect_host(s, address);
	if (connect_unix(s, address))
		return EX_OK;
	complain(address, strerror(errno));
	return EX_TEMPFAIL;
}

static bool send_octets(struct session *s, struct hf_str data)
{
	while (data.size) {
		ssize_t n = send(s->fd, data.data, data.size, MSG_NOSIGNAL);

		if (n >= 0)
			data = hf_str_sub(data, (size_t)n, SIZE_MAX);
		else if (errno == EAGAIN ? !wait_for(s, POLLOUT) : errno != EINTR)
			return false;
	}
	return true;
}

HF_PRINTF(2, 3)
static bool send_command(struct session *s, const char *fmt, ...)
{
	struct hf_buf line = HF_BUF_INIT;
	va_list ap;
	bool sent;

	va_start(ap, fmt);
	hf_buf_vprintf(&line, fmt, ap);
	va_end(ap);
	hf_buf_add_lit(&line, "\r\n");
	sent = send_octets(s, hf_buf_str(&line));
	hf_buf_fini(&line);
	return sent;
}

/* --- replies
 * -------------------------------------------------------------------------------------------------------
 */

static bool read_line(struct session *s, struct hf_buf *line)
{
	for (;;) {
		ptrdiff_t end = hf_str_chr(hf_buf_str(&s->in), '\n');
		ssize_t n;

		if (end >= 0) {
			hf_buf_clear(line);
			hf_buf_add_str(line,
				       hf_str_trim(hf_str_sub(hf_buf_str(&s->in), 0, (size_t)end)));
			hf_buf_drop(&s->in, (size_t)end + 1);
			return true;
		}
		if (s->in.size > REPLY_MAX) {
			errno = EMSGSIZE;
			return false;
		}
		n = recv(s->fd, hf_buf_reserve(&s->in, 4096), 4096, 0);
		if (n > 0) {
			hf_buf_added(&s->in, (size_t)n);
		} else if (n == 0) {
			errno = ECONNRESET;
			return false;
		} else if (errno == EAGAIN ? !wait_for(s, POLLIN) : errno != EINTR) {
			return false;
		}
	}
}

static void note_extension(struct session *s, struct hf_str text)
{
	struct hf_str name = hf_str_split(&text, ' ');

	if (hf_str_ieq(name, HF_STR("SMTPUTF8")))
		s->smtputf8 = true;
	else if (hf_str_ieq(name, HF_STR("8BITMIME")))
		s->eightbit = true;
}

/* RFC 3463: class.subject.detail in front of the text. */
static void take_enhanced(struct reply *reply, struct hf_str *text)
{
	struct hf_str rest = *text, word = hf_str_split(&rest, ' ');

	if (word.size >= 5 && word.size < sizeof reply->enhanced && word.data[1] == '.' &&
	    strspn(word.data, "0123456789.") >= word.size) {
		memcpy(reply->enhanced, word.data, word.size);
		*text = rest;
	}
}

/* Reads one reply, of several lines perhaps. The code is 0 when the connection is lost or this is
 * no LMTP. */
static void read_reply(struct session *s, struct reply *reply)
{
	struct hf_buf line = HF_BUF_INIT;
	struct hf_str text;
	uint64_t code;

	reply->code = 0;
	reply->enhanced[0] = '\0';
	hf_buf_clear(&reply->text);
	for (;;) {
		if (!read_line(s, &line)) {
			complain(s->d->address, strerror(errno));
			break;
		}
		hf_buf_cstr(&line); /* take_enhanced looks for digits up to a NUL */
		text = hf_buf_str(&line);
		if (!hf_str_u64(hf_str_sub(text, 0, 3), 599, &code) || code < 200 ||
		    text.size < 3) {
			complain(s->d->address, "does not speak LMTP");
			break;
		}
		text = hf_str_sub(text, 3, SIZE_MAX);
		if (text.size && text.data[0] == '-') {
			note_extension(s, hf_str_sub(text, 1, SIZE_MAX));
			continue;
		}
		text = hf_str_trim(text);
		note_extension(s, text);
		take_enhanced(reply, &text);
		hf_buf_add_str(&reply->text, text);
		reply->code = (int)code;
		break;
	}
	hf_buf_fini(&line);
}

/* A command without recipients: its reply decides about the whole message. */
static int expect(struct session *s, int code)
{
	struct reply reply = { .text = HF_BUF_INIT };
	int exit_code = EX_OK;

	read_reply(s, &reply);
	if (reply.code != code) {
		if (reply.code)
			fprintf(stderr, "hf-deliver: %s: %d %s %s\n", s->d->address, reply.code,
				reply.enhanced, hf_buf_cstr(&reply.text));
		exit_code = reply.code >= 500 ? EX_DATAERR : EX_TEMPFAIL;
	}
	hf_buf_fini(&reply.text);
	return exit_code;
}

static void count_reply(struct session *s, const char *recipient, struct reply *reply)
{
	if (reply->code >= 200 && reply->code < 300) {
		s->delivered++;
		return;
	}
	if (reply->code)
		fprintf(stderr, "hf-deliver: %s: %d %s %s\n", recipient, reply->code,
			reply->enhanced, hf_buf_cstr(&reply->text));
	if (reply->code < 500)
		s->deferred++;
	else if (strcmp(reply->enhanced, "5.1.1") == 0 || (!*reply->enhanced && reply->code == 550))
		s->unknown++;
	else
		s->refused++;
}

/* --- the transaction
 * -----------------------------------------------------------------------------------------------
 */

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static bool wants_utf8(const struct deliver *d)
{
	size_t i;

	if (!is_ascii(d->sender))
		return true;
	for (i = 0; i < d->count; i++)
		if (!is_ascii(d->recipients[i]))
			return true;
	return false;
}

static int open_transaction(struct session *s)
{
	char host[HOST_NAME_MAX + 1] = "";
	int exit_code = expect(s, 220);

	if (exit_code != EX_OK)
		return EX_TEMPFAIL; /* a server that turns everyone away will not do so for ever */
	if (gethostname(host, sizeof host - 1) != 0 || !*host)
		strcpy(host, "localhost");
	if (!send_command(s, "LHLO %s", host) || expect(s, 250) != EX_OK)
		return EX_TEMPFAIL;
	if (!send_command(s, "MAIL FROM:<%s>%s%s", s->d->sender,
			  s->eightbit ? " BODY=8BITMIME" : "",
			  s->smtputf8 && wants_utf8(s->d) ? " SMTPUTF8" : ""))
		return EX_TEMPFAIL;
	return expect(s, 250);
}

/* True when somebody is left to deliver to. */
static bool name_recipients(struct session *s)
{
	struct reply reply = { .text = HF_BUF_INIT };
	bool any = false;
	size_t i;

	for (i = 0; i < s->d->count; i++) {
		if (!send_command(s, "RCPT TO:<%s>", s->d->recipients[i]))
			reply.code = 0;
		else
			read_reply(s, &reply);
		s->accepted[i] = reply.code >= 200 && reply.code < 300;
		if (s->accepted[i])
			any = true;
		else
			count_reply(s, s->d->recipients[i], &reply);
		if (!reply.code) {
			s->deferred += s->d->count - i;
			any = false;
			break;
		}
	}
	hf_buf_fini(&reply.text);
	return any;
}

static bool send_message(struct session *s, FILE *message)
{
	struct deliver_text text = { .state = TEXT_FIRST };
	struct hf_buf out = HF_BUF_INIT;
	char *piece = hf_alloc(PIECE);
	bool sent = true;
	size_t n;

	while (sent && (n = fread(piece, 1, PIECE, message)) > 0) {
		hf_buf_clear(&out);
		deliver_text_add(&text, hf_str_n(piece, n), &out);
		sent = send_octets(s, hf_buf_str(&out));
	}
	if (!sent) {
		complain(s->d->address, strerror(errno));
	} else if (ferror(message)) { /* a message cut short must not be taken for a whole one: no
					 final dot */
		complain("standard input", strerror(errno));
		sent = false;
	} else {
		hf_buf_clear(&out);
		deliver_text_end(&text, &out);
		sent = send_octets(s, hf_buf_str(&out));
	}
	hf_buf_fini(&text.held);
	hf_buf_fini(&out);
	hf_free(piece);
	return sent;
}

static void read_results(struct session *s)
{
	struct reply reply = { .text = HF_BUF_INIT };
	bool lost = false;
	size_t i;

	for (i = 0; i < s->d->count; i++) {
		if (!s->accepted[i])
			continue;
		if (!lost)
			read_reply(s, &reply);
		lost = lost || !reply.code;
		count_reply(s, s->d->recipients[i], &reply);
	}
	hf_buf_fini(&reply.text);
}

/* The MTA gets one status for all: it must try again as long as one recipient may yet get the
 * message. */
static int outcome(const struct session *s)
{
	if (s->deferred)
		return EX_TEMPFAIL;
	if (s->refused)
		return EX_DATAERR;
	return s->unknown ? EX_NOUSER : EX_OK;
}

int deliver(const struct deliver *d, FILE *message)
{
	struct session s = { .d = d, .fd = -1, .in = HF_BUF_INIT };
	int exit_code = connect_server(&s);

	if (exit_code != EX_OK)
		return exit_code;
	s.accepted = hf_alloc_zero(d->count * sizeof *s.accepted);
	exit_code = open_transaction(&s);
	if (exit_code == EX_OK && name_recipients(&s)) {
		if (!send_command(&s, "DATA"))
			exit_code = EX_TEMPFAIL;
		else
			exit_code = expect(&s, 354);
		if (exit_code == EX_OK && !send_message(&s, message))
			exit_code = EX_TEMPFAIL;
		if (exit_code == EX_OK)
			read_results(&s);
	}
	if (exit_code == EX_OK) {
		send_command(&s, "QUIT");
		exit_code = outcome(&s);
	}
	close(s.fd);
	hf_buf_fini(&s.in);
	hf_free(s.accepted);
	return exit_code;
}
