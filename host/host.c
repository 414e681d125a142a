/* SPDX-License-Identifier: BSD-2-Clause */
/* The process: bound while it has privileges, opened without them, serving, stopped in order. */
#include "host/conn_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "host/tls_priv.h"

enum { VERB_THREADS = 8, VERB_DEPTH = 64, OFFLOAD_DEPTH = 1024 };

void hf_host_log_setup(const struct hf_setup *setup)
{
	hf_log_setup((enum hf_log_target)setup->host.log.destination,
		     (enum hf_log_level)setup->host.log.level, getenv("JOURNAL_STREAM") != NULL,
		     "holdfastd");
}

static char *own_name(const struct hf_setup *setup)
{
	char name[256] = "localhost";

	if (setup->host.top.hostname)
		return hf_strdup(setup->host.top.hostname);
	if (gethostname(name, sizeof(name) - 1) != 0 || !*name)
		strcpy(name, "localhost");
	return hf_strdup(name);
}

struct hf_host *hf_host_new(struct hf_setup **setup, struct hf_loader *loader)
{
	struct hf_host *host = hf_alloc_zero(sizeof(*host));

	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
	host->setup = *setup;
	*setup = NULL;
	host->loader = loader;
	host->hostname = own_name(host->setup);
	host->started = hf_now_s();
	host->exit_request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&host->reload_lock, NULL);
	pthread_mutex_init(&host->lock, NULL);
	pthread_mutex_init(&host->conns_lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&host->conns_gone, &attr);
	pthread_condattr_destroy(&attr);
	hf_sched_init(&host->sched);
	hf_timers_init(&host->timers, host->sched.epoll);
	host->limits = hf_limits_new();
	hf_limits_set(host->limits, &host->setup->host.limits);
	host->offload =
		hf_pool_new("hf-helper", (unsigned)host->setup->host.limits.helpers, OFFLOAD_DEPTH);
	host->verbs = hf_pool_new("hf-control", VERB_THREADS, VERB_DEPTH);
	host->counter_connections =
		hf_counter_get("host.connections", "connections since the start");
	host->counter_open = hf_counter_get("host.open", "connections now");
	host->counter_in =
		hf_counter_get("host.octets_in", "octets received on connections that have ended");
	host->counter_out =
		hf_counter_get("host.octets_out", "octets sent on connections that have ended");
	return host;
}

/* Binding: what needs privileges ---------------------------------------------- */

enum hf_status hf_host_bind(struct hf_host *host, struct hf_note *why)
{
	const struct hf_host_settings *settings = &host->setup->host;
	unsigned before = why->count;
	bool privileges = false;

	if (settings->tls.certificate)
		host->tls = hf_tls_new(&settings->tls, why);
	for (size_t i = settings->listen_count; i-- > 0;) {
		struct hf_listener *listener =
			hf_listener_open(host, &settings->listen[i], why, &privileges);

		if (listener) {
			listener->next = host->listeners;
			host->listeners = listener;
		}
	}
	if (host->config_path)
		host->control = hf_control_open(settings->control.socket, settings->control.group,
						settings, why);
	return why->count == before ? HF_OK : HF_EUNAVAILABLE;
}

/* Opening: store, SASL, modules ----------------------------------------------- */

/* "name=value" strings to name, value, ..., NULL. */
static const char *const *sasl_options(const struct hf_setup *setup, struct hf_note *why)
{
	const char *const *list = setup->host.auth.options;
	size_t count = 0;
	const char **flat;

	while (list && list[count])
		count++;
	flat = hf_new_array(setup->arena, const char *, 2 * count + 1);
	for (size_t i = 0; i < count; i++) {
		struct hf_str rest = hf_str(list[i]), name = hf_str_split(&rest, '=');

		if (!name.size || !strchr(list[i], '='))
			hf_note_add(why, "auth.options: \"%s\" is not \"name=value\"", list[i]);
		flat[2 * i] = hf_arena_cstr(setup->arena, name);
		flat[2 * i + 1] = hf_arena_cstr(setup->arena, rest);
	}
	return flat;
}

static const char *joined(struct hf_arena *arena, const char *const *list)
{
	const char *all = "";

	for (; list && *list; list++)
		all = hf_arena_printf(arena, "%s%s%s", all, *all ? " " : "", *list);
	return all;
}

static enum hf_status open_sasl(struct hf_host *host, struct hf_note *why)
{
	const struct hf_setup *setup = host->setup;
	struct hf_sasl_settings settings;
	struct hf_sasl_accounts accounts;
	unsigned before = why->count;

	hf_sasl_settings_init(&settings);
	settings.hostname = host->hostname;
	settings.source = setup->host.auth.source;
	settings.saslauthd_path = setup->host.auth.saslauthd;
	settings.saslauthd_timeout_ms = (uint32_t)setup->host.auth.saslauthd_timeout;
	settings.mechanisms = setup->host.auth.mechanisms;
	settings.options = sasl_options(setup, why);
	settings.admins = joined(setup->arena, setup->host.auth.admins);
	settings.allow_plaintext = setup->host.auth.allow_plaintext;
	settings.iterations = (uint32_t)setup->host.auth.iterations;
	settings.verifier_s = (uint32_t)(setup->host.auth.verifier / 1000);
	if (why->count != before)
		return HF_EINVALID;
	hf_host_accounts(host, &accounts);
	return hf_sasl_open(&settings, &accounts, &host->log, why, &host->sasl);
}

struct hf_loaded *hf_host_module(struct hf_host *host, const char *name)
{
	struct hf_loaded *loaded = host->modules;

	while (loaded && strcmp(loaded->module->name, name) != 0)
		loaded = loaded->next;
	return loaded;
}

struct hf_snapshot *hf_loaded_snapshot(struct hf_loaded *loaded)
{
	struct hf_snapshot *snapshot;

	pthread_mutex_lock(&loaded->lock);
	snapshot = loaded->snapshot;
	hf_snapshot_ref(snapshot);
	pthread_mutex_unlock(&loaded->lock);
	return snapshot;
}

static void load_module(struct hf_host *host, const struct hf_setup_module *entry,
			struct hf_note *why)
{
	struct hf_loaded *loaded = hf_alloc_zero(sizeof(*loaded));
	enum hf_status status;

	loaded->host = host;
	loaded->module = entry->module;
	loaded->snapshot = entry->snapshot;
	hf_snapshot_ref(loaded->snapshot);
	pthread_mutex_init(&loaded->lock, NULL);
	status = entry->module->load(host, loaded->snapshot->data, &loaded->state);
	if (status != HF_OK) {
		hf_note_add(why, "module %s does not start: %s", entry->name,
			    hf_status_text(status));
		hf_snapshot_unref(&loaded->snapshot);
		pthread_mutex_destroy(&loaded->lock);
		hf_free(loaded);
		return;
	}
	pthread_mutex_lock(&host->lock);
	loaded->next = host->modules;
	host->modules = loaded;
	pthread_mutex_unlock(&host->lock);
	hf_info(&host->log, "module name=%s version=%s", entry->name,
		entry->module->version ? entry->module->version : "?");
}

void hf_host_load_modules(struct hf_host *host, const struct hf_setup *setup, struct hf_note *why)
{
	for (size_t i = 0; i < setup->module_count; i++)
		if (setup->modules[i].module && !hf_host_module(host, setup->modules[i].name))
			load_module(host, &setup->modules[i], why);
}

/* One module that is missing or does not start leaves the others to serve; its listeners stay
 * closed to clients. */
static void log_lines(struct hf_host *host, struct hf_note *note)
{
	struct hf_str rest = hf_str(hf_note_text(note));

	while (rest.size) {
		struct hf_str line = hf_str_split(&rest, '\n');

		hf_error(&host->log, "module-missing %.*s", HF_STR_ARG(line));
	}
}

void hf_host_set_retention(struct hf_host *host)
{
	const struct hf_host_settings *settings = &host->setup->host;

	if (host->store)
		hf_store_set_retention(host->store, settings->store.rules, settings->store.rule_count,
				       (uint32_t)(settings->store.retention_every / 1000));
}

enum hf_status hf_host_open(struct hf_host *host, bool with_store, struct hf_note *why)
{
	struct hf_store_settings settings;
	struct hf_note refused = HF_NOTE_INIT;
	enum hf_status status;

	if (with_store) {
		hf_setup_store(host->setup, &settings);
		status = hf_store_open(&settings, &host->log, why, &host->store);
		if (status == HF_OK) {
			hf_host_set_retention(host);
			status = open_sasl(host, why);
		}
		if (status != HF_OK)
			return status;
	}
	log_lines(host, &host->setup->missing);
	hf_host_load_modules(host, host->setup, &refused);
	log_lines(host, &refused);
	hf_note_fini(&refused);
	if (host->setup->module_count && !host->modules) {
		hf_note_add(why, "none of the modules can be used");
		return HF_EUNAVAILABLE;
	}
	return HF_OK;
}

/* Serving --------------------------------------------------------------------- */

void hf_host_serve(struct hf_host *host)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned workers = (unsigned)host->setup->host.limits.workers;
	struct hf_listener *listener = host->listeners;

	if (!workers)
		workers = cores < 2 ? 2 : (unsigned)cores;
	hf_workers_start(host, workers);
	for (size_t i = 0; i < host->setup->host.listen_count && listener; i++) {
		const struct hf_listen_settings *settings = &host->setup->host.listen[i];

		/* bound in the order of the settings; one that could not be bound would have ended
		 * the start */
		hf_listener_serve(listener, hf_host_module(host, settings->module),
				  settings->service, settings->tls);
		hf_listener_start(listener);
		listener = listener->next;
	}
	host->poller = hf_poller_new(host);
}

/* Stopping -------------------------------------------------------------------- */

/* false: time is up (0: no limit) */
static bool wait_for_conns(struct hf_host *host, uint64_t ms)
{
	struct timespec until;
	bool gone;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&host->conns_lock);
	while (host->conn_count && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&host->conns_gone, &host->conns_lock, &until);
	gone = host->conn_count == 0;
	pthread_mutex_unlock(&host->conns_lock);
	return gone;
}

static void end_connections(struct hf_host *host)
{
	uint64_t ms = host->setup->host.limits.stop_timeout;

	hf_conn_wake_all(host, HF_EV_QUIT);
	if (!wait_for_conns(host, ms))
		hf_warning(&host->log, "stop cutting connections that have not ended after ms=%llu",
			   (unsigned long long)ms);
	do
		hf_conn_wake_all(host, EV_ABORT);
	while (!wait_for_conns(host, 1000));
}

void hf_host_stop(struct hf_host *host)
{
	pthread_mutex_lock(&host->reload_lock); /* no reload from here on */
	atomic_store(&host->stopping, true);
	pthread_mutex_unlock(&host->reload_lock);
	for (struct hf_listener *listener = host->listeners; listener; listener = listener->next)
		hf_listener_close(listener, true);
	for (struct hf_loaded *loaded = host->modules; loaded; loaded = loaded->next)
		if (loaded->module->quiesce)
			loaded->module->quiesce(loaded->state);
	if (host->worker_count)
		end_connections(host);
	hf_poller_free(&host->poller);
	hf_jobs_stop(host);
	hf_pool_free(&host->verbs);
	hf_pool_free(&host->offload);
	hf_workers_stop(host);
	hf_control_close(&host->control, true);
	for (struct hf_loaded *loaded = host->modules; loaded; loaded = loaded->next)
		loaded->module->unload(&loaded->state);
	hf_sasl_close(&host->sasl);
	hf_store_close(&host->store);
}

void hf_host_free(struct hf_host **hostp)
{
	struct hf_host *host = *hostp;
	struct hf_listener *listener;
	struct hf_loaded *loaded;

	if (!host)
		return;
	while ((listener = host->listeners)) {
		host->listeners = listener->next;
		hf_listener_free(&listener);
	}
	while ((loaded = host->modules)) {
		host->modules = loaded->next;
		hf_snapshot_unref(&loaded->snapshot);
		pthread_mutex_destroy(&loaded->lock);
		hf_free(loaded);
	}
	hf_pool_free(&host->verbs);
	hf_pool_free(&host->offload);
	hf_control_close(&host->control, true);
	hf_conns_free(host);
	hf_timers_fini(&host->timers);
	hf_sched_fini(&host->sched);
	hf_limits_free(&host->limits);
	hf_tls_unref(&host->tls);
	hf_setup_free(&host->setup);
	hf_loader_free(&host->loader);
	close(host->exit_request);
	pthread_cond_destroy(&host->conns_gone);
	pthread_mutex_destroy(&host->conns_lock);
	pthread_mutex_destroy(&host->lock);
	pthread_mutex_destroy(&host->reload_lock);
	hf_free(host->hostname);
	hf_free(host->config_path);
	hf_free(host);
	*hostp = NULL;
}

/* For modules ----------------------------------------------------------------- */

struct hf_store *hf_host_store(struct hf_host *host)
{
	return host->store;
}

struct hf_sasl *hf_host_sasl(struct hf_host *host)
{
	return host->sasl;
}

const char *hf_host_name(struct hf_host *host)
{
	return host->hostname;
}

const struct hf_log *hf_host_log(struct hf_host *host)
{
	return &host->log;
}

bool hf_host_is_stopping(struct hf_host *host)
{
	return atomic_load(&host->stopping);
}
