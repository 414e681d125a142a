/* SPDX-License-Identifier: BSD-2-Clause */
/* One authentication, from the mechanism's name to a result.
 *
 * Cyrus SASL's part of it is made at the first step, once the client's first message is there: only
 * then is it known which channel binding a SCRAM client means, and one connection of Cyrus SASL has
 * room for one.
 *
 * What always holds: a result of success was checked against the account once more (`finish`),
 * whatever the mechanism thought; nothing of the library's error texts reaches the client. */
#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"
#include "sasl/sasl_priv.h"

#define PROC(function) ((int (*)(void))(void (*)(void))(function))

enum stage {
	STAGE_NEW,     /* nothing from the client yet */
	STAGE_WAITING, /* an empty challenge is out, the client's first message is to come */
	STAGE_RUNNING, /* in Cyrus SASL's hands */
	STAGE_DONE
};

struct hf_sasl_exchange {
	struct hf_sasl *sasl;
	struct hf_sasl_lookup lookup; /* what the property plug-in is given */
	const struct hf_sasl_mechanism *mechanism;
	enum stage stage;
	unsigned steps; /* given to Cyrus SASL */

	/* of the connection */
	char *service, *local, *remote, *external_id;
	struct hf_buf address, exporter, end_point, unique;
	bool secure, loopback;

	sasl_conn_t *conn;
	sasl_callback_t callbacks[4];
	sasl_channel_binding_t binding;
	char binding_name[32];

	struct hf_sasl_identity authid, authzid;
	struct hf_str authorised;
	enum hf_status trouble; /* ours, which Cyrus SASL cannot tell: HF_EUNAVAILABLE */
	const char *why;        /* for the log */
};

/* --- what Cyrus SASL asks in the course of an exchange. The context of SASL_CB_CANON_USER is found
 * by the property plug-in, too; so it is the exchange's look-up, from which the exchange is found.
 */

static struct hf_sasl_exchange *exchange_of(void *context)
{
	return HF_CONTAINER(context, struct hf_sasl_exchange, lookup);
}

static bool is_name(struct hf_str name)
{
	if (name.size == 0 || name.size > HF_SASL_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
			return false;
	return true;
}

static int on_canon_user(sasl_conn_t *conn, void *context, const char *in, unsigned in_size,
			 unsigned flags, const char *realm, char *out, unsigned out_max,
			 unsigned *out_size)
{
	struct hf_sasl_exchange *x = exchange_of(context);
	struct hf_sasl_identity *id = flags & SASL_CU_AUTHID ? &x->authid : &x->authzid;
	struct hf_str name = hf_str_trim(hf_str_n(in, in_size));

	(void)conn;
	(void)realm;
	if (!is_name(name)) {
		x->why = "not a user name";
		return SASL_NOUSER;
	}
	if (hf_sasl_identify(x->sasl, name, id) != HF_OK) {
		x->trouble = HF_EUNAVAILABLE;
		return SASL_UNAVAIL;
	}
	if (id->name.size >= out_max)
		return SASL_BUFOVER;
	memcpy(out, id->name.data, id->name.size);
	out[id->name.size] = '\0';
	*out_size = (unsigned)id->name.size;
	return SASL_OK;
}

/* PLAIN, LOGIN and the LOGIN command, unless the source is an auxprop plug-in with readable
 * passwords. Cyrus SASL takes no refusal for final and goes on to `pwcheck_method`, which names
 * nobody. */
static int on_checkpass(sasl_conn_t *conn, void *context, const char *user, const char *password,
			unsigned password_size, struct propctx *properties)
{
	struct hf_sasl_exchange *x = exchange_of(context);
	struct hf_str secret = hf_str_n(password, password_size);
	enum hf_status status;

	(void)conn;
	(void)properties;
	if (x->sasl->source == HF_SASL_STORE)
		status = hf_sasl_verify(x->sasl, &x->authid, secret);
	else
		status = hf_saslauthd_ask(x->sasl->saslauthd_path, x->sasl->saslauthd_timeout_ms,
					  hf_str(user), secret, x->service, &x->why);
	if (status == HF_OK)
		return SASL_OK;
	if (status != HF_EAUTH) {
		x->trouble = HF_EUNAVAILABLE;
		return SASL_UNAVAIL;
	}
	x->why = x->authid.disabled                                     ? "account disabled"
		 : !x->authid.known && x->sasl->source == HF_SASL_STORE ? "unknown user"
									: "wrong password";
	return SASL_BADAUTH;
}

static int on_proxy_policy(sasl_conn_t *conn, void *context, const char *requested,
			   unsigned requested_size, const char *authenticated,
			   unsigned authenticated_size, const char *realm, unsigned realm_size,
			   struct propctx *properties)
{
	struct hf_sasl_exchange *x = exchange_of(context);
	struct hf_str user = hf_str_n(requested, requested_size);
	struct hf_str self = hf_str_n(authenticated, authenticated_size);

	(void)conn;
	(void)realm;
	(void)realm_size;
	(void)properties;
	if (hf_str_eq(user, self))
		return SASL_OK;
	if (!hf_sasl_is_admin(x->sasl, self)) {
		x->why = "not allowed to act as another";
		return SASL_NOAUTHZ;
	}
	if (!hf_str_eq(user, hf_buf_str(&x->authzid.name)) || x->authzid.disabled ||
	    (x->sasl->source == HF_SASL_STORE && !x->authzid.known)) {
		x->why = "the user to act as is unknown or disabled";
		return SASL_NOAUTHZ;
	}
	return SASL_OK;
}

/* --- life */

static char *copy(struct hf_str s)
{
	return s.size ? hf_strndup(s.data, s.size) : NULL;
}

static struct hf_sasl_exchange *exchange_new(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
					     const struct hf_sasl_mechanism *mechanism)
{
	struct hf_sasl_exchange *x = hf_alloc_zero(sizeof(*x));

	x->sasl = sasl;
	x->mechanism = mechanism;
	x->lookup = (struct hf_sasl_lookup){ sasl, mechanism, &x->authid, HF_OK };
	x->service = hf_strdup(peer->service && peer->service[0] ? peer->service : "imap");
	x->local = copy(hf_str(peer->local));
	x->remote = copy(hf_str(peer->remote));
	x->external_id = copy(peer->external_id);
	x->secure = peer->secure;
	x->loopback = peer->loopback;
	hf_buf_add_str(&x->address, peer->address);
	hf_buf_add_str(&x->exporter, peer->tls_exporter);
	hf_buf_add_str(&x->end_point, peer->tls_server_end_point);
	hf_buf_add_str(&x->unique, peer->tls_unique);
	pthread_mutex_lock(&sasl->lock);
	sasl->exchanges++;
	pthread_mutex_unlock(&sasl->lock);
	return x;
}

void hf_sasl_exchange_free(struct hf_sasl_exchange **exchange)
{
	struct hf_sasl_exchange *x = *exchange;

	if (!x)
		return;
	if (x->conn)
		sasl_dispose(&x->conn);
	hf_free(x->service);
	hf_free(x->local);
	hf_free(x->remote);
	hf_free(x->external_id);
	hf_buf_fini(&x->address);
	hf_sasl_buf_wipe(&x->exporter);
	hf_sasl_buf_wipe(&x->end_point);
	hf_sasl_buf_wipe(&x->unique);
	hf_buf_fini(&x->authid.name);
	hf_buf_fini(&x->authzid.name);
	pthread_mutex_lock(&x->sasl->lock);
	x->sasl->exchanges--;
	pthread_mutex_unlock(&x->sasl->lock);
	hf_free(x);
	*exchange = NULL;
}

enum hf_status hf_sasl_start(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			     struct hf_str name, struct hf_sasl_exchange **exchange)
{
	const struct hf_sasl_mechanism *mechanism = hf_sasl_mechanism_find(sasl, peer, name);

	if (!mechanism)
		return HF_ECANNOT;
	*exchange = exchange_new(sasl, peer, mechanism);
	return HF_OK;
}

/* The connection as Cyrus SASL knows it. */
static int make_conn(struct hf_sasl_exchange *x)
{
	sasl_security_properties_t properties = { .security_flags = SASL_SEC_NOANONYMOUS };
	sasl_ssf_t strength = x->secure ? 256 : 0;
	/* Only mechanisms that are not ours to know look at addresses. */
	bool addresses = x->mechanism->kind == HF_SASL_OTHER;
	size_t n = 0;
	int result;

	x->callbacks[n++] =
		(sasl_callback_t){ SASL_CB_CANON_USER, PROC(on_canon_user), &x->lookup };
	x->callbacks[n++] =
		(sasl_callback_t){ SASL_CB_PROXY_POLICY, PROC(on_proxy_policy), &x->lookup };
	if (x->sasl->source != HF_SASL_AUXPROP)
		x->callbacks[n++] = (sasl_callback_t){ SASL_CB_SERVER_USERDB_CHECKPASS,
						       PROC(on_checkpass), &x->lookup };
	x->callbacks[n] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
	result = sasl_server_new(x->service, x->sasl->hostname, NULL, addresses ? x->local : NULL,
				 addresses ? x->remote : NULL, x->callbacks, SASL_SUCCESS_DATA,
				 &x->conn);
	if (result != SASL_OK)
		return result;
	if (!x->secure && !x->loopback && !x->sasl->allow_plaintext)
		properties.security_flags |= SASL_SEC_NOPLAINTEXT;
	result = sasl_setprop(x->conn, SASL_SEC_PROPS, &properties);
	if (result == SASL_OK)
		result = sasl_setprop(x->conn, SASL_SSF_EXTERNAL, &strength);
	if (result == SASL_OK && x->external_id)
		result = sasl_setprop(x->conn, SASL_AUTH_EXTERNAL, x->external_id);
	if (result == SASL_OK && x->binding.name)
		result = sasl_setprop(x->conn, SASL_CHANNEL_BINDING, &x->binding);
	return result;
}

/* --- channel binding, RFC 5802 §6: decided before Cyrus SASL sees anything */

static struct hf_str binding_data(const struct hf_sasl_exchange *x, struct hf_str type)
{
	if (hf_str_eq(type, HF_STR("tls-exporter"))) /* RFC 9266 */
		return hf_buf_str(&x->exporter);
	if (hf_str_eq(type, HF_STR("tls-server-end-point"))) /* RFC 5929 §4 */
		return hf_buf_str(&x->end_point);
	if (hf_str_eq(type, HF_STR("tls-unique"))) /* RFC 5929 §3 */
		return hf_buf_str(&x->unique);
	return HF_STR_NULL;
}

static enum hf_status choose_binding(struct hf_sasl_exchange *x, struct hf_str client)
{
	struct hf_sasl_peer peer = {
		.tls_exporter = hf_buf_str(&x->exporter),
		.tls_server_end_point = hf_buf_str(&x->end_point),
		.tls_unique = hf_buf_str(&x->unique),
	};
	struct hf_str data;
	struct hf_gs2 gs2;

	if (!hf_gs2_parse(client, &gs2)) {
		x->why = "malformed GS2 header";
		return HF_ESYNTAX;
	}
	if (!x->mechanism->plus) {
		if (gs2.flag == 'p') {
			x->why = "channel binding with a mechanism without it";
			return HF_EAUTH;
		}
		if (gs2.flag == 'y' && hf_sasl_offers_plus(x->sasl, &peer, x->mechanism)) {
			x->why = "the client was not shown -PLUS: downgrade";
			return HF_EAUTH;
		}
		return HF_OK;
	}
	data = gs2.flag == 'p' ? binding_data(x, gs2.binding) : HF_STR_NULL;
	if (!data.size || gs2.binding.size >= sizeof(x->binding_name)) {
		x->why = gs2.flag == 'p' ? "channel binding of a type that is not to be had"
					 : "no channel binding with -PLUS";
		return HF_EAUTH;
	}
	memcpy(x->binding_name, gs2.binding.data, gs2.binding.size);
	x->binding = (sasl_channel_binding_t){
		.name = x->binding_name,
		.critical = 1,
		.len = data.size,
		.data = (const unsigned char *)data.data,
	};
	return HF_OK;
}

/* --- results */

static void log_failure(struct hf_sasl_exchange *x, enum hf_status status, int result)
{
	const char *why = x->why;

	if (!why && x->conn && result < 0)
		why = sasl_errdetail(x->conn);
	if (!why)
		why = hf_status_text(status);
	if (status == HF_EUNAVAILABLE)
		hf_error(x->sasl->log, "auth_unavailable mech=%s user=%s reason=%s",
			 x->mechanism->name, hf_log_quote(hf_buf_str(&x->authid.name)),
			 hf_log_quote(hf_str(why)));
	else
		hf_info(x->sasl->log, "auth_failed mech=%s user=%s address=%s reason=%s",
			x->mechanism->name, hf_log_quote(hf_buf_str(&x->authid.name)),
			hf_log_quote(hf_buf_str(&x->address)), hf_log_quote(hf_str(why)));
}

static enum hf_status fail(struct hf_sasl_exchange *x, enum hf_status status, int result)
{
	x->stage = STAGE_DONE;
	hf_counter_add(status == HF_EUNAVAILABLE ? x->sasl->unavailables : x->sasl->failures, 1);
	log_failure(x, status, result);
	return status;
}

/* Success is checked once more against the account. */
static enum hf_status finish(struct hf_sasl_exchange *x)
{
	const void *authenticated = NULL, *authorised = NULL;

	if (sasl_getprop(x->conn, SASL_AUTHUSER, &authenticated) != SASL_OK ||
	    sasl_getprop(x->conn, SASL_USERNAME, &authorised) != SASL_OK || !authenticated ||
	    !authorised || !hf_str_eq(hf_str(authenticated), hf_buf_str(&x->authid.name))) {
		x->why = "no user name at the end";
		return fail(x, HF_EAUTH, SASL_OK);
	}
	if (x->authid.disabled || (x->sasl->source == HF_SASL_STORE && !x->authid.known)) {
		x->why = x->authid.disabled ? "account disabled" : "unknown user";
		return fail(x, HF_EAUTH, SASL_OK);
	}
	if (hf_str_eq(hf_str(authorised), hf_buf_str(&x->authid.name))) {
		x->authorised = hf_buf_str(&x->authid.name);
	} else if (hf_str_eq(hf_str(authorised), hf_buf_str(&x->authzid.name))) {
		x->authorised = hf_buf_str(&x->authzid.name);
	} else {
		x->why = "another user to act as than was asked for";
		return fail(x, HF_EAUTHZ, SASL_OK);
	}
	x->stage = STAGE_DONE;
	hf_counter_add(x->sasl->successes, 1);
	return HF_OK;
}

static enum hf_status settle(struct hf_sasl_exchange *x, int result)
{
	if (result == SASL_OK)
		return finish(x);
	if (x->trouble != HF_OK || x->lookup.trouble != HF_OK)
		return fail(x, HF_EUNAVAILABLE, result);
	switch (result) {
	case SASL_NOAUTHZ:
		return fail(x, HF_EAUTHZ, result);
	case SASL_UNAVAIL:
	case SASL_NOMEM:
		return fail(x, HF_EUNAVAILABLE, result);
	case SASL_BADPROT:
		/* SCRAM says so of a wrong proof too, which only the second message holds. */
		return fail(x,
			    x->mechanism->kind == HF_SASL_SCRAM && x->steps > 1 ? HF_EAUTH
										: HF_ESYNTAX,
			    result);
	default:
		return fail(x, HF_EAUTH, result);
	}
}

/* --- steps */

/* What must be right before the first message goes to Cyrus SASL. */
static enum hf_status check_first(struct hf_sasl_exchange *x, struct hf_str client)
{
	switch (x->mechanism->kind) {
	case HF_SASL_SCRAM:
		return choose_binding(x, client);
	case HF_SASL_EXTERNAL:
		/* It takes the authorization identity for a C string. */
		if (hf_str_chr(client, '\0') < 0)
			return HF_OK;
		x->why = "NUL in an authorization identity";
		return HF_ESYNTAX;
	default:
		return HF_OK;
	}
}

static enum hf_status first_step(struct hf_sasl_exchange *x, bool has_message, struct hf_str client,
				 const char **out, unsigned *out_size, int *result)
{
	enum hf_status status = has_message ? check_first(x, client) : HF_OK;

	if (status != HF_OK)
		return status;
	*result = make_conn(x);
	if (*result != SASL_OK) {
		x->trouble = HF_EUNAVAILABLE;
		return HF_OK;
	}
	x->steps = 1;
	*result = sasl_server_start(x->conn, x->mechanism->name, has_message ? client.data : NULL,
				    has_message ? (unsigned)client.size : 0, out, out_size);
	return HF_OK;
}

enum hf_status hf_sasl_step(struct hf_sasl_exchange *x, bool has_initial, struct hf_str client,
			    struct hf_buf *server)
{
	bool server_first =
		x->mechanism->kind == HF_SASL_LOGIN || x->mechanism->kind == HF_SASL_OTHER;
	bool has_message = has_initial || x->stage != STAGE_NEW;
	enum hf_status status = HF_OK;
	char *message;
	const char *out = NULL;
	unsigned out_size = 0;
	int result = SASL_OK;

	hf_assert(x->stage != STAGE_DONE);
	hf_buf_clear(server);
	if (client.size > HF_SASL_RESPONSE_MAX) {
		x->why = "response too long";
		return fail(x, HF_ESYNTAX, SASL_OK);
	}
	if (!has_message && !server_first) {
		x->stage = STAGE_WAITING;
		return HF_MORE;
	}
	/* Cyrus SASL wants a NUL behind it. */
	message = hf_strndup(client.size ? client.data : "", client.size);
	if (x->stage == STAGE_RUNNING) {
		x->steps++;
		result = sasl_server_step(x->conn, message, (unsigned)client.size, &out, &out_size);
	} else {
		x->stage = STAGE_RUNNING;
		status = first_step(x, has_message, hf_str_n(message, client.size), &out, &out_size,
				    &result);
	}
	hf_free_secret(message, client.size);
	if (status != HF_OK)
		return fail(x, status, SASL_OK);
	if (result == SASL_CONTINUE) {
		hf_buf_add(server, out, out ? out_size : 0);
		return HF_MORE;
	}
	status = settle(x, result);
	if (status == HF_OK)
		hf_buf_add(server, out, out ? out_size : 0);
	return status;
}

enum hf_status hf_sasl_login(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			     struct hf_str user, struct hf_str password, struct hf_buf *canonical)
{
	static const struct hf_sasl_mechanism command = { .name = "LOGIN",
							  .base = "LOGIN",
							  .kind = HF_SASL_LOGIN };
	struct hf_sasl_exchange *x;
	enum hf_status status;
	int result;

	if (!hf_sasl_allows_plaintext(sasl, peer))
		return HF_ECANNOT;
	x = exchange_new(sasl, peer, &command);
	if (user.size == 0 || user.size > HF_SASL_NAME_MAX || password.size == 0 ||
	    password.size > HF_SASL_RESPONSE_MAX || hf_str_chr(user, '\0') >= 0 ||
	    hf_str_chr(password, '\0') >= 0) {
		x->why = "empty, too long, or with a NUL";
		status = fail(x, HF_EAUTH, SASL_OK);
	} else {
		char *name = hf_strndup(user.data, user.size);
		char *secret = hf_strndup(password.data, password.size);

		result = make_conn(x);
		if (result != SASL_OK)
			x->trouble = HF_EUNAVAILABLE;
		else
			result = sasl_checkpass(x->conn, name, (unsigned)user.size, secret,
						(unsigned)password.size);
		hf_free(name);
		hf_free_secret(secret, password.size);
		status = settle(x, result);
	}
	if (status == HF_OK)
		hf_buf_add_str(canonical, x->authorised);
	/* The client said nothing malformed and asked for nobody else. */
	else if (status != HF_EUNAVAILABLE)
		status = HF_EAUTH;
	hf_sasl_exchange_free(&x);
	return status;
}

static bool is_plain_text(struct hf_str s, size_t max)
{
	return s.size && s.size <= max && hf_str_chr(s, '\0') < 0;
}

enum hf_status hf_sasl_login_known(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
				   struct hf_str user, struct hf_str password,
				   struct hf_buf *canonical)
{
	struct hf_sasl_identity id = { .name = HF_BUF_INIT };
	struct hf_str name = hf_str_trim(user);
	bool known;

	if (sasl->source != HF_SASL_STORE || !hf_sasl_allows_plaintext(sasl, peer) ||
	    !is_plain_text(user, HF_SASL_NAME_MAX) ||
	    !is_plain_text(password, HF_SASL_RESPONSE_MAX) || !is_name(name))
		return HF_MORE;
	known = hf_sasl_identify(sasl, name, &id) == HF_OK && hf_sasl_recognise(sasl, &id, password) &&
		id.known && !id.disabled;
	if (known) {
		hf_counter_add(sasl->successes, 1);
		hf_buf_add_str(canonical, hf_buf_str(&id.name));
	}
	hf_buf_fini(&id.name);
	return known ? HF_OK : HF_MORE;
}

struct hf_str hf_sasl_authenticated(const struct hf_sasl_exchange *x)
{
	return x->authorised.size ? hf_buf_str(&x->authid.name) : HF_STR_NULL;
}

struct hf_str hf_sasl_authorised(const struct hf_sasl_exchange *x)
{
	return x->authorised;
}
