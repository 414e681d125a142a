/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs as the daemon lists them: [{"name": "user add", "usage": "NAME [--quota SIZE]", "help":
 * "..."}...]. The usage is read too: an option followed by a word in capitals takes a value, any
 * other is a switch. */
#include "tools/hfctl.h"

#include <string.h>

#include "base/str.h"

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* How many of the name's words `words` begin with; SIZE_MAX when they differ before either ends. */
static size_t matching(const char *name, char *const *words, size_t count, size_t *total)
{
	struct hf_str rest = hf_str(name);
	size_t n = 0;
	bool differs = false;

	*total = 0;
	while (rest.size) {
		struct hf_str word = hf_str_split(&rest, ' ');

		if (*total < count && !differs && hf_str_eq(word, hf_str(words[*total])))
			n++;
		else if (*total < count)
			differs = true;
		(*total)++;
	}
	return differs ? SIZE_MAX : n;
}

bool ctl_verb_find(const json_t *list, char *const *words, size_t count, struct ctl_verb *verb)
{
	size_t index, total, best = 0;
	json_t *row;

	json_array_foreach (list, index, row) {
		const char *name = text_of(row, "name");

		if (matching(name, words, count, &total) != total || total <= best)
			continue;
		best = total;
		*verb = (struct ctl_verb){ name, text_of(row, "usage"), text_of(row, "help"),
					   total };
	}
	return best > 0;
}

bool ctl_verbs_print(const json_t *list, char *const *words, size_t count, FILE *out)
{
	size_t index, total;
	bool any = false;
	json_t *row;

	json_array_foreach (list, index, row) {
		const char *name = text_of(row, "name"), *usage = text_of(row, "usage");
		int width = (int)strlen(name) + 1 + (int)strlen(usage);

		if (matching(name, words, count, &total) != count)
			continue;
		any = true;
		fprintf(out, "  %s %s", name, usage);
		if (width > 37)
			fprintf(out, "\n%40s%s\n", "", text_of(row, "help"));
		else
			fprintf(out, "%*s%s\n", 38 - width, "", text_of(row, "help"));
	}
	return any;
}

void ctl_verb_print(const struct ctl_verb *verb, FILE *out)
{
	fprintf(out, "usage: hfctl [--socket PATH] [--json] %s%s%s\n\n%s\n", verb->name,
		*verb->usage ? " " : "", verb->usage, verb->help);
}

bool ctl_usage_has(const char *usage, const char *option, bool *takes_value)
{
	const char *pos = usage, *end;
	size_t size = strlen(option);

	while ((pos = strstr(pos, option))) {
		end = pos + size;
		if (pos - usage >= 2 && pos[-1] == '-' && pos[-2] == '-' &&
		    !strchr("-abcdefghijklmnopqrstuvwxyz0123456789_", *end)) {
			*takes_value =
				(*end == ' ' || *end == '=') && end[1] >= 'A' && end[1] <= 'Z';
			return true;
		}
		if (pos - usage >= 2 && pos[-1] == '-' && pos[-2] == '-' && !*end) {
			*takes_value = false;
			return true;
		}
		pos = end;
	}
	return false;
}

/* "--name", "--name=value" or "--name" "value"; *used words. */
static bool add_option(json_t *request, const struct ctl_verb *verb, char *const *words,
		       size_t count, size_t *used)
{
	struct hf_str rest = hf_str(words[0] + 2);
	struct hf_str name = hf_str_split(&rest, '=');
	const char *equals = strchr(words[0], '='), *value = equals ? equals + 1 : NULL;
	char key[64];
	bool takes_value;

	if (!name.size || name.size >= sizeof key)
		goto unknown;
	memcpy(key, name.data, name.size);
	key[name.size] = '\0';
	if (!ctl_usage_has(verb->usage, key, &takes_value) || strcmp(key, "args") == 0 ||
	    strcmp(key, "verb") == 0)
		goto unknown;
	*used = 1;
	if (takes_value && !value) {
		if (count < 2) {
			fprintf(stderr, "hfctl: --%s needs a value\n", key);
			return false;
		}
		value = words[1];
		*used = 2;
	} else if (!takes_value && value) {
		fprintf(stderr, "hfctl: --%s takes no value\n", key);
		return false;
	}
	if (json_object_set_new(request, key, value ? json_string(value) : json_true()) == 0)
		return true;
	fprintf(stderr, "hfctl: --%s: not UTF-8\n", key);
	return false;
unknown:
	fprintf(stderr, "hfctl: %s: no such option; usage: hfctl %s %s\n", words[0], verb->name,
		verb->usage);
	return false;
}

json_t *ctl_request_new(const struct ctl_verb *verb, char *const *words, size_t count)
{
	json_t *request = json_object(), *args = json_array();
	bool options = true;
	size_t i, used;

	json_object_set_new(request, "args", args);
	for (i = 0; i < count; i += used) {
		used = 1;
		if (options && strcmp(words[i], "--") == 0) {
			options = false;
		} else if (options && strncmp(words[i], "--", 2) == 0) {
			if (!add_option(request, verb, words + i, count - i, &used))
				goto fail;
		} else if (json_array_append_new(args, json_string(words[i])) != 0) {
			fprintf(stderr, "hfctl: argument %zu is not UTF-8\n", i + 1);
			goto fail;
		}
	}
	return request;
fail:
	json_decref(request);
	return NULL;
}
