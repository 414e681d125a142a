/* SPDX-License-Identifier: BSD-2-Clause */
/* Wakes held back. */
#include "base/waiter.h"

#include "base/assert.h"

static _Thread_local struct {
	unsigned depth;
	void (*pass)(void *arg);
	void *arg;
} held;

void hf_wakes_hold(void)
{
	held.depth++;
}

void hf_wakes_pass(void)
{
	void (*pass)(void *arg) = held.pass;

	hf_assert(held.depth > 0);
	if (--held.depth || !pass)
		return;
	held.pass = NULL;
	pass(held.arg);
}

bool hf_wakes_later(void (*pass)(void *arg), void *arg)
{
	if (!held.depth || (held.pass && (held.pass != pass || held.arg != arg)))
		return false;
	held.pass = pass;
	held.arg = arg;
	return true;
}
