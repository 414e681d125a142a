/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the records and list rows of a set of messages, in bulk where they lie together. */
#include "module/imap/match_rows.h"

#include "base/mem.h"

void match_rows_init(struct match_rows *rows, struct imap_cmd *cmd, const struct hf_set *matches)
{
	*rows = (struct match_rows){ .cmd = cmd, .matches = matches };
	rows->records = hf_alloc(MATCH_READ_AHEAD * sizeof *rows->records);
}

void match_rows_fini(struct match_rows *rows)
{
	hf_list_reader_close(&rows->reader);
	hf_free(rows->records);
	rows->records = NULL;
}

static bool next_record(struct match_rows *rows, struct match_row *row)
{
	const struct hf_range *range;

	if (rows->range == rows->matches->count)
		return false;
	range = &rows->matches->ranges[rows->range];
	if (!rows->next)
		rows->next = range->first;
	if (rows->next < rows->record_first || rows->next - rows->record_first >= rows->record_count) {
		uint32_t want = range->last - rows->next + 1;

		rows->record_first = rows->next;
		rows->record_count = hf_view_records(rows->cmd->session->view, HF_SEQ(rows->next),
						     want < MATCH_READ_AHEAD ? want : MATCH_READ_AHEAD, rows->records);
		if (!rows->record_count)
			return false;
	}
	row->seq = HF_SEQ(rows->next);
	row->record = &rows->records[rows->next - rows->record_first];
	if (rows->next == range->last) {
		rows->range++;
		rows->next = 0;
	} else {
		rows->next++;
	}
	return true;
}

const struct hf_list_row *match_rows_list(struct match_rows *rows, struct match_row *row)
{
	struct imap_session *session = rows->cmd->session;
	enum hf_status status = HF_OK;

	if (!rows->reader)
		status = hf_list_reader_open(session->store, hf_view_owner(session->view), &rows->reader);
	if (status == HF_OK)
		status = hf_list_reader_get(rows->reader, row->record->email, &row->row);
	if (status == HF_OK) {
		row->list = &row->row;
		return row->list;
	}
	hf_error(&session->log, "row-failed mailbox=%llu uid=%u reason=%s", (unsigned long long)hf_view_mailbox(session->view),
		 row->record->uid.n, hf_log_quote(hf_str(hf_status_text(status))));
	if (rows->failed == HF_OK || status == HF_ECORRUPT)
		rows->failed = status;
	return NULL;
}

bool match_rows_next(struct match_rows *rows, struct match_row *row)
{
	row->list = NULL;
	return next_record(rows, row);
}

bool match_rows_are_most(const struct match_rows *rows)
{
	return hf_set_size(rows->matches) * 2 > hf_view_count(rows->cmd->session->view);
}

bool match_rows_are_all(const struct match_rows *rows)
{
	return rows->matches->count && hf_set_size(rows->matches) == hf_view_count(rows->cmd->session->view);
}
