/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification of rows of rights, of groups, and of what others than the owner have seen: that they can be read, that the two
 * ways agree, and that what they name is there. Identifiers may name users who do not exist. */

#include <stdarg.h>

#include "storage/rights_priv.h"

struct check {
	struct hf_store *store;
	void (*tell)(void *arg, const char *text);
	void *arg;
	const bool *stop;
	struct hf_buf value;
};

static void wrong(struct check *c, const char *format, ...) HF_PRINTF(2, 3);
static void wrong(struct check *c, const char *format, ...)
{
	struct hf_buf text = HF_BUF_INIT;
	va_list ap;

	va_start(ap, format);
	hf_buf_vprintf(&text, format, ap);
	va_end(ap);
	c->tell(c->arg, hf_buf_cstr(&text));
	hf_buf_fini(&text);
}

static bool has(struct check *c, const struct row_key *key)
{
	return table_get(c->store->env, NULL, TABLE_META, key, &c->value) != HF_ENONEXISTENT;
}

static bool has_id(struct check *c, enum meta_type type, uint64_t id)
{
	struct row_key key;

	key_id(&key, type, id);
	return has(c, &key);
}

static void check_rights(struct check *c, struct hf_str key, struct hf_str value)
{
	uint64_t mailbox = key_be64(key, 1);
	struct hf_str identifier = hf_str_sub(key, 9, key.size);
	struct row_key other;
	uint32_t rights;

	if (row_rights_decode(value, &rights) != HF_OK || !rights || rights & ~HF_RIGHTS_ALL)
		wrong(c, "mailbox %llu: rights of %.*s cannot be read", (unsigned long long)mailbox, HF_STR_ARG(identifier));
	if (!has_id(c, META_MAILBOX, mailbox))
		wrong(c, "mailbox %llu: rights without a mailbox", (unsigned long long)mailbox);
	key_granted(&other, identifier, mailbox);
	if (!has(c, &other))
		wrong(c, "mailbox %llu: rights of %.*s are not found by his name", (unsigned long long)mailbox,
		      HF_STR_ARG(identifier));
}

static void check_granted(struct check *c, struct hf_str key, struct hf_str value)
{
	struct hf_reader r = hf_reader_init(hf_str_sub(key, 1, key.size));
	struct hf_str identifier = HF_STR_NULL;
	struct row_key other;
	uint64_t mailbox = 0;

	(void)value;
	if (!hf_read_varstr(&r, &identifier) || !hf_read_be64(&r, &mailbox)) {
		wrong(c, "a name of rights cannot be read");
		return;
	}
	key_rights(&other, mailbox, identifier);
	if (!has(c, &other))
		wrong(c, "mailbox %llu: %.*s is said to have rights", (unsigned long long)mailbox, HF_STR_ARG(identifier));
}

static void check_group(struct check *c, struct hf_str key, struct hf_str value)
{
	struct hf_reader r = hf_reader_init(hf_str_sub(key, 2, key.size));
	struct hf_str first = HF_STR_NULL, second, user;
	struct row_key other;

	(void)value;
	if (key.size < 3 || !hf_read_varstr(&r, &first)) {
		wrong(c, "a member of a group cannot be read");
		return;
	}
	second = hf_str_n(r.pos, (size_t)(r.end - r.pos));
	user = key.data[1] == GROUP_MEMBER ? second : first;
	if (key.data[1] == GROUP_MEMBER)
		key_member_of(&other, second, first);
	else
		key_member(&other, second, first);
	if (!has(c, &other))
		wrong(c, "group %.*s, %.*s: a member one way only", HF_STR_ARG(first), HF_STR_ARG(second));
	key_named(&other, META_NAME, user);
	if (!has(c, &other))
		wrong(c, "group %.*s, %.*s: there is no such user", HF_STR_ARG(first), HF_STR_ARG(second));
}

static void check_seen(struct check *c, struct hf_str key, struct hf_str value)
{
	uint64_t mailbox = key_be64(key, 1), user = key_be64(key, 9);
	struct seen_block block = { .number = 0 };
	struct hf_arena *arena;
	struct row_mailbox row;

	if (key.size != 21 || row_seen_decode(value, &block) != HF_OK)
		wrong(c, "mailbox %llu user %llu: what he has seen cannot be read", (unsigned long long)mailbox,
		      (unsigned long long)user);
	arena = hf_arena_new();
	if (!has_id(c, META_MAILBOX, mailbox))
		wrong(c, "mailbox %llu user %llu: what he has seen is nowhere", (unsigned long long)mailbox,
		      (unsigned long long)user);
	else if (row_mailbox_decode(arena, hf_buf_str(&c->value), &row) == HF_OK && seen_modseq_max(&block) > row.highestmodseq)
		wrong(c, "mailbox %llu user %llu: what he has seen is of a modseq to come", (unsigned long long)mailbox,
		      (unsigned long long)user);
	hf_arena_free(&arena);
	if (!has_id(c, META_USER, user))
		wrong(c, "mailbox %llu user %llu: what nobody has seen", (unsigned long long)mailbox, (unsigned long long)user);
}

static void check_type(struct check *c, enum meta_type type,
		       void (*check)(struct check *c, struct hf_str key, struct hf_str value))
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	key_begin(&from, type);
	scan_open(&scan, c->store->env, TABLE_META, &from, 1, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK && !(c->stop && __atomic_load_n(c->stop, __ATOMIC_RELAXED)))
		check(c, key, value);
	scan_close(&scan);
}

void rights_verify(struct hf_store *store, void (*tell)(void *arg, const char *text), void *arg, const bool *stop)
{
	struct check c = { .store = store, .tell = tell, .arg = arg, .stop = stop };

	check_type(&c, META_RIGHTS, check_rights);
	check_type(&c, META_GRANTED, check_granted);
	check_type(&c, META_GROUP, check_group);
	check_type(&c, META_SEEN, check_seen);
	hf_buf_fini(&c.value);
}
