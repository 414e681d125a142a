/* SPDX-License-Identifier: BSD-2-Clause */
/* The imap module as the host sees it. */
#include "module/imap/session_priv.h"

#include "base/counter.h"
#include "base/mem.h"

static enum hf_status check(const void *settings, struct hf_note *why)
{
	const struct imap_settings *s = settings;

	if (s->command_size_max < s->literal_size_max) {
		hf_note_add(why, "imap.command_size_max: smaller than imap.literal_size_max");
		return HF_EINVALID;
	}
	return HF_OK;
}

static enum hf_status load(struct hf_host *host, const void *settings, void **state)
{
	struct imap_module *module = hf_alloc_zero(sizeof(*module));

	(void)settings; /* each connection has its own snapshot */
	module->host = host;
	module->store = hf_host_store(host);
	module->sasl = hf_host_sasl(host);
	module->sessions = hf_counter_get("imap.sessions", "IMAP connections that are open");
	module->commands = hf_counter_get("imap.commands", "IMAP commands received");
	module->logins = hf_counter_get("imap.logins", "successful IMAP logins");
	module->login_failures = hf_counter_get("imap.login_failures", "failed IMAP logins");
	imap_capabilities_init(module);
	*state = module;
	return HF_OK;
}

static void reload(void *state, const void *settings)
{
	(void)state;
	(void)settings;
}

static void unload(void **state)
{
	imap_capabilities_fini(*state);
	hf_free(*state);
	*state = NULL;
}

static enum hf_status open_conn(struct hf_conn *conn, void *state, const char *service)
{
	(void)service;
	return imap_session_open(conn, state);
}

static unsigned step(struct hf_conn *conn, unsigned events)
{
	return imap_session_step(hf_conn_session(conn), events);
}

static void close_conn(struct hf_conn *conn)
{
	imap_session_close(hf_conn_session(conn));
}

HF_API const struct hf_module hf_module_imap = {
	.size = sizeof(struct hf_module),
	.abi = HF_MODULE_ABI,
	.name = "imap",
	.version = "1",
	.options = imap_options,
	.settings_size = sizeof(struct imap_settings),
	.check = check,
	.load = load,
	.reload = reload,
	.unload = unload,
	.open = open_conn,
	.step = step,
	.close = close_conn,
};
