/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting and ending Cyrus SASL, which is one per process; its options, its log, its locks; and
 * who is who. */
#include "sasl/sasl.h"

#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sasl/sasl_priv.h"

#define DEFAULT_SASLAUTHD_PATH "/run/saslauthd/mux"
#define OPTIONS_MAX            128

/* gcc takes void (*)(void) for compatible with everything */
#define PROC(function) ((int (*)(void))(void (*)(void))(function))

static pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;
static bool in_use HF_GUARDED_BY(the_lock);

/* --- what Cyrus SASL asks for */

/* 2.1.28 has no locks of its own unless it is given some before its start. */
static void *mutex_new(void)
{
	pthread_mutex_t *mutex = hf_alloc(sizeof(*mutex));

	pthread_mutex_init(mutex, NULL);
	return mutex;
}

/* They take a lock for the library and leave it taken, which clang would not have. */
#ifdef __clang__
#define FOR_ANOTHER __attribute__((no_thread_safety_analysis))
#else
#define FOR_ANOTHER
#endif

FOR_ANOTHER static int mutex_lock(void *mutex)
{
	return pthread_mutex_lock(mutex) == 0 ? 0 : -1;
}

FOR_ANOTHER static int mutex_unlock(void *mutex)
{
	return pthread_mutex_unlock(mutex) == 0 ? 0 : -1;
}

static void mutex_free(void *mutex)
{
	pthread_mutex_destroy(mutex);
	hf_free(mutex);
}

/* Ours come first, so that further options cannot undo them. */
static int on_getopt(void *context, const char *plugin, const char *option, const char **result,
		     unsigned *size)
{
	const struct hf_sasl *sasl = context;

	(void)plugin;
	for (size_t i = 0; i < sasl->option_count; i += 2)
		if (strcmp(sasl->options[i], option) == 0) {
			*result = sasl->options[i + 1];
			if (size)
				*size = (unsigned)strlen(*result);
			return SASL_OK;
		}
	return SASL_OK;
}

static int on_log(void *context, int level, const char *message)
{
	const struct hf_sasl *sasl = context;
	struct hf_str text = hf_str_trim(hf_str(message));

	/* What follows each refusal of ours: there is nobody else to ask, on purpose. */
	if (hf_str_starts(text, HF_STR("unknown password verifier")))
		return SASL_OK;
	switch (level) {
	case SASL_LOG_ERR:
	case SASL_LOG_WARN:
		hf_warning(sasl->log, "sasl_library text=%s", hf_log_quote(text));
		break;
	case SASL_LOG_FAIL:
	case SASL_LOG_NOTE:
	case SASL_LOG_DEBUG:
		hf_debug(sasl->log, "sasl_library text=%s", hf_log_quote(text));
		break;
	default: /* traces may hold passwords */
		break;
	}
	return SASL_OK;
}

static int on_verify_file(void *context, const char *path, sasl_verify_type_t type)
{
	return hf_sasl_verify_file(context, path, type);
}

/* --- settings */

void hf_sasl_settings_init(struct hf_sasl_settings *settings)
{
	*settings = (struct hf_sasl_settings){
		.source = "store",
		.saslauthd_path = DEFAULT_SASLAUTHD_PATH,
		.saslauthd_timeout_ms = 10000,
		.mechanisms = HF_SASL_MECHANISMS_DEFAULT,
		.iterations = 10000,
		.verifier_s = 600,
	};
}

static void add_option(struct hf_sasl *sasl, const char *name, const char *value)
{
	sasl->options[sasl->option_count++] = hf_strdup(name);
	sasl->options[sasl->option_count++] = hf_strdup(value);
}

static bool add_mechanisms(struct hf_sasl *sasl, const char *text, struct hf_note *why)
{
	struct hf_str rest = hf_str(text);

	while (rest.size) {
		struct hf_str name = hf_str_trim(hf_str_split(&rest, ' '));
		struct hf_sasl_mechanism *mechanism = &sasl->mechanisms[sasl->mechanism_count];
		bool twice = false;

		if (!name.size)
			continue;
		if (sasl->mechanism_count == HF_SASL_MECHANISMS_MAX) {
			hf_note_add(why, "more than %d SASL mechanisms", HF_SASL_MECHANISMS_MAX);
			return false;
		}
		if (!hf_sasl_mechanism_parse(name, mechanism)) {
			hf_note_add(why, "%.*s is not the name of a SASL mechanism",
				    HF_STR_ARG(name));
			return false;
		}
		for (size_t i = 0; i < sasl->mechanism_count; i++)
			twice = twice || strcmp(sasl->mechanisms[i].name, mechanism->name) == 0;
		if (!twice)
			sasl->mechanism_count++;
	}
	if (!sasl->mechanism_count)
		hf_note_add(why, "no SASL mechanism is allowed");
	return sasl->mechanism_count > 0;
}

static void add_options(struct hf_sasl *sasl, const struct hf_sasl_settings *settings,
			const char *source)
{
	struct hf_buf text = HF_BUF_INIT;
	size_t given = 0;

	while (settings->options && settings->options[given] && settings->options[given + 1])
		given += 2;
	sasl->options = hf_alloc_zero((given + 16) * sizeof(*sasl->options));
	for (size_t i = 0; i < sasl->mechanism_count; i++)
		hf_buf_printf(&text, "%s%s", i ? " " : "", sasl->mechanisms[i].base);
	add_option(sasl, "mech_list", hf_buf_cstr(&text));
	/* The checkpass callback decides; an unknown method after it accepts nobody. */
	add_option(sasl, "pwcheck_method", sasl->source == HF_SASL_AUXPROP ? "auxprop" : "none");
	hf_buf_clear(&text);
	if (sasl->source == HF_SASL_AUXPROP)
		hf_buf_printf(&text, "%s ", source);
	hf_buf_add_lit(&text, "holdfast");
	add_option(sasl, "auxprop_plugin", hf_buf_cstr(&text));
	hf_buf_clear(&text);
	hf_buf_add_u64(&text, sasl->iterations);
	add_option(sasl, "scram_iteration_counter", hf_buf_cstr(&text));
	add_option(sasl, "canon_user_plugin", "INTERNAL");
	add_option(sasl, "auto_transition", "no");
	add_option(sasl, "log_level", hf_log_threshold() >= HF_LOG_DEBUG ? "5" : "3");
	for (size_t i = 0; i < given; i += 2)
		add_option(sasl, settings->options[i], settings->options[i + 1]);
	hf_buf_fini(&text);
}

static char *own_hostname(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0 || !name[0])
		return hf_strdup("localhost");
	name[sizeof(name) - 1] = '\0';
	return hf_strdup(name);
}

static bool check(const struct hf_sasl_settings *settings, struct hf_note *why)
{
	size_t given = 0;
	bool ok = true;

	if (settings->iterations < 10000 || settings->iterations > 65536) {
		hf_note_add(why, "the number of SCRAM iterations must be from 10000 to 65536");
		ok = false;
	}
	if (settings->saslauthd_timeout_ms == 0) {
		hf_note_add(why, "the time-out for saslauthd must not be 0");
		ok = false;
	}
	while (settings->options && settings->options[given])
		given++;
	if (given % 2 || given > OPTIONS_MAX) {
		hf_note_add(why, "SASL options come in pairs of name and value, at most %d",
			    OPTIONS_MAX / 2);
		ok = false;
	}
	return ok;
}

static void sasl_free(struct hf_sasl *sasl)
{
	hf_sasl_verifiers_free(&sasl->verifiers);
	hf_sasl_delays_free(&sasl->delays);
	/* Options may hold the password of a database. */
	for (size_t i = 0; i < sasl->option_count; i++)
		hf_free_secret(sasl->options[i], strlen(sasl->options[i]));
	hf_free(sasl->options);
	hf_free(sasl->hostname);
	hf_free(sasl->saslauthd_path);
	hf_free(sasl->admins);
	pthread_mutex_destroy(&sasl->lock);
	hf_free_secret(sasl, sizeof(*sasl));
}

static struct hf_sasl *sasl_new(const struct hf_sasl_settings *settings,
				const struct hf_sasl_accounts *accounts, const struct hf_log *log,
				const char *source)
{
	struct hf_sasl *sasl = hf_alloc_zero(sizeof(*sasl));
	bool named = settings->saslauthd_path && settings->saslauthd_path[0];

	pthread_mutex_init(&sasl->lock, NULL);
	sasl->log = log;
	sasl->accounts = *accounts;
	sasl->source = strcmp(source, "store") == 0       ? HF_SASL_STORE
		       : strcmp(source, "saslauthd") == 0 ? HF_SASL_SASLAUTHD
							  : HF_SASL_AUXPROP;
	sasl->hostname = settings->hostname && settings->hostname[0] ? hf_strdup(settings->hostname)
								     : own_hostname();
	sasl->saslauthd_path = hf_strdup(named ? settings->saslauthd_path : DEFAULT_SASLAUTHD_PATH);
	sasl->saslauthd_timeout_ms = settings->saslauthd_timeout_ms;
	sasl->admins = hf_strdup(settings->admins ? settings->admins : "");
	sasl->allow_plaintext = settings->allow_plaintext;
	sasl->iterations = settings->iterations;
	sasl->verifier_s = settings->verifier_s;
	hf_random(sasl->process_key, sizeof(sasl->process_key));
	sasl->verifiers = hf_sasl_verifiers_new(sasl->process_key);
	sasl->delays = hf_sasl_delays_new();
	sasl->successes = hf_counter_get("sasl.successes", "authentications that succeeded");
	sasl->failures = hf_counter_get("sasl.failures", "authentications that failed");
	sasl->unavailables =
		hf_counter_get("sasl.unavailable", "authentications whose source did not answer");
	sasl->rounds = hf_counter_get("sasl.pbkdf2_rounds",
				      "PBKDF2 iterations for passwords given in clear");
	sasl->recognised = hf_counter_get("sasl.recognised", "passwords recognised without PBKDF2");
	sasl->callbacks[0] = (sasl_callback_t){ SASL_CB_GETOPT, PROC(on_getopt), sasl };
	sasl->callbacks[1] = (sasl_callback_t){ SASL_CB_LOG, PROC(on_log), sasl };
	sasl->callbacks[2] = (sasl_callback_t){ SASL_CB_VERIFYFILE, PROC(on_verify_file), sasl };
	sasl->callbacks[3] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
	return sasl;
}

static enum hf_status start_library(struct hf_sasl *sasl, const char *source, struct hf_note *why)
{
	int result;

	sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
	result = sasl_server_init(sasl->callbacks, "holdfast");
	if (result != SASL_OK) {
		hf_note_add(why, "Cyrus SASL does not start: %s",
			    sasl_errstring(result, NULL, NULL));
		return HF_EIO;
	}
	result = hf_sasl_auxprop_register();
	if (result != SASL_OK) {
		hf_note_add(why, "Cyrus SASL takes no plug-in: %s",
			    sasl_errstring(result, NULL, NULL));
		sasl_server_done();
		return HF_EIO;
	}
	if (!hf_sasl_plugins_present(sasl, source, why)) {
		sasl_server_done();
		return HF_ECANNOT;
	}
	return HF_OK;
}

enum hf_status hf_sasl_open(const struct hf_sasl_settings *settings,
			    const struct hf_sasl_accounts *accounts, const struct hf_log *log,
			    struct hf_note *why, struct hf_sasl **out)
{
	const char *source = settings->source && settings->source[0] ? settings->source : "store";
	enum hf_status status = HF_EINVALID;
	struct hf_sasl *sasl = NULL;

	if (!check(settings, why))
		return HF_EINVALID;
	pthread_mutex_lock(&the_lock);
	if (in_use) {
		hf_note_add(why, "SASL is open already in this process");
		pthread_mutex_unlock(&the_lock);
		return HF_EINUSE;
	}
	sasl = sasl_new(settings, accounts, log, source);
	if (add_mechanisms(sasl,
			   settings->mechanisms ? settings->mechanisms : HF_SASL_MECHANISMS_DEFAULT,
			   why)) {
		add_options(sasl, settings, source);
		status = start_library(sasl, source, why);
	}
	if (status == HF_OK) {
		in_use = true;
		*out = sasl;
	} else {
		sasl_free(sasl);
	}
	pthread_mutex_unlock(&the_lock);
	return status;
}

void hf_sasl_close(struct hf_sasl **sasl)
{
	if (!*sasl)
		return;
	pthread_mutex_lock(&the_lock);
	pthread_mutex_lock(&(*sasl)->lock);
	hf_assert((*sasl)->exchanges == 0);
	pthread_mutex_unlock(&(*sasl)->lock);
	/* Not sasl_done(), which would end clients too: libldap's, for one. */
	sasl_server_done();
	sasl_free(*sasl);
	*sasl = NULL;
	in_use = false;
	pthread_mutex_unlock(&the_lock);
}

/* --- who is who */

enum hf_status hf_sasl_identify(struct hf_sasl *sasl, struct hf_str name,
				struct hf_sasl_identity *id)
{
	enum hf_status status;

	id->known = id->disabled = false;
	hf_buf_clear(&id->name);
	status = sasl->accounts.find(sasl->accounts.arg, name, &id->name, &id->disabled);
	if (status >= HF_EUNAVAILABLE)
		return HF_EUNAVAILABLE;
	id->known = status == HF_OK;
	if (!id->known) {
		id->disabled = false;
		hf_buf_clear(&id->name);
		hf_buf_add_str(&id->name, name);
	}
	return HF_OK;
}

bool hf_sasl_is_admin(struct hf_sasl *sasl, struct hf_str canonical)
{
	struct hf_sasl_identity id = { .name = HF_BUF_INIT };
	struct hf_str rest = hf_str(sasl->admins);
	bool found = false;

	while (rest.size && !found) {
		struct hf_str name = hf_str_trim(hf_str_split(&rest, ' '));

		if (!name.size)
			continue;
		found = hf_sasl_identify(sasl, name, &id) == HF_OK &&
			hf_str_eq(hf_buf_str(&id.name), canonical);
	}
	hf_buf_fini(&id.name);
	return found;
}

/* --- small things of the interface */

uint32_t hf_sasl_delay_ms(struct hf_sasl *sasl, struct hf_str address)
{
	return address.size ? hf_sasl_delays_get(sasl->delays, address, hf_now_ms()) : 0;
}

void hf_sasl_note_result(struct hf_sasl *sasl, struct hf_str address, bool success)
{
	if (address.size)
		hf_sasl_delays_note(sasl->delays, address, success, hf_now_ms());
}

void hf_sasl_forget(struct hf_sasl *sasl, struct hf_str canonical)
{
	hf_sasl_verifiers_forget(sasl->verifiers, canonical);
}
