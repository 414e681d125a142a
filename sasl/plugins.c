/* SPDX-License-Identifier: BSD-2-Clause */
/* Cyrus SASL loads every plug-in it finds in its directory, and reads a file for the application's
 * name. Here it gets only the plug-ins that the settings ask for, and no file. And what is missing
 * is told with the Debian package. */
#include "sasl/sasl_priv.h"

struct plugin {
	const char *mechanism; /* a prefix of the mechanism's name; NULL: a source */
	const char *source;
	const char *library; /* a prefix of the file's name */
	const char *package;
};

static const struct plugin plugins[] = {
	{ "PLAIN", NULL, "libplain.", "libsasl2-modules" },
	{ "LOGIN", NULL, "liblogin.", "libsasl2-modules" },
	{ "SCRAM-", NULL, "libscram.", "libsasl2-modules" },
	{ "CRAM-MD5", NULL, "libcrammd5.", "libsasl2-modules" },
	{ "DIGEST-MD5", NULL, "libdigestmd5.", "libsasl2-modules" },
	{ "NTLM", NULL, "libntlm.", "libsasl2-modules" },
	{ "ANONYMOUS", NULL, "libanonymous.", "libsasl2-modules" },
	{ "OTP", NULL, "libotp.", "libsasl2-modules-otp" },
	{ "GSSAPI", NULL, "libgssapiv2.", "libsasl2-modules-gssapi-mit" },
	{ "GSS-SPNEGO", NULL, "libgssapiv2.", "libsasl2-modules-gssapi-mit" },
	{ "GS2-", NULL, "libgs2.", "libsasl2-modules-gssapi-mit" },
	{ NULL, "sasldb", "libsasldb.", "libsasl2-modules-db" },
	{ NULL, "sql", "libsql.", "libsasl2-modules-sql" },
	{ NULL, "ldapdb", "libldapdb.", "libsasl2-modules-ldap" },
};

static bool serves(const struct plugin *plugin, const struct hf_sasl_mechanism *mechanism)
{
	return plugin->mechanism &&
	       hf_str_starts(hf_str(mechanism->base), hf_str(plugin->mechanism));
}

static const struct plugin *for_mechanism(const struct hf_sasl_mechanism *mechanism)
{
	for (size_t i = 0; i < HF_COUNT(plugins); i++)
		if (serves(&plugins[i], mechanism))
			return &plugins[i];
	return NULL;
}

static bool is_wanted(struct hf_sasl *sasl, const struct plugin *plugin)
{
	const char *list = NULL;

	for (size_t i = 0; i < sasl->mechanism_count; i++)
		if (serves(plugin, &sasl->mechanisms[i]))
			return true;
	for (size_t i = 0; i < sasl->option_count; i += 2)
		if (strcmp(sasl->options[i], "auxprop_plugin") == 0) {
			list = sasl->options[i + 1];
			break;
		}
	return plugin->source && list && hf_str_istarts(hf_str(list), hf_str(plugin->source));
}

/* A library we do not know is loaded only when a mechanism or source that we do not know is asked
 * for. */
static bool unknown_wanted(struct hf_sasl *sasl)
{
	for (size_t i = 0; i < sasl->mechanism_count; i++)
		if (sasl->mechanisms[i].kind == HF_SASL_OTHER &&
		    !for_mechanism(&sasl->mechanisms[i]))
			return true;
	if (sasl->source != HF_SASL_AUXPROP)
		return false;
	for (size_t i = 0; i < HF_COUNT(plugins); i++)
		if (plugins[i].source && is_wanted(sasl, &plugins[i]))
			return false;
	return true;
}

int hf_sasl_verify_file(struct hf_sasl *sasl, const char *path, sasl_verify_type_t type)
{
	const char *slash = strrchr(path, '/');
	struct hf_str name = hf_str(slash ? slash + 1 : path);

	if (type == SASL_VRFY_CONF)
		return SASL_CONTINUE;
	if (type != SASL_VRFY_PLUGIN)
		return SASL_OK;
	for (size_t i = 0; i < HF_COUNT(plugins); i++) {
		if (!hf_str_starts(name, hf_str(plugins[i].library)))
			continue;
		/* One library may serve several mechanisms. */
		for (size_t k = i; k < HF_COUNT(plugins); k++)
			if (strcmp(plugins[k].library, plugins[i].library) == 0 &&
			    is_wanted(sasl, &plugins[k]))
				return SASL_OK;
		return SASL_CONTINUE;
	}
	return unknown_wanted(sasl) ? SASL_OK : SASL_CONTINUE;
}

static void on_auxprop(sasl_auxprop_plug_t *plug, sasl_info_callback_stage_t stage, void *found)
{
	if (stage == SASL_INFO_LIST_MECH && plug)
		*(bool *)found = true;
}

bool hf_sasl_plugins_present(struct hf_sasl *sasl, const char *source, struct hf_note *why)
{
	const char **loaded = sasl_global_listmech();
	bool all = true, found;

	for (size_t i = 0; i < sasl->mechanism_count; i++) {
		const struct hf_sasl_mechanism *mechanism = &sasl->mechanisms[i];
		const struct plugin *plugin = for_mechanism(mechanism);

		found = false;
		for (size_t k = 0; loaded && loaded[k]; k++)
			if (hf_str_ieq(hf_str(loaded[k]), hf_str(mechanism->base)))
				found = true;
		if (found)
			continue;
		all = false;
		if (plugin)
			hf_note_add(
				why,
				"the SASL mechanism %s is not installed (Debian: apt-get install %s)",
				mechanism->name, plugin->package);
		else
			hf_note_add(why, "the SASL mechanism %s is not installed", mechanism->name);
	}
	if (sasl->source != HF_SASL_AUXPROP)
		return all;
	found = false;
	auxprop_plugin_info(source, on_auxprop, &found);
	if (found)
		return all;
	for (size_t i = 0; i < HF_COUNT(plugins); i++)
		if (plugins[i].source && strcmp(plugins[i].source, source) == 0) {
			hf_note_add(
				why,
				"the SASL source %s is not installed (Debian: apt-get install %s)",
				source, plugins[i].package);
			return false;
		}
	hf_note_add(why, "the SASL source %s is not installed", source);
	return false;
}
