/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `index`, `kept` and `gone`: the facts of one message, and which ones have left. */

#include "storage/rows.h"

#define DATE_BIAS (INT64_C(1) << 39)
#define DATE_MAX ((UINT64_C(1) << 40) - 1)

static uint8_t *put(uint8_t *to, uint64_t n, int octets)
{
	for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8)
		*to++ = (uint8_t)(n >> shift);
	return to;
}

static uint64_t take(const uint8_t **from, int octets)
{
	uint64_t n = 0;

	while (octets--)
		n = n << 8 | *(*from)++;
	return n;
}

static uint64_t date_put(int64_t when)
{
	int64_t biased = when + DATE_BIAS;

	if (biased < 0)
		return 0;
	return (uint64_t)biased > DATE_MAX ? DATE_MAX : (uint64_t)biased;
}

static int64_t date_take(const uint8_t **from)
{
	return (int64_t)take(from, 5) - DATE_BIAS;
}

void row_index_encode(const struct hf_record *record, uint8_t out[ROW_INDEX_SIZE])
{
	uint8_t *to = out;

	*to++ = ROW_VERSION;
	to = put(to, record->flags, 3);
	to = put(to, record->keywords, 8);
	to = put(to, record->modseq.n, 8);
	to = put(to, record->size, 5);
	to = put(to, date_put(record->internaldate), 5);
	to = put(to, date_put((int64_t)record->saved), 5);
	to = put(to, date_put(record->sent), 5);
	to = put(to, record->email, 8);
	to = put(to, record->thread, 8);
	to = put(to, (uint16_t)record->sent_zone, 2);
	put(to, 0, 6);
}

enum hf_status row_index_decode(struct hf_uid uid, struct hf_str in, struct hf_record *record)
{
	const uint8_t *from = (const uint8_t *)in.data;

	if (in.size < ROW_INDEX_SIZE || *from++ != ROW_VERSION)
		return HF_ECORRUPT;
	*record = (struct hf_record){ .uid = uid };
	record->flags = (uint16_t)take(&from, 3);
	record->keywords = take(&from, 8);
	record->modseq.n = take(&from, 8);
	record->size = (uint32_t)take(&from, 5);
	record->internaldate = date_take(&from);
	record->saved = (uint32_t)date_take(&from);
	record->sent = date_take(&from);
	record->email = take(&from, 8);
	record->thread = take(&from, 8);
	record->sent_zone = (int16_t)(uint16_t)take(&from, 2);
	return HF_OK;
}

void row_kept_encode(struct hf_uid key, const struct row_kept *row, struct hf_buf *out)
{
	uint32_t last = key.n;

	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, (uint64_t)row->time);
	hf_buf_add_be64(out, row->modseq.n);
	for (unsigned i = 0; i < row->count; i++) {
		const struct hf_record *record = &row->records[i];
		uint8_t octets[ROW_INDEX_SIZE];

		hf_buf_add_varint(out, record->uid.n - last);
		row_index_encode(record, octets);
		hf_buf_add(out, octets, sizeof(octets));
		last = record->uid.n;
	}
}

enum hf_status row_kept_decode(struct hf_uid key, struct hf_str in, struct row_kept *row)
{
	struct hf_reader r = hf_reader_init(in);
	uint32_t last = key.n;
	uint64_t time;
	uint8_t version = 0;

	row->count = 0;
	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be64(&r, &time) || !hf_read_be64(&r, &row->modseq.n))
		return HF_ECORRUPT;
	row->time = (int64_t)time;
	while (r.pos != r.end) {
		struct hf_str octets;
		uint64_t distance;

		if (row->count == KEPT_RECORDS || !hf_read_varint(&r, &distance) || distance > UINT32_MAX - last ||
		    !hf_read_bytes(&r, ROW_INDEX_SIZE, &octets))
			return HF_ECORRUPT;
		last += (uint32_t)distance;
		if (row_index_decode(HF_UID(last), octets, &row->records[row->count++]) != HF_OK)
			return HF_ECORRUPT;
	}
	return row->count ? HF_OK : HF_ECORRUPT;
}

void row_gone_encode(const struct hf_set *uids, struct hf_buf *out)
{
	uint32_t last = 0;

	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_varint(out, uids->count);
	for (size_t i = 0; i < uids->count; i++) {
		hf_buf_add_varint(out, uids->ranges[i].first - last);
		hf_buf_add_varint(out, uids->ranges[i].last - uids->ranges[i].first);
		last = uids->ranges[i].last;
	}
}

enum hf_status row_gone_decode(struct hf_str in, struct hf_set *uids)
{
	struct hf_reader r = hf_reader_init(in);
	uint64_t count = 0, last = 0;
	uint8_t version = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_varint(&r, &count))
		return HF_ECORRUPT;
	while (count--) {
		uint64_t distance, length;

		if (!hf_read_varint(&r, &distance) || !hf_read_varint(&r, &length) || distance > UINT32_MAX ||
		    length > UINT32_MAX || last + distance + length > UINT32_MAX)
			return HF_ECORRUPT;
		hf_set_add_range(uids, (uint32_t)(last + distance), (uint32_t)(last + distance + length));
		last += distance + length;
	}
	return HF_OK;
}

void row_dead_encode(const struct row_dead *row, const struct hf_set *uids, struct hf_buf *out)
{
	hf_buf_add_char(out, ROW_VERSION);
	hf_buf_add_be64(out, (uint64_t)row->time);
	hf_buf_add_char(out, row->keep);
	row_gone_encode(uids, out);
}

enum hf_status row_dead_decode(struct hf_str in, struct row_dead *row, struct hf_set *uids)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0, keep = 0;
	uint64_t time = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_be64(&r, &time) || !hf_read_u8(&r, &keep))
		return HF_ECORRUPT;
	row->time = (int64_t)time;
	row->keep = keep != 0;
	return row_gone_decode(hf_str_n(r.pos, (size_t)(r.end - r.pos)), uids);
}
