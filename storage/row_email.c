/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `list`, `email` and `thread`: the parsed facts of a message. */

#include "base/digest.h"
#include "storage/rows.h"

enum { LIST_IS_REPLY = 1, LIST_HAS_HEADERS = 2, LIST_HAS_PREVIEW = 4 };

uint64_t row_checksum(uint64_t a, uint64_t b, struct hf_str data)
{
	uint64_t parts[3] = { a, b, hf_checksum(data.data, data.size) };

	return hf_checksum(parts, sizeof(parts));
}

static void patch_be64(struct hf_buf *out, size_t at, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out->data[at + (size_t)i] = (char)(n >> (56 - 8 * i));
}

/* What does not fit lies in the row `email`. */
static bool add_optional(struct hf_buf *out, size_t start, struct hf_str text)
{
	if (!text.data || out->size - start + text.size + ROW_LIST_HEAD + 2 > ROW_LIST_TARGET)
		return false;
	hf_buf_add_varstr(out, text);
	return true;
}

void row_list_payload(const struct hf_list_row *row, struct hf_buf *out)
{
	size_t start = out->size, flags_at;
	uint32_t references = row->reference_count, skip = 0;

	if (references > ROW_LIST_REFERENCES) { /* the oldest and the newest ones */
		skip = references - ROW_LIST_REFERENCES;
		references = ROW_LIST_REFERENCES;
	}
	flags_at = out->size;
	hf_buf_add_char(out, row->subject_is_reply ? LIST_IS_REPLY : 0);
	hf_buf_add_be64(out, (uint64_t)row->sent);
	hf_buf_add_varstr(out, row->envelope);
	hf_buf_add_varstr(out, row->base_subject);
	hf_buf_add_varstr(out, row->from);
	hf_buf_add_varstr(out, row->to);
	hf_buf_add_varstr(out, row->cc);
	hf_buf_add_varstr(out, row->display_from);
	hf_buf_add_varstr(out, row->display_to);
	hf_buf_add_varstr(out, row->subject);
	hf_buf_add_varstr(out, row->message_id);
	hf_buf_add_varint(out, references);
	for (uint32_t i = 0; i < references; i++)
		hf_buf_add_varstr(out, row->references[i ? i + skip : 0]);
	if (add_optional(out, start, row->headers))
		out->data[flags_at] |= LIST_HAS_HEADERS;
	if (add_optional(out, start, row->preview))
		out->data[flags_at] |= LIST_HAS_PREVIEW;
}

bool row_list_has_headers(struct hf_str payload)
{
	return payload.size && payload.data[0] & LIST_HAS_HEADERS;
}

void row_list_encode(uint64_t owner, uint64_t email, uint32_t refs, struct hf_str payload, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be32(out, refs);
	hf_buf_add_be64(out, row_checksum(owner, email, payload));
	hf_buf_add_str(out, payload);
}

enum hf_status row_list_refs(struct hf_str in, uint32_t *refs)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;

	return hf_read_u8(&r, &version) && version == ROW_VERSION && hf_read_be32(&r, refs) ? HF_OK : HF_ECORRUPT;
}

static enum hf_status checked(struct hf_reader *r, uint64_t owner, uint64_t email, struct hf_str *payload)
{
	uint64_t checksum = 0;

	if (!hf_read_be64(r, &checksum))
		return HF_ECORRUPT;
	*payload = hf_str_n(r->pos, (size_t)(r->end - r->pos));
	return checksum == row_checksum(owner, email, *payload) ? HF_OK : HF_ECORRUPT;
}

enum hf_status row_list_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *payload)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;
	uint32_t refs;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be32(&r, &refs))
		return HF_ECORRUPT;
	return checked(&r, owner, email, payload);
}

enum hf_status row_list_decode(struct hf_str payload, struct hf_str *references, struct hf_list_row *row)
{
	struct hf_reader r = hf_reader_init(payload);
	uint64_t sent = 0, count = 0;
	uint8_t flags = 0;
	bool ok = hf_read_u8(&r, &flags) && hf_read_be64(&r, &sent) && hf_read_varstr(&r, &row->envelope) &&
		  hf_read_varstr(&r, &row->base_subject) && hf_read_varstr(&r, &row->from) &&
		  hf_read_varstr(&r, &row->to) && hf_read_varstr(&r, &row->cc) &&
		  hf_read_varstr(&r, &row->display_from) && hf_read_varstr(&r, &row->display_to) &&
		  hf_read_varstr(&r, &row->subject) && hf_read_varstr(&r, &row->message_id) &&
		  hf_read_varint(&r, &count) && count <= ROW_LIST_REFERENCES;

	if (!ok)
		return HF_ECORRUPT;
	for (uint32_t i = 0; i < count; i++)
		ok = ok && hf_read_varstr(&r, &references[i]);
	row->headers = HF_STR_NULL;
	if (flags & LIST_HAS_HEADERS)
		ok = ok && hf_read_varstr(&r, &row->headers);
	row->preview = HF_STR_NULL;
	if (flags & LIST_HAS_PREVIEW)
		ok = ok && hf_read_varstr(&r, &row->preview);
	row->sent = (int64_t)sent;
	row->subject_is_reply = (flags & LIST_IS_REPLY) != 0;
	row->references = references;
	row->reference_count = (uint32_t)count;
	return ok ? HF_OK : HF_ECORRUPT;
}

void row_email_payload(const struct row_email *row, struct hf_buf *out)
{
	hf_buf_add_be64(out, row->content);
	hf_buf_add_varint(out, row->content_size);
	hf_buf_add_varint(out, row->split);
	hf_buf_add_varint(out, row->header_size);
	hf_buf_add_varstr(out, row->prefix);
	hf_buf_add_varstr(out, row->bodystructure);
	hf_buf_add_varint(out, row->headers.data != NULL);
	if (row->headers.data)
		hf_buf_add_varstr(out, row->headers);
	hf_buf_add_str(out, row->message);
}

void row_email_encode(uint64_t owner, uint64_t email, struct hf_str payload, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row_checksum(owner, email, payload));
	hf_buf_add_str(out, payload);
}

enum hf_status row_email_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *payload)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION)
		return HF_ECORRUPT;
	return checked(&r, owner, email, payload);
}

enum hf_status row_email_decode(struct hf_str payload, struct row_email *row)
{
	struct hf_reader r = hf_reader_init(payload);
	uint64_t split = 0, has_headers = 0;
	bool ok = hf_read_be64(&r, &row->content) && hf_read_varint(&r, &row->content_size) &&
		  hf_read_varint(&r, &split) && split <= CONTENT_SPLIT_MAX && split <= row->content_size &&
		  hf_read_varint(&r, &row->header_size) && row->header_size <= row->content_size &&
		  hf_read_varstr(&r, &row->prefix) && hf_read_varstr(&r, &row->bodystructure) &&
		  hf_read_varint(&r, &has_headers) && has_headers <= 1;

	row->headers = HF_STR_NULL;
	if (has_headers)
		ok = ok && hf_read_varstr(&r, &row->headers);
	if (!ok)
		return HF_ECORRUPT;
	row->split = (uint32_t)split;
	row->message = hf_str_n(r.pos, (size_t)(r.end - r.pos));
	return HF_OK;
}

void row_thread_encode(const struct row_thread *row, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, row->thread);
	hf_buf_add_be32(out, row->count);
	for (unsigned i = 0; i < row->email_count; i++)
		hf_buf_add_be64(out, row->emails[i]);
}

enum hf_status row_thread_decode(struct hf_str in, struct row_thread *row)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be64(&r, &row->thread) ||
	    !hf_read_be32(&r, &row->count))
		return HF_ECORRUPT;
	row->email_count = 0;
	while (r.pos < r.end && row->email_count < ROW_THREAD_EMAILS)
		if (!hf_read_be64(&r, &row->emails[row->email_count++]))
			return HF_ECORRUPT;
	return HF_OK;
}

void row_content_encode(uint64_t content, const struct row_content *row, struct hf_buf *out)
{
	size_t start = out->size;

	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be32(out, row->refs);
	hf_buf_add_be64(out, 0);
	hf_buf_add_be64(out, row->size);
	hf_buf_add_be32(out, row->split);
	hf_buf_add_be32(out, row->chunks);
	patch_be64(out, start + 5,
		   row_checksum(content, PART_HEAD, hf_str_n(out->data + start + 13, out->size - start - 13)));
}

enum hf_status row_content_decode(uint64_t content, struct hf_str in, struct row_content *row)
{
	struct hf_reader r = hf_reader_init(in);
	struct hf_str payload;
	uint8_t version = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be32(&r, &row->refs) ||
	    checked(&r, content, PART_HEAD, &payload) != HF_OK)
		return HF_ECORRUPT;
	return hf_read_be64(&r, &row->size) && hf_read_be32(&r, &row->split) && hf_read_be32(&r, &row->chunks)
		       ? HF_OK
		       : HF_ECORRUPT;
}
