/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts in segments: of the messages whose UIDs share all but the last nine bits, an array of UIDs, an array of where each one's entry
 * ends, and the entries. A segment is complete up to a UID (`upto`); when messages have come since, one that has
 * those too takes its place. Which messages it has depends on the view that made it, so what a view shows and a segment
 * does not have is possible, and is no entry. */
#include "storage/facts.h"

#include "base/digest.h"
#include "base/mem.h"
#include "message/text.h"
#include "storage/email.h"
#include "storage/fact_text.h"
#include "storage/hot_priv.h"
#include "storage/show_priv.h"
#include "storage/signature.h"

#define BLOCK_BITS 9
#define BLOCK_SIZE (1u << BLOCK_BITS)
#define NO_ENTRY UINT32_C(0x80000000) /* in `ends` */
#define ENTRY_MAX (16u * 1024)        /* a longer one is not kept */
#define SIGNATURE_SIZE UINT64_C(1100) /* of a message of usual size; they are to leave room for other facts */
#define TEXT_SIZE UINT64_C(3500)      /* likewise */
#define FIND_BLOCKS 128               /* of one call of hf_facts_find() */
#define FIND_MADE 4                   /* of those that had to be read */

struct segment {
	struct hot_item item;
	uint32_t upto;   /* no UID above it is known here */
	uint32_t count;
	uint32_t missing; /* of them without entry */
	uint32_t *uids, *ends;
	char *data;      /* aligned to 8 */
};

struct hf_facts {
	struct hf_store *store;
	struct hot *hot;
	struct hf_view *view;
	enum hf_fact fact;
	bool make;
	uint32_t block;          /* the one at hand */
	bool has_block, made;    /* made: the last one had to be read */
	struct segment *segment; /* NULL: there is none */
	uint32_t at;             /* in the segment */
	uint32_t next;           /* sequence number at which hf_facts_find() goes on */
	struct hf_list_reader *list;
	struct hf_email_reader *emails;
	struct hf_text_signature_reader *signatures;
	struct fact_text text;
	struct hf_buf scratch, folded;
};

uint64_t hf_fact_hash(struct hf_str text)
{
	uint64_t hash = hf_hash(text);

	return hash ? hash : 1;
}

/* Large facts are made only where those of all messages leave room for others. */
static bool has_room(const struct hf_facts *facts)
{
	uint64_t count = hf_uidlist_count(facts->view->list);

	if (facts->fact == HF_FACT_SIGNATURE)
		return count * SIGNATURE_SIZE <= hot_max(facts->hot) / 2;
	return facts->fact != HF_FACT_TEXT || count * TEXT_SIZE <= hot_max(facts->hot) / 4;
}

struct hf_facts *hf_facts_open(struct hf_store *store, struct hf_view *view, enum hf_fact fact, bool make)
{
	struct hf_facts *facts = hf_alloc_zero(sizeof(*facts));

	facts->store = store;
	facts->hot = hf_store_registry(store)->hot;
	facts->view = view;
	facts->fact = fact;
	facts->make = make && has_room(facts);
	facts->next = 1;
	return facts;
}

static void leave_block(struct hf_facts *facts)
{
	if (facts->segment)
		hot_unref(facts->hot, &facts->segment->item);
	facts->segment = NULL;
	facts->has_block = false;
}

void hf_facts_close(struct hf_facts **pointer)
{
	struct hf_facts *facts = *pointer;

	*pointer = NULL;
	if (!facts)
		return;
	leave_block(facts);
	hf_list_reader_close(&facts->list);
	hf_email_reader_close(&facts->emails);
	hf_text_signature_reader_close(&facts->signatures);
	fact_text_fini(&facts->text);
	hf_buf_fini(&facts->scratch);
	hf_buf_fini(&facts->folded);
	hf_free(facts);
}

/* Entries --------------------------------------------------------------------------------------------------------- */

static enum hf_status read_email(struct hf_facts *facts, uint64_t id, struct hf_email *email)
{
	enum hf_status status = HF_OK;

	if (!facts->emails)
		status = hf_email_reader_open(facts->store, facts->view->owner, &facts->emails);
	return status == HF_OK ? hf_email_reader_get(facts->emails, id, email) : status;
}

static enum hf_status read_list(struct hf_facts *facts, uint64_t id, struct hf_list_row *row)
{
	enum hf_status status = HF_OK;

	if (!facts->list)
		status = hf_list_reader_open(facts->store, facts->view->owner, &facts->list);
	return status == HF_OK ? hf_list_reader_get(facts->list, id, row) : status;
}

struct field_texts {
	struct hf_facts *facts;
	struct hf_buf *out;
	bool odd; /* with a NUL, which cannot be told from an end */
};

static bool add_field_text(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct field_texts *texts = arg;
	struct hf_buf *unfolded = &texts->facts->scratch, *utf8 = &texts->facts->folded;
	size_t before = texts->out->size;

	(void)field;
	if (hf_list_field(name) != (int)(texts->facts->fact - HF_FACT_FIELD))
		return true;
	hf_buf_clear(unfolded);
	hf_buf_clear(utf8);
	hf_header_unfold(value, unfolded);
	hf_header_decode(hf_buf_str(unfolded), utf8);
	hf_fold(hf_buf_str(utf8), texts->out);
	texts->odd |= texts->out->size > before && memchr(texts->out->data + before, 0, texts->out->size - before);
	hf_buf_add_char(texts->out, 0);
	return true;
}

static bool add_header_field(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct field_texts *texts = arg;
	int number = hf_list_field(name);
	bool ended = hf_str_ends(field, HF_STR("\n"));
	uint16_t size = (uint16_t)(field.size + (ended ? 0 : 2));

	(void)value;
	texts->odd |= field.size > ENTRY_MAX;
	if (number < 0 || texts->odd)
		return true;
	hf_buf_add_char(texts->out, (char)number);
	hf_buf_add(texts->out, &size, sizeof(size));
	hf_buf_add_str(texts->out, field);
	if (!ended)
		hf_buf_add_lit(texts->out, "\r\n");
	return true;
}

void hf_fact_headers_pick(struct hf_str headers, uint32_t mask, struct hf_buf *out)
{
	const char *at = headers.data, *end = at + headers.size;

	while (end - at >= 3) {
		uint16_t size;

		memcpy(&size, at + 1, sizeof(size));
		if (mask >> *at & 1)
			hf_buf_add(out, at + 3, size);
		at += 3 + size;
	}
}

static enum hf_status add_headers(struct hf_facts *facts, uint64_t id, struct hf_buf *out)
{
	struct field_texts texts = { facts, out, false };
	struct hf_list_row row;
	struct hf_email email;
	struct hf_str headers;
	enum hf_status status = read_list(facts, id, &row);

	if (status != HF_OK)
		return status;
	headers = row.headers;
	if (!headers.data) {
		status = read_email(facts, id, &email);
		if (status != HF_OK)
			return status;
		headers = email.headers;
	}
	if (!headers.data)
		return HF_ENONEXISTENT;
	hf_header_each(headers, facts->fact == HF_FACT_HEADERS ? add_header_field : add_field_text, &texts);
	return texts.odd ? HF_ENONEXISTENT : HF_OK;
}

size_t hf_fact_thread(const struct hf_list_row *row, uint64_t *words)
{
	size_t count = HF_THREAD_REFERENCES;

	words[HF_THREAD_SUBJECT] = row->base_subject.size ? hf_fact_hash(row->base_subject) : 0;
	words[HF_THREAD_ID] = row->message_id.size ? hf_fact_hash(row->message_id) : 0;
	words[HF_THREAD_REPLY] = row->subject_is_reply;
	for (uint32_t i = 0; i < row->reference_count && i < HF_LIST_REFERENCES_MAX; i++)
		words[count++] = hf_fact_hash(row->references[i]);
	return count;
}

static enum hf_status add_list_fact(struct hf_facts *facts, uint64_t id, struct hf_buf *out)
{
	uint64_t words[HF_THREAD_REFERENCES + HF_LIST_REFERENCES_MAX];
	struct hf_list_row row;
	enum hf_status status = read_list(facts, id, &row);

	if (status != HF_OK)
		return status;
	switch (facts->fact) {
	case HF_FACT_ENVELOPE:
		hf_buf_add_str(out, row.envelope);
		break;
	case HF_FACT_SORT_CC:
		hf_buf_add_str(out, row.cc);
		break;
	case HF_FACT_SORT_DISPLAYFROM:
		hf_buf_add_str(out, row.display_from);
		break;
	case HF_FACT_SORT_DISPLAYTO:
		hf_buf_add_str(out, row.display_to);
		break;
	case HF_FACT_SORT_FROM:
		hf_buf_add_str(out, row.from);
		break;
	case HF_FACT_SORT_SUBJECT:
		hf_buf_add_str(out, row.base_subject);
		break;
	case HF_FACT_SORT_TO:
		hf_buf_add_str(out, row.to);
		break;
	default:
		hf_buf_add(out, words, hf_fact_thread(&row, words) * sizeof(*words));
		break;
	}
	return HF_OK;
}

static enum hf_status add_signature(struct hf_facts *facts, uint64_t id, struct hf_buf *out)
{
	struct hf_str payload;
	enum hf_status status = HF_OK;

	if (!facts->signatures)
		status = hf_text_signature_reader_open(facts->store, facts->view->owner, &facts->signatures);
	if (status == HF_OK)
		status = text_signature_payload(facts->signatures, id, &payload);
	return status == HF_OK ? signature_fold(payload, out) : status;
}

/* Anything but HF_OK: no entry. What damaged rows there are has been logged. */
static enum hf_status add_entry(struct hf_facts *facts, uint64_t id, struct hf_buf *out)
{
	struct hf_email email;
	enum hf_status status;

	if (!id)
		return HF_ENONEXISTENT;
	if (facts->fact < HF_FACT_ENVELOPE || facts->fact == HF_FACT_HEADERS)
		return add_headers(facts, id, out);
	if (facts->fact == HF_FACT_SIGNATURE)
		return add_signature(facts, id, out);
	if (facts->fact != HF_FACT_BODYSTRUCTURE && facts->fact != HF_FACT_TEXT)
		return add_list_fact(facts, id, out);
	status = read_email(facts, id, &email);
	if (status == HF_OK && facts->fact == HF_FACT_TEXT)
		return fact_text_add(&facts->text, facts->store, &email, out);
	if (status == HF_OK)
		hf_buf_add_str(out, email.bodystructure);
	return status;
}

/* Segments -------------------------------------------------------------------------------------------------------- */

static void segment_free(struct hot_item *item)
{
	hf_free(HF_CONTAINER(item, struct segment, item));
}

static uint32_t block_of(uint32_t uid)
{
	return uid >> BLOCK_BITS;
}

static uint32_t block_last(uint32_t block)
{
	return block << BLOCK_BITS | (BLOCK_SIZE - 1);
}

/* How far the view knows all that there is, in the block. */
static uint32_t known_to(const struct hf_facts *facts, uint32_t block)
{
	uint32_t last = block_last(block), known = facts->view->uidnext - 1;

	return known < last ? known : last;
}

/* The old one's entries (or NULL), then those of the view's messages above it. */
static struct segment *make_segment(struct hf_facts *facts, uint32_t block, const struct segment *old)
{
	uint32_t from = old ? old->upto + 1 : block << BLOCK_BITS, kept = old ? old->count : 0;
	uint32_t first = hf_uidlist_rank(facts->view->list, from), missing = old ? old->missing : 0;
	uint32_t end = block_last(block) == UINT32_MAX ? hf_uidlist_count(facts->view->list) :
							 hf_uidlist_rank(facts->view->list, block_last(block) + 1);
	uint32_t more = end > first ? end - first : 0, count = kept + more;
	struct hf_record *records = hf_alloc((more + 1) * sizeof(*records));
	uint32_t *uids = hf_alloc((2 * count + 1) * sizeof(*uids)), *ends = uids + count;
	struct hf_buf data = HF_BUF_INIT;
	struct segment *segment;
	size_t head = (sizeof(*segment) + 2 * (size_t)count * sizeof(*uids) + 7) & ~(size_t)7;

	more = more ? hf_view_records(facts->view, HF_SEQ(first + 1), more, records) : 0;
	count = kept + more;
	if (kept) {
		memcpy(uids, old->uids, kept * sizeof(*uids));
		memcpy(ends, old->ends, kept * sizeof(*ends));
		hf_buf_add(&data, old->data, old->ends[kept - 1] & ~NO_ENTRY);
	}
	for (uint32_t i = 0; i < more; i++) {
		size_t before = data.size;
		bool has = add_entry(facts, records[i].email, &data) == HF_OK && data.size - before <= ENTRY_MAX;

		if (!has) {
			data.size = before;
			missing++;
		}
		uids[kept + i] = records[i].uid.n;
		ends[kept + i] = (uint32_t)data.size | (has ? 0 : NO_ENTRY);
	}
	segment = hf_alloc(head + data.size);
	*segment = (struct segment){ .upto = known_to(facts, block), .count = count, .missing = missing };
	segment->item.key = (struct hot_key){ facts->view->mailbox->open.id, facts->fact, block };
	segment->item.size = head + data.size;
	segment->item.free = segment_free;
	segment->uids = (uint32_t *)(segment + 1);
	segment->ends = segment->uids + count;
	segment->data = (char *)segment + head;
	memcpy(segment->uids, uids, count * sizeof(*uids));
	memcpy(segment->ends, ends, count * sizeof(*ends));
	if (data.size)
		memcpy(segment->data, data.data, data.size);
	hf_buf_fini(&data);
	hf_free(uids);
	hf_free(records);
	return segment;
}

static void enter_block(struct hf_facts *facts, uint32_t block)
{
	struct hot_key key = { facts->view->mailbox->open.id, facts->fact, block };
	struct hot_item *item = hot_get(facts->hot, &key);
	struct segment *old = item ? HF_CONTAINER(item, struct segment, item) : NULL;

	leave_block(facts);
	facts->block = block;
	facts->has_block = true;
	facts->at = 0;
	facts->segment = old;
	facts->made = facts->make && (!old || old->upto < known_to(facts, block));
	if (!facts->made)
		return;
	facts->segment = make_segment(facts, block, old);
	hot_put(facts->hot, &facts->segment->item);
	hot_unref(facts->hot, item);
}

static struct hf_str entry_at(const struct segment *segment, uint32_t at)
{
	uint32_t start = at ? segment->ends[at - 1] & ~NO_ENTRY : 0;

	return hf_str_n(segment->data + start, segment->ends[at] - start);
}

/* Goes on to the UID; false: it is not there, or has no entry. */
static bool seek(struct hf_facts *facts, uint32_t uid)
{
	const struct segment *segment = facts->segment;

	if (!segment || !segment->count)
		return false;
	if (facts->at == segment->count || segment->uids[facts->at] > uid)
		facts->at = 0;
	if (uid - segment->uids[facts->at] > 16) /* a jump */
		facts->at = hf_uids_below(segment->uids, facts->at, segment->count, uid);
	while (facts->at < segment->count && segment->uids[facts->at] < uid)
		facts->at++;
	return facts->at < segment->count && segment->uids[facts->at] == uid && !(segment->ends[facts->at] & NO_ENTRY);
}

bool hf_facts_get(struct hf_facts *facts, struct hf_uid uid, struct hf_str *data)
{
	if (!facts->has_block || facts->block != block_of(uid.n))
		enter_block(facts, block_of(uid.n));
	if (!seek(facts, uid.n))
		return false;
	*data = entry_at(facts->segment, facts->at);
	return true;
}

bool hf_facts_signature(struct hf_facts *facts, struct hf_uid uid, struct hf_text_signature *signature)
{
	struct hf_str data;

	return hf_facts_get(facts, uid, &data) && signature_decode(data, signature) == HF_OK;
}

/* Finding --------------------------------------------------------------------------------------------------------- */

/* Whether the segment has exactly the view's messages from rank `first` up to `end`. */
static bool is_in_step(const struct hf_facts *facts, uint32_t first, uint32_t end)
{
	const struct segment *segment = facts->segment;

	if (!segment || segment->missing || segment->count != end - first)
		return false;
	for (uint32_t rank = first; rank < end;) {
		uint32_t count;
		const uint32_t *uids = hf_uidlist_slice(facts->view->list, rank, &count);

		if (count > end - rank)
			count = end - rank;
		if (memcmp(uids, segment->uids + (rank - first), count * sizeof(*uids)) != 0)
			return false;
		rank += count;
	}
	return true;
}

/* The first entry that ends behind the octet. */
static uint32_t entry_of(const struct segment *segment, uint32_t from, uint32_t offset)
{
	uint32_t low = from, high = segment->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (segment->ends[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* All entries in one go: a NUL is behind each text, and none in the needle. */
static void find_in_all(const struct segment *segment, uint32_t first, struct hf_str needle, struct hf_set *found)
{
	uint32_t at = 0, offset = 0, end = segment->count ? segment->ends[segment->count - 1] : 0;
	const char *hit;

	while (offset < end && (hit = memmem(segment->data + offset, end - offset, needle.data, needle.size))) {
		at = entry_of(segment, at, (uint32_t)(hit - segment->data));
		hf_set_add(found, first + at + 1);
		offset = segment->ends[at++];
	}
}

static void find_one_by_one(struct hf_facts *facts, uint32_t first, uint32_t end, struct hf_str needle, struct hf_set *found,
			    struct hf_set *unknown)
{
	for (uint32_t rank = first; rank < end; rank++) {
		struct hf_str data;

		if (!seek(facts, hf_uidlist_at(facts->view->list, rank))) {
			hf_set_add(unknown, rank + 1);
			continue;
		}
		data = entry_at(facts->segment, facts->at);
		if (needle.size ? data.size && memmem(data.data, data.size, needle.data, needle.size) : data.size != 0)
			hf_set_add(found, rank + 1);
	}
}

enum hf_status hf_facts_find(struct hf_facts *facts, struct hf_str needle, struct hf_set *found, struct hf_set *unknown)
{
	const struct hf_uidlist *list = facts->view->list;
	uint32_t total = hf_uidlist_count(list);
	unsigned blocks = FIND_BLOCKS, made = FIND_MADE;

	while (facts->next <= total) {
		uint32_t first = facts->next - 1, block = block_of(hf_uidlist_at(list, first)), end = total;

		if (!blocks-- || !made)
			return HF_MORE;
		if (block_last(block) != UINT32_MAX)
			end = hf_uidlist_rank(list, block_last(block) + 1);
		enter_block(facts, block);
		made -= facts->made;
		if (needle.size && is_in_step(facts, first, end))
			find_in_all(facts->segment, first, needle, found);
		else
			find_one_by_one(facts, first, end, needle, found, unknown);
		facts->next = end + 1;
	}
	return HF_OK;
}
