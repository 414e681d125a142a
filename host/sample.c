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

static void doc_rows(const struct hf_option *options, const char *prefix, FILE *out)
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
		hf_buf_fini(&expects);
	}
}

void hf_options_doc_print(struct hf_loader *loader, FILE *out)
{
	fprintf(out, ".SS Top level\n");
	doc_rows(hf_host_sections[0].options, "", out);
	fprintf(out,
		".SS listen\nA list of groups: where to listen, and which module serves it.\n");
	doc_rows(hf_listen_options, "", out);
	for (const struct hf_section *section = hf_host_sections + 1; section->name; section++) {
		fprintf(out, ".SS %s\n", section->name);
		doc_text(section->help, out);
		fputc('\n', out);
		doc_rows(section->options, "", out);
		if (strcmp(section->name, "tls") == 0)
			doc_rows(hf_sni_options, "sni.", out);
	}
	for (size_t i = 0; i < HF_COUNT(known_modules); i++) {
		struct hf_note why = HF_NOTE_INIT;
		const struct hf_module *module = hf_loader_get(loader, known_modules[i], &why);

		if (module && module->options) {
			fprintf(out, ".SS %s\nThe module %s.\n", known_modules[i],
				known_modules[i]);
			doc_rows(module->options, "", out);
		}
		hf_note_fini(&why);
	}
}
