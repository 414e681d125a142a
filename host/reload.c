/* SPDX-License-Identifier: BSD-2-Clause */
/* Reload: the new configuration is read and checked whole, its certificates and listeners are
 * prepared, and only then does anything change. What cannot change in a running daemon, or needs
 * privileges that it has given up, is answered 'restart needed', and nothing changes. */
#include "host/host_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "host/tls_priv.h"

/* The listeners of a new configuration: kept or newly opened, in the order of the settings. */
struct plan {
	struct hf_listener **listeners;
	bool *fresh;
	struct hf_tls *tls;
};

static void compare_rows(const struct hf_option *options, const char *section, const void *before,
			 const void *after, struct hf_note *why)
{
	for (; options && options->name; options++)
		if (options->restart && !hf_option_equal(options, before, after))
			hf_note_add(why, "restart needed: %s%s%s has changed", section,
				    *section ? "." : "", options->name);
}

static void compare(const struct hf_setup *before, const struct hf_setup *after,
		    struct hf_note *why)
{
	for (const struct hf_section *section = hf_host_sections; section->name; section++)
		compare_rows(section->options, section->name,
			     (const char *)&before->host + section->offset,
			     (const char *)&after->host + section->offset, why);
	for (size_t i = 0; i < after->module_count; i++) {
		const struct hf_setup_module *now = &after->modules[i],
					     *then = hf_setup_find(before, now->name);

		if (!now->module && (!then || then->module))
			hf_note_add(why, "module %s cannot be loaded", now->name);
		if (now->module && then && then->module)
			compare_rows(now->module->options, now->name, then->snapshot->data,
				     now->snapshot->data, why);
	}
}

static struct hf_listener *find_listener(struct hf_host *host,
					 const struct hf_listen_settings *settings)
{
	struct hf_listener *listener = host->listeners;

	while (listener && !hf_listener_matches(listener, settings))
		listener = listener->next;
	return listener;
}

static void plan_listeners(struct hf_host *host, const struct hf_setup *after, struct plan *plan,
			   struct hf_note *why)
{
	for (size_t i = 0; i < after->host.listen_count; i++) {
		const struct hf_listen_settings *settings = &after->host.listen[i];
		struct hf_note reason = HF_NOTE_INIT;
		bool privileges = false;

		plan->listeners[i] = find_listener(host, settings);
		if (plan->listeners[i])
			continue;
		plan->listeners[i] = hf_listener_open(host, settings, &reason, &privileges);
		plan->fresh[i] = plan->listeners[i] != NULL;
		if (!plan->listeners[i])
			hf_note_add(why, "%s%s: %s", privileges ? "restart needed: " : "",
				    settings->where, hf_note_text(&reason));
		hf_note_fini(&reason);
	}
}

static bool is_forbidden(const char *file)
{
	return file && access(file, R_OK) != 0 && errno == EACCES;
}

/* Certificates: those in use, if neither the settings nor the files have changed; so a key that
 * only root may read stands in nobody's way. */
static void plan_tls(struct hf_host *host, const struct hf_tls_settings *settings,
		     struct plan *plan, struct hf_note *why)
{
	struct hf_note reason = HF_NOTE_INIT;
	bool privileges;

	if (!settings->certificate)
		return;
	if (host->tls && hf_tls_has_settings(host->tls, settings) && !hf_tls_is_stale(host->tls)) {
		plan->tls = hf_tls_ref(host->tls);
		return;
	}
	plan->tls = hf_tls_new(settings, &reason);
	if (plan->tls)
		return;
	privileges = is_forbidden(settings->certificate) || is_forbidden(settings->key) ||
		     is_forbidden(settings->client_ca);
	for (size_t i = 0; i < settings->sni_count; i++)
		privileges = privileges || is_forbidden(settings->sni[i].certificate) ||
			     is_forbidden(settings->sni[i].key);
	hf_note_add(why, "%s%s", privileges ? "restart needed: " : "", hf_note_text(&reason));
	hf_note_fini(&reason);
}

static void forget(struct plan *plan, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (plan->fresh[i]) {
			hf_listener_close(plan->listeners[i], true);
			hf_listener_free(&plan->listeners[i]);
		}
	}
	hf_tls_unref(&plan->tls);
}

static void apply_modules(struct hf_host *host, struct hf_setup *after, struct hf_note *why)
{
	for (size_t i = 0; i < after->module_count; i++) {
		struct hf_setup_module *entry = &after->modules[i];
		struct hf_loaded *loaded = entry->module ? hf_host_module(host, entry->name) : NULL;
		struct hf_snapshot *former;

		if (!loaded)
			continue;
		pthread_mutex_lock(&loaded->lock);
		former = loaded->snapshot;
		loaded->snapshot = entry->snapshot;
		hf_snapshot_ref(loaded->snapshot);
		pthread_mutex_unlock(&loaded->lock);
		if (loaded->module->reload)
			loaded->module->reload(loaded->state, entry->snapshot->data);
		hf_snapshot_unref(&former);
	}
	hf_host_load_modules(host, after, why); /* those that are new */
}

static bool is_planned(const struct plan *plan, size_t count, const struct hf_listener *listener)
{
	for (size_t i = 0; i < count; i++)
		if (plan->listeners[i] == listener)
			return true;
	return false;
}

static void apply_listeners(struct hf_host *host, const struct hf_setup *after, struct plan *plan)
{
	size_t count = after->host.listen_count;

	for (struct hf_listener *listener = host->listeners; listener; listener = listener->next) {
		if (listener->fd >= 0 && !is_planned(plan, count, listener)) {
			hf_info(&host->log, "listen-end address=%s", listener->address);
			hf_listener_close(listener, true);
		}
	}
	for (size_t i = 0; i < count; i++) {
		const struct hf_listen_settings *settings = &after->host.listen[i];
		struct hf_listener *listener = plan->listeners[i];

		if (plan->fresh[i]) {
			pthread_mutex_lock(&host->lock);
			listener->next = host->listeners;
			host->listeners = listener;
			pthread_mutex_unlock(&host->lock);
		}
		hf_listener_serve(listener, hf_host_module(host, settings->module),
				  settings->service, settings->tls);
		hf_listener_start(listener);
	}
}

enum hf_status hf_host_apply(struct hf_host *host, struct hf_setup **setup, struct hf_note *why)
{
	struct hf_setup *after = *setup, *before;
	size_t count = after->host.listen_count;
	struct plan plan = { .listeners = hf_new_array(after->arena, struct hf_listener *, count),
			     .fresh = hf_new_array(after->arena, bool, count) };
	struct hf_note complaints = HF_NOTE_INIT;
	unsigned errors = why->count;

	*setup = NULL;
	pthread_mutex_lock(&host->reload_lock);
	if (atomic_load(&host->stopping))
		hf_note_add(why, "the daemon is stopping");
	else
		compare(host->setup, after, why);
	if (why->count == errors)
		plan_tls(host, &after->host.tls, &plan, why);
	if (why->count == errors)
		plan_listeners(host, after, &plan, why);
	if (why->count != errors) {
		forget(&plan, count);
		pthread_mutex_unlock(&host->reload_lock);
		hf_setup_free(&after);
		return HF_ECANNOT;
	}

	/* nothing fails from here on, but a module that is new and does not start */
	apply_modules(host, after, &complaints);
	pthread_mutex_lock(&host->lock);
	before = host->setup;
	host->setup = after;
	hf_tls_unref(&host->tls);
	host->tls = plan.tls;
	pthread_mutex_unlock(&host->lock);
	hf_limits_set(host->limits, &after->host.limits);
	hf_host_set_retention(host);
	apply_listeners(host, after, &plan);
	hf_setup_free(&before);
	pthread_mutex_unlock(&host->reload_lock);
	if (complaints.count)
		hf_error(&host->log, "reload %s", hf_note_text(&complaints));
	hf_note_fini(&complaints);
	hf_info(&host->log, "reloaded");
	return HF_OK;
}

enum hf_status hf_host_reload(struct hf_host *host, struct hf_note *why)
{
	struct hf_config *config;
	struct hf_setup *setup;
	enum hf_status status;

	if (!host->config_path) {
		hf_note_add(why, "there is no configuration file");
		return HF_ECANNOT;
	}
	config = hf_config_open(host->config_path, why);
	setup = config ? hf_setup_new(&config, host->loader, why) : NULL;
	if (!setup)
		return HF_EINVALID;
	status = hf_host_apply(host, &setup, why);
	if (status == HF_OK) {
		pthread_mutex_lock(&host->lock);
		hf_host_log_setup(host->setup);
		pthread_mutex_unlock(&host->lock);
	}
	return status;
}
