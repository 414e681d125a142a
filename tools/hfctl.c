/* SPDX-License-Identifier: BSD-2-Clause */
/* hfctl: asks a running holdfastd over its control socket. Verbs, their usage and their help come
 * from the daemon; here are the options of hfctl itself, passwords, and the form of what is
 * printed. */
#include "config.h"

#include "tools/hfctl.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct command_line {
	struct ctl_client client;
	bool json, help, version;
	char **words; /* verb, arguments and options that are not ours */
	size_t count;
};

static const char usage[] =
	"usage: hfctl [--socket PATH] [--json] [--quiet] VERB [ARGUMENT...]\n"
	"       hfctl [VERB] --help\n"
	"\n"
	"  --socket PATH  the daemon's control socket (else $HOLDFAST_SOCKET, else " HF_RUNDIR
	"/control)\n"
	"  --json         print the result as JSON\n"
	"  --quiet        no progress on standard error\n"
	"\n"
	"Exit status: 0 done, 1 refused, 2 usage, 75 the daemon cannot be reached or cannot do it now.\n";

/* Our options may stand anywhere before "--"; everything else is kept in order. */
static bool read_command_line(int argc, char **argv, struct command_line *cl)
{
	const char *environment = getenv("HOLDFAST_SOCKET");
	int i;

	cl->client.socket = environment && *environment ? environment : HF_RUNDIR "/control";
	cl->words = hf_alloc_zero((size_t)argc * sizeof *cl->words);
	for (i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0) {
			while (i < argc)
				cl->words[cl->count++] = argv[i++];
		} else if (strcmp(word, "--json") == 0) {
			cl->json = cl->client.quiet = true;
		} else if (strcmp(word, "--quiet") == 0) {
			cl->client.quiet = true;
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			cl->help = true;
		} else if (strcmp(word, "--version") == 0) {
			cl->version = true;
		} else if (strncmp(word, "--socket=", 9) == 0) {
			cl->client.socket = word + 9;
		} else if (strcmp(word, "--socket") == 0) {
			if (++i == argc) {
				fprintf(stderr, "hfctl: --socket needs a path\n");
				return false;
			}
			cl->client.socket = argv[i];
		} else {
			cl->words[cl->count++] = argv[i];
		}
	}
	return true;
}

static int print_help(const struct command_line *cl, const json_t *list)
{
	struct ctl_verb verb;

	if (!cl->count) {
		fputs(usage, stdout);
		fputs("\nVerbs:\n", stdout);
		ctl_verbs_print(list, NULL, 0, stdout);
		return CTL_OK;
	}
	if (ctl_verb_find(list, cl->words, cl->count, &verb)) {
		ctl_verb_print(&verb, stdout);
		return CTL_OK;
	}
	if (ctl_verbs_print(list, cl->words, cl->count, stdout))
		return CTL_OK;
	fprintf(stderr, "hfctl: no such verb: %s; hfctl --help lists them\n", cl->words[0]);
	return CTL_USAGE;
}

static int no_such_verb(const struct command_line *cl, const json_t *list)
{
	size_t i;

	fprintf(stderr, "hfctl: no such verb:");
	for (i = 0; i < cl->count && cl->words[i][0] != '-'; i++)
		fprintf(stderr, " %s", cl->words[i]);
	fprintf(stderr, "; hfctl --help lists all\n");
	ctl_verbs_print(list, cl->words, 1, stderr);
	return CTL_USAGE;
}

static int show(const struct command_line *cl, const struct ctl_verb *verb, json_t *result)
{
	if (cl->json)
		ctl_print_json(result, stdout);
	else if (strcmp(verb->name, "postfix") == 0)
		ctl_postfix_print(result, stdout);
	else
		ctl_print(result, stdout);
	if (fflush(stdout) == 0)
		return CTL_OK;
	perror("hfctl: standard output");
	return CTL_TEMPORARY;
}

static int run_verb(const struct command_line *cl, const struct ctl_verb *verb)
{
	json_t *request = ctl_request_new(verb, cl->words + verb->words, cl->count - verb->words),
	       *result = NULL;
	const char *from, *config_directory;
	bool apply;
	int exit_code;

	if (!request)
		return CTL_USAGE;
	from = json_string_value(json_object_get(request, "from"));
	if (from) {
		exit_code = ctl_password_file(&cl->client, verb, from);
		json_decref(request);
		return exit_code;
	}
	apply = strcmp(verb->name, "postfix") == 0 && json_object_get(request, "apply");
	exit_code = ctl_password_add(verb, request);
	if (exit_code == CTL_OK)
		exit_code = ctl_call(&cl->client, verb->name, request, &result);
	config_directory = json_string_value(json_object_get(request, "config"));
	if (exit_code == CTL_OK)
		exit_code = apply ? ctl_postfix_apply(result, config_directory)
				  : show(cl, verb, result);
	else if (result)
		show(cl, verb, result);
	json_decref(result);
	json_decref(request);
	return exit_code;
}

int main(int argc, char **argv)
{
	struct command_line cl = { .count = 0 };
	struct ctl_verb verb;
	json_t *list = NULL;
	int exit_code = CTL_USAGE;

	if (!read_command_line(argc, argv, &cl))
		goto out;
	if (cl.version) {
		puts("hfctl (Holdfast) " PACKAGE_VERSION);
		exit_code = CTL_OK;
		goto out;
	}
	if (!cl.count && !cl.help) {
		fputs(usage, stderr);
		goto out;
	}
	exit_code = ctl_call(&cl.client, "help", NULL, &list);
	if (exit_code != CTL_OK) {
		if (cl.help)
			fputs(usage, stdout);
	} else if (cl.help) {
		exit_code = print_help(&cl, list);
	} else if (!ctl_verb_find(list, cl.words, cl.count, &verb)) {
		exit_code = no_such_verb(&cl, list);
	} else {
		exit_code = run_verb(&cl, &verb);
	}
out:
	json_decref(list);
	hf_free(cl.words);
	return exit_code;
}
