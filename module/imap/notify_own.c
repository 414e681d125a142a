/* SPDX-License-Identifier: BSD-2-Clause */
/* A client that has asked for news is not told what it has done itself: RFC 5465 §5.
 *
 * The session notes what each of its operations has changed, until the catalogue is looked at the next time. Where others have
 * changed the same meanwhile, all is told: one STATUS says both. */
#include "module/imap/notify.h"

#include "base/mem.h"

#define OWN_MAX 20000 /* beyond it is told of its own */

void imap_notify_own(struct imap_session *session, const struct hf_op *op)
{
	struct imap_notify *notify = session->priv->notify;
	const struct hf_effect *effects;
	size_t count;

	if (!notify || !notify->watching)
		return;
	effects = hf_op_effects(op, &count);
	if (!count || count > OWN_MAX - notify->own_count)
		return;
	if (!notify->own_arena)
		notify->own_arena = hf_arena_new();
	if (notify->own_count + count > notify->own_capacity) {
		notify->own_capacity = 2 * (notify->own_count + count);
		notify->own = hf_realloc_array(notify->own, notify->own_capacity, sizeof(*notify->own));
	}
	for (size_t i = 0; i < count; i++) {
		struct hf_effect *own = &notify->own[notify->own_count++];

		*own = effects[i];
		own->name = hf_arena_str(notify->own_arena, effects[i].name);
	}
}

void imap_notify_own_told(struct imap_notify *notify)
{
	hf_arena_free(&notify->own_arena);
	hf_free(notify->own);
	notify->own = NULL;
	notify->own_count = notify->own_capacity = 0;
}

bool imap_notify_did_messages(const struct imap_notify *notify, const struct hf_mailbox_info *old,
			      const struct hf_mailbox_info *now)
{
	uint64_t reached = old->highestmodseq.n;

	if (old->uidvalidity != now->uidvalidity)
		return false;
	for (size_t i = 0; i < notify->own_count; i++) {
		const struct hf_effect *own = &notify->own[i];

		if (own->kind == HF_EFFECT_MESSAGES && own->mailbox == now->id && own->first.n == reached + 1)
			reached = own->last.n;
	}
	return reached != old->highestmodseq.n && reached == now->highestmodseq.n;
}

bool imap_notify_did_name(const struct imap_notify *notify, uint64_t mailbox, struct hf_str owners_name)
{
	for (size_t i = 0; i < notify->own_count; i++)
		if (notify->own[i].kind == HF_EFFECT_NAMED && notify->own[i].mailbox == mailbox &&
		    hf_str_eq(notify->own[i].name, owners_name))
			return true;
	return false;
}

bool imap_notify_did_delete(const struct imap_notify *notify, uint64_t mailbox)
{
	for (size_t i = 0; i < notify->own_count; i++)
		if (notify->own[i].kind == HF_EFFECT_GONE && notify->own[i].mailbox == mailbox)
			return true;
	return false;
}

bool imap_notify_did_subscribe(const struct imap_notify *notify, struct hf_str name, bool subscribed)
{
	for (size_t i = notify->own_count; i > 0; i--) {
		const struct hf_effect *own = &notify->own[i - 1];

		if (own->kind == HF_EFFECT_SUBSCRIPTION && hf_str_eq(own->name, name))
			return own->subscribed == subscribed;
	}
	return false;
}
