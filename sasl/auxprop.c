/* SPDX-License-Identifier: BSD-2-Clause */
/* The property plug-in "holdfast": gives Cyrus SASL's SCRAM mechanisms the secret of an account as
 * *authPassword. *userPassword, which would win, is never set. A user without a secret gets a fake
 * one, so that the first step of an exchange looks the same for everybody.
 *
 * With a foreign source (sasldb, sql, ldapdb) it comes after that source's plug-in and only fills
 * in the fakes. */
#include "sasl/sasl_priv.h"

/* Cyrus SASL forgets plug-ins when its last user in the process is done; until then one
 * registration is enough. Only hf_sasl_open and hf_sasl_close lead here, which exclude each other.
 */
static bool registered;

static const struct propval *find_property(const struct propval *list, const char *name)
{
	for (; list && list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

static bool has_value(const struct propval *property)
{
	return property && property->values && property->values[0];
}

static int lookup(void *glob_context, sasl_server_params_t *sparams, unsigned flags,
		  const char *user, unsigned user_size)
{
	const sasl_utils_t *utils = sparams->utils;
	const struct propval *list = utils->prop_get(sparams->propctx), *wanted;
	struct hf_sasl_lookup *lookup_context = NULL;
	struct hf_scram_secret secret;
	struct hf_buf text = HF_BUF_INIT;
	sasl_callback_ft proc;
	void *context = NULL;
	bool real = false;
	int result;

	(void)glob_context;
	(void)user;
	(void)user_size;
	if (flags & SASL_AUXPROP_AUTHZID)
		return SASL_OK;
	wanted = find_property(list, "*authPassword");
	if (!wanted || has_value(wanted) || has_value(find_property(list, "*userPassword")))
		return SASL_OK;
	if (utils->getcallback(utils->conn, SASL_CB_CANON_USER, &proc, &context) != SASL_OK ||
	    !context)
		return SASL_OK;
	lookup_context = context;
	if (lookup_context->mechanism->kind != HF_SASL_SCRAM)
		return SASL_OK;

	if (lookup_context->sasl->source == HF_SASL_STORE) {
		lookup_context->trouble =
			hf_sasl_secret(lookup_context->sasl, lookup_context->authid,
				       lookup_context->mechanism->alg, &secret, &real);
		if (lookup_context->trouble != HF_OK)
			return SASL_UNAVAIL;
	} else {
		/* The mechanism derives a real user's secret from the password at each log-in; so
		 * does this. */
		struct hf_scram_secret derived;

		hf_scram_secret_fake(lookup_context->sasl, lookup_context->mechanism->alg,
				     hf_buf_str(&lookup_context->authid->name), &secret);
		derived = secret;
		hf_scram_secret_derive(&derived, HF_STR("fake"));
		hf_counter_add(lookup_context->sasl->rounds, secret.iterations);
	}
	hf_scram_secret_format(&secret, &text);
	result = utils->prop_set(sparams->propctx, "*authPassword", hf_buf_cstr(&text),
				 (int)text.size);
	hf_sasl_buf_wipe(&text);
	return result;
}

static void forget(void *glob_context, const sasl_utils_t *utils)
{
	(void)glob_context;
	(void)utils;
	registered = false;
}

static int init(const sasl_utils_t *utils, int max_version, int *out_version,
		sasl_auxprop_plug_t **plug, const char *name)
{
	static char plugin_name[] = "holdfast";
	static sasl_auxprop_plug_t plugin = {
		.auxprop_free = forget,
		.auxprop_lookup = lookup,
		.name = plugin_name,
	};

	(void)utils;
	(void)name;
	if (max_version < SASL_AUXPROP_PLUG_VERSION)
		return SASL_BADVERS;
	*out_version = SASL_AUXPROP_PLUG_VERSION;
	*plug = &plugin;
	return SASL_OK;
}

int hf_sasl_auxprop_register(void)
{
	int result;

	if (registered)
		return SASL_OK;
	result = sasl_auxprop_add_plugin("holdfast", init);
	registered = result == SASL_OK;
	return result;
}
