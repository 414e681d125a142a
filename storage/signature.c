/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter is a bit map in which each trigram sets one bit. It is filled at its largest size and halved at the end (one half or-ed
 * into the other, so a trigram's bit is its hash modulo the size) until there are 4 to 8 bits for each trigram. */
#include "storage/signature.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/assert.h"
#include "base/encode.h"
#include "base/mem.h"
#include "message/text.h"

#define RULES 2             /* of decoding and hashing; another number is not believed */
#define HEADER_LOG2 16      /* the largest filters, log2 of their bits */
#define BODY_LOG2 17        /* 16 KiB, stays in the fastest cache; what exceeds it is mostly data, for which signatures say little */
#define LEAST_LOG2 6
#define BITS_PER_TRIGRAM 4
#define FOLDED_LOG2 9       /* filters are not folded to less */
#define PREFIX_TRIGRAMS 256 /* room for them in the filter of the header */
#define HEADER_MAX (512u * 1024) /* beyond, or with so much memory in use, a prefix could bring the parser to a limit */
#define MEMORY_MAX (8u << 20)
#define NEEDLE_TRIGRAMS 256 /* of a longer needle the first ones will do */
#define CACHE_SIZE 256
#define CACHED_UNITS 6
#define SPARE_BUILDERS 16
#define HASH_FACTOR UINT32_C(0x9e3779b1)
#define EACH_OCTET UINT64_C(0x0101010101010101)
#define STEP 16        /* units that are hashed side by side */
#define BLOCK 512      /* units that are collected before they are hashed */
#define FOLDED_MAX 128  /* octets, so units, that one character may become: far more than any does */

enum { AT_RULES, AT_UNICODE, AT_HEADER = 3, AT_BODY, HEAD_SIZE };

struct filter {
	uint64_t *words;
	uint16_t last[2]; /* units */
	unsigned have;    /* of them */
	unsigned log2;
	size_t count;     /* bits set, at most; counted anew when that may be too many */
	bool any;         /* too many: no longer filled, contains everything */
};

/* The folded form of a character. */
struct folded {
	uint32_t c;
	uint16_t count; /* 0: empty slot */
	uint16_t units[CACHED_UNITS];
};

struct signature_builder {
	struct hf_text_sink sink;
	struct filter header, body;
	bool ascii;
	struct hf_buf scratch;
	struct folded cache[CACHE_SIZE];
};

/* Builders are large, and one is needed for each message on its way in. */
static struct {
	pthread_mutex_t lock;
	unsigned count HF_GUARDED_BY(lock);
	struct signature_builder *builders[SPARE_BUILDERS] HF_GUARDED_BY(lock);
} idle = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct hf_trigrams {
	size_t count;
	uint32_t hashes[];
};

/* Different for different trigrams of ASCII, which is most of what there is, and made of steps that vector units have. */
static inline uint32_t hash_of(uint32_t first, uint32_t second, uint32_t third)
{
	return (first << 16 ^ second << 8 ^ third) * HASH_FACTOR >> (32 - BODY_LOG2);
}

static inline void set_bit(uint64_t *words, uint32_t bit)
{
	words[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

/* One or two units. */
static unsigned units_of(uint32_t c, uint16_t units[2])
{
	if (c < 0x800) {
		units[0] = (uint16_t)c;
		return 1;
	}
	units[0] = (uint16_t)(0x2000 | c >> 8);
	units[1] = (uint16_t)(0x4000 | (c & 0xff));
	return 2;
}

/* Hashes of the trigrams of a folded text, at most `max`. */
static size_t hash_folded(struct hf_str folded, uint32_t *hashes, size_t max)
{
	const char *in = folded.data, *end = in + folded.size;
	uint16_t last[2] = { 0, 0 };
	unsigned have = 0;
	size_t count = 0;

	while (in < end && count < max) {
		uint16_t units[2] = { (uint8_t)*in, 0 };
		unsigned n = 1;
		size_t used = 1;

		if (units[0] >= 0x80)
			n = units_of(hf_utf8_next(hf_str_n(in, (size_t)(end - in)), &used), units);
		in += used;
		for (unsigned i = 0; i < n && count < max; i++) {
			if (have < 2)
				have++;
			else
				hashes[count++] = hash_of(last[0], last[1], units[i]);
			last[0] = last[1];
			last[1] = units[i];
		}
	}
	return count;
}

/* Filling ---------------------------------------------------------------------------------------------------------- */

static void filter_init(struct filter *filter, unsigned log2)
{
	uint64_t *words = filter->words;

	if (words)
		memset(words, 0, (size_t)1 << (log2 - 3));
	else
		words = hf_alloc_zero((size_t)1 << (log2 - 3));
	*filter = (struct filter){ .log2 = log2, .words = words };
}

/* Units of a text on their way into a filter; the first ones are the last of before. */
struct units {
	size_t count;
	uint16_t units[BLOCK + STEP]; /* some are written past the end */
};

/* Sets the bits of all trigrams in `in`. Loops of a fixed length, for the vectoriser. */
__attribute__((always_inline)) static inline void set_bits(const struct filter *filter, struct units *in)
{
	uint32_t hashes[BLOCK], mask = ((uint32_t)1 << filter->log2) - 1;
	uint64_t *words = filter->words;
	size_t count = in->count - 2, i = 0;

	memset(in->units + in->count, 0, STEP * sizeof(*in->units)); /* a step may go past the end */
	for (size_t at = 0; at < count; at += STEP) {
		const uint16_t *from = in->units + at;
		uint32_t *to = hashes + at;

		for (size_t j = 0; j < STEP; j++)
			to[j] = hash_of(from[j], from[j + 1], from[j + 2]) & mask;
	}
	for (; i + 4 <= count; i += 4) {
		set_bit(words, hashes[i]);
		set_bit(words, hashes[i + 1]);
		set_bit(words, hashes[i + 2]);
		set_bit(words, hashes[i + 3]);
	}
	for (; i < count; i++)
		set_bit(words, hashes[i]);
}

#ifdef __x86_64__
/* Not in the first processors of that kind. */
__attribute__((target("avx2,bmi2"))) static void set_bits_wide(const struct filter *filter, struct units *in)
{
	set_bits(filter, in);
}
#endif

static void add_units(struct filter *filter, struct units *in)
{
	if (in->count <= 2)
		return;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
		set_bits_wide(filter, in);
	else
		set_bits(filter, in);
#else
	set_bits(filter, in);
#endif
	filter->count += in->count - 2;
	in->units[0] = in->units[in->count - 2];
	in->units[1] = in->units[in->count - 1];
	in->count = 2;
}

/* Folds it; a character that is in the cache costs little. */
static void add_char(struct signature_builder *builder, struct hf_str character, uint32_t c, struct units *to)
{
	struct folded *slot = &builder->cache[(c ^ c >> 8) % CACHE_SIZE];
	struct folded found = { .c = c };
	struct hf_str folded;
	size_t used;

	if (slot->count && slot->c == c) {
		for (unsigned i = 0; i < slot->count; i++)
			to->units[to->count++] = slot->units[i];
		return;
	}
	hf_buf_clear(&builder->scratch);
	hf_fold(character, &builder->scratch);
	hf_assert(builder->scratch.size <= FOLDED_MAX); /* no character has more units than octets */
	for (folded = hf_buf_str(&builder->scratch); folded.size; folded = hf_str_sub(folded, used, folded.size)) {
		uint16_t units[2];
		unsigned n = units_of(hf_utf8_next(folded, &used), units);

		for (unsigned i = 0; i < n; i++, found.count++) {
			to->units[to->count++] = units[i];
			if (found.count < CACHED_UNITS)
				found.units[found.count] = units[i];
		}
	}
	if (found.count <= CACHED_UNITS)
		*slot = found;
}

/* The ASCII in front of eight octets; how much that is. */
static inline size_t add_ascii(struct units *to, const uint8_t *in)
{
	uint64_t eight, others, from_a, past_z;
	uint16_t *units = to->units + to->count;
	uint8_t octets[sizeof(eight)];
	size_t count;

	memcpy(&eight, in, sizeof(eight));
	eight = le64toh(eight); /* sums carry into what comes later only */
	others = eight & 0x80 * EACH_OCTET;
	count = others ? (size_t)__builtin_ctzll(others) / 8 : sizeof(eight);
	from_a = eight + (0x80 - 'a') * EACH_OCTET;
	past_z = eight + (0x80 - 'z' - 1) * EACH_OCTET;
	eight -= (from_a & ~past_z & 0x80 * EACH_OCTET) >> 2; /* the bit that makes a letter small */
	eight = htole64(eight);
	memcpy(octets, &eight, sizeof(eight));
	for (size_t i = 0; i < sizeof(eight); i++)
		units[i] = octets[i];
	to->count += count;
	return count;
}

/* Some more of the text at `in`; returns how far it came. */
static const uint8_t *collect(struct signature_builder *builder, const uint8_t *in, const uint8_t *end, struct units *to)
{
	while (in < end && to->count <= BLOCK - FOLDED_MAX) {
		if (*in >= 0x80) {
			size_t used;
			uint32_t c = hf_utf8_next(hf_str_n(in, (size_t)(end - in)), &used);

			add_char(builder, hf_str_n(in, used), c, to);
			builder->ascii = false;
			in += used;
		} else if ((size_t)(end - in) >= sizeof(uint64_t)) {
			in += add_ascii(to, in);
		} else {
			to->units[to->count++] = (uint8_t)hf_ascii_upper((char)*in++);
		}
	}
	return in;
}

static void add_text(struct signature_builder *builder, struct filter *filter, struct hf_str text)
{
	const uint8_t *in = (const uint8_t *)text.data, *end = in + text.size;
	struct units units;

	units.count = filter->have;
	memcpy(units.units, filter->last, sizeof(filter->last));
	while (in < end) {
		in = collect(builder, in, end, &units);
		add_units(filter, &units);
	}
	filter->have = (unsigned)units.count;
	memcpy(filter->last, units.units, sizeof(filter->last));
}

static inline size_t bits_of(const uint64_t *words, size_t count)
{
	size_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits += (size_t)__builtin_popcountll(words[i]);
	return bits;
}

#ifdef __x86_64__
/* Not in the first processors of that kind, and many times as fast. */
__attribute__((target("popcnt"))) static size_t bits_of_fast(const uint64_t *words, size_t count)
{
	size_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits += (size_t)__builtin_popcountll(words[i]);
	return bits;
}
#endif

static void count_bits(struct filter *filter)
{
	size_t count = (size_t)1 << (filter->log2 - 6);

#ifdef __x86_64__
	if (__builtin_cpu_supports("popcnt")) {
		filter->count = bits_of_fast(filter->words, count);
		return;
	}
#endif
	filter->count = bits_of(filter->words, count);
}

static bool is_full(const struct filter *filter, unsigned log2, size_t spare)
{
	return (filter->count + spare) * BITS_PER_TRIGRAM > (size_t)1 << log2;
}

static void take_text(struct hf_text_sink *sink, enum hf_text_kind kind, struct hf_str field, struct hf_str utf8)
{
	struct signature_builder *builder = HF_CONTAINER(sink, struct signature_builder, sink);
	struct filter *filter = kind == HF_TEXT_HEADER ? &builder->header : &builder->body;
	size_t spare = kind == HF_TEXT_HEADER ? PREFIX_TRIGRAMS : 0;

	(void)field;
	if (filter->any)
		return;
	if (!utf8.size) {
		filter->have = 0;
		return;
	}
	add_text(builder, filter, utf8);
	if (is_full(filter, filter->log2, spare)) {
		count_bits(filter);
		filter->any = is_full(filter, filter->log2, spare);
	}
}

static void builder_destroy(struct signature_builder *builder)
{
	hf_free(builder->header.words);
	hf_free(builder->body.words);
	hf_buf_fini(&builder->scratch);
	hf_free(builder);
}

struct signature_builder *signature_builder_new(void)
{
	struct signature_builder *builder = NULL;

	pthread_mutex_lock(&idle.lock);
	if (idle.count)
		builder = idle.builders[--idle.count];
	pthread_mutex_unlock(&idle.lock);
	if (!builder) {
		builder = hf_alloc_zero(sizeof(*builder));
		builder->sink.text = take_text;
	}
	builder->ascii = true;
	filter_init(&builder->header, HEADER_LOG2);
	filter_init(&builder->body, BODY_LOG2);
	return builder;
}

struct hf_text_sink *signature_sink(struct signature_builder *builder)
{
	return &builder->sink;
}

void signature_builder_free(struct signature_builder **pointer)
{
	struct signature_builder *builder = *pointer;

	if (!builder)
		return;
	*pointer = NULL;
	pthread_mutex_lock(&idle.lock);
	if (idle.count < SPARE_BUILDERS) {
		idle.builders[idle.count++] = builder;
		builder = NULL;
	}
	pthread_mutex_unlock(&idle.lock);
	if (builder)
		builder_destroy(builder);
}

/* Halves it while there are bits enough; bit n is then that of octet n / 8; log2 of what is left, 0: it contains everything. */
static unsigned filter_shrink(struct filter *filter, size_t spare)
{
	if (filter->any)
		return 0;
	count_bits(filter);
	while (filter->log2 > LEAST_LOG2 && !is_full(filter, filter->log2 - 1, spare)) {
		size_t half = (size_t)1 << (filter->log2 - 7), i = 0;
		uint64_t *restrict to = filter->words;
		const uint64_t *restrict from = to + half;

		filter->log2--;
		for (; i + 8 <= half; i += 8) /* a fixed length, for the vectoriser */
			for (size_t j = 0; j < 8; j++)
				to[i + j] |= from[i + j];
		for (; i < half; i++)
			to[i] |= from[i];
	}
#if __BYTE_ORDER == __BIG_ENDIAN
	for (size_t i = 0; i < (size_t)1 << (filter->log2 - 6); i++)
		filter->words[i] = htole64(filter->words[i]);
#endif
	return filter->log2;
}

void signature_finish(struct signature_builder **pointer, const struct hf_message *message, struct hf_str head,
		      size_t memory, struct hf_buf *signature)
{
	struct signature_builder *builder = *pointer;
	unsigned version = builder->ascii ? 0 : hf_fold_version(), header, body;

	if (message->truncated_tree || message->root->header_size > HEADER_MAX || memory > MEMORY_MAX)
		builder->header.any = builder->body.any = true;
	if (head.size && (head.data[0] == ' ' || head.data[0] == '\t')) /* would go on in the last field of a prefix */
		builder->header.any = true;
	header = filter_shrink(&builder->header, PREFIX_TRIGRAMS);
	body = filter_shrink(&builder->body, 0);
	hf_buf_add_char(signature, RULES);
	hf_buf_add_char(signature, (char)(version >> 8));
	hf_buf_add_char(signature, (char)version);
	hf_buf_add_char(signature, (char)header);
	hf_buf_add_char(signature, (char)body);
	if (header)
		hf_buf_add(signature, builder->header.words, (size_t)1 << (header - 3));
	if (body)
		hf_buf_add(signature, builder->body.words, (size_t)1 << (body - 3));
	signature_builder_free(pointer);
}

/* Prefix ----------------------------------------------------------------------------------------------------------- */

struct prefix {
	struct hf_buf utf8, folded;
	uint8_t *bits;
	uint32_t mask;
	const char *end; /* of the fields seen */
	bool ascii, odd; /* odd: it could change how the content is read */
};

static bool add_field(void *arg, struct hf_str name, struct hf_str value, struct hf_str field)
{
	struct prefix *prefix = arg;
	uint32_t *hashes;
	size_t count;

	prefix->odd |= field.data != prefix->end || hf_str_istarts(name, HF_STR("content-")) ||
		       field.data[field.size - 1] != '\n';
	prefix->end = field.data + field.size;
	hf_buf_clear(&prefix->utf8);
	hf_buf_clear(&prefix->folded);
	hf_header_decode(value, &prefix->utf8);
	if (!prefix->utf8.size)
		return true;
	for (size_t i = 0; i < prefix->utf8.size; i++)
		prefix->ascii &= (uint8_t)prefix->utf8.data[i] < 0x80;
	hf_fold(hf_buf_str(&prefix->utf8), &prefix->folded);
	hashes = hf_alloc(prefix->folded.size * sizeof(*hashes));
	count = hash_folded(hf_buf_str(&prefix->folded), hashes, prefix->folded.size);
	for (size_t i = 0; i < count; i++)
		prefix->bits[(hashes[i] & prefix->mask) >> 3] |= (uint8_t)(1u << (hashes[i] & 7));
	hf_free(hashes);
	return true;
}

void signature_add_prefix(struct hf_buf *signature, struct hf_str in)
{
	struct prefix prefix = { .end = in.data, .ascii = true };
	unsigned log2 = (uint8_t)signature->data[AT_HEADER];

	if (!in.size || !log2)
		return;
	prefix.bits = (uint8_t *)signature->data + HEAD_SIZE;
	prefix.mask = ((uint32_t)1 << log2) - 1;
	hf_header_each(in, add_field, &prefix);
	if (prefix.odd || prefix.end != in.data + in.size) /* contains everything */
		memset(signature->data + HEAD_SIZE, 0xff, signature->size - HEAD_SIZE);
	if (!prefix.ascii) {
		signature->data[AT_UNICODE] = (char)(hf_fold_version() >> 8);
		signature->data[AT_UNICODE + 1] = (char)hf_fold_version();
	}
	hf_buf_fini(&prefix.utf8);
	hf_buf_fini(&prefix.folded);
}

/* Asking ----------------------------------------------------------------------------------------------------------- */

enum hf_status signature_decode(struct hf_str in, struct hf_text_signature *signature)
{
	const uint8_t *data = (const uint8_t *)in.data;
	size_t header, body;
	unsigned version;

	*signature = (struct hf_text_signature){ .header = NULL };
	if (in.size < HEAD_SIZE)
		return HF_ECORRUPT;
	version = (unsigned)data[AT_UNICODE] << 8 | data[AT_UNICODE + 1];
	if (data[AT_RULES] != RULES || (version && version != hf_fold_version()))
		return HF_OK; /* may contain everything */
	if (data[AT_HEADER] > HEADER_LOG2 || data[AT_BODY] > BODY_LOG2)
		return HF_ECORRUPT;
	header = data[AT_HEADER] ? (size_t)1 << data[AT_HEADER] >> 3 : 0;
	body = data[AT_BODY] ? (size_t)1 << data[AT_BODY] >> 3 : 0;
	if (in.size != HEAD_SIZE + header + body)
		return HF_ECORRUPT;
	if (header) {
		signature->header = data + HEAD_SIZE;
		signature->header_mask = ((uint32_t)1 << data[AT_HEADER]) - 1;
	}
	if (body) {
		signature->body = data + HEAD_SIZE + header;
		signature->body_mask = ((uint32_t)1 << data[AT_BODY]) - 1;
	}
	return HF_OK;
}

static unsigned fold_filter(const uint8_t *bits, unsigned log2, struct hf_buf *out)
{
	unsigned folded = log2 > FOLDED_LOG2 + 2 ? log2 - 2 : log2 > FOLDED_LOG2 ? FOLDED_LOG2 : log2;
	size_t size = log2 ? (size_t)1 << log2 >> 3 : 0, kept = folded ? (size_t)1 << folded >> 3 : 0;
	uint8_t *to = (uint8_t *)hf_buf_reserve(out, kept);

	if (kept)
		memcpy(to, bits, kept);
	for (size_t from = kept; from < size; from += kept)
		for (size_t i = 0; i < kept; i++)
			to[i] |= bits[from + i];
	hf_buf_added(out, kept);
	return folded;
}

enum hf_status signature_fold(struct hf_str in, struct hf_buf *out)
{
	const uint8_t *data = (const uint8_t *)in.data;
	struct hf_text_signature signature;
	enum hf_status status = signature_decode(in, &signature);
	size_t start = out->size;
	unsigned header, body;

	if (status != HF_OK)
		return status;
	if ((data[AT_HEADER] && !signature.header) || (data[AT_BODY] && !signature.body))
		return HF_EUNAVAILABLE;
	hf_buf_add(out, data, HEAD_SIZE);
	header = fold_filter(signature.header, data[AT_HEADER], out);
	body = fold_filter(signature.body, data[AT_BODY], out);
	out->data[start + AT_HEADER] = (char)header;
	out->data[start + AT_BODY] = (char)body;
	return HF_OK;
}

struct hf_trigrams *hf_trigrams_new(struct hf_arena *arena, struct hf_str folded)
{
	uint32_t hashes[NEEDLE_TRIGRAMS];
	size_t count = hash_folded(folded, hashes, NEEDLE_TRIGRAMS);
	struct hf_trigrams *trigrams;

	if (!count)
		return NULL;
	trigrams = hf_arena_alloc(arena, sizeof(*trigrams) + count * sizeof(*hashes));
	trigrams->count = count;
	memcpy(trigrams->hashes, hashes, count * sizeof(*hashes));
	return trigrams;
}

bool hf_text_signature_may_contain(const struct hf_text_signature *signature, enum hf_text_kind kind,
				   const struct hf_trigrams *trigrams)
{
	const uint8_t *bits = kind == HF_TEXT_HEADER ? signature->header : signature->body;
	uint32_t mask = kind == HF_TEXT_HEADER ? signature->header_mask : signature->body_mask;

	for (size_t i = 0; bits && i < trigrams->count; i++)
		if (!(bits[(trigrams->hashes[i] & mask) >> 3] >> (trigrams->hashes[i] & 7) & 1))
			return false;
	return true;
}
