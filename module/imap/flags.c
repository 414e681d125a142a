/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags as clients read them: of a message, of a mailbox. RFC 9051 §2.3.2, RFC 3501 §7.2.6
 * (\Recent); MODSEQ: RFC 7162 §3.1.4.2. */
#include "module/imap/mailbox.h"
#include "module/imap/session_priv.h"

/* In the order in which they are written. */
static const struct {
	uint32_t flag;
	struct hf_str name;
} system_flags[] = {
	{ HF_FLAG_ANSWERED, { "\\Answered", 9 } }, { HF_FLAG_FLAGGED, { "\\Flagged", 8 } },
	{ HF_FLAG_DELETED, { "\\Deleted", 8 } },   { HF_FLAG_SEEN, { "\\Seen", 5 } },
	{ HF_FLAG_DRAFT, { "\\Draft", 6 } },
};

static void add_flag(struct hf_buf *out, size_t start, struct hf_str name)
{
	if (out->size > start)
		hf_buf_add_char(out, ' ');
	hf_buf_add_str(out, name);
}

void imap_add_flags(struct imap_session *session, struct hf_buf *out,
		    const struct hf_record *record, bool recent)
{
	uint64_t keywords = record->keywords;
	size_t start;

	hf_buf_add_char(out, '(');
	start = out->size;
	for (size_t i = 0; i < HF_COUNT(system_flags); i++)
		if (record->flags & system_flags[i].flag)
			add_flag(out, start, system_flags[i].name);
	if (recent && !(session->enabled & IMAP_EN_REV2))
		add_flag(out, start, HF_STR("\\Recent"));
	while (keywords) {
		unsigned bit = (unsigned)__builtin_ctzll(keywords);
		struct hf_str name = hf_view_keyword(session->view, bit);

		keywords &= keywords - 1;
		if (name.size)
			add_flag(out, start, name);
	}
	hf_buf_add_char(out, ')');
}

static void add_mailbox_flags(struct imap_session *session, struct hf_buf *out, uint32_t system, bool keywords, bool more)
{
	unsigned count = keywords ? hf_view_keyword_count(session->view) : 0, used = 0;
	size_t start;

	hf_buf_add_char(out, '(');
	start = out->size;
	for (size_t i = 0; i < HF_COUNT(system_flags); i++)
		if (system & system_flags[i].flag)
			add_flag(out, start, system_flags[i].name);
	for (unsigned bit = 0; bit < HF_KEYWORDS_MAX && used < count; bit++) {
		struct hf_str name = hf_view_keyword(session->view, bit);

		if (!name.size)
			continue;
		used++;
		add_flag(out, start, name);
	}
	if (keywords && more && count < HF_KEYWORDS_MAX)
		add_flag(out, start, HF_STR("\\*"));
	hf_buf_add_char(out, ')');
}

void imap_add_mailbox_flags(struct imap_session *session, struct hf_buf *out)
{
	add_mailbox_flags(session, out, HF_FLAGS_ALL, true, false);
}

void imap_add_permanent_flags(struct imap_session *session, struct hf_buf *out)
{
	if (session->read_only)
		hf_buf_add_lit(out, "()");
	else
		add_mailbox_flags(session, out, imap_rights_flags(session->rights), session->rights & HF_RIGHT_WRITE, true);
}

void imap_add_fetch(struct imap_session *session, struct hf_buf *out, struct hf_seq seq,
		    struct hf_uid uid)
{
	bool uid_only = session->enabled & IMAP_EN_UIDONLY;

	hf_buf_add_lit(out, "* ");
	hf_buf_add_u64(out, uid_only ? uid.n : seq.n);
	hf_buf_add_str(out, uid_only ? HF_STR(" UIDFETCH (") : HF_STR(" FETCH ("));
}

void imap_write_flags(struct imap_session *session, struct hf_seq seq,
		      const struct hf_record *record, bool with_uid)
{
	struct hf_buf *out = &session->priv->out;

	hf_buf_clear(out);
	imap_add_fetch(session, out, seq, record->uid);
	/* RFC 7162 §3.2.4: in every untagged FETCH once CONDSTORE is on; so has RFC 9051 it. */
	if (session->enabled & (IMAP_EN_CONDSTORE | IMAP_EN_QRESYNC | IMAP_EN_REV2))
		with_uid = true;
	if (with_uid && !(session->enabled & IMAP_EN_UIDONLY)) {
		hf_buf_add_lit(out, "UID ");
		hf_buf_add_u64(out, record->uid.n);
		hf_buf_add_char(out, ' ');
	}
	hf_buf_add_lit(out, "FLAGS ");
	imap_add_flags(session, out, record, hf_view_is_recent(session->view, record->uid));
	if (session->enabled & IMAP_EN_CONDSTORE) {
		hf_buf_add_lit(out, " MODSEQ (");
		hf_buf_add_u64(out, record->modseq.n);
		hf_buf_add_char(out, ')');
	}
	hf_buf_add_lit(out, ")\r\n");
	hf_conn_write(session->conn, out->data, out->size);
}
