/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of FETCH items and their parsing. RFC 9051 §6.4.5; BINARY: RFC 3516; EMAILID, THREADID: RFC 8474; SAVEDATE: RFC 8514; PREVIEW: RFC 8970. */
#include "module/imap/fetch.h"

static const struct fetch_item items[] = {
	{ "BINARY", FETCH_NEEDS_TREE | FETCH_SETS_SEEN, fetch_parse_binary, fetch_write_binary },
	{ "BINARY.PEEK", FETCH_NEEDS_TREE, fetch_parse_binary, fetch_write_binary },
	{ "BINARY.SIZE", FETCH_NEEDS_TREE, fetch_parse_binary, fetch_write_binary },
	{ "BODY", FETCH_NEEDS_TREE, fetch_parse_section, fetch_write_section },
	{ "BODY.PEEK", FETCH_NEEDS_TREE, fetch_parse_section, fetch_write_section },
	{ "BODYSTRUCTURE", 0, NULL, fetch_write_bodystructure },
	{ "EMAILID", 0, NULL, fetch_write_emailid },
	{ "ENVELOPE", 0, NULL, fetch_write_envelope },
	{ "FLAGS", 0, NULL, fetch_write_flags },
	{ "INTERNALDATE", 0, NULL, fetch_write_internaldate },
	{ "MODSEQ", 0, NULL, fetch_write_modseq },
	{ "PREVIEW", FETCH_NEEDS_LIST, fetch_parse_preview, fetch_write_preview },
	{ "RFC822", FETCH_NEEDS_TREE | FETCH_SETS_SEEN, fetch_parse_section, fetch_write_section },
	{ "RFC822.HEADER", FETCH_NEEDS_TREE, fetch_parse_section, fetch_write_section },
	{ "RFC822.SIZE", 0, NULL, fetch_write_size },
	{ "RFC822.TEXT", FETCH_NEEDS_TREE | FETCH_SETS_SEEN, fetch_parse_section, fetch_write_section },
	{ "SAVEDATE", 0, NULL, fetch_write_savedate },
	{ "THREADID", 0, NULL, fetch_write_threadid },
	{ "UID", 0, NULL, fetch_write_uid },
};

static const struct {
	const char *name;
	const char *items[6];
} macros[] = {
	{ "ALL", { "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE" } },
	{ "FAST", { "FLAGS", "INTERNALDATE", "RFC822.SIZE" } },
	{ "FULL", { "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY" } },
};

const struct fetch_item *fetch_item_find(struct hf_str name)
{
	size_t i;

	for (i = 0; i < HF_COUNT(items); i++)
		if (hf_str_ieq(name, hf_str(items[i].name)))
			return &items[i];
	return NULL;
}

static void add(struct imap_cmd *cmd, const struct fetch_item *item, void *arg, struct hf_str text, unsigned needs)
{
	struct fetch_args *args = cmd->args;

	if (args->use_count == args->use_capacity) {
		size_t capacity = args->use_capacity ? args->use_capacity * 2 : 8;
		struct fetch_use *grown = hf_new_array(cmd->arena, struct fetch_use, capacity);

		if (args->use_count)
			memcpy(grown, args->uses, args->use_count * sizeof *grown);
		args->uses = grown;
		args->use_capacity = capacity;
	}
	args->uses[args->use_count++] = (struct fetch_use){ item, arg, text };
	args->needs |= needs;
}

void fetch_use_add(struct imap_cmd *cmd, const char *name)
{
	struct fetch_args *args = cmd->args;
	const struct fetch_item *item = fetch_item_find(hf_str(name));
	size_t i;

	for (i = 0; i < args->use_count; i++)
		if (args->uses[i].item == item && !args->uses[i].arg)
			return;
	add(cmd, item, NULL, hf_str(item->name), item->needs);
}

/* An item's name: letters, digits and dots. */
static struct hf_str take_name(struct imap_parser *p)
{
	const char *start = p->pos;

	while (p->pos < p->end && ((*p->pos >= 'A' && *p->pos <= 'Z') || (*p->pos >= 'a' && *p->pos <= 'z') ||
				   (*p->pos >= '0' && *p->pos <= '9') || *p->pos == '.'))
		p->pos++;
	return hf_str_n(start, (size_t)(p->pos - start));
}

static enum hf_status parse_one(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct hf_str name = take_name(p);
	const struct fetch_item *item = fetch_item_find(name);
	enum hf_status status;
	unsigned needs;
	void *arg = NULL;

	if (!item) {
		p->pos = name.data;
		return imap_parser_expected(p, "a FETCH item");
	}
	needs = item->needs;
	if (item->parse) {
		status = item->parse(cmd, p, item, &arg, &needs);
		if (status != HF_OK)
			return status;
	}
	if (arg)
		add(cmd, item, arg, hf_arena_str(cmd->arena, hf_str_n(name.data, (size_t)(p->pos - name.data))), needs);
	else
		fetch_use_add(cmd, item->name);
	return HF_OK;
}

enum hf_status fetch_items_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	enum hf_status status;
	size_t i, j;

	if (!imap_parse_char(p, '(')) {
		for (i = 0; i < HF_COUNT(macros); i++) {
			if (!imap_parse_keyword(p, macros[i].name))
				continue;
			for (j = 0; j < HF_COUNT(macros[i].items) && macros[i].items[j]; j++)
				fetch_use_add(cmd, macros[i].items[j]);
			return HF_OK;
		}
		return parse_one(cmd, p);
	}
	do {
		imap_parse_space(p); /* real clients write "(FLAGS )" */
		if (imap_parse_is(p, ')') && ((struct fetch_args *)cmd->args)->use_count)
			break;
		status = parse_one(cmd, p);
		if (status != HF_OK)
			return status;
	} while (imap_parse_is(p, ' '));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a FETCH item or )");
}
