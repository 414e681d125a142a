/* SPDX-License-Identifier: BSD-2-Clause */
/* The fakes behind fake_conn.h. */
#include "tests/module/imap/fake_conn.h"

#include "base/assert.h"
#include "base/counter.h"
#include "base/mem.h"

static void waiter_wake(struct hf_waiter *waiter)
{
	HF_CONTAINER(waiter, struct hf_conn, waiter)->woken++;
}

struct hf_conn *fake_conn_new(void)
{
	struct hf_conn *conn = hf_alloc_zero(sizeof(*conn));

	conn->waiter.wake = waiter_wake;
	conn->arena = hf_arena_new();
	conn->loopback = true;
	conn->settings = (struct imap_settings){
		.login_timeout = 60000,
		.idle_timeout = 1800000,
		.line_size_max = 65536,
		.literal_size_max = 65536,
		.command_size_max = 1 << 20,
		.message_size_max = 1 << 20,
		.nesting_max = 100,
		.bad_commands_max = 20,
		.idle_keepalive = 240000,
		.stall_timeout = 300000,
	};
	conn->module.sessions = hf_counter_get("test.sessions", "");
	conn->module.commands = hf_counter_get("test.commands", "");
	conn->module.logins = hf_counter_get("test.logins", "");
	conn->module.login_failures = hf_counter_get("test.failures", "");
	imap_capabilities_init(&conn->module);
	hf_assert(imap_session_open(conn, &conn->module) == HF_OK);
	return conn;
}

void fake_conn_free(struct hf_conn **pointer)
{
	struct hf_conn *conn = *pointer;

	if (!conn)
		return;
	imap_session_close(conn->session);
	imap_capabilities_fini(&conn->module);
	if (conn->offload && conn->offload_drop)
		conn->offload_drop(conn->offload_arg);
	hf_arena_free(&conn->arena);
	hf_buf_fini(&conn->in);
	hf_buf_fini(&conn->out);
	hf_free(conn);
	*pointer = NULL;
}

unsigned fake_step(struct hf_conn *conn, unsigned events)
{
	return imap_session_step(conn->session, events);
}

unsigned fake_input(struct hf_conn *conn, const char *text, size_t piece)
{
	return fake_octets(conn, hf_str(text), piece);
}

unsigned fake_octets(struct hf_conn *conn, struct hf_str octets, size_t piece)
{
	unsigned want = HF_WANT_INPUT;

	hf_buf_add_str(&conn->in, octets);
	while (conn->shown < conn->in.size && !(want & HF_WANT_CLOSE)) {
		size_t more = conn->in.size - conn->shown;

		conn->shown += piece && piece < more ? piece : more;
		want = fake_step(conn, HF_EV_INPUT);
	}
	return want;
}

const char *fake_output(struct hf_conn *conn)
{
	const char *text = hf_buf_cstr(&conn->out) + conn->out_mark;

	conn->out_mark = conn->out.size;
	return text;
}

unsigned fake_run_offload(struct hf_conn *conn)
{
	void (*fn)(void *arg) = conn->offload;

	hf_assert(fn);
	conn->offload = NULL;
	fn(conn->offload_arg);
	return fake_step(conn, HF_EV_OFFLOAD);
}

/* host/module.h ------------------------------------------------------------------------------ */

const void *hf_conn_settings(struct hf_conn *conn)
{
	return &conn->settings;
}

void hf_conn_set_session(struct hf_conn *conn, void *session)
{
	if (session)
		conn->session = session;
}

void *hf_conn_session(struct hf_conn *conn)
{
	return conn->session;
}

const struct hf_log *hf_conn_log(const struct hf_conn *conn)
{
	(void)conn;
	return NULL;
}

enum hf_status hf_conn_set_user(struct hf_conn *conn, struct hf_str user)
{
	(void)conn;
	(void)user;
	return HF_OK;
}

bool hf_conn_is_displaced(const struct hf_conn *conn)
{
	(void)conn;
	return false;
}

void hf_conn_set_activity(struct hf_conn *conn, const char *activity)
{
	(void)conn;
	(void)activity;
}

struct hf_str hf_conn_input(struct hf_conn *conn)
{
	return hf_str_n(conn->in.data ? conn->in.data + conn->taken : "",
			conn->shown - conn->taken);
}

void hf_conn_consume(struct hf_conn *conn, size_t count)
{
	hf_assert(count <= conn->shown - conn->taken);
	conn->taken += count;
}

bool hf_conn_input_ended(struct hf_conn *conn)
{
	return conn->ended;
}

void hf_conn_write(struct hf_conn *conn, const void *data, size_t size)
{
	hf_buf_add(&conn->out, data, size);
}

void hf_conn_write_str(struct hf_conn *conn, struct hf_str s)
{
	hf_buf_add_str(&conn->out, s);
}

void hf_conn_printf(struct hf_conn *conn, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	hf_buf_vprintf(&conn->out, fmt, ap);
	va_end(ap);
}

char *hf_conn_reserve(struct hf_conn *conn, size_t size)
{
	return hf_buf_reserve(&conn->out, size);
}

void hf_conn_wrote(struct hf_conn *conn, size_t count)
{
	hf_buf_added(&conn->out, count);
}

void hf_conn_send_source(struct hf_conn *conn, struct hf_source *source, uint64_t offset,
			 uint64_t size)
{
	while (size) {
		size_t want = size < 4096 ? (size_t)size : 4096, got;

		hf_assert(source->read(source, offset, hf_buf_reserve(&conn->out, want), want,
				       &got) == HF_OK &&
			  got);
		hf_buf_added(&conn->out, got);
		offset += got;
		size -= got;
	}
	hf_source_unref(&source);
}

bool hf_conn_output_full(const struct hf_conn *conn)
{
	return conn->full;
}

size_t hf_conn_output_size(const struct hf_conn *conn)
{
	return conn->full ? 1 << 20 : 0;
}

bool hf_conn_slice_used(struct hf_conn *conn)
{
	return conn->slice_used;
}

struct hf_waiter *hf_conn_waiter(struct hf_conn *conn, unsigned event)
{
	(void)event;
	return &conn->waiter;
}

void hf_conn_timer(struct hf_conn *conn, uint64_t ms)
{
	conn->timer = ms;
}

enum hf_status hf_offload(struct hf_conn *conn, void (*fn)(void *arg), void *arg,
			  void (*drop)(void *arg))
{
	conn->offload = fn;
	conn->offload_arg = arg;
	conn->offload_drop = drop;
	return HF_OK;
}

bool hf_conn_is_tls(const struct hf_conn *conn)
{
	return conn->tls;
}

bool hf_conn_can_starttls(const struct hf_conn *conn)
{
	return conn->can_starttls && !conn->tls;
}

void hf_conn_starttls(struct hf_conn *conn)
{
	conn->starttls_calls++;
	conn->tls = true;
}

bool hf_conn_is_compressed(const struct hf_conn *conn)
{
	return conn->compressed;
}

void hf_conn_compress(struct hf_conn *conn)
{
	conn->compressed = true;
}

bool hf_conn_uncompress(struct hf_conn *conn)
{
	conn->compressed = false;
	return true;
}

bool hf_conn_is_unix(const struct hf_conn *conn)
{
	return conn->unix_socket;
}

bool hf_conn_is_loopback(const struct hf_conn *conn)
{
	return conn->loopback;
}

const char *hf_conn_peer_address(const struct hf_conn *conn)
{
	(void)conn;
	return "192.0.2.1";
}

const char *hf_conn_peer_port(const struct hf_conn *conn)
{
	(void)conn;
	return "192.0.2.1;4711";
}

const char *hf_conn_local_port(struct hf_conn *conn)
{
	(void)conn;
	return "192.0.2.2;143";
}

struct hf_str hf_conn_external_id(struct hf_conn *conn)
{
	(void)conn;
	return HF_STR_NULL;
}

const char *hf_conn_tls_version(struct hf_conn *conn)
{
	return conn->tls ? "TLSv1.3" : NULL;
}

bool hf_conn_can_bind(const struct hf_conn *conn)
{
	return conn->tls;
}

struct hf_str hf_conn_binding(struct hf_conn *conn, enum hf_binding kind)
{
	return conn->tls && kind == HF_BINDING_EXPORTER ? HF_STR("binding") : HF_STR_NULL;
}

bool hf_host_is_stopping(struct hf_host *host)
{
	(void)host;
	return true;
}

struct hf_store *hf_host_store(struct hf_host *host)
{
	(void)host;
	return NULL;
}

struct hf_sasl *hf_host_sasl(struct hf_host *host)
{
	(void)host;
	return NULL;
}

/* sasl/sasl.h: the one mechanism wants "secret" in answer to "question" ---------------------- */

struct hf_sasl_exchange {
	bool asked;
};

uint32_t fake_delay_ms;

void hf_sasl_mechanisms(struct hf_sasl *sasl, const struct hf_sasl_peer *peer, struct hf_buf *out)
{
	(void)sasl;
	hf_buf_add_lit(out, "TEST PLAIN");
	if (peer->can_bind)
		hf_buf_add_lit(out, " TEST-PLUS");
}

bool hf_sasl_allows_plaintext(struct hf_sasl *sasl, const struct hf_sasl_peer *peer)
{
	(void)sasl;
	return peer->secure || peer->loopback;
}

enum hf_status hf_sasl_start(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			     struct hf_str mechanism, struct hf_sasl_exchange **exchange)
{
	(void)sasl;
	(void)peer;
	if (!hf_str_ieq(mechanism, HF_STR("TEST")))
		return HF_ECANNOT;
	*exchange = hf_alloc_zero(sizeof(**exchange));
	return HF_OK;
}

enum hf_status hf_sasl_step(struct hf_sasl_exchange *exchange, bool has_initial,
			    struct hf_str client, struct hf_buf *server)
{
	if (!exchange->asked && !has_initial) {
		exchange->asked = true;
		hf_buf_add_lit(server, "question");
		return HF_MORE;
	}
	return hf_str_eq(client, HF_STR("secret")) ? HF_EUNAVAILABLE : HF_EAUTH;
}

/* None was verified before. */
enum hf_status hf_sasl_login_known(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
				   struct hf_str user, struct hf_str password,
				   struct hf_buf *canonical)
{
	(void)sasl;
	(void)peer;
	(void)user;
	(void)password;
	(void)canonical;
	return HF_MORE;
}

enum hf_status hf_sasl_login(struct hf_sasl *sasl, const struct hf_sasl_peer *peer,
			     struct hf_str user, struct hf_str password, struct hf_buf *canonical)
{
	(void)sasl;
	(void)peer;
	(void)password;
	hf_buf_add_str(canonical, user);
	return HF_EAUTH;
}

struct hf_str hf_sasl_authenticated(const struct hf_sasl_exchange *exchange)
{
	(void)exchange;
	return HF_STR("anna");
}

struct hf_str hf_sasl_authorised(const struct hf_sasl_exchange *exchange)
{
	(void)exchange;
	return HF_STR("anna");
}

void hf_sasl_exchange_free(struct hf_sasl_exchange **exchange)
{
	hf_free(*exchange);
	*exchange = NULL;
}

uint32_t hf_sasl_delay_ms(struct hf_sasl *sasl, struct hf_str address)
{
	(void)sasl;
	(void)address;
	return fake_delay_ms;
}

void hf_sasl_note_result(struct hf_sasl *sasl, struct hf_str address, bool success)
{
	(void)sasl;
	(void)address;
	(void)success;
}

bool hf_sasl_is_admin(struct hf_sasl *sasl, struct hf_str canonical)
{
	(void)sasl;
	(void)canonical;
	return false;
}
