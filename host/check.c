/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfastd --check, beyond the syntax: addresses, modes, users, certificates, and whether the user
 * that the daemon becomes may read its keys again and write its store. That is tried by a child
 * which becomes that user. Nothing is left behind. */
#include "host/host_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/tls_priv.h"
#include "host/verbs_priv.h"

/* What the child tries. */
struct trial {
	const char *path;
	int access; /* R_OK, or W_OK: a directory, or the place for one */
	const char *what;
};

static int try_one(const struct trial *trial)
{
	const char *slash;
	char *parent;
	int result;

	if (trial->access == R_OK)
		return access(trial->path, R_OK) == 0 ? 0 : errno;
	if (access(trial->path, R_OK | W_OK | X_OK) == 0)
		return 0;
	slash = strrchr(trial->path, '/');
	if (errno != ENOENT || !slash)
		return errno;
	parent = slash == trial->path ? hf_strdup("/")
				      : hf_strndup(trial->path, (size_t)(slash - trial->path));
	result = access(parent, W_OK | X_OK) == 0 ? 0 : errno;
	hf_free(parent);
	return result;
}

static void try_all(const struct hf_identity *identity, const struct trial *trials, size_t count,
		    struct hf_note *why)
{
	int pipes[2], results[64] = { 0 };
	pid_t child;

	if (count > HF_COUNT(results))
		count = HF_COUNT(results);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return;
	child = fork();
	if (child == 0) {
		struct hf_note ignored = HF_NOTE_INIT;

		if (hf_identity_assume(identity, &ignored) != HF_OK)
			_exit(1);
		for (size_t i = 0; i < count; i++)
			results[i] = try_one(&trials[i]);
		_exit(write(pipes[1], results, sizeof(results)) == sizeof(results) ? 0 : 1);
	}
	close(pipes[1]);
	if (child < 0 || read(pipes[0], results, sizeof(results)) != sizeof(results))
		hf_note_add(why, "cannot become user \"%s\" to try what it may read",
			    identity->user ? identity->user : "(own)");
	close(pipes[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	for (size_t i = 0; i < count; i++)
		if (results[i])
			hf_note_add(why, "%s: %s: %s (user \"%s\")", trials[i].path, trials[i].what,
				    strerror(results[i]),
				    identity->user ? identity->user : "that checks");
}

static void check_listeners(const struct hf_setup *setup, struct hf_note *why)
{
	for (size_t i = 0; i < setup->host.listen_count; i++) {
		const struct hf_listen_settings *listen = &setup->host.listen[i];
		struct hf_endpoint endpoint;
		struct hf_note reason = HF_NOTE_INIT;
		uid_t uid;
		gid_t gid;
		char *end;

		if (hf_endpoint_parse(listen->address, &endpoint, &reason) &&
		    endpoint.sa.ss_family == AF_UNIX) {
			unsigned long mode = strtoul(listen->mode, &end, 8);

			if (*end || end == listen->mode || mode > 0777)
				hf_note_add(&reason, "mode \"%s\" is not octal like \"0660\"",
					    listen->mode);
			hf_user_group_ids(listen->owner, listen->group, &uid, &gid, &reason);
		}
		if (reason.count)
			hf_note_add(why, "%s: %s", listen->where, hf_note_text(&reason));
		hf_note_fini(&reason);
	}
}

static void check_shared_rights(const struct hf_setup *setup, struct hf_note *why)
{
	struct hf_acl_entry *grants;
	size_t count;
	enum hf_status status =
		hf_shared_rights(setup->host.store.shared_rights, setup->arena, &grants, &count, why);

	(void)status; /* why has said it */
}

void hf_setup_check(const struct hf_setup *setup, struct hf_note *why)
{
	const struct hf_tls_settings *tls = &setup->host.tls;
	struct trial *trials = hf_new_array(setup->arena, struct trial, 8 + 2 * tls->sni_count);
	static const char key[] = "must be readable by the daemon's user to be reloaded";
	struct hf_identity identity;
	struct hf_tls *built;
	size_t count = 0;

	check_listeners(setup, why);
	check_shared_rights(setup, why);
	if (!setup->host.listen_count)
		hf_note_add(
			why,
			"%s: no listeners: listen = ( { module = \"imap\"; address = \"*:143\"; } );",
			setup->config->path);
	if (tls->certificate) {
		built = hf_tls_new(tls, why);
		hf_tls_unref(&built);
		trials[count++] = (struct trial){ tls->certificate, R_OK, key };
		trials[count++] = (struct trial){ tls->key, R_OK, key };
		if (tls->client_ca)
			trials[count++] = (struct trial){ tls->client_ca, R_OK, key };
	}
	for (size_t i = 0; i < tls->sni_count; i++) {
		trials[count++] = (struct trial){ tls->sni[i].certificate, R_OK, key };
		trials[count++] = (struct trial){ tls->sni[i].key, R_OK, key };
	}
	if (!hf_identity_find(setup->host.top.user, setup->host.top.group, &identity, why))
		return;
	/* as root the daemon makes the directory itself if only its own is missing */
	if (geteuid() != 0 || access(setup->host.store.directory, F_OK) == 0)
		trials[count++] =
			(struct trial){ setup->host.store.directory, W_OK,
					"store.directory must be writable by the daemon's user" };
	try_all(&identity, trials, count, why);
}
