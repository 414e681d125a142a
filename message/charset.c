/* SPDX-License-Identifier: BSD-2-Clause */
/* Charsets to UTF-8. UTF-8, US-ASCII, ISO-8859-1 and windows-1252 are converted here; the others by
 * ICU, whose converters are costly to open and are therefore cached per thread. Names come from
 * mail: only aliases that ICU lists are ever opened, so a name cannot become a file name. */
#include "message/charset_priv.h"

#include <pthread.h>
#include <unicode/ucnv.h>

#include "base/encode.h"
#include "base/mem.h"
#include "message/text.h"

#define CACHE_SIZE 8

struct cached {
	char name[HF_CHARSET_NAME_MAX + 1];
	UConverter *converter;
};

struct cache {
	struct cached slots[CACHE_SIZE];
	unsigned next; /* the slot that is replaced next */
};

static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;
static bool cache_usable;

static void cache_free(void *arg)
{
	struct cache *cache = arg;

	for (unsigned i = 0; i < CACHE_SIZE; i++) {
		if (cache->slots[i].converter)
			ucnv_close(cache->slots[i].converter);
	}
	hf_free(cache);
}

static void cache_init(void)
{
	cache_usable = pthread_key_create(&cache_key, cache_free) == 0;
}

static struct cache *cache_get(void)
{
	struct cache *cache;

	pthread_once(&cache_once, cache_init);
	if (!cache_usable)
		return NULL;
	cache = pthread_getspecific(cache_key);
	if (!cache) {
		cache = hf_alloc_zero(sizeof(*cache));
		if (pthread_setspecific(cache_key, cache) != 0) {
			hf_free(cache);
			return NULL;
		}
	}
	return cache;
}

static UConverter *converter_take(const char *name)
{
	struct cache *cache = cache_get();
	UErrorCode error = U_ZERO_ERROR;
	UConverter *converter;

	for (unsigned i = 0; cache && i < CACHE_SIZE; i++) {
		struct cached *slot = &cache->slots[i];

		if (slot->converter && strcmp(slot->name, name) == 0) {
			converter = slot->converter;
			slot->converter = NULL;
			return converter;
		}
	}
	if (ucnv_countAliases(name, &error) == 0 || U_FAILURE(error))
		return NULL;
	error = U_ZERO_ERROR;
	converter = ucnv_open(name, &error);
	return U_FAILURE(error) ? NULL : converter;
}

static void converter_give(const char *name, UConverter *converter)
{
	struct cache *cache = cache_get();
	struct cached *slot = NULL;

	if (!cache) {
		ucnv_close(converter);
		return;
	}
	for (unsigned i = 0; i < CACHE_SIZE && !slot; i++) {
		if (!cache->slots[i].converter)
			slot = &cache->slots[i];
	}
	if (!slot) {
		slot = &cache->slots[cache->next++ % CACHE_SIZE];
		ucnv_close(slot->converter);
	}
	ucnv_reset(converter);
	memcpy(slot->name, name, strlen(name) + 1);
	slot->converter = converter;
}

static const struct {
	const char *name;
	enum hf_charset_kind kind;
} builtin[] = {
	{ "utf-8", HF_CHARSET_UTF8 },           { "utf8", HF_CHARSET_UTF8 },
	{ "us-ascii", HF_CHARSET_ASCII },       { "ascii", HF_CHARSET_ASCII },
	{ "ansi_x3.4-1968", HF_CHARSET_ASCII }, { "iso-8859-1", HF_CHARSET_CP1252 },
	{ "iso_8859-1", HF_CHARSET_CP1252 },    { "iso8859-1", HF_CHARSET_CP1252 },
	{ "latin1", HF_CHARSET_CP1252 },        { "windows-1252", HF_CHARSET_CP1252 },
	{ "cp1252", HF_CHARSET_CP1252 },
};

/* Labels that mean more in mail than their registration says. */
static const struct {
	const char *label, *meant;
} aliases[] = {
	{ "gb2312", "gb18030" },
	{ "gbk", "gb18030" },
	{ "ks_c_5601-1987", "windows-949" },
	{ "euc-kr", "windows-949" },
	{ "shift_jis", "windows-31j" },
	{ "iso-8859-8-i", "iso-8859-8" },
	{ "iso-8859-9", "windows-1254" },
};

static bool name_normal(struct hf_str charset, char name[HF_CHARSET_NAME_MAX + 1])
{
	charset = hf_str_trim(charset);
	if (charset.size == 0 || charset.size > HF_CHARSET_NAME_MAX)
		return false;
	for (size_t i = 0; i < charset.size; i++) {
		char c = hf_ascii_lower(charset.data[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-_.:+()", c, 7)))
			return false;
		name[i] = c;
	}
	name[charset.size] = '\0';
	return true;
}

enum hf_status hf_charset_stream_init(struct hf_charset_stream *stream, struct hf_str charset)
{
	*stream = (struct hf_charset_stream){ .kind = HF_CHARSET_ICU };
	if (!name_normal(charset, stream->name))
		return HF_EBADCHARSET;
	for (size_t i = 0; i < HF_COUNT(builtin); i++) {
		if (strcmp(stream->name, builtin[i].name) == 0) {
			stream->kind = builtin[i].kind;
			return HF_OK;
		}
	}
	for (size_t i = 0; i < HF_COUNT(aliases); i++) {
		if (strcmp(stream->name, aliases[i].label) == 0)
			memcpy(stream->name, aliases[i].meant, strlen(aliases[i].meant) + 1);
	}
	stream->converter = converter_take(stream->name);
	return stream->converter ? HF_OK : HF_EBADCHARSET;
}

void hf_charset_stream_init_lenient(struct hf_charset_stream *stream, struct hf_str charset)
{
	if (hf_charset_stream_init(stream, charset) != HF_OK || stream->kind == HF_CHARSET_ASCII)
		*stream = (struct hf_charset_stream){ .kind = HF_CHARSET_GUESS };
}

size_t hf_ascii_run(struct hf_str s)
{
	size_t i = 0;

	for (; i + 8 <= s.size; i += 8) {
		uint64_t word;

		memcpy(&word, s.data + i, 8);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < s.size && !((uint8_t)s.data[i] & 0x80))
		i++;
	return i;
}

static const uint16_t cp1252_c1[32] = {
	0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static void cp1252_put(struct hf_buf *utf8, uint8_t c)
{
	hf_utf8_put(utf8, c >= 0x80 && c < 0xa0 ? cp1252_c1[c - 0x80] : c);
}

void hf_cp1252_to_utf8(struct hf_str in, struct hf_buf *utf8)
{
	while (in.size) {
		size_t run = hf_ascii_run(in);

		hf_buf_add(utf8, in.data, run);
		in.data += run;
		in.size -= run;
		for (; in.size && (uint8_t)*in.data >= 0x80; in.data++, in.size--)
			cp1252_put(utf8, (uint8_t)*in.data);
	}
}

/* Size of the well-formed sequence at p (RFC 3629 §4), 0 when malformed, -1 when n octets are too
 * few to tell. */
static int utf8_sequence(const uint8_t *p, size_t n)
{
	uint8_t c = p[0], low = 0x80, high = 0xbf;
	int size;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (int i = 1; i < size; i++) {
		if ((size_t)i >= n)
			return -1;
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return size;
}

static void utf8_bad(struct hf_charset_stream *stream, uint8_t c, struct hf_buf *utf8)
{
	if (stream->kind == HF_CHARSET_GUESS)
		cp1252_put(utf8, c);
	else
		hf_utf8_put(utf8, 0xfffd);
}

static void utf8_shift(struct hf_charset_stream *stream, struct hf_buf *utf8)
{
	utf8_bad(stream, stream->held[0], utf8);
	stream->held_size--;
	memmove(stream->held, stream->held + 1, stream->held_size);
}

static void utf8_feed(struct hf_charset_stream *stream, struct hf_str in, struct hf_buf *utf8)
{
	const uint8_t *p = (const uint8_t *)in.data, *end = p + in.size;

	while (stream->held_size) {
		int size = utf8_sequence(stream->held, stream->held_size);

		if (size > 0) {
			hf_buf_add(utf8, stream->held, (size_t)size);
			stream->held_size -= (unsigned)size;
			memmove(stream->held, stream->held + size, stream->held_size);
		} else if (size == 0) {
			utf8_shift(stream, utf8);
		} else {
			if (p == end)
				return;
			stream->held[stream->held_size++] = *p++;
		}
	}
	while (p < end) {
		const uint8_t *from = p;
		int size = 1;

		while (p < end && size > 0) { /* all that is well-formed, in one piece */
			if (*p < 0x80) {
				p += hf_ascii_run((struct hf_str){ (const char *)p, (size_t)(end - p) });
			} else {
				size = utf8_sequence(p, (size_t)(end - p));
				p += size > 0 ? size : 0;
			}
		}
		hf_buf_add(utf8, from, (size_t)(p - from));
		if (size == 0) {
			utf8_bad(stream, *p++, utf8);
		} else if (size < 0) {
			stream->held_size = (unsigned)(end - p);
			memcpy(stream->held, p, stream->held_size);
			break;
		}
	}
}

static void ascii_feed(struct hf_str in, struct hf_buf *utf8)
{
	while (in.size) {
		size_t run = hf_ascii_run(in);

		hf_buf_add(utf8, in.data, run);
		in.data += run;
		in.size -= run;
		for (; in.size && (uint8_t)*in.data >= 0x80; in.data++, in.size--)
			hf_utf8_put(utf8, 0xfffd);
	}
}

static void utf16_put(struct hf_charset_stream *stream, uint16_t unit, struct hf_buf *utf8)
{
	uint32_t c = unit;

	if (stream->high) {
		uint32_t high = stream->high;

		stream->high = 0;
		if (unit >= 0xdc00 && unit < 0xe000) {
			hf_utf8_put(utf8, 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00));
			return;
		}
		hf_utf8_put(utf8, 0xfffd);
	}
	if (unit >= 0xd800 && unit < 0xdc00)
		stream->high = unit;
	else
		hf_utf8_put(utf8, unit >= 0xdc00 && unit < 0xe000 ? 0xfffd : c);
}

/* Most units are characters of their own. */
static void utf16_add(struct hf_charset_stream *stream, const UChar *units, size_t count, struct hf_buf *utf8)
{
	for (size_t i = 0; i < count; i++) {
		char *to = hf_buf_reserve(utf8, 3 * (count - i)), *start = to;

		for (; i < count && !stream->high && (units[i] < 0xd800 || units[i] >= 0xe000); i++) {
			uint32_t c = units[i];

			if (c < 0x80) {
				*to++ = (char)c;
			} else if (c < 0x800) {
				*to++ = (char)(0xc0 | c >> 6);
				*to++ = (char)(0x80 | (c & 0x3f));
			} else {
				*to++ = (char)(0xe0 | c >> 12);
				*to++ = (char)(0x80 | (c >> 6 & 0x3f));
				*to++ = (char)(0x80 | (c & 0x3f));
			}
		}
		hf_buf_added(utf8, (size_t)(to - start));
		if (i < count)
			utf16_put(stream, units[i], utf8);
	}
}

static void icu_feed(struct hf_charset_stream *stream, struct hf_str in, bool flush,
		     struct hf_buf *utf8)
{
	const char *source = in.size ? in.data : "", *end = source + in.size;
	UErrorCode error;

	do {
		UChar units[1024], *target = units;

		error = U_ZERO_ERROR;
		ucnv_toUnicode(stream->converter, &target, units + HF_COUNT(units), &source, end,
			       NULL, flush, &error);
		utf16_add(stream, units, (size_t)(target - units), utf8);
	} while (error == U_BUFFER_OVERFLOW_ERROR);
}

void hf_charset_stream_feed(struct hf_charset_stream *stream, struct hf_str in, struct hf_buf *utf8)
{
	if (in.size == 0)
		return;
	switch (stream->kind) {
	case HF_CHARSET_UTF8:
	case HF_CHARSET_GUESS:
		utf8_feed(stream, in, utf8);
		break;
	case HF_CHARSET_ASCII:
		ascii_feed(in, utf8);
		break;
	case HF_CHARSET_CP1252:
		hf_cp1252_to_utf8(in, utf8);
		break;
	case HF_CHARSET_ICU:
		icu_feed(stream, in, false, utf8);
		break;
	}
}

void hf_charset_stream_end(struct hf_charset_stream *stream, struct hf_buf *utf8)
{
	while (stream->held_size) {
		int size = utf8_sequence(stream->held, stream->held_size);

		if (size > 0) {
			hf_buf_add(utf8, stream->held, (size_t)size);
			stream->held_size -= (unsigned)size;
			memmove(stream->held, stream->held + size, stream->held_size);
		} else {
			utf8_shift(stream, utf8);
		}
	}
	if (stream->converter) {
		icu_feed(stream, HF_STR_NULL, true, utf8);
		converter_give(stream->name, stream->converter);
		stream->converter = NULL;
	}
	if (stream->high) {
		hf_utf8_put(utf8, 0xfffd);
		stream->high = 0;
	}
}

bool hf_charset_known(struct hf_str name)
{
	struct hf_charset_stream stream;

	if (hf_charset_stream_init(&stream, name) != HF_OK)
		return false;
	if (stream.converter)
		converter_give(stream.name, stream.converter);
	return true;
}

enum hf_status hf_charset_to_utf8(struct hf_str charset, struct hf_str in, struct hf_buf *utf8)
{
	struct hf_charset_stream stream;
	enum hf_status status = hf_charset_stream_init(&stream, charset);

	if (status != HF_OK)
		return status;
	hf_charset_stream_feed(&stream, in, utf8);
	hf_charset_stream_end(&stream, utf8);
	return HF_OK;
}
