/* SPDX-License-Identifier: BSD-2-Clause */
/* How what lies below (store, offload) wakes what lies above (a connection) without knowing it. */
#ifndef HF_BASE_WAITER_H
#define HF_BASE_WAITER_H

struct hf_waiter {
	/* May be called from any thread, with no lock of the callee's held that the caller could need; never blocks. */
	void (*wake)(struct hf_waiter *waiter);
};

static inline void hf_waiter_wake(struct hf_waiter *waiter)
{
	if (waiter)
		waiter->wake(waiter);
}

#endif
