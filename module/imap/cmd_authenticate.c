/* SPDX-License-Identifier: BSD-2-Clause */
/* AUTHENTICATE: a SASL exchange. RFC 9051 §6.2.2; initial response: RFC 4959; EXTERNAL, SCRAM and
 * channel binding are sasl/'s.
 *
 * Arguments: mechanism, and at the client's choice an initial response ("=" is an empty one). Steps
 * run on a helper thread; between them the client's lines are read. "*" gives up. */
#include "module/imap/session_priv.h"

#include "base/encode.h"
#include "base/mem.h"

#define RESPONSE_MAX 16384 /* octets of a line in base64: far above any mechanism we offer */

struct auth_args {
	struct hf_str mechanism, initial;
	bool has_initial;
	struct auth_job *job;
	bool last;   /* the exchange has succeeded; the client is to answer its last data with an
			empty line */
	bool failed; /* `status` is told when the deadline has passed */
	enum hf_status status;
};

/* What the helper thread works on; it owns the exchange. */
struct auth_job {
	struct hf_sasl_exchange *exchange;
	bool has_data;
	bool running; /* given to a helper, result not looked at */
	struct hf_buf client, server;
	enum hf_status status;
};

static void job_free(void *arg)
{
	struct auth_job *job = arg;

	hf_sasl_exchange_free(&job->exchange);
	if (job->client.data)
		hf_wipe(job->client.data, job->client.capacity);
	hf_buf_fini(&job->client);
	hf_buf_fini(&job->server);
	hf_free(job);
}

static void job_run(void *arg)
{
	struct auth_job *job = arg;

	hf_buf_clear(&job->server);
	job->status =
		hf_sasl_step(job->exchange, job->has_data, hf_buf_str(&job->client), &job->server);
}

static enum hf_status auth_parse(struct imap_cmd *cmd, struct imap_parser *p)
{
	struct auth_args *args = cmd->args = hf_new(cmd->arena, struct auth_args);
	size_t size;

	if (!imap_parse_atom(p, &args->mechanism))
		return imap_parser_expected(p, "a mechanism");
	if (imap_parse_end(p))
		return HF_OK;
	if (!imap_parse_space(p))
		return imap_parser_expected(p, "an initial response");
	for (size = 0; p->pos + size < p->end && p->pos[size] != ' '; size++)
		;
	args->initial = hf_str_n(p->pos, size);
	args->has_initial = true;
	p->pos += size;
	return HF_OK;
}

static enum hf_status bad_base64(struct imap_cmd *cmd)
{
	imap_text(cmd, "AUTHENTICATE: expected base64");
	return HF_ESYNTAX;
}

static enum hf_status begin_step(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;
	enum hf_status status = imap_offload(cmd->session, job_run, args->job, job_free);

	args->job->running = status == HF_OK;
	return status == HF_OK ? HF_WAIT : status;
}

static enum hf_status refuse_mechanism(struct imap_cmd *cmd, const struct hf_sasl_peer *peer)
{
	struct auth_args *args = cmd->args;
	bool plaintext = hf_str_ieq(args->mechanism, HF_STR("PLAIN")) ||
			 hf_str_ieq(args->mechanism, HF_STR("LOGIN"));

	if (plaintext && !hf_sasl_allows_plaintext(cmd->session->priv->module->sasl, peer)) {
		imap_code(cmd, "PRIVACYREQUIRED");
		imap_text(cmd, "Use STARTTLS first");
		return HF_ENOPERM;
	}
	imap_text(cmd, "Mechanism not available");
	return HF_ECANNOT;
}

static enum hf_status auth_start(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;
	struct hf_sasl_peer peer;
	struct hf_sasl_exchange *exchange;
	enum hf_status status;

	imap_auth_exchange_peer(cmd->session, &peer);
	status = hf_sasl_start(cmd->session->priv->module->sasl, &peer, args->mechanism, &exchange);
	if (status == HF_ECANNOT)
		return refuse_mechanism(cmd, &peer);
	if (status != HF_OK)
		return status;
	args->job = hf_alloc_zero(sizeof(*args->job));
	args->job->exchange = exchange;
	args->job->has_data = args->has_initial;
	if (args->has_initial && !hf_str_eq(args->initial, HF_STR("=")) &&
	    hf_base64_decode(args->initial, &args->job->client) != HF_OK)
		return bad_base64(cmd);
	return begin_step(cmd);
}

static void send_challenge(struct imap_cmd *cmd, struct hf_str data)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_buf_add_lit(&out, "+ ");
	hf_base64_encode(data, &out);
	hf_buf_add_lit(&out, "\r\n");
	hf_conn_write(imap_conn(cmd), out.data, out.size);
	hf_buf_fini(&out);
}

static enum hf_status succeed(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;
	const struct hf_sasl_exchange *exchange = args->job->exchange;

	return imap_auth_succeeded(cmd, hf_arena_cstr(cmd->arena, args->mechanism),
				   hf_sasl_authorised(exchange), hf_sasl_authenticated(exchange));
}

/* A step is over. HF_MORE: the client's line comes next. */
static enum hf_status take_result(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;
	struct auth_job *job = args->job;

	job->running = false;
	switch (job->status) {
	case HF_OK:
		if (!job->server.size)
			return succeed(cmd);
		args->last = true;
		send_challenge(cmd, hf_buf_str(&job->server));
		return HF_MORE;
	case HF_MORE:
		send_challenge(cmd, hf_buf_str(&job->server));
		return HF_MORE;
	default:
		args->failed = true;
		args->status = job->status == HF_ESYNTAX ? HF_EAUTH : job->status;
		return imap_auth_failed(cmd->session, hf_arena_cstr(cmd->arena, args->mechanism),
					hf_sasl_authenticated(job->exchange), args->status)
			       ? HF_WAIT
			       : args->status;
	}
}

static enum hf_status auth_next(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;
	struct auth_job *job = args->job;
	struct hf_str line;
	enum hf_status status;

	if (args->failed)
		return imap_deadline_passed(cmd->session) ? args->status : HF_WAIT;
	if (imap_offload_running(cmd->session))
		return HF_WAIT;
	if (job->running) {
		status = take_result(cmd);
		if (status != HF_MORE)
			return status;
	}
	status = imap_input_line(cmd->session, RESPONSE_MAX, &line);
	if (status == HF_WAIT)
		return status;
	if (status == HF_ELIMIT) {
		imap_text(cmd, "Response too long");
		return HF_ESYNTAX;
	}
	if (hf_str_eq(line, HF_STR("*"))) {
		imap_text(cmd, "AUTHENTICATE cancelled");
		return HF_ESYNTAX;
	}
	hf_buf_clear(&job->client);
	if (hf_base64_decode(line, &job->client) != HF_OK)
		return bad_base64(cmd);
	job->has_data = true;
	return args->last ? succeed(cmd) : begin_step(cmd);
}

/* While the helper has it, the job is not ours: it is dropped when the helper is done. */
static void auth_finish(struct imap_cmd *cmd)
{
	struct auth_args *args = cmd->args;

	if (args->job && !imap_offload_running(cmd->session))
		job_free(args->job);
}

const struct imap_command imap_cmd_authenticate = {
	.name = "AUTHENTICATE",
	.states = IMAP_NOT_AUTHENTICATED,
	.traits = IMAP_NO_SYNC | IMAP_TAKES_INPUT,
	.parse = auth_parse,
	.start = auth_start,
	.next = auth_next,
	.finish = auth_finish,
};
