/* SPDX-License-Identifier: BSD-2-Clause */
/* COMPRESS=DEFLATE, RFC 4978: raw deflate both ways, under the session and above TLS.
 *
 * Memory: the compressor takes small windows, and is given back while the connection is idle: after
 * a sync flush the stream stands at an octet boundary, and a fresh compressor that never refers to
 * what came before it may simply go on. Of the peer's stream, the part of the window that is in use
 * is needed as long as the connection lives, and nothing else where the peer has flushed its own:
 * then the stream stands between two blocks, at an octet boundary. Inflation writes only into room
 * that the input buffer has, so a bomb gains nothing. */
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
	OUTPUT_STEP = 4 * 1024
};

struct hf_compress {
	z_stream *deflate; /* NULL while idle */
	z_stream *inflate; /* NULL before the first input, and while idle */
	char *window;      /* of the peer's stream, while idle */
	size_t window_size;
	struct hf_buf out;
	size_t out_sent;
	bool unflushed;
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

bool hf_compress_inflate(struct hf_compress *compress, void *to, size_t size, size_t *got)
{
	z_stream *z = compress->inflate;
	int result;

	*got = 0;
	if (!z) {
		if (compress->in_start == compress->in_end)
			return true;
		inflate_begin(compress);
		z = compress->inflate;
	}
	z->next_in = (Bytef *)compress->in + compress->in_start;
	z->avail_in = (uInt)(compress->in_end - compress->in_start);
	z->next_out = to;
	z->avail_out = (uInt)size;
	result = inflate(z, Z_SYNC_FLUSH);
	compress->in_start = compress->in_end - z->avail_in;
	*got = size - z->avail_out;
	if (compress->in_start == compress->in_end && z->avail_out) {
		hf_free(compress->in);
		compress->in = NULL;
		compress->in_start = compress->in_end = 0;
	}
	return result == Z_OK || result == Z_BUF_ERROR;
}
