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

bool hf_view_flagged(struct hf_view *view, uint32_t flags, struct hf_set *seqs)
{
	struct hf_mailbox *mb = view->mailbox;
	bool in_step, ready;

	if (!flags || flags & ~(uint32_t)HF_FLAGS_ALL || (view->seen && flags & HF_FLAG_SEEN))
		return false;
	pthread_rwlock_rdlock(&mb->lock);
	in_step = is_in_step_locked(view);
	ready = in_step && hf_recset_has_flags(&mb->live);
	if (ready)
		hf_recset_flagged(&mb->live, (uint8_t)flags, add_run, seqs);
	pthread_rwlock_unlock(&mb->lock);
	if (ready || !in_step)
		return ready;
	pthread_rwlock_wrlock(&mb->lock);
	in_step = is_in_step_locked(view);
	if (in_step) {
		hf_recset_ready_flags(&mb->live);
		hf_recset_flagged(&mb->live, (uint8_t)flags, add_run, seqs);
	}
	pthread_rwlock_unlock(&mb->lock);
	return in_step;
}
