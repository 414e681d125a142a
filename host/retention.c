/* SPDX-License-Identifier: BSD-2-Clause */
/* Times of retention, and rules of store.retention, as text. */
#include "host/config_priv.h"

#include <inttypes.h>

bool hf_retention_time_parse(const char *text, uint32_t *s, struct hf_buf *why)
{
	const struct hf_option option = { .name = "retention",
					  .type = HF_OPT_DURATION,
					  .min = 1000,
					  .max = 3650ll * 24 * 3600 * 1000 };
	struct hf_arena *arena = hf_arena_new();
	uint64_t ms = 0;
	bool ok = hf_option_parse(&option, text, arena, &ms, why);

	*s = (uint32_t)(ms / 1000);
	hf_arena_free(&arena);
	return ok;
}

const char *hf_retention_time_text(struct hf_arena *arena, uint32_t s)
{
	static const struct {
		const char *name;
		uint32_t s;
	} units[] = { { "d", 24 * 3600 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };

	for (size_t i = 0; i < HF_COUNT(units) && s; i++)
		if (s % units[i].s == 0)
			return hf_arena_printf(arena, "%" PRIu32 " %s", s / units[i].s,
					       units[i].name);
	return "off";
}

/* The time is behind the last "="; names may have others. */
bool hf_retention_rule_parse(const char *text, struct hf_arena *arena,
			     struct hf_retention_rule *rule, struct hf_buf *why)
{
	struct hf_str all = hf_str(text), name;
	const char *reason = NULL;
	size_t at = all.size;

	*rule = (struct hf_retention_rule){ .s = 0 };
	while (at && all.data[at - 1] != '=')
		at--;
	name = hf_str_trim(hf_str_sub(all, 0, at ? at - 1 : 0));
	if (!name.size) {
		hf_buf_printf(why, "'%.100s' is not of the form \"NAME = TIME\"", text);
		return false;
	}
	if (name.data[0] == '\\') {
		rule->special_use = hf_special_use_find(hf_str_sub(name, 1, name.size));
		if (!rule->special_use)
			reason = "there is no such special use";
	} else if (hf_mailbox_name_check(name, arena, &rule->mailbox, &reason) != HF_OK && !reason) {
		reason = "not a name of a mailbox";
	}
	if (reason) {
		hf_buf_printf(why, "'%.*s': %s", HF_STR_ARG(name), reason);
		return false;
	}
	return hf_retention_time_parse(
		hf_arena_cstr(arena, hf_str_trim(hf_str_sub(all, at, all.size))), &rule->s, why);
}
