/* SPDX-License-Identifier: BSD-2-Clause */
/* Stages: a message on its way in. The parser runs alongside; octets become chunks of CHUNK_SIZE, compressed here on the
 * worker. Up to 1 MiB of them stay in memory until the operation that makes a message of them; what is beyond goes ahead
 * in operations of its own, under a `P` row. The header of a larger message becomes a part of its own, so that reading it
 * does not read the rest. */

#include "base/digest.h"
#include "base/encode.h"
#include "base/mem.h"
#include "message/mime.h"
#include "message/render.h"
#include "message/text.h"
#include "storage/op_priv.h"
#include "storage/signature.h"
#include "storage/stage_priv.h"

#define AHEAD_SIZE (1u << 20)   /* pending octets that are sent ahead */
#define UNWRITTEN_MAX (4u << 20) /* then the source waits */
#define LIST_HEADERS_MAX 2048
#define SUBJECT_MAX 256
#define HASHED_EXACTLY 4096 /* octets at the front: the field of the MTA with its queue id is among them */

struct staged_part {
	struct staged_part *next;
	uint32_t part;
	struct hf_buf row;
};

struct part_list {
	struct staged_part *first, **end;
	size_t octets;
};

/* What operations that go ahead share with the stage, which may be freed before they are done. */
struct ahead {
	pthread_mutex_t lock;
	unsigned refs HF_GUARDED_BY(lock);
	size_t in_flight HF_GUARDED_BY(lock); /* octets */
	enum hf_status status HF_GUARDED_BY(lock);
	struct hf_waiter *room HF_GUARDED_BY(lock); /* NULL: the stage has gone */
	bool waiting HF_GUARDED_BY(lock);
};

struct hf_stage {
	struct hf_store *store;
	struct hf_arena *arena;
	struct hf_mime *mime;
	struct signature_builder *builder;
	struct ahead *ahead;
	uint64_t content, size, size_max;
	enum hf_status status;
	struct hf_buf head;        /* the first octets, at most CONTENT_SPLIT_MAX; from the first chunk on */
	struct hf_buf raw;         /* not yet in a chunk */
	struct part_list parts;    /* not yet written */
	uint32_t split, chunks;
	bool any_made, any_ahead, finished, used;
	bool may_repeat; /* a repeat may be recognised */
	struct hf_message message;
	struct hf_buf encoded, bodystructure, envelope, signature; /* made at the end */
	uint8_t parts_sum[16]; /* of all parts so far, if may_repeat */
};

/* Operations ahead ------------------------------------------------------------------------------------------------ */

struct op_ahead {
	struct hf_op op;
	struct ahead *ahead;
	uint64_t content;
	struct part_list parts;
};

static void parts_init(struct part_list *parts)
{
	*parts = (struct part_list){ .first = NULL };
	parts->end = &parts->first;
}

static void parts_free(struct part_list *parts)
{
	while (parts->first) {
		struct staged_part *part = parts->first;

		parts->first = part->next;
		hf_buf_fini(&part->row);
		hf_free(part);
	}
	parts_init(parts);
}

static void ahead_unref(struct ahead *ahead)
{
	bool last;

	pthread_mutex_lock(&ahead->lock);
	last = --ahead->refs == 0;
	pthread_mutex_unlock(&ahead->lock);
	if (last) {
		pthread_mutex_destroy(&ahead->lock);
		hf_free(ahead);
	}
}

static enum hf_status parts_put(struct batch *batch, uint64_t content, const struct part_list *parts)
{
	enum hf_status status = HF_OK;

	for (const struct staged_part *part = parts->first; part && status == HF_OK; part = part->next) {
		struct row_key key;

		key_part(&key, content, part->part);
		status = batch_put(batch, TABLE_CONTENT(content), &key, hf_buf_str(&part->row));
	}
	return status;
}

static enum hf_status ahead_apply(struct hf_op *op, struct batch *batch)
{
	struct op_ahead *write = (struct op_ahead *)op;
	struct row_key key;
	enum hf_status status;

	key_kind(&key, META_PENDING, PENDING_CONTENT, write->content);
	hf_buf_clear(&batch->row);
	row_id_encode((uint64_t)batch->now, &batch->row);
	status = batch_put(batch, TABLE_META, &key, hf_buf_str(&batch->row));
	return status == HF_OK ? parts_put(batch, write->content, &write->parts) : status;
}

static void ahead_committed(struct hf_op *op)
{
	(void)op;
	fault_at(FAULT_STAGE_CHUNK);
}

/* At once: the message's own operation may be the next. */
static void ahead_failed(struct hf_op *op)
{
	struct ahead *ahead = ((struct op_ahead *)op)->ahead;

	pthread_mutex_lock(&ahead->lock);
	ahead->status = HF_EIO;
	pthread_mutex_unlock(&ahead->lock);
}

static void ahead_finished(struct hf_op *op, enum hf_status status)
{
	struct op_ahead *write = (struct op_ahead *)op;
	struct ahead *ahead = write->ahead;

	pthread_mutex_lock(&ahead->lock);
	ahead->in_flight -= write->parts.octets;
	if (status != HF_OK && ahead->status == HF_OK)
		ahead->status = status;
	if (ahead->waiting && ahead->in_flight <= UNWRITTEN_MAX / 4) {
		ahead->waiting = false;
		hf_waiter_wake(ahead->room); /* under the lock: a stage that is freed is not woken afterwards */
	}
	pthread_mutex_unlock(&ahead->lock);
}

static void ahead_fini(struct hf_op *op)
{
	struct op_ahead *write = (struct op_ahead *)op;

	parts_free(&write->parts);
	ahead_unref(write->ahead);
}

static const struct op_kind kind_ahead = {
	.name = "ahead",
	.apply = ahead_apply,
	.committed = ahead_committed,
	.failed = ahead_failed,
	.finished = ahead_finished,
	.fini = ahead_fini,
	.is_ahead = true,
};

static void send_ahead(struct hf_stage *stage)
{
	struct op_ahead *write = op_new(&kind_ahead, sizeof(*write));
	struct hf_op *op = &write->op;

	write->ahead = stage->ahead;
	write->content = stage->content;
	write->parts = stage->parts;
	if (!write->parts.first)
		write->parts.end = &write->parts.first;
	op->cost = write->parts.octets;
	parts_init(&stage->parts);
	pthread_mutex_lock(&stage->ahead->lock);
	stage->ahead->refs++;
	stage->ahead->in_flight += write->parts.octets;
	pthread_mutex_unlock(&stage->ahead->lock);
	stage->any_ahead = true;
	hf_store_submit(stage->store, NULL, op);
	hf_op_abandon(&op);
}

static enum hf_status ahead_status(struct ahead *ahead)
{
	enum hf_status status;

	pthread_mutex_lock(&ahead->lock);
	status = ahead->status;
	pthread_mutex_unlock(&ahead->lock);
	return status;
}

/* HF_WAIT when more than `limit` octets are on their way; `room` will be woken. */
static enum hf_status check_ahead(struct hf_stage *stage, size_t limit)
{
	struct ahead *ahead = stage->ahead;
	enum hf_status status;

	pthread_mutex_lock(&ahead->lock);
	status = ahead->status;
	if (status == HF_OK && ahead->in_flight > limit) {
		ahead->waiting = true;
		status = HF_WAIT;
	}
	pthread_mutex_unlock(&ahead->lock);
	return status;
}

/* Unused content becomes garbage. */
struct op_discard {
	struct hf_op op;
	uint64_t content;
};

static enum hf_status discard_apply(struct hf_op *op, struct batch *batch)
{
	uint64_t content = ((struct op_discard *)op)->content;
	static const char garbage[1] = { ROW_VERSION };
	struct row_key key;
	enum hf_status status;

	key_kind(&key, META_PENDING, PENDING_CONTENT, content);
	status = batch_delete(batch, TABLE_META, &key);
	if (status != HF_OK)
		return status;
	key_id(&key, META_GARBAGE, content);
	return batch_put(batch, TABLE_META, &key, hf_str_n(garbage, 1));
}

static const struct op_kind kind_discard = { .name = "discard", .apply = discard_apply };

struct hf_op *op_discard_new(uint64_t content)
{
	struct op_discard *discard = op_new(&kind_discard, sizeof(*discard));

	discard->content = content;
	return &discard->op;
}

/* Taking octets in ------------------------------------------------------------------------------------------------- */

enum hf_status hf_stage_new(struct hf_store *store, uint64_t size_max, struct hf_waiter *room, struct hf_stage **result)
{
	struct hf_stage *stage;

	if (writer_is_full(store->writer) || writer_is_stopping(store->writer) || store->settings.read_only)
		return HF_EUNAVAILABLE;
	stage = hf_alloc_zero(sizeof(*stage));
	stage->store = store;
	stage->arena = hf_arena_new();
	stage->builder = signature_builder_new();
	stage->mime = hf_mime_new(stage->arena, NULL, signature_sink(stage->builder));
	stage->size_max = size_max;
	stage->content = ids_new_content(store);
	parts_init(&stage->parts);
	stage->ahead = hf_alloc_zero(sizeof(*stage->ahead));
	pthread_mutex_init(&stage->ahead->lock, NULL);
	stage->ahead->refs = 1;
	stage->ahead->room = room;
	*result = stage;
	return HF_OK;
}

/* Where the header ends: after the first empty line. 0 when that is not among the first octets. */
static uint32_t find_header_end(struct hf_str head)
{
	size_t line = 0;

	for (;;) {
		const char *lf = line < head.size ? memchr(head.data + line, '\n', head.size - line) : NULL;
		size_t next;

		if (!lf)
			return 0;
		next = (size_t)(lf - head.data) + 1;
		if (next - line == 1 || (next - line == 2 && head.data[line] == '\r'))
			return (uint32_t)next;
		line = next;
	}
}

static void add_part(struct hf_stage *stage, uint32_t number, struct hf_str data)
{
	struct staged_part *part = hf_alloc_zero(sizeof(*part));

	if (stage->may_repeat) {
		uint8_t sums[32];

		memcpy(sums, stage->parts_sum, 16);
		hf_checksum128(data.data, data.size, sums + 16);
		hf_checksum128(sums, sizeof(sums), stage->parts_sum);
	}
	part->part = number;
	row_chunk_encode(stage->content, number, data, stage->store->settings.compact, &part->row);
	*stage->parts.end = part;
	stage->parts.end = &part->next;
	stage->parts.octets += part->row.size;
}

static void find_split(struct hf_stage *stage)
{
	if (stage->size <= CONTENT_SPLIT_MIN)
		return;
	stage->split = find_header_end(hf_str_sub(hf_buf_str(&stage->raw), 0, CONTENT_SPLIT_MAX));
	if (stage->split)
		add_part(stage, PART_HEADER, hf_str_n(stage->raw.data, stage->split));
}

static void make_chunks(struct hf_stage *stage, bool all)
{
	bool first = !stage->any_made;
	size_t at;

	stage->any_made = true;
	if (first) {
		stage->may_repeat = stage->store->settings.delivered_s &&
				    hf_str_istarts(hf_buf_str(&stage->raw), HF_STR("Received:"));
		find_split(stage);
	}
	at = first ? stage->split : 0;
	while (stage->raw.size - at >= CHUNK_SIZE || (all && stage->raw.size > at)) {
		size_t size = stage->raw.size - at < CHUNK_SIZE ? stage->raw.size - at : CHUNK_SIZE;

		add_part(stage, PART_CHUNK + stage->chunks++, hf_str_n(stage->raw.data + at, size));
		at += size;
		if (stage->parts.octets >= AHEAD_SIZE)
			send_ahead(stage);
	}
	if (first && all) { /* it is all there is */
		stage->head = stage->raw;
		stage->raw = HF_BUF_INIT;
		if (stage->head.size > CONTENT_SPLIT_MAX)
			stage->head.size = CONTENT_SPLIT_MAX;
		return;
	}
	if (first)
		hf_buf_add_str(&stage->head, hf_str_sub(hf_buf_str(&stage->raw), 0, CONTENT_SPLIT_MAX));
	hf_buf_drop(&stage->raw, at);
}

enum hf_status hf_stage_write(struct hf_stage *stage, struct hf_str piece)
{
	if (stage->status != HF_OK)
		return stage->status;
	if (piece.size > stage->size_max - stage->size) {
		stage->status = HF_ETOOBIG;
		parts_free(&stage->parts);
		hf_buf_fini(&stage->raw);
		return stage->status;
	}
	while (piece.size) { /* no more than a chunk at a time, however large the piece */
		struct hf_str some = hf_str_sub(piece, 0, CHUNK_SIZE);

		stage->size += some.size;
		hf_mime_feed(stage->mime, some);
		hf_buf_add_str(&stage->raw, some);
		if (stage->raw.size >= CHUNK_SIZE)
			make_chunks(stage, false);
		piece = hf_str_sub(piece, some.size, piece.size);
	}
	if (stage->any_ahead) {
		enum hf_status status = check_ahead(stage, UNWRITTEN_MAX - AHEAD_SIZE);

		if (status != HF_WAIT)
			stage->status = status;
		return status;
	}
	return HF_OK;
}

enum hf_status hf_stage_finish(struct hf_stage *stage)
{
	if (stage->status != HF_OK)
		return stage->status;
	if (!stage->finished) {
		stage->finished = true;
		make_chunks(stage, true);
		hf_buf_fini(&stage->raw);
		hf_mime_finish(&stage->mime, &stage->message);
		signature_finish(&stage->builder, &stage->message, hf_buf_str(&stage->head),
				 hf_arena_used(stage->arena), &stage->signature);
		hf_message_encode(&stage->message, &stage->encoded);
		hf_bodystructure_render(stage->message.root, true, &stage->bodystructure);
		if (stage->message.root->envelope)
			hf_envelope_render(stage->message.root->envelope, &stage->envelope);
	}
	if (stage->any_ahead) {
		enum hf_status status = check_ahead(stage, 0);

		if (status != HF_WAIT)
			stage->status = status;
		return status;
	}
	return HF_OK;
}

void hf_stage_ahead(struct hf_stage *stage)
{
	if (stage->finished && stage->status == HF_OK && stage->parts.first)
		send_ahead(stage);
}

const struct hf_message *hf_stage_message(const struct hf_stage *stage)
{
	return &stage->message;
}

uint64_t hf_stage_size(const struct hf_stage *stage)
{
	return stage->size;
}

void hf_stage_free(struct hf_stage **pointer)
{
	struct hf_stage *stage = *pointer;

	if (!stage)
		return;
	*pointer = NULL;
	pthread_mutex_lock(&stage->ahead->lock);
	stage->ahead->room = NULL;
	pthread_mutex_unlock(&stage->ahead->lock);
	if (stage->any_ahead && !stage->used) {
		struct hf_op *op = op_discard_new(stage->content);

		hf_store_submit(stage->store, NULL, op);
		hf_op_abandon(&op);
	}
	ahead_unref(stage->ahead);
	if (stage->mime)
		hf_mime_free(&stage->mime);
	signature_builder_free(&stage->builder);
	parts_free(&stage->parts);
	hf_buf_fini(&stage->head);
	hf_buf_fini(&stage->raw);
	hf_buf_fini(&stage->encoded);
	hf_buf_fini(&stage->bodystructure);
	hf_buf_fini(&stage->envelope);
	hf_buf_fini(&stage->signature);
	hf_arena_free(&stage->arena);
	hf_free(stage);
}

/* For the operations ---------------------------------------------------------------------------------------------- */

void stage_used(struct hf_stage *stage)
{
	stage->used = true;
}

size_t stage_cost(const struct hf_stage *stage)
{
	return stage->parts.octets;
}

/* What comes by way of an MTA has its Received field in front, so mails that differ do within the octets that SHA-256 sees; the
 * checksum of the rest tells apart only what was made to look alike by whoever speaks LMTP to us. */
bool stage_hash(const struct hf_stage *stage, struct hf_str sender, uint8_t hash[32])
{
	struct hf_buf text = HF_BUF_INIT;

	if (!stage->may_repeat)
		return false;
	hf_buf_add_be64(&text, stage->size);
	hf_buf_add(&text, stage->parts_sum, sizeof(stage->parts_sum));
	hf_buf_add_str(&text, hf_str_sub(hf_buf_str(&stage->head), 0, HASHED_EXACTLY));
	hf_buf_add_str(&text, sender);
	hf_digest(HF_SHA256, hf_buf_str(&text), hash);
	hf_buf_fini(&text);
	return true;
}

enum hf_status stage_write_content(const struct hf_stage *stage, struct batch *batch, uint32_t refs)
{
	struct row_content row = { refs, stage->size, stage->split, stage->chunks };
	struct row_key key;
	enum hf_status status = ahead_status(stage->ahead);

	if (status != HF_OK)
		return status;
	hf_buf_clear(&batch->row);
	row_content_encode(stage->content, &row, &batch->row);
	key_part(&key, stage->content, PART_HEAD);
	status = batch_put(batch, TABLE_CONTENT(stage->content), &key, hf_buf_str(&batch->row));
	if (status == HF_OK)
		status = parts_put(batch, stage->content, &stage->parts);
	if (status == HF_OK && stage->any_ahead) {
		key_kind(&key, META_PENDING, PENDING_CONTENT, stage->content);
		status = batch_delete(batch, TABLE_META, &key);
	}
	return status;
}

/* The fields that clients ask for in lists, borrowed from `out`; NULL when they are too many, or hold NUL, which is shown otherwise. */
static struct hf_str listed_headers(const struct hf_stage *stage, struct hf_buf *out)
{
	bool ok = stage->message.fields_complete && !stage->message.has_nul;

	for (uint32_t i = 0; ok && i < stage->message.field_count; i++) {
		const struct hf_field *field = &stage->message.fields[i];

		if (!hf_list_has_field(field->name))
			continue;
		ok = (uint64_t)field->offset + field->size <= stage->head.size &&
		     out->size + field->size <= LIST_HEADERS_MAX;
		if (ok)
			hf_buf_add(out, stage->head.data + field->offset, field->size);
	}
	return !ok ? HF_STR_NULL : out->size ? hf_buf_str(out) : HF_STR("");
}

void stage_email_payload(const struct hf_stage *stage, struct hf_str prefix, bool with_headers, struct hf_buf *out)
{
	struct hf_buf headers = HF_BUF_INIT;
	struct row_email row = {
		.content = stage->content,
		.content_size = stage->size,
		.split = stage->split,
		.header_size = stage->message.root->header_size,
		.prefix = prefix,
		.bodystructure = hf_buf_str(&stage->bodystructure),
		.message = hf_buf_str(&stage->encoded),
	};

	if (with_headers)
		row.headers = listed_headers(stage, &headers);
	row_email_payload(&row, out);
	hf_buf_fini(&headers);
}

void stage_signature(const struct hf_stage *stage, struct hf_str prefix, struct hf_buf *out)
{
	hf_buf_add_str(out, hf_buf_str(&stage->signature));
	signature_add_prefix(out, prefix);
}

static void fold_into(struct hf_arena *arena, struct hf_str utf8, struct hf_str *to)
{
	struct hf_buf folded = HF_BUF_INIT;

	hf_fold(utf8, &folded);
	*to = hf_arena_str(arena, hf_buf_str(&folded));
	hf_buf_fini(&folded);
}

static const struct hf_address *first_address(const struct hf_address *address)
{
	while (address && !address->host.data) /* group starts and ends */
		address = address->next;
	return address;
}

/* RFC 5256 §3 (FROM, TO, CC) and RFC 5957 (DISPLAYFROM, DISPLAYTO). */
static void address_keys(struct hf_arena *arena, const struct hf_address *list, struct hf_str *mailbox,
			 struct hf_str *display)
{
	const struct hf_address *address = first_address(list);
	struct hf_buf text = HF_BUF_INIT;

	if (!address)
		return;
	fold_into(arena, address->mailbox, mailbox);
	if (!display)
		return;
	if (address->name.size) {
		hf_header_decode(address->name, &text);
	} else {
		hf_buf_add_str(&text, address->mailbox);
		hf_buf_add_char(&text, '@');
		hf_buf_add_str(&text, address->host);
	}
	fold_into(arena, hf_buf_str(&text), display);
	hf_buf_fini(&text);
}

size_t stage_thread_ids(const struct hf_stage *stage, struct hf_str ids[THREAD_IDS_MAX])
{
	struct hf_list_row row = { .message_id = stage->message.message_id,
				   .references = stage->message.references,
				   .reference_count = stage->message.reference_count };

	return thread_ids_pick(&row, ids);
}

void stage_list_payload(const struct hf_stage *stage, int64_t internaldate, struct hf_buf *out)
{
	const struct hf_message *message = &stage->message;
	const struct hf_envelope *envelope = message->root->envelope;
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf subject = HF_BUF_INIT, headers = HF_BUF_INIT;
	struct hf_list_row row = { .envelope = hf_buf_str(&stage->envelope),
				   .preview = message->preview,
				   .sent = message->has_date ? message->sent : internaldate,
				   .message_id = message->message_id,
				   .references = message->references,
				   .reference_count = message->reference_count,
				   .subject_is_reply = message->subject_is_reply,
				   .headers = listed_headers(stage, &headers) };

	fold_into(arena, message->base_subject, &row.base_subject);
	if (envelope) {
		address_keys(arena, envelope->from, &row.from, &row.display_from);
		address_keys(arena, envelope->to, &row.to, &row.display_to);
		address_keys(arena, envelope->cc, &row.cc, NULL);
		if (envelope->subject.data)
			hf_header_decode(envelope->subject, &subject);
	}
	row.subject = hf_str_n(subject.data, hf_utf8_clip(hf_buf_str(&subject), SUBJECT_MAX));
	row_list_payload(&row, out);
	hf_buf_fini(&headers);
	hf_buf_fini(&subject);
	hf_arena_free(&arena);
}
