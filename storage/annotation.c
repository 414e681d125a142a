/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations: names, reading, and verification. Changing is in op_annotate.c, news of changes in annotation_news.c. */

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "storage/annotation_priv.h"

/* Names ----------------------------------------------------------------------------------------------------------- */

static bool is_level(struct hf_str name, struct hf_str level)
{
	return hf_str_starts(name, level) && (name.size == level.size || name.data[level.size] == '/');
}

enum hf_status hf_entry_check(struct hf_str name, struct hf_arena *arena, struct hf_str *normal)
{
	char *lower;

	if (!name.size || name.data[0] != '/' || name.data[name.size - 1] == '/')
		return HF_EINVALID;
	for (size_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if (c < ' ' || c >= 0x7f || c == '*' || c == '%' || (c == '/' && name.data[i + 1] == '/'))
			return HF_EINVALID;
	}
	if (name.size > HF_ENTRY_MAX)
		return HF_ELIMIT;
	lower = hf_arena_cstr(arena, name);
	for (size_t i = 0; i < name.size; i++)
		lower[i] = hf_ascii_lower(lower[i]);
	name = hf_str_n(lower, name.size);
	if (!is_level(name, HF_STR("/private")) && !is_level(name, HF_STR("/shared")))
		return HF_EINVALID;
	*normal = name;
	return HF_OK;
}

static unsigned levels_of(struct hf_str name)
{
	unsigned levels = 0;

	for (size_t i = 0; i < name.size; i++)
		levels += name.data[i] == '/';
	return levels;
}

bool hf_entry_has_value(struct hf_str normal)
{
	bool vendor = is_level(normal, HF_STR("/private/vendor")) || is_level(normal, HF_STR("/shared/vendor"));

	return levels_of(normal) >= (vendor ? 4 : 2);
}

bool hf_entry_is_private(struct hf_str normal)
{
	return is_level(normal, HF_STR("/private"));
}

bool hf_entry_is_within(struct hf_str normal, struct hf_str base, unsigned depth)
{
	return is_level(normal, base) && levels_of(hf_str_sub(normal, base.size, normal.size)) <= depth;
}

/* Reading --------------------------------------------------------------------------------------------------------- */

enum hf_status hf_annotation_find(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_str normal,
				  struct hf_arena *arena, struct hf_str *value)
{
	struct hf_buf buffer = HF_BUF_INIT;
	struct row_annotation row;
	struct row_key key;
	enum hf_status status;

	key_annotation(&key, mailbox, hf_entry_is_private(normal) ? user : 0, normal);
	status = table_get(store->env, NULL, TABLE_META, &key, &buffer);
	if (status == HF_OK)
		status = row_annotation_decode(hf_buf_str(&buffer), &row);
	if (status == HF_OK)
		*value = hf_arena_str(arena, row.value);
	hf_buf_fini(&buffer);
	annotation_settle(store);
	return status;
}

static void list_add(struct hf_arena *arena, struct hf_annotation_info **list, size_t *count, size_t *capacity,
		     const struct hf_annotation_info *info)
{
	if (*count == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 16;
		struct hf_annotation_info *grown = hf_new_array(arena, struct hf_annotation_info, more);

		if (*count)
			memcpy(grown, *list, *count * sizeof(*grown));
		*list = grown;
		*capacity = more;
	}
	(*list)[(*count)++] = *info;
}

enum hf_status hf_annotation_list(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_arena *arena,
				  struct hf_annotation_info **list, size_t *count)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	size_t capacity = 0;
	enum hf_status status;

	*list = NULL;
	*count = 0;
	key_annotation(&from, mailbox, user, HF_STR("/")); /* behind the scope's own row */
	scan_open(&scan, store->env, TABLE_META, &from, ROW_ANNOTATION_ENTRY, 16 * 1024);
	while ((status = scan_next(&scan, &key, &value)) == HF_OK) {
		struct hf_annotation_info info;
		struct row_annotation row;

		status = row_annotation_decode(value, &row);
		if (status != HF_OK)
			break;
		info.name = hf_arena_str(arena, hf_str_sub(key, ROW_ANNOTATION_ENTRY, key.size));
		info.written = row.written.size ? hf_arena_str(arena, row.written) : info.name;
		info.size = row.value.size;
		list_add(arena, list, count, &capacity, &info);
	}
	scan_close(&scan);
	annotation_settle(store);
	return status == HF_ENONEXISTENT ? HF_OK : status;
}

void hf_annotation_limits(struct hf_store *store, struct hf_annotation_limits *limits)
{
	*limits = (struct hf_annotation_limits){
		.count = store->settings.annotations_max,
		.size = store->settings.annotations_size,
		.user_size = store->settings.annotations_user_size,
	};
}

/* Verification ---------------------------------------------------------------------------------------------------- */

struct charge {
	uint64_t user, size;
};

struct check {
	struct hf_store *store;
	void (*wrong)(void *arg, const char *text);
	void *arg;
	struct charge *charges;
	size_t charge_count, charge_capacity;
	/* the scope at hand */
	bool open;
	uint64_t mailbox, user;
	struct row_scope row, sum;
};

static void wrong(struct check *check, const char *format, ...) HF_PRINTF(2, 3);
static void wrong(struct check *check, const char *format, ...)
{
	struct hf_buf text = HF_BUF_INIT;
	va_list ap;

	va_start(ap, format);
	hf_buf_vprintf(&text, format, ap);
	va_end(ap);
	check->wrong(check->arg, hf_buf_cstr(&text));
	hf_buf_fini(&text);
}

static void add_charge(struct check *check, uint64_t user, uint64_t size)
{
	if (check->charge_count == check->charge_capacity) {
		check->charge_capacity = check->charge_capacity ? 2 * check->charge_capacity : 64;
		check->charges = hf_realloc_array(check->charges, check->charge_capacity, sizeof(*check->charges));
	}
	check->charges[check->charge_count++] = (struct charge){ user, size };
}

static bool has_user(struct hf_store *store, uint64_t user, bool *deleted)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_user row;
	bool has = user_get_any(store, user, arena, &row) == HF_OK;

	*deleted = has && row.flags & USER_DELETED;
	hf_arena_free(&arena);
	return has;
}

static bool has_mailbox(struct hf_store *store, uint64_t mailbox, uint64_t *owner, bool *deleted)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_mailbox row;
	bool has = mailbox_get_any(store, mailbox, arena, &row) == HF_OK;

	*owner = has ? row.owner : 0;
	*deleted = has && row.flags & MAILBOX_DELETED;
	hf_arena_free(&arena);
	return has;
}

/* What is being removed piece by piece agrees with nothing. */
static void end_scope(struct check *check)
{
	uint64_t owner = 0;
	bool removed = false, deleted = false;

	if (!check->open)
		return;
	check->open = false;
	if (check->mailbox && !has_mailbox(check->store, check->mailbox, &owner, &removed))
		wrong(check, "annotations of mailbox %llu, which does not exist", (unsigned long long)check->mailbox);
	if (check->user && !has_user(check->store, check->user, &deleted))
		wrong(check, "annotations of user %llu, who does not exist", (unsigned long long)check->user);
	if (!removed && !deleted && (check->row.count != check->sum.count || check->row.size != check->sum.size))
		wrong(check, "mailbox %llu user %llu: %u annotations of %llu octets, %u of %llu counted",
		      (unsigned long long)check->mailbox, (unsigned long long)check->user, check->row.count,
		      (unsigned long long)check->row.size, check->sum.count, (unsigned long long)check->sum.size);
	add_charge(check, check->user ? check->user : owner, check->row.size);
}

static void check_row(struct check *check, struct hf_str key, struct hf_str value)
{
	uint64_t mailbox = key_be64(key, 1), user = key_be64(key, 9);
	struct hf_str entry = hf_str_sub(key, ROW_ANNOTATION_ENTRY, key.size);
	struct row_annotation row;

	if (!check->open || check->mailbox != mailbox || check->user != user) {
		end_scope(check);
		check->open = true;
		check->mailbox = mailbox;
		check->user = user;
		check->row = check->sum = (struct row_scope){ 0 };
	}
	if (!entry.size && row_scope_decode(value, &check->row) == HF_OK)
		return;
	if (!entry.size || row_annotation_decode(value, &row) != HF_OK) {
		wrong(check, "mailbox %llu user %llu: an annotation cannot be read", (unsigned long long)mailbox,
		      (unsigned long long)user);
		return;
	}
	if (hf_entry_is_private(entry) != (user != 0))
		wrong(check, "mailbox %llu user %llu: an annotation in the wrong scope", (unsigned long long)mailbox,
		      (unsigned long long)user);
	check->sum.count++;
	check->sum.size += entry.size + row.value.size;
}

static int by_user(const void *a, const void *b)
{
	const struct charge *x = a, *y = b;

	return (x->user > y->user) - (x->user < y->user);
}

static uint64_t charged(const struct check *check, uint64_t user)
{
	size_t low = 0, high = check->charge_count;
	uint64_t size = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (check->charges[middle].user < user)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < check->charge_count && check->charges[low].user == user; low++)
		size += check->charges[low].size;
	return size;
}

static void check_users(struct check *check, const bool *stop)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	if (check->charge_count)
		qsort(check->charges, check->charge_count, sizeof(*check->charges), by_user);
	key_begin(&from, META_USER);
	scan_open(&scan, check->store->env, TABLE_META, &from, 1, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK && !(stop && __atomic_load_n(stop, __ATOMIC_RELAXED))) {
		uint64_t user = key_be64(key, 1), size = charged(check, user);
		struct row_user row;

		hf_arena_reset(arena);
		if (row_user_decode(arena, value, &row) == HF_OK && !(row.flags & USER_DELETED) &&
		    row.annotations_size != size)
			wrong(check, "user %llu: annotations of %llu octets, %llu counted", (unsigned long long)user,
			      (unsigned long long)row.annotations_size, (unsigned long long)size);
	}
	scan_close(&scan);
	hf_arena_free(&arena);
}

void annotation_verify(struct hf_store *store, void (*tell)(void *arg, const char *text), void *arg, const bool *stop)
{
	struct check check = { .store = store, .wrong = tell, .arg = arg };
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	bool stopped = false;

	key_begin(&from, META_ANNOTATION);
	scan_open(&scan, store->env, TABLE_META, &from, 1, 256 * 1024);
	while (!stopped && scan_next(&scan, &key, &value) == HF_OK) {
		if (key.size >= ROW_ANNOTATION_ENTRY)
			check_row(&check, key, value);
		else
			wrong(&check, "the key of an annotation cannot be read");
		stopped = stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
	}
	scan_close(&scan);
	if (!stopped) {
		end_scope(&check);
		check_users(&check, stop);
	}
	hf_free(check.charges);
}
