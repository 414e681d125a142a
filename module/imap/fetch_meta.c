/* SPDX-License-Identifier: BSD-2-Clause */
/* FETCH items that the store knows beside the message: EMAILID, THREADID (RFC 8474 §5), SAVEDATE (RFC 8514 §4.2), PREVIEW
 * (RFC 8970 §3). The preview was made at delivery and lies in the list or email row, so that LAZY changes nothing. */
#include "base/clock.h"
#include "module/imap/fetch.h"
#include "module/imap/objectid.h"

enum hf_status fetch_write_emailid(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "EMAILID (");
	imap_add_objectid(&m->out->text, IMAP_OBJECTID_EMAIL, hf_view_owner(m->cmd->session->view), m->record->email);
	hf_buf_add_char(&m->out->text, ')');
	return HF_OK;
}

enum hf_status fetch_write_threadid(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "THREADID ");
	if (!m->record->thread) {
		hf_buf_add_lit(&m->out->text, "NIL");
		return HF_OK;
	}
	hf_buf_add_char(&m->out->text, '(');
	imap_add_objectid(&m->out->text, IMAP_OBJECTID_THREAD, hf_view_owner(m->cmd->session->view), m->record->thread);
	hf_buf_add_char(&m->out->text, ')');
	return HF_OK;
}

enum hf_status fetch_write_savedate(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "SAVEDATE \"");
	hf_date_format_internal((int64_t)m->record->saved, &m->out->text);
	hf_buf_add_char(&m->out->text, '"');
	return HF_OK;
}

/* PREVIEW [SP "(" LAZY ")"]. Anything else behind it is not ours: the modifiers of FETCH begin with a parenthesis too. */
enum hf_status fetch_parse_preview(struct imap_cmd *cmd, struct imap_parser *p, const struct fetch_item *item, void **arg,
				   unsigned *needs)
{
	const char *pos = p->pos;

	(void)cmd;
	(void)item;
	(void)arg;
	(void)needs;
	if (!imap_parse_space(p) || !imap_parse_char(p, '(') || !imap_parse_keyword(p, "LAZY")) {
		p->pos = pos;
		return HF_OK;
	}
	while (imap_parse_space(p) && imap_parse_keyword(p, "LAZY"))
		;
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "LAZY or )");
}

enum hf_status fetch_write_preview(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	struct hf_str preview = m->list.preview;

	(void)item;
	(void)arg;
	if (!preview.data) {
		enum hf_status status = fetch_tree(m);

		if (status != HF_OK)
			return status;
		preview = m->email.message.preview;
	}
	hf_buf_add_lit(&m->out->text, "PREVIEW ");
	imap_add_string(&m->out->text, preview);
	return HF_OK;
}
