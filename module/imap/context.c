/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts. Only what is new or has changed is searched again, in pieces. What a message sorts by
 * never changes, so messages that stay keep their order among themselves: what left is told from
 * the end to the start by the old positions, what came from the start to the end by the new ones.
 */
#include "module/imap/context.h"

#include "module/imap/fetch.h"
#include "module/imap/session_priv.h"

#include "base/mem.h"

#define SEQS_AT_ONCE 1000

struct imap_context {
	struct imap_context *next;
	struct imap_cmd cmd; /* what search and sort look at: session, arena, tag, uid */
	struct search_program program;
	struct sort_criteria criteria;
	bool sorted;
	struct hf_set uids; /* the result */
	uint32_t *order;    /* the same, sorted */
	size_t count;
	struct fetch_args *items; /* of new messages in the result; NULL: none */
	struct hf_set fresh;      /* UIDs: these, of the last news */
};

struct imap_contexts {
	struct imap_context *first;
	unsigned count;
	/* An update under way */
	bool updating;
	bool holding;         /* some have items: responses wait for the FETCH */
	struct hf_buf held;
	uint32_t first_new;   /* UID */
	uint32_t fetch_next;  /* sequence number */
	struct hf_set candidates; /* sequence numbers */
	struct imap_context *current;
	struct search_run *search;
	struct hf_set found; /* sequence numbers */
	bool sorting;
	struct sort_run sort;
	struct hf_set sorted, added, removed; /* sequence numbers; UIDs */
};

bool imap_context_exists(const struct imap_session *session, struct hf_str tag)
{
	const struct imap_context *context = session->contexts ? session->contexts->first : NULL;

	for (; context; context = context->next)
		if (hf_str_eq(context->cmd.tag, tag))
			return true;
	return false;
}

/* Making and ending
 * --------------------------------------------------------------------------------------------------
 */

/* RFC 5267 §4.3: sequence numbers are those of the moment. */
static void fix_numbers(struct imap_context *context)
{
	struct search_node *node;

	for (node = context->program.sets; node; node = node->next_set) {
		struct hf_set uids = HF_SET_INIT;

		if (node->kind != SEARCH_SEQS)
			continue;
		hf_view_uids_of(context->cmd.session->view, &node->set, &uids);
		hf_set_fini(&node->set);
		node->set = uids;
		node->kind = SEARCH_UIDS;
	}
}

static void refuse(struct imap_cmd *cmd, const char *why)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "* NO [NOUPDATE ");
	imap_add_string(&out, cmd->tag);
	hf_buf_printf(&out, "] %s\r\n", why);
	hf_conn_write_str(cmd->session->conn, hf_buf_str(&out));
	hf_buf_fini(&out);
}

/* They have been parsed before, and are parsed again to outlive their command. */
static void take_items(struct imap_context *context, struct hf_str items)
{
	struct hf_arena *arena = context->cmd.arena;
	struct imap_cmd cmd = { .session = context->cmd.session, .arena = arena };
	struct imap_parser p = { .settings = cmd.session->settings,
				 .utf8 = cmd.session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2),
				 .arena = arena };

	if (!items.size)
		return;
	items = hf_arena_str(arena, items);
	p.pos = p.start = items.data;
	p.end = items.data + items.size;
	cmd.args = context->items = hf_new(arena, struct fetch_args);
	if (fetch_items_parse(&cmd, &p) != HF_OK)
		context->items = NULL;
	hf_buf_fini(&cmd.code);
	hf_buf_fini(&cmd.text);
}

struct imap_context *imap_context_new(struct imap_cmd *cmd, const struct search_program *program,
				      const struct sort_criteria *criteria, struct hf_str items)
{
	struct imap_session *session = cmd->session;
	struct imap_context *context;
	struct hf_str keys;
	struct imap_parser p = { .settings = session->settings,
				 .utf8 = session->enabled & (IMAP_EN_UTF8 | IMAP_EN_REV2) };

	if (session->contexts && session->contexts->count >= IMAP_CONTEXTS_MAX) {
		refuse(cmd, "Too many results are kept up to date already");
		return NULL;
	}
	context = hf_alloc_zero(sizeof *context);
	context->cmd.session = session;
	context->cmd.arena = p.arena = hf_arena_new();
	context->cmd.tag = hf_arena_str(p.arena, cmd->tag);
	context->cmd.uid = cmd->uid;
	if (criteria) {
		context->criteria = *criteria;
		context->sorted = true;
	}
	keys = hf_arena_str(p.arena, program->keys);
	p.pos = p.start = keys.data;
	p.end = keys.data + keys.size;
	context->program.charset = hf_arena_str(p.arena, program->charset);
	if (search_parse_program(&context->cmd, &p, &context->program) != HF_OK) {
		refuse(cmd, "Its criteria cannot be kept");
		imap_context_free(&context);
		return NULL;
	}
	fix_numbers(context);
	take_items(context, items);
	return context;
}

void imap_context_free(struct imap_context **context_p)
{
	struct imap_context *context = *context_p;

	if (!context)
		return;
	search_free(&context->program);
	hf_set_fini(&context->uids);
	hf_set_fini(&context->fresh);
	hf_free(context->order);
	hf_buf_fini(&context->cmd.code);
	hf_buf_fini(&context->cmd.text);
	hf_arena_free(&context->cmd.arena);
	hf_free(context);
	*context_p = NULL;
}

static void take_order(struct imap_context *context, const struct sort_run *sort)
{
	size_t i;

	hf_free(context->order);
	context->count = sort->count;
	context->order = hf_alloc((sort->count + 1) * sizeof *context->order);
	for (i = 0; i < sort->count; i++)
		context->order[i] =
			hf_view_uid(context->cmd.session->view, HF_SEQ(sort_run_seq(sort, i))).n;
}

void imap_context_begin(struct imap_context **context_p, const struct hf_set *matches,
			const struct sort_run *sort)
{
	struct imap_context *context = *context_p;
	struct imap_session *session = context->cmd.session;

	if (!session->contexts)
		session->contexts = hf_alloc_zero(sizeof *session->contexts);
	hf_view_uids_of(session->view, matches, &context->uids);
	if (sort)
		take_order(context, sort);
	context->next = session->contexts->first;
	session->contexts->first = context;
	session->contexts->count++;
	*context_p = NULL;
}

static void end_work(struct imap_contexts *contexts)
{
	search_run_free(&contexts->search);
	sort_run_fini(&contexts->sort);
	contexts->sorting = false;
	hf_set_fini(&contexts->found);
	hf_set_fini(&contexts->sorted);
	hf_set_fini(&contexts->added);
	hf_set_fini(&contexts->removed);
}

bool imap_context_cancel(struct imap_session *session, struct hf_str tag)
{
	struct imap_context **at = session->contexts ? &session->contexts->first : NULL, *context;

	while (at && *at && !hf_str_eq((*at)->cmd.tag, tag))
		at = &(*at)->next;
	if (!at || !*at)
		return false;
	context = *at;
	*at = context->next;
	session->contexts->count--;
	imap_context_free(&context);
	return true;
}

void imap_contexts_free(struct imap_session *session)
{
	struct imap_contexts *contexts = session->contexts;

	if (!contexts)
		return;
	end_work(contexts);
	hf_set_fini(&contexts->candidates);
	hf_buf_fini(&contexts->held);
	while (contexts->first) {
		struct imap_context *next = contexts->first->next;

		imap_context_free(&contexts->first);
		contexts->first = next;
	}
	hf_free(contexts);
	session->contexts = NULL;
}

/* Telling
 * ------------------------------------------------------------------------------------------------------------
 */

/* After ENABLE UIDONLY no message numbers are told, whatever was asked for before (RFC 9586 §3). */
static bool tells_uids(const struct imap_context *context)
{
	return context->cmd.uid || context->cmd.session->enabled & IMAP_EN_UIDONLY;
}

static void begin_response(const struct imap_context *context, struct hf_buf *out)
{
	hf_buf_add_lit(out, "* ESEARCH (TAG ");
	imap_add_string(out, context->cmd.tag);
	hf_buf_add_cstr(out, tells_uids(context) ? ") UID" : ")");
}

static void end_response(const struct imap_context *context, struct hf_buf *out)
{
	struct imap_contexts *contexts = context->cmd.session->contexts;

	hf_buf_add_lit(out, "\r\n");
	if (contexts->updating && contexts->holding)
		hf_buf_add_str(&contexts->held, hf_buf_str(out));
	else
		hf_conn_write_str(context->cmd.session->conn, hf_buf_str(out));
	hf_buf_fini(out);
}

/* Messages on their way out, while their numbers still count. */
struct leaving {
	const struct hf_set *uids;
	uint32_t *before; /* how many are in the ranges ahead of each range */
};

static void leaving_init(struct leaving *leaving, const struct hf_set *uids)
{
	uint32_t below = 0;

	leaving->uids = uids;
	leaving->before = hf_alloc((uids->count + 1) * sizeof *leaving->before);
	for (size_t i = 0; i < uids->count; i++) {
		leaving->before[i] = below;
		below += uids->ranges[i].last - uids->ranges[i].first + 1;
	}
}

/* How many of them are below n. */
static uint32_t rank(const struct leaving *leaving, uint32_t n)
{
	const struct hf_range *ranges = leaving->uids->ranges;
	size_t low = 0, high = leaving->uids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].first < n)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return 0;
	low--;
	return leaving->before[low] + (ranges[low].last < n ? ranges[low].last + 1 : n) - ranges[low].first;
}

/* The number under which the client knows the message: with `leaving`, before these are expunged. */
static uint32_t number_of(const struct imap_context *context, uint32_t uid,
			  const struct leaving *leaving)
{
	if (tells_uids(context))
		return uid;
	return hf_view_seq_from(context->cmd.session->view, HF_UID(uid)).n +
	       (leaving ? rank(leaving, uid) : 0);
}

static void add_set(const struct imap_context *context, struct hf_buf *out, const char *word,
		    const struct hf_set *uids, const struct leaving *leaving)
{
	struct hf_set numbers = HF_SET_INIT;
	struct hf_set_iter it;
	uint32_t uid;

	if (hf_set_is_empty(uids))
		return;
	for (hf_set_iter_init(&it, uids); hf_set_iter_next(&it, &uid);)
		hf_set_add(&numbers, number_of(context, uid, leaving));
	hf_buf_printf(out, " %s (0 ", word);
	hf_set_format(&numbers, out);
	hf_buf_add_char(out, ')');
	hf_set_fini(&numbers);
}

/* " WORD (place number place number)" for those of `order` that are in `uids`. */
static void add_places(const struct imap_context *context, struct hf_buf *out, const char *word,
		       const struct hf_set *uids, const struct leaving *leaving, bool backwards)
{
	bool first = true;
	size_t i;

	for (i = 0; i < context->count; i++) {
		size_t at = backwards ? context->count - 1 - i : i;

		if (!hf_set_has(uids, context->order[at]))
			continue;
		if (first)
			hf_buf_printf(out, " %s (", word);
		else
			hf_buf_add_char(out, ' ');
		first = false;
		hf_buf_printf(out, "%zu %u", at + 1,
			      number_of(context, context->order[at], leaving));
	}
	if (!first)
		hf_buf_add_char(out, ')');
}

static void drop_places(struct imap_context *context, const struct hf_set *uids)
{
	size_t kept = 0, i;

	for (i = 0; i < context->count; i++)
		if (!hf_set_has(uids, context->order[i]))
			context->order[kept++] = context->order[i];
	context->count = kept;
}

/* Tells what leaves the result, and forgets it. */
static void remove_uids(struct imap_context *context, struct hf_buf *out, const struct hf_set *uids,
			const struct leaving *leaving)
{
	if (context->sorted) {
		add_places(context, out, "REMOVEFROM", uids, leaving, true);
		drop_places(context, uids);
	} else {
		add_set(context, out, "REMOVEFROM", uids, leaving);
	}
	hf_set_subtract(&context->uids, uids);
}

void imap_contexts_vanished(struct imap_session *session, const struct hf_sync *news)
{
	struct imap_context *context = session->contexts ? session->contexts->first : NULL;
	struct leaving leaving;

	if (!context || hf_set_is_empty(&news->vanished))
		return;
	leaving_init(&leaving, &news->vanished);
	for (; context; context = context->next) {
		struct hf_buf out = HF_BUF_INIT;
		struct hf_set gone = HF_SET_INIT;

		hf_set_copy(&gone, &context->uids);
		hf_set_intersect(&gone, &news->vanished);
		if (!hf_set_is_empty(&gone)) {
			begin_response(context, &out);
			remove_uids(context, &out, &gone, &leaving);
			end_response(context, &out);
		}
		hf_set_fini(&gone);
	}
	hf_free(leaving.before);
}

/* Updating
 * -----------------------------------------------------------------------------------------------------------
 */

static bool begin_update(struct imap_contexts *contexts, const struct hf_view *view, const struct hf_sync *news)
{
	struct imap_context *context;
	size_t i;

	hf_set_clear(&contexts->candidates);
	for (i = 0; i < news->changed_count; i++)
		hf_set_add(&contexts->candidates, news->changed[i].n);
	if (news->exists > news->exists_before)
		hf_set_add_range(&contexts->candidates, news->exists_before + 1, news->exists);
	contexts->holding = false;
	for (context = contexts->first; context; context = context->next) {
		contexts->holding = contexts->holding || context->items;
		hf_set_clear(&context->fresh);
	}
	contexts->fetch_next = news->exists_before + 1;
	contexts->first_new = hf_view_uid(view, HF_SEQ(news->exists_before + 1)).n;
	contexts->current = contexts->first;
	contexts->updating = true;
	return !hf_set_is_empty(&contexts->candidates);
}

/* The candidates have been searched: what is new in the result, what is no longer in it. */
static void compare(struct imap_contexts *contexts)
{
	struct imap_context *context = contexts->current;
	struct hf_view *view = context->cmd.session->view;

	hf_view_uids_of(view, &contexts->found, &contexts->added);
	hf_view_uids_of(view, &contexts->candidates, &contexts->removed);
	hf_set_subtract(&contexts->removed, &contexts->added);
	hf_set_intersect(&contexts->removed, &context->uids);
	hf_set_subtract(&contexts->added, &context->uids);
}

static void tell(struct imap_contexts *contexts)
{
	struct imap_context *context = contexts->current;
	struct hf_buf out = HF_BUF_INIT;

	begin_response(context, &out);
	remove_uids(context, &out, &contexts->removed, NULL);
	hf_set_union(&context->uids, &contexts->added);
	if (context->items && contexts->first_new) {
		hf_set_copy(&context->fresh, &contexts->added);
		hf_set_remove_range(&context->fresh, 1, contexts->first_new - 1);
	}
	if (contexts->sorting) {
		take_order(context, &contexts->sort);
		add_places(context, &out, "ADDTO", &contexts->added, NULL, false);
	} else {
		add_set(context, &out, "ADDTO", &contexts->added, NULL);
	}
	end_response(context, &out);
}

/* Goes on with the current context. HF_MORE, or HF_OK when it has been told. */
static enum hf_status update(struct imap_contexts *contexts)
{
	struct imap_context *context = contexts->current;
	struct hf_view *view = context->cmd.session->view;
	enum hf_status status;

	if (contexts->sorting) {
		status = sort_run_next(&contexts->sort);
		if (status == HF_OK)
			tell(contexts);
		return status;
	}
	if (!contexts->search) {
		contexts->search = search_run_new(&context->cmd, &context->program);
		search_run_within(contexts->search, &contexts->candidates);
	}
	status = search_run_next(contexts->search, &contexts->found);
	if (status != HF_OK)
		return status;
	compare(contexts);
	if (context->sorted && !hf_set_is_empty(&contexts->added)) {
		struct hf_set uids = HF_SET_INIT;

		hf_set_copy(&uids, &context->uids);
		hf_set_subtract(&uids, &contexts->removed);
		hf_set_union(&uids, &contexts->added);
		hf_view_seqs_of(view, &uids, &contexts->sorted);
		hf_set_fini(&uids);
		sort_run_init(&contexts->sort, &context->cmd, &context->criteria,
			      &contexts->sorted);
		contexts->sorting = true;
		return HF_MORE;
	}
	if (!hf_set_is_empty(&contexts->added) || !hf_set_is_empty(&contexts->removed))
		tell(contexts);
	return HF_OK;
}

size_t imap_contexts_items(const struct imap_session *session, struct hf_uid uid, const struct fetch_args **sources)
{
	const struct imap_context *context = session->contexts ? session->contexts->first : NULL;
	size_t count = 0;

	for (; context; context = context->next)
		if (context->items && hf_set_has(&context->fresh, uid.n))
			sources[count++] = context->items;
	return count;
}

/* All contexts have been searched. RFC 5465 §7: FETCH, then ESEARCH; but with the items of NOTIFY it is one FETCH for both, which
 * follows (§5.2). True: there is more. */
static bool tell_held(struct imap_session *session, const struct hf_sync *news)
{
	struct imap_contexts *contexts = session->contexts;
	unsigned budget = SEQS_AT_ONCE;

	if (!contexts->holding)
		return false;
	for (; !imap_notify_has_items(session) && contexts->fetch_next <= news->exists; contexts->fetch_next++) {
		const struct fetch_args *sources[IMAP_CONTEXTS_MAX];
		struct hf_seq seq = HF_SEQ(contexts->fetch_next);
		size_t count = imap_contexts_items(session, hf_view_uid(session->view, seq), sources);

		if (!budget--)
			return true;
		if (!count)
			continue;
		contexts->fetch_next++;
		imap_write_new_message(session, sources, count, seq);
		return true;
	}
	hf_conn_write_str(session->conn, hf_buf_str(&contexts->held));
	hf_buf_fini(&contexts->held);
	contexts->holding = false;
	return false;
}

bool imap_contexts_advance(struct imap_session *session, const struct hf_sync *news)
{
	struct imap_contexts *contexts = session->contexts;
	struct imap_context *context;

	if (!contexts)
		return false;
	if (!contexts->updating && !begin_update(contexts, session->view, news))
		contexts->current = NULL;
	context = contexts->current;
	if (!context) {
		if (tell_held(session, news))
			return true;
		contexts->updating = false;
		hf_set_fini(&contexts->candidates);
		return false;
	}
	switch (update(contexts)) {
	case HF_MORE:
		return true;
	case HF_OK:
		end_work(contexts);
		contexts->current = context->next;
		return true;
	default: /* it has become too large to sort */
		end_work(contexts);
		contexts->current = context->next;
		refuse(&context->cmd, "The result has become too large to be kept up to date");
		imap_context_cancel(session, context->cmd.tag);
		return true;
	}
}
