/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: every mistake is told, with its line and the word that was probably meant;
 * values and where they come from. */
#include <stdio.h>
#include <unistd.h>

#include "host/config_priv.h"
#include "tests/host/host_test.h"

static struct hf_setup *read_text(const char *text, struct hf_loader *loader, struct hf_note *why)
{
	struct hf_config *config = hf_config_open_text(text, "c", why);

	return config ? hf_setup_new(&config, loader, why) : NULL;
}

static struct hf_loader *test_loader(void)
{
	struct hf_loader *loader = hf_loader_new();

	hf_loader_add(loader, &hf_module_echo);
	return loader;
}

static const struct {
	const char *text;
	const char *errors[4]; /* all of them, in this order */
} mistakes[] = {
	{ "hostnme = \"a\";", { "c:1: hostnme: unknown setting; did you mean 'hostname'?" } },
	{ "stroe: { };", { "c:1: stroe: unknown setting; did you mean 'store'?" } },
	{ "zzzzzzzzzzzz = 1;", { "c:1: zzzzzzzzzzzz: unknown setting" } },
	{ "store: {\n directroy = \"/x\";\n};",
	  { "c:2: store.directroy: unknown setting; did you mean 'directory'?" } },
	{ "store: { directory = 5; };", { "c:1: store.directory: expected a string" } },
	{ "store: { directory = true; };", { "c:1: store.directory: expected a string" } },
	{ "store: { reserve = \"12 parsecs\"; };",
	  { "c:1: store.reserve: '12 parsecs' is not a size (\"64 MiB\" or octets) from 0 to \"1 TiB\"" } },
	{ "store: { reserve = \"-1\"; };", { "c:1: store.reserve: '-1' is not a size" } },
	{ "store: { reserve = [ 1 ]; };", { "c:1: store.reserve: expected a size" } },
	{ "store: { checkpoint_every = \"2 h\"; };",
	  { "c:1: store.checkpoint_every: '2 h' is not a duration" } },
	{ "store: { flags_relaxed = \"maybe\"; };",
	  { "c:1: store.flags_relaxed: 'maybe' is not true or false" } },
	{ "limits: { workers = 99999; };",
	  { "c:1: limits.workers: '99999' is not a number from 0 to 1024" } },
	{ "limits: { workers = \"two\"; };", { "c:1: limits.workers: 'two' is not a number" } },
	{ "log: { level = \"loud\"; };",
	  { "c:1: log.level: 'loud' is not one of: critical, error, warning, info, debug" } },
	{ "log: { level = 3; };", { "c:1: log.level: expected one of" } },
	{ "auth: { admins = [ 1, 2 ]; };", { "c:1: auth.admins: expected a list of strings" } },
	{ "limits: { exempt = [ \"192.0.2.0/24\", \"192.0.2.0/33\" ]; };", { "c:1: limits.exempt: \"192.0.2.0/33\": expected a network" } },
	{ "store = 5;", { "c:1: store: expected a group: store: { ... };" } },
	{ "listen = 5;", { "c:1: listen: expected a list of groups" } },
	{ "listen = ( { module = \"echo\"; } );",
	  { "c:1: listen: needs a module and an address" } },
	{ "listen = ( { module = \"echo\"; adress = \"*:1\"; address = \"*:1\"; } );",
	  { "c:1: listen.adress: unknown setting; did you mean 'address'?" } },
	{ "listen = ( { module = \"echo\"; address = \"*:1\"; },\n{ module = \"echo\"; address = \"*:1\"; } );",
	  { "c:2: listen: address \"*:1\" is already taken at c:1" } },
	{ "listen = ( { module = \"echo\"; address = \"*:1\"; tls = true; } );",
	  { "c:1: listen: tls = true needs tls.certificate" } },
	{ "tls: { certificate = \"a\"; };", { "c:1: tls: certificate and key belong together" } },
	{ "tls: { sni = ( { name = \"a\"; } ); };",
	  { "c:1: tls.sni: needs a name, a certificate and a key",
	    "c:1: tls: sni needs a certificate" } },
	{ "echo: { nubmer = 4; };",
	  { "c:1: echo.nubmer: unknown setting; did you mean 'number'?" } },
	{ "echo: { number = 0; };", { "c:1: echo.number: '0' is not a number from 1 to 100" } },
	{ "echo: { number = 13; };", { "c:1: echo: 13 brings bad luck" } },
	{ "a = 1;\nb = = 2;", { "c:2: syntax error" } },
	{ "user = \"a\";\nuser = \"b\";", { "c:2: duplicate setting name" } },
	/* one run tells all */
	{ "hostnme = \"a\";\nlimits: { workers = -1;\n linger = \"x\"; };\necho: { pause = []; };",
	  { "c:2: limits.workers", "c:3: limits.linger", "c:1: hostnme", "c:4: echo.pause" } },
};

START_TEST(mistakes_are_told_with_line_and_nearest_word)
{
	struct hf_loader *loader = test_loader();
	struct hf_note why = HF_NOTE_INIT;
	struct hf_str rest;
	unsigned count = 0;

	ck_assert_ptr_null(read_text(mistakes[_i].text, loader, &why));
	rest = hf_str(hf_note_text(&why));
	while (rest.size) {
		struct hf_str line = hf_str_split(&rest, '\n');

		ck_assert_msg(count < 4 && mistakes[_i].errors[count] &&
				      hf_str_starts(line, hf_str(mistakes[_i].errors[count])),
			      "%s\ngave: %.*s", mistakes[_i].text, HF_STR_ARG(line));
		count++;
	}
	ck_assert_msg(count == 4 || !mistakes[_i].errors[count], "not told: %s",
		      mistakes[_i].errors[count]);
	hf_note_fini(&why);
	hf_loader_free(&loader);
}
END_TEST

START_TEST(values_have_units)
{
	struct hf_loader *loader = test_loader();
	struct hf_note why = HF_NOTE_INIT;
	struct hf_setup *setup = read_text(
		"store: { reserve = 1000; ballast = \"2 MiB\"; kept = \"2 d\"; delivered = 90; flags_relaxed = true; };"
		"limits: { linger = \"1500 ms\"; workers = 3; };"
		"log: { level = \"Debug\"; };"
		"auth: { admins = ( \"a\", \"b\" ); options = \"x=y\"; };"
		"echo: { greeting = \"hi\"; pause = \"2 min\"; };"
		"listen = ( { module = \"echo\"; address = \"127.0.0.1:1\"; } );",
		loader, &why);
	const struct echo_settings *echo;

	ck_assert_msg(setup != NULL, "%s", hf_note_text(&why));
	ck_assert_uint_eq(setup->host.store.reserve, 1000);
	ck_assert_uint_eq(setup->host.store.ballast, 2 << 20);
	ck_assert_uint_eq(setup->host.store.kept, 2ull * 86400000);
	ck_assert_uint_eq(setup->host.store.delivered, 90000);
	ck_assert(setup->host.store.flags_relaxed);
	ck_assert_uint_eq(setup->host.limits.linger, 1500);
	ck_assert_int_eq(setup->host.limits.workers, 3);
	ck_assert_int_eq(setup->host.limits.per_address, 200); /* a default */
	ck_assert_int_eq(setup->host.log.level, HF_LOG_DEBUG);
	ck_assert_str_eq(setup->host.auth.admins[1], "b");
	ck_assert_ptr_null(setup->host.auth.admins[2]);
	ck_assert_str_eq(setup->host.auth.options[0], "x=y");
	ck_assert_uint_eq(setup->host.listen_count, 1);
	ck_assert_str_eq(setup->host.listen[0].service, "echo");
	ck_assert_str_eq(setup->host.listen[0].where, "c:1");
	echo = hf_setup_find(setup, "echo")->snapshot->data;
	ck_assert_str_eq(echo->greeting, "hi");
	ck_assert_int_eq(echo->number, 7);
	ck_assert_uint_eq(echo->pause, 120000);
	hf_setup_free(&setup);
	hf_note_fini(&why);
	hf_loader_free(&loader);
}
END_TEST

START_TEST(show_tells_where_each_value_comes_from)
{
	static const char *const rows[][2] = {
		{ "limits.linger = \"1500 ms\"", "c:2" },
		{ "store.kept = \"7 d\"", "default" },
		{ "echo.number = 8", "c:3" },
		{ "listen[0].address = \"127.0.0.1:1\"", "c:4" },
		{ "listen[0].service = \"echo\"", "default" },
		{ "hostname = \"h\"", "c:1" },
	};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct hf_loader *loader = test_loader();
	struct hf_note why = HF_NOTE_INIT;
	struct hf_setup *setup = read_text(
		"hostname = \"h\";\nlimits: { linger = \"1500 ms\"; };\necho: { number = 8; };\n"
		"listen = ( { module = \"echo\"; address = \"127.0.0.1:1\"; } );",
		loader, &why);

	ck_assert_msg(setup != NULL, "%s", hf_note_text(&why));
	hf_setup_show(setup, out);
	fclose(out);
	for (size_t i = 0; i < HF_COUNT(rows); i++) {
		char wanted[200];

		snprintf(wanted, sizeof(wanted), "%-60s # %s\n", rows[i][0], rows[i][1]);
		ck_assert_msg(strstr(text, wanted) != NULL, "no '%s' in:\n%s", wanted, text);
	}
	free(text);
	hf_setup_free(&setup);
	hf_note_fini(&why);
	hf_loader_free(&loader);
}
END_TEST

/* The sample with nothing uncommented is a configuration, and uncommenting every default changes
 * nothing. */
START_TEST(the_sample_is_a_configuration)
{
	struct hf_loader *loader = test_loader();
	char *text = NULL, *line, *save = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct hf_buf all = HF_BUF_INIT;
	struct hf_note why = HF_NOTE_INIT;
	struct hf_setup *setup;

	hf_sample_print(loader, out);
	fclose(out);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *hash = strchr(line, '#');
		bool setting = hash && hash[1] >= 'a' && hash[1] <= 'z' && !strstr(line, "= \"\";");

		if (setting)
			*hash = ' ';
		if (strstr(line, "imap") ||
		    strstr(line, "lmtp")) /* modules that are not linked into this test */
			continue;
		hf_buf_printf(&all, "%s\n", line);
	}
	setup = read_text(hf_buf_cstr(&all), loader, &why);
	ck_assert_msg(setup != NULL, "%s\n%s", hf_note_text(&why), hf_buf_cstr(&all));
	ck_assert_uint_eq(setup->host.limits.write_timeout, 300000);
	hf_setup_free(&setup);
	hf_note_fini(&why);
	hf_buf_fini(&all);
	free(text);
	hf_loader_free(&loader);
}
END_TEST

START_TEST(every_option_is_documented)
{
	struct hf_loader *loader = test_loader();
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	hf_options_doc_print(loader, out);
	fclose(out);
	for (const struct hf_section *section = hf_host_sections; section->name; section++) {
		for (const struct hf_option *option = section->options; option->name; option++) {
			char wanted[80];

			snprintf(wanted, sizeof(wanted), ".TP\n.B %s\n", option->name);
			ck_assert_msg(strstr(text, wanted) != NULL, "%s.%s", section->name,
				      option->name);
			ck_assert_msg(option->help && strlen(option->help) > 5, "%s.%s has no help",
				      section->name, option->name);
		}
	}
	free(text);
	hf_loader_free(&loader);
}
END_TEST

START_TEST(check_names_files_and_addresses)
{
	struct hf_loader *loader = test_loader();
	struct hf_note why = HF_NOTE_INIT;
	struct hf_setup *setup = read_text(
		"store: { directory = \"/nonexistent/a/b\"; };"
		"user = \"no-such-user-here\";"
		"tls: { certificate = \"/nonexistent/c.pem\"; key = \"/nonexistent/k.pem\"; };\n"
		"listen = ( { module = \"echo\"; address = \"localhost:1\"; },\n"
		"{ module = \"echo\"; address = \"unix:/x\"; mode = \"abc\"; } );",
		loader, &why);

	ck_assert_msg(setup != NULL, "%s", hf_note_text(&why));
	hf_setup_check(setup, &why);
	ck_assert(strstr(hf_note_text(&why),
			 "c:2: address \"localhost:1\": expected \"127.0.0.1:143\"") != NULL);
	ck_assert(strstr(hf_note_text(&why), "c:3: mode \"abc\" is not octal") != NULL);
	ck_assert(strstr(hf_note_text(&why), "tls certificate: /nonexistent/c.pem: ") != NULL);
	ck_assert(strstr(hf_note_text(&why), "user \"no-such-user-here\": no such user") != NULL);
	hf_setup_free(&setup);
	hf_note_fini(&why);

	setup = read_text(
		"store: { directory = \"/nonexistent/a/b\"; }; listen = ( { module = \"echo\"; address = \"*:1\"; } );",
		loader, &why);
	hf_setup_check(setup, &why);
	if (geteuid() != 0) /* root would make it */
		ck_assert(strstr(hf_note_text(&why),
				 "/nonexistent/a/b: store.directory must be writable") != NULL);
	hf_setup_free(&setup);
	hf_note_fini(&why);
	hf_loader_free(&loader);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, mistakes_are_told_with_line_and_nearest_word, 0,
			    HF_COUNT(mistakes));
	tcase_add_test(tc, values_have_units);
	tcase_add_test(tc, show_tells_where_each_value_comes_from);
	tcase_add_test(tc, the_sample_is_a_configuration);
	tcase_add_test(tc, every_option_is_documented);
	tcase_add_test(tc, check_names_files_and_addresses);
}

int main(void)
{
	return run_tests("config", add);
}
