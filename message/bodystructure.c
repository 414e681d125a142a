/* SPDX-License-Identifier: BSD-2-Clause */
/* BODY and BODYSTRUCTURE, RFC 9051 §7.5.2 and §9 (body). Nesting is bounded by the parser and by
 * the decoder, so the recursion here is. Parameter values that are not ASCII go out in the form of
 * RFC 2231 §4, so that a client that knows nothing of UTF-8 gets ASCII. */
#include "message/render.h"

static void extended_value_render(const struct hf_param *param, struct hf_buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	struct hf_buf text = HF_BUF_INIT;

	hf_buf_add_str(&text, param->name);
	hf_buf_add_char(&text, '*');
	hf_nstring_render(hf_buf_str(&text), out);
	hf_buf_add_char(out, ' ');
	hf_buf_clear(&text);
	hf_buf_add_lit(&text, "utf-8''");
	for (size_t i = 0; i < param->value.size; i++) {
		uint8_t c = (uint8_t)param->value.data[i];

		/* RFC 2231 §7: attribute-char */
		if (c > ' ' && c < 0x7f && !memchr("*'%()<>@,;:\\\"/[]?=", c, 18)) {
			hf_buf_add_char(&text, (char)c);
		} else {
			hf_buf_add_char(&text, '%');
			hf_buf_add_char(&text, hex[c >> 4]);
			hf_buf_add_char(&text, hex[c & 15]);
		}
	}
	hf_nstring_render(hf_buf_str(&text), out);
	hf_buf_fini(&text);
}

static bool is_plain(struct hf_str value)
{
	for (size_t i = 0; i < value.size; i++) {
		uint8_t c = (uint8_t)value.data[i];

		if ((c < ' ' && c != '\t') || c >= 0x7f)
			return false;
	}
	return true;
}

static void params_render(const struct hf_param *params, uint32_t count, struct hf_buf *out)
{
	if (count == 0) {
		hf_buf_add_lit(out, "NIL");
		return;
	}
	hf_buf_add_char(out, '(');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			hf_buf_add_char(out, ' ');
		if (!is_plain(params[i].value)) {
			extended_value_render(&params[i], out);
			continue;
		}
		hf_nstring_render(params[i].name, out);
		hf_buf_add_char(out, ' ');
		hf_nstring_render(params[i].value, out);
	}
	hf_buf_add_char(out, ')');
}

/* disposition, language, location: the end of the extension data of every part */
static void extension_render(const struct hf_part *part, struct hf_buf *out)
{
	hf_buf_add_char(out, ' ');
	if (part->disposition.data) {
		hf_buf_add_char(out, '(');
		hf_nstring_render(part->disposition, out);
		hf_buf_add_char(out, ' ');
		params_render(part->disposition_params, part->disposition_param_count, out);
		hf_buf_add_char(out, ')');
	} else {
		hf_buf_add_lit(out, "NIL");
	}
	hf_buf_add_char(out, ' ');
	if (part->language_count == 0) {
		hf_buf_add_lit(out, "NIL");
	} else if (part->language_count == 1) {
		hf_nstring_render(part->languages[0], out);
	} else {
		for (uint32_t i = 0; i < part->language_count; i++) {
			hf_buf_add_char(out, i ? ' ' : '(');
			hf_nstring_render(part->languages[i], out);
		}
		hf_buf_add_char(out, ')');
	}
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->location, out);
}

static void multipart_render(const struct hf_part *part, bool extended, struct hf_buf *out)
{
	for (const struct hf_part *child = part->children; child; child = child->next)
		hf_bodystructure_render(child, extended, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->subtype, out);
	if (extended) {
		hf_buf_add_char(out, ' ');
		params_render(part->params, part->param_count, out);
		extension_render(part, out);
	}
}

static void single_render(const struct hf_part *part, bool extended, struct hf_buf *out)
{
	hf_nstring_render(part->type, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->subtype, out);
	hf_buf_add_char(out, ' ');
	params_render(part->params, part->param_count, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->id, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->description, out);
	hf_buf_add_char(out, ' ');
	hf_nstring_render(part->encoding, out);
	hf_buf_add_char(out, ' ');
	hf_buf_add_u64(out, part->body_size);
	if (part->kind == HF_PART_MESSAGE) {
		hf_buf_add_char(out, ' ');
		hf_envelope_render(part->children->envelope, out);
		hf_buf_add_char(out, ' ');
		hf_bodystructure_render(part->children, extended, out);
	}
	if (part->kind == HF_PART_MESSAGE || hf_str_ieq(part->type, HF_STR("text"))) {
		hf_buf_add_char(out, ' ');
		hf_buf_add_u64(out, part->body_lines);
	}
	if (extended) {
		hf_buf_add_char(out, ' ');
		hf_nstring_render(part->md5, out);
		extension_render(part, out);
	}
}

void hf_bodystructure_render(const struct hf_part *root, bool extended, struct hf_buf *out)
{
	hf_buf_add_char(out, '(');
	if (root->kind == HF_PART_MULTIPART)
		multipart_render(root, extended, out);
	else
		single_render(root, extended, out);
	hf_buf_add_char(out, ')');
}
