/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client sends as a deflate stream (RFC 4978), in pieces, with the state given back in between:
 * the same octets come out, and the same streams are refused, as when zlib reads all at once. First
 * octet: the size of the pieces; second: how much is read of each, and whether it is idle between. */
#include <string.h>
#include <zlib.h>

#include "base/assert.h"
#include "host/conn_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (1u << 20)

/* True: the stream is sound, as far as it goes. */
static bool inflate_whole(struct hf_str in, struct hf_buf *out)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.size };
	int result;

	hf_assert(inflateInit2(&z, -15) == Z_OK);
	do {
		z.next_out = (Bytef *)hf_buf_reserve(out, 4096);
		z.avail_out = 4096;
		result = inflate(&z, Z_SYNC_FLUSH);
		hf_buf_added(out, 4096 - z.avail_out);
	} while (result == Z_OK && out->size < OUT_MAX && (z.avail_in || !z.avail_out));
	inflateEnd(&z);
	return result == Z_OK || result == Z_BUF_ERROR;
}

/* Reads what there is. */
static bool take(struct hf_compress *compress, struct hf_buf *out, size_t step)
{
	do {
		size_t got;
		bool sound = hf_compress_inflate(compress, hf_buf_reserve(out, step), step, &got);

		hf_assert(got <= step);
		hf_buf_added(out, got);
		if (!sound)
			return false;
	} while (hf_compress_has_input(compress) && out->size < OUT_MAX);
	return true;
}

static bool inflate_pieces(struct hf_str in, size_t piece, size_t step, bool idle, struct hf_buf *out)
{
	struct hf_compress *compress = hf_compress_new();
	bool sound = true;

	while (in.size && sound && out->size < OUT_MAX) {
		size_t room, count;
		char *to = hf_compress_input(compress, &room);

		count = in.size < piece ? in.size : piece;
		count = count < room ? count : room;
		hf_assert(count);
		memcpy(to, in.data, count);
		hf_compress_received(compress, count);
		in = hf_str_sub(in, count, SIZE_MAX);
		sound = take(compress, out, step);
		if (idle)
			hf_compress_idle(compress);
	}
	/* What came with the end of a stream is given out; that it has ended is said by the next call. */
	if (sound && out->size < OUT_MAX)
		sound = take(compress, out, step);
	hf_compress_free(&compress);
	return sound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf whole = HF_BUF_INIT, pieces = HF_BUF_INIT;
	struct hf_str in;
	bool sound, same;

	if (size < 3)
		return 0;
	in = hf_str_n(data + 2, size - 2);
	sound = inflate_whole(in, &whole);
	same = inflate_pieces(in, data[0] + 1u, (data[1] >> 1) + 1u, data[1] & 1, &pieces);
	if (whole.size < OUT_MAX && pieces.size < OUT_MAX) {
		hf_assert(same == sound);
		hf_assert(hf_str_eq(hf_buf_str(&whole), hf_buf_str(&pieces)));
	}
	hf_buf_fini(&whole);
	hf_buf_fini(&pieces);
	return 0;
}
