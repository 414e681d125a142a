/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mechanisms there are and who may use them: the one place that decides what is offered, and
 * what is accepted is what is offered. */
#include "sasl/sasl_priv.h"

static bool is_mechanism_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool hf_sasl_mechanism_parse(struct hf_str name, struct hf_sasl_mechanism *mechanism)
{
	struct hf_str base, plus = HF_STR("-PLUS");

	memset(mechanism, 0, sizeof(*mechanism));
	if (name.size < 1 || name.size > 20)
		return false;
	for (size_t i = 0; i < name.size; i++) {
		mechanism->name[i] = hf_ascii_upper(name.data[i]);
		if (!is_mechanism_char(mechanism->name[i]))
			return false;
	}
	base = hf_str(mechanism->name);
	mechanism->plus = hf_str_ends(base, plus) && base.size > plus.size;
	if (mechanism->plus)
		base.size -= plus.size;
	memcpy(mechanism->base, base.data, base.size);
	mechanism->kind = HF_SASL_OTHER;
	if (hf_str_eq(base, HF_STR("PLAIN")))
		mechanism->kind = HF_SASL_PLAIN;
	else if (hf_str_eq(base, HF_STR("LOGIN")))
		mechanism->kind = HF_SASL_LOGIN;
	else if (hf_str_eq(base, HF_STR("EXTERNAL")))
		mechanism->kind = HF_SASL_EXTERNAL;
	else if (hf_str_eq(base, HF_STR("SCRAM-SHA-1")) || hf_str_eq(base, HF_STR("SCRAM-SHA-256")))
		mechanism->kind = HF_SASL_SCRAM;
	mechanism->alg = hf_str_eq(base, HF_STR("SCRAM-SHA-256")) ? HF_SHA256 : HF_SHA1;
	return !mechanism->plus || mechanism->kind == HF_SASL_SCRAM;
}

static bool has_binding(const struct hf_sasl_peer *peer)
{
	return peer->can_bind || peer->tls_exporter.size || peer->tls_server_end_point.size || peer->tls_unique.size;
}

static bool plaintext_here(const struct hf_sasl *sasl, const struct hf_sasl_peer *peer)
{
	return peer->secure || peer->loopback || sasl->allow_plaintext;
}

static bool may_use(const struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
		    const struct hf_sasl_mechanism *mechanism)
{
	switch (mechanism->kind) {
	case HF_SASL_PLAIN:
	case HF_SASL_LOGIN:
		return plaintext_here(sasl, peer);
	case HF_SASL_EXTERNAL:
		return peer->external_id.size > 0;
	case HF_SASL_SCRAM:
		/* saslauthd verifies passwords and hands out no secrets */
		return sasl->source != HF_SASL_SASLAUTHD && (!mechanism->plus || has_binding(peer));
	case HF_SASL_OTHER:
		break;
	}
	return true;
}

const struct hf_sasl_mechanism *hf_sasl_mechanism_find(struct hf_sasl *sasl,
						       const struct hf_sasl_peer *peer,
						       struct hf_str name)
{
	for (size_t i = 0; i < sasl->mechanism_count; i++) {
		const struct hf_sasl_mechanism *mechanism = &sasl->mechanisms[i];

		if (hf_str_ieq(name, hf_str(mechanism->name)))
			return may_use(sasl, peer, mechanism) ? mechanism : NULL;
	}
	return NULL;
}

bool hf_sasl_offers_plus(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			 const struct hf_sasl_mechanism *mechanism)
{
	for (size_t i = 0; i < sasl->mechanism_count; i++)
		if (sasl->mechanisms[i].plus &&
		    strcmp(sasl->mechanisms[i].base, mechanism->base) == 0)
			return may_use(sasl, peer, &sasl->mechanisms[i]);
	return false;
}

void hf_sasl_mechanisms(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_buf *out)
{
	bool first = true;

	for (size_t i = 0; i < sasl->mechanism_count; i++) {
		if (!may_use(sasl, peer, &sasl->mechanisms[i]))
			continue;
		if (!first)
			hf_buf_add_char(out, ' ');
		hf_buf_add_cstr(out, sasl->mechanisms[i].name);
		first = false;
	}
}

bool hf_sasl_allows_plaintext(struct hf_sasl *sasl, const struct hf_sasl_peer *peer)
{
	for (size_t i = 0; i < sasl->mechanism_count; i++)
		if (sasl->mechanisms[i].kind == HF_SASL_PLAIN ||
		    sasl->mechanisms[i].kind == HF_SASL_LOGIN)
			return plaintext_here(sasl, peer);
	return false;
}
