/* SPDX-License-Identifier: BSD-2-Clause */
/* COMPRESS=DEFLATE: both ways, idle in between, under TLS's place, and what is no deflate stream.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/host/host_test.h"

static struct hf_host *host;

struct client {
	int fd;
	z_stream in, out;
	char raw[4096];
	uint64_t received; /* compressed octets */
};

static void setup(void)
{
	host = host_start("limits: { write_timeout = \"2 s\"; };");
}

static void teardown(void)
{
	host_end(&host);
}

static void begin(struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->fd = host_connect(host);
	put(client->fd, "COMPRESS");
	expect(client->fd, "go");
	ck_assert_int_eq(inflateInit2(&client->in, -15), Z_OK);
	ck_assert_int_eq(deflateInit2(&client->out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
}

static void end(struct client *client)
{
	inflateEnd(&client->in);
	deflateEnd(&client->out);
	close(client->fd);
}

/* The text as the next of the client's stream; how many octets that is. */
static size_t compress_text(struct client *client, const char *text, size_t size, int flush, char *out, size_t capacity)
{
	client->out.next_in = (Bytef *)(uintptr_t)text;
	client->out.avail_in = (uInt)size;
	client->out.next_out = (Bytef *)out;
	client->out.avail_out = (uInt)capacity;
	ck_assert_int_eq(deflate(&client->out, flush), Z_OK);
	return capacity - client->out.avail_out;
}

static void send_pieces(struct client *client, const char *octets, size_t size, size_t piece)
{
	for (size_t done = 0; done < size; done += piece)
		ck_assert_int_gt(send(client->fd, octets + done, size - done < piece ? size - done : piece, MSG_NOSIGNAL), 0);
}

static void z_put(struct client *client, const char *text, size_t size, size_t piece)
{
	char *out = hf_alloc(size + 1000);

	send_pieces(client, out, compress_text(client, text, size, Z_SYNC_FLUSH, out, size + 1000), piece);
	hf_free(out);
}

/* So that there is something to inflate, which may have been there already. */
static void receive(struct client *client, size_t most)
{
	ssize_t n;

	if (client->in.avail_in)
		return;
	ck_assert(readable(client->fd, 20000));
	n = recv(client->fd, client->raw, most, 0);
	ck_assert_int_gt(n, 0);
	client->received += (uint64_t)n;
	client->in.next_in = (Bytef *)client->raw;
	client->in.avail_in = (uInt)n;
}

static size_t z_read(struct client *client, char *to, size_t size)
{
	client->in.next_out = (Bytef *)to;
	client->in.avail_out = (uInt)size;
	while (client->in.avail_out == size) {
		int result;

		receive(client, sizeof(client->raw));
		result = inflate(&client->in, Z_SYNC_FLUSH);
		ck_assert_msg(result == Z_OK || result == Z_BUF_ERROR, "%d", result);
	}
	return size - client->in.avail_out;
}

static void z_expect(struct client *client, const char *line)
{
	char got[256];
	size_t size = 0;

	while (size < sizeof(got) && (!size || got[size - 1] != '\n'))
		size += z_read(client, got + size, 1);
	ck_assert_uint_ge(size, 2);
	got[size - 2] = '\0';
	ck_assert_str_eq(got, line);
}

#define PUT(client, text) z_put(client, text "\r\n", sizeof(text) + 1, (size_t)1 << 20)

/* Octets of `text` as the end of the client's stream, then `after` in clear, `piece` octets at a time. */
static void end_stream(struct client *client, const char *text, int flush, const char *after, size_t piece)
{
	char out[400];
	size_t size = compress_text(client, text, strlen(text), Z_SYNC_FLUSH, out, 200);

	if (flush == Z_FINISH)
		ck_assert_int_eq(deflate(&client->out, Z_FINISH), Z_STREAM_END);
	size = 200 - client->out.avail_out;
	memcpy(out + size, after, strlen(after));
	send_pieces(client, out, size + strlen(after), piece);
}

/* The server's stream ends with a final block; what it says then is in clear. */
static void expect_stream_end(struct client *client)
{
	char octet;
	int result = Z_OK;

	while (result == Z_OK) {
		receive(client, 1);
		client->in.next_out = (Bytef *)&octet;
		client->in.avail_out = 1;
		result = inflate(&client->in, Z_SYNC_FLUSH);
		ck_assert_uint_eq(client->in.avail_out, 1);
	}
	ck_assert_int_eq(result, Z_STREAM_END);
}

/* Octet by octet: z_read() must not take what comes in clear. */
static void expect_plain_answer(struct client *client)
{
	char got[100];
	size_t size = 0;

	while (!size || got[size - 1] != '\n') {
		client->in.next_out = (Bytef *)got + size;
		client->in.avail_out = 1;
		receive(client, 1);
		ck_assert_int_ge(inflate(&client->in, Z_SYNC_FLUSH), 0);
		size += 1 - client->in.avail_out;
		ck_assert_uint_lt(size, sizeof(got));
	}
	ck_assert(size == 7 && memcmp(got, "plain\r\n", 7) == 0);
	expect_stream_end(client);
}

static const size_t pieces[] = { 1, 3, 7, 1000 };

START_TEST(compression_ends_behind_a_line_and_begins_again)
{
	static const struct {
		int flush;
		const char *after;
	} ends[] = { { Z_SYNC_FLUSH, "ECHO clear\r\n" }, { Z_FINISH, "ECHO clear\r\n" } };
	size_t piece = pieces[_i / 2];
	struct client client;

	begin(&client);
	for (unsigned round = 0; round < 3; round++) {
		PUT(&client, "ECHO one");
		z_expect(&client, "one");
		end_stream(&client, "PLAIN\r\n", ends[_i % 2].flush, round == 1 ? "" : ends[_i % 2].after, piece);
		expect_plain_answer(&client);
		if (round == 1)
			put(client.fd, "ECHO clear");
		expect(client.fd, "clear");
		put(client.fd, "INFO");
		expect(client.fd, "clear id= exporter=0 end-point=0 unique=0 compressed=0");
		put(client.fd, "COMPRESS");
		expect(client.fd, "go");
		inflateReset(&client.in);
		deflateReset(&client.out);
	}
	PUT(&client, "ECHO again");
	z_expect(&client, "again");
	end(&client);
}
END_TEST

START_TEST(compression_ends_after_idle_time)
{
	struct client client;

	begin(&client);
	PUT(&client, "ECHO one");
	z_expect(&client, "one");
	sleep(4); /* the streams' state has been given back */
	end_stream(&client, "PLAIN\r\n", Z_SYNC_FLUSH, "ECHO clear\r\n", 1000);
	expect_plain_answer(&client);
	expect(client.fd, "clear");
	end(&client);
}
END_TEST

START_TEST(what_is_compressed_behind_the_end_ends_the_connection)
{
	struct client client;
	char octet;

	begin(&client);
	end_stream(&client, "PLAIN\r\nECHO more\r\n", Z_SYNC_FLUSH, "", 1000);
	z_expect(&client, "plain");
	z_expect(&client, "more");
	ck_assert(readable(client.fd, 20000));
	while (recv(client.fd, &octet, 1, 0) == 1)
		;
	end(&client);
}
END_TEST

START_TEST(lines_come_and_go_in_any_pieces)
{
	struct client client;

	begin(&client);
	z_put(&client, "ECHO one\r\nECHO two\r\nINFO\r\n", 26, (size_t)_i);
	z_expect(&client, "one");
	z_expect(&client, "two");
	z_expect(&client, "clear id= exporter=0 end-point=0 unique=0 compressed=1");
	PUT(&client, "QUIT");
	z_expect(&client, "bye");
	end(&client);
}
END_TEST

START_TEST(idle_connections_give_the_compressor_back_and_go_on)
{
	struct client client;

	begin(&client);
	for (int i = 0; i < 3; i++) {
		PUT(&client, "ECHO aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		z_expect(&client, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		if (i)
			usleep(3300000);
	}
	PUT(&client, "ECHO b");
	z_expect(&client, "b");
	end(&client);
}
END_TEST

/* What comes after an idle period refers back to before it: 20 KB of noise, each line once more. */
START_TEST(the_window_outlives_idle_periods)
{
	enum { LINES = 80, SIZE = 240 };
	static char lines[LINES][SIZE + 8];
	struct client client;
	uint32_t seed = 1;

	begin(&client);
	for (int i = 0; i < LINES; i++) {
		memcpy(lines[i], "ECHO ", 5);
		for (int j = 5; j < SIZE; j++) {
			seed = seed * 1664525 + 1013904223;
			lines[i][j] = (char)('!' + (seed >> 24) % 90);
		}
	}
	for (int round = 0; round < 3; round++) {
		uLong sent = client.out.total_out;

		for (int i = 0; i < LINES; i++) {
			memcpy(lines[i] + SIZE, "\r\n", 2);
			z_put(&client, lines[i], SIZE + 2, (size_t)1 << 20);
			lines[i][SIZE] = '\0';
			z_expect(&client, lines[i] + 5);
		}
		if (round)
			ck_assert_uint_lt(client.out.total_out - sent, LINES * SIZE / 10);
		if (round < 2)
			usleep(3300000);
	}
	end(&client);
}
END_TEST

/* A stream that is not at an octet boundary keeps its state. */
START_TEST(idle_in_the_middle_of_an_octet)
{
	static const char text[] = "ECHO one\r\nECHO one and a half\r\nECHO tw";
	struct client client;
	char out[256];

	begin(&client);
	send_pieces(&client, out, compress_text(&client, text, sizeof(text) - 1, Z_PARTIAL_FLUSH, out, sizeof(out)), sizeof(out));
	z_expect(&client, "one");
	z_expect(&client, "one and a half");
	usleep(3300000);
	PUT(&client, "o");
	z_expect(&client, "two");
	PUT(&client, "ECHO one and a half");
	z_expect(&client, "one and a half");
	end(&client);
}
END_TEST

/* The drain behind a step that used up its slice ends before the compressor is flushed. */
START_TEST(what_a_long_step_has_written_is_flushed)
{
	struct client client;

	begin(&client);
	PUT(&client, "LATE 30");
	z_expect(&client, "late");
	end(&client);
}
END_TEST

START_TEST(much_output_is_small)
{
	struct client client;
	static char buffer[65536];
	size_t got = 0;

	begin(&client);
	PUT(&client, "BULK 5000000");
	while (got < 5000000)
		got += z_read(&client, buffer,
			      sizeof(buffer) < 5000000 - got ? sizeof(buffer) : 5000000 - got);
	z_expect(&client, "");
	z_expect(&client, "done");
	ck_assert_uint_lt(client.received, 100000);
	PUT(&client, "SOURCE 2000000");
	for (got = 0; got < 2000000;) {
		size_t n = z_read(&client, buffer,
				  sizeof(buffer) < 2000000 - got ? sizeof(buffer) : 2000000 - got);

		for (size_t i = 0; i < n; i++)
			if (buffer[i] != (char)('a' + (got + i) % 26))
				ck_abort_msg("at %zu", got + i);
		got += n;
	}
	z_expect(&client, "");
	z_expect(&client, "done");
	end(&client);
}
END_TEST

/* 20 MB of input in 20 KB: taken line by line, never more in memory than the input buffer. */
START_TEST(a_bomb_is_only_lines)
{
	struct client client;
	size_t size = 20000000;
	char *text = hf_alloc(size);

	begin(&client);
	memset(text, ' ', size);
	for (size_t i = 49999; i < size; i += 50000)
		text[i] = '\n';
	z_put(&client, text, size, (size_t)1 << 20);
	for (size_t i = 0; i < size / 50000; i++)
		z_expect(&client, "what?");
	/* without an end of line it is ended */
	memset(text, 'x', 1000000);
	z_put(&client, text, 1000000, (size_t)1 << 20);
	wait_connections(host, 0);
	hf_free(text);
	end(&client);
}
END_TEST

START_TEST(what_is_no_deflate_stream_ends_the_connection)
{
	struct client client;

	begin(&client);
	ck_assert_int_eq(send(client.fd, "\xff\xff\xff\xff garbage", 12, 0), 12);
	wait_connections(host, 0);
	end(&client);

	begin(&client);
	ck_assert_int_eq(send(client.fd, "\x03\x00", 2, 0),
			 2); /* an empty stream that ends: nothing more can come */
	wait_connections(host, 0);
	end(&client);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, lines_come_and_go_in_any_pieces, 1, 8);
	tcase_add_loop_test(tc, compression_ends_behind_a_line_and_begins_again, 0, 2 * HF_COUNT(pieces));
	tcase_add_test(tc, compression_ends_after_idle_time);
	tcase_add_test(tc, what_is_compressed_behind_the_end_ends_the_connection);
	tcase_add_test(tc, idle_connections_give_the_compressor_back_and_go_on);
	tcase_add_test(tc, the_window_outlives_idle_periods);
	tcase_add_test(tc, idle_in_the_middle_of_an_octet);
	tcase_add_test(tc, what_a_long_step_has_written_is_flushed);
	tcase_add_test(tc, much_output_is_small);
	tcase_add_test(tc, a_bomb_is_only_lines);
	tcase_add_test(tc, what_is_no_deflate_stream_ends_the_connection);
}

int main(void)
{
	return run_tests("compress", add);
}
