/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification: reads back everything that can be reached from the accounts, beside all other work.
 *
 * For each user: mailbox rows against their names, index rows against the counters, emails against their memberships, the
 * user's totals. What looks wrong is looked at again a moment later, and only what is wrong twice running counts: the rest was
 * a change on its way. Counters that have changed while they were counted say nothing, and are counted again. Then each content once, in order: checksums, size, references, and what a fresh parse finds. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "message/mime.h"
#include "storage/annotation_priv.h"
#include "storage/rights_priv.h"
#include "storage/signature.h"
#include "storage/store_priv.h"

#define SCAN_BUFFER (256 * 1024)
#define LOOKS_MOST 4 /* at a user who does not hold still */

struct mailbox_ref {
	uint64_t owner, mailbox;
};

struct content_ref {
	uint64_t content, owner, email;
};

struct member {
	uint64_t email; /* 0: free slot */
	uint32_t count;
};

struct findings {
	char **texts;
	size_t count;
};

struct verify {
	struct hf_store *store;
	struct hf_verify *totals;
	void (*finding)(void *arg, const char *what);
	void *arg;
	const bool *stop;
	struct mailbox_ref *mailboxes;
	size_t mailbox_count, mailbox_capacity;
	struct content_ref *contents;
	size_t content_count, content_capacity;
	uint64_t content_limit; /* younger content may have got references while we were looking */
	/* of the user at hand */
	struct findings *found;
	struct member *members;
	size_t member_count, member_capacity; /* capacity: a power of two */
	struct hf_verify counted;
	uint64_t used_size, used_count;
	bool moving; /* something has changed while it was counted */
};

static bool stopped(const struct verify *v)
{
	return v->stop && __atomic_load_n(v->stop, __ATOMIC_RELAXED);
}

static void wrong(struct verify *v, const char *format, ...) HF_PRINTF(2, 3);
static void wrong(struct verify *v, const char *format, ...)
{
	struct hf_buf text = HF_BUF_INIT;
	va_list ap;

	va_start(ap, format);
	hf_buf_vprintf(&text, format, ap);
	va_end(ap);
	v->found->texts = hf_realloc_array(v->found->texts, v->found->count + 1, sizeof(char *));
	v->found->texts[v->found->count++] = hf_buf_cstr(&text);
}

static void findings_free(struct findings *found)
{
	for (size_t i = 0; i < found->count; i++)
		hf_free(found->texts[i]);
	hf_free(found->texts);
	*found = (struct findings){ NULL, 0 };
}

static void tell(struct verify *v, const char *text)
{
	v->totals->damaged++;
	v->finding(v->arg, text);
}

/* Those of `now` that were there before, too. */
static void tell_both(struct verify *v, const struct findings *before, const struct findings *now)
{
	for (size_t i = 0; i < now->count; i++) {
		bool again = false;

		for (size_t j = 0; j < before->count && !again; j++)
			again = strcmp(now->texts[i], before->texts[j]) == 0;
		if (again)
			tell(v, now->texts[i]);
	}
}

/* Memberships of emails ------------------------------------------------------------------------------------------- */

static struct member *member_slot(struct verify *v, uint64_t email)
{
	size_t at = (size_t)(email * UINT64_C(0x9e3779b97f4a7c15)) & (v->member_capacity - 1);

	while (v->members[at].email && v->members[at].email != email)
		at = (at + 1) & (v->member_capacity - 1);
	return &v->members[at];
}

static void member_add(struct verify *v, uint64_t email)
{
	struct member *slot;

	if (!email)
		return;
	if (2 * (v->member_count + 1) > v->member_capacity) {
		struct member *old = v->members;
		size_t capacity = v->member_capacity;

		v->member_capacity = capacity ? 2 * capacity : 1024;
		v->members = hf_alloc_zero(v->member_capacity * sizeof(*v->members));
		for (size_t i = 0; i < capacity; i++)
			if (old[i].email)
				*member_slot(v, old[i].email) = old[i];
		hf_free(old);
	}
	slot = member_slot(v, email);
	v->member_count += slot->email == 0;
	slot->email = email;
	slot->count++;
}

/* Mailboxes ------------------------------------------------------------------------------------------------------- */

static void check_name(struct verify *v, uint64_t mailbox, const struct row_mailbox *row)
{
	struct hf_buf value = HF_BUF_INIT;
	struct row_key key;
	uint64_t id = 0;

	key_owned(&key, META_LISTING, row->owner, row->name);
	if (table_get(v->store->env, NULL, TABLE_META, &key, &value) != HF_OK ||
	    row_id_decode(hf_buf_str(&value), &id) != HF_OK || id != mailbox)
		wrong(v, "mailbox %llu of user %llu is not found by its name", (unsigned long long)mailbox,
		      (unsigned long long)row->owner);
	hf_buf_fini(&value);
}

/* UIDs whose rows are dead, and those among them that will be kept. */
static void find_dead(struct verify *v, uint64_t mailbox, struct hf_set *dead, struct hf_set *kept)
{
	struct row_dead row;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	key_kind(&from, META_JOB, JOB_DEAD, mailbox);
	scan_open(&scan, v->store->env, TABLE_META, &from, from.size, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		if (row_dead_decode(value, &row, dead) != HF_OK || (row.keep && row_dead_decode(value, &row, kept) != HF_OK))
			wrong(v, "mailbox %llu: a list of dead index rows cannot be read", (unsigned long long)mailbox);
	}
	scan_close(&scan);
}

static void count_index(struct verify *v, uint64_t mailbox, const struct row_mailbox *row, struct row_mailbox *sum)
{
	struct hf_set dead = HF_SET_INIT, kept = HF_SET_INIT;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	find_dead(v, mailbox, &dead, &kept);

	key_message(&from, mailbox, HF_UID(0));
	scan_open(&scan, v->store->env, TABLE_INDEX, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		struct hf_uid uid = { key_be32(key, 8) };
		struct hf_record record;

		if (uid.n >= row->uidnext)
			break; /* a copy on its way */
		if (key.size != 12 || row_index_decode(uid, value, &record) != HF_OK) {
			wrong(v, "mailbox %llu uid %u: index row cannot be read", (unsigned long long)mailbox, uid.n);
			continue;
		}
		if (hf_set_has(&dead, uid.n)) {
			if (hf_set_has(&kept, uid.n))
				member_add(v, record.email);
			continue;
		}
		if (record.modseq.n > row->highestmodseq)
			wrong(v, "mailbox %llu uid %u: modseq above the mailbox's", (unsigned long long)mailbox, uid.n);
		sum->messages++;
		sum->unseen += !(record.flags & HF_FLAG_SEEN);
		if (record.flags & HF_FLAG_DELETED) {
			sum->deleted++;
			sum->deleted_size += record.size;
		}
		sum->recent += uid.n >= row->recent_from;
		sum->size += record.size;
		member_add(v, record.email);
	}
	scan_close(&scan);
	hf_set_fini(&dead);
	hf_set_fini(&kept);
}

static void count_kept(struct verify *v, uint64_t mailbox)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	key_message(&from, mailbox, HF_UID(0));
	scan_open(&scan, v->store->env, TABLE_KEPT, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		struct row_kept kept;

		if (row_kept_decode(HF_UID(key_be32(key, 8)), value, &kept) != HF_OK) {
			wrong(v, "mailbox %llu uid %u: row of expunged messages cannot be read",
			      (unsigned long long)mailbox, key_be32(key, 8));
			continue;
		}
		for (unsigned i = 0; i < kept.count; i++)
			member_add(v, kept.records[i].email);
	}
	scan_close(&scan);
}

static void count_gone(struct verify *v, uint64_t mailbox)
{
	struct hf_set uids = HF_SET_INIT;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	key_gone(&from, mailbox, HF_MOD(0));
	scan_open(&scan, v->store->env, TABLE_GONE, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		hf_set_clear(&uids);
		if (row_gone_decode(value, &uids) != HF_OK)
			wrong(v, "mailbox %llu: history of expunges cannot be read", (unsigned long long)mailbox);
	}
	scan_close(&scan);
	hf_set_fini(&uids);
}

static bool counters_differ(const struct row_mailbox *a, const struct row_mailbox *b)
{
	return a->messages != b->messages || a->unseen != b->unseen || a->deleted != b->deleted || a->recent != b->recent ||
	       a->size != b->size || a->deleted_size != b->deleted_size;
}

static void check_mailbox(struct verify *v, uint64_t mailbox)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_mailbox row, now, sum = { .uidnext = 0 };
	enum hf_status status = mailbox_get_any(v->store, mailbox, arena, &row);

	if (status == HF_OK) {
		count_index(v, mailbox, &row, &sum);
		count_kept(v, mailbox);
		count_gone(v, mailbox);
		if (counters_differ(&sum, &row)) {
			if (mailbox_get_any(v->store, mailbox, arena, &now) != HF_OK || now.highestmodseq != row.highestmodseq ||
			    now.uidnext != row.uidnext || now.recent_from != row.recent_from || counters_differ(&now, &row))
				v->moving = true;
			else
				wrong(v, "mailbox %llu: counters do not agree with the index", (unsigned long long)mailbox);
		}
		if (!(row.flags & MAILBOX_DELETED)) {
			check_name(v, mailbox, &row);
			v->used_size += sum.size;
			v->used_count += sum.messages;
			v->counted.mailboxes++;
			v->counted.messages += sum.messages;
		}
	} else if (status != HF_ENONEXISTENT) {
		wrong(v, "mailbox %llu: row cannot be read", (unsigned long long)mailbox);
	}
	hf_arena_free(&arena);
}

/* Emails ---------------------------------------------------------------------------------------------------------- */

static void check_list(struct verify *v, uint64_t user)
{
	struct hf_str references[ROW_LIST_REFERENCES], key, value, payload;
	struct row_key from;
	struct scan scan;
	size_t seen = 0;

	key_email(&from, user, 0);
	scan_open(&scan, v->store->env, TABLE_LIST, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		uint64_t email = key_be64(key, 8);
		struct hf_list_row row;
		struct member *member = v->member_capacity ? member_slot(v, email) : NULL;
		uint32_t refs = 0;

		if (row_list_refs(value, &refs) != HF_OK || row_list_open(user, email, value, &payload) != HF_OK ||
		    row_list_decode(payload, references, &row) != HF_OK)
			wrong(v, "user %llu email %llu: row list is damaged", (unsigned long long)user,
			      (unsigned long long)email);
		if (!member || member->email != email)
			wrong(v, "user %llu email %llu: no message has it", (unsigned long long)user,
			      (unsigned long long)email);
		else if (member->count != refs)
			wrong(v, "user %llu email %llu: %u memberships, %u counted", (unsigned long long)user,
			      (unsigned long long)email, refs, member->count);
		seen += member && member->email == email;
	}
	scan_close(&scan);
	if (seen != v->member_count)
		wrong(v, "user %llu: %zu emails have no row list", (unsigned long long)user, v->member_count - seen);
}

static void add_content(struct verify *v, uint64_t content, uint64_t owner, uint64_t email)
{
	if (v->content_count == v->content_capacity) {
		v->content_capacity = v->content_capacity ? 2 * v->content_capacity : 1024;
		v->contents = hf_realloc_array(v->contents, v->content_capacity, sizeof(*v->contents));
	}
	v->contents[v->content_count++] = (struct content_ref){ content, owner, email };
}

static void check_emails(struct verify *v, uint64_t user)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_key from;
	struct scan scan;
	struct hf_str key, value, payload;
	size_t seen = 0;

	key_email(&from, user, 0);
	scan_open(&scan, v->store->env, TABLE_EMAIL, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		uint64_t email = key_be64(key, 8);
		struct hf_message message;
		struct row_email row;

		hf_arena_reset(arena);
		seen += v->member_capacity && member_slot(v, email)->email == email;
		if (row_email_open(user, email, value, &payload) != HF_OK || row_email_decode(payload, &row) != HF_OK ||
		    hf_message_decode(arena, row.message, &message) != HF_OK)
			wrong(v, "user %llu email %llu: row email is damaged", (unsigned long long)user,
			      (unsigned long long)email);
		else
			add_content(v, row.content, user, email);
	}
	scan_close(&scan);
	if (seen != v->member_count)
		wrong(v, "user %llu: %zu emails have no row email", (unsigned long long)user, v->member_count - seen);
	hf_arena_free(&arena);
}

static void check_signatures(struct verify *v, uint64_t user)
{
	struct hf_text_signature signature;
	struct row_key from;
	struct scan scan;
	struct hf_str key, value, payload;

	key_email(&from, user, 0);
	scan_open(&scan, v->store->env, TABLE_FTS, &from, 8, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		uint64_t email = key_be64(key, 8);

		if (row_fts_open(user, email, value, &payload) != HF_OK || signature_decode(payload, &signature) != HF_OK)
			wrong(v, "user %llu email %llu: row fts is damaged", (unsigned long long)user,
			      (unsigned long long)email);
		if (!v->member_capacity || member_slot(v, email)->email != email)
			wrong(v, "user %llu email %llu: a signature without a message", (unsigned long long)user,
			      (unsigned long long)email);
	}
	scan_close(&scan);
}

/* Users ----------------------------------------------------------------------------------------------------------- */

static int by_owner(const void *a, const void *b)
{
	const struct mailbox_ref *x = a, *y = b;

	return x->owner != y->owner ? (x->owner < y->owner ? -1 : 1) : (x->mailbox > y->mailbox) - (x->mailbox < y->mailbox);
}

/* All there are now; `again`: what cannot be read has been told. */
static void find_mailboxes(struct verify *v, bool again)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	v->mailbox_count = 0;
	key_begin(&from, META_MAILBOX);
	scan_open(&scan, v->store->env, TABLE_META, &from, 1, SCAN_BUFFER);
	while (scan_next(&scan, &key, &value) == HF_OK) {
		struct row_mailbox row;

		hf_arena_reset(arena);
		if (row_mailbox_decode(arena, value, &row) != HF_OK) {
			if (!again)
				tell(v, "a mailbox row cannot be read");
			continue;
		}
		if (v->mailbox_count == v->mailbox_capacity) {
			v->mailbox_capacity = v->mailbox_capacity ? 2 * v->mailbox_capacity : 256;
			v->mailboxes = hf_realloc_array(v->mailboxes, v->mailbox_capacity, sizeof(*v->mailboxes));
		}
		v->mailboxes[v->mailbox_count++] = (struct mailbox_ref){ row.owner, key_be64(key, 1) };
	}
	scan_close(&scan);
	hf_arena_free(&arena);
	if (v->mailbox_count)
		qsort(v->mailboxes, v->mailbox_count, sizeof(*v->mailboxes), by_owner);
}

/* The user's, in order of their ids. */
static const struct mailbox_ref *mailboxes_of(const struct verify *v, uint64_t user, size_t *count)
{
	size_t low = 0, high = v->mailbox_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->mailboxes[middle].owner < user)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < v->mailbox_count && v->mailboxes[low + *count].owner == user;)
		++*count;
	return v->mailboxes + low;
}

static bool totals_differ(const struct row_user *a, const struct row_user *b)
{
	return a->used_size != b->used_size || a->used_count != b->used_count || a->used_mailboxes != b->used_mailboxes;
}

static void check_user(struct verify *v, uint64_t user, bool again)
{
	struct hf_arena *arena = hf_arena_new();
	struct row_user before, row, sum = { .used_size = 0 };
	bool known = user_get(v->store, user, arena, &before) == HF_OK;
	enum hf_status status;
	const struct mailbox_ref *mailboxes;
	size_t count;

	if (again) /* some may have come or gone since the list was made */
		find_mailboxes(v, true);
	mailboxes = mailboxes_of(v, user, &count);
	if (v->member_capacity)
		memset(v->members, 0, v->member_capacity * sizeof(*v->members));
	v->member_count = 0;
	v->used_size = v->used_count = 0;
	v->moving = false;
	v->counted = (struct hf_verify){ .users = 1 };
	for (size_t i = 0; i < count && !stopped(v); i++)
		check_mailbox(v, mailboxes[i].mailbox);
	check_list(v, user);
	check_emails(v, user);
	check_signatures(v, user);
	sum.used_size = v->used_size;
	sum.used_count = v->used_count;
	sum.used_mailboxes = v->counted.mailboxes;
	status = user_get(v->store, user, arena, &row);
	if (status == HF_ENONEXISTENT || (status == HF_OK && row.flags & USER_DELETED)) {
		findings_free(v->found); /* he has gone meanwhile, and all of his goes */
		v->moving = false;
	} else if (known && status == HF_OK && totals_differ(&row, &sum)) {
		if (totals_differ(&row, &before))
			v->moving = true;
		else
			wrong(v, "user %llu: totals do not agree with the mailboxes", (unsigned long long)user);
	}
	hf_arena_free(&arena);
}

static void verify_user(struct verify *v, uint64_t user)
{
	struct findings before = { NULL, 0 }, now;
	size_t contents = v->content_count;
	uint64_t damaged = v->totals->damaged;
	bool again = true;

	for (unsigned look = 0; again && look < LOOKS_MOST && !stopped(v); look++) {
		if (look)
			nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
		v->content_count = contents;
		now = (struct findings){ NULL, 0 };
		/* cppcheck-suppress autoVariables ; for the check below only */
		v->found = &now;
		check_user(v, user, look > 0);
		tell_both(v, &before, &now);
		again = (now.count || v->moving) && v->totals->damaged == damaged;
		findings_free(&before);
		before = now;
	}
	findings_free(&before);
	v->totals->users += user == USER_SHARED_ID ? 0 : v->counted.users;
	v->totals->mailboxes += v->counted.mailboxes;
	v->totals->messages += v->counted.messages;
}

static void verify_users(struct verify *v)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;
	struct hf_arena *arena = hf_arena_new();

	key_begin(&from, META_USER);
	scan_open(&scan, v->store->env, TABLE_META, &from, 1, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		struct row_user row;

		hf_arena_reset(arena);
		if (row_user_decode(arena, value, &row) != HF_OK)
			tell(v, "a user row cannot be read");
		else if (!(row.flags & USER_DELETED))
			verify_user(v, key_be64(key, 1));
	}
	scan_close(&scan);
	hf_arena_free(&arena);
}

/* Contents -------------------------------------------------------------------------------------------------------- */

static int by_content(const void *a, const void *b)
{
	const struct content_ref *x = a, *y = b;

	if (x->content != y->content)
		return x->content < y->content ? -1 : 1;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->email > y->email) - (x->email < y->email);
}

/* Reads all of it; `encoded` and `signature` are what a fresh parse finds. */
static enum hf_status parse_again(struct verify *v, const struct hf_email *email, struct hf_buf *encoded,
				  struct hf_buf *signature)
{
	struct hf_arena *arena = hf_arena_new();
	struct signature_builder *builder = signature_builder_new();
	struct hf_mime *mime = hf_mime_new(arena, NULL, signature_sink(builder));
	struct hf_content *content = NULL;
	struct hf_message message;
	struct hf_str piece = HF_STR("");
	char first = 0;
	uint64_t at = email->prefix.size;
	enum hf_status status = hf_content_open(v->store, email, &content);

	while (status == HF_OK && (status = hf_content_peek(content, at, &piece)) == HF_OK && piece.size && !stopped(v)) {
		if (at == email->prefix.size)
			first = piece.data[0];
		hf_mime_feed(mime, piece);
		at += piece.size;
		v->totals->octets += piece.size;
	}
	hf_content_close(&content);
	hf_mime_finish(&mime, &message);
	signature_finish(&builder, &message, hf_str_n(&first, 1), hf_arena_used(arena), signature);
	hf_message_encode(&message, encoded);
	hf_arena_free(&arena);
	return status;
}

/* An email may have no signature, or one made under other rules, which says nothing. */
static bool signature_is(struct verify *v, const struct content_ref *ref, struct hf_str prefix, struct hf_str signature)
{
	struct hf_buf value = HF_BUF_INIT, fresh = HF_BUF_INIT;
	struct hf_text_signature decoded;
	struct hf_str stored;
	struct row_key key;
	bool same = true;

	key_email(&key, ref->owner, ref->email);
	if (table_get(v->store->env, NULL, TABLE_FTS, &key, &value) == HF_OK &&
	    row_fts_open(ref->owner, ref->email, hf_buf_str(&value), &stored) == HF_OK &&
	    signature_decode(stored, &decoded) == HF_OK && (decoded.header || decoded.body)) {
		hf_buf_add_str(&fresh, signature);
		signature_add_prefix(&fresh, prefix);
		same = hf_str_eq(stored, hf_buf_str(&fresh));
	}
	hf_buf_fini(&value);
	hf_buf_fini(&fresh);
	return same;
}

static bool message_is(struct verify *v, const struct content_ref *ref, struct hf_str encoded, struct hf_str signature)
{
	struct hf_buf value = HF_BUF_INIT;
	struct hf_str payload;
	struct row_email row;
	struct row_key key;
	bool same = true; /* one that has gone meanwhile */

	key_email(&key, ref->owner, ref->email);
	if (table_get(v->store->env, NULL, TABLE_EMAIL, &key, &value) == HF_OK)
		same = row_email_open(ref->owner, ref->email, hf_buf_str(&value), &payload) == HF_OK &&
		       row_email_decode(payload, &row) == HF_OK && hf_str_eq(row.message, encoded) &&
		       signature_is(v, ref, row.prefix, signature);
	hf_buf_fini(&value);
	return same;
}

static void check_content(struct verify *v, const struct content_ref *refs, size_t count)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf encoded = HF_BUF_INIT, signature = HF_BUF_INIT;
	struct row_content row;
	struct hf_email email;
	uint64_t content = refs->content;
	enum hf_status status = hf_email_get(v->store, refs->owner, refs->email, arena, &email);

	if (status == HF_OK)
		status = content_head(v->store, content, &row);
	if (status == HF_OK && row.refs != count && (content & ((UINT64_C(1) << CONTENT_FILE_SHIFT) - 1)) < v->content_limit)
		wrong(v, "content %llu: %u references, %zu counted", (unsigned long long)content, row.refs, count);
	if (status == HF_OK && row.size != email.message.size)
		wrong(v, "content %llu: size %llu, %llu expected", (unsigned long long)content,
		      (unsigned long long)row.size, (unsigned long long)email.message.size);
	if (status == HF_OK)
		status = parse_again(v, &email, &encoded, &signature);
	if (status != HF_OK)
		wrong(v, "content %llu (user %llu email %llu): cannot be read", (unsigned long long)content,
		      (unsigned long long)refs->owner, (unsigned long long)refs->email);
	for (size_t i = 0; i < count && status == HF_OK && !stopped(v); i++)
		if (!message_is(v, &refs[i], hf_buf_str(&encoded), hf_buf_str(&signature)))
			wrong(v, "user %llu email %llu: parsed facts do not agree with the content",
			      (unsigned long long)refs[i].owner, (unsigned long long)refs[i].email);
	hf_buf_fini(&encoded);
	hf_buf_fini(&signature);
	hf_arena_free(&arena);
}

/* Emails that are still there. */
static size_t still_there(struct verify *v, struct content_ref *refs, size_t count)
{
	struct hf_buf value = HF_BUF_INIT;
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		struct row_key key;

		key_email(&key, refs[i].owner, refs[i].email);
		if (table_get(v->store->env, NULL, TABLE_EMAIL, &key, &value) != HF_ENONEXISTENT)
			refs[left++] = refs[i];
	}
	hf_buf_fini(&value);
	return left;
}

static void verify_contents(struct verify *v)
{
	size_t count;

	if (v->content_count)
		qsort(v->contents, v->content_count, sizeof(*v->contents), by_content);
	for (size_t at = 0; at < v->content_count && !stopped(v); at += count) {
		struct findings first = { NULL, 0 }, second = { NULL, 0 };
		size_t left;

		for (count = 1; at + count < v->content_count; count++)
			if (v->contents[at + count].content != v->contents[at].content)
				break;
		/* cppcheck-suppress autoVariables ; for the check below only */
		v->found = &first;
		check_content(v, v->contents + at, count);
		v->totals->contents++;
		left = first.count ? still_there(v, v->contents + at, count) : 0;
		if (left) {
			/* cppcheck-suppress autoVariables ; for the check below only */
			v->found = &second;
			check_content(v, v->contents + at, left);
			for (size_t i = 0; i < second.count && !stopped(v); i++)
				tell(v, second.texts[i]);
		}
		findings_free(&first);
		findings_free(&second);
	}
}

static void verify_garbage(struct verify *v)
{
	struct row_key from;
	struct scan scan;
	struct hf_str key, value;

	key_begin(&from, META_GARBAGE);
	scan_open(&scan, v->store->env, TABLE_META, &from, 1, 64 * 1024);
	while (scan_next(&scan, &key, &value) == HF_OK && !stopped(v)) {
		struct content_ref sought = { key_be64(key, 1), 0, 0 };
		size_t low = 0, high = v->content_count;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (by_content(&v->contents[middle], &sought) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < v->content_count && v->contents[low].content == sought.content &&
		    still_there(v, &v->contents[low], 1)) {
			char text[80];

			snprintf(text, sizeof(text), "content %llu is to be freed and still in use",
				 (unsigned long long)sought.content);
			tell(v, text);
		}
	}
	scan_close(&scan);
}

static void note_wrong(void *arg, const char *text)
{
	wrong(arg, "%s", text);
}

/* Rows of `meta` that are nobody's messages. */
static void verify_rows(struct verify *v, void (*check)(struct hf_store *store, void (*tell)(void *arg, const char *text), void *arg,
							const bool *stop))
{
	struct findings first = { NULL, 0 }, second = { NULL, 0 };

	/* cppcheck-suppress autoVariables ; for the check below only */
	v->found = &first;
	check(v->store, note_wrong, v, v->stop);
	if (first.count && !stopped(v)) {
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
		/* cppcheck-suppress autoVariables ; for the check below only */
		v->found = &second;
		check(v->store, note_wrong, v, v->stop);
		tell_both(v, &first, &second);
	}
	findings_free(&first);
	findings_free(&second);
}

enum hf_status hf_store_verify(struct hf_store *store, struct hf_verify *totals,
			       void (*finding)(void *arg, const char *what), void *arg, const bool *stop)
{
	struct verify v = { .store = store, .totals = totals, .finding = finding, .arg = arg, .stop = stop };

	collector_bury(store); /* else rows would move from one table to the next meanwhile */
	pthread_mutex_lock(&store->ids.lock);
	v.content_limit = store->ids.next_content;
	pthread_mutex_unlock(&store->ids.lock);
	find_mailboxes(&v, false);
	verify_users(&v);
	verify_contents(&v);
	verify_garbage(&v);
	verify_rows(&v, annotation_verify);
	verify_rows(&v, rights_verify);
	hf_free(v.mailboxes);
	hf_free(v.contents);
	hf_free(v.members);
	return HF_OK;
}
