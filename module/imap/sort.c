/* SPDX-License-Identifier: BSD-2-Clause */
/* From matching messages to an order. Numbers come from the records in memory, texts from the list rows, where they lie decoded
 * and folded (i;unicode-casemap, RFC 5255 §4.6), so that no message is read. The first criterion becomes a number of 64 bits
 * that decides most comparisons. */
#include "module/imap/sort.h"

#include "base/mem.h"

#define NUMBER_BATCH 4096               /* messages of one step that need only their records */
#define TEXT_BATCH 128                  /* that need their list rows */
#define TEXT_MAX ((size_t)512 << 20)    /* octets of keys in all */

static const struct {
	const char *name;
	bool text;
} keys[SORT_KEY_COUNT] = {
	[SORT_ARRIVAL] = { "ARRIVAL", false },
	[SORT_CC] = { "CC", true },
	[SORT_DATE] = { "DATE", false },
	[SORT_DISPLAYFROM] = { "DISPLAYFROM", true },
	[SORT_DISPLAYTO] = { "DISPLAYTO", true },
	[SORT_FROM] = { "FROM", true },
	[SORT_SIZE] = { "SIZE", false },
	[SORT_SUBJECT] = { "SUBJECT", true },
	[SORT_TO] = { "TO", true },
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

void sort_run_init(struct sort_run *run, struct imap_cmd *cmd, const struct sort_criteria *criteria,
		   const struct hf_set *matches)
{
	*run = (struct sort_run){ .criteria = criteria, .texts = hf_arena_new() };
	match_rows_init(&run->rows, cmd, matches, has_texts(criteria));
	run->sort.compare = compare;
	run->sort.arg = run;
}

void sort_run_fini(struct sort_run *run)
{
	size_t i;

	if (!run->criteria)
		return;
	match_rows_fini(&run->rows);
	merge_sort_fini(&run->sort);
	for (i = 0; i < run->criteria->count; i++)
		hf_free(run->columns[i]);
	hf_free(run->seqs);
	hf_arena_free(&run->texts);
	run->criteria = NULL;
}

enum hf_status sort_run_failed(const struct sort_run *run)
{
	return run->rows.failed;
}

static union sort_value value_of(const struct match_row *row, enum sort_key key)
{
	static const struct hf_list_row none;
	const struct hf_list_row *list = row->list ? row->list : &none;

	switch (key) {
	case SORT_ARRIVAL:
		return (union sort_value){ .number = row->record->internaldate };
	case SORT_DATE:
		return (union sort_value){ .number = row->record->sent };
	case SORT_SIZE:
		return (union sort_value){ .number = row->record->size };
	case SORT_CC:
		return (union sort_value){ .text = list->cc };
	case SORT_FROM:
		return (union sort_value){ .text = list->from };
	case SORT_TO:
		return (union sort_value){ .text = list->to };
	case SORT_DISPLAYFROM:
		return (union sort_value){ .text = list->display_from };
	case SORT_DISPLAYTO:
		return (union sort_value){ .text = list->display_to };
	default:
		return (union sort_value){ .text = list->base_subject };
	}
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
	run->capacity = run->capacity ? run->capacity * 2 : 256;
	run->seqs = hf_realloc_array(run->seqs, run->capacity, sizeof *run->seqs);
	for (i = 0; i < run->criteria->count; i++)
		run->columns[i] = hf_realloc_array(run->columns[i], run->capacity, sizeof *run->columns[i]);
}

static void add(struct sort_run *run, const struct match_row *row)
{
	uint64_t key = 0;
	size_t i;

	grow(run);
	run->seqs[run->count] = row->seq.n;
	for (i = 0; i < run->criteria->count; i++) {
		const struct sort_criterion *criterion = &run->criteria->list[i];
		union sort_value value = value_of(row, criterion->key);
		bool text = keys[criterion->key].text;

		if (text && value.text.size)
			value.text = hf_arena_str(run->texts, value.text);
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
	unsigned budget = run->rows.wants_list ? TEXT_BATCH : NUMBER_BATCH;
	struct match_row row;

	if (run->gathered)
		return merge_sort_next(&run->sort);
	for (; budget; budget--) {
		if (!match_rows_next(&run->rows, &row)) {
			run->gathered = true;
			break;
		}
		add(run, &row);
	}
	return hf_arena_used(run->texts) > TEXT_MAX ? HF_ELIMIT : HF_MORE;
}
