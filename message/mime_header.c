/* SPDX-License-Identifier: BSD-2-Clause */
/* One header: its fields go to the text sink, to the index (top header), to the part (MIME fields)
 * and to the envelope (root part of a message). Of a field that may occur once, the first counts.
 */
#include "message/header_priv.h"
#include "message/text.h"

enum known {
	CONTENT_TYPE,
	CONTENT_TRANSFER_ENCODING,
	CONTENT_DISPOSITION,
	CONTENT_ID,
	CONTENT_DESCRIPTION,
	CONTENT_MD5,
	CONTENT_LANGUAGE,
	CONTENT_LOCATION,
	DATE,
	SUBJECT,
	FROM,
	SENDER,
	REPLY_TO,
	TO,
	CC,
	BCC,
	IN_REPLY_TO,
	MESSAGE_ID,
	REFERENCES,
	KNOWN_COUNT
};

static const char *const known_names[KNOWN_COUNT] = {
	[CONTENT_TYPE] = "content-type",
	[CONTENT_TRANSFER_ENCODING] = "content-transfer-encoding",
	[CONTENT_DISPOSITION] = "content-disposition",
	[CONTENT_ID] = "content-id",
	[CONTENT_DESCRIPTION] = "content-description",
	[CONTENT_MD5] = "content-md5",
	[CONTENT_LANGUAGE] = "content-language",
	[CONTENT_LOCATION] = "content-location",
	[DATE] = "date",
	[SUBJECT] = "subject",
	[FROM] = "from",
	[SENDER] = "sender",
	[REPLY_TO] = "reply-to",
	[TO] = "to",
	[CC] = "cc",
	[BCC] = "bcc",
	[IN_REPLY_TO] = "in-reply-to",
	[MESSAGE_ID] = "message-id",
	[REFERENCES] = "references",
};

struct work {
	const struct hf_header_job *job;
	struct hf_buf scratch;
	struct hf_str values[KNOWN_COUNT]; /* as in the header; data NULL: no such field */
	uint32_t field_capacity;
};

static enum known known_field(struct hf_str name)
{
	if (name.size < 2 || name.size > 25)
		return KNOWN_COUNT;
	for (int i = 0; i < KNOWN_COUNT; i++) {
		if (known_names[i][0] == hf_ascii_lower(name.data[0]) &&
		    hf_str_ieq(name, hf_str(known_names[i])))
			return (enum known)i;
	}
	return KNOWN_COUNT;
}

static void index_add(struct work *work, const char *start, struct hf_str name, struct hf_str value,
		      struct hf_str field)
{
	struct hf_message *message = work->job->message;
	struct hf_field *entry;

	if (message->field_count == work->job->limits->fields) {
		message->fields_complete = false;
		return;
	}
	if (message->field_count == work->field_capacity) {
		uint32_t capacity = work->field_capacity ? work->field_capacity * 2 : 32;
		struct hf_field *fields = hf_new_array(work->job->arena, struct hf_field, capacity);

		if (message->field_count)
			memcpy(fields, message->fields, message->field_count * sizeof(*fields));
		message->fields = fields;
		work->field_capacity = capacity;
	}
	entry = &message->fields[message->field_count++];
	entry->name = hf_arena_str(work->job->arena, name);
	entry->offset = (uint32_t)(field.data - start);
	entry->size = (uint32_t)field.size;
	entry->value = (uint32_t)(value.data - field.data);
}

static void sink_field(struct work *work, struct hf_str name, struct hf_str value)
{
	struct hf_text_sink *sink = work->job->sink;
	enum hf_text_kind kind = work->job->message ? HF_TEXT_HEADER : HF_TEXT_BODY;

	hf_buf_clear(&work->scratch);
	hf_header_decode(value, &work->scratch);
	if (work->scratch.size)
		sink->text(sink, kind, name, hf_buf_str(&work->scratch));
	sink->text(sink, kind, name, HF_STR(""));
}

static void fields_read(struct work *work, struct hf_str header)
{
	struct hf_str name, value, field;
	const char *start = header.data;

	while (hf_header_next(&header, &name, &value, &field)) {
		enum known known = known_field(name);

		if (work->job->truncated && header.size == 0) { /* cut off by the limit: the ids that are there count */
			if (known == REFERENCES && !work->values[known].data)
				work->values[known] = value;
			return;
		}
		if (work->job->message)
			index_add(work, start, name, value, field);
		if (work->job->sink)
			sink_field(work, name, value);
		if (known != KNOWN_COUNT && !work->values[known].data)
			work->values[known] = value;
	}
}

static struct hf_str text_of(struct work *work, enum known known)
{
	struct hf_str value = work->values[known];

	return value.data ? hf_header_unfolded(work->job->arena, value, &work->scratch)
			  : HF_STR_NULL;
}

/* For what is parsed and not kept: unfolded into the scratch buffer. */
static struct hf_str unfolded(struct work *work, enum known known)
{
	hf_buf_clear(&work->scratch);
	hf_header_unfold(work->values[known], &work->scratch);
	return work->scratch.size ? hf_buf_str(&work->scratch) : HF_STR("");
}

static void default_type(struct work *work)
{
	struct hf_part *part = work->job->part;

	if (work->job->in_digest) {
		part->type = HF_STR("MESSAGE");
		part->subtype = HF_STR("RFC822");
		return;
	}
	/* RFC 2045 §5.2 */
	part->type = HF_STR("TEXT");
	part->subtype = HF_STR("PLAIN");
	part->params = hf_new(work->job->arena, struct hf_param);
	*part->params = (struct hf_param){ HF_STR("CHARSET"), HF_STR("US-ASCII") };
	part->param_count = 1;
}

static void read_type(struct work *work)
{
	const struct hf_header_job *job = work->job;
	struct hf_param_list params;

	if (!work->values[CONTENT_TYPE].data ||
	    !hf_content_type_parse(job->arena, unfolded(work, CONTENT_TYPE), job->limits->params,
				   &job->part->type, &job->part->subtype, &params)) {
		default_type(work);
		return;
	}
	job->part->params = params.params;
	job->part->param_count = params.count;
}

static void read_encoding(struct work *work)
{
	static const struct {
		const char *name;
		enum hf_cte cte;
	} encodings[] = {
		{ "7bit", HF_CTE_7BIT },           { "8bit", HF_CTE_8BIT },
		{ "binary", HF_CTE_BINARY },       { "base64", HF_CTE_BASE64 },
		{ "quoted-printable", HF_CTE_QP }, { "7-bit", HF_CTE_7BIT },
		{ "8-bit", HF_CTE_8BIT }, /* seen in the wild */
	};
	struct hf_part *part = work->job->part;
	struct hf_str value;
	size_t start = 0, end;

	part->encoding = HF_STR("7BIT");
	part->cte = HF_CTE_7BIT;
	if (!work->values[CONTENT_TRANSFER_ENCODING].data)
		return;
	value = unfolded(work, CONTENT_TRANSFER_ENCODING);
	hf_skip_cfws(value, &start, NULL);
	for (end = start; end < value.size && !hf_is_space(value.data[end]) &&
			  !memchr("(;,", value.data[end], 3);)
		end++;
	if (end == start)
		return;
	value = (struct hf_str){ value.data + start, end - start };
	part->encoding = hf_arena_str(work->job->arena, value);
	part->cte = HF_CTE_UNKNOWN;
	for (size_t i = 0; i < HF_COUNT(encodings); i++) {
		if (hf_str_ieq(value, hf_str(encodings[i].name)))
			part->cte = encodings[i].cte;
	}
}

static void read_disposition(struct work *work)
{
	const struct hf_header_job *job = work->job;
	struct hf_param_list params;

	if (!work->values[CONTENT_DISPOSITION].data ||
	    !hf_disposition_parse(job->arena, unfolded(work, CONTENT_DISPOSITION),
				  job->limits->params, &job->part->disposition, &params))
		return;
	job->part->disposition_params = params.params;
	job->part->disposition_param_count = params.count;
}

/* RFC 3282 §2: tags with commas between. */
static void read_languages(struct work *work)
{
	struct hf_part *part = work->job->part;
	struct hf_str value;
	uint32_t max = 1;
	size_t pos = 0;

	if (!work->values[CONTENT_LANGUAGE].data)
		return;
	value = unfolded(work, CONTENT_LANGUAGE);
	for (size_t i = 0; i < value.size && max < work->job->limits->params; i++)
		max += value.data[i] == ',';
	part->languages = hf_new_array(work->job->arena, struct hf_str, max);
	while (pos < value.size && part->language_count < max) {
		size_t start;

		hf_skip_cfws(value, &pos, NULL);
		for (start = pos; pos < value.size && !hf_is_space(value.data[pos]) &&
				  !memchr(",(", value.data[pos], 2);)
			pos++;
		if (pos > start)
			part->languages[part->language_count++] =
				hf_arena_str(work->job->arena,
					     (struct hf_str){ value.data + start, pos - start });
		hf_skip_cfws(value, &pos, NULL);
		if (pos < value.size && value.data[pos] == ',')
			pos++;
	}
	if (part->language_count == 0)
		part->languages = NULL;
}

static struct hf_address *read_addresses(struct work *work, enum known known)
{
	size_t most = work->job->memory_left / sizeof(struct hf_address) / 8;
	uint32_t max = work->job->limits->addresses;

	if (!work->values[known].data)
		return NULL;
	return hf_addresses_parse(work->job->arena, unfolded(work, known),
				  most < max ? (uint32_t)most : max);
}

static void read_envelope(struct work *work)
{
	struct hf_envelope *envelope = hf_new(work->job->arena, struct hf_envelope);

	envelope->date = text_of(work, DATE);
	envelope->subject = text_of(work, SUBJECT);
	envelope->in_reply_to = text_of(work, IN_REPLY_TO);
	envelope->message_id = text_of(work, MESSAGE_ID);
	envelope->from = read_addresses(work, FROM);
	envelope->sender = read_addresses(work, SENDER);
	envelope->reply_to = read_addresses(work, REPLY_TO);
	envelope->to = read_addresses(work, TO);
	envelope->cc = read_addresses(work, CC);
	envelope->bcc = read_addresses(work, BCC);
	if (!envelope->sender)
		envelope->sender = envelope->from;
	if (!envelope->reply_to)
		envelope->reply_to = envelope->from;
	work->job->part->envelope = envelope;
}

/* What sorting and threading ask for. */
static void read_message(struct work *work)
{
	struct hf_arena *arena = work->job->arena;
	struct hf_message *message = work->job->message;
	const struct hf_envelope *envelope = work->job->part->envelope;
	struct hf_buf text = HF_BUF_INIT, base = HF_BUF_INIT;
	size_t pos = 0;

	message->has_date =
		envelope->date.data &&
		hf_date_parse_rfc5322(envelope->date, &message->sent, &message->sent_zone);
	hf_header_decode(envelope->subject, &text);
	hf_base_subject(hf_buf_str(&text), &base, &message->subject_is_reply);
	message->base_subject = hf_arena_str(arena, base.size ? hf_buf_str(&base) : HF_STR(""));
	message->message_id = HF_STR("");
	if (hf_msgid_next(envelope->message_id, &pos, &base))
		message->message_id = hf_arena_str(arena, hf_buf_str(&base));
	hf_references_parse(arena, unfolded(work, REFERENCES), envelope->in_reply_to, message);
	hf_buf_fini(&text);
	hf_buf_fini(&base);
}

void hf_mime_header(const struct hf_header_job *job, struct hf_str header)
{
	struct work work = { .job = job };
	struct hf_part *part = job->part;

	if (job->message)
		job->message->fields_complete = !job->truncated && job->memory_left;
	fields_read(&work, header);
	read_type(&work);
	read_encoding(&work);
	read_disposition(&work);
	read_languages(&work);
	part->id = text_of(&work, CONTENT_ID);
	part->description = text_of(&work, CONTENT_DESCRIPTION);
	part->md5 = text_of(&work, CONTENT_MD5);
	part->location = text_of(&work, CONTENT_LOCATION);
	if (job->is_message)
		read_envelope(&work);
	if (job->message)
		read_message(&work);
	hf_buf_fini(&work.scratch);
}
