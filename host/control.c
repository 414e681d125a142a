/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket. A request is a line of JSON, {"verb":"user add","args":["anna"],...}, and so
 * is the reply: {"status":"ok","result":...} or
 * {"status":"error","code":"exists","message":"..."}. Who may connect is a matter of the socket's
 * owner and mode. Each connection has a helper thread while it lasts, so a verb may take its time;
 * a client that says nothing for a while is let go. */
#include "host/verbs_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { REQUEST_MAX = 64 * 1024 * 1024, SILENCE_MS = 10000, SEND_MS = 30000 };

struct hf_control {
	int fd;
	char *path;
};

struct session {
	struct hf_task task;
	struct hf_host *host;
	int fd;
	unsigned uid;
	struct hf_buf in;
};

static const struct hf_verb *const core_verbs[] = {
	hf_verbs_user,	    hf_verbs_alias,    hf_verbs_mailbox, hf_verbs_kept,
	hf_verbs_retention, hf_verbs_metadata, hf_verbs_sharing, hf_verbs_server,
};

/* Opening --------------------------------------------------------------------- */

/* The directory above, if it is missing, as the daemon's own. */
static void make_parent(const char *path, const struct hf_identity *identity)
{
	const char *slash = strrchr(path, '/');
	char *parent;

	if (!slash || slash == path)
		return;
	parent = hf_strndup(path, (size_t)(slash - path));
	if (mkdir(parent, 0755) == 0 && identity->change &&
	    chown(parent, identity->uid, identity->gid) != 0)
		hf_warning(NULL, "chown path=%s error=%s", parent, strerror(errno));
	hf_free(parent);
}

struct hf_control *hf_control_open(const char *path, const char *group,
				   const struct hf_host_settings *settings, struct hf_note *why)
{
	struct hf_control *control;
	struct hf_identity identity;
	bool privileges = false;
	gid_t gid;
	int fd;

	if (!hf_identity_find(settings->top.user, settings->top.group, &identity, why))
		return NULL;
	make_parent(path, &identity);
	fd = hf_unix_listen(path, NULL, NULL, 0600, why, &privileges);
	if (fd < 0)
		return NULL;
	gid = identity.gid;
	if (!hf_user_group_ids(NULL, group, NULL, &gid, why))
		goto failed;
	if ((identity.change || group) &&
	    chown(path, identity.change ? identity.uid : (uid_t)-1, gid) != 0) {
		hf_note_add(why, "control socket %s: %s", path, strerror(errno));
		goto failed;
	}
	if (chmod(path, 0660) != 0) {
		hf_note_add(why, "control socket %s: %s", path, strerror(errno));
		goto failed;
	}
	control = hf_alloc_zero(sizeof(*control));
	control->fd = fd;
	control->path = hf_strdup(path);
	return control;
failed:
	close(fd);
	unlink(path);
	return NULL;
}

void hf_control_close(struct hf_control **control, bool remove_path)
{
	if (!*control)
		return;
	close((*control)->fd);
	if (remove_path)
		unlink((*control)->path);
	hf_free((*control)->path);
	hf_free(*control);
	*control = NULL;
}

int hf_control_fd(const struct hf_control *control)
{
	return control->fd;
}

/* Verbs ----------------------------------------------------------------------- */

const char *hf_status_code(enum hf_status status)
{
	switch (status) {
	case HF_ESYNTAX:
		return "usage";
	case HF_ENONEXISTENT:
		return "nonexistent";
	case HF_EEXISTS:
		return "exists";
	case HF_ENOPERM:
	case HF_EAUTHZ:
		return "permission";
	case HF_EINUSE:
		return "inuse";
	case HF_ECANNOT:
		return "cannot";
	case HF_EINVALID:
	case HF_ELIMIT:
	case HF_ETOOBIG:
		return "invalid";
	case HF_EOVERQUOTA:
		return "overquota";
	case HF_ECORRUPT:
		return "corrupt";
	default:
		return "unavailable";
	}
}

static const struct hf_verb *find_verb(const struct hf_verb *verbs, const char *name)
{
	for (; verbs && verbs->name; verbs++)
		if (strcmp(verbs->name, name) == 0)
			return verbs;
	return NULL;
}

void hf_verbs_each(struct hf_host *host,
		   void (*fn)(void *arg, const struct hf_verb *verb, const char *module), void *arg)
{
	for (size_t i = 0; i < HF_COUNT(core_verbs); i++)
		for (const struct hf_verb *verb = core_verbs[i]; verb->name; verb++)
			fn(arg, verb, NULL);
	pthread_mutex_lock(&host->lock);
	for (const struct hf_loaded *loaded = host->modules; loaded; loaded = loaded->next)
		for (const struct hf_verb *verb = loaded->module->verbs; verb && verb->name; verb++)
			fn(arg, verb, loaded->module->name);
	pthread_mutex_unlock(&host->lock);
}

static const struct hf_verb *look_up(struct hf_host *host, const char *name, void **state)
{
	const struct hf_verb *verb = NULL;

	for (size_t i = 0; i < HF_COUNT(core_verbs) && !verb; i++)
		verb = find_verb(core_verbs[i], name);
	pthread_mutex_lock(&host->lock);
	for (const struct hf_loaded *loaded = host->modules; loaded && !verb;
	     loaded = loaded->next) {
		verb = find_verb(loaded->module->verbs, name);
		*state = loaded->state;
	}
	pthread_mutex_unlock(&host->lock);
	return verb;
}

static json_t *error_reply(const char *code, const char *message)
{
	json_t *reply = json_pack("{s:s, s:s, s:s}", "status", "error", "code", code, "message", message);

	/* What it quotes may have been cut within a character. */
	return reply ? reply : json_pack("{s:s, s:s, s:s}", "status", "error", "code", code, "message", "not valid UTF-8");
}

static void try_near(void *arg, const struct hf_verb *verb, const char *module)
{
	(void)module;
	hf_nearest_try(arg, verb->name);
}

static json_t *unknown_verb(struct hf_host *host, const char *name)
{
	struct hf_buf text = HF_BUF_INIT;
	struct hf_nearest nearest;
	json_t *reply;

	hf_nearest_init(&nearest, name);
	hf_verbs_each(host, try_near, &nearest);
	hf_buf_printf(&text, "unknown verb '%.64s'", name);
	if (nearest.best)
		hf_buf_printf(&text, "; did you mean '%s'?", nearest.best);
	reply = error_reply("usage", hf_buf_cstr(&text));
	hf_buf_fini(&text);
	return reply;
}

json_t *hf_control_answer(struct hf_host *host, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "verb"));
	struct hf_note why = HF_NOTE_INIT;
	const struct hf_verb *verb;
	json_t *result = NULL, *reply;
	enum hf_status status;
	void *state = NULL;

	if (!name)
		return error_reply("usage", "a request is an object with a member \"verb\"");
	verb = look_up(host, name, &state);
	if (!verb)
		return unknown_verb(host, name);
	status = verb->run(host, state, request, &result, &why);
	if (status == HF_OK) {
		reply = json_pack("{s:s, s:o}", "status", "ok", "result",
				  result ? result : json_null());
	} else {
		reply = error_reply(hf_status_code(status),
				    why.count ? hf_note_text(&why) : hf_status_text(status));
		if (result)
			json_object_set_new(reply, "result", result);
	}
	hf_note_fini(&why);
	return reply ? reply : error_reply("unavailable", "the reply is not valid UTF-8");
}

/* Connections ----------------------------------------------------------------- */

static bool wait_for(struct session *session, short events, int ms)
{
	uint64_t end = hf_now_ms() + (uint64_t)ms;

	for (;;) {
		struct pollfd fd = { .fd = session->fd, .events = events };
		uint64_t now = hf_now_ms();
		/* in small steps, so that a silent client does not hold up the end of the daemon */
		int n = now < end ? poll(&fd, 1, end - now < 250 ? (int)(end - now) : 250) : 0;

		if (n > 0)
			return true;
		if (now >= end || (n < 0 && errno != EINTR) ||
		    (events == POLLIN && atomic_load(&session->host->stopping)))
			return false;
	}
}

static bool send_all(struct session *session, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(session->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			data += n;
			size -= (size_t)n;
		} else if ((errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) ||
			   !wait_for(session, POLLOUT, SEND_MS)) {
			return false;
		}
	}
	return true;
}

static bool reply_to(struct session *session, struct hf_str line)
{
	json_error_t error;
	json_t *request = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &error), *reply;
	const char *verb = json_string_value(json_object_get(request, "verb"));
	char *text;
	bool ok;

	if (request) /* hfctl asks for help before each verb */
		hf_log_at(&session->host->log,
			  verb && strcmp(verb, "help") == 0 ? HF_LOG_DEBUG : HF_LOG_INFO,
			  "control uid=%u verb=%s", session->uid,
			  hf_log_quote(hf_str(verb ? verb : "?")));
	reply = request ? hf_control_answer(session->host, request)
			: error_reply("usage", error.text);
	json_decref(request);
	text = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	ok = text && send_all(session, text, strlen(text)) && send_all(session, "\n", 1);
	free(text);
	return ok;
}

/* The next line; size 0: none will come. Requests may carry passwords, so what is done with is
 * wiped. */
static struct hf_str read_line(struct session *session)
{
	size_t seen = 0;

	for (;;) {
		ptrdiff_t at =
			hf_str_chr(hf_str_sub(hf_buf_str(&session->in), seen, SIZE_MAX), '\n');
		ssize_t n;

		if (at >= 0)
			return hf_str_sub(hf_buf_str(&session->in), 0, seen + (size_t)at + 1);
		seen = session->in.size;
		if (seen >= REQUEST_MAX || !wait_for(session, POLLIN, SILENCE_MS))
			return HF_STR_NULL;
		n = recv(session->fd, hf_buf_reserve(&session->in, 16384), 16384, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return HF_STR_NULL;
		if (n > 0)
			hf_buf_added(&session->in, (size_t)n);
	}
}

static void session_run(struct hf_task *task)
{
	struct session *session = HF_CONTAINER(task, struct session, task);
	struct hf_str line;

	for (line = read_line(session); line.size && reply_to(session, line);
	     line = read_line(session)) {
		size_t size = line.size;

		hf_wipe(session->in.data, size);
		hf_buf_drop(&session->in, size);
	}
	if (session->in.size >= REQUEST_MAX) {
		static const char text[] =
			"{\"status\":\"error\",\"code\":\"invalid\",\"message\":\"the request is too large\"}\n";

		send_all(session, text, sizeof(text) - 1);
	}
	if (session->in.capacity)
		hf_wipe(session->in.data, session->in.capacity);
	hf_buf_fini(&session->in);
	close(session->fd);
	hf_free(session);
}

void hf_control_accept(struct hf_host *host, struct hf_control *control)
{
	int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	struct session *session;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		close(fd);
		return;
	}
	session = hf_alloc_zero(sizeof(*session));
	session->task.run = session_run;
	session->host = host;
	session->fd = fd;
	session->uid = (unsigned)peer.uid;
	if (!hf_pool_submit(host->verbs, &session->task)) {
		hf_warning(&host->log, "control-busy uid=%u", session->uid);
		close(fd);
		hf_free(session);
	}
}
