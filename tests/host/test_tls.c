/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS: both ways in, versions, names, resumption, client certificates, bindings, files that change,
 * and clients that misbehave. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "tests/host/host_test.h"

static struct hf_host *host;
static char directory[64];

static const char config[] =
	"tls: { certificate = \"server.crt\"; key = \"server.key\"; client_ca = \"ca.crt\";\n"
	"sni = ( { name = \"other.test\"; certificate = \"other.crt\"; key = \"other.key\"; },\n"
	"{ name = \"*.wild.test\"; certificate = \"wild.crt\"; key = \"wild.key\"; } ); };\n"
	"limits: { handshake_timeout = \"1 s\"; };";

static void setup(void)
{
	strcpy(directory, "/tmp/hf-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	make_certificate("ca", "test authority", NULL, NULL);
	make_certificate("server", "server.test", NULL, NULL);
	make_certificate("other", "other.test", NULL, NULL);
	make_certificate("wild", "wild.test", NULL, NULL);
	host = host_start(config);
}

static void teardown(void)
{
	char command[128];

	host_end(&host);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
}

/* A client -------------------------------------------------------------------- */

struct client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	SSL_SESSION *session; /* the last ticket */
	int version;          /* 0: any */
	const char *name, *certificate, *alpn;
};

static int new_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *client = SSL_get_app_data(ssl);

	SSL_SESSION_free(client->session);
	client->session = session;
	return 1;
}

/* The handshake's result on client->fd. */
static int handshake(struct client *client)
{
	SSL_SESSION *former = client->session;

	client->ctx = SSL_CTX_new(TLS_client_method());
	if (client->version) {
		SSL_CTX_set_min_proto_version(client->ctx, client->version);
		SSL_CTX_set_max_proto_version(client->ctx, client->version);
		SSL_CTX_set_security_level(client->ctx, 0);
	}
	SSL_CTX_set_session_cache_mode(client->ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client->ctx, new_session);
	if (client->certificate) {
		char file[64];

		snprintf(file, sizeof(file), "%s.crt", client->certificate);
		ck_assert_int_eq(SSL_CTX_use_certificate_file(client->ctx, file, SSL_FILETYPE_PEM),
				 1);
		snprintf(file, sizeof(file), "%s.key", client->certificate);
		ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(client->ctx, file, SSL_FILETYPE_PEM),
				 1);
	}
	client->ssl = SSL_new(client->ctx);
	SSL_set_app_data(client->ssl, client);
	if (client->name) {
		char name[64]; /* the macro takes its constness away */

		snprintf(name, sizeof(name), "%s", client->name);
		SSL_set_tlsext_host_name(client->ssl, name);
	}
	if (client->alpn)
		SSL_set_alpn_protos(client->ssl, (const unsigned char *)client->alpn,
				    (unsigned)strlen(client->alpn));
	client->session = NULL;
	if (former) {
		SSL_set_session(client->ssl, former);
		SSL_SESSION_free(former);
	}
	SSL_set_fd(client->ssl, client->fd);
	ERR_clear_error();
	return SSL_connect(client->ssl);
}

static void client_end(struct client *client)
{
	ERR_clear_error();
	SSL_shutdown(client->ssl); /* else the library thinks ill of the session */
	SSL_free(client->ssl);
	SSL_CTX_free(client->ctx);
	client->ssl = NULL;
	client->ctx = NULL;
	close(client->fd);
}

static void tls_put(struct client *client, const char *line)
{
	char text[256];
	int size = snprintf(text, sizeof(text), "%s\r\n", line);

	ck_assert_int_eq(SSL_write(client->ssl, text, size), size);
}

static const char *tls_get(struct client *client)
{
	static char line[512];
	size_t size = 0;

	while (size < sizeof(line) - 1 && SSL_read(client->ssl, line + size, 1) == 1)
		if (line[size++] == '\n')
			break;
	while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
		size--;
	line[size] = '\0';
	return line;
}

static void tls_expect(struct client *client, const char *line)
{
	ck_assert_str_eq(tls_get(client), line);
}

static void connect_implicit(struct client *client)
{
	client->fd = hf_host_add_socketpair_tls(host, "echo", "echo");
	ck_assert_int_eq(handshake(client), 1);
}

static const char *subject(struct client *client)
{
	static char name[64];
	X509 *certificate = SSL_get1_peer_certificate(client->ssl);

	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
				  sizeof(name));
	X509_free(certificate);
	return name;
}

/* Tests ----------------------------------------------------------------------- */

START_TEST(implicit_and_starttls)
{
	struct client client = { .fd = -1 };
	const char *info;

	connect_implicit(&client);
	tls_put(&client, "ECHO a");
	tls_expect(&client, "a");
	tls_put(&client, "INFO");
	info = tls_get(&client);
	ck_assert_msg(strcmp(info, "TLSv1.3 id= exporter=32 end-point=32 unique=0 compressed=0") ==
			      0,
		      "%s", info);
	tls_put(&client, "STARTTLS");
	tls_expect(&client, "no");
	tls_put(&client, "QUIT");
	tls_expect(&client, "bye");
	ck_assert_int_eq(SSL_read(client.ssl, (char[1]){ 0 }, 1), 0);
	ck_assert_int_eq(SSL_get_error(client.ssl, 0),
			 SSL_ERROR_ZERO_RETURN); /* a proper close_notify */
	client_end(&client);

	client.fd = host_connect(host);
	put(client.fd, "INFO");
	expect(client.fd, "clear id= exporter=0 end-point=0 unique=0 compressed=0");
	put(client.fd, "STARTTLS");
	expect(client.fd, "go");
	ck_assert_int_eq(handshake(&client), 1);
	tls_put(&client, "ECHO b");
	tls_expect(&client, "b");
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(plain_input_behind_starttls_ends_the_connection)
{
	int fd = host_connect(host);

	put(fd, "STARTTLS\r\nECHO injected");
	expect_end(fd); /* without a "go", and above all without an "injected" */
	close(fd);
	wait_connections(host, 0);

	/* and when it comes a moment later it is garbage to the handshake */
	fd = host_connect(host);
	put(fd, "STARTTLS");
	expect(fd, "go");
	put(fd, "ECHO injected");
	while (readable(fd, 2000)) {
		char c[16];
		ssize_t n = recv(fd, c, sizeof(c), 0);

		if (n <= 0)
			break;
		ck_assert_int_ne(c[0], 'i');
	}
	close(fd);
	wait_connections(host, 0);
}
END_TEST

START_TEST(versions)
{
	static const struct {
		int version;
		bool ok;
		const char *info;
	} rows[] = {
		{ TLS1_1_VERSION, false, NULL },
		{ TLS1_2_VERSION, true,
		  "TLSv1.2 id= exporter=32 end-point=32 unique=12 compressed=0" },
		{ TLS1_3_VERSION, true,
		  "TLSv1.3 id= exporter=32 end-point=32 unique=0 compressed=0" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct client client = { .version = rows[i].version,
					 .fd = hf_host_add_socketpair_tls(host, "echo", "echo") };

		ck_assert_int_eq(handshake(&client) == 1, rows[i].ok);
		if (rows[i].ok) {
			tls_put(&client, "INFO");
			tls_expect(&client, rows[i].info);
		}
		client_end(&client);
		SSL_SESSION_free(client.session);
	}
}
END_TEST

static void expect_binding(struct client *client, enum hf_binding kind, const unsigned char *data,
			   size_t size)
{
	struct hf_buf hex = HF_BUF_INIT;
	char line[32];

	hf_hex_encode(hf_str_n(data, size), &hex);
	snprintf(line, sizeof(line), "BINDING %d", (int)kind);
	tls_put(client, line);
	tls_expect(client, hf_buf_cstr(&hex));
	hf_buf_fini(&hex);
}

/* What the client computes, by the RFCs. */
START_TEST(the_bindings_are_those_of_the_client)
{
	struct client client = { .version = _i };
	unsigned char ours[EVP_MAX_MD_SIZE];
	unsigned size;
	X509 *certificate;

	for (int again = 0; again < 2; again++) {
		connect_implicit(&client);
		ck_assert_int_eq(SSL_session_reused(client.ssl), again);
		ck_assert_int_eq(SSL_export_keying_material(client.ssl, ours, 32,
							    "EXPORTER-Channel-Binding", 24,
							    (const unsigned char *)"", 0, 1),
				 1);
		expect_binding(&client, HF_BINDING_EXPORTER, ours, 32);
		certificate = SSL_get1_peer_certificate(client.ssl);
		X509_digest(certificate, EVP_sha256(), ours, &size);
		X509_free(certificate);
		expect_binding(&client, HF_BINDING_SERVER_END_POINT, ours, size);
		/* the first Finished: the client's, or in a resumed handshake the server's */
		size = (unsigned)(again ? SSL_get_peer_finished(client.ssl, ours, sizeof(ours))
					: SSL_get_finished(client.ssl, ours, sizeof(ours)));
		expect_binding(&client, HF_BINDING_UNIQUE, ours, _i == TLS1_2_VERSION ? size : 0);
		client_end(&client);
	}
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(names_choose_certificates)
{
	static const char *const rows[][2] = {
		{ "other.test", "other.test" },    { "OTHER.test", "other.test" },
		{ "a.wild.test", "wild.test" },    { "a.b.wild.test", "server.test" },
		{ "wild.test", "server.test" },    { "server.test", "server.test" },
		{ "unknown.test", "server.test" }, { NULL, "server.test" }
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct client client = { .name = rows[i][0] };

		connect_implicit(&client);
		ck_assert_str_eq(subject(&client), rows[i][1]);
		client_end(&client);
		SSL_SESSION_free(client.session);
	}
}
END_TEST

START_TEST(sessions_are_resumed)
{
	struct client client = { .version = _i };

	connect_implicit(&client);
	ck_assert(!SSL_session_reused(client.ssl));
	tls_put(&client, "ECHO a");
	tls_expect(&client, "a"); /* with it come the tickets of TLS 1.3 */
	ck_assert_ptr_nonnull(client.session);
	client_end(&client);

	/* with another certificate from the same files meanwhile */
	make_certificate("server", "server2.test", NULL, NULL);
	connect_implicit(&client);
	ck_assert(SSL_session_reused(client.ssl));
	tls_put(&client, "ECHO b");
	tls_expect(&client, "b");
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

/* TLS records in what arrives first, none of it taken. */
static unsigned records_waiting(int fd)
{
	unsigned char data[8192];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	unsigned count = 0;
	ssize_t n;

	ck_assert_int_eq(poll(&poll_fd, 1, 5000), 1);
	n = recv(fd, data, sizeof(data), MSG_PEEK);
	for (ssize_t at = 0; at + 5 <= n; at += 5 + (data[at + 3] << 8 | data[at + 4]))
		count++;
	return count;
}

/* One segment, so that the client does not wake up for each record. */
START_TEST(what_is_said_together_is_sent_together)
{
	struct client client = { .version = TLS1_3_VERSION };

	connect_implicit(&client);
	ck_assert_uint_eq(records_waiting(client.fd), 2); /* tickets */
	tls_put(&client, "ECHO a");
	tls_expect(&client, "a");
	tls_put(&client, "QUIT");
	ck_assert_uint_eq(records_waiting(client.fd), 2); /* with the goodbye of TLS */
	tls_expect(&client, "bye");
	ck_assert_int_eq(SSL_read(client.ssl, (char[1]){ 0 }, 1), 0);
	ck_assert_int_eq(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(client_certificates_name_their_owner)
{
	static const struct {
		const char *cn, *email, *ca, *info;
	} rows[] = {
		{ "Anna", "anna@example.org", "ca",
		  "TLSv1.3 id=anna@example.org exporter=32 end-point=32 unique=0 compressed=0" },
		{ "ben", NULL, "ca",
		  "TLSv1.3 id=ben exporter=32 end-point=32 unique=0 compressed=0" },
		/* not verified: served, but as nobody */
		{ "root", NULL, NULL,
		  "TLSv1.3 id= exporter=32 end-point=32 unique=0 compressed=0" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct client client = { .certificate = "client" };

		make_certificate("client", rows[i].cn, rows[i].email, rows[i].ca);
		for (int again = 0; again < 2;
		     again++) { /* a resumed session remembers whose it is */
			connect_implicit(&client);
			ck_assert_int_eq(SSL_session_reused(client.ssl), again);
			tls_put(&client, "INFO");
			tls_expect(&client, rows[i].info);
			client_end(&client);
		}
		SSL_SESSION_free(client.session);
	}
}
END_TEST

START_TEST(protocols)
{
	struct client client = { .alpn = "\x04"
					 "echo\x08http/1.1" };
	const unsigned char *chosen;
	unsigned size;

	connect_implicit(&client);
	SSL_get0_alpn_selected(client.ssl, &chosen, &size);
	ck_assert(size == 4 && memcmp(chosen, "echo", 4) == 0);
	client_end(&client);
	client.alpn = "\x03"
		      "foo"; /* unknown, but no reason to refuse */
	connect_implicit(&client);
	SSL_get0_alpn_selected(client.ssl, &chosen, &size);
	ck_assert_uint_eq(size, 0);
	client_end(&client);
	client.alpn = "\x02"
		      "h2\x08http/1.1"; /* a browser led astray */
	client.fd = hf_host_add_socketpair_tls(host, "echo", "echo");
	ck_assert_int_ne(handshake(&client), 1);
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(much_goes_both_ways)
{
	struct client client = { .version = _i };
	static char buffer[70000];
	size_t got = 0;

	connect_implicit(&client);
	tls_put(&client, "BULK 3000000\r\nSOURCE 3000000");
	while (got < 6000000 + 16) {
		int n = SSL_read(client.ssl, buffer, sizeof(buffer));

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	tls_put(&client, "NEED 70000");
	memset(buffer, 'x', sizeof(buffer));
	buffer[66000] = '\n';
	ck_assert_int_eq(SSL_write(client.ssl, buffer, 66001), 66001);
	tls_expect(&client, "long 66000");
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(renegotiation_is_refused)
{
	struct client client = { .version = TLS1_2_VERSION };

	connect_implicit(&client);
	ck_assert_int_eq(SSL_renegotiate(client.ssl), 1);
	ck_assert_int_ne(SSL_do_handshake(client.ssl) == 1 &&
				 SSL_write(client.ssl, "ECHO a\n", 7) == 7 &&
				 !SSL_renegotiate_pending(client.ssl),
			 1);
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(a_handshake_has_its_time)
{
	int fd = hf_host_add_socketpair_tls(host, "echo", "echo");
	uint64_t begin = hf_now_ms();

	ck_assert_int_eq(send(fd, "\x16\x03\x01", 3, 0), 3);
	expect_end(fd);
	ck_assert_uint_ge(hf_now_ms() - begin, 900);
	close(fd);

	fd = host_connect(host);
	put(fd, "STARTTLS");
	expect(fd, "go");
	expect_end(fd);
	close(fd);

	fd = hf_host_add_socketpair_tls(host, "echo", "echo");
	put(fd, "a001 LOGIN plain text"); /* no TLS at all */
	while (readable(fd, 2000) && recv(fd, (char[64]){ 0 }, 64, 0) > 0)
		;
	wait_connections(host, 0);
	close(fd);
}
END_TEST

START_TEST(changed_files_are_read_again)
{
	struct client client = { .fd = -1 };
	bool changed = false;

	make_certificate("server", "new.test", NULL, NULL);
	for (int i = 0; i < 80 && !changed; i++) {
		usleep(100000);
		connect_implicit(&client);
		changed = strcmp(subject(&client), "new.test") == 0;
		client_end(&client);
		SSL_SESSION_free(client.session);
		client.session = NULL;
	}
	ck_assert(changed);

	/* half of a pair: the old one is kept */
	make_certificate("half", "half.test", NULL, NULL);
	ck_assert_int_eq(rename("half.crt", "server.crt"), 0);
	sleep(4);
	connect_implicit(&client);
	ck_assert_str_eq(subject(&client), "new.test");
	client_end(&client);
	SSL_SESSION_free(client.session);
}
END_TEST

START_TEST(bad_files_are_named)
{
	static const struct {
		const char *config, *why;
	} rows[] = {
		{ "tls: { certificate = \"none.crt\"; key = \"server.key\"; };",
		  "tls certificate: none.crt: " },
		{ "tls: { certificate = \"server.crt\"; key = \"none.key\"; };",
		  "tls key: none.key: " },
		{ "tls: { certificate = \"server.crt\"; key = \"other.key\"; };",
		  "tls key: other.key: key values mismatch" },
		{ "tls: { certificate = \"server.key\"; key = \"server.key\"; };",
		  "tls certificate: server.key: no start line" },
		{ "tls: { certificate = \"server.crt\"; key = \"server.key\"; client_ca = \"none\"; };",
		  "tls.client_ca: none: " },
		{ "tls: { certificate = \"server.crt\"; key = \"server.key\"; ciphers = \"FOO\"; };",
		  "tls.ciphers: FOO: " },
	};
	static const struct hf_module *const modules[] = { &hf_module_echo, NULL };

	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		struct hf_note why = HF_NOTE_INIT;

		ck_assert_ptr_null(hf_host_new_for_test(NULL, rows[i].config, modules, &why));
		ck_assert_msg(hf_str_starts(hf_str(hf_note_text(&why)), hf_str(rows[i].why)), "%s",
			      hf_note_text(&why));
		hf_note_fini(&why);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, implicit_and_starttls);
	tcase_add_test(tc, plain_input_behind_starttls_ends_the_connection);
	tcase_add_test(tc, versions);
	tcase_add_loop_test(tc, the_bindings_are_those_of_the_client, TLS1_2_VERSION,
			    TLS1_3_VERSION + 1);
	tcase_add_test(tc, names_choose_certificates);
	tcase_add_loop_test(tc, sessions_are_resumed, TLS1_2_VERSION, TLS1_3_VERSION + 1);
	tcase_add_test(tc, what_is_said_together_is_sent_together);
	tcase_add_test(tc, client_certificates_name_their_owner);
	tcase_add_test(tc, protocols);
	tcase_add_loop_test(tc, much_goes_both_ways, TLS1_2_VERSION, TLS1_3_VERSION + 1);
	tcase_add_test(tc, renegotiation_is_refused);
	tcase_add_test(tc, a_handshake_has_its_time);
	tcase_add_test(tc, changed_files_are_read_again);
	tcase_add_test(tc, bad_files_are_named);
}

int main(void)
{
	return run_tests("tls", add);
}
