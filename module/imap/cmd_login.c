/* SPDX-License-Identifier: BSD-2-Clause */
/* LOGIN: name and password in clear. RFC 9051 §6.2.3; PRIVACYREQUIRED: RFC 5530.
 *
 * Arguments: user name, password. A password that was verified lately is recognised at once;
 * else the check runs on a helper thread, and the answer to a failure is held back by a timer. */
#include "module/imap/session_priv.h"

#include "base/mem.h"

struct login_args {
	struct hf_str user, password;
	struct login_job *job;
	bool failed; /* `status` is told when the deadline has passed */
	enum hf_status status;
};

/* What the helper thread works on: it may outlive the connection, so everything is copied. */
struct login_job {
	struct hf_sasl *sasl;
	struct hf_arena *arena;
	struct hf_sasl_peer peer;
	struct hf_str user, password;
	struct hf_buf canonical;
	enum hf_status status;
};

static struct login_job *job_new(struct imap_session *session, const struct login_args *args)
{
	struct login_job *job = hf_alloc_zero(sizeof(*job));
	struct hf_sasl_peer peer;

	imap_auth_exchange_peer(session, &peer);
	job->sasl = session->priv->module->sasl;
	job->arena = hf_arena_new();
	job->peer = peer;
	job->peer.local = peer.local ? hf_arena_cstr(job->arena, hf_str(peer.local)) : NULL;
	job->peer.remote = peer.remote ? hf_arena_cstr(job->arena, hf_str(peer.remote)) : NULL;
	job->peer.address = hf_arena_str(job->arena, peer.address);
	job->peer.external_id = hf_arena_str(job->arena, peer.external_id);
	job->peer.tls_exporter = job->peer.tls_server_end_point = job->peer.tls_unique = HF_STR_NULL;
	job->user = hf_arena_str(job->arena, args->user);
	job->password =
		hf_str_n(hf_memdup(args->password.data, args->password.size), args->password.size);
	return job;
}

static void job_free(void *arg)
{
	struct login_job *job = arg;

	hf_free_secret((void *)(uintptr_t)job->password.data, job->password.size);
	hf_arena_free(&job->arena);
	hf_buf_fini(&job->canonical);
	hf_free(job);
}

static void job_run(void *arg)
{
	struct login_job *job = arg;

	job->status =
		hf_sasl_login(job->sasl, &job->peer, job->user, job->password, &job->canonical);
}

static enum hf_status login_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct login_args *args = cmd->args = hf_new(cmd->arena, struct login_args);

	if (!imap_parse_astring(p, &args->user))
		return imap_parser_expected(p, "a user name");
	if (!imap_parse_space(p) || !imap_parse_astring(p, &args->password))
		return imap_parser_expected(p, "a password");
	return HF_OK;
}

static enum hf_status login_start(struct imap_cmd *cmd)
{
	struct imap_session *session = cmd->session;
	struct login_args *args = cmd->args;
	struct hf_buf canonical = HF_BUF_INIT;
	struct hf_sasl_peer peer;
	enum hf_status status;

	imap_auth_peer(session, &peer);
	if (!hf_sasl_allows_plaintext(session->priv->module->sasl, &peer)) {
		imap_code(cmd, "PRIVACYREQUIRED");
		imap_text(cmd, "Use STARTTLS first");
		return HF_ENOPERM;
	}
	status = hf_sasl_login_known(session->priv->module->sasl, &peer, args->user, args->password, &canonical);
	if (status == HF_OK) {
		struct hf_str user = hf_buf_str(&canonical);

		status = imap_auth_succeeded(cmd, "LOGIN", user, user);
		hf_buf_fini(&canonical);
		return status;
	}
	args->job = job_new(session, args);
	status = imap_offload(session, job_run, args->job, job_free);
	return status == HF_OK ? HF_WAIT : status;
}

static enum hf_status login_next(struct imap_cmd *cmd)
{
	struct login_args *args = cmd->args;
	struct login_job *job = args->job;

	if (args->failed)
		return imap_deadline_passed(cmd->session) ? args->status : HF_WAIT;
	if (imap_offload_running(cmd->session))
		return HF_WAIT;
	if (job->status == HF_OK) {
		struct hf_str user = hf_buf_str(&job->canonical);

		return imap_auth_succeeded(cmd, "LOGIN", user, user);
	}
	args->failed = true;
	args->status = job->status;
	return imap_auth_failed(cmd->session, "LOGIN", args->user, job->status) ? HF_WAIT
										: job->status;
}

/* While the helper has it, the job is not ours: it is dropped when the helper is done. */
static void login_finish(struct imap_cmd *cmd)
{
	struct login_args *args = cmd->args;

	if (args->job && !imap_offload_running(cmd->session))
		job_free(args->job);
}

const struct imap_command imap_cmd_login = {
	.name = "LOGIN",
	.states = IMAP_NOT_AUTHENTICATED,
	.traits = IMAP_NO_SYNC,
	.parse = login_parse,
	.start = login_start,
	.next = login_next,
	.finish = login_finish,
};
