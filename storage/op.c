/* SPDX-License-Identifier: BSD-2-Clause */
/* What all operations have in common: life, results. Completion is in writer.c. */

#include "base/mem.h"
#include "storage/op_priv.h"

void *op_new(const struct op_kind *kind, size_t size)
{
	struct hf_op *op = hf_alloc_zero(size);

	op->kind = kind;
	op->arena = hf_arena_new();
	return op;
}

static void results_fini(struct op_results *results)
{
	hf_set_fini(&results->modified);
	hf_set_fini(&results->applied);
	hf_set_fini(&results->unseen);
	hf_set_fini(&results->expunged);
	hf_set_fini(&results->copied_from);
	hf_set_fini(&results->copied_to);
	hf_set_fini(&results->appended);
	hf_set_fini(&results->seen);
	hf_free(results->effects);
	hf_free(results->modseqs);
	*results = (struct op_results){ .modseqs = NULL };
}

void op_destroy(struct hf_op *op)
{
	if (op->kind->fini)
		op->kind->fini(op);
	results_fini(&op->results);
	results_fini(&op->piece);
	hf_arena_free(&op->arena);
	hf_free(op);
}

void op_piece_clear(struct hf_op *op)
{
	results_fini(&op->piece);
}

void op_made(struct hf_op *op, uint64_t modseq)
{
	struct op_results *piece = &op->piece;

	if (piece->modseq_count && piece->modseqs[piece->modseq_count - 1] == modseq)
		return;
	piece->modseqs = hf_realloc_array(piece->modseqs, piece->modseq_count + 1, sizeof(*piece->modseqs));
	piece->modseqs[piece->modseq_count++] = modseq;
}

static void add_effect(struct op_results *results, const struct hf_effect *effect)
{
	if (results->effect_count == results->effect_capacity) {
		results->effect_capacity = results->effect_capacity ? 2 * results->effect_capacity : 4;
		results->effects = hf_realloc_array(results->effects, results->effect_capacity, sizeof(*effect));
	}
	results->effects[results->effect_count++] = *effect;
}

void op_effect_messages(struct batch *batch, uint64_t mailbox, struct hf_mod modseq)
{
	struct hf_effect effect = { .kind = HF_EFFECT_MESSAGES, .mailbox = mailbox, .first = modseq, .last = modseq }, *last;
	struct op_results *piece;

	if (!batch->op || !batch->op->wants_effects)
		return;
	piece = &batch->op->piece;
	for (size_t i = piece->effect_count; i > 0; i--) {
		last = &piece->effects[i - 1];
		if (last->kind != HF_EFFECT_MESSAGES || last->mailbox != mailbox)
			continue;
		if (modseq.n >= last->first.n && modseq.n <= last->last.n + 1) {
			last->last.n = modseq.n > last->last.n ? modseq.n : last->last.n;
			return;
		}
		break;
	}
	add_effect(piece, &effect);
}

void op_effect(struct batch *batch, const struct hf_effect *effect)
{
	struct hf_effect copy = *effect;

	if (!batch->op || !batch->op->wants_effects)
		return;
	copy.name = hf_arena_str(batch->op->arena, effect->name);
	add_effect(&batch->op->piece, &copy);
}

void op_piece_merge(struct hf_op *op)
{
	struct op_results *to = &op->results, *piece = &op->piece;

	hf_set_union(&to->modified, &piece->modified);
	hf_set_union(&to->applied, &piece->applied);
	hf_set_union(&to->unseen, &piece->unseen);
	hf_set_union(&to->expunged, &piece->expunged);
	hf_set_union(&to->copied_from, &piece->copied_from);
	hf_set_union(&to->copied_to, &piece->copied_to);
	hf_set_union(&to->appended, &piece->appended);
	hf_set_union(&to->seen, &piece->seen);
	for (size_t i = 0; i < piece->effect_count; i++)
		add_effect(to, &piece->effects[i]);
	if (piece->modseq_count) {
		to->modseqs = hf_realloc_array(to->modseqs, to->modseq_count + piece->modseq_count,
					       sizeof(*to->modseqs));
		memcpy(to->modseqs + to->modseq_count, piece->modseqs,
		       piece->modseq_count * sizeof(*piece->modseqs));
		to->modseq_count += piece->modseq_count;
	}
	to->keywords_dropped = to->keywords_dropped || piece->keywords_dropped;
	if (piece->uidvalidity)
		to->uidvalidity = piece->uidvalidity;
	if (piece->mailbox)
		to->mailbox = piece->mailbox;
	if (piece->user)
		to->user = piece->user;
	results_fini(piece);
}

/* Results --------------------------------------------------------------------------------------------------------- */

void hf_op_want_effects(struct hf_op *op)
{
	op->wants_effects = true;
}

const struct hf_effect *hf_op_effects(const struct hf_op *op, size_t *count)
{
	*count = op->results.effect_count;
	return op->results.effects;
}

const struct hf_set *hf_op_modified(const struct hf_op *op)
{
	return &op->results.modified;
}

const struct hf_set *hf_op_applied(const struct hf_op *op)
{
	return &op->results.applied;
}

const struct hf_set *hf_op_unseen(const struct hf_op *op)
{
	return &op->results.unseen;
}

const struct hf_set *hf_op_expunged(const struct hf_op *op)
{
	return &op->results.expunged;
}

const struct hf_set *hf_op_copied_from(const struct hf_op *op)
{
	return &op->results.copied_from;
}

const struct hf_set *hf_op_copied_to(const struct hf_op *op)
{
	return &op->results.copied_to;
}

const struct hf_set *hf_op_appended(const struct hf_op *op)
{
	return &op->results.appended;
}

uint32_t hf_op_uidvalidity(const struct hf_op *op)
{
	return op->results.uidvalidity;
}

bool hf_op_keywords_dropped(const struct hf_op *op)
{
	return op->results.keywords_dropped;
}

uint64_t hf_op_mailbox(const struct hf_op *op)
{
	return op->results.mailbox;
}

uint64_t hf_op_user(const struct hf_op *op)
{
	return op->results.user;
}

bool hf_op_made_modseq(const struct hf_op *op, struct hf_mod modseq)
{
	size_t low = 0, high = op->results.modseq_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (op->results.modseqs[middle] < modseq.n)
			low = middle + 1;
		else
			high = middle;
	}
	return low < op->results.modseq_count && op->results.modseqs[low] == modseq.n;
}

struct hf_mod hf_op_modseq(const struct hf_op *op)
{
	size_t count = op->results.modseq_count;

	return HF_MOD(count ? op->results.modseqs[count - 1] : 0);
}
