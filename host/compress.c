/* SPDX-License-Identifier: BSD-2-Clause */
/* COMPRESS=DEFLATE, RFC 4978: raw deflate both ways, under the session and above TLS.
 *
 * Memory: the compressor takes small windows, and is given back while the connection is idle: after
 * a sync flush the stream stands at an octet boundary, and a fresh compressor that never refers to
 * what came before it may simply go on. Of the peer's stream, the part of the window that is in use
 * is needed as long as the connection lives, and nothing else where the peer has flushed its own:
 * then the stream stands between two blocks, at an octet boundary. Inflation writes only into room
 * that the input buffer has, so a bomb gains nothing.
 *
 * Compression can end (RFC 8437): the peer then goes on in clear, perhaps in the same packet. So
 * inflation halts behind what its flush has made a line's end, until the session has looked at it;
 * and what is left of the stream then, bits of its block and empty blocks, is taken up to where a
 * text begins. Our own stream ends with a final block. */
#include "host/conn_priv.h"

#include <string.h>
#include <zlib.h>

#include "base/assert.h"

enum {
	WINDOW_BITS = 13,
	PEER_WINDOW_BITS = 15,
	MEM_LEVEL = 6,
	LEVEL = 3,
	INPUT_SIZE = 8 * 1024,
	OUTPUT_STEP = 4 * 1024,
	UNUSED_BITS = 7, LAST_BLOCK = 64, BETWEEN_BLOCKS = 128 /* in data_type */
};

struct hf_compress {
	z_stream *deflate; /* NULL while idle */
	z_stream *inflate; /* NULL before the first input, and while idle */
	char *window;      /* of the peer's stream, while idle */
	size_t window_size;
	struct hf_buf out;
	size_t out_sent;
	bool unflushed;
	bool over; /* the peer's stream has had its last block */
	char *in;
	size_t in_start, in_end;
};

struct hf_compress *hf_compress_new(void)
{
	return hf_alloc_zero(sizeof(struct hf_compress));
}

/* Whether the window is all that the rest of the peer's stream needs. What zlib says of where it
 * stands: 128, right behind a block; 64, in the last block; bits of an octet not used up. */
static bool inflate_rests(const struct hf_compress *compress)
{
	return compress->inflate && compress->inflate->data_type == 128 &&
	       compress->inflate->avail_out && compress->in_start == compress->in_end;
}

static void inflate_end(struct hf_compress *compress)
{
	if (!compress->inflate)
		return;
	inflateEnd(compress->inflate);
	hf_free(compress->inflate);
	compress->inflate = NULL;
}

static void inflate_rest(struct hf_compress *compress)
{
	uInt size = 0;

	hf_assert(inflateGetDictionary(compress->inflate, NULL, &size) == Z_OK);
	compress->window = size ? hf_alloc(size) : NULL;
	compress->window_size = size;
	if (size)
		hf_assert(inflateGetDictionary(compress->inflate, (Bytef *)compress->window,
					       &size) == Z_OK);
	inflate_end(compress);
}

static void inflate_begin(struct hf_compress *compress)
{
	z_stream *z = compress->inflate = hf_alloc_zero(sizeof(*z));

	hf_assert(inflateInit2(z, -PEER_WINDOW_BITS) == Z_OK);
	if (!compress->window)
		return;
	hf_assert(inflateSetDictionary(z, (const Bytef *)compress->window,
				       (uInt)compress->window_size) == Z_OK);
	hf_free(compress->window);
	compress->window = NULL;
}

void hf_compress_free(struct hf_compress **compress)
{
	struct hf_compress *old = *compress;

	if (!old)
		return;
	hf_compress_sent(old, old->out.size - old->out_sent);
	old->unflushed = false;
	hf_compress_idle(old);
	inflate_end(old);
	hf_free(old->window);
	hf_free(old->in);
	hf_free(old);
	*compress = NULL;
}

void hf_compress_add(struct hf_compress *compress, struct hf_str in, bool flush)
{
	z_stream *z = compress->deflate;
	int mode = flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;

	if (!z) {
		z = compress->deflate = hf_alloc_zero(sizeof(*z));
		hf_assert(deflateInit2(z, LEVEL, Z_DEFLATED, -WINDOW_BITS, MEM_LEVEL,
				       Z_DEFAULT_STRATEGY) == Z_OK);
	}
	z->next_in = (Bytef *)(uintptr_t)in.data; /* zlib does not write to it */
	z->avail_in = (uInt)in.size;
	do {
		int result;

		z->next_out = (Bytef *)hf_buf_reserve(&compress->out, OUTPUT_STEP);
		z->avail_out = OUTPUT_STEP;
		result = deflate(z, mode);
		hf_assert(result == Z_OK || result == Z_BUF_ERROR);
		hf_buf_added(&compress->out, OUTPUT_STEP - z->avail_out);
	} while (z->avail_out == 0);
	hf_assert(z->avail_in == 0);
	compress->unflushed = !flush;
}

struct hf_str hf_compress_output(const struct hf_compress *compress)
{
	return hf_str_sub(hf_buf_str(&compress->out), compress->out_sent, SIZE_MAX);
}

void hf_compress_sent(struct hf_compress *compress, size_t count)
{
	compress->out_sent += count;
	if (compress->out_sent == compress->out.size) {
		hf_buf_fini(&compress->out);
		compress->out_sent = 0;
	}
}

bool hf_compress_unflushed(const struct hf_compress *compress)
{
	return compress->unflushed;
}

void hf_compress_idle(struct hf_compress *compress)
{
	if (inflate_rests(compress))
		inflate_rest(compress);
	if (!compress->deflate || compress->unflushed || compress->out.size)
		return;
	deflateEnd(compress->deflate);
	hf_free(compress->deflate);
	compress->deflate = NULL;
}

bool hf_compress_is_idle(const struct hf_compress *compress)
{
	return !compress->deflate && !inflate_rests(compress);
}

char *hf_compress_input(struct hf_compress *compress, size_t *room)
{
	if (!compress->in)
		compress->in = hf_alloc(INPUT_SIZE);
	if (compress->in_start) {
		memmove(compress->in, compress->in + compress->in_start,
			compress->in_end - compress->in_start);
		compress->in_end -= compress->in_start;
		compress->in_start = 0;
	}
	*room = INPUT_SIZE - compress->in_end;
	return compress->in + compress->in_end;
}

void hf_compress_received(struct hf_compress *compress, size_t count)
{
	compress->in_end += count;
}

bool hf_compress_has_input(const struct hf_compress *compress)
{
	return compress->in_start < compress->in_end ||
	       (compress->inflate && compress->inflate->avail_out == 0);
}

/* Between two blocks, and between two octets. */
static bool is_between(const z_stream *z)
{
	return z->data_type & BETWEEN_BLOCKS && !(z->data_type & UNUSED_BITS);
}

/* Behind the last block: Z_BLOCK halts there before it says so. */
static bool is_over(const z_stream *z, int result)
{
	int last = LAST_BLOCK | BETWEEN_BLOCKS;

	return result == Z_STREAM_END || (result >= Z_OK && (z->data_type & last) == last);
}

static void drop_input(struct hf_compress *compress)
{
	hf_free(compress->in);
	compress->in = NULL;
	compress->in_start = compress->in_end = 0;
}

bool hf_compress_inflate(struct hf_compress *compress, void *to, size_t size, size_t *got)
{
	z_stream *z = compress->inflate;
	int result;

	*got = 0;
	if (compress->over) /* and nobody has said that it would end */
		return false;
	if (!z) {
		if (compress->in_start == compress->in_end)
			return true;
		inflate_begin(compress);
		z = compress->inflate;
	}
	/* Without input too: bits of the last octet may be left. */
	z->next_in = compress->in ? (Bytef *)compress->in + compress->in_start : NULL;
	z->avail_in = (uInt)(compress->in_end - compress->in_start);
	z->next_out = to;
	z->avail_out = (uInt)size;
	do
		result = inflate(z, Z_BLOCK);
	while ((result == Z_OK || result == Z_BUF_ERROR) && z->avail_in && z->avail_out &&
	       !(is_between(z) && z->avail_out < size && z->next_out[-1] == '\n'));
	compress->over = is_over(z, result);
	compress->in_start = compress->in_end - z->avail_in;
	*got = size - z->avail_out;
	if (compress->in_start == compress->in_end && z->avail_out)
		drop_input(compress);
	return compress->over ? *got != 0 : result == Z_OK || result == Z_BUF_ERROR;
}

enum hf_status hf_compress_end_input(struct hf_compress *compress)
{
	z_stream *z = compress->inflate;

	while (!compress->over) {
		char nothing[1];
		int result;

		if (compress->in_start == compress->in_end)
			return HF_MORE;
		if (!z || is_between(z)) {
			if ((unsigned char)compress->in[compress->in_start] > 3)
				return HF_OK; /* no stored or fixed block begins with it, and no
						 empty one would be another */
			if (!z)
				inflate_begin(compress);
			z = compress->inflate;
		}
		z->next_in = (Bytef *)compress->in + compress->in_start;
		z->avail_in = (uInt)(compress->in_end - compress->in_start);
		z->next_out = (Bytef *)nothing;
		z->avail_out = sizeof(nothing);
		result = inflate(z, Z_BLOCK);
		compress->over = is_over(z, result);
		compress->in_start = compress->in_end - z->avail_in;
		if (!z->avail_out || (result != Z_OK && result != Z_BUF_ERROR && !compress->over))
			return HF_ESYNTAX;
	}
	return HF_OK;
}

struct hf_str hf_compress_rest(const struct hf_compress *compress)
{
	return hf_str_n(compress->in + compress->in_start, compress->in_end - compress->in_start);
}

void hf_compress_input_ended(struct hf_compress *compress)
{
	drop_input(compress);
	inflate_end(compress);
	hf_free(compress->window);
	compress->window = NULL;
}

void hf_compress_end_output(struct hf_compress *compress)
{
	z_stream *z;
	int result;

	hf_compress_add(compress, HF_STR_NULL, false);
	z = compress->deflate;
	do {
		z->next_out = (Bytef *)hf_buf_reserve(&compress->out, OUTPUT_STEP);
		z->avail_out = OUTPUT_STEP;
		result = deflate(z, Z_FINISH);
		hf_assert(result == Z_OK || result == Z_STREAM_END);
		hf_buf_added(&compress->out, OUTPUT_STEP - z->avail_out);
	} while (result != Z_STREAM_END);
	compress->unflushed = false;
	deflateEnd(compress->deflate);
	hf_free(compress->deflate);
	compress->deflate = NULL;
}
