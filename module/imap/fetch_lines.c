/* SPDX-License-Identifier: BSD-2-Clause */
/* FETCH of nothing but FLAGS and UID, which is how clients keep up with a mailbox: each response is one line of a few pieces, put
 * together in one go. */
#include "module/imap/fetch.h"

#define NUMBER_MAX 10

bool fetch_lines_apply(const struct fetch_args *args, const struct imap_session *session)
{
	size_t i;

	if (session->enabled & IMAP_EN_UIDONLY || args->needs)
		return false;
	for (i = 0; i < args->use_count; i++)
		if (args->uses[i].item->write != fetch_write_flags && args->uses[i].item->write != fetch_write_uid)
			return false;
	return args->use_count <= 2; /* each item is there once */
}

static inline char *put_number(char *to, uint32_t n)
{
	char digits[NUMBER_MAX], *at = digits + NUMBER_MAX;
	size_t size;

	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	size = (size_t)(digits + NUMBER_MAX - at);
	memcpy(to, at, size);
	return to + size;
}

/* Sizes are constants here, so that these are moves and no calls. */
#define PUT(to, literal) ((to) = (char *)memcpy((to), (literal), sizeof(literal) - 1) + sizeof(literal) - 1)

void fetch_line_write(struct fetch_message *m)
{
	struct fetch_args *args = m->args;
	struct hf_str flags = fetch_flags_text(m);
	bool uid_first = args->uses[0].item->write == fetch_write_uid, both = args->use_count == 2;
	char *start = hf_buf_reserve(&m->out->text, flags.size + 64), *to = start;

	PUT(to, "* ");
	to = put_number(to, m->seq.n);
	PUT(to, " FETCH (");
	if (uid_first) {
		PUT(to, "UID ");
		to = put_number(to, m->record->uid.n);
		if (both)
			*to++ = ' ';
	}
	if (!uid_first || both) {
		memcpy(to, flags.data, flags.size);
		to += flags.size;
	}
	if (!uid_first && both) {
		PUT(to, " UID ");
		to = put_number(to, m->record->uid.n);
	}
	PUT(to, ")\r\n");
	hf_buf_added(&m->out->text, (size_t)(to - start));
}
