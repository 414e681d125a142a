/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file. libconfig parses it; what its settings mean is said by rows of struct
 * hf_option. Every error is collected, none stops the reading, so that one run tells all that is
 * wrong. */
#include "host/config_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static struct hf_config *config_new(const char *path)
{
	struct hf_config *config = hf_alloc_zero(sizeof(*config));

	config->owned = hf_strdup(path);
	config->path = config->owned;
	config_init(&config->file);
	return config;
}

static void syntax_error(struct hf_config *config, struct hf_note *why)
{
	const char *file = config_error_file(&config->file);

	hf_note_add(why, "%s:%d: %s", file ? file : config->path, config_error_line(&config->file),
		    config_error_text(&config->file));
}

struct hf_config *hf_config_open(const char *path, struct hf_note *why)
{
	struct hf_config *config;

	if (access(path, R_OK) != 0) {
		hf_note_add(why, "%s: %s", path, strerror(errno));
		return NULL;
	}
	config = config_new(path);
	if (!config_read_file(&config->file, path)) {
		syntax_error(config, why);
		hf_config_close(&config);
	}
	return config;
}

struct hf_config *hf_config_open_text(const char *text, const char *name, struct hf_note *why)
{
	struct hf_config *config = config_new(name);

	if (!config_read_string(&config->file, text)) {
		syntax_error(config, why);
		hf_config_close(&config);
	}
	return config;
}

void hf_config_close(struct hf_config **config)
{
	if (!*config)
		return;
	config_destroy(&(*config)->file);
	hf_free((*config)->owned);
	hf_free(*config);
	*config = NULL;
}

config_setting_t *hf_config_root(struct hf_config *config)
{
	return config_root_setting(&config->file);
}

void hf_config_error(const struct hf_config *config, const config_setting_t *at,
		     struct hf_note *why, const char *fmt, ...)
{
	struct hf_buf text = HF_BUF_INIT;
	const char *file = at ? config_setting_source_file(at) : NULL;
	va_list ap;

	va_start(ap, fmt);
	hf_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (at)
		hf_note_add(why, "%s:%d: %s", file ? file : config->path,
			    (int)config_setting_source_line(at), hf_buf_cstr(&text));
	else
		hf_note_add(why, "%s: %s", config->path, hf_buf_cstr(&text));
	hf_buf_fini(&text);
}

/* A scalar in the text form that hf_option_parse() takes. false: not a scalar. */
static bool scalar_text(const config_setting_t *setting, struct hf_buf *out)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		hf_buf_printf(out, "%lld", config_setting_get_int64(setting));
		return true;
	case CONFIG_TYPE_BOOL:
		hf_buf_add_cstr(out, config_setting_get_bool(setting) ? "true" : "false");
		return true;
	case CONFIG_TYPE_STRING:
		hf_buf_add_cstr(out, config_setting_get_string(setting));
		return true;
	default:
		return false;
	}
}

static bool fill_list(const struct hf_option *option, const config_setting_t *setting,
		      struct hf_arena *arena, void *settings)
{
	int count = config_setting_length(setting);
	const char **list = hf_new_array(arena, const char *, (size_t)count + 1);
	const char *const *result = list;

	for (int i = 0; i < count; i++) {
		const char *s =
			config_setting_get_string(config_setting_get_elem(setting, (unsigned)i));

		if (!s)
			return false;
		list[i] = hf_arena_cstr(arena, hf_str(s));
	}
	memcpy(hf_option_place(option, settings), &result, sizeof(result));
	return true;
}

static void fill_one(const struct hf_config *config, const config_setting_t *setting,
		     const struct hf_option *option, const char *prefix, struct hf_arena *arena,
		     void *settings, struct hf_note *why)
{
	struct hf_buf text = HF_BUF_INIT, reason = HF_BUF_INIT;
	int type = config_setting_type(setting);
	bool list = type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST, ok;

	if (option->type == HF_OPT_LIST && list) {
		ok = fill_list(option, setting, arena, settings);
	} else if (option->type == HF_OPT_LIST && type == CONFIG_TYPE_STRING) {
		const char **one = hf_new_array(arena, const char *, 2);
		const char *const *result = one;

		one[0] = hf_arena_cstr(arena, hf_str(config_setting_get_string(setting)));
		memcpy(hf_option_place(option, settings), &result, sizeof(result));
		ok = true;
	} else if (option->type == HF_OPT_STRING || option->type == HF_OPT_ENUM) {
		/* a number or a truth value is no string: it would hide a missing quote */
		ok = type == CONFIG_TYPE_STRING && scalar_text(setting, &text) &&
		     hf_option_parse(option, hf_buf_cstr(&text), arena, settings, &reason);
	} else {
		ok = option->type != HF_OPT_LIST && scalar_text(setting, &text) &&
		     hf_option_parse(option, hf_buf_cstr(&text), arena, settings, &reason);
	}
	if (!ok) {
		if (!reason.size) {
			hf_buf_printf(&reason, "%s: expected ", option->name);
			hf_option_expects(option, &reason);
		}
		hf_config_error(config, setting, why, "%s%s", prefix, hf_buf_cstr(&reason));
	}
	hf_buf_fini(&reason);
	hf_buf_fini(&text);
}

static bool among(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static void unknown_key(const struct hf_config *config, const config_setting_t *setting,
			const char *prefix, const struct hf_option *options,
			const char *const *others, struct hf_note *why)
{
	struct hf_nearest nearest;

	hf_nearest_init(&nearest, config_setting_name(setting));
	for (; options && options->name; options++)
		hf_nearest_try(&nearest, options->name);
	for (; others && *others; others++)
		hf_nearest_try(&nearest, *others);
	if (nearest.best)
		hf_config_error(config, setting, why, "%s%s: unknown setting; did you mean '%s'?",
				prefix, config_setting_name(setting), nearest.best);
	else
		hf_config_error(config, setting, why, "%s%s: unknown setting", prefix,
				config_setting_name(setting));
}

void hf_config_fill(const struct hf_config *config, const config_setting_t *group,
		    const char *section, const struct hf_option *options, const char *const *others,
		    struct hf_arena *arena, void *settings, struct hf_note *why)
{
	const char *prefix = *section ? hf_arena_printf(arena, "%s.", section) : "";

	hf_option_defaults(options, arena, settings);
	if (!group)
		return;
	if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
		hf_config_error(config, group, why, "%s: expected a group: %s: { ... };", section,
				section);
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const struct hf_option *option = options;

		while (option && option->name &&
		       strcmp(option->name, config_setting_name(setting)) != 0)
			option++;
		if (option && option->name)
			fill_one(config, setting, option, prefix, arena, settings, why);
		else if (!among(config_setting_name(setting), others))
			unknown_key(config, setting, prefix, options, others, why);
	}
}
