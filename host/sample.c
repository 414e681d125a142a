/* SPDX-License-Identifier: BSD-2-Clause */
/* The option rows as a sample configuration and as a part of the manual page holdfast.conf(5). */
#include "host/config_priv.h"

#include <string.h>

static const char *const known_modules[] = { "imap", "lmtp" };

static void sample_rows(const struct hf_option *options, const char *indent, FILE *out)
{
	for (; options && options->name; options++) {
		struct hf_arena *arena = hf_arena_new();
		struct hf_buf line = HF_BUF_INIT;

		hf_option_expects(options, &line);
		fprintf(out, "%s# %s\n%s# (%s)\n", indent, options->help, indent,
			hf_buf_cstr(&line));
		hf_buf_clear(&line);
		if (options->fallback) {
			/* room for any one value at its offset */
			char *settings = hf_arena_alloc(arena, options->offset + 16);

			hf_option_parse(options, options->fallback, arena, settings, NULL);
			hf_option_format(options, settings, &line);
			fprintf(out, "%s#%s = %s;\n", indent, options->name, hf_buf_cstr(&line));
		} else {
			fprintf(out, "%s#%s = \"\";\n", indent, options->name);
		}
		hf_buf_fini(&line);
		hf_arena_free(&arena);
	}
}

void hf_sample_print(struct hf_loader *loader, FILE *out)
{
	fprintf(out,
		"# A configuration of holdfastd. What is commented out shows the default.\n\n");
	sample_rows(hf_host_sections[0].options, "", out);
	fprintf(out, "\n# Where to listen, and which module serves it. Of each element:\n");
	sample_rows(hf_listen_options, "#   ", out);
	fprintf(out,
		"listen = (\n"
		"\t{ module = \"imap\"; address = \"*:143\"; },\n"
		"\t# with certificates below: { module = \"imap\"; service = \"imaps\"; address = \"*:993\"; tls = true; },\n"
		"\t{ module = \"lmtp\"; address = \"127.0.0.1:24\"; }\n"
		");\n");
	for (const struct hf_section *section = hf_host_sections + 1; section->name; section++) {
		fprintf(out, "\n# %s\n%s: {\n", section->help, section->name);
		sample_rows(section->options, "\t", out);
		fprintf(out, "};\n");
	}
	for (size_t i = 0; i < HF_COUNT(known_modules); i++) {
		struct hf_note why = HF_NOTE_INIT;
		const struct hf_module *module = hf_loader_get(loader, known_modules[i], &why);

		if (module && module->options) {
			fprintf(out, "\n# The module %s.\n%s: {\n", known_modules[i],
				known_modules[i]);
			sample_rows(module->options, "\t", out);
			fprintf(out, "};\n");
		} else {
			fprintf(out, "\n# %s\n", why.count ? hf_note_text(&why) : "");
		}
		hf_note_fini(&why);
	}
}

/* Text for troff: backslashes, and a period or an apostrophe at the beginning of a line, mean
 * something there. */
static void doc_text(const char *text, FILE *out)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

/* As it stands in a file, where the default would show little or there is none. */
static const struct {
	const char *section, *name, *text;
} examples[] = {
	{ "", "hostname", "\"mail.example.org\"" },
	{ "", "user", "\"holdfast\"" },
	{ "", "group", "\"holdfast\"" },
	{ "listen", "module", "\"imap\"" },
	{ "listen", "service", "\"imaps\"" },
	{ "listen", "address", "\"*:993\"" },
	{ "listen", "tls", "true" },
	{ "listen", "owner", "\"holdfast\"" },
	{ "listen", "group", "\"postfix\"" },
	{ "store", "cache", "\"4 GiB\"" },
	{ "store", "facts", "\"512 MiB\"" },
	{ "store", "reserve", "\"2 GiB\"" },
	{ "store", "kept", "\"30 d\"" },
	{ "store", "retention", "( \"\\\\Trash = 30 d\", \"\\\\Junk = 14 d\", \"Lists/Alerts = 90 d\" )" },
	{ "tls", "certificate", "\"/etc/holdfast/cert.pem\"" },
	{ "tls", "key", "\"/etc/holdfast/key.pem\"" },
	{ "tls", "client_ca", "\"/etc/holdfast/clients.pem\"" },
	{ "tls", "min_version", "\"1.3\"" },
	{ "tls", "ciphers", "\"ECDHE+AESGCM:ECDHE+CHACHA20\"" },
	{ "tls", "sni.name", "\"imap.example.net\"" },
	{ "tls", "sni.certificate", "\"/etc/holdfast/example.net.pem\"" },
	{ "tls", "sni.key", "\"/etc/holdfast/example.net.key\"" },
	{ "control", "group", "\"mailadmin\"" },
	{ "log", "destination", "\"syslog\"" },
	{ "log", "level", "\"debug\"" },
	{ "limits", "workers", "4" },
	{ "limits", "exempt", "( \"192.0.2.0/24\", \"2001:db8::/32\" )" },
	{ "auth", "source", "\"saslauthd\"" },
	{ "auth", "mechanisms", "\"PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS\"" },
	{ "auth", "admins", "( \"migration@example.org\" )" },
	{ "auth", "options", "( \"sql_engine=sqlite3\", \"sql_database=/etc/holdfast/users.db\" )" },
};

/* The option's own, else one with its default. */
static void doc_example(const struct hf_option *option, const char *section, const char *prefix,
			FILE *out)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf line = HF_BUF_INIT;
	const char *name = hf_arena_printf(arena, "%s%s", prefix, option->name);

	for (size_t i = 0; i < HF_COUNT(examples) && !line.size; i++)
		if (strcmp(examples[i].section, section) == 0 &&
		    strcmp(examples[i].name, name) == 0)
			hf_buf_add_cstr(&line, examples[i].text);
	if (!line.size && option->fallback && *option->fallback) {
		/* room for any one value at its offset */
		char *settings = hf_arena_alloc(arena, option->offset + 16);

		hf_option_parse(option, option->fallback, arena, settings, NULL);
		hf_option_format(option, settings, &line);
	}
	if (line.size) {
		fprintf(out, ".br\nExample: \\fB%s = ", option->name);
		doc_text(hf_buf_cstr(&line), out);
		fputs(";\\fR\n", out);
	}
	hf_buf_fini(&line);
	hf_arena_free(&arena);
}

static void doc_rows(const struct hf_option *options, const char *section, const char *prefix,
		     FILE *out)
{
	for (; options && options->name; options++) {
		struct hf_buf expects = HF_BUF_INIT;

		hf_option_expects(options, &expects);
		fprintf(out, ".TP\n.B %s%s\n", prefix, options->name);
		doc_text(options->help, out);
		fputs("\n(", out);
		doc_text(hf_buf_cstr(&expects), out);
		if (options->fallback && *options->fallback) {
			fputs("; default: ", out);
			doc_text(options->fallback, out);
		}
		fputs(options->restart ? "; a change needs a restart)\n" : ")\n", out);
		doc_example(options, section, prefix, out);
		hf_buf_fini(&expects);
	}
}

void hf_options_doc_print(struct hf_loader *loader, FILE *out)
{
	fprintf(out, ".SS Top level\n");
	doc_rows(hf_host_sections[0].options, "", "", out);
	fprintf(out,
		".SS listen\nA list of groups: where to listen, and which module serves it.\n");
	doc_rows(hf_listen_options, "listen", "", out);
	for (const struct hf_section *section = hf_host_sections + 1; section->name; section++) {
		fprintf(out, ".SS %s\n", section->name);
		doc_text(section->help, out);
		fputc('\n', out);
		doc_rows(section->options, section->name, "", out);
		if (strcmp(section->name, "tls") == 0)
			doc_rows(hf_sni_options, section->name, "sni.", out);
	}
	for (size_t i = 0; i < HF_COUNT(known_modules); i++) {
		struct hf_note why = HF_NOTE_INIT;
		const struct hf_module *module = hf_loader_get(loader, known_modules[i], &why);

		if (module && module->options) {
			fprintf(out, ".SS %s\nThe module %s.\n", known_modules[i],
				known_modules[i]);
			doc_rows(module->options, known_modules[i], "", out);
		}
		hf_note_fini(&why);
	}
}
