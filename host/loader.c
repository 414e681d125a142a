/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading modules: NAME.so in the modules' directories, its one symbol hf_module_NAME, built for
 * this ABI. A module stays in memory until the process ends: its code may still be on some thread's
 * stack, and its symbols are wanted in a sanitizer's report. */
#include "host/config_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct entry {
	struct entry *next;
	const struct hf_module *module;
};

struct hf_loader {
	pthread_mutex_t lock;
	struct entry *entries HF_GUARDED_BY(lock);
	struct hf_arena *arena HF_GUARDED_BY(lock);
	const char **directories HF_GUARDED_BY(lock);
	size_t directory_count HF_GUARDED_BY(lock);
};

struct hf_loader *hf_loader_new(void)
{
	struct hf_loader *loader = hf_alloc_zero(sizeof(*loader));

	pthread_mutex_init(&loader->lock, NULL);
	loader->arena = hf_arena_new();
	return loader;
}

void hf_loader_free(struct hf_loader **loader)
{
	if (!*loader)
		return;
	hf_arena_free(&(*loader)->arena);
	pthread_mutex_destroy(&(*loader)->lock);
	hf_free(*loader);
	*loader = NULL;
}

static void add_locked(struct hf_loader *loader, const struct hf_module *module)
	HF_REQUIRES(loader->lock);
static void add_locked(struct hf_loader *loader, const struct hf_module *module)
{
	struct entry *entry = hf_new(loader->arena, struct entry);

	entry->module = module;
	entry->next = loader->entries;
	loader->entries = entry;
}

void hf_loader_add(struct hf_loader *loader, const struct hf_module *module)
{
	pthread_mutex_lock(&loader->lock);
	add_locked(loader, module);
	pthread_mutex_unlock(&loader->lock);
}

void hf_loader_directories(struct hf_loader *loader, const char *const *directories)
{
	size_t count = 0;

	while (directories && directories[count])
		count++;
	pthread_mutex_lock(&loader->lock);
	loader->directories = hf_new_array(loader->arena, const char *, count);
	for (size_t i = 0; i < count; i++)
		loader->directories[i] = hf_arena_cstr(loader->arena, hf_str(directories[i]));
	loader->directory_count = count;
	pthread_mutex_unlock(&loader->lock);
}

static bool name_is_valid(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return size > 0 && size <= 32 && name[size] == '\0';
}

static const struct hf_module *take(const char *path, const char *name, struct hf_note *why)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct hf_module *module;
	char symbol[64];

	if (!library) {
		hf_note_add(why, "module %s: %s", name, dlerror());
		return NULL;
	}
	snprintf(symbol, sizeof(symbol), "hf_module_%s", name);
	module = dlsym(library, symbol);
	if (!module)
		hf_note_add(why, "module %s: %s has no symbol %s", name, path, symbol);
	else if (module->size != sizeof(*module) || module->abi != HF_MODULE_ABI)
		hf_note_add(
			why,
			"module %s: %s was built for another version of Holdfast (module interface %u, here %u)",
			name, path, module->size == sizeof(*module) ? (unsigned)module->abi : 0,
			HF_MODULE_ABI);
	else if (!module->name || strcmp(module->name, name) != 0)
		hf_note_add(why, "module %s: %s calls itself %s", name, path,
			    module->name ? module->name : "nothing");
	else if (!module->load || !module->open || !module->step || !module->close ||
		 !module->unload)
		hf_note_add(why, "module %s: %s lacks one of load, unload, open, step, close", name,
			    path);
	else
		return module; /* cppcheck-suppress resourceLeak; it stays loaded */
	dlclose(library);
	return NULL;
}

static const struct hf_module *search_locked(struct hf_loader *loader, const char *name,
					     struct hf_note *why) HF_REQUIRES(loader->lock);
static const struct hf_module *search_locked(struct hf_loader *loader, const char *name,
					     struct hf_note *why)
{
	struct hf_buf tried = HF_BUF_INIT;

	for (size_t i = 0; i < loader->directory_count; i++) {
		const char *path =
			hf_arena_printf(loader->arena, "%s/%s.so", loader->directories[i], name);

		if (access(path, F_OK) == 0) {
			hf_buf_fini(&tried);
			return take(path, name, why);
		}
		hf_buf_printf(&tried, "%s%s", tried.size ? ", " : "", path);
	}
	hf_note_add(why, "module %s: no such file: %s", name,
		    tried.size ? hf_buf_cstr(&tried) : "(no modules.directory)");
	hf_buf_fini(&tried);
	return NULL;
}

const struct hf_module *hf_loader_get(struct hf_loader *loader, const char *name,
				      struct hf_note *why)
{
	const struct hf_module *module = NULL;
	struct entry *entry;

	if (!name_is_valid(name)) {
		hf_note_add(why, "module %.40s: not a module's name (small letters, digits, '_')",
			    name);
		return NULL;
	}
	pthread_mutex_lock(&loader->lock);
	for (entry = loader->entries; entry && strcmp(entry->module->name, name) != 0;
	     entry = entry->next)
		;
	if (entry)
		module = entry->module;
	else if ((module = search_locked(loader, name, why)))
		add_locked(loader, module);
	pthread_mutex_unlock(&loader->lock);
	return module;
}
