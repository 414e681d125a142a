/* SPDX-License-Identifier: BSD-2-Clause */
/* A host inside a test. */
#include "host/testing.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "host/conn_priv.h"

static struct hf_setup *read_text(const char *config, struct hf_loader *loader, struct hf_note *why)
{
	struct hf_config *file = hf_config_open_text(config ? config : "", "test.conf", why);

	return file ? hf_setup_new(&file, loader, why) : NULL;
}

/* Modules without a listener are there too: socket pairs need none. */
static void add_modules(struct hf_host *host, const struct hf_module *const *modules,
			struct hf_note *why)
{
	struct hf_arena *arena = host->setup->arena;
	size_t count = 0;
	struct hf_setup_module *all;

	while (modules[count])
		count++;
	all = hf_new_array(arena, struct hf_setup_module, host->setup->module_count + count);
	for (size_t i = 0; i < host->setup->module_count; i++)
		all[i] = host->setup->modules[i];
	host->setup->modules = all;
	for (size_t i = 0; i < count; i++) {
		struct hf_setup_module *entry;

		if (hf_setup_find(host->setup, modules[i]->name))
			continue;
		entry = &all[host->setup->module_count++];
		entry->name = modules[i]->name;
		entry->module = modules[i];
		entry->snapshot = hf_alloc_zero(sizeof(*entry->snapshot));
		atomic_init(&entry->snapshot->refs, 1);
		entry->snapshot->arena = hf_arena_new();
		entry->snapshot->data =
			hf_arena_alloc(entry->snapshot->arena,
				       modules[i]->settings_size ? modules[i]->settings_size : 1);
		hf_option_defaults(modules[i]->options, entry->snapshot->arena,
				   entry->snapshot->data);
		if (modules[i]->check && modules[i]->check(entry->snapshot->data, why) != HF_OK)
			hf_note_add(why, "%s: its defaults are refused", modules[i]->name);
	}
}

struct hf_host *hf_host_new_for_test(const char *store_directory, const char *config,
				     const struct hf_module *const *modules, struct hf_note *why)
{
	struct hf_loader *loader = hf_loader_new();
	struct hf_setup *setup;
	struct hf_host *host;

	for (size_t i = 0; modules[i]; i++)
		hf_loader_add(loader, modules[i]);
	setup = read_text(config, loader, why);
	if (!setup) {
		hf_loader_free(&loader);
		return NULL;
	}
	if (store_directory)
		setup->host.store.directory = hf_arena_cstr(setup->arena, hf_str(store_directory));
	host = hf_host_new(&setup, loader);
	add_modules(host, modules, why);
	if (why->count || hf_host_bind(host, why) != HF_OK ||
	    hf_host_open(host, store_directory != NULL, why) != HF_OK) {
		hf_host_free_for_test(&host);
		return NULL;
	}
	hf_host_serve(host);
	return host;
}

static int add_pair(struct hf_host *host, const char *module, const char *service, bool tls)
{
	struct hf_loaded *loaded = hf_host_module(host, module);
	struct hf_conn *conn;
	int fds[2];

	if (!loaded)
		return -1;
	hf_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	hf_assert(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	conn = hf_conn_new(host, loaded, service, fds[0], tls);
	hf_sched_push(&host->sched, conn, false);
	return fds[1];
}

int hf_host_add_socketpair(struct hf_host *host, const char *module, const char *service)
{
	return add_pair(host, module, service, false);
}

int hf_host_add_socketpair_tls(struct hf_host *host, const char *module, const char *service)
{
	return add_pair(host, module, service, true);
}

json_t *hf_host_request_for_test(struct hf_host *host, const char *request)
{
	json_error_t error;
	json_t *object = json_loads(request, 0, &error), *reply;

	hf_assert(object);
	reply = hf_control_answer(host, object);
	json_decref(object);
	return reply;
}

enum hf_status hf_host_reload_for_test(struct hf_host *host, const char *config,
				       struct hf_note *why)
{
	struct hf_setup *setup = read_text(config, host->loader, why);

	if (!setup)
		return HF_EINVALID;
	setup->host.store.directory =
		hf_arena_cstr(setup->arena, hf_str(host->setup->host.store.directory));
	return hf_host_apply(host, &setup, why);
}

enum hf_status hf_host_add_user_for_test(struct hf_host *host, const char *name,
					 const char *password)
{
	json_t *request = json_pack("{s:s, s:[s], s:s}", "verb", "user add", "args", name,
				    "password", password);
	json_t *reply = hf_control_answer(host, request);
	bool ok = strcmp(json_string_value(json_object_get(reply, "status")), "ok") == 0;

	if (!ok)
		hf_error(&host->log, "user-add %s",
			 json_string_value(json_object_get(reply, "message")));
	json_decref(request);
	json_decref(reply);
	return ok ? HF_OK : HF_EINVALID;
}

size_t hf_host_connections_for_test(struct hf_host *host)
{
	size_t count;

	pthread_mutex_lock(&host->conns_lock);
	count = host->conn_count;
	pthread_mutex_unlock(&host->conns_lock);
	return count;
}

void hf_host_free_for_test(struct hf_host **host)
{
	if (!*host)
		return;
	hf_host_stop(*host);
	hf_host_free(host);
}
