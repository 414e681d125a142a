/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners: binding (TCP, unix sockets, sockets handed over by systemd) and accepting. A listener
 * is watched with EPOLLONESHOT, so one worker accepts at a time. */
#include "host/conn_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum { BACKLOG = 1024, ACCEPTS = 16, SYSTEMD_FIRST = 3 };

static void note_bind(struct hf_note *why, bool *privileges, const char *address, int error)
{
	if (error == EACCES || error == EPERM)
		*privileges = true;
	hf_note_add(why, "listen on %s: %s", address, strerror(error));
}

/* Unix sockets ---------------------------------------------------------------- */

/* What is at `path`: nothing or a socket that nobody listens on any more (then removed) is fine. */
static bool clear_path(const struct sockaddr_un *un, struct hf_note *why, bool *privileges)
{
	struct stat st;
	int fd, result;

	if (lstat(un->sun_path, &st) != 0) {
		if (errno == ENOENT)
			return true;
		note_bind(why, privileges, un->sun_path, errno);
		return false;
	}
	if (!S_ISSOCK(st.st_mode)) {
		hf_note_add(why, "listen on %s: something that is no socket is in the way",
			    un->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	result = connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 ? 0 : errno;
	close(fd);
	if (result != ECONNREFUSED) {
		if (result == EACCES)
			*privileges = true;
		hf_note_add(why, "listen on %s: another process is using it", un->sun_path);
		return false;
	}
	if (unlink(un->sun_path) == 0 || errno == ENOENT)
		return true;
	note_bind(why, privileges, un->sun_path, errno);
	return false;
}

int hf_unix_listen(const char *path, const char *owner, const char *group, mode_t mode,
		   struct hf_note *why, bool *privileges)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int fd;

	if (strlen(path) >= sizeof(un.sun_path)) {
		hf_note_add(why, "listen on %s: the path is longer than %zu octets", path,
			    sizeof(un.sun_path) - 1);
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	if (!hf_user_group_ids(owner, group, &uid, &gid, why) || !clear_path(&un, why, privileges))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Linux gives the new inode the mode of the socket: nobody gets in before the owner is set
	 */
	if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		note_bind(why, privileges, path, errno);
		goto failed;
	}
	if ((uid != (uid_t)-1 || gid != (gid_t)-1) && chown(path, uid, gid) != 0) {
		note_bind(why, privileges, path, errno);
		unlink(path);
		goto failed;
	}
	if (chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
		note_bind(why, privileges, path, errno);
		unlink(path);
		goto failed;
	}
	return fd;
failed:
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_unix(const struct hf_listen_settings *settings, const struct hf_endpoint *endpoint,
		     struct hf_note *why, bool *privileges)
{
	char *end;
	unsigned long mode = strtoul(settings->mode, &end, 8);

	if (*end || end == settings->mode || mode > 0777) {
		hf_note_add(why, "listen on %s: mode \"%s\" is not octal like \"0660\"",
			    settings->address, settings->mode);
		return -1;
	}
	return hf_unix_listen(((const struct sockaddr_un *)&endpoint->sa)->sun_path,
			      settings->owner, settings->group, (mode_t)mode, why, privileges);
}

/* TCP ------------------------------------------------------------------------- */

/* What Linux passes on to accepted sockets (tcp(7), socket(7)): set once instead of for each. */
static void set_for_connections(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static int open_tcp(const struct hf_listen_settings *settings, struct hf_endpoint *endpoint,
		    struct hf_note *why, bool *privileges)
{
	int fd = socket(endpoint->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
	    one = 1, only;

	if (fd < 0 && endpoint->any && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
		struct sockaddr_in v4 = {
			.sin_family = AF_INET,
			.sin_port = ((struct sockaddr_in6 *)&endpoint->sa)->sin6_port
		};

		memcpy(&endpoint->sa, &v4, sizeof(v4));
		endpoint->size = sizeof(v4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0) {
		note_bind(why, privileges, settings->address, errno);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	only = !endpoint->any;
	if (endpoint->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	set_for_connections(fd);
	if (bind(fd, (struct sockaddr *)&endpoint->sa, endpoint->size) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		note_bind(why, privileges, settings->address, errno);
		close(fd);
		return -1;
	}
	return fd;
}

/* systemd's socket activation (sd_listen_fds(3)): a descriptor bound to this very address. */
static int inherited(const struct hf_endpoint *endpoint)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
		return -1;
	for (int fd = SYSTEMD_FIRST; fd < SYSTEMD_FIRST + atoi(count); fd++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t size = sizeof(sa);

		if (getsockname(fd, (struct sockaddr *)&sa, &size) != 0 ||
		    sa.ss_family != endpoint->sa.ss_family)
			continue;
		if (sa.ss_family == AF_UNIX
			    ? strcmp(((struct sockaddr_un *)&sa)->sun_path,
				     ((const struct sockaddr_un *)&endpoint->sa)->sun_path) == 0
			    : memcmp(&sa, &endpoint->sa, endpoint->size) == 0)
			return fd;
	}
	return -1;
}

/* Listeners ------------------------------------------------------------------- */

struct hf_listener *hf_listener_open(struct hf_host *host,
				     const struct hf_listen_settings *settings, struct hf_note *why,
				     bool *privileges)
{
	struct hf_listener *listener;
	struct hf_endpoint endpoint;
	bool is_unix;
	int fd;

	if (!hf_endpoint_parse(settings->address, &endpoint, why))
		return NULL;
	is_unix = endpoint.sa.ss_family == AF_UNIX;
	fd = inherited(&endpoint);
	if (fd >= 0 && !is_unix)
		set_for_connections(fd);
	if (fd < 0)
		fd = is_unix ? open_unix(settings, &endpoint, why, privileges)
			     : open_tcp(settings, &endpoint, why, privileges);
	if (fd < 0)
		return NULL;
	listener = hf_alloc_zero(sizeof(*listener));
	listener->poll.kind = HF_POLL_LISTENER;
	listener->host = host;
	pthread_mutex_init(&listener->lock, NULL);
	listener->service = hf_strdup(settings->service);
	listener->address = hf_strdup(settings->address);
	listener->made.owner = settings->owner ? hf_strdup(settings->owner) : NULL;
	listener->made.group = settings->group ? hf_strdup(settings->group) : NULL;
	listener->made.mode = hf_strdup(settings->mode);
	listener->tls = settings->tls;
	listener->is_unix = is_unix;
	listener->fd = fd;
	return listener;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool hf_listener_matches(const struct hf_listener *listener,
			 const struct hf_listen_settings *settings)
{
	return listener->fd >= 0 && same(listener->address, settings->address) &&
	       (!listener->is_unix || (same(listener->made.owner, settings->owner) &&
				       same(listener->made.group, settings->group) &&
				       same(listener->made.mode, settings->mode)));
}

void hf_listener_serve(struct hf_listener *listener, struct hf_loaded *module, const char *service,
		       bool tls)
{
	pthread_mutex_lock(&listener->lock);
	listener->module = module;
	if (strcmp(listener->service, service) != 0) {
		hf_free(listener->service);
		listener->service = hf_strdup(service);
	}
	listener->tls = tls;
	pthread_mutex_unlock(&listener->lock);
}

static void watch(struct hf_listener *listener, int how)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
				     .data.ptr = &listener->poll };

	if (epoll_ctl(listener->host->sched.epoll, how, listener->fd, &event) != 0)
		hf_error(&listener->host->log, "listen-epoll address=%s error=%s",
			 listener->address, strerror(errno));
}

void hf_listener_start(struct hf_listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	if (listener->fd >= 0 && listener->module && !listener->watched) {
		listener->watched = true;
		watch(listener, EPOLL_CTL_ADD);
		hf_info(&listener->host->log, "listen address=%s service=%s tls=%s",
			listener->address, listener->service, listener->tls ? "yes" : "no");
	}
	pthread_mutex_unlock(&listener->lock);
}

void hf_listener_resume(struct hf_listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	if (listener->paused && listener->fd >= 0) {
		listener->paused = false;
		watch(listener, EPOLL_CTL_MOD);
	}
	pthread_mutex_unlock(&listener->lock);
}

static void admit(struct hf_listener *listener, int fd, const struct sockaddr_storage *peer)
{
	struct hf_host *host = listener->host;
	uint8_t key[16];
	size_t size = 0;
	const char *reached;
	struct hf_conn *conn;

	if (!listener->is_unix && !hf_endpoint_is_loopback(peer) && !hf_limits_exempts(host->limits, peer))
		size = hf_endpoint_group(peer, key);
	reached = hf_limits_enter(host->limits, hf_str_n(key, size));
	if (reached) {
		char address[48] = "unix", port[56];

		if (!listener->is_unix)
			hf_endpoint_text(peer, address, sizeof(address), port, sizeof(port));
		hf_info(&host->log, "too-many-connections limit=%s peer=%s service=%s", reached,
			address, listener->service);
		close(fd);
		return;
	}
	conn = hf_conn_new(host, listener->module, listener->service, fd, listener->tls);
	conn->counted = true;
	conn->group_size = size;
	memcpy(conn->group_key, key, size);
	hf_conn_identify(conn, peer);
	hf_debug(&conn->log, "connect service=%s peer=%s", conn->service, conn->peer_address);
	hf_sched_push(&host->sched, conn, false);
}

static void accept_some_locked(struct hf_listener *listener) HF_REQUIRES(listener->lock);
static void accept_some_locked(struct hf_listener *listener)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t size = sizeof(peer);
		int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(listener, fd, &peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* the poller arms it again within a second */
			hf_error(&listener->host->log, "accept address=%s error=%s",
				 listener->address, strerror(errno));
			listener->paused = true;
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			break;
		}
	}
	watch(listener, EPOLL_CTL_MOD);
}

void hf_listener_accept(struct hf_listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	if (listener->fd >= 0)
		accept_some_locked(listener);
	pthread_mutex_unlock(&listener->lock);
}

void hf_listener_close(struct hf_listener *listener, bool remove_path)
{
	pthread_mutex_lock(&listener->lock);
	if (listener->fd >= 0) {
		if (listener->watched)
			epoll_ctl(listener->host->sched.epoll, EPOLL_CTL_DEL, listener->fd, NULL);
		close(listener->fd);
		listener->fd = -1;
		/* in a directory of others this fails: the next start, as root, removes it */
		if (remove_path && listener->is_unix &&
		    unlink(listener->address + strlen("unix:")) != 0)
			hf_debug(&listener->host->log, "unlink address=%s error=%s",
				 listener->address, strerror(errno));
	}
	pthread_mutex_unlock(&listener->lock);
}

void hf_listener_free(struct hf_listener **listener)
{
	struct hf_listener *old = *listener;

	if (!old)
		return;
	hf_listener_close(old, false);
	pthread_mutex_destroy(&old->lock);
	hf_free(old->service);
	hf_free(old->address);
	hf_free(old->made.owner);
	hf_free(old->made.group);
	hf_free(old->made.mode);
	hf_free(old);
	*listener = NULL;
}
