/* SPDX-License-Identifier: BSD-2-Clause */
/* ESEARCH: search in several mailboxes at once. RFC 7377.
 *
 * Arguments: [IN (mailboxes)] [RETURN (options)] [CHARSET name] keys. Without IN it is the selected
 * mailbox.
 *
 * One mailbox after the other is opened, searched and left; each in which something matches is
 * answered with UIDs. The keys are parsed anew for each, as "*" and identifiers mean something else
 * in each. SAVE and UPDATE are for the selected mailbox alone. */
#include "base/mem.h"
#include "module/imap/context.h"
#include "module/imap/mailbox_filter.h"

#define FILTERS_MAX 100
#define NAMED_MAX   1000 /* mailboxes that are given by name, each of which is looked up */

struct esearch_args {
	struct imap_filter *filters;
	size_t filter_count;
	bool selected, others;
	struct search_return result;
	struct search_program program; /* parsed once to know that it is sound */
	struct imap_mailbox *list;     /* to be searched */
	size_t count, at;
	enum hf_status failed;
	/* The mailbox under way: the session as it would be had it selected that. */
	struct hf_view *view; /* opened for this; NULL: the session's own */
	struct imap_session shadow;
	struct imap_cmd cmd;
	struct hf_arena *arena;
	struct search_program keys;
	struct search_run *run;
	struct hf_set matches;
	struct imap_context *context;
};

static enum hf_status parse_sources(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct esearch_args *args = cmd->args;
	enum hf_status status;

	if (!imap_parse_space(p) || !imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of mailboxes");
	args->filters = hf_new_array(cmd->arena, struct imap_filter, FILTERS_MAX);
	do {
		struct imap_filter *filter = &args->filters[args->filter_count];

		if (args->filter_count == FILTERS_MAX)
			return imap_parser_expected(p, "fewer kinds of mailboxes");
		status = imap_filter_parse(p, filter);
		if (status != HF_OK)
			return status;
		if (filter->kind == IMAP_FILTER_SELECTED_DELAYED)
			return imap_parser_expected(
				p, "SELECTED: SELECTED-DELAYED is not for searches");
		if (filter->kind == IMAP_FILTER_SELECTED)
			args->selected = true;
		else
			args->others = true;
		args->filter_count++;
	} while (imap_parse_space(p) && !imap_parse_is(p, ')'));
	if (!imap_parse_char(p, ')') || !imap_parse_space(p))
		return imap_parser_expected(p, "a kind of mailboxes or )");
	return HF_OK;
}

static bool has_sequence_numbers(const struct search_program *program)
{
	const struct search_node *node;

	for (node = program->sets; node; node = node->next_set)
		if (node->kind == SEARCH_SEQS)
			return true;
	return false;
}

static enum hf_status check(struct imap_cmd *cmd, struct imap_parser *p)
{
	const struct esearch_args *args = cmd->args;

	if (args->selected && !cmd->session->view)
		return imap_parser_expected(p, "mailboxes to search, as none is selected");
	if (args->others && (args->result.save || args->result.update))
		return imap_parser_expected(p,
					    "neither SAVE nor UPDATE outside the selected mailbox");
	if (args->others && has_sequence_numbers(&args->program))
		return imap_parser_expected(
			p, "UIDs: sequence numbers are those of the selected mailbox alone");
	return search_return_check(cmd, p, &args->result);
}

static enum hf_status esearch_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct esearch_args *args = cmd->args = hf_new(cmd->arena, struct esearch_args);
	enum hf_status status = HF_OK;

	if (imap_parse_keyword(p, "IN"))
		status = parse_sources(cmd, p);
	else
		args->selected = true;
	if (status == HF_OK)
		status = search_return_parse(p, &args->result);
	if (status == HF_OK)
		status = search_parse(cmd, p, &args->program);
	if (status == HF_OK)
		status = check(cmd, p);
	if (status != HF_OK)
		search_free(&args->program);
	return status;
}

static bool is_wanted(struct imap_cmd *cmd, const struct imap_mailbox *mailbox)
{
	const struct esearch_args *args = cmd->args;
	size_t i;

	if (!(mailbox->rights & HF_RIGHT_READ))
		return false;
	if (args->selected && mailbox->info.id && mailbox->info.id == hf_view_mailbox(cmd->session->view))
		return true;
	for (i = 0; i < args->filter_count; i++)
		if (args->filters[i].kind != IMAP_FILTER_SELECTED &&
		    imap_filter_matches(cmd->session, &args->filters[i], mailbox))
			return true;
	return false;
}

static bool is_in_list(const struct esearch_args *args, uint64_t id)
{
	size_t i;

	for (i = 0; i < args->count; i++)
		if (args->list[i].info.id == id)
			return true;
	return false;
}

/* RFC 7377 §2.2: what is named may be searched without being listed. */
static void add_named(struct imap_cmd *cmd, struct hf_str name)
{
	struct esearch_args *args = cmd->args;
	struct imap_mailbox mailbox;

	if (imap_mailbox_look(cmd->session, cmd->arena, name, HF_RIGHT_READ, &mailbox) == HF_OK &&
	    !imap_mailbox_is_own(cmd->session, &mailbox) && !is_in_list(args, mailbox.info.id))
		args->list[args->count++] = mailbox;
}

/* The selected mailbox is known by its view: it may have been renamed, and its name be another's. */
static void add_selected(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;
	struct esearch_args *args = cmd->args;
	struct hf_view *view = session->view;

	if (hf_view_owner(view) == session->user_id || is_in_list(args, hf_view_mailbox(view)) || !imap_rights_hold(session))
		return;
	args->list[args->count++] = (struct imap_mailbox){
		.info = { .id = hf_view_mailbox(view),
			  .owner = hf_view_owner(view),
			  .name = session->mailbox_name,
			  .uidvalidity = hf_view_uidvalidity(view) },
		.rights = session->rights,
	};
}

static void add_all_named(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	size_t i, j;

	for (i = 0; i < args->filter_count; i++)
		for (j = 0; args->filters[i].kind == IMAP_FILTER_MAILBOXES && j < args->filters[i].name_count; j++)
			add_named(cmd, args->filters[i].names[j]);
}

static size_t names_of(const struct esearch_args *args)
{
	size_t names = 0;

	for (size_t i = 0; i < args->filter_count; i++)
		names += args->filters[i].name_count;
	return names;
}

static enum hf_status esearch_start(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	struct imap_mailbox *list;
	size_t count, i;

	if (names_of(args) > NAMED_MAX) {
		imap_text(cmd, "More than %d mailboxes are named", NAMED_MAX);
		return HF_ELIMIT;
	}
	if (args->program.uses_modseq)
		imap_enable_condstore(cmd->session);
	imap_mailbox_list(cmd->session, cmd->arena, &list, &count);
	args->list = hf_new_array(cmd->arena, struct imap_mailbox, count + NAMED_MAX + 1);
	for (i = 0; i < count; i++)
		if (is_wanted(cmd, &list[i]))
			args->list[args->count++] = list[i];
	if (args->selected)
		add_selected(cmd);
	add_all_named(cmd);
	args->arena = hf_arena_new();
	return HF_MORE;
}

/* The mailbox has been opened, or is the selected one. */
static enum hf_status begin_search(struct imap_cmd *cmd, struct hf_view *view)
{
	struct esearch_args *args = cmd->args;
	struct imap_parser p = { .arena = args->arena,
				 .settings = cmd->session->settings,
				 .utf8 = cmd->session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2) };

	args->shadow = *cmd->session;
	args->shadow.view = view;
	if (view != cmd->session->view)
		args->shadow.saved = HF_SET_INIT; /* "$" means messages of the selected mailbox */
	args->cmd = (struct imap_cmd){
		.session = &args->shadow, .arena = args->arena, .tag = cmd->tag, .uid = true
	};
	p.pos = p.start = args->program.keys.data;
	p.end = p.start + args->program.keys.size;
	args->keys = (struct search_program){ .charset = args->program.charset };
	if (search_parse_program(&args->cmd, &p, &args->keys) != HF_OK)
		return HF_EINVALID;
	if (args->result.update) {
		args->cmd.session =
			cmd->session; /* it stays when this command is gone; the view is the same */
		args->context = imap_context_new(&args->cmd, &args->keys, NULL, args->result.items);
	}
	args->run = search_run_new(&args->cmd, &args->keys);
	return HF_MORE;
}

static void end_search(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;

	imap_context_free(&args->context);
	search_run_free(&args->run);
	search_free(&args->keys);
	hf_set_fini(&args->matches);
	hf_buf_fini(&args->cmd.code);
	hf_buf_fini(&args->cmd.text);
	hf_view_close(&args->view);
	if (args->arena)
		hf_arena_reset(args->arena);
}

static enum hf_status open_next(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	struct imap_session *session = cmd->session;
	const struct imap_mailbox *mailbox = &args->list[args->at];
	const struct hf_mailbox_info *info = &mailbox->info;
	enum hf_status status;

	if (!imap_mailbox_may_read(session, mailbox))
		return HF_ENONEXISTENT;
	if (session->view && info->id == hf_view_mailbox(session->view))
		return begin_search(cmd, session->view);
	status = hf_view_open(session->store, info->id, session->user_id, true,
			      hf_conn_waiter(session->conn, HF_EV_NEWS), &args->view);
	return status == HF_OK ? begin_search(cmd, args->view) : status;
}

static void answer(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	const struct hf_mailbox_info *info = &args->list[args->at].info;
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* ESEARCH (TAG ");
	imap_add_string(&out, cmd->tag);
	hf_buf_add_lit(&out, " MAILBOX ");
	imap_add_mailbox(cmd->session, &out, info->name);
	hf_buf_printf(&out, " UIDVALIDITY %u)", info->uidvalidity);
	search_return_add(&args->cmd, &out, &args->result, &args->matches,
			  args->keys.uses_modseq ? search_run_modseq(args->run) : HF_MOD(0));
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
}

static void finish_mailbox(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	enum hf_status failed = search_run_failed(args->run);

	if (!imap_mailbox_may_read(cmd->session, &args->list[args->at]))
		return;
	if (failed != HF_OK)
		args->failed = failed;
	if (args->result.save)
		search_return_save(cmd, &args->result, &args->matches);
	if (args->context)
		imap_context_begin(&args->context, &args->matches, NULL);
	if (!hf_set_is_empty(&args->matches) && search_return_is_told(&args->result))
		answer(cmd);
}

static enum hf_status esearch_next(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;
	enum hf_status status;

	if (args->at == args->count) {
		if (args->failed != HF_OK && args->result.save)
			hf_set_clear(&cmd->session->saved);
		return args->failed;
	}
	status = args->run ? search_run_next(args->run, &args->matches) : open_next(cmd);
	if (status == HF_MORE || status == HF_WAIT)
		return status;
	if (status == HF_OK)
		finish_mailbox(cmd);
	else if (status != HF_ENONEXISTENT) /* deleted meanwhile: nothing to find there */
		args->failed = status;
	end_search(cmd);
	args->at++;
	return HF_MORE;
}

static void esearch_finish(struct imap_cmd *cmd)
{
	struct esearch_args *args = cmd->args;

	end_search(cmd);
	hf_arena_free(&args->arena);
	search_free(&args->program);
}

const struct imap_command imap_cmd_esearch = {
	.name = "ESEARCH",
	.states = IMAP_LOGGED_IN,
	.parse = esearch_parse,
	.start = esearch_start,
	.next = esearch_next,
	.finish = esearch_finish,
};
