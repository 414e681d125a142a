/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about the server: help, who, kick, stats, verify, checkpoint, reload, stop, postfix. */
#include "host/conn_priv.h"
#include "host/verbs_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum { FINDINGS_MAX = 1000 };

static void describe_verb(void *arg, const struct hf_verb *verb, const char *module)
{
	json_t *list = arg;

	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "name", verb->name, "usage",
					      verb->usage ? verb->usage : "", "help",
					      verb->help ? verb->help : "", "module", module));
}

static enum hf_status help(struct hf_host *host, void *state, const json_t *args, json_t **result,
			   struct hf_note *why)
{
	(void)state;
	(void)args;
	(void)why;
	*result = json_array();
	hf_verbs_each(host, describe_verb, *result);
	return HF_OK;
}

static enum hf_status who(struct hf_host *host, void *state, const json_t *args, json_t **result,
			  struct hf_note *why)
{
	(void)state;
	if (hf_verb_args(args, 0, 1, why) != HF_OK)
		return HF_ESYNTAX;
	*result = hf_conns_list(host, hf_verb_arg(args, 0));
	return HF_OK;
}

static enum hf_status kick(struct hf_host *host, void *state, const json_t *args, json_t **result,
			   struct hf_note *why)
{
	const char *whom;
	uint64_t id = 0;
	size_t count;

	(void)state;
	if (hf_verb_args(args, 1, 1, why) != HF_OK)
		return HF_ESYNTAX;
	whom = hf_verb_arg(args, 0);
	/* a number is a connection, anything else a user */
	if (hf_str_u64(hf_str(whom), UINT64_MAX, &id) && id)
		count = hf_conns_kick(host, id, NULL);
	else
		count = hf_conns_kick(host, 0, whom);
	if (!count) {
		hf_note_add(why, "%s is not connected", whom);
		return HF_ENONEXISTENT;
	}
	*result = json_pack("{s:I}", "kicked", (json_int_t)count);
	return HF_OK;
}

static void add_counter(void *arg, const char *name, const char *about, int64_t value)
{
	(void)about;
	json_object_set_new(arg, name, json_integer((json_int_t)value));
}

static void add_job(void *arg, const char *name)
{
	json_array_append_new(arg, json_string(name));
}

static enum hf_status stats(struct hf_host *host, void *state, const json_t *args, json_t **result,
			    struct hf_note *why)
{
	json_t *all = json_object(), *jobs = json_array();

	(void)state;
	if (hf_verb_args(args, 0, 0, why) != HF_OK) {
		json_decref(all);
		json_decref(jobs);
		return HF_ESYNTAX;
	}
	hf_counter_each(add_counter, all);
	json_object_set_new(all, "host.uptime_s", json_integer(hf_now_s() - host->started));
	json_object_set_new(all, "host.turns",
			    json_integer((json_int_t)atomic_load(&host->sched.turns)));
	json_object_set_new(all, "host.queued",
			    json_integer((json_int_t)hf_sched_length(&host->sched)));
	json_object_set_new(all, "host.helpers_waiting",
			    json_integer((json_int_t)hf_pool_waiting(host->offload)));
	json_object_set_new(all, "host.workers", json_integer(host->worker_count));
	if (host->store)
		json_object_set_new(all, "store.full", json_boolean(hf_store_is_full(host->store)));
	hf_jobs_each(host, add_job, jobs);
	json_object_set_new(all, "host.jobs", jobs);
	*result = all;
	return HF_OK;
}

static void add_finding(void *arg, const char *what)
{
	if (json_array_size(arg) < FINDINGS_MAX)
		json_array_append_new(arg, json_string(what));
}

static enum hf_status verify(struct hf_host *host, void *state, const json_t *args, json_t **result,
			     struct hf_note *why)
{
	struct hf_verify totals = { 0 };
	json_t *findings;
	enum hf_status status;

	(void)state;
	status = hf_verb_begin(host, args, 0, 0, why);
	if (status != HF_OK)
		return status;
	findings = json_array();
	status = hf_store_verify(host->store, &totals, add_finding, findings, &host->job_stop);
	*result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "users",
			    (json_int_t)totals.users, "mailboxes", (json_int_t)totals.mailboxes,
			    "messages", (json_int_t)totals.messages, "contents",
			    (json_int_t)totals.contents, "size", (json_int_t)totals.octets,
			    "damaged", (json_int_t)totals.damaged, "findings", findings);
	if (status == HF_OK && totals.damaged) {
		hf_note_add(why, "%llu things are damaged", (unsigned long long)totals.damaged);
		for (size_t i = 0; i < json_array_size(findings) && i < 20; i++)
			hf_note_add(why, "%s", json_string_value(json_array_get(findings, i)));
		return HF_ECORRUPT;
	}
	return status;
}

static enum hf_status checkpoint(struct hf_host *host, void *state, const json_t *args,
				 json_t **result, struct hf_note *why)
{
	enum hf_status status = hf_verb_begin(host, args, 0, 0, why);

	(void)state;
	(void)result;
	return status == HF_OK ? hf_store_checkpoint(host->store) : status;
}

static enum hf_status reload(struct hf_host *host, void *state, const json_t *args, json_t **result,
			     struct hf_note *why)
{
	(void)state;
	(void)result;
	return hf_verb_args(args, 0, 0, why) == HF_OK ? hf_host_reload(host, why) : HF_ESYNTAX;
}

static enum hf_status stop(struct hf_host *host, void *state, const json_t *args, json_t **result,
			   struct hf_note *why)
{
	uint64_t one = 1;

	(void)state;
	if (hf_verb_args(args, 0, 0, why) != HF_OK)
		return HF_ESYNTAX;
	if (write(host->exit_request, &one, sizeof(one)) != sizeof(one))
		return HF_EUNAVAILABLE;
	*result = json_pack("{s:b}", "stopping", 1);
	return HF_OK;
}

/* Postfix --------------------------------------------------------------------- */

/* "unix:/var/spool/postfix/private/x" is private/x to Postfix, which sees its queue directory only;
 * "*:24" is this host. */
static char *transport(const struct hf_listen_settings *listen, struct hf_arena *arena)
{
	static const char queue[] = "/var/spool/postfix/";
	const char *address = listen->address, *colon = strrchr(address, ':');

	if (strncmp(address, "unix:", 5) == 0) {
		address += 5;
		if (strncmp(address, queue, sizeof(queue) - 1) == 0)
			address += sizeof(queue) - 1;
		return hf_arena_printf(arena, "lmtp:unix:%s", address);
	}
	if (address[0] == '*')
		return hf_arena_printf(arena, "lmtp:inet:127.0.0.1%s", colon);
	if (address[0] == '[')
		return hf_arena_printf(arena, "lmtp:inet:%s", address);
	return hf_arena_printf(arena, "lmtp:inet:[%.*s]%s", (int)(colon - address), address, colon);
}

static bool add_domain(void *arg, const struct hf_user *user)
{
	json_t *domains = arg;
	ptrdiff_t at = hf_str_chr(user->name, '@');
	char *domain;

	if (at < 0 || json_object_size(domains) >= 1000)
		return true;
	domain = hf_strndup(user->name.data + at + 1, user->name.size - (size_t)at - 1);
	json_object_set_new(domains, domain, json_true());
	hf_free(domain);
	return true;
}

/* The domains of the accounts, as a first proposal. */
static const char *own_domains(struct hf_host *host, struct hf_arena *arena)
{
	json_t *domains = json_object(), *value;
	const char *name, *all = "";

	if (host->store && hf_user_each(host->store, add_domain, domains) == HF_OK)
		json_object_foreach(domains, name, value) all =
			hf_arena_printf(arena, "%s%s%s", all, *all ? ", " : "", name);
	json_decref(domains);
	return all;
}

static enum hf_status postfix(struct hf_host *host, void *state, const json_t *args,
			      json_t **result, struct hf_note *why)
{
	const struct hf_listen_settings *best = NULL;
	struct hf_arena *arena;
	json_t *settings, *lines = json_array(), *value;
	const char *name, *domains;

	(void)state;
	if (hf_verb_args(args, 0, 0, why) != HF_OK) {
		json_decref(lines);
		return HF_ESYNTAX;
	}
	arena = hf_arena_new();
	pthread_mutex_lock(&host->lock);
	for (size_t i = 0; i < host->setup->host.listen_count; i++) {
		const struct hf_listen_settings *listen = &host->setup->host.listen[i];

		if (strcmp(listen->module, "lmtp") == 0 &&
		    (!best || strstr(listen->address, "postfix")))
			best = listen;
	}
	settings = best ? json_pack("{s:s}", "virtual_transport", transport(best, arena)) : NULL;
	pthread_mutex_unlock(&host->lock);
	if (!settings) {
		hf_note_add(why, "no listener serves the module lmtp");
		json_decref(lines);
		hf_arena_free(&arena);
		return HF_ENONEXISTENT;
	}
	domains = own_domains(host, arena);
	if (*domains)
		json_object_set_new(settings, "virtual_mailbox_domains", json_string(domains));
	json_object_foreach(settings, name, value) json_array_append_new(
		lines,
		json_string(hf_arena_printf(arena, "%s = %s", name, json_string_value(value))));
	*result = json_pack("{s:o, s:o}", "settings", settings, "lines", lines);
	hf_arena_free(&arena);
	return HF_OK;
}

const struct hf_verb hf_verbs_server[] = {
	{ "help", "", "List every verb.", help },
	{ "who", "[USER]", "Show who is connected.", who },
	{ "kick", "CONNECTION|USER", "End a connection by its number, or all of a user.", kick },
	{ "stats", "", "Show the counters.", stats },
	{ "verify", "", "Read back and check every stored message and index entry.", verify },
	{ "checkpoint", "", "Write what is in memory to the database files now.", checkpoint },
	{ "reload", "", "Read the configuration again; refused whole when anything in it is wrong.",
	  reload },
	{ "stop", "", "End the daemon once running commands have finished.", stop },
	{ "postfix", "[--apply] [--config DIR]",
	  "Show the settings that make Postfix deliver here, or set them.", postfix },
	{ NULL, NULL, NULL, NULL }
};
