/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags of all messages of a view at once. */
#include "storage/show_priv.h"

static void add_run(void *arg, uint32_t first, uint32_t last)
{
	hf_set_add_range(arg, first + 1, last + 1);
}

/* Whether the records in memory are those of the view, place by place: then there is nothing that it has not synced. */
static bool is_in_step_locked(const struct hf_view *view)
{
	const struct hf_mailbox *mb = view->mailbox;

	return mb->list == view->list && !mb->removed.count && hf_recset_last(&mb->live) <= mb->list_last &&
	       mb->live.count == hf_uidlist_count(view->list);
}

/* One mark: into an empty set. */
static bool marked(struct hf_view *view, unsigned mark, struct hf_set *seqs)
{
	struct hf_mailbox *mb = view->mailbox;
	bool in_step, ready;

	pthread_rwlock_rdlock(&mb->lock);
	in_step = is_in_step_locked(view);
	ready = in_step && hf_recset_has_mark(&mb->live, mark);
	if (ready)
		hf_recset_marked(&mb->live, mark, add_run, seqs);
	pthread_rwlock_unlock(&mb->lock);
	if (ready || !in_step)
		return ready;
	pthread_rwlock_wrlock(&mb->lock);
	in_step = is_in_step_locked(view);
	if (in_step) {
		hf_recset_ready_mark(&mb->live, mark);
		hf_recset_marked(&mb->live, mark, add_run, seqs);
	}
	pthread_rwlock_unlock(&mb->lock);
	return in_step;
}

bool hf_view_flagged(struct hf_view *view, uint32_t flags, struct hf_set *seqs)
{
	bool first = true, known;

	if (!flags || flags & ~(uint32_t)HF_FLAGS_ALL || (view->seen && flags & HF_FLAG_SEEN))
		return false;
	for (known = true; known && flags; flags &= flags - 1) {
		struct hf_set one = HF_SET_INIT;

		known = marked(view, (unsigned)__builtin_ctz(flags), &one);
		if (first)
			hf_set_union(seqs, &one);
		else
			hf_set_intersect(seqs, &one);
		first = false;
		hf_set_fini(&one);
	}
	if (!known)
		hf_set_clear(seqs);
	return known;
}

bool hf_view_with_keyword(struct hf_view *view, unsigned bit, struct hf_set *seqs)
{
	return bit < HF_KEYWORDS_MAX && marked(view, HF_MARK_KEYWORD + bit, seqs);
}
