/* SPDX-License-Identifier: BSD-2-Clause */
/* The lmtp module as the host sees it. */
#include "module/lmtp/lmtp.h"
#include "module/lmtp/session.h"

static enum hf_status check(const void *settings, struct hf_note *why)
{
	const struct lmtp_settings *s = settings;

	if (s->delimiters && strlen(s->delimiters) > 16) {
		hf_note_add(why, "lmtp.delimiters: at most 16 characters");
		return HF_EINVALID;
	}
	if (s->delimiters && strpbrk(s->delimiters, "@\"<> /")) {
		hf_note_add(why, "lmtp.delimiters: none of @ \" < > / and space can be a delimiter");
		return HF_EINVALID;
	}
	return HF_OK;
}

/* The module keeps nothing of its own: all state is a connection's. */
static enum hf_status load(struct hf_host *host, const void *settings, void **state)
{
	(void)host;
	(void)settings;
	*state = NULL;
	return HF_OK;
}

static void reload(void *state, const void *settings)
{
	(void)state;
	(void)settings;
}

static void unload(void **state)
{
	*state = NULL;
}

static enum hf_status open_conn(struct hf_conn *conn, void *state, const char *service)
{
	(void)state;
	(void)service;
	return lmtp_session_open(conn);
}

HF_API const struct hf_module hf_module_lmtp = {
	.size = sizeof(struct hf_module),
	.abi = HF_MODULE_ABI,
	.name = "lmtp",
	.version = "1",
	.options = lmtp_options,
	.settings_size = sizeof(struct lmtp_settings),
	.check = check,
	.load = load,
	.reload = reload,
	.unload = unload,
	.open = open_conn,
	.step = lmtp_session_step,
	.close = lmtp_session_close,
};
