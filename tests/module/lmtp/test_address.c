/* SPDX-License-Identifier: BSD-2-Clause */
#include "module/lmtp/lmtp.h"
#include "tests/base/base_test.h"

static struct hf_arena *arena;

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static const struct {
	const char *in, *local, *domain, *text, *rest;
} good[] = {
	{ "<anna@example.org>", "anna", "example.org", "anna@example.org", "" },
	{ "<anna@example.org> SIZE=10", "anna", "example.org", "anna@example.org", " SIZE=10" },
	{ "<postmaster>", "postmaster", "", "postmaster", "" },
	{ "<anna+Work.2@example.org>", "anna+Work.2", "example.org", "anna+Work.2@example.org",
	  "" },
	{ "<\"anna b\"@example.org>", "anna b", "example.org", "\"anna b\"@example.org", "" },
	{ "<\"a\\\"b\\\\c@d>\"@example.org>", "a\"b\\c@d>", "example.org",
	  "\"a\\\"b\\\\c@d>\"@example.org", "" },
	{ "<\"\"@example.org>", "", "example.org", "\"\"@example.org", "" },
	{ "<@relay.example,@b.example:anna@example.org>", "anna", "example.org", "anna@example.org",
	  "" },
	{ "<a@[192.0.2.1]>", "a", "[192.0.2.1]", "a@[192.0.2.1]", "" },
	{ "<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", "" },
	{ "<j\xc3\xbcrgen@b\xc3\xbc"
	  "cher.example>",
	  "j\xc3\xbcrgen",
	  "b\xc3\xbc"
	  "cher.example",
	  "j\xc3\xbcrgen@b\xc3\xbc"
	  "cher.example",
	  "" },
	{ "<.a..b.@example.org>", ".a..b.", "example.org", ".a..b.@example.org", "" },
	{ "<!#$%&'*+-/=?^_`{|}~@x>", "!#$%&'*+-/=?^_`{|}~", "x", "!#$%&'*+-/=?^_`{|}~@x", "" },
};

START_TEST(paths_are_taken_apart)
{
	struct hf_str in = hf_str(good[_i].in);
	struct lmtp_path path;

	ck_assert_int_eq(lmtp_path_parse(arena, &in, &path), HF_OK);
	ck_assert(!path.null_path);
	assert_octets(path.local, hf_str(good[_i].local));
	assert_octets(path.domain, hf_str(good[_i].domain));
	assert_octets(path.text, hf_str(good[_i].text));
	assert_octets(in, hf_str(good[_i].rest));
}
END_TEST

START_TEST(the_null_path_is_empty)
{
	struct hf_str in = HF_STR("<> BODY=7BIT");
	struct lmtp_path path;

	ck_assert_int_eq(lmtp_path_parse(arena, &in, &path), HF_OK);
	ck_assert(path.null_path);
	ck_assert_uint_eq(path.text.size + path.local.size + path.domain.size, 0);
	assert_octets(in, HF_STR(" BODY=7BIT"));
}
END_TEST

static const char *const bad[] = {
	"",
	"anna@example.org",
	"<",
	"<anna",
	"<anna@",
	"<anna@>",
	"<@example.org>",
	"<@relay.example>",
	"<an na@example.org>",
	"<anna@exa mple.org>",
	"<anna@example.org",
	"<anna@@example.org>",
	"<\"anna@example.org>",
	"<\"anna\\",
	"<\"a\"b@example.org>",
	"<a@[192.0.2.1>",
	"<a@[192.0.2.1",
	"< >",
	"<a\r@example.org>",
	"<\"a\rb\"@example.org>",
	"<\"a\\\nb\"@example.org>",
	"<a(b)@example.org>",
	"<\xff@example.org>",
	"<a@\xc3>",
	"<\xc0\xaf@example.org>",
	"<a,b@example.org>",
	"<a;b@c>",
	"<a\x7f@c>",
};

START_TEST(malformed_paths_are_refused)
{
	struct hf_str in = hf_str(bad[_i]);
	struct lmtp_path path;

	ck_assert_int_eq(lmtp_path_parse(arena, &in, &path), HF_ESYNTAX);
	assert_octets(in, hf_str(bad[_i])); /* nothing is taken */
}
END_TEST

START_TEST(a_nul_ends_nothing)
{
	struct hf_str in = HF_STR("<an\0na@example.org>");
	struct lmtp_path path;

	ck_assert_int_eq(lmtp_path_parse(arena, &in, &path), HF_ESYNTAX);
}
END_TEST

START_TEST(long_addresses_meet_the_limit)
{
	struct hf_buf text = HF_BUF_INIT;
	size_t size;

	for (size = LMTP_ADDRESS_MAX - 1; size <= LMTP_ADDRESS_MAX + 1; size++) {
		struct hf_str in;
		struct lmtp_path path;

		hf_buf_clear(&text);
		hf_buf_add_char(&text, '<');
		while (text.size < size - 1)
			hf_buf_add_char(&text, 'a');
		hf_buf_add_lit(&text, "@b>");
		in = hf_buf_str(&text);
		ck_assert_int_eq(lmtp_path_parse(arena, &in, &path),
				 size <= LMTP_ADDRESS_MAX ? HF_OK : HF_ELIMIT);
	}
	hf_buf_fini(&text);
}
END_TEST

START_TEST(parameters_come_one_by_one)
{
	struct hf_str in = HF_STR("  SIZE=10   BODY=8BITMIME SMTPUTF8 X== "), name, value;

	ck_assert(lmtp_param_next(&in, &name, &value));
	assert_octets(name, HF_STR("SIZE"));
	assert_octets(value, HF_STR("10"));
	ck_assert(lmtp_param_next(&in, &name, &value));
	assert_octets(name, HF_STR("BODY"));
	assert_octets(value, HF_STR("8BITMIME"));
	ck_assert(lmtp_param_next(&in, &name, &value));
	assert_octets(name, HF_STR("SMTPUTF8"));
	ck_assert_uint_eq(value.size, 0);
	ck_assert(lmtp_param_next(&in, &name, &value));
	assert_octets(name, HF_STR("X"));
	assert_octets(value, HF_STR("="));
	ck_assert(!lmtp_param_next(&in, &name, &value));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, paths_are_taken_apart, 0, (int)HF_COUNT(good));
	tcase_add_test(tc, the_null_path_is_empty);
	tcase_add_loop_test(tc, malformed_paths_are_refused, 0, (int)HF_COUNT(bad));
	tcase_add_test(tc, a_nul_ends_nothing);
	tcase_add_test(tc, long_addresses_meet_the_limit);
	tcase_add_test(tc, parameters_come_one_by_one);
}

int main(void)
{
	return run_tests("lmtp_address", add);
}
