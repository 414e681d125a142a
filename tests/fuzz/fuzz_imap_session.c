/* SPDX-License-Identifier: BSD-2-Clause */
/* A session before login: whatever a client sends, the answers are the same whether it comes at
 * once or octet by octet, and memory stays bounded. */
#include "base/assert.h"
#include "base/log.h"
#include "tests/module/imap/fake_conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop_line(void *arg, enum hf_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void play(struct hf_conn *conn, struct hf_str in, size_t piece)
{
	unsigned want;

	conn->can_starttls = true;
	want = fake_octets(conn, in, piece);
	while (conn->offload && !(want & HF_WANT_CLOSE))
		want = fake_run_offload(conn);
	if (!(want & HF_WANT_CLOSE)) {
		conn->ended = true;
		want = fake_step(conn, HF_EV_INPUT);
		while (conn->offload)
			want = fake_run_offload(conn);
		hf_assert(want & HF_WANT_CLOSE);
	}
	hf_assert(((struct imap_session *)conn->session)->priv->in.text.capacity <= 4 * 65536);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_str in = hf_str_n(data, size < 20000 ? size : 20000);
	struct hf_conn *whole = fake_conn_new(), *singly;

	hf_log_set_sink(drop_line, NULL);
	play(whole, in, 0);
	singly = fake_conn_new();
	play(singly, in, 1);
	hf_assert(hf_str_eq(hf_buf_str(&whole->out), hf_buf_str(&singly->out)));
	fake_conn_free(&whole);
	fake_conn_free(&singly);
	return 0;
}
