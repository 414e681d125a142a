/* SPDX-License-Identifier: BSD-2-Clause */
/* What LOGIN, AUTHENTICATE and CAPABILITY share: who the other side is, what becomes of a failure
 * and of a success. RFC 9051 §6.2; delays after failures are held against the address, never
 * against the account. */
#include "module/imap/session_priv.h"

#include "base/counter.h"
#include "base/mem.h"

#define FAILURES_MAX 10 /* in one connection */

void imap_auth_peer(struct imap_session *session, struct hf_sasl_peer *peer)
{
	struct hf_conn *conn = session->conn;
	bool unix_socket = hf_conn_is_unix(conn);

	*peer = (struct hf_sasl_peer){
		.service = "imap",
		.secure = unix_socket || hf_conn_is_tls(conn),
		.loopback = hf_conn_is_loopback(conn),
		.address = unix_socket ? HF_STR_NULL : hf_str(hf_conn_peer_address(conn)),
		.external_id = hf_conn_external_id(conn),
		.can_bind = hf_conn_can_bind(conn),
	};
}

void imap_auth_exchange_peer(struct imap_session *session, struct hf_sasl_peer *peer)
{
	imap_auth_peer(session, peer);
	peer->local = hf_conn_local_port(session->conn);
	peer->remote = hf_conn_peer_port(session->conn);
	peer->tls_exporter = hf_conn_binding(session->conn, HF_BINDING_EXPORTER);
	peer->tls_server_end_point = hf_conn_binding(session->conn, HF_BINDING_SERVER_END_POINT);
	peer->tls_unique = hf_conn_binding(session->conn, HF_BINDING_UNIQUE);
}

bool imap_auth_failed(struct imap_session *session, const char *mechanism, struct hf_str user,
		      enum hf_status status)
{
	struct imap_module *module = session->priv->module;
	struct hf_sasl_peer peer;
	uint32_t delay;

	imap_auth_peer(session, &peer);
	hf_counter_add(module->login_failures, 1);
	hf_info(&session->log, "login-failed mech=%s name=%s tls=%s reason=%s", mechanism,
		hf_log_quote(user),
		hf_conn_is_tls(session->conn) ? hf_conn_tls_version(session->conn) : "no",
		hf_log_quote(hf_str(hf_status_text(status))));
	if (status == HF_EAUTH || status == HF_EAUTHZ)
		hf_sasl_note_result(module->sasl, peer.address, false);
	session->priv->auth_failures++;
	delay = hf_sasl_delay_ms(module->sasl, peer.address);
	if (!delay)
		return false;
	imap_set_deadline(session, delay);
	return true;
}

enum hf_status imap_auth_succeeded(struct imap_cmd *cmd, const char *mechanism, struct hf_str user,
				   struct hf_str authenticated)
{
	struct imap_session *session = cmd->session;
	struct hf_sasl_peer peer;
	enum hf_status status = imap_session_login(session, user);

	if (status == HF_ELIMIT)
		imap_text(cmd, "Too many connections of this user");
	if (status == HF_ENONEXISTENT) {
		imap_text(cmd, "This account has no mailboxes here");
		status = HF_EAUTHZ;
	}
	if (status != HF_OK)
		return status;
	session->admin = hf_sasl_is_admin(session->priv->module->sasl, authenticated);
	imap_auth_peer(session, &peer);
	hf_sasl_note_result(session->priv->module->sasl, peer.address, true);
	hf_counter_add(session->priv->module->logins, 1);
	hf_info(&session->log, "login mech=%s by=%s tls=%s", mechanism, hf_log_quote(authenticated),
		hf_conn_is_tls(session->conn) ? hf_conn_tls_version(session->conn) : "no");
	hf_buf_clear(&cmd->code);
	hf_buf_add_lit(&cmd->code, "CAPABILITY ");
	imap_add_capabilities(session, &cmd->code);
	imap_text(cmd, "Logged in");
	return HF_OK;
}

enum hf_status imap_session_login(struct imap_session *session, struct hf_str user)
{
	struct hf_user found;
	enum hf_status status = hf_user_find(session->store, user, session->arena, &found);

	if (status != HF_OK)
		return status;
	status = hf_account_open(session->store, found.id, &session->account);
	if (status != HF_OK)
		return status;
	status = hf_conn_set_user(session->conn, found.name);
	if (status != HF_OK) {
		hf_account_close(&session->account);
		return status;
	}
	session->user = hf_str_n(hf_memdup(found.name.data, found.name.size), found.name.size);
	session->user_id = found.id;
	session->state = IMAP_AUTHENTICATED;
	session->priv->auth_failures = 0;
	hf_conn_set_activity(session->conn, "logged in");
	return HF_OK;
}

void imap_auth_limit(struct imap_session *session)
{
	if (session->priv->auth_failures >= FAILURES_MAX)
		imap_bye(session, NULL, "Too many failed logins");
}
