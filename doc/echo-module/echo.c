/* SPDX-License-Identifier: BSD-2-Clause */
/* A module for Holdfast: it says back each line that it gets. README.md goes through it. */
#include <host/module.h>

struct echo_settings {
	const char *greeting;
};

static enum hf_status echo_load(struct hf_host *host, const void *settings, void **state)
{
	(void)host;
	(void)settings;
	*state = NULL;
	return HF_OK;
}

static void echo_unload(void **state)
{
	(void)state;
}

static enum hf_status echo_open(struct hf_conn *conn, void *state, const char *service)
{
	const struct echo_settings *settings = hf_conn_settings(conn);

	(void)state;
	(void)service;
	hf_conn_printf(conn, "%s\r\n", settings->greeting);
	return HF_OK;
}

static unsigned echo_step(struct hf_conn *conn, unsigned events)
{
	if (events & HF_EV_QUIT)
		return HF_WANT_CLOSE;
	while (!hf_conn_output_full(conn)) {
		struct hf_str input = hf_conn_input(conn);
		ptrdiff_t end = hf_str_chr(input, '\n');

		if (end < 0)
			return hf_conn_input_ended(conn) ? HF_WANT_CLOSE : HF_WANT_INPUT;
		hf_conn_write(conn, input.data, (size_t)end + 1);
		hf_conn_consume(conn, (size_t)end + 1);
	}
	return HF_WANT_ROOM;
}

static void echo_close(struct hf_conn *conn)
{
	(void)conn; /* a session of our own would be freed here */
}

static const struct hf_option echo_options[] = { { .name = "greeting",
						   .type = HF_OPT_STRING,
						   .fallback = "hello",
						   .offset =
							   offsetof(struct echo_settings, greeting),
						   .help = "The first line." },
						 { .name = NULL } };

HF_API extern const struct hf_module hf_module_echo;
const struct hf_module hf_module_echo = {
	.size = sizeof(struct hf_module),
	.abi = HF_MODULE_ABI,
	.name = "echo",
	.version = "1",
	.options = echo_options,
	.settings_size = sizeof(struct echo_settings),
	.load = echo_load,
	.unload = echo_unload,
	.open = echo_open,
	.step = echo_step,
	.close = echo_close,
};
