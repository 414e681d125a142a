/* SPDX-License-Identifier: BSD-2-Clause */
/* From matching messages to an order. Numbers come from the records in memory, texts from facts or the list rows, where they lie
 * decoded and folded (i;unicode-casemap, RFC 5255 §4.6), so that no message is read. The first criterion becomes a number of 64 bits
 * that decides most comparisons. */
#include "module/imap/sort.h"

#include "base/mem.h"

#define NUMBER_BATCH 4096               /* messages of one step that need only their records */
#define TEXT_BATCH 512                  /* that need facts or rows */
#define PICK_BATCH 65536                /* that are looked up in a set */
#define TEXT_MAX ((size_t)512 << 20)    /* octets of keys in all */

static const struct {
	const char *name;
	bool text;
	enum hf_fact fact; /* of a text */
} keys[SORT_KEY_COUNT] = {
	[SORT_ARRIVAL] = { "ARRIVAL", false, 0 },
	[SORT_CC] = { "CC", true, HF_FACT_SORT_CC },
	[SORT_DATE] = { "DATE", false, 0 },
	[SORT_DISPLAYFROM] = { "DISPLAYFROM", true, HF_FACT_SORT_DISPLAYFROM },
	[SORT_DISPLAYTO] = { "DISPLAYTO", true, HF_FACT_SORT_DISPLAYTO },
	[SORT_FROM] = { "FROM", true, HF_FACT_SORT_FROM },
	[SORT_SIZE] = { "SIZE", false, 0 },
	[SORT_SUBJECT] = { "SUBJECT", true, HF_FACT_SORT_SUBJECT },
	[SORT_TO] = { "TO", true, HF_FACT_SORT_TO },
};

static enum hf_status parse_criterion(struct imap_parser *p, struct sort_criteria *criteria)
{
	struct sort_criterion found = { SORT_ARRIVAL, false };
	size_t i;

	if (imap_parse_keyword(p, "REVERSE")) {
		found.reverse = true;
		if (!imap_parse_space(p))
			return imap_parser_expected(p, "a sort key");
	}
	for (i = 0; i < SORT_KEY_COUNT && !imap_parse_keyword(p, keys[i].name); i++)
		;
	if (i == SORT_KEY_COUNT)
		return imap_parser_expected(p, "a sort key");
	found.key = (enum sort_key)i;
	for (i = 0; i < criteria->count; i++)
		if (criteria->list[i].key == found.key)
			return HF_OK;
	criteria->list[criteria->count++] = found;
	return HF_OK;
}

enum hf_status sort_criteria_parse(struct imap_parser *p, struct sort_criteria *criteria)
{
	enum hf_status status;

	if (!imap_parse_char(p, '('))
		return imap_parser_expected(p, "a list of sort keys");
	do {
		imap_parse_space(p);
		if (imap_parse_is(p, ')') && criteria->count)
			break;
		status = parse_criterion(p, criteria);
		if (status != HF_OK)
			return status;
	} while (imap_parse_is(p, ' '));
	return imap_parse_char(p, ')') ? HF_OK : imap_parser_expected(p, "a sort key or )");
}

static bool has_texts(const struct sort_criteria *criteria)
{
	size_t i;

	for (i = 0; i < criteria->count; i++)
		if (keys[criteria->list[i].key].text)
			return true;
	return false;
}

static int compare(void *arg, uint32_t a, uint32_t b)
{
	const struct sort_run *run = arg;
	size_t i;

	for (i = 0; i < run->criteria->count; i++) {
		const struct sort_criterion *criterion = &run->criteria->list[i];
		const union sort_value *x = &run->columns[i][a], *y = &run->columns[i][b];
		int order;

		if (keys[criterion->key].text)
			order = hf_str_cmp(x->text, y->text);
		else
			order = x->number < y->number ? -1 : x->number > y->number;
		if (order)
			return criterion->reverse ? -order : order;
	}
	return 0;
}

/* Every sort key is of what never changes about a message, so the order holds as long as the messages are the same. */
static struct hf_str memo_name(const struct sort_criteria *criteria, char name[SORT_KEY_COUNT + 1])
{
	size_t i;

	name[0] = 'S';
	for (i = 0; i < criteria->count; i++)
		name[i + 1] = (char)((int)criteria->list[i].key << 1 | criteria->list[i].reverse);
	return hf_str_n(name, i + 1);
}

static void open_memo(struct sort_run *run)
{
	struct imap_session *session = run->rows.cmd->session;
	char name[SORT_KEY_COUNT + 1];

	run->memo = hf_memo_open(session->store, session->view, memo_name(run->criteria, name));
	if (!run->memo)
		return;
	if (match_rows_are_all(&run->rows)) {
		struct hf_str data = hf_memo_data(run->memo);

		run->order = (const uint32_t *)(const void *)data.data;
		run->count = data.size / sizeof *run->order;
	} else {
		run->picked = hf_alloc((size_t)hf_set_size(run->rows.matches) * sizeof *run->picked);
		run->order = run->picked;
	}
}

/* Those of the kept order that match. */
static enum hf_status pick(struct sort_run *run)
{
	struct hf_str data = hf_memo_data(run->memo);
	const uint32_t *order = (const uint32_t *)(const void *)data.data;
	size_t end = data.size / sizeof *order, budget = PICK_BATCH;

	for (; budget && run->at < end; budget--, run->at++)
		if (hf_set_has(run->rows.matches, order[run->at]))
			run->picked[run->count++] = order[run->at];
	return run->at < end ? HF_MORE : HF_OK;
}

static void keep_memo(struct sort_run *run)
{
	struct imap_session *session = run->rows.cmd->session;
	char name[SORT_KEY_COUNT + 1];
	uint32_t *order;
	size_t i;

	if (run->rows.failed != HF_OK || !match_rows_are_all(&run->rows))
		return;
	order = hf_alloc((run->count + 1) * sizeof *order);
	for (i = 0; i < run->count; i++)
		order[i] = sort_run_seq(run, i);
	hf_memo_keep(session->store, session->view, memo_name(run->criteria, name), hf_str_n(order, run->count * sizeof *order));
	hf_free(order);
}

void sort_run_init(struct sort_run *run, struct imap_cmd *cmd, const struct sort_criteria *criteria,
		   const struct hf_set *matches)
{
	size_t i;

	*run = (struct sort_run){ .criteria = criteria, .texts = hf_arena_new() };
	match_rows_init(&run->rows, cmd, matches);
	run->sort.compare = compare;
	run->sort.arg = run;
	if (match_rows_are_most(&run->rows))
		open_memo(run);
	for (i = 0; i < criteria->count && !run->memo; i++)
		if (keys[criteria->list[i].key].text)
			run->facts[i] = hf_facts_open(cmd->session->store, cmd->session->view, keys[criteria->list[i].key].fact,
						      match_rows_are_most(&run->rows));
}

void sort_run_fini(struct sort_run *run)
{
	size_t i;

	if (!run->criteria)
		return;
	match_rows_fini(&run->rows);
	merge_sort_fini(&run->sort);
	for (i = 0; i < run->criteria->count; i++) {
		hf_facts_close(&run->facts[i]);
		hf_free(run->columns[i]);
	}
	hf_memo_close(&run->memo);
	hf_free(run->picked);
	hf_free(run->seqs);
	hf_arena_free(&run->texts);
	run->criteria = NULL;
}

enum hf_status sort_run_failed(const struct sort_run *run)
{
	return run->rows.failed;
}

static union sort_value number_of(const struct hf_record *record, enum sort_key key)
{
	switch (key) {
	case SORT_ARRIVAL:
		return (union sort_value){ .number = record->internaldate };
	case SORT_SIZE:
		return (union sort_value){ .number = record->size };
	default:
		return (union sort_value){ .number = record->sent };
	}
}

/* Where there is no fact: from its row. */
static struct hf_str read_text(struct sort_run *run, struct match_row *row, enum sort_key key)
{
	const struct hf_list_row *list = row->list ? row->list : match_rows_list(&run->rows, row);

	if (!list)
		return HF_STR("");
	switch (key) {
	case SORT_CC:
		return list->cc;
	case SORT_FROM:
		return list->from;
	case SORT_TO:
		return list->to;
	case SORT_DISPLAYFROM:
		return list->display_from;
	case SORT_DISPLAYTO:
		return list->display_to;
	default:
		return list->base_subject;
	}
}

static union sort_value value_of(struct sort_run *run, struct match_row *row, size_t i)
{
	enum sort_key key = run->criteria->list[i].key;
	union sort_value value;

	if (!keys[key].text)
		return number_of(row->record, key);
	if (!hf_facts_get(run->facts[i], row->record->uid, &value.text))
		value.text = read_text(run, row, key);
	if (value.text.size)
		value.text = hf_arena_str(run->texts, value.text);
	return value;
}

/* The first eight octets, so that unequal numbers mean unequal texts in the same order. */
static uint64_t text_key(struct hf_str text)
{
	uint64_t key = 0;
	size_t i;

	for (i = 0; i < 8; i++)
		key = key << 8 | (i < text.size ? (uint8_t)text.data[i] : 0);
	return key;
}

static void grow(struct sort_run *run)
{
	size_t i;

	if (run->count < run->capacity)
		return;
	run->capacity = run->capacity ? run->capacity * 2 : (size_t)hf_set_size(run->rows.matches);
	run->seqs = hf_realloc_array(run->seqs, run->capacity, sizeof *run->seqs);
	for (i = 0; i < run->criteria->count; i++)
		run->columns[i] = hf_realloc_array(run->columns[i], run->capacity, sizeof *run->columns[i]);
}

static void add(struct sort_run *run, struct match_row *row)
{
	uint64_t key = 0;
	size_t i;

	grow(run);
	run->seqs[run->count] = row->seq.n;
	for (i = 0; i < run->criteria->count; i++) {
		const struct sort_criterion *criterion = &run->criteria->list[i];
		union sort_value value = value_of(run, row, i);
		bool text = keys[criterion->key].text;

		run->columns[i][run->count] = value;
		if (i == 0)
			key = text ? text_key(value.text) : merge_key(value.number);
	}
	if (run->criteria->list[0].reverse)
		key = ~key;
	merge_sort_add(&run->sort, key, (uint32_t)run->count);
	run->count++;
}

enum hf_status sort_run_next(struct sort_run *run)
{
	unsigned budget = has_texts(run->criteria) ? TEXT_BATCH : NUMBER_BATCH;
	struct match_row row;
	enum hf_status status;

	if (run->memo)
		return run->picked ? pick(run) : HF_OK;
	if (run->gathered) {
		status = merge_sort_next(&run->sort);
		if (status == HF_OK)
			keep_memo(run);
		return status;
	}
	for (; budget; budget--) {
		if (!match_rows_next(&run->rows, &row)) {
			run->gathered = true;
			break;
		}
		add(run, &row);
	}
	return hf_arena_used(run->texts) > TEXT_MAX ? HF_ELIMIT : HF_MORE;
}
