/* SPDX-License-Identifier: BSD-2-Clause */
/* The streaming parser: cuts a message into headers, bodies and delimiters, and builds the part
 * tree.
 *
 * scan() hands octets to emit() as soon as it is known that they are no delimiter line; what is
 * undecided (a line end in a body, which belongs to the delimiter that may follow it, RFC 2046
 * §5.1.1, and the beginning of a line that begins with two dashes) waits in `pending`. A delimiter
 * line is exactly "--", the boundary, "--" when it closes, and white space; the innermost boundary
 * that fits wins, and the parts inside it end with it.
 *
 * Always true: `position` and `lines` count what was emitted or passed over; pending follows them.
 * Every decision depends on whole lines, never on where a piece ends. An octet is looked at a
 * bounded number of times. */
#include "message/mime.h"

#include "base/mem.h"
#include "message/header_priv.h"
#include "message/preview_priv.h"
#include "message/text.h"

#define BOUNDARY_MAX  1000 /* RFC 2046 §5.1.1 allows 70 */
#define DELIMITER_MAX (BOUNDARY_MAX + 100)
#define DEPTH_MAX     200 /* renderers and the decoder recurse or loop that deep */
#define DECODE_PIECE  (32 * 1024)
#define LANES         32

const struct hf_mime_limits hf_mime_default_limits = {
	.depth = 50,
	.parts = 10000,
	.header_size = 1024 * 1024,
	.fields = 10000,
	.addresses = 5000,
	.params = 200,
	.memory = 16 * 1024 * 1024,
};

enum state {
	IN_HEADER,
	IN_LEAF,
	IN_NOTHING /* preamble, epilogue, what is opaque */
};

/* An open multipart. */
struct level {
	struct hf_part *part;
	struct hf_part **tail; /* where the next child goes */
	struct hf_str boundary;
	uint32_t hash;
	bool digest;
	bool open; /* its delimiters are still looked for */
	bool seen; /* one was found */
};

struct hf_mime {
	struct hf_arena *arena;
	struct hf_mime_limits limits;
	size_t arena_before;
	struct hf_text_sink *sink;
	struct hf_message message;

	struct hf_part *part; /* the innermost one open */
	enum state state;
	uint32_t part_count, depth; /* depth: of the part, messages and multiparts around it */
	struct level *levels;
	uint32_t level_count, open_count;

	uint64_t position, lines;
	struct hf_buf pending;
	size_t terminator; /* octets of a line end at the front of pending */
	bool line_start; /* the next octet follows pending, which holds a line from its beginning */

	struct hf_buf header;
	bool header_truncated, in_digest;
	size_t header_line; /* octets in the line so far, without CR at its beginning */
	bool header_line_cr;
	uint64_t header_lines_before;

	struct hf_body_decoder *decoder;
	struct hf_buf text;
	struct hf_preview preview, html_preview;
	bool preview_plain_done, preview_html_done; /* a text was found */
	bool previewing, previewing_html;           /* of the current leaf */
};

static uint32_t boundary_hash(struct hf_str s)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < s.size; i++)
		hash = (hash ^ (uint8_t)s.data[i]) * 16777619u;
	return hash;
}

static uint64_t count_lines(struct hf_str s)
{
	uint64_t count = 0;
	size_t i = 0;

	while (i + LANES <= s.size) { /* sums side by side, of a fixed length, for the vectoriser */
		uint8_t sums[LANES] = { 0 };

		for (int round = 0; round < UINT8_MAX && i + LANES <= s.size; round++, i += LANES)
			for (size_t j = 0; j < LANES; j++)
				sums[j] = (uint8_t)(sums[j] + (s.data[i + j] == '\n'));
		for (size_t j = 0; j < LANES; j++)
			count += sums[j];
	}
	for (; i < s.size; i++)
		count += s.data[i] == '\n';
	return count;
}

static size_t memory_left(const struct hf_mime *m)
{
	size_t used = hf_arena_used(m->arena) - m->arena_before;

	return used < m->limits.memory ? m->limits.memory - used : 0;
}

struct hf_mime *hf_mime_new(struct hf_arena *arena, const struct hf_mime_limits *limits,
			    struct hf_text_sink *sink)
{
	struct hf_mime *m = hf_alloc_zero(sizeof(*m));

	m->arena = arena;
	m->limits = limits ? *limits : hf_mime_default_limits;
	if (m->limits.depth > DEPTH_MAX)
		m->limits.depth = DEPTH_MAX;
	m->arena_before = hf_arena_used(arena);
	m->sink = sink;
	m->levels = hf_alloc_zero((m->limits.depth + 1) * sizeof(*m->levels));
	m->part = hf_new(arena, struct hf_part);
	m->message.root = m->part;
	m->part_count = 1;
	m->line_start = true;
	return m;
}

void hf_mime_free(struct hf_mime **mime)
{
	struct hf_mime *m = *mime;

	if (!m)
		return;
	hf_body_decoder_free(&m->decoder);
	hf_buf_fini(&m->pending);
	hf_buf_fini(&m->header);
	hf_buf_fini(&m->text);
	hf_free(m->levels);
	hf_free(m);
	*mime = NULL;
}

/* Text of the current leaf. */

static void text_out(struct hf_mime *m)
{
	struct hf_str text = hf_buf_str(&m->text);

	if (text.size == 0)
		return;
	if (m->sink)
		m->sink->text(m->sink, HF_TEXT_BODY, HF_STR(""), text);
	if (m->previewing)
		hf_preview_feed(m->previewing_html ? &m->html_preview : &m->preview, text);
	hf_buf_clear(&m->text);
}

static void leaf_begin(struct hf_mime *m)
{
	const struct hf_part *part = m->part;
	bool html = hf_str_ieq(part->subtype, HF_STR("html"));

	m->state = IN_LEAF;
	m->previewing = false;
	if (!hf_str_ieq(part->type, HF_STR("text")))
		return;
	if (!hf_str_ieq(part->disposition, HF_STR("attachment")) && !m->preview_plain_done &&
	    (html ? !m->preview_html_done : hf_str_ieq(part->subtype, HF_STR("plain")))) {
		m->previewing = true;
		m->previewing_html = html;
		hf_preview_begin(html ? &m->html_preview : &m->preview, html);
	}
	/* A body in an unknown encoding cannot be searched (hf_body_decoder_new), so it is left out
	 * here as well. */
	if ((m->sink || m->previewing) && hf_body_decoder_new(part, true, &m->decoder) != HF_OK)
		m->decoder = NULL;
}

static void leaf_text(struct hf_mime *m, struct hf_str raw)
{
	while (m->decoder && raw.size) {
		size_t size = raw.size < DECODE_PIECE ? raw.size : DECODE_PIECE;

		if (!m->sink && (m->previewing_html ? &m->html_preview : &m->preview)->full) {
			hf_body_decoder_free(&m->decoder);
			return;
		}
		hf_body_decoder_feed(m->decoder, (struct hf_str){ raw.data, size }, &m->text);
		text_out(m);
		raw.data += size;
		raw.size -= size;
	}
}

static void leaf_end(struct hf_mime *m)
{
	if (m->decoder) {
		hf_body_decoder_end(m->decoder, &m->text);
		text_out(m);
		hf_body_decoder_free(&m->decoder);
		if (m->sink)
			m->sink->text(m->sink, HF_TEXT_BODY, HF_STR(""), HF_STR(""));
	}
	if (m->previewing && m->previewing_html)
		m->preview_html_done = m->html_preview.size > 0;
	else if (m->previewing)
		m->preview_plain_done = m->preview.size > 0;
	m->previewing = false;
	m->state = IN_NOTHING;
}

/* Parts. */

static struct hf_part *child_new(struct hf_mime *m, struct hf_part *parent, struct hf_part **slot)
{
	struct hf_part *part = hf_new(m->arena, struct hf_part);

	part->parent = parent;
	part->header_offset = m->position;
	*slot = part;
	parent->child_count++;
	m->part_count++;
	return part;
}

static void header_begin(struct hf_mime *m, struct hf_part *part, bool in_digest)
{
	m->part = part;
	m->state = IN_HEADER;
	m->in_digest = in_digest;
	m->header_truncated = false;
	m->header_line = 0;
	m->header_line_cr = false;
	m->header_lines_before = m->lines;
	hf_buf_clear(&m->header);
	m->line_start = true;
}

/* RFC 2046 §5.1 wants at least one part, and so does BODYSTRUCTURE. Without a single delimiter all
 * there is becomes that part, so that a reader sees it; otherwise it is empty. */
static void multipart_complete(struct hf_mime *m, struct hf_part *part, bool delimiter_seen)
{
	struct hf_part *child;
	struct hf_header_job job = { .arena = m->arena, .limits = &m->limits };

	if (part->children)
		return;
	child = child_new(m, part, &part->children);
	child->header_offset = child->body_offset =
		part->body_offset + (delimiter_seen ? part->body_size : 0);
	if (!delimiter_seen) {
		child->body_size = part->body_size;
		child->body_lines = part->body_lines;
	}
	job.part = child;
	hf_mime_header(&job, HF_STR(""));
}

/* Ends the innermost part at `position`. */
static void part_end(struct hf_mime *m)
{
	struct hf_part *part = m->part;

	if (part->kind == HF_PART_LEAF)
		leaf_end(m);
	part->body_size = m->position - part->body_offset;
	part->body_lines = (uint32_t)m->lines - part->body_lines;
	if (part->kind != HF_PART_LEAF)
		m->depth--;
	if (part->kind == HF_PART_MULTIPART) {
		struct level *level = &m->levels[--m->level_count];

		m->open_count -= level->open;
		multipart_complete(m, part, level->seen);
	}
	m->part = part->parent;
}

static void become_leaf(struct hf_mime *m, struct hf_str type, struct hf_str subtype)
{
	m->part->type = type;
	m->part->subtype = subtype;
	leaf_begin(m);
}

static bool may_nest(struct hf_mime *m)
{
	if (m->depth < m->limits.depth && m->part_count < m->limits.parts && memory_left(m))
		return true;
	m->message.truncated_tree = true;
	return false;
}

static void multipart_begin(struct hf_mime *m)
{
	struct hf_part *part = m->part;
	struct hf_str boundary = hf_param_get(part->params, part->param_count, HF_STR("boundary"));
	struct level *level;

	while (boundary.size && hf_is_wsp(boundary.data[boundary.size - 1]))
		boundary.size--;
	if (boundary.size == 0 || boundary.size > BOUNDARY_MAX) {
		become_leaf(m, HF_STR("TEXT"), HF_STR("PLAIN"));
		return;
	}
	if (!may_nest(m)) {
		become_leaf(m, HF_STR("APPLICATION"), HF_STR("OCTET-STREAM"));
		return;
	}
	part->kind = HF_PART_MULTIPART;
	m->depth++;
	level = &m->levels[m->level_count++];
	*level = (struct level){
		.part = part,
		.tail = &part->children,
		.boundary = boundary,
		.hash = boundary_hash(boundary),
		.digest = hf_str_ieq(part->subtype, HF_STR("digest")),
		.open = true,
	};
	m->open_count++;
	m->state = IN_NOTHING;
}

static void message_begin(struct hf_mime *m)
{
	struct hf_part *part = m->part;

	/* RFC 2046 §5.2.1 forbids other encodings, RFC 6532 §3.7 allows them: such a body is not
	 * looked into. */
	if (part->cte > HF_CTE_BINARY || !may_nest(m)) {
		become_leaf(m, HF_STR("APPLICATION"), HF_STR("OCTET-STREAM"));
		return;
	}
	part->kind = HF_PART_MESSAGE;
	m->depth++;
	header_begin(m, child_new(m, part, &part->children), false);
}

static bool is_message_part(const struct hf_part *part)
{
	return hf_str_ieq(part->type, HF_STR("message")) &&
	       (hf_str_ieq(part->subtype, HF_STR("rfc822")) ||
		hf_str_ieq(part->subtype, HF_STR("global")));
}

/* The header ends at `position`, with or without an empty line. */
static void header_end(struct hf_mime *m)
{
	struct hf_part *part = m->part;
	bool top = part == m->message.root;
	struct hf_header_job job = {
		.arena = m->arena,
		.limits = &m->limits,
		.memory_left = memory_left(m),
		.sink = m->sink,
		.part = part,
		.message = top ? &m->message : NULL,
		.is_message = top || part->parent->kind == HF_PART_MESSAGE,
		.in_digest = m->in_digest,
		.truncated = m->header_truncated,
	};

	part->header_size = m->position - part->header_offset;
	part->header_lines = (uint32_t)(m->lines - m->header_lines_before);
	part->body_offset = m->position;
	part->body_lines = (uint32_t)m->lines; /* where it begins, until part_end() */
	if (m->header_truncated)
		m->message.truncated_tree = true;
	if (job.memory_left == 0) { /* the rest is opaque */
		m->message.truncated_tree = true;
		hf_buf_clear(&m->header);
	}
	hf_mime_header(&job, m->header.size ? hf_buf_str(&m->header) : HF_STR(""));
	if (m->header.capacity > 64 * 1024)
		hf_buf_fini(&m->header);
	if (hf_str_ieq(part->type, HF_STR("multipart")))
		multipart_begin(m);
	else if (is_message_part(part))
		message_begin(m);
	else
		leaf_begin(m);
}

static void header_add(struct hf_mime *m, struct hf_str s)
{
	size_t room = m->limits.header_size - m->header.size, size = s.size;
	bool ends;

	if (size > room)
		m->header_truncated = true;
	hf_buf_add(&m->header, s.data, size < room ? size : room);
	ends = s.data[size - 1] == '\n';
	if (ends)
		size--;
	if (size && m->header_line == 0 && !m->header_line_cr && s.data[0] == '\r') {
		m->header_line_cr = true;
		size--;
	}
	m->header_line += size;
	if (!ends)
		return;
	if (m->header_line == 0) {
		header_end(m);
		return;
	}
	m->header_line = 0;
	m->header_line_cr = false;
}

/* Content, no delimiter. In a header at most one line at a time, since its end changes the state.
 */
static void emit(struct hf_mime *m, struct hf_str s)
{
	if (s.size == 0)
		return;
	m->position += s.size;
	m->lines += count_lines(s);
	if (m->state == IN_HEADER)
		header_add(m, s);
	else if (m->state == IN_LEAF)
		leaf_text(m, s);
}

static void emit_pending(struct hf_mime *m)
{
	emit(m, hf_buf_str(&m->pending));
	hf_buf_clear(&m->pending);
	m->terminator = 0;
}

static void hold_terminator(struct hf_mime *m, const char *p, size_t size)
{
	hf_buf_clear(&m->pending);
	hf_buf_add(&m->pending, p, size);
	m->terminator = size;
	m->line_start = true;
}

/* Which open multipart the line (without line end) delimits; -1 for none. */
static int delimiter_level(const struct hf_mime *m, struct hf_str line, bool *closing)
{
	struct hf_str open = { line.data + 2, line.size - 2 }, close;
	uint32_t open_hash, close_hash = 0;
	bool may_close;

	while (open.size && hf_is_wsp(open.data[open.size - 1]))
		open.size--;
	close = open;
	may_close = open.size > 2 && memcmp(open.data + open.size - 2, "--", 2) == 0;
	open_hash = boundary_hash(open);
	if (may_close) {
		close.size -= 2;
		close_hash = boundary_hash(close);
	}
	for (uint32_t i = m->level_count; i-- > 0;) {
		const struct level *level = &m->levels[i];

		if (!level->open)
			continue;
		*closing = false;
		if (level->hash == open_hash && hf_str_eq(level->boundary, open))
			return (int)i;
		*closing = true;
		if (may_close && level->hash == close_hash && hf_str_eq(level->boundary, close))
			return (int)i;
	}
	return -1;
}

/* Everything inside levels[index] ends at `position`. */
static void end_inside(struct hf_mime *m, uint32_t index)
{
	while (m->state == IN_HEADER)
		header_end(m);
	while (m->part != m->levels[index].part)
		part_end(m);
	m->state = IN_NOTHING;
}

static void level_close(struct hf_mime *m, struct level *level)
{
	level->open = false;
	m->open_count--;
}

/* pending is [line end] "--boundary" [line end of `eol` octets]. */
static void delimiter(struct hf_mime *m, uint32_t index, bool closing, size_t eol)
{
	struct level *level = &m->levels[index];
	struct hf_part *part;

	end_inside(m, index);
	level->seen = true;
	if (closing) {
		/* The line end after it may belong to the next delimiter. */
		char end[2];

		level_close(m, level);
		memcpy(end, m->pending.data + m->pending.size - eol, eol);
		m->pending.size -= eol;
		emit_pending(m);
		hold_terminator(m, end, eol);
		return;
	}
	emit_pending(m);
	m->line_start = true;
	if (m->part_count >= m->limits.parts || memory_left(m) == 0) {
		m->message.truncated_tree = true;
		level_close(m, level);
		return;
	}
	part = child_new(m, level->part, level->tail);
	level->tail = &part->next;
	header_begin(m, part, level->digest);
}

/* A whole line that begins with two dashes is in pending; `eol` octets of line end close it. */
static void dashed_line(struct hf_mime *m, size_t eol)
{
	struct hf_str line = { m->pending.data + m->terminator,
			       m->pending.size - m->terminator - eol };
	char end[2];
	bool closing = false;
	int index = line.size <= DELIMITER_MAX ? delimiter_level(m, line, &closing) : -1;

	if (index >= 0) {
		delimiter(m, (uint32_t)index, closing, eol);
		return;
	}
	if (m->state == IN_HEADER) {
		emit_pending(m);
		m->line_start = true;
		return;
	}
	memcpy(end, m->pending.data + m->pending.size - eol, eol);
	m->pending.size -= eol;
	emit_pending(m);
	hold_terminator(m, end, eol);
}

/* Each scan function returns how many octets it has taken; 0 only together with a change that lets
 * another go on. */

static size_t scan_line_start(struct hf_mime *m, struct hf_str s)
{
	const char *lf;
	size_t size, line = m->pending.size - m->terminator, taken = 0;

	for (; line < 2 && taken < s.size; line++, taken++) {
		if (s.data[taken] != '-') {
			emit_pending(m);
			m->line_start = false;
			return taken;
		}
		hf_buf_add_char(&m->pending, '-');
	}
	s.data += taken;
	s.size -= taken;
	if (s.size == 0)
		return taken;
	lf = memchr(s.data, '\n', s.size);
	size = lf ? (size_t)(lf - s.data) + 1 : s.size;
	if (line + size > DELIMITER_MAX + 2) { /* with its line end too long for a delimiter */
		bool cr = m->state != IN_HEADER && m->pending.data[m->pending.size - 1] == '\r';

		m->pending.size -= cr; /* it may be half of a line end */
		emit_pending(m);
		if (cr)
			hf_buf_add_char(&m->pending, '\r');
		m->line_start = false;
		return taken;
	}
	hf_buf_add(&m->pending, s.data, size);
	if (lf)
		dashed_line(m, m->pending.size - m->terminator > 3 &&
					       m->pending.data[m->pending.size - 2] == '\r'
				       ? 2
				       : 1);
	return taken + size;
}

static size_t scan_header(struct hf_mime *m, struct hf_str s)
{
	const char *lf = memchr(s.data, '\n', s.size);
	size_t size = lf ? (size_t)(lf - s.data) + 1 : s.size;

	m->line_start = lf != NULL;
	emit(m, (struct hf_str){ s.data, size });
	return size;
}

static size_t scan_body(struct hf_mime *m, struct hf_str s)
{
	size_t at = 0, end;

	if (m->open_count == 0) {
		emit_pending(m);
		emit(m, s);
		return s.size;
	}
	if (m->pending.size) { /* the CR at the end of the piece before */
		if (s.data[0] == '\n') {
			hold_terminator(m, "\r\n", 2);
			return 1;
		}
		emit_pending(m);
	}
	for (;;) {
		ptrdiff_t dash = hf_str_find_line((struct hf_str){ s.data + at, s.size - at }, '-');

		if (dash < 0) {
			bool cr = s.data[s.size - 1] == '\r';

			if (s.data[s.size - 1] == '\n') {
				at = s.size;
				break;
			}
			emit(m, (struct hf_str){ s.data, s.size - cr });
			if (cr)
				hf_buf_add_char(&m->pending, '\r');
			return s.size;
		}
		at += (size_t)dash;
		if (at + 1 == s.size || s.data[at + 1] == '-')
			break;
	}
	end = at > 1 && s.data[at - 2] == '\r' ? 2 : 1;
	emit(m, (struct hf_str){ s.data, at - end });
	hold_terminator(m, s.data + at - end, end);
	return at;
}

void hf_mime_feed(struct hf_mime *mime, struct hf_str piece)
{
	if (!mime->message.has_nul && piece.size && memchr(piece.data, 0, piece.size))
		mime->message.has_nul = true;
	while (piece.size) {
		size_t taken;

		if (mime->line_start && mime->open_count)
			taken = scan_line_start(mime, piece);
		else if (mime->state == IN_HEADER)
			taken = scan_header(mime, piece);
		else
			taken = scan_body(mime, piece);
		piece.data += taken;
		piece.size -= taken;
	}
}

/* The last line may be a delimiter without a line end. */
static void finish_pending(struct hf_mime *m)
{
	if (m->line_start && m->open_count && m->pending.size >= m->terminator + 2 &&
	    m->pending.data[m->terminator] == '-' && m->pending.data[m->terminator + 1] == '-') {
		size_t size = m->pending.size;

		dashed_line(m, size > m->terminator + 2 && m->pending.data[size - 1] == '\r');
	}
	emit_pending(m);
}

void hf_mime_finish(struct hf_mime **mime, struct hf_message *message)
{
	struct hf_mime *m = *mime;

	finish_pending(m);
	while (m->state == IN_HEADER)
		header_end(m);
	while (m->part)
		part_end(m);
	m->message.size = m->position;
	m->message.preview = hf_arena_str(
		m->arena, hf_preview_text(m->preview_plain_done ? &m->preview : &m->html_preview));
	*message = m->message;
	hf_mime_free(mime);
}
