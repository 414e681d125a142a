/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter is a bit map in which each trigram sets one bit. It is filled at its largest size and halved at the end (one half or-ed
 * into the other, so a trigram's bit is its hash modulo the size) until there are 4 to 8 bits for each trigram. */
#include "storage/signature.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "message/text.h"

#define RULES 1             /* of decoding and hashing; another number is not believed */
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
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

enum { AT_RULES, AT_UNICODE, AT_HEADER = 3, AT_BODY, HEAD_SIZE };

struct filter {
	uint64_t *words;
	uint64_t window;  /* the last three units, in the upper 48 bits */
	unsigned have;    /* how many of them, at most 2 */
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

/* ASCII folded. */
static const uint8_t upper[128] = {
	0,   1,	  2,   3,   4,	 5,   6,   7,	8,   9,	  10,  11,  12,	 13,  14,  15,	16,  17,  18,  19,  20,	 21,
	22,  23,  24,  25,  26,	 27,  28,  29,	30,  31,  ' ', '!', '"', '#', '$', '%', '&', '\'', '(', ')', '*', '+',
	',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', '@', 'A',
	'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W',
	'X', 'Y', 'Z', '[', '\\', ']', '^', '_', '`', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M',
	'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', '{', '|', '}', '~', 127,
};

static inline uint64_t slide(uint64_t window, uint16_t unit)
{
	return (window | unit) << 16;
}

static inline uint32_t hash_of(uint64_t window)
{
	return (uint32_t)(window * HASH_FACTOR >> (64 - BODY_LOG2));
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
	uint64_t window = 0;
	unsigned have = 0;
	size_t count = 0, used;

	for (; folded.size && count < max; folded = hf_str_sub(folded, used, folded.size)) {
		uint16_t units[2];
		unsigned n = units_of(hf_utf8_next(folded, &used), units);

		for (unsigned i = 0; i < n && count < max; i++) {
			window = slide(window, units[i]);
			if (have < 2)
				have++;
			else
				hashes[count++] = hash_of(window);
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

static void add_unit(struct filter *filter, uint16_t unit)
{
	uint32_t mask = ((uint32_t)1 << filter->log2) - 1;

	filter->window = slide(filter->window, unit);
	if (filter->have < 2)
		filter->have++;
	else
		set_bit(filter->words, hash_of(filter->window) & mask);
	filter->count++;
}

/* ASCII from the front, once the window is full; octets taken. */
static size_t add_ascii(struct filter *filter, struct hf_str text)
{
	const uint8_t *in = (const uint8_t *)text.data;
	uint64_t *words = filter->words, window = filter->window;
	uint32_t mask = ((uint32_t)1 << filter->log2) - 1, words_mask = mask >> 6;
	size_t i = 0;

	while (text.size - i >= 8) {
		uint64_t eight;

		memcpy(&eight, in + i, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
		for (size_t end = i + 8; i < end; i++) {
			uint64_t product;

			window = slide(window, upper[in[i]]);
			product = window * HASH_FACTOR; /* hash_of(), and set_bit(), in fewer steps */
			words[product >> (64 - BODY_LOG2 + 6) & words_mask] |= UINT64_C(1) << (product >> (64 - BODY_LOG2) & 63);
		}
	}
	for (; i < text.size && in[i] < 0x80; i++) {
		window = slide(window, upper[in[i]]);
		set_bit(words, hash_of(window) & mask);
	}
	filter->window = window;
	filter->count += i;
	return i;
}

/* Folds it; a character that is in the cache costs little. */
static void add_char(struct signature_builder *builder, struct filter *filter, struct hf_str character, uint32_t c)
{
	struct folded *slot = &builder->cache[(c ^ c >> 8) % CACHE_SIZE];
	struct folded found = { .c = c };
	struct hf_str folded;
	size_t used;

	if (slot->count && slot->c == c) {
		for (unsigned i = 0; i < slot->count; i++)
			add_unit(filter, slot->units[i]);
		return;
	}
	hf_buf_clear(&builder->scratch);
	hf_fold(character, &builder->scratch);
	for (folded = hf_buf_str(&builder->scratch); folded.size; folded = hf_str_sub(folded, used, folded.size)) {
		uint16_t units[2];
		unsigned n = units_of(hf_utf8_next(folded, &used), units);

		for (unsigned i = 0; i < n; i++, found.count++) {
			add_unit(filter, units[i]);
			if (found.count < CACHED_UNITS)
				found.units[found.count] = units[i];
		}
	}
	if (found.count <= CACHED_UNITS)
		*slot = found;
}

static void add_text(struct signature_builder *builder, struct filter *filter, struct hf_str text)
{
	while (text.size) {
		uint8_t octet = (uint8_t)text.data[0];
		size_t used = 1;

		if (octet >= 0x80) {
			uint32_t c = hf_utf8_next(text, &used);

			add_char(builder, filter, hf_str_sub(text, 0, used), c);
			builder->ascii = false;
		} else if (filter->have < 2) {
			add_unit(filter, upper[octet]);
		} else {
			used = add_ascii(filter, text);
		}
		text = hf_str_sub(text, used, text.size);
	}
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
		size_t half = (size_t)1 << (filter->log2 - 7);

		filter->log2--;
		for (size_t i = 0; i < half; i++)
			filter->words[i] |= filter->words[i + half];
	}
	for (size_t i = 0; i < (size_t)1 << (filter->log2 - 6); i++)
		filter->words[i] = htole64(filter->words[i]);
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
