/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration read whole: the host's sections, the lists of listeners and certificates, the
 * modules' sections by their own rows. Used alike by start, --check, --show and reload. Nothing
 * here has an effect outside its result. */
#include "host/config_priv.h"

#include <string.h>

#include "base/mem.h"

void hf_snapshot_ref(struct hf_snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->refs, 1);
}

void hf_snapshot_unref(struct hf_snapshot **snapshot)
{
	struct hf_snapshot *old = *snapshot;

	*snapshot = NULL;
	if (old && atomic_fetch_sub(&old->refs, 1) == 1) {
		hf_arena_free(&old->arena);
		hf_free(old);
	}
}

const struct hf_setup_module *hf_setup_find(const struct hf_setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->module_count; i++)
		if (strcmp(setup->modules[i].name, name) == 0)
			return &setup->modules[i];
	return NULL;
}

static const char *where(const struct hf_setup *setup, const config_setting_t *at)
{
	const char *file = config_setting_source_file(at);

	return hf_arena_printf(setup->arena, "%s:%d", file ? file : setup->config->path,
			       (int)config_setting_source_line(at));
}

/* The elements of a list of groups; NULL when it is none. */
static const config_setting_t *group_list(struct hf_setup *setup, const config_setting_t *parent,
					  const char *name, const char *full, size_t *count,
					  struct hf_note *why)
{
	const config_setting_t *list = parent ? config_setting_get_member(parent, name) : NULL;

	*count = 0;
	if (!list)
		return NULL;
	if (config_setting_type(list) != CONFIG_TYPE_LIST) {
		hf_config_error(setup->config, list, why,
				"%s: expected a list of groups: %s = ( { ... }, ... );", full,
				name);
		return NULL;
	}
	*count = (size_t)config_setting_length(list);
	return list;
}

static void read_listeners(struct hf_setup *setup, struct hf_note *why)
{
	const config_setting_t *list;
	size_t count;

	list = group_list(setup, hf_config_root(setup->config), "listen", "listen", &count, why);
	setup->host.listen = hf_new_array(setup->arena, struct hf_listen_settings, count);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		struct hf_listen_settings *listen = &setup->host.listen[i];

		hf_config_fill(setup->config, group, "listen", hf_listen_options, NULL,
			       setup->arena, listen, why);
		listen->where = where(setup, group);
		if (!listen->service)
			listen->service = listen->module;
		if (!listen->module || !listen->address)
			hf_config_error(setup->config, group, why,
					"listen: needs a module and an address");
		if (listen->tls && !setup->host.tls.certificate)
			hf_config_error(setup->config, group, why,
					"listen: tls = true needs tls.certificate and tls.key");
		for (size_t j = 0; listen->address && j < i; j++)
			if (setup->host.listen[j].address &&
			    strcmp(setup->host.listen[j].address, listen->address) == 0)
				hf_config_error(setup->config, group, why,
						"listen: address \"%s\" is already taken at %s",
						listen->address, setup->host.listen[j].where);
	}
	setup->host.listen_count = count;
}

static void read_sni(struct hf_setup *setup, const config_setting_t *tls, struct hf_note *why)
{
	const config_setting_t *list;
	size_t count;

	list = group_list(setup, tls, "sni", "tls.sni", &count, why);
	setup->host.tls.sni = hf_new_array(setup->arena, struct hf_sni_settings, count);
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		struct hf_sni_settings *sni = &setup->host.tls.sni[i];

		hf_config_fill(setup->config, group, "tls.sni", hf_sni_options, NULL, setup->arena,
			       sni, why);
		if (!sni->name || !sni->certificate || !sni->key)
			hf_config_error(setup->config, group, why,
					"tls.sni: needs a name, a certificate and a key");
	}
	setup->host.tls.sni_count = count;
	if (!setup->host.tls.certificate != !setup->host.tls.key)
		hf_config_error(setup->config, tls, why,
				"tls: certificate and key belong together");
	if (count && !setup->host.tls.certificate)
		hf_config_error(setup->config, tls, why,
				"tls: sni needs a certificate and key for all other names");
}

static void read_retention(struct hf_setup *setup, const config_setting_t *group,
			   struct hf_note *why)
{
	const char *const *texts = setup->host.store.retention;
	struct hf_buf problem = HF_BUF_INIT;
	size_t count = 0;

	while (texts && texts[count])
		count++;
	setup->host.store.rules = hf_new_array(setup->arena, struct hf_retention_rule, count);
	setup->host.store.rule_count = count;
	for (size_t i = 0; i < count; i++) {
		hf_buf_clear(&problem);
		if (!hf_retention_rule_parse(texts[i], setup->arena,
					     &setup->host.store.rules[i], &problem))
			hf_config_error(setup->config,
					config_setting_get_member(group, "retention"), why,
					"store.retention: %s", hf_buf_cstr(&problem));
	}
	hf_buf_fini(&problem);
}

static void read_exempt(struct hf_setup *setup, const config_setting_t *group, struct hf_note *why)
{
	struct hf_limits_settings *limits = &setup->host.limits;
	size_t count = 0;

	while (limits->exempt_texts && limits->exempt_texts[count])
		count++;
	limits->exempt = hf_new_array(setup->arena, struct hf_network, count);
	limits->exempt_count = count;
	for (size_t i = 0; i < count; i++)
		if (!hf_network_parse(limits->exempt_texts[i], &limits->exempt[i]))
			hf_config_error(setup->config, config_setting_get_member(group, "exempt"), why,
					"limits.exempt: \"%s\": expected a network such as \"192.0.2.0/24\"",
					limits->exempt_texts[i]);
}

static void read_sections(struct hf_setup *setup, struct hf_note *why)
{
	static const char *const sni[] = { "sni", NULL };
	config_setting_t *root = hf_config_root(setup->config);

	for (const struct hf_section *section = hf_host_sections; section->name; section++) {
		const config_setting_t *group =
			*section->name ? config_setting_get_member(root, section->name) : NULL;
		bool tls = strcmp(section->name, "tls") == 0;

		if (!*section->name)
			continue; /* the top needs the modules' names: read_top() */
		hf_config_fill(setup->config, group, section->name, section->options,
			       tls ? sni : NULL, setup->arena,
			       (char *)&setup->host + section->offset, why);
		if (strcmp(section->name, "store") == 0)
			read_retention(setup, group, why);
		if (strcmp(section->name, "limits") == 0)
			read_exempt(setup, group, why);
		if (tls)
			read_sni(setup,
				 group && config_setting_type(group) == CONFIG_TYPE_GROUP ? group
											  : NULL,
				 why);
	}
}

static void add_module(struct hf_setup *setup, struct hf_loader *loader, const char *name)
{
	struct hf_setup_module *module;

	if (!name || hf_setup_find(setup, name))
		return;
	module = &setup->modules[setup->module_count++];
	module->name = hf_arena_cstr(setup->arena, hf_str(name));
	module->module = hf_loader_get(loader, name, &setup->missing);
}

static bool is_section(const char *name)
{
	if (strcmp(name, "listen") == 0)
		return true;
	for (const struct hf_section *section = hf_host_sections; section->name; section++)
		if (*section->name && strcmp(section->name, name) == 0)
			return true;
	return false;
}

/* A group at the top that is no section of ours belongs to a module, if there is one of that name.
 */
static void find_modules(struct hf_setup *setup, struct hf_loader *loader)
{
	config_setting_t *root = hf_config_root(setup->config);
	int count = config_setting_length(root);

	setup->modules = hf_new_array(setup->arena, struct hf_setup_module,
				      setup->host.listen_count + (size_t)count);
	for (size_t i = 0; i < setup->host.listen_count; i++)
		add_module(setup, loader, setup->host.listen[i].module);
	for (int i = 0; i < count; i++) {
		config_setting_t *group = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(group);
		struct hf_note ignored = HF_NOTE_INIT;

		if (config_setting_type(group) == CONFIG_TYPE_GROUP && !is_section(name) &&
		    hf_loader_get(loader, name, &ignored))
			add_module(setup, loader, name);
		hf_note_fini(&ignored);
	}
}

static void read_top(struct hf_setup *setup, struct hf_note *why)
{
	size_t sections = 0, i;
	const char **others;

	while (hf_host_sections[sections].name)
		sections++;
	others = hf_new_array(setup->arena, const char *, sections + setup->module_count + 2);
	for (i = 1; i < sections; i++)
		others[i - 1] = hf_host_sections[i].name;
	others[i++ - 1] = "listen";
	for (size_t m = 0; m < setup->module_count; m++)
		others[i++ - 1] = setup->modules[m].name;
	hf_config_fill(setup->config, hf_config_root(setup->config), "",
		       hf_host_sections[0].options, others, setup->arena,
		       (char *)&setup->host + hf_host_sections[0].offset, why);
}

static void read_module(struct hf_setup *setup, struct hf_setup_module *entry, struct hf_note *why)
{
	const struct hf_module *module = entry->module;
	struct hf_snapshot *snapshot;
	struct hf_note refused = HF_NOTE_INIT;
	unsigned before = why->count;

	if (!module)
		return;
	snapshot = hf_alloc_zero(sizeof(*snapshot));
	atomic_init(&snapshot->refs, 1);
	snapshot->arena = hf_arena_new();
	snapshot->data =
		hf_arena_alloc(snapshot->arena, module->settings_size ? module->settings_size : 1);
	entry->snapshot = snapshot;
	hf_config_fill(setup->config,
		       config_setting_get_member(hf_config_root(setup->config), entry->name),
		       entry->name, module->options, NULL, snapshot->arena, snapshot->data, why);
	if (why->count == before && module->check &&
	    module->check(snapshot->data, &refused) != HF_OK)
		hf_config_error(
			setup->config,
			config_setting_get_member(hf_config_root(setup->config), entry->name), why,
			"%s: %s", entry->name,
			refused.count ? hf_note_text(&refused)
				      : "the module refuses these settings");
	hf_note_fini(&refused);
}

struct hf_setup *hf_setup_new(struct hf_config **config, struct hf_loader *loader,
			      struct hf_note *why)
{
	struct hf_setup *setup = hf_alloc_zero(sizeof(*setup));
	unsigned before = why->count;

	setup->config = *config;
	*config = NULL;
	setup->arena = hf_arena_new();
	setup->missing = HF_NOTE_INIT;
	read_sections(setup, why);
	read_listeners(setup, why);
	hf_loader_directories(loader, setup->host.modules.directory);
	find_modules(setup, loader);
	read_top(setup, why);
	for (size_t i = 0; i < setup->module_count; i++)
		read_module(setup, &setup->modules[i], why);
	if (why->count != before)
		hf_setup_free(&setup);
	return setup;
}

void hf_setup_free(struct hf_setup **setup)
{
	struct hf_setup *old = *setup;

	*setup = NULL;
	if (!old)
		return;
	for (size_t i = 0; i < old->module_count; i++)
		hf_snapshot_unref(&old->modules[i].snapshot);
	hf_note_fini(&old->missing);
	hf_config_close(&old->config);
	hf_arena_free(&old->arena);
	hf_free(old);
}

void hf_setup_store(const struct hf_setup *setup, struct hf_store_settings *settings)
{
	hf_store_settings_init(settings);
	settings->directory = setup->host.store.directory;
	settings->cache_size = setup->host.store.cache;
	settings->facts_size = setup->host.store.facts;
	settings->reserve_size = setup->host.store.reserve;
	settings->ballast_size = setup->host.store.ballast;
	settings->body_file_size = setup->host.store.body_file;
	settings->checkpoint_size = setup->host.store.checkpoint;
	settings->checkpoint_s = (uint32_t)(setup->host.store.checkpoint_every / 1000);
	settings->kept_s = (uint32_t)(setup->host.store.kept / 1000);
	settings->delivered_s = (uint32_t)(setup->host.store.delivered / 1000);
	settings->annotations_max = (uint32_t)setup->host.store.annotations_max;
	settings->annotations_size = setup->host.store.annotations_size;
	settings->annotations_user_size = setup->host.store.annotations_user_size;
	settings->acl_entries = (uint32_t)setup->host.store.acl_entries;
	settings->compact = setup->host.store.compact;
	settings->flags_relaxed = setup->host.store.flags_relaxed;
}
