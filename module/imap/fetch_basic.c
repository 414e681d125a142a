/* SPDX-License-Identifier: BSD-2-Clause */
/* FETCH items that are short: FLAGS, UID, INTERNALDATE, RFC822.SIZE, MODSEQ (RFC 7162 §3.1.5), ENVELOPE, BODYSTRUCTURE. */
#include "base/clock.h"
#include "message/render.h"
#include "module/imap/fetch.h"

struct hf_str fetch_flags_text(struct fetch_message *m)
{
	struct fetch_args *args = m->args;
	bool recent = hf_view_is_recent(m->cmd->session->view, m->record->uid);
	unsigned key = (unsigned)m->record->flags << 1 | recent;

	if (key != args->flags_key || m->record->keywords != args->flags_keywords) {
		hf_buf_clear(&args->flags_text);
		hf_buf_add_lit(&args->flags_text, "FLAGS ");
		imap_add_flags(m->cmd->session, &args->flags_text, m->record, recent);
		args->flags_key = key;
		args->flags_keywords = m->record->keywords;
	}
	return hf_buf_str(&args->flags_text);
}

enum hf_status fetch_write_flags(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_str(&m->out->text, fetch_flags_text(m));
	return HF_OK;
}

enum hf_status fetch_write_uid(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "UID ");
	hf_buf_add_u64(&m->out->text, m->record->uid.n);
	return HF_OK;
}

enum hf_status fetch_write_internaldate(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "INTERNALDATE \"");
	hf_date_format_internal(m->record->internaldate, &m->out->text);
	hf_buf_add_char(&m->out->text, '"');
	return HF_OK;
}

enum hf_status fetch_write_size(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "RFC822.SIZE ");
	hf_buf_add_u64(&m->out->text, m->record->size);
	return HF_OK;
}

enum hf_status fetch_write_modseq(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	(void)item;
	(void)arg;
	hf_buf_add_lit(&m->out->text, "MODSEQ (");
	hf_buf_add_u64(&m->out->text, m->record->modseq.n);
	hf_buf_add_char(&m->out->text, ')');
	return HF_OK;
}

enum hf_status fetch_write_envelope(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	struct hf_str envelope;
	enum hf_status status;

	(void)item;
	(void)arg;
	if (!fetch_fact(m, FETCH_FACT_ENVELOPE, &envelope)) {
		status = fetch_list(m);
		if (status != HF_OK)
			return status;
		envelope = m->list.envelope;
	}
	hf_buf_add_lit(&m->out->text, "ENVELOPE ");
	hf_buf_add_str(&m->out->text, envelope);
	return HF_OK;
}

enum hf_status fetch_write_bodystructure(struct fetch_message *m, const struct fetch_item *item, const void *arg)
{
	struct hf_str structure;
	enum hf_status status;

	(void)item;
	(void)arg;
	if (!fetch_fact(m, FETCH_FACT_BODYSTRUCTURE, &structure)) {
		status = fetch_email(m);
		if (status != HF_OK)
			return status;
		structure = m->email.bodystructure;
	}
	hf_buf_add_lit(&m->out->text, "BODYSTRUCTURE ");
	hf_buf_add_str(&m->out->text, structure);
	return HF_OK;
}
