/* SPDX-License-Identifier: BSD-2-Clause */
/* How what lies below (store, offload) wakes what lies above (a connection) without knowing it. */
#ifndef HF_BASE_WAITER_H
#define HF_BASE_WAITER_H

#include <stdbool.h>

#include "base/compiler.h"

struct hf_waiter {
	/* May be called from any thread, with no lock of the callee's held that the caller could need; never blocks. */
	void (*wake)(struct hf_waiter *waiter);
};

static inline void hf_waiter_wake(struct hf_waiter *waiter)
{
	if (waiter)
		waiter->wake(waiter);
}

/* Between the two, a thread that wakes many (and may hold locks that they will want first) wakes no thread for it: what a
 * wake would do for that is done once, at the end. They nest. */
HF_API void hf_wakes_hold(void);
HF_API void hf_wakes_pass(void);
/* For those who implement wakes: `pass` will be called at the end, once however often this is said. False: call it now. */
HF_API bool hf_wakes_later(void (*pass)(void *arg), void *arg);

#endif
