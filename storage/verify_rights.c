/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification of rows of rights, of groups, of what others than the owner have seen, of retention and of deleted mailboxes: that they
 * can be read, that the two ways agree, and that what they name is there. Identifiers may name users who do not exist. */

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

/* Whether the row is still as it was: the store is in use, and what belongs together is not read together. */
static bool is_still(struct check *c, struct hf_str key, struct hf_str value)
{
	struct row_key same = { .size = key.size };

	memcpy(same.data, key.data, key.size);
	return table_get(c->store->env, NULL, TABLE_META, &same, &c->value) == HF_OK && hf_str_eq(hf_buf_str(&c->value), value);
}

static void check_retention(struct check *c, struct hf_str key, struct hf_str value)
{
	uint64_t mailbox = key.size == 9 ? key_be64(key, 1) : 0, s;

	if (key.size != 9 || row_id_decode(value, &s) != HF_OK || s > UINT32_MAX)
		wrong(c, "mailbox %llu: its time of retention cannot be read", (unsigned long long)mailbox);
	else if (!has_id(c, META_MAILBOX, mailbox) && is_still(c, key, value))
		wrong(c, "mailbox %llu: a time of retention without a mailbox", (unsigned long long)mailbox);
}

/* The mailbox that the row names waits under this name, and row K says when it goes. */
static const char *deleted_problem(struct check *c, struct hf_arena *arena, struct hf_str key, const struct row_deleted *row)
{
	struct hf_str name = hf_str_sub(key, 9, key.size - 18);
	struct row_mailbox mailbox;
	struct row_key other;

	key_id(&other, META_MAILBOX, row->mailbox);
	if (!has(c, &other) || row_mailbox_decode(arena, hf_buf_str(&c->value), &mailbox) != HF_OK)
		return "it is nowhere";
	if (!(mailbox.flags & MAILBOX_DELETED))
		return "it is there";
	if (mailbox.owner != key_be64(key, 1) || !hf_str_eq(mailbox.name, name))
		return "it had another name";
	key_due(&other, row->due, row->mailbox, HF_UID(0));
	return has(c, &other) ? NULL : "it would never go";
}

static void check_deleted(struct check *c, struct hf_str key, struct hf_str value)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_deleted row;
	const char *problem = NULL;

	if (key.size < 19 || key.data[key.size - 9] != 0 || row_deleted_decode(value, &row) != HF_OK)
		wrong(c, "a deleted mailbox cannot be read");
	else
		problem = deleted_problem(c, arena, key, &row);
	if (problem && is_still(c, key, value))
		wrong(c, "mailbox %llu: deleted, but %s", (unsigned long long)row.mailbox, problem);
	hf_arena_free(&arena);
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
	check_type(&c, META_RETENTION, check_retention);
	check_type(&c, META_DELETED, check_deleted);
	hf_buf_fini(&c.value);
}
