/* SPDX-License-Identifier: BSD-2-Clause */
/* IMAP URLs as CATENATE uses them: of the user's own mailboxes on this server, hence without scheme
 * and server. RFC 5092 §7.2, RFC 4469 §3. */
#include "module/imap/mailbox.h"
#include "module/imap/url.h"

#include "base/encode.h"

static bool take(struct hf_str *text, const char *word)
{
	struct hf_str prefix = hf_str(word);

	if (!hf_str_istarts(*text, prefix))
		return false;
	*text = hf_str_sub(*text, prefix.size, text->size - prefix.size);
	return true;
}

static bool take_number(struct hf_str *text, uint64_t max, uint64_t *n)
{
	size_t digits = 0;

	while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9')
		digits++;
	if (!hf_str_u64(hf_str_n(text->data, digits), max, n))
		return false;
	*text = hf_str_sub(*text, digits, text->size - digits);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = hf_ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 §2.1. NUL does not occur in a URL, neither raw nor encoded. */
static bool decode(struct hf_arena *arena, struct hf_str in, struct hf_str *out)
{
	char *to = hf_arena_alloc(arena, in.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < in.size; i++) {
		int high, low;

		if (!in.data[i])
			return false;
		if (in.data[i] != '%') {
			to[size++] = in.data[i];
			continue;
		}
		if (in.size - i < 3)
			return false;
		high = hex_digit(in.data[i + 1]);
		low = hex_digit(in.data[i + 2]);
		if (high < 0 || low < 0 || high + low == 0)
			return false;
		to[size++] = (char)(high * 16 + low);
		i += 2;
	}
	*out = hf_str_n(to, size);
	return true;
}

/* Up to the first ";" or "/;". */
static struct hf_str take_component(struct hf_str *text)
{
	ptrdiff_t end = hf_str_chr(*text, ';');
	size_t size = end < 0 ? text->size : (size_t)end;
	struct hf_str found;

	if (end > 0 && text->data[end - 1] == '/')
		size--;
	found = hf_str_sub(*text, 0, size);
	*text = hf_str_sub(*text, size, text->size - size);
	return found;
}

static bool take_mailbox(struct hf_str *text, struct hf_arena *arena, struct imap_url *url)
{
	struct hf_str name;
	uint64_t n = 0;

	if (!decode(arena, take_component(text), &name) || !hf_utf8_valid(name) ||
	    hf_mailbox_name_check(name, arena, &url->mailbox, NULL) != HF_OK)
		return false;
	if (take(text, ";UIDVALIDITY=") && (!take_number(text, UINT32_MAX, &n) || !n))
		return false;
	url->mailbox = imap_mailbox_normal(url->mailbox, arena);
	url->uidvalidity = (uint32_t)n;
	return take(text, "/");
}

static bool take_partial(struct hf_str *text, struct imap_url *url)
{
	if (!take_number(text, INT64_MAX, &url->offset))
		return false;
	if (!take(text, "."))
		return true;
	return take_number(text, INT64_MAX, &url->count) && url->count;
}

bool imap_url_parse(struct hf_str text, struct hf_arena *arena, struct imap_url *url)
{
	uint64_t uid;

	*url = (struct imap_url){ .count = UINT64_MAX };
	if (take(&text, "/") && !take_mailbox(&text, arena, url))
		return false;
	if (!take(&text, ";UID=") || !take_number(&text, UINT32_MAX, &uid) || !uid)
		return false;
	url->uid = HF_UID((uint32_t)uid);
	if (take(&text, "/;SECTION=") &&
	    (!decode(arena, take_component(&text), &url->section) || !url->section.size))
		return false;
	if (take(&text, "/;PARTIAL=") && !take_partial(&text, url))
		return false;
	return !text.size;
}

void imap_url_add(struct hf_buf *out, struct hf_str text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c <= ' ' || c >= 0x7f || c == ']' || c == '\\' || c == '"')
			hf_buf_printf(out, "%%%02X", c);
		else
			hf_buf_add_char(out, (char)c);
	}
}
