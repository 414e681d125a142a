/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfastd: the options of its command line. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <getopt.h>
#include <stdio.h>

#include "host/daemon.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const char usage[] =
	"usage: holdfastd [-c FILE] [--check | --show | --sample | --options-doc]\n"
	"\n"
	"  -c, --config FILE   the configuration (default " HF_DEFAULT_CONFIG ")\n"
	"      --check         check the configuration and what it needs, and end\n"
	"      --show          print every setting, its value and where it comes from\n"
	"      --sample        print a configuration with every setting explained\n"
	"      --options-doc   print the settings as a part of a manual page\n"
	"      --version       print the version\n"
	"      --help          print this\n"
	"\n"
	"Without --check and the like it serves, in the foreground, until SIGTERM. SIGHUP: read the configuration again.\n";

int main(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_SHOW, OPT_SAMPLE, OPT_DOC, OPT_VERSION, OPT_HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "show", no_argument, NULL, OPT_SHOW },
		{ "sample", no_argument, NULL, OPT_SAMPLE },
		{ "options-doc", no_argument, NULL, OPT_DOC },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int (*action)(const char *config) = hf_daemon_run;
	const char *config = HF_DEFAULT_CONFIG;
	int option;

	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case OPT_CHECK:
			action = hf_daemon_check;
			break;
		case OPT_SHOW:
			action = hf_daemon_show;
			break;
		case OPT_SAMPLE:
			action = hf_daemon_sample;
			break;
		case OPT_DOC:
			action = hf_daemon_options_doc;
			break;
		case OPT_VERSION:
			puts("holdfastd " PACKAGE_VERSION);
			return HF_EXIT_OK;
		case OPT_HELP:
			fputs(usage, stdout);
			return HF_EXIT_OK;
		default:
			fputs(usage, stderr);
			return HF_EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "holdfastd: unexpected argument '%s'\n%s", argv[optind], usage);
		return HF_EXIT_USAGE;
	}
	return action(config);
}
