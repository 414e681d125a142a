/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing and reading object identifiers. RFC 8474 §7. */
#include "module/imap/objectid.h"

void imap_add_objectid(struct hf_buf *out, char kind, uint64_t owner, uint64_t id)
{
	hf_buf_add_char(out, kind);
	if (owner)
		hf_buf_printf(out, "%llx-", (unsigned long long)owner);
	hf_buf_printf(out, "%llx", (unsigned long long)id);
}

bool imap_objectid_is_valid(struct hf_str text)
{
	size_t i;

	for (i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return text.size >= 1 && text.size <= 255;
}

/* As written above: lower case, no zeros in front. */
static bool read_hex(struct hf_str text, uint64_t *n)
{
	uint64_t value = 0;
	size_t i;

	if (!text.size || text.size > 16 || text.data[0] == '0')
		return false;
	for (i = 0; i < text.size; i++) {
		char c = text.data[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*n = value;
	return true;
}

bool imap_objectid_read(struct hf_str text, char kind, uint64_t *owner, uint64_t *id)
{
	struct hf_str rest, first;

	if (!text.size || text.data[0] != kind)
		return false;
	rest = hf_str_sub(text, 1, text.size);
	*owner = 0;
	if (hf_str_chr(rest, '-') >= 0) {
		first = hf_str_split(&rest, '-');
		if (!read_hex(first, owner))
			return false;
	}
	return read_hex(rest, id);
}
