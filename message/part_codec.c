/* SPDX-License-Identifier: BSD-2-Clause */
/* struct hf_message as octets: a version, then varints and strings, the part tree in preorder. A
 * string is 0 (NULL), an odd number (an entry of the dictionary) or an even one (its size, then the
 * octets). The dictionary belongs to the version: entries are never changed, new ones only come
 * with a new version. Both directions walk the tree without recursion; decoding believes nothing.
 */
#include "message/part.h"

#include <pthread.h>

#define VERSION   1
#define DEPTH_MAX 512 /* more than the parser makes; for those who recurse over the tree */

/* clang-format off */
#define ENTRY(literal) { literal, sizeof(literal) - 1 }
static const struct hf_str dictionary[] = {
	ENTRY(""), ENTRY("TEXT"), ENTRY("PLAIN"), ENTRY("CHARSET"), ENTRY("US-ASCII"), ENTRY("7BIT"),
	ENTRY("text"), ENTRY("plain"), ENTRY("html"), ENTRY("charset"), ENTRY("utf-8"), ENTRY("UTF-8"),
	ENTRY("us-ascii"), ENTRY("7bit"), ENTRY("8bit"), ENTRY("8BIT"), ENTRY("base64"),
	ENTRY("quoted-printable"), ENTRY("binary"), ENTRY("multipart"), ENTRY("mixed"),
	ENTRY("alternative"), ENTRY("related"), ENTRY("signed"), ENTRY("report"), ENTRY("digest"),
	ENTRY("boundary"), ENTRY("message"), ENTRY("rfc822"), ENTRY("MESSAGE"), ENTRY("RFC822"),
	ENTRY("application"), ENTRY("octet-stream"), ENTRY("APPLICATION"), ENTRY("OCTET-STREAM"),
	ENTRY("pdf"), ENTRY("image"), ENTRY("png"), ENTRY("jpeg"), ENTRY("gif"), ENTRY("name"),
	ENTRY("filename"), ENTRY("attachment"), ENTRY("inline"), ENTRY("format"), ENTRY("flowed"),
	ENTRY("delsp"), ENTRY("iso-8859-1"), ENTRY("ISO-8859-1"), ENTRY("windows-1252"), ENTRY("type"),
	ENTRY("protocol"), ENTRY("micalg"), ENTRY("Received"), ENTRY("Return-Path"),
	ENTRY("Delivered-To"), ENTRY("DKIM-Signature"), ENTRY("From"), ENTRY("To"), ENTRY("Cc"),
	ENTRY("Bcc"), ENTRY("Subject"), ENTRY("Date"), ENTRY("Message-ID"), ENTRY("Message-Id"),
	ENTRY("MIME-Version"), ENTRY("Mime-Version"), ENTRY("Content-Type"),
	ENTRY("Content-Transfer-Encoding"), ENTRY("Content-Disposition"), ENTRY("Content-Language"),
	ENTRY("In-Reply-To"), ENTRY("References"), ENTRY("Reply-To"), ENTRY("Sender"),
	ENTRY("User-Agent"), ENTRY("X-Mailer"), ENTRY("List-Id"), ENTRY("List-ID"),
	ENTRY("List-Unsubscribe"), ENTRY("List-Unsubscribe-Post"), ENTRY("List-Post"), ENTRY("List-Help"),
	ENTRY("List-Archive"), ENTRY("List-Subscribe"), ENTRY("Precedence"),
	ENTRY("Authentication-Results"), ENTRY("ARC-Seal"), ENTRY("ARC-Message-Signature"),
	ENTRY("ARC-Authentication-Results"), ENTRY("Received-SPF"), ENTRY("X-Received"),
	ENTRY("Auto-Submitted"), ENTRY("Errors-To"), ENTRY("Feedback-ID"), ENTRY("X-Spam-Status"),
	ENTRY("X-Spam-Score"), ENTRY("Importance"), ENTRY("X-Priority"), ENTRY("Thread-Topic"),
	ENTRY("Thread-Index"), ENTRY("Organization"), ENTRY("Lines"), ENTRY("Status"),
	ENTRY("X-Original-To"),
};
#undef ENTRY
/* clang-format on */

enum part_flags { HAS_ENVELOPE = 1, SENDER_IS_FROM = 2, REPLY_TO_IS_FROM = 4 };

enum message_flags {
	FIELDS_COMPLETE = 1,
	HAS_NUL = 2,
	TRUNCATED_TREE = 4,
	HAS_DATE = 8,
	IS_REPLY = 16
};

/* Where in the dictionary a string may be: entries with the same hash, the first one and those after it; 0: none (that one, the
 * empty string, is not looked for). */
enum { HASHES = 128, ENTRY_MAX = 32 };
_Static_assert(HF_COUNT(dictionary) <= UINT8_MAX, "an index is an octet");

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static uint8_t index_first[HASHES], index_next[HF_COUNT(dictionary)];

static unsigned index_hash(struct hf_str s)
{
	return ((unsigned)s.size * 11 + (uint8_t)s.data[0] * 3u + (uint8_t)s.data[s.size - 1] * 7u + (uint8_t)s.data[s.size / 2]) %
	       HASHES;
}

static void index_make(void)
{
	for (size_t i = HF_COUNT(dictionary) - 1; i > 0; i--) {
		uint8_t *first = &index_first[index_hash(dictionary[i])];

		index_next[i] = *first;
		*first = (uint8_t)i;
	}
}

static void put_str(struct hf_buf *out, struct hf_str s)
{
	unsigned at = 0;

	if (!s.data) {
		hf_buf_add_varint(out, 0);
		return;
	}
	if (s.size && s.size <= ENTRY_MAX)
		at = index_first[index_hash(s)];
	while (at && !hf_str_eq(dictionary[at], s))
		at = index_next[at];
	if (at || !s.size) {
		hf_buf_add_varint(out, at * 2 + 1);
		return;
	}
	hf_buf_add_varint(out, ((uint64_t)s.size + 1) * 2);
	hf_buf_add_str(out, s);
}

static void put_signed(struct hf_buf *out, int64_t n)
{
	hf_buf_add_varint(out, n < 0 ? ((uint64_t)~n << 1 | 1) : (uint64_t)n << 1);
}

static void put_params(struct hf_buf *out, const struct hf_param *params, uint32_t count)
{
	hf_buf_add_varint(out, count);
	for (uint32_t i = 0; i < count; i++) {
		put_str(out, params[i].name);
		put_str(out, params[i].value);
	}
}

static void put_strs(struct hf_buf *out, const struct hf_str *strs, uint32_t count)
{
	hf_buf_add_varint(out, count);
	for (uint32_t i = 0; i < count; i++)
		put_str(out, strs[i]);
}

static void put_addresses(struct hf_buf *out, const struct hf_address *first)
{
	uint64_t count = 0;

	for (const struct hf_address *a = first; a; a = a->next)
		count++;
	hf_buf_add_varint(out, count);
	for (const struct hf_address *a = first; a; a = a->next) {
		put_str(out, a->name);
		put_str(out, a->route);
		put_str(out, a->mailbox);
		put_str(out, a->host);
	}
}

static void put_envelope(struct hf_buf *out, const struct hf_envelope *e)
{
	put_str(out, e->date);
	put_str(out, e->subject);
	put_str(out, e->in_reply_to);
	put_str(out, e->message_id);
	put_addresses(out, e->from);
	if (e->sender != e->from)
		put_addresses(out, e->sender);
	if (e->reply_to != e->from)
		put_addresses(out, e->reply_to);
	put_addresses(out, e->to);
	put_addresses(out, e->cc);
	put_addresses(out, e->bcc);
}

static void put_part(struct hf_buf *out, const struct hf_part *part)
{
	const struct hf_envelope *e = part->envelope;
	uint64_t flags = 0;

	if (e)
		flags = HAS_ENVELOPE | (e->sender == e->from ? SENDER_IS_FROM : 0u) |
			(e->reply_to == e->from ? REPLY_TO_IS_FROM : 0u);
	hf_buf_add_varint(out, (flags * 8 + part->cte) * 4 + part->kind);
	hf_buf_add_varint(out, part->child_count);
	hf_buf_add_varint(out,
			  part->header_offset - (part->parent ? part->parent->body_offset : 0));
	hf_buf_add_varint(out, part->header_size);
	hf_buf_add_varint(out, part->body_size);
	hf_buf_add_varint(out, part->header_lines);
	hf_buf_add_varint(out, part->body_lines);
	put_str(out, part->type);
	put_str(out, part->subtype);
	put_params(out, part->params, part->param_count);
	put_str(out, part->encoding);
	put_str(out, part->id);
	put_str(out, part->description);
	put_str(out, part->md5);
	put_str(out, part->location);
	put_str(out, part->disposition);
	put_params(out, part->disposition_params, part->disposition_param_count);
	put_strs(out, part->languages, part->language_count);
	if (e)
		put_envelope(out, e);
}

void hf_message_encode(const struct hf_message *message, struct hf_buf *out)
{
	const struct hf_part *part = message->root;
	uint64_t end = 0;

	pthread_once(&index_once, index_make);
	hf_buf_add_char(out, VERSION);
	hf_buf_add_varint(out, (message->fields_complete ? FIELDS_COMPLETE : 0u) |
				       (message->has_nul ? HAS_NUL : 0u) |
				       (message->truncated_tree ? TRUNCATED_TREE : 0u) |
				       (message->has_date ? HAS_DATE : 0u) |
				       (message->subject_is_reply ? IS_REPLY : 0u));
	hf_buf_add_varint(out, message->size);
	if (message->has_date) {
		put_signed(out, message->sent);
		put_signed(out, message->sent_zone);
	}
	put_str(out, message->preview);
	put_str(out, message->base_subject);
	put_str(out, message->message_id);
	put_strs(out, message->references, message->reference_count);
	hf_buf_add_varint(out, message->field_count);
	for (uint32_t i = 0; i < message->field_count; i++) {
		const struct hf_field *field = &message->fields[i];

		put_str(out, field->name);
		hf_buf_add_varint(out, field->offset - end); /* octets that belong to no field */
		hf_buf_add_varint(out, field->size);
		hf_buf_add_varint(out, field->value - field->name.size -
					       1); /* white space before the colon */
		end = (uint64_t)field->offset + field->size;
	}
	while (part) {
		put_part(out, part);
		if (part->children) {
			part = part->children;
			continue;
		}
		while (part && !part->next)
			part = part->parent;
		if (part)
			part = part->next;
	}
}

/* Decoding. The reader's `ok` turns false at the first thing that cannot be. */
struct decode {
	struct hf_reader r;
	struct hf_arena *arena;
};

static void fail(struct decode *d)
{
	d->r.ok = false;
	d->r.pos = d->r.end;
}

static uint64_t get_u64(struct decode *d, uint64_t max)
{
	uint64_t n = 0;

	if (!hf_read_varint(&d->r, &n) || n > max) {
		fail(d);
		return 0;
	}
	return n;
}

static uint32_t get_u32(struct decode *d)
{
	return (uint32_t)get_u64(d, UINT32_MAX);
}

/* A count of things that each take at least `size` octets of the input: nothing is allocated for
 * what is not there. */
static uint32_t get_count(struct decode *d, size_t size)
{
	return (uint32_t)get_u64(d, (uint64_t)(d->r.end - d->r.pos) / size);
}

static int64_t get_signed(struct decode *d)
{
	uint64_t n = get_u64(d, UINT64_MAX);

	return n & 1 ? ~(int64_t)(n >> 1) : (int64_t)(n >> 1);
}

static struct hf_str get_str(struct decode *d, bool required)
{
	uint64_t n = get_u64(d, UINT64_MAX);
	struct hf_str s = HF_STR_NULL;

	if (n == 0) {
		if (required)
			fail(d);
	} else if (n & 1) {
		if (n / 2 < HF_COUNT(dictionary))
			return dictionary[n / 2];
		fail(d);
	} else if (n / 2 - 1 > (uint64_t)(d->r.end - d->r.pos) ||
		   !hf_read_bytes(&d->r, (size_t)(n / 2 - 1), &s)) {
		fail(d);
		return HF_STR_NULL;
	}
	return s;
}

static uint32_t get_params(struct decode *d, struct hf_param **params)
{
	uint32_t count = get_count(d, 2);

	if (count)
		*params = hf_new_array(d->arena, struct hf_param, count);
	for (uint32_t i = 0; i < count; i++) {
		(*params)[i].name = get_str(d, true);
		(*params)[i].value = get_str(d, true);
	}
	return count;
}

static uint32_t get_strs(struct decode *d, struct hf_str **strs)
{
	uint32_t count = get_count(d, 1);

	if (count)
		*strs = hf_new_array(d->arena, struct hf_str, count);
	for (uint32_t i = 0; i < count; i++)
		(*strs)[i] = get_str(d, true);
	return count;
}

static struct hf_address *get_addresses(struct decode *d)
{
	uint32_t count = get_count(d, 4);
	struct hf_address *addresses;

	if (count == 0)
		return NULL;
	addresses = hf_new_array(d->arena, struct hf_address, count);
	for (uint32_t i = 0; i < count; i++) {
		addresses[i].name = get_str(d, false);
		addresses[i].route = get_str(d, false);
		addresses[i].mailbox = get_str(d, false);
		addresses[i].host = get_str(d, false);
		addresses[i].next = i + 1 < count ? &addresses[i + 1] : NULL;
	}
	return addresses;
}

static struct hf_envelope *get_envelope(struct decode *d, uint64_t flags)
{
	struct hf_envelope *e = hf_new(d->arena, struct hf_envelope);

	e->date = get_str(d, false);
	e->subject = get_str(d, false);
	e->in_reply_to = get_str(d, false);
	e->message_id = get_str(d, false);
	e->from = get_addresses(d);
	e->sender = flags & SENDER_IS_FROM ? e->from : get_addresses(d);
	e->reply_to = flags & REPLY_TO_IS_FROM ? e->from : get_addresses(d);
	e->to = get_addresses(d);
	e->cc = get_addresses(d);
	e->bcc = get_addresses(d);
	return e;
}

static bool children_fit(enum hf_part_kind kind, uint32_t count)
{
	switch (kind) {
	case HF_PART_LEAF:
		return count == 0;
	case HF_PART_MULTIPART:
		return count > 0;
	case HF_PART_MESSAGE:
		return count == 1;
	}
	return false;
}

/* Reads what put_part() wrote; the part must lie within the `room` octets from `base`. */
static void get_part(struct decode *d, struct hf_part *part, uint64_t base, uint64_t room)
{
	uint64_t word = get_u64(d, UINT16_MAX), flags = word / 32, offset;

	if (word % 4 > HF_PART_MESSAGE || word / 4 % 8 > HF_CTE_UNKNOWN)
		fail(d);
	part->kind = (enum hf_part_kind)(word % 4);
	part->cte = (enum hf_cte)(word / 4 % 8);
	part->child_count = get_count(d, 10);
	offset = get_u64(d, room);
	part->header_offset = base + offset;
	part->header_size = get_u64(d, room - offset);
	part->body_offset = part->header_offset + part->header_size;
	part->body_size = d->r.ok ? get_u64(d, room - offset - part->header_size) : 0;
	part->header_lines = get_u32(d);
	part->body_lines = get_u32(d);
	part->type = get_str(d, true);
	part->subtype = get_str(d, true);
	part->param_count = get_params(d, &part->params);
	part->encoding = get_str(d, true);
	part->id = get_str(d, false);
	part->description = get_str(d, false);
	part->md5 = get_str(d, false);
	part->location = get_str(d, false);
	part->disposition = get_str(d, false);
	part->disposition_param_count = get_params(d, &part->disposition_params);
	part->language_count = get_strs(d, &part->languages);
	if (flags & HAS_ENVELOPE)
		part->envelope = get_envelope(d, flags);
	if (!children_fit(part->kind, part->child_count) || part->type.size == 0 ||
	    part->subtype.size == 0)
		fail(d);
	/* The root of every message has an envelope, and nothing else has one. */
	if ((part->envelope != NULL) != (!part->parent || part->parent->kind == HF_PART_MESSAGE))
		fail(d);
}

static struct hf_part *get_tree(struct decode *d, uint64_t size)
{
	struct hf_part *root = hf_new(d->arena, struct hf_part), *part = root;
	uint32_t depth = 1, left[DEPTH_MAX]; /* left[n]: parts still to come at that depth */

	get_part(d, root, 0, size);
	left[0] = 0;
	while (d->r.ok) {
		struct hf_part *fresh, *before = NULL;

		if (part->child_count && !part->children) {
			if (depth == DEPTH_MAX) {
				fail(d);
				break;
			}
			left[depth++] = part->child_count - 1;
			fresh = part->children = hf_new(d->arena, struct hf_part);
			fresh->parent = part;
		} else {
			while (depth && left[depth - 1] == 0) {
				depth--;
				part = part->parent;
			}
			if (depth == 0)
				return root;
			left[depth - 1]--;
			before = part;
			fresh = part->next = hf_new(d->arena, struct hf_part);
			fresh->parent = part->parent;
		}
		part = fresh;
		get_part(d, part, part->parent->body_offset, part->parent->body_size);
		if (before && part->header_offset < before->body_offset + before->body_size)
			fail(d);
	}
	return root;
}

static void get_fields(struct decode *d, struct hf_message *message)
{
	uint64_t end = 0;

	message->field_count = get_count(d, 4);
	if (message->field_count)
		message->fields = hf_new_array(d->arena, struct hf_field, message->field_count);
	for (uint32_t i = 0; i < message->field_count; i++) {
		struct hf_field *field = &message->fields[i];

		field->name = get_str(d, true);
		field->offset = (uint32_t)(end + get_u64(d, UINT32_MAX - end));
		field->size = (uint32_t)get_u64(d, UINT32_MAX - field->offset);
		if (field->name.size >= field->size) {
			fail(d);
			return;
		}
		field->value = (uint32_t)(field->name.size + 1 +
					  get_u64(d, field->size - field->name.size - 1));
		end = (uint64_t)field->offset + field->size;
	}
}

bool hf_message_encoded_has_nul(struct hf_str in)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;
	uint64_t flags = 0;

	return !hf_read_u8(&r, &version) || version != VERSION || !hf_read_varint(&r, &flags) || flags & HAS_NUL;
}

enum hf_status hf_message_decode(struct hf_arena *arena, struct hf_str in,
				 struct hf_message *message)
{
	struct hf_message m = { 0 };
	struct decode d = { .arena = arena };
	uint64_t flags;
	uint8_t version = 0;

	if (in.size == 0)
		return HF_ECORRUPT;
	d.r = hf_reader_init(hf_arena_str(arena, in)); /* strings point into the copy */
	if (!hf_read_u8(&d.r, &version) || version != VERSION)
		return HF_ECORRUPT;
	flags = get_u64(&d, 31);
	m.fields_complete = flags & FIELDS_COMPLETE;
	m.has_nul = flags & HAS_NUL;
	m.truncated_tree = flags & TRUNCATED_TREE;
	m.has_date = flags & HAS_DATE;
	m.subject_is_reply = flags & IS_REPLY;
	m.size = get_u64(&d, INT64_MAX);
	if (m.has_date) {
		int64_t zone;

		m.sent = get_signed(&d);
		zone = get_signed(&d);
		if (zone < -24 * 60 || zone > 24 * 60)
			fail(&d);
		else
			m.sent_zone = (int32_t)zone;
	}
	m.preview = get_str(&d, true);
	m.base_subject = get_str(&d, true);
	m.message_id = get_str(&d, true);
	m.reference_count = get_strs(&d, &m.references);
	get_fields(&d, &m);
	m.root = get_tree(&d, m.size);
	if (!d.r.ok || d.r.pos != d.r.end)
		return HF_ECORRUPT;
	/* The index speaks of the top header. */
	if (m.field_count &&
	    (uint64_t)m.fields[m.field_count - 1].offset + m.fields[m.field_count - 1].size >
		    m.root->header_size)
		return HF_ECORRUPT;
	*message = m;
	return HF_OK;
}
