/* SPDX-License-Identifier: BSD-2-Clause */
/* Passwords verified lately, so that a client that opens ten connections pays for PBKDF2 once.
 *
 * An entry is an HMAC under a key of this process over user, stored secret and password: a changed
 * password does not match, and no password can be read back. The table is of fixed size, four
 * entries to a set; a set is chosen by a keyed hash of the user, and its oldest entry gives way. */
#include "sasl/sasl_priv.h"

#include "base/mem.h"

#define SETS     4096
#define WAYS     4
#define TAG_SIZE 16

struct entry {
	uint64_t until_ms; /* 0: free */
	uint8_t user[TAG_SIZE];
	uint8_t verifier[32];
};

struct hf_sasl_verifiers {
	uint8_t key[HF_SASL_KEY_SIZE];
	pthread_mutex_t lock;
	struct entry (*sets)[WAYS] HF_GUARDED_BY(lock);
};

struct hf_sasl_verifiers *hf_sasl_verifiers_new(const uint8_t key[HF_SASL_KEY_SIZE])
{
	struct hf_sasl_verifiers *verifiers = hf_alloc_zero(sizeof(*verifiers));

	memcpy(verifiers->key, key, sizeof(verifiers->key));
	pthread_mutex_init(&verifiers->lock, NULL);
	verifiers->sets = hf_alloc_zero(SETS * sizeof(*verifiers->sets));
	return verifiers;
}

void hf_sasl_verifiers_free(struct hf_sasl_verifiers **verifiers)
{
	struct hf_sasl_verifiers *v = *verifiers;

	if (!v)
		return;
	pthread_mutex_destroy(&v->lock);
	hf_free_secret(v->sets, SETS * sizeof(*v->sets));
	hf_free_secret(v, sizeof(*v));
	*verifiers = NULL;
}

static void user_tag(const struct hf_sasl_verifiers *v, struct hf_str user, uint8_t tag[32])
{
	hf_hmac(HF_SHA256, hf_str_n(v->key, sizeof(v->key)), user, tag);
}

static struct entry *set_of(struct hf_sasl_verifiers *v, const uint8_t tag[32])
{
	return v->sets[((size_t)tag[30] << 8 | tag[31]) % SETS];
}

/* Each part is preceded by its size, so that no two triples give the same text. */
static void make_verifier(const struct hf_sasl_verifiers *v, struct hf_str user,
			  struct hf_str secret, struct hf_str password, uint8_t out[32])
{
	struct hf_buf text = HF_BUF_INIT;

	hf_buf_reserve(&text, user.size + secret.size + password.size + 32);
	hf_buf_add_varstr(&text, user);
	hf_buf_add_varstr(&text, secret);
	hf_buf_add_varstr(&text, password);
	hf_hmac(HF_SHA256, hf_str_n(v->key, sizeof(v->key)), hf_buf_str(&text), out);
	hf_sasl_buf_wipe(&text);
}

bool hf_sasl_verifiers_have(struct hf_sasl_verifiers *v, struct hf_str user, struct hf_str secret,
			    struct hf_str password, uint64_t now_ms)
{
	uint8_t tag[32], verifier[32];
	struct entry *set;
	bool found = false;

	user_tag(v, user, tag);
	make_verifier(v, user, secret, password, verifier);
	pthread_mutex_lock(&v->lock);
	set = set_of(v, tag);
	for (int i = 0; i < WAYS; i++)
		if (set[i].until_ms > now_ms && memcmp(set[i].user, tag, TAG_SIZE) == 0 &&
		    hf_secret_eq(hf_str_n(set[i].verifier, 32), hf_str_n(verifier, 32)))
			found = true;
	pthread_mutex_unlock(&v->lock);
	return found;
}

void hf_sasl_verifiers_add(struct hf_sasl_verifiers *v, struct hf_str user, struct hf_str secret,
			   struct hf_str password, uint64_t now_ms, uint64_t until_ms)
{
	uint8_t tag[32], verifier[32];
	struct entry *set, *place;

	user_tag(v, user, tag);
	make_verifier(v, user, secret, password, verifier);
	pthread_mutex_lock(&v->lock);
	set = set_of(v, tag);
	place = &set[0];
	for (int i = 0; i < WAYS; i++) {
		if (set[i].until_ms <= now_ms)
			set[i].until_ms = 0;
		if (set[i].until_ms && memcmp(set[i].verifier, verifier, sizeof(verifier)) == 0) {
			place = &set[i];
			break;
		}
		if (set[i].until_ms < place->until_ms)
			place = &set[i];
	}
	place->until_ms = until_ms;
	memcpy(place->user, tag, TAG_SIZE);
	memcpy(place->verifier, verifier, sizeof(verifier));
	pthread_mutex_unlock(&v->lock);
}

void hf_sasl_verifiers_forget(struct hf_sasl_verifiers *v, struct hf_str user)
{
	uint8_t tag[32];
	struct entry *set;

	user_tag(v, user, tag);
	pthread_mutex_lock(&v->lock);
	set = set_of(v, tag);
	for (int i = 0; i < WAYS; i++)
		if (memcmp(set[i].user, tag, TAG_SIZE) == 0)
			memset(&set[i], 0, sizeof(set[i]));
	pthread_mutex_unlock(&v->lock);
}
