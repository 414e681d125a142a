/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: emails that views still show though they are expunged, deleted mailboxes that views still
 * show, and contents that readers hold open, counted in memory. The collectors of the writing half
 * ask before they free anything; a restart forgets all pins, and all readers with them. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/show_priv.h"

/* Open addressing with linear probing; a deletion closes the gap, so there are no tombstones. */
struct pin {
	uint64_t owner; /* 0: content; MAILBOXES: mailbox */
	uint64_t id;
	uint64_t count; /* 0: empty slot */
};

struct hf_pins {
	pthread_mutex_t lock;
	struct pin *slots HF_GUARDED_BY(lock);
	size_t capacity, used; /* capacity is a power of two */
};

enum { PINS_MIN = 64 };

struct hf_pins *hf_pins_new(void)
{
	struct hf_pins *pins = hf_alloc_zero(sizeof(*pins));

	pthread_mutex_init(&pins->lock, NULL);
	pins->capacity = PINS_MIN;
	pins->slots = hf_alloc_zero(PINS_MIN * sizeof(struct pin));
	return pins;
}

void hf_pins_free(struct hf_pins **pinsp)
{
	struct hf_pins *pins = *pinsp;

	*pinsp = NULL;
	if (!pins)
		return;
	pthread_mutex_destroy(&pins->lock);
	hf_free(pins->slots);
	hf_free(pins);
}

static size_t home_of(const struct hf_pins *pins, uint64_t owner, uint64_t id)
{
	uint64_t hash =
		(owner * UINT64_C(0x9e3779b97f4a7c15)) ^ (id * UINT64_C(0xc2b2ae3d27d4eb4f));

	hash ^= hash >> 29;
	return (size_t)(hash * UINT64_C(0xbf58476d1ce4e5b9) >> 24) & (pins->capacity - 1);
}

/* The slot that has the key, or the empty one where it belongs. */
static struct pin *slot_of(const struct hf_pins *pins, uint64_t owner, uint64_t id)
{
	size_t at = home_of(pins, owner, id);

	while (pins->slots[at].count &&
	       (pins->slots[at].owner != owner || pins->slots[at].id != id))
		at = (at + 1) & (pins->capacity - 1);
	return &pins->slots[at];
}

static void resize(struct hf_pins *pins, size_t capacity)
{
	struct pin *old = pins->slots;
	size_t old_capacity = pins->capacity;

	pins->capacity = capacity;
	pins->slots = hf_alloc_zero(capacity * sizeof(struct pin));
	for (size_t i = 0; i < old_capacity; i++) {
		if (old[i].count)
			*slot_of(pins, old[i].owner, old[i].id) = old[i];
	}
	hf_free(old);
}

static void add(struct hf_pins *pins, uint64_t owner, uint64_t id)
{
	struct pin *pin;

	pthread_mutex_lock(&pins->lock);
	if (pins->used >= pins->capacity / 2)
		resize(pins, pins->capacity * 2);
	pin = slot_of(pins, owner, id);
	if (pin->count == 0) {
		*pin = (struct pin){ .owner = owner, .id = id };
		pins->used++;
	}
	pin->count++;
	pthread_mutex_unlock(&pins->lock);
}

/* Moves those that were pushed past the emptied slot back to where a search finds them. */
static void close_gap(struct hf_pins *pins, size_t gap)
{
	size_t mask = pins->capacity - 1;

	for (size_t at = (gap + 1) & mask; pins->slots[at].count; at = (at + 1) & mask) {
		size_t home = home_of(pins, pins->slots[at].owner, pins->slots[at].id);

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			pins->slots[gap] = pins->slots[at];
			pins->slots[at].count = 0;
			gap = at;
		}
	}
}

static void drop(struct hf_pins *pins, uint64_t owner, uint64_t id)
{
	struct pin *pin;

	pthread_mutex_lock(&pins->lock);
	pin = slot_of(pins, owner, id);
	hf_assert(pin->count > 0);
	if (--pin->count == 0) {
		pins->used--;
		close_gap(pins, (size_t)(pin - pins->slots));
		if (pins->capacity > PINS_MIN && pins->used < pins->capacity / 8)
			resize(pins, pins->capacity / 2);
	}
	pthread_mutex_unlock(&pins->lock);
}

static bool has(struct hf_pins *pins, uint64_t owner, uint64_t id)
{
	bool pinned;

	pthread_mutex_lock(&pins->lock);
	pinned = slot_of(pins, owner, id)->count > 0;
	pthread_mutex_unlock(&pins->lock);
	return pinned;
}

void hf_pins_add_email(struct hf_pins *pins, uint64_t owner, uint64_t email)
{
	add(pins, owner, email);
}

void hf_pins_drop_email(struct hf_pins *pins, uint64_t owner, uint64_t email)
{
	drop(pins, owner, email);
}

bool hf_email_is_pinned(struct hf_store *store, uint64_t owner, uint64_t email)
{
	return has(hf_store_registry(store)->pins, owner, email);
}

#define MAILBOXES UINT64_MAX /* in the place of an owner */

void hf_pins_add_mailbox(struct hf_pins *pins, uint64_t mailbox)
{
	add(pins, MAILBOXES, mailbox);
}

void hf_pins_drop_mailbox(struct hf_pins *pins, uint64_t mailbox)
{
	drop(pins, MAILBOXES, mailbox);
}

bool hf_mailbox_is_pinned(struct hf_store *store, uint64_t mailbox)
{
	return has(hf_store_registry(store)->pins, MAILBOXES, mailbox);
}

bool hf_content_is_pinned(struct hf_store *store, uint64_t content)
{
	return has(hf_store_registry(store)->pins, 0, content);
}

void hf_content_pin(struct hf_store *store, uint64_t content)
{
	add(hf_store_registry(store)->pins, 0, content);
}

void hf_content_unpin(struct hf_store *store, uint64_t content)
{
	drop(hf_store_registry(store)->pins, 0, content);
}
