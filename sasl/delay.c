/* SPDX-License-Identifier: BSD-2-Clause */
/* How long failures make an address wait. Never an account: that would let anyone lock out anyone.
 *
 * An address is an IPv4 address or an IPv6 /64. Failures are counted up to eight and one is
 * forgotten a minute. The table is of fixed size, eight entries to a set; a set is chosen by a
 * keyed hash of the address, and the entry unused for longest gives way. */
#include <arpa/inet.h>

#include "sasl/sasl_priv.h"

#include "base/mem.h"

#define SETS         8192
#define WAYS         8
#define FAILURES_MAX 8
#define FORGET_MS    60000

static const uint32_t delays_ms[FAILURES_MAX + 1] = {
	0, 0, 250, 500, 1000, 2000, 4000, 8000, 15000
};

struct address {
	uint8_t bytes[8];
	uint8_t family; /* 4, 6; 1: anything else, hashed */
};

struct entry {
	uint64_t since_ms; /* when `failures` was last counted; 0: free */
	struct address address;
	uint8_t failures;
};

struct hf_sasl_delays {
	pthread_mutex_t lock;
	struct entry (*sets)[WAYS] HF_GUARDED_BY(lock);
};

struct hf_sasl_delays *hf_sasl_delays_new(void)
{
	struct hf_sasl_delays *delays = hf_alloc_zero(sizeof(*delays));

	pthread_mutex_init(&delays->lock, NULL);
	delays->sets = hf_alloc_zero(SETS * sizeof(*delays->sets));
	return delays;
}

void hf_sasl_delays_free(struct hf_sasl_delays **delays)
{
	if (!*delays)
		return;
	pthread_mutex_destroy(&(*delays)->lock);
	hf_free((*delays)->sets);
	hf_free(*delays);
	*delays = NULL;
}

static struct address address_parse(struct hf_str text)
{
	struct address address;
	uint8_t raw[16];
	char name[INET6_ADDRSTRLEN];
	uint64_t hash;

	memset(&address, 0, sizeof(address));
	if (text.size && text.size < sizeof(name)) {
		memcpy(name, text.data, text.size);
		name[text.size] = '\0';
		name[strcspn(name, "%")] = '\0'; /* the zone of a link-local address */
		if (inet_pton(AF_INET, name, address.bytes) == 1) {
			address.family = 4;
			return address;
		}
		if (inet_pton(AF_INET6, name, raw) == 1) {
			static const uint8_t mapped[12] = {
				0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
			};
			bool v4 = memcmp(raw, mapped, sizeof(mapped)) == 0;

			memcpy(address.bytes, v4 ? raw + 12 : raw, v4 ? 4 : 8);
			address.family = v4 ? 4 : 6;
			return address;
		}
	}
	hash = hf_hash(text);
	memcpy(address.bytes, &hash, sizeof(hash));
	address.family = 1;
	return address;
}

static struct entry *set_of(struct hf_sasl_delays *delays, const struct address *address)
{
	return delays->sets[hf_hash(hf_str_n(address, sizeof(*address))) % SETS];
}

static void forget_old(struct entry *entry, uint64_t now_ms)
{
	uint64_t steps = now_ms > entry->since_ms ? (now_ms - entry->since_ms) / FORGET_MS : 0;

	if (!entry->since_ms || !steps)
		return;
	if (steps >= entry->failures) {
		memset(entry, 0, sizeof(*entry));
		return;
	}
	entry->failures = (uint8_t)(entry->failures - steps);
	entry->since_ms += steps * FORGET_MS;
}

static struct entry *find(struct entry *set, const struct address *address)
{
	for (int i = 0; i < WAYS; i++)
		if (set[i].since_ms && memcmp(&set[i].address, address, sizeof(*address)) == 0)
			return &set[i];
	return NULL;
}

uint32_t hf_sasl_delays_get(struct hf_sasl_delays *delays, struct hf_str text, uint64_t now_ms)
{
	struct address address = address_parse(text);
	struct entry *entry;
	uint32_t ms = 0;

	pthread_mutex_lock(&delays->lock);
	entry = find(set_of(delays, &address), &address);
	if (entry) {
		forget_old(entry, now_ms);
		ms = delays_ms[entry->failures];
	}
	pthread_mutex_unlock(&delays->lock);
	return ms;
}

void hf_sasl_delays_note(struct hf_sasl_delays *delays, struct hf_str text, bool success,
			 uint64_t now_ms)
{
	struct address address = address_parse(text);
	struct entry *set, *entry;

	pthread_mutex_lock(&delays->lock);
	set = set_of(delays, &address);
	entry = find(set, &address);
	if (success) {
		if (entry)
			memset(entry, 0, sizeof(*entry));
	} else {
		if (entry) {
			forget_old(entry, now_ms);
		} else {
			entry = &set[0];
			for (int i = 1; i < WAYS; i++)
				if (set[i].since_ms < entry->since_ms)
					entry = &set[i];
			memset(entry, 0, sizeof(*entry));
		}
		entry->address = address;
		entry->since_ms = now_ms ? now_ms : 1;
		if (entry->failures < FAILURES_MAX)
			entry->failures++;
	}
	pthread_mutex_unlock(&delays->lock);
}
