/* SPDX-License-Identifier: BSD-2-Clause */
/* Chunks of content; a checksum over what is stored. lz4 where it saves an eighth, else raw: reading mail is what happens most, and of
 * mail of 21 KB on the average (with attachments in base64, which lz4 leaves alone) lz4 takes 16 us of a core to send, lz4 with
 * zstd for what lz4 leaves alone 22 us, zstd 32 us; they take 89, 81 and 65 % of its size. Who asks for compact storage
 * gets zstd. Contexts of zstd are large, so they are kept for reuse, a few at most. */

#include <lz4.h>
#include <pthread.h>
#include <zstd.h>

#include "base/assert.h"
#include "storage/rows.h"

#define CONTEXTS 16

static struct {
	pthread_mutex_t lock;
	ZSTD_CCtx *compress[CONTEXTS] HF_GUARDED_BY(lock);
	ZSTD_DCtx *decompress[CONTEXTS] HF_GUARDED_BY(lock);
	unsigned compress_count HF_GUARDED_BY(lock);
	unsigned decompress_count HF_GUARDED_BY(lock);
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static ZSTD_CCtx *compressor_get(void)
{
	ZSTD_CCtx *context = NULL;

	pthread_mutex_lock(&pool.lock);
	if (pool.compress_count)
		context = pool.compress[--pool.compress_count];
	pthread_mutex_unlock(&pool.lock);
	if (!context)
		context = ZSTD_createCCtx();
	hf_assert(context);
	return context;
}

static void compressor_put(ZSTD_CCtx *context)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.compress_count < CONTEXTS) {
		pool.compress[pool.compress_count++] = context;
		context = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	ZSTD_freeCCtx(context);
}

static ZSTD_DCtx *decompressor_get(void)
{
	ZSTD_DCtx *context = NULL;

	pthread_mutex_lock(&pool.lock);
	if (pool.decompress_count)
		context = pool.decompress[--pool.decompress_count];
	pthread_mutex_unlock(&pool.lock);
	if (!context)
		context = ZSTD_createDCtx();
	hf_assert(context);
	return context;
}

static void decompressor_put(ZSTD_DCtx *context)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.decompress_count < CONTEXTS) {
		pool.decompress[pool.decompress_count++] = context;
		context = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	ZSTD_freeDCtx(context);
}

static uint64_t chunk_checksum(uint64_t content, uint32_t part, uint8_t codec, uint32_t size, struct hf_str stored)
{
	return row_checksum(content, (uint64_t)part << 32 ^ (uint64_t)codec << 56 ^ size, stored);
}

static bool is_worth(size_t stored, size_t size)
{
	return stored && stored < size - size / 8;
}

static size_t compress_lz4(struct hf_str data, char *to, size_t room)
{
	int stored = LZ4_compress_default(data.data, to, (int)data.size, (int)room);

	return stored > 0 ? (size_t)stored : 0;
}

static size_t compress_zstd(struct hf_str data, char *to, size_t room)
{
	ZSTD_CCtx *context = compressor_get();
	size_t stored = ZSTD_compressCCtx(context, to, room, data.data, data.size, 1);

	compressor_put(context);
	return ZSTD_isError(stored) ? 0 : stored;
}

void row_chunk_encode(uint64_t content, uint32_t part, struct hf_str data, bool compact, struct hf_buf *out)
{
	size_t bound = ZSTD_compressBound(data.size), stored, start = out->size;
	struct hf_buf head = HF_BUF_INIT;
	uint8_t codec = compact ? CODEC_ZSTD : CODEC_LZ4;
	char *at;

	hf_assert(data.size <= CHUNK_SIZE);
	if (bound < (size_t)LZ4_compressBound((int)data.size))
		bound = (size_t)LZ4_compressBound((int)data.size);
	at = hf_buf_reserve(out, ROW_CHUNK_HEAD + bound) + ROW_CHUNK_HEAD;
	stored = compact ? compress_zstd(data, at, bound) : compress_lz4(data, at, bound);
	if (!is_worth(stored, data.size)) {
		codec = CODEC_RAW;
		stored = data.size;
		if (stored)
			memcpy(at, data.data, stored);
	}
	hf_buf_add_char(&head, ROW_VERSION);
	hf_buf_add_char(&head, (char)codec);
	hf_buf_add_be32(&head, (uint32_t)data.size);
	hf_buf_add_be64(&head, chunk_checksum(content, part, codec, (uint32_t)data.size, hf_str_n(at, stored)));
	memcpy(out->data + start, head.data, ROW_CHUNK_HEAD);
	hf_buf_fini(&head);
	hf_buf_added(out, ROW_CHUNK_HEAD + stored);
}

/* Whether exactly `size` octets came out of it. */
static bool decompress(uint8_t codec, struct hf_str stored, char *to, size_t size)
{
	ZSTD_DCtx *context;
	size_t got;

	if (codec == CODEC_LZ4)
		return LZ4_decompress_safe(stored.data, to, (int)stored.size, (int)size) == (int)size;
	context = decompressor_get();
	got = ZSTD_decompressDCtx(context, to, size, stored.data, stored.size);
	decompressor_put(context);
	return !ZSTD_isError(got) && got == size;
}

struct chunk {
	uint8_t codec;
	uint32_t size;
	struct hf_str stored;
};

static enum hf_status chunk_open(uint64_t content, uint32_t part, struct hf_str in, struct chunk *chunk)
{
	struct hf_reader r = hf_reader_init(in);
	uint8_t version = 0;
	uint64_t checksum = 0;

	if (!hf_read_u8(&r, &version) || version != ROW_VERSION || !hf_read_u8(&r, &chunk->codec) ||
	    !hf_read_be32(&r, &chunk->size) || !hf_read_be64(&r, &checksum) || chunk->size > CHUNK_SIZE)
		return HF_ECORRUPT;
	chunk->stored = hf_str_n(r.pos, (size_t)(r.end - r.pos));
	if (checksum != chunk_checksum(content, part, chunk->codec, chunk->size, chunk->stored))
		return HF_ECORRUPT;
	switch (chunk->codec) {
	case CODEC_RAW:
		return chunk->stored.size == chunk->size ? HF_OK : HF_ECORRUPT;
	case CODEC_ZSTD:
	case CODEC_LZ4:
		return chunk->stored.size <= INT32_MAX ? HF_OK : HF_ECORRUPT;
	default:
		return HF_ECORRUPT;
	}
}

enum hf_status row_chunk_decode(uint64_t content, uint32_t part, struct hf_str in, size_t size, size_t least,
				struct hf_buf *scratch, struct hf_str *data)
{
	struct chunk chunk;
	enum hf_status status = chunk_open(content, part, in, &chunk);

	if (status == HF_OK && chunk.size != size)
		status = HF_ECORRUPT;
	if (status != HF_OK)
		return status;
	if (chunk.codec == CODEC_RAW) {
		*data = chunk.stored;
		return HF_OK;
	}
	hf_buf_clear(scratch);
	if (chunk.codec == CODEC_LZ4 && least < size) {
		int got = LZ4_decompress_safe_partial(chunk.stored.data, hf_buf_reserve(scratch, size + 1), (int)chunk.stored.size,
						      (int)least, (int)size);

		if (got < (int)least)
			return HF_ECORRUPT;
		*data = hf_str_n(scratch->data, (size_t)got);
		return HF_OK;
	}
	if (!decompress(chunk.codec, chunk.stored, hf_buf_reserve(scratch, chunk.size + 1), chunk.size))
		return HF_ECORRUPT;
	hf_buf_added(scratch, chunk.size);
	*data = hf_buf_str(scratch);
	return HF_OK;
}

enum hf_status row_chunk_decode_to(uint64_t content, uint32_t part, struct hf_str in, char *to, size_t size)
{
	struct chunk chunk;
	enum hf_status status = chunk_open(content, part, in, &chunk);

	if (status == HF_OK && chunk.size != size)
		status = HF_ECORRUPT;
	if (status != HF_OK)
		return status;
	if (chunk.codec != CODEC_RAW)
		return decompress(chunk.codec, chunk.stored, to, size) ? HF_OK : HF_ECORRUPT;
	if (size)
		memcpy(to, chunk.stored.data, size);
	return HF_OK;
}
