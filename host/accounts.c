/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's accounts, for SASL. Called on helper threads. */
#include "host/host_priv.h"

static enum hf_status find(void *arg, struct hf_str name, struct hf_buf *canonical, bool *disabled)
{
	struct hf_host *host = arg;
	struct hf_arena *arena = hf_arena_new();
	struct hf_user user;
	enum hf_status status = hf_user_find(host->store, name, arena, &user);

	if (status == HF_OK) {
		hf_buf_add_str(canonical, user.name);
		*disabled = user.disabled;
	}
	hf_arena_free(&arena);
	return status;
}

static enum hf_status secret(void *arg, struct hf_str canonical, const char *mechanism,
			     struct hf_buf *out)
{
	struct hf_host *host = arg;
	struct hf_arena *arena = hf_arena_new();
	struct hf_user user;
	enum hf_status status = hf_user_find(host->store, canonical, arena, &user);

	if (status == HF_OK)
		status = hf_user_secret(host->store, user.id, mechanism, HF_STR(""), out);
	hf_arena_free(&arena);
	return status;
}

void hf_host_accounts(struct hf_host *host, struct hf_sasl_accounts *accounts)
{
	*accounts = (struct hf_sasl_accounts){ .arg = host, .find = find, .secret = secret };
	hf_store_key(host->store, accounts->key);
}
