/* SPDX-License-Identifier: BSD-2-Clause */
/* UIDBATCHES: ranges of UIDs that hold so many messages each, the newest first. RFC 10022.
 *
 * Arguments: size, [first:last] of the batches wanted. The ranges leave no gap: each begins below
 * the one before, the last ends with 1. Any number of messages is
 * answered for, so there is no TOOMANY. Who asks again although little has changed gets LIMIT (§3.1.1, §6); to go on
 * where the last answer ended is not to ask again. */
#include "module/imap/imap.h"

enum {
	SIZE_MIN = 500, /* §3: clients ask for no less, servers give no less */
	BATCHES_AT_ONCE = 64
};

struct uidbatches_args {
	uint32_t size;
	uint32_t next, last; /* batches, from 1 */
	bool begun;
};

static enum hf_status uidbatches_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct uidbatches_args *args = cmd->args = hf_new(cmd->arena, struct uidbatches_args);

	args->next = 1;
	args->last = UINT32_MAX;
	if (!imap_parse_number(p, &args->size) || !args->size)
		return imap_parser_expected(p, "the number of messages in a batch");
	if (imap_parse_end(p))
		return HF_OK;
	if (!imap_parse_space(p) || !imap_parse_number(p, &args->next) || !args->next ||
	    !imap_parse_char(p, ':') || !imap_parse_number(p, &args->last) || !args->last)
		return imap_parser_expected(p, "a range of batches");
	if (args->next > args->last) {
		imap_code(cmd, "CLIENTBUG");
		imap_text(cmd, "The range of batches is descending");
		return HF_ESYNTAX;
	}
	return HF_OK;
}

/* So many messages have come, or have gone, that the batches are worth another look: half a batch of those told. */
static bool has_changed(const struct imap_batches *before, const struct hf_view *view)
{
	uint32_t count = hf_view_count(view);
	uint32_t left = hf_view_seq_from(view, HF_UID(before->highest.n + 1)).n - 1; /* of those that were there */

	return ((uint64_t)count - left) * 2 >= before->size || ((uint64_t)before->count - left) * 2 >= before->size;
}

/* The oldest message of the last batch wanted; 0 when there is no batch wanted. */
static struct hf_uid lowest(const struct uidbatches_args *args, const struct hf_view *view)
{
	uint64_t count = hf_view_count(view), last = (uint64_t)args->last * args->size;

	if ((uint64_t)(args->next - 1) * args->size >= count)
		return HF_UID(0);
	return hf_view_uid(view, HF_SEQ(last < count ? (uint32_t)(count - last + 1) : 1));
}

static bool asks_again(struct imap_session *session, const struct uidbatches_args *args)
{
	struct imap_batches *batches = &session->batches;
	const struct hf_view *view = session->view;
	struct hf_uid low = lowest(args, view);

	if (!low.n)
		return false;
	if (batches->size && !has_changed(batches, view)) {
		if (low.n >= batches->lowest.n)
			return true;
	} else {
		*batches = (struct imap_batches){
			.size = args->size,
			.count = hf_view_count(view),
			.highest = hf_view_uid(view, HF_SEQ(hf_view_count(view))),
		};
	}
	if (args->size < batches->size)
		batches->size = args->size;
	batches->lowest = low;
	return false;
}

static enum hf_status uidbatches_start(struct imap_cmd *cmd)
{
	const struct uidbatches_args *args = cmd->args;

	if (args->size < SIZE_MIN) {
		imap_code(cmd, "TOOFEW");
		imap_text(cmd, "A batch has at least %d messages", SIZE_MIN);
		return HF_ECANNOT;
	}
	if (asks_again(cmd->session, args)) {
		imap_text(cmd, "The batches have been told, and the mailbox has hardly changed since");
		return HF_ELIMIT;
	}
	return HF_MORE;
}

/* Batch k holds the messages with numbers low to high. */
static void add_range(struct hf_buf *out, const struct hf_view *view, uint32_t low, uint32_t high)
{
	uint32_t count = hf_view_count(view);
	uint32_t first = high == count ? hf_view_uid(view, HF_SEQ(count)).n
				       : hf_view_uid(view, HF_SEQ(high + 1)).n - 1;

	hf_buf_printf(out, "%u:%u", first, low == 1 ? 1 : hf_view_uid(view, HF_SEQ(low)).n);
}

static enum hf_status uidbatches_next(struct imap_cmd *cmd)
{
	struct uidbatches_args *args = cmd->args;
	const struct hf_view *view = cmd->session->view;
	uint64_t count = hf_view_count(view), batches = (count + args->size - 1) / args->size;
	struct hf_buf out = HF_BUF_INIT;
	bool first = !args->begun, more = true;

	if (first) {
		hf_buf_add_lit(&out, "* UIDBATCHES (TAG ");
		imap_add_string(&out, cmd->tag);
		hf_buf_add_char(&out, ')');
		args->begun = true;
	}
	for (unsigned i = 0; i < BATCHES_AT_ONCE && more; i++) {
		uint64_t above = (uint64_t)(args->next - 1) * args->size;

		more = args->next <= args->last && args->next <= batches;
		if (!more)
			break;
		hf_buf_add_char(&out, first ? ' ' : ',');
		first = false;
		add_range(&out, view,
			  count - above > args->size ? (uint32_t)(count - above - args->size + 1)
						     : 1,
			  (uint32_t)(count - above));
		args->next++;
	}
	if (!more)
		hf_buf_add_lit(&out, "\r\n");
	hf_conn_write_str(imap_conn(cmd), hf_buf_str(&out));
	hf_buf_fini(&out);
	cmd->in_line = more;
	return more ? HF_MORE : HF_OK;
}

const struct imap_command imap_cmd_uidbatches = {
	.name = "UIDBATCHES",
	.states = IMAP_SELECTED,
	.parse = uidbatches_parse,
	.start = uidbatches_start,
	.next = uidbatches_next,
};
